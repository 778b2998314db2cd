//! Sessions against transcripts: every command and every reply in its place.

mod model;
mod risk;

use super::super::reply::ReplyParser;
use super::super::testing::{FLIGHTS, STEPS, STREAM, job};
use super::*;
use crate::mapi::{Blame, RecipientId};
use crate::transport::Job;

const AT: &str = "test.example:587";

fn session(extensions: &[&str], lmtp: bool) -> Session {
    let text = ["test.example"].iter().chain(extensions).copied().collect::<Vec<_>>().join("\n");
    let capabilities = Capabilities::parse(&Reply { code: 250, enhanced: None, text });
    let manner = Manner::of(&capabilities, lmtp);
    Session::new(capabilities, lmtp, manner, AT, Transcript::new(AT))
}

fn due_content(session: &Session) -> Option<Content> {
    session.due_content().map(|(_, content)| content.clone())
}

/// Writes the contents that are due, as the driver does.
fn pump(session: &mut Session) {
    while let Some(Content::Inline(content)) = due_content(session) {
        session.push_content(&content).unwrap();
        session.end_content().unwrap();
    }
}

fn pump_and_submit(session: &mut Session, jobs: &mut VecDeque<Job>) {
    pump(session);
    while session.room() > 0
        && let Some(job) = jobs.pop_front()
    {
        session.submit(job);
        pump(session);
    }
}

/// Words for outcomes: `sent`, or class and reply code, or what else became of it.
fn words(outcome: &Outcome) -> String {
    let code = |failure: &Failure| failure.reply.as_ref().map_or(0, |reply| reply.code);
    match outcome {
        Outcome::Sent(_) => "sent".to_owned(),
        Outcome::Failed(failure) => format!("failed {}", code(failure)),
        Outcome::Deferred(failure) => format!("deferred {}", code(failure)),
        Outcome::InDoubt(_) => "in doubt".to_owned(),
        Outcome::NotMine => "not mine".to_owned(),
        Outcome::Returned => "returned".to_owned(),
    }
}

fn outcomes(ended: impl IntoIterator<Item = Ended>) -> Vec<(RecipientId, String)> {
    let all = ended.into_iter().flat_map(|ended| ended.outcomes);
    let mut all: Vec<_> = all.map(|(id, outcome)| (id, words(&outcome))).collect();
    all.sort();
    all
}

fn only_words(ended: impl IntoIterator<Item = Ended>) -> Vec<String> {
    outcomes(ended).into_iter().map(|(_, words)| words).collect()
}

/// Plays a transcript: `C: ` is what the client must say now, `S: ` what the server says. Gives what ended the session.
fn play(session: &mut Session, jobs: Vec<Job>, script: &str) -> Option<Failure> {
    let mut jobs = VecDeque::from(jobs);
    let mut parser = ReplyParser::default();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        pump_and_submit(session, &mut jobs);
        if let Some(said) = line.strip_prefix("C: ") {
            let output = String::from_utf8(session.output().to_vec()).unwrap();
            let expected = format!("{said}\r\n");
            assert!(output.starts_with(&expected), "expected {expected:?}, got {output:?}");
            session.wrote(expected.len());
        } else if let Some(said) = line.strip_prefix("S: ") {
            if let Some(reply) = parser.line(said.as_bytes()).unwrap()
                && let Err(failure) = session.reply(reply)
            {
                return Some(failure);
            }
        } else {
            panic!("not a line of a transcript: {line}");
        }
    }
    pump_and_submit(session, &mut jobs);
    assert_eq!(String::from_utf8_lossy(session.output()), "", "the client has more to say");
    None
}

#[test]
fn one_step_after_the_other_without_pipelining() {
    let mut session = session(STEPS, false);
    let jobs = vec![job(1, &["a@x", "b@x", "c@x"], "Hi\r\n.\r\n"), job(2, &["d@x"], "Ho\r\n")];
    let ended = play(
        &mut session,
        jobs,
        "C: MAIL FROM:<ann@home.example> SIZE=7
         S: 250 ok
         C: RCPT TO:<a@x>
         S: 250 ok
         C: RCPT TO:<b@x>
         S: 550 5.1.1 no such user
         C: RCPT TO:<c@x>
         S: 251 will forward
         C: DATA
         S: 354 go ahead
         C: Hi
         C: ..
         C: .
         S: 250 2.0.0 queued
         C: MAIL FROM:<ann@home.example> SIZE=4
         S: 250 ok
         C: RCPT TO:<d@x>
         S: 450 4.2.0 greylisted",
    );
    assert_eq!(ended, None);
    assert_eq!(only_words(session.take_ended()), ["sent", "failed 550", "sent", "deferred 450"]);
    assert!(session.is_idle());
}

#[test]
fn an_abandoned_transaction_is_reset_before_the_next() {
    let mut session = session(STEPS, false);
    let ended = play(
        &mut session,
        vec![job(1, &["a@x"], "Hi\r\n"), job(2, &["b@x"], "Ho\r\n")],
        "C: MAIL FROM:<ann@home.example> SIZE=4
         S: 250 ok
         C: RCPT TO:<a@x>
         S: 550 no
         C: RSET
         S: 250 ok
         C: MAIL FROM:<ann@home.example> SIZE=4
         S: 553 not you",
    );
    assert_eq!(ended, None);
    assert_eq!(only_words(session.take_ended()), ["failed 550", "failed 553"]);
}

#[test]
fn with_pipelining_the_next_envelope_rides_behind_the_dot() {
    let mut session = session(FLIGHTS, false);
    let ended = play(
        &mut session,
        vec![job(1, &["a@x", "b@x"], "Hi\r\n"), job(2, &["c@x"], "Ho\r\n")],
        "C: MAIL FROM:<ann@home.example> SIZE=4
         C: RCPT TO:<a@x>
         C: RCPT TO:<b@x>
         C: DATA
         S: 250 ok
         S: 550 no
         S: 250 ok
         S: 354 go ahead
         C: Hi
         C: .
         C: MAIL FROM:<ann@home.example> SIZE=4
         C: RCPT TO:<c@x>
         C: DATA
         S: 250 queued
         S: 250 ok
         S: 250 ok
         S: 354 go ahead
         C: Ho
         C: .
         S: 451 4.3.0 try later",
    );
    assert_eq!(ended, None);
    assert_eq!(only_words(session.take_ended()), ["failed 550", "sent", "deferred 451"]);
}

#[test]
fn a_content_that_nobody_gets_is_a_lone_dot() {
    let mut session = session(FLIGHTS, false);
    let ended = play(
        &mut session,
        vec![job(1, &["a@x"], "Hi\r\n"), job(2, &["b@x"], "Ho\r\n")],
        "C: MAIL FROM:<ann@home.example> SIZE=4
         C: RCPT TO:<a@x>
         C: DATA
         S: 250 ok
         S: 550 no
         S: 354 go ahead all the same
         C: .
         C: MAIL FROM:<ann@home.example> SIZE=4
         C: RCPT TO:<b@x>
         C: DATA
         S: 554 5.5.1 no valid recipients
         S: 250 ok
         S: 450 later
         S: 503 need RCPT",
    );
    assert_eq!(ended, None);
    assert_eq!(only_words(session.take_ended()), ["failed 550", "deferred 450"]);
}

#[test]
fn with_chunking_messages_stream_behind_a_first_one() {
    let mut session = session(STREAM, false);
    let jobs = (1..=3).map(|number| job(number, &["a@x"], "Hi\r\n")).collect();
    let ended = play(
        &mut session,
        jobs,
        "C: MAIL FROM:<ann@home.example> SIZE=4
         C: RCPT TO:<a@x>
         C: BDAT 4 LAST
         C: Hi
         S: 250 ok
         S: 250 ok
         S: 250 queued
         C: MAIL FROM:<ann@home.example> SIZE=4
         C: RCPT TO:<a@x>
         C: BDAT 4 LAST
         C: Hi
         C: RSET
         C: MAIL FROM:<ann@home.example> SIZE=4
         C: RCPT TO:<a@x>
         C: BDAT 4 LAST
         C: Hi
         S: 250 ok
         S: 550 no
         S: 503 need RCPT
         S: 250 reset
         S: 250 ok
         S: 250 ok
         S: 250 queued",
    );
    assert_eq!(ended, None);
    assert_eq!(only_words(session.take_ended()), ["sent", "failed 550", "sent"]);
}

#[test]
fn a_large_content_waits_until_somebody_gets_it() {
    let mut session = session(&["PIPELINING", "CHUNKING", "SIZE"], false);
    let large = vec![b'a'; (1 << 20) + 1];
    let ended = play(
        &mut session,
        vec![job(1, &["a@x", "b@x"], large)],
        "C: MAIL FROM:<ann@home.example> SIZE=1048577
         C: RCPT TO:<a@x>
         C: RCPT TO:<b@x>
         S: 250 ok
         S: 550 no
         S: 452 4.3.1 full",
    );
    assert_eq!(ended, None);
    assert_eq!(only_words(session.take_ended()), ["failed 550", "deferred 452"]);
}

#[test]
fn lmtp_answers_for_each_recipient() {
    let mut session = session(&["PIPELINING", "CHUNKING"], true);
    let ended = play(
        &mut session,
        vec![job(1, &["a@x", "b@x", "c@x", "d@x"], "Hi\r\n")],
        "C: MAIL FROM:<ann@home.example>
         C: RCPT TO:<a@x>
         C: RCPT TO:<b@x>
         C: RCPT TO:<c@x>
         C: RCPT TO:<d@x>
         C: DATA
         S: 250 ok
         S: 250 ok
         S: 550 no
         S: 250 ok
         S: 250 ok
         S: 354 go
         C: Hi
         C: .
         S: 250 delivered
         S: 452 4.2.2 over quota
         S: 554 5.0.0 no",
    );
    assert_eq!(ended, None);
    assert_eq!(only_words(session.take_ended()), ["sent", "failed 550", "deferred 452", "failed 554"]);
    assert!(session.is_idle());
}

#[test]
fn too_many_recipients_go_in_further_rounds() {
    let mut session = session(STREAM, false);
    let ended = play(
        &mut session,
        vec![job(1, &["a@x", "b@x", "c@x"], "Hi\r\n")],
        "C: MAIL FROM:<ann@home.example> SIZE=4
         C: RCPT TO:<a@x>
         C: RCPT TO:<b@x>
         C: RCPT TO:<c@x>
         C: BDAT 4 LAST
         C: Hi
         S: 250 ok
         S: 250 ok
         S: 452 4.5.3 too many
         S: 552 too many
         S: 250 queued
         C: MAIL FROM:<ann@home.example> SIZE=4
         C: RCPT TO:<b@x>
         C: RCPT TO:<c@x>
         C: BDAT 4 LAST
         C: Hi
         S: 250 ok
         S: 250 ok
         S: 550 no
         S: 250 queued",
    );
    assert_eq!(ended, None);
    assert_eq!(only_words(session.take_ended()), ["sent", "sent", "failed 550"]);
}

#[test]
fn the_servers_limits_are_kept() {
    let mut session = session(&["PIPELINING", "CHUNKING", "LIMITS MAILMAX=3 RCPTMAX=1"], false);
    let ended = play(
        &mut session,
        vec![job(1, &["a@x", "b@x"], "Hi\r\n"), job(2, &["c@x"], "Hi\r\n"), job(3, &["d@x"], "Hi\r\n")],
        "C: MAIL FROM:<ann@home.example>
         C: RCPT TO:<a@x>
         C: BDAT 4 LAST
         C: Hi
         S: 250 ok
         S: 250 ok
         S: 250 queued
         C: MAIL FROM:<ann@home.example>
         C: RCPT TO:<b@x>
         C: BDAT 4 LAST
         C: Hi
         C: RSET
         C: MAIL FROM:<ann@home.example>
         C: RCPT TO:<c@x>
         C: BDAT 4 LAST
         C: Hi
         S: 250 ok
         S: 250 ok
         S: 250 queued
         S: 250 reset
         S: 250 ok
         S: 250 ok
         S: 250 queued",
    );
    assert_eq!(ended, None);
    assert_eq!(only_words(session.take_ended()), ["sent", "sent", "sent"]);
    assert!(session.is_exhausted() && session.is_idle() && session.room() == 0);
}

#[test]
fn domains_beyond_the_limit_are_for_another_session() {
    let mut first = session(&["PIPELINING", "CHUNKING", "LIMITS RCPTDOMAINMAX=2"], false);
    let ended = play(
        &mut first,
        vec![job(1, &["a@x", "b@Y", "c@z", "d@y"], "Hi\r\n"), job(2, &["e@w"], "Ho\r\n")],
        "C: MAIL FROM:<ann@home.example>
         C: RCPT TO:<a@x>
         C: RCPT TO:<b@Y>
         C: RCPT TO:<d@y>
         C: BDAT 4 LAST
         C: Hi
         S: 250 ok
         S: 250 ok
         S: 550 no
         S: 250 ok
         S: 250 queued",
    );
    assert_eq!(ended, None);
    assert!(first.take_ended().is_empty() && first.is_exhausted() && first.is_idle());
    let mut put_off = first.take_put_off();
    let mut second = session(STREAM, false);
    second.submit(put_off.remove(0));
    let ended = play(
        &mut second,
        Vec::new(),
        "C: MAIL FROM:<ann@home.example> SIZE=4
         C: RCPT TO:<c@z>
         C: BDAT 4 LAST
         C: Hi
         S: 250 ok
         S: 250 ok
         S: 250 queued",
    );
    assert_eq!(ended, None);
    assert_eq!(only_words(second.take_ended()), ["sent", "failed 550", "sent", "sent"]);
}

#[test]
fn what_the_server_cannot_take_is_not_tried() {
    let utf8 = || Job { smtputf8: true, ..job(1, &["a@x"], "Hi\r\n") };
    let eight = || Job { eight_bit: true, ..job(1, &["a@x"], "Hi\r\n") };
    for (job, extensions, words) in [
        (job(1, &["a@x"], "12345\r\n"), &["SIZE 6"][..], "the message has 7 bytes, and the server takes 6"),
        (eight(), &[], "8-bit"),
        (utf8(), &["8BITMIME"], "beyond ASCII"),
        (job(1, &["\u{e4}@x"], "Hi\r\n"), &["8BITMIME"], "beyond ASCII"),
        (Job { sender: "a\r\nDATA".to_owned(), ..job(1, &["a@x"], "Hi\r\n") }, &[], "sender"),
    ] {
        let mut session = session(extensions, false);
        session.submit(job);
        assert!(session.output().is_empty());
        let ended = session.take_ended();
        let Some((_, Outcome::Failed(failure))) = ended[0].outcomes.first() else { panic!("{ended:?}") };
        assert_eq!((failure.class, failure.blame), (Class::Permanent, Blame::Message));
        assert!(failure.what.contains(words), "{failure}");
    }
}

#[test]
fn what_it_can_take_is_said_so() {
    let mut session = session(&["8BITMIME", "SMTPUTF8"], false);
    session.submit(Job { eight_bit: true, sender: String::new(), ..job(1, &["\u{e4}@x"], "Hi\r\n") });
    assert_eq!(session.output(), b"MAIL FROM:<> BODY=8BITMIME SMTPUTF8\r\n");
}

#[test]
fn an_address_that_would_be_another_command_fails_alone() {
    let mut session = session(FLIGHTS, false);
    let ended = play(
        &mut session,
        vec![job(1, &["a@x>\r\nRSET", "b c@x", "\"b c\"@x"], "Hi\r\n")],
        "C: MAIL FROM:<ann@home.example> SIZE=4
         C: RCPT TO:<\"b c\"@x>
         C: DATA
         S: 250 ok
         S: 250 ok
         S: 354 go
         C: Hi
         C: .
         S: 250 queued",
    );
    assert_eq!(ended, None);
    assert_eq!(only_words(session.take_ended()), ["failed 0", "failed 0", "sent"]);
}
