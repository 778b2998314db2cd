//! What stands in a row of the queue's list.

use egui::{Align, Rect, RichText, Ui, vec2};

use super::super::icon::{self, Icon};
use super::super::row_view::Tone;
use super::super::scene::Scene;
use super::super::text::count;
use super::super::theme::{self, size, space};
use super::super::widget::paint;
use crate::mapi::QueueState;
use crate::spool::QueueRow;

/// Where the columns are. One that has no room is empty; what it would say is in the tip.
#[derive(Debug, Clone, Copy)]
pub(super) struct Columns {
    pub state: Rect,
    pub subject: Rect,
    pub from: Rect,
    pub to: Rect,
    pub size: Rect,
    pub queued: Rect,
    pub next: Rect,
}

impl Columns {
    pub(super) fn of(row: Rect) -> Self {
        let wide = row.width() >= 1000.0;
        let mid = row.width() >= 760.0;
        let fixed = |wanted: f32, is_there: bool| if is_there { wanted } else { 0.0 };
        let state = 116.0;
        let size = 72.0;
        let queued = 72.0;
        let next = fixed(row.width() * 0.2, wide);
        let gaps = space::M * 7.0 + space::XS;
        let free = (row.width() - state - size - queued - next - gaps).max(0.0);
        let (subject, from, to) = match (wide, mid) {
            (true, _) => (free * 0.46, free * 0.24, free * 0.30),
            (false, true) => (free * 0.46, free * 0.24, free * 0.30),
            (false, false) => (free * 0.55, 0.0, free * 0.45),
        };
        let mut x = row.left() + space::L;
        let mut next_cell = |width: f32| {
            let cell = Rect::from_min_size(egui::pos2(x, row.top()), vec2(width.max(0.0), row.height()));
            x += if width > 0.0 { width + space::M } else { 0.0 };
            cell
        };
        Self {
            state: next_cell(state),
            subject: next_cell(subject),
            from: next_cell(from),
            to: next_cell(to),
            size: next_cell(size),
            queued: next_cell(queued),
            next: next_cell(next),
        }
    }
}

/// The icon and tone of a state.
pub(super) const fn mark(state: QueueState) -> (Icon, Tone) {
    match state {
        QueueState::InFlight => (icon::MOVING, Tone::Active),
        QueueState::InDoubt => (icon::DOUBT, Tone::Warning),
        QueueState::Queued => (icon::QUEUED, Tone::Quiet),
        QueueState::Deferred => (icon::WAITS, Tone::Warning),
        QueueState::Held => (icon::HELD, Tone::Quiet),
        QueueState::Failed => (icon::TROUBLE, Tone::Danger),
        QueueState::Sent => (icon::WELL, Tone::Good),
    }
}

fn state_word(scene: &Scene<'_>, state: QueueState) -> String {
    scene.get(&format!("state-{}", state.word()))
}

fn subject(scene: &Scene<'_>, row: &QueueRow) -> String {
    if row.subject.is_empty() { scene.get("q-no-subject") } else { row.subject.clone() }
}

fn from(scene: &Scene<'_>, row: &QueueRow) -> String {
    if row.from.is_empty() { scene.get("q-nobody") } else { row.from.clone() }
}

fn to(scene: &Scene<'_>, row: &QueueRow) -> String {
    match row.to.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [first, others @ ..] => {
            let number = count(others.len() as u64);
            scene.text.fmt("q-more-recipients", &[("first", first.as_str().into()), ("n", number)])
        }
    }
}

/// When it is tried next, or what was said last.
fn next(scene: &Scene<'_>, row: &QueueRow) -> String {
    let text = scene.text;
    let reply = row.last_reply.clone().unwrap_or_default();
    match row.state {
        QueueState::Deferred => {
            let when = row.next_try.map(|at| text.until(at, scene.now)).unwrap_or_default();
            text.dotted([when, reply])
        }
        QueueState::Failed | QueueState::InDoubt => reply,
        _ => row
            .not_before
            .filter(|at| *at > scene.now)
            .map(|at| text.fmt("q-not-before", &[("time", text.time(at).into())]))
            .unwrap_or_default(),
    }
}

/// Draws it.
pub(super) fn show(ui: &Ui, scene: &Scene<'_>, row: &QueueRow, rect: Rect) {
    let (look, columns) = (scene.look, Columns::of(rect));
    let (icon, tone) = mark(row.state);
    let glyph = columns.state.with_max_x(columns.state.left() + size::ICON);
    paint::icon(ui, glyph, icon, size::ICON - 1.0, tone.color(look));
    let word = columns.state.with_min_x(glyph.right() + space::S);
    paint::line(ui, word, Align::Min, &state_word(scene, row.state), theme::body(), look.text);
    let color = if row.subject.is_empty() { look.muted } else { look.text };
    paint::line(ui, columns.subject, Align::Min, &subject(scene, row), theme::body(), color);
    let address = |cell: Rect, address: &str| {
        if cell.width() > 1.0 {
            paint::line_cut_in_the_middle(ui, cell, address, theme::body(), look.muted);
        }
    };
    address(columns.from, &from(scene, row));
    address(columns.to, &to(scene, row));
    let quiet = |cell: Rect, align: Align, words: &str| {
        if cell.width() > 1.0 {
            paint::line(ui, cell, align, words, theme::secondary(), look.muted);
        }
    };
    quiet(columns.size, Align::Max, &scene.text.size(row.size));
    quiet(columns.queued, Align::Max, &scene.text.age(scene.now - row.queued_at));
    quiet(columns.next, Align::Min, &next(scene, row));
}

/// Everything about it that may have had no room.
pub(super) fn tip(ui: &mut Ui, scene: &Scene<'_>, row: &QueueRow) {
    let text = scene.text;
    ui.spacing_mut().interact_size.y = 0.0;
    ui.label(RichText::new(subject(scene, row)).font(theme::strong()));
    let quiet = |ui: &mut Ui, label: &str, value: String| {
        if !value.is_empty() {
            ui.horizontal_wrapped(|ui| {
                ui.label(RichText::new(text.get(label)).color(scene.look.muted));
                ui.label(value);
            });
        }
    };
    quiet(ui, "q-from", from(scene, row));
    quiet(ui, "q-to", row.to.iter().take(8).cloned().collect::<Vec<_>>().join(", "));
    quiet(ui, "q-queued", text.time(row.queued_at));
    quiet(ui, "q-next", row.next_try.map(|at| text.time(at)).unwrap_or_default());
    quiet(ui, "q-result", row.last_reply.clone().unwrap_or_default());
}

/// The row as one sentence, for screen readers.
pub(super) fn spoken(scene: &Scene<'_>, row: &QueueRow) -> String {
    let text = scene.text;
    let said = text.fmt(
        "q-row",
        &[
            ("state", state_word(scene, row.state).into()),
            ("subject", subject(scene, row).into()),
            ("from", from(scene, row).into()),
            ("to", to(scene, row).into()),
            ("size", text.size(row.size).into()),
            ("age", text.age(scene.now - row.queued_at).into()),
        ],
    );
    let next = next(scene, row);
    if next.is_empty() { said } else { format!("{said}. {next}") }
}
