//! What runs: a block for each transport at work.

use egui::{Align, Layout, RichText, ScrollArea, Sense, Ui, vec2};

use super::super::action::Action;
use super::super::icon;
use super::super::row_view::{RowView, Running};
use super::super::scene::{Ask, Scene};
use super::super::sentence;
use super::super::theme::{self, space};
use super::super::widget::button::Spec;
use super::super::widget::{empty, paint};

/// Draws it.
pub(crate) fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    let rows = scene.rows;
    let mut running = rows.iter().filter(|row| row.is_transport() && row.running.is_some()).peekable();
    if running.peek().is_none() {
        let key = Action::FlushAll.entry().key_words().unwrap_or_default();
        let then = scene.text.fmt("p-empty-do", &[("key", key.into())]);
        empty::show(ui, scene.look, icon::SEND_RECEIVE, &scene.get("p-empty"), &then, |_| {});
        return;
    }
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        for row in running {
            if let Some(run) = &row.running {
                egui::Frame::new().inner_margin(space::L).show(ui, |ui| block(ui, scene, row, run));
                let line = ui.available_rect_before_wrap().with_max_y(ui.cursor().top());
                paint::underline(ui, line, scene.look);
            }
        }
    });
}

fn block(ui: &mut Ui, scene: &mut Scene<'_>, row: &RowView, run: &Running) {
    let look = scene.look;
    ui.horizontal(|ui| {
        ui.label(RichText::new(row.icon).color(look.accent));
        ui.label(RichText::new(&row.name).font(theme::title()));
        ui.label(RichText::new(sentence::headline_of(run, scene.text)));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let name = scene.text.fmt("row-cancel-of", &[("name", row.name.as_str().into())]);
            let spec = scene.button_on(Action::CancelSelected, row);
            let spec = Spec { word: scene.get("row-cancel"), name: Some(format!("{name} ")), ..spec };
            let spec = Spec { style: super::super::widget::button::Style::Plain, tip: name, ..spec };
            if spec.show(ui, look).clicked() {
                scene.asks.push(Ask::On(Action::CancelSelected, row.id.clone()));
            }
        });
    });
    let (bar, response) = ui.allocate_exact_size(vec2(ui.available_width(), 14.0), Sense::hover());
    paint::progress(ui, egui::Rect::from_center_size(bar.center(), vec2(bar.width(), 6.0)), run.fraction(), look);
    let what = sentence::headline_of(run, scene.text);
    response.widget_info(|| {
        let name =
            scene.text.fmt("p-running-a11y", &[("name", row.name.as_str().into()), ("what", what.as_str().into())]);
        egui::WidgetInfo::labeled(egui::Role::ProgressIndicator, true, name)
    });
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = space::XS;
        for (label, value) in facts(scene, row, run) {
            ui.label(RichText::new(scene.get(label)).font(theme::secondary()).color(look.muted));
            ui.label(value);
            ui.add_space(space::L);
        }
        if run.direction.is_some() {
            ui.label(RichText::new(sentence::stage_word(run, scene.text)).color(look.muted));
        }
    });
}

fn facts(scene: &Scene<'_>, row: &RowView, run: &Running) -> [(&'static str, String); 5] {
    let text = scene.text;
    let unknown = || text.get("p-unknown");
    let of = |done: String, total: Option<String>| match total {
        Some(total) => text.fmt("p-count", &[("done", done.into()), ("total", total.into())]),
        None => done,
    };
    let number = |number: u64| text.number(number.cast_signed());
    [
        ("p-messages", of(number(run.done), run.total.map(number))),
        ("p-data", of(text.size(run.bytes), run.total_bytes.map(|bytes| text.size(bytes)))),
        ("p-rate", run.rate.map_or_else(unknown, |rate| text.rate(rate))),
        ("p-left", run.time_left.map_or_else(unknown, |left| text.span(left))),
        ("p-elapsed", text.span(scene.state.began.get(&row.id).map_or(0, |began| scene.now - began))),
    ]
}
