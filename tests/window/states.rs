//! The states of the window: first start, busy, in trouble, narrow, large.

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use mailsluice::desktop::engine::{Arrival, LineSecurity, PasswordPlace, Readiness};
use mailsluice::desktop::text::Language;
use mailsluice::mapi::QueueState;
use mailsluice::spool::{QueueVerb, Selection};

use super::fake::{Asked, log, next_try, rows, transport};
use super::{Setup, Window};

fn without_profile() -> Window {
    Window::with(Vec::new(), Setup { readiness: Readiness::NoProfile, ..Setup::default() })
}

#[test]
fn a_first_start_offers_the_demo() {
    let mut window = without_profile();
    assert!(!window.is_enabled("Send/Receive"));
    window.click("Try the demo");
    assert_eq!(window.asked(), [Asked::Demo]);
}

#[test]
fn a_first_profile_is_checked_as_it_is_typed() {
    let mut window = without_profile();
    window.click("Set up your mail");
    let field = |window: &mut Window, label: &str, text: &str| {
        window.harness.get_by_role_and_label(egui::Role::TextInput, label).focus();
        window.settle();
        window.harness.event(egui::Event::Text(text.to_owned()));
        window.settle();
    };
    window.click("Create profile");
    assert_eq!(window.asked(), []);
    assert!(window.says("Enter the name of the outgoing server"));
    field(&mut window, "Address", "ada@");
    assert!(window.says("Enter an address such as"));
    window.harness.event(egui::Event::Text("example.org".to_owned()));
    window.settle();
    let typed = &window.harness.state().state().first.profile.address;
    assert!(!window.says("Enter an address such as"), "{typed}");
    field(&mut window, "User", "ada");
    field(&mut window, "Outgoing server", "smtp.example.org");
    field(&mut window, "Incoming server", "pop.example.org");
    window.click("POP3");
    window.click("Create profile");
    let asked = window.asked();
    let [Asked::Create(profile)] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!(profile.address, "ada@example.org");
    assert_eq!((profile.outgoing.host.as_str(), profile.outgoing.port), ("smtp.example.org", 465));
    assert_eq!((profile.arrival, profile.incoming.port), (Arrival::Pop3, 995));
    assert_eq!(profile.outgoing.security, LineSecurity::Tls);
    assert_eq!(profile.password, PasswordPlace::Ask);
}

#[test]
fn a_transport_says_until_when_its_mail_is_put_off() {
    for (language, until) in [(Language::English, "Next try in 12 min"), (Language::French, "Nouvel essai dans 12 min")]
    {
        let club = next_try(transport("club", "SMTP, POP3", [0, 6, 0, 0, 0], 91_000), 720);
        let window = Window::with(vec![club], Setup { language, ..Setup::default() });
        assert!(window.says(until), "{until}");
    }
}

#[test]
fn a_profile_that_cannot_be_opened_says_why() {
    let why = "profile.toml:3: unknown key “hots”; allowed: host, port".to_owned();
    let window = Window::with(Vec::new(), Setup { readiness: Readiness::Failed(why.clone()), ..Setup::default() });
    assert!(window.says(&why));
}

#[test]
fn progress_shows_a_block_for_each_transport_at_work() {
    let mut window = Window::open(rows("busy"));
    window.click("Progress 3");
    for said in ["41 of 120", "47 MB of 138 MB", "2.1 MB/s", "40 s", "Sending content", "Bringing the line up"] {
        assert!(window.says(said), "{said}");
    }
}

#[test]
fn problems_have_one_thing_to_do_each() {
    let mut window = Window::open(rows("problems"));
    window.click("Problems 6");
    window.click("Treat as sent, modem");
    let asked = window.asked();
    let [Asked::Change(QueueVerb::TreatAsSent, Selection::Where(filter))] = asked.as_slice() else {
        panic!("{asked:?}")
    };
    assert_eq!(
        (filter.states.as_slice(), filter.transports.as_slice()),
        (&[QueueState::InDoubt][..], &["modem".to_owned()][..])
    );
    window.click("Send again, modem");
    assert_eq!(window.asked(), [], "it asks first");
    assert!(window.says("Send 2 messages again?"));
    window.click("Send again");
    assert!(matches!(window.asked().as_slice(), [Asked::Change(QueueVerb::Retry, Selection::Where(_))]));
    let show: Vec<_> = window.harness.get_all_by_label("Show, modem").collect();
    show.last().expect("two of them").click();
    window.settle();
    let shared = window.engine.0.borrow();
    let filter = shared.lists.last().map(|query| (query.filter.states.clone(), query.filter.transports.clone()));
    assert_eq!(filter, Some((vec![QueueState::Failed], vec!["modem".to_owned()])));
}

#[test]
fn the_log_can_be_narrowed_to_what_matters() {
    let mut window = Window::open(rows("idle"));
    for line in log() {
        window.engine.tell(line);
    }
    window.click("Log");
    assert!(window.says("41 sent, 0 deferred"));
    window.click("Info");
    assert!(!window.says("41 sent, 0 deferred"));
    assert!(window.says("credentials invalid"));
}

#[test]
fn properties_tell_absent_from_empty_and_from_zero() {
    let mut window = Window::with(rows("idle"), Setup { size: (1200.0, 2000.0), ..Setup::default() });
    window.click_row("modem, SMTP");
    window.press(Modifiers::ALT, Key::Enter);
    assert!(window.says("PR_SLUICE_WAITING is MAPI_E_NOT_FOUND"));
    assert!(window.says("PR_SLUICE_HELD is 0"));
    assert!(window.says("PR_RESOURCE_METHODS is 0x00000009 (STATUS_VALIDATE_STATE | STATUS_FLUSH_QUEUES)"));
    assert!(window.says("PR_RESOURCE_TYPE is 36 (MAPI_TRANSPORT_PROVIDER)"));
}

#[test]
fn properties_reach_the_rows_that_the_status_table_leaves_out() {
    let mut window = Window::open(rows("idle"));
    assert!(!window.says("MAPI subsystem"));
    window.click("Properties");
    window.harness.get_by_role_and_label(egui::Role::ComboBox, "Row").click();
    window.settle();
    window.click("MAPI subsystem");
    assert!(window.says("PR_DISPLAY_NAME is MAPI subsystem"));
}

#[test]
fn a_row_reads_as_a_sentence() {
    let window = Window::open(rows("busy"));
    assert!(
        window.has("home, SMTP, IMAP: Sending 41 of 120. 2.1 MB/s · 40 s left. 30 to send, 20 waiting on the server")
    );
    let window = Window::open(rows("problems"));
    assert!(window.says("office, SMTP, IMAP: Needs a password."));
    assert!(window.says("modem, SMTP, POP3: pop.example.org:110 needs an answer (the password is not known)."));
    assert!(window.says("Ignores No UI"));
}

#[test]
fn the_footer_is_one_true_sentence() {
    let window = Window::open(rows("problems"));
    assert!(window.has("42 to send (34 MB) · 24 to receive · 4 need you · next run in 3 min · online"));
    let window = Window::open(rows("empty"));
    assert!(window.has("Nothing to send · next run in 3 min · online"));
    let window = Window::open(rows("offline"));
    assert!(window.says("offline"));
}

#[test]
fn it_speaks_french() {
    let window = Window::with(rows("problems"), Setup { language: Language::French, ..Setup::default() });
    assert!(window.has("Envoyer/recevoir"));
    assert!(window.has("Saisir le mot de passe"));
    assert!(
        window.has(
            "42 à envoyer (34 Mo) · 24 à recevoir · 4 ont besoin de vous · prochain passage dans 3 min · en ligne"
        )
    );
}

#[test]
fn nothing_is_lost_in_a_small_window() {
    let mut window = Window::with(rows("busy"), Setup { size: (640.0, 480.0), ..Setup::default() });
    for label in
        ["Send/Receive", "Send", "Receive", "Cancel", "No UI", "Offline", "Settings…", "Help", "Send with home"]
    {
        let rect = window.harness.get_by_label(label).rect();
        assert!(rect.left() >= 0.0 && rect.right() <= 640.0, "{label}: {rect:?}");
    }
    assert!(window.harness.get_by_role_and_label(egui::Role::TextInput, "Find").rect().right() <= 640.0);
    window.click_row("Photos from Saturday");
    assert!(window.is_enabled("Hold"));
}

#[test]
fn an_idle_window_paints_nothing() {
    let mut window = Window::open(rows("idle"));
    window.settle();
    let waits = window.harness.output().viewport_output.values().map(|output| output.repaint_delay).min();
    assert_eq!(waits, Some(std::time::Duration::MAX));
}
