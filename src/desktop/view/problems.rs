//! What needs a hand, each with the one thing to do about it.

use egui::{Align, Layout, RichText, ScrollArea, Ui};

use super::super::action::Action;
use super::super::icon::{self, Icon};
use super::super::row_view::{Asked, RowView, Tone};
use super::super::scene::{Ask, Scene};
use super::super::sentence;
use super::super::text::count;
use super::super::theme::{self, size, space};
use super::super::widget::button::{Spec, Style};
use super::super::widget::{empty, paint};
use crate::mapi::{Class, Failure, QueueState};
use crate::spool::{Filter, QueueVerb, Selection};

/// A problem of one transport.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Problem<'a> {
    /// It asks something.
    Question(&'a Asked),
    /// Its last run ended before its time.
    Failure(&'a Failure),
    /// So many messages may or may not have arrived.
    InDoubt(u64),
    /// So many messages were refused for good.
    Refused(u64),
}

impl Problem<'_> {
    /// Waiting does not help: a person has to do something.
    pub(crate) const fn needs_person(&self) -> bool {
        match self {
            Self::Failure(failure) => matches!(
                failure.class,
                Class::Login | Class::NeedsPerson | Class::Trust | Class::Configuration | Class::Local
            ),
            Self::Question(_) | Self::InDoubt(_) | Self::Refused(_) => true,
        }
    }

    /// A run that may ask settles it: there is a question, or there would be one.
    const fn can_be_asked(&self) -> bool {
        match self {
            Self::Question(_) => true,
            Self::Failure(failure) => {
                matches!(failure.class, Class::Login | Class::NeedsPerson) || failure.certificate.is_some()
            }
            Self::InDoubt(_) | Self::Refused(_) => false,
        }
    }
}

/// Whether a row waits for something that asking a person settles.
pub(crate) fn can_be_settled(row: &RowView) -> bool {
    of(row).iter().any(Problem::can_be_asked)
}

/// The problems of a row; of the spooler's only its own, for its counts are those of the others.
pub(crate) fn of(row: &RowView) -> Vec<Problem<'_>> {
    if !row.is_transport() {
        return row.trouble().map(Problem::Failure).into_iter().collect();
    }
    let some = |number: Option<u64>| number.filter(|number| *number > 0);
    let question = row.question.as_ref().map(Problem::Question);
    let failure = row.trouble().filter(|_| row.question.is_none() && row.running.is_none()).map(Problem::Failure);
    let in_doubt = some(row.counts.in_doubt).map(Problem::InDoubt);
    let refused = some(row.counts.failed).map(Problem::Refused);
    [question, failure, in_doubt, refused].into_iter().flatten().collect()
}

/// Draws them.
pub(crate) fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    if scene.problem_count() == 0 {
        empty::show(ui, scene.look, icon::WELL, &scene.get("pr-empty"), &scene.get("pr-empty-do"), |_| {});
        return;
    }
    let rows = scene.rows;
    settle(ui, scene);
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        let mut problems: Vec<_> = rows.iter().flat_map(|row| of(row).into_iter().map(move |one| (row, one))).collect();
        // What waits for a person comes first.
        problems.sort_by_key(|(_, problem)| !problem.needs_person());
        for (row, problem) in problems {
            let frame = egui::Frame::new().inner_margin(egui::Margin::symmetric(16, 10));
            frame.show(ui, |ui| one(ui, scene, row, problem));
            let line = ui.available_rect_before_wrap().with_max_y(ui.cursor().top());
            paint::underline(ui, line, scene.look);
        }
    });
}

/// Where more than one thing could be asked: all of them, one after the other.
fn settle(ui: &mut Ui, scene: &mut Scene<'_>) {
    let waiting = scene.rows.iter().filter(|row| can_be_settled(row)).count();
    if waiting < 2 {
        return;
    }
    let frame = egui::Frame::new().inner_margin(egui::Margin::symmetric(16, 10));
    frame.show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let spec = Spec { style: Style::Primary, key: None, ..scene.button(Action::Settle) };
                if spec.show(ui, scene.look).clicked() {
                    scene.asks.push(Ask::Do(Action::Settle));
                }
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    let words = scene.text.fmt("pr-waiting", &[("n", count(waiting as u64))]);
                    ui.label(RichText::new(words).font(theme::strong()));
                });
            });
        });
    });
    paint::underline(ui, ui.available_rect_before_wrap().with_max_y(ui.cursor().top()), scene.look);
}

/// The icon, what is so, and what to do.
fn words(scene: &Scene<'_>, problem: Problem<'_>) -> (Icon, Tone, String, String) {
    let text = scene.text;
    let counted = |id: &str, number: u64| text.fmt(id, &[("n", count(number))]);
    match problem {
        Problem::Question(asked) => {
            let (what, then) = asked.words(text);
            (icon::KEY, Tone::Danger, what, then)
        }
        Problem::Failure(failure) => {
            let (icon, tone) = sentence::mark(failure.class);
            (icon, tone, sentence::what_failed(failure, text), sentence::remedy(failure, text))
        }
        Problem::InDoubt(n) => (icon::DOUBT, Tone::Warning, counted("pr-in-doubt", n), text.get("pr-in-doubt-do")),
        Problem::Refused(n) => (icon::TROUBLE, Tone::Danger, counted("pr-refused", n), text.get("pr-refused-do")),
    }
}

fn one(ui: &mut Ui, scene: &mut Scene<'_>, row: &RowView, problem: Problem<'_>) {
    let look = scene.look;
    let (icon, tone, what, then) = words(scene, problem);
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            buttons(ui, scene, row, problem);
            ui.with_layout(Layout::left_to_right(Align::Min), |ui| {
                ui.label(RichText::new(icon).size(size::ICON_LARGE).color(tone.color(look)));
                ui.add_space(space::XS);
                ui.vertical(|ui| {
                    ui.spacing_mut().item_spacing.y = 2.0;
                    ui.horizontal_wrapped(|ui| {
                        ui.label(RichText::new(&row.name).font(theme::strong()));
                        ui.label(what);
                    });
                    ui.label(RichText::new(then).font(theme::secondary()).color(look.muted));
                });
            });
        });
    });
}

fn buttons(ui: &mut Ui, scene: &mut Scene<'_>, row: &RowView, problem: Problem<'_>) {
    match problem {
        Problem::Question(asked) => act(ui, scene, row, asked.action(), None),
        Problem::Failure(failure) => match failure.class {
            _ if problem.can_be_asked() => act(ui, scene, row, Action::Prompt, None),
            Class::Trust | Class::Configuration => act(ui, scene, row, Action::RowSettings, None),
            _ => act(ui, scene, row, Action::FlushSelected, Some("pr-try-again")),
        },
        Problem::InDoubt(_) => {
            decide(ui, scene, row, QueueVerb::TreatAsSent, "pr-treat-as-sent");
            decide(ui, scene, row, QueueVerb::Retry, "pr-send-again");
            list(ui, scene, row, QueueState::InDoubt);
        }
        Problem::Refused(_) => list(ui, scene, row, QueueState::Failed),
    }
}

fn act(ui: &mut Ui, scene: &mut Scene<'_>, row: &RowView, action: Action, word: Option<&str>) {
    let spec = Spec { style: Style::Plain, ..scene.button_on(action, row) };
    let word = word.map_or_else(|| spec.word.clone(), |id| scene.get(id));
    let name = Some(format!("{word}, {}", row.name));
    if (Spec { word, name, ..spec }).show(ui, scene.look).clicked() {
        scene.asks.push(Ask::On(action, row.id.clone()));
    }
}

fn decide(ui: &mut Ui, scene: &mut Scene<'_>, row: &RowView, verb: QueueVerb, word: &str) {
    let word = scene.get(word);
    let spec = Spec { name: Some(format!("{word}, {}", row.name)), word, ..Spec::default() };
    if spec.show(ui, scene.look).clicked() {
        let transports = vec![row.transport.clone()];
        let filter = Filter { states: vec![QueueState::InDoubt], transports, ..Filter::default() };
        let selection = Selection::Where(filter);
        let ask = if verb == QueueVerb::Retry { Ask::Confirm(verb, selection) } else { Ask::Verb(verb, selection) };
        scene.asks.push(ask);
    }
}

fn list(ui: &mut Ui, scene: &mut Scene<'_>, row: &RowView, state: QueueState) {
    let word = scene.get("pr-show");
    let spec = Spec { name: Some(format!("{word}, {}", row.name)), word, ..Spec::default() };
    if spec.show(ui, scene.look).clicked() {
        scene.asks.push(Ask::List(row.id.clone(), vec![state]));
    }
}
