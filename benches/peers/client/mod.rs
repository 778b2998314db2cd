//! The clients: Mailsluice and its peers, each as a user of Debian would set it up, a file each.

mod fetchmail;
mod getmail;
mod mailsluice;
mod mbsync;
mod mpop;
mod msmtp;
mod postfix;
pub(crate) mod raw_imap;
mod smtp_source;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::letters::Letters;
use crate::measure::Usage;
use crate::server::Address;

pub(crate) use mailsluice::binary;

/// Who does the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client {
    /// The product, with so many connections for sending.
    Mailsluice(u16),
    /// A process for each message.
    Msmtp,
    /// Flushing its deferred queue over up to twenty connections, its default; with or without
    /// `smtp_tls_connection_reuse`.
    Postfix {
        /// That.
        reuse: bool,
    },
    /// Postfix's load generator with so many sessions: reads no files, keeps no promise.
    SmtpSource(u16),
    /// POP3 with pipelining.
    Mpop,
    /// isync's IMAP client, with its default fsync or without.
    Mbsync {
        /// That.
        fsync: bool,
    },
    /// fetchmail by POP3, delivering through procmail.
    Fetchmail,
    /// getmail6 by POP3.
    Getmail,
    /// The ceiling: a pipelining reader of this bench that fetches everything in one command, writes files, and makes
    /// nothing durable.
    RawImap,
}

impl Client {
    /// In tables and on the command line.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Mailsluice(_) => "mailsluice".to_owned(),
            Self::Msmtp => "msmtp".to_owned(),
            Self::Postfix { reuse: false } => "postfix".to_owned(),
            Self::Postfix { reuse: true } => "postfix-reuse".to_owned(),
            Self::SmtpSource(sessions) => format!("smtp-source-{sessions}"),
            Self::Mpop => "mpop".to_owned(),
            Self::Mbsync { fsync: true } => "mbsync".to_owned(),
            Self::Mbsync { fsync: false } => "mbsync-nofsync".to_owned(),
            Self::Fetchmail => "fetchmail".to_owned(),
            Self::Getmail => "getmail".to_owned(),
            Self::RawImap => "raw-imap".to_owned(),
        }
    }

    /// Whether it makes up the messages it sends.
    pub(crate) const fn invents(self) -> bool {
        matches!(self, Self::SmtpSource(_))
    }

    /// Does all that a user has done before, then the work itself, and says what that cost.
    pub(crate) fn send(self, job: &Send<'_>) -> Result<Usage, String> {
        match self {
            Self::Mailsluice(connections) => mailsluice::send(job, connections),
            Self::Msmtp => msmtp::send(job),
            Self::Postfix { reuse } => postfix::send(job, reuse),
            Self::SmtpSource(sessions) => smtp_source::send(job, sessions),
            other => Err(format!("{} does not send", other.name())),
        }
    }

    /// The same for receiving.
    pub(crate) fn receive(self, job: &Receive<'_>) -> Result<Usage, String> {
        match self {
            Self::Mailsluice(_) => mailsluice::receive(job),
            Self::Mpop => mpop::receive(job),
            Self::Mbsync { fsync } => mbsync::receive(job, fsync),
            Self::Fetchmail => fetchmail::receive(job),
            Self::Getmail => getmail::receive(job),
            Self::RawImap => raw_imap::receive(job),
            other => Err(format!("{} does not receive", other.name())),
        }
    }
}

/// To send the first `count` messages.
#[derive(Debug)]
pub(crate) struct Send<'a> {
    /// A new folder, all its own.
    pub(crate) folder: &'a Path,
    /// What may be sent.
    pub(crate) letters: &'a Letters,
    /// How many of them are.
    pub(crate) count: usize,
    /// Where to.
    pub(crate) to: &'a Address,
}

impl Send<'_> {
    /// A folder with just these messages in it.
    fn outbox(&self) -> PathBuf {
        if self.count == self.letters.count {
            return self.letters.folder.clone();
        }
        let outbox = self.folder.join("outbox");
        fs::create_dir_all(&outbox).expect("a folder");
        for file in self.letters.first(self.count) {
            let name = file.file_name().expect("it is a file");
            fs::hard_link(&file, outbox.join(name)).expect("a link on one file system");
        }
        outbox
    }
}

/// To receive everything of [`crate::server::USER`] into [`Receive::maildir`].
#[derive(Debug)]
pub(crate) struct Receive<'a> {
    /// A folder all its own. It has the client's state of the run before, if `again`.
    pub(crate) folder: &'a Path,
    /// Where from.
    pub(crate) from: &'a Address,
    /// By POP3 instead of IMAP.
    pub(crate) pop3: bool,
}

impl Receive<'_> {
    /// Where messages are to be delivered.
    pub(crate) fn maildir(&self) -> PathBuf {
        self.folder.join("mail")
    }

    /// Makes an empty one, for clients that want to find it.
    fn make_maildir(&self) -> PathBuf {
        let maildir = self.maildir();
        for name in ["new", "cur", "tmp"] {
            fs::create_dir_all(maildir.join(name)).expect("a folder");
        }
        maildir
    }
}

/// Writes a client's configuration, which nobody else may read.
fn configure(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).expect("a file");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("permissions");
    path
}
