//! The spooler's process killed at any moment: what it had been told was done is done.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Write as _};

use super::submitting::{child, spool_of_child};
use super::*;
use crate::profile::InDoubtPolicy;

/// Envelopes at the beginning.
const ALL: i64 = 60;

#[test]
fn killed_at_any_moment_nothing_told_is_forgotten_and_nothing_is_lost() {
    for lines in [1, 7, 20, 33, 64, 90] {
        killed_after(lines);
    }
}

fn killed_after(lines: usize) {
    let mut scene = Scene::new();
    let ids: BTreeSet<EnvelopeId> = (0..ALL).map(|_| scene.submit(&["a@example.net", "b@example.net"])).collect();
    let mut one = child("crash::child_sends", &scene.path);
    let said = BufReader::new(one.stdout.take().expect("piped"));
    // What it said last of each: that, or what comes after it, must be so.
    let mut told = BTreeMap::new();
    let said = said.lines().map(|line| line.expect("text"));
    for line in said.filter(|line| line.starts_with("it ")).take(lines) {
        let words: Vec<&str> = line.split(' ').collect();
        told.insert(EnvelopeId(words[2].parse().expect("a number")), words[1].to_owned());
    }
    one.kill().expect("killed");
    one.wait().expect("ended");
    assert!(!told.is_empty());

    scene.spool = Spool::open(&scene.path).expect("opened again");
    scene.spool.recover(NOW, InDoubtPolicy::Hold).expect("recovered");
    for id in &ids {
        let states = scene.states(*id);
        let (state, whole) = (states[0], states[0] == states[1]);
        assert!(whole, "{id}: {states:?}");
        match told.get(id).map(String::as_str) {
            Some("sent") => assert_eq!(state, QueueState::Sent, "{id}"),
            Some("offered") => assert!(matches!(state, QueueState::InDoubt | QueueState::Sent), "{id}: {state:?}"),
            _ => {
                assert!(
                    matches!(state, QueueState::Queued | QueueState::InDoubt | QueueState::Sent),
                    "{id}: {state:?}"
                );
            }
        }
        let content = scene.reader.write_content(*id, &mut |_| Ok(()));
        assert_eq!(content.is_ok(), state != QueueState::Sent, "{id}: {content:?}");
    }
    let counted = scene.number("SELECT SUM(n) FROM count WHERE state IN (1, 2, 6)");
    assert_eq!((counted, scene.number("SELECT COUNT(*) FROM envelope")), (ALL, ALL));
    let sound: String = scene.spool.db().query_row("PRAGMA integrity_check", (), |row| row.get(0)).expect("checked");
    assert_eq!(sound, "ok");
    assert_eq!(scene.number("SELECT COUNT(*) FROM pragma_foreign_key_check"), 0);
}

#[test]
#[ignore = "plays another process; started by the test above"]
fn child_sends() {
    let mut spool = Spool::open(&spool_of_child()).expect("opened");
    let mut out = std::io::stdout();
    loop {
        let claimed = spool.claim("work", 3, u64::MAX, &eligible(NOW)).expect("a claim");
        let envelopes: Vec<EnvelopeId> = claimed.iter().map(|one| one.envelope).collect();
        if envelopes.is_empty() {
            return;
        }
        let mut say = |word: &str| envelopes.iter().for_each(|id| writeln!(out, "\nit {word} {id}").expect("said"));
        say("claimed");
        spool.apply(&[SpoolOp::Offer { envelopes: envelopes.clone(), at: NOW }]).expect("offered");
        say("offered");
        let finish = |one: &ClaimedEnvelope| SpoolOp::Finish {
            envelope: one.envelope,
            recipients: one.recipients.iter().map(|(id, _)| result(*id, QueueState::Sent)).collect(),
            next_try: None,
            at: NOW,
            counts: true,
        };
        spool.apply(&claimed.iter().map(finish).collect::<Vec<_>>()).expect("finished");
        say("sent");
    }
}
