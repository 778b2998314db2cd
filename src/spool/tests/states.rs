//! What claims, results and verbs do to states.

use super::*;
use QueueState::{Deferred, Failed, Held, InDoubt, InFlight, Queued, Sent};

#[test]
fn a_claim_takes_the_oldest_and_says_all_that_is_needed_to_send_them() {
    let mut scene = Scene::new();
    let (first, second) = (scene.submit(&["bob@example.net", "cy@example.net"]), scene.submit(&["dee@example.net"]));
    let third = scene.submit(&["eve@example.net"]);
    let claimed = scene.spool.claim("work", 2, u64::MAX, &eligible(NOW)).expect("a claim");
    assert_eq!(claimed.iter().map(|one| one.envelope).collect::<Vec<_>>(), [first, second]);
    let one = &claimed[0];
    assert_eq!(
        one.recipients.iter().map(|(_, to)| to.as_str()).collect::<Vec<_>>(),
        ["bob@example.net", "cy@example.net"]
    );
    assert_eq!((one.attempt, one.submitted_at, one.sender.as_str()), (1, NOW, "bounce@example.org"));
    assert_eq!(one.inline.as_deref(), Some(&b"Subject: x\r\n\r\nhello\r\n"[..]));
    assert_eq!(scene.states(first), [InFlight, InFlight]);
    assert_eq!(scene.states(third), [Queued]);
    assert_eq!(scene.show(first).row.attempts, 1);
}

#[test]
fn a_claim_stops_before_too_many_bytes_but_never_before_the_first_message() {
    let mut scene = Scene::new();
    for size in [100, 60, 60, 10] {
        submit(&scene.path, &message("work", &["bob@example.net"]), &vec![b'x'; size]);
    }
    let sizes = |scene: &mut Scene, bytes| -> Vec<u64> {
        let claimed = scene.spool.claim("work", 64, bytes, &eligible(NOW)).expect("a claim");
        claimed.iter().map(|one| one.size).collect()
    };
    assert_eq!(sizes(&mut scene, 10), [100]);
    assert_eq!(sizes(&mut scene, 119), [60], "the next one is not skipped for a smaller one behind it");
    assert_eq!(sizes(&mut scene, 120), [60, 10]);
    assert!(sizes(&mut scene, u64::MAX).is_empty());
    assert!(scene.spool.claim("work", 0, u64::MAX, &eligible(NOW)).expect("a claim").is_empty());
}

#[test]
fn every_recipient_has_its_own_state_and_the_envelope_that_of_the_first_in_order() {
    let mut scene = Scene::new();
    let id = scene.submit(&["a@example.net", "b@example.net", "c@example.net"]);
    let claimed = scene.claim(NOW);
    scene.finish(&claimed[0], &[Sent, Failed, Deferred], Some(NOW + 60));
    assert_eq!(scene.states(id), [Sent, Failed, Deferred]);
    let row = scene.show(id).row;
    assert_eq!((row.state, row.next_try), (Deferred, Some(NOW + 60)));
    assert_eq!(row.last_reply.as_deref(), Some("said deferred"));
    assert!(scene.claim(NOW + 59).is_empty(), "not before its time");
    let again = scene.claim(NOW + 60);
    assert_eq!(again[0].recipients.iter().map(|(_, to)| to.as_str()).collect::<Vec<_>>(), ["c@example.net"]);
    assert_eq!((claimed[0].first_tried, again[0].first_tried), (NOW, NOW), "not since it was submitted");
    assert_eq!(again[0].attempt, 2);
    scene.finish(&again[0], &[Sent], None);
    assert_eq!((scene.states(id), scene.show(id).row.state), (vec![Sent, Failed, Sent], Failed));
}

#[test]
fn content_goes_when_the_last_envelope_of_its_message_was_sent_and_history_stays() {
    let mut scene = Scene::new();
    let mut both = message("work", &["a@example.net"]);
    both.envelopes.push(("home".to_owned(), vec!["b@example.org".to_owned()]));
    let ids = submit(&scene.path, &both, b"content");
    for (transport, chunks_left) in [("work", 1), ("home", 0)] {
        let claimed = scene.spool.claim(transport, 1, 1, &eligible(NOW)).expect("a claim");
        scene.finish(&claimed[0], &[Sent], None);
        assert_eq!(scene.number("SELECT COUNT(*) FROM chunk"), chunks_left);
    }
    let detail = scene.show(ids[0]);
    assert_eq!((detail.row.state, detail.history.len()), (Sent, 1));
    assert_eq!(detail.history[0].result, "sent: said sent");
    let written = scene.reader.write_content(ids[0], &mut |_| Ok(()));
    assert!(matches!(written, Err(SpoolError::Gone)), "{written:?}");
}

#[test]
fn what_was_never_put_at_risk_is_exactly_as_before_the_claim() {
    let mut scene = Scene::new();
    let (deferred, queued) = (scene.submit(&["a@example.net"]), scene.submit(&["b@example.net"]));
    let claimed = scene.claim(NOW);
    scene.finish(&claimed[0], &[Deferred], Some(NOW + 60));
    give_back(&mut scene, claimed[1].envelope);
    let before = [scene.show(deferred), scene.show(queued)];
    assert_eq!((before[1].row.attempts, before[1].history.len()), (0, 0));
    for claimed in scene.claim(NOW + 60) {
        give_back(&mut scene, claimed.envelope);
    }
    assert_eq!([scene.show(deferred), scene.show(queued)], before);
    // Given back twice is given back once.
    give_back(&mut scene, deferred);
    assert_eq!(scene.show(deferred), before[0]);
}

fn give_back(scene: &mut Scene, envelope: EnvelopeId) {
    let op = SpoolOp::Finish { envelope, recipients: Vec::new(), next_try: None, at: NOW, counts: false };
    scene.spool.apply(&[op]).expect("given back");
}

#[test]
fn a_recipient_that_a_result_forgets_does_not_stay_in_flight() {
    let mut scene = Scene::new();
    let id = scene.submit(&["a@example.net", "b@example.net"]);
    let claimed = scene.claim(NOW);
    scene.finish(&claimed[0], &[Sent], None);
    assert_eq!(scene.states(id), [Sent, Queued]);
    let claimed = scene.claim(NOW);
    scene.finish(&claimed[0], &[], None);
    assert_eq!(scene.states(id), [Sent, Queued]);
    let history = scene.show(id).history;
    assert!(history.iter().all(|attempt| attempt.ended.is_some() && !attempt.result.is_empty()), "{history:?}");
}

#[test]
fn a_result_for_what_is_not_in_flight_changes_nothing() {
    let mut scene = Scene::new();
    let id = scene.submit(&["a@example.net"]);
    let claimed = scene.claim(NOW);
    scene.finish(&claimed[0], &[Deferred], Some(NOW + 60));
    let before = scene.show(id);
    scene.finish(&claimed[0], &[Sent], None);
    assert_eq!(scene.show(id), before);
    let gone = ClaimedEnvelope { envelope: EnvelopeId(4711), ..claimed[0].clone() };
    scene.finish(&gone, &[Sent], None);
    let reroute = |envelope| SpoolOp::Reroute { envelope, recipients: vec![RecipientId(1)], transport: "x".to_owned() };
    scene.spool.apply(&[reroute(EnvelopeId(4711))]).expect("passed over");
}

#[test]
fn one_run_is_offered_an_envelope_once_and_the_next_run_again() {
    let mut scene = Scene::new();
    scene.submit(&["a@example.net"]);
    let by_hand = Eligibility { lift_back_off: true, ..eligible(NOW) };
    let claimed = scene.spool.claim("work", 9, u64::MAX, &by_hand).expect("a claim");
    scene.finish(&claimed[0], &[Deferred], Some(NOW + 60));
    assert!(scene.spool.claim("work", 9, u64::MAX, &by_hand).expect("a claim").is_empty());
    let next = Eligibility { run: 2, ..by_hand };
    assert_eq!(scene.spool.claim("work", 9, u64::MAX, &next).expect("a claim").len(), 1);
}

#[test]
fn what_failed_before_is_not_in_the_way_of_what_did_not() {
    let mut scene = Scene::new();
    let first = scene.submit(&["bob@example.net"]);
    let claimed = scene.claim(NOW);
    scene.finish(&claimed[0], &[Deferred], Some(NOW + 60));
    let second = scene.submit(&["cy@example.net"]);
    let which = Eligibility { lift_back_off: true, run: 2, ..eligible(NOW) };
    let claimed = scene.spool.claim("work", 64, u64::MAX, &which).expect("a claim");
    assert_eq!(claimed.iter().map(|one| one.envelope).collect::<Vec<_>>(), [second, first]);
}

#[test]
fn with_back_off_lifted_what_waited_longest_for_a_try_comes_first() {
    let mut scene = Scene::new();
    let ids: Vec<EnvelopeId> = (0..4).map(|_| scene.submit(&["a@example.net"])).collect();
    let defer = |scene: &mut Scene, run: i64, messages: u32| -> Vec<EnvelopeId> {
        let which = Eligibility { lift_back_off: true, only_deferred: run > 1, run, ..eligible(NOW) };
        let claimed = scene.spool.claim("work", messages, u64::MAX, &which).expect("a claim");
        // The first one claimed has the longest back-off.
        for (place, one) in claimed.iter().enumerate() {
            scene.finish(one, &[Deferred], Some(NOW + 900 - i64::try_from(place).expect("small")));
        }
        claimed.iter().map(|one| one.envelope).collect()
    };
    assert_eq!(defer(&mut scene, 1, 9), ids);
    assert_eq!(defer(&mut scene, 2, 2), ids[..2], "of those that waited as long the oldest");
    assert_eq!(defer(&mut scene, 3, 2), ids[2..]);
    assert_eq!(defer(&mut scene, 2, 9), ids[2..], "a run has each once, also when its number is not the highest");
}

#[test]
fn who_can_be_tried_again_does_not_wait_for_those_in_doubt() {
    let mut scene = Scene::new();
    let id = scene.submit(&["a@example.net", "b@example.net", "c@example.net"]);
    let claimed = scene.claim(NOW);
    scene.finish(&claimed[0], &[InDoubt, Deferred, Failed], Some(NOW + 60));
    assert_eq!(scene.states(id), [InDoubt, Failed]);
    assert!(scene.claim(NOW + 59).is_empty());
    let again = scene.claim(NOW + 60);
    let [one] = again.as_slice() else { panic!("{again:?}") };
    assert_eq!((one.recipients.len(), one.recipients[0].1.as_str()), (1, "b@example.net"));
    assert_eq!((one.attempt, one.inline.is_some(), one.submitted_at), (2, true, NOW));
    let detail = scene.show(one.envelope);
    assert_eq!(detail.history.len(), 2, "what led there is remembered");
    assert_eq!(detail.row.last_reply.as_deref(), Some("said deferred"));
    scene.finish(one, &[Sent], None);
    assert!(scene.change(&QueueVerb::TreatAsSent, id));
    assert_eq!(scene.number("SELECT COUNT(*) FROM chunk"), 1, "one was refused: a user may try again");
}

#[test]
fn waiting_ones_are_claimed_only_when_due_or_lifted() {
    let mut scene = Scene::new();
    let later = NewMessage { not_before: Some(NOW + 100), ..message("work", &["a@example.net"]) };
    submit(&scene.path, &later, b"x");
    let claim = |scene: &mut Scene, which: Eligibility| {
        let claimed = scene.spool.claim("work", 9, u64::MAX, &which).expect("a claim");
        for one in &claimed {
            give_back(scene, one.envelope);
        }
        claimed.len()
    };
    let which = |run| Eligibility { run, ..eligible(NOW + 99) };
    assert_eq!(claim(&mut scene, which(1)), 0);
    assert_eq!(
        claim(&mut scene, Eligibility { lift_back_off: true, ..which(2) }),
        0,
        "the sender's wish is no back-off"
    );
    assert_eq!(claim(&mut scene, Eligibility { lift_not_before: true, only_deferred: true, ..which(3) }), 0);
    assert_eq!(claim(&mut scene, Eligibility { lift_not_before: true, ..which(4) }), 1);
    assert_eq!(claim(&mut scene, Eligibility { run: 5, ..eligible(NOW + 100) }), 1);
    assert_eq!(scene.spool.claim("home", 9, 9, &eligible(NOW + 100)).expect("a claim").len(), 0);
}

#[test]
fn recipients_that_a_transport_declines_go_to_another_in_an_envelope_of_their_own() {
    let mut scene = Scene::new();
    let id = scene.submit(&["a@example.net", "b@example.net"]);
    let claimed = scene.claim(NOW);
    let (kept, moved) = (claimed[0].recipients[0].0, claimed[0].recipients[1].0);
    let finish =
        SpoolOp::Finish { envelope: id, recipients: vec![result(kept, Sent)], next_try: None, at: NOW, counts: true };
    let reroute = SpoolOp::Reroute { envelope: id, recipients: vec![moved], transport: "home".to_owned() };
    scene.spool.apply(&[reroute, finish]).expect("applied");
    assert_eq!(scene.show(id).row.state, Sent);
    let other = scene.spool.claim("home", 9, u64::MAX, &eligible(NOW)).expect("a claim");
    assert_eq!((other[0].recipients[0].0, other[0].attempt), (moved, 1));
    assert_eq!((other[0].declined.as_slice(), other[0].submitted_at), (&["work".to_owned()][..], NOW));
    assert!(other[0].inline.is_some(), "the content is still needed");
}

#[test]
fn an_envelope_declined_as_a_whole_goes_itself() {
    let mut scene = Scene::new();
    let id = scene.submit(&["a@example.net"]);
    let claimed = scene.claim(NOW);
    let reroute =
        SpoolOp::Reroute { envelope: id, recipients: vec![claimed[0].recipients[0].0], transport: "home".to_owned() };
    let finish = SpoolOp::Finish { envelope: id, recipients: Vec::new(), next_try: None, at: NOW, counts: true };
    scene.spool.apply(&[reroute, finish]).expect("applied");
    let detail = scene.show(id);
    assert_eq!((detail.row.transport.as_str(), detail.row.state, detail.row.attempts), ("home", Queued, 0));
    assert_eq!(detail.history[0].result, "passed on to home");
    let counts = scene.spool.counts().expect("counts");
    assert_eq!((counts.get("work"), counts["home"].queued), (None, 1));
}

#[test]
fn verbs_act_where_they_make_sense_and_nowhere_else() {
    let reroute = QueueVerb::Reroute { transport: "home".to_owned() };
    let table: [(&QueueVerb, [Option<QueueState>; 7]); 6] = [
        // in flight, in doubt, queued, deferred, held, failed, sent
        (&QueueVerb::Hold, [None, None, Some(Held), Some(Held), None, None, None]),
        (&QueueVerb::Release, [None, None, None, None, Some(Queued), None, None]),
        (&QueueVerb::Retry, [None, Some(Queued), None, Some(Queued), None, Some(Queued), None]),
        (&reroute, [None, None, Some(Queued), Some(Queued), Some(Held), Some(Queued), None]),
        (&QueueVerb::SendAgain, [None, Some(Queued), None, None, None, None, None]),
        (&QueueVerb::TreatAsSent, [None, Some(Sent), None, None, None, None, None]),
    ];
    let mut scene = Scene::new();
    for (verb, outcomes) in table {
        for (state, expected) in QueueState::ALL.into_iter().zip(outcomes) {
            let id = in_state(&mut scene, state);
            let changed = scene.change(verb, id);
            assert_eq!(changed, expected.is_some(), "{verb:?} on {state:?}");
            assert_eq!(scene.show(id).row.state, expected.unwrap_or(state), "{verb:?} on {state:?}");
        }
    }
    for state in QueueState::ALL {
        let id = in_state(&mut scene, state);
        assert_eq!(scene.change(&QueueVerb::Delete, id), state != InFlight);
        assert_eq!(scene.reader.show(id).expect("readable").is_none(), state != InFlight);
    }
}

/// A new envelope in a state, by the ways that lead there.
fn in_state(scene: &mut Scene, state: QueueState) -> EnvelopeId {
    let id = scene.submit(&["a@example.net"]);
    match state {
        Queued => {}
        Held => assert!(scene.change(&QueueVerb::Hold, id)),
        _ => {
            // Others from before may be queued as well.
            let claimed = scene.claim(NOW - 10_000);
            for one in &claimed {
                match (one.envelope == id, state) {
                    (true, InFlight) => {}
                    (true, _) => scene.finish(one, &[state], Some(NOW + 60)),
                    (false, _) => give_back(scene, one.envelope),
                }
            }
        }
    }
    assert_eq!(scene.show(id).row.state, state);
    id
}

#[test]
fn retry_forgets_the_back_off() {
    let mut scene = Scene::new();
    let id = in_state(&mut scene, Deferred);
    assert!(scene.change(&QueueVerb::Retry, id));
    let row = scene.show(id).row;
    assert_eq!((row.next_try, row.attempts), (None, 0));
    let claimed = scene.claim(NOW);
    assert_eq!(claimed[0].attempt, 1);
    assert_eq!(scene.show(id).history.len(), 2, "history is not forgotten");
}

#[test]
fn treated_as_sent_the_content_goes() {
    let mut scene = Scene::new();
    let id = in_state(&mut scene, InDoubt);
    assert!(scene.change(&QueueVerb::TreatAsSent, id));
    assert_eq!(scene.number("SELECT COUNT(*) FROM chunk"), 0);
}

#[test]
fn deleting_takes_the_content_with_the_last_envelope() {
    let mut scene = Scene::new();
    let mut both = message("work", &["a@example.net"]);
    both.envelopes.push(("home".to_owned(), vec!["b@example.org".to_owned()]));
    let ids = submit(&scene.path, &both, b"content");
    assert!(scene.change(&QueueVerb::Delete, ids[0]));
    assert_eq!(scene.number("SELECT COUNT(*) FROM chunk"), 1);
    assert!(scene.change(&QueueVerb::Delete, ids[1]));
    for table in ["message", "chunk", "envelope", "recipient", "attempt"] {
        assert_eq!(scene.number(&format!("SELECT COUNT(*) FROM {table}")), 0, "{table}");
    }
}

#[test]
fn after_a_crash_what_was_claimed_returns_and_what_was_in_the_air_is_in_doubt() {
    for (policy, state) in
        [(crate::profile::InDoubtPolicy::Hold, InDoubt), (crate::profile::InDoubtPolicy::Resend, Queued)]
    {
        let mut scene = Scene::new();
        let (claimed_only, offered) = (scene.submit(&["a@example.net"]), scene.submit(&["b@example.net"]));
        let untouched = scene.show(claimed_only);
        scene.claim(NOW);
        scene.spool.apply(&[SpoolOp::Offer { envelopes: vec![offered], at: NOW + 1 }]).expect("offered");
        scene.spool = Spool::open(&scene.path).expect("opened again");
        let recovery = scene.spool.recover(NOW + 9, policy).expect("recovered");
        assert_eq!(recovery, Recovery { returned: 1, in_doubt: 1, swept: 0 });
        assert_eq!(scene.show(claimed_only), untouched);
        let detail = scene.show(offered);
        assert_eq!((detail.row.state, detail.row.attempts, detail.history.len()), (state, 1, 1));
        assert_eq!(detail.recipients[0].failure.as_ref().map(|failure| failure.class), Some(Class::InDoubt));
        assert!(detail.history[0].result.contains("ended before"), "{:?}", detail.history);
        let again = scene.spool.recover(NOW + 10, policy).expect("recovered");
        assert_eq!(again, Recovery::default());
    }
}
