//! Receiving from a real Dovecot.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mailsluice::mapi::FlushFlags;
use mailsluice::mapi::tag::{PR_DISPLAY_NAME, PR_SLUICE_WAITING};
use mailsluice::profile::{self as profiles, Places};
use mailsluice::session::{Session, flush_all};
use mailsluice::spooler::{Spooler, Stay};

use crate::support::daemon::{loopback, wait_until};
use crate::support::dovecot::PASSWORD;
use crate::support::messages::message;
use crate::support::{Dovecot, Harness, Relay, Way};

fn profile(dovecot: &Dovecot, kind: &str, port: u16, security: &str, after: &str) -> String {
    format!(
        "[[transport]]\nname = \"in\"\n\n[transport.incoming]\nkind = \"{kind}\"\nhost = \"localhost\"\nport = {port}\n\
         security = \"{security}\"\nuser = \"ada\"\npassword = {{ command = \"echo {PASSWORD}\" }}\nafter = \"{after}\"\n\
         ca_file = \"{}\"\n",
        dovecot.certs.authority.display()
    )
}

fn mail(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|number| message(number, 1500)).collect()
}

fn sorted(mut messages: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    messages.sort();
    messages
}

/// A thousand messages, byte for byte the server's, and nothing the second time.
fn a_thousand(kind: &str, port: impl Fn(&Dovecot) -> u16) {
    let Some(dovecot) = Dovecot::start() else { return };
    dovecot.fill("ada", mail(1000));
    let harness = Harness::new(&profile(&dovecot, kind, port(&dovecot), "tls", "keep"));
    let flushed = harness.run(&["flush", "--receive", "--no-ui", "--json"]).expect_code(0).json();
    assert_eq!(flushed["results"][0]["via"], "transport");
    assert_eq!(flushed["results"][0]["incoming"]["received"], 1000);
    let received = sorted(harness.received("in"));
    assert_eq!(received.len(), 1000);
    assert!(received == sorted(dovecot.mailbox("ada")), "what is here is not what is there");
    let again = harness.run(&["flush", "--receive", "--no-ui", "--json"]).expect_code(0).json();
    assert_eq!(again["results"][0]["incoming"]["received"], 0);
    assert_eq!(harness.received("in").len(), 1000);
    assert_eq!(dovecot.mailbox("ada").len(), 1000);
}

#[test]
fn a_thousand_messages_by_imap() {
    a_thousand("imap", |dovecot| dovecot.ports.imaps);
}

#[test]
fn a_thousand_messages_by_pop3() {
    a_thousand("pop3", |dovecot| dovecot.ports.pop3s);
}

#[test]
fn what_is_safe_here_is_deleted_there_when_the_profile_says_so() {
    for kind in ["imap", "pop3"] {
        let Some(dovecot) = Dovecot::start() else { return };
        dovecot.fill("ada", mail(20));
        let port = if kind == "imap" { dovecot.ports.imap } else { dovecot.ports.pop3 };
        let harness = Harness::new(&profile(&dovecot, kind, port, "starttls", "delete"));
        let flushed = harness.run(&["flush", "--receive", "--no-ui", "--json"]).expect_code(0).json();
        assert_eq!(flushed["results"][0]["incoming"]["received"], 20, "{kind}");
        assert_eq!(sorted(harness.received("in")), sorted(mail(20)), "{kind}");
        assert_eq!(dovecot.mailbox("ada").len(), 0, "{kind}");
        dovecot.fill("ada", mail(3));
        let flushed = harness.run(&["flush", "--receive", "--no-ui", "--json"]).expect_code(0).json();
        assert_eq!(flushed["results"][0]["incoming"]["received"], 3, "{kind}");
    }
}

#[test]
fn a_refused_login_is_said_and_no_secret_is_printed() {
    let Some(dovecot) = Dovecot::start() else { return };
    dovecot.fill("ada", mail(1));
    for (kind, port) in [("imap", dovecot.ports.imaps), ("pop3", dovecot.ports.pop3s)] {
        let profile =
            profile(&dovecot, kind, port, "tls", "keep").replace(&format!("echo {PASSWORD}"), "echo wrong-one");
        let harness = Harness::new(&profile);
        let run = harness.run(&["flush", "--receive", "--no-ui", "--json"]).expect_code(77);
        assert_eq!(run.json()["result"], "MAPI_E_LOGON_FAILED", "{kind}");
        assert!(!run.stdout.contains("wrong-one") && !run.stderr.contains("wrong-one"), "a secret was printed");
        assert!(harness.received("in").is_empty());
    }
}

#[test]
fn a_certificate_nobody_vouches_for_is_refused() {
    let Some(dovecot) = Dovecot::start() else { return };
    for (kind, port) in [("imap", dovecot.ports.imaps), ("pop3", dovecot.ports.pop3s)] {
        let profile = profile(&dovecot, kind, port, "tls", "keep");
        let without: Vec<&str> = profile.lines().filter(|line| !line.starts_with("ca_file")).collect();
        let without = without.join("\n");
        let flushed = Harness::new(&without).run(&["flush", "--receive", "--no-ui", "--json"]).expect_code(77).json();
        assert_eq!(flushed["results"][0]["failure"]["class"], "needs_person", "{kind}");
    }
}

#[test]
fn doctor_reaches_the_server_and_says_what_it_found() {
    let Some(dovecot) = Dovecot::start() else { return };
    let harness = Harness::new(&profile(&dovecot, "imap", dovecot.ports.imaps, "tls", "keep"));
    let run = harness.run(&["doctor"]).expect_code(0);
    assert!(run.stdout.starts_with("ok  in: "), "{}", run.stdout);
}

/// A way to the server on which everything it says takes a while. Gives the port, and counts what comes by.
fn far_way(port: u16) -> (u16, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let (here, bytes) = (listener.local_addr().expect("an address").port(), Arc::new(AtomicU64::new(0)));
    let counted = Arc::clone(&bytes);
    std::thread::spawn(move || {
        for mut near in listener.incoming().map_while(Result::ok) {
            let mut far = TcpStream::connect(("127.0.0.1", port)).expect("the server");
            let (mut say, mut hear) = (near.try_clone().expect("a socket"), far.try_clone().expect("a socket"));
            std::thread::spawn(move || std::io::copy(&mut say, &mut hear).ok());
            let counted = Arc::clone(&counted);
            std::thread::spawn(move || {
                let mut piece = vec![0; 256 << 10];
                while let Ok(read @ 1..) = far.read(&mut piece) {
                    std::thread::sleep(Duration::from_millis(15));
                    counted.fetch_add(read as u64, Ordering::Relaxed);
                    if near.write_all(&piece[..read]).is_err() {
                        break;
                    }
                }
                near.shutdown(Shutdown::Both).ok();
            });
        }
    });
    (here, bytes)
}

#[test]
fn a_far_line_is_compressed_where_the_server_can() {
    let zlib = "mail_plugins = zlib\nprotocol imap {\n mail_plugins = zlib imap_zlib\n}\n";
    let Some(dovecot) = Dovecot::start_with(zlib) else { return };
    dovecot.fill("ada", mail(1000));
    let there = sorted(dovecot.mailbox("ada"));
    let size = there.iter().map(|message| message.len() as u64).sum::<u64>();
    let (far, came) = far_way(dovecot.ports.imap);
    for port in [far, dovecot.ports.imap] {
        let harness = Harness::new(&profile(&dovecot, "imap", port, "none", "keep"));
        harness.run(&["flush", "--receive", "--no-ui"]).expect_code(0);
        assert!(sorted(harness.received("in")) == there, "what is here is not what is there");
    }
    assert!(came.load(Ordering::Relaxed) < size / 2, "{} bytes came for {size}", came.load(Ordering::Relaxed));
}

#[test]
fn of_a_large_folder_that_was_received_before_only_what_came_since_is_named() {
    let Some(dovecot) = Dovecot::start() else { return };
    dovecot.fill("ada", mail(1000));
    let line = Relay::start(loopback(dovecot.ports.imap), &[]);
    let harness = Harness::new(&profile(&dovecot, "imap", line.port(), "none", "keep"));
    // What is received, and the bytes that came for it.
    let receive = || {
        line.count_anew();
        let flushed = harness.run(&["flush", "--receive", "--no-ui", "--json"]).expect_code(0).json();
        (flushed["results"][0]["incoming"]["received"].as_u64().expect("a number"), line.counted(Way::ToClient))
    };
    let names: u64 = (1..=1000).map(|uid: u64| uid.to_string().len() as u64 + 1).sum();
    assert_eq!(receive().0, 1000);
    let (received, bytes) = receive();
    assert_eq!(received, 0);
    assert!(bytes < names / 2, "{bytes} bytes where the names of all take {names}");
    dovecot.fill("ada", [message(1000, 1500)]);
    assert_eq!(receive().0, 1);
    assert!(sorted(harness.received("in")) == sorted(dovecot.mailbox("ada")), "what is here is not what is there");
    // Gone by another program's doing, while something came: the number there is the same.
    dovecot.lose_first("ada");
    dovecot.fill("ada", [message(1001, 1500)]);
    let (received, bytes) = receive();
    assert_eq!(received, 1);
    assert!(bytes > names, "{bytes} bytes can't name all");
    let (received, bytes) = receive();
    assert_eq!((received, harness.received("in").len()), (0, 1002));
    assert!(bytes < names / 2, "{bytes} bytes where the names of all take {names}");
}

/// Whether the row says within reason that this many messages wait.
fn shows(session: &mut Session, count: i64) -> bool {
    wait_until(Duration::from_secs(20), || {
        session.pump();
        let rows = session.rows();
        let row = rows.iter().find(|row| row.text(PR_DISPLAY_NAME) == Some("in"));
        row.and_then(|row| row.number(PR_SLUICE_WAITING)) == Some(count)
    })
}

#[test]
fn watched_mail_shows_as_waiting_at_once_and_comes_with_the_flush() {
    let Some(dovecot) = Dovecot::start() else { return };
    dovecot.fill("ada", mail(2));
    let text = profile(&dovecot, "imap", dovecot.ports.imaps, "tls", "keep") + "watch = true\n";
    let harness = Harness::new(&text);
    // A command does its work and ends; nobody watches behind it.
    let flushed = harness.run(&["flush", "--receive", "--no-ui", "--json"]).expect_code(0).json();
    assert_eq!(flushed["results"][0]["incoming"]["received"], 2);

    let places = Places::of(Some(&harness.profile()));
    let profile = profiles::load(&text, &places.profile_file(), &places).expect("a good profile");
    let spooler = Spooler::reach(&places, &profile, Stay::Long).expect("a spooler that stays");
    let mut window = Session::logon(spooler.line(), Arc::new(|| {}));
    assert!(shows(&mut window, 0), "it does not watch");
    dovecot.fill("ada", mail(3));
    assert!(shows(&mut window, 3), "new mail is not seen");
    let run = flush_all(&window, FlushFlags::FLUSH_DOWNLOAD | FlushFlags::FLUSH_NO_UI, true).expect("a flush");
    run.wait(&mut window);
    assert!(shows(&mut window, 0), "what was received still waits");
    dovecot.fill("ada", mail(1));
    assert!(shows(&mut window, 1), "new mail is not seen after a flush");
    spooler.end(false);
    assert_eq!(harness.received("in").len(), 5);
}
