//! msmtp, as a script empties an outbox with it: a process and a connection for each message, one after the other.

use std::process::Command;

use super::{Send, configure};
use crate::letters::SENDER;
use crate::measure::{self, Usage};
use crate::server::{Security, USER, password};

pub(super) fn send(job: &Send<'_>) -> Result<Usage, String> {
    let tls = match job.to.security {
        Security::None => "tls off\n".to_owned(),
        Security::StartTls => format!("tls on\ntls_starttls on\ntls_trust_file {}\n", job.to.authority.display()),
        Security::Tls => format!("tls on\ntls_starttls off\ntls_trust_file {}\n", job.to.authority.display()),
    };
    let login = if job.to.login {
        format!("auth plain\nuser {USER}\npassword {}\n", password())
    } else {
        "auth off\n".to_owned()
    };
    let text = format!("account default\nhost 127.0.0.1\nport {}\nfrom {SENDER}\n{tls}{login}", job.to.port);
    let file = configure(job.folder, "msmtprc", &text);
    let mut command = Command::new("sh");
    command.args(["-ec", "for letter in \"$1\"/*; do msmtp -C \"$2\" -t <\"$letter\"; done", "sh"]);
    command.arg(job.outbox()).arg(file).env("HOME", job.folder);
    measure::run(&command, job.folder)
}
