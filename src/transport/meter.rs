//! Reports bytes as they come in, at most ten times a second.

use std::time::Duration;

use tokio::time::Instant;

use super::Support;

/// Between two reports.
const PAUSE: Duration = Duration::from_millis(100);

/// Counts the bytes of one phase.
#[derive(Debug)]
pub(crate) struct Meter<'a> {
    support: &'a Support,
    unreported: u64,
    last: Instant,
}

impl<'a> Meter<'a> {
    /// Starts at nothing.
    pub(crate) fn new(support: &'a Support) -> Self {
        Self { support, unreported: 0, last: Instant::now() }
    }

    /// This many more.
    pub(crate) fn add(&mut self, bytes: u64) {
        self.unreported += bytes;
        if self.last.elapsed() >= PAUSE {
            self.report();
        }
    }

    fn report(&mut self) {
        if self.unreported > 0 {
            self.support.progress(std::mem::take(&mut self.unreported));
        }
        self.last = Instant::now();
    }
}

impl Drop for Meter<'_> {
    fn drop(&mut self) {
        self.report();
    }
}
