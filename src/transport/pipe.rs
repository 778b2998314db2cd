//! `kind = "pipe"`: an outside sendmail program, run once for each message.
//!
//! `{sender}` and `{recipients}` of the command are replaced, the latter by one argument for each recipient; no shell sees
//! them. An address that begins with a hyphen would be an option to the program: it is only passed behind a `--`, and
//! refused when the command has none. The empty sender is written `<>`.
//!
//! It promises to honour No UI: the program has neither our terminal for input nor our output, its words are kept for
//! the status row, and in a silent flush it has no display either. It has no `FlushQueues` of its own: the spooler's is
//! used, with it as the target.

use super::program::Program;
use super::{BoxFuture, Job, Submissions, Support, Traits, Transport};
use crate::mapi::{Blame, Class, Failure, Outcome, Stage};

const SENDER: &str = "{sender}";
const RECIPIENTS: &str = "{recipients}";

/// The transport.
#[derive(Debug)]
pub struct PipeTransport {
    command: Vec<String>,
}

impl PipeTransport {
    /// `command`: program and arguments, as in the profile.
    pub const fn new(command: Vec<String>) -> Self {
        Self { command }
    }

    fn program(&self) -> String {
        self.command.first().cloned().unwrap_or_default()
    }

    /// The argument vector for one message, or why it can't be made.
    fn arguments(&self, job: &Job) -> Result<Vec<String>, Failure> {
        let sender = if job.sender.is_empty() { "<>" } else { &job.sender };
        let mut guarded = false;
        let mut argv = Vec::with_capacity(self.command.len() + job.recipients.len());
        for word in &self.command {
            guarded |= word == "--";
            let mut put = |placeholder: &str, address: &str| {
                if !guarded && word == placeholder && address.starts_with('-') {
                    let what = format!("{address} begins with a hyphen, and the command has no -- before it");
                    return Err(Failure::new(Class::Permanent, Stage::Envelope, self.program(), what));
                }
                argv.push(word.replace(placeholder, address));
                Ok(())
            };
            if word.contains(RECIPIENTS) {
                job.recipients.iter().try_for_each(|to| put(RECIPIENTS, &to.address))?;
            } else {
                put(SENDER, sender)?;
            }
        }
        Ok(argv)
    }

    async fn attempt(&self, support: &Support, queue: &Submissions, job: &Job) -> Result<(), Missed> {
        let argv = self.arguments(job)?;
        support.stage(Stage::Program);
        let mut program = Program::start(&argv, support.cancel(), !support.interactive())?;
        support.stage(Stage::Content);
        let read_all = program.feed(&job.content).await?;
        if read_all {
            // The end of its input is the last byte.
            queue.offering(vec![job.envelope], true).await?;
        }
        support.stage(Stage::Reply);
        program.end().await.map_err(|failure| Missed { failure, offered: read_all })?;
        if read_all {
            return Ok(());
        }
        let what = "ended well without reading the whole message";
        Err(Failure::new(Class::Transient, Stage::Program, self.program(), what).into())
    }

    /// Sends one message and says what came of it. The error ends the phase.
    async fn send(&self, support: &Support, queue: &Submissions, job: &Job) -> Result<(), Failure> {
        let Err(Missed { failure, offered }) = self.attempt(support, queue, job).await else {
            support.progress(job.content.size());
            queue.end_all(job, &Outcome::Sent("exit code 0".to_owned()));
            return Ok(());
        };
        let (outcome, end) = match (failure.class, failure.blame) {
            (Class::Permanent, _) => (Outcome::Failed(failure), None),
            // It ended by itself and said so, or never had all of it.
            (_, Blame::Message) => (Outcome::Deferred(failure), None),
            (Class::Transient, _) if !offered => (Outcome::Deferred(failure), None),
            // We ended it, by cancel or deadline, and can't know how far it was.
            (class, _) if offered => {
                let end = (class == Class::Cancelled).then(|| failure.clone());
                (Outcome::InDoubt(Failure { class: Class::InDoubt, ..failure }), end)
            }
            _ => (Outcome::Returned, Some(failure)),
        };
        queue.end_all(job, &outcome);
        end.map_or(Ok(()), Err)
    }
}

/// Why a message was not sent.
struct Missed {
    failure: Failure,
    /// The program had all of it.
    offered: bool,
}

impl From<Failure> for Missed {
    fn from(failure: Failure) -> Self {
        Self { failure, offered: false }
    }
}

impl Transport for PipeTransport {
    fn traits(&self) -> Traits {
        Traits { kind: "pipe", flushes_itself: false, honours_no_ui: true, asynchronous: false, path: self.program() }
    }

    fn submit<'a>(&'a self, support: &'a Support, queue: &'a Submissions) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            while let Some(job) = queue.next().await {
                self.send(support, queue, &job).await?;
            }
            if support.cancel().is_cancelled() {
                return Err(Failure::cancelled(Stage::Program, self.program()));
            }
            Ok(())
        })
    }

    fn validate_state<'a>(&'a self, _support: &'a Support) -> BoxFuture<'a, Result<String, Failure>> {
        Box::pin(std::future::ready(find(&self.program()).map(|at| format!("{at} can be run"))))
    }
}

/// Where the program is, searched as the system does. Running it would send mail.
fn find(program: &str) -> Result<String, Failure> {
    use std::os::unix::fs::PermissionsExt as _;
    let runs = |path: &std::path::Path| {
        path.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
    };
    let path = std::path::Path::new(program);
    let found = if program.contains('/') {
        runs(path).then(|| path.to_owned())
    } else {
        let folders = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&folders).map(|folder| folder.join(path)).find(|path| runs(path))
    };
    let missing = || Failure::new(Class::Configuration, Stage::Program, program, "no such program");
    found.map(|path| path.display().to_string()).ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapi::EnvelopeId;
    use crate::transport::testing::{TestSpooler, job};

    fn transport(command: &[&str]) -> PipeTransport {
        PipeTransport::new(command.iter().map(|&word| word.to_owned()).collect())
    }

    async fn outcome(command: &[&str], sender: &str, recipients: &[&str]) -> (TestSpooler, Outcome) {
        let spooler = TestSpooler::new();
        let queue = spooler.submissions(vec![job(1, sender, recipients, b"Subject: x\r\n\r\ntext\r\n")]);
        transport(command).submit(&spooler.support, &queue).await.unwrap();
        spooler.caught_up().await;
        let outcome = spooler.memory().ended[0].1.clone();
        (spooler, outcome)
    }

    #[tokio::test]
    async fn each_recipient_is_an_argument_and_the_message_is_the_input() {
        let out = tempfile::NamedTempFile::new().unwrap();
        let script = format!("(printf '%s|' \"$@\"; cat) > {}", out.path().display());
        let command = ["/bin/sh", "-c", &script, "sh", "-f", "{sender}", "--", "{recipients}"];
        let (spooler, sent) = outcome(&command, "", &["a b@x", "-oQ@y"]).await;
        assert!(matches!(sent, Outcome::Sent(_)), "{sent:?}");
        assert_eq!(spooler.memory().offered, [EnvelopeId(1)]);
        let got = std::fs::read_to_string(out.path()).unwrap();
        assert_eq!(got, "-f|<>|--|a b@x|-oQ@y|Subject: x\n\ntext\n");
    }

    #[tokio::test]
    async fn an_address_never_becomes_an_option() {
        let (spooler, refused) = outcome(&["/bin/cat", "{recipients}"], "a@x", &["b@y", "-C/etc/passwd"]).await;
        assert!(matches!(refused, Outcome::Failed(failure) if failure.class == Class::Permanent));
        let (_, refused) = outcome(&["/bin/cat", "-f", "{sender}"], "-oQ@x", &["b@y"]).await;
        assert!(matches!(refused, Outcome::Failed(_)));
        assert!(spooler.memory().offered.is_empty());
    }

    #[tokio::test]
    async fn what_it_says_decides_for_the_message() {
        let says = async |script: &str| outcome(&["/bin/sh", "-c", script], "a@x", &["b@y"]).await.1;
        let failed = says("cat >/dev/null; echo no such user >&2; exit 67").await;
        assert!(matches!(&failed, Outcome::Failed(failure) if failure.reply.as_ref().unwrap().text == "no such user"));
        assert!(matches!(says("cat >/dev/null; exit 75").await, Outcome::Deferred(_)));
        assert!(matches!(says("cat >/dev/null; kill -9 $$").await, Outcome::Deferred(_)));
    }

    #[tokio::test]
    async fn a_missing_program_ends_the_phase_and_keeps_the_mail() {
        let spooler = TestSpooler::new();
        let queue = spooler.submissions(vec![job(1, "a@x", &["b@y"], b"\r\n")]);
        let result = transport(&["/nonexistent/sendmail"]).submit(&spooler.support, &queue).await;
        assert_eq!(result.unwrap_err().class, Class::Configuration);
        spooler.caught_up().await;
        assert!(matches!(spooler.memory().ended[0].1, Outcome::Returned));
        let missing = transport(&["/nonexistent/sendmail"]).validate_state(&spooler.support).await;
        assert_eq!(missing.unwrap_err().class, Class::Configuration);
        assert!(transport(&["sh"]).validate_state(&spooler.support).await.is_ok());
    }

    #[tokio::test]
    async fn cancelled_when_it_had_everything_it_is_in_doubt() {
        let spooler = TestSpooler::new();
        let folder = tempfile::tempdir().unwrap();
        let read = folder.path().join("read");
        let script = format!("cat >/dev/null; mkfifo {0}; cat {0}", read.display());
        let queue = spooler.submissions(vec![job(1, "a@x", &["b@y"], b"\r\n")]);
        let transport = transport(&["/bin/sh", "-c", &script]);
        let cancelling = async {
            while !read.exists() {
                tokio::task::yield_now().await;
            }
            spooler.cancel.cancel();
        };
        let (result, ()) = tokio::join!(transport.submit(&spooler.support, &queue), cancelling);
        assert_eq!(result.unwrap_err().class, Class::Cancelled);
        // Cancelled supports ask no more; reports still arrive in order.
        while spooler.memory().ended.is_empty() {
            tokio::task::yield_now().await;
        }
        assert!(matches!(spooler.memory().ended[0].1, Outcome::InDoubt(_)));
    }
}
