//! `mailsluice sendmail`, also under the names `sendmail`, `mailq` and `newaliases`: the way in for scripts, cron and
//! mail programs, which all know these options. Messages go to the spool and wait there until a flush; the network is
//! never waited for.
//!
//! The options are those of sendmail(8), as Sendmail, Postfix and Exim agree on them, read as getopt(3) does. What has no
//! meaning here (delivery modes, notification requests, hop counts) is accepted and does nothing, since callers give
//! such options by habit; what would have to do something else than submit, list or flush is refused.

use std::ffi::{OsStr, OsString};
use std::io;

use super::args::{Arguments, Command, Flush, Queue};
use super::context::Context;
use super::submit::tell_spooler;
use super::{Problem, exit, submitter};
use crate::message::{prepare, stamp};
use crate::spooler::submit::{Options, Submitter};

/// What `sendmail` is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Mode {
    /// Take a message from standard input.
    Submit,
    /// List the queue (`-bp`, `mailq`).
    List,
    /// Send what waits (`-q`).
    Flush,
    /// Nothing: aliases are the server's (`-bi`, `newaliases`).
    Nothing,
}

/// The options, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Asked {
    mode: Mode,
    /// `-t`: recipients are in To, Cc and Bcc.
    named: bool,
    /// Not `-i`: a line with nothing but a dot ends the message.
    dot_ends: bool,
    /// `-f`.
    sender: Option<String>,
    /// `-F`.
    name: Option<String>,
    recipients: Vec<String>,
}

/// The arguments of `mailsluice` that stand for being called by this name, if it is one of sendmail's.
pub fn under_name(name: &OsStr, rest: &[OsString]) -> Option<Vec<OsString>> {
    let more: &[&str] = match name.to_str()? {
        "sendmail" => &[],
        "mailq" => &["-bp"],
        "newaliases" => &["-bi"],
        _ => return None,
    };
    let before = ["mailsluice", "sendmail"].iter().chain(more).map(OsString::from);
    Some(before.chain(rest.iter().cloned()).collect())
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, options: &[String]) -> Result<u8, Problem> {
    let asked = understand(options)?;
    match asked.mode {
        Mode::Submit => submit(&Context::open_with_transports(arguments)?, asked),
        Mode::List => {
            let list = Queue::List { transport: None, limit: u64::MAX, filter: Vec::new(), json: false };
            super::dispatch(arguments, &Command::Queue(list))
        }
        Mode::Flush => {
            let flush = Flush { send: true, no_ui: true, asynchronous: true, ..Flush::default() };
            super::dispatch(arguments, &Command::Flush(flush))
        }
        Mode::Nothing => Ok(exit::OK),
    }
}

fn submit(context: &Context, asked: Asked) -> Result<u8, Problem> {
    if !asked.named && asked.recipients.is_empty() {
        return Err(Problem::Usage("no recipients: name them, or give -t when the message does".to_owned()));
    }
    let options = Options {
        sender: asked.sender,
        name: asked.name,
        recipients: asked.recipients,
        also_named: asked.named,
        locals_are_identity: true,
        caller: stamp::caller(),
        submitter: submitter("sendmail"),
        reading: prepare::Options { dot_ends: asked.dot_ends, ..prepare::Options::default() },
        ..Options::default()
    };
    let mut submitter = Submitter::new(&context.places, &context.profile)?;
    submitter.submit(&mut io::stdin().lock(), &options)?;
    submitter.commit()?;
    tell_spooler(context);
    Ok(exit::OK)
}

/// Options with a value that may stand in the argument behind.
const WITH_VALUE: &str = "ABCDFLNORVXbfhpr";

/// Options with a value in the same argument, or none.
const WITH_ATTACHED: &str = "deoq";

fn understand(arguments: &[String]) -> Result<Asked, Problem> {
    let mut asked =
        Asked { mode: Mode::Submit, named: false, dot_ends: true, sender: None, name: None, recipients: Vec::new() };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if argument == "--" {
            asked.recipients.extend(rest.by_ref().cloned());
            break;
        }
        let Some(mut letters) = argument.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
            asked.recipients.push(argument.clone());
            continue;
        };
        while let Some(letter) = letters.chars().next() {
            letters = letters.strip_prefix(letter).unwrap_or_default();
            let mut value = "";
            if WITH_VALUE.contains(letter) || WITH_ATTACHED.contains(letter) {
                value = std::mem::take(&mut letters);
                if value.is_empty() && WITH_VALUE.contains(letter) {
                    let missing = || Problem::Usage(format!("-{letter} needs a value"));
                    value = rest.next().ok_or_else(missing)?;
                }
            }
            asked.take(letter, value)?;
        }
    }
    // Callers give several recipients in one argument, as in a header.
    let split = asked.recipients.iter().flat_map(|text| text.split(',')).map(str::trim);
    asked.recipients = split.filter(|text| !text.is_empty()).map(ToOwned::to_owned).collect();
    Ok(asked)
}

impl Asked {
    fn take(&mut self, letter: char, value: &str) -> Result<(), Problem> {
        let refused = |why: &str| Err(Problem::Usage(format!("-{letter}{value}: {why}")));
        match (letter, value) {
            ('t', _) => self.named = true,
            ('i', _) | ('o', "i") => self.dot_ends = false,
            ('f' | 'r', _) => self.sender = Some(value.to_owned()),
            ('F', _) => self.name = Some(value.to_owned()),
            ('b', "m") => self.mode = Mode::Submit,
            ('b', "p") => self.mode = Mode::List,
            ('b', "i") | ('I', _) => self.mode = Mode::Nothing,
            ('b', _) => return refused("Mailsluice submits (-bm), lists (-bp) and flushes (-q), and nothing else"),
            ('q', _) if value.starts_with(|first: char| first.is_ascii_digit()) => {
                return refused("mail goes by the [schedule] of the profile, while the window runs");
            }
            ('q', _) => self.mode = Mode::Flush,
            // Modes of delivery, debugging, files, names, requests and limits of programs that deliver themselves.
            ('A' | 'B' | 'C' | 'D' | 'L' | 'N' | 'O' | 'R' | 'V' | 'X' | 'h' | 'p' | 'd' | 'e' | 'o', _)
            | ('G' | 'U' | 'c' | 'm' | 'n' | 's' | 'v' | 'x', "") => {}
            _ => return refused("there is no such option"),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(arguments: &[&str]) -> Asked {
        let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
        understand(&arguments).unwrap_or_else(|problem| panic!("{arguments:?}: {problem}"))
    }

    fn refused(arguments: &[&str]) -> u8 {
        let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
        understand(&arguments).map_or_else(|problem| problem.exit(), |asked| panic!("{asked:?}"))
    }

    #[test]
    fn options_are_read_as_their_callers_write_them() {
        // cron, git send-email, mutt, s-nail, PHP, mailx of old.
        let cron = asked(&["-i", "-FCronDaemon", "-B8BITMIME", "-oem", "root"]);
        assert_eq!((cron.dot_ends, cron.name.as_deref()), (false, Some("CronDaemon")));
        assert_eq!(cron.recipients, ["root"]);
        let git = asked(&["-f", "ada@example.org", "-i", "bob@example.net", "eve@example.net"]);
        assert_eq!(git.sender.as_deref(), Some("ada@example.org"));
        assert_eq!(git.recipients, ["bob@example.net", "eve@example.net"]);
        let mutt =
            asked(&["-oem", "-oi", "-N", "failure", "-R", "hdrs", "-V", "x", "-O", "y=z", "--", "-odd@example.net"]);
        assert_eq!((mutt.dot_ends, mutt.recipients), (false, vec!["-odd@example.net".to_owned()]));
        let together = asked(&["-ti", "-fada@example.org"]);
        assert_eq!(
            (together.named, together.dot_ends, together.sender.as_deref()),
            (true, false, Some("ada@example.org"))
        );
        assert!(asked(&["-t"]).dot_ends);
        assert_eq!(asked(&["-f", ""]).sender.as_deref(), Some(""));
        assert_eq!(asked(&["a@example.org, b@example.org", "-v"]).recipients, ["a@example.org", "b@example.org"]);
    }

    #[test]
    fn other_modes_are_told_apart_and_unknown_ones_refused() {
        assert_eq!(asked(&["-bp"]).mode, Mode::List);
        assert_eq!(asked(&["-q"]).mode, Mode::Flush);
        assert_eq!(asked(&["-qf"]).mode, Mode::Flush);
        assert_eq!(asked(&["-bi"]).mode, Mode::Nothing);
        for arguments in [&["-bd"][..], &["-bs"], &["-q30m"], &["-y"], &["-f"], &["-b"], &["-tü"]] {
            assert_eq!(refused(arguments), exit::USAGE, "{arguments:?}");
        }
    }

    #[test]
    fn the_names_of_sendmail_are_known_and_others_are_not() {
        let called = |name: &str| under_name(OsStr::new(name), &["-v".into()]);
        assert_eq!(called("mailq"), Some(["mailsluice", "sendmail", "-bp", "-v"].map(OsString::from).to_vec()));
        assert_eq!(called("sendmail"), Some(["mailsluice", "sendmail", "-v"].map(OsString::from).to_vec()));
        assert_eq!(called("mailsluice"), None);
    }
}
