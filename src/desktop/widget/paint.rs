//! Text and lines drawn at exact places, for rows whose columns must stand still while their numbers change.

use std::sync::Arc;

use egui::text::{LayoutJob, TextFormat, TextWrapping};
use egui::{Align, Color32, FontId, Galley, Painter, Rect, Response, Shape, Stroke, StrokeKind, Ui, pos2, vec2};

use super::super::theme::{Look, size};

fn galley(painter: &Painter, text: &str, font: FontId, color: Color32, width: f32, lines: usize) -> Arc<Galley> {
    let mut job = LayoutJob::single_section(text.to_owned(), TextFormat::simple(font, color));
    job.wrap = TextWrapping {
        max_width: width.max(0.0),
        max_rows: lines,
        break_anywhere: lines == 1,
        overflow_character: Some('…'),
    };
    painter.layout_job(job)
}

/// One line of text in a rectangle, centred in height, cut at its end. Gives whether something was cut.
pub(crate) fn line(ui: &Ui, rect: Rect, align: Align, text: &str, font: FontId, color: Color32) -> bool {
    let galley = galley(ui.painter(), text, font, color, rect.width(), 1);
    let x = match align {
        Align::Min => rect.left(),
        Align::Center => rect.center().x - galley.size().x / 2.0,
        Align::Max => rect.right() - galley.size().x,
    };
    let at = pos2(x, rect.center().y - galley.size().y / 2.0);
    let cut = galley.elided;
    ui.painter().galley(at, galley, color);
    cut
}

/// One line of text that loses its middle rather than its end: names and addresses differ at both. Gives whether
/// something was cut.
pub(crate) fn line_cut_in_the_middle(ui: &Ui, rect: Rect, text: &str, font: FontId, color: Color32) -> bool {
    let width_of = |text: &str| width(ui, text, font.clone());
    if width_of(text) <= rect.width() {
        return line(ui, rect, Align::Min, text, font, color);
    }
    let letters: Vec<char> = text.chars().collect();
    let shortened = |kept: usize| -> String {
        let (head, tail) = (kept.div_ceil(2), kept / 2);
        let end = letters.iter().skip(letters.len().saturating_sub(tail));
        letters.iter().take(head).chain(['…'].iter()).chain(end).collect()
    };
    // The most letters that fit.
    let (mut fits, mut too_many) = (0, letters.len());
    while fits + 1 < too_many {
        let kept = usize::midpoint(fits, too_many);
        if width_of(&shortened(kept)) <= rect.width() {
            fits = kept;
        } else {
            too_many = kept;
        }
    }
    line(ui, rect, Align::Min, &shortened(fits), font, color);
    true
}

/// How wide a line of text is.
pub(crate) fn width(ui: &Ui, text: &str, font: FontId) -> f32 {
    galley(ui.painter(), text, font, Color32::PLACEHOLDER, f32::INFINITY, 1).size().x
}

/// An icon in the middle of a rectangle.
pub(crate) fn icon(ui: &Ui, rect: Rect, icon: &str, points: f32, color: Color32) {
    line(ui, rect.expand(size::ICON), Align::Center, icon, FontId::proportional(points), color);
}

/// A one-pixel line along the lower edge.
pub(crate) fn underline(ui: &Ui, rect: Rect, look: Look) {
    ui.painter().hline(rect.x_range(), rect.bottom() - 0.5, Stroke::new(1.0, look.line));
}

/// A thin bar: how much is done; or, dashed, that nobody knows how much there is.
pub(crate) fn progress(ui: &Ui, rect: Rect, fraction: Option<f32>, look: Look) {
    let corner = rect.height() / 2.0;
    let Some(fraction) = fraction else {
        let line = Stroke::new(rect.height(), look.accent);
        ui.painter().extend(Shape::dashed_line(&[rect.left_center(), rect.right_center()], line, 6.0, 6.0));
        return;
    };
    ui.painter().rect_filled(rect, corner, look.line);
    let done = Rect::from_min_size(rect.min, vec2(rect.width() * fraction.clamp(0.0, 1.0), rect.height()));
    ui.painter().rect_filled(done, corner, look.accent);
}

/// The ring around what has the focus.
pub(crate) fn focus_ring(ui: &Ui, response: &Response, look: Look) {
    if response.has_focus() {
        let stroke = Stroke::new(2.0, look.accent);
        ui.painter().rect_stroke(response.rect, size::CORNER, stroke, StrokeKind::Inside);
    }
}
