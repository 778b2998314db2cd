//! The selected row's messages: as many as there are, of which only those in view are loaded and drawn.

use egui::{Align, Id, Layout, Rect, Role, Sense, Ui, UiBuilder, WidgetInfo, vec2};

use super::super::action::Action;
use super::super::icon;
use super::super::scene::{Ask, Scene};
use super::super::state::Pane;
use super::super::text::count;
use super::super::theme::{self, size, space};
use super::super::widget::button::{Spec, Style};
use super::super::widget::rows::{BESIDE, Rows, Step};
use super::super::widget::{empty, paint};
use super::queue_row::{self, Columns};
use crate::spool::{QueueRow, SortKey};

/// The focus of the list.
pub(crate) fn id() -> Id {
    Id::unique("queue-list")
}

/// Draws toolbar, header and list.
pub(crate) fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    let focus = scene.state.focus.take_if(|pane| *pane == Pane::Tab).is_some();
    if let Some(row) = receives_only(scene) {
        let what = scene.text.fmt("q-no-outgoing", &[("name", row.into())]);
        empty::show(ui, scene.look, icon::INBOX, &what, &scene.get("q-no-outgoing-do"), |_| {});
        return;
    }
    toolbar(ui, scene);
    match scene.state.queue.total() {
        Some(0) => {
            scene.state.queue.look_at(0..1);
            nothing(ui, scene);
        }
        total => list(ui, scene, total.unwrap_or(0), focus),
    }
}

/// The name of the selected row, if all that is selected only receives.
fn receives_only(scene: &Scene<'_>) -> Option<String> {
    let meant = scene.state.meant(scene.rows);
    let only = meant.first().filter(|_| meant.iter().all(|row| !row.sends))?;
    Some(only.name.clone())
}

fn nothing(ui: &mut Ui, scene: &mut Scene<'_>) {
    let filter = scene.state.queue.filter();
    let searching = !scene.state.find.trim().is_empty() || !filter.states.is_empty();
    let (icon, what, then) = match searching {
        true => (icon::FIND, "q-none-found", "q-none-found-do"),
        false => (icon::OUTBOX, "q-empty", "q-empty-do"),
    };
    let (what, then) = (scene.get(what), scene.get(then));
    let spec = Spec { style: Style::Plain, ..scene.button(Action::Add) };
    let look = scene.look;
    empty::show(ui, look, icon, &what, &then, |ui| {
        ui.add_space(space::XS);
        if !searching && spec.show(ui, look).clicked() {
            scene.asks.push(Ask::Do(Action::Add));
        }
    });
}

/// What can be done to the selected messages.
fn toolbar(ui: &mut Ui, scene: &mut Scene<'_>) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 38.0), Sense::hover());
    let folded = rect.width() < size::NARROW;
    let inside = rect.shrink2(vec2(space::S, 0.0));
    let mut ui = ui.new_child(UiBuilder::new().max_rect(inside).layout(Layout::left_to_right(Align::Center)));
    ui.spacing_mut().item_spacing.x = 2.0;
    for action in [Action::Hold, Action::Release, Action::Retry, Action::Reroute, Action::Delete, Action::Save] {
        press(&mut ui, scene, action, folded);
    }
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        press(ui, scene, Action::Add, folded);
        let queue = &scene.state.queue;
        let (id, number) = match queue.picked_count() {
            0 => ("q-total", queue.total()),
            picked => ("q-selected", Some(picked)),
        };
        let words = match number {
            Some(number) => scene.text.fmt(id, &[("n", count(number))]),
            None => scene.get("q-loading"),
        };
        ui.label(egui::RichText::new(words).color(scene.look.muted).font(theme::secondary()));
    });
}

fn press(ui: &mut Ui, scene: &mut Scene<'_>, action: Action, folded: bool) {
    let spec = Spec { style: Style::Bare, folded, ..scene.button(action) };
    if spec.show(ui, scene.look).clicked() {
        scene.asks.push(Ask::Do(action));
    }
}

fn list(ui: &mut Ui, scene: &mut Scene<'_>, total: u64, focus: bool) {
    header(ui, scene);
    let look = scene.look;
    let mut top = scene.state.queue.top;
    let reveal = std::mem::take(&mut scene.state.queue.reveal).then_some(scene.state.queue.cursor);
    let rows = Rows {
        id: id(),
        name: scene.get("a11y-queue"),
        count: total,
        height: scene.state.settings.row_height(),
        top: &mut top,
        reveal,
        take_focus: focus,
    };
    let mut clicked = None;
    let shown = rows.show(ui, look, |ui, index, rect| {
        clicked = one(ui, scene, index, rect).or(clicked.take());
    });
    let queue = &mut scene.state.queue;
    queue.top = top;
    queue.look_at(shown.visible);
    if let Some((index, modifiers)) = clicked {
        ui.memory_mut(|memory| memory.request_focus(id()));
        queue.pick(index, modifiers.shift, modifiers.command);
    }
    match shown.step {
        Some((Step::By(by), extend)) => queue.step(by, extend),
        Some((Step::First, extend)) => queue.step(i64::MIN, extend),
        Some((Step::Last, extend)) => queue.step(i64::MAX, extend),
        None => {}
    }
}

fn header(ui: &mut Ui, scene: &mut Scene<'_>) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 26.0), Sense::hover());
    let columns = Columns::of(rect.with_max_x(rect.right() - BESIDE));
    let keys: [(Rect, Align, &str, Option<SortKey>); 7] = [
        (columns.state, Align::Min, "q-state", Some(SortKey::State)),
        (columns.subject, Align::Min, "q-subject", Some(SortKey::Subject)),
        (columns.from, Align::Min, "q-from", Some(SortKey::From)),
        (columns.to, Align::Min, "q-to", None),
        (columns.size, Align::Max, "q-size", Some(SortKey::Size)),
        (columns.queued, Align::Max, "q-queued", Some(SortKey::Submitted)),
        (columns.next, Align::Min, "q-next", Some(SortKey::NextTry)),
    ];
    for (cell, align, word, key) in keys.into_iter().filter(|(cell, ..)| cell.width() > 1.0) {
        heading(ui, scene, cell, align, word, key);
    }
    paint::underline(ui, rect, scene.look);
}

fn heading(ui: &mut Ui, scene: &mut Scene<'_>, cell: Rect, align: Align, id: &str, key: Option<SortKey>) {
    let (look, word) = (scene.look, scene.get(id));
    let (sorted, descending) = scene.state.queue.order();
    let is_sorted = key == Some(sorted);
    let arrow = match (is_sorted, descending) {
        (true, true) => icon::DOWN,
        (true, false) => icon::UP,
        (false, _) => "",
    };
    let color = if is_sorted { look.text } else { look.muted };
    paint::line(ui, cell, align, &format!("{word}{arrow}"), theme::secondary(), color);
    let Some(key) = key else { return };
    let response = ui.interact(cell, self::id().with(id), Sense::click());
    let name = scene.text.fmt("q-sort", &[("column", word.into())]);
    response.widget_info(|| WidgetInfo::labeled(Role::ColumnHeader, true, &name));
    paint::focus_ring(ui, &response, look);
    if response.on_hover_text(name).clicked() {
        scene.state.queue.sort_by(key);
    }
}

/// Draws a row. Gives what was clicked, and how.
fn one(ui: &mut Ui, scene: &mut Scene<'_>, index: u64, rect: Rect) -> Option<(u64, egui::Modifiers)> {
    let look = scene.look;
    let response = ui.interact(rect, id().with(index), Sense::CLICK);
    let Some(row) = scene.state.queue.row(index).cloned() else {
        let at = Columns::of(rect).subject;
        paint::line(ui, at, Align::Min, &scene.get("q-loading"), theme::secondary(), look.muted);
        return None;
    };
    let whole = rect.with_max_x(rect.right() + BESIDE);
    let is_picked = scene.state.queue.is_picked(&row);
    if is_picked {
        ui.painter().rect_filled(whole, 0.0, look.selected);
    } else if response.contains_pointer() {
        ui.painter().rect_filled(whole, 0.0, look.hovered);
    }
    if index == scene.state.queue.cursor && ui.memory(|memory| memory.has_focus(id())) {
        let mark = Rect::from_min_size(rect.min, vec2(3.0, rect.height()));
        ui.painter().rect_filled(mark, 0.0, look.accent);
    }
    response.widget_info(|| WidgetInfo::selected(Role::Row, true, is_picked, queue_row::spoken(scene, &row)));
    queue_row::show(ui, scene, &row, rect);
    let response = response.on_hover_ui(|ui| queue_row::tip(ui, scene, &row));
    if response.secondary_clicked() && !is_picked {
        scene.state.queue.pick(index, false, false);
    }
    response.context_menu(|ui| menu(ui, scene, &row));
    response.clicked().then(|| (index, ui.input(|input| input.modifiers)))
}

fn menu(ui: &mut Ui, scene: &mut Scene<'_>, row: &QueueRow) {
    use crate::mapi::QueueState;
    let mut actions = vec![Action::Hold, Action::Release, Action::Retry, Action::Reroute, Action::Save, Action::Delete];
    if row.state == QueueState::InDoubt {
        actions.insert(3, Action::TreatAsSent);
    }
    for action in actions {
        let spec = Spec { style: Style::Bare, ..scene.button(action) };
        if spec.show(ui, scene.look).clicked() {
            scene.asks.push(Ask::Do(action));
            ui.close();
        }
    }
}
