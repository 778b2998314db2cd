//! What was said on a line, for whoever has to find out why a server and we disagree.
//!
//! Lines go to `tracing` at debug level under the target `transcript`, and the last few are kept, so that a protocol
//! failure can show what came before it. Secrets and contents are never given to it: callers say [`Transcript::hidden`]
//! in their place.

use std::collections::VecDeque;

use crate::mapi::visible;

/// Lines kept.
const KEPT_LINES: usize = 40;
/// Characters kept of a line.
const KEPT_CHARS: usize = 200;

/// The transcript of one connection.
#[derive(Debug)]
pub struct Transcript {
    peer: String,
    last: VecDeque<String>,
}

impl Transcript {
    /// An empty one, for the connection to `peer` (`host:port`).
    pub fn new(peer: impl Into<String>) -> Self {
        Self { peer: peer.into(), last: VecDeque::with_capacity(KEPT_LINES) }
    }

    /// We said this line.
    pub fn sent(&mut self, line: &[u8]) {
        self.keep("C: ", line);
    }

    /// The server said this line.
    pub fn received(&mut self, line: &[u8]) {
        self.keep("S: ", line);
    }

    /// Something went by, in either direction, that is not to be shown: "AUTH exchange", "content".
    pub fn hidden(&mut self, what: &str, bytes: u64) {
        self.keep("", format!("[{what}, {bytes} bytes]").as_bytes());
    }

    /// The last lines, oldest first.
    pub fn last_lines(&self) -> impl Iterator<Item = &str> {
        self.last.iter().map(String::as_str)
    }

    fn keep(&mut self, direction: &str, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        let kept: String = line.trim_end().chars().take(KEPT_CHARS).collect();
        let shown = visible(&kept);
        tracing::debug!(target: "transcript", peer = %self.peer, "{direction}{shown}");
        if self.last.len() == KEPT_LINES {
            self.last.pop_front();
        }
        self.last.push_back(format!("{direction}{shown}"));
    }
}
