//! Sessions against transcripts at every split, and the transport against servers that follow a script.

use proptest::prelude::*;

use super::session::{Broken, Session, Status};
use super::*;
use crate::transport::testing::{TestSpooler, scripted, server_at};

/// Everything a session makes of these bytes, with neighbouring pieces of a message joined.
fn events(expect: &[Expect], chunks: &[&[u8]]) -> Result<Vec<Event>, Broken> {
    let mut session = Session::new();
    for &what in expect {
        session.expect(what);
    }
    let mut events: Vec<Event> = Vec::new();
    for chunk in chunks {
        session.buffer().extend_from_slice(chunk);
        while let Some(event) = session.next()? {
            match (events.last_mut(), event) {
                (Some(Event::Data(before)), Event::Data(more)) => *before = [&before[..], &more].concat().into(),
                (_, event) => events.push(event),
            }
        }
    }
    Ok(events)
}

const TRANSCRIPT: &[u8] =
    b"+OK ready\r\n+OK\r\nUIDL\r\nSASL PLAIN\r\n.\r\n-ERR [IN-USE] busy\r\n+OK 7\r\n..\r\na\n.\nb\r\n.\r\n";

#[test]
fn a_transcript_reads_the_same_at_every_split() {
    let expect = [Expect::Lines, Expect::Status, Expect::Message];
    let whole = events(&expect, &[TRANSCRIPT]).unwrap();
    let status = |ok, code: Option<&str>, text: &str| {
        Event::Status(Status { ok, code: code.map(str::to_owned), text: text.to_owned() })
    };
    assert_eq!(
        whole,
        [
            status(true, None, "ready"),
            status(true, None, ""),
            Event::Line("UIDL".into()),
            Event::Line("SASL PLAIN".into()),
            Event::End,
            status(false, Some("IN-USE"), "busy"),
            status(true, None, "7"),
            Event::Data(".\r\na\n.\nb\r\n".into()),
            Event::End,
        ]
    );
    for cut in 0..=TRANSCRIPT.len() {
        let (before, after) = TRANSCRIPT.split_at(cut);
        assert_eq!(events(&expect, &[before, after]).unwrap(), whole, "cut at {cut}");
    }
    let single: Vec<&[u8]> = TRANSCRIPT.chunks(1).collect();
    assert_eq!(events(&expect, &single).unwrap(), whole);
}

#[test]
fn what_is_no_reply_ends_the_session() {
    assert_eq!(events(&[], &[b"HTTP/1.1 400\r\n"]), Err(Broken::NoReply));
    assert_eq!(events(&[], &[b"+OK\r\n+OK\r\n"]), Err(Broken::Unasked));
    assert_eq!(events(&[], &[&vec![b'x'; 9000]]), Err(Broken::LineTooLong));
}

proptest! {
    #[test]
    fn stuffed_messages_come_out_as_they_were(lines in prop::collection::vec("[.a\r\n]{0,6}", 0..8), size in 1_usize..9) {
        let lines: Vec<String> = lines.iter().map(|line| line.replace("\r\n", "") + "\r\n").collect();
        let message = lines.concat();
        let stuffed: String = message
            .split_inclusive("\r\n")
            .flat_map(|line| [if line.starts_with('.') { "." } else { "" }, line])
            .collect();
        let wire = format!("+OK\r\n+OK\r\n{stuffed}.\r\n");
        let chunks: Vec<&[u8]> = wire.as_bytes().chunks(size).collect();
        let events = events(&[Expect::Message], &chunks).unwrap();
        let data = events.iter().filter_map(|event| if let Event::Data(data) = event { Some(&data[..]) } else { None });
        let got: Vec<u8> = data.flatten().copied().collect();
        prop_assert_eq!(String::from_utf8(got).unwrap(), message);
        prop_assert_eq!(events.last(), Some(&Event::End));
    }
}

/// A transport into a Maildir, with a spooler around it.
struct Scene {
    spooler: TestSpooler,
    folder: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        Self { spooler: TestSpooler::new(), folder: tempfile::tempdir().unwrap() }
    }

    async fn receive(&self, after: After, script: &str) -> Result<(), Failure> {
        let (port, server) = scripted(script).await;
        let deliver = DeliverTo::Maildir(self.folder.path().join("mail"));
        // A short one: what fits into a line of POP3 goes with the command.
        let elsewhere = crate::profile::SecretSource::Env("HOME".to_owned());
        let credential = Some(crate::profile::Credential::Password(elsewhere));
        let server_at = ServerConfig { credential, ..server_at(port) };
        let transport = Pop3Transport::new("test", server_at, after, &deliver, None);
        let result = transport.start(&self.spooler.support, &self.spooler.receipts()).await;
        server.await.unwrap();
        self.spooler.caught_up().await;
        result
    }

    fn known(&self) -> Vec<String> {
        let memory = self.spooler.memory();
        memory.known.get("pop3:ann@127.0.0.1").into_iter().flatten().cloned().collect()
    }

    fn files(&self, name: &str) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.folder.path().join("mail").join(name)) else { return Vec::new() };
        let mut all: Vec<String> =
            entries.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap()).collect();
        all.sort();
        all
    }
}

const SIGN_IN: &str = "S: +OK
    C: CAPA\nS: +OK\nS: USER\nS: PIPELINING\nS: .
    C: USER ann\nS: +OK\nC: PASS …\nS: +OK";

fn script(rest: &str) -> String {
    format!("{SIGN_IN}\n{rest}")
}

const TWO: &str = "C: LIST\nC: UIDL\nS: +OK\nS: 1 6\nS: 2 5\nS: .\nS: +OK\nS: 1 aaa\nS: 2 bbb\nS: .";
const RETR_BOTH: &str = "C: RETR 1\nC: RETR 2\nS: +OK\nS: ..one\nS: .\nS: +OK\nS: two\nS: .";

#[tokio::test]
async fn fetches_in_a_window_and_keeps() {
    let scene = Scene::new();
    scene.receive(After::Keep, &script(&format!("{TWO}\n{RETR_BOTH}\nC: QUIT"))).await.unwrap();
    assert_eq!(scene.files("new"), [".one\r\n", "two\r\n"]);
    assert_eq!(scene.known(), ["aaa", "bbb"]);
    scene.receive(After::Keep, &script(&format!("{TWO}\nC: QUIT\nS: +OK"))).await.unwrap();
    assert_eq!(scene.files("new").len(), 2);
    assert_eq!(scene.spooler.memory().listed, [2, 0]);
}

/// A server that says nothing before it has heard everything: whoever waits for an answer in between waits for ever.
#[tokio::test]
async fn one_flight_signs_in_and_lists() {
    let answers = "S: +OK in\nS: +OK\nS: 1 5\nS: .\nS: +OK\nS: 1 aaa\nS: .\nC: RETR 1\nS: +OK\nS: one\nS: .\nC: QUIT";
    for (offered, sign_in) in [("USER", "C: USER ann\nC: PASS …\n"), ("SASL PLAIN", "C: AUTH PLAIN …\n")] {
        let user = if offered == "USER" { "S: +OK who\n" } else { "" };
        let scene = Scene::new();
        let script = format!(
            "S: +OK\nC: CAPA\nS: +OK\nS: {offered}\nS: PIPELINING\nS: .\n{sign_in}C: LIST\nC: UIDL\n{user}{answers}"
        );
        scene.receive(After::Keep, &script).await.unwrap();
        assert_eq!(scene.known(), ["aaa"], "{offered}");
        let refused = script.replace("S: +OK in", "S: -ERR [AUTH] no\nX");
        assert_eq!(Scene::new().receive(After::Keep, &refused).await.unwrap_err().class, Class::Login, "{offered}");
    }
}

#[tokio::test]
async fn forgets_what_is_gone_from_the_server() {
    let scene = Scene::new();
    scene.receive(After::Keep, &script(&format!("{TWO}\n{RETR_BOTH}\nC: QUIT\nS: +OK"))).await.unwrap();
    let one = "C: LIST\nC: UIDL\nS: +OK\nS: 1 8\nS: .\nS: +OK\nS: 1 bbb\nS: .\nC: QUIT\nS: +OK";
    scene.receive(After::Keep, &script(one)).await.unwrap();
    assert_eq!(scene.known(), ["bbb"]);
}

#[tokio::test]
async fn deletes_after_recording_and_waits_for_the_goodbye() {
    let scene = Scene::new();
    let delete = format!("{TWO}\n{RETR_BOTH}\nC: DELE …\nC: DELE …\nS: +OK\nS: +OK\nC: QUIT\nS: +OK");
    scene.receive(After::Delete, &script(&delete)).await.unwrap();
    assert_eq!(scene.files("new").len(), 2);
    assert!(scene.known().is_empty());
}

#[tokio::test]
async fn a_lost_goodbye_is_made_up_for_without_fetching_again() {
    let scene = Scene::new();
    let lost = format!("{TWO}\n{RETR_BOTH}\nC: DELE …\nC: DELE …\nS: +OK\nS: +OK\nC: QUIT\nX");
    assert_eq!(scene.receive(After::Delete, &script(&lost)).await.unwrap_err().stage, Stage::Quit);
    assert_eq!(scene.known(), ["aaa", "bbb"]);
    let again = format!("{TWO}\nC: DELE …\nC: DELE …\nS: +OK\nS: +OK\nC: QUIT\nS: +OK");
    scene.receive(After::Delete, &script(&again)).await.unwrap();
    assert_eq!(scene.files("new").len(), 2);
    assert!(scene.known().is_empty());
}

#[tokio::test]
async fn what_is_not_recorded_is_not_deleted() {
    let scene = Scene::new();
    scene.spooler.memory().disk_full = true;
    // The script has no DELE, and the client hangs up.
    let failure = scene.receive(After::Delete, &script(&format!("{TWO}\n{RETR_BOTH}"))).await.unwrap_err();
    assert_eq!(failure.class, Class::Local);
    scene.spooler.memory().disk_full = false;
    // The files lie there under their names: they are recorded and not fetched again.
    let delete = format!("{TWO}\nC: DELE …\nC: DELE …\nS: +OK\nS: +OK\nC: QUIT\nS: +OK");
    scene.receive(After::Delete, &script(&delete)).await.unwrap();
    assert_eq!(scene.files("new"), [".one\r\n", "two\r\n"]);
}

#[tokio::test]
async fn a_message_that_vanished_leaves_the_others_alone() {
    let scene = Scene::new();
    let vanished = format!("{TWO}\nC: RETR 1\nC: RETR 2\nS: -ERR gone\nS: +OK\nS: two\nS: .\nC: QUIT\nS: +OK");
    scene.receive(After::Keep, &script(&vanished)).await.unwrap();
    assert_eq!((scene.files("new"), scene.known()), (vec!["two\r\n".to_owned()], vec!["bbb".to_owned()]));
    assert_eq!(scene.spooler.memory().failed[0].reply.as_ref().unwrap().text, "gone");
}

#[tokio::test]
async fn a_line_that_drops_in_a_message_leaves_nothing_of_it() {
    let scene = Scene::new();
    let large = "x".repeat(70_000);
    let half =
        format!("{TWO}\nC: RETR 1\nC: RETR 2\nS: +OK\nS: one\nS: .\nS: +OK\n{}X", format!("S: {large}\n").repeat(5));
    let failure = scene.receive(After::Keep, &script(&half)).await.unwrap_err();
    assert_eq!((failure.class, failure.stage), (Class::Transient, Stage::Fetch));
    // The one before it came whole and is kept.
    assert_eq!((scene.files("new"), scene.known()), (vec!["one\r\n".to_owned()], vec!["aaa".to_owned()]));
    assert!(scene.files("tmp").is_empty());
}

#[tokio::test]
async fn a_cleared_flush_bit_ends_it_at_the_next_message() {
    let scene = Scene::new();
    scene.spooler.support.ending().cancel();
    // Nobody asks for a message, nor says another word.
    scene.receive(After::Delete, &script(TWO)).await.unwrap();
    assert!(scene.known().is_empty() && scene.files("new").is_empty());
}

#[tokio::test]
async fn equal_uids_are_equal_messages() {
    let scene = Scene::new();
    let list = "C: LIST\nC: UIDL\nS: +OK\nS: 1 8\nS: 2 8\nS: .\nS: +OK\nS: 1 aaa\nS: 2 aaa\nS: .";
    let rest = "C: RETR 1\nS: +OK\nS: one\nS: .\nC: QUIT\nS: +OK";
    scene.receive(After::Keep, &script(&format!("{list}\n{rest}"))).await.unwrap();
    assert_eq!(scene.files("new"), ["one\r\n"]);
}

#[tokio::test]
async fn equal_uids_are_not_believed_before_messages_are_deleted() {
    let scene = Scene::new();
    let list = "C: LIST\nC: UIDL\nS: +OK\nS: 1 8\nS: 2 8\nS: .\nS: +OK\nS: 1 aaa\nS: 2 aaa\nS: .";
    let fetched = "C: RETR 1\nC: RETR 2\nS: +OK\nS: one\nS: .\nS: +OK\nS: two\nS: .";
    let rest = "C: DELE …\nC: DELE …\nS: +OK\nS: +OK\nC: QUIT\nS: +OK";
    scene.receive(After::Delete, &script(&format!("{list}\n{fetched}\n{rest}"))).await.unwrap();
    let mut files = scene.files("new");
    files.sort();
    assert_eq!(files, ["one\r\n", "two\r\n"]);
}

#[tokio::test]
async fn a_server_without_uidl_can_be_emptied_but_not_kept() {
    let scene = Scene::new();
    let list = "C: LIST\nC: UIDL\nS: +OK\nS: 1 8\nS: .\nS: -ERR unknown command";
    let failure = scene.receive(After::Keep, &script(list)).await.unwrap_err();
    assert_eq!(failure.class, Class::Configuration);
    // The line drops before anything is deleted: the message is known by its content the next time.
    let dropped = format!("{list}\nC: RETR 1\nS: +OK\nS: one\nS: .\nC: DELE 1\nX");
    scene.receive(After::Delete, &script(&dropped)).await.unwrap_err();
    let rest = format!("{list}\nC: RETR 1\nS: +OK\nS: one\nS: .\nC: DELE 1\nS: +OK\nC: QUIT\nS: +OK");
    scene.receive(After::Delete, &script(&rest)).await.unwrap();
    assert_eq!((scene.files("new"), scene.known()), (vec!["one\r\n".to_owned()], vec![]));
}

#[tokio::test]
async fn one_command_at_a_time_where_the_server_wants_it() {
    let scene = Scene::new();
    let polite = "S: +OK\nC: CAPA\nS: -ERR\nC: USER ann\nS: +OK\nC: PASS …\nS: +OK
        C: LIST\nS: +OK\nS: 1 8\nS: .\nC: UIDL\nS: +OK\nS: 1 aaa\nS: .
        C: RETR 1\nS: +OK\nS: one\nS: .\nC: QUIT\nS: +OK";
    scene.receive(After::Keep, polite).await.unwrap();
    assert_eq!(scene.known(), ["aaa"]);
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let refused =
        |reply: &str| format!("S: +OK\nC: CAPA\nS: +OK\nS: USER\nS: .\nC: USER ann\nS: +OK\nC: PASS …\nS: {reply}");
    for (reply, class) in [
        ("-ERR [AUTH] wrong", Class::Login),
        ("-ERR wrong", Class::Login),
        ("-ERR [IN-USE] locked", Class::Transient),
        ("-ERR [SYS/TEMP] later", Class::Transient),
    ] {
        let failure = Scene::new().receive(After::Keep, &refused(reply)).await.unwrap_err();
        assert_eq!(failure.class, class, "{reply}");
    }
}

#[tokio::test]
async fn starttls_is_never_done_without() {
    let (port, _server) = scripted("S: +OK\nC: CAPA\nS: +OK\nS: USER\nS: .").await;
    let server = ServerConfig { security: crate::profile::Security::StartTls, ..server_at(port) };
    let folder = tempfile::tempdir().unwrap();
    let deliver = DeliverTo::Maildir(folder.path().join("mail"));
    let transport = Pop3Transport::new("test", server, After::Keep, &deliver, None);
    let spooler = TestSpooler::new();
    assert_eq!(transport.validate_state(&spooler.support).await.unwrap_err().class, Class::Trust);
}

#[tokio::test]
async fn cancel_ends_it_at_once() {
    let scene = Scene::new();
    let (port, _server) = scripted("S: +OK\nC: CAPA").await;
    let deliver = DeliverTo::Maildir(scene.folder.path().join("mail"));
    let transport = Pop3Transport::new("test", server_at(port), After::Keep, &deliver, None);
    scene.spooler.cancel.cancel();
    let failure = transport.start(&scene.spooler.support, &scene.spooler.receipts()).await.unwrap_err();
    assert_eq!(failure.class, Class::Cancelled);
}
