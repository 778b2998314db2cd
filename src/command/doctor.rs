//! `mailsluice doctor`: `ValidateState` on each transport, and who else can read the profile, with what to do about it.

use std::path::Path;

use super::context::Context;
use super::{Problem, exit, say};
use crate::mapi::{Class, Failure, MapiResult, Stage, ValidateFlags, visible};
use crate::spool::rescue::{self, Rescued};
use crate::spool::{Reader, SpoolError};
use crate::spooler::core::rows::transport_id;
use crate::spooler::{self, Command, Line, Reply};

/// Runs the command.
pub(super) fn run(context: &Context, names: &[String]) -> Result<u8, Problem> {
    names.iter().try_for_each(|name| context.has(name))?;
    if names.is_empty()
        && let Some(code) = look_at_spool(context)?
    {
        return Ok(code);
    }
    let known = context.profile.transports.iter().map(|transport| transport.name.as_str());
    let chosen: Vec<&str> =
        known.filter(|name| names.is_empty() || names.iter().any(|wanted| wanted == name)).collect();
    let found = context.work(|spooler, _| validate(spooler.line(), &chosen))?;
    let mut codes = Vec::new();
    for (name, (result, text)) in chosen.iter().zip(found) {
        let text = text.strip_prefix(&format!("{name}: ")).unwrap_or(&text);
        let mark = match result {
            MapiResult::Ok => "ok",
            MapiResult::NoSupport => "--",
            _ => "!!",
        };
        say(visible(&format!("{mark}  {name}: {text}")).trim_end());
        // What this version does not do is no failure, unless it was asked for by name.
        if result != MapiResult::NoSupport || !names.is_empty() {
            codes.push(exit::of_mapi(result));
        }
    }
    for warning in context.places.open_to_others() {
        say(&visible(&format!("--  profile: {warning}")));
    }
    Ok(exit::worst(codes))
}

/// Whether the spool is sound. One that is not is left alone: its exit code, and nothing more is done.
fn look_at_spool(context: &Context) -> Result<Option<u8>, Problem> {
    let path = context.places.spool();
    if std::fs::exists(&path).is_ok_and(|there| !there) {
        return Ok(None);
    }
    match Reader::open(&path).and_then(|mut reader| reader.check()) {
        Ok(()) => {
            say("ok  spool: sound");
            Ok(None)
        }
        // The spooler brings it up to date before anything else.
        Err(SpoolError::OlderVersion { .. }) => Ok(None),
        Err(error @ SpoolError::Damaged(_)) => {
            say(&format!("!!  {}: {}", path.display(), visible(&error.to_string())));
            Ok(Some(exit::of_failure(&error.into())))
        }
        Err(error) => Err(Failure::from(error).into()),
    }
}

/// Saves what can be read of a damaged spool.
pub(super) fn rescue(context: &Context, into: &Path) -> Result<u8, Problem> {
    let Some(_lock) = spooler::lock(&context.places)? else {
        let at = context.places.lock_file().display().to_string();
        let what = "another Mailsluice works on this profile; end it, then try again";
        return Err(Failure::new(Class::Transient, Stage::Store, at, what).into());
    };
    let spool = context.places.spool();
    let Rescued { whole, incomplete, lost } = rescue::rescue(&spool, into).map_err(Failure::from)?;
    say(&format!("{whole} messages saved in {}", into.display()));
    if incomplete > 0 {
        say(&format!("{incomplete} more with pieces missing, as .incomplete.eml"));
    }
    if lost > 0 {
        say(&format!("{lost} were still to be sent and can't be read"));
    }
    say(&format!("{} tells sender, recipients and state of each.", into.join(rescue::LIST).display()));
    say(&format!("Now move {} aside with the files beside it, and submit what is still to be sent.", spool.display()));
    Ok(if incomplete + lost > 0 { exit::DATA_ERROR } else { exit::OK })
}

fn validate(line: &Line, names: &[&str]) -> Result<Vec<(MapiResult, String)>, Problem> {
    let ask = |name: &&str| {
        line.ask(Command::ValidateState { object: transport_id(name), flags: ValidateFlags::SUPPRESS_UI })
    };
    let asked: Vec<_> = names.iter().map(ask).collect();
    let found = asked.into_iter().map(|pending| match pending.wait() {
        Reply::Refused(MapiResult::EndOfSession, _) => Err(Problem::Ended),
        Reply::Validated(result, text) | Reply::Refused(result, text) => Ok((result, text)),
        other => Ok((MapiResult::CallFailed, format!("{other:?}"))),
    });
    found.collect()
}
