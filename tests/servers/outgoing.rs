//! Sending to a real Postfix.

use serde_json::Value;

use crate::support::daemon::{folder, free_port};
use crate::support::dovecot::PASSWORD;
use crate::support::messages::message;
use crate::support::postfix::Delivery;
use crate::support::{Certs, Dovecot, Exim, Harness, Postfix, PostfixSetup, SmtpSink};

fn profile(outgoing: &str) -> String {
    format!("[[transport]]\nname = \"out\"\nidentity = \"Ada <ada@example.org>\"\n\n[transport.outgoing]\n{outgoing}\n")
}

fn plain(port: u16) -> String {
    profile(&format!("kind = \"smtp\"\nhost = \"127.0.0.1\"\nport = {port}\nsecurity = \"none\""))
}

/// Writes `count` messages of about `bytes` into a folder, from Ada to one recipient each.
fn letters(harness: &Harness, count: usize, bytes: usize) -> Vec<Vec<u8>> {
    let letters: Vec<Vec<u8>> = (0..count).map(|number| letter(number, bytes)).collect();
    for (number, letter) in letters.iter().enumerate() {
        harness.write(&format!("letters/{number:05}.eml"), letter);
    }
    letters
}

fn letter(number: usize, bytes: usize) -> Vec<u8> {
    addressed(number, bytes, &format!("user{number}@example.net"))
}

fn addressed(number: usize, bytes: usize, to: &str) -> Vec<u8> {
    let text = String::from_utf8(message(number, bytes)).expect("text");
    text.replacen("To: grace@example.net", &format!("To: {to}"), 1).into_bytes()
}

fn outgoing(flushed: &Value) -> &Value {
    &flushed["results"][0]["outgoing"]
}

fn submit(harness: &Harness, count: usize) {
    let submitted = harness.run(&["submit", "letters"]).expect_code(0);
    assert!(submitted.stdout.contains(&format!("{count} queued")), "{}", submitted.stdout);
}

fn states(harness: &Harness) -> Vec<String> {
    let listed =
        harness.run(&["queue", "list", "--json", "state:queued state:deferred state:failed state:in_doubt state:sent"]);
    let listed = listed.expect_code(0).json();
    let rows = listed["messages"].as_array().expect("messages").clone();
    rows.iter().map(|row| row["state"].as_str().expect("a state").to_owned()).collect()
}

#[test]
fn a_thousand_messages_are_delivered_once_each_and_unchanged() {
    let Some(postfix) = Postfix::start(&PostfixSetup::default()) else { return };
    let harness = Harness::new(&plain(postfix.port));
    let letters = letters(&harness, 1000, 2000);
    submit(&harness, 1000);
    let flushed = harness.run(&["flush", "--send", "--no-ui", "--json"]).expect_code(0).json();
    assert_eq!(flushed["result"], "S_OK");
    assert_eq!(flushed["results"][0]["via"], "transport");
    assert_eq!(outgoing(&flushed)["sent"], 1000);
    let mut delivered = postfix.wait_deliveries(1000);
    delivered.sort();
    let mut expected: Vec<Delivery> = letters
        .into_iter()
        .enumerate()
        .map(|(number, content)| Delivery {
            sender: "ada@example.org".to_owned(),
            recipient: format!("user{number}@example.net"),
            content,
        })
        .collect();
    expected.sort();
    assert_eq!(delivered.len(), 1000);
    assert!(delivered == expected, "what arrived is not what was submitted");
    let again = harness.run(&["flush", "--send", "--no-ui", "--json"]).expect_code(0).json();
    assert_eq!(outgoing(&again)["sent"], 0);
}

/// Exim says 421 to the message after the last that it takes in a session. Each flush is a process of its own.
#[test]
fn how_much_a_server_takes_in_a_session_is_found_out_twice_and_then_known() {
    let Some(exim) = Exim::start(20) else { return };
    let harness = Harness::new(&(plain(exim.port) + "connections = 1\n"));
    let mut before = 0;
    for (flush, is_dismissed) in [true, true, false, false].into_iter().enumerate() {
        letters(&harness, 50, 1000);
        submit(&harness, 50);
        let flushed = harness.run(&["flush", "--send", "--no-ui", "--json"]).expect_code(0).json();
        assert_eq!(outgoing(&flushed)["sent"], 50, "flush {flush}");
        let dismissed = exim.dismissed();
        assert_eq!(dismissed > before, is_dismissed, "flush {flush}: {before} before, {dismissed} now {}", exim.log());
        before = dismissed;
    }
    assert_eq!(exim.wait_deliveries(200), 200);
}

#[test]
fn starttls_and_implicit_tls_with_a_login() {
    let Some(dovecot) = Dovecot::start() else { return };
    let setup =
        PostfixSetup { certs: Some(&dovecot.certs), auth_socket: Some(dovecot.auth_socket()), ..Default::default() };
    let Some(postfix) = Postfix::start(&setup) else { return };
    for (number, (security, port)) in [("starttls", postfix.port), ("tls", postfix.tls_port)].into_iter().enumerate() {
        for auth in ["auto", "plain", "login"] {
            let harness = Harness::new(&profile(&format!(
                "kind = \"smtp\"\nhost = \"localhost\"\nport = {port}\nsecurity = \"{security}\"\nuser = \"ada\"\n\
                 password = {{ command = \"echo {PASSWORD}\" }}\nauth = \"{auth}\"\nca_file = \"{}\"",
                dovecot.certs.authority.display()
            )));
            letters(&harness, 3, 500);
            submit(&harness, 3);
            let flushed = harness.run(&["flush", "--send", "--no-ui", "--json"]).expect_code(0).json();
            assert_eq!(outgoing(&flushed)["sent"], 3, "{security} {auth} {number}");
        }
    }
    postfix.wait_deliveries(18);
}

#[test]
fn a_refused_login_keeps_the_mail_and_says_so() {
    let Some(dovecot) = Dovecot::start() else { return };
    let setup =
        PostfixSetup { certs: Some(&dovecot.certs), auth_socket: Some(dovecot.auth_socket()), ..Default::default() };
    let Some(postfix) = Postfix::start(&setup) else { return };
    let harness = Harness::new(&profile(&format!(
        "kind = \"smtp\"\nhost = \"localhost\"\nport = {}\nsecurity = \"tls\"\nuser = \"ada\"\n\
         password = {{ command = \"echo wrong-one\" }}\nca_file = \"{}\"",
        postfix.tls_port,
        dovecot.certs.authority.display()
    )));
    letters(&harness, 2, 500);
    submit(&harness, 2);
    let run = harness.run(&["flush", "--send", "--no-ui", "--json"]).expect_code(77);
    let flushed = run.json();
    assert_eq!(flushed["result"], "MAPI_E_LOGON_FAILED");
    assert_eq!(flushed["results"][0]["failure"]["class"], "login");
    assert!(!run.stdout.contains("wrong-one") && !run.stderr.contains("wrong-one"), "a secret was printed");
    assert_eq!(states(&harness), ["queued", "queued"]);
    assert!(postfix.deliveries().is_empty());
}

#[test]
fn a_certificate_nobody_vouches_for_is_asked_about_and_trusted_once_or_for_good() {
    let elsewhere = folder();
    let certs = Certs::for_localhost(elsewhere.path());
    let Some(postfix) = Postfix::start(&PostfixSetup { certs: Some(&certs), ..Default::default() }) else { return };
    let harness = Harness::new(&profile(&format!(
        "kind = \"smtp\"\nhost = \"localhost\" # the one here\nport = {}\nsecurity = \"starttls\"\n",
        postfix.port
    )));
    letters(&harness, 1, 500);
    submit(&harness, 1);
    let silent = |code| harness.run(&["flush", "--send", "--no-ui", "--json"]).expect_code(code).json();
    let asked = |said: &str, code| {
        let run = harness.run_at_terminal(&["flush", "--send"], said);
        assert_eq!(run.code, Some(code), "{}{}", run.stdout, run.stderr);
        run.stdout
    };
    assert_eq!(silent(77)["results"][0]["failure"]["class"], "needs_person");
    for no in ["\n", "y\n"] {
        let words = asked(no, 77);
        assert!(words.contains("localhost") && words.contains("SHA-256"), "{no:?}: {words}");
    }
    assert_eq!(states(&harness), ["queued"]);
    assert!(postfix.deliveries().is_empty());
    asked("yes\n", 0);
    postfix.wait_deliveries(1);

    // Trusted for that run alone.
    submit(&harness, 1);
    silent(77);
    asked("always\n", 0);
    postfix.wait_deliveries(2);

    // For good: nobody is asked, and nothing else in the profile has changed.
    submit(&harness, 1);
    silent(0);
    postfix.wait_deliveries(3);
    let file = harness.path("profile/profile.toml");
    let text = std::fs::read_to_string(&file).expect("a profile");
    let (_, pinned) = text.split_once("fingerprint = \"").expect("pinned");
    let print = pinned.split('"').next().expect("a value").to_owned();
    assert!(text.contains("host = \"localhost\" # the one here\n"), "{text}");

    // Another one than that is a changed server, or somebody else's.
    let other = print.split(':').rev().collect::<Vec<_>>().join(":");
    std::fs::write(&file, text.replace(&print, &other)).expect("a profile");
    submit(&harness, 1);
    silent(77);
    let words = asked("\n", 77);
    assert!(words.contains("CHANGED") && words.contains(&print) && words.contains(&other), "{words}");
    assert_eq!(postfix.deliveries().len(), 3);
}

#[test]
fn greylisting_defers_and_force_tries_again() {
    let setup = PostfixSetup { recipients: &[("^user1@", "450 4.7.1 Greylisted")], ..Default::default() };
    let Some(postfix) = Postfix::start(&setup) else { return };
    let harness = Harness::new(&plain(postfix.port));
    letters(&harness, 3, 500);
    submit(&harness, 3);
    let flushed = harness.run(&["flush", "--send", "--no-ui", "--json"]).expect_code(75).json();
    assert_eq!(flushed["result"], "MAPI_W_PARTIAL_COMPLETION");
    assert_eq!(outgoing(&flushed)["sent"], 2);
    assert_eq!(outgoing(&flushed)["deferred"], 1);
    let listed = harness.run(&["queue", "list", "state:deferred", "--json"]).json();
    let row = &listed["messages"][0];
    assert!(row["last_reply"].as_str().expect("a reply").contains("Greylisted"), "{row}");
    assert!(row["next_try"].as_i64() > row["queued_at"].as_i64());
    // Its time has not come; with force it is tried all the same.
    let flushed = harness.run(&["flush", "--send", "--no-ui", "--json"]).expect_code(0).json();
    assert_eq!(outgoing(&flushed)["deferred"], 0);
    let flushed = harness.run(&["flush", "--send", "--no-ui", "--force", "--json"]).expect_code(75).json();
    assert_eq!(outgoing(&flushed)["deferred"], 1);
    assert_eq!(harness.run(&["queue", "list", "state:deferred", "--json"]).json()["messages"][0]["attempts"], 2);
}

#[test]
fn one_refused_recipient_of_three_costs_the_others_nothing() {
    let setup = PostfixSetup { recipients: &[("^nobody@", "550 5.1.1 No such user")], ..Default::default() };
    let Some(postfix) = Postfix::start(&setup) else { return };
    let harness = Harness::new(&plain(postfix.port));
    let to = "ann@example.net, nobody@example.net, bob@example.net";
    harness.write("letters/one.eml", addressed(1, 500, to));
    submit(&harness, 1);
    let flushed = harness.run(&["flush", "--send", "--no-ui", "--json"]).expect_code(65).json();
    assert_eq!(outgoing(&flushed)["failed"], 1);
    let delivered: Vec<String> = postfix.wait_deliveries(2).into_iter().map(|delivery| delivery.recipient).collect();
    assert_eq!(delivered, ["ann@example.net", "bob@example.net"]);
    let id = harness.run(&["queue", "list", "--json"]).json()["messages"][0]["id"].to_string();
    let shown = harness.run(&["queue", "show", &id, "--json"]).expect_code(0).json();
    let states: Vec<&str> = shown["messages"][0]["recipients"]
        .as_array()
        .expect("recipients")
        .iter()
        .map(|recipient| recipient["state"].as_str().expect("a state"))
        .collect();
    assert_eq!(states, ["sent", "failed", "sent"]);
    // The report is where the user reads mail.
    let reports = harness.received("out");
    assert_eq!(reports.len(), 1);
    let report = String::from_utf8_lossy(&reports[0]);
    assert!(report.contains("nobody@example.net") && report.contains("5.1.1"), "{report}");
    assert!(!report.contains("ann@example.net\r\nAction: failed"), "{report}");
}

#[test]
fn checklist_48_a_message_without_recipients_is_not_taken() {
    let harness = Harness::new(&plain(1));
    let run = harness.run_with_input(&["submit", "-"], b"From: ada@example.org\r\nSubject: to whom?\r\n\r\nhello\r\n");
    let run = run.expect_code(65);
    assert!(run.stderr.contains("MAPI_E_NO_RECIPIENTS"), "{}", run.stderr);
    assert_eq!(harness.run(&["queue", "list", "--json"]).json()["total"], 0);
}

#[test]
fn an_unreachable_server_is_said_and_nothing_is_lost() {
    let harness = Harness::new(&plain(free_port()));
    letters(&harness, 2, 500);
    submit(&harness, 2);
    let flushed = harness.run(&["flush", "--send", "--no-ui", "--json"]).expect_code(69).json();
    assert_eq!(flushed["result"], "MAPI_E_NETWORK_ERROR");
    assert_eq!(states(&harness), ["queued", "queued"]);
}

#[test]
fn checklist_17_send_touches_outgoing_queues_only_and_receive_incoming_only() {
    let Some(dovecot) = Dovecot::start() else { return };
    let Some(sink) = SmtpSink::start(&[]) else { return };
    dovecot.fill("ada", [letter(1, 500), letter(2, 500)]);
    let incoming = format!(
        "\n[transport.incoming]\nkind = \"imap\"\nhost = \"127.0.0.1\"\nport = {}\nsecurity = \"none\"\nuser = \"ada\"\n\
         password = {{ command = \"echo {PASSWORD}\" }}\n",
        dovecot.ports.imap
    );
    let harness = Harness::new(&(plain(sink.port) + &incoming));
    letters(&harness, 3, 500);
    submit(&harness, 3);
    let received = harness.run(&["flush", "--download", "--no-ui", "--json"]).expect_code(0).json();
    assert_eq!(received["results"][0]["incoming"]["received"], 2);
    assert_eq!(outgoing(&received)["sent"], 0);
    assert_eq!(sink.count(), 0);
    dovecot.fill("ada", [letter(3, 500)]);
    let sent = harness.run(&["flush", "--upload", "--no-ui", "--json"]).expect_code(0).json();
    assert_eq!(outgoing(&sent)["sent"], 3);
    assert_eq!(sent["results"][0]["incoming"]["received"], 0);
    assert_eq!(harness.received("out").len(), 2);
    sink.wait_count(3);
}
