//! Table notifications, and the channel in which they wait (imapitable-advise, table_notification).

use std::sync::{Arc, Weak};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use super::SRow;
use crate::mapi::{EntryId, TableEvent};

/// Notifications kept for a listener that does not read. One more, and all of them make way for one
/// [`TableEvent::Reload`].
pub const BACKLOG: usize = 1024;

/// One change to a table, as it was at that moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableNotification {
    /// What happened.
    pub event: TableEvent,
    /// Instance key of the row (`propIndex`); none for the table as a whole.
    pub instance_key: Option<EntryId>,
    /// Instance key of the row before it (`propPrior`); none when it is the first, or is gone.
    pub prior_key: Option<EntryId>,
    /// The row, in the columns that were in force; none when it is gone.
    pub row: Option<SRow>,
}

impl TableNotification {
    /// Something happened to the table as a whole.
    pub(super) const fn of_table(event: TableEvent) -> Self {
        Self { event, instance_key: None, prior_key: None, row: None }
    }
}

/// A registration. Dropping it is `Unadvise`, after which nothing is delivered any more.
#[derive(Debug)]
pub struct Connection {
    notifications: Receiver<TableNotification>,
    _registered: Arc<()>,
}

impl Connection {
    /// Where the notifications arrive. It is disconnected once the table has been released.
    pub const fn notifications(&self) -> &Receiver<TableNotification> {
        &self.notifications
    }
}

/// The table's end of a [`Connection`].
#[derive(Debug)]
pub(super) struct Sink {
    sender: Sender<TableNotification>,
    backlog: Receiver<TableNotification>,
    registered: Weak<()>,
}

impl Sink {
    pub(super) fn new() -> (Self, Connection) {
        let (sender, notifications) = bounded(BACKLOG);
        let registered = Arc::new(());
        let sink = Self { sender, backlog: notifications.clone(), registered: Arc::downgrade(&registered) };
        (sink, Connection { notifications, _registered: registered })
    }

    pub(super) fn is_registered(&self) -> bool {
        self.registered.strong_count() > 0
    }

    pub(super) fn push(&self, notification: TableNotification) {
        if let Err(TrySendError::Full(_)) = self.sender.try_send(notification) {
            while self.backlog.try_recv().is_ok() {}
            // There is room: only the holder of the table's lock sends.
            self.sender.try_send(TableNotification::of_table(TableEvent::Reload)).ok();
        }
    }
}
