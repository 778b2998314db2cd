//! What happened, line by line.

use egui::{Align, Id, Layout, Rect, Role, Sense, Ui, UiBuilder, WidgetInfo, vec2};

use super::super::icon::{self, Icon};
use super::super::row_view::Tone;
use super::super::scene::Scene;
use super::super::state::Pane;
use super::super::theme::{self, size, space};
use super::super::widget::button::{Spec, Style};
use super::super::widget::rows::{Rows, Step};
use super::super::widget::{empty, paint};
use crate::spooler::LogLine;
use crate::transport::Severity;

const KINDS: [(Severity, &str, &str, Icon, Tone); 3] = [
    (Severity::Info, "log-info", "sev-info", icon::INFO, Tone::Quiet),
    (Severity::Warning, "log-warning", "sev-warning", icon::WARNING, Tone::Warning),
    (Severity::Error, "log-error", "sev-error", icon::TROUBLE, Tone::Danger),
];

/// The focus of the list.
pub(crate) fn id() -> Id {
    Id::unique("log-list")
}

/// Draws it.
pub(crate) fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    let focus = scene.state.focus.take_if(|pane| *pane == Pane::Tab).is_some();
    if scene.state.log.lines.is_empty() {
        empty::show(ui, scene.look, icon::INFO, &scene.get("log-empty"), &scene.get("log-empty-do"), |_| {});
        return;
    }
    kinds(ui, scene);
    // Taken out while they are drawn, since the rest of the state changes meanwhile.
    let lines = std::mem::take(&mut scene.state.log.lines);
    let hidden = &scene.state.log.hidden;
    let shown: Vec<&LogLine> = lines.iter().filter(|line| !hidden.contains(&line.severity)).collect();
    if shown.is_empty() {
        empty::show(ui, scene.look, icon::INFO, &scene.get("log-none"), &scene.get("log-none-do"), |_| {});
    } else {
        list(ui, scene, &shown, focus);
    }
    scene.state.log.lines = lines;
}

fn kinds(ui: &mut Ui, scene: &mut Scene<'_>) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 38.0), Sense::hover());
    let inside = rect.shrink2(vec2(space::L, 0.0));
    let mut ui = ui.new_child(UiBuilder::new().max_rect(inside).layout(Layout::left_to_right(Align::Center)));
    for (kind, word, _, glyph, _) in KINDS {
        let on = !scene.state.log.hidden.contains(&kind);
        let word = scene.get(word);
        let style = if on { Style::On } else { Style::Plain };
        let spec = Spec { icon: Some(glyph), word: word.clone(), style, ..Spec::default() };
        let response = spec.show(&mut ui, scene.look);
        response.widget_info(|| WidgetInfo::selected(Role::Switch, true, on, &word));
        if response.clicked() && !scene.state.log.hidden.remove(&kind) {
            scene.state.log.hidden.insert(kind);
        }
    }
    paint::underline(&ui, rect, scene.look);
}

fn list(ui: &mut Ui, scene: &mut Scene<'_>, lines: &[&LogLine], focus: bool) {
    let look = scene.look;
    let count = lines.len() as u64;
    let mut top = scene.state.log.top;
    let rows = Rows {
        id: id(),
        name: scene.get("a11y-log"),
        count,
        height: 24.0,
        top: &mut top,
        reveal: scene.state.log.follows.then(|| count.saturating_sub(1)),
        take_focus: focus,
    };
    let shown = rows.show(ui, look, |ui, index, rect| {
        if let Some(line) = usize::try_from(index).ok().and_then(|index| lines.get(index)) {
            one(ui, scene, index, line, rect);
        }
    });
    match shown.step {
        Some((Step::By(by), _)) => top += by as f64,
        Some((Step::First, _)) => top = 0.0,
        Some((Step::Last, _)) => top = count as f64,
        None => {}
    }
    let log = &mut scene.state.log;
    // Whoever scrolls away from the end reads; whoever comes back to it follows again.
    let moved = (top - log.top).abs() > f64::EPSILON;
    if moved {
        log.follows = shown.visible.end >= count && top >= log.top;
    }
    log.top = top;
}

fn one(ui: &Ui, scene: &Scene<'_>, index: u64, line: &LogLine, rect: Rect) {
    let look = scene.look;
    let kind = KINDS.into_iter().find(|(kind, ..)| *kind == line.severity);
    let (_, _, severity, glyph, tone) = kind.unwrap_or(KINDS[0]);
    let mut x = rect.left() + space::L;
    let mut cell = |width: f32| {
        let cell = Rect::from_min_size(egui::pos2(x, rect.top()), vec2(width, rect.height()));
        x += width + space::M;
        cell
    };
    let (time, mark, who) = (cell(60.0), cell(size::ICON), cell(110.0));
    let text = cell(0.0).with_max_x(rect.right() - space::M);
    let at = scene.text.time_of_day(line.at);
    paint::line(ui, time, Align::Min, &at, theme::secondary(), look.muted);
    paint::icon(ui, mark, glyph, size::ICON - 1.0, tone.color(look));
    let name = line.transport.clone().unwrap_or_else(|| scene.get("log-spooler"));
    paint::line_cut_in_the_middle(ui, who, &name, theme::secondary(), look.muted);
    let cut = paint::line(ui, text, Align::Min, &line.text, theme::body(), look.text);
    let response = ui.interact(rect, id().with(index), Sense::hover());
    response.widget_info(|| {
        let said = format!("{at}, {}, {name}: {}", scene.get(severity), line.text);
        WidgetInfo::labeled(Role::Row, true, said)
    });
    if cut {
        response.on_hover_text(&line.text);
    }
}
