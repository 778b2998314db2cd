//! The other end of the line: who takes mail, who has it waiting. And what arrived there.

use std::fs;
use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::letters::{self, Arrival, Letters};
use crate::proxy::{Line, Proxy};
use crate::support::daemon::{NOBODY, find, free_port, loopback, mortal, stop, wait_until};
use crate::support::dovecot::PASSWORD;
use crate::support::{Dovecot, Postfix, PostfixSetup};

/// The user everywhere; the password is [`PASSWORD`].
pub(crate) const USER: &str = "ada";
/// Stragglers are waited for that long, off the clock.
const STRAGGLERS: Duration = Duration::from_secs(10);

/// Who takes mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taker {
    /// A Postfix that asks for STARTTLS and a password, has CHUNKING, and makes each message durable before it says yes.
    /// It puts them on hold, so that its own deliveries are off the clock.
    Smarthost,
    /// smtp-sink: plain text, PIPELINING without CHUNKING, keeps nothing but what is needed to check it, in memory.
    Sink,
    /// The same, which only counts: where it would be the slowest part. What it takes is checked in runs off the clock.
    Counter,
}

/// How a client reaches a server.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    /// The near end of the line.
    pub(crate) port: u16,
    /// TLS or not.
    pub(crate) security: Security,
    /// Whom the server's certificate is from, in TLS.
    pub(crate) authority: PathBuf,
    /// Whether a password is asked for.
    pub(crate) login: bool,
}

/// TLS or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Security {
    /// Plain text.
    None,
    /// By STARTTLS.
    StartTls,
    /// From the first byte.
    Tls,
}

impl Address {
    /// The same at another port: before or behind a line.
    pub(crate) fn at(&self, port: u16) -> Self {
        Self { port, ..self.clone() }
    }
}

/// A server, and a line that leads to it.
#[derive(Debug)]
pub(crate) struct Distant<S> {
    /// The server.
    pub(crate) server: S,
    /// Next to it.
    pub(crate) near: Address,
    /// At the distance that was asked for.
    pub(crate) far: Address,
    _proxy: Option<Proxy>,
}

impl<S> Distant<S> {
    /// Puts a line before a server; none at all for no distance.
    pub(crate) fn new(server: S, near: Address, line: Line) -> Self {
        let wanted = !line.round_trip.is_zero() || line.mbit.is_some();
        let proxy = wanted.then(|| Proxy::start(near.port, line));
        let far = near.at(proxy.as_ref().map_or(near.port, |proxy| proxy.port));
        Self { server, near, far, _proxy: proxy }
    }
}

/// A [`Taker`] at work.
#[derive(Debug)]
pub(crate) enum Post {
    /// See [`Taker::Smarthost`].
    Smarthost(Box<Smarthost>),
    /// See [`Taker::Sink`] and [`Taker::Counter`].
    Sink(Sink),
}

impl Post {
    /// Starts one.
    pub(crate) fn start(taker: Taker) -> Option<(Self, Address)> {
        let plain = |port| Address { port, security: Security::None, authority: PathBuf::new(), login: false };
        match taker {
            Taker::Smarthost => {
                let smarthost = Smarthost::start()?;
                let address = Address {
                    security: Security::StartTls,
                    authority: smarthost.dovecot.certs.authority.clone(),
                    login: true,
                    ..plain(smarthost.postfix.port)
                };
                Some((Self::Smarthost(Box::new(smarthost)), address))
            }
            Taker::Sink | Taker::Counter => {
                let sink = Sink::start(taker == Taker::Sink)?;
                let address = plain(sink.port);
                Some((Self::Sink(sink), address))
            }
        }
    }

    /// Messages taken since it was last emptied.
    fn count(&self) -> usize {
        match self {
            Self::Smarthost(smarthost) => held(&smarthost.postfix),
            Self::Sink(sink) => sink.count(),
        }
    }

    /// Checks that it has the first `count` messages and no others, and forgets them. `theirs`: the client sends messages
    /// of its own making, which can be counted and no more.
    pub(crate) fn check(&mut self, count: usize, theirs: bool) -> Result<(), String> {
        let came = wait_until(STRAGGLERS, || self.count() >= count);
        let (taken, counts_only) = (self.count(), theirs || matches!(self, Self::Sink(Sink { keeps: false, .. })));
        let verdict = match self {
            _ if !came || taken != count => Err(format!("{taken} messages instead of {count}")),
            _ if counts_only => Ok(()),
            Self::Smarthost(smarthost) => smarthost.check(count),
            Self::Sink(sink) => letters::check(count, sink.arrivals()),
        };
        self.clear();
        verdict
    }

    fn clear(&mut self) {
        match self {
            Self::Smarthost(smarthost) => {
                postsuper(&smarthost.postfix, &["-d", "ALL"]);
                for file in files(&smarthost.postfix.folder().join("mail/new")) {
                    fs::remove_file(file).ok();
                }
            }
            Self::Sink(sink) => sink.clear(),
        }
    }
}

/// What every client here signs in by. Ours would take SCRAM where it is offered, the others would not: three round trips more.
const MECHANISMS: &str = "auth_mechanisms = plain login";

/// See [`Taker::Smarthost`].
#[derive(Debug)]
pub(crate) struct Smarthost {
    postfix: Postfix,
    /// Knows the passwords.
    dovecot: Dovecot,
}

impl Smarthost {
    fn start() -> Option<Self> {
        let dovecot = Dovecot::start_with(MECHANISMS)?;
        let postfix = Postfix::start(&PostfixSetup {
            certs: Some(&dovecot.certs),
            auth_socket: Some(dovecot.auth_socket()),
            recipients: &[(".", "HOLD")],
            main_cf: "in_flow_delay = 0\nsmtpd_sasl_security_options = noanonymous",
        })?;
        Some(Self { postfix, dovecot })
    }

    /// What was on hold is delivered, and looked at.
    fn check(&self, count: usize) -> Result<(), String> {
        release(&self.postfix);
        let arrivals = self.postfix.wait_deliveries(count).into_iter().map(|delivery| Arrival {
            envelope: Some((delivery.sender, delivery.recipient)),
            content: delivery.content,
        });
        letters::check(count, arrivals)
    }
}

/// Messages that a Postfix has on hold. Those it is still writing have another mode.
fn held(postfix: &Postfix) -> usize {
    let complete = |path: &PathBuf| fs::metadata(path).is_ok_and(|data| data.permissions().mode() & 0o100 != 0);
    files(&postfix.folder().join("spool/hold")).iter().filter(|path| complete(path)).count()
}

/// What a Postfix has on hold goes into its deferred queue, and is tried at once.
pub(crate) fn release(postfix: &Postfix) {
    defer(postfix);
    flush(postfix);
}

/// What a Postfix has on hold goes into its deferred queue.
pub(crate) fn defer(postfix: &Postfix) {
    postsuper(postfix, &["-H", "ALL"]);
}

/// A Postfix tries all it has deferred.
pub(crate) fn flush(postfix: &Postfix) {
    administer("postqueue", postfix, &["-f"]);
}

fn postsuper(postfix: &Postfix, arguments: &[&str]) {
    administer("postsuper", postfix, arguments);
}

fn administer(program: &str, postfix: &Postfix, arguments: &[&str]) {
    let mut command = Command::new(program);
    command.env("PATH", "/usr/sbin:/usr/bin:/bin").arg("-c").arg(postfix.folder().join("etc")).args(arguments);
    let output = command.output().expect("it is part of Postfix");
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}

/// See [`Taker::Sink`].
#[derive(Debug)]
pub(crate) struct Sink {
    port: u16,
    keeps: bool,
    process: std::process::Child,
    folder: TempDir,
    /// Counted before it was last emptied.
    forgotten: usize,
}

impl Sink {
    fn start(keeps: bool) -> Option<Self> {
        let programs = find("smtp-sink", &["smtp-sink", "setpriv"])?;
        let sink = programs.first()?;
        // In memory, so that the disk's pace is not measured here.
        let memory = Path::new("/dev/shm");
        let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let folder = tempfile::Builder::new().prefix("mailsluice-bench-").tempdir_in(place).expect("a folder");
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("permissions");
        let kept = folder.path().join("kept");
        fs::create_dir(&kept).expect("a folder");
        chown(&kept, Some(NOBODY), Some(NOBODY)).expect("root may");
        let counter = fs::File::create(folder.path().join("counter")).expect("a file");
        let port = free_port();
        let mut command = mortal(sink);
        // It starts as root, writes as nobody.
        command.args(["-u", "nobody", "-m", "2000"]);
        if keeps {
            command.arg("-d").arg(format!("{}/message.", kept.display()));
        } else {
            command.arg("-c");
        }
        command.arg(format!("127.0.0.1:{port}")).arg("1000");
        let process = command.stdin(Stdio::null()).stdout(counter).stderr(Stdio::null()).spawn().expect("smtp-sink");
        let answers = || std::net::TcpStream::connect(loopback(port)).is_ok();
        assert!(wait_until(STRAGGLERS, answers), "smtp-sink does not answer");
        Some(Self { port, keeps, process, folder, forgotten: 0 })
    }

    fn count(&self) -> usize {
        if self.keeps { files(&self.folder.path().join("kept")).len() } else { self.counted() - self.forgotten }
    }

    /// It writes a line of counters, without an end, again and again over the last one.
    fn counted(&self) -> usize {
        let text = fs::read_to_string(self.folder.path().join("counter")).unwrap_or_default();
        let last = text.rsplit("mesg=").next().unwrap_or_default();
        last.split_ascii_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or_default()
    }

    fn clear(&mut self) {
        self.forgotten = self.counted();
        for file in files(&self.folder.path().join("kept")) {
            fs::remove_file(file).ok();
        }
    }

    fn arrivals(&self) -> impl Iterator<Item = Arrival> + use<> {
        files(&self.folder.path().join("kept")).into_iter().map(|file| {
            let content = fs::read(file).expect("a message");
            let head = content.get(..1024).map_or_else(|| String::from_utf8_lossy(&content), String::from_utf8_lossy);
            let path = |name: &str| {
                let line = head.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
                let path = line.split(['<', '>']).nth(1).unwrap_or(line);
                path.to_owned()
            };
            Arrival { envelope: Some((path("X-Mail-Args: "), path("X-Rcpt-Args: "))), content }
        })
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        stop(&mut self.process);
    }
}

/// A Dovecot where messages wait for [`USER`].
pub(crate) fn mailbox(letters: &Letters) -> Option<Dovecot> {
    let dovecot = Dovecot::start_with(MECHANISMS)?;
    let messages = letters.first(letters.count).into_iter().map(|file| fs::read(file).expect("a message"));
    dovecot.fill(USER, messages);
    Some(dovecot)
}

/// Messages in a Maildir.
pub(crate) fn maildir(folder: &Path) -> impl Iterator<Item = Arrival> + use<> {
    let found = ["new", "cur"].into_iter().flat_map(|name| files(&folder.join(name))).collect::<Vec<_>>();
    found.into_iter().map(|file| Arrival { envelope: None, content: fs::read(file).expect("a message") })
}

/// The password of [`USER`], for programs that want it in a file of their own.
pub(crate) const fn password() -> &'static str {
    PASSWORD
}

/// What is in a folder; nothing, if there is none.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}
