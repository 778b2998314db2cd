//! What all servers have in common: a folder, free ports, a process that is waited for and stopped.

use std::ffi::OsStr;
use std::fs::Permissions;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a server may take to answer, or to end.
const LIMIT: Duration = Duration::from_secs(30);

/// Where Debian keeps servers, which are not on everybody's PATH; and where scripts/setup unpacks one that it can't install.
const FOLDERS: [&str; 5] =
    ["/usr/sbin", "/usr/bin", "/usr/lib/postfix/sbin", "/usr/local/sbin", "/opt/mailsluice-test/usr/sbin"];

/// The user that servers write mail as: nobody, who owns nothing else.
pub const NOBODY: u32 = 65534;

/// Finds the programs a server is made of; `None`, loudly, when one is missing or may not be started. Panics if CI is set.
pub fn find(server: &str, programs: &[&str]) -> Option<Vec<PathBuf>> {
    let program = |name: &&str| {
        let found = FOLDERS.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.exists());
        found.ok_or_else(|| format!("{name} is not installed: run scripts/setup test"))
    };
    let found: Result<Vec<PathBuf>, String> =
        if is_root() { programs.iter().map(program).collect() } else { Err("only root can start it".to_owned()) };
    match found {
        Ok(paths) => Some(paths),
        Err(why) if std::env::var_os("CI").is_some() => panic!("{server} is needed here: {why}"),
        Err(why) => {
            eprintln!("SKIPPED: this test needs {server}, and {why}");
            None
        }
    }
}

/// Finds a program that anyone may run and that answers to these arguments; `None`, loudly, when it is missing. Panics if
/// CI is set.
pub fn find_for_anyone(package: &str, program: &str, answers: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    command.args(answers).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if command.status().is_ok_and(|status| status.success()) {
        return Some(program.to_owned());
    }
    assert!(std::env::var_os("CI").is_none(), "{package} is needed here: run scripts/setup test");
    eprintln!("SKIPPED: this test needs {package}, which is not installed: run scripts/setup test");
    None
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id(1)");
    id.stdout.trim_ascii() == b"0"
}

/// A temporary folder that other users can pass through.
pub fn folder() -> TempDir {
    let folder = tempfile::Builder::new().prefix("mailsluice-test-").tempdir().expect("a temporary folder");
    std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("permissions");
    folder
}

/// A port of 127.0.0.1 on which nobody listens. From below the range that the kernel gives to outgoing connections, and
/// each test process looks in a corner of its own, so that nobody takes it before it is used.
pub fn free_port() -> u16 {
    static ASKED: AtomicU16 = AtomicU16::new(0);
    let corner = std::process::id().wrapping_mul(61) % 12_000;
    for _ in 0..1000 {
        let port = 20_000 + (corner + u32::from(ASKED.fetch_add(1, Ordering::Relaxed))) % 12_000;
        let port = u16::try_from(port).expect("at most 32,000");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free");
}

/// The loopback address with this port.
pub fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// Writes a file below a folder, and the folders above it.
pub fn write(path: &Path, text: &str) {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).expect("a folder");
    }
    std::fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// Waits until something holds; polls, because what other processes do sends no event.
#[must_use]
pub fn wait_until(limit: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        if holds() {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

/// A program that the kernel ends when this process dies without having stopped it.
pub fn mortal(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM", "--"]).arg(program);
    command
}

/// A server's process.
#[derive(Debug)]
pub struct Daemon {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts a server in the foreground and waits until it answers on these ports. `log` is shown when it does not.
    pub fn start(name: &'static str, program: &Path, arguments: &[&str], log: &Path, ports: &[Ready]) -> Self {
        let child = mortal(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut daemon = Self { name, child, log: log.to_owned() };
        for &port in ports {
            let ready = wait_until(LIMIT, || daemon.check(port));
            assert!(ready, "{name} does not answer at {port:?}\n{}", daemon.log());
        }
        daemon
    }

    /// What it wrote into its log.
    pub fn log(&self) -> String {
        std::fs::read(&self.log).map(|log| String::from_utf8_lossy(&log).into_owned()).unwrap_or_default()
    }

    fn check(&mut self, port: Ready) -> bool {
        if let Some(status) = self.child.try_wait().expect("a child of ours") {
            panic!("{} ended at once, {status}\n{}", self.name, self.log());
        }
        match port {
            Ready::Listens(port) => TcpStream::connect(loopback(port)).is_ok(),
            Ready::Greets(port) => greeting(port).is_some(),
        }
    }
}

/// How one sees that a port is served.
#[derive(Debug, Clone, Copy)]
pub enum Ready {
    /// It takes connections.
    Listens(u16),
    /// It greets.
    Greets(u16),
}

fn greeting(port: u16) -> Option<String> {
    let stream = TcpStream::connect(loopback(port)).ok()?;
    stream.set_read_timeout(Some(LIMIT)).ok()?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).ok()?;
    (!line.is_empty()).then_some(line)
}

impl Drop for Daemon {
    fn drop(&mut self) {
        stop(&mut self.child);
    }
}

/// Ends a process of ours and waits for its end. Politely at first, so that it takes its own children along.
pub fn stop(child: &mut Child) {
    let ended = |child: &mut Child| matches!(child.try_wait(), Ok(Some(_)) | Err(_));
    if ended(child) {
        return;
    }
    Command::new("kill").args(["-TERM", &child.id().to_string()]).status().ok();
    if !wait_until(LIMIT, || ended(child)) {
        child.kill().ok();
        child.wait().ok();
    }
}
