//! Flag words of the talk between spooler and transport (`MAPISPI.h`; ixplogon-*, imapisupport-*), and of messages on
//! their way. The spooler and its transports talk in Rust types; these are the numbers that the documents have for them.

use bitflags::bitflags;
use serde::{Deserialize, Serialize};

bitflags! {
    /// `IXPLogon::TransportNotify`: what the spooler tells a transport.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
    pub struct NotifyFlags: u32 {
        /// It may receive.
        const NOTIFY_BEGIN_INBOUND = 0x1;
        /// It may send.
        const NOTIFY_BEGIN_OUTBOUND = 0x2;
        /// Drain the incoming queue; do not yield until it is done.
        const NOTIFY_BEGIN_INBOUND_FLUSH = 0x4;
        /// Drain the outgoing queue; do not yield until it is done.
        const NOTIFY_BEGIN_OUTBOUND_FLUSH = 0x8;
        /// No more polling; the message in hand is finished.
        const NOTIFY_END_INBOUND = 0x0001_0000;
        /// No more submitting; the message in hand is finished.
        const NOTIFY_END_OUTBOUND = 0x0002_0000;
        /// Leave flush mode for incoming mail.
        const NOTIFY_END_INBOUND_FLUSH = 0x0004_0000;
        /// Leave flush mode for outgoing mail.
        const NOTIFY_END_OUTBOUND_FLUSH = 0x0008_0000;
        /// A deferred message is not to be sent any more.
        const NOTIFY_ABORT_DEFERRED = 0x4000_0000;
        /// Stop in mid-message. May come on another thread.
        const NOTIFY_CANCEL_MESSAGE = 0x8000_0000;
    }

    /// `IMAPISupport::SpoolerNotify`: what a transport or a store tells the spooler.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
    pub struct SpoolerNotifyFlags: u32 {
        /// Mail has come in.
        const NOTIFY_NEWMAIL = 0x1;
        /// Recovered: it can send again.
        const NOTIFY_READYTOSEND = 0x2;
        /// A deferred message is to be offered again.
        const NOTIFY_SENTDEFERRED = 0x4;
        /// It is in a critical section: leave it alone.
        const NOTIFY_CRITSEC = 0x1000;
        /// It has left the critical section.
        const NOTIFY_NONCRIT = 0x2000;
        /// Its settings changed: ask for its address types again.
        const NOTIFY_CONFIG_CHANGE = 0x4000;
        /// It can't go on: call nothing but release.
        const NOTIFY_CRITICAL_ERROR = 0x1000_0000;
        /// A store got new mail that was delivered by somebody else.
        const NOTIFY_NEWMAIL_RECEIVED = 0x2000_0000;
    }

    /// `IXPLogon::SubmitMessage`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
    pub struct SubmitFlags: u32 {
        /// The message was deferred and comes again.
        const BEGIN_DEFERRED = 0x1;
    }

    /// `IXPLogon::EndMessage`: what becomes of the message. Clear: it was sent.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
    pub struct EndMessageFlags: u32 {
        /// Submit it again at once.
        const END_RESEND_NOW = 0x0001_0000;
        /// Submit it again later; not an error.
        const END_RESEND_LATER = 0x0002_0000;
        /// The transport keeps it, and says when it may come again.
        const END_DONT_RESEND = 0x0004_0000;
    }

    /// `PR_MSG_STATUS`: marks on a message or on a remote header.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
    pub struct MessageStatus: u32 {
        /// Shown highlighted.
        const MSGSTATUS_HIGHLIGHTED = 0x1;
        /// Marked by the user.
        const MSGSTATUS_TAGGED = 0x2;
        /// Not shown.
        const MSGSTATUS_HIDDEN = 0x4;
        /// To be deleted.
        const MSGSTATUS_DELMARKED = 0x8;
        /// To be fetched from the server; with the next one: moved.
        const MSGSTATUS_REMOTE_DOWNLOAD = 0x1000;
        /// To be deleted on the server.
        const MSGSTATUS_REMOTE_DELETE = 0x2000;
    }
}
