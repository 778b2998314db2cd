//! The status table: one row for everything that moves mail, the spooler's first.

use egui::{Align, Id, Key, Modifiers, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use super::super::action::Action;
use super::super::row_view::RowView;
use super::super::scene::{Ask, Scene};
use super::super::state::Pane;
use super::super::theme::{self, size, space};
use super::super::widget::paint;
use super::super::widget::rows::{BESIDE, Rows, Step};
use super::status_row;

/// Height of the line with the columns' names.
pub(crate) const HEADER: f32 = 28.0;

/// The counts, in the order of their columns: name and tip.
pub(crate) const COUNTS: [(&str, &str); 5] = [
    ("col-to-send", "tip-to-send"),
    ("col-deferred", "tip-deferred"),
    ("col-held", "tip-held"),
    ("col-failed", "tip-failed"),
    ("col-waiting", "tip-waiting"),
];

/// Where the columns of a row are. In a narrow window the status stands below the name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Columns {
    pub narrow: bool,
    pub name: Rect,
    pub status: Rect,
    pub counts: [Rect; 5],
    pub actions: Rect,
}

impl Columns {
    pub(crate) fn of(row: Rect) -> Self {
        let narrow = is_narrow(row.width());
        let actions_width = size::CONTROL.mul_add(3.0, space::XS * 2.0);
        let actions = row.with_min_x(row.right() - actions_width);
        let count_width = if narrow { 58.0 } else { 72.0 };
        let counts_left = actions.left() - space::S - count_width * 5.0;
        let mut x = counts_left;
        let counts = [(); 5].map(|()| {
            let cell = Rect::from_min_max(pos2(x, row.top()), pos2(x + count_width, row.bottom()));
            x += count_width;
            cell
        });
        let left = row.left() + space::L;
        if narrow {
            let all = row.with_min_x(left).with_max_x(counts_left - space::XS);
            return Self { narrow, name: all, status: all, counts, actions };
        }
        let name_width = (row.width() * 0.2).clamp(150.0, 270.0);
        let name = row.with_min_x(left).with_max_x(left + name_width);
        let status = row.with_min_x(name.right() + space::L).with_max_x(counts_left - space::S);
        Self { narrow, name, status, counts, actions }
    }
}

const fn is_narrow(width: f32) -> bool {
    width < size::NARROW - 60.0
}

/// How high a row is: in a narrow window it has nothing below its sentence.
fn row_height(scene: &Scene<'_>, width: f32) -> f32 {
    if is_narrow(width) { 42.0 } else { scene.state.settings.tall_row_height() }
}

/// The focus of the table.
pub(crate) fn id() -> Id {
    Id::unique("status-table")
}

/// How high it would like to be.
pub(crate) fn wanted_height(scene: &Scene<'_>, width: f32) -> f32 {
    HEADER + scene.rows.len() as f32 * row_height(scene, width) + space::XS
}

/// Draws it.
pub(crate) fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    header(ui, scene);
    let rows = scene.rows;
    let mut top = ui.data(|data| data.get_temp::<f64>(id().with("top")).unwrap_or(0.0));
    let mut clicked = None;
    let list = Rows {
        id: id(),
        name: scene.get("a11y-status-table"),
        count: rows.len() as u64,
        height: row_height(scene, ui.available_width()),
        top: &mut top,
        reveal: None,
        take_focus: scene.state.focus.take_if(|pane| *pane == Pane::Status).is_some(),
    };
    let look = scene.look;
    let shown = list.show(ui, look, |ui, index, rect| {
        if let Some(row) = usize::try_from(index).ok().and_then(|index| rows.get(index)) {
            clicked = one(ui, scene, row, rect).or(clicked.take());
        }
    });
    ui.data_mut(|data| data.insert_temp(id().with("top"), top));
    if let Some((row, modifiers)) = clicked {
        ui.memory_mut(|memory| memory.request_focus(id()));
        scene.state.select(rows, &row, modifiers.shift, modifiers.command);
    }
    if let Some((step, extend)) = shown.step {
        walk(scene, step, extend);
    }
    let has_focus = ui.memory(|memory| memory.has_focus(id()));
    if has_focus && ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Space)) {
        scene.asks.push(Ask::Do(Action::FlushSelected));
    }
}

fn header(ui: &mut Ui, scene: &Scene<'_>) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), HEADER), Sense::hover());
    let columns = Columns::of(rect.with_max_x(rect.right() - BESIDE));
    let look = scene.look;
    let draw = |cell: Rect, align: Align, id: &str| {
        paint::line(ui, cell, align, &scene.get(id), theme::secondary(), look.muted);
    };
    draw(columns.name, Align::Min, "col-resource");
    if !columns.narrow {
        draw(columns.status, Align::Min, "col-status");
    }
    for (cell, (name, tip)) in columns.counts.into_iter().zip(COUNTS) {
        draw(cell.with_min_x(cell.left() + space::XS), Align::Max, name);
        ui.interact(cell, id().with(name), Sense::hover()).on_hover_text(scene.get(tip));
    }
    paint::underline(ui, rect, look);
}

/// Draws a row. Gives what was clicked, and how.
fn one(ui: &mut Ui, scene: &mut Scene<'_>, row: &RowView, rect: Rect) -> Option<(crate::mapi::EntryId, Modifiers)> {
    let look = scene.look;
    let is_selected = scene.state.selected.contains(&row.id);
    let response = ui.interact(rect, id().with(row.id.as_bytes()), Sense::CLICK);
    let whole = rect.with_max_x(rect.right() + BESIDE);
    if is_selected {
        ui.painter().rect_filled(whole, 0.0, look.selected);
        let mark = Rect::from_min_size(rect.min, vec2(3.0, rect.height()));
        ui.painter().rect_filled(mark, 0.0, look.accent);
    } else if response.contains_pointer() {
        ui.painter().rect_filled(whole, 0.0, look.hovered);
    }
    paint::underline(ui, whole, look);
    response.widget_info(|| WidgetInfo::selected(Role::Row, true, is_selected, row.spoken(scene.text)));
    let tip = status_row::show(ui, scene, row, Columns::of(rect));
    let response = if tip.is_empty() { response } else { response.on_hover_text(tip) };
    if response.double_clicked() {
        scene.asks.push(Ask::Do(Action::RowSettings));
    }
    response.context_menu(|ui| status_row::menu(ui, scene, row));
    response.clicked().then(|| (row.id.clone(), ui.input(|input| input.modifiers)))
}

/// Moves the selection by keys.
fn walk(scene: &mut Scene<'_>, step: Step, extend: bool) {
    let rows = scene.rows;
    let place = scene.state.cursor.as_ref().and_then(|id| rows.iter().position(|row| row.id == *id)).unwrap_or(0);
    let last = rows.len().saturating_sub(1);
    let to = match step {
        Step::By(by) => place.saturating_add_signed(isize::try_from(by).unwrap_or(0)).min(last),
        Step::First => 0,
        Step::Last => last,
    };
    if let Some(row) = rows.get(to) {
        scene.state.select(rows, &row.id, extend, false);
        scene.state.cursor = Some(row.id.clone());
    }
}
