//! `mailsluice doctor`: `ValidateState` on each transport, with what to do about it.

use super::context::Context;
use super::{Problem, exit, printable, say};
use crate::mapi::{MapiResult, ValidateFlags};
use crate::spooler::core::rows::transport_id;
use crate::spooler::{Command, Reply, Stay};

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
    let (spooler, _session) = context.log_on(Stay::Short)?;
    let chosen: Vec<&str> =
        known.into_iter().filter(|name| names.is_empty() || names.iter().any(|wanted| wanted == name)).collect();
    let asked: Vec<_> = chosen
        .iter()
        .map(|name| {
            let command = Command::ValidateState { object: transport_id(name), flags: ValidateFlags::SUPPRESS_UI };
            spooler.line().ask(command)
        })
        .collect();
    let mut codes = Vec::new();
    for (name, pending) in chosen.iter().zip(asked) {
        let (result, text) = match pending.wait() {
            Reply::Validated(result, text) | Reply::Refused(result, text) => (result, text),
            other => (MapiResult::CallFailed, format!("{other:?}")),
        };
        let text = text.strip_prefix(&format!("{name}: ")).unwrap_or(&text).to_owned();
        let mark = if result == MapiResult::Ok { "ok" } else { "!!" };
        say(&format!("{mark}  {}: {}", printable(name), printable(&text)));
        codes.push(exit::of_mapi(result));
    }
    spooler.end(true);
    Ok(exit::worst(codes))
}
