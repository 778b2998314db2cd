//! An outside program that reads one message on its standard input: sendmail, procmail and their like.
//!
//! No shell is involved. The message is given with the local line end (LF), which is what these programs read. The
//! program gets a process group of its own, so that its children go with it when it is killed, and what it says on
//! standard error is kept as far as its last line. Exit codes are those of sysexits(3).

use std::io::ErrorKind;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStderr, ChildStdin, Command};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::mapi::{Blame, Class, Failure, Reply, Stage, in_one_line};
use crate::profile::secret::{withhold, withhold_display};
use crate::transport::Content;

/// How long the program may take to read one piece of the message.
const READ_TIME: Duration = Duration::from_mins(5);
/// How long it may take to end once it has all of it: what RFC 5321 gives a server after the final dot.
const END_TIME: Duration = Duration::from_mins(10);
/// How long its last words are waited for once it has ended; a child it left behind may hold the line open.
const WORDS_TIME: Duration = Duration::from_secs(1);
/// How much of its words is kept.
const WORDS_BYTES: usize = 4 << 10;

/// A running program.
#[derive(Debug)]
pub(crate) struct Program {
    name: String,
    child: Child,
    /// Its process group, while it has not been waited for.
    group: Option<Pid>,
    stdin: Option<ChildStdin>,
    words: JoinHandle<String>,
    cancel: CancellationToken,
}

impl Program {
    /// Starts it. With `quiet` it has no display to show anything on.
    ///
    /// # Errors
    /// [`Class::Configuration`] when there is no such program or it may not be run; else what the system says, with the
    /// message to blame: its arguments may be too long.
    pub(crate) fn start(argv: &[String], cancel: &CancellationToken, quiet: bool) -> Result<Self, Failure> {
        let [name, arguments @ ..] = argv else {
            return Err(Failure::new(Class::Configuration, Stage::Program, "command", "is empty"));
        };
        let mut command = Command::new(name);
        withhold(command.as_std_mut());
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.process_group(0).kill_on_drop(true);
        if quiet {
            withhold_display(command.as_std_mut());
        }
        let mut child = command.spawn().map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::PermissionDenied => {
                Failure::new(Class::Configuration, Stage::Program, name, error.to_string())
            }
            _ => Failure::new(Class::Local, Stage::Program, name, error.to_string()).blaming(Blame::Message),
        })?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let stdin = child.stdin.take();
        let words = tokio::spawn(last_line(child.stderr.take()));
        Ok(Self { name: name.clone(), child, group, stdin, words, cancel: cancel.clone() })
    }

    /// Gives it the message, but not yet the end of it. Gives whether it read everything: a program may stop reading
    /// when it has made up its mind.
    ///
    /// # Errors
    /// Cancelled, too slow, or the message can't be read.
    pub(crate) async fn feed(&mut self, content: &Content) -> Result<bool, Failure> {
        let mut stream = content.stream();
        let mut ends = LineEnds::default();
        let mut piece = Vec::new();
        loop {
            let chunk = stream.next().await.transpose()?;
            piece.clear();
            match &chunk {
                Some(chunk) => ends.convert(chunk, &mut piece),
                None => ends.finish(&mut piece),
            }
            // Its input stays ours whatever happens here: closed early, half a message would look like a whole one.
            let Some(stdin) = &mut self.stdin else { return Ok(false) };
            let written = tokio::select! {
                biased;
                () = self.cancel.cancelled() => return Err(Failure::cancelled(Stage::Program, &self.name)),
                written = tokio::time::timeout(READ_TIME, stdin.write_all(&piece)) => written,
            };
            match written {
                Err(_elapsed) => return Err(self.failure(Class::Transient, "does not read the message")),
                Ok(Err(error)) if error.kind() == ErrorKind::BrokenPipe => return Ok(false),
                Ok(Err(error)) => return Err(self.failure(Class::Transient, error.to_string())),
                Ok(Ok(())) if chunk.is_none() => return Ok(true),
                Ok(Ok(())) => {}
            }
        }
    }

    /// Ends the message and waits for what the program makes of it.
    ///
    /// # Errors
    /// Cancelled, too slow, or what its exit code says ([`judge`]).
    pub(crate) async fn end(mut self) -> Result<(), Failure> {
        drop(self.stdin.take());
        let waited = tokio::select! {
            biased;
            () = self.cancel.cancelled() => return Err(Failure::cancelled(Stage::Program, &self.name)),
            waited = tokio::time::timeout(END_TIME, self.child.wait()) => waited,
        };
        let status = match waited {
            Ok(Ok(status)) => status,
            Ok(Err(error)) => return Err(self.failure(Class::Local, error.to_string())),
            Err(_elapsed) => return Err(self.failure(Class::Transient, "took too long to end")),
        };
        // It is gone; children it left to work on (Exim delivers in one) are to live.
        self.group = None;
        if status.success() {
            return Ok(());
        }
        let words = tokio::time::timeout(WORDS_TIME, &mut self.words).await;
        Err(judge(&self.name, status, words.ok().and_then(Result::ok).unwrap_or_default()))
    }

    fn failure(&self, class: Class, what: impl Into<String>) -> Failure {
        Failure::new(class, Stage::Program, &self.name, what)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.words.abort();
        // Before its input closes, which happens after this.
        if let Some(group) = self.group {
            // It may have ended by itself in this moment.
            rustix::process::kill_process_group(group, Signal::KILL).ok();
        }
    }
}

/// What an exit status other than 0 means for the message. What says that the message or an address is wrong is
/// permanent; everything else, also codes nobody defined, is tried again: a script with a bug must not cost mail.
fn judge(name: &str, status: ExitStatus, words: String) -> Failure {
    let (class, what) = match status.code() {
        Some(code @ (64..=68 | 77)) => (Class::Permanent, format!("exit code {code}")),
        Some(78) => (Class::Configuration, "exit code 78".to_owned()),
        Some(code) => (Class::Transient, format!("exit code {code}")),
        None => (Class::Transient, "ended by a signal".to_owned()),
    };
    let failure = Failure::new(class, Stage::Program, name, what).blaming(Blame::Message);
    if words.is_empty() { failure } else { failure.with_reply(Reply { code: 0, enhanced: None, text: words }) }
}

/// The last line that isn't empty, without control characters.
async fn last_line(stderr: Option<ChildStderr>) -> String {
    let Some(mut stderr) = stderr else { return String::new() };
    let mut kept = Vec::new();
    let mut buffer = [0; 1024];
    while let Ok(read @ 1..) = stderr.read(&mut buffer).await {
        kept.extend_from_slice(buffer.get(..read).unwrap_or_default());
        kept.drain(..kept.len().saturating_sub(WORDS_BYTES));
    }
    let text = String::from_utf8_lossy(&kept);
    let line = text.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    in_one_line(line)
}

/// CRLF to LF, over any number of pieces.
#[derive(Debug, Default)]
struct LineEnds {
    /// The last piece ended in CR.
    pending: bool,
}

impl LineEnds {
    fn convert(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        out.reserve(bytes.len() + 1);
        for &byte in bytes {
            if std::mem::take(&mut self.pending) && byte != b'\n' {
                out.push(b'\r');
            }
            if byte == b'\r' {
                self.pending = true;
            } else {
                out.push(byte);
            }
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.pending) {
            out.push(b'\r');
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(script: &str, content: &'static [u8]) -> Result<bool, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let argv = ["/bin/sh", "-c", script].map(str::to_owned);
            let mut program = Program::start(&argv, &CancellationToken::new(), true)?;
            let all = program.feed(&Content::Inline(content.into())).await?;
            program.end().await.map(|()| all)
        })
    }

    #[test]
    fn exit_codes_decide() {
        assert_eq!(run("cat > /dev/null", b"x\r\n"), Ok(true));
        for (script, class) in [
            ("cat >/dev/null; exit 75", Class::Transient),
            ("cat >/dev/null; exit 69", Class::Transient),
            ("cat >/dev/null; exit 67", Class::Permanent),
            ("cat >/dev/null; exit 77", Class::Permanent),
            ("cat >/dev/null; exit 78", Class::Configuration),
            ("cat >/dev/null; exit 1", Class::Transient),
            ("cat >/dev/null; kill -9 $$", Class::Transient),
        ] {
            let failure = run(script, b"x\r\n").unwrap_err();
            assert_eq!((failure.class, failure.blame), (class, Blame::Message), "{script}");
        }
    }

    #[test]
    fn its_last_words_are_kept_clean() {
        let failure =
            run("cat >/dev/null; printf 'first\\nno \\033such user\\n\\n' >&2; exit 67", b"x\r\n").unwrap_err();
        assert_eq!(failure.reply.unwrap().text, "no  such user");
    }

    #[test]
    fn a_program_that_stops_reading_is_noticed() {
        let long = vec![b'x'; 1 << 20].leak();
        assert_eq!(run("exec <&-; exit 0", long), Ok(false));
    }

    #[test]
    fn a_missing_program_is_a_setting_to_correct() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _inside = runtime.enter();
        let missing = ["/nonexistent/sendmail".to_owned()];
        let failure = Program::start(&missing, &CancellationToken::new(), true).unwrap_err();
        assert_eq!(failure.class, Class::Configuration);
    }

    #[test]
    fn cancel_kills_it_and_its_children() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let fifo = folder.path().join("alive");
            let cancel = CancellationToken::new();
            // The child of the shell holds the write end of the pipe open for as long as it lives.
            let script = format!("mkfifo {0}; echo ready >&2; (sleep 600) > {0}; :", fifo.display());
            let argv = ["/bin/sh", "-c", &script].map(str::to_owned);
            let program = Program::start(&argv, &cancel, true).unwrap();
            while !fifo.exists() {
                tokio::task::yield_now().await;
            }
            let opened = tokio::task::spawn_blocking(move || std::fs::File::open(fifo).unwrap());
            let mut pipe = opened.await.unwrap();
            cancel.cancel();
            assert_eq!(program.end().await.unwrap_err().class, Class::Cancelled);
            // Ends only once nobody holds the write end any more.
            let ended = tokio::task::spawn_blocking(move || std::io::Read::read_to_end(&mut pipe, &mut Vec::new()));
            assert_eq!(ended.await.unwrap().unwrap(), 0);
        });
    }

    proptest! {
        #[test]
        fn line_ends_are_the_same_in_any_pieces(bytes in "[a\r\n]{0,40}", cut in 0_usize..40) {
            let cut = cut.min(bytes.len());
            let (mut ends, mut out) = (LineEnds::default(), Vec::new());
            ends.convert(&bytes.as_bytes()[..cut], &mut out);
            ends.convert(&bytes.as_bytes()[cut..], &mut out);
            ends.finish(&mut out);
            prop_assert_eq!(String::from_utf8(out).unwrap(), bytes.replace("\r\n", "\n"));
        }
    }
}
