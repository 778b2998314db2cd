//! A list of any number of rows of one height, of which only those in view are drawn.
//!
//! It keeps the first row in view as a number and not as a distance in pixels: past half a million rows such distances
//! are too coarse for the 32-bit floats of a scroll area. The list as a whole has the focus; its rows don't, so that one
//! press of Tab leaves it.

use std::ops::Range;

use egui::{EventFilter, Id, Key, Rect, Response, Role, Sense, Ui, UiBuilder, Vec2, pos2, vec2};

use super::super::theme::{Look, size, space};
use super::paint;

/// Width of the scroll bar.
const BAR: f32 = 8.0;

/// Room for the scroll bar, kept also where there is none: columns stand still when a list grows. A heading above the
/// list leaves it out as well.
pub(crate) const BESIDE: f32 = BAR + space::XS;

/// The list, before it is drawn.
#[derive(Debug)]
pub(crate) struct Rows<'a> {
    pub id: Id,
    /// Its name for screen readers.
    pub name: String,
    pub count: u64,
    pub height: f32,
    /// The first row in view and how much of it is scrolled away.
    pub top: &'a mut f64,
    /// This row is to be in view.
    pub reveal: Option<u64>,
    /// It is to have the focus.
    pub take_focus: bool,
}

/// What a key asks of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Rows down; up when negative.
    By(i64),
    /// To the first row.
    First,
    /// To the last row.
    Last,
}

/// What became of it.
#[derive(Debug)]
pub(crate) struct Shown {
    /// The rows in view.
    pub visible: Range<u64>,
    /// A key that was pressed in it, and whether with Shift.
    pub step: Option<(Step, bool)>,
}

impl Rows<'_> {
    /// Draws the rows in view with `draw`, which is given the index and the place of each.
    pub(crate) fn show(self, ui: &mut Ui, look: Look, mut draw: impl FnMut(&mut Ui, u64, Rect)) -> Shown {
        let room = ui.available_rect_before_wrap();
        ui.advance_cursor_after_rect(room);
        let response = ui.interact(room, self.id, Sense::click());
        response.widget_info(|| egui::WidgetInfo::labeled(Role::Grid, true, &self.name));
        if self.take_focus || response.clicked() {
            ui.memory_mut(|memory| memory.request_focus(self.id));
        }
        let in_view = f64::from(room.height() / self.height);
        scroll(ui, &response, self.top, self.height);
        if let Some(row) = self.reveal {
            *self.top = self.top.clamp((row as f64 + 1.0 - in_view).min(row as f64), row as f64);
        }
        let last_top = (self.count as f64 - in_view).max(0.0);
        *self.top = self.top.clamp(0.0, last_top);
        let visible = visible(*self.top, in_view, self.count);
        let width = room.width() - BESIDE;
        let mut inside = ui.new_child(UiBuilder::new().max_rect(room));
        inside.shrink_clip_rect(room);
        for index in visible.clone() {
            #[expect(clippy::cast_possible_truncation, reason = "a distance within the window")]
            let y = room.top() + ((index as f64 - *self.top) as f32) * self.height;
            draw(&mut inside, index, Rect::from_min_size(pos2(room.left(), y), vec2(width, self.height)));
        }
        if last_top > 0.0 {
            scroll_bar(ui, room, self.id.with("bar"), self.top, last_top, in_view, look);
        }
        paint::focus_ring(ui, &response, look);
        let step = keys(ui, self.id, in_view);
        Shown { visible, step }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the rows there are")]
fn visible(top: f64, in_view: f64, count: u64) -> Range<u64> {
    (top.floor() as u64).min(count)..((top + in_view).ceil() as u64).min(count)
}

fn scroll(ui: &Ui, response: &Response, top: &mut f64, height: f32) {
    if response.contains_pointer() {
        let delta = ui.input(egui::InputState::smooth_scroll_delta);
        *top -= f64::from(delta.y / height);
    }
}

#[expect(clippy::too_many_arguments, reason = "what a bar is made of")]
fn scroll_bar(ui: &Ui, room: Rect, id: Id, top: &mut f64, last_top: f64, in_view: f64, look: Look) {
    let track = Rect::from_min_max(pos2(room.right() - BAR, room.top()), room.max);
    #[expect(clippy::cast_possible_truncation, reason = "a share of a bar")]
    let share = (in_view / (last_top + in_view)) as f32;
    let length = (track.height() * share).clamp(24.0, track.height());
    let way = f64::from(track.height() - length);
    let response = ui.interact(track, id, Sense::DRAG | Sense::CLICK);
    if let Some(pointer) = response.interact_pointer_pos()
        && way > 0.0
    {
        *top = (f64::from(pointer.y - track.top() - length / 2.0) / way * last_top).clamp(0.0, last_top);
    }
    #[expect(clippy::cast_possible_truncation, reason = "a distance within the window")]
    let y = track.top() + (way * (*top / last_top).clamp(0.0, 1.0)) as f32;
    let handle = Rect::from_min_size(pos2(track.left(), y), Vec2::new(BAR, length)).shrink2(vec2(1.0, 1.0));
    let color = if response.hovered() || response.dragged() { look.muted } else { look.line };
    ui.painter().rect_filled(handle, size::CORNER, color);
}

/// The key that was pressed while the list has the focus. Arrow keys move within it and don't leave it.
fn keys(ui: &Ui, id: Id, in_view: f64) -> Option<(Step, bool)> {
    if !ui.memory(|memory| memory.has_focus(id)) {
        return None;
    }
    let filter = EventFilter { vertical_arrows: true, horizontal_arrows: true, escape: true, tab: false };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(id, filter));
    #[expect(clippy::cast_possible_truncation, reason = "the rows of a window")]
    let page = (in_view as i64 - 1).max(1);
    let pressed = [
        (Key::ArrowDown, Step::By(1)),
        (Key::ArrowUp, Step::By(-1)),
        (Key::PageDown, Step::By(page)),
        (Key::PageUp, Step::By(-page)),
        (Key::Home, Step::First),
        (Key::End, Step::Last),
    ];
    ui.input_mut(|input| {
        let shift = input.modifiers.shift;
        let mut presses = pressed.into_iter().filter_map(|(key, step)| {
            let held = if shift { egui::Modifiers::SHIFT } else { egui::Modifiers::NONE };
            let times = i64::try_from(input.count_and_consume_key(held, key)).unwrap_or(0);
            let step = if let Step::By(by) = step { Step::By(by * times) } else { step };
            (times > 0).then_some((step, shift))
        });
        presses.next()
    })
}
