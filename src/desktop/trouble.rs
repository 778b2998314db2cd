//! Why a window can't be opened: eframe says so in its log only, when the event loop is not its own. The last error that
//! it and the crates below it log is kept for whoever asks.

use std::sync::{Mutex, PoisonError};

use log::{Level, LevelFilter, Log, Metadata, Record};

static LAST: Mutex<String> = Mutex::new(String::new());

struct Keeper;

impl Log for Keeper {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() == Level::Error
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            *LAST.lock().unwrap_or_else(PoisonError::into_inner) = record.args().to_string();
            tracing::error!(from = record.target(), "{}", record.args());
        }
    }

    fn flush(&self) {}
}

/// Begins to listen.
pub(super) fn listen() {
    // Another logger in this process would be a test's.
    if log::set_logger(&Keeper).is_ok() {
        log::set_max_level(LevelFilter::Error);
    }
}

/// Forgets what was said so far.
pub(super) fn forget() {
    LAST.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

/// The last that was said since.
pub(super) fn last() -> String {
    LAST.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
