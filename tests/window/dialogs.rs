//! Dialogs: passwords, files, help, settings.

use std::time::Duration;

use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use mailsluice::desktop::chooser::{Choice, Chosen};
use mailsluice::desktop::engine::{Leave, News, Scope};
use mailsluice::mapi::tag::{PR_SLUICE_ASKED, PR_SLUICE_QUESTION};
use mailsluice::mapi::{EnvelopeId, FlushFlags};
use mailsluice::spooler::{Event, PlainSecret, Said};

use super::Window;
use super::fake::{Asked, certificate, changed, consent, ended, of_modem, question, rows, silent_end, transport_id};

#[test]
fn a_password_is_asked_for_and_answered() {
    let mut window = Window::open(rows("problems"));
    window.engine.tell(question());
    window.settle();
    assert!(window.says("ada.lovelace at smtp.example.com"));
    window.harness.get_by_role_and_label(egui::Role::PasswordInput, "Password").type_text("sluice");
    window.settle();
    window.press(Modifiers::NONE, Key::Enter);
    assert_eq!(window.asked(), [Asked::Answer(7, Some(Said::Secret(PlainSecret("sluice".to_owned()))))]);
    assert!(!window.has("Sign in"));
}

#[test]
fn a_password_that_a_person_would_not_give_is_declined() {
    let mut window = Window::open(rows("problems"));
    window.engine.tell(question());
    window.settle();
    window.press(Modifiers::NONE, Key::Escape);
    assert_eq!(window.asked(), [Asked::Answer(7, None)]);
}

#[test]
fn a_sign_in_opens_the_browser_when_a_person_says_so_and_waits_for_it() {
    let mut window = Window::open(rows("problems"));
    window.engine.tell(consent(Some("WDJB-MJHT")));
    window.settle();
    for words in ["ada.lovelace@example.com to sign in with login.example.org", "WDJB-MJHT", "no longer good"] {
        assert!(window.says(words), "{words}");
    }
    assert!(window.asked().is_empty(), "no browser opens by itself");
    window.press(Modifiers::NONE, Key::Enter);
    let address = "https://login.example.org/authorize?client_id=me&state=xyz".to_owned();
    assert_eq!(window.asked(), [Asked::Browse(address.clone())]);
    assert!(window.says("Waiting for the browser"), "it is still open");
    window.harness.get_by_label("Copy address").click();
    window.harness.step();
    window.harness.step();
    window.engine.tell(News::Event(Event::QuestionGone(10)));
    window.settle();
    assert!(!window.says("Waiting for the browser"));
}

#[test]
fn a_sign_in_can_be_put_off() {
    let mut window = Window::open(rows("problems"));
    window.engine.tell(consent(None));
    window.settle();
    window.click("Cancel");
    assert_eq!(window.asked(), [Asked::Answer(10, None)]);
}

#[test]
fn a_certificate_is_shown_and_trusted_or_not() {
    for (button, said) in [("Trust", Some(Said::Trust)), ("Cancel", None)] {
        let mut window = Window::open(rows("problems"));
        window.engine.tell(certificate());
        window.settle();
        for words in
            ["presents another certificate", "mail.example.net", "CN=Example CA", "AB:CD", "01:23", "2020-09-13"]
        {
            assert!(window.says(words), "{words}");
        }
        window.click(button);
        assert_eq!(window.asked(), [Asked::Answer(8, said)]);
        assert!(!window.has("Trust it for good"));
    }
}

#[test]
fn a_certificate_that_is_trusted_for_good_goes_into_the_profile() {
    let mut window = Window::open(rows("problems"));
    window.engine.tell(certificate());
    window.settle();
    window.click("Trust it for good");
    window.click("Trust");
    let pinned = Asked::Pin("office".to_owned(), "AB:CD".to_owned());
    assert_eq!(window.asked(), [pinned, Asked::Answer(8, Some(Said::Trust))]);
}

#[test]
fn a_window_that_comes_later_knows_what_is_asked() {
    let mut rows = rows("problems");
    let asking = rows.iter_mut().find(|row| row.number(PR_SLUICE_QUESTION).is_some()).expect("one asks");
    asking.set(PR_SLUICE_ASKED, serde_json::to_string(&changed()).expect("JSON"));
    let mut window = Window::open(rows);
    assert!(window.says("Nobody vouches for its certificate") && !window.has("Enter password"));
    window.click("Look at certificate");
    assert!(window.says("presents another certificate"));
}

#[test]
fn the_row_itself_asks_for_its_password() {
    let mut window = Window::open(rows("problems"));
    window.click("Enter password");
    assert!(window.says("Password for office"));
    window.click("Cancel");
    window.click_row("modem");
    window.asked();
    window.click("Run with prompts");
    let both = FlushFlags::FLUSH_UPLOAD | FlushFlags::FLUSH_DOWNLOAD;
    assert_eq!(window.asked(), [Asked::Flush(Scope::These(vec![transport_id("modem")]), both)]);
}

#[test]
fn a_question_that_no_longer_matters_closes_its_dialog() {
    let mut window = Window::open(rows("problems"));
    window.engine.tell(question());
    window.settle();
    assert!(window.has("Sign in"));
    window.engine.tell(News::Event(Event::QuestionGone(7)));
    window.settle();
    assert!(!window.has("Sign in"));
}

#[test]
fn what_waits_is_settled_in_a_row_also_with_no_ui_on() {
    let mut window = Window::open(rows("problems"));
    window.press(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::U);
    window.engine.tell(question());
    window.settle();
    assert!(!window.has("Sign in"), "nothing opens by itself");
    window.asked();
    window.click("Problems 6");
    assert!(window.says("2 transports wait for you"));
    window.click("Settle them in a row");
    // What would ask is run so that it does; what asks already is put first.
    let both = FlushFlags::FLUSH_UPLOAD | FlushFlags::FLUSH_DOWNLOAD;
    assert_eq!(window.asked(), [Asked::Flush(Scope::These(vec![transport_id("modem")]), both)]);
    assert!(window.says("ada.lovelace at smtp.example.com"));
    window.engine.tell(of_modem());
    window.settle();
    assert!(window.says("ada.lovelace at smtp.example.com"), "one after the other");
    window.press(Modifiers::NONE, Key::Escape);
    assert!(window.says("ada at pop.example.org"));
    window.press(Modifiers::NONE, Key::Escape);
    assert!(!window.has("Sign in"));
    // Once its run is over, No UI holds for it again.
    window.engine.tell(ended("modem"));
    window.engine.tell(of_modem());
    window.settle();
    assert!(!window.has("Sign in"));
}

#[test]
fn what_was_to_be_settled_and_could_not_be_flushed_opens_nothing_later() {
    let mut window = Window::open(rows("problems"));
    window.press(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::U);
    window.click("Problems 6");
    window.click("Settle them in a row");
    window.press(Modifiers::NONE, Key::Escape);
    // The spooler was busy: the flush is over, and no transport has ended one.
    window.engine.tell(window.engine.flushed());
    window.settle();
    window.engine.tell(of_modem());
    window.settle();
    assert!(!window.has("Sign in"), "No UI holds");
}

#[test]
fn a_silent_flush_that_ends_meanwhile_does_not_end_the_settling() {
    let mut window = Window::open(rows("problems"));
    window.press(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::U);
    window.click_row("modem");
    window.click("Run with prompts");
    window.engine.tell(silent_end("modem"));
    window.engine.tell(of_modem());
    window.settle();
    assert!(window.says("ada at pop.example.org"), "one press is enough, also with No UI on");
    window.press(Modifiers::NONE, Key::Escape);
    window.engine.tell(window.engine.flushed());
    window.engine.tell(of_modem());
    window.settle();
    assert!(!window.has("Sign in"));
}

#[test]
fn files_are_added_by_path_and_by_chooser() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut window = Window::open(rows("idle"));
    window.press(Modifiers::COMMAND, Key::O);
    assert!(!window.harness.get_all_by_label("Add").any(|node| !node.accesskit_node().is_disabled()));
    let path = folder.path().display().to_string();
    window.harness.get_by_role_and_label(egui::Role::TextInput, "File or folder").type_text(&path);
    window.settle();
    window.click("Add");
    assert_eq!(window.asked(), [Asked::Add(vec![folder.path().to_owned()])]);

    window.press(Modifiers::COMMAND, Key::O);
    window.click("Choose…");
    let (choice, answer) = window.chooser.borrow_mut().pop().expect("a chooser is open");
    assert_eq!(choice, Choice::Messages);
    let files = vec!["/tmp/one.eml".into(), "/tmp/two.eml".into()];
    answer.send(Chosen::Files(files.clone())).expect("the window listens");
    window.settle();
    assert_eq!(window.asked(), [Asked::Add(files)]);
}

#[test]
fn a_machine_without_a_file_chooser_is_told_from_a_person_who_cancels() {
    for (after, said) in [(Duration::from_millis(30), true), (Duration::from_secs(3), false)] {
        let mut window = Window::open(rows("idle"));
        window.press(Modifiers::COMMAND, Key::O);
        window.click("Choose…");
        let (_, answer) = window.chooser.borrow_mut().pop().expect("a chooser is open");
        answer.send(Chosen::Nothing(after)).expect("the window listens");
        window.settle();
        assert_eq!(window.says("No file chooser answered"), said, "{after:?}");
    }
}

#[test]
fn one_message_is_saved() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut window = Window::open(rows("idle"));
    window.click_row("Photos from Saturday");
    window.press(Modifiers::COMMAND, Key::S);
    window.click("Choose…");
    let (_, answer) = window.chooser.borrow_mut().pop().expect("a chooser is open");
    let file = folder.path().join("saved.eml");
    answer.send(Chosen::Files(vec![file.clone()])).expect("the window listens");
    window.settle();
    window.click("Save");
    assert_eq!(window.asked(), [Asked::Save(EnvelopeId(3), file)]);
}

#[test]
fn a_file_that_is_there_is_not_written_over() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let mut window = Window::open(rows("idle"));
    window.click_row("Photos from Saturday");
    window.press(Modifiers::COMMAND, Key::S);
    window.click("Choose…");
    let (_, answer) = window.chooser.borrow_mut().pop().expect("a chooser is open");
    answer.send(Chosen::Files(vec![file.path().to_owned()])).expect("the window listens");
    window.settle();
    assert!(window.says("There is a file of this name already"));
    assert!(!window.is_enabled("Save"));
}

#[test]
fn help_shows_every_shortcut() {
    let mut window = Window::open(rows("idle"));
    window.press(Modifiers::NONE, Key::F1);
    for keys in ["F9, F12, Ctrl+M", "Ctrl+Shift+U", "Shift+H", "Ctrl+F, /", "F1, Ctrl+?"] {
        assert!(window.has(keys), "{keys}");
    }
    window.press(Modifiers::NONE, Key::Escape);
    assert!(!window.has("Ctrl+Shift+U"));
}

#[test]
fn the_language_changes_at_once() {
    let mut window = Window::open(rows("idle"));
    window.press(Modifiers::COMMAND, Key::Comma);
    window.harness.get_by_role_and_label(egui::Role::ComboBox, "Language").click();
    window.settle();
    window.click("Français");
    assert!(window.has("Réglages"));
    assert!(window.has("Envoyer/recevoir"));
}

#[test]
fn what_happens_beside_the_window_is_set_there_too() {
    let mut window = Window::open(rows("idle"));
    window.press(Modifiers::COMMAND, Key::Comma);
    window.click("Sent");
    window.click("What needs you");
    let notify = window.harness.state().state().settings.notify;
    assert_eq!((notify.needs_you, notify.received, notify.sent), (false, true, true));
    window.asked();
    window.click("With the session, in the tray");
    assert_eq!(window.asked(), [Asked::Autostart(true)]);
}

#[test]
fn quitting_with_mail_that_waits_sends_first_and_asks_again_about_what_could_not_go() {
    let mut window = Window::open(rows("idle"));
    window.asked();
    window.press(Modifiers::COMMAND, Key::Q);
    assert!(window.says("39 messages have not left yet"));
    window.press(Modifiers::NONE, Key::Enter);
    assert_eq!(window.asked(), [Asked::Flush(Scope::All, FlushFlags::FLUSH_UPLOAD)]);
    window.engine.tell(window.engine.flushed());
    window.settle();
    assert_eq!(window.asked(), [], "what could not go is asked about");
    assert!(window.says("39 messages could not be sent"));

    // This time nothing is left: it ends.
    window.click("Send, then quit");
    window.asked();
    window.engine.0.borrow_mut().messages = 0;
    window.engine.tell(window.engine.flushed());
    window.settle();
    assert_eq!(window.asked(), [Asked::Quit(Leave::Finish)]);
}

#[test]
fn quitting_can_be_left_alone_or_done_at_once_and_is_not_asked_without_need() {
    let mut window = Window::open(rows("busy"));
    window.asked();
    window.press(Modifiers::COMMAND, Key::Q);
    assert!(window.says("Mail is on its way just now."));
    window.press(Modifiers::NONE, Key::Escape);
    assert_eq!(window.asked(), []);
    assert!(!window.has("Quit now"));
    window.press(Modifiers::COMMAND, Key::Q);
    window.click("Quit now");
    assert_eq!(window.asked(), [Asked::Quit(Leave::Now)]);

    let mut window = Window::open(rows("empty"));
    window.press(Modifiers::COMMAND, Key::Q);
    assert_eq!(window.asked(), [Asked::Quit(Leave::AsConfigured)]);
    // The profile sends before the end anyway.
    let mut window = Window::open(rows("idle"));
    window.engine.0.borrow_mut().sends_on_exit = true;
    window.press(Modifiers::COMMAND, Key::Q);
    assert_eq!(window.asked(), [Asked::Quit(Leave::AsConfigured)]);
}
