//! What is told, what is kept back, and from whom.

use super::*;
use crate::desktop::text::Language;
use crate::mapi::{Failure, MapiResult, Stage};
use crate::spooler::{Got, Sent};

fn result() -> TransportResult {
    TransportResult {
        transport: "work".to_owned(),
        result: MapiResult::Ok,
        outgoing: Sent::default(),
        incoming: Got::default(),
        elapsed_s: 1.0,
        failure: None,
    }
}

fn refused() -> TransportResult {
    let failure = Failure::new(Class::Login, Stage::Login, "smtp.example.org", "wrong password");
    TransportResult { failure: Some(failure), ..result() }
}

const ALL: Notify = Notify { needs_you: true, received: true, sent: true, privacy: Privacy::All };

fn after(notices: &mut Notices, result: TransportResult, notify: Notify, no_ui: bool) -> Option<Shown> {
    let event = Event::FlushEnded { result, no_ui: false };
    match notices.of(&event, notify, no_ui, &Text::new(Language::English)) {
        Some(Notice::Show(shown)) => Some(shown),
        _ => None,
    }
}

#[test]
fn what_came_and_went_is_told_in_one_line_unless_it_is_switched_off() {
    let mut moved = result();
    (moved.incoming.received, moved.outgoing.sent) = (12, 1);
    let shown = after(&mut Notices::default(), moved.clone(), ALL, false).expect("told");
    assert_eq!((shown.summary.as_str(), shown.body.as_str()), ("work", "12 messages received · 1 message sent"));
    assert!(!shown.urgent);
    let received = after(&mut Notices::default(), moved.clone(), Notify::default(), false).expect("told");
    assert_eq!(received.body, "12 messages received", "who sends knows that they sent");
    let none = Notify { received: false, sent: false, ..ALL };
    assert_eq!(after(&mut Notices::default(), moved, none, false), None);
    assert_eq!(after(&mut Notices::default(), result(), ALL, false), None, "nothing happened");
}

#[test]
fn the_same_trouble_is_told_once_until_a_run_goes_well() {
    let mut notices = Notices::default();
    let shown = after(&mut notices, refused(), ALL, false).expect("told");
    assert!(shown.urgent);
    assert_eq!(shown.body, "smtp.example.org refused the sign-in (wrong password)");
    assert_eq!(shown.buttons, [(Button::Open, "Open".to_owned()), (Button::Retry, "Try again".to_owned())]);
    assert_eq!(after(&mut notices, refused(), ALL, false), None);
    assert_eq!(after(&mut notices, result(), ALL, false), None);
    assert!(after(&mut notices, refused(), ALL, false).is_some());
}

#[test]
fn what_passes_by_itself_is_not_told() {
    let failure = Failure::new(Class::Offline, Stage::Connect, "smtp.example.org", "no route");
    let away = TransportResult { failure: Some(failure), ..result() };
    assert_eq!(after(&mut Notices::default(), away, ALL, false), None);
}

#[test]
fn no_ui_shows_nothing_whoever_began() {
    let mut notices = Notices::default();
    let text = Text::new(Language::English);
    assert_eq!(after(&mut notices, refused(), ALL, true), None);
    let began_quietly = Event::FlushEnded { result: refused(), no_ui: true };
    assert_eq!(notices.of(&began_quietly, ALL, false, &text), None);
    let question = Question::Password { user: "ada".to_owned(), host: "smtp.example.org".to_owned(), refused: None };
    let asks = Event::Question { number: 7, transport: "work".to_owned(), question };
    assert_eq!(notices.of(&asks, ALL, true, &text), None);
    assert!(after(&mut notices, refused(), ALL, false).is_some(), "it was not told yet");
}

#[test]
fn a_question_is_shown_and_taken_back() {
    let mut notices = Notices::default();
    let text = Text::new(Language::English);
    let question = Question::Password { user: "ada".to_owned(), host: "smtp.example.org".to_owned(), refused: None };
    let asks = Event::Question { number: 7, transport: "work".to_owned(), question };
    let Some(Notice::Show(shown)) = notices.of(&asks, ALL, false, &text) else { panic!("not shown") };
    assert_eq!(shown.body, "Needs a password\nada at smtp.example.org");
    assert_eq!(shown.buttons.len(), 1, "another try is no answer");
    let gone = notices.of(&Event::QuestionGone(7), ALL, false, &text);
    assert_eq!(gone, Some(Notice::TakeBack("work".to_owned())));
    assert_eq!(notices.of(&Event::QuestionGone(7), ALL, false, &text), None);
}

#[test]
fn who_looks_over_the_shoulder_learns_as_much_as_is_allowed() {
    let mut bad = refused();
    bad.incoming.received = 3;
    let with = |privacy| after(&mut Notices::default(), bad.clone(), Notify { privacy, ..ALL }, false).expect("told");
    let numbers = with(Privacy::Numbers);
    assert_eq!(
        (numbers.summary.as_str(), numbers.body.as_str()),
        ("Mailsluice", "A transport needs you\n3 messages received")
    );
    let nothing = with(Privacy::Nothing);
    assert_eq!((nothing.summary.as_str(), nothing.body.as_str()), ("Mailsluice", "A transport needs you"));
}
