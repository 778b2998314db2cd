//! What transports say, and what follows from it.

use std::collections::BTreeMap;

use super::input::{Effect, InFlight, Now};
use super::state::{Meter, Order};
use super::{Core, outcome};
use crate::mapi::{Direction, EnvelopeId, Failure, FlushFlags, Outcome, QueueState, RecipientId};
use crate::spool::{AllCounts, Eligibility, Seconds, SpoolOp};
use crate::spooler::protocol::Event;
use crate::transport::{Answer, ReceivedItem, Report, ReportKind, Severity, Ticket};

impl Core {
    pub(super) fn report(&mut self, report: Report, now: Now, effects: &mut Vec<Effect>) {
        let Some(index) = self.index_of(&report.transport) else { return };
        match report.kind {
            ReportKind::Finished(end) => self.finished(index, end, now, effects),
            ReportKind::Want { ticket, messages, bytes } => self.want(index, (ticket, messages, bytes), now, effects),
            ReportKind::Offering { ticket, envelopes, .. } => {
                self.offering(index, ticket, envelopes, now, effects);
            }
            ReportKind::EndMessage { envelope, outcomes } => {
                self.end_message(index, envelope, &outcomes, now, effects);
            }
            ReportKind::Received { ticket, mailbox, items } => {
                self.received(index, ticket, (mailbox, items), now, effects);
            }
            ReportKind::Validated(ticket, found) => self.validated(index, ticket, found, effects),
            other => self.note(index, other, now, effects),
        }
    }

    /// Reports that only change what is known and shown.
    fn note(&mut self, index: usize, kind: ReportKind, now: Now, effects: &mut Vec<Effect>) {
        let Some(transport) = self.transports.get_mut(index) else { return };
        let name = transport.facts.name.clone();
        transport.dirty = true;
        match kind {
            ReportKind::Log(severity, text) => effects.push(Effect::Log(severity, Some(name), text)),
            ReportKind::Known { ticket, mailbox } => effects.push(Effect::Known { transport: name, ticket, mailbox }),
            ReportKind::Forget { mailbox, uids } => {
                effects.push(Effect::Write(SpoolOp::Forget { transport: name, mailbox, uids }));
            }
            ReportKind::Recall { ticket, topic } => {
                effects.push(Effect::Recall { transport: name, ticket, topic, now: now.wall });
            }
            ReportKind::Remember { topic, value, good_for_s } => {
                let until = good_for_s.map(|seconds| now.wall.saturating_add(seconds));
                effects.push(Effect::Write(SpoolOp::Remember { transport: name, topic, value, until }));
            }
            ReportKind::Question { ticket, question } => {
                effects.push(Effect::Emit(Event::Question {
                    number: ticket.0,
                    transport: name,
                    question: question.clone(),
                }));
                transport.question = Some((ticket, question));
            }
            ReportKind::Withdrawn(ticket) => {
                if transport.question.take_if(|(waiting, _)| *waiting == ticket).is_some() {
                    effects.push(Effect::Emit(Event::QuestionGone(ticket.0)));
                }
            }
            ReportKind::Listed { messages, bytes } => {
                transport.on_server = Some((messages, bytes, now.wall));
                if let Some(run) = &mut transport.run {
                    run.meter.total = Some(run.meter.done + messages);
                    run.meter.total_bytes = Some(run.meter.bytes + bytes);
                }
            }
            // While mail comes in, what waits is known better than by whoever watches.
            ReportKind::Waiting { messages, bytes } => {
                if transport.run.as_ref().is_none_or(|run| run.phase != Some(Direction::Incoming)) {
                    transport.on_server = Some((messages, bytes, now.wall));
                }
            }
            kind => {
                if let Some(run) = &mut transport.run {
                    match kind {
                        ReportKind::Stage(stage) => run.stage = stage,
                        ReportKind::Progress(progress) => run.meter.add(progress.bytes, now.mono),
                        ReportKind::PhaseBegan(direction) => {
                            run.phase = Some(direction);
                            run.meter = phase_meter(direction, &transport.counts, &run.order);
                            run.meter.add(0, now.mono);
                        }
                        ReportKind::PhaseEnded(_, end) => {
                            run.phase = None;
                            if let Err(failure) = end {
                                run.failure.get_or_insert(failure);
                            }
                        }
                        ReportKind::ReceiveFailed(failure) => {
                            run.got.failed += 1;
                            effects.push(Effect::Log(Severity::Warning, Some(name), failure.to_string()));
                        }
                        _ => {}
                    }
                }
            }
        }
    }

    /// A transport can carry more: claims for it, unless its flush is to end.
    fn want(&mut self, index: usize, want: (Ticket, u32, u64), now: Now, effects: &mut Vec<Effect>) {
        let (ticket, messages, bytes) = want;
        let run =
            self.transports.get(index).and_then(|transport| Some((&transport.facts.name, transport.run.as_ref()?)));
        match run {
            Some((name, run)) if !run.ending && run.phase == Some(Direction::Outgoing) => {
                let force = run.order.flags.contains(FlushFlags::FLUSH_FORCE);
                let which = Eligibility {
                    now: now.wall,
                    lift_back_off: force || run.order.by_hand,
                    lift_not_before: force,
                    only_deferred: run.order.retry_only,
                    run: run.number,
                };
                effects.push(Effect::Claim { transport: name.clone(), ticket, messages, bytes, which });
            }
            _ => effects.push(Effect::Answer(ticket, Answer::Jobs(Vec::new()))),
        }
    }

    pub(super) fn claimed(&mut self, transport: &str, envelopes: Vec<InFlight>, now: Now, effects: &mut Vec<Effect>) {
        let Some(index) = self.index_of(transport) else { return };
        let Some(transport) = self.transports.get_mut(index) else { return };
        if let Some(run) = &mut transport.run {
            run.in_flight.extend(envelopes.into_iter().map(|envelope| (envelope.envelope, envelope)));
            transport.dirty = true;
            return;
        }
        // Its flush ended while they were claimed for it: nobody will take them.
        let name = &transport.facts.name;
        let context = outcome::Context { now, transport: name, router: &self.router, in_doubt: self.in_doubt };
        for envelope in envelopes {
            let settled = outcome::settle(&envelope, &[], &context);
            effects.extend(settled.ops.into_iter().map(Effect::Write));
        }
    }

    fn offering(
        &mut self,
        index: usize,
        ticket: Ticket,
        envelopes: Vec<EnvelopeId>,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        if let Some(run) = self.transports.get_mut(index).and_then(|transport| transport.run.as_mut()) {
            for envelope in &envelopes {
                if let Some(envelope) = run.in_flight.get_mut(envelope) {
                    envelope.offered = true;
                }
            }
        }
        effects.push(Effect::Write(SpoolOp::Offer { envelopes, at: now.wall }));
        effects.push(Effect::Confirm(ticket));
    }

    fn end_message(
        &mut self,
        index: usize,
        envelope: EnvelopeId,
        outcomes: &[(RecipientId, Outcome)],
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let Some(transport) = self.transports.get_mut(index) else { return };
        let name = transport.facts.name.clone();
        let Some(run) = &mut transport.run else { return };
        let Some(in_flight) = run.in_flight.remove(&envelope) else { return };
        let context = outcome::Context { now, transport: &name, router: &self.router, in_doubt: self.in_doubt };
        let settled = outcome::settle(&in_flight, outcomes, &context);
        match settled.state {
            Some(QueueState::Sent) => {
                run.sent.sent += 1;
                run.sent.bytes += in_flight.size;
            }
            Some(QueueState::Deferred) => run.sent.deferred += 1,
            Some(QueueState::Failed) => run.sent.failed += 1,
            Some(QueueState::InDoubt) => run.sent.in_doubt += 1,
            _ => {}
        }
        let moved_on = !matches!(settled.state, Some(QueueState::Queued) | None);
        run.meter.done += u64::from(moved_on);
        transport.dirty = true;
        transport.queue_changed = true;
        effects.extend(settled.ops.into_iter().map(Effect::Write));
        if !settled.refused.is_empty() {
            effects.push(Effect::DeliveryReport { envelope, transport: name, recipients: settled.refused });
        }
    }

    fn received(
        &mut self,
        index: usize,
        ticket: Ticket,
        (mailbox, items): (String, Vec<ReceivedItem>),
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let Some(transport) = self.transports.get_mut(index) else { return };
        let count = items.len() as u64;
        let bytes: u64 = items.iter().map(|item| item.bytes).sum();
        if let Some(run) = &mut transport.run {
            run.got.received += count;
            run.got.bytes += bytes;
            run.meter.done += count;
        }
        if let Some((messages, waiting, as_of)) = &mut transport.on_server {
            *messages = messages.saturating_sub(count);
            *waiting = waiting.saturating_sub(bytes);
            *as_of = now.wall;
        }
        transport.dirty = true;
        effects.push(Effect::Write(SpoolOp::Received {
            transport: transport.facts.name.clone(),
            mailbox,
            uids: items.into_iter().map(|item| item.uid).collect(),
            at: now.wall,
        }));
        effects.push(Effect::Confirm(ticket));
    }

    fn validated(&mut self, index: usize, ticket: Ticket, found: Result<String, Failure>, effects: &mut Vec<Effect>) {
        let Some(transport) = self.transports.get_mut(index) else { return };
        let Some((_, number)) = transport.validating.take_if(|(waiting, _)| *waiting == ticket) else { return };
        transport.dirty = true;
        let name = transport.facts.name.clone();
        let (result, text) = match found {
            Ok(text) => {
                transport.last_failure = None;
                (crate::mapi::MapiResult::Ok, text)
            }
            Err(failure) => {
                let text = format!("{failure}. {}", failure.remedy());
                let result = failure.result();
                transport.last_failure = Some(failure);
                (result, text)
            }
        };
        effects.push(transport.remembered());
        if let Some(validation) = self.validations.get_mut(&number) {
            validation.open = validation.open.saturating_sub(1);
            validation.found.push((name, result, text));
        }
        self.end_validation(number, effects);
    }

    /// What the spool holds after a commit.
    pub(super) fn counted(&mut self, counts: &AllCounts, next_due: &BTreeMap<String, Seconds>) {
        for transport in &mut self.transports {
            let counted = counts.get(&transport.facts.name).copied().unwrap_or_default();
            if counted != transport.counts {
                transport.counts = counted;
                transport.dirty = true;
                transport.queue_changed = true;
            }
            transport.next_due = next_due.get(&transport.facts.name).copied();
            if let Some(run) = &mut transport.run
                && run.phase == Some(Direction::Outgoing)
                && !run.order.retry_only
            {
                let left = counted.queued + counted.in_flight;
                run.meter.total = Some(run.meter.total.unwrap_or(0).max(run.meter.done + left));
            }
        }
    }
}

/// What a phase has before it, as far as that is known when it begins.
fn phase_meter(direction: Direction, counts: &crate::mapi::OutgoingCounts, order: &Order) -> Meter {
    // How many of the deferred ones a retry will take is not known.
    if direction == Direction::Incoming || order.retry_only {
        return Meter::default();
    }
    let lifted = if order.by_hand || order.flags.contains(FlushFlags::FLUSH_FORCE) { counts.deferred } else { 0 };
    Meter::of(counts.queued + lifted, counts.bytes)
}
