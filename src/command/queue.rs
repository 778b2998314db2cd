//! `mailsluice queue`: the outgoing queue, listed and changed.

use serde_json::json;

use super::args::{Queue, Selected};
use super::context::Context;
use super::{Problem, clock, complain, exit, export, now, say, say_json};
use crate::mapi::{EnvelopeId, MapiResult, QueueState, visible};
use crate::spool::{Filter, ListQuery, Page, QueueDetail, QueueRow, QueueVerb, Selection};
use crate::spooler::{Command, Line, Reply};

/// Rows asked for at a time.
const PAGE: u64 = 1000;

/// Runs the command.
pub(super) fn run(context: &Context, queue: &Queue) -> Result<u8, Problem> {
    context.work(|spooler, _| perform(context, spooler.line(), queue))
}

fn perform(context: &Context, line: &Line, queue: &Queue) -> Result<u8, Problem> {
    let at = Place { context, line };
    match queue {
        Queue::List { transport, limit, filter, json } => at.list(transport.as_deref(), *limit, filter, *json),
        Queue::Show(selected) => at.show(selected),
        Queue::Hold(selected) => at.change(QueueVerb::Hold, selected),
        Queue::Release(selected) => at.change(QueueVerb::Release, selected),
        Queue::Retry(selected) => at.change_these(QueueVerb::Retry, without_doubt(selection(selected)?), selected.json),
        Queue::SendAgain(selected) => at.change(QueueVerb::SendAgain, selected),
        Queue::TreatAsSent(selected) => at.change(QueueVerb::TreatAsSent, selected),
        Queue::Delete(selected) => at.change(QueueVerb::Delete, selected),
        Queue::Reroute { to, selected } => {
            context.sends(to)?;
            at.change(QueueVerb::Reroute { transport: to.clone() }, selected)
        }
        Queue::Export { into, force, selected } => {
            let (there, code) = at.named(selected)?;
            let exported = export::run(context, &there, (into, *force), selected.json)?;
            Ok(exit::worst([code, exported]))
        }
    }
}

fn parse(words: &str) -> Result<Filter, Problem> {
    Filter::parse(words).map_err(|error| Problem::Usage(error.to_string()))
}

fn selection(selected: &Selected) -> Result<Selection, Problem> {
    match &selected.filter {
        // A script whose variable is unset must not delete everything.
        Some(words) if words.trim().is_empty() => {
            Err(Problem::Usage("--where is empty; name what you mean, as --where state:failed".to_owned()))
        }
        Some(words) => parse(words).map(Selection::Where),
        None => Ok(Selection::Ids(selected.ids.iter().map(|id| EnvelopeId(*id)).collect())),
    }
}

/// What is in doubt is sent again by who says so: by its number, or by the word. A filter for something else spares it.
fn without_doubt(selection: Selection) -> Selection {
    let Selection::Where(mut filter) = selection else { return selection };
    if filter.states.is_empty() {
        filter.states.extend(QueueState::ALL.into_iter().filter(|state| *state != QueueState::InDoubt));
    }
    Selection::Where(filter)
}

fn no_envelope(id: EnvelopeId) {
    complain(&format!("there is no envelope {id}; `mailsluice queue list` shows what is there"));
}

fn unexpected(reply: Reply) -> Problem {
    match reply {
        Reply::Refused(MapiResult::EndOfSession, _) => Problem::Ended,
        Reply::Refused(_, text) => Problem::Software(text),
        other => Problem::Software(format!("unexpected reply {other:?}")),
    }
}

/// A profile, and the line to its spooler.
struct Place<'a> {
    context: &'a Context,
    line: &'a Line,
}

impl Place<'_> {
    fn page(&self, filter: &Filter, offset: u64, limit: u64) -> Result<Page, Problem> {
        let query = ListQuery { filter: filter.clone(), offset, limit, ..ListQuery::default() };
        match self.line.ask(Command::List(query)).wait() {
            Reply::Listed(page) => Ok(page),
            other => Err(unexpected(other)),
        }
    }

    fn detail(&self, id: EnvelopeId) -> Result<Option<QueueDetail>, Problem> {
        match self.line.ask(Command::Show(id)).wait() {
            Reply::Shown(detail) => Ok(detail.map(|detail| *detail)),
            other => Err(unexpected(other)),
        }
    }

    /// What a filter matches, up to a limit, and how many there are in all. When that is none, and the filter names a
    /// transport that is none of the profile's, it is a mistyped name. (Mail may wait for one that was removed from it.)
    fn matching(&self, filter: &Filter, limit: u64) -> Result<Page, Problem> {
        let mut all = Page::default();
        while (all.messages.len() as u64) < limit {
            let offset = all.messages.len() as u64;
            let page = self.page(filter, offset, PAGE.min(limit - offset))?;
            all.total = page.total;
            if page.messages.is_empty() {
                break;
            }
            all.messages.extend(page.messages);
        }
        if all.total == 0 {
            filter.transports.iter().try_for_each(|name| self.context.has(name))?;
        }
        Ok(all)
    }

    fn list(&self, transport: Option<&str>, limit: u64, words: &[String], as_json: bool) -> Result<u8, Problem> {
        let mut filter = parse(&words.join(" "))?;
        filter.transports.extend(transport.map(ToOwned::to_owned));
        let Page { total, messages } = self.matching(&filter, limit)?;
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

    /// The envelopes that are selected and there. Those that are named and not there are told, and make the exit code.
    fn named(&self, selected: &Selected) -> Result<(Vec<EnvelopeId>, u8), Problem> {
        let ids = match selection(selected)? {
            Selection::Where(filter) => {
                let page = self.matching(&filter, u64::MAX)?;
                return Ok((page.messages.iter().map(|row| row.id).collect(), exit::OK));
            }
            Selection::Ids(ids) => ids,
        };
        let mut there = Vec::new();
        for id in &ids {
            match self.detail(*id)? {
                Some(_) => there.push(*id),
                None => no_envelope(*id),
            }
        }
        let code = if there.len() < ids.len() { exit::USAGE } else { exit::OK };
        Ok((there, code))
    }

    fn show(&self, selected: &Selected) -> Result<u8, Problem> {
        let (ids, code) = self.named(selected)?;
        let mut details = Vec::new();
        for id in ids {
            details.extend(self.detail(id)?);
        }
        if selected.json {
            say_json(&json!({ "total": details.len(), "messages": details }))?;
        } else {
            details.iter().for_each(say_detail);
        }
        Ok(code)
    }

    fn change(&self, verb: QueueVerb, selected: &Selected) -> Result<u8, Problem> {
        self.change_these(verb, selection(selected)?, selected.json)
    }

    fn change_these(&self, verb: QueueVerb, selection: Selection, as_json: bool) -> Result<u8, Problem> {
        let changed = match self.line.ask(Command::Queue { verb, selection: selection.clone() }).wait() {
            Reply::Changed(ids) => ids,
            other => return Err(unexpected(other)),
        };
        let code = match selection {
            Selection::Ids(ids) => self.tell_unchanged(ids.iter().filter(|id| !changed.contains(id)))?,
            Selection::Where(filter) if changed.is_empty() => self.matching(&filter, 1).map(|_| exit::OK)?,
            Selection::Where(_) => exit::OK,
        };
        if as_json {
            say_json(&json!({ "count": changed.len(), "ids": changed }))?;
        } else {
            say(&format!("{} changed", changed.len()));
        }
        Ok(code)
    }

    /// Says why envelopes that were named are as they were: not there, or in a state that the verb is not for.
    fn tell_unchanged<'i>(&self, ids: impl Iterator<Item = &'i EnvelopeId>) -> Result<u8, Problem> {
        let mut codes = vec![exit::OK];
        for id in ids {
            if let Some(detail) = self.detail(*id)? {
                complain(&format!("envelope {id} is {} and stays as it is", detail.row.state.word()));
                codes.push(exit::TEMPORARY);
            } else {
                no_envelope(*id);
                codes.push(exit::USAGE);
            }
        }
        Ok(exit::worst(codes))
    }
}

fn say_detail(detail: &QueueDetail) {
    say(&row_line(&detail.row));
    say(&visible(&format!("        sender {}  Message-ID {}", detail.sender, detail.message_id)));
    if !detail.submitter.is_empty() {
        say(&visible(&format!("        submitted by {}", detail.submitter)));
    }
    for recipient in &detail.recipients {
        let reply = recipient.reply.as_deref().unwrap_or_default();
        say(&visible(&format!("        {:<9}  {}  {reply}", recipient.state.word(), recipient.address)));
    }
    for attempt in &detail.history {
        say(&visible(&format!("        attempt {}: {}", attempt.number, attempt.result)));
    }
}

fn row_line(row: &QueueRow) -> String {
    let now = now();
    let mut line = format!(
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
    if let Some(reply) = row.last_reply.as_ref().filter(|_| row.state != QueueState::Sent) {
        line = format!("{line}  ({reply})");
    }
    if let Some(at) = row.next_try.filter(|at| row.state == QueueState::Deferred && *at > now) {
        line = format!("{line}  next try {}", clock(at, now));
    }
    visible(&line)
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes / 1024),
        _ => format!("{} MiB", bytes / 1_048_576),
    }
}

pub(super) fn age(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{}s", seconds.max(0)),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}
