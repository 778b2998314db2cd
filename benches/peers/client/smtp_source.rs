//! smtp-source, Postfix's load generator: as fast as sessions without pipelining can be, with nothing to read or to keep.

use std::process::Command;

use super::Send;
use crate::letters::SENDER;
use crate::measure::{self, Usage};

pub(super) fn send(job: &Send<'_>, sessions: u16) -> Result<Usage, String> {
    let bytes = job.letters.bytes / job.letters.count as u64;
    let mut command = Command::new("/usr/sbin/smtp-source");
    // -d: one connection for all messages of a session.
    command
        .arg("-d")
        .arg("-s")
        .arg(sessions.to_string())
        .arg("-m")
        .arg(job.count.to_string())
        .arg("-l")
        .arg(bytes.to_string());
    command.args(["-f", SENDER, "-t", "grace@example.net"]).arg(format!("127.0.0.1:{}", job.to.port));
    measure::run(&command, job.folder)
}
