//! fetchmail by POP3 or IMAP, with procmail as its delivery agent: a process for each message.

use std::process::Command;

use super::{Receive, configure};
use crate::measure::{self, Usage};
use crate::server::{Security, USER, password};

pub(super) fn receive(job: &Receive<'_>) -> Result<Usage, String> {
    let tls = match job.from.security {
        Security::None => "sslproto ''".to_owned(),
        Security::StartTls => format!("sslproto TLS1.2+ sslcertfile {} sslcertck", job.from.authority.display()),
        Security::Tls => format!("ssl sslcertfile {} sslcertck", job.from.authority.display()),
    };
    let maildir = job.make_maildir();
    let rules = configure(job.folder, "procmailrc", &format!("DEFAULT={}/\nLOGFILE=/dev/null\n", maildir.display()));
    let text = format!(
        "poll localhost port {} protocol {} user {USER} password {} {tls} fetchall keep mda \"procmail {}\"\n",
        job.from.port,
        if job.pop3 { "POP3" } else { "IMAP" },
        password(),
        rules.display()
    );
    let mut command = Command::new("fetchmail");
    command.arg("-f").arg(configure(job.folder, "fetchmailrc", &text)).args(["--silent", "--nosyslog", "--pidfile"]);
    command.arg(job.folder.join("fetchmail.pid")).env("HOME", job.folder).env("FETCHMAILHOME", job.folder);
    measure::run(&command, job.folder)
}
