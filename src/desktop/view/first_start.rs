//! The first start: try the demo, or set up mail. Also what shows while a profile is opened, and when it can't be.

use egui::{Align, Align2, ComboBox, Layout, RichText, ScrollArea, TextEdit, Ui, vec2};

use super::super::engine::{Arrival, LineSecurity, PasswordPlace, Readiness};
use super::super::first_profile::{self, Wrong};
use super::super::icon;
use super::super::scene::{Ask, Scene};
use super::super::theme::{self, size, space};
use super::super::widget::button::{Spec, Style};
use super::super::widget::empty;

/// Draws it.
pub(crate) fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    match scene.state.readiness.clone() {
        Readiness::Ready => {}
        Readiness::Starting => {
            empty::show(ui, scene.look, icon::WAITS, &scene.get("starting"), "", |_| {});
        }
        Readiness::Failed(why) => {
            let look = scene.look;
            let (what, then) = (scene.get("failed-title"), format!("{why}\n{}", scene.get("failed-do")));
            empty::show(ui, look, icon::TROUBLE, &what, &then, |ui| demo(ui, scene, Style::Plain));
        }
        Readiness::NoProfile => {
            ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                let margin = ((ui.available_width() - 560.0) / 2.0).max(space::XL);
                egui::Frame::new()
                    .inner_margin(vec2(margin, space::XL))
                    .show(ui, |ui| if scene.state.first.open { form(ui, scene) } else { welcome(ui, scene) });
            });
        }
    }
}

fn demo(ui: &mut Ui, scene: &mut Scene<'_>, style: Style) {
    let spec = Spec { word: scene.get("first-demo"), style, ..Spec::default() };
    if spec.show(ui, scene.look).clicked() {
        scene.asks.push(Ask::Demo);
    }
}

fn welcome(ui: &mut Ui, scene: &mut Scene<'_>) {
    let look = scene.look;
    ui.add_space(space::XL * 2.0);
    ui.label(RichText::new(icon::SEND_RECEIVE).size(36.0).color(look.accent));
    ui.add_space(space::S);
    ui.label(RichText::new(scene.get("first-title")).font(theme::big()));
    ui.add_space(space::XL);
    ui.label(RichText::new(scene.get("first-demo-what")).color(look.muted));
    ui.add_space(space::XS);
    demo(ui, scene, Style::Primary);
    ui.add_space(space::XL);
    ui.label(RichText::new(scene.get("first-own-what")).color(look.muted));
    ui.add_space(space::XS);
    let spec = Spec { word: scene.get("first-own"), ..Spec::default() };
    if spec.show(ui, look).clicked() {
        scene.state.first.open = true;
    }
}

fn form(ui: &mut Ui, scene: &mut Scene<'_>) {
    ui.label(RichText::new(scene.get("first-own")).font(theme::big()));
    ui.add_space(space::L);
    let checked = first_profile::check(&scene.state.first);
    let wrong = checked.err().unwrap_or_default();
    ui.spacing_mut().item_spacing.y = space::S;
    person(ui, scene, wrong);
    ui.add_space(space::S);
    outgoing(ui, scene, wrong);
    ui.add_space(space::S);
    incoming(ui, scene, wrong);
    ui.add_space(space::S);
    password(ui, scene, wrong);
    ui.add_space(space::L);
    ui.horizontal(|ui| {
        let spec = Spec { word: scene.get("first-create"), style: Style::Primary, ..Spec::default() };
        if spec.show(ui, scene.look).clicked() {
            scene.state.first.tried = true;
            if wrong.is_none() {
                scene.asks.push(Ask::CreateProfile);
            }
        }
        let spec = Spec { word: scene.get("first-back"), ..Spec::default() };
        if spec.show(ui, scene.look).clicked() {
            scene.state.first.open = false;
            scene.state.first.was_shown = false;
        }
    });
}

/// A line of the form: a label, its fields, and below them what is wrong. A field that is still empty is wrong only once
/// Create was pressed.
fn field(
    ui: &mut Ui,
    scene: &mut Scene<'_>,
    label: &str,
    wrong: Option<&str>,
    add: impl FnOnce(&mut Ui, &mut Scene<'_>),
) {
    let look = scene.look;
    ui.horizontal(|ui| {
        let (rect, _) = ui.allocate_exact_size(vec2(150.0, size::CONTROL), egui::Sense::hover());
        let words = scene.get(label);
        super::super::widget::paint::line(ui, rect, Align::Min, &words, theme::body(), look.muted);
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| add(ui, scene));
    });
    if let Some(wrong) = wrong {
        ui.horizontal(|ui| {
            ui.add_space(150.0 + space::S);
            ui.label(RichText::new(icon::WARNING).color(look.danger));
            ui.label(RichText::new(scene.get(wrong)).font(theme::secondary()).color(look.danger));
        });
    }
}

fn edit(ui: &mut Ui, value: &mut String, name: String, width: f32, hint: &str) -> egui::Response {
    let edit = TextEdit::singleline(value).desired_width(width).hint_text(hint.to_owned());
    ui.add(edit.min_size(vec2(0.0, size::CONTROL)).align(Align2::LEFT_CENTER)).accessible_name(name)
}

/// What is wrong with a text field, unless it is empty and nobody has pressed Create yet.
fn say(scene: &Scene<'_>, value: &str, wrong: Option<&'static str>) -> Option<&'static str> {
    wrong.filter(|_| scene.state.first.tried || !value.trim().is_empty())
}

fn person(ui: &mut Ui, scene: &mut Scene<'_>, wrong: Wrong) {
    field(ui, scene, "first-name", None, |ui, scene| {
        let name = scene.get("first-name");
        let response = edit(ui, &mut scene.state.first.profile.name, name, 300.0, "Ada Lovelace");
        if !std::mem::replace(&mut scene.state.first.was_shown, true) {
            response.request_focus();
        }
    });
    let said = say(scene, &scene.state.first.profile.address, wrong.address);
    field(ui, scene, "first-address", said, |ui, scene| {
        let name = scene.get("first-address");
        edit(ui, &mut scene.state.first.profile.address, name, 300.0, "ada@example.org");
    });
    let said = say(scene, &scene.state.first.profile.user, wrong.user);
    field(ui, scene, "first-user", said, |ui, scene| {
        let name = scene.get("first-user");
        edit(ui, &mut scene.state.first.profile.user, name, 300.0, "ada");
    });
}

fn security(ui: &mut Ui, scene: &Scene<'_>, salt: &str, value: &mut LineSecurity) {
    let word = |value: LineSecurity| match value {
        LineSecurity::Tls => scene.get("first-tls"),
        LineSecurity::StartTls => scene.get("first-starttls"),
        LineSecurity::None => scene.get("first-none"),
    };
    let combo = ComboBox::from_id_salt(salt).selected_text(word(*value)).width(110.0);
    let combo = combo.show_ui(ui, |ui| {
        for choice in [LineSecurity::Tls, LineSecurity::StartTls, LineSecurity::None] {
            ui.selectable_value(value, choice, word(choice));
        }
    });
    combo.response.accessible_name(format!("{}, {salt}", scene.get("first-security")));
}

fn outgoing(ui: &mut Ui, scene: &mut Scene<'_>, wrong: Wrong) {
    let said = say(scene, &scene.state.first.profile.outgoing.host, wrong.outgoing);
    field(ui, scene, "first-outgoing", said.or(wrong.outgoing_port), |ui, scene| {
        let (name, port_name) = (scene.get("first-outgoing"), format!("{} 1", scene.get("first-port")));
        let mut server = scene.state.first.profile.outgoing.clone();
        edit(ui, &mut server.host, name.clone(), 200.0, "smtp.example.org");
        security(ui, scene, &name, &mut server.security);
        let usual = first_profile::outgoing_port(server.security).to_string();
        edit(ui, &mut scene.state.first.outgoing_port, port_name, 50.0, &usual);
        scene.state.first.profile.outgoing = server;
    });
    if scene.state.first.profile.outgoing.security == LineSecurity::None {
        warn_plain(ui, scene);
    }
}

fn incoming(ui: &mut Ui, scene: &mut Scene<'_>, wrong: Wrong) {
    field(ui, scene, "first-incoming", None, |ui, scene| {
        for (value, word) in
            [(Arrival::Imap, "first-imap"), (Arrival::Pop3, "first-pop3"), (Arrival::Nothing, "first-nothing")]
        {
            let word = scene.get(word);
            ui.radio_value(&mut scene.state.first.profile.arrival, value, word);
        }
    });
    if scene.state.first.profile.arrival == Arrival::Nothing {
        return;
    }
    let said = say(scene, &scene.state.first.profile.incoming.host, wrong.incoming);
    field(ui, scene, "first-server", said.or(wrong.incoming_port), |ui, scene| {
        let (name, port_name) = (scene.get("first-server"), format!("{} 2", scene.get("first-port")));
        let mut server = scene.state.first.profile.incoming.clone();
        edit(ui, &mut server.host, name.clone(), 200.0, "imap.example.org");
        security(ui, scene, &name, &mut server.security);
        let usual = first_profile::incoming_port(scene.state.first.profile.arrival, server.security).to_string();
        edit(ui, &mut scene.state.first.incoming_port, port_name, 50.0, &usual);
        scene.state.first.profile.incoming = server;
    });
    if scene.state.first.profile.incoming.security == LineSecurity::None {
        warn_plain(ui, scene);
    }
}

fn warn_plain(ui: &mut Ui, scene: &Scene<'_>) {
    ui.horizontal(|ui| {
        ui.add_space(150.0 + space::S);
        ui.label(RichText::new(icon::WARNING).color(scene.look.warning));
        ui.label(RichText::new(scene.get("first-warn-plain")).font(theme::secondary()).color(scene.look.warning));
    });
}

fn password(ui: &mut Ui, scene: &mut Scene<'_>, wrong: Wrong) {
    field(ui, scene, "first-password", None, |ui, scene| {
        let place = scene.state.first.profile.password.clone();
        let choices = [
            (PasswordPlace::Ask, "first-ask"),
            (PasswordPlace::Keyring, "first-keyring"),
            (PasswordPlace::Command(String::new()), "first-command"),
            (PasswordPlace::Variable(String::new()), "first-variable"),
        ];
        let same = |a: &PasswordPlace, b: &PasswordPlace| std::mem::discriminant(a) == std::mem::discriminant(b);
        let chosen = choices.iter().find(|(choice, _)| same(choice, &place)).map_or("first-ask", |(_, word)| word);
        let combo = ComboBox::from_id_salt("password").selected_text(scene.get(chosen)).width(300.0);
        let combo = combo.show_ui(ui, |ui| {
            for (choice, word) in choices {
                if ui.selectable_label(same(&choice, &place), scene.get(word)).clicked() {
                    scene.state.first.profile.password = choice;
                }
            }
        });
        combo.response.accessible_name(scene.get("first-password"));
    });
    let (label, hint) = match &scene.state.first.profile.password {
        PasswordPlace::Command(_) => ("first-command-field", scene.get("first-command-hint")),
        PasswordPlace::Variable(_) => ("first-variable-field", "MAIL_PASSWORD".to_owned()),
        PasswordPlace::Ask | PasswordPlace::Keyring => return,
    };
    let typed = matches!(&scene.state.first.profile.password,
        PasswordPlace::Command(typed) | PasswordPlace::Variable(typed) if !typed.is_empty());
    let said = wrong.password.filter(|_| scene.state.first.tried || typed);
    field(ui, scene, label, said, |ui, scene| {
        let name = scene.get(label);
        if let PasswordPlace::Command(value) | PasswordPlace::Variable(value) = &mut scene.state.first.profile.password
        {
            edit(ui, value, name, 300.0, &hint);
        }
    });
}
