//! Mailsluice without a window: one file for each command. What the window can show, `status --json` can print.

pub mod args;
pub mod context;
mod doctor;
pub mod exit;
mod flush;
mod queue;
mod status;
mod submit;

use std::fmt;
use std::io::{self, Write as _};

use serde::Serialize;

use crate::mapi::Failure;
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
    let context = Context::open(arguments)?;
    match command {
        Command::Status { json } => status::run(&context, *json),
        Command::Flush(flush) => flush::run(&context, flush),
        Command::Queue(queue) => queue::run(&context, queue),
        Command::Submit(submit) => submit::run(&context, submit),
        Command::Doctor { names } => doctor::run(&context, names),
    }
}

/// Says on standard error what went wrong.
pub fn complain(problem: &dyn fmt::Display) {
    // Nobody to tell when standard error is closed.
    writeln!(io::stderr(), "mailsluice: {problem}").ok();
}

/// Prints a line on standard output. A reader that has seen enough (`| head`) is no error.
fn say(line: &str) {
    writeln!(io::stdout(), "{line}").ok();
}

fn say_json(value: &impl Serialize) -> Result<(), Problem> {
    let text = serde_json::to_string(value).map_err(|error| Problem::software("JSON", &error))?;
    say(&text);
    Ok(())
}

/// Text from outside, safe for a terminal: control characters become visible.
fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '\u{FFFD}' } else { letter }).collect()
}
