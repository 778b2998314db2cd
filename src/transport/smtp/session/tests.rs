//! Sessions against transcripts, and against a model of a server, in all manners and all cuts of the bytes.

use proptest::prelude::*;

use super::super::reply::ReplyParser;
use super::super::testing::{Dialogue, FLIGHTS, Plan, Reaction, STEPS, STREAM, Taken, job};
use super::*;
use crate::mapi::{Blame, RecipientId};

const AT: &str = "test.example:587";

fn session(extensions: &[&str], lmtp: bool) -> Session {
    let text = ["test.example"].iter().chain(extensions).copied().collect::<Vec<_>>().join("\n");
    let capabilities = Capabilities::parse(&Reply { code: 250, enhanced: None, text });
    let manner = Manner::of(&capabilities, lmtp);
    Session::new(capabilities, lmtp, manner, AT, Transcript::new(AT))
}

/// Writes the contents that are due, as the driver does.
fn pump(session: &mut Session) {
    while let Some(Content::Inline(content)) = session.due_content().cloned() {
        session.push_content(&content).unwrap();
        session.end_content().unwrap();
    }
}

fn pump_and_submit(session: &mut Session, jobs: &mut VecDeque<Job>) {
    pump(session);
    while session.room(0) > 0
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
    assert!(session.is_exhausted() && session.is_idle() && session.room(0) == 0);
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

#[test]
fn only_the_last_byte_puts_a_message_at_risk() {
    for extensions in [STEPS, FLIGHTS, STREAM] {
        for missing in [1, 0] {
            let mut session = session(extensions, false);
            session.submit(job(1, &["a@x"], "Hi\r\n"));
            for reply in [250, 250, 354] {
                pump(&mut session);
                let last = session.due_content().is_some() || extensions == STREAM;
                if !last {
                    session.wrote(session.output().len());
                    session.reply(Reply { code: reply, enhanced: None, text: String::new() }).unwrap();
                }
            }
            pump(&mut session);
            session.wrote(session.output().len() - missing);
            assert_eq!(session.has_committed(), missing == 0);
            let lost = Failure::new(Class::Transient, Stage::Reply, AT, "the line was reset");
            let expected = if missing == 0 { "in doubt" } else { "returned" };
            assert_eq!(only_words(session.end(&lost, true)), [expected]);
        }
    }
}

#[test]
fn goodbye_of_the_server_leaves_no_doubt_once_it_has_hung_up() {
    let in_the_air = || {
        let mut session = session(STREAM, false);
        play(
            &mut session,
            vec![job(1, &["a@x"], "Hi\r\n"), job(2, &["b@x"], "Hi\r\n"), job(3, &["c@x"], "Hi\r\n")],
            "C: MAIL FROM:<ann@home.example> SIZE=4
             C: RCPT TO:<a@x>
             C: BDAT 4 LAST
             C: Hi
             S: 250 ok
             S: 250 ok
             S: 250 queued
             C: MAIL FROM:<ann@home.example> SIZE=4
             C: RCPT TO:<b@x>
             C: BDAT 4 LAST
             C: Hi
             C: RSET
             C: MAIL FROM:<ann@home.example> SIZE=4
             C: RCPT TO:<c@x>
             C: BDAT 4 LAST
             C: Hi",
        );
        session
    };
    let say = |session: &mut Session, code| session.reply(Reply { code, enhanced: None, text: String::new() });

    let mut at_mail = in_the_air();
    let failure = say(&mut at_mail, 421).unwrap_err();
    assert_eq!((failure.class, failure.blame), (Class::Transient, Blame::Site));
    assert_eq!(only_words(at_mail.end(&failure, true)), ["sent", "returned", "returned"]);

    let mut still_open = in_the_air();
    let failure = say(&mut still_open, 421).unwrap_err();
    assert_eq!(only_words(still_open.end(&failure, false)), ["sent", "in doubt", "in doubt"]);

    let mut at_content = in_the_air();
    say(&mut at_content, 250).unwrap();
    say(&mut at_content, 250).unwrap();
    let failure = say(&mut at_content, 421).unwrap_err();
    assert_eq!(only_words(at_content.end(&failure, true)), ["sent", "deferred 421", "returned"]);
}

#[test]
fn a_login_demanded_too_late_puts_nothing_in_doubt() {
    let mut session = session(STREAM, false);
    let failure = play(
        &mut session,
        vec![job(1, &["a@x"], "Hi\r\n")],
        "C: MAIL FROM:<ann@home.example> SIZE=4
         C: RCPT TO:<a@x>
         C: BDAT 4 LAST
         C: Hi
         S: 530 5.7.0 sign in first",
    )
    .unwrap();
    assert_eq!(failure.class, Class::Login);
    assert_eq!(only_words(session.end(&failure, false)), ["returned"]);
}

#[test]
fn out_of_turn_answers_end_the_session() {
    let say = |session: &mut Session, code| session.reply(Reply { code, enhanced: None, text: String::new() });
    let mut unasked = session(STREAM, false);
    assert_eq!(say(&mut unasked, 250).unwrap_err().class, Class::Protocol);
    let mut dismissed = session(STREAM, false);
    assert_eq!(say(&mut dismissed, 421).unwrap_err().class, Class::Transient);
    let mut wrong = session(STREAM, false);
    wrong.submit(job(1, &["a@x"], "Hi\r\n"));
    assert_eq!(say(&mut wrong, 354).unwrap_err().class, Class::Protocol);
    let mut out_of_step = session(STREAM, false);
    out_of_step.submit(job(1, &["a@x"], "Hi\r\n"));
    assert_eq!(say(&mut out_of_step, 503).unwrap_err().class, Class::Protocol);
}

#[test]
fn an_answer_before_the_content_is_complete_counts_and_ends_the_session() {
    let mut session = session(FLIGHTS, false);
    session.submit(job(1, &["a@x"], "Hi\r\n"));
    session.wrote(session.output().len());
    let say = |session: &mut Session, code| session.reply(Reply { code, enhanced: None, text: String::new() });
    for code in [250, 250, 354] {
        say(&mut session, code).unwrap();
    }
    session.push_content(b"H").unwrap();
    session.wrote(1);
    let failure = say(&mut session, 552).unwrap_err();
    assert_eq!(failure.class, Class::Transient);
    assert_eq!(only_words(session.end(&failure, true)), ["failed 552"]);
}

#[test]
fn a_streamed_content_is_over_with_its_last_byte_for_the_server_may_answer_it_at_once() {
    let mut session = session(STREAM, false);
    session.submit(job(1, &["a@x"], "Hi\r\n"));
    assert!(!session.push_content(b"Hi").unwrap());
    assert!(session.push_content(b"\r\n").unwrap());
}

#[test]
fn a_content_that_is_not_as_long_as_promised_is_found_out() {
    let promised = || {
        let mut session = session(STREAM, false);
        session.submit(job(1, &["a@x"], "Hi\r\n"));
        session
    };
    assert_eq!(promised().push_content(b"Hi\r\n.").unwrap_err().class, Class::Local);
    let mut short = promised();
    short.push_content(b"Hi").unwrap();
    let failure = short.end_content().unwrap_err();
    short.spoil_content(&failure);
    assert_eq!(only_words(short.end(&failure, false)), ["deferred 0"]);
}

// A model of a server.

/// Sends the jobs to a server with this plan. `cuts`: how many bytes go at a time, in either direction.
fn converse(plan: &Plan, jobs: Vec<Job>, cuts: &[usize]) -> (Vec<(RecipientId, String)>, Vec<Taken>, Vec<String>) {
    let mut session = session(&plan.extensions, plan.lmtp);
    let (mut server, mut parser) = (Dialogue::new(plan.clone()), ReplyParser::default());
    let (mut jobs, mut ended, mut said) = (VecDeque::from(jobs), Vec::new(), Vec::new());
    let mut cuts = cuts.iter().copied().cycle();
    loop {
        pump_and_submit(&mut session, &mut jobs);
        ended.extend(session.take_ended());
        if session.is_idle() && jobs.is_empty() {
            return (outcomes(ended), server.taken, server.commands);
        }
        let count = session.output().len().min(cuts.next().unwrap());
        let heard = session.output()[..count].to_vec();
        session.wrote(count);
        said.extend(server.hear(&heard));
        assert!(count > 0 || !said.is_empty(), "both wait for each other: {:?}", server.commands);
        for _ in 0..cuts.next().unwrap().div_ceil(20) {
            let Some(end) = said.windows(2).position(|two| two == b"\r\n") else { break };
            let line: Vec<u8> = said.drain(..end + 2).collect();
            if let Some(reply) = parser.line(&line[..end]).unwrap() {
                session.reply(reply).unwrap();
            }
        }
    }
}

/// Addresses that speak for themselves, and contents that do.
const RULES: [(&str, Reaction); 7] = [
    ("MAIL FROM:<refused", Reaction::Say("550 5.7.1 not from you")),
    ("MAIL FROM:<later", Reaction::Say("451 4.7.1 later")),
    ("RCPT TO:<no", Reaction::Say("550 5.1.1 no such user")),
    ("RCPT TO:<grey", Reaction::Say("450 4.2.0 greylisted")),
    ("CONTENT spam", Reaction::Say("554 5.7.1 spam")),
    ("CONTENT busy", Reaction::Say("451 4.3.0 busy")),
    ("LMTP full", Reaction::Say("452 4.2.2 over quota")),
];

fn plan(extensions: &[&'static str]) -> Plan {
    RULES.iter().fold(Plan::offering(extensions), |plan, (on, reaction)| plan.on(on, *reaction))
}

fn any_job() -> impl Strategy<Value = (String, Vec<String>, String)> {
    let sender = prop_oneof![3 => Just("ann@x"), 1 => Just("refused@x"), 1 => Just("later@x"), 1 => Just("")];
    let recipient = prop_oneof![3 => Just("yes@x"), 1 => Just("no@x"), 1 => Just("grey@x"), 1 => Just("full@x")];
    let line = prop_oneof![4 => "[.a ]{0,6}", 1 => Just("spam".to_owned()), 1 => Just("busy".to_owned())];
    (sender, prop::collection::vec(recipient, 1..4), prop::collection::vec(line, 0..6)).prop_map(|(from, to, lines)| {
        let content = lines.iter().flat_map(|line| [line, "\r\n"]).collect();
        (from.to_owned(), to.into_iter().map(str::to_owned).collect(), content)
    })
}

fn build(jobs: &[(String, Vec<String>, String)]) -> Vec<Job> {
    let one = |(number, (sender, recipients, content)): (i64, &(String, Vec<String>, String))| {
        let recipients: Vec<_> = recipients.iter().map(String::as_str).collect();
        Job { sender: sender.clone(), ..job(number, &recipients, content.clone()) }
    };
    (1..).zip(jobs).map(one).collect()
}

proptest! {
    #[test]
    fn every_manner_comes_to_the_same_whatever_the_cuts(
        jobs in prop::collection::vec(any_job(), 1..12),
        cuts in prop::collection::vec(1_usize..200, 2..20),
        wants_content_anyway: bool,
    ) {
        let by_steps = converse(&plan(STEPS), build(&jobs), &[usize::MAX, 1000]);
        for extensions in [FLIGHTS, STREAM] {
            let plan = Plan { wants_content_anyway, ..plan(extensions) };
            let (outcomes, taken, commands) = converse(&plan, build(&jobs), &cuts);
            prop_assert_eq!(&outcomes, &by_steps.0);
            prop_assert_eq!(&taken, &by_steps.1, "{:?}", commands);
        }
        for (taken, (sender, _, content)) in by_steps.1.iter().zip(jobs.iter().filter(|job| {
            matches!(job.0.as_str(), "ann@x" | "") && !job.2.contains("spam") && !job.2.contains("busy")
                && job.1.iter().any(|to| to == "yes@x" || to == "full@x")
        })) {
            prop_assert_eq!(&taken.sender, sender);
            prop_assert_eq!(&taken.content, content.as_bytes());
        }
    }

    #[test]
    fn lmtp_comes_to_the_same_with_and_without_pipelining(
        jobs in prop::collection::vec(any_job(), 1..8),
        cuts in prop::collection::vec(1_usize..200, 2..20),
    ) {
        let lmtp = |extensions| Plan { lmtp: true, ..plan(extensions) };
        let by_steps = converse(&lmtp(STEPS), build(&jobs), &[usize::MAX, 1000]);
        let (outcomes, taken, _) = converse(&lmtp(STREAM), build(&jobs), &cuts);
        prop_assert_eq!(outcomes, by_steps.0);
        prop_assert_eq!(taken, by_steps.1);
    }

    #[test]
    fn nothing_a_server_says_makes_it_panic(
        codes in prop::collection::vec(prop_oneof![Just(250), Just(354), Just(550), Just(450), 200_u16..600], 0..40),
        extensions in prop_oneof![Just(STEPS), Just(FLIGHTS), Just(STREAM)],
        lmtp: bool,
    ) {
        let mut session = session(extensions, lmtp);
        let mut jobs: VecDeque<_> = (1..9).map(|number| job(number, &["a@x", "b@x"], "Hi\r\n")).collect();
        let mut reason = Failure::new(Class::Transient, Stage::Reply, AT, "over");
        for code in codes {
            pump_and_submit(&mut session, &mut jobs);
            session.wrote(session.output().len());
            if let Err(failure) = session.reply(Reply { code, enhanced: None, text: String::new() }) {
                reason = failure;
                break;
            }
        }
        let ended = session.end(&reason, true).len();
        prop_assert!(ended <= 8);
    }
}
