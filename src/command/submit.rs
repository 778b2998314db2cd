//! `mailsluice submit`: messages into the outgoing queue. Waits for the disk, never for the network.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::args::Submit;
use super::context::Context;
use super::{Problem, complain, exit, say, say_json, submitter};
use crate::spooler::submit::{Options, Submitter, message_files};
use crate::spooler::{Command, socket};

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
        submitter: submitter("submit"),
        ..Options::default()
    };
    let mut worst = exit::OK;
    let taken =
        Submitter::new(&context.places, &context.profile)?.submit_files(&files, &options, &mut |file, error| {
            complain(&format!("{}: {error}", file.display()));
            worst = exit::worst([worst, Problem::from(error).exit()]);
        });
    tell_spooler(context);
    tell(&taken.envelopes, submit.json)?;
    taken.failure.map_or(Ok(worst), |(_, failure)| Err(failure.into()))
}

fn tell(ids: &[crate::mapi::EnvelopeId], as_json: bool) -> Result<(), Problem> {
    if as_json {
        return say_json(&json!({ "count": ids.len(), "ids": ids }));
    }
    say(&format!("{} queued", ids.len()));
    Ok(())
}

/// Says to the spooler that runs, if one does, that there is something new. One that does not move finds it later.
pub(super) fn tell_spooler(context: &Context) {
    if let Ok(line) = socket::connect(&context.places.socket()) {
        line.ask(Command::Submitted).channel().recv_timeout(PATIENCE).ok();
    }
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
