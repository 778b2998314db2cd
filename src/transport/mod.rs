//! Transports: one folder (or file) for each way mail travels, behind one trait modelled on MAPI's `IXPLogon`.
//!
//! A transport never sees the spool, a window or another transport. It gets a [`Support`] to report through, the
//! [`Submissions`] of the outgoing phase and the [`Receipts`] of the incoming one. How the phases follow each other
//! is the same for all of them and stands in [`flush`](mod@flush).

mod bring;
mod consent;
pub mod content;
mod deliver;
pub mod flush;
pub mod folder;
pub mod imap;
mod meter;
pub mod pipe;
pub mod pop3;
pub mod port;
mod program;
pub mod registry;
pub mod report;
pub mod runtime;
pub mod secrets;
pub mod smtp;
#[cfg(test)]
mod testing;
mod tokens;
pub mod trust;
mod turn;
pub mod watch;

use std::future::Future;
use std::pin::Pin;

use tokio::sync::Notify;

use crate::mapi::{Class, Failure, FlushFlags, Stage};

pub use content::{Content, ContentStore};
pub use port::{Receipts, Submissions, Support};
pub use report::{
    Answer, Consent, Job, JobRecipient, Progress, Question, ReceivedItem, Report, ReportKind, Severity, Ticket,
};

/// What a trait method that talks to the network returns.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What the status table says of a transport before it has done anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traits {
    /// Word for the kind, as in the profile: "smtp".
    pub kind: &'static str,
    /// It has a `FlushQueues` of its own (`STATUS_FLUSH_QUEUES`). Without, the spooler's is used with it as target.
    pub flushes_itself: bool,
    /// It shows nothing of its own, whatever happens.
    pub honours_no_ui: bool,
    /// It only starts somebody else's work and can't say when that is done; needs `FLUSH_FORCE`.
    pub asynchronous: bool,
    /// Where it leads: `host:port`, a path or a program.
    pub path: String,
}

/// One direction of a logged-on transport: what `kind = "smtp"` or `kind = "imap"` builds. After `IXPLogon`.
///
/// MAPI's spooler calls `SubmitMessage` and `EndMessage` for one message after the other. Here the transport *takes*
/// the submitted messages from [`Submissions`], as many at a time as its connections can carry, and ends each there.
pub trait Transport: Send + Sync + std::fmt::Debug {
    /// What the status table says of it.
    fn traits(&self) -> Traits;

    /// Sends what the spooler submits, until it submits no more (`SubmitMessage` … `EndMessage`).
    ///
    /// # Errors
    /// What ended the whole phase. What befell single messages goes to [`Submissions::end_message`] and is no error.
    fn submit<'a>(&'a self, _support: &'a Support, _queue: &'a Submissions) -> BoxFuture<'a, Result<(), Failure>> {
        no_support(&self.traits(), "it does not send")
    }

    /// Fetches until nothing more waits (`StartMessage`).
    ///
    /// # Errors
    /// What ended the whole phase.
    fn start<'a>(&'a self, _support: &'a Support, _receipts: &'a Receipts) -> BoxFuture<'a, Result<(), Failure>> {
        no_support(&self.traits(), "it does not receive")
    }

    /// Prepares for draining (`FlushQueues`): called once a flush, with all its flags, before the first phase.
    ///
    /// # Errors
    /// Why nothing can be flushed.
    fn flush_queues<'a>(&'a self, _support: &'a Support, _flags: FlushFlags) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// Whether it watches for new mail between flushes.
    fn watches(&self) -> bool {
        false
    }

    /// Watches what waits on the server, and says so whenever that changes ([`ReportKind::Waiting`]). `again`: look once
    /// more, a flush is over. Ends when it can't be done there, and when it is cancelled.
    ///
    /// # Errors
    /// What ended it.
    fn watch<'a>(
        &'a self,
        _support: &'a Support,
        _receipts: &'a Receipts,
        _again: &'a Notify,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        no_support(&self.traits(), "it does not watch")
    }

    /// Checks that it could work (`ValidateState`): reaches the server, signs in, changes nothing. Gives what it found,
    /// in a sentence for people.
    ///
    /// # Errors
    /// What is wrong.
    fn validate_state<'a>(&'a self, support: &'a Support) -> BoxFuture<'a, Result<String, Failure>>;

    /// Lets go of connections kept between flushes.
    fn release(&self) {}
}

fn no_support<'a>(traits: &Traits, what: &str) -> BoxFuture<'a, Result<(), Failure>> {
    let failure = Failure::new(Class::Configuration, Stage::Queue, traits.path.as_str(), what);
    Box::pin(std::future::ready(Err(failure)))
}
