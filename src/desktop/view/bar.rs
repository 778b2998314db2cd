//! The bar: what is done most often, at the place where the eye begins.

use egui::{Align, Align2, Layout, RichText, Role, TextEdit, Ui, WidgetInfo};

use super::super::action::{Action, FIND_KEY, words};
use super::super::icon;
use super::super::scene::{Ask, Scene};
use super::super::state::{Pane, Tab};
use super::super::theme::{size, space};
use super::super::widget::button::{Spec, Style};

/// Draws it.
pub(crate) fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    let folded = ui.available_width() < size::NARROW;
    ui.horizontal_centered(|ui| {
        ui.spacing_mut().item_spacing.x = space::S;
        let primary = Spec { style: Style::Primary, ..scene.button(Action::FlushAll) };
        let response = press(ui, scene, Action::FlushAll, Spec { folded, ..primary });
        if scene.state.focus.take_if(|pane| *pane == Pane::Bar).is_some() {
            response.request_focus();
        }
        for action in [Action::SendAll, Action::ReceiveAll] {
            let spec = Spec { folded, ..scene.button(action) };
            press(ui, scene, action, spec);
        }
        if scene.facts_all.running {
            let spec = Spec { folded, style: Style::Danger, ..scene.button(Action::CancelAll) };
            press(ui, scene, Action::CancelAll, spec);
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            for action in [Action::Help, Action::Settings] {
                let spec = Spec { folded: true, style: Style::Bare, ..scene.button(action) };
                press(ui, scene, action, spec);
            }
            find(ui, scene, if folded { 150.0 } else { 230.0 });
            ui.add_space(space::S);
            let offline = scene.facts_all.offline;
            switch(ui, scene, Action::Offline, offline, folded);
            let no_ui = scene.state.no_ui;
            switch(ui, scene, Action::NoUi, no_ui, folded);
        });
    });
}

fn press(ui: &mut Ui, scene: &mut Scene<'_>, action: Action, spec: Spec) -> egui::Response {
    let response = spec.show(ui, scene.look);
    if response.clicked() {
        scene.asks.push(Ask::Do(action));
    }
    response
}

fn switch(ui: &mut Ui, scene: &mut Scene<'_>, action: Action, on: bool, folded: bool) {
    let style = if on { Style::On } else { Style::Plain };
    let spec = Spec { style, folded, ..scene.button(action) };
    let word = spec.word.clone();
    let response = press(ui, scene, action, spec);
    response.widget_info(|| WidgetInfo::selected(Role::Switch, response.enabled(), on, &word));
}

fn find(ui: &mut Ui, scene: &mut Scene<'_>, width: f32) {
    let hint = RichText::new(scene.get("act-find-hint")).color(scene.look.muted);
    let tip = format!("{}\nCtrl+F, {}", scene.text.tip("act-find"), words(&FIND_KEY));
    if !scene.state.find.is_empty() {
        let close = Spec {
            icon: Some(icon::CLOSE),
            word: scene.get("close"),
            folded: true,
            style: Style::Bare,
            ..Spec::default()
        };
        if close.show(ui, scene.look).clicked() {
            scene.state.find.clear();
        }
    }
    let name = scene.get("act-find");
    let field = TextEdit::singleline(&mut scene.state.find)
        .hint_text(hint)
        .prefix(RichText::new(icon::FIND).color(scene.look.muted))
        .desired_width(width)
        .min_size(egui::vec2(0.0, size::CONTROL))
        .align(Align2::LEFT_CENTER);
    let response = ui.add(field).accessible_name(name).on_hover_text(tip);
    if std::mem::take(&mut scene.state.focus_find) {
        response.request_focus();
    }
    if response.changed() {
        scene.state.tab = Tab::Queue;
        scene.state.only.clear();
    }
    if response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Escape)) {
        scene.state.find.clear();
        scene.state.focus = Some(Pane::Tab);
    }
}
