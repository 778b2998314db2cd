//! Signing in with a provider of tokens: where, with which code, and the button that opens the browser. It closes when the
//! browser has come back.

use egui::{Align, Layout, RichText, Ui};

use super::super::icon;
use super::super::scene::{Ask, Scene};
use super::super::theme::{self, size, space};
use super::super::widget::button::{Spec, Style};
use super::Outcome;
use super::memory::ConsentDialog;
use crate::mapi::visible;

pub(super) fn show(ui: &mut Ui, scene: &mut Scene<'_>, dialog: &mut ConsentDialog) -> Outcome {
    let of = &dialog.consent;
    super::title(ui, &scene.text.fmt("dlg-consent", &[("name", dialog.transport.as_str().into())]));
    let variables = [
        ("host", of.host.as_str().into()),
        ("user", of.user.as_str().into()),
        ("provider", of.provider.as_str().into()),
    ];
    ui.label(scene.text.fmt("dlg-consent-for", &variables));
    if let Some(why) = &of.why {
        let words = scene.text.fmt("dlg-consent-why", &[("why", visible(why).into())]);
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new(icon::WARNING).color(scene.look.danger));
            ui.label(RichText::new(words).color(scene.look.danger));
        });
    }
    if let Some(code) = &of.code {
        ui.label(scene.get("dlg-consent-code"));
        ui.label(RichText::new(visible(code)).font(theme::title()).monospace().size(size::ICON_LARGE));
    }
    address(ui, scene, &of.address);
    let note = if dialog.browses { "dlg-consent-waits" } else { "dlg-consent-kept" };
    super::note(ui, scene, &scene.get(note));
    foot(ui, scene, dialog)
}

/// Cancel, and what opens the browser, which Enter presses from the beginning.
fn foot(ui: &mut Ui, scene: &mut Scene<'_>, dialog: &mut ConsentDialog) -> Outcome {
    let mut outcome = Outcome::Open;
    ui.add_space(space::S);
    ui.with_layout(Layout::right_to_left(Align::Min), |ui| {
        let open = Spec { word: scene.get("dlg-consent-open"), style: Style::Primary, ..Spec::default() };
        let open = open.show(ui, scene.look);
        if !std::mem::replace(&mut dialog.was_shown, true) {
            open.request_focus();
        }
        if open.clicked() {
            scene.asks.push(Ask::Browse(dialog.consent.address.clone()));
            dialog.browses = true;
        }
        let cancel = Spec { word: scene.get("dlg-cancel"), ..Spec::default() };
        if cancel.show(ui, scene.look).clicked() {
            outcome = Outcome::Dropped;
        }
    });
    outcome
}

/// For another browser than the one that opens: on another machine, under another name.
fn address(ui: &mut Ui, scene: &Scene<'_>, address: &str) {
    ui.horizontal(|ui| {
        let copy = Spec { word: scene.get("dlg-consent-copy"), ..Spec::default() };
        if copy.show(ui, scene.look).clicked() {
            ui.ctx().copy_text(address.to_owned());
        }
        ui.add_space(space::XS);
        ui.add(egui::Label::new(RichText::new(visible(address)).monospace().color(scene.look.muted)).truncate());
    });
}
