//! What is asked before the program ends: send first, leave it for the next time, keep running, or stay.

use egui::{Align, Layout, Ui};

use super::super::scene::{Ask, Scene, Way};
use super::super::text::count;
use super::super::theme::space;
use super::super::widget::button::{Spec, Style};
use super::Outcome;
use super::memory::QuitDialog;

pub(super) fn show(ui: &mut Ui, scene: &mut Scene<'_>, dialog: &mut QuitDialog) -> Outcome {
    let running = scene.facts_all.running;
    let to_send = scene.rows.iter().find(|row| row.is_spooler()).and_then(|row| row.counts.to_send).unwrap_or(0);
    super::title(ui, &scene.get("dlg-quit"));
    if running {
        super::note(ui, scene, &scene.get("dlg-quit-running"));
    }
    if to_send > 0 {
        let id = if dialog.tried { "dlg-quit-left" } else { "dlg-quit-to-send" };
        super::note(ui, scene, &scene.text.fmt(id, &[("n", count(to_send))]));
    }
    if dialog.by_closing {
        super::note(ui, scene, &scene.get("dlg-quit-no-tray"));
    }
    let has_mail = running || to_send > 0;
    let mut chosen = None;
    ui.add_space(space::S);
    // The first is the one that Enter presses.
    let mut button = |ui: &mut Ui, word: &str, style: Style, why_not: Option<&str>, way: Option<Way>| {
        let spec = Spec { word: scene.get(word), style, why_not: why_not.map(|why| scene.get(why)), ..Spec::default() };
        let response = spec.show(ui, scene.look);
        if style == Style::Primary && !std::mem::replace(&mut dialog.was_shown, true) {
            response.request_focus();
        }
        if response.clicked() {
            chosen = Some(way);
        }
    };
    ui.with_layout(Layout::right_to_left(Align::Min).with_main_wrap(true), |ui| {
        if has_mail {
            let word = if to_send > 0 { "dlg-quit-send" } else { "dlg-quit-finish" };
            let why_not = (scene.facts_all.offline && !running).then_some("why-offline");
            button(ui, word, Style::Primary, why_not, Some(Way::SendFirst));
        }
        if dialog.by_closing {
            let style = if has_mail { Style::Plain } else { Style::Primary };
            button(ui, "dlg-quit-keep", style, None, Some(Way::Keep));
        }
        button(ui, "dlg-quit-now", Style::Plain, None, Some(Way::Now));
        button(ui, "dlg-cancel", Style::Plain, None, None);
    });
    match chosen {
        Some(Some(way)) => {
            // That it may end without its window is asked once; what becomes of mail, each time.
            scene.asks.push(Ask::Leave(way, dialog.by_closing));
            Outcome::Done
        }
        Some(None) => Outcome::Dropped,
        None => Outcome::Open,
    }
}
