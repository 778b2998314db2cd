//! The line from the spooler to one session: claims messages, has the spool write down that their last byte is about to
//! go out, and only then hands them over.
//!
//! Claiming and writing down go on beside the sending, several messages at a time, so that no message waits for the
//! disk by itself. One message is claimed ahead of what the window lets in: that it has to wait is how a session knows
//! that there is more work than it can carry.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio_util::sync::CancellationToken;

use super::window::MOST_BYTES;
use crate::mapi::Failure;
use crate::transport::{BoxFuture, Job, Submissions};

/// Messages that a session claimed and could not put at risk: another may have them. The spooler doesn't offer a
/// message twice in one flush.
#[derive(Debug, Default)]
pub(super) struct Spare(Mutex<VecDeque<Job>>);

impl Spare {
    pub(super) fn put(&self, jobs: impl IntoIterator<Item = Job>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(jobs);
    }

    /// The oldest of them.
    pub(super) fn take(&self) -> Option<Job> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

/// What comes out of a [`Feed`].
#[derive(Debug)]
pub(super) enum Fed {
    /// These may be sent to the last byte.
    Offered(Vec<Job>),
    /// There are no more.
    Drained,
    /// The spool could not write it down: nothing more may be sent.
    Refused(Failure),
}

/// Messages, and the spool's word that they may go out.
type Offering<'a> = (Vec<Job>, BoxFuture<'a, Result<(), Failure>>);

/// The feed of one session after the other. Its waiting methods may be dropped and called again.
pub(super) struct Feed<'a> {
    queue: &'a Submissions,
    spare: &'a Spare,
    /// Cancelled when no further message is to be begun.
    ending: &'a CancellationToken,
    /// Must be brought to its end before anyone else can claim, and is not to be dropped: the answer would be lost.
    claiming: Option<BoxFuture<'a, Option<Job>>>,
    drained: bool,
    claimed: VecDeque<Job>,
    offering: Option<Offering<'a>>,
}

impl<'a> Feed<'a> {
    /// A feed from the queue, and from what other sessions left.
    pub(super) fn new(queue: &'a Submissions, spare: &'a Spare, ending: &'a CancellationToken) -> Self {
        Self { queue, spare, ending, claiming: None, drained: false, claimed: VecDeque::new(), offering: None }
    }

    /// Waits until there is something to send, and leaves no claim under way. Gives whether there is.
    pub(super) async fn claim(&mut self) -> bool {
        self.rest().await;
        poll_fn(|cx| {
            self.poll_claims(cx, 1);
            let decided = !self.claimed.is_empty() || self.offering.is_some() || self.drained;
            if decided { Poll::Ready(!self.is_drained()) } else { Poll::Pending }
        })
        .await
    }

    /// The next messages, `room` at most. Must not be called once it is drained.
    pub(super) async fn next(&mut self, room: usize) -> Fed {
        poll_fn(|cx| self.poll_next(cx, room)).await
    }

    /// Messages that are about to come out.
    pub(super) fn offered(&self) -> usize {
        self.offering.as_ref().map_or(0, |(jobs, _)| jobs.len())
    }

    /// A message waits for room.
    pub(super) fn is_ahead(&self) -> bool {
        !self.claimed.is_empty()
    }

    /// Nothing will come any more.
    pub(super) fn is_drained(&self) -> bool {
        self.drained && self.claimed.is_empty() && self.offering.is_none()
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
        let offered = self.offering.take().map(|(jobs, _)| jobs).unwrap_or_default();
        self.spare.put(offered.into_iter().chain(self.claimed));
    }

    fn poll_next(&mut self, cx: &mut Context<'_>, room: usize) -> Poll<Fed> {
        if self.offering.is_none() {
            self.poll_claims(cx, room.max(1));
            if room > 0 && !self.claimed.is_empty() {
                self.offer(room);
            }
        }
        let Some((_, written)) = &mut self.offering else {
            return if self.is_drained() { Poll::Ready(Fed::Drained) } else { Poll::Pending };
        };
        let Poll::Ready(result) = written.as_mut().poll(cx) else { return Poll::Pending };
        let jobs = self.offering.take().map(|(jobs, _)| jobs).unwrap_or_default();
        Poll::Ready(match result {
            Ok(()) => Fed::Offered(jobs),
            Err(failure) => {
                self.spare.put(jobs);
                Fed::Refused(failure)
            }
        })
    }

    /// Claims until `wanted` are in hand, or the spooler has to be waited for.
    fn poll_claims(&mut self, cx: &mut Context<'_>, wanted: usize) {
        if self.ending.is_cancelled() {
            self.drained = true;
            self.spare.put(self.claimed.drain(..));
            return;
        }
        while self.claimed.len() < wanted {
            if let Some(job) = self.spare.take() {
                self.claimed.push_back(job);
                continue;
            }
            if self.drained {
                return;
            }
            let queue = self.queue;
            let claiming = self.claiming.get_or_insert_with(|| Box::pin(queue.next()));
            let Poll::Ready(claim) = claiming.as_mut().poll(cx) else { return };
            self.claiming = None;
            self.take_claim(claim);
        }
    }

    fn take_claim(&mut self, claim: Option<Job>) {
        self.drained |= claim.is_none();
        self.claimed.extend(claim);
    }

    fn offer(&mut self, room: usize) {
        let (mut jobs, mut bytes) = (Vec::new(), 0);
        while jobs.len() < room && bytes < MOST_BYTES {
            let Some(job) = self.claimed.pop_front() else { break };
            bytes += job.content.size();
            jobs.push(job);
        }
        let envelopes = jobs.iter().map(|job| job.envelope).collect();
        self.offering = Some((jobs, Box::pin(self.queue.offering(envelopes))));
    }
}
