//! What stands in a row of the status table.

use egui::{Align, Layout, Rect, Sense, Ui, UiBuilder, pos2, vec2};

use super::super::action::Action;
use super::super::row_view::{Counts, RowView};
use super::super::scene::{Ask, Scene};
use super::super::text::count;
use super::super::theme::{self, size, space};
use super::super::widget::button::{Spec, Style};
use super::super::widget::paint;
use super::status_table::{COUNTS, Columns};
use crate::mapi::{Class, EntryId};

/// Draws the content of a row. Gives the whole of what had to be cut, for the tip.
pub(super) fn show(ui: &mut Ui, scene: &mut Scene<'_>, row: &RowView, columns: Columns) -> String {
    let mut status = columns.status;
    if let Some(action) = needed(row) {
        status.max.x = offer(ui, scene, row, action, status, columns.narrow);
    }
    let mut cut = Vec::new();
    if columns.narrow {
        names_in_one_line(ui, scene, row, upper(columns.name));
        cut.extend(sentence(ui, scene, row, lower(status), None));
        cut.extend((!row.detail.is_empty()).then(|| row.detail.clone()));
    } else {
        if paint::line_cut_in_the_middle(ui, upper(columns.name), &row.name, theme::strong(), scene.look.text) {
            cut.push(row.name.clone());
        }
        second_name_line(ui, scene, row, lower(columns.name));
        // A line of progress between the two needs room.
        let apart = if row.running.is_some() { 4.0 } else { 0.0 };
        let (first, second) = (upper(status).translate(vec2(0.0, -apart)), lower(status).translate(vec2(0.0, apart)));
        cut.extend(sentence(ui, scene, row, first, Some(second)));
    }
    numbers(ui, scene, row, columns.counts);
    buttons(ui, scene, row, columns.actions);
    cut.join("\n")
}

/// The line for names and sentences.
fn upper(cell: Rect) -> Rect {
    Rect::from_center_size(pos2(cell.center().x, cell.center().y - 9.0), vec2(cell.width(), 18.0))
}

/// The line below it.
fn lower(cell: Rect) -> Rect {
    Rect::from_center_size(pos2(cell.center().x, cell.center().y + 10.0), vec2(cell.width(), 16.0))
}

/// The one thing that a person can do about this row, if it needs one.
pub(super) const fn needed(row: &RowView) -> Option<Action> {
    if let Some(asked) = &row.question {
        return Some(asked.action());
    }
    match &row.failure {
        Some(failure) if row.running.is_none() && matches!(failure.class, Class::NeedsPerson | Class::Login) => {
            Some(Action::Prompt)
        }
        _ => None,
    }
}

fn offer(ui: &mut Ui, scene: &mut Scene<'_>, row: &RowView, action: Action, cell: Rect, folded: bool) -> f32 {
    let layout = Layout::right_to_left(Align::Center);
    let mut inside = ui.new_child(UiBuilder::new().max_rect(cell).layout(layout).id_salt(row.id.as_bytes()));
    let spec = Spec { style: Style::Plain, folded, ..scene.button_on(action, row) };
    let response = spec.show(&mut inside, scene.look);
    if response.clicked() {
        scene.asks.push(Ask::On(action, row.id.clone()));
    }
    response.rect.left() - space::S
}

fn second_name_line(ui: &Ui, scene: &Scene<'_>, row: &RowView, at: Rect) {
    let (text, look) = (scene.text, scene.look);
    let Some((sign, tip)) = row.no_ui_sign else {
        paint::line(ui, at, Align::Min, &row.provider, theme::secondary(), look.muted);
        return;
    };
    let sign = text.get(sign);
    let provider = text.dotted([row.provider.clone(), String::new()]) + " · ";
    let left = paint::width(ui, &provider, theme::secondary());
    paint::line(ui, at, Align::Min, &provider, theme::secondary(), look.muted);
    let word = at.with_min_x((at.left() + left).min(at.right()));
    paint::line(ui, word, Align::Min, &sign, theme::secondary(), look.warning);
    let response = ui.interact(word, ui.unique_id().with(("no-ui", row.id.as_bytes())), Sense::hover());
    response.on_hover_text(text.get(tip));
}

fn names_in_one_line(ui: &Ui, scene: &Scene<'_>, row: &RowView, at: Rect) {
    let wanted = paint::width(ui, &row.name, theme::strong());
    let name = at.with_max_x(at.right().min(at.left() + wanted + 1.0));
    paint::line_cut_in_the_middle(ui, name, &row.name, theme::strong(), scene.look.text);
    let rest = at.with_min_x((name.right() + space::S).min(at.right()));
    if rest.width() > 24.0 {
        second_name_line(ui, scene, row, rest);
    }
}

/// The icon, the sentence, the line of progress, and the second line. Gives what was cut.
fn sentence(ui: &Ui, scene: &Scene<'_>, row: &RowView, first: Rect, second: Option<Rect>) -> Option<String> {
    let look = scene.look;
    let glyph = Rect::from_min_size(first.min, vec2(size::ICON_LARGE, first.height()));
    paint::icon(ui, glyph, row.icon, size::ICON_LARGE - 2.0, row.tone.color(look));
    let left = glyph.right() + space::S;
    let cut = paint::line(ui, first.with_min_x(left), Align::Min, &row.headline, theme::body(), look.text);
    let mut cut_below = false;
    if let Some(second) = second {
        cut_below = paint::line(ui, second.with_min_x(left), Align::Min, &row.detail, theme::secondary(), look.muted);
    }
    if let Some(running) = row.running.as_ref().filter(|_| row.question.is_none()) {
        let line = pos2(left, first.bottom() + 1.0);
        let line = Rect::from_min_size(line, vec2(first.right() - left, size::PROGRESS));
        paint::progress(ui, line, running.fraction(), look);
    }
    let whole = [row.headline.clone(), if cut_below { row.detail.clone() } else { String::new() }];
    (cut || cut_below).then(|| whole.join("\n").trim_end().to_owned())
}

fn numbers(ui: &Ui, scene: &Scene<'_>, row: &RowView, cells: [Rect; 5]) {
    let counts = &row.counts;
    let failed = counts.failed.map(|failed| failed + counts.in_doubt.unwrap_or(0));
    let values = [counts.to_send, counts.deferred, counts.held, failed, counts.waiting];
    let exist = [row.sends, row.sends, row.sends, row.sends, row.receives];
    for (place, ((cell, value), exists)) in cells.into_iter().zip(values).zip(exist).enumerate() {
        let look = scene.look;
        let (shown, font, color) = match value {
            _ if !exists => continue,
            None => ("?".to_owned(), theme::body(), look.muted),
            Some(0) => ("–".to_owned(), theme::body(), look.muted),
            Some(n) if place == 3 => (scene.text.number(n.cast_signed()), theme::strong(), look.danger),
            Some(n) => (scene.text.number(n.cast_signed()), theme::strong(), look.text),
        };
        paint::line(ui, cell, Align::Max, &shown, font, color);
        let tip = number_tip(scene, counts, place);
        let id = ui.unique_id().with((place, row.id.as_bytes()));
        ui.interact(cell, id, Sense::hover()).on_hover_text(tip);
    }
}

fn number_tip(scene: &Scene<'_>, counts: &Counts, place: usize) -> String {
    let text = scene.text;
    let what = COUNTS.get(place).map(|(_, tip)| text.get(tip)).unwrap_or_default();
    let size = |bytes: u64| (bytes > 0).then(|| text.fmt("tip-bytes", &[("size", text.size(bytes).into())]));
    let more = match place {
        0 => size(counts.bytes),
        3 => counts.in_doubt.filter(|n| *n > 0).map(|n| text.fmt("tip-in-doubt", &[("n", count(n))])),
        4 => {
            let as_of = counts.waiting_as_of.map(|at| text.fmt("tip-as-of", &[("time", text.time(at).into())]));
            Some(text.dotted([size(counts.waiting_bytes).unwrap_or_default(), as_of.unwrap_or_default()]))
        }
        _ => None,
    };
    [what, more.unwrap_or_default()].join("\n").trim_end().to_owned()
}

fn buttons(ui: &mut Ui, scene: &mut Scene<'_>, row: &RowView, at: Rect) {
    let layout = Layout::left_to_right(Align::Center);
    let mut inside = ui.new_child(UiBuilder::new().max_rect(at).layout(layout).id_salt((row.id.as_bytes(), 1)));
    inside.spacing_mut().item_spacing.x = space::XS;
    for (action, word, name) in [
        (Action::SendSelected, "row-send", "row-send-of"),
        (Action::ReceiveSelected, "row-receive", "row-receive-of"),
        (Action::CancelSelected, "row-cancel", "row-cancel-of"),
    ] {
        let name = scene.text.fmt(name, &[("name", row.name.as_str().into())]);
        let spec = scene.button_on(action, row);
        let spec = Spec { folded: true, word: scene.get(word), tip: name.clone(), name: Some(name), ..spec };
        if spec.show(&mut inside, scene.look).clicked() {
            scene.asks.push(Ask::On(action, row.id.clone()));
        }
    }
}

/// The menu of a row.
pub(super) fn menu(ui: &mut Ui, scene: &mut Scene<'_>, row: &RowView) {
    let item = |ui: &mut Ui, scene: &mut Scene<'_>, action: Action, id: &EntryId| {
        let key = action.entry().key_words();
        let spec = Spec { key, style: Style::Bare, ..scene.button_on(action, row) };
        if spec.show(ui, scene.look).clicked() {
            scene.asks.push(Ask::On(action, id.clone()));
            ui.close();
        }
    };
    for action in [Action::FlushSelected, Action::SendSelected, Action::ReceiveSelected, Action::CancelSelected] {
        item(ui, scene, action, &row.id);
    }
    if let Some(action) = needed(row) {
        item(ui, scene, action, &row.id);
    }
    ui.separator();
    item(ui, scene, Action::RowSettings, &row.id);
}
