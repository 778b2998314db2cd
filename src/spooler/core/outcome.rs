//! What becomes of an envelope when its transport is through with it: the one place where outcomes become states.

use super::backoff;
use super::input::{InFlight, Now};
use super::routing::Router;
use crate::mapi::{Class, Failure, Outcome, QueueState, RecipientId, Stage};
use crate::profile::InDoubtPolicy;
use crate::spool::{RecipientResult, SpoolOp};

/// What the decision depends on.
#[derive(Debug)]
pub(super) struct Context<'a> {
    /// The time.
    pub now: Now,
    /// Which transport it was.
    pub transport: &'a str,
    /// Who else could take it.
    pub router: &'a Router,
    /// What the profile says of doubt.
    pub in_doubt: InDoubtPolicy,
}

/// What becomes of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Settled {
    /// Changes of the spool.
    pub ops: Vec<SpoolOp>,
    /// Recipients refused for good just now.
    pub refused: Vec<RecipientId>,
    /// The state of the envelope, as far as this attempt decided it.
    pub state: Option<QueueState>,
}

/// Decides. Recipients the transport did not name count as put at risk if the envelope was offered.
pub(super) fn settle(envelope: &InFlight, outcomes: &[(RecipientId, Outcome)], context: &Context<'_>) -> Settled {
    let mut settled = Settled::default();
    let mut recipients = Vec::new();
    let mut next_try: Option<i64> = None;
    let mut counts = false;
    for (recipient, address) in &envelope.recipients {
        let outcome = outcomes.iter().find(|(id, _)| id == recipient).map(|(_, outcome)| outcome.clone());
        let outcome = outcome.unwrap_or_else(|| unnamed(envelope, context.transport));
        counts |= outcome != Outcome::Returned;
        let decided = match outcome {
            Outcome::NotMine => match next_transport(envelope, address, context) {
                Some(transport) => {
                    reroute(&mut settled.ops, envelope, *recipient, transport);
                    continue;
                }
                None => Outcome::Failed(nobody(context.transport)),
            },
            Outcome::Deferred(failure) if backoff::is_expired(envelope.first_tried, context.now.wall) => {
                Outcome::Failed(Failure { class: Class::Permanent, ..failure })
            }
            other => other,
        };
        let result = recipient_result(*recipient, decided, envelope, context, &mut next_try);
        if result.state == QueueState::Failed {
            settled.refused.push(*recipient);
        }
        settled.state = Some(settled.state.map_or(result.state, |state| state.min(result.state)));
        recipients.push(result);
    }
    settled.ops.push(SpoolOp::Finish {
        envelope: envelope.envelope,
        recipients,
        next_try,
        at: context.now.wall,
        counts,
    });
    settled
}

fn unnamed(envelope: &InFlight, transport: &str) -> Outcome {
    if envelope.offered {
        let what = "the transport ended without a word about this recipient";
        Outcome::InDoubt(Failure::new(Class::InDoubt, Stage::Reply, transport, what))
    } else {
        Outcome::Returned
    }
}

fn nobody(transport: &str) -> Failure {
    Failure::new(Class::Permanent, Stage::Queue, transport, "no transport of the profile takes this address")
}

fn next_transport<'a>(envelope: &InFlight, address: &str, context: &Context<'a>) -> Option<&'a str> {
    let mut declined = envelope.declined.clone();
    declined.push(context.transport.to_owned());
    context.router.transport_for(&envelope.sender, address, &declined)
}

fn reroute(ops: &mut Vec<SpoolOp>, envelope: &InFlight, recipient: RecipientId, to: &str) {
    for op in ops.iter_mut() {
        if let SpoolOp::Reroute { recipients, transport, .. } = op
            && transport == to
        {
            recipients.push(recipient);
            return;
        }
    }
    ops.push(SpoolOp::Reroute { envelope: envelope.envelope, recipients: vec![recipient], transport: to.to_owned() });
}

fn recipient_result(
    recipient: RecipientId,
    outcome: Outcome,
    envelope: &InFlight,
    context: &Context<'_>,
    next_try: &mut Option<i64>,
) -> RecipientResult {
    let mut defer_until = |time: i64| *next_try = Some(next_try.map_or(time, |earlier| earlier.min(time)));
    let (state, reply, failure) = match outcome {
        Outcome::Sent(reply) => (QueueState::Sent, Some(reply), None),
        Outcome::Failed(failure) => (QueueState::Failed, None, Some(failure)),
        Outcome::Deferred(failure) => {
            defer_until(backoff::next_try(envelope.envelope, envelope.attempt, &failure, context.now.wall));
            (QueueState::Deferred, None, Some(failure))
        }
        Outcome::InDoubt(failure) if context.in_doubt == InDoubtPolicy::Resend => {
            (QueueState::Queued, None, Some(failure))
        }
        Outcome::InDoubt(failure) => (QueueState::InDoubt, None, Some(failure)),
        Outcome::Returned | Outcome::NotMine => (QueueState::Queued, None, None),
    };
    let reply = reply.or_else(|| failure.as_ref().map(ToString::to_string));
    RecipientResult { recipient, state, reply, failure }
}
