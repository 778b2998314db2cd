//! What becomes of a sign-in when something comes between: a keyring that takes nothing new, a person who stops the program
//! while the provider thinks, or thinks for long themselves, and what is typed at the wrong moment.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use crate::support::daemon::wait_until;
use crate::support::harness::Terminal;
use crate::support::keyring::GnomeKeyring;
use crate::support::provider::{PATIENCE, SECRET, USER, letter, provider, sender, submit};
use crate::support::{Authority, Harness};

use super::oauth::Scene;

/// What the program says when it waits, before it ends, for an answer that must not get lost.
const WAITS: &str = "Ctrl+C leaves";
/// What Ctrl+C types.
const CTRL_C: &str = "\x03";

/// Waits until the authority was asked for so many grants; it may hold back the answers.
fn asked(authority: &Authority, count: usize) {
    assert!(wait_until(PATIENCE, || authority.log().len() >= count), "{:?}", authority.log());
}

fn shows(terminal: &Terminal, words: &str) {
    assert!(wait_until(PATIENCE, || terminal.shown().contains(words)), "no {words} in {}", terminal.shown());
}

/// The sign-in that was interrupted is there for the next silent flush, and nothing was used twice.
fn is_signed_in(scene: &Scene) {
    let silent = scene.flush_in_silence();
    let log = scene.servers.authority.log();
    assert!(!log.iter().any(|line| line.contains("twice")), "{log:?}");
    silent.expect_code(0);
    assert_eq!(scene.servers.postfix.deliveries().len(), 1);
}

#[test]
fn the_next_token_takes_the_place_of_the_one_that_was_found_wherever_that_was() {
    let Some(scene) = Scene::new(Authority::start(), Authority::in_a_browser) else { return };
    let Some(keyring) = GnomeKeyring::start(&scene.bus, &scene.harness.path("home")) else { return };
    let authority = scene.servers.authority.clone();
    // What new entries go into is locked, and what is there already is not.
    keyring.put_aside(&authority.account("ada"), &authority.grant());
    keyring.lock();
    for round in 1..=3 {
        scene.submit("again");
        scene.flush_in_silence().expect_code(0);
        assert_eq!(authority.log(), vec!["refresh_token: given"; round]);
        assert_eq!(scene.servers.postfix.deliveries().len(), round);
    }
}

#[test]
fn a_renewal_under_way_when_the_program_is_stopped_is_kept() {
    let Some(scene) = Scene::new(Authority::start(), Authority::in_a_browser) else { return };
    let Some(keyring) = GnomeKeyring::start(&scene.bus, &scene.harness.path("home")) else { return };
    let authority = scene.servers.authority.clone();
    keyring.put(&authority.account("ada"), &authority.grant());
    scene.submit("one");
    authority.hold();
    let mut terminal = Terminal::at(&scene.command(), &["flush", "--no-ui"]);
    asked(&authority, 1);
    terminal.types(CTRL_C);
    shows(&terminal, WAITS);
    // Who comes meanwhile waits too, and does not use what is being used up; mail is taken as ever.
    let next = Terminal::at(&scene.command(), &["flush", "--no-ui"]);
    shows(&next, "another program");
    scene.submit("two");
    authority.release();
    terminal.end().expect_code(75);
    next.end().expect_code(0);
    assert_eq!(scene.servers.postfix.deliveries().len(), 2);
    let log = authority.log();
    assert!(!log.iter().any(|line| line.contains("twice")), "{log:?}");
}

#[test]
fn who_will_not_wait_for_that_leaves() {
    let Some(scene) = Scene::new(Authority::start(), Authority::in_a_browser) else { return };
    let Some(keyring) = GnomeKeyring::start(&scene.bus, &scene.harness.path("home")) else { return };
    let authority = scene.servers.authority.clone();
    keyring.put(&authority.account("ada"), &authority.grant());
    scene.submit("one");
    authority.hold();
    let mut terminal = Terminal::at(&scene.command(), &["flush", "--no-ui"]);
    asked(&authority, 1);
    terminal.types(CTRL_C);
    shows(&terminal, WAITS);
    terminal.types(CTRL_C);
    terminal.end().expect_code(75);
    authority.release();
}

#[test]
fn a_yes_in_the_browser_counts_also_when_the_flush_is_stopped_meanwhile() {
    let Some(scene) = Scene::new(Authority::start(), Authority::in_a_browser) else { return };
    let Some(_keyring) = GnomeKeyring::start(&scene.bus, &scene.harness.path("home")) else { return };
    let authority = scene.servers.authority.clone();
    scene.submit("one");
    let mut terminal = scene.flush_at_terminal();
    let address = terminal.word("http://localhost");
    authority.hold();
    let browser = thread::spawn(move || Authority::browse(&address));
    asked(&authority, 1);
    terminal.types(CTRL_C);
    shows(&terminal, WAITS);
    authority.release();
    terminal.end().expect_code(75);
    let (_, page) = browser.join().expect("no panic");
    assert!(page.contains("Signed in"), "{page}");
    is_signed_in(&scene);
}

#[test]
fn a_yes_by_a_code_counts_also_when_the_flush_is_stopped_meanwhile() {
    let Some(scene) = Scene::new(Authority::start(), Authority::by_a_code) else { return };
    let Some(_keyring) = GnomeKeyring::start(&scene.bus, &scene.harness.path("home")) else { return };
    let authority = scene.servers.authority.clone();
    scene.submit("one");
    let mut terminal = scene.flush_at_terminal();
    let code = terminal.word("WDJB-");
    authority.approve(code.trim_end_matches('.'));
    authority.hold();
    let given = || authority.log().iter().any(|line| line == "device_code: given");
    assert!(wait_until(PATIENCE, given), "{:?}", authority.log());
    terminal.types(CTRL_C);
    shows(&terminal, WAITS);
    authority.release();
    terminal.end().expect_code(75);
    is_signed_in(&scene);
}

#[test]
fn a_yes_by_a_code_counts_also_when_the_person_gives_up_while_it_is_on_its_way() {
    let Some(scene) = Scene::new(Authority::start(), Authority::by_a_code) else { return };
    let authority = scene.servers.authority.clone();
    scene.submit("one");
    let mut terminal = scene.flush_at_terminal();
    let code = terminal.word("WDJB-");
    authority.approve(code.trim_end_matches('.'));
    authority.hold();
    let given = || authority.log().iter().any(|line| line == "device_code: given");
    assert!(wait_until(PATIENCE, given), "{:?}", authority.log());
    terminal.types("\n");
    authority.release();
    terminal.end().expect_code(0);
    assert_eq!(scene.servers.postfix.deliveries().len(), 1);
}

#[test]
fn what_was_typed_before_a_question_is_no_answer_to_it_and_what_is_no_text_gives_up() {
    let Some(scene) = Scene::new(Authority::start(), Authority::in_a_browser) else { return };
    scene.submit("one");
    // Typed while the program starts: it is not there to ask yet.
    let mut terminal = scene.flush_at_terminal();
    terminal.types("\n\n");
    terminal.word("http://localhost");
    shows(&terminal, "gives up. ");
    terminal.types(b"\xff\xfe\n");
    terminal.end().expect_code(77);
    assert_eq!(scene.servers.authority.log(), [""; 0]);

    let mut terminal = scene.flush_at_terminal();
    terminal.types("\n\n");
    Authority::browse(&terminal.word("http://localhost"));
    terminal.end().expect_code(0);
    assert_eq!(scene.servers.postfix.deliveries().len(), 1);
}

#[test]
fn a_provider_on_this_machine_is_not_asked_through_a_proxy() {
    let Some(mut scene) = Scene::new(Authority::start(), Authority::by_a_code) else { return };
    // Nothing listens there.
    for name in ["http_proxy", "HTTP_PROXY", "ALL_PROXY"] {
        scene.environment.push((name, "http://127.0.0.1:9".to_owned()));
    }
    scene.submit("one");
    let terminal = scene.flush_at_terminal();
    let code = terminal.word("WDJB-");
    scene.servers.authority.approve(code.trim_end_matches('.'));
    terminal.end().expect_code(0);
    assert_eq!(scene.servers.postfix.deliveries().len(), 1);
}

/// How many lines of the client's this server reads before it says anything more, and what that is.
type Script = (&'static str, &'static str, usize, &'static str);

#[test]
fn nobody_is_asked_for_a_password_that_can_t_be_used_now() {
    // Nobody listens on port 1.
    let half = sender("out", 1, "*");
    let harness = Harness::new(&format!("{half}user = \"{USER}\"\npassword = {{ ask = true }}\n"));
    submit(&harness, &letter("one", "bob@example.net", 100));
    let run = harness.run_at_terminal(&["flush"], "").expect_code(69);
    assert!(!run.stdout.contains("Password of"), "{}", run.stdout);
}

#[test]
fn several_connections_ask_once() {
    let provider = provider(Vec::new());
    let half = sender("out", provider.smtp_addr().port(), "*");
    let harness = Harness::new(&format!("{half}user = \"{USER}\"\npassword = {{ ask = true }}\nconnections = 4\n"));
    std::fs::create_dir(harness.path("letters")).expect("a folder");
    for number in 0..64 {
        harness.write(&format!("letters/{number}.eml"), letter(&number.to_string(), "bob@example.net", 100));
    }
    harness.run(&["submit", "letters"]).expect_code(0);
    let asked = |shown: &str| shown.matches("Password of").count();
    let gives_up = harness.run_at_terminal(&["flush"], "\n").expect_code(77);
    assert_eq!(asked(&gives_up.stdout), 1, "{}", gives_up.stdout);
    let knows_it = harness.run_at_terminal(&["flush"], &format!("{SECRET}\n")).expect_code(0);
    assert_eq!(asked(&knows_it.stdout), 1, "{}", knows_it.stdout);
    assert_eq!(provider.delivered().len(), 64);
}

#[test]
fn no_line_is_kept_open_while_a_person_looks_for_the_password() {
    let imap: Script = ("imap", "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n", 0, "");
    let pop3: Script = ("pop3", "+OK hi\r\n", 1, "+OK\r\nSASL PLAIN\r\n.\r\n");
    let smtp: Script = ("smtp", "220 hi\r\n", 1, "250-hi\r\n250 AUTH PLAIN\r\n");
    for (kind, greeting, lines, more) in [imap, pop3, smtp] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let half = if kind == "smtp" { "outgoing" } else { "incoming" };
        let harness = Harness::new(&format!(
            "[[transport]]\nname = \"in\"\n[transport.{half}]\nkind = \"{kind}\"\nhost = \"127.0.0.1\"\nport = {port}\n\
             security = \"none\"\nauth = \"plain\"\nuser = \"ada\"\npassword = {{ ask = true }}\n"
        ));
        if kind == "smtp" {
            submit(&harness, &letter("one", "bob@example.net", 100));
        }
        let mut terminal = Terminal::at(&harness.command(), &["flush"]);
        let accept = || {
            let (mut line, _) = listener.accept().expect("a line");
            line.set_read_timeout(Some(Duration::from_secs(30))).expect("a socket");
            line.write_all(greeting.as_bytes()).expect("it listens");
            let mut line = BufReader::new(line);
            for _ in 0..lines {
                line.read_line(&mut String::new()).expect("a line of text");
            }
            line.get_mut().write_all(more.as_bytes()).expect("it listens");
            line
        };
        let mut first = accept();
        shows(&terminal, "Password of");
        first.read_to_end(&mut Vec::new()).unwrap_or_else(|error| panic!("{kind}: it does not hang up: {error}"));
        terminal.types("whatever it is\n");
        let mut second = accept();
        let mut said = String::new();
        second.read_line(&mut said).expect("it signs in");
        assert!(!said.is_empty(), "{kind}: it signs in");
        drop(second);
        terminal.end().expect_code(75);
    }
}
