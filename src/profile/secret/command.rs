//! A secret from a shell command: the first line that it prints.
//!
//! The command gets a process group of its own, so that a pinentry or an ssh that it started goes with it when time is
//! up. Both its outputs are read to the end while it runs, so that it never waits for us; what counts is that it has
//! exited, for something it left behind (an agent) may keep its outputs open for ever.

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded, unbounded};
use rustix::process::{Pid, Signal};
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

use super::SecretError;

/// Long enough for a person to enter a passphrase where the command asks for one.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);
/// What a command printed before it exited is read soon after.
const GRACE: Duration = Duration::from_secs(1);
/// A first line longer than this is no password.
const LONGEST_LINE: usize = 64 << 10;
/// As much of a line of standard error as is shown.
const SHOWN: usize = 200;

/// Runs `line` in a shell and gives the first line it prints. Unless it `may_show_ui`, it gets neither display nor terminal
/// to put a pinentry on.
pub(super) fn fetch(line: &str, patience: Duration, may_show_ui: bool) -> Result<SecretString, SecretError> {
    let until = Instant::now() + patience;
    let mut child = start(line, may_show_ui)?;
    let group = Pid::from_child(&child);
    let (first_line, last_words) = match (child.stdout.take(), child.stderr.take()) {
        (Some(output), Some(errors)) => (read_first_line(output), read_last_line(errors)),
        _ => return Err(SecretError::Command("its output can't be read".to_owned())),
    };
    let (done, exited) = bounded(1);
    named("password command", move || {
        done.send(child.wait()).ok();
    })?;
    let Ok(status) = exited.recv_deadline(until) else {
        rustix::process::kill_process_group(group, Signal::KILL).ok();
        return Err(SecretError::TimedOut { place: "the password command", seconds: patience.as_secs() });
    };
    match status {
        Ok(status) if status.success() => {
            let line = first_line.recv_timeout(GRACE).unwrap_or_default();
            let place = || "the password command's output".to_owned();
            let line = std::str::from_utf8(&line).map_err(|_not_shown| SecretError::NotText(place()))?;
            if line.is_empty() { Err(SecretError::Missing(place())) } else { Ok(line.into()) }
        }
        Ok(status) => Err(SecretError::Command(failed(status, &last_words))),
        Err(error) => Err(SecretError::Command(error.to_string())),
    }
}

fn start(line: &str, may_show_ui: bool) -> Result<Child, SecretError> {
    let mut command = Command::new("sh");
    super::withhold(&mut command);
    if !may_show_ui {
        super::withhold_display(&mut command);
        command.env_remove("GPG_TTY");
        // What asks KWallet is a Qt program, which does not start without a display unless it is told that it needs none.
        command.env("QT_QPA_PLATFORM", "offscreen");
    }
    command
        .arg("-c")
        .arg(line)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|error| SecretError::Command(error.to_string()))
}

fn named(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), SecretError> {
    let started = thread::Builder::new().name(name.to_owned()).spawn(work);
    started.map(drop).map_err(|error| SecretError::Command(error.to_string()))
}

/// Sends the first line, without its end, as soon as it is there; then reads on, so that the command can write on. What
/// was read is wiped.
fn read_first_line(mut output: ChildStdout) -> Receiver<Zeroizing<Vec<u8>>> {
    let (sender, receiver) = bounded(1);
    // Without the thread the receiver hears nothing, which is no password.
    named("password output", move || {
        let mut read = Zeroizing::new(vec![0; LONGEST_LINE]);
        let mut filled = 0;
        let line = loop {
            let (before, room) = read.split_at_mut(filled);
            match output.read(room) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return,
                Ok(0) => break before.to_vec(),
                Ok(more) => {
                    filled += more;
                    if let Some(line) = ended(&read, filled) {
                        break line.to_vec();
                    }
                }
            }
        };
        let mut line = Zeroizing::new(line);
        while line.pop_if(|last| matches!(last, b'\n' | b'\r')).is_some() {}
        sender.send(line).ok();
        std::io::copy(&mut output, &mut std::io::sink()).ok();
    })
    .ok();
    receiver
}

/// The first line of what was read so far, if it is all there.
fn ended(read: &[u8], filled: usize) -> Option<&[u8]> {
    read.get(..filled)?.split_inclusive(|byte| *byte == b'\n').next().filter(|line| line.ends_with(b"\n"))
}

/// Sends the beginning of each line that says something.
fn read_last_line(errors: ChildStderr) -> Receiver<String> {
    let (sender, receiver) = unbounded();
    named("password errors", move || {
        let mut errors = BufReader::new(errors);
        let mut line = Vec::new();
        while errors.by_ref().take(LONGEST_LINE as u64).read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let text: String = String::from_utf8_lossy(&line).trim().chars().take(SHOWN).collect();
            if !text.is_empty() && sender.send(text.replace(char::is_control, " ")).is_err() {
                break;
            }
            line.clear();
        }
        std::io::copy(&mut errors, &mut std::io::sink()).ok();
    })
    .ok();
    receiver
}

/// The last line on standard error, else how it ended.
fn failed(status: ExitStatus, last_words: &Receiver<String>) -> String {
    let until = Instant::now() + GRACE;
    let mut last = None;
    while let Ok(line) = last_words.recv_deadline(until) {
        last = Some(line);
    }
    last.unwrap_or_else(|| status.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

    fn run(line: &str) -> Result<String, SecretError> {
        fetch(line, PATIENCE, true).map(|secret| secret.expose_secret().to_owned())
    }

    #[test]
    fn the_first_line_is_the_secret() {
        assert_eq!(run("echo hunter2; echo and more").as_deref(), Ok("hunter2"));
        assert_eq!(run("printf 'hunter 2\\r\\n'").as_deref(), Ok("hunter 2"));
        assert_eq!(run("printf ' spaces stay '").as_deref(), Ok(" spaces stay "));
    }

    #[test]
    fn no_secret() {
        assert!(matches!(run("true"), Err(SecretError::Missing(_))));
        assert!(matches!(run("echo; echo hunter2"), Err(SecretError::Missing(_))));
        assert!(matches!(run("printf '\\377\\n'"), Err(SecretError::NotText(_))));
    }

    #[test]
    fn a_failure_tells_the_last_line_of_standard_error_and_nothing_that_was_printed() {
        let error = run("echo hunter2; echo first >&2; printf 'no \\033[2J key\\n' >&2; exit 3").unwrap_err();
        assert_eq!(error, SecretError::Command("no  [2J key".to_owned()));
        let error = run("echo hunter2; exit 3").unwrap_err();
        assert!(error.to_string().contains('3') && !error.to_string().contains("hunter2"), "{error}");
    }

    #[test]
    fn a_command_that_prints_without_end_is_read_while_it_does() {
        assert_eq!(
            run("echo hunter2; head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2").as_deref(),
            Ok("hunter2")
        );
    }

    #[test]
    fn what_a_command_leaves_behind_is_not_waited_for() {
        let began = Instant::now();
        assert_eq!(run("echo hunter2; sleep 30 &").as_deref(), Ok("hunter2"));
        assert!(began.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn a_command_that_hangs_is_killed_with_its_children() {
        let folder = tempfile::tempdir().unwrap();
        let pid = folder.path().join("pid");
        let line = format!("sleep 100 & echo $! > {}; wait", pid.display());
        let error = fetch(&line, Duration::from_millis(500), true).unwrap_err();
        assert!(matches!(error, SecretError::TimedOut { .. }), "{error}");
        let child: i32 = std::fs::read_to_string(&pid).unwrap().trim().parse().unwrap();
        let child = Pid::from_raw(child).unwrap();
        let until = Instant::now() + Duration::from_secs(10);
        // Killed and perhaps not yet collected: a process that can still be signalled must at least be a zombie.
        let gone = || {
            rustix::process::test_kill_process(child).is_err()
                || std::fs::read_to_string(format!("/proc/{}/stat", child.as_raw_nonzero()))
                    .map_or(true, |stat| stat.contains(") Z "))
        };
        while !gone() {
            assert!(Instant::now() < until, "the child lives on");
            thread::yield_now();
        }
    }

    #[test]
    fn without_ui_there_is_nothing_to_show_a_pinentry_on() {
        let line = "env | grep -c -e ^DISPLAY= -e ^WAYLAND_DISPLAY= -e ^GPG_TTY=; true";
        assert_eq!(fetch(line, PATIENCE, false).unwrap().expose_secret(), "0");
    }
}
