//! A server's certificate that nobody vouches for: what it says, and whether to trust it.
//!
//! What proves something, the fingerprint, stands apart from what the server merely says of itself.

use egui::{RichText, Ui};

use super::super::icon;
use super::super::scene::{Ask, Scene};
use super::super::widget::button::Style;
use super::Outcome;
use super::memory::CertificateDialog;
use crate::spooler::Said;

pub(super) fn show(ui: &mut Ui, scene: &mut Scene<'_>, dialog: &mut CertificateDialog) -> Outcome {
    let of = &dialog.certificate;
    super::title(ui, &scene.text.fmt("dlg-certificate", &[("name", dialog.transport.as_str().into())]));
    let why = if of.expected.is_some() { "dlg-certificate-changed" } else { "dlg-certificate-unknown" };
    let words = scene.text.fmt(why, &[("host", of.host.as_str().into())]);
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new(icon::WARNING).color(scene.look.danger));
        ui.label(RichText::new(words).color(scene.look.danger));
    });
    let day = |at: Option<i64>| {
        at.and_then(|at| jiff::Timestamp::from_second(at).ok())
            .map_or_else(|| "?".to_owned(), |at| at.strftime("%Y-%m-%d").to_string())
    };
    let says = [
        ("dlg-certificate-names", of.names.join(", ")),
        ("dlg-certificate-issuer", of.issuer.clone()),
        ("dlg-certificate-valid", format!("{} – {}", day(of.from), day(of.until))),
    ];
    for (id, value) in says {
        super::note(ui, scene, &scene.text.fmt(id, &[("value", crate::mapi::visible(&value).into())]));
    }
    let mut prints = vec![("dlg-certificate-print", &of.fingerprint)];
    prints.extend(of.expected.as_ref().map(|expected| ("dlg-certificate-expected", expected)));
    for (id, print) in prints {
        ui.label(scene.get(id));
        ui.label(RichText::new(print).monospace());
    }
    ui.checkbox(&mut dialog.for_good, scene.get("dlg-certificate-for-good"));
    let kept = if dialog.for_good { "dlg-certificate-pinned" } else { "dlg-certificate-kept" };
    super::note(ui, scene, &scene.get(kept));
    let outcome = super::foot(ui, scene, "dlg-certificate-do", Style::Plain, None);
    if outcome == Outcome::Done {
        if dialog.for_good {
            scene.asks.push(Ask::Pin(dialog.transport.clone(), dialog.certificate.clone()));
        }
        scene.asks.push(Ask::Answer(dialog.question, Some(Said::Trust)));
    }
    outcome
}
