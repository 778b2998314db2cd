//! Files to add, and where to save one: typed, or chosen in the system's file chooser where there is one.

use std::path::{Path, PathBuf};

use egui::{Align2, RichText, TextEdit, Ui, vec2};

use super::super::icon;
use super::super::scene::{Ask, Scene};
use super::super::theme::{self, size};
use super::super::widget::button::{Spec, Style};
use super::Outcome;
use super::memory::PathDialog;
use crate::mapi::EnvelopeId;

/// Adds files.
pub(super) fn add(ui: &mut Ui, scene: &mut Scene<'_>, dialog: &mut PathDialog) -> Outcome {
    super::title(ui, &scene.get("dlg-add"));
    super::note(ui, scene, &scene.get("dlg-add-what"));
    let entered = field(ui, scene, dialog, "dlg-add-field");
    let path = typed(&dialog.path);
    let wrong = match &path {
        None => Some("dlg-path-empty"),
        Some(path) if !path.exists() => Some("dlg-path-missing"),
        Some(_) => None,
    };
    finish(ui, scene, dialog, wrong, entered, ("dlg-add-do", path.map(|path| Ask::AddFiles(vec![path]))))
}

/// Saves a message. A file that is there is never written over.
pub(super) fn save(ui: &mut Ui, scene: &mut Scene<'_>, envelope: EnvelopeId, dialog: &mut PathDialog) -> Outcome {
    super::title(ui, &scene.get("dlg-save"));
    super::note(ui, scene, &scene.get("dlg-save-what"));
    let entered = field(ui, scene, dialog, "dlg-save-field");
    let path = typed(&dialog.path);
    let wrong = match &path {
        None => Some("dlg-path-empty"),
        Some(path) if path.exists() => Some("dlg-path-exists"),
        Some(path) if !path.parent().is_some_and(Path::is_dir) => Some("dlg-path-no-folder"),
        Some(_) => None,
    };
    finish(ui, scene, dialog, wrong, entered, ("dlg-save-do", path.map(|path| Ask::SaveTo(envelope, path))))
}

/// The path that was typed, `~` meaning home as everywhere.
fn typed(text: &str) -> Option<PathBuf> {
    let text = text.trim();
    match text.strip_prefix("~/") {
        _ if text.is_empty() => None,
        Some(rest) => Some(std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default().join(rest)),
        None => Some(PathBuf::from(text)),
    }
}

fn field(ui: &mut Ui, scene: &mut Scene<'_>, dialog: &mut PathDialog, name: &str) -> bool {
    let mut entered = false;
    ui.horizontal(|ui| {
        let field = TextEdit::singleline(&mut dialog.path)
            .desired_width((ui.available_width() - 120.0).clamp(160.0, 380.0))
            .min_size(vec2(0.0, size::CONTROL))
            .align(Align2::LEFT_CENTER);
        let response = ui.add(field).accessible_name(scene.get(name));
        if !std::mem::replace(&mut dialog.was_shown, true) {
            response.request_focus();
        }
        entered = response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
        let word = scene.get("dlg-browse");
        let spec = Spec { icon: Some(icon::FOLDER), word, ..Spec::default() };
        if spec.show(ui, scene.look).clicked() && !dialog.choosing {
            dialog.choosing = true;
            scene.asks.push(Ask::Choose);
        }
    });
    if dialog.no_chooser {
        ui.label(RichText::new(scene.get("dlg-no-chooser")).font(theme::secondary()).color(scene.look.muted));
    }
    entered
}

fn finish(
    ui: &mut Ui,
    scene: &mut Scene<'_>,
    dialog: &PathDialog,
    wrong: Option<&str>,
    entered: bool,
    done: (&str, Option<Ask>),
) -> Outcome {
    let wrong = wrong.map(|id| scene.get(id));
    if let Some(wrong) = wrong.as_ref().filter(|_| !dialog.path.trim().is_empty()) {
        ui.label(RichText::new(wrong).font(theme::secondary()).color(scene.look.danger));
    }
    let (word, ask) = done;
    let can = wrong.is_none();
    let outcome = super::foot(ui, scene, word, Style::Primary, wrong);
    if can && (entered || outcome == Outcome::Done) {
        scene.asks.extend(ask);
        return Outcome::Done;
    }
    outcome
}
