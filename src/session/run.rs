//! A flush under way: the answers that a procedure waits for, and what they come to together.

use crossbeam_channel::{Receiver, Select, never};
use serde::Serialize;

use super::{FlushAnswer, PendingFlush, Session};
use crate::mapi::{EntryId, MapiResult};
use crate::spooler::{Command, Event, Got, Sent, TransportResult};

/// Whose `FlushQueues` a transport was flushed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Via {
    /// Its own status object's.
    Transport,
    /// The spooler's.
    Spooler,
}

/// What a flush came to for one transport, as `flush --json` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FlushResult {
    /// Whose method did it.
    pub via: Via,
    /// What came of it.
    #[serde(flatten)]
    pub of: TransportResult,
}

/// What a procedure came to, as `flush --json` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FlushReport {
    /// The worst of all answers.
    pub result: MapiResult,
    /// One for each transport that took part or was passed over.
    pub results: Vec<FlushResult>,
    /// What the spooler refused, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<String>,
}

/// How many of the requests of a procedure are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Answered.
    pub over: usize,
    /// All of them.
    pub of: usize,
}

/// The requests that a procedure has sent. Dropping it leaves the flush running.
#[derive(Debug)]
pub struct FlushRun {
    parts: Vec<Part>,
}

#[derive(Debug)]
struct Part {
    /// Which transport; `None`: all of them.
    transport: Option<EntryId>,
    via: Via,
    state: State,
}

#[derive(Debug)]
enum State {
    Waiting(PendingFlush),
    Over(FlushAnswer),
}

impl FlushRun {
    pub(super) const fn new() -> Self {
        Self { parts: Vec::new() }
    }

    /// One more request, or why it could not be sent.
    pub(super) fn add(&mut self, transport: Option<EntryId>, via: Via, sent: Result<PendingFlush, MapiResult>) {
        let state = match sent {
            Ok(pending) => State::Waiting(pending),
            Err(result) => State::Over(Err(result.into())),
        };
        self.parts.push(Part { transport, via, state });
    }

    /// Looks for answers without waiting; the report, once all are there.
    pub fn poll(&mut self) -> Option<FlushReport> {
        for part in &mut self.parts {
            if let State::Waiting(pending) = &part.state
                && let Some(answer) = pending.poll()
            {
                part.state = State::Over(answer);
            }
        }
        let answers: Option<Vec<_>> = self.parts.iter().map(Part::answer).collect();
        answers.map(|answers| report(&answers))
    }

    /// How far it is, as of the last [`Self::poll`].
    pub fn progress(&self) -> Progress {
        let over = self.parts.iter().filter(|part| matches!(part.state, State::Over(_))).count();
        Progress { over, of: self.parts.len() }
    }

    /// Stops what still runs, in mid-transfer if need be. The answers come all the same, and soon.
    pub fn cancel(&self, session: &Session) {
        for part in self.parts.iter().filter(|part| matches!(part.state, State::Waiting(_))) {
            // What comes of it is told by the answers to the flush.
            drop(session.ask(Command::Cancel { transport: part.transport.clone() }));
        }
    }

    /// Waits for all answers.
    pub fn wait(self, session: &mut Session) -> FlushReport {
        self.wait_with(session, &never(), |_, _| ())
    }

    /// Waits for all answers. Meanwhile `observe` is given the session's events as they come (row changes among them,
    /// after the rows have changed) and how far it is; it is called one last time when all answers are there. Whenever
    /// something arrives on `cancel`, what still runs is cancelled.
    pub fn wait_with(
        mut self,
        session: &mut Session,
        cancel: &Receiver<()>,
        mut observe: impl FnMut(&[Event], Progress),
    ) -> FlushReport {
        let mut cancel = Some(cancel);
        loop {
            // First the answers, then the events: whatever was told before the last answer is seen here.
            let report = self.poll();
            let events = session.pump();
            observe(&events, self.progress());
            if let Some(report) = report {
                return report;
            }
            self.block(session, cancel);
            match cancel.map(Receiver::try_recv) {
                Some(Ok(())) => self.cancel(session),
                Some(Err(error)) if error.is_disconnected() => cancel = None,
                _ => {}
            }
        }
    }

    /// Waits until an answer, an event or a cancel is there.
    fn block(&self, session: &Session, cancel: Option<&Receiver<()>>) {
        let mut select = Select::new();
        for part in &self.parts {
            if let State::Waiting(pending) = &part.state {
                select.recv(pending.pending.channel());
            }
        }
        if let Some(arrivals) = session.arrivals() {
            select.recv(arrivals);
        }
        if let Some(cancel) = cancel {
            select.recv(cancel);
        }
        select.ready();
    }
}

/// What came of one request.
struct Answered<'a> {
    part: &'a Part,
    answer: &'a FlushAnswer,
}

impl Part {
    const fn answer(&self) -> Option<Answered<'_>> {
        match &self.state {
            State::Waiting(_) => None,
            State::Over(answer) => Some(Answered { part: self, answer }),
        }
    }

    /// The name of its transport.
    fn name(&self) -> Option<&str> {
        self.transport.as_ref().and_then(|entry_id| entry_id.parse().ok()).map(|(_, name)| name)
    }
}

impl Answered<'_> {
    const fn result(&self) -> MapiResult {
        match self.answer {
            Ok(reply) => reply.result,
            Err(refusal) => refusal.result,
        }
    }

    /// The results of the transports; one with the answer itself for a transport of which the spooler gave none.
    fn results(&self) -> Vec<FlushResult> {
        let via = self.part.via;
        let given = self.answer.as_ref().map_or(&[][..], |reply| &reply.results);
        if given.is_empty() {
            return self
                .part
                .name()
                .map(|name| FlushResult { via, of: bare(name, self.result()) })
                .into_iter()
                .collect();
        }
        given.iter().map(|of| FlushResult { via, of: of.clone() }).collect()
    }

    fn refusal(&self) -> Option<String> {
        let reason = self.answer.as_ref().err().map(|refusal| refusal.reason.as_str())?;
        match self.part.name() {
            _ if reason.is_empty() => None,
            Some(name) => Some(format!("{name}: {reason}")),
            None => Some(reason.to_owned()),
        }
    }
}

fn bare(name: &str, result: MapiResult) -> TransportResult {
    TransportResult {
        transport: name.to_owned(),
        result,
        outgoing: Sent::default(),
        incoming: Got::default(),
        elapsed_s: 0.0,
        failure: None,
    }
}

fn report(answers: &[Answered<'_>]) -> FlushReport {
    FlushReport {
        result: MapiResult::worst(answers.iter().map(Answered::result)),
        results: answers.iter().flat_map(Answered::results).collect(),
        refusals: answers.iter().filter_map(Answered::refusal).collect(),
    }
}
