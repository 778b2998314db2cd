//! What a pane shows when it has nothing to show: what is so, and what to do next.

use egui::{Align, FontId, Layout, RichText, Ui, UiBuilder};

use super::super::icon::Icon;
use super::super::theme::{self, Look, space};

/// Draws it in the middle of what is left; `more` may add a button.
pub(crate) fn show(ui: &mut Ui, look: Look, icon: Icon, what: &str, then: &str, more: impl FnOnce(&mut Ui)) {
    let room = ui.available_rect_before_wrap();
    let height = 120.0;
    let top = (room.height() - height).max(0.0) * 0.4;
    let rect = room.with_min_y(room.top() + top).shrink2(egui::vec2(space::XL, 0.0));
    let layout = Layout::top_down(Align::Center);
    ui.scope_builder(UiBuilder::new().max_rect(rect).layout(layout), |ui| {
        ui.spacing_mut().item_spacing.y = space::S;
        ui.label(RichText::new(icon).font(FontId::proportional(28.0)).color(look.muted));
        ui.label(RichText::new(what).font(theme::title()));
        if !then.is_empty() {
            ui.label(RichText::new(then).color(look.muted));
        }
        more(ui);
    });
}
