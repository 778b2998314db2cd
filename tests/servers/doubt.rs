//! What became of a message when nobody can know: it is said, and nothing is sent twice or lost by it, whether the line
//! broke or the process died.

use mailsluice::demo::{Point, Provider, Trouble};

use crate::support::Harness;
use crate::support::daemon::wait_until;
use crate::support::provider::{
    PATIENCE, count, id_of, letter, provider, receiver, result, sender, states, subjects, submit,
};

/// A profile that sends everything to this provider.
fn harness(provider: &Provider, head: &str) -> Harness {
    Harness::new(&(head.to_owned() + &sender("out", provider.smtp_addr().port(), "*")))
}

fn submit_some(harness: &Harness, count: usize) {
    for number in 0..count {
        submit(harness, &letter(&format!("m-{number}"), "ann@example.net", 1000));
    }
}

/// Sends one message whose reply never comes.
fn one_in_doubt(provider: &Provider, harness: &Harness) -> serde_json::Value {
    submit_some(harness, 1);
    let _disturbance = provider.disturb(Point::FinalReply, Trouble::HangUp);
    let run = harness.run(&["flush", "--send", "--no-ui", "--json"]);
    assert_eq!(provider.delivered().len(), 1);
    run.expect_code(77).json()
}

#[test]
fn a_message_without_a_reply_is_in_doubt_and_goes_again_only_when_somebody_says_so() {
    let provider = provider(Vec::new());
    let harness = harness(&provider, "");
    let flushed = one_in_doubt(&provider, &harness);
    assert_eq!(result(&flushed, "out")["outgoing"]["in_doubt"], 1);
    assert_eq!(states(&harness, "out")["m-0"], "in_doubt");
    let status = harness.run(&["status", "--json"]).expect_code(0).json();
    assert_eq!(status["rows"][3]["outgoing"]["in_doubt"], 1);

    for arguments in [&["flush", "--send", "--no-ui"][..], &["flush", "--no-ui", "--force"], &["flush", "--no-ui"]] {
        harness.run(arguments).expect_code(0);
        assert_eq!(states(&harness, "out")["m-0"], "in_doubt");
        assert_eq!(provider.delivered().len(), 1, "{arguments:?} sent it again in silence");
    }

    harness.run(&["queue", "retry", &id_of(&harness, "m-0")]).expect_code(0);
    assert_eq!(states(&harness, "out")["m-0"], "queued");
    let flushed = harness.run(&["flush", "--send", "--no-ui", "--json"]).expect_code(0).json();
    assert_eq!(result(&flushed, "out")["outgoing"]["sent"], 1);
    assert_eq!(provider.delivered().len(), 2);
    harness.run(&["flush", "--send", "--no-ui"]).expect_code(0);
    assert_eq!(provider.delivered().len(), 2);
}

#[test]
fn what_is_in_doubt_is_settled_by_two_commands_and_by_no_other_in_silence() {
    let provider = provider(Vec::new());
    let harness = harness(&provider, "");
    one_in_doubt(&provider, &harness);
    let id = id_of(&harness, "m-0");

    // A filter that does not speak of doubt does not send it twice.
    let retried = harness.run(&["queue", "retry", "--where", "from:ada", "--json"]).expect_code(0).json();
    assert_eq!(retried["count"], 0);
    harness.run(&["flush", "--send", "--no-ui", "--force"]).expect_code(0);
    assert_eq!((states(&harness, "out")["m-0"].as_str(), provider.delivered().len()), ("in_doubt", 1));

    let again = harness.run(&["queue", "send-again", &id, "--json"]).expect_code(0).json();
    assert_eq!(again["count"], 1);
    assert_eq!(states(&harness, "out")["m-0"], "queued");
    // Only what is in doubt, whatever is named.
    harness.run(&["queue", "send-again", &id]).expect_code(75);
    harness.run(&["queue", "treat-as-sent", &id]).expect_code(75);
    assert_eq!(states(&harness, "out")["m-0"], "queued");

    let _disturbance = provider.disturb(Point::FinalReply, Trouble::HangUp);
    harness.run(&["flush", "--send", "--no-ui"]).expect_code(77);
    assert_eq!(provider.delivered().len(), 2);
    let settled = harness.run(&["queue", "treat-as-sent", "--where", "from:ada", "--json"]).expect_code(0).json();
    assert_eq!(settled["count"], 1);
    assert_eq!(states(&harness, "out")["m-0"], "sent");
    let told = harness.run(&["queue", "show", &id]).expect_code(0).stdout;
    assert!(told.contains("treated as sent by hand"), "{told}");
    harness.run(&["flush", "--send", "--no-ui", "--force"]).expect_code(0);
    assert_eq!(provider.delivered().len(), 2);
}

#[test]
fn the_profile_can_say_that_doubt_means_again() {
    let provider = provider(Vec::new());
    let harness = harness(&provider, "in_doubt = \"resend\"\n");
    submit_some(&harness, 1);
    {
        let _disturbance = provider.disturb(Point::FinalReply, Trouble::HangUp);
        let run = harness.run(&["flush", "--send", "--no-ui", "--json"]);
        assert_ne!(run.code, Some(0), "{}", run.stdout);
        // Not in a circle within the same flush.
        assert_eq!(provider.delivered().len(), 1);
    }
    assert_eq!(states(&harness, "out")["m-0"], "queued");
    let flushed = harness.run(&["flush", "--send", "--no-ui", "--json"]).expect_code(0).json();
    assert_eq!(result(&flushed, "out")["outgoing"]["sent"], 1);
    assert_eq!(provider.delivered().len(), 2);
}

#[test]
fn a_line_that_breaks_in_mid_content_leaves_no_doubt() {
    let provider = provider(Vec::new());
    let harness = harness(&provider, "");
    submit(&harness, &letter("large", "ann@example.net", 32 << 20));
    submit_some(&harness, 2);
    {
        let _disturbance = provider.disturb(Point::Content, Trouble::HangUp);
        let run = harness.run(&["flush", "--send", "--no-ui", "--json"]);
        assert_eq!(result(&run.json(), "out")["outgoing"]["in_doubt"], 0);
        assert_ne!(run.code, Some(0));
    }
    let after = states(&harness, "out");
    assert_eq!(count(&after, "queued") + count(&after, "deferred"), 3, "{after:?}");
    harness.run(&["flush", "--send", "--no-ui", "--force"]).expect_code(0);
    assert_eq!(provider.delivered().len(), 3);
}

/// A flush that dies at this point; gives what the queue says afterwards.
fn killed_at(point: Point, provider: &Provider, harness: &Harness) -> std::collections::BTreeMap<String, String> {
    let disturbance = provider.disturb(point, Trouble::Stall);
    let flush = harness.start(&["flush", "--send", "--no-ui"]);
    assert!(disturbance.wait_reached(1, PATIENCE), "{point:?} is never reached");
    flush.signal("KILL");
    assert_eq!(flush.end().code, None);
    drop(disturbance);
    states(harness, "out")
}

#[test]
fn checklist_45_killed_after_the_last_byte_the_offered_is_in_doubt_and_the_claimed_is_queued() {
    let provider = provider(Vec::new());
    let harness = harness(&provider, "");
    submit_some(&harness, 20);
    let after = killed_at(Point::FinalReply, &provider, &harness);
    let (queued, in_doubt) = (count(&after, "queued"), count(&after, "in_doubt"));
    assert_eq!(queued + in_doubt, 20, "{after:?}");
    assert!(in_doubt >= 1 && queued >= 1, "the window of doubt is bounded: {after:?}");
    for subject in subjects(&provider.delivered()).keys() {
        assert_eq!(after[subject], "in_doubt");
    }
    harness.run(&["flush", "--send", "--no-ui"]).expect_code(0);
    let delivered = subjects(&provider.delivered());
    assert!(delivered.values().all(|times| *times == 1), "{delivered:?}");
    for (subject, state) in states(&harness, "out") {
        assert!(delivered.contains_key(&subject) || state == "in_doubt", "{subject} is {state} and was lost");
    }
    // Whoever decides to send again knows that the server has the first twice then.
    let changed = harness.run(&["queue", "retry", "--where", "state:in_doubt", "--json"]).expect_code(0).json();
    assert_eq!(changed["count"], in_doubt);
    harness.run(&["flush", "--send", "--no-ui"]).expect_code(0);
    assert_eq!(count(&states(&harness, "out"), "sent"), 20);
    assert_eq!(subjects(&provider.delivered()).len(), 20);
}

#[test]
fn checklist_45_killed_in_mid_content_at_most_the_one_under_way_is_in_doubt() {
    let provider = provider(Vec::new());
    let harness = harness(&provider, "");
    submit(&harness, &letter("large", "ann@example.net", 32 << 20));
    submit_some(&harness, 3);
    let after = killed_at(Point::Content, &provider, &harness);
    assert!(["queued", "in_doubt"].contains(&after["large"].as_str()), "{after:?}");
    assert!(["m-0", "m-1", "m-2"].iter().all(|subject| after[*subject] == "queued"), "{after:?}");
    harness.run(&["queue", "retry", "--where", "state:in_doubt"]).expect_code(0);
    harness.run(&["flush", "--send", "--no-ui"]).expect_code(0);
    assert_eq!(provider.delivered().len(), 4);
    assert_eq!(count(&states(&harness, "out"), "sent"), 4);
}

#[test]
fn checklist_45_killed_with_doubt_means_again_sends_it_again() {
    let provider = provider(Vec::new());
    let harness = harness(&provider, "in_doubt = \"resend\"\n");
    submit_some(&harness, 1);
    let after = killed_at(Point::FinalReply, &provider, &harness);
    assert_eq!(after["m-0"], "queued");
    harness.run(&["flush", "--send", "--no-ui"]).expect_code(0);
    assert_eq!(provider.delivered().len(), 2);
}

#[test]
fn checklist_45_killed_again_and_again_nothing_is_lost_and_nothing_comes_twice() {
    let provider = provider(Vec::new());
    let harness = harness(&provider, "");
    for number in 0..300 {
        harness.write(&format!("out/{number}.eml"), letter(&format!("m-{number}"), "ann@example.net", 20_000));
    }
    harness.run(&["submit", "out"]).expect_code(0);
    for round in 1..=8 {
        let mut flush = harness.start(&["flush", "--send", "--no-ui"]);
        assert!(wait_until(PATIENCE, || provider.delivered().len() >= round * 35 || !flush.runs()));
        flush.kill();
        flush.end();
    }
    harness.run(&["flush", "--send", "--no-ui"]).expect_code(0);
    let delivered = subjects(&provider.delivered());
    assert!(delivered.values().all(|times| *times == 1), "{delivered:?}");
    let after = states(&harness, "out");
    let others: Vec<_> = after.iter().filter(|(_, state)| *state != "sent" && *state != "in_doubt").collect();
    assert!(after.len() == 300 && others.is_empty(), "{} in all, among them {others:?}", after.len());
    for (subject, state) in after {
        assert!(delivered.contains_key(&subject) || state == "in_doubt", "{subject} is {state} and was lost");
    }
}

/// Kills a receive when so many messages are here, then receives the rest.
fn killed_while_receiving(kind: &str, after: &str, at: usize) {
    let mut mail: Vec<Vec<u8>> =
        (0..40).map(|number| letter(&format!("in-{number}"), "ada@example.org", 30_000)).collect();
    let provider = provider(mail.clone());
    let port = if kind == "imap" { provider.imap_addr() } else { provider.pop3_addr() }.port();
    let harness = Harness::new(&receiver("in", kind, port, after));
    let mut flush = harness.start(&["flush", "--receive", "--no-ui"]);
    // Stalls somewhere in the middle, if it is not over by then.
    let came = wait_until(PATIENCE, || harness.received("in").len() >= at || !flush.runs());
    assert!(came, "{kind}: nothing is received");
    let disturbance = provider.disturb(Point::Retrieve, Trouble::Stall);
    flush.kill();
    flush.end();
    drop(disturbance);
    harness.run(&["flush", "--receive", "--no-ui"]).expect_code(0);
    let mut received = harness.received("in");
    received.sort();
    mail.sort();
    assert!(received == mail, "{kind}: {} of {} messages", received.len(), mail.len());
    let left = if after == "delete" { 0 } else { mail.len() };
    assert_eq!(provider.mailbox("ada").len(), left, "{kind}, {after}");
}

#[test]
fn killed_while_receiving_by_imap_every_message_is_here_once() {
    for at in [0, 1, 15, 40] {
        killed_while_receiving("imap", "delete", at);
        killed_while_receiving("imap", "keep", at);
    }
}

#[test]
fn killed_while_receiving_by_pop3_every_message_is_here_once() {
    for at in [0, 1, 15, 40] {
        killed_while_receiving("pop3", "delete", at);
        killed_while_receiving("pop3", "keep", at);
    }
}
