//! Every button and every key asks the engine for what it says.

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use mailsluice::desktop::engine::Scope;
use mailsluice::desktop::state::Tab;
use mailsluice::mapi::FlushFlags;

use super::Window;
use super::fake::{Asked, rows, transport_id};

const SEND: FlushFlags = FlushFlags::FLUSH_UPLOAD;
const RECEIVE: FlushFlags = FlushFlags::FLUSH_DOWNLOAD;
const BOTH: FlushFlags = SEND.union(RECEIVE);
const CTRL_SHIFT: Modifiers = Modifiers::COMMAND.plus(Modifiers::SHIFT);

fn only(name: &str) -> Scope {
    Scope::These(vec![transport_id(name)])
}

#[test]
fn the_bar_sends_and_receives_with_all() {
    for (button, flags) in [("Send/Receive", BOTH), ("Send", SEND), ("Receive", RECEIVE)] {
        let mut window = Window::open(rows("idle"));
        window.click(button);
        assert_eq!(window.asked(), [Asked::Flush(Scope::All, flags)], "{button}");
    }
}

#[test]
fn a_row_sends_receives_and_cancels_alone() {
    let mut window = Window::open(rows("idle"));
    window.click("Send with club");
    window.click("Receive with club");
    assert_eq!(window.asked(), [Asked::Flush(only("club"), SEND), Asked::Flush(only("club"), RECEIVE)]);
    let mut window = Window::open(rows("busy"));
    window.click("Cancel home");
    assert_eq!(window.asked(), [Asked::Cancel(only("home"))]);
}

#[test]
fn keys_for_all_work_anywhere() {
    let ask = |flags| vec![Asked::Flush(Scope::All, flags)];
    for (modifiers, key, asked) in [
        (Modifiers::NONE, Key::F9, ask(BOTH)),
        (Modifiers::NONE, Key::F12, ask(BOTH)),
        (Modifiers::COMMAND, Key::M, ask(BOTH)),
        (CTRL_SHIFT, Key::Enter, ask(SEND)),
        (Modifiers::SHIFT, Key::F5, ask(RECEIVE)),
        (CTRL_SHIFT, Key::W, vec![Asked::Offline(true)]),
    ] {
        let mut window = Window::open(rows("idle"));
        window.press(modifiers, key);
        assert_eq!(window.asked(), asked, "{modifiers:?} {key:?}");
    }
}

#[test]
fn keys_for_the_selected_mean_the_selected() {
    let mut window = Window::open(rows("idle"));
    window.click_row("office, SMTP, IMAP");
    window.press(Modifiers::SHIFT, Key::F9);
    window.press(Modifiers::COMMAND, Key::Enter);
    window.press(Modifiers::NONE, Key::F5);
    let office = only("office");
    let expected = [BOTH, SEND, RECEIVE].map(|flags| Asked::Flush(office.clone(), flags));
    assert_eq!(window.asked(), expected);
}

#[test]
fn the_spoolers_row_means_all_transports() {
    let mut window = Window::open(rows("idle"));
    window.click_row("All transports");
    window.press(Modifiers::SHIFT, Key::F9);
    assert_eq!(window.asked(), [Asked::Flush(Scope::All, BOTH)]);
}

#[test]
fn arrows_walk_the_status_table_and_escape_cancels_a_running_row() {
    let mut window = Window::open(rows("busy"));
    window.press(Modifiers::COMMAND, Key::Num1);
    window.press(Modifiers::NONE, Key::ArrowDown);
    window.press(Modifiers::NONE, Key::Escape);
    assert_eq!(window.asked(), [Asked::Cancel(only("home"))]);
    window.press(Modifiers::COMMAND, Key::Period);
    assert_eq!(window.asked(), [Asked::Cancel(Scope::All)]);
}

#[test]
fn several_rows_are_selected_with_shift_and_ctrl() {
    let mut window = Window::open(rows("idle"));
    window.click_row("home, SMTP, IMAP");
    let office = window.harness.query_all_by_label_contains("office, SMTP").next().expect("a row");
    office.click_modifiers(Modifiers::COMMAND);
    window.settle();
    window.press(Modifiers::COMMAND, Key::Enter);
    let both = Scope::These(vec![transport_id("home"), transport_id("office")]);
    assert_eq!(window.asked(), [Asked::Flush(both, SEND)]);
}

#[test]
fn cancel_is_in_the_bar_only_while_something_runs() {
    let window = Window::open(rows("idle"));
    assert!(!window.has("Cancel"));
    let mut window = Window::open(rows("busy"));
    window.click("Cancel");
    assert_eq!(window.asked(), [Asked::Cancel(Scope::All)]);
}

#[test]
fn what_cannot_be_done_is_disabled_and_its_key_says_why() {
    let mut window = Window::open(rows("offline"));
    assert!(!window.is_enabled("Send/Receive"));
    assert!(!window.is_enabled("Send with home"));
    assert!(!window.is_enabled("Cancel home"));
    window.press(Modifiers::NONE, Key::F9);
    assert_eq!(window.asked(), []);
    assert!(window.says("Working offline"));
    window.harness.get_by_label("Send/Receive").hover();
    window.settle();
    assert!(window.says("Working offline"));
}

#[test]
fn a_running_row_cannot_be_started_again() {
    let window = Window::open(rows("busy"));
    assert!(!window.is_enabled("Send with home"));
    assert!(window.is_enabled("Cancel home"));
    assert!(window.is_enabled("Send with office"));
    assert!(!window.is_enabled("Cancel office"));
    assert!(window.is_enabled("Send/Receive"), "office can still be started");
}

#[test]
fn a_transport_that_only_receives_does_not_offer_to_send() {
    let window = Window::open(rows("idle"));
    assert!(!window.is_enabled("Send with A very long name that somebody gave to a transport in a hurry"));
    assert!(window.is_enabled("Receive with A very long name that somebody gave to a transport in a hurry"));
}

#[test]
fn no_ui_asks_for_silence_and_raises_nothing() {
    let mut window = Window::open(rows("idle"));
    window.click("Send/Receive");
    assert_eq!(window.harness.state().state().tab, Tab::Progress, "a person who sends looks on");
    let mut window = Window::open(rows("idle"));
    window.press(CTRL_SHIFT, Key::U);
    window.asked();
    window.click("Send/Receive");
    assert_eq!(window.asked(), [Asked::Flush(Scope::All, BOTH | FlushFlags::FLUSH_NO_UI)]);
    assert_eq!(window.harness.state().state().tab, Tab::Queue);
    window.engine.tell(super::fake::question());
    window.settle();
    assert!(!window.has("Sign in"), "nothing opens by itself");
    assert!(window.says("No UI"));
}

#[test]
fn f6_goes_round_the_panes() {
    let mut window = Window::open(rows("idle"));
    window.press(Modifiers::COMMAND, Key::Num1);
    for (pane, label) in [("the queue", "Queue"), ("the bar", "Send/Receive"), ("the status table", "Status table")] {
        window.press(Modifiers::NONE, Key::F6);
        let focused = window.harness.query_all_by_label(label).any(|node| node.is_focused());
        assert!(focused, "{pane} has the focus");
    }
}

#[test]
fn a_letter_that_is_typed_is_no_shortcut() {
    let mut window = Window::open(rows("idle"));
    window.press(Modifiers::COMMAND, Key::F);
    window.harness.get_by_role_and_label(egui::Role::TextInput, "Find").type_text("h/r");
    window.settle();
    assert_eq!(window.harness.state().state().find, "h/r");
    assert_eq!(window.asked(), []);
}
