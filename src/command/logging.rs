//! The log file: what the spooler and the transports say, line by line, in the profile's log folder.

use std::fs;
use std::io;
use std::sync::Mutex;

use crate::profile::Places;
use crate::profile::places::private_file_options;

/// A log larger than this is put aside when a process starts; one older log is kept.
const LARGEST: u64 = 4 << 20;

/// Starts logging to the profile's log folder. Without a log the program works all the same.
pub(super) fn start(places: &Places) {
    if let Err(error) = try_start(places) {
        super::complain(&format!("no log is written: {error}"));
    }
}

fn try_start(places: &Places) -> io::Result<()> {
    let path = places.log().join("mailsluice.log");
    if fs::metadata(&path).is_ok_and(|file| file.len() > LARGEST) {
        fs::rename(&path, path.with_extension("log.1"))?;
    }
    let file = private_file_options().append(true).create(true).open(&path)?;
    let verbose = std::env::var_os("MAILSLUICE_TRANSCRIPT").is_some();
    let level = if verbose { tracing::Level::DEBUG } else { tracing::Level::INFO };
    let subscriber =
        tracing_subscriber::fmt().with_ansi(false).with_max_level(level).with_writer(Mutex::new(file)).finish();
    // A process has one log; a second profile opened in it (the demo from the window) goes into the first one's.
    tracing::subscriber::set_global_default(subscriber).ok();
    Ok(())
}
