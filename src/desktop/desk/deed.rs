//! What a person can do without the window: from the tray, from a notification, over the session's bus.

use crate::mapi::FlushFlags;

use super::super::engine::Scope;
use super::super::host::Leave;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Send, receive or both.
    Flush(Scope, FlushFlags),
    /// Stop now.
    Cancel(Scope),
    /// Let nothing pop up, or everything again.
    NoUi(bool),
    /// Send and receive nothing until that is taken back.
    Offline(bool),
    /// The same for an hour; `false`: no longer.
    Pause(bool),
    /// Show the window.
    Open,
    /// Show the window with what needs a person.
    OpenProblems,
    /// Send what waits, asking nobody, and end the program.
    SendAndQuit,
    /// End the program.
    Quit(Leave),
}

impl Deed {
    /// Send and receive with all.
    pub(crate) const fn flush_all() -> Self {
        Self::Flush(Scope::All, BOTH)
    }
}

/// Both directions.
pub(crate) const BOTH: FlushFlags = FlushFlags::FLUSH_UPLOAD.union(FlushFlags::FLUSH_DOWNLOAD);
