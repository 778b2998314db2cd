//! What the core remembers: of each transport, of its running flush, of the requests that wait.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::input::{Effect, InFlight, Now, RequestKey};
use crate::mapi::tag::PR_SLUICE_RATE;
use crate::mapi::{Direction, EnvelopeId, Failure, FlushFlags, MapiResult, OutgoingCounts, Row, Stage};
use crate::spool::{LastRun, Seconds, SpoolOp};
use crate::spooler::protocol::{Got, Sent, TransportResult};
use crate::transport::{Question, Ticket};

/// What never changes while the transport is logged on.
#[expect(clippy::struct_excessive_bools, reason = "each is a trait that stands for itself")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Its name.
    pub name: String,
    /// Its identity: display name and address.
    pub identity: Option<(String, String)>,
    /// Its kinds, in words: "SMTP, IMAP".
    pub provider: String,
    /// Where it leads.
    pub path: String,
    /// It can send.
    pub outgoing: bool,
    /// It can receive.
    pub incoming: bool,
    /// `STATUS_FLUSH_QUEUES`.
    pub flushes_itself: bool,
    /// It shows nothing of its own.
    pub honours_no_ui: bool,
    /// Because it does not, it is left out under `FLUSH_NO_UI`.
    pub skips_no_ui: bool,
    /// Of no use without a network.
    pub needs_network: bool,
    /// Needs `FLUSH_FORCE`.
    pub asynchronous: bool,
    /// Shares this with others.
    pub resource: Option<String>,
    /// `STATUS_XP_PREFER_LAST`.
    pub prefer_last: bool,
    /// Why it could not be logged on.
    pub unusable: Option<Failure>,
}

impl Facts {
    /// Whether it has this direction.
    pub const fn has(&self, direction: Direction) -> bool {
        match direction {
            Direction::Outgoing => self.outgoing,
            Direction::Incoming => self.incoming,
        }
    }
}

/// A flush that one transport is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Directions and manner.
    pub flags: FlushFlags,
    /// A person asked.
    pub by_hand: bool,
    /// Only what was deferred before and is due: the spooler's own retry.
    pub retry_only: bool,
    /// Which request it belongs to.
    pub group: u64,
}

impl Order {
    /// Whether doing both is no more than doing one.
    pub fn is_like(&self, other: &Self) -> bool {
        Self { group: other.group, ..self.clone() } == *other
    }
}

/// A flush that runs.
#[derive(Debug)]
pub struct Run {
    /// What was ordered.
    pub order: Order,
    /// Number of the run, in no other process the same: envelopes are offered once a run.
    pub number: i64,
    /// When it began.
    pub began: Now,
    /// The direction being drained.
    pub phase: Option<Direction>,
    /// How far the phase is.
    pub stage: Stage,
    /// Its FLUSH bits are to be cleared: no more messages.
    pub ending: bool,
    /// It was cancelled.
    pub cancelled: bool,
    /// Claimed and not ended.
    pub in_flight: BTreeMap<EnvelopeId, InFlight>,
    /// What went out.
    pub sent: Sent,
    /// What came in.
    pub got: Got,
    /// What failed first.
    pub failure: Option<Failure>,
    /// Progress of the phase.
    pub meter: Meter,
}

/// Progress of one phase.
#[derive(Debug, Default)]
pub struct Meter {
    /// Messages done.
    pub done: u64,
    /// Messages known, if they are.
    pub total: Option<u64>,
    /// Bytes acknowledged.
    pub bytes: u64,
    /// Bytes known, if they are.
    pub total_bytes: Option<u64>,
    samples: VecDeque<(Duration, u64)>,
}

/// The rate is taken over this long.
const RATE_OVER: Duration = Duration::from_secs(5);

impl Meter {
    /// Before so many messages and bytes.
    pub fn of(messages: u64, bytes: u64) -> Self {
        Self { total: Some(messages), total_bytes: Some(bytes), ..Self::default() }
    }

    /// More bytes were acknowledged.
    pub fn add(&mut self, bytes: u64, now: Duration) {
        self.bytes += bytes;
        self.samples.push_back((now, self.bytes));
        while self.samples.front().is_some_and(|(at, _)| now.saturating_sub(*at) > RATE_OVER) {
            self.samples.pop_front();
        }
    }

    /// Bytes a second over the last few seconds; `None` until there is something to go by, and when nothing came in all
    /// that time.
    pub fn rate(&self, now: Duration) -> Option<u64> {
        let (last_at, _) = self.samples.back()?;
        if now.saturating_sub(*last_at) > RATE_OVER {
            return None;
        }
        let (first_at, first) = self.samples.front()?;
        let elapsed = u64::try_from(now.saturating_sub(*first_at).as_millis()).unwrap_or(u64::MAX);
        (elapsed >= 500).then(|| (self.bytes - first) * 1000 / elapsed)
    }

    /// Seconds left at that rate.
    pub fn time_left(&self, now: Duration) -> Option<u64> {
        let rate = self.rate(now).filter(|rate| *rate > 0)?;
        Some(self.total_bytes?.saturating_sub(self.bytes).div_ceil(rate))
    }
}

/// One transport.
#[derive(Debug)]
pub struct TransportState {
    /// What never changes.
    pub facts: Facts,
    /// The flush that runs.
    pub run: Option<Run>,
    /// Flushes that wait: for the running one, or for the shared resource.
    pub waiting: VecDeque<Order>,
    /// A `ValidateState` that runs: its ticket and group.
    pub validating: Option<(Ticket, u64)>,
    /// What its outgoing queue holds.
    pub counts: OutgoingCounts,
    /// When the next deferred envelope is due.
    pub next_due: Option<Seconds>,
    /// The spooler's own retries pause until then, after they failed.
    pub retries_pause_until: Seconds,
    /// How often they failed in a row.
    pub retries_failed: u32,
    /// What waited on the server, and when that was seen.
    pub on_server: Option<(u64, u64, Seconds)>,
    /// What ended the last run before its time.
    pub last_failure: Option<Failure>,
    /// When the last run ended.
    pub last_run: Option<Seconds>,
    /// What only a person can answer.
    pub question: Option<(Ticket, Question)>,
    /// The row as clients know it, and when they were told.
    pub published: Row,
    /// See above.
    pub published_at: Duration,
    /// Something in the row may have changed since.
    pub dirty: bool,
    /// Something in its queue changed since lists were told.
    pub queue_changed: bool,
}

impl TransportState {
    /// A transport that was just logged on.
    pub fn new(facts: Facts, last: LastRun) -> Self {
        Self {
            last_failure: facts.unusable.clone().or(last.failure),
            facts,
            run: None,
            waiting: VecDeque::new(),
            validating: None,
            counts: OutgoingCounts::default(),
            next_due: None,
            retries_pause_until: 0,
            retries_failed: 0,
            on_server: None,
            last_run: last.at,
            question: None,
            published: Row::default(),
            published_at: Duration::ZERO,
            dirty: true,
            queue_changed: false,
        }
    }

    /// Whether it does anything that must end before it can do another thing.
    pub const fn is_at_work(&self) -> bool {
        self.run.is_some() || self.validating.is_some()
    }

    /// Whether a flush of any of these directions runs or waits.
    pub fn is_busy_with(&self, flags: FlushFlags) -> bool {
        let overlaps = |order: &Order| {
            Direction::BOTH.into_iter().any(|direction| order.flags.wants(direction) && flags.wants(direction))
        };
        self.run.as_ref().is_some_and(|run| overlaps(&run.order)) || self.waiting.iter().any(overlaps)
    }

    /// Writes down how its last run ended, for the next process.
    pub fn remembered(&self) -> Effect {
        // What the profile rules out is known anew each time, and the profile may change.
        let failure = self.last_failure.clone().filter(|_| self.facts.unusable.is_none());
        let last = LastRun { at: self.last_run, failure };
        Effect::Write(SpoolOp::LastRun { transport: self.facts.name.clone(), last })
    }

    /// Its row has a rate, which is true for a moment only.
    pub fn shows_a_rate(&self) -> bool {
        self.run.is_some() && self.published.get(PR_SLUICE_RATE).is_some()
    }

    /// A result without work done.
    pub fn nothing_done(&self, result: MapiResult, failure: Option<Failure>) -> TransportResult {
        TransportResult {
            transport: self.facts.name.clone(),
            result,
            outgoing: Sent::default(),
            incoming: Got::default(),
            elapsed_s: 0.0,
            failure,
        }
    }
}

/// A request over one or more transports, until the last of them is through.
#[derive(Debug)]
pub struct Group {
    /// Its number.
    pub number: u64,
    /// Who waits for the reply; nobody for scheduled work and after an asynchronous answer.
    pub request: Option<RequestKey>,
    /// How many are still to come.
    pub open: usize,
    /// What came so far.
    pub results: Vec<TransportResult>,
}
