//! Arguments in, exit code out: the window, or one command.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser as _;
use mailsluice::command::args::Arguments;
use mailsluice::command::{self, exit, sendmail};

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse_from(called()) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are no errors; a reader that is gone is nobody's fault.
            error.print().ok();
            return if error.use_stderr() { exit::USAGE } else { exit::OK }.into();
        }
    };
    match &arguments.command {
        Some(command) => command::run(&arguments, command).into(),
        None => window(&arguments).into(),
    }
}

/// The command line; under one of sendmail's names, that of the command it stands for.
fn called() -> Vec<OsString> {
    let mut words: Vec<OsString> = std::env::args_os().collect();
    let name = words.first().map(Path::new).and_then(Path::file_name);
    let stands_for = name.and_then(|name| sendmail::under_name(name, words.get(1..).unwrap_or_default()));
    if let Some(other) = stands_for {
        words = other;
    }
    words
}

#[cfg(feature = "desktop")]
fn window(arguments: &Arguments) -> u8 {
    mailsluice::desktop::run(arguments)
}

#[cfg(not(feature = "desktop"))]
fn window(_arguments: &Arguments) -> u8 {
    command::complain(&"this build has no window; see `mailsluice --help` for the commands");
    exit::UNAVAILABLE
}
