//! `mailsluice submit`: messages into the outgoing queue. Waits for the disk, never for the network.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::args::Submit;
use super::context::Context;
use super::{Problem, complain, exit, say, say_json};
use crate::spooler::submit::{Options, SubmitError, Submitter, message_files};
use crate::spooler::{Command, socket};

/// Messages made durable in one go.
const GROUP: usize = 500;
/// What is durable is done: nobody is waited for longer than that.
const PATIENCE: Duration = Duration::from_secs(1);

/// Runs the command.
pub(super) fn run(context: &Context, submit: &Submit) -> Result<u8, Problem> {
    submit.transport.iter().try_for_each(|name| context.sends(name))?;
    let files = files(&submit.files)?;
    let options = Options {
        transport: submit.transport.clone(),
        sender: submit.from.clone(),
        recipients: submit.to.clone(),
        ..Options::default()
    };
    let mut submitter = Submitter::new(&context.places, &context.profile)?;
    let mut ids = Vec::new();
    let outcome = take_all(&mut submitter, &files, &options, &mut ids);
    if outcome.is_err() {
        // Nothing more fits, or nothing can be written at all: what is durable is told, so that nobody sends it twice.
        ids.extend(submitter.durable());
    }
    tell_spooler(context);
    tell(&ids, submit.json)?;
    outcome
}

/// Takes the messages, a group at a time.
fn take_all(
    submitter: &mut Submitter,
    files: &[PathBuf],
    options: &Options,
    ids: &mut Vec<crate::mapi::EnvelopeId>,
) -> Result<u8, Problem> {
    let mut worst = exit::OK;
    for (number, file) in files.iter().enumerate() {
        match take(submitter, file, options) {
            Ok(()) => {}
            Err(SubmitError::Failure(failure)) => return Err(failure.into()),
            // One bad message does not keep the others out.
            Err(error) => {
                complain(&format!("{}: {error}", file.display()));
                worst = exit::worst([worst, Problem::from(error).exit()]);
            }
        }
        if (number + 1) % GROUP == 0 {
            ids.extend(submitter.commit()?);
        }
    }
    ids.extend(submitter.commit()?);
    Ok(worst)
}

fn tell(ids: &[crate::mapi::EnvelopeId], as_json: bool) -> Result<(), Problem> {
    if as_json {
        return say_json(&json!({ "count": ids.len(), "ids": ids }));
    }
    say(&format!("{} queued", ids.len()));
    Ok(())
}

/// Says to the spooler that runs, if one does, that there is something new. One that does not move finds it later.
fn tell_spooler(context: &Context) {
    if let Ok(line) = socket::connect(&context.places.socket()) {
        line.ask(Command::Submitted).channel().recv_timeout(PATIENCE).ok();
    }
}

fn take(submitter: &mut Submitter, file: &Path, options: &Options) -> Result<(), SubmitError> {
    if file == Path::new("-") {
        return submitter.submit(&mut io::stdin().lock(), options);
    }
    let unreadable = |error: io::Error| {
        use crate::mapi::{Class, Failure, Stage};
        Failure::new(Class::Local, Stage::Store, file.display().to_string(), error.to_string())
    };
    let mut reader = BufReader::new(File::open(file).map_err(unreadable)?);
    submitter.submit(&mut reader, options)
}

/// The message files: those named, and those in the folders named, by name.
fn files(named: &[PathBuf]) -> Result<Vec<PathBuf>, Problem> {
    let mut files = Vec::new();
    for path in named {
        if path == Path::new("-") {
            files.push(path.clone());
            continue;
        }
        let inside = message_files(path).map_err(|error| Problem::Usage(format!("{}: {error}", path.display())))?;
        if inside.is_empty() {
            let what = "no messages in this folder: they are files that end in .eml or have no ending";
            return Err(Problem::Usage(format!("{}: {what}", path.display())));
        }
        files.extend(inside);
    }
    Ok(files)
}
