//! The transport as a whole, between a spooler and a server that are both made for it.

mod open;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::SmtpTransport;
use super::testing::spooler::{Offerings, Spooler};
use super::testing::{FLIGHTS, Plan, Reaction, STEPS, STREAM, Server, job};
use crate::mapi::{Class, EnvelopeId, Failure, MessageId, Outcome, Stage};
use crate::profile::{SecretSource, Security, ServerConfig, SmtpConfig};
use crate::transport::testing::server_at;
use crate::transport::{Content, ContentStore, Job, Transport as _};

/// The longest a phase may take here.
const PATIENCE: Duration = Duration::from_secs(20);

fn config(port: u16) -> SmtpConfig {
    let server = ServerConfig { host: "localhost".to_owned(), user: None, credential: None, ..server_at(port) };
    SmtpConfig { server, connections: 1 }
}

fn with_login(port: u16) -> SmtpConfig {
    let mut config = config(port);
    config.server.user = Some("ada".to_owned());
    config.server.credential =
        Some(crate::profile::Credential::Password(SecretSource::Command("echo secret".to_owned())));
    config
}

/// One outgoing phase: its end, and what the spooler heard.
async fn flush_with(config: SmtpConfig, lmtp: bool, spooler: Spooler) -> (Result<(), Failure>, Spooler) {
    let (transport, queue) = (SmtpTransport::new(config, lmtp), spooler.submissions());
    let end = timeout(PATIENCE, transport.submit(&spooler.support, &queue)).await.expect("it hangs");
    queue.give_back().await.ok();
    spooler.caught_up().await;
    (end, spooler)
}

async fn flush(config: SmtpConfig, jobs: Vec<Job>) -> (Result<(), Failure>, Spooler) {
    flush_with(config, false, Spooler::new(jobs, Offerings::Write)).await
}

/// What became of each envelope, one word for each recipient.
fn words(spooler: &Spooler) -> BTreeMap<i64, String> {
    let word = |outcome: &Outcome| match outcome {
        Outcome::Sent(_) => "sent",
        Outcome::Failed(_) => "failed",
        Outcome::Deferred(_) => "deferred",
        Outcome::InDoubt(_) => "doubt",
        Outcome::NotMine => "not mine",
        Outcome::Returned => "returned",
    };
    let memory = spooler.memory();
    let all = memory.ended.iter();
    all.map(|(envelope, outcomes)| {
        let words: Vec<_> = outcomes.iter().map(|(_, outcome)| word(outcome)).collect();
        (envelope.0, words.join(" "))
    })
    .collect()
}

fn all_are(spooler: &Spooler, count: i64, word: &str) {
    let expected: BTreeMap<_, _> = (1..=count).map(|number| (number, word.to_owned())).collect();
    assert_eq!(words(spooler), expected);
}

fn numbered(count: i64) -> Vec<Job> {
    (1..=count).map(|number| job(number, &["bob@x"], format!("Subject: {number}\r\n\r\n.dot\r\n"))).collect()
}

#[tokio::test]
async fn every_message_arrives_once_and_as_it_was() {
    for extensions in [STEPS, FLIGHTS, STREAM] {
        let server = Server::start(Plan::offering(extensions)).await;
        let (end, spooler) = flush(config(server.port), numbered(100)).await;
        assert_eq!(end, Ok(()));
        all_are(&spooler, 100, "sent");
        let contents: Vec<_> = server.seen().taken.iter().map(|taken| taken.content.clone()).collect();
        let expected: Vec<_> =
            (1..=100).map(|number| format!("Subject: {number}\r\n\r\n.dot\r\n").into_bytes()).collect();
        assert_eq!(contents, expected);
        assert_eq!(spooler.memory().offered, (1..=100).map(EnvelopeId).collect::<Vec<_>>());
        assert_eq!(spooler.memory().bytes, expected.iter().map(|content| content.len() as u64).sum::<u64>());
        server.heard("QUIT").await;
    }
}

/// Pieces of a large content: so many that it is sent in chunks and marked late.
const PIECES: u32 = 20;

/// Chunks made from their number.
#[derive(Debug)]
struct Chunks {
    readable: u32,
    count: u32,
}

impl Chunks {
    fn chunk(number: u32) -> Vec<u8> {
        format!(".{number:6}\r\n").repeat(10_000).into_bytes()
    }
}

impl ContentStore for Chunks {
    fn chunk(&self, _message: MessageId, number: u32) -> Result<Option<Bytes>, Failure> {
        if number == self.readable && number < self.count {
            return Err(Failure::new(Class::Local, Stage::Store, "spool", "bad block"));
        }
        Ok((number < self.count).then(|| Self::chunk(number).into()))
    }
}

fn large(number: i64, readable: u32) -> Job {
    let store = Arc::new(Chunks { readable, count: PIECES });
    let size = (0..PIECES).map(|number| Chunks::chunk(number).len() as u64).sum();
    Job { content: Content::Stored { store, message: MessageId(number), size }, ..job(number, &["bob@x"], "") }
}

#[tokio::test]
async fn large_contents_stream_from_the_spool() {
    for extensions in [STEPS, FLIGHTS, STREAM] {
        let extensions = &extensions[..extensions.len() - 1];
        let server = Server::start(Plan::offering(extensions)).await;
        let (end, spooler) = flush(config(server.port), vec![large(1, PIECES), large(2, PIECES)]).await;
        assert_eq!(end, Ok(()));
        all_are(&spooler, 2, "sent");
        let expected: Vec<u8> = (0..PIECES).flat_map(Chunks::chunk).collect();
        assert!(server.seen().taken.iter().all(|taken| taken.content == expected));
    }
}

#[tokio::test]
async fn a_large_content_is_put_at_risk_by_its_last_byte_alone() {
    for cancelled in [false, true] {
        let server = Server::start(Plan::offering(&["PIPELINING", "CHUNKING"])).await;
        let spooler = Spooler::new(vec![large(1, PIECES)], Offerings::Hold);
        let (transport, queue) = (SmtpTransport::new(config(server.port), false), spooler.submissions());
        let mut submit = transport.submit(&spooler.support, &queue);
        tokio::select! {
            end = &mut submit => panic!("ended too early: {end:?}"),
            () = spooler.holding.notified() => (),
        }
        assert!(server.seen().taken.is_empty());
        let all = (0..PIECES).map(|number| Chunks::chunk(number).len() as u64).sum::<u64>();
        if cancelled {
            spooler.cancel.cancel();
            assert_eq!(submit.await.unwrap_err().class, Class::Cancelled);
            spooler.caught_up().await;
            assert!(server.seen().taken.is_empty() && spooler.memory().bytes < all);
            all_are(&spooler, 1, "returned");
        } else {
            spooler.let_go();
            assert_eq!(submit.await, Ok(()));
            spooler.caught_up().await;
            assert_eq!(spooler.memory().bytes, all);
            all_are(&spooler, 1, "sent");
        }
    }
}

#[tokio::test]
async fn a_message_that_cannot_be_read_does_not_keep_the_others() {
    let server = Server::start(Plan::offering(&["PIPELINING", "CHUNKING"])).await;
    let jobs = vec![job(1, &["bob@x"], "Hi\r\n"), large(2, 3), job(3, &["bob@x"], "Ho\r\n")];
    let (end, spooler) = flush(config(server.port), jobs).await;
    assert_eq!(end, Ok(()));
    let expected = [(1, "sent"), (2, "deferred"), (3, "sent")].map(|(number, word)| (number, word.to_owned()));
    assert_eq!(words(&spooler), BTreeMap::from(expected));
}

#[tokio::test]
async fn one_refused_recipient_does_not_cost_the_others() {
    for extensions in [STEPS, FLIGHTS, STREAM] {
        let plan = Plan::offering(extensions)
            .on("RCPT TO:<no", Reaction::Say("550 5.1.1 no such user"))
            .on("RCPT TO:<grey", Reaction::Say("450 4.2.0 greylisted"));
        let server = Server::start(plan).await;
        let jobs =
            vec![job(1, &["a@x", "no@x", "grey@x"], "Hi\r\n"), job(2, &["no@x"], "Ho\r\n"), job(3, &["b@x"], "Hu\r\n")];
        let (end, spooler) = flush(config(server.port), jobs).await;
        assert_eq!(end, Ok(()));
        assert_eq!(words(&spooler)[&1], "sent failed deferred");
        assert_eq!(words(&spooler)[&2], "failed");
        assert_eq!(words(&spooler)[&3], "sent");
        assert_eq!(server.seen().taken[0].recipients, ["a@x"]);
    }
}

#[tokio::test]
async fn a_temporary_refusal_defers_at_every_stage() {
    for extensions in [STEPS, FLIGHTS, STREAM] {
        for stage in ["MAIL", "RCPT", "DATA", "CONTENT Subject: 2"] {
            let plan = Plan::offering(extensions).on_nth(1, stage, Reaction::Say("451 4.7.1 later"));
            let server = Server::start(plan).await;
            let (end, spooler) = flush(config(server.port), numbered(3)).await;
            assert_eq!(end, Ok(()));
            let never_asked = stage == "DATA" && extensions == STREAM;
            let only_one = stage.starts_with("CONTENT");
            let word = if never_asked { "sent" } else { "deferred" };
            assert_eq!(words(&spooler)[&2], word, "{stage}");
            assert_eq!(words(&spooler)[&3], if only_one { "sent" } else { word }, "{stage}");
        }
    }
}

#[tokio::test]
async fn a_line_that_drops_after_the_last_byte_leaves_a_doubt() {
    for extensions in [STEPS, FLIGHTS, STREAM] {
        let server = Server::start(Plan::offering(extensions).on("CONTENT", Reaction::Close)).await;
        let (end, spooler) = flush(config(server.port), numbered(3)).await;
        assert_eq!(end.unwrap_err().class, Class::Transient);
        assert_eq!(words(&spooler).into_values().collect::<Vec<_>>(), ["doubt", "returned", "returned"]);
    }
}

#[tokio::test]
async fn a_line_that_drops_before_the_last_byte_leaves_none() {
    for (extensions, stage) in [(STEPS, "MAIL"), (STEPS, "RCPT"), (STEPS, "DATA"), (FLIGHTS, "DATA"), (FLIGHTS, "RCPT")]
    {
        let server = Server::start(Plan::offering(extensions).on(stage, Reaction::Close)).await;
        let (end, spooler) = flush(config(server.port), numbered(3)).await;
        assert_eq!(end.unwrap_err().class, Class::Transient);
        all_are(&spooler, 3, "returned");
    }
}

#[tokio::test]
async fn a_session_that_carried_mail_is_opened_anew() {
    for extensions in [STEPS, FLIGHTS, STREAM] {
        let busy = Reaction::SayAndClose("421 4.7.0 too many messages in one session");
        let server = Server::start(Plan::offering(extensions).on_nth(3, "MAIL", busy)).await;
        let (end, spooler) = flush(config(server.port), numbered(7)).await;
        assert_eq!(end, Ok(()));
        all_are(&spooler, 7, "sent");
        assert_eq!(server.seen().taken.len(), 7);
        assert_eq!(server.seen().commands.len(), 4);
    }
}

#[tokio::test]
async fn a_limit_that_showed_itself_in_two_flushes_is_kept_to_in_the_third() {
    let busy = Reaction::SayAndClose("421 4.7.0 too many messages in one session");
    let server = Server::start(Plan::offering(STREAM).on_nth(3, "MAIL", busy)).await;
    let mut remembered = BTreeMap::new();
    for (flush, dismissed) in [1, 1, 0, 0].into_iter().enumerate() {
        let spooler = Spooler::new(numbered(6), Offerings::Write);
        spooler.memory().remembered = remembered;
        // A transport of its own, as in another process.
        let (end, spooler) = flush_with(config(server.port), false, spooler).await;
        assert_eq!(end, Ok(()));
        all_are(&spooler, 6, "sent");
        let mut memory = spooler.memory();
        let told = memory.log.iter().filter(|line| line.contains("421")).count();
        assert_eq!(told, dismissed, "flush {flush}: {:?}", memory.log);
        remembered = std::mem::take(&mut memory.remembered);
    }
}

#[tokio::test]
async fn recipients_in_more_domains_than_a_session_takes_get_more_sessions() {
    let server = Server::start(Plan::offering(&["PIPELINING", "CHUNKING", "LIMITS RCPTDOMAINMAX=1"])).await;
    let jobs = vec![job(1, &["a@x", "b@y", "c@z"], "Hi\r\n"), job(2, &["d@x"], "Ho\r\n")];
    let (end, spooler) = flush(config(server.port), jobs).await;
    assert_eq!(end, Ok(()));
    assert_eq!(words(&spooler)[&1], "sent sent sent");
    assert_eq!(words(&spooler)[&2], "sent");
    assert_eq!(server.seen().taken.iter().map(|taken| taken.recipients.len()).sum::<usize>(), 4);
}

#[tokio::test]
async fn a_server_that_takes_nothing_ends_the_phase() {
    for stage in ["GREETING", "MAIL"] {
        let busy = Reaction::SayAndClose("421 4.3.2 closing for the night");
        let server = Server::start(Plan::offering(STREAM).on(stage, busy)).await;
        let (end, spooler) = flush(config(server.port), numbered(3)).await;
        let failure = end.unwrap_err();
        assert_eq!((failure.class, failure.reply.map(|reply| reply.code)), (Class::Transient, Some(421)));
        all_are(&spooler, 3, "returned");
        assert_eq!(server.seen().commands.len(), 1);
    }
}

#[tokio::test]
async fn a_limit_on_messages_in_a_session_is_kept() {
    let server = Server::start(Plan::offering(&["PIPELINING", "CHUNKING", "LIMITS MAILMAX=2"])).await;
    let (end, spooler) = flush(config(server.port), numbered(5)).await;
    assert_eq!(end, Ok(()));
    all_are(&spooler, 5, "sent");
    assert_eq!(server.seen().commands.len(), 3);
}

#[tokio::test]
async fn more_work_gets_more_connections() {
    for extensions in [STEPS, FLIGHTS, STREAM] {
        let server = Server::start(Plan::offering(extensions).on_nth(3, "CONTENT", Reaction::Stall)).await;
        let spooler = Spooler::new(numbered(300), Offerings::Write);
        let (transport, queue) =
            (SmtpTransport::new(SmtpConfig { connections: 3, ..config(server.port) }, false), spooler.submissions());
        let all_are_busy = async {
            while server.seen().taken.len() < 6 || server.seen().commands.len() < 3 {
                server.stalled.notified().await;
            }
        };
        tokio::select! {
            end = transport.submit(&spooler.support, &queue) => panic!("ended too early: {end:?}"),
            stalled = timeout(PATIENCE, all_are_busy) => stalled.expect("three connections"),
        }
        assert_eq!(server.seen().commands.len(), 3);
    }
}

#[tokio::test]
async fn little_work_gets_one_connection_and_none_gets_none() {
    let server = Server::start(Plan::offering(STREAM)).await;
    let wide = || SmtpConfig { connections: 4, ..config(server.port) };
    assert_eq!(flush(wide(), Vec::new()).await.0, Ok(()));
    assert_eq!(server.seen().commands.len(), 0);
    assert_eq!(flush(wide(), numbered(2)).await.0, Ok(()));
    assert_eq!(server.seen().commands.len(), 1);
}

#[tokio::test]
async fn a_connection_too_many_leaves_its_work_to_the_others() {
    let plan = Plan { most_connections: Some(1), ..Plan::offering(STEPS) };
    let server = Server::start(plan).await;
    let wide = SmtpConfig { connections: 4, ..config(server.port) };
    let (end, spooler) = flush(wide, numbered(200)).await;
    assert_eq!(end, Ok(()));
    all_are(&spooler, 200, "sent");
}

// Cancellation.

#[tokio::test]
async fn cancel_ends_it_within_half_a_second_wherever_it_hangs() {
    for (extensions, stage, word) in [
        (STEPS, "GREETING", "returned"),
        (STEPS, "EHLO", "returned"),
        (STREAM, "MAIL", "doubt"),
        (FLIGHTS, "MAIL", "returned"),
        (FLIGHTS, "DATA", "returned"),
        (STEPS, "CONTENT", "doubt"),
        (STREAM, "CONTENT", "doubt"),
    ] {
        let server = Server::start(Plan::offering(extensions).on(stage, Reaction::Stall)).await;
        let spooler = Spooler::new(numbered(1), Offerings::Write);
        let (cancel, stalled) = (spooler.cancel.clone(), Arc::clone(&server.stalled));
        let cancelled = tokio::spawn(async move {
            stalled.notified().await;
            cancel.cancel();
            Instant::now()
        });
        let (end, spooler) = flush_with(config(server.port), false, spooler).await;
        let cancelled = timeout(PATIENCE, cancelled).await.expect("the server was never reached").unwrap();
        assert!(cancelled.elapsed() < Duration::from_millis(500), "{stage}");
        assert_eq!(end.unwrap_err().class, Class::Cancelled, "{stage}");
        all_are(&spooler, 1, word);
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_to_our_goodbye_keeps_nobody() {
    let server = Server::start(Plan::offering(STEPS).on("QUIT", Reaction::Stall)).await;
    let (end, spooler) = flush(config(server.port), numbered(1)).await;
    assert_eq!(end, Ok(()));
    all_are(&spooler, 1, "sent");
    server.heard("QUIT").await;
}

#[tokio::test]
async fn a_cleared_flush_bit_stops_it_before_the_next_message() {
    let server = Server::start(Plan::offering(STREAM)).await;
    let spooler = Spooler::new(numbered(3), Offerings::Write);
    spooler.support.ending().cancel();
    let (end, spooler) = flush_with(config(server.port), false, spooler).await;
    assert_eq!(end, Ok(()));
    assert!(words(&spooler).values().all(|word| word == "returned"));
    assert_eq!(server.seen().commands.len(), 0);
}

// The spool knows first.

#[tokio::test]
async fn nothing_goes_out_before_the_spool_knows() {
    let server = Server::start(Plan::offering(STREAM)).await;
    let spooler = Spooler::new(numbered(1), Offerings::Hold);
    let (transport, queue) = (SmtpTransport::new(config(server.port), false), spooler.submissions());
    let mut submit = transport.submit(&spooler.support, &queue);
    tokio::select! {
        end = &mut submit => panic!("ended too early: {end:?}"),
        () = spooler.holding.notified() => (),
    }
    assert!(server.seen().taken.is_empty());
    assert!(server.seen().commands.iter().flatten().all(|command| command.starts_with("EHLO")));
    spooler.let_go();
    assert_eq!(submit.await, Ok(()));
    spooler.caught_up().await;
    all_are(&spooler, 1, "sent");
}

#[tokio::test]
async fn nothing_goes_out_when_the_spool_cannot_know() {
    let server = Server::start(Plan::offering(STREAM)).await;
    let (end, spooler) = flush_with(config(server.port), false, Spooler::new(numbered(2), Offerings::Refuse)).await;
    assert_eq!(end.unwrap_err().class, Class::Local);
    all_are(&spooler, 2, "returned");
    assert!(server.seen().taken.is_empty());
}

// Opening a line.

#[tokio::test]
async fn garbage_and_endless_lines_are_protocol_failures() {
    let endless: &'static str = Box::leak("2".repeat(40_000).into_boxed_str());
    for (stage, said) in [("GREETING", "hello"), ("GREETING", endless), ("EHLO", "250-one\r\n550 two"), ("MAIL", "???")]
    {
        let server = Server::start(Plan::offering(STREAM).on(stage, Reaction::Say(said))).await;
        let (end, spooler) = flush(config(server.port), numbered(1)).await;
        assert_eq!(end.unwrap_err().class, Class::Protocol, "{stage}");
        let expected = if stage == "MAIL" { "doubt" } else { "returned" };
        all_are(&spooler, 1, expected);
    }
}

#[tokio::test]
async fn a_protocol_failure_shows_what_came_before() {
    let server = Server::start(Plan::offering(STREAM).on("MAIL", Reaction::Say("bogus"))).await;
    let (_, spooler) = flush(config(server.port), numbered(1)).await;
    let log = spooler.memory().log.join("\n");
    assert!(log.contains("S: 220 test.example") && log.contains("C: MAIL FROM:<ann@home.example>"), "{log}");
    assert!(log.contains("S: bogus") && !log.contains("Subject"), "{log}");
}

#[tokio::test]
async fn lmtp_is_served_with_its_own_replies() {
    let plan = Plan { lmtp: true, ..Plan::offering(STREAM) }.on("LMTP full", Reaction::Say("452 4.2.2 over quota"));
    let server = Server::start(plan).await;
    let jobs = vec![job(1, &["a@x", "full@x", "b@x"], "Hi\r\n"), job(2, &["c@x"], "Ho\r\n")];
    let (end, spooler) = flush_with(config(server.port), true, Spooler::new(jobs, Offerings::Write)).await;
    assert_eq!(end, Ok(()));
    assert_eq!(words(&spooler)[&1], "sent deferred sent");
    assert_eq!(words(&spooler)[&2], "sent");
    assert!(server.seen().commands[0][0].starts_with("LHLO "));
}

#[tokio::test]
async fn a_server_from_before_esmtp_is_served_too() {
    let server = Server::start(Plan::default().on("EHLO", Reaction::Say("502 5.5.1 what?"))).await;
    let (end, spooler) = flush(config(server.port), numbered(2)).await;
    assert_eq!(end, Ok(()));
    all_are(&spooler, 2, "sent");
    assert!(server.seen().commands[0][1].starts_with("HELO "));
}
