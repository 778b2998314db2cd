//! The way in for received messages: from the line, past what lies here already, to the keeper.
//!
//! Between the line and the keeper there is room for [`ROOM`] bytes, so that both work side by side and neither the size
//! of messages nor their number decides how much memory is held.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinHandle;

use super::{Delivery, Parcel, Writer, keeper, maildir};
use crate::mapi::{Class, Failure, Stage};
use crate::transport::{Receipts, ReceivedItem, Support};

/// Bytes of message in memory between the line and the disk. More than [`super::parcel::IN_MEMORY`], the largest that is
/// held there.
const ROOM: usize = 2 << 20;
/// Messages between the line and the disk.
const QUEUE: usize = 512;

/// What all mailboxes of one incoming phase share.
#[derive(Debug)]
pub(crate) struct Inbox<'a> {
    delivery: &'a Delivery,
    /// To whom it reports.
    pub support: &'a Support,
    /// Where it is recorded.
    pub receipts: &'a Receipts,
    /// What lay in the Maildir when the first message came, by its unique name. Looked up only if one comes: most
    /// receives find nothing new.
    there: OnceCell<HashMap<String, PathBuf>>,
}

impl<'a> Inbox<'a> {
    /// Touches nothing yet.
    pub(crate) fn new(delivery: &'a Delivery, support: &'a Support, receipts: &'a Receipts) -> Self {
        Self { delivery, support, receipts, there: OnceCell::new() }
    }

    /// Opens it for messages of one mailbox.
    ///
    /// # Errors
    /// The place where mail goes can't be used.
    pub(crate) async fn mailbox(&self, mailbox: &str) -> Result<Intake<'_>, Failure> {
        let there = self.there.get_or_try_init(|| self.delivery.prepare()).await?;
        Ok(Intake {
            inbox: self,
            there,
            mailbox: mailbox.into(),
            room: Arc::new(Semaphore::new(ROOM)),
            lane: None,
            recorded: Vec::new(),
        })
    }
}

/// A message on its way to the keeper, and the room it takes up.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) parcel: Parcel,
    _room: OwnedSemaphorePermit,
}

/// The line to the keeper, and what comes of all that is passed to it.
#[derive(Debug)]
struct Lane {
    parcels: mpsc::Sender<Waiting>,
    keeper: JoinHandle<Result<Vec<String>, Failure>>,
}

/// The messages of one mailbox on their way in.
#[derive(Debug)]
pub(crate) struct Intake<'a> {
    inbox: &'a Inbox<'a>,
    there: &'a HashMap<String, PathBuf>,
    mailbox: Arc<str>,
    room: Arc<Semaphore>,
    /// Opened by the first message.
    lane: Option<Lane>,
    /// Found here, and recorded.
    recorded: Vec<String>,
}

impl Intake<'_> {
    /// Whether it lies here already, not recorded because the process died in between. A file of another size than the
    /// server says is another message: there are servers that give a UID twice, and what is taken for received may be
    /// deleted there.
    pub(crate) fn already(&self, uid: &str, size: Option<u64>) -> bool {
        self.found_at(uid).is_some_and(|path| match (path.metadata(), size) {
            (Ok(data), Some(size)) => data.len() == size,
            // It was moved since, or the server does not say.
            _ => true,
        })
    }

    /// Whether something of its name lies here: then its size decides ([`Self::already`]).
    pub(crate) fn perhaps(&self, uid: &str) -> bool {
        self.found_at(uid).is_some()
    }

    fn found_at(&self, uid: &str) -> Option<&PathBuf> {
        if self.there.is_empty() {
            return None;
        }
        self.there.get(&maildir::unique(&self.inbox.delivery.transport, &self.mailbox, uid))
    }

    /// Records what lies here already.
    ///
    /// # Errors
    /// As [`Receipts::record`].
    pub(crate) async fn found(&mut self, items: Vec<ReceivedItem>) -> Result<(), Failure> {
        if items.is_empty() {
            return Ok(());
        }
        let uids: Vec<String> = items.iter().map(|item| item.uid.clone()).collect();
        self.inbox.receipts.record(&self.mailbox, items).await?;
        self.recorded.extend(uids);
        Ok(())
    }

    /// Takes in a message.
    pub(crate) fn writer(&self) -> Writer {
        Writer::new(self.inbox.delivery.spill())
    }

    /// Passes a whole message on. Waits while the keeper has its hands full.
    ///
    /// # Errors
    /// Delivering or recording failed, for good: receiving more makes no sense.
    pub(crate) async fn add(&mut self, parcel: Parcel) -> Result<(), Failure> {
        let bytes = u32::try_from(parcel.in_memory().min(ROOM)).unwrap_or_default();
        let Ok(room) = Arc::clone(&self.room).acquire_many_owned(bytes).await else { return Err(broken_off()) };
        if self.lane.is_none() {
            self.lane = Some(self.open().await?);
        }
        let Some(lane) = &self.lane else { return Err(broken_off()) };
        if lane.parcels.send(Waiting { parcel, _room: room }).await.is_ok() {
            return Ok(());
        }
        // It has ended before its time, and says why.
        self.close().await.and(Err(broken_off()))
    }

    async fn open(&self) -> Result<Lane, Failure> {
        let (parcels, queue) = mpsc::channel(QUEUE);
        let (delivery, support) = (self.inbox.delivery.clone(), self.inbox.support.clone());
        // What a cancelled flush was writing may still be on its way to the disk.
        let busy = tokio::select! {
            biased;
            () = support.cancel().cancelled() => return Err(Failure::cancelled(Stage::Deliver, support.transport())),
            busy = Arc::clone(&delivery.busy).lock_owned() => Arc::new(busy),
        };
        let receipts = self.inbox.receipts.clone();
        let keep = keeper::Keep { support, receipts, mailbox: Arc::clone(&self.mailbox), busy };
        Ok(Lane { parcels, keeper: tokio::spawn(keep.all(delivery, queue)) })
    }

    /// Waits until all is delivered and recorded. Gives everything that was: it may be deleted at its source.
    ///
    /// # Errors
    /// As [`Self::add`], or cancelled.
    pub(crate) async fn settle(mut self) -> Result<Vec<String>, Failure> {
        self.close().await?;
        Ok(self.recorded)
    }

    async fn close(&mut self) -> Result<(), Failure> {
        let Some(Lane { parcels, keeper }) = self.lane.take() else { return Ok(()) };
        drop(parcels);
        self.recorded.extend(keeper.await.unwrap_or_else(|_panicked| Err(broken_off()))?);
        Ok(())
    }
}

fn broken_off() -> Failure {
    Failure::new(Class::Local, Stage::Deliver, "delivery", "broke off")
}
