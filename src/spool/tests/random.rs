//! Anything, in any order, against a model: a table of recipients in memory.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::profile::InDoubtPolicy;

const TRANSPORTS: [&str; 2] = ["work", "home"];

#[derive(Debug, Clone)]
enum Step {
    Submit { recipients: [usize; 2], later: bool },
    Claim { transport: usize, messages: u32, lift: u8, only_deferred: bool },
    Offer { which: usize },
    Finish { which: usize, outcomes: Vec<QueueState>, counts: bool },
    Reroute { which: usize, mask: u8 },
    Verb { verb: QueueVerb, which: Option<usize> },
    Crash { resend: bool },
    Prune,
    Wait,
}

fn step() -> impl Strategy<Value = Step> {
    use QueueState::{Deferred, Failed, InDoubt, Queued, Sent};
    let outcome = prop::sample::select(vec![Sent, Sent, Deferred, Failed, InDoubt, Queued]);
    let verb = prop::sample::select(vec![
        QueueVerb::Hold,
        QueueVerb::Release,
        QueueVerb::Retry,
        QueueVerb::Reroute { transport: "home".to_owned() },
        QueueVerb::Delete,
        QueueVerb::TreatAsSent,
        QueueVerb::SendAgain,
    ]);
    let which = any::<usize>();
    prop_oneof![
        4 => (1..4_usize, 0..3_usize, prop::bool::weighted(0.2))
            .prop_map(|(work, home, later)| Step::Submit { recipients: [work, home], later }),
        6 => (0..2_usize, 1..4_u32, 0..3_u8, prop::bool::weighted(0.2)).prop_map(
            |(transport, messages, lift, only_deferred)| Step::Claim { transport, messages, lift, only_deferred }
        ),
        3 => which.prop_map(|which| Step::Offer { which }),
        6 => (any::<usize>(), prop::collection::vec(outcome, 0..4), prop::bool::weighted(0.8))
            .prop_map(|(which, outcomes, counts)| Step::Finish { which, outcomes, counts }),
        2 => (any::<usize>(), any::<u8>()).prop_map(|(which, mask)| Step::Reroute { which, mask }),
        4 => (verb, prop::option::weighted(0.9, any::<usize>())).prop_map(|(verb, which)| Step::Verb { verb, which }),
        1 => any::<bool>().prop_map(|resend| Step::Crash { resend }),
        1 => Just(Step::Prune),
        2 => Just(Step::Wait),
    ]
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Recipient {
    envelope: EnvelopeId,
    state: QueueState,
    earlier: QueueState,
}

#[derive(Debug, Clone)]
struct Envelope {
    transport: String,
    not_before: Option<Seconds>,
    next_try: Option<Seconds>,
    run: i64,
    offered: bool,
    sent_at: Seconds,
}

/// What the spool must hold.
#[derive(Debug, Default)]
struct Model {
    envelopes: BTreeMap<EnvelopeId, Envelope>,
    recipients: BTreeMap<RecipientId, Recipient>,
    /// The highest identifier ever given, of envelopes that may be gone.
    last: Option<EnvelopeId>,
    now: Seconds,
}

impl Model {
    fn of(&self, envelope: EnvelopeId) -> impl Iterator<Item = (&RecipientId, &Recipient)> {
        self.recipients.iter().filter(move |(_, recipient)| recipient.envelope == envelope)
    }

    fn state(&self, envelope: EnvelopeId) -> Option<QueueState> {
        self.of(envelope).map(|(_, recipient)| recipient.state).min()
    }

    fn insert(&mut self, id: EnvelopeId, envelope: Envelope) {
        assert!(self.last.is_none_or(|last| last < id), "identifiers rise and are never used twice");
        self.last = Some(id);
        self.envelopes.insert(id, envelope);
    }

    /// The nth of all envelopes, counted round.
    fn pick(&self, which: usize) -> Option<EnvelopeId> {
        let count = self.envelopes.len();
        (count > 0).then(|| *self.envelopes.keys().nth(which % count).expect("in range"))
    }

    fn move_recipients(&mut self, envelope: EnvelopeId, from: &[QueueState], to: QueueState) -> bool {
        let mut moved = false;
        for recipient in self.recipients.values_mut().filter(|recipient| recipient.envelope == envelope) {
            if from.contains(&recipient.state) {
                recipient.state = to;
                moved = true;
            }
        }
        moved
    }

    fn give_back(&mut self, envelope: EnvelopeId) {
        for recipient in self.recipients.values_mut().filter(|recipient| recipient.envelope == envelope) {
            if recipient.state == QueueState::InFlight {
                recipient.state = recipient.earlier;
            }
        }
    }
}

/// Does a step in both, and looks whether both say the same of what it gave.
fn take(scene: &mut Scene, model: &mut Model, step: &Step) {
    match step {
        Step::Submit { recipients, later } => add(scene, model, *recipients, *later),
        Step::Claim { transport, messages, lift, only_deferred } => {
            claim(scene, model, TRANSPORTS[*transport], (*messages, *lift, *only_deferred));
        }
        Step::Offer { which } => {
            let Some(envelope) = model.pick(*which) else { return };
            scene.spool.apply(&[SpoolOp::Offer { envelopes: vec![envelope], at: model.now }]).expect("offered");
            let in_flight = model.state(envelope) == Some(QueueState::InFlight);
            model.envelopes.get_mut(&envelope).expect("picked").offered |= in_flight;
        }
        Step::Finish { which, outcomes, counts } => finish(scene, model, *which, (outcomes, *counts)),
        Step::Reroute { which, mask } => reroute(scene, model, *which, *mask),
        Step::Verb { verb, which } => change(scene, model, verb, *which),
        Step::Crash { resend } => crash(scene, model, *resend),
        Step::Prune => {
            let pruned = scene.spool.prune(model.now).expect("pruned");
            let sent = |id: &EnvelopeId| model.state(*id) == Some(QueueState::Sent);
            let old: Vec<EnvelopeId> = model
                .envelopes
                .iter()
                .filter(|(id, one)| sent(id) && one.sent_at < model.now)
                .map(|(id, _)| *id)
                .collect();
            assert_eq!(pruned, old.len() as u64);
            for id in old {
                remove(model, id);
            }
        }
        Step::Wait => model.now += 50,
    }
}

fn remove(model: &mut Model, envelope: EnvelopeId) {
    model.envelopes.remove(&envelope);
    model.recipients.retain(|_, recipient| recipient.envelope != envelope);
}

fn add(scene: &mut Scene, model: &mut Model, recipients: [usize; 2], later: bool) {
    let not_before = later.then_some(model.now + 70);
    let mut new = NewMessage { not_before, ..message("work", &[]) };
    new.envelopes = TRANSPORTS
        .iter()
        .zip(recipients)
        .filter(|(_, count)| *count > 0)
        .map(|(transport, count)| ((*transport).to_owned(), vec!["to@example.net".to_owned(); count]))
        .collect();
    for (id, (transport, to)) in submit(&scene.path, &new, b"content").into_iter().zip(&new.envelopes) {
        let detail = scene.show(id);
        assert_eq!(detail.recipients.len(), to.len());
        let transport = transport.clone();
        let (next_try, run, offered, sent_at) = (None, 0, false, 0);
        model.insert(id, Envelope { transport, not_before, next_try, run, offered, sent_at });
        for recipient in detail.recipients {
            let (state, earlier) = (QueueState::Queued, QueueState::Queued);
            model.recipients.insert(recipient.id, Recipient { envelope: id, state, earlier });
        }
    }
}

fn claim(scene: &mut Scene, model: &mut Model, transport: &str, (messages, lift, only_deferred): (u32, u8, bool)) {
    scene.run += 1;
    let which = Eligibility {
        lift_back_off: lift > 0,
        lift_not_before: lift > 1,
        only_deferred,
        run: scene.run,
        ..eligible(model.now)
    };
    let claimed = scene.spool.claim(transport, messages, u64::MAX, &which).expect("a claim");
    let expected = claimable(model, transport, messages as usize, &which);
    assert_eq!(claimed.iter().map(|one| one.envelope).collect::<Vec<_>>(), expected);
    for one in claimed {
        assert_eq!(one.inline.as_deref(), Some(&b"content"[..]));
        let known = model.envelopes.get_mut(&one.envelope).expect("known");
        (known.offered, known.run) = (false, scene.run);
        let mut named = Vec::new();
        for (id, recipient) in &mut model.recipients {
            if recipient.envelope == one.envelope
                && matches!(recipient.state, QueueState::Queued | QueueState::Deferred)
            {
                recipient.earlier = recipient.state;
                recipient.state = QueueState::InFlight;
                named.push(*id);
            }
        }
        assert_eq!(one.recipients.iter().map(|(id, _)| *id).collect::<Vec<_>>(), named);
    }
}

/// What a claim must give: of each state the first so many in its order, the oldest first; those that were tried before last.
fn claimable(model: &Model, transport: &str, messages: usize, which: &Eligibility) -> Vec<EnvelopeId> {
    let mut all = Vec::new();
    for state in [QueueState::Queued, QueueState::Deferred] {
        let of_state = model.envelopes.iter().filter(|(id, one)| {
            let wished = which.lift_not_before || one.not_before.is_none_or(|at| at <= which.now);
            one.transport == transport && model.state(**id) == Some(state) && wished
        });
        let mut ready: Vec<(Seconds, EnvelopeId)> = match state {
            QueueState::Queued if which.only_deferred => Vec::new(),
            QueueState::Queued => of_state.map(|(id, one)| (one.not_before.unwrap_or(0), *id)).collect(),
            _ if which.lift_back_off => of_state.map(|(id, one)| (one.run, *id)).collect(),
            _ => of_state
                .map(|(id, one)| (one.next_try.unwrap_or(0), *id))
                .filter(|(due, _)| *due <= which.now)
                .collect(),
        };
        ready.sort_unstable();
        let mut first: Vec<EnvelopeId> = ready.into_iter().take(messages).map(|(_, id)| id).collect();
        first.sort_unstable();
        all.extend(first);
    }
    all.truncate(messages);
    all
}

fn finish(scene: &mut Scene, model: &mut Model, which: usize, (outcomes, counts): (&[QueueState], bool)) {
    let Some(envelope) = model.pick(which) else { return };
    let in_flight: Vec<RecipientId> = model
        .of(envelope)
        .filter(|(_, recipient)| recipient.state == QueueState::InFlight)
        .map(|(id, _)| *id)
        .collect();
    // Names also some that are not in flight: those must stay as they are.
    let named: Vec<RecipientId> = model.of(envelope).map(|(id, _)| *id).collect();
    let results: Vec<_> = named.iter().zip(outcomes).map(|(id, state)| result(*id, *state)).collect();
    let next_try = outcomes.contains(&QueueState::Deferred).then_some(model.now + 40);
    let at = model.now;
    let op = SpoolOp::Finish { envelope, recipients: results.clone(), next_try, at, counts };
    scene.spool.apply(&[op]).expect("finished");
    if in_flight.is_empty() {
        return;
    }
    if counts {
        for result in results.iter().filter(|result| in_flight.contains(&result.recipient)) {
            model.recipients.get_mut(&result.recipient).expect("known").state = result.state;
        }
        let one = model.envelopes.get_mut(&envelope).expect("known");
        (one.next_try, one.sent_at) = (next_try, at);
    }
    model.give_back(envelope);
    if counts && model.state(envelope) == Some(QueueState::InDoubt) {
        let_go_on(scene, model, envelope);
    }
}

/// Beside recipients in doubt nobody waits: those to be tried again have an envelope of their own.
fn let_go_on(scene: &Scene, model: &mut Model, envelope: EnvelopeId) {
    let waits = |one: &Recipient| matches!(one.state, QueueState::Queued | QueueState::Deferred);
    let moved: Vec<RecipientId> = model.of(envelope).filter(|(_, one)| waits(one)).map(|(id, _)| *id).collect();
    let Some(first) = moved.first() else { return };
    let target = EnvelopeId(scene.number(&format!("SELECT envelope FROM recipient WHERE id = {first}")));
    model.insert(target, Envelope { offered: false, ..model.envelopes[&envelope].clone() });
    for id in moved {
        model.recipients.get_mut(&id).expect("known").envelope = target;
    }
}

fn reroute(scene: &mut Scene, model: &mut Model, which: usize, mask: u8) {
    let Some(envelope) = model.pick(which) else { return };
    let all: Vec<RecipientId> = model.of(envelope).map(|(id, _)| *id).collect();
    let named: Vec<RecipientId> =
        all.iter().enumerate().filter(|(place, _)| mask >> (place % 8) & 1 == 1).map(|(_, id)| *id).collect();
    let op = SpoolOp::Reroute { envelope, recipients: named.clone(), transport: "home".to_owned() };
    scene.spool.apply(&[op]).expect("rerouted");
    let movable = [QueueState::InFlight, QueueState::Queued, QueueState::Deferred];
    let moved: Vec<RecipientId> =
        named.into_iter().filter(|id| movable.contains(&model.recipients[id].state)).collect();
    let Some(first) = moved.first() else { return };
    let target = EnvelopeId(scene.number(&format!("SELECT envelope FROM recipient WHERE id = {first}")));
    assert_eq!(target == envelope, moved.len() == all.len(), "whoever is left keeps the envelope");
    let moved_on =
        Envelope { transport: "home".to_owned(), next_try: None, offered: false, ..model.envelopes[&envelope].clone() };
    if target == envelope {
        model.envelopes.insert(target, moved_on);
    } else {
        model.insert(target, Envelope { run: 0, ..moved_on });
    }
    for id in moved {
        let (state, earlier) = (QueueState::Queued, QueueState::Queued);
        model.recipients.insert(id, Recipient { envelope: target, state, earlier });
    }
}

fn change(scene: &mut Scene, model: &mut Model, verb: &QueueVerb, which: Option<usize>) {
    use QueueState::{Deferred, Failed, Held, InDoubt, InFlight, Queued, Sent};
    let named: Vec<EnvelopeId> = match which {
        Some(which) => model.pick(which).into_iter().collect(),
        None => model.envelopes.keys().copied().filter(|id| model.state(*id) != Some(Sent)).collect(),
    };
    let selection = which.map_or(Selection::Where(Filter::default()), |_| Selection::Ids(named.clone()));
    let changed = scene.spool.change(verb, &selection, model.now).expect("changed");
    let now = model.now;
    let expected: Vec<EnvelopeId> = named
        .into_iter()
        .filter(|id| {
            let state = model.state(*id);
            if state == Some(InFlight) {
                return false;
            }
            match verb {
                QueueVerb::Hold => model.move_recipients(*id, &[Queued, Deferred], Held),
                QueueVerb::Release => model.move_recipients(*id, &[Held], Queued),
                QueueVerb::Retry => model.move_recipients(*id, &[Deferred, Failed, InDoubt], Queued),
                QueueVerb::SendAgain => model.move_recipients(*id, &[InDoubt], Queued),
                QueueVerb::TreatAsSent => {
                    let moved = model.move_recipients(*id, &[InDoubt], Sent);
                    if moved {
                        model.envelopes.get_mut(id).expect("known").sent_at = now;
                    }
                    moved
                }
                QueueVerb::Reroute { transport } => {
                    let one = model.envelopes.get_mut(id).expect("known");
                    if matches!(state, Some(InDoubt | Sent)) || one.transport == *transport {
                        return false;
                    }
                    transport.clone_into(&mut one.transport);
                    model.move_recipients(*id, &[Deferred, Failed], Queued);
                    true
                }
                QueueVerb::Delete => {
                    remove(model, *id);
                    true
                }
            }
        })
        .collect();
    assert_eq!(changed, expected, "{verb:?}");
}

fn crash(scene: &mut Scene, model: &mut Model, resend: bool) {
    scene.spool = Spool::open(&scene.path).expect("opened again");
    let policy = if resend { InDoubtPolicy::Resend } else { InDoubtPolicy::Hold };
    let recovery = scene.spool.recover(model.now, policy).expect("recovered");
    let (mut returned, mut in_doubt) = (0, 0);
    for id in model.envelopes.keys().copied().collect::<Vec<_>>() {
        if model.state(id) != Some(QueueState::InFlight) {
            continue;
        }
        if model.envelopes[&id].offered {
            let state = if resend { QueueState::Queued } else { QueueState::InDoubt };
            model.move_recipients(id, &[QueueState::InFlight], state);
            in_doubt += 1;
        } else {
            model.give_back(id);
            returned += 1;
        }
    }
    assert_eq!((recovery.returned, recovery.in_doubt), (returned, in_doubt));
}

/// Whether the spool holds what the model says, and whether what it keeps twice agrees.
fn compare(scene: &Scene, model: &Model) {
    let db = scene.spool.db();
    let mut statement = db.prepare("SELECT id, envelope, state FROM recipient ORDER BY id").expect("a statement");
    let stored = statement
        .query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .and_then(Iterator::collect::<Result<Vec<(RecipientId, EnvelopeId, QueueState)>, _>>)
        .expect("rows");
    let expected: Vec<_> = model.recipients.iter().map(|(id, one)| (*id, one.envelope, one.state)).collect();
    assert_eq!(stored, expected, "no recipient lost, none twice, none elsewhere");
    for (question, what) in [
        (
            "SELECT COUNT(*) FROM envelope e
             WHERE e.state IS NOT (SELECT MIN(state) FROM recipient r WHERE r.envelope = e.id)",
            "envelopes with a state that is not their recipients'",
        ),
        (
            "SELECT COUNT(*) FROM (SELECT transport, state, n, bytes FROM count WHERE n <> 0 EXCEPT
               SELECT transport, state, COUNT(*), SUM(size) FROM envelope GROUP BY transport, state)",
            "kept counts that are not so",
        ),
        (
            "SELECT COUNT(*) FROM (SELECT transport, state, COUNT(*), SUM(size) FROM envelope
               GROUP BY transport, state EXCEPT SELECT transport, state, n, bytes FROM count)",
            "counts that were not kept",
        ),
        ("SELECT COUNT(*) FROM recipient WHERE (state = 0) <> (earlier IS NOT NULL)", "traces of a claim"),
        (
            "SELECT COUNT(*) FROM message m
             WHERE EXISTS (SELECT 1 FROM chunk c WHERE c.message = m.id)
               <> EXISTS (SELECT 1 FROM envelope e WHERE e.message = m.id AND e.state <> 6)",
            "contents nobody needs, or missing",
        ),
        (
            "SELECT COUNT(*) FROM message m WHERE m.id NOT IN (SELECT message FROM envelope)",
            "messages without envelopes",
        ),
        (
            "SELECT COUNT(*) FROM attempt a JOIN envelope e ON e.id = a.envelope
             WHERE (a.result = '') <> (e.state = 0 AND a.number =
               (SELECT MAX(number) FROM attempt l WHERE l.envelope = e.id))",
            "attempts left open, or closed while they run",
        ),
    ] {
        assert_eq!(scene.number(question), 0, "{what}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_spool_does_what_a_table_in_memory_would(steps in prop::collection::vec(step(), 1..60)) {
        let mut scene = Scene::new();
        // What happens here is lost with the computer, and nobody minds.
        scene.spool.db().pragma_update(None, "synchronous", "OFF").expect("set");
        let mut model = Model { now: NOW, ..Model::default() };
        for step in &steps {
            take(&mut scene, &mut model, step);
            compare(&scene, &model);
        }
    }
}
