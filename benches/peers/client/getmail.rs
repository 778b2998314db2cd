//! getmail6 by POP3 or IMAP, into a Maildir.

use std::process::Command;

use super::{Receive, configure};
use crate::measure::{self, Usage};
use crate::server::{Security, USER, password};

pub(super) fn receive(job: &Receive<'_>) -> Result<Usage, String> {
    let kind = match (job.pop3, job.from.security) {
        (true, Security::Tls) => "SimplePOP3SSLRetriever",
        (true, _) => "SimplePOP3Retriever",
        (false, Security::Tls) => "SimpleIMAPSSLRetriever",
        (false, _) => "SimpleIMAPRetriever",
    };
    let text = format!(
        "[retriever]\ntype = {kind}\nserver = localhost\nport = {}\nusername = {USER}\npassword = {}\n\n\
         [destination]\ntype = Maildir\npath = {}/\n\n\
         [options]\nread_all = false\ndelete = false\nverbose = 0\n",
        job.from.port,
        password(),
        job.make_maildir().display()
    );
    configure(job.folder, "getmailrc", &text);
    let mut command = Command::new("getmail");
    command.arg("--getmaildir").arg(job.folder).arg("--quiet").env("HOME", job.folder);
    measure::run(&command, job.folder)
}
