//! Content on its way out, read in chunks by the transports' blocking threads.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension};

use super::sql::unsigned;
use super::{SpoolError, reader, schema};
use crate::mapi::{Failure, MessageId};
use crate::transport::ContentStore;

/// Connections kept when nobody uses them.
const KEPT: usize = 4;

/// Pages a connection keeps, in KiB: nothing is read twice, but the way to it.
const CACHE_KIB: i32 = 128;

/// The contents in the spool. As many threads as like may read at once: each takes a connection while it reads one
/// chunk, from those kept or a new one.
#[derive(Debug)]
pub struct StoredContent {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl StoredContent {
    /// Opens an existing spool.
    ///
    /// # Errors
    /// As for [`super::Reader::open`].
    pub fn open(path: &Path) -> Result<Self, SpoolError> {
        let first = open(path)?;
        Ok(Self { path: path.to_owned(), idle: Mutex::new(vec![first]) })
    }

    fn read(&self, message: MessageId, number: u32) -> Result<Option<Bytes>, SpoolError> {
        let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let db = kept.map_or_else(|| open(&self.path), Ok)?;
        let size = db
            .prepare_cached("SELECT size FROM message WHERE id = ?1")?
            .query_row([message], |row| row.get(0))
            .optional()?
            .ok_or(SpoolError::Gone)?;
        let bytes = reader::chunk(&db, message, number, unsigned(size))?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT {
            idle.push(db);
        }
        Ok(bytes.map(Bytes::from))
    }
}

fn open(path: &Path) -> Result<Connection, SpoolError> {
    let db = schema::open_reader(path)?;
    db.pragma_update(None, "cache_size", -CACHE_KIB)?;
    Ok(db)
}

impl ContentStore for StoredContent {
    fn chunk(&self, message: MessageId, number: u32) -> Result<Option<Bytes>, Failure> {
        Ok(self.read(message, number)?)
    }
}
