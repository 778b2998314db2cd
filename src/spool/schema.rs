//! Opening the spool's file: made whole or not at all, migrated step by step, every connection set up alike.
//!
//! A new spool is built under another name and linked into place. So nobody ever opens a half-made one, two processes
//! that make it at once end with the same one, and its mode is 0600 from the first byte (SQLite gives its companion
//! files the same mode). Opening and closing the spool itself by other means than SQLite would drop the locks that
//! this process holds on it; hence no `File` of it anywhere.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::SpoolError;
use crate::profile::places::private_file_options;

/// "MSPL": what `file` and SQLite tell this database from others by.
const APPLICATION_ID: i64 = 0x4D53_504C;

/// Step n makes schema n out of schema n - 1. What was released is never edited, only followed.
const STEPS: &[&str] = &[
    include_str!("schema/001.sql"),
    include_str!("schema/002.sql"),
    include_str!("schema/003.sql"),
    include_str!("schema/004.sql"),
];

/// How long to wait for another process to finish writing. Transactions last milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// Statements kept prepared.
const STATEMENTS: usize = 96;

/// A connection that writes. Makes the spool if there is none, and migrates an older one.
pub(super) fn open_writer(path: &Path) -> Result<Connection, SpoolError> {
    if std::fs::symlink_metadata(path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
        create(path)?;
    }
    let mut db = connect(path)?;
    // Kept small so that one huge message doesn't leave a huge log behind; large enough to checkpoint seldom.
    db.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -1024; PRAGMA wal_autocheckpoint = 2000; PRAGMA journal_size_limit = 67108864",
    )?;
    migrate(&mut db, STEPS)?;
    Ok(db)
}

/// A connection that reads, beside the writer.
pub(super) fn open_reader(path: &Path) -> Result<Connection, SpoolError> {
    let db = connect(path)?;
    // Not opened read-only: a reader of a write-ahead log has its part in the shared memory beside it.
    db.execute_batch("PRAGMA query_only = ON; PRAGMA cache_size = -1024; PRAGMA temp_store = MEMORY")?;
    let found = version(&db)?;
    if found == known(STEPS) { Ok(db) } else { Err(other_version(found, STEPS)) }
}

/// The path with a suffix, beside it.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// A name nobody else uses: process, time, counter.
pub(super) fn unique() -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    format!("{}-{nanos}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed))
}

/// A new file that only its owner may read.
pub(super) fn create_private(path: &Path) -> Result<File, SpoolError> {
    private_file_options().create_new(true).open(path).map_err(|error| SpoolError::io(path, error))
}

fn connect(path: &Path) -> Result<Connection, SpoolError> {
    // SQLite has one code for "not there" and "not allowed"; the system tells them apart.
    std::fs::metadata(path).map_err(|error| SpoolError::io(path, error))?;
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    db.busy_timeout(PATIENCE)?;
    // Plans that don't depend on the values bound: else every statement that meets one of the partial indexes would be
    // compiled anew each time it is run.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    let id: i64 = db.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if id == APPLICATION_ID { Ok(db) } else { Err(SpoolError::Damaged("not a Mailsluice spool".to_owned())) }
}

fn create(path: &Path) -> Result<(), SpoolError> {
    let building = beside(path, &format!("-new-{}", unique()));
    create_private(&building)?;
    let made = build(&building).and_then(|()| match std::fs::hard_link(&building, path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(SpoolError::io(path, error)),
        // Somebody was faster; theirs is as good.
        _ => sync_folder(path),
    });
    // Left behind it would only be in the way of nobody.
    std::fs::remove_file(&building).ok();
    made
}

/// A new spool under this name.
pub(super) fn build(path: &Path) -> Result<(), SpoolError> {
    let mut db = Connection::open(path)?;
    db.execute_batch(&format!(
        "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         PRAGMA application_id = {APPLICATION_ID}"
    ))?;
    migrate(&mut db, STEPS)?;
    // Closing writes the log into the file, synced, and removes it: what is linked into place is complete.
    db.close().map_err(|(_db, error)| error.into())
}

fn sync_folder(path: &Path) -> Result<(), SpoolError> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| SpoolError::io(folder, error))
}

fn version(db: &Connection) -> Result<i64, SpoolError> {
    Ok(db.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

fn known(steps: &[&str]) -> i64 {
    i64::try_from(steps.len()).unwrap_or(i64::MAX)
}

fn other_version(found: i64, steps: &[&str]) -> SpoolError {
    let known = known(steps);
    match found {
        ..0 => SpoolError::Damaged(format!("there is no schema {found}")),
        _ if found > known => SpoolError::NewerVersion { found, known },
        _ => SpoolError::OlderVersion { found, known },
    }
}

/// Takes the schema from what it is to the newest, all steps in one transaction.
pub(super) fn migrate(db: &mut Connection, steps: &[&str]) -> Result<(), SpoolError> {
    if version(db)? == known(steps) {
        return Ok(());
    }
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Asked again: another process may have done it while this one waited.
    let found = version(&transaction)?;
    let Some(missing) = usize::try_from(found).ok().and_then(|done| steps.get(done..)) else {
        return Err(other_version(found, steps));
    };
    for step in missing {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", known(steps))?;
    Ok(transaction.commit()?)
}
