//! What can't be undone is asked once, with a button that says what it does.

use egui::{RichText, Ui};

use super::super::scene::{Ask, Scene};
use super::super::text::count;
use super::super::theme::{self, space};
use super::super::widget::button::{Spec, Style};
use super::Outcome;
use super::memory::Confirm;
use crate::spool::{QueueVerb, Selection};

pub(super) fn show(ui: &mut Ui, scene: &mut Scene<'_>, confirm: &Confirm) -> Outcome {
    let (title, what, word) = match confirm.verb {
        QueueVerb::Retry => ("dlg-resend", "dlg-resend-what", "dlg-resend-do"),
        _ => ("dlg-delete", "dlg-delete-what", "dlg-delete-do"),
    };
    super::title(ui, &scene.text.fmt(title, &[("n", count(confirm.count))]));
    super::note(ui, scene, &scene.get(what));
    let outcome = super::foot(ui, scene, word, Style::Danger, None);
    if outcome == Outcome::Done {
        scene.asks.push(Ask::Verb(confirm.verb.clone(), confirm.selection.clone()));
    }
    outcome
}

/// Chooses another transport.
pub(super) fn reroute(ui: &mut Ui, scene: &mut Scene<'_>, selection: &Selection, number: u64) -> Outcome {
    super::title(ui, &scene.text.fmt("q-choose-transport", &[("n", count(number))]));
    let rows = scene.rows;
    let mut outcome = Outcome::Open;
    for row in rows.iter().filter(|row| row.is_transport() && row.sends) {
        ui.horizontal(|ui| {
            let spec = Spec { word: row.name.clone(), ..Spec::default() };
            if spec.show(ui, scene.look).clicked() {
                let verb = QueueVerb::Reroute { transport: row.transport.clone() };
                scene.asks.push(Ask::Verb(verb, selection.clone()));
                outcome = Outcome::Done;
            }
            ui.add_space(space::XS);
            let about = scene.text.dotted([row.provider.clone(), row.path.clone()]);
            ui.label(RichText::new(about).font(theme::secondary()).color(scene.look.muted));
        });
    }
    ui.add_space(space::S);
    let spec = Spec { word: scene.get("dlg-cancel"), ..Spec::default() };
    if spec.show(ui, scene.look).clicked() { Outcome::Dropped } else { outcome }
}
