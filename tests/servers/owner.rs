//! One process runs the spooler of a profile; all others get their work done all the same.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use mailsluice::demo::{Point, Provider, Trouble};

use crate::support::daemon::wait_until;
use crate::support::provider::{
    PATIENCE, count, letter, provider, receiver, result, sender, states, subjects, submit, text, wait_states,
};
use crate::support::{Harness, Running};

fn sends_to(provider: &Provider) -> Harness {
    Harness::new(&sender("out", provider.smtp_addr().port(), "*"))
}

fn subject(number: usize) -> String {
    format!("m-{number}")
}

fn row(harness: &Harness, name: &str) -> serde_json::Value {
    let status = harness.run(&["status", "--json"]).expect_code(0).json();
    let rows = status["rows"].as_array().expect("rows").clone();
    rows.into_iter().find(|row| row["display_name"] == name).unwrap_or_else(|| panic!("{name}: {status}"))
}

fn flags(row: &serde_json::Value) -> Vec<String> {
    row["status_code"].as_array().expect("flags").iter().map(text).collect()
}

/// A flush that hangs at this point until the disturbance ends.
fn stalled(harness: &Harness, disturbance: &mailsluice::demo::Disturbance) -> Running {
    let owner = harness.start(&["flush", "--no-ui", "--json"]);
    assert!(disturbance.wait_reached(1, PATIENCE), "the flush is never under way");
    owner
}

#[test]
fn while_one_process_flushes_the_commands_of_others_work() {
    let provider = provider(Vec::new());
    let harness = sends_to(&provider);
    submit(&harness, &letter(&subject(0), "ann@example.net", 1000));
    let disturbance = provider.disturb(Point::FinalReply, Trouble::Stall);
    let owner = stalled(&harness, &disturbance);

    assert!(flags(&row(&harness, "out")).iter().any(|flag| flag == "STATUS_OUTBOUND_FLUSH"));
    submit(&harness, &letter(&subject(1), "ann@example.net", 1000));
    assert_eq!(row(&harness, "out")["outgoing"]["queued"], 1);
    let now = states(&harness, "out");
    assert_eq!((now["m-0"].as_str(), now["m-1"].as_str()), ("in_flight", "queued"));

    drop(disturbance);
    let flushed = owner.end().expect_code(0).json();
    assert_eq!(result(&flushed, "out")["result"], "S_OK");
    assert!(flags(&row(&harness, "out")).iter().all(|flag| !flag.contains("FLUSH")));
    harness.run(&["flush", "--send", "--no-ui"]).expect_code(0);
    assert_eq!(subjects(&provider.delivered()).into_values().collect::<Vec<_>>(), [1, 1]);
}

/// How often the thread that lets clients in has slept.
fn rests(owner: u32) -> u64 {
    let threads = std::fs::read_dir(format!("/proc/{owner}/task")).expect("its threads");
    let files = threads.map(|thread| thread.expect("an entry").path());
    let socket = files
        .into_iter()
        .find(|thread| std::fs::read_to_string(thread.join("comm")).is_ok_and(|name| name.trim() == "socket"));
    let status = std::fs::read_to_string(socket.expect("a thread").join("status")).expect("its status");
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).expect("a count");
    line.trim().parse().expect("a number")
}

#[test]
#[cfg(target_os = "linux")]
fn whoever_comes_while_no_descriptor_is_left_is_let_in_when_there_is_one() {
    let provider = provider(Vec::new());
    let harness = sends_to(&provider);
    submit(&harness, &letter(&subject(0), "ann@example.net", 1000));
    let disturbance = provider.disturb(Point::FinalReply, Trouble::Stall);
    let owner = stalled(&harness, &disturbance);
    let pid = rustix::process::Pid::from_raw(owner.id().cast_signed());
    let limit = |current| {
        let limit = rustix::process::Rlimit { current: Some(current), maximum: Some(1024) };
        rustix::process::prlimit(pid, rustix::process::Resource::Nofile, limit).expect("a child of ours");
    };
    limit(3);
    let before = rests(owner.id());
    let waits = harness.start(&["status", "--json"]);
    assert!(wait_until(PATIENCE, || rests(owner.id()) >= before + 3), "it never tried again");
    limit(1024);
    let status = waits.end().expect_code(0).json();
    assert_eq!(status["rows"][3]["outgoing"]["in_flight"], 1, "{status}");
    drop(disturbance);
    owner.end().expect_code(0);
}

#[test]
fn checklist_25_a_second_flush_is_busy_and_the_first_undisturbed() {
    let provider = provider(Vec::new());
    let harness = sends_to(&provider);
    submit(&harness, &letter(&subject(0), "ann@example.net", 1000));
    let disturbance = provider.disturb(Point::FinalReply, Trouble::Stall);
    let owner = stalled(&harness, &disturbance);
    let second = harness.run(&["flush", "--send", "--no-ui", "--json"]).expect_code(75).json();
    assert_eq!(second["result"], "MAPI_E_BUSY");
    assert_eq!(result(&second, "out")["result"], "MAPI_E_BUSY");
    drop(disturbance);
    assert_eq!(result(&owner.end().expect_code(0).json(), "out")["outgoing"]["sent"], 1);
    assert_eq!(provider.delivered().len(), 1);
}

#[test]
fn checklist_24_an_asynchronous_flush_is_accepted_and_done_before_the_owner_ends() {
    let provider = provider(Vec::new());
    let harness = sends_to(&provider);
    submit(&harness, &letter(&subject(0), "ann@example.net", 1000));
    let disturbance = provider.disturb(Point::FinalReply, Trouble::Stall);
    let owner = stalled(&harness, &disturbance);
    submit(&harness, &letter(&subject(1), "ann@example.net", 1000));
    let accepted = harness.run(&["flush", "--send", "--no-ui", "--async", "--json"]).expect_code(0).json();
    assert_eq!(accepted["result"], "S_OK");
    assert_eq!(provider.delivered().len(), 1, "it answered before anything was sent");
    drop(disturbance);
    owner.end().expect_code(0);
    assert_eq!(provider.delivered().len(), 2);
    assert_eq!(count(&states(&harness, "out"), "sent"), 2);
}

/// It only writes to the spool: an owner that does not move can't keep it waiting.
#[test]
fn submit_does_not_wait_for_an_owner_that_stands_still() {
    let provider = provider(Vec::new());
    let harness = sends_to(&provider);
    submit(&harness, &letter(&subject(0), "ann@example.net", 1000));
    let disturbance = provider.disturb(Point::FinalReply, Trouble::Stall);
    let owner = stalled(&harness, &disturbance);
    owner.signal("STOP");
    harness.write("later.eml", letter(&subject(1), "ann@example.net", 1000));
    let mut submits = harness.start(&["submit", "later.eml"]);
    let came = wait_until(Duration::from_secs(10), || !submits.runs());
    owner.signal("CONT");
    assert!(came, "it waits for the owner");
    submits.end().expect_code(0);
    drop(disturbance);
    owner.end().expect_code(0);
    assert_eq!(states(&harness, "out").len(), 2);
}

#[test]
fn an_owner_that_is_killed_is_followed_by_whoever_comes_next() {
    let provider = provider(Vec::new());
    let harness = sends_to(&provider);
    for number in 0..3 {
        submit(&harness, &letter(&subject(number), "ann@example.net", 1000));
    }
    let disturbance = provider.disturb(Point::Greeting, Trouble::Stall);
    let owner = stalled(&harness, &disturbance);
    owner.signal("KILL");
    owner.end();
    drop(disturbance);
    assert!(flags(&row(&harness, "out")).iter().all(|flag| !flag.contains("FLUSH")));
    harness.run(&["flush", "--send", "--no-ui"]).expect_code(0);
    assert_eq!(subjects(&provider.delivered()).len(), 3);
    assert_eq!(provider.delivered().len(), 3);
}

/// A command that waits for an owner which dies is not left waiting: it takes over.
#[test]
fn whoever_waits_for_an_owner_that_is_killed_takes_over() {
    let provider = provider(Vec::new());
    let harness = Harness::new(
        &(sender("out", provider.smtp_addr().port(), "*")
            + &receiver("in", "imap", provider.imap_addr().port(), "keep")),
    );
    submit(&harness, &letter(&subject(0), "ann@example.net", 1000));
    let disturbance = provider.disturb(Point::Greeting, Trouble::Stall);
    let owner = harness.start(&["flush", "--no-ui", "--transport", "out"]);
    assert!(disturbance.wait_reached(1, PATIENCE));
    let waits = harness.start(&["flush", "--no-ui", "--transport", "in", "--json"]);
    assert!(disturbance.wait_reached(2, PATIENCE));
    owner.signal("KILL");
    owner.end();
    drop(disturbance);
    let flushed = waits.end().expect_code(0).json();
    assert_eq!(result(&flushed, "in")["result"], "S_OK");
    harness.run(&["flush", "--no-ui"]).expect_code(0);
    assert_eq!(provider.delivered().len(), 1);
}

/// Forty at once, so many messages each.
fn forty_submit(harness: &Harness, each: usize) {
    let running: Vec<Running> = (0..40)
        .map(|process| {
            for number in process * each..(process + 1) * each {
                harness
                    .write(&format!("in/{process}/{number:04}.eml"), letter(&subject(number), "ann@example.net", 500));
            }
            harness.start(&["submit", &format!("in/{process}"), "--json"])
        })
        .collect();
    let mut ids = BTreeSet::new();
    for one in running {
        let submitted = one.end().expect_code(0).json();
        assert_eq!(submitted["count"], each);
        ids.extend(submitted["ids"].as_array().expect("ids").iter().filter_map(serde_json::Value::as_i64));
    }
    assert_eq!(ids.len(), 40 * each, "every message has a number of its own");
}

#[test]
fn forty_processes_submit_at_once() {
    let provider = provider(Vec::new());
    let harness = sends_to(&provider);
    forty_submit(&harness, 100);
    let queued = states(&harness, "out");
    assert_eq!((queued.len(), count(&queued, "queued")), (4000, 4000));
    harness.run(&["flush", "--send", "--no-ui"]).expect_code(0);
    let delivered = subjects(&provider.delivered());
    assert!(delivered.len() == 4000 && delivered.values().all(|times| *times == 1));
}

#[test]
fn forty_processes_submit_while_another_flushes() {
    let provider = provider(Vec::new());
    let harness = sends_to(&provider);
    submit(&harness, &letter("first", "ann@example.net", 1000));
    let disturbance = provider.disturb(Point::FinalReply, Trouble::Stall);
    let owner = stalled(&harness, &disturbance);
    let began = Instant::now();
    forty_submit(&harness, 10);
    eprintln!("40 × 10 submitted in {} ms", began.elapsed().as_millis());
    assert_eq!(states(&harness, "out").len(), 401);
    drop(disturbance);
    owner.end().expect_code(0);
    harness.run(&["flush", "--send", "--no-ui"]).expect_code(0);
    wait_states(&harness, "out", |states| count(states, "sent") == 401);
    let delivered = subjects(&provider.delivered());
    assert!(delivered.len() == 401 && delivered.values().all(|times| *times == 1));
}

/// Short commands one upon the other: each meets owners that begin and end.
#[test]
fn owners_that_come_and_go_fail_nobody() {
    let provider = provider(Vec::new());
    let harness = sends_to(&provider);
    let deadline = Instant::now() + Duration::from_secs(20);
    for round in 0..5 {
        let running: Vec<Running> = (0..12)
            .map(|number| match number % 3 {
                0 => harness.start(&["status", "--json"]),
                1 => harness.start(&["queue", "list", "--json"]),
                _ => harness.start(&["queue", "hold", "--where", "state:queued", "--json"]),
            })
            .collect();
        for one in running {
            let run = one.end();
            assert_eq!(run.code, Some(0), "round {round}: {} {}", run.stdout, run.stderr);
        }
        if Instant::now() > deadline {
            break;
        }
    }
}

/// The same with flushes: each is done, or is told that another is at it.
#[test]
fn flushes_among_owners_that_come_and_go_are_done_or_busy() {
    let provider = provider(Vec::new());
    let harness = sends_to(&provider);
    for round in 0..4 {
        submit(&harness, &letter(&subject(round), "ann@example.net", 500));
        let running: Vec<Running> = (0..8)
            .map(|number| match number % 2 {
                0 => harness.start(&["status", "--json"]),
                _ => harness.start(&["flush", "--send", "--no-ui", "--json"]),
            })
            .collect();
        for one in running {
            let run = one.end();
            assert!(matches!(run.code, Some(0 | 75)), "round {round}: {:?} {} {}", run.code, run.stdout, run.stderr);
        }
    }
    assert!(wait_until(PATIENCE, || provider.delivered().len() == 4));
    assert!(subjects(&provider.delivered()).values().all(|times| *times == 1));
}
