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
            let expected = if missing == 0 { "in doubt" } else { "returned" };
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
