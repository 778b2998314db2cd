//! mpop: POP3 with pipelining, into a Maildir, fsync for each message.

use std::process::Command;

use super::{Receive, configure};
use crate::measure::{self, Usage};
use crate::server::{Security, USER, password};

pub(super) fn receive(job: &Receive<'_>) -> Result<Usage, String> {
    let tls = match job.from.security {
        Security::None => "tls off\n".to_owned(),
        Security::StartTls => format!("tls on\ntls_starttls on\ntls_trust_file {}\n", job.from.authority.display()),
        Security::Tls => format!("tls on\ntls_starttls off\ntls_trust_file {}\n", job.from.authority.display()),
    };
    let text = format!(
        "account default\nhost 127.0.0.1\nport {}\nuser {USER}\npassword {}\nauth user\npipelining on\nkeep on\n\
         received_header off\nuidls_file {}\ndelivery maildir {}\n{tls}",
        job.from.port,
        password(),
        job.folder.join("uidls").display(),
        job.make_maildir().display()
    );
    let mut command = Command::new("mpop");
    command.arg("-C").arg(configure(job.folder, "mpoprc", &text)).arg("--quiet").env("HOME", job.folder);
    measure::run(&command, job.folder)
}
