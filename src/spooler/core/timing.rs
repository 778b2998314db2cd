//! What happens because it is time: the schedule, the spooler's own retries, the pace of row changes, the end.

use std::time::Duration;

use super::input::{Effect, Now, RequestKey};
use super::rows;
use super::state::{Order, TransportState};
use super::{Core, Shutdown};
use crate::mapi::tag::{PR_SLUICE_LAST_FAILURE, PR_SLUICE_QUESTION, PR_SLUICE_STAGE, PR_STATUS_CODE};
use crate::mapi::{FlushFlags, Row};
use crate::spooler::protocol::{Event, Reply};
use crate::transport::Severity;

/// At most ten changes of a row a second, however fast the flush; a change of state is told at once.
const ROW_PACE: Duration = Duration::from_millis(100);

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
        self.plan_next_run(now);
        effects.push(Effect::Watch(true));
        if self.schedule.on_start {
            self.order_everything(effects);
        }
    }

    fn plan_next_run(&mut self, now: Now) {
        self.next_run = self.schedule.every.map(|every| now.wall + every.as_secs().cast_signed());
    }

    fn order_everything(&mut self, effects: &mut Vec<Effect>) {
        let targets: Vec<usize> = (0..self.transports.len()).collect();
        let flags = FlushFlags::FLUSH_UPLOAD | FlushFlags::FLUSH_DOWNLOAD | BY_ITSELF;
        let order = Order { flags, by_hand: false, retry_only: false, group: 0 };
        self.order(&targets, &order, None, effects);
    }

    /// When [`Input::Tick`](super::Input::Tick) is wanted next: a point on the wall clock, a pause, or neither.
    pub fn deadline(&self, now: Now) -> Option<Duration> {
        let until = |time: i64| Duration::from_secs(u64::try_from(time - now.wall).unwrap_or(0));
        let schedule = self.next_run.filter(|_| self.acts_by_itself()).map(until);
        let retries = self.transports.iter().filter_map(|transport| self.retry_at(transport)).min().map(until);
        let paced = self
            .transports
            .iter()
            .filter(|transport| transport.dirty || transport.queue_changed)
            .map(|transport| (transport.published_at + ROW_PACE).saturating_sub(now.mono))
            .min();
        let end = self.shutdown.filter(|_| !self.stopped).and_then(|shutdown| shutdown.at_latest);
        let end = end.map(|at_latest| at_latest.saturating_sub(now.mono));
        [schedule, retries, paced, end].into_iter().flatten().min()
    }

    const fn acts_by_itself(&self) -> bool {
        self.keeps_time && !self.offline && self.shutdown.is_none()
    }

    /// When the spooler retries a transport's deferred envelopes by itself.
    fn retry_at(&self, transport: &TransportState) -> Option<i64> {
        let facts = &transport.facts;
        let can = facts.outgoing && facts.unusable.is_none() && !facts.asynchronous;
        let idle = !transport.is_at_work() && transport.waiting.is_empty();
        let due = transport.next_due.filter(|_| self.acts_by_itself() && can && idle)?;
        Some(due.max(transport.retries_pause_until))
    }

    pub(super) fn tick(&mut self, now: Now, effects: &mut Vec<Effect>) {
        if self.acts_by_itself() && self.next_run.is_some_and(|next| next <= now.wall) {
            self.plan_next_run(now);
            self.order_everything(effects);
        }
        let due: Vec<usize> = (0..self.transports.len())
            .filter(|index| {
                let at = self.transports.get(*index).and_then(|transport| self.retry_at(transport));
                at.is_some_and(|at| at <= now.wall)
            })
            .collect();
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
            if !transport.dirty && !transport.queue_changed {
                continue;
            }
            let row = rows::transport_row(transport, ordinal, self.offline, now);
            let rested = now.mono.saturating_sub(transport.published_at) >= ROW_PACE;
            if !rested && !is_urgent(&transport.published, &row) {
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
            let row = rows::spooler_row(&self.transports, self.offline, self.next_run);
            if self.published.as_ref() != Some(&row) {
                self.published = Some(row.clone());
                effects.push(Effect::Emit(Event::RowModified(row)));
            }
        }
        effects
    }

    /// All rows as they are now: for a client that begins to look.
    pub fn all_rows(&self, now: Now) -> Vec<Row> {
        let mut all = vec![rows::spooler_row(&self.transports, self.offline, self.next_run)];
        all.extend(rows::fixed_rows());
        let transports = self.transports.iter().enumerate();
        all.extend(transports.map(|(ordinal, transport)| rows::transport_row(transport, ordinal, self.offline, now)));
        all
    }

    pub(super) fn begin_shutdown(&mut self, request: RequestKey, finish: bool, now: Now, effects: &mut Vec<Effect>) {
        if finish && self.schedule.on_exit && self.keeps_time && !self.offline {
            self.order_everything(effects);
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

/// A change that people wait for: another state, another stage, a question, a failure.
fn is_urgent(before: &Row, after: &Row) -> bool {
    [PR_STATUS_CODE, PR_SLUICE_QUESTION, PR_SLUICE_LAST_FAILURE, PR_SLUICE_STAGE]
        .into_iter()
        .any(|tag| before.get(tag) != after.get(tag))
}
