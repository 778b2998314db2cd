//! Mailsluice itself: the release binary, `submit` off the clock, `flush` on it. Durability is what it is by default:
//! there is no key to lessen it.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Receive, Send, configure};
use crate::measure::{self, Usage};
use crate::server::{Address, Security, USER, password};

/// The binary: that of this build, or of another one that the environment names, to compare builds.
pub(crate) fn binary() -> PathBuf {
    std::env::var_os("MAILSLUICE").map_or_else(|| env!("CARGO_BIN_EXE_mailsluice").into(), PathBuf::from)
}

pub(super) fn send(job: &Send<'_>, connections: u16) -> Result<Usage, String> {
    let section = format!("[transport.outgoing]\nkind = \"smtp\"\nconnections = {connections}\n{}", server(job.to));
    profile(job.folder, &section);
    let mut submit = command(job.folder);
    submit.arg("submit").arg(job.outbox());
    measure::run(&submit, job.folder)?;
    let mut flush = command(job.folder);
    flush.args(["flush", "--send", "--no-ui", "--json"]);
    measure::run(&flush, job.folder)
}

pub(super) fn receive(job: &Receive<'_>) -> Result<Usage, String> {
    let section = format!(
        "[transport.incoming]\nkind = \"{}\"\nafter = \"keep\"\ndeliver = {{ maildir = \"{}\" }}\n{}",
        if job.pop3 { "pop3" } else { "imap" },
        job.maildir().display(),
        server(job.from)
    );
    profile(job.folder, &section);
    let mut flush = command(job.folder);
    flush.args(["flush", "--receive", "--no-ui", "--json"]);
    measure::run(&flush, job.folder)
}

fn server(address: &Address) -> String {
    let security = match address.security {
        Security::None => "none",
        Security::StartTls => "starttls",
        Security::Tls => "tls",
    };
    let place = format!("host = \"127.0.0.1\"\nport = {}\nsecurity = \"{security}\"\n", address.port);
    let trust = format!("ca_file = \"{}\"\n", address.authority.display());
    let login = format!("user = \"{USER}\"\npassword = {{ env = \"BENCH_PASSWORD\" }}\n");
    let parts = [(true, place), (address.security != Security::None, trust), (address.login, login)];
    parts.into_iter().filter(|(wanted, _)| *wanted).map(|(_, part)| part).collect()
}

fn profile(folder: &Path, section: &str) {
    let text = format!(
        "[[transport]]\nname = \"bench\"\nidentity = \"Ada Lovelace <ada@example.org>\"\naccepts = [\"*\"]\n\n{section}"
    );
    std::fs::create_dir_all(folder.join("profile")).expect("a folder");
    configure(&folder.join("profile"), "profile.toml", &text);
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new(binary());
    command.arg("--profile").arg(folder.join("profile"));
    command.env("HOME", folder).env("XDG_RUNTIME_DIR", folder).env("BENCH_PASSWORD", password());
    command
}
