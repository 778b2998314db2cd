//! `mailsluice completions SHELL` and `mailsluice man [DIR]`: made from the same description that reads the command line, so
//! that none of them can say anything else. For packages and for shells; `--help` does not list them.

use std::io::{self, ErrorKind, Write as _};
use std::path::Path;

use clap::CommandFactory as _;
use clap_complete::Shell;
use clap_mangen::Man;

use super::args::Arguments;
use super::{Problem, exit};

/// Prints the completions for a shell.
pub(super) fn completions(shell: Shell) -> Result<u8, Problem> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "mailsluice", &mut script);
    print(&script)
}

/// Prints the manual page; with a folder, writes it there, and one for each command.
pub(super) fn man(into: Option<&Path>) -> Result<u8, Problem> {
    let command = Arguments::command();
    match into {
        Some(folder) => clap_mangen::generate_to(command, folder).map_err(|error| unwritten(folder, &error))?,
        None => {
            let mut page = Vec::new();
            Man::new(command).render(&mut page).map_err(|error| Problem::software("the page", &error))?;
            return print(&page);
        }
    }
    Ok(exit::OK)
}

fn unwritten(folder: &Path, error: &io::Error) -> Problem {
    use crate::mapi::{Class, Failure, Stage};
    Failure::new(Class::Local, Stage::Store, folder.display().to_string(), error.to_string()).into()
}

/// A reader that has seen enough is no error.
fn print(text: &[u8]) -> Result<u8, Problem> {
    match io::stdout().write_all(text) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Problem::software("standard output", &error)),
        _ => Ok(exit::OK),
    }
}
