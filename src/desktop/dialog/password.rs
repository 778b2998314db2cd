//! The password that a transport waits for.

use egui::{Align2, RichText, TextEdit, Ui, vec2};

use super::super::icon;
use super::super::scene::{Ask, Scene};
use super::super::theme::{self, size};
use super::super::widget::button::Style;
use super::Outcome;
use super::memory::PasswordDialog;
use crate::spooler::{PlainSecret, Said};

pub(super) fn show(ui: &mut Ui, scene: &mut Scene<'_>, dialog: &mut PasswordDialog) -> Outcome {
    let name = dialog.transport.as_str();
    super::title(ui, &scene.text.fmt("dlg-password", &[("name", name.into())]));
    if !dialog.host.is_empty() {
        let variables = [("user", dialog.user.as_str().into()), ("host", dialog.host.as_str().into())];
        super::note(ui, scene, &scene.text.fmt("dlg-password-for", &variables));
    }
    if let Some(refused) = &dialog.refused {
        let words = scene.text.fmt("dlg-password-refused", &[("reply", refused.as_str().into())]);
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new(icon::WARNING).color(scene.look.danger));
            ui.label(RichText::new(words).color(scene.look.danger));
        });
    }
    let mut entered = false;
    ui.horizontal(|ui| {
        let field = TextEdit::singleline(&mut dialog.secret)
            .password(!dialog.show)
            .desired_width(280.0)
            .min_size(vec2(0.0, size::CONTROL))
            .align(Align2::LEFT_CENTER);
        let response = ui.add(field).accessible_name(scene.get("dlg-password-field"));
        if !std::mem::replace(&mut dialog.was_shown, true) {
            response.request_focus();
        }
        entered = response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
        ui.checkbox(&mut dialog.show, scene.get("dlg-password-show"));
    });
    ui.label(RichText::new(scene.get("dlg-password-kept")).font(theme::secondary()).color(scene.look.muted));
    let outcome = super::foot(ui, scene, "dlg-sign-in", Style::Primary, None);
    if outcome == Outcome::Done || entered {
        let secret = PlainSecret(std::mem::take(&mut dialog.secret));
        scene.asks.push(Ask::Answer(dialog.question, Some(Said::Secret(secret))));
        return Outcome::Done;
    }
    outcome
}
