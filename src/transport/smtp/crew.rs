//! The connections of one outgoing phase: one to begin with, more as there is more work than those at hand can carry.
//!
//! When a connection has shown that the server takes mail, and a message has to wait for room nevertheless, as many
//! more are opened as there are, up to the profile's limit; with much to do, all at once, but for the login, where one
//! goes first ([`Gate`]). A connection that broke off after it had got answers is
//! opened anew: servers limit what one session may carry, and lines drop. One that got none is not: that ends it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use secrecy::SecretString;
use tokio::sync::{Notify, OnceCell};

use super::drive::{Drive, End};
use super::feed::{Feed, Spare};
use super::flight::{Ended, Flight};
use super::gate::Gate;
use super::limit::SessionLimit;
use super::open::Opening;
use crate::mapi::{Class, Failure, Stage};
use crate::net::connect::address_words;
use crate::profile::SmtpConfig;
use crate::transport::meter::Meter;
use crate::transport::{Severity, Submissions, Support, secrets};

/// Messages in hand with which it is worth to open all connections at once.
const MUCH: usize = 32;

/// One outgoing phase.
pub(super) struct Crew<'a> {
    pub(super) support: &'a Support,
    pub(super) lmtp: bool,
    config: &'a SmtpConfig,
    queue: &'a Submissions,
    pub(super) session_limit: SessionLimit<'a>,
    spare: Spare,
    meter: Mutex<Meter<'a>>,
    secret: OnceCell<Option<SecretString>>,
    gate: Gate,
    /// More hands are wanted.
    wanted: Notify,
    /// Connections that have been begun and are not ready yet.
    opening: AtomicUsize,
}

impl<'a> Crew<'a> {
    /// A crew for this phase.
    pub(super) fn new(
        (config, lmtp): (&'a SmtpConfig, bool),
        session_limit: SessionLimit<'a>,
        support: &'a Support,
        queue: &'a Submissions,
    ) -> Self {
        Self {
            session_limit,
            support,
            lmtp,
            config,
            queue,
            spare: Spare::default(),
            meter: Mutex::new(Meter::new(support)),
            secret: OnceCell::new(),
            gate: Gate::default(),
            wanted: Notify::new(),
            opening: AtomicUsize::new(0),
        }
    }

    /// Works until the queue is drained.
    ///
    /// # Errors
    /// What broke the work off, unless other connections did it all.
    pub(super) async fn run(&self) -> Result<(), Failure> {
        let most = usize::from(self.config.connections.max(1));
        let mut hands = FuturesUnordered::new();
        let (mut begun, mut wanted, mut drained, mut broken) = (0, 1, false, None);
        loop {
            while begun < most && wanted > 0 {
                hands.push(self.work(begun == 0));
                (begun, wanted) = (begun + 1, wanted - 1);
            }
            tokio::select! {
                biased;
                result = hands.next() => match result {
                    Some(Ok(())) => drained = true,
                    Some(Err(failure)) => broken = broken.or(Some(failure)),
                    None => break,
                },
                () = self.wanted.notified() => wanted = if self.has_much() { most } else { hands.len() },
            }
        }
        let mut left_over = false;
        while let Some(flight) = self.spare.take() {
            left_over = true;
            self.end_message(flight.finish());
        }
        if self.support.cancel().is_cancelled() {
            return Err(Failure::cancelled(Stage::Queue, address_words(&self.config.server)));
        }
        match broken {
            Some(failure) if left_over || !drained => Err(failure),
            _ => Ok(()),
        }
    }

    /// How long to wait where the protocol advises this.
    pub(super) fn limit(&self, advised: Duration) -> Duration {
        self.config.server.limit(advised)
    }

    /// There is more work than the connections at hand can carry.
    pub(super) fn more_hands(&self) {
        if self.opening.load(Ordering::Relaxed) == 0 {
            self.wanted.notify_one();
        }
    }

    /// An envelope is through.
    pub(super) fn end_message(&self, ended: Ended) {
        let acknowledged = ended.acknowledged();
        self.queue.end_message(ended.job.envelope, ended.outcomes);
        self.acknowledged(acknowledged);
    }

    /// The server took this many more bytes of content.
    pub(super) fn acknowledged(&self, bytes: u64) {
        if bytes > 0 {
            self.meter.lock().unwrap_or_else(PoisonError::into_inner).add(bytes);
        }
    }

    /// Envelopes that another session may have: one broke off and did not put them at risk, or can't serve them.
    pub(super) fn leave(&self, flights: impl IntoIterator<Item = Flight>) {
        self.spare.put(flights);
    }

    /// So much waits that several connections have something to do.
    pub(super) fn has_much(&self) -> bool {
        self.queue.waiting() >= MUCH
    }

    /// One connection, from its first message to the last.
    async fn work(&self, first: bool) -> Result<(), Failure> {
        let mut feed = Feed::new(self.queue, &self.spare, self.support.ending());
        let result = self.serve(&mut feed, first).await;
        feed.close().await;
        result
    }

    async fn serve<'f>(&'f self, feed: &mut Feed<'f>, first: bool) -> Result<(), Failure> {
        // The row shows how far the first connection is: several would contradict each other.
        let show = |stage| self.support.stage(stage);
        let hide = |_stage| ();
        let stage: &(dyn Fn(Stage) + Send + Sync) = if first { &show } else { &hide };
        while feed.claim().await {
            if first && self.has_much() {
                self.wanted.notify_one();
            }
            self.opening.fetch_add(1, Ordering::Relaxed);
            let line = self.open(stage).await;
            self.opening.fetch_sub(1, Ordering::Relaxed);
            match Drive::new(line?, self, feed, stage).run().await {
                End::Done => (),
                End::Lost { failure, answered } if answered && is_worth_another(&failure) => {
                    self.support.log(Severity::Info, format!("connecting anew after: {failure}"));
                }
                End::Lost { failure, .. } => return Err(failure),
            }
        }
        Ok(())
    }

    async fn open(&self, stage: &(dyn Fn(Stage) + Send + Sync)) -> Result<super::open::Line, Failure> {
        let server = &self.config.server;
        let secret = self.secret.get_or_try_init(|| secrets::beforehand(self.support, server)).await?.clone();
        Opening { server, lmtp: self.lmtp, secret, support: self.support, gate: &self.gate, stage }.open().await
    }
}

/// The line or the message was at fault, so a new line may do better.
const fn is_worth_another(failure: &Failure) -> bool {
    matches!(failure.class, Class::Transient | Class::Local)
}
