//! How the program looks and speaks, and what it does beside its window.

use egui::{ComboBox, Grid, RichText, ScrollArea, Slider, Ui};

use super::super::scene::{Ask, Scene};
use super::super::state::{Closing, Privacy, Settings};
use super::super::text::{Language, Text};
use super::super::theme::{Scheme, space};
use super::Outcome;

/// What the title, the button and the dialog's frame take of the window's height.
const HEAD_AND_FOOT: f32 = 130.0;

pub(super) fn show(ui: &mut Ui, scene: &mut Scene<'_>) -> Outcome {
    super::title(ui, &scene.get("dlg-settings"));
    let mut settings = scene.state.settings;
    // A small window with large text has room for a part of it.
    let room = ui.ctx().content_rect().height() - HEAD_AND_FOOT;
    ScrollArea::vertical().max_height(room).show(ui, |ui| {
        Grid::new("settings").num_columns(2).spacing([space::XL, space::M]).show(ui, |ui| {
            look(ui, scene, &mut settings);
            desktop(ui, scene, &mut settings);
        });
    });
    if settings != scene.state.settings {
        scene.state.settings = settings;
        scene.asks.push(Ask::Settings);
    }
    super::close(ui, scene)
}

/// How it looks and speaks.
fn look(ui: &mut Ui, scene: &Scene<'_>, settings: &mut Settings) {
    label(ui, scene, "set-language");
    language(ui, scene, &mut settings.language);
    ui.end_row();
    label(ui, scene, "set-colours");
    colours(ui, scene, &mut settings.scheme);
    ui.end_row();
    label(ui, scene, "set-scale");
    let slider = Slider::new(&mut settings.scale, 80..=200).step_by(10.0).suffix(" %");
    ui.add(slider).accessible_name(scene.get("set-scale"));
    ui.end_row();
    label(ui, scene, "set-rows");
    ui.horizontal(|ui| {
        ui.radio_value(&mut settings.compact, false, scene.get("set-rows-comfortable"));
        ui.radio_value(&mut settings.compact, true, scene.get("set-rows-compact"));
    });
    ui.end_row();
}

/// What it does beside its window.
fn desktop(ui: &mut Ui, scene: &mut Scene<'_>, settings: &mut Settings) {
    let notify = &mut settings.notify;
    label(ui, scene, "set-notify");
    ui.horizontal(|ui| {
        ui.checkbox(&mut notify.needs_you, scene.get("set-notify-needs-you"));
        ui.checkbox(&mut notify.received, scene.get("set-notify-received"));
        ui.checkbox(&mut notify.sent, scene.get("set-notify-sent"));
    });
    ui.end_row();
    label(ui, scene, "set-privacy");
    privacy(ui, scene, &mut notify.privacy);
    ui.end_row();
    label(ui, scene, "set-closing");
    ui.horizontal(|ui| {
        ui.radio_value(&mut settings.closing, None, scene.get("set-closing-ask"));
        ui.radio_value(&mut settings.closing, Some(Closing::Quit), scene.get("set-closing-quit"));
        ui.radio_value(&mut settings.closing, Some(Closing::Keep), scene.get("set-closing-keep"));
    });
    ui.end_row();
    if let Some(mut on) = scene.state.autostart {
        label(ui, scene, "set-autostart");
        if ui.checkbox(&mut on, scene.get("set-autostart-do")).changed() {
            scene.asks.push(Ask::Autostart(on));
        }
        ui.end_row();
    }
}

fn label(ui: &mut Ui, scene: &Scene<'_>, id: &str) {
    ui.label(RichText::new(scene.get(id)).color(scene.look.muted));
}

fn language(ui: &mut Ui, scene: &Scene<'_>, chosen: &mut Option<Language>) {
    let word = |language: Option<Language>| match language {
        Some(language) => Text::new(language).get("language-name"),
        None => scene.get("set-language-system"),
    };
    let combo = ComboBox::from_id_salt("language").selected_text(word(*chosen)).width(200.0);
    let combo = combo.show_ui(ui, |ui| {
        ui.selectable_value(chosen, None, word(None));
        for language in Language::ALL {
            ui.selectable_value(chosen, Some(language), word(Some(language)));
        }
    });
    combo.response.accessible_name(scene.get("set-language"));
}

fn colours(ui: &mut Ui, scene: &Scene<'_>, chosen: &mut Scheme) {
    let word = |scheme: Scheme| {
        scene.get(match scheme {
            Scheme::System => "set-colours-system",
            Scheme::Light => "set-colours-light",
            Scheme::Dark => "set-colours-dark",
            Scheme::Contrast => "set-colours-contrast",
        })
    };
    let combo = ComboBox::from_id_salt("colours").selected_text(word(*chosen)).width(200.0);
    let combo = combo.show_ui(ui, |ui| {
        for scheme in Scheme::ALL {
            ui.selectable_value(chosen, scheme, word(scheme));
        }
    });
    combo.response.accessible_name(scene.get("set-colours"));
}

fn privacy(ui: &mut Ui, scene: &Scene<'_>, chosen: &mut Privacy) {
    let word = |wanted: Privacy| {
        let id = Privacy::ALL.iter().find(|(level, _)| *level == wanted).map_or("set-privacy-all", |(_, id)| id);
        scene.get(id)
    };
    let combo = ComboBox::from_id_salt("privacy").selected_text(word(*chosen)).width(200.0);
    let combo = combo.show_ui(ui, |ui| {
        for (level, _) in Privacy::ALL {
            ui.selectable_value(chosen, level, word(level));
        }
    });
    combo.response.accessible_name(scene.get("set-privacy"));
}
