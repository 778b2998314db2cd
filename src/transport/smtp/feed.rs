//! The line from the spooler to one session: claims messages, has the spool write down that their last byte is about to
//! go out, and only then hands them over.
//!
//! Claiming and writing down go on beside the sending, several messages at a time, so that no message waits for the
//! disk by itself. How many are written down ahead of what the window lets in follows from how fast they go out: none
//! behind a large one, two where each takes a round trip, many on a near server.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::flight::{Flight, is_marked_late};
use crate::mapi::{EnvelopeId, Failure};
use crate::transport::{BoxFuture, Job, Submissions};

/// Messages written down ahead of the window at least, so that none waits for the disk when there is room for it.
const LEAST_AHEAD: usize = 2;
/// Messages written down ahead of the window at most. A process that dies leaves them in doubt, like those in the air.
const MOST_AHEAD: usize = 32;
/// How long those written down ahead should last: so long that many share a sync.
const AHEAD: Duration = Duration::from_millis(50);
/// Their content bytes, beyond which no further one is written down.
const MOST_AHEAD_BYTES: u64 = 512 << 10;

/// Messages that a session claimed and could not put at risk: another may have them. The spooler doesn't offer a
/// message twice in one flush.
#[derive(Debug, Default)]
pub(super) struct Spare(Mutex<VecDeque<Flight>>);

impl Spare {
    pub(super) fn put(&self, flights: impl IntoIterator<Item = Flight>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(flights);
    }

    fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// The oldest of them.
    pub(super) fn take(&self) -> Option<Flight> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

/// What comes out of a [`Feed`].
#[derive(Debug)]
pub(super) enum Fed {
    /// These may be sent: to the last byte, but for those whose mark is late.
    Flights(Vec<Flight>),
    /// The last byte of these may be sent.
    Marked(Vec<EnvelopeId>),
    /// There are no more.
    Drained,
    /// The spool could not write it down: nothing more may be sent.
    Refused(Failure),
}

/// Messages, and the spool's word that they may go out.
type Offering<'a> = (Vec<Flight>, BoxFuture<'a, Result<(), Failure>>);
/// Envelopes on their way, and the same.
type Marking<'a> = (Vec<EnvelopeId>, BoxFuture<'a, Result<(), Failure>>);

/// The feed of one session after the other. Its waiting methods may be dropped and called again.
pub(super) struct Feed<'a> {
    queue: &'a Submissions,
    spare: &'a Spare,
    /// Cancelled when no further message is to be begun.
    ending: &'a CancellationToken,
    /// Must be brought to its end before anyone else can claim, and is not to be dropped: the answer would be lost.
    claiming: Option<BoxFuture<'a, Option<Job>>>,
    drained: bool,
    claimed: VecDeque<Flight>,
    offering: Option<Offering<'a>>,
    /// Envelopes that are on their way and to be written down now.
    late: Vec<EnvelopeId>,
    marking: Option<Marking<'a>>,
    /// Written down, or not yet to be, and waiting for room.
    offered: VecDeque<Flight>,
    /// How many to have written down ahead.
    ahead: usize,
    /// Messages that were handed over since the last writing ended, and when that was.
    taken: usize,
    since: Instant,
    /// There was room for more than were written down.
    starved: bool,
}

impl<'a> Feed<'a> {
    /// A feed from the queue, and from what other sessions left.
    pub(super) fn new(queue: &'a Submissions, spare: &'a Spare, ending: &'a CancellationToken) -> Self {
        Self {
            queue,
            spare,
            ending,
            claiming: None,
            drained: false,
            claimed: VecDeque::new(),
            offering: None,
            late: Vec::new(),
            marking: None,
            offered: VecDeque::new(),
            ahead: 0,
            taken: 0,
            since: Instant::now(),
            starved: false,
        }
    }

    /// Waits until there is something to send, and leaves no claim under way. Gives whether there is.
    pub(super) async fn claim(&mut self) -> bool {
        self.rest().await;
        // Those were on their way in a session that is over.
        (self.late, self.marking) = (Vec::new(), None);
        poll_fn(|cx| {
            self.poll_claims(cx, 1);
            if self.has_some() || self.drained { Poll::Ready(self.has_some()) } else { Poll::Pending }
        })
        .await
    }

    /// The next messages, `room` at most; `None`: the session will be busy with what it has for long, and what waits here
    /// is left to others. Must not be called once it is drained.
    pub(super) async fn next(&mut self, room: Option<usize>) -> Fed {
        poll_fn(|cx| self.poll_next(cx, room)).await
    }

    fn has_some(&self) -> bool {
        !self.claimed.is_empty() || !self.offered.is_empty() || self.offering.is_some()
    }

    /// Nothing will come any more.
    pub(super) fn is_drained(&self) -> bool {
        self.drained && !self.has_some() && self.spare.is_empty() && self.late.is_empty() && self.marking.is_none()
    }

    /// Has it written down that the last byte of this envelope is about to go out.
    pub(super) fn mark(&mut self, envelope: EnvelopeId) {
        self.late.push(envelope);
    }

    /// Brings a claim that is under way to its end, so that others can claim while this feed isn't asked.
    pub(super) async fn rest(&mut self) {
        if let Some(claiming) = self.claiming.take() {
            self.take_claim(claiming.await);
        }
    }

    /// Leaves what was claimed to others.
    pub(super) async fn close(mut self) {
        self.rest().await;
        let offering = self.offering.take().map(|(flights, _)| flights).unwrap_or_default();
        self.spare.put(self.offered.into_iter().chain(offering).chain(self.claimed));
    }

    fn poll_mark(&mut self, cx: &mut Context<'_>) -> Poll<Fed> {
        if self.marking.is_none() && !self.late.is_empty() {
            let envelopes = std::mem::take(&mut self.late);
            self.marking = Some((envelopes.clone(), Box::pin(self.queue.offering(envelopes, true))));
        }
        let Some((_, written)) = &mut self.marking else { return Poll::Pending };
        let Poll::Ready(result) = written.as_mut().poll(cx) else { return Poll::Pending };
        let marked = self.marking.take().map(|(envelopes, _)| envelopes).unwrap_or_default();
        Poll::Ready(result.map_or_else(Fed::Refused, |()| Fed::Marked(marked)))
    }

    fn poll_next(&mut self, cx: &mut Context<'_>, room: Option<usize>) -> Poll<Fed> {
        if let Poll::Ready(fed) = self.poll_mark(cx) {
            return Poll::Ready(fed);
        }
        self.poll_claiming(cx);
        let is_laden = room.is_none();
        let room = room.unwrap_or(0);
        loop {
            if is_laden {
                self.spare.put(self.offered.drain(..).chain(self.claimed.drain(..)));
            }
            if !is_laden && self.offering.is_none() && self.offered.len() <= self.ahead / 2 {
                let wanted = room.max(self.ahead) - self.offered.len().min(self.ahead);
                self.poll_claims(cx, wanted);
                self.offer(wanted);
            }
            let Some((_, written)) = &mut self.offering else { break };
            let Poll::Ready(result) = written.as_mut().poll(cx) else { break };
            let flights = self.offering.take().map(|(flights, _)| flights).unwrap_or_default();
            if let Err(failure) = result {
                self.spare.put(flights);
                return Poll::Ready(Fed::Refused(failure));
            }
            self.look_ahead();
            self.offered.extend(flights);
        }
        let flights: Vec<Flight> = self.offered.drain(..room.min(self.offered.len())).collect();
        self.taken += flights.len();
        self.starved |= flights.len() < room && self.offering.is_some();
        match (flights.is_empty(), self.is_drained()) {
            (false, _) => Poll::Ready(Fed::Flights(flights)),
            (true, true) => Poll::Ready(Fed::Drained),
            (true, false) => Poll::Pending,
        }
    }

    /// From now on as many as went out lately in that time; twice as many as before if those were too few. A shorter time
    /// says nothing of the pace: a session that begins takes what it has room for at once, and then waits a round trip.
    fn look_ahead(&mut self) {
        let elapsed = self.since.elapsed().max(AHEAD).as_micros();
        let pace = usize::try_from(self.taken as u128 * AHEAD.as_micros() / elapsed).unwrap_or(MOST_AHEAD);
        let wanted = if self.starved { pace.max(2 * self.ahead) } else { pace };
        self.ahead = wanted.clamp(LEAST_AHEAD, MOST_AHEAD);
        (self.taken, self.since, self.starved) = (0, Instant::now(), false);
    }

    /// Goes on with a claim that is under way: others can't claim before it is over.
    fn poll_claiming(&mut self, cx: &mut Context<'_>) {
        if let Some(claiming) = &mut self.claiming
            && let Poll::Ready(claim) = claiming.as_mut().poll(cx)
        {
            self.claiming = None;
            self.take_claim(claim);
        }
    }

    /// Claims until `wanted` are in hand, or the spooler has to be waited for.
    fn poll_claims(&mut self, cx: &mut Context<'_>, wanted: usize) {
        if self.ending.is_cancelled() {
            self.drained = true;
            self.spare.put(self.claimed.drain(..));
            return;
        }
        while self.claimed.len() < wanted {
            if let Some(flight) = self.spare.take() {
                self.claimed.push_back(flight);
                continue;
            }
            if self.drained {
                return;
            }
            let queue = self.queue;
            self.claiming.get_or_insert_with(|| Box::pin(queue.next()));
            self.poll_claiming(cx);
            if self.claiming.is_some() {
                return;
            }
        }
    }

    fn take_claim(&mut self, claim: Option<Job>) {
        self.drained |= claim.is_none();
        self.claimed.extend(claim.map(Flight::from));
    }

    fn offer(&mut self, wanted: usize) {
        let (mut flights, mut bytes) = (Vec::new(), 0);
        while flights.len() < wanted && bytes < MOST_AHEAD_BYTES {
            let Some(flight) = self.claimed.pop_front() else { break };
            if is_marked_late(&flight.job) {
                self.offered.push_back(flight);
                break;
            }
            bytes += flight.job.content.size();
            flights.push(flight);
        }
        if !flights.is_empty() {
            let envelopes = flights.iter().map(|flight| flight.job.envelope).collect();
            let hurry = self.offered.is_empty();
            self.offering = Some((flights, Box::pin(self.queue.offering(envelopes, hurry))));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::smtp::testing::job;
    use crate::transport::smtp::testing::spooler::{Offerings, Spooler};

    #[tokio::test]
    async fn what_waits_behind_a_large_message_is_left_to_other_sessions() {
        let jobs = (1..=9).map(|number| job(number, &["b@example.org"], "x")).collect();
        let spooler = Spooler::new(jobs, Offerings::Write);
        let (queue, spare) = (spooler.submissions(), Spare::default());
        let feed = || Feed::new(&queue, &spare, spooler.support.ending());
        let mut busy = feed();
        assert!(busy.claim().await);
        let Fed::Flights(first) = busy.next(Some(1)).await else { panic!("a message was there") };
        assert_eq!(first.len(), 1);
        // What it had written down ahead comes to the others as soon as that is done.
        while spare.is_empty() {
            tokio::time::timeout(Duration::from_millis(5), busy.next(None)).await.ok();
        }
        let mut other = feed();
        let mut rest = Vec::new();
        while let Fed::Flights(flights) = other.next(Some(2)).await {
            rest.extend(flights.into_iter().map(|flight| flight.job.envelope.0));
        }
        rest.sort_unstable();
        assert_eq!(rest, (2..=9).collect::<Vec<i64>>());
        assert!(other.is_drained());
    }

    #[tokio::test]
    async fn who_waits_for_replies_does_not_gather_what_others_could_send() {
        let jobs = (1..=100).map(|number| job(number, &["b@example.org"], "x")).collect();
        let spooler = Spooler::new(jobs, Offerings::Write);
        let (queue, spare) = (spooler.submissions(), Spare::default());
        let mut one = Feed::new(&queue, &spare, spooler.support.ending());
        let mut taken = 0;
        // It has room for two at once, and then for none, until a reply comes.
        while taken < 2 {
            let Fed::Flights(flights) = one.next(Some(2 - taken)).await else { panic!("there are some") };
            taken += flights.len();
        }
        tokio::time::timeout(Duration::from_millis(50), one.next(Some(0))).await.ok();
        let mut other = Feed::new(&queue, &spare, spooler.support.ending());
        let mut left = 0;
        while let Fed::Flights(flights) = other.next(Some(32)).await {
            left += flights.len();
        }
        assert!(left >= 98 - 2 * LEAST_AHEAD, "{left} for the other");
    }
}
