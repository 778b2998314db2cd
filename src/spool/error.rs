//! What can go wrong with the spool, told apart by SQLite's codes and never by texts. Each says what to do about it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use crate::mapi::{Class, Failure, Stage};

/// Why the spool could not be read or written. Nothing of the transaction that failed has happened.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The file is not a spool, or no longer a sound one.
    #[error(
        "the spool is damaged ({0}); `mailsluice doctor --rescue FOLDER` saves the messages that can be read; then put the file aside"
    )]
    Damaged(String),
    /// The file or its folder may not be written.
    #[error("the spool can't be written; allow yourself to write the file and its folder")]
    ReadOnly,
    /// No room.
    #[error("the disk is full; make room, then try again")]
    Full,
    /// Somebody else was writing all the time we were willing to wait.
    #[error("another program keeps the spool locked; end it, then try again")]
    Locked,
    /// The file's schema is one this program doesn't know yet.
    #[error("the spool was written by a newer Mailsluice (schema {found}, known here: {known}); update this one")]
    NewerVersion {
        /// What the file has.
        found: i64,
        /// The newest known here.
        known: i64,
    },
    /// The file's schema is an older one, and nobody has migrated it who may write.
    #[error(
        "the spool is one of an older Mailsluice (schema {found}, known here: {known}); any flush brings it up to date"
    )]
    OlderVersion {
        /// What the file has.
        found: i64,
        /// The newest known here.
        known: i64,
    },
    /// A message was submitted without a recipient, or an envelope was (`MAPI_E_NO_RECIPIENTS`).
    #[error("the message has no recipient; name at least one")]
    NoRecipients,
    /// The envelope is not there, or its content was deleted after it was sent.
    #[error("the content is no longer in the spool")]
    Gone,
    /// The system refused a file operation.
    #[error("{}: {source}", path.display())]
    Io {
        /// On what.
        path: PathBuf,
        /// Its words.
        source: std::io::Error,
    },
    /// SQLite refused something; a bug here or there.
    #[error("SQLite: {0}")]
    Sqlite(rusqlite::Error),
}

impl SpoolError {
    /// A file operation failed.
    pub(super) fn io(path: &Path, source: std::io::Error) -> Self {
        match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::Full,
            ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => Self::ReadOnly,
            _ => Self::Io { path: path.to_owned(), source },
        }
    }

    /// JSON in a column is not what was written there.
    pub(super) fn json(column: &str, error: &serde_json::Error) -> Self {
        Self::Damaged(format!("column {column}: {error}"))
    }
}

impl From<rusqlite::Error> for SpoolError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error;
        if let Some(code) = error.sqlite_error_code() {
            return match code {
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Self::Damaged(error.to_string()),
                ErrorCode::DiskFull => Self::Full,
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Locked,
                ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen => Self::ReadOnly,
                // The shared-memory file beside the write-ahead log can't grow: SQLite's only word for that full disk.
                ErrorCode::SystemIoFailure
                    if error.sqlite_extended_error_code() == Some(rusqlite::ffi::SQLITE_IOERR_SHMSIZE) =>
                {
                    Self::Full
                }
                _ => Self::Sqlite(error),
            };
        }
        match error {
            Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::InvalidColumnType(..)
            | Error::Utf8Error(..) => Self::Damaged(error.to_string()),
            other => Self::Sqlite(other),
        }
    }
}

impl From<SpoolError> for Failure {
    fn from(error: SpoolError) -> Self {
        Self::new(Class::Local, Stage::Store, "spool", error.to_string())
    }
}
