//! What happens because it is time: the schedule, the spooler's own retries, the pace of row changes, the end.

use std::time::Duration;

use super::input::{Effect, Now, RequestKey};
use super::rows;
use super::schedule::{Change, Due};
use super::state::{Order, TransportState};
use super::{Core, Occasion, Shutdown};
use crate::mapi::tag::{PR_SLUICE_LAST_FAILURE, PR_SLUICE_QUESTION, PR_SLUICE_STAGE, PR_STATUS_CODE};
use crate::mapi::{FlushFlags, Row};
use crate::spooler::protocol::{Event, Network, Reply};
use crate::transport::Severity;

/// At most ten changes of a row a second, however fast the flush; a change of state is told at once.
const ROW_PACE: Duration = Duration::from_millis(100);
/// How soon a rate is looked at again when nothing comes: what stands still must not seem to move.
const FADE_PACE: Duration = Duration::from_secs(1);

/// How long a cancelled transport may take to let go when the spooler ends: time for the word to reach the server and a
/// script to bring the line down. What it still has in hand then is settled at the next start.
const LETTING_GO: Duration = Duration::from_secs(3);

/// What the spooler orders by itself is silent.
const BY_ITSELF: FlushFlags = FlushFlags::FLUSH_NO_UI;

impl Core {
    pub(super) fn started(&mut self, now: Now, effects: &mut Vec<Effect>) {
        if !self.keeps_time {
            return;
        }
        self.schedule.begin(now);
        effects.push(Effect::Watch(true));
        self.order_what_is_due(now, effects);
    }

    /// The network is another, or gone, or back.
    pub(super) fn network(&mut self, network: Option<Network>, now: Now, effects: &mut Vec<Effect>) {
        let change = self.schedule.network(network, now);
        if change == Change::None {
            return;
        }
        // When the next run is may be another time now.
        self.published = None;
        if change == Change::Came {
            for transport in self.transports.iter_mut().filter(|transport| transport.facts.needs_network) {
                // What failed for want of a network has another chance.
                transport.retries_failed = 0;
                transport.retries_pause_until = 0;
            }
            self.watch_anew(effects);
        }
        self.tick(now, effects);
    }

    /// The machine is awake again: time has passed that no timer counted.
    pub(super) fn resumed(&mut self, now: Now, effects: &mut Vec<Effect>) {
        self.schedule.make_due(Occasion::Resume, now);
        self.watch_anew(effects);
        self.tick(now, effects);
    }

    /// Lines that were open are dead, and nobody says so.
    fn watch_anew(&self, effects: &mut Vec<Effect>) {
        if self.acts_by_itself() {
            effects.push(Effect::Watch(true));
        }
    }

    fn order_what_is_due(&mut self, now: Now, effects: &mut Vec<Effect>) {
        if self.acts_by_itself() {
            let due = self.schedule.take_due(now);
            self.order_by_itself(due, effects);
        }
    }

    fn order_by_itself(&mut self, due: Vec<Due>, effects: &mut Vec<Effect>) {
        for Due { targets, flags } in due {
            let order = Order { flags: flags | BY_ITSELF, by_hand: false, retry_only: false, group: 0 };
            self.order(&targets, &order, None, effects);
        }
    }

    /// When [`Input::Tick`](super::Input::Tick) is wanted next: a point on the wall clock, a pause, or neither.
    pub fn deadline(&self, now: Now) -> Option<Duration> {
        let until = |time: i64| Duration::from_secs(u64::try_from(time - now.wall).unwrap_or(0));
        let schedule = self.schedule.next(now).filter(|_| self.acts_by_itself()).map(until);
        let retries = (0..self.transports.len()).filter_map(|index| self.retry_at(index, now)).min().map(until);
        let paced = self.transports.iter().filter_map(row_due).map(|due| due.saturating_sub(now.mono)).min();
        let end = self.shutdown.filter(|_| !self.stopped).and_then(|shutdown| shutdown.at_latest);
        let end = end.map(|at_latest| at_latest.saturating_sub(now.mono));
        [schedule, retries, paced, end].into_iter().flatten().min()
    }

    const fn acts_by_itself(&self) -> bool {
        self.keeps_time && !self.offline && self.shutdown.is_none()
    }

    /// When the spooler retries a transport's deferred envelopes by itself.
    fn retry_at(&self, index: usize, now: Now) -> Option<i64> {
        let transport = self.transports.get(index)?;
        let facts = &transport.facts;
        let can = facts.outgoing && facts.unusable.is_none() && !facts.asynchronous && !facts.skips_no_ui;
        let idle = !transport.is_at_work() && transport.waiting.is_empty();
        let due = transport.next_due.filter(|_| self.acts_by_itself() && can && idle)?;
        self.schedule.may_retry(index, due.max(transport.retries_pause_until).max(now.wall))
    }

    pub(super) fn tick(&mut self, now: Now, effects: &mut Vec<Effect>) {
        self.order_what_is_due(now, effects);
        let is_due = |index: &usize| self.retry_at(*index, now).is_some_and(|at| at <= now.wall);
        let due: Vec<usize> = (0..self.transports.len()).filter(is_due).collect();
        if !due.is_empty() {
            let order =
                Order { flags: FlushFlags::FLUSH_UPLOAD | BY_ITSELF, by_hand: false, retry_only: true, group: 0 };
            self.order(&due, &order, None, effects);
        }
    }

    /// The rows that changed and whose turn it is, as events. The loop calls it after every commit.
    pub fn publish(&mut self, now: Now) -> Vec<Effect> {
        let mut effects = Vec::new();
        let mut spooler_changed = self.published.is_none();
        for (ordinal, transport) in self.transports.iter_mut().enumerate() {
            let Some(due) = row_due(transport) else { continue };
            let row = rows::transport_row(transport, ordinal, self.offline, now);
            if now.mono < due && !is_urgent(&transport.published, &row) {
                continue;
            }
            if row != transport.published {
                spooler_changed = true;
                transport.published = row.clone();
                effects.push(Effect::Emit(Event::RowModified(row)));
            }
            transport.published_at = now.mono;
            transport.dirty = false;
            if std::mem::take(&mut transport.queue_changed) {
                effects.push(Effect::Emit(Event::QueueChanged(transport.facts.name.clone())));
            }
        }
        if spooler_changed {
            let row = rows::spooler_row(&self.transports, self.trouble.as_ref(), self.offline, self.schedule.next(now));
            if self.published.as_ref() != Some(&row) {
                self.published = Some(row.clone());
                effects.push(Effect::Emit(Event::RowModified(row)));
            }
        }
        effects
    }

    /// All rows as they are now: for a client that begins to look.
    pub fn all_rows(&self, now: Now) -> Vec<Row> {
        let mut all =
            vec![rows::spooler_row(&self.transports, self.trouble.as_ref(), self.offline, self.schedule.next(now))];
        all.extend(rows::fixed_rows());
        let transports = self.transports.iter().enumerate();
        all.extend(transports.map(|(ordinal, transport)| rows::transport_row(transport, ordinal, self.offline, now)));
        all
    }

    pub(super) fn begin_shutdown(&mut self, request: RequestKey, finish: bool, now: Now, effects: &mut Vec<Effect>) {
        if finish && self.keeps_time && !self.offline {
            let due = self.schedule.at_the_end();
            self.order_by_itself(due, effects);
        }
        if !finish {
            self.cancel(None, effects);
        }
        self.shutdown = Some(Shutdown { request, at_latest: (!finish).then(|| now.mono + LETTING_GO) });
    }

    /// Ends when the last flush has, or does not let go.
    pub(super) fn stop_if_done(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let Some(Shutdown { request, at_latest }) = self.shutdown else { return };
        let busy = self.transports.iter().any(|transport| transport.is_at_work() || !transport.waiting.is_empty());
        let late = at_latest.is_some_and(|at_latest| now.mono >= at_latest);
        if (busy && !late) || self.stopped {
            return;
        }
        self.stopped = true;
        effects.push(Effect::Log(Severity::Info, None, "The spooler ends".to_owned()));
        effects.push(Effect::Reply(request, Reply::Done));
        effects.push(Effect::Emit(Event::Stopped));
        effects.push(Effect::Stop);
    }
}

/// When a transport's row is to be looked at again; `None`: not before something happens.
fn row_due(transport: &TransportState) -> Option<Duration> {
    let pace = if transport.dirty || transport.queue_changed {
        ROW_PACE
    } else if transport.shows_a_rate() {
        FADE_PACE
    } else {
        return None;
    };
    Some(transport.published_at + pace)
}

/// A change that people wait for: another state, another stage, a question, a failure.
fn is_urgent(before: &Row, after: &Row) -> bool {
    [PR_STATUS_CODE, PR_SLUICE_QUESTION, PR_SLUICE_LAST_FAILURE, PR_SLUICE_STAGE]
        .into_iter()
        .any(|tag| before.get(tag) != after.get(tag))
}
