//! The client's side: what window, tray and commands use to look at the status table and to ask for things.
//!
//! A [`Session`] keeps a replica of the spooler's rows. It changes only in [`Session::pump`] and its blocking
//! companions, so on the client's own thread: the tables and objects that a client holds stand still while it draws, and
//! nothing of the spooler ever waits for a client. Replies are waited for by those who asked.
//!
//! - [`StatusObject`] is `IMAPIStatus`: it refuses what the resource does not have. Everything else (unknown flags, a
//!   target that makes no sense) the spooler decides.
//! - `Awake` keeps the machine from sleeping while a row `is_on_the_line`, where there is a system bus to ask.
//! - [`flush_all`] and [`flush_each`] are the two procedures of the page "Sending or receiving a message on demand".

#[cfg(feature = "desktop")]
mod awake;
mod procedures;
mod run;
mod status;

#[cfg(feature = "desktop")]
pub use awake::{Awake, is_on_the_line};
pub use procedures::{flush_all, flush_each};
pub use run::{FlushReport, FlushResult, FlushRun, Progress, Via};
pub use status::{FlushAnswer, PendingFlush, PendingValidation, Refusal, StatusObject};

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, TryRecvError};

use crate::mapi::tag::{
    PR_DISPLAY_NAME, PR_ENTRYID, PR_INSTANCE_KEY, PR_OBJECT_TYPE, PR_PROVIDER_DLL_NAME, PR_RESOURCE_FLAGS,
    PR_RESOURCE_METHODS, PR_RESOURCE_TYPE, PR_ROWID, PR_STATUS_CODE,
};
use crate::mapi::{EntryId, MapiResult, PropTag, Row, Table, TableData};
use crate::spooler::line::EVENTS_KEPT;
use crate::spooler::{Command, Event, Line, Pending, Wake};

/// The column set that a status table starts with: the required and the computed ones (status-tables).
pub const STATUS_COLUMNS: [PropTag; 10] = [
    PR_ENTRYID,
    PR_INSTANCE_KEY,
    PR_ROWID,
    PR_OBJECT_TYPE,
    PR_DISPLAY_NAME,
    PR_PROVIDER_DLL_NAME,
    PR_RESOURCE_TYPE,
    PR_RESOURCE_METHODS,
    PR_RESOURCE_FLAGS,
    PR_STATUS_CODE,
];

/// A client's session with a spooler (`IMAPISession`).
#[derive(Debug)]
pub struct Session {
    line: Line,
    events: Receiver<Event>,
    rows: TableData,
    /// Events that were applied and not yet given to the client.
    unread: Vec<Event>,
    ready: bool,
    ended: bool,
    /// One more reference for each open [`StatusObject`].
    objects: Arc<()>,
}

impl Session {
    /// Logs on. Returns at once: the rows come with the first events. `wake` is called, on another thread, after
    /// each event and each reply.
    pub fn logon(line: &Line, wake: Wake) -> Self {
        let line = line.waking(Arc::clone(&wake));
        let events = line.subscribe(wake);
        Self {
            line,
            events,
            rows: TableData::new(&STATUS_COLUMNS),
            unread: Vec::new(),
            ready: false,
            ended: false,
            objects: Arc::new(()),
        }
    }

    /// Takes in what has arrived, without waiting, and returns it: rows are already up to date, and are among the
    /// events all the same, for whoever looks at one of them.
    pub fn pump(&mut self) -> Vec<Event> {
        // No more than the line holds: a spooler that is faster than this client must not keep it here.
        for _ in 0..EVENTS_KEPT {
            match self.events.try_recv() {
                Ok(event) => self.take_in(event),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    self.end();
                    break;
                }
            }
        }
        std::mem::take(&mut self.unread)
    }

    /// As [`Self::pump`], but waits for the first event; none when the time is over or the spooler has ended before.
    pub fn next_events(&mut self, timeout: Duration) -> Vec<Event> {
        if self.unread.is_empty() && !self.ended {
            self.wait_until(deadline(timeout));
        }
        self.pump()
    }

    /// Waits until the transports are logged on and the status table can be read.
    ///
    /// # Errors
    /// [`MapiResult::Timeout`], and [`MapiResult::EndOfSession`] when the spooler ended.
    pub fn wait_ready(&mut self, timeout: Duration) -> Result<(), MapiResult> {
        let deadline = deadline(timeout);
        while !self.ready {
            if self.ended {
                return Err(MapiResult::EndOfSession);
            }
            if !self.wait_until(deadline) {
                return Err(MapiResult::Timeout);
            }
        }
        Ok(())
    }

    /// Whether the status table can be read.
    pub const fn is_ready(&self) -> bool {
        self.ready
    }

    /// Whether the spooler has ended: no more events, and every request is refused.
    pub const fn has_ended(&self) -> bool {
        self.ended
    }

    /// A view of the status table (`GetStatusTable`).
    ///
    /// # Errors
    /// [`MapiResult::Busy`] until the transports are logged on. MAPI would block here; a window must not.
    pub fn get_status_table(&self) -> Result<Table, MapiResult> {
        if self.ready { Ok(self.rows.table()) } else { Err(MapiResult::Busy) }
    }

    /// All rows as they are now, whole, by row number: for who shows them all, as the window does. None before the status
    /// table can be read.
    pub fn rows(&self) -> Vec<Arc<Row>> {
        self.rows.rows()
    }

    /// Opens the status object of a resource (`OpenEntry`).
    ///
    /// # Errors
    /// [`MapiResult::InvalidEntryId`] for what is not one of ours, [`MapiResult::UnknownEntryId`] before the status
    /// table can be read, [`MapiResult::NotFound`] for a resource that is gone.
    pub fn open_entry(&self, entry_id: &EntryId) -> Result<StatusObject, MapiResult> {
        let (kind, _) = entry_id.parse()?;
        if !self.ready {
            return Err(MapiResult::UnknownEntryId);
        }
        self.rows.row(entry_id).ok_or(MapiResult::NotFound)?;
        let opened = Arc::clone(&self.objects);
        Ok(StatusObject::new(self.line.clone(), self.rows.clone(), entry_id.clone(), kind, opened))
    }

    /// Sends any other request: lists and verbs of the queue, cancel, offline, answers to questions.
    pub fn ask(&self, command: Command) -> Pending {
        self.line.ask(command)
    }

    /// How many status objects and how many tables are open.
    pub fn open_handles(&self) -> (usize, usize) {
        (Arc::strong_count(&self.objects) - 1, self.rows.open_tables())
    }

    /// Where events arrive, for a select; `None` once there will be no more.
    fn arrivals(&self) -> Option<&Receiver<Event>> {
        if self.ended { None } else { Some(&self.events) }
    }

    /// Takes in one event. False: the time was over before.
    fn wait_until(&mut self, deadline: Instant) -> bool {
        match self.events.recv_deadline(deadline) {
            Ok(event) => self.take_in(event),
            Err(RecvTimeoutError::Disconnected) => self.end(),
            Err(RecvTimeoutError::Timeout) => return false,
        }
        true
    }

    fn take_in(&mut self, event: Event) {
        let taken = match &event {
            Event::Reload(rows) => {
                let taken = self.rows.reload(rows.iter().cloned());
                self.ready |= taken.is_ok();
                taken
            }
            Event::RowAdded(row) | Event::RowModified(row) => self.rows.put(row.clone()),
            // Already gone is as good.
            Event::RowDeleted(entry_id) => self.rows.delete(entry_id).or(Ok(())),
            Event::Stopped => return self.end(),
            _ => Ok(()),
        };
        if let Err(result) = taken {
            tracing::warn!(%result, "the spooler sent rows that are none");
        }
        self.unread.push(event);
    }

    fn end(&mut self) {
        if !self.ended {
            self.ended = true;
            self.unread.push(Event::Stopped);
        }
    }
}

/// The end of a time-out; one too long to count counts as a year.
fn deadline(timeout: Duration) -> Instant {
    const YEAR: Duration = Duration::from_hours(365 * 24);
    Instant::now() + timeout.min(YEAR)
}

#[cfg(test)]
mod tests;
