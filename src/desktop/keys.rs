//! Keys: those of the table of actions, each where it works.

use egui::{Context, Key, Modifiers};

use super::action::{Entry, FIND_KEY, Place, TABLE};
use super::scene::{Ask, Scene};
use super::state::Pane;
use super::view::{log, properties, queue, status_table};

/// Reads the keys of this frame. While a dialog is open they are the dialog's.
pub(super) fn read(ctx: &Context, scene: &mut Scene<'_>) {
    if scene.state.dialog.is_some() {
        return;
    }
    let typing = ctx.text_edit_focused();
    let focused = ctx.memory(egui::Memory::focused);
    scene.state.pane = match focused {
        Some(id) if id == status_table::id() => Pane::Status,
        Some(id) if [queue::id(), log::id(), properties::id()].contains(&id) => Pane::Tab,
        _ => Pane::Bar,
    };
    let works = |entry: &&Entry| match entry.place {
        Place::Everywhere => true,
        Place::NotTyping => !typing,
        // Keys as common as Esc and Enter do nothing rather than complain.
        Place::Status => {
            !typing && focused == Some(status_table::id()) && scene.facts_selected.why_not(entry.action).is_none()
        }
        Place::Queue => !typing && focused == Some(queue::id()),
    };
    // Those with more modifiers first: a key without Shift would take the press of one with.
    let mut keys: Vec<_> =
        TABLE.iter().filter(works).flat_map(|entry| entry.keys.iter().map(move |key| (entry.action, *key))).collect();
    keys.sort_by_key(|(_, key)| std::cmp::Reverse(held(key.modifiers)));
    for (action, key) in keys {
        // Shift is part of what types a question mark.
        let with_shift = key.logical_key == Key::Questionmark
            && ctx.input_mut(|input| input.consume_key(key.modifiers | Modifiers::SHIFT, key.logical_key));
        if with_shift || ctx.input_mut(|input| input.consume_shortcut(&key)) {
            scene.asks.push(Ask::Do(action));
        }
    }
    if !typing && ctx.input_mut(|input| input.consume_shortcut(&FIND_KEY)) {
        scene.asks.push(Ask::Do(super::action::Action::Find));
    }
}

fn held(modifiers: Modifiers) -> usize {
    [modifiers.shift, modifiers.alt, modifiers.command || modifiers.ctrl].into_iter().filter(|held| *held).count()
}
