//! The tabs, and the content of the one that is chosen.

use egui::{Margin, Role, Sense, Ui, WidgetInfo, vec2};

use super::super::scene::Scene;
use super::super::state::Tab;
use super::super::theme::{self, size, space};
use super::super::widget::paint;

/// Draws them.
pub(crate) fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    header(ui, scene);
    egui::Frame::new().inner_margin(Margin::ZERO).show(ui, |ui| match scene.state.tab {
        Tab::Queue => super::queue::show(ui, scene),
        Tab::Progress => super::progress::show(ui, scene),
        Tab::Problems => super::problems::show(ui, scene),
        Tab::Log => super::log::show(ui, scene),
        Tab::Properties => super::properties::show(ui, scene),
    });
}

/// How many things are behind a tab.
fn badge(scene: &Scene<'_>, tab: Tab) -> u64 {
    match tab {
        Tab::Queue => scene.state.queue.total().unwrap_or(0),
        Tab::Progress => scene.rows.iter().filter(|row| row.is_transport() && row.running.is_some()).count() as u64,
        Tab::Problems => scene.problem_count() as u64,
        Tab::Log | Tab::Properties => 0,
    }
}

fn header(ui: &mut Ui, scene: &mut Scene<'_>) {
    let height = 36.0;
    let look = scene.look;
    let line = ui.available_rect_before_wrap().with_max_y(ui.cursor().top() + height);
    paint::underline(ui, line, look);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        ui.add_space(space::XS);
        for (tab, id) in Tab::ALL {
            let is_on = scene.state.tab == tab;
            let word = scene.get(id);
            let number = badge(scene, tab);
            let number = if number > 0 { scene.text.number(number.cast_signed()) } else { String::new() };
            let font = if is_on { theme::strong() } else { theme::body() };
            // As wide as the bold word, so that choosing a tab moves nothing.
            let wide = paint::width(ui, &word, theme::strong());
            let gap = if number.is_empty() { 0.0 } else { space::XS + 2.0 };
            let more = paint::width(ui, &number, theme::secondary());
            let (rect, response) =
                ui.allocate_exact_size(vec2(wide + gap + more + space::M * 2.0, height), Sense::click());
            let color = if is_on || response.hovered() { look.text } else { look.muted };
            let at = rect.with_min_x(rect.left() + space::M);
            paint::line(ui, at, egui::Align::Min, &word, font, color);
            let tint = if tab == Tab::Problems { look.danger } else { look.muted };
            let at = at.with_min_x(at.left() + wide + gap);
            paint::line(ui, at, egui::Align::Min, &number, theme::secondary(), tint);
            if is_on {
                let mark = rect.shrink2(vec2(space::M - 2.0, 0.0)).with_min_y(rect.bottom() - 2.0);
                ui.painter().rect_filled(mark, 1.0, look.accent);
            }
            if response.has_focus() {
                let stroke = egui::Stroke::new(2.0, look.accent);
                ui.painter().rect_stroke(rect.shrink(3.0), size::CORNER, stroke, egui::StrokeKind::Inside);
            }
            response
                .widget_info(|| WidgetInfo::selected(Role::Tab, true, is_on, format!("{word} {number}").trim_end()));
            if response.clicked() {
                scene.state.tab = tab;
            }
        }
    });
}
