//! isync's mbsync: IMAP with pipelining, into a Maildir, with its default of two fsyncs for each message or without any.

use std::process::Command;

use super::{Receive, configure};
use crate::measure::{self, Usage};
use crate::server::{Security, USER, password};

pub(super) fn receive(job: &Receive<'_>, fsync: bool) -> Result<Usage, String> {
    let tls = match job.from.security {
        Security::None => "SSLType None\n".to_owned(),
        Security::StartTls => format!("SSLType STARTTLS\nCertificateFile {}\n", job.from.authority.display()),
        Security::Tls => format!("SSLType IMAPS\nCertificateFile {}\n", job.from.authority.display()),
    };
    // It checks certificates by name alone.
    let text = format!(
        "FSync {}\n\n\
         IMAPAccount there\nHost localhost\nPort {}\nUser {USER}\nPass {}\nAuthMechs LOGIN\n{tls}\n\
         IMAPStore there\nAccount there\n\n\
         MaildirStore here\nInbox {}\n\n\
         Channel bench\nFar :there:\nNear :here:\nPatterns INBOX\nSync Pull New\nSyncState *\n",
        if fsync { "yes" } else { "no" },
        job.from.port,
        password(),
        job.make_maildir().display()
    );
    let mut command = Command::new("mbsync");
    command.arg("-c").arg(configure(job.folder, "mbsyncrc", &text)).args(["-q", "bench"]).env("HOME", job.folder);
    measure::run(&command, job.folder)
}
