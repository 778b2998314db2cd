//! `FlushQueues`: who may flush, who waits for whom, and what the one who asked is told.

use super::input::{Effect, Now, RequestKey};
use super::state::{Group, Meter, Order, Run, TransportState};
use super::{Core, outcome};
use crate::mapi::{Class, Direction, EntryId, Failure, FlushFlags, MapiResult, QueueState, ResourceType, Stage};
use crate::spooler::protocol::{Event, FlushReply, Got, Reply, Sent, TransportResult};
use crate::transport::{Answer, Severity};

impl Core {
    /// `IMAPIStatus::FlushQueues` (imapistatus-flushqueues; what it leaves open is decided in mapi-reference 4.1).
    pub(super) fn flush_queues(
        &mut self,
        request: RequestKey,
        object: &EntryId,
        target: Option<&EntryId>,
        (flags, by_hand): (FlushFlags, bool),
        effects: &mut Vec<Effect>,
    ) {
        match self.flush_targets(object, target, flags) {
            Ok((targets, is_spooler)) => {
                let asynchronous = is_spooler && flags.contains(FlushFlags::FLUSH_ASYNC_OK);
                if asynchronous {
                    let accepted = FlushReply { result: MapiResult::Ok, results: Vec::new() };
                    effects.push(Effect::Reply(request, Reply::Flushed(accepted)));
                }
                let flags = if is_spooler { flags } else { flags.difference(FlushFlags::FLUSH_ASYNC_OK) };
                let order = Order { flags, by_hand, retry_only: false, group: 0 };
                self.order(&targets, &order, (!asynchronous).then_some(request), effects);
            }
            Err(result) => {
                let refused = FlushReply { result, results: Vec::new() };
                effects.push(Effect::Reply(request, Reply::Flushed(refused)));
            }
        }
    }

    /// The transports a call means, and whether it was made on the spooler's object.
    fn flush_targets(
        &self,
        object: &EntryId,
        target: Option<&EntryId>,
        flags: FlushFlags,
    ) -> Result<(Vec<usize>, bool), MapiResult> {
        if !FlushFlags::all().contains(flags) {
            return Err(MapiResult::UnknownFlags);
        }
        match object.parse()? {
            (ResourceType::MAPI_SPOOLER, _) => match target {
                Some(target) => Ok((vec![self.transport_at(target)?], true)),
                None => Ok(((0..self.transports.len()).collect(), true)),
            },
            (ResourceType::MAPI_TRANSPORT_PROVIDER, name) => {
                if target.is_some() {
                    return Err(MapiResult::InvalidParameter);
                }
                let index = self.index_of(name).ok_or(MapiResult::UnknownEntryId)?;
                let flushes = self.transports.get(index).is_some_and(|transport| transport.facts.flushes_itself);
                if flushes { Ok((vec![index], false)) } else { Err(MapiResult::NoSupport) }
            }
            _ => Err(MapiResult::NoSupport),
        }
    }

    /// Orders a flush from each of these transports, as one request.
    pub(super) fn order(
        &mut self,
        targets: &[usize],
        order: &Order,
        request: Option<RequestKey>,
        effects: &mut Vec<Effect>,
    ) {
        let number = self.number();
        let mut group = Group { number, request, open: 0, results: Vec::new() };
        let offline = self.offline;
        for index in targets {
            let Some(transport) = self.transports.get_mut(*index) else { continue };
            if let Some(result) = refusal(transport, order, offline) {
                if let Some(failure) = result.failure.as_ref().filter(|failure| failure.class == Class::NeedsPerson) {
                    transport.last_failure = Some(failure.clone());
                    transport.dirty = true;
                    effects.push(transport.remembered());
                }
                log_result(&result, order, effects);
                group.results.push(result);
            } else if request.is_none() && transport.waiting.iter().any(|waiting| waiting.is_like(order)) {
                // Nobody waits for this one, and the one before it will do the same.
            } else {
                transport.waiting.push_back(Order { group: number, ..order.clone() });
                transport.dirty = true;
                group.open += 1;
            }
        }
        self.groups.push(group);
        self.end_groups(effects);
    }

    /// Starts every flush that nothing stands in the way of, in transport order.
    pub(super) fn start_what_can(&mut self, now: Now, effects: &mut Vec<Effect>) {
        for index in 0..self.transports.len() {
            let Some(transport) = self.transports.get(index) else { continue };
            if transport.is_at_work() || transport.waiting.is_empty() || self.resource_is_taken(index) {
                continue;
            }
            self.runs += 1;
            let number = self.runs;
            let Some(transport) = self.transports.get_mut(index) else { continue };
            let Some(order) = transport.waiting.pop_front() else { continue };
            let flags = order.flags;
            transport.run = Some(new_run(order, number, now));
            transport.dirty = true;
            effects.push(Effect::Start { transport: transport.facts.name.clone(), flags });
        }
    }

    /// Whether another transport that runs holds the resource this one needs.
    fn resource_is_taken(&self, index: usize) -> bool {
        let resource = self.transports.get(index).and_then(|transport| transport.facts.resource.as_ref());
        resource.is_some_and(|resource| {
            self.transports.iter().enumerate().any(|(other, transport)| {
                other != index && transport.run.is_some() && transport.facts.resource.as_ref() == Some(resource)
            })
        })
    }

    /// Clears the FLUSH bits: the running phase ends at the next message, what waits is dropped.
    pub(super) fn end_flush(&mut self, transport: Option<&EntryId>, effects: &mut Vec<Effect>) {
        for index in self.meant(transport) {
            self.drop_waiting(index, effects);
            let Some(transport) = self.transports.get_mut(index) else { continue };
            if let Some(run) = &mut transport.run {
                run.ending = true;
                transport.dirty = true;
                effects.push(Effect::EndFlush(transport.facts.name.clone()));
            }
        }
    }

    /// Stops now.
    pub(super) fn cancel(&mut self, transport: Option<&EntryId>, effects: &mut Vec<Effect>) {
        for index in self.meant(transport) {
            self.drop_waiting(index, effects);
            let Some(transport) = self.transports.get_mut(index) else { continue };
            if let Some(run) = &mut transport.run {
                run.ending = true;
                run.cancelled = true;
                transport.dirty = true;
            }
            if transport.is_at_work() {
                effects.push(Effect::Cancel(transport.facts.name.clone()));
            }
            if let Some((ticket, _)) = transport.question.take() {
                let gone = Failure::cancelled(Stage::Login, transport.facts.name.clone());
                effects.push(Effect::Answer(ticket, Answer::Refused(gone)));
                effects.push(Effect::Emit(Event::QuestionGone(ticket.0)));
            }
        }
    }

    fn drop_waiting(&mut self, index: usize, effects: &mut Vec<Effect>) {
        let Some(transport) = self.transports.get_mut(index) else { return };
        let orders = std::mem::take(&mut transport.waiting);
        let result = transport.nothing_done(MapiResult::UserCancel, None);
        transport.dirty |= !orders.is_empty();
        for order in orders {
            self.give(order.group, result.clone());
        }
        self.end_groups(effects);
    }

    /// A transport has released everything: its flush is over.
    pub(super) fn finished(&mut self, index: usize, end: Result<(), Failure>, now: Now, effects: &mut Vec<Effect>) {
        self.settle_the_rest(index, now, effects);
        let Some(transport) = self.transports.get_mut(index) else { return };
        let Some(mut run) = transport.run.take() else { return };
        if let Err(failure) = end {
            run.failure.get_or_insert(failure);
        }
        transport.last_run = Some(now.wall);
        transport.last_failure = run.failure.clone().filter(|failure| failure.class != Class::Cancelled);
        transport.dirty = true;
        transport.queue_changed = true;
        effects.push(transport.remembered());
        if let Some((ticket, _)) = transport.question.take() {
            effects.push(Effect::Emit(Event::QuestionGone(ticket.0)));
        }
        note_retries(transport, &run, now);
        let result = result_of(transport, &run, now);
        log_result(&result, &run.order, effects);
        let no_ui = run.order.flags.contains(FlushFlags::FLUSH_NO_UI);
        effects.push(Effect::Emit(Event::FlushEnded { result: result.clone(), no_ui }));
        self.give(run.order.group, result);
        self.end_groups(effects);
    }

    /// What a transport claimed and never ended (it died, or forgot): back to the queue, or in doubt when offered.
    fn settle_the_rest(&mut self, index: usize, now: Now, effects: &mut Vec<Effect>) {
        let Some(transport) = self.transports.get_mut(index) else { return };
        let Some(run) = &mut transport.run else { return };
        for (_, envelope) in std::mem::take(&mut run.in_flight) {
            let context = outcome::Context {
                now,
                transport: &transport.facts.name,
                router: &self.router,
                in_doubt: self.in_doubt,
            };
            let settled = outcome::settle(&envelope, &[], &context);
            run.sent.in_doubt += u64::from(settled.state == Some(QueueState::InDoubt));
            effects.extend(settled.ops.into_iter().map(Effect::Write));
        }
    }

    fn give(&mut self, group: u64, result: TransportResult) {
        if let Some(group) = self.groups.iter_mut().find(|candidate| candidate.number == group) {
            group.open = group.open.saturating_sub(1);
            group.results.push(result);
        }
    }

    /// Replies to every request that is through.
    fn end_groups(&mut self, effects: &mut Vec<Effect>) {
        let (done, open): (Vec<Group>, Vec<Group>) =
            std::mem::take(&mut self.groups).into_iter().partition(|group| group.open == 0);
        self.groups = open;
        for mut group in done {
            group.results.sort_by_key(|result| self.index_of(&result.transport));
            if let Some(request) = group.request {
                let result = MapiResult::worst(group.results.iter().map(|result| result.result));
                let reply = FlushReply { result, results: group.results };
                effects.push(Effect::Reply(request, Reply::Flushed(reply)));
            }
        }
    }
}

/// Why a transport does not take an order, as its result; `None`: it does.
fn refusal(transport: &TransportState, order: &Order, offline: bool) -> Option<TransportResult> {
    let facts = &transport.facts;
    let wants = |way| order.flags.wants(way) && facts.has(way);
    if let Some(failure) = &facts.unusable {
        return Some(transport.nothing_done(failure.result(), Some(failure.clone())));
    }
    if !Direction::BOTH.into_iter().any(wants) {
        return Some(transport.nothing_done(MapiResult::Ok, None));
    }
    if facts.asynchronous && !order.flags.contains(FlushFlags::FLUSH_FORCE) {
        let what = "it works asynchronously and is flushed with force only";
        let failure = Failure::new(Class::Configuration, Stage::Queue, facts.name.clone(), what);
        return Some(transport.nothing_done(MapiResult::NoSupport, Some(failure)));
    }
    if facts.skips_no_ui && order.flags.contains(FlushFlags::FLUSH_NO_UI) {
        // Nobody need be called for mail that is not there; what there is to receive can't be known.
        let has_work = wants(Direction::Incoming) || transport.counts.queued + transport.counts.deferred > 0;
        if !has_work {
            return Some(transport.nothing_done(MapiResult::Ok, None));
        }
        let what = "it is left out under No UI, since its connect command may open windows";
        let failure = Failure::new(Class::NeedsPerson, Stage::Bring, "", what);
        return Some(transport.nothing_done(failure.result(), Some(failure)));
    }
    if offline {
        let failure = Failure::new(Class::Offline, Stage::Queue, facts.name.clone(), "working offline");
        return Some(transport.nothing_done(failure.result(), Some(failure)));
    }
    let queues_behind = order.flags.contains(FlushFlags::FLUSH_ASYNC_OK);
    if transport.is_busy_with(order.flags) && !queues_behind {
        return Some(transport.nothing_done(MapiResult::Busy, None));
    }
    None
}

fn new_run(order: Order, number: i64, now: Now) -> Run {
    Run {
        order,
        number,
        began: now,
        phase: None,
        stage: Stage::Queue,
        ending: false,
        cancelled: false,
        in_flight: std::collections::BTreeMap::new(),
        sent: Sent::default(),
        got: Got::default(),
        failure: None,
        meter: Meter::default(),
    }
}

/// The spooler's own retries back off when the transport itself fails, so that a dead server is not called every time
/// an envelope comes due; and when a retry found nothing to do, or it would be due again at once.
fn note_retries(transport: &mut TransportState, run: &Run, now: Now) {
    let idle = run.order.retry_only && run.sent == Sent::default();
    if run.failure.is_none() && !idle {
        transport.retries_failed = 0;
        transport.retries_pause_until = 0;
    } else {
        let pause = 120_i64 << transport.retries_failed.min(5);
        transport.retries_failed = transport.retries_failed.saturating_add(1);
        transport.retries_pause_until = now.wall + pause;
    }
}

fn result_of(transport: &TransportState, run: &Run, now: Now) -> TransportResult {
    let incomplete = run.sent.deferred + run.sent.failed + run.sent.in_doubt + run.got.failed > 0;
    let result = match &run.failure {
        Some(failure) => failure.result(),
        None if run.cancelled => MapiResult::UserCancel,
        None if incomplete => MapiResult::PartialCompletion,
        None => MapiResult::Ok,
    };
    TransportResult {
        transport: transport.facts.name.clone(),
        result,
        outgoing: run.sent,
        incoming: run.got,
        elapsed_s: now.mono.saturating_sub(run.began.mono).as_secs_f64(),
        failure: run.failure.clone(),
    }
}

/// One line of the log for each transport and flush: directions, result in words and hex, counts.
fn log_result(result: &TransportResult, order: &Order, effects: &mut Vec<Effect>) {
    let directions = match (order.flags.wants(Direction::Outgoing), order.flags.wants(Direction::Incoming)) {
        (true, true) => "send and receive",
        (true, false) => "send",
        (false, true) => "receive",
        (false, false) => "nothing asked",
    };
    let TransportResult { outgoing, incoming, .. } = result;
    let mut text = format!(
        "{directions}: {} (0x{:08X}); sent {}, deferred {}, failed {}, in doubt {}; received {}, failed {}; {:.1} s",
        result.result,
        result.result.code(),
        outgoing.sent,
        outgoing.deferred,
        outgoing.failed,
        outgoing.in_doubt,
        incoming.received,
        incoming.failed,
        result.elapsed_s,
    );
    if let Some(failure) = &result.failure {
        text = format!("{text}; {failure}");
    }
    let severity = match result.result {
        MapiResult::Ok => Severity::Info,
        MapiResult::PartialCompletion | MapiResult::UserCancel | MapiResult::Busy => Severity::Warning,
        _ => Severity::Error,
    };
    effects.push(Effect::Log(severity, Some(result.transport.clone()), text));
}
