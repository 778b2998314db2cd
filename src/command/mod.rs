//! Mailsluice without a window: one file for each command. What the window can show, `status --json` can print.

pub mod args;
pub mod context;
mod doctor;
pub mod exit;
pub mod export;
mod flush;
mod import;
mod logging;
mod manual;
mod questions;
mod queue;
pub mod sendmail;
mod status;
mod submit;

use std::fmt;
use std::io::{self, Write as _};
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::mapi::{Failure, in_one_line, is_visible, visible};
use crate::spool::Seconds;
use crate::spooler::submit::SubmitError;
use args::{Arguments, Command};
use context::Context;

/// Why a command could not do its work.
#[derive(Debug)]
pub enum Problem {
    /// The command line asks for something that is not there.
    Usage(String),
    /// The profile is wrong or missing.
    Config(String),
    /// A message was bad.
    Message(String),
    /// Something in this program or system failed.
    Software(String),
    /// A typed failure.
    Failure(Failure),
    /// The spooler was another process's, and has ended: see [`Context::work`].
    Ended,
}

impl Problem {
    fn software(what: &str, error: &dyn fmt::Display) -> Self {
        Self::Software(format!("{what}: {error}"))
    }

    /// The exit code.
    pub const fn exit(&self) -> u8 {
        match self {
            Self::Usage(_) => exit::USAGE,
            Self::Config(_) => exit::CONFIG,
            Self::Message(_) => exit::DATA_ERROR,
            Self::Software(_) => exit::SOFTWARE,
            Self::Failure(failure) => exit::of_failure(failure),
            Self::Ended => exit::TEMPORARY,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(text) | Self::Config(text) | Self::Message(text) | Self::Software(text) => f.write_str(text),
            Self::Failure(failure) => write!(f, "{failure}. {}", failure.remedy()),
            Self::Ended => f.write_str("the processes that hold the profile end one after the other: try again"),
        }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<SubmitError> for Problem {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Failure(failure) => Self::Failure(failure),
            SubmitError::NoTransport(name) => Self::Usage(format!("the profile has no transport “{name}” that sends")),
            other => Self::Message(other.to_string()),
        }
    }
}

/// Runs a command. Gives its exit code; what went wrong is on standard error.
pub fn run(arguments: &Arguments, command: &Command) -> u8 {
    match dispatch(arguments, command) {
        Ok(code) => code,
        Err(problem) => {
            complain(&problem);
            problem.exit()
        }
    }
}

fn dispatch(arguments: &Arguments, command: &Command) -> Result<u8, Problem> {
    match command {
        Command::Status { json } => status::run(&Context::open(arguments)?, *json),
        Command::Flush(flush) => flush::run(&Context::open_with_transports(arguments)?, flush),
        Command::Queue(queue) => queue::run(&Context::open(arguments)?, queue),
        Command::Submit(submit) => submit::run(&Context::open_with_transports(arguments)?, submit),
        Command::Import { program, file } => import::run(arguments, *program, file),
        Command::Completions { shell } => manual::completions(*shell),
        Command::Man { into } => manual::man(into.as_deref()),
        Command::Sendmail { arguments: options } => sendmail::run(arguments, options),
        Command::Doctor { rescue: Some(into), .. } => doctor::rescue(&Context::open(arguments)?, into),
        Command::Doctor { names, rescue: None } => doctor::run(&Context::open_with_transports(arguments)?, names),
    }
}

/// Says on standard error what went wrong, which may be in the words of strangers.
pub fn complain(problem: &dyn fmt::Display) {
    let problem = problem.to_string();
    let lines: Vec<String> = problem.lines().map(visible).collect();
    // Nobody to tell when standard error is closed.
    writeln!(io::stderr(), "mailsluice: {}", lines.join("\n")).ok();
}

/// Prints a line on standard output. A reader that has seen enough (`| head`) is no error.
fn say(line: &str) {
    writeln!(io::stdout(), "{line}").ok();
}

/// Which program submits: this command, and the one that called it.
fn submitter(command: &str) -> String {
    let caller = rustix::process::getppid().and_then(|parent| {
        let name = std::fs::read_to_string(format!("/proc/{}/comm", parent.as_raw_nonzero())).ok()?;
        Some(format!("{command}, called by {}", in_one_line(&name)))
    });
    caller.unwrap_or_else(|| command.to_owned())
}

/// Now, in seconds since the Unix epoch.
fn now() -> Seconds {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed())
}

/// A point in time as the clock on the wall has it: the hour if it is today, the date as well if it is not.
fn clock(at: Seconds, now: Seconds) -> String {
    let zoned = |at| Timestamp::from_second(at).unwrap_or_default().to_zoned(TimeZone::system());
    let (at, now) = (zoned(at), zoned(now));
    at.strftime(if at.date() == now.date() { "%H:%M" } else { "%Y-%m-%d %H:%M" }).to_string()
}

fn say_json(value: &impl Serialize) -> Result<(), Problem> {
    let text = serde_json::to_string(value).map_err(|error| Problem::software("JSON", &error))?;
    say(&escaped(&text));
    Ok(())
}

/// JSON without a character that a screen acts on: JSON itself escapes only the first few. They are in its strings
/// only, where an escape means the same.
fn escaped(json: &str) -> String {
    json.chars().fold(String::with_capacity(json.len()), |mut text, letter| {
        if is_visible(letter) {
            text.push(letter);
        } else {
            // Writing to a string does not fail.
            fmt::Write::write_fmt(&mut text, format_args!("\\u{:04x}", u32::from(letter))).ok();
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_of_strangers_words_is_plain_and_means_the_same() {
        let said = "a\u{202e}\u{7f}\u{9b}31m\u{1b}]0;x\u{7}\"\\\u{85}ü\n";
        let json = escaped(&serde_json::to_string(said).unwrap_or_default());
        assert!(json.chars().all(is_visible), "{json:?}");
        assert_eq!(serde_json::from_str::<String>(&json).ok().as_deref(), Some(said));
    }
}
