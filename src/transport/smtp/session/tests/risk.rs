//! What is at risk and what is not: last bytes, lost lines, answers out of turn.

use super::*;

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
            let expected = if missing == 0 { "in doubt" } else { "deferred 0" };
            assert_eq!(only_words(session.end(&lost, true)), [expected]);
        }
    }
}

#[test]
fn what_is_neither_yes_nor_no_leaves_a_doubt() {
    for (code, expected) in [(354, "in doubt"), (334, "in doubt"), (503, "returned")] {
        let mut session = session(STREAM, false);
        play(
            &mut session,
            vec![job(1, &["a@x"], "Hi\r\n")],
            "C: MAIL FROM:<ann@home.example> SIZE=4
             C: RCPT TO:<a@x>
             C: BDAT 4 LAST
             C: Hi
             S: 250 ok
             S: 250 ok",
        );
        let failure = session.reply(Reply { code, enhanced: None, text: String::new() }).unwrap_err();
        assert_eq!(failure.class, Class::Protocol);
        assert_eq!(only_words(session.end(&failure, true)), [expected], "{code}");
    }
}

/// A session with one message taken and two in the air, an RSET between them.
fn in_the_air() -> Session {
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
}

#[test]
fn goodbye_of_the_server_leaves_no_doubt_once_it_has_hung_up() {
    let say = |session: &mut Session, code| session.reply(Reply { code, enhanced: None, text: String::new() });

    let mut at_mail = in_the_air();
    let failure = say(&mut at_mail, 421).unwrap_err();
    assert_eq!((failure.class, failure.blame), (Class::Transient, Blame::Site));
    assert_eq!(only_words(at_mail.end(&failure, true)), ["sent", "returned", "returned"]);

    let mut still_open = in_the_air();
    let failure = say(&mut still_open, 421).unwrap_err();
    assert_eq!(only_words(still_open.end(&failure, false)), ["sent", "returned", "in doubt"]);

    let mut at_content = in_the_air();
    say(&mut at_content, 250).unwrap();
    say(&mut at_content, 250).unwrap();
    let failure = say(&mut at_content, 421).unwrap_err();
    assert_eq!(only_words(at_content.end(&failure, true)), ["sent", "deferred 421", "returned"]);
}

/// Exim says 421 and stays: it answers what was sent meanwhile, at last with a 554 for too much of it.
#[test]
fn what_a_server_says_after_its_421_refuses_nobody_and_a_yes_counts() {
    let after = |codes: &[u16]| {
        let (mut session, mut failure) = (in_the_air(), None);
        for &code in codes {
            let ended = session.reply(Reply { code, enhanced: None, text: String::new() });
            failure = failure.or(ended.err());
        }
        only_words(session.end(&failure.expect("421 ends it"), false))[1..].join(", ")
    };
    // MAIL, RCPT and BDAT of one, RSET, MAIL, RCPT and BDAT of the other. What is not answered is in doubt.
    assert_eq!(after(&[421, 503, 503]), "returned, in doubt");
    assert_eq!(after(&[421, 503, 503, 250, 421, 503, 554]), "returned, returned");
    assert_eq!(after(&[421, 503, 503, 250, 250, 550, 554]), "returned, returned");
    assert_eq!(after(&[421, 503, 503, 250, 250, 250, 250]), "returned, sent");
    assert_eq!(after(&[250, 421, 503, 250, 554, 554, 554]), "returned, returned");
    assert_eq!(after(&[250, 250, 421, 250, 421, 503, 503]), "deferred 421, returned");
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

#[test]
fn a_line_lost_in_the_middle_of_a_content_makes_that_message_wait() {
    let in_the_middle = || {
        let mut session = session(FLIGHTS, false);
        session.submit(job(1, &["a@x"], "Hi\r\n"));
        session.submit(job(2, &["b@x"], "Ho\r\n"));
        session.wrote(session.output().len());
        for code in [250, 250, 354] {
            session.reply(Reply { code, enhanced: None, text: String::new() }).unwrap();
        }
        session.push_content(b"Hi\r\n").unwrap();
        session
    };
    let lost = Failure::new(Class::Transient, Stage::Content, AT, "the line was reset");
    assert_eq!(only_words(in_the_middle().end(&lost, true)), ["returned", "returned"]);
    let mut begun = in_the_middle();
    begun.wrote(1);
    assert_eq!(only_words(begun.end(&lost, true)), ["deferred 0", "returned"]);
    // That somebody cancelled says nothing of the message.
    let mut cancelled = in_the_middle();
    cancelled.wrote(1);
    let failure = Failure::cancelled(Stage::Content, AT);
    assert_eq!(only_words(cancelled.end(&failure, false)), ["returned", "returned"]);
}

/// In chunks, and marked late.
fn large_job(number: i64) -> Job {
    job(number, &["a@x"], vec![b'a'; (1 << 20) + 500])
}

#[test]
fn the_last_byte_of_a_large_message_waits_for_its_mark() {
    for extensions in [&["PIPELINING"][..], &["PIPELINING", "CHUNKING"]] {
        let streams = extensions.len() == 2;
        let mut session = session(extensions, false);
        session.submit(large_job(1));
        session.wrote(session.output().len());
        for code in [250, 250, 354].into_iter().take(if streams { 2 } else { 3 }) {
            session.reply(Reply { code, enhanced: None, text: String::new() }).unwrap();
        }
        let Some(Content::Inline(content)) = due_content(&session) else { panic!("no content") };
        assert_eq!(session.due_mark(), None);
        let mut complete = session.push_content(&content[..content.len() - 100]).unwrap();
        assert_eq!(session.due_mark(), Some(EnvelopeId(1)));
        assert_eq!(session.due_mark(), None);
        complete |= session.push_content(&content[content.len() - 100..]).unwrap();
        assert_eq!(complete, streams);
        session.end_content().unwrap();
        session.wrote(session.output().len());
        assert!(session.output().is_empty() && !session.has_committed());
        session.mark(EnvelopeId(1));
        assert_eq!(session.output().len(), 1);
        session.wrote(1);
        assert!(session.has_committed());
    }
}

/// The first of two chunks is written.
fn in_chunks() -> Session {
    let mut session = session(&["PIPELINING", "CHUNKING"], false);
    session.window = Window::fixed(2);
    session.submit(large_job(1));
    session.wrote(session.output().len());
    for code in [250, 250] {
        session.reply(Reply { code, enhanced: None, text: String::new() }).unwrap();
    }
    session.mark(EnvelopeId(1));
    let Some(Content::Inline(content)) = due_content(&session) else { panic!("no content") };
    session.push_content(&content[..1000]).unwrap();
    session
}

#[test]
fn chunks_are_acknowledged_one_by_one() {
    let mut session = in_chunks();
    assert!(session.output().starts_with(b"BDAT 1000\r\naaa"));
    session.wrote(session.output().len());
    session.push_content(&vec![b'a'; (1 << 20) - 500]).unwrap();
    session.end_content().unwrap();
    assert!(session.output().starts_with(b"BDAT 1048076 LAST\r\naaa"));
    session.wrote(session.output().len());
    session.reply(Reply { code: 250, enhanced: None, text: String::new() }).unwrap();
    assert_eq!(session.take_acknowledged(), 1000);
    session.reply(Reply { code: 250, enhanced: None, text: String::new() }).unwrap();
    let ended = session.take_ended();
    assert_eq!(ended[0].acknowledged(), (1 << 20) - 500);
    assert_eq!(only_words(ended), ["sent"]);
}

#[test]
fn a_refused_chunk_refuses_the_message_and_harms_no_other() {
    let say = |session: &mut Session, code| session.reply(Reply { code, enhanced: None, text: String::new() }).unwrap();
    // Before the rest is written: it never is.
    let mut early = in_chunks();
    early.wrote(early.output().len());
    early.submit(job(2, &["b@x"], "Hi\r\n"));
    say(&mut early, 552);
    assert_eq!(only_words(early.take_ended()), ["failed 552"]);
    assert!(early.output().starts_with(b"RSET\r\nMAIL "));
    assert_eq!(early.due_content().map(|(_, content)| content.size()), Some(4));
    // After all of it, and the next message, is written.
    let mut late = in_chunks();
    late.push_content(&vec![b'a'; (1 << 20) - 500]).unwrap();
    late.end_content().unwrap();
    late.submit(job(2, &["b@x"], "Hi\r\n"));
    pump(&mut late);
    late.wrote(late.output().len());
    for code in [552, 503, 250, 250, 250, 250] {
        say(&mut late, code);
    }
    assert_eq!(only_words(late.take_ended()), ["failed 552", "sent"]);
    assert!(late.is_idle());
}
