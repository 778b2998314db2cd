//! The footer: one sentence that is always true; and, until the next thing happens, what came of the last thing done.

use egui::{Align, Layout, RichText, Ui};

use super::super::engine::{Notice, Readiness};
use super::super::icon;
use super::super::scene::Scene;
use super::super::text::{Text, count};
use super::super::theme::{self, space};
use super::super::widget::button::{Spec, Style};
use crate::mapi::MapiResult;
use crate::spool::QueueVerb;

/// Draws it.
pub(crate) fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    let look = scene.look;
    ui.horizontal_centered(|ui| {
        ui.add(egui::Label::new(RichText::new(sentence(scene)).font(theme::secondary()).color(look.muted)).truncate());
        let Some((words, is_bad)) = scene.state.notice.clone() else { return };
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let spec = Spec {
                icon: Some(icon::CLOSE),
                word: scene.get("close"),
                folded: true,
                style: Style::Bare,
                ..Spec::default()
            };
            if spec.show(ui, look).clicked() {
                scene.state.notice = None;
            }
            let color = if is_bad { look.danger } else { look.success };
            ui.add(egui::Label::new(RichText::new(&words).font(theme::secondary())).truncate());
            ui.label(RichText::new(if is_bad { icon::TROUBLE } else { icon::WELL }).color(color));
            ui.add_space(space::S);
        });
    });
}

/// What is to send, what needs a hand, what comes next.
pub(crate) fn sentence(scene: &Scene<'_>) -> String {
    let text = scene.text;
    match scene.state.readiness {
        Readiness::Starting => return text.get("foot-starting"),
        Readiness::NoProfile | Readiness::Failed(_) => return text.get("foot-no-profile"),
        Readiness::Ready => {}
    }
    let Some(spooler) = scene.rows.iter().find(|row| row.is_spooler()) else { return String::new() };
    let counts = &spooler.counts;
    let to_send = counts.to_send.unwrap_or(0) + counts.deferred.unwrap_or(0);
    let numbered = |id: &str, number: u64| text.fmt(id, &[("n", count(number))]);
    let to_send = match (to_send, counts.bytes) {
        (0, _) => text.get("foot-nothing"),
        (number, 0) => numbered("foot-to-send", number),
        (number, bytes) => text.fmt("foot-to-send-size", &[("n", count(number)), ("size", text.size(bytes).into())]),
    };
    let optional = |id: &str, number: u64| if number > 0 { numbered(id, number) } else { String::new() };
    let next = spooler.next_run.map(|at| text.fmt("foot-next-run", &[("when", text.until(at, scene.now).into())]));
    text.dotted([
        to_send,
        optional("foot-waiting", counts.waiting.unwrap_or(0)),
        optional("foot-need-you", scene.rows.iter().map(|row| row.needs() as u64).sum()),
        next.filter(|_| !spooler.offline).unwrap_or_default(),
        text.get(if spooler.offline { "foot-offline" } else { "foot-online" }),
        if scene.state.no_ui { text.get("foot-no-ui") } else { String::new() },
    ])
}

/// A notice in words, and whether it is a bad one.
pub(crate) fn told(notice: &Notice, text: &Text) -> (String, bool) {
    let numbered = |id: &str, number: usize| text.fmt(id, &[("n", count(number as u64))]);
    match notice {
        Notice::Changed(_, 0) => (text.get("did-nothing"), true),
        Notice::Changed(verb, number) => {
            let id = match verb {
                QueueVerb::Hold => "did-hold",
                QueueVerb::Release => "did-release",
                QueueVerb::Retry | QueueVerb::SendAgain => "did-retry",
                QueueVerb::Reroute { .. } => "did-reroute",
                QueueVerb::Delete => "did-delete",
                QueueVerb::TreatAsSent => "did-treat-as-sent",
            };
            (numbered(id, *number), false)
        }
        Notice::Added(number, refused) => {
            let Some((file, why)) = refused.first() else { return (numbered("did-add", *number), false) };
            let file = file.display().to_string();
            let refused = text.fmt("did-add-refused", &[("file", file.into()), ("why", why.as_str().into())]);
            let added = if *number > 0 { numbered("did-add", *number) } else { String::new() };
            (text.dotted([refused, added]), true)
        }
        Notice::Pinned(host) => (text.fmt("did-pin", &[("host", host.as_str().into())]), false),
        Notice::Saved(path) => (text.fmt("did-save", &[("path", path.display().to_string().into())]), false),
        Notice::Refused(MapiResult::Busy, _) => (text.get("refused-busy"), true),
        Notice::Refused(MapiResult::UserCancel, _) => (text.get("refused-cancel"), false),
        Notice::Refused(result, why) => {
            (text.fmt("refused-other", &[("why", why.as_str().into()), ("result", result.name().into())]), true)
        }
    }
}
