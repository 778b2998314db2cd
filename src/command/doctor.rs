//! `mailsluice doctor`: `ValidateState` on each transport, with what to do about it.

use super::context::Context;
use super::{Problem, exit, printable, say};
use crate::mapi::{MapiResult, ValidateFlags};
use crate::spooler::core::rows::transport_id;
use crate::spooler::{Command, Line, Reply};

/// Runs the command.
pub(super) fn run(context: &Context, names: &[String]) -> Result<u8, Problem> {
    let known: Vec<&str> = context.profile.transports.iter().map(|transport| transport.name.as_str()).collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(Problem::Usage(format!(
            "the profile has no transport “{}”; it has {}",
            printable(unknown),
            known.join(", ")
        )));
    }
    let chosen: Vec<&str> =
        known.into_iter().filter(|name| names.is_empty() || names.iter().any(|wanted| wanted == name)).collect();
    let found = context.work(|spooler, _| validate(spooler.line(), &chosen))?;
    let mut codes = Vec::new();
    for (name, (result, text)) in chosen.iter().zip(found) {
        let text = text.strip_prefix(&format!("{name}: ")).unwrap_or(&text).to_owned();
        let mark = if result == MapiResult::Ok { "ok" } else { "!!" };
        say(&format!("{mark}  {}: {}", printable(name), printable(&text)));
        codes.push(exit::of_mapi(result));
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
