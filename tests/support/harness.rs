//! The program itself, run as a user runs it: in a profile folder of its own and an environment without a screen.

use std::io::{Read as _, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;

use super::daemon::{stop, wait_until};

const LIMIT: Duration = Duration::from_secs(60);

/// The binary under test.
pub const BINARY: &str = env!("CARGO_BIN_EXE_mailsluice");

/// A profile folder, and the program run on it.
#[derive(Debug)]
pub struct Harness {
    folder: TempDir,
}

/// The program while it runs. Dropped, it is killed.
#[derive(Debug)]
pub struct Running {
    child: Option<Child>,
}

/// The program at a terminal. Dropped, it is killed.
#[derive(Debug)]
pub struct Terminal {
    child: Child,
    shown: Arc<Mutex<Vec<u8>>>,
}

/// What a run of the program came to.
#[derive(Debug, Clone)]
pub struct Run {
    /// Exit code; `None`: ended by a signal.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
}

impl Harness {
    /// Writes `profile.toml` into a new folder.
    pub fn new(profile: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("mailsluice-test-").tempdir().expect("a temporary folder");
        let harness = Self { folder };
        harness.write("profile/profile.toml", profile);
        std::fs::create_dir_all(harness.path("home")).expect("a folder");
        harness
    }

    /// The profile folder: `profile.toml`, `spool.db`, `mail/`, `log/`.
    pub fn profile(&self) -> PathBuf {
        self.path("profile")
    }

    /// A path beside the profile folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file beside the profile folder.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a name below the folder")).expect("a folder");
        std::fs::write(&path, content).expect("a file");
        path
    }

    /// The program, ready to be given arguments: `--profile` is set, of the environment only PATH is left.
    pub fn command(&self) -> Command {
        let mut command = self.bare_command();
        command.arg("--profile").arg(self.profile());
        command
    }

    /// The program, ready to be given arguments: on the default profile of the home beside the profile folder.
    pub fn bare_command(&self) -> Command {
        let mut command = Command::new(BINARY);
        let home = self.path("home");
        command.env_clear().env("HOME", &home).env("XDG_RUNTIME_DIR", &home).current_dir(self.folder.path());
        // Neither this machine's network nor its sleep are the test's.
        command.env("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent");
        for name in ["PATH", "RUST_BACKTRACE", "LLVM_PROFILE_FILE"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Run {
        self.run_with_input(arguments, b"")
    }

    /// Runs a command with this on its standard input.
    pub fn run_with_input(&self, arguments: &[&str], input: &[u8]) -> Run {
        let mut command = self.command();
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program");
        let mut stdin = child.stdin.take().expect("a pipe");
        std::thread::scope(|scope| {
            scope.spawn(move || {
                // A program that ends without reading everything closes the pipe early.
                stdin.write_all(input).ok();
            });
            Run::from(child.wait_with_output().expect("a child of ours"))
        })
    }

    /// Runs a command at a terminal, where this is typed. What it prints is all in `stdout`.
    pub fn run_at_terminal(&self, arguments: &[&str], typed: &str) -> Run {
        let mut child = at_terminal(&self.command(), arguments);
        child.stdin.take().expect("a pipe").write_all(typed.as_bytes()).ok();
        Run::from(child.wait_with_output().expect("a child of ours"))
    }

    /// Starts a command that somebody else sees the end of.
    pub fn start(&self, arguments: &[&str]) -> Running {
        let mut command = self.command();
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Running { child: Some(command.spawn().expect("the program")) }
    }

    /// Messages received by a transport into its default Maildir, in the order of their file names.
    pub fn received(&self, transport: &str) -> Vec<Vec<u8>> {
        let maildir = self.profile().join("mail").join(transport);
        let mut files: Vec<PathBuf> = ["new", "cur"].iter().flat_map(|name| files(&maildir.join(name))).collect();
        files.sort();
        files.iter().map(|file| std::fs::read(file).expect("a message")).collect()
    }
}

/// Starts a command as `script` does, with its input a pipe and its output another.
fn at_terminal(command: &Command, arguments: &[&str]) -> Child {
    let words = [command.get_program()].into_iter().chain(command.get_args()).map(|word| word.to_string_lossy());
    let words = words.chain(arguments.iter().map(|&word| word.into()));
    let words: Vec<String> = words.map(|word| format!("'{}'", word.replace('\'', "'\\''"))).collect();
    // A shell that stays between would have heard Ctrl+C as well, and its exit code would be 130.
    let line = format!("exec {}", words.join(" "));
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => script.env(name, value),
            None => script.env_remove(name),
        };
    }
    script.spawn().expect("script, of Debian's bsdutils")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.expect("an entry").path()).collect()
}

impl Running {
    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.as_ref().expect("it runs until it is waited for").id()
    }

    /// Sends it a signal, such as `INT` or `KILL`.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.id().to_string()).status().expect("kill(1)");
        assert!(status.success(), "it has ended before its time");
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        matches!(self.child.as_mut().map(Child::try_wait), Some(Ok(None)))
    }

    /// Kills it, if it has not ended.
    pub fn kill(&self) {
        let id = self.id().to_string();
        Command::new("kill").args(["-KILL", &id]).stderr(Stdio::null()).status().expect("kill(1)");
    }

    /// Waits for its end.
    pub fn end(mut self) -> Run {
        let child = self.child.take().expect("it is waited for once");
        Run::from(child.wait_with_output().expect("a child of ours"))
    }
}

/// The most memory that a process ever had resident, in bytes, as of now; `None` when it is gone.
pub fn peak_memory(id: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Run {
    /// Expects this exit code; shows everything if it is another.
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "\nstdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }

    /// What it printed, as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}\nstdout: {}\nstderr: {}", self.stdout, self.stderr))
    }
}

impl Terminal {
    /// Starts this command with these arguments at a terminal that somebody sits at.
    pub fn at(command: &Command, arguments: &[&str]) -> Self {
        let mut child = at_terminal(command, arguments);
        let mut output = child.stdout.take().expect("a pipe");
        let shown: Arc<Mutex<Vec<u8>>> = Arc::default();
        let kept = Arc::clone(&shown);
        // Ends with the program.
        std::thread::spawn(move || {
            let mut read = [0; 4096];
            while let Ok(length @ 1..) = output.read(&mut read) {
                kept.lock().expect("unharmed").extend_from_slice(&read[..length]);
            }
        });
        Self { child, shown }
    }

    /// Everything it has shown so far.
    pub fn shown(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().expect("unharmed")).into_owned()
    }

    /// Waits until it shows a word that begins like this, which is followed by another.
    pub fn word(&self, beginning: &str) -> String {
        let find = || {
            let shown = self.shown();
            let (_, rest) = shown.split_once(beginning)?;
            let (word, _) = rest.split_once(char::is_whitespace)?;
            Some(format!("{beginning}{word}"))
        };
        assert!(wait_until(LIMIT, || find().is_some()), "no {beginning} in {}", self.shown());
        find().expect("it was there")
    }

    /// Types this.
    pub fn types(&mut self, text: impl AsRef<[u8]>) {
        self.child.stdin.as_mut().expect("a pipe").write_all(text.as_ref()).expect("it listens");
    }

    /// Waits for its end.
    pub fn end(mut self) -> Run {
        assert!(wait_until(LIMIT, || !matches!(self.child.try_wait(), Ok(None))), "it goes on: {}", self.shown());
        let code = self.child.wait().expect("a child of ours").code();
        Run { code, stdout: self.shown(), stderr: String::new() }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        stop(&mut self.child);
    }
}
