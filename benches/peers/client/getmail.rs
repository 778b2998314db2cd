//! getmail6 by POP3 or IMAP, into a Maildir. It delivers as another user when root runs it, as root does here.

use std::os::unix::fs::chown;
use std::process::Command;

use super::{Receive, configure};
use crate::measure::{self, Usage};
use crate::server::{Security, USER, password};
use crate::support::daemon::NOBODY;

pub(super) fn receive(job: &Receive<'_>) -> Result<Usage, String> {
    let kind = match (job.pop3, job.from.security) {
        (true, Security::Tls) => "SimplePOP3SSLRetriever",
        (true, _) => "SimplePOP3Retriever",
        (false, Security::Tls) => "SimpleIMAPSSLRetriever",
        (false, _) => "SimpleIMAPRetriever",
    };
    let maildir = job.make_maildir();
    for folder in ["", "new", "cur", "tmp"] {
        chown(maildir.join(folder), Some(NOBODY), Some(NOBODY)).expect("root may");
    }
    let text = format!(
        "[retriever]\ntype = {kind}\nserver = localhost\nport = {}\nusername = {USER}\npassword = {}\n\n\
         [destination]\ntype = Maildir\npath = {}/\nuser = nobody\n\n\
         [options]\nread_all = false\ndelete = false\nverbose = 0\n",
        job.from.port,
        password(),
        maildir.display()
    );
    configure(job.folder, "getmailrc", &text);
    let mut command = Command::new("getmail");
    command.arg("--getmaildir").arg(job.folder).arg("--quiet").env("HOME", job.folder);
    measure::run(&command, job.folder)
}
