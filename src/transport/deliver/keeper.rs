//! Keeps what comes in: delivers it, has it recorded, and says what may be let go at its source.
//!
//! For a Maildir three things go on side by side: messages come from the line, those that came become files, and a
//! group of files becomes durable and is put on record. A group is whatever has gathered while the one before it was
//! being made durable, so groups are as large as the disk is slow, and nothing needs to know how slow that is. On a
//! line slower than the disk a group waits for [`GROUP_AGE`] before it goes: progress is seen and kept, and a trickle of
//! messages does not become a storm of synchronisations.
//!
//! It ends by itself when it is cancelled. What is being made durable then gets its names all the same, and is found by
//! them next time; the lock on the Maildir is held until that is over.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedMutexGuard, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

use super::intake::Waiting;
use super::maildir::{self, Maildir, Staged};
use super::{Delivery, Taker, Target, blocking};
use crate::mapi::{Blame, Class, Failure, Stage};
use crate::transport::report::ReportKind;
use crate::transport::{Receipts, Support};

/// Messages of a group that are enough for a synchronisation to weigh little.
const GROUP_ENOUGH: usize = 256;
/// Messages of a group at most: when the disk is so slow, the line waits.
const GROUP_MESSAGES: usize = 1024;
/// A group is not kept open for longer.
const GROUP_AGE: Duration = Duration::from_millis(250);
/// Messages made files at a time.
const BATCH: usize = 64;
/// How long a batch gathers: passing messages to another thread one by one costs more than the messages.
const BATCH_AGE: Duration = Duration::from_millis(4);

/// What keeping takes.
#[derive(Debug)]
pub(super) struct Keep {
    pub(super) support: Support,
    pub(super) receipts: Receipts,
    pub(super) mailbox: Arc<str>,
    /// Nobody else works on what is delivered to.
    pub(super) busy: Arc<OwnedMutexGuard<()>>,
}

impl Keep {
    /// Keeps all that comes. Gives the names of what is safe.
    ///
    /// # Errors
    /// Delivering or recording failed, or cancelled.
    pub(super) async fn all(
        self,
        delivery: Delivery,
        parcels: mpsc::Receiver<Waiting>,
    ) -> Result<Vec<String>, Failure> {
        match delivery.target {
            Target::Maildir(maildir) => {
                let groups = Groups {
                    keep: self,
                    maildir,
                    transport: delivery.transport,
                    open: Vec::new(),
                    began: Instant::now(),
                    committing: None,
                    recorded: Vec::new(),
                };
                groups.all(parcels).await
            }
            Target::Taker(taker) => self.hand_over(&taker, parcels).await,
        }
    }

    /// Each message is a group of its own: whoever takes them can't be asked what he already has, so that at most one
    /// may arrive there twice.
    async fn hand_over(self, taker: &Taker, mut parcels: mpsc::Receiver<Waiting>) -> Result<Vec<String>, Failure> {
        let mut recorded = Vec::new();
        while let Some(waiting) = self.unless_cancelled(parcels.recv()).await? {
            match taker.deliver(&waiting.parcel, &self.support).await {
                Ok(()) => {
                    let item = waiting.parcel.item();
                    recorded.push(item.uid.clone());
                    self.receipts.record(&self.mailbox, vec![item]).await?;
                }
                Err(failure) if failure.blame == Blame::Message => {
                    self.support.report(ReportKind::ReceiveFailed(failure));
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(recorded)
    }

    async fn unless_cancelled<T>(&self, work: impl Future<Output = T>) -> Result<T, Failure> {
        tokio::select! {
            biased;
            () = self.support.cancel().cancelled() => Err(self.cancelled()),
            done = work => Ok(done),
        }
    }

    fn cancelled(&self) -> Failure {
        Failure::cancelled(Stage::Deliver, self.support.transport())
    }
}

/// What is being made durable; gives what was recorded.
type Committing = JoinHandle<Result<Vec<String>, Failure>>;

/// The way into a Maildir.
#[derive(Debug)]
struct Groups {
    keep: Keep,
    maildir: Arc<Maildir>,
    transport: Arc<str>,
    /// Files that are not durable yet.
    open: Vec<Staged>,
    /// Since when there are any.
    began: Instant,
    committing: Option<Committing>,
    recorded: Vec<String>,
}

impl Groups {
    async fn all(mut self, mut parcels: mpsc::Receiver<Waiting>) -> Result<Vec<String>, Failure> {
        let cancel = self.keep.support.cancel().clone();
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                biased;
                () = cancel.cancelled() => return Err(self.keep.cancelled()),
                done = landed(&mut self.committing) => self.recorded.extend(done?),
                () = sleep_until(self.began + GROUP_AGE), if !self.open.is_empty() && self.committing.is_none() => {
                    self.commit();
                }
                came = parcels.recv_many(&mut batch, BATCH), if self.open.len() < GROUP_MESSAGES => {
                    if came == 0 {
                        break;
                    }
                    if came < BATCH && !parcels.is_closed() {
                        sleep(BATCH_AGE).await;
                        while batch.len() < BATCH && let Ok(more) = parcels.try_recv() {
                            batch.push(more);
                        }
                    }
                    self.stage(std::mem::take(&mut batch)).await?;
                }
            }
            if self.open.len() >= GROUP_ENOUGH && self.committing.is_none() {
                self.commit();
            }
        }
        while !self.open.is_empty() || self.committing.is_some() {
            if self.committing.is_none() {
                self.commit();
            }
            let done = self.keep.unless_cancelled(landed(&mut self.committing)).await??;
            self.recorded.extend(done);
        }
        Ok(self.recorded)
    }

    /// Makes files of messages.
    async fn stage(&mut self, batch: Vec<Waiting>) -> Result<(), Failure> {
        if self.open.is_empty() {
            self.began = Instant::now();
        }
        let (maildir, busy) = (Arc::clone(&self.maildir), Arc::clone(&self.keep.busy));
        let (transport, mailbox) = (Arc::clone(&self.transport), Arc::clone(&self.keep.mailbox));
        let staging = blocking(move || {
            let _busy = busy;
            let stage = |waiting: Waiting| {
                let unique = maildir::unique(&transport, &mailbox, &waiting.parcel.uid);
                maildir.stage(&unique, waiting.parcel)
            };
            batch.into_iter().map(stage).collect::<Result<Vec<Staged>, Failure>>()
        });
        let staged = self.keep.unless_cancelled(staging).await??;
        self.open.extend(staged);
        Ok(())
    }

    /// Begins to make the group durable, and to record it.
    fn commit(&mut self) {
        let group = std::mem::take(&mut self.open);
        let (maildir, busy) = (Arc::clone(&self.maildir), Arc::clone(&self.keep.busy));
        let (receipts, mailbox) = (self.keep.receipts.clone(), Arc::clone(&self.keep.mailbox));
        self.committing = Some(tokio::spawn(async move {
            let items = blocking(move || {
                let _busy = busy;
                maildir.sync(group)?.place()
            });
            let items = items.await?;
            let uids = items.iter().map(|item| item.uid.clone()).collect();
            receipts.record(&mailbox, items).await?;
            Ok(uids)
        }));
    }
}

/// What came of the group that is being made durable; waits for ever while there is none.
async fn landed(committing: &mut Option<Committing>) -> Result<Vec<String>, Failure> {
    let Some(task) = committing else { return std::future::pending().await };
    let done = task.await;
    *committing = None;
    done.unwrap_or_else(|error| Err(Failure::new(Class::Local, Stage::Deliver, "delivery", error.to_string())))
}
