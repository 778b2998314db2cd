//! `mailsluice queue`: the outgoing queue, listed and changed.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::args::{Queue, Selected};
use super::context::Context;
use super::{Problem, exit, printable, say, say_json};
use crate::mapi::{EnvelopeId, MapiResult};
use crate::spool::{Filter, ListQuery, QueueDetail, QueueRow, QueueVerb, Reader, Selection};
use crate::spooler::{Command, Line, Reply};

/// Rows asked for at a time.
const PAGE: u64 = 1000;

/// Runs the command.
pub(super) fn run(context: &Context, queue: &Queue) -> Result<u8, Problem> {
    context.work(|spooler, _| perform(context, spooler.line(), queue))
}

fn perform(context: &Context, line: &Line, queue: &Queue) -> Result<u8, Problem> {
    match queue {
        Queue::List { transport, limit, filter, json } => list(line, transport.as_deref(), *limit, filter, *json),
        Queue::Show(selected) => show(line, selected),
        Queue::Hold(selected) => change(line, QueueVerb::Hold, selected),
        Queue::Release(selected) => change(line, QueueVerb::Release, selected),
        Queue::Retry(selected) => change(line, QueueVerb::Retry, selected),
        Queue::Delete(selected) => change(line, QueueVerb::Delete, selected),
        Queue::Reroute { to, selected } => {
            let sends =
                |name: &str| context.profile.transports.iter().any(|one| one.name == name && one.outgoing.is_some());
            if sends(to) {
                change(line, QueueVerb::Reroute { transport: to.clone() }, selected)
            } else {
                Err(Problem::Usage(format!("the profile has no transport “{}” that sends", printable(to))))
            }
        }
        Queue::Export { into, selected } => export(context, line, into, selected),
    }
}

fn filter(words: &str) -> Result<Filter, Problem> {
    Filter::parse(words).map_err(|error| Problem::Usage(error.to_string()))
}

fn selection(selected: &Selected) -> Result<Selection, Problem> {
    match &selected.filter {
        // A script whose variable is unset must not delete everything.
        Some(words) if words.trim().is_empty() => {
            Err(Problem::Usage("--where is empty; name what you mean, as --where state:failed".to_owned()))
        }
        Some(words) => filter(words).map(Selection::Where),
        None => Ok(Selection::Ids(selected.ids.iter().map(|id| EnvelopeId(*id)).collect())),
    }
}

fn unexpected(reply: Reply) -> Problem {
    match reply {
        Reply::Refused(MapiResult::EndOfSession, _) => Problem::Ended,
        Reply::Refused(_, text) => Problem::Software(text),
        other => Problem::Software(format!("unexpected reply {other:?}")),
    }
}

fn page(line: &Line, filter: &Filter, offset: u64, limit: u64) -> Result<crate::spool::Page, Problem> {
    let query = ListQuery { filter: filter.clone(), offset, limit, ..ListQuery::default() };
    match line.ask(Command::List(query)).wait() {
        Reply::Listed(page) => Ok(page),
        other => Err(unexpected(other)),
    }
}

fn list(line: &Line, transport: Option<&str>, limit: u64, words: &[String], as_json: bool) -> Result<u8, Problem> {
    let mut filter = filter(&words.join(" "))?;
    filter.transports.extend(transport.map(ToOwned::to_owned));
    let mut messages = Vec::new();
    let mut total = 0;
    while (messages.len() as u64) < limit {
        let offset = messages.len() as u64;
        let page = page(line, &filter, offset, PAGE.min(limit - offset))?;
        total = page.total;
        if page.messages.is_empty() {
            break;
        }
        messages.extend(page.messages);
    }
    if as_json {
        say_json(&json!({ "total": total, "messages": messages }))?;
        return Ok(exit::OK);
    }
    for row in &messages {
        say(&row_line(row));
    }
    let shown = messages.len() as u64;
    say(&if shown < total { format!("{shown} of {total}") } else { format!("{total} in all") });
    Ok(exit::OK)
}

fn row_line(row: &QueueRow) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed());
    let line = format!(
        "{:>6}  {:<9}  {:<12}  {:>7}  {:>5}  {} → {}  {}",
        row.id,
        row.state.word(),
        row.transport,
        size(row.size),
        age(now - row.queued_at),
        row.from,
        row.to.join(", "),
        row.subject,
    );
    match &row.last_reply {
        Some(reply) if row.state != crate::mapi::QueueState::Sent => printable(&format!("{line}  ({reply})")),
        _ => printable(&line),
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes / 1024),
        _ => format!("{} MiB", bytes / 1_048_576),
    }
}

fn age(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{}s", seconds.max(0)),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// The envelopes that are selected; those that are named must be there.
fn ids(line: &Line, selected: &Selected) -> Result<Vec<EnvelopeId>, Problem> {
    match selection(selected)? {
        Selection::Ids(ids) => Ok(ids),
        Selection::Where(filter) => {
            let mut ids = Vec::new();
            loop {
                let page = page(line, &filter, ids.len() as u64, PAGE)?;
                if page.messages.is_empty() {
                    return Ok(ids);
                }
                ids.extend(page.messages.iter().map(|row| row.id));
            }
        }
    }
}

fn details(line: &Line, selected: &Selected) -> Result<Vec<QueueDetail>, Problem> {
    let mut details = Vec::new();
    for id in ids(line, selected)? {
        match line.ask(Command::Show(id)).wait() {
            Reply::Shown(Some(detail)) => details.push(*detail),
            Reply::Shown(None) => return Err(Problem::Usage(format!("there is no envelope {id}"))),
            other => return Err(unexpected(other)),
        }
    }
    Ok(details)
}

fn show(line: &Line, selected: &Selected) -> Result<u8, Problem> {
    let details = details(line, selected)?;
    if selected.json {
        say_json(&json!({ "total": details.len(), "messages": details }))?;
        return Ok(exit::OK);
    }
    for detail in &details {
        say(&row_line(&detail.row));
        say(&printable(&format!("        sender {}  Message-ID {}", detail.sender, detail.message_id)));
        for recipient in &detail.recipients {
            let reply = recipient.reply.as_deref().unwrap_or_default();
            say(&printable(&format!("        {:<9}  {}  {reply}", recipient.state.word(), recipient.address)));
        }
        for attempt in &detail.history {
            say(&printable(&format!("        attempt {}: {}", attempt.number, attempt.result)));
        }
    }
    Ok(exit::OK)
}

fn change(line: &Line, verb: QueueVerb, selected: &Selected) -> Result<u8, Problem> {
    let named = selected.ids.len();
    match line.ask(Command::Queue { verb, selection: selection(selected)? }).wait() {
        Reply::Changed(ids) => {
            if selected.json {
                say_json(&json!({ "count": ids.len(), "ids": ids }))?;
            } else {
                say(&format!("{} changed", ids.len()));
            }
            // An envelope that was named and could not be changed (in flight, gone, or in another state) is told.
            Ok(if selected.filter.is_none() && ids.len() < named { exit::TEMPORARY } else { exit::OK })
        }
        other => Err(unexpected(other)),
    }
}

fn export(context: &Context, line: &Line, into: &Path, selected: &Selected) -> Result<u8, Problem> {
    let mut reader = Reader::open(&context.places.spool()).map_err(crate::mapi::Failure::from)?;
    let mut exported = Vec::new();
    for id in ids(line, selected)? {
        let path = into.join(format!("{id}.eml"));
        let written = fs::File::create_new(&path).and_then(|mut file| {
            reader.write_content(id, &mut |chunk| file.write_all(chunk)).map_err(std::io::Error::other)?;
            file.sync_all()
        });
        written.map_err(|error| Problem::Software(format!("{}: {error}", path.display())))?;
        exported.push(id);
    }
    if selected.json {
        say_json(&json!({ "count": exported.len(), "ids": exported }))?;
    } else {
        say(&format!("{} exported to {}", exported.len(), into.display()));
    }
    Ok(exit::OK)
}
