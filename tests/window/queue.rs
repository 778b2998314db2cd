//! The queue's list: any number of messages, verbs, selection, find.

use std::time::{Duration, Instant};

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use mailsluice::desktop::engine::Notice;
use mailsluice::desktop::queue_list::PAGE;
use mailsluice::mapi::{EnvelopeId, QueueState};
use mailsluice::spool::{QueueVerb, Selection, SortKey};

use super::fake::{Asked, rows};
use super::{Setup, Window};

fn ids(ids: &[i64]) -> Selection {
    Selection::Ids(ids.iter().map(|id| EnvelopeId(*id)).collect())
}

fn with_messages(messages: u64) -> Window {
    Window::with(rows("idle"), Setup { messages, ..Setup::default() })
}

#[test]
fn verbs_go_to_the_selected_messages() {
    for (button, verb) in [("Hold", QueueVerb::Hold), ("Release", QueueVerb::Release), ("Retry", QueueVerb::Retry)] {
        let mut window = with_messages(43);
        window.click_row("Photos from Saturday");
        window.click(button);
        assert_eq!(window.asked(), [Asked::Change(verb, ids(&[3]))], "{button}");
    }
}

#[test]
fn keys_of_the_queue_work_in_its_list_only() {
    let mut window = with_messages(43);
    window.press(Modifiers::NONE, Key::H);
    assert_eq!(window.asked(), [], "the list does not have the focus");
    window.click_row("Photos from Saturday");
    window.press(Modifiers::NONE, Key::H);
    window.press(Modifiers::SHIFT, Key::H);
    window.press(Modifiers::NONE, Key::R);
    let expected = [QueueVerb::Hold, QueueVerb::Release, QueueVerb::Retry];
    assert_eq!(window.asked(), expected.map(|verb| Asked::Change(verb, ids(&[3]))));
}

#[test]
fn arrow_keys_move_and_shift_extends() {
    let mut window = with_messages(43);
    window.press(Modifiers::COMMAND, Key::Num2);
    window.press(Modifiers::NONE, Key::Home);
    window.press(Modifiers::NONE, Key::ArrowDown);
    window.press(Modifiers::SHIFT, Key::ArrowDown);
    window.press(Modifiers::SHIFT, Key::ArrowDown);
    window.press(Modifiers::NONE, Key::H);
    assert_eq!(window.asked(), [Asked::Change(QueueVerb::Hold, ids(&[2, 3, 4]))]);
}

#[test]
fn everything_is_selected_without_being_loaded() {
    let mut window = with_messages(100_000);
    window.press(Modifiers::COMMAND, Key::Num2);
    window.press(Modifiers::COMMAND, Key::A);
    assert!(window.says("100,000 selected"));
    window.press(Modifiers::NONE, Key::H);
    assert!(matches!(window.asked().as_slice(), [Asked::Change(QueueVerb::Hold, Selection::Where(_))]));
}

#[test]
fn delete_asks_first() {
    let mut window = with_messages(43);
    window.click_row("Photos from Saturday");
    window.press(Modifiers::NONE, Key::Delete);
    assert_eq!(window.asked(), []);
    assert!(window.says("Delete 1 message?"));
    window.click("Delete for good");
    assert_eq!(window.asked(), [Asked::Change(QueueVerb::Delete, ids(&[3]))]);
    window.press(Modifiers::SHIFT, Key::Delete);
    window.press(Modifiers::NONE, Key::Escape);
    assert_eq!(window.asked(), []);
    assert!(!window.says("Delete 1 message?"));
}

#[test]
fn what_may_have_arrived_is_sent_again_only_after_asking() {
    let mut window = with_messages(43);
    window.press(Modifiers::COMMAND, Key::Num2);
    let in_doubt =
        (0..43).find(|index| super::fake::message(*index).state == QueueState::InDoubt).expect("there is one");
    for _ in 0..=in_doubt {
        window.press(Modifiers::NONE, Key::ArrowDown);
    }
    window.press(Modifiers::NONE, Key::ArrowUp);
    window.press(Modifiers::NONE, Key::R);
    assert_eq!(window.asked(), []);
    window.click("Send again");
    assert!(matches!(window.asked().as_slice(), [Asked::Change(QueueVerb::Retry, Selection::Ids(_))]));
}

#[test]
fn another_transport_is_chosen_from_those_that_send() {
    let mut window = with_messages(43);
    window.click_row("Photos from Saturday");
    window.press(Modifiers::NONE, Key::T);
    assert!(window.says("Give 1 message to"));
    window.click("club");
    let verb = QueueVerb::Reroute { transport: "club".to_owned() };
    assert_eq!(window.asked(), [Asked::Change(verb, ids(&[3]))]);
}

#[test]
fn a_click_on_a_heading_sorts_and_a_second_one_turns_round() {
    let mut window = with_messages(43);
    window.click("Sort by Size");
    window.click("Sort by Size");
    let shared = window.engine.0.borrow();
    let sorted: Vec<_> = shared.lists.iter().map(|query| (query.sort, query.descending)).collect();
    assert!(sorted.ends_with(&[(SortKey::Size, false), (SortKey::Size, true)]), "{sorted:?}");
}

#[test]
fn find_narrows_the_list() {
    let mut window = with_messages(43);
    window.press(Modifiers::NONE, Key::Slash);
    window.harness.get_by_role_and_label(egui::Role::TextInput, "Find").type_text("glove");
    window.settle();
    assert!(window.says("3 messages"));
    let shared = window.engine.0.borrow();
    assert_eq!(shared.lists.last().map(|query| query.filter.text.clone()), Some(vec!["glove".to_owned()]));
}

#[test]
fn the_selected_rows_messages_are_listed() {
    let mut window = with_messages(43);
    window.click_row("club, SMTP, POP3");
    let shared = window.engine.0.borrow();
    assert_eq!(shared.lists.last().map(|query| query.filter.transports.clone()), Some(vec!["club".to_owned()]));
}

#[test]
fn an_empty_queue_says_what_to_do() {
    let window = Window::with(rows("empty"), Setup { messages: 0, ..Setup::default() });
    assert!(window.says("Nothing in the queue"));
    assert!(window.says("Add message files"));
}

#[test]
fn what_came_of_a_verb_is_said() {
    let mut window = with_messages(43);
    window.engine.tell(mailsluice::desktop::engine::News::Notice(Notice::Changed(QueueVerb::Hold, 2)));
    window.settle();
    assert!(window.says("2 messages held"));
}

#[test]
fn a_million_messages_scroll_to_their_end_and_are_never_loaded() {
    let mut window = with_messages(1_000_000);
    window.press(Modifiers::COMMAND, Key::Num2);
    window.press(Modifiers::NONE, Key::End);
    let last = super::fake::message(999_999);
    assert!(window.says(&last.subject) || last.subject.is_empty());
    assert!(window.harness.state().state().queue.row(999_999).is_some());
    window.press(Modifiers::NONE, Key::PageUp);
    let shared = window.engine.0.borrow();
    let asked: u64 = shared.lists.iter().map(|query| query.limit).sum();
    assert!(asked <= PAGE * 8, "{asked} rows were asked for");
}

#[test]
fn messages_that_change_are_read_again_while_the_old_ones_stay_in_view() {
    use mailsluice::desktop::engine::News;
    use mailsluice::spooler::Event;
    let mut window = with_messages(43);
    let before = window.engine.0.borrow().lists.len();
    window.engine.0.borrow_mut().messages = 42;
    window.engine.tell(News::Event(Event::QueueChanged("home".to_owned())));
    window.harness.step();
    assert!(window.says("Photos from Saturday"));
    window.settle();
    assert_eq!(window.engine.0.borrow().lists.len(), before + 1);
    assert!(window.says("42 messages"));
}

/// The median time of a frame in which the list scrolls.
fn frame_time(messages: u64) -> Duration {
    let mut window = with_messages(messages);
    window.press(Modifiers::COMMAND, Key::Num2);
    let mut times: Vec<Duration> = (0..60)
        .map(|_| {
            window.harness.key_press(Key::ArrowDown);
            let began = Instant::now();
            window.harness.step();
            began.elapsed()
        })
        .collect();
    times.sort();
    times[times.len() / 2]
}

#[test]
fn a_hundred_thousand_messages_draw_as_fast_as_a_hundred() {
    // The best of three: other work on the machine only ever adds.
    let best = |messages| (0..3).map(|_| frame_time(messages)).min().expect("three");
    let (few, many) = (best(100), best(100_000));
    assert!(many < few * 3 / 2, "{many:?} a frame with 100,000 messages, {few:?} with 100");
}
