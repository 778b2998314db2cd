//! The sentences of the status table, composed in the person's language: what a row is doing, and what to do about it.

use super::icon::{self, Icon};
use super::row_view::{RowView, Running, Tone};
use super::text::{Text, count};
use crate::mapi::{Class, Direction, Failure, Stage};
use crate::spool::Seconds;

/// Says what a transport's row says. What needs a hand comes before what runs, what runs before what failed, and what
/// failed before what waits.
pub(super) fn speak(view: &mut RowView, text: &Text, now: Seconds) {
    let (icon, tone, headline, detail) = say(view, text, now);
    (view.icon, view.tone, view.headline, view.detail) = (icon, tone, headline, detail);
}

fn say(view: &RowView, text: &Text, now: Seconds) -> (Icon, Tone, String, String) {
    if let Some(asked) = &view.question {
        let (what, then) = asked.words(text);
        return (icon::KEY, Tone::Danger, what, then);
    }
    if let Some(running) = &view.running {
        let icon = match running.direction {
            Some(Direction::Outgoing) => icon::SEND,
            Some(Direction::Incoming) => icon::RECEIVE,
            None => icon::SEND_RECEIVE,
        };
        let detail = if running.direction.is_some() { stage(running, text) } else { String::new() };
        return (icon, Tone::Active, headline_of(running, text), detail);
    }
    if let Some(failure) = view.trouble() {
        let (icon, tone) = mark(failure.class);
        return (icon, tone, what_failed(failure, text), remedy(failure, text));
    }
    if view.offline {
        return (icon::OFFLINE, Tone::Quiet, text.get("st-offline"), text.get("st-offline-detail"));
    }
    let (icon, tone, headline) = at_rest(view, text);
    (icon, tone, headline, times(view, text, now))
}

/// Says what the spooler's row says: the sum of the others.
pub(super) fn speak_for_all(view: &mut RowView, text: &Text, now: Seconds, at_work: usize, troubled: usize) {
    let number = |n: usize| [("n", count(n as u64))];
    if view.name == "MAPI spooler" {
        view.provider = std::mem::replace(&mut view.name, text.get("all-transports"));
    }
    let (icon, tone, headline) = if at_work > 0 {
        (icon::SEND_RECEIVE, Tone::Active, text.fmt("st-working", &number(at_work)))
    } else if view.offline {
        (icon::OFFLINE, Tone::Warning, text.get("st-offline"))
    } else if troubled > 0 {
        (icon::WARNING, Tone::Danger, text.fmt("st-need-you", &number(troubled)))
    } else {
        at_rest(view, text)
    };
    view.detail = if view.offline && at_work == 0 { text.get("st-offline-detail") } else { times(view, text, now) };
    (view.icon, view.tone, view.headline) = (icon, tone, headline);
}

/// A row that neither runs nor failed: what is in its queue.
fn at_rest(view: &RowView, text: &Text) -> (Icon, Tone, String) {
    let counts = &view.counts;
    let some = |number: Option<u64>| number.filter(|number| *number > 0);
    let counted = |id: &str, number: u64| text.fmt(id, &[("n", count(number))]);
    if let Some(number) = some(counts.in_doubt) {
        return (icon::DOUBT, Tone::Warning, counted("st-in-doubt", number));
    }
    if let Some(number) = some(counts.failed) {
        return (icon::WARNING, Tone::Warning, counted("st-failed", number));
    }
    if let Some(number) = some(counts.to_send) {
        return (icon::QUEUED, Tone::Quiet, counted("st-ready", number));
    }
    if let Some(number) = some(counts.deferred) {
        return (icon::WAITS, Tone::Quiet, counted("st-deferred", number));
    }
    let id = if view.sends || view.is_spooler() { "st-nothing" } else { "st-idle" };
    (icon::WELL, Tone::Good, text.get(id))
}

fn times(view: &RowView, text: &Text, now: Seconds) -> String {
    let last = match view.last_run {
        Some(last) => text.fmt("st-last-run", &[("ago", text.ago(last, now).into())]),
        None if view.is_transport() => text.get("st-never-run"),
        None => String::new(),
    };
    let next = view.next_run.map(|next| text.fmt("st-next-run", &[("when", text.until(next, now).into())]));
    let again = view.next_try.map(|again| text.fmt("st-next-try", &[("when", text.until(again, now).into())]));
    text.dotted([last, again.unwrap_or_default(), next.unwrap_or_default()])
}

/// "Sending 41 of 120".
pub(super) fn headline_of(running: &Running, text: &Text) -> String {
    if running.stopping {
        return text.get("st-stopping");
    }
    let (plain, with_total) = match running.direction {
        Some(Direction::Outgoing) => ("st-sending", "st-sending-of"),
        Some(Direction::Incoming) => ("st-receiving", "st-receiving-of"),
        None => return stage_word(running, text),
    };
    match running.total {
        Some(total) => text.fmt(with_total, &[("done", count(running.done)), ("total", count(total))]),
        None => text.get(plain),
    }
}

/// The second line of a row at work: how fast and how long once mail moves, what it is doing before that.
fn stage(running: &Running, text: &Text) -> String {
    let rate = running.rate.map(|rate| text.rate(rate)).unwrap_or_default();
    let left = running.time_left.map(|left| text.fmt("st-time-left", &[("span", text.span(left).into())]));
    let moving = text.dotted([rate, left.unwrap_or_default()]);
    if moving.is_empty() { stage_word(running, text) } else { moving }
}

/// What a run does just now.
pub(super) fn stage_word(running: &Running, text: &Text) -> String {
    running.stage.as_deref().map(|stage| text.get(&format!("stage-{}", stage.replace('_', "-")))).unwrap_or_default()
}

/// The icon and tone of a failure: red where a person must act, amber where waiting is enough.
pub(super) const fn mark(class: Class) -> (Icon, Tone) {
    match class {
        Class::Transient => (icon::WAITS, Tone::Warning),
        Class::Offline => (icon::OFFLINE, Tone::Warning),
        Class::InDoubt => (icon::DOUBT, Tone::Warning),
        Class::Cancelled | Class::Unsupported => (icon::CANCEL, Tone::Quiet),
        Class::NeedsPerson | Class::Login => (icon::KEY, Tone::Danger),
        Class::Permanent | Class::Protocol => (icon::WARNING, Tone::Warning),
        Class::Trust | Class::Configuration | Class::Local => (icon::TROUBLE, Tone::Danger),
    }
}

/// What happened and where, with the server's own words.
pub(super) fn what_failed(failure: &Failure, text: &Text) -> String {
    let id = match failure.class {
        Class::Transient => "fail-transient",
        Class::Permanent => "fail-permanent",
        Class::Login => "fail-login",
        Class::Trust => "fail-trust",
        Class::Configuration => "fail-configuration",
        Class::Offline => "fail-offline",
        Class::Cancelled => "fail-cancelled",
        Class::NeedsPerson => "fail-needs-person",
        Class::InDoubt => "fail-in-doubt",
        Class::Protocol => "fail-protocol",
        Class::Local => "fail-local",
        Class::Unsupported => return failure.to_string(),
    };
    let what = text.fmt(id, &[("at", failure.at.as_str().into())]);
    let said = match &failure.reply {
        Some(reply) => reply.to_string(),
        None if failure.stage == Stage::Queue => String::new(),
        None => failure.what.clone(),
    };
    if said.is_empty() { what } else { text.fmt("fail-said", &[("what", what.into()), ("reply", said.into())]) }
}

/// The one thing to do about it.
pub(super) fn remedy(failure: &Failure, text: &Text) -> String {
    let id = match failure.class {
        Class::Transient => "fix-transient",
        Class::Permanent => "fix-permanent",
        Class::Login => "fix-login",
        Class::Trust => "fix-trust",
        Class::Configuration => "fix-configuration",
        Class::Offline => "fix-offline",
        Class::Cancelled | Class::Unsupported => return String::new(),
        Class::NeedsPerson => "fix-needs-person",
        Class::InDoubt => "fix-in-doubt",
        Class::Protocol => "fix-protocol",
        Class::Local => "fix-local",
    };
    text.get(id)
}
