//! The spooler's thread: the loop that runs the core.
//!
//! Each round gathers what happened, asks the core about it, commits all it wants written in one transaction, and only
//! then lets anything of it reach a transport or a client. One fsync so serves every message that ended meanwhile.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, after, never, select};

use super::core::{Core, Effect, InFlight, Input, Now, RequestKey};
use super::line::{Incoming, ReplyTo};
use super::protocol::{Command, Event, LogLine, Reply, TransportResult};
use super::publish::Publisher;
use super::reader::{Lists, Query};
use crate::mapi::{Failure, Outcome};
use crate::spool::{ClaimedEnvelope, Spool, SpoolError, SpoolOp, SpoolTransaction};
use crate::transport::runtime::{Exchanges, Runtime};
use crate::transport::{Answer, Content, ContentStore, Job, JobRecipient, Report, ReportKind, Severity, Ticket};

#[cfg(test)]
mod tests;

/// Inputs taken in one round at most: bounds the transaction.
const ROUND: usize = 512;

/// How long ends of messages are gathered while nobody waits for an answer: one sync serves them all.
const GATHER: Duration = Duration::from_millis(20);

/// How long messages are gathered that are to go out soon: less than those before them last.
const GATHER_OFFERS: Duration = Duration::from_millis(4);

/// How long to sleep at a time meanwhile.
const NAP: Duration = Duration::from_millis(1);

/// What was sent stays in the history for thirty days.
const HISTORY: crate::spool::Seconds = 30 * 86_400;

/// How often older history goes and free room in the spool's file is given back to the disk.
const TIDY: Duration = Duration::from_secs(3600);

/// Parts of the history that may go at the end of a process, which somebody may wait for.
const TIDY_AT_END: usize = 8;

/// Everything the loop works with.
#[derive(Debug)]
pub(super) struct Loop {
    pub(super) core: Core,
    pub(super) store: Arc<dyn ContentStore>,
    pub(super) runtime: Runtime,
    pub(super) requests: Receiver<Incoming>,
    pub(super) reports: Receiver<Report>,
    pub(super) lists: Lists,
    pub(super) publisher: Publisher,
    pub(super) report_writer: super::ndr::ReportWriter,
    pub(super) began: Instant,
    pub(super) replies: std::collections::HashMap<RequestKey, ReplyTo>,
    pub(super) keys: u64,
    pub(super) unwritten: Unwritten,
    /// Closed last: whoever is alone with the spool when he closes it leaves one whole file, and no log to be read first the
    /// next time.
    pub(super) spool: Spool,
}

/// What the network has already done and the spool could not take down yet, because the disk is full or fails. It gets
/// there before anything else, as soon as there is room again.
#[derive(Debug, Default)]
pub(super) struct Unwritten {
    ops: Vec<SpoolOp>,
    /// Delivery reports of these: one that is told before its failure is on disk would be told twice after a crash.
    reports: Vec<Effect>,
    /// Told once, not at every try.
    is_known: bool,
}

impl Unwritten {
    const fn is_empty(&self) -> bool {
        self.ops.is_empty() && self.reports.is_empty()
    }
}

/// What the transaction of one round brought back.
#[derive(Debug, Default)]
struct Committed {
    claims: Vec<(String, Ticket, Vec<ClaimedEnvelope>)>,
    changes: Vec<(RequestKey, Vec<crate::mapi::EnvelopeId>)>,
    counted: Option<Input>,
}

impl Loop {
    /// Runs until the core says stop. Gives what is to be finished before the profile is another's.
    pub(super) fn run(mut self) -> Option<Exchanges> {
        let mut inputs = VecDeque::from([Input::Started]);
        match self.spool.transaction(counted) {
            // Before the first client sees a row.
            Ok(counted) => inputs.push_front(counted),
            Err(error) => self.note_failure(&error.into()),
        }
        let mut tidy_at = self.began + TIDY;
        let mut stop = false;
        loop {
            stop |= self.round(&mut inputs);
            if !inputs.is_empty() {
                // Also after the core said stop: what was committed in that round has still to be answered.
                continue;
            }
            if stop {
                break;
            }
            tidy_at = self.tidy(tidy_at);
            self.wait(&mut inputs);
        }
        if !self.unwritten.is_empty() {
            self.round(&mut inputs);
        }
        // Not at the start, where somebody waits for his mail to go.
        let end = Instant::now();
        for _ in 0..TIDY_AT_END {
            if self.tidy(end) > end {
                break;
            }
        }
        self.runtime.shutdown()
    }

    /// Old history goes while there is nothing else to do, if it is time: a bounded part of it, so that what comes
    /// meanwhile does not wait. Gives when to do it again.
    fn tidy(&mut self, at: Instant) -> Instant {
        if Instant::now() < at {
            return at;
        }
        match self.spool.prune(self.now().wall - HISTORY) {
            Ok(0) => Instant::now() + TIDY,
            Ok(_) => at,
            Err(error) => {
                self.log(Severity::Warning, None, format!("old history stays for now: {error}"));
                Instant::now() + TIDY
            }
        }
    }

    fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Now { wall: wall.cast_signed(), mono: self.began.elapsed() }
    }

    /// Waits for something to happen, then takes all that is there, up to a round's worth.
    fn wait(&mut self, inputs: &mut VecDeque<Input>) {
        let deadline = self.core.deadline(self.now());
        let retry = (!self.unwritten.is_empty()).then_some(Duration::from_secs(1));
        let timer = [deadline, retry].into_iter().flatten().min().map_or_else(never, after);
        let mut request = None;
        select! {
            recv(self.requests) -> incoming => request = incoming.ok(),
            recv(self.reports) -> report => inputs.extend(report.ok().map(Input::Report)),
            recv(timer) -> _ => inputs.push_back(Input::Tick),
        }
        if let Some(incoming) = request {
            self.take(incoming, inputs);
        }
        self.gather(inputs);
        while let Ok(incoming) = self.requests.try_recv() {
            self.take(incoming, inputs);
        }
    }

    /// Takes the reports that are there; and, as long as nobody waits for what follows from any, those that come.
    fn gather(&self, inputs: &mut VecDeque<Input>) {
        let began = Instant::now();
        loop {
            let room = ROUND.saturating_sub(inputs.len());
            inputs.extend(self.reports.try_iter().take(room).map(Input::Report));
            let nobody_waits = !inputs.is_empty() && inputs.len() < ROUND && inputs.iter().all(can_wait);
            let offers =
                |input: &Input| matches!(input, Input::Report(Report { kind: ReportKind::Offering { .. }, .. }));
            let patience = if inputs.iter().any(offers) { GATHER_OFFERS } else { GATHER };
            if !nobody_waits || began.elapsed() >= patience {
                return;
            }
            // Asleep rather than listening: to be woken by each of them would cost more than to take it.
            std::thread::sleep(NAP);
        }
    }

    /// A client's word: subscriptions and lists are served at once, the rest is for the core.
    fn take(&mut self, incoming: Incoming, inputs: &mut VecDeque<Input>) {
        let now = self.now();
        match incoming {
            Incoming::Subscribe(events, wake) => {
                self.publisher.add(events, wake, Event::Reload(self.core.all_rows(now)));
            }
            Incoming::Request(Command::List(query), reply) => {
                self.lists.ask(Query::List(query, now.wall, reply));
            }
            Incoming::Request(Command::Show(envelope), reply) => {
                self.lists.ask(Query::Show(envelope, reply));
            }
            Incoming::Request(command, reply) => {
                self.keys += 1;
                let key = RequestKey(self.keys);
                self.replies.insert(key, reply);
                inputs.push_back(Input::Request(key, command));
            }
        }
    }

    /// One round: decide, commit, act. Gives whether the spooler is to stop.
    fn round(&mut self, inputs: &mut VecDeque<Input>) -> bool {
        let now = self.now();
        let mut effects = Vec::new();
        for input in inputs.drain(..) {
            effects.extend(self.core.handle(input, now));
        }
        let committed = self.commit(&effects, now);
        let mut stop = false;
        match committed {
            Ok(committed) => {
                for effect in effects {
                    stop |= self.act(effect, None, inputs);
                }
                self.after_commit(committed, inputs);
            }
            Err(error) => {
                let failure = Failure::from(error);
                self.note_failure(&failure);
                for effect in effects {
                    stop |= self.act(effect, Some(&failure), inputs);
                }
            }
        }
        for effect in self.core.publish(now) {
            self.act(effect, None, inputs);
        }
        if self.publisher.wants_reload() {
            self.publisher.reload(&Event::Reload(self.core.all_rows(now)));
        }
        stop
    }

    /// The spool's part of a round, in one transaction. What could not be written before is written first.
    fn commit(&mut self, effects: &[Effect], now: Now) -> Result<Committed, SpoolError> {
        let touches = |effect: &Effect| {
            matches!(effect, Effect::Write(_) | Effect::Claim { .. } | Effect::Change { .. } | Effect::Reply(..))
        };
        if self.unwritten.is_empty() && !effects.iter().any(touches) {
            return Ok(Committed::default());
        }
        let unwritten = &self.unwritten.ops;
        let done = self.spool.transaction(|spool| {
            for op in unwritten {
                spool.apply(op)?;
            }
            write(spool, effects, now)
        });
        if done.is_ok() {
            self.all_is_written();
        } else {
            self.unwritten.ops.extend(effects.iter().filter_map(|effect| match effect {
                Effect::Write(op @ (SpoolOp::Finish { .. } | SpoolOp::Reroute { .. })) => Some(op.clone()),
                _ => None,
            }));
        }
        done
    }

    fn all_is_written(&mut self) {
        let Unwritten { reports, is_known, .. } = std::mem::take(&mut self.unwritten);
        if is_known {
            self.log(Severity::Info, None, "The spool can be written again".to_owned());
        }
        for report in reports {
            self.act(report, None, &mut VecDeque::new());
        }
    }

    fn note_failure(&mut self, failure: &Failure) {
        if !std::mem::replace(&mut self.unwritten.is_known, true) {
            self.log(Severity::Error, None, format!("{failure}. {}", failure.remedy()));
        }
    }

    fn after_commit(&mut self, committed: Committed, inputs: &mut VecDeque<Input>) {
        for (transport, ticket, claimed) in committed.claims {
            let envelopes = claimed.iter().map(in_flight).collect();
            inputs.push_back(Input::Claimed { transport: transport.clone(), envelopes });
            let jobs = claimed.into_iter().map(|envelope| self.job(envelope)).collect();
            self.answer(ticket, Answer::Jobs(jobs), &transport, inputs);
        }
        for (request, envelopes) in committed.changes {
            inputs.push_back(Input::Changed { request, envelopes });
        }
        inputs.extend(committed.counted);
    }

    /// Does one effect that is not the spool's. `failed`: the transaction it belonged to; then nobody is told of
    /// anything as done that is not on disk.
    fn act(&mut self, effect: Effect, failed: Option<&Failure>, inputs: &mut VecDeque<Input>) -> bool {
        match (effect, failed) {
            (Effect::Claim { ticket, transport, .. }, Some(failure)) => {
                self.answer(ticket, Answer::Refused(failure.clone()), &transport, inputs);
            }
            (Effect::Confirm(ticket), Some(failure)) => {
                self.answer(ticket, Answer::Refused(failure.clone()), "", inputs);
            }
            (Effect::Change { request, .. } | Effect::Reply(request, Reply::Flushed(_)), Some(failure)) => {
                self.reply(request, Reply::Refused(failure.result(), failure.to_string()));
            }
            (report @ Effect::DeliveryReport { .. }, Some(_)) => self.unwritten.reports.push(report),
            (Effect::Emit(Event::FlushEnded { result, no_ui }), Some(failure)) => {
                let result = TransportResult { result: failure.result(), failure: Some(failure.clone()), ..result };
                self.publisher.emit(&Event::FlushEnded { result, no_ui });
            }
            (effect, _) => return self.act_outside(effect, inputs),
        }
        false
    }

    /// Does one effect that does not depend on the disk, or whose transaction is through. Gives whether it is the end.
    fn act_outside(&mut self, effect: Effect, inputs: &mut VecDeque<Input>) -> bool {
        match effect {
            Effect::Write(_) | Effect::Claim { .. } | Effect::Change { .. } => {}
            Effect::Confirm(ticket) => self.answer(ticket, Answer::Done, "", inputs),
            Effect::Known { transport, ticket, mailbox } => {
                let known = self.spool.known(&transport, &mailbox);
                let answer = known.map_or_else(|error| Answer::Refused(error.into()), Answer::Known);
                self.answer(ticket, answer, &transport, inputs);
            }
            Effect::Recall { transport, ticket, topic, now } => {
                let recalled = self.spool.recall(&transport, &topic, now);
                let answer = recalled.map_or_else(|error| Answer::Refused(error.into()), Answer::Recalled);
                self.answer(ticket, answer, &transport, inputs);
            }
            Effect::Answer(ticket, answer) => self.answer(ticket, answer, "", inputs),
            Effect::Start { transport, flags } => self.runtime.start(&transport, flags),
            Effect::Validate { transport, ticket, interactive } => {
                self.runtime.validate(&transport, ticket, interactive);
            }
            Effect::Watch(on) => self.runtime.watch(on),
            Effect::EndFlush(transport) => self.runtime.end_flush(&transport),
            Effect::Cancel(transport) => self.runtime.cancel(&transport),
            Effect::DeliveryReport { envelope, transport, recipients } => {
                match self.report_writer.write(envelope, &transport, &recipients) {
                    Ok(text) => self.log(Severity::Warning, Some(transport), text),
                    Err(failure) => self.log(Severity::Error, Some(transport), failure.to_string()),
                }
            }
            Effect::Reply(request, reply) => self.reply(request, reply),
            Effect::Emit(event) => self.publisher.emit(&event),
            Effect::Log(severity, transport, text) => self.log(severity, transport, text),
            Effect::Stop => return true,
        }
        false
    }

    fn reply(&mut self, request: RequestKey, reply: Reply) {
        if let Some(sender) = self.replies.remove(&request) {
            sender.send(reply);
        }
    }

    /// Answers a transport. Messages claimed for one that no longer waits go back to the queue at once.
    fn answer(&self, ticket: Ticket, answer: Answer, transport: &str, inputs: &mut VecDeque<Input>) {
        if let Err(Answer::Jobs(jobs)) = self.runtime.answer(ticket, answer) {
            for job in jobs {
                let outcomes = job.recipients.iter().map(|to| (to.id, Outcome::Returned)).collect();
                let kind = ReportKind::EndMessage { envelope: job.envelope, outcomes };
                inputs.push_back(Input::Report(Report { transport: transport.into(), kind }));
            }
        }
    }

    fn log(&mut self, severity: Severity, transport: Option<String>, text: String) {
        let name = transport.as_deref().unwrap_or("spooler");
        match severity {
            Severity::Info => tracing::info!(transport = name, "{text}"),
            Severity::Warning => tracing::warn!(transport = name, "{text}"),
            Severity::Error => tracing::error!(transport = name, "{text}"),
        }
        let line = LogLine { at: self.now().wall, severity, transport, text };
        self.publisher.emit(&Event::Log(line));
    }

    fn job(&self, claimed: ClaimedEnvelope) -> Job {
        let content = match claimed.inline {
            Some(bytes) => Content::Inline(bytes.into()),
            None => Content::Stored { store: Arc::clone(&self.store), message: claimed.message, size: claimed.size },
        };
        let recipients = claimed.recipients.into_iter().map(|(id, address)| JobRecipient { id, address }).collect();
        Job {
            envelope: claimed.envelope,
            attempt: claimed.attempt,
            sender: claimed.sender,
            recipients,
            content,
            eight_bit: claimed.eight_bit,
            smtputf8: claimed.smtputf8,
            submitted_at: claimed.submitted_at,
        }
    }
}

/// It is shown later, and nobody stands still for it.
const fn can_wait(input: &Input) -> bool {
    matches!(
        input,
        Input::Report(Report {
            kind: ReportKind::EndMessage { .. }
                | ReportKind::Stage(_)
                | ReportKind::Progress(_)
                | ReportKind::Offering { hurry: false, .. }
                | ReportKind::Log(..),
            ..
        })
    )
}

fn in_flight(claimed: &ClaimedEnvelope) -> InFlight {
    InFlight {
        envelope: claimed.envelope,
        attempt: claimed.attempt,
        size: claimed.size,
        first_tried: claimed.first_tried,
        sender: claimed.sender.clone(),
        recipients: claimed.recipients.clone(),
        declined: claimed.declined.clone(),
        offered: false,
    }
}

/// Writes, then claims and changes, in the order of the effects; counts at the end.
fn write(spool: &mut SpoolTransaction<'_>, effects: &[Effect], now: Now) -> Result<Committed, SpoolError> {
    let mut committed = Committed::default();
    for effect in effects {
        match effect {
            Effect::Write(op) => spool.apply(op)?,
            Effect::Claim { transport, ticket, messages, bytes, which } => {
                let claimed = spool.claim(transport, *messages, *bytes, which)?;
                committed.claims.push((transport.clone(), *ticket, claimed));
            }
            Effect::Change { request, verb, selection } => {
                committed.changes.push((*request, spool.change(verb, selection, now.wall)?));
            }
            _ => {}
        }
    }
    committed.counted = Some(counted(spool)?);
    Ok(committed)
}

fn counted(spool: &mut SpoolTransaction<'_>) -> Result<Input, SpoolError> {
    Ok(Input::Counted { counts: spool.counts()?, next_due: spool.next_due()? })
}
