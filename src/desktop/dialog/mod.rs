//! Dialogs: one at a time, in front of the window, closed by Esc.

mod certificate;
mod confirm;
mod consent;
mod help;
mod memory;
mod password;
mod path;
mod quit;
mod settings;

use egui::{Align, Frame, Id, Layout, Modal, RichText, Ui};

use super::scene::{Ask, Scene};
use super::theme::{self, space};
use super::widget::button::{Spec, Style};

pub(super) use memory::{Confirm, Dialog, PathDialog, QuitDialog};

/// What became of a dialog.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Outcome {
    /// It stays.
    Open,
    /// It closes; what was asked for is with the scene.
    Done,
    /// It closes and nothing is done.
    Dropped,
}

/// Draws the dialog that is open, if one is.
pub(super) fn show(ui: &Ui, scene: &mut Scene<'_>) {
    let Some(mut dialog) = scene.state.dialog.take() else { return };
    let frame = Frame::popup(ui.style()).inner_margin(space::XL);
    let modal = Modal::new(Id::unique("dialog")).frame(frame);
    let shown = modal.show(ui.ctx(), |ui| {
        ui.set_max_width((ui.ctx().content_rect().width() - space::XL * 4.0).min(560.0));
        ui.spacing_mut().item_spacing.y = space::S;
        match &mut dialog {
            Dialog::Password(password) => password::show(ui, scene, password),
            Dialog::Certificate(certificate) => certificate::show(ui, scene, certificate),
            Dialog::Consent(consent) => consent::show(ui, scene, consent),
            Dialog::Add(path) => path::add(ui, scene, path),
            Dialog::Save(envelope, path) => path::save(ui, scene, *envelope, path),
            Dialog::Confirm(confirm) => confirm::show(ui, scene, confirm),
            Dialog::Reroute(selection, count) => confirm::reroute(ui, scene, selection, *count),
            Dialog::Quit(quit) => quit::show(ui, scene, quit),
            Dialog::Help => help::show(ui, scene),
            Dialog::Settings => settings::show(ui, scene),
        }
    });
    let dropped = shown.should_close() || shown.inner == Outcome::Dropped;
    if dropped && let Some(question) = dialog.question() {
        // The person would not say.
        scene.asks.push(Ask::Answer(question, None));
    }
    if !dropped && shown.inner == Outcome::Open {
        scene.state.dialog = Some(dialog);
    }
}

fn title(ui: &mut Ui, words: &str) {
    ui.label(RichText::new(words).font(theme::title()));
}

fn note(ui: &mut Ui, scene: &Scene<'_>, words: &str) {
    ui.label(RichText::new(words).color(scene.look.muted));
}

/// The buttons at the foot: Cancel, and the one that does it. Enter in a field presses the latter.
fn foot(ui: &mut Ui, scene: &Scene<'_>, word: &str, style: Style, why_not: Option<String>) -> Outcome {
    let mut outcome = Outcome::Open;
    ui.add_space(space::S);
    ui.with_layout(Layout::right_to_left(Align::Min), |ui| {
        let spec = Spec { word: scene.get(word), style, why_not, ..Spec::default() };
        if spec.show(ui, scene.look).clicked() {
            outcome = Outcome::Done;
        }
        let spec = Spec { word: scene.get("dlg-cancel"), ..Spec::default() };
        if spec.show(ui, scene.look).clicked() {
            outcome = Outcome::Dropped;
        }
    });
    outcome
}

/// The button of a dialog that only shows.
fn close(ui: &mut Ui, scene: &Scene<'_>) -> Outcome {
    ui.add_space(space::S);
    let spec = Spec { word: scene.get("close"), ..Spec::default() };
    let pressed = ui.with_layout(Layout::right_to_left(Align::Min), |ui| spec.show(ui, scene.look).clicked()).inner;
    if pressed { Outcome::Done } else { Outcome::Open }
}
