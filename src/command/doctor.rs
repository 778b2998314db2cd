//! `mailsluice doctor`: `ValidateState` on each transport, and who else can read the profile, with what to do about it.

use super::context::Context;
use super::{Problem, exit, say};
use crate::mapi::{MapiResult, ValidateFlags, visible};
use crate::spooler::core::rows::transport_id;
use crate::spooler::{Command, Line, Reply};

/// Runs the command.
pub(super) fn run(context: &Context, names: &[String]) -> Result<u8, Problem> {
    names.iter().try_for_each(|name| context.has(name))?;
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
