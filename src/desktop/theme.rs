//! Every colour, size and font of the window. No other file names one.
//!
//! A [`Look`] is a set of tokens; [`apply`] makes egui's own widgets wear it. The fonts are shipped: what a person sees
//! does not depend on what a machine has installed, and figures are of one width, so that numbers that change don't
//! make their neighbours move.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

use egui::style::{ScrollStyle, Selection, WidgetVisuals, Widgets};
use egui::{Color32, Context, CornerRadius, FontData, FontDefinitions, FontFamily, FontId, Margin, Stroke, Style};
use egui::{TextStyle, Theme, Vec2, Visuals, vec2};

/// Steps of space, in points.
pub mod space {
    /// Between an icon and its word.
    pub const XS: f32 = 4.0;
    /// Between neighbours.
    pub const S: f32 = 8.0;
    /// Around content.
    pub const M: f32 = 12.0;
    /// Around groups.
    pub const L: f32 = 16.0;
    /// Around what stands alone.
    pub const XL: f32 = 24.0;
}

/// Sizes of text, in points.
pub mod size {
    /// Values and controls.
    pub const BODY: f32 = 13.0;
    /// Labels, units, ages.
    pub const SECONDARY: f32 = 12.0;
    /// Titles of panes and dialogs.
    pub const TITLE: f32 = 15.0;
    /// The one big line of an empty pane.
    pub const BIG: f32 = 20.0;
    /// Icons in rows and buttons.
    pub const ICON: f32 = 16.0;
    /// Icons that stand for a whole row.
    pub const ICON_LARGE: f32 = 20.0;
    /// Height of controls.
    pub const CONTROL: f32 = 28.0;
    /// Thickness of the progress line in a row.
    pub const PROGRESS: f32 = 2.0;
    /// Radius of corners.
    pub const CORNER: u8 = 6;
    /// Narrower than this the bar folds into icons and the rows into two lines.
    pub const NARROW: f32 = 900.0;
}

/// Which colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// As the desktop has it.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
    /// Black and white, nothing muted; light or dark as the desktop has it.
    Contrast,
}

impl Scheme {
    /// Every scheme, in the order of the settings.
    pub const ALL: [Self; 4] = [Self::System, Self::Light, Self::Dark, Self::Contrast];
}

/// The colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Behind everything.
    pub background: Color32,
    /// Panels and tables.
    pub surface: Color32,
    /// Separators, outlines.
    pub line: Color32,
    /// Values.
    pub text: Color32,
    /// Labels, units, ages.
    pub muted: Color32,
    /// The primary button, selection, progress.
    pub accent: Color32,
    /// On the accent.
    pub on_accent: Color32,
    /// Behind what is selected.
    pub selected: Color32,
    /// Behind what the pointer is on.
    pub hovered: Color32,
    /// All is well.
    pub success: Color32,
    /// Should be looked at.
    pub warning: Color32,
    /// Needs a hand.
    pub danger: Color32,
}

const fn rgb(hex: u32) -> Color32 {
    let [_, red, green, blue] = hex.to_be_bytes();
    Color32::from_rgb(red, green, blue)
}

/// The light look.
pub const LIGHT: Look = Look {
    background: rgb(0x00F6_F7F9),
    surface: rgb(0x00FF_FFFF),
    line: rgb(0x00D9_DEE5),
    text: rgb(0x001B_2430),
    muted: rgb(0x0056_6272),
    accent: rgb(0x000A_64BC),
    on_accent: rgb(0x00FF_FFFF),
    selected: rgb(0x00E3_EEFA),
    hovered: rgb(0x00F0_F3F7),
    success: rgb(0x001A_7F37),
    warning: rgb(0x008F_5F00),
    danger: rgb(0x00C0_262C),
};

/// The dark look.
pub const DARK: Look = Look {
    background: rgb(0x0014_181E),
    surface: rgb(0x001C_222B),
    line: rgb(0x0032_3B47),
    text: rgb(0x00E6_EAF0),
    muted: rgb(0x009A_A6B5),
    accent: rgb(0x005A_B0FF),
    on_accent: rgb(0x000B_1520),
    selected: rgb(0x0022_3A54),
    hovered: rgb(0x0025_2D38),
    success: rgb(0x004C_C36B),
    warning: rgb(0x00E3_B341),
    danger: rgb(0x00FF_7B72),
};

/// Black on white.
pub const CONTRAST_LIGHT: Look = Look {
    background: rgb(0x00FF_FFFF),
    surface: rgb(0x00FF_FFFF),
    line: rgb(0x0000_0000),
    text: rgb(0x0000_0000),
    muted: rgb(0x0000_0000),
    accent: rgb(0x0000_3C8F),
    on_accent: rgb(0x00FF_FFFF),
    selected: rgb(0x00D6_E6FF),
    hovered: rgb(0x00EE_EEEE),
    success: rgb(0x0000_4D1A),
    warning: rgb(0x005C_3A00),
    danger: rgb(0x008B_0000),
};

/// White on black.
pub const CONTRAST_DARK: Look = Look {
    background: rgb(0x0000_0000),
    surface: rgb(0x0000_0000),
    line: rgb(0x00FF_FFFF),
    text: rgb(0x00FF_FFFF),
    muted: rgb(0x00FF_FFFF),
    accent: rgb(0x008C_C8FF),
    on_accent: rgb(0x0000_0000),
    selected: rgb(0x0000_3566),
    hovered: rgb(0x0026_2626),
    success: rgb(0x007D_FF9B),
    warning: rgb(0x00FF_D75E),
    danger: rgb(0x00FF_A39C),
};

impl Look {
    /// The look that is worn now.
    pub const fn of(scheme: Scheme, theme: Theme) -> Self {
        match (scheme, theme) {
            (Scheme::Contrast, Theme::Light) => CONTRAST_LIGHT,
            (Scheme::Contrast, Theme::Dark) => CONTRAST_DARK,
            (_, Theme::Light) => LIGHT,
            (_, Theme::Dark) => DARK,
        }
    }
}

/// The family of the bold weight.
pub fn semibold() -> FontFamily {
    FontFamily::Name("semibold".into())
}

/// Body text.
pub const fn body() -> FontId {
    FontId::proportional(size::BODY)
}

/// Labels, units, ages.
pub const fn secondary() -> FontId {
    FontId::proportional(size::SECONDARY)
}

/// Names: body in the bold weight.
pub fn strong() -> FontId {
    FontId::new(size::BODY, semibold())
}

/// Titles of panes and dialogs.
pub fn title() -> FontId {
    FontId::new(size::TITLE, semibold())
}

/// The one big line.
pub fn big() -> FontId {
    FontId::new(size::BIG, semibold())
}

/// Installs the fonts. Icons are in each family, so that they can stand in running text.
pub fn install_fonts(ctx: &Context) {
    let mut fonts = FontDefinitions::empty();
    let shipped: [(&str, &'static [u8]); 3] = [
        ("inter", include_bytes!("../../assets/fonts/Inter-Regular.ttf")),
        ("inter-semibold", include_bytes!("../../assets/fonts/Inter-SemiBold.ttf")),
        ("icons", include_bytes!("../../assets/fonts/Icons.ttf")),
    ];
    for (name, bytes) in shipped {
        let mut data = FontData::from_static(bytes);
        if name == "icons" {
            // The icons' boxes are as high as a line, Inter's capitals are not: this centres one on the other.
            data.tweak.y_offset_factor = 0.02;
        }
        fonts.font_data.insert(name.to_owned(), Arc::new(data));
    }
    let family = |first: &str| vec![first.to_owned(), "icons".to_owned()];
    fonts.families.insert(FontFamily::Proportional, family("inter"));
    fonts.families.insert(FontFamily::Monospace, family("inter"));
    fonts.families.insert(semibold(), family("inter-semibold"));
    ctx.set_fonts(fonts);
}

/// Makes egui's widgets wear this scheme, in both themes. A desktop that says nothing is a light one.
pub fn apply(ctx: &Context, scheme: Scheme) {
    ctx.options_mut(|options| options.fallback_theme = Theme::Light);
    ctx.set_theme(match scheme {
        Scheme::Light => egui::ThemePreference::Light,
        Scheme::Dark => egui::ThemePreference::Dark,
        Scheme::System | Scheme::Contrast => egui::ThemePreference::System,
    });
    for theme in [Theme::Light, Theme::Dark] {
        let look = Look::of(scheme, theme);
        ctx.style_mut_of(theme, |style| dress(style, theme, look));
    }
}

fn dress(style: &mut Style, theme: Theme, look: Look) {
    style.text_styles = [
        (TextStyle::Small, secondary()),
        (TextStyle::Body, body()),
        (TextStyle::Button, body()),
        (TextStyle::Heading, title()),
        (TextStyle::Monospace, body()),
    ]
    .into();
    let spacing = &mut style.spacing;
    spacing.item_spacing = vec2(space::S, space::XS);
    spacing.button_padding = vec2(10.0, space::XS);
    spacing.interact_size = Vec2::splat(size::CONTROL);
    spacing.window_margin = Margin::same(16);
    spacing.menu_margin = Margin::same(6);
    spacing.tooltip_width = 420.0;
    spacing.scroll = ScrollStyle::solid();
    spacing.scroll.bar_width = 8.0;
    style.interaction.selectable_labels = false;
    style.interaction.tooltip_delay = 0.4;
    style.animation_time = 0.0;
    style.visuals = visuals(theme, look);
}

fn visuals(theme: Theme, look: Look) -> Visuals {
    let mut visuals = match theme {
        Theme::Light => Visuals::light(),
        Theme::Dark => Visuals::dark(),
    };
    let corner = CornerRadius::same(size::CORNER);
    let line = Stroke::new(1.0, look.line);
    // Buttons are filled with the weak colour; the boxes and circles of choices with the other, to be seen on it.
    let widget = |fill: Color32, stroke: Stroke| WidgetVisuals {
        bg_fill: look.line,
        weak_bg_fill: fill,
        bg_stroke: stroke,
        corner_radius: corner,
        fg_stroke: Stroke::new(1.0, look.text),
        expansion: 0.0,
    };
    visuals.widgets = Widgets {
        noninteractive: widget(look.surface, line),
        inactive: widget(look.surface, line),
        hovered: widget(look.hovered, Stroke::new(1.0, look.muted)),
        active: widget(look.selected, Stroke::new(1.5, look.accent)),
        open: widget(look.hovered, Stroke::new(1.0, look.accent)),
    };
    visuals.selection = Selection { bg_fill: look.selected, stroke: Stroke::new(1.5, look.accent) };
    visuals.override_text_color = Some(look.text);
    visuals.weak_text_color = Some(look.muted);
    visuals.hyperlink_color = look.accent;
    visuals.warn_fg_color = look.warning;
    visuals.error_fg_color = look.danger;
    visuals.faint_bg_color = look.hovered;
    visuals.extreme_bg_color = look.surface;
    visuals.text_edit_bg_color = Some(look.surface);
    visuals.panel_fill = look.background;
    visuals.window_fill = look.surface;
    visuals.window_stroke = line;
    visuals.window_corner_radius = CornerRadius::same(size::CORNER + 2);
    visuals.menu_corner_radius = corner;
    visuals.disabled_alpha = 0.45;
    // A cursor that blinks is a frame twice a second.
    visuals.text_cursor.blink = false;
    visuals
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance (WCAG 2.2).
    fn luminance(color: Color32) -> f64 {
        let part = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.03928 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(color.r()) + 0.7152 * part(color.g()) + 0.0722 * part(color.b())
    }

    fn contrast(a: Color32, b: Color32) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn all_text_can_be_read_on_all_it_stands_on() {
        for look in [LIGHT, DARK, CONTRAST_LIGHT, CONTRAST_DARK] {
            let behind = [look.background, look.surface, look.selected, look.hovered];
            for text in [look.text, look.muted, look.accent, look.success, look.warning, look.danger] {
                for behind in behind {
                    let contrast = contrast(text, behind);
                    assert!(contrast >= 4.5, "{text:?} on {behind:?}: {contrast:.2}");
                }
            }
            assert!(contrast(look.on_accent, look.accent) >= 4.5);
        }
    }
}
