//! Where received mail goes: a Maildir, an LMTP server or a program.
//!
//! Every message is first taken whole ([`Writer`] → [`Parcel`]): small ones in memory, large ones in a temporary file,
//! so that nobody downstream ever sees half a message when the line drops. [`Intake`] passes parcels on to a [`keeper`],
//! which delivers them in groups and has each group recorded, and only then says that its messages may be deleted where
//! they came from.
//!
//! What is stored is what the server sent, byte for byte, CRLF included. Only a program gets the local line end (LF),
//! which is what such programs are written for.
//!
//! **No loss, no duplicate.** A group is on disk before it is recorded, and recorded before anything is deleted. When the
//! process dies between the first two, the next receive finds the files by their names, which are made from transport,
//! mailbox and UID ([`maildir::unique`]), and only records them. An LMTP server or a program can't be asked what it
//! already has: there each message is a group of its own, so at most one can arrive twice after a crash.

mod command;
mod intake;
mod keeper;
mod lmtp;
pub(crate) mod maildir;
mod parcel;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) use intake::{Inbox, Intake};
pub(crate) use parcel::{Marks, Parcel, Writer};

use crate::mapi::{Class, Failure, Stage};
use crate::profile::DeliverTo;
use crate::transport::Support;
use maildir::Maildir;

/// Where one transport's received mail goes.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    transport: Arc<str>,
    target: Target,
    /// Held while the Maildir is read or written, also by work whose waiter is gone: a flush that begins while the
    /// last group of a cancelled one is still being written must see that group.
    busy: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Clone)]
enum Target {
    Maildir(Arc<Maildir>),
    Taker(Taker),
}

/// Somebody who takes one message at a time and answers for it.
#[derive(Debug, Clone)]
enum Taker {
    Lmtp(lmtp::Lmtp),
    Command(Arc<[String]>),
}

impl Delivery {
    /// `recipient`: who receives it, for an LMTP server that asks. Nothing is touched yet.
    pub(crate) fn new(to: &DeliverTo, transport: &str, recipient: Option<&str>) -> Self {
        let target = match to {
            DeliverTo::Maildir(path) => Target::Maildir(Arc::new(Maildir::at(path.clone(), transport))),
            DeliverTo::Lmtp(server) => Target::Taker(Taker::Lmtp(lmtp::Lmtp::new(server, recipient))),
            DeliverTo::Command(command) => Target::Taker(Taker::Command(command.clone().into())),
        };
        Self { transport: transport.into(), target, busy: Arc::default() }
    }

    /// Makes ready to deliver: creates the Maildir, sweeps what a dead process left behind, and gives the messages in it
    /// by their unique names.
    async fn prepare(&self) -> Result<HashMap<String, PathBuf>, Failure> {
        let Target::Maildir(maildir) = &self.target else { return Ok(HashMap::default()) };
        let maildir = Arc::clone(maildir);
        let busy = Arc::clone(&self.busy).lock_owned().await;
        blocking(move || {
            let _busy = busy;
            maildir.create()?;
            maildir.sweep()?;
            maildir.uniques()
        })
        .await
    }

    /// Where large messages wait until they are complete.
    fn spill(&self) -> parcel::Spill {
        match &self.target {
            Target::Maildir(maildir) => parcel::Spill::Maildir(Arc::clone(maildir)),
            Target::Taker(_) => parcel::Spill::Unnamed,
        }
    }
}

impl Taker {
    /// Delivers one message.
    ///
    /// # Errors
    /// With [`Blame::Message`](crate::mapi::Blame::Message) what befalls this message and leaves the others alone; else what would befall each.
    async fn deliver(&self, parcel: &Parcel, support: &Support) -> Result<(), Failure> {
        match self {
            Self::Lmtp(server) => server.deliver(parcel, support).await,
            Self::Command(command) => command::deliver(command, parcel, support).await,
        }
    }
}

/// Runs work that blocks on its own thread.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(Failure::new(Class::Local, Stage::Deliver, "worker thread", error.to_string())))
}

/// What an I/O error at a path means. What the profile names wrongly is told from what the disk can't do.
pub(crate) fn disk_failure(stage: Stage, at: &Path, error: &std::io::Error) -> Failure {
    use std::io::ErrorKind;
    let class = match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::PermissionDenied => Class::Configuration,
        _ => Class::Local,
    };
    Failure::new(class, stage, at.display().to_string(), error.to_string())
}

/// A path for people.
pub(crate) fn shown(path: &Path) -> String {
    path.display().to_string()
}
