//! The way of received messages from the line to the record: gather a group, deliver it, record it, and only then let
//! go of it at its source.
//!
//! While one group is being written the next one comes in: the disk and the line work side by side, at most one group
//! each.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::{Delivered, Delivery, GROUP_BYTES, Parcel, Writer, maildir};
use crate::mapi::{Class, Failure, Stage};
use crate::transport::report::ReportKind;
use crate::transport::{Receipts, ReceivedItem, Support};

/// A group is not kept open for longer, so that on a slow line progress is seen and kept.
const GROUP_AGE: Duration = Duration::from_secs(1);

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
            group: Vec::new(),
            bytes: 0,
            began: Instant::now(),
            writing: None,
            recorded: Vec::new(),
        })
    }
}

/// The messages of one mailbox on their way in.
#[derive(Debug)]
pub(crate) struct Intake<'a> {
    inbox: &'a Inbox<'a>,
    there: &'a HashMap<String, PathBuf>,
    mailbox: Arc<str>,
    group: Vec<Parcel>,
    bytes: u64,
    began: Instant,
    writing: Option<JoinHandle<Result<Delivered, Failure>>>,
    recorded: Vec<String>,
}

impl Intake<'_> {
    /// Whether it lies here already, not recorded because the process died in between. A file of another size than the
    /// server says is another message: there are servers that give a UID twice, and what is taken for received may be
    /// deleted there.
    pub(crate) fn already(&self, uid: &str, size: Option<u64>) -> bool {
        if self.there.is_empty() {
            return false;
        }
        let unique = maildir::unique(&self.inbox.delivery.transport, &self.mailbox, uid);
        self.there.get(&unique).is_some_and(|path| match (path.metadata(), size) {
            (Ok(data), Some(size)) => data.len() == size,
            // It was moved since, or the server does not say.
            _ => true,
        })
    }

    /// Records what lies here already.
    ///
    /// # Errors
    /// As [`Receipts::record`].
    pub(crate) async fn found(&mut self, items: Vec<ReceivedItem>) -> Result<(), Failure> {
        self.record(items).await
    }

    /// Takes in a message.
    pub(crate) fn writer(&self) -> Writer {
        Writer::new(self.inbox.delivery.spill())
    }

    /// Adds a whole message to the group, and delivers the group when it is due.
    ///
    /// # Errors
    /// Delivering or recording failed, for good: receiving more makes no sense.
    pub(crate) async fn add(&mut self, parcel: Parcel) -> Result<(), Failure> {
        if self.group.is_empty() {
            self.began = Instant::now();
        }
        self.bytes += parcel.size;
        self.group.push(parcel);
        let full = self.group.len() >= self.inbox.delivery.group() || self.bytes >= GROUP_BYTES;
        if full || self.began.elapsed() >= GROUP_AGE { self.dispatch().await } else { Ok(()) }
    }

    /// Delivers and records what is left. Gives everything recorded since the last call: that may be deleted at its
    /// source.
    ///
    /// # Errors
    /// As [`Self::add`].
    pub(crate) async fn settle(&mut self) -> Result<Vec<String>, Failure> {
        self.dispatch().await?;
        self.land().await?;
        Ok(std::mem::take(&mut self.recorded))
    }

    /// Starts to deliver the group, once the one before it is recorded.
    async fn dispatch(&mut self) -> Result<(), Failure> {
        self.land().await?;
        if !self.group.is_empty() {
            let group = std::mem::take(&mut self.group);
            self.bytes = 0;
            let (delivery, support) = (self.inbox.delivery.clone(), self.inbox.support.clone());
            self.writing = Some(tokio::spawn(delivery.deliver(support, Arc::clone(&self.mailbox), group)));
        }
        Ok(())
    }

    /// Waits for the group that is being delivered and has it recorded.
    async fn land(&mut self) -> Result<(), Failure> {
        let Some(writing) = self.writing.take() else { return Ok(()) };
        let delivered = tokio::select! {
            biased;
            done = writing => done.unwrap_or_else(|error| {
                Err(Failure::new(Class::Local, Stage::Deliver, "delivery", error.to_string()))
            })?,
            // What is being written gets its names all the same, and is found by them next time.
            () = self.inbox.support.cancel().cancelled() => {
                return Err(Failure::cancelled(Stage::Deliver, self.inbox.support.transport()));
            }
        };
        for failure in delivered.failed {
            self.inbox.support.report(ReportKind::ReceiveFailed(failure));
        }
        self.record(delivered.items).await
    }

    async fn record(&mut self, items: Vec<ReceivedItem>) -> Result<(), Failure> {
        if items.is_empty() {
            return Ok(());
        }
        let uids: Vec<String> = items.iter().map(|item| item.uid.clone()).collect();
        self.inbox.receipts.record(&self.mailbox, items).await?;
        self.recorded.extend(uids);
        Ok(())
    }
}
