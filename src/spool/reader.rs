//! Reading beside the writer: lists for windows, contents for transports, material for reports.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::model::{ListQuery, Page, QueueDetail, Seconds};
use super::{SpoolError, list, schema};
use crate::mapi::{EnvelopeId, Failure, MessageId, RecipientId};
use crate::message::report::{Refused, ReportInput};
use crate::transport::ContentStore;

/// Headers kept in a report.
const REPORTED_HEADERS: usize = 64 << 10;

/// A connection that reads.
#[derive(Debug)]
pub struct Reader {
    db: Connection,
}

impl Reader {
    /// Opens the spool for reading. It must be there and of this version.
    ///
    /// # Errors
    /// It can't be opened.
    pub fn open(path: &Path) -> Result<Self, SpoolError> {
        Ok(Self { db: schema::open_reader(path)? })
    }

    /// A page of the queue.
    ///
    /// # Errors
    /// The spool can't be read.
    pub fn list(&mut self, query: &ListQuery, now: Seconds) -> Result<Page, SpoolError> {
        // In one transaction, so that the total belongs to the page.
        let db = self.db.transaction()?;
        list::page(&db, query, now)
    }

    /// Everything about one envelope.
    ///
    /// # Errors
    /// The spool can't be read.
    pub fn show(&mut self, envelope: EnvelopeId) -> Result<Option<QueueDetail>, SpoolError> {
        let db = self.db.transaction()?;
        list::detail(&db, envelope)
    }

    /// Gives the content of an envelope, piece by piece.
    ///
    /// # Errors
    /// [`SpoolError::Gone`] when it was sent and its content let go; what `out` says, as [`SpoolError::Io`].
    pub fn write_content(
        &mut self,
        envelope: EnvelopeId,
        out: &mut dyn FnMut(&[u8]) -> std::io::Result<()>,
    ) -> Result<(), SpoolError> {
        let sql = "SELECT message FROM envelope WHERE id = ?1";
        let message: Option<MessageId> =
            self.db.prepare_cached(sql)?.query_row([envelope], |row| row.get(0)).optional()?;
        let message = message.ok_or(SpoolError::Gone)?;
        let mut number = 0;
        while let Some(bytes) = chunk(&self.db, message, number)? {
            out(&bytes).map_err(|error| SpoolError::io(Path::new("content"), error))?;
            number += 1;
        }
        if number == 0 { Err(SpoolError::Gone) } else { Ok(()) }
    }

    /// What a delivery report on these recipients says; `None` when none is due: the message is itself a report, or has
    /// the null sender.
    ///
    /// # Errors
    /// The spool can't be read.
    pub fn report_input(
        &mut self,
        envelope: EnvelopeId,
        recipients: &[RecipientId],
    ) -> Result<Option<ReportInput>, SpoolError> {
        let sql = "SELECT e.sender, m.subject, m.message_id, e.queued_at, e.message FROM envelope e
                   JOIN message m ON m.id = e.message WHERE e.id = ?1 AND m.is_report = 0 AND e.sender <> ''";
        let found = self
            .db
            .prepare_cached(sql)?
            .query_row([envelope], |row| {
                let input = ReportInput {
                    to: row.get(0)?,
                    subject: row.get(1)?,
                    message_id: row.get(2)?,
                    submitted_at: row.get(3)?,
                    refused: Vec::new(),
                    headers: Vec::new(),
                };
                Ok((input, row.get::<_, MessageId>(4)?))
            })
            .optional()?;
        let Some((mut input, message)) = found else { return Ok(None) };
        let mut statement = self.db.prepare_cached("SELECT address, failure FROM recipient WHERE id = ?1")?;
        for recipient in recipients {
            let refused = statement.query_row([recipient], |row| {
                let failure = row.get::<_, Option<String>>(1)?.and_then(|text| serde_json::from_str(&text).ok());
                Ok(Refused { address: row.get(0)?, failure })
            })?;
            input.refused.push(refused);
        }
        input.headers = headers(&chunk(&self.db, message, 0)?.unwrap_or_default());
        Ok(Some(input))
    }
}

/// The headers at the beginning of a content.
fn headers(content: &[u8]) -> Vec<u8> {
    let end = content.windows(4).position(|four| four == b"\r\n\r\n").map_or(content.len(), |at| at + 2);
    content.iter().take(end.min(REPORTED_HEADERS)).copied().collect()
}

fn chunk(db: &Connection, message: MessageId, number: u32) -> Result<Option<Vec<u8>>, SpoolError> {
    let sql = "SELECT bytes FROM chunk WHERE message = ?1 AND number = ?2";
    Ok(db.prepare_cached(sql)?.query_row(params![message, number], |row| row.get(0)).optional()?)
}

/// Contents for transports, in chunks.
#[derive(Debug)]
pub struct StoredContent {
    db: Mutex<Connection>,
}

impl StoredContent {
    /// Opens the spool for reading contents.
    ///
    /// # Errors
    /// It can't be opened.
    pub fn open(path: &Path) -> Result<Self, SpoolError> {
        Ok(Self { db: Mutex::new(schema::open_reader(path)?) })
    }
}

impl ContentStore for StoredContent {
    fn chunk(&self, message: MessageId, number: u32) -> Result<Option<Bytes>, Failure> {
        let db = self.db.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(chunk(&db, message, number)?.map(Bytes::from))
    }
}
