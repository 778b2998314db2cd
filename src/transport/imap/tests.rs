//! What servers send, cut at every split, and the transport against servers that follow a script.

use super::response::{Fetched, Greeting, Verdict};
use super::wire::{Broken, Cutter, Piece};
use super::*;
use crate::transport::deliver::Marks;
use crate::transport::testing::{TestSpooler, scripted, server_at};

/// The pieces made of these bytes, with neighbouring pieces of a message joined.
fn pieces<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<Piece>, Broken> {
    let mut cutter = Cutter::new();
    let mut pieces: Vec<Piece> = Vec::new();
    for chunk in chunks {
        cutter.buffer().extend_from_slice(chunk);
        while let Some(piece) = cutter.next()? {
            match (pieces.last_mut(), piece) {
                (Some(Piece::Body(before)), Piece::Body(more)) => *before = [&before[..], &more].concat().into(),
                (_, piece) => pieces.push(piece),
            }
        }
    }
    Ok(pieces)
}

const TRANSCRIPT: &[u8] = b"* OK mind the {3}\r\n\
    * 1 FETCH (BODY[] {12}\r\n* 9 FETCH\r\n)\r UID 7 FLAGS (\\Seen))\r\n\
    * LIST () \"/\" {5}\r\na{1}b\r\n\
    * 2 FETCH (UID 8 BODY[] {0}\r\n)\r\n\
    A1 OK done {4}\r\n";

#[test]
fn a_transcript_is_cut_the_same_at_every_split() {
    let whole = pieces([TRANSCRIPT]).unwrap();
    assert_eq!(
        whole,
        [
            Piece::Response("* OK mind the {3}\r\n".into()),
            Piece::BodyBegins(12),
            Piece::Body("* 9 FETCH\r\n)".into()),
            Piece::BodyEnds,
            Piece::Response("* 1 FETCH (BODY[] \"\"\r UID 7 FLAGS (\\Seen))\r\n".into()),
            Piece::Response("* LIST () \"/\" {5}\r\na{1}b\r\n".into()),
            Piece::BodyBegins(0),
            Piece::BodyEnds,
            Piece::Response("* 2 FETCH (UID 8 BODY[] \"\")\r\n".into()),
            Piece::Response("A1 OK done {4}\r\n".into()),
        ]
    );
    for cut in 0..=TRANSCRIPT.len() {
        let (before, after) = TRANSCRIPT.split_at(cut);
        assert_eq!(pieces([before, after]).unwrap(), whole, "cut at {cut}");
    }
    assert_eq!(pieces(TRANSCRIPT.chunks(1)).unwrap(), whole);
}

#[test]
fn four_announced_gigabytes_take_no_memory() {
    let mut cutter = Cutter::new();
    cutter.buffer().extend_from_slice(b"* 1 FETCH (UID 1 BODY[] {4294967295}\r\nabc");
    assert_eq!(cutter.next(), Ok(Some(Piece::BodyBegins(4_294_967_295))));
    assert_eq!(cutter.next(), Ok(Some(Piece::Body("abc".into()))));
    assert_eq!(cutter.next(), Ok(None));
    assert!(cutter.buffer().capacity() < 1 << 20);
}

#[test]
fn only_a_message_may_be_large() {
    assert_eq!(pieces([&b"* LIST () \"/\" {4294967295}\r\n"[..]]), Err(Broken::LiteralTooLong(4_294_967_295)));
    assert_eq!(pieces([&vec![b'x'; 17 << 20][..]]), Err(Broken::ResponseTooLong));
    let two = b"* 1 FETCH (BODY[] {1}\r\na BODY[] {1}\r\nb)\r\n";
    assert_eq!(pieces([&two[..]]), Err(Broken::TwoBodies));
}

#[test]
fn responses_say_what_matters() {
    let parse = |response: &str| Event::parse(response.as_bytes());
    let fetched = "* 3 FETCH (UID 9 FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Recent work) \
        INTERNALDATE \"14-Nov-2023 23:13:20 +0100\" RFC822.SIZE 44 BODY[] \"\")\r\n";
    assert_eq!(
        parse(fetched),
        Ok(Event::Fetched(Fetched {
            uid: NonZeroU32::new(9),
            size: Some(44),
            marks: Marks { letters: "FRS".to_owned(), received_at: Some(1_700_000_000) },
            text: Some(Vec::new()),
        }))
    );
    assert_eq!(parse("* OK [UIDVALIDITY 7] ok\r\n"), Ok(Event::UidValidity(7)));
    assert_eq!(parse("* SEARCH\r\n"), Ok(Event::Found(Vec::new())));
    assert_eq!(parse("+ YWJj\r\n"), Ok(Event::Continue(b"YWJj".to_vec())));
    assert_eq!(parse("* CAPABILITY IMAP4rev1 auth=plain SASL-IR\r\n"), {
        Ok(Event::Capabilities(["IMAP4REV1", "AUTH=PLAIN", "SASL-IR"].map(str::to_owned).to_vec()))
    });
    // Unasked and unknown.
    assert_eq!(parse("* VANISHED 300:310\r\n"), Ok(Event::Other));
    assert_eq!(parse("* OK [HIGHESTMODSEQ 715194045007] ok\r\n"), Ok(Event::Other));
    assert_eq!(parse("* OK [NOMODSEQ] none\r\n"), Ok(Event::Other));
    let marks = Marks { letters: "S".to_owned(), received_at: None };
    let fetched = Fetched { uid: NonZeroU32::new(9), size: None, marks, text: None };
    for items in
        ["MODSEQ (12) UID 9 FLAGS (\\Seen)", "UID 9 modseq (12) FLAGS (\\Seen)", "UID 9 FLAGS (\\Seen) MODSEQ (12)"]
    {
        assert_eq!(parse(&format!("* 3 FETCH ({items})\r\n")), Ok(Event::Fetched(fetched.clone())), "{items}");
    }
    assert_eq!(parse("* 3 FETCH (MODSEQ (12))\r\n"), Ok(Event::Other));
    assert_eq!(parse("gibberish\r\n"), Err(Broken::NoResponse));
}

#[test]
fn a_refusal_in_any_language_is_a_refusal() {
    let refused = Event::parse("A3 NO [AUTHENTICATIONFAILED] Passwort ungültig\r\n".as_bytes()).unwrap();
    let Event::Done { tag, verdict, code, text, .. } = refused else { panic!("{refused:?}") };
    assert_eq!((tag.as_str(), verdict, code.as_deref()), ("A3", Verdict::No, Some("AUTHENTICATIONFAILED")));
    assert!(text.starts_with("Passwort"));
}

#[test]
fn greetings() {
    let greeting = Greeting::parse(b"* PREAUTH [CAPABILITY IMAP4rev1 UIDPLUS] hello\r\n").unwrap();
    assert_eq!(greeting.signed_in, Some(true));
    assert_eq!(greeting.capabilities.unwrap(), ["IMAP4REV1", "UIDPLUS"]);
    assert_eq!(Greeting::parse(b"* BYE full\r\n").unwrap().signed_in, None);
    assert_eq!(Greeting::parse(b"220 smtp.example.org ESMTP\r\n"), Err(Broken::NoResponse));
}

mod listing;
mod watch;

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
        let folders = vec!["INBOX".to_owned()];
        let transport = ImapTransport::new("test", server_at(port), folders, after, &deliver, None);
        let result = transport.start(&self.spooler.support, &self.spooler.receipts()).await;
        server.await.unwrap();
        self.spooler.caught_up().await;
        result
    }

    fn known(&self, validity: u32) -> Vec<String> {
        let memory = self.spooler.memory();
        memory.known.get(&format!("imap:ann@127.0.0.1/INBOX;{validity}")).into_iter().flatten().cloned().collect()
    }

    /// Contents, sorted, of `new` or `cur` or `tmp`.
    fn files(&self, name: &str) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.folder.path().join("mail").join(name)) else { return Vec::new() };
        let mut all: Vec<String> =
            entries.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap()).collect();
        all.sort();
        all
    }
}

fn script(validity: u32, rest: &str) -> String {
    format!(
        "S: * OK [CAPABILITY IMAP4rev1 SASL-IR] hi
        C: A1 LOGIN ann …\nS: A1 OK [CAPABILITY IMAP4rev1 UIDPLUS] in
        C: A2 …\nS: * 2 EXISTS\nS: * OK [UIDVALIDITY {validity}] v\nS: A2 OK [READ-ONLY] open
        C: A3 UID SEARCH ALL\nS: * SEARCH 5 9\nS: A3 OK done\n{rest}"
    )
}

const SIZES: &str = "C: A4 UID FETCH 5:9 (UID RFC822.SIZE)
    S: * 1 FETCH (UID 5 RFC822.SIZE 5)\nS: * 2 FETCH (UID 9 RFC822.SIZE 5)\nS: A4 OK done";
const FETCH: &str = "C: A5 UID FETCH 5:9 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])
    S: * 1 FETCH (BODY[] {5}\nS: one\nS:  UID 5 FLAGS (\\Seen) INTERNALDATE \"14-Nov-2023 23:13:20 +0100\")
    S: * 1 FETCH (FLAGS (\\Seen))
    S: * 2 FETCH (UID 9 FLAGS () BODY[] {5}\nS: two\nS: )\nS: A5 OK done";

/// Nobody waits for the answer to it.
fn goodbye(tag: u32) -> String {
    format!("C: A{tag} LOGOUT")
}

#[tokio::test]
async fn fetches_and_keeps_flags_and_dates() {
    let scene = Scene::new();
    scene.receive(After::Keep, &script(7, &format!("{SIZES}\n{FETCH}\n{}", goodbye(6)))).await.unwrap();
    assert_eq!((scene.files("cur"), scene.files("new")), (vec!["one\r\n".to_owned()], vec!["two\r\n".to_owned()]));
    assert_eq!(scene.known(7), ["5", "9"]);
    let seen = std::fs::read_dir(scene.folder.path().join("mail/cur")).unwrap().next().unwrap().unwrap();
    assert!(seen.file_name().to_str().unwrap().starts_with("1700000000."));
    assert!(seen.file_name().to_str().unwrap().ends_with(".mailsluice:2,S"));
    scene.receive(After::Keep, &script(7, &goodbye(4))).await.unwrap();
    assert_eq!(scene.spooler.memory().listed, [2, 0]);
}

/// A server that says nothing before it has heard everything: whoever waits for an answer in between waits for ever.
#[tokio::test]
async fn one_flight_signs_in_opens_and_lists_and_the_next_one_fetches() {
    let rest = "C: A2 EXAMINE INBOX\nC: A3 UID SEARCH ALL\nS: A1 OK in\nS: * OK [UIDVALIDITY 7] v\nS: A2 OK open
        S: * SEARCH 5 9\nS: A3 OK done
        C: A4 UID FETCH 5:9 (UID RFC822.SIZE)\nC: A5 UID FETCH 5:9 …
        S: * 1 FETCH (UID 5 RFC822.SIZE 5)\nS: * 2 FETCH (UID 9 RFC822.SIZE 5)\nS: A4 OK done
        S: * 1 FETCH (UID 5 FLAGS () BODY[] {5}\nS: one\nS: )\nS: * 2 FETCH (UID 9 BODY[] {5}\nS: two\nS: )\nS: A5 OK done
        C: A6 LOGOUT";
    for (offered, sign_in) in [("", "LOGIN ann"), (" SASL-IR AUTH=PLAIN", "AUTHENTICATE PLAIN")] {
        let scene = Scene::new();
        let script = format!("S: * OK [CAPABILITY IMAP4rev1{offered}] hi\nC: A1 {sign_in} …\n{rest}");
        scene.receive(After::Keep, &script).await.unwrap();
        assert_eq!(scene.known(7), ["5", "9"], "{sign_in}");
        assert_eq!(scene.spooler.memory().listed, [2]);
    }
}

#[tokio::test]
async fn what_cannot_be_quoted_waits_only_where_the_server_wants_to_be_asked() {
    for (offered, name, asked) in [("", "{4}", "S: + go on\n"), (" LITERAL+", "{4+}", ""), (" LITERAL-", "{4+}", "")] {
        let script = format!(
            "S: * OK [CAPABILITY IMAP4rev1{offered}] hi\nC: A1 LOGIN {name}\n{asked}C: änn …
            C: A2 EXAMINE INBOX\nC: A3 UID SEARCH ALL\nS: A1 OK in\nS: * OK [UIDVALIDITY 7] v\nS: A2 OK open
            S: * SEARCH\nS: A3 OK done\nC: A4 LOGOUT"
        );
        let (port, server) = scripted(script).await;
        let config = ServerConfig { user: Some("änn".to_owned()), ..server_at(port) };
        let folder = tempfile::tempdir().unwrap();
        let deliver = DeliverTo::Maildir(folder.path().join("mail"));
        let transport = ImapTransport::new("test", config, vec!["INBOX".into()], After::Keep, &deliver, None);
        let spooler = TestSpooler::new();
        transport.start(&spooler.support, &spooler.receipts()).await.unwrap();
        server.await.unwrap();
    }
}

#[tokio::test]
async fn a_new_uidvalidity_makes_everything_new() {
    let scene = Scene::new();
    let all = format!("{SIZES}\n{FETCH}\n{}", goodbye(6));
    scene.receive(After::Keep, &script(7, &all)).await.unwrap();
    scene.receive(After::Keep, &script(8, &all)).await.unwrap();
    assert_eq!(scene.files("cur").len() + scene.files("new").len(), 4);
    assert_eq!((scene.known(7), scene.known(8)), (vec!["5".into(), "9".into()], vec!["5".into(), "9".into()]));
}

#[tokio::test]
async fn deletes_what_is_recorded_and_nothing_else() {
    let scene = Scene::new();
    let delete = format!(
        "{SIZES}\n{FETCH}\nC: A6 UID STORE 5:9 +FLAGS.SILENT (\\Deleted)\nS: A6 OK done\nC: A7 UID EXPUNGE 5:9\nS: A7 OK done\n{}",
        goodbye(8)
    );
    scene.receive(After::Delete, &script(7, &delete)).await.unwrap();
    assert_eq!(scene.files("cur").len() + scene.files("new").len(), 2);
    assert!(scene.known(7).is_empty());
}

#[tokio::test]
async fn without_uidplus_others_deleted_messages_are_left_alone() {
    let scene = Scene::new();
    let all = ["5", "8", "9"].map(str::to_owned).into();
    scene.spooler.memory().known.insert("imap:ann@127.0.0.1/INBOX;7".to_owned(), all);
    let delete = |found: &str, rest: &str| {
        let script = script(7, &format!("C: A4 UID SEARCH DELETED\nS: * SEARCH{found}\nS: A4 OK done\n{rest}"));
        script.replace(" UIDPLUS", "").replace("SEARCH 5 9", "SEARCH 5 8 9")
    };
    let marked = format!("C: A5 UID STORE 5:9 +FLAGS.SILENT (\\Deleted)\nS: A5 OK done\n{}", goodbye(6));
    scene.receive(After::Delete, &delete(" 77", &marked)).await.unwrap();
    assert_eq!(scene.known(7).len(), 3);
    let expunged = format!(
        "C: A5 UID STORE 5:9 +FLAGS.SILENT (\\Deleted)\nS: A5 OK done\nC: A6 EXPUNGE\nS: A6 OK done\n{}",
        goodbye(7)
    );
    scene.receive(After::Delete, &delete(" 5 9", &expunged)).await.unwrap();
    assert!(scene.known(7).is_empty());
}

#[tokio::test]
async fn a_vanished_message_and_a_refusal_leave_the_others_alone() {
    let scene = Scene::new();
    let fetch = "C: A5 …\nS: * 2 FETCH (UID 9 FLAGS () BODY[] {5}\nS: two\nS: )\nS: A5 NO some are gone";
    scene.receive(After::Keep, &script(7, &format!("{SIZES}\n{fetch}\n{}", goodbye(6)))).await.unwrap();
    assert_eq!(scene.known(7), ["9"]);
    assert_eq!(scene.spooler.memory().failed.len(), 1);
}

#[tokio::test]
async fn a_cleared_flush_bit_ends_it_at_the_next_message() {
    let scene = Scene::new();
    scene.spooler.support.ending().cancel();
    // Nobody takes the message, nor says another word.
    scene.receive(After::Delete, &script(7, &format!("{SIZES}\n{FETCH}"))).await.unwrap();
    assert!(scene.known(7).is_empty() && scene.files("new").is_empty());
}

#[tokio::test]
async fn a_message_without_a_uid_is_reported() {
    let scene = Scene::new();
    let fetch = "C: A5 …\nS: * 1 FETCH (BODY[] {5}\nS: one\nS: )\nS: * 2 FETCH (BODY[] {5}\nS: two\nS:  FLAGS () UID 9)\nS: A5 OK done";
    scene.receive(After::Keep, &script(7, &format!("{SIZES}\n{fetch}\n{}", goodbye(6)))).await.unwrap();
    assert_eq!((scene.known(7), scene.files("new")), (vec!["9".to_owned()], vec!["two\r\n".to_owned()]));
    assert_eq!(scene.spooler.memory().failed.len(), 1);
}

#[tokio::test]
async fn a_line_that_drops_in_a_message_leaves_nothing_of_it() {
    let scene = Scene::new();
    let half = "x".repeat(300_000);
    let fetch = format!(
        "C: A5 …\nS: * 1 FETCH (UID 5 BODY[] {{5}}\nS: one\nS: )\nS: * 2 FETCH (UID 9 BODY[] {{4294967295}}\nS: {half}\nX"
    );
    let failure = scene.receive(After::Keep, &script(7, &format!("{SIZES}\n{fetch}"))).await.unwrap_err();
    assert_eq!((failure.class, failure.stage), (Class::Transient, Stage::Fetch));
    assert_eq!((scene.known(7), scene.files("new")), (vec!["5".to_owned()], vec!["one\r\n".to_owned()]));
    assert!(scene.files("tmp").is_empty());
}

#[tokio::test]
async fn what_is_not_recorded_is_not_deleted_and_not_fetched_again() {
    let scene = Scene::new();
    scene.spooler.memory().disk_full = true;
    let failure = scene.receive(After::Delete, &script(7, &format!("{SIZES}\n{FETCH}"))).await.unwrap_err();
    assert_eq!(failure.class, Class::Local);
    scene.spooler.memory().disk_full = false;
    // The files are found by their names: only sizes are asked for.
    scene.receive(After::Keep, &script(7, &format!("{SIZES}\n{}", goodbye(5)))).await.unwrap();
    assert_eq!(scene.known(7), ["5", "9"]);
    assert_eq!(scene.files("cur").len() + scene.files("new").len(), 2);
}

#[tokio::test]
async fn a_missing_folder_is_a_setting_to_correct() {
    let missing = "S: * OK [CAPABILITY IMAP4rev1] hi\nC: A1 LOGIN …\nS: A1 OK in
        C: A2 EXAMINE INBOX\nS: A2 NO [NONEXISTENT] no such mailbox
        C: A3 UID SEARCH ALL\nS: A3 BAD no mailbox is open\nC: A4 LOGOUT";
    let failure = Scene::new().receive(After::Keep, missing).await.unwrap_err();
    assert_eq!(failure.class, Class::Configuration);
    assert!(failure.to_string().contains("folder INBOX"));
}

#[tokio::test]
async fn refusals_are_told_apart() {
    for (reply, class) in [
        ("NO [AUTHENTICATIONFAILED] wrong", Class::Login),
        ("NO wrong", Class::Login),
        ("NO [UNAVAILABLE] later", Class::Transient),
    ] {
        let script = format!("S: * OK [CAPABILITY IMAP4rev1] hi\nC: A1 LOGIN …\nS: A1 {reply}");
        assert_eq!(Scene::new().receive(After::Keep, &script).await.unwrap_err().class, class, "{reply}");
    }
    let away = Scene::new().receive(After::Keep, "S: * BYE too many connections").await.unwrap_err();
    assert_eq!((away.class, away.stage), (Class::Transient, Stage::Greeting));
}

#[tokio::test]
async fn starttls_is_never_done_without() {
    for greeting in ["* OK [CAPABILITY IMAP4rev1] hi", "* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] hi"] {
        let (port, _server) = scripted(format!("S: {greeting}")).await;
        let server = ServerConfig { security: crate::profile::Security::StartTls, ..server_at(port) };
        let folder = tempfile::tempdir().unwrap();
        let deliver = DeliverTo::Maildir(folder.path().join("mail"));
        let transport = ImapTransport::new("test", server, vec!["INBOX".into()], After::Keep, &deliver, None);
        let spooler = TestSpooler::new();
        assert_eq!(transport.validate_state(&spooler.support).await.unwrap_err().class, Class::Trust, "{greeting}");
    }
}
