//! Buttons: an icon and a word, or an icon alone; all say their key in the tip, and when they are disabled, why.

use egui::{Button, FontId, Response, RichText, Stroke, StrokeKind, Ui, Vec2, vec2};

use super::super::icon::Icon;
use super::super::theme::{self, Look, size};

/// How a button looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Style {
    /// Outlined.
    #[default]
    Plain,
    /// Filled with the accent: one at a time.
    Primary,
    /// For what can't be undone.
    Danger,
    /// Without an outline until the pointer comes: in rows and toolbars.
    Bare,
    /// Pressed in: a switch that is on.
    On,
}

/// A button, before it is drawn.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spec {
    pub icon: Option<Icon>,
    /// The word; also its name for screen readers.
    pub word: String,
    /// The name for screen readers, where the word alone says too little.
    pub name: Option<String>,
    /// The word is not drawn.
    pub folded: bool,
    pub style: Style,
    /// What it does; possibly empty.
    pub tip: String,
    /// Its key, in words.
    pub key: Option<String>,
    /// Why it can't be pressed.
    pub why_not: Option<String>,
}

impl Spec {
    /// Draws it.
    pub(crate) fn show(self, ui: &mut Ui, look: Look) -> Response {
        let color = match self.style {
            Style::Primary => look.on_accent,
            Style::Danger => look.danger,
            Style::On => look.accent,
            Style::Plain | Style::Bare => look.text,
        };
        let glyph = |icon: Icon| RichText::new(icon).font(FontId::proportional(size::ICON)).color(color);
        let font = if self.style == Style::Primary { theme::strong() } else { theme::body() };
        let word = RichText::new(&self.word).font(font).color(color);
        let button = match self.icon {
            Some(icon) if self.folded || self.word.is_empty() => Button::new(glyph(icon)),
            Some(icon) => Button::new((glyph(icon), word)),
            None => Button::new(word),
        };
        let button = self.dressed(button, look).min_size(self.min_size());
        let enabled = self.why_not.is_none();
        let response = if self.folded {
            // Square: an icon and as much room on each side.
            let around = (size::CONTROL - size::ICON) / 2.0 - 1.0;
            ui.scope(|ui| {
                ui.spacing_mut().button_padding.x = around;
                ui.add_enabled(enabled, button)
            })
            .inner
        } else {
            ui.add_enabled(enabled, button)
        };
        let response = response.accessible_name(self.name.unwrap_or_else(|| self.word.clone()));
        if self.style == Style::Primary && response.has_focus() {
            let ring = response.rect.expand(2.0);
            ui.painter().rect_stroke(ring, size::CORNER + 2, Stroke::new(2.0, look.accent), StrokeKind::Outside);
        }
        if let Some(why) = self.why_not {
            return response.on_disabled_hover_text(why);
        }
        let what = if self.tip.is_empty() && self.folded { self.word } else { self.tip };
        let tip = match self.key {
            Some(key) if what.is_empty() => key,
            Some(key) => format!("{what}\n{key}"),
            None => what,
        };
        if tip.is_empty() { response } else { response.on_hover_text(tip) }
    }

    fn dressed<'a>(&self, button: Button<'a>, look: Look) -> Button<'a> {
        match self.style {
            Style::Primary => button.fill(look.accent).stroke(Stroke::new(1.0, look.accent)),
            Style::Danger => button.stroke(Stroke::new(1.0, look.danger)),
            Style::On => button.fill(look.selected).stroke(Stroke::new(1.0, look.accent)),
            Style::Bare => button.frame_when_inactive(false),
            Style::Plain => button,
        }
    }

    fn min_size(&self) -> Vec2 {
        if self.folded || self.word.is_empty() { Vec2::splat(size::CONTROL) } else { vec2(0.0, size::CONTROL) }
    }
}
