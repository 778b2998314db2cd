//! All shortcuts, from the one table of actions.

use egui::{Grid, RichText, ScrollArea, Ui};

use super::super::action::{Action, FIND_KEY, Place, TABLE, words};
use super::super::scene::Scene;
use super::super::theme::{self, space};
use super::Outcome;

pub(super) fn show(ui: &mut Ui, scene: &mut Scene<'_>) -> Outcome {
    super::title(ui, &scene.get("dlg-help"));
    let height = (ui.ctx().content_rect().height() - 180.0).max(120.0);
    ScrollArea::vertical().max_height(height).show(ui, |ui| {
        Grid::new("shortcuts").num_columns(2).spacing([space::XL, 6.0]).show(ui, |ui| {
            part(ui, scene, "dlg-help-everywhere", |place| matches!(place, Place::Everywhere | Place::NotTyping));
            part(ui, scene, "dlg-help-queue", |place| place == Place::Queue);
            heading(ui, scene, "dlg-help-lists");
            part_of(ui, scene, |place| place == Place::Status);
            line(ui, scene, &scene.get("help-arrows-do"), &scene.get("help-arrows"));
        });
    });
    super::close(ui, scene)
}

fn heading(ui: &mut Ui, scene: &Scene<'_>, id: &str) {
    ui.label(RichText::new(scene.get(id)).font(theme::strong()));
    ui.end_row();
}

fn part(ui: &mut Ui, scene: &Scene<'_>, heading: &str, belongs: impl Fn(Place) -> bool) {
    self::heading(ui, scene, heading);
    part_of(ui, scene, belongs);
}

fn part_of(ui: &mut Ui, scene: &Scene<'_>, belongs: impl Fn(Place) -> bool) {
    for entry in TABLE.iter().filter(|entry| belongs(entry.place) && !entry.keys.is_empty()) {
        let mut keys: Vec<String> = entry.keys.iter().map(words).collect();
        if entry.action == Action::Find {
            keys.push(words(&FIND_KEY));
        }
        line(ui, scene, &scene.get(entry.id), &keys.join(", "));
    }
}

fn line(ui: &mut Ui, scene: &Scene<'_>, what: &str, keys: &str) {
    ui.label(what);
    ui.label(RichText::new(keys).color(scene.look.muted));
    ui.end_row();
}
