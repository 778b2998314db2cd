//! Saving what can be read of a damaged spool: each message as a file, and a list of who was to get it.
//!
//! The spool itself is not touched: everything happens on a copy. A page that can't be read costs the rows on it and no
//! others, since rows are asked for by their number; a broken beginning of the file is replaced by that of a new spool,
//! which has the same tables in the same places. Only a table's first page takes the whole table with it.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension as _, Row};
use serde::Serialize;

use super::model::CHUNK_BYTES;
use super::schema::{self, beside};
use super::{SpoolError, checksum, sql::unsigned};
use crate::mapi::QueueState;
use crate::profile::places::private_file_options;

/// The list, one JSON object a line.
pub const LIST: &str = "rescued.jsonl";

/// SQLite's header (file format, section 1.3), and the pages our spools have.
const HEADER_BYTES: usize = 100;
const PAGE_BYTES: usize = 4096;

/// Rows a page may hold, for tables whose end can't be read.
const ROWS_PER_PAGE: i64 = 16;

/// What was saved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rescued {
    /// Messages saved byte for byte.
    pub whole: u64,
    /// Messages with pieces missing or spoiled, or of which it can't be told: `.incomplete.eml`.
    pub incomplete: u64,
    /// Messages that were still to be sent and of which nothing is left; the list has their recipients.
    pub lost: u64,
}

/// Writes the readable messages of the spool into a folder. To be called under the profile's lock.
///
/// # Errors
/// The spool can't be copied, there is nothing in it that looks like one, or the folder can't be written.
pub fn rescue(spool: &Path, into: &Path) -> Result<Rescued, SpoolError> {
    DirBuilder::new().recursive(true).mode(0o700).create(into).map_err(|error| SpoolError::io(into, error))?;
    let list = into.join(LIST);
    // First of all: a folder that has a list has another rescue's messages.
    let mut lines =
        private_file_options().create_new(true).open(&list).map_err(|error| SpoolError::io(&list, error))?;
    let work = tempfile::Builder::new().prefix(".rescue-").tempdir_in(into);
    let work = work.map_err(|error| SpoolError::io(into, error))?;
    let db = open_copy(spool, work.path())?;
    let mut found = messages(&db);
    contents(&db, into, &mut found)?;
    found.retain(|_, message| !message.is_staged && (message.bytes > 0 || message.is_wanted()));
    let mut rescued = Rescued::default();
    for (number, message) in &found {
        let file = settle(into, *number, message, &mut rescued)?;
        let entry = Entry { file, subject: &message.subject, envelopes: &message.envelopes };
        let line = serde_json::to_string(&entry).map_err(|error| SpoolError::json("list", &error))?;
        writeln!(lines, "{line}").map_err(|error| SpoolError::io(&list, error))?;
    }
    rustix::fs::sync();
    Ok(rescued)
}

/// What is known of a message.
#[derive(Debug, Default)]
struct Found {
    /// As it should be; `None`: that could not be read.
    size: Option<u64>,
    subject: String,
    is_staged: bool,
    /// Content bytes saved.
    bytes: u64,
    /// Some of them are not what was written.
    is_spoiled: bool,
    envelopes: Vec<Envelope>,
}

impl Found {
    /// Somebody was still to get it.
    fn is_wanted(&self) -> bool {
        self.envelopes.iter().any(|envelope| envelope.state != QueueState::Sent)
    }
}

#[derive(Debug, Serialize)]
struct Envelope {
    transport: String,
    sender: String,
    state: QueueState,
    recipients: Vec<(String, QueueState)>,
}

/// A line of the list.
#[derive(Debug, Serialize)]
struct Entry<'a> {
    /// `None`: nothing of it could be saved.
    file: Option<String>,
    subject: &'a str,
    envelopes: &'a [Envelope],
}

/// A copy that SQLite opens, mended at its beginning if need be.
fn open_copy(spool: &Path, work: &Path) -> Result<Connection, SpoolError> {
    let fresh = Fresh::build(&work.join("fresh.db"))?;
    for mending in [Mending::Nothing, Mending::Header, Mending::Schema] {
        let copy = work.join(format!("{mending:?}.db"));
        fs::copy(spool, &copy).map_err(|error| SpoolError::io(spool, error))?;
        let log = beside(spool, "-wal");
        if log.exists() {
            fs::copy(&log, beside(&copy, "-wal")).map_err(|error| SpoolError::io(&log, error))?;
        }
        fresh.mend(&copy, mending).map_err(|error| SpoolError::io(&copy, error))?;
        let db = Connection::open(&copy)?;
        let tables = "SELECT COUNT(*) FROM sqlite_schema WHERE name IN ('message', 'chunk', 'envelope', 'recipient')";
        if db.query_row(tables, (), |row| row.get(0)).is_ok_and(|tables: i64| tables == 4) {
            return Ok(db);
        }
    }
    Err(SpoolError::Damaged("nothing of it can be read".to_owned()))
}

/// What of a new spool is put in the place of what is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mending {
    Nothing,
    Header,
    /// Every page that says which tables there are, and where each begins.
    Schema,
}

/// A new, empty spool.
struct Fresh {
    bytes: Vec<u8>,
    /// Where the tables begin, which is their own affair; from 1.
    roots: Vec<u32>,
}

impl Fresh {
    fn build(path: &Path) -> Result<Self, SpoolError> {
        schema::build(path)?;
        let db = Connection::open(path)?;
        let mut roots = db.prepare("SELECT rootpage FROM sqlite_schema WHERE rootpage > 1")?;
        let roots = roots.query_map((), |row| row.get(0))?.collect::<Result<_, _>>()?;
        let bytes = fs::read(path).map_err(|error| SpoolError::io(path, error))?;
        Ok(Self { bytes, roots })
    }

    fn mend(&self, copy: &Path, mending: Mending) -> std::io::Result<()> {
        if mending == Mending::Nothing {
            return Ok(());
        }
        let file = OpenOptions::new().write(true).open(copy)?;
        // Without room for the beginning of every table SQLite doesn't look at the others.
        file.set_len(file.metadata()?.len().max(self.bytes.len() as u64))?;
        let pages = file.metadata()?.len() / PAGE_BYTES as u64;
        for (number, page) in (1..).zip(self.bytes.chunks(PAGE_BYTES)) {
            let at = (u64::from(number) - 1) * PAGE_BYTES as u64;
            match mending {
                Mending::Header if number == 1 => file.write_all_at(page.get(..HEADER_BYTES).unwrap_or(page), at)?,
                Mending::Schema if !self.roots.contains(&number) => file.write_all_at(page, at)?,
                _ => {}
            }
        }
        // Its size in pages, and a list of free pages that is empty: what was free is none of ours.
        file.write_all_at(&u32::try_from(pages).unwrap_or(u32::MAX).to_be_bytes(), 28)?;
        file.write_all_at(&[0; 8], 32)
    }
}

/// Messages, envelopes and recipients, as far as they can be read.
fn messages(db: &Connection) -> BTreeMap<i64, Found> {
    let mut found: BTreeMap<i64, Found> = BTreeMap::new();
    scan(db, "message", "size, subject, staged_by IS NOT NULL", |row| {
        let message = found.entry(row.get(0)?).or_default();
        (message.size, message.subject, message.is_staged) = (Some(unsigned(row.get(1)?)), row.get(2)?, row.get(3)?);
        Ok(())
    });
    let mut recipients: BTreeMap<i64, Vec<(String, QueueState)>> = BTreeMap::new();
    scan(db, "recipient", "envelope, address, state", |row| {
        recipients.entry(row.get(1)?).or_default().push((row.get(2)?, row.get(3)?));
        Ok(())
    });
    scan(db, "envelope", "message, transport, sender, state", |row| {
        let recipients = recipients.remove(&row.get(0)?).unwrap_or_default();
        let envelope = Envelope { transport: row.get(2)?, sender: row.get(3)?, state: row.get(4)?, recipients };
        found.entry(row.get(1)?).or_default().envelopes.push(envelope);
        Ok(())
    });
    found
}

/// Writes every readable piece of content to its place in its file.
fn contents(db: &Connection, into: &Path, found: &mut BTreeMap<i64, Found>) -> Result<(), SpoolError> {
    let mut failed = None;
    scan(db, "chunk", "message, number, bytes, crc", |row| {
        let (number, place): (i64, u64) = (row.get(1)?, row.get::<_, u32>(2)?.into());
        let message = found.entry(number).or_default();
        if failed.is_none() && !message.is_staged {
            let bytes = row.get_ref(3)?.as_blob()?;
            message.bytes += bytes.len() as u64;
            message.is_spoiled |= !checksum::fits(bytes, row.get(4)?);
            let path = into.join(file_name(number, false));
            failed = write_at(&path, place * CHUNK_BYTES as u64, bytes).err();
        }
        Ok(())
    });
    failed.map_or(Ok(()), Err)
}

fn write_at(path: &Path, at: u64, bytes: &[u8]) -> Result<(), SpoolError> {
    let write = || -> std::io::Result<()> {
        private_file_options().create(true).truncate(false).open(path)?.write_all_at(bytes, at)
    };
    write().map_err(|error| SpoolError::io(path, error))
}

/// Gives a message's file the name that says what it is worth.
fn settle(into: &Path, number: i64, message: &Found, sum: &mut Rescued) -> Result<Option<String>, SpoolError> {
    if message.bytes == 0 {
        sum.lost += 1;
        return Ok(None);
    }
    let raw: PathBuf = into.join(file_name(number, false));
    let is_whole = message.size == Some(message.bytes) && !message.is_spoiled;
    if is_whole {
        sum.whole += 1;
    } else {
        sum.incomplete += 1;
        fs::rename(&raw, into.join(file_name(number, true))).map_err(|error| SpoolError::io(&raw, error))?;
    }
    Ok(Some(file_name(number, !is_whole)))
}

fn file_name(message: i64, incomplete: bool) -> String {
    format!("{message:06}{}.eml", if incomplete { ".incomplete" } else { "" })
}

/// Every row of a table that can be read, by number; `id` is its first column. What can't be read is passed over.
fn scan(db: &Connection, table: &str, columns: &str, mut each: impl FnMut(&Row<'_>) -> rusqlite::Result<()>) {
    let highest = db.query_row(&format!("SELECT MAX(id) FROM {table}"), (), |row| row.get::<_, Option<i64>>(0));
    let end = highest.map_or_else(|_| pages(db) * ROWS_PER_PAGE, Option::unwrap_or_default);
    let next = format!("SELECT id, {columns} FROM {table} NOT INDEXED WHERE id > ?1 ORDER BY id LIMIT 1");
    let Ok(mut next) = db.prepare(&next) else { return };
    let mut last = 0;
    while last < end {
        let row = next.query_row([last], |row| {
            let id = row.get(0)?;
            Ok((id, each(row)))
        });
        match row.optional() {
            Ok(Some((id, _unreadable))) => last = id,
            Ok(None) => break,
            // On a page that is lost: the next row may be on another.
            Err(_) => last += 1,
        }
    }
}

fn pages(db: &Connection) -> i64 {
    db.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap_or_default()
}
