//! Arguments in, exit code out: the window, or one command.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser as _;
use mailsluice::command::args::Arguments;
use mailsluice::command::{self, exit, sendmail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

fn main() -> ExitCode {
    keep_memory_to_ourselves();
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

/// No core dump holds a password. A limit of one byte is too little for any file, and makes Linux start no program that
/// collects dumps either, which a limit of nothing does not (fs/coredump.c). Programs that we start inherit it.
///
/// Not PR_SET_DUMPABLE: the desktop's portals could not look at the process any more (they read its /proc), and no file
/// dialog would open. Where it can't be set, all else works as ever.
fn keep_memory_to_ourselves() {
    let maximum = getrlimit(Resource::Core).maximum;
    setrlimit(Resource::Core, Rlimit { current: Some(maximum.map_or(1, |most| most.min(1))), maximum }).ok();
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
