//! Arguments in, exit code out: the window, or one command.

use std::process::ExitCode;

use clap::Parser as _;
use mailsluice::command::args::Arguments;
use mailsluice::command::{self, exit};

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
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

#[cfg(feature = "desktop")]
fn window(arguments: &Arguments) -> u8 {
    mailsluice::desktop::run(arguments)
}

#[cfg(not(feature = "desktop"))]
fn window(_arguments: &Arguments) -> u8 {
    command::complain(&"this build has no window; see `mailsluice --help` for the commands");
    exit::UNAVAILABLE
}
