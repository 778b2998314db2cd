//! What the tray shows, made of the rows of the status table: an emblem, a tooltip, a menu. Pure, so that what a person
//! reads and clicks is tested without a bus.

use super::super::emblem::{Emblem, Work};
use super::super::engine::Scope;
use super::super::host::Leave;
use super::super::row_view::RowView;
use super::super::text::{Text, count};
use super::deed::{BOTH, Deed};
use crate::mapi::{Direction, FlushFlags};
use crate::spool::Seconds;

/// Steps of the emblem's bar: each is a picture sent over the bus.
const STEPS: f32 = 16.0;

/// What is known beside the rows.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Around<'a> {
    /// The profile's name.
    pub profile: &'a str,
    /// The rows can be read.
    pub ready: bool,
    /// Nothing pops up.
    pub no_ui: bool,
    /// When the pause ends, if there is one.
    pub paused_until: Option<Seconds>,
    /// The profile has everything sent before the program ends.
    pub sends_on_exit: bool,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Glance {
    pub emblem: Emblem,
    /// The tooltip's first line.
    pub title: String,
    /// The lines below it.
    pub lines: Vec<String>,
    pub menu: Vec<Entry>,
}

/// An entry of the menu.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Entry {
    Do { word: String, deed: Deed, enabled: bool },
    Switch { word: String, on: bool, deed: Deed, enabled: bool },
    More { word: String, entries: Vec<Self> },
    Line,
}

impl Glance {
    /// What these rows come to.
    pub(super) fn of(rows: &[RowView], around: &Around<'_>, text: &Text) -> Self {
        let transports: Vec<&RowView> = rows.iter().filter(|row| row.is_transport()).collect();
        let spooler = rows.iter().find(|row| row.is_spooler());
        let waiting: usize = rows.iter().map(RowView::needs).sum();
        let offline = spooler.is_some_and(|row| row.offline);
        let work = progress(&transports);
        let mut lines: Vec<String> = Vec::new();
        if let Some(spooler) = spooler {
            lines.push(spooler.headline.clone());
            lines.extend(transports.iter().filter(|row| row.running.is_some()).map(|row| {
                text.fmt("tray-at-work", &[("name", row.name.as_str().into()), ("what", row.headline.as_str().into())])
            }));
            lines.push(counts(spooler, text));
        } else {
            lines.push(text.get(if around.ready { "foot-no-profile" } else { "foot-starting" }));
        }
        lines.push(manner(spooler, around, text));
        lines.retain(|line| !line.is_empty());
        Self {
            emblem: Emblem { offline, work, attention: waiting > 0 },
            title: text.fmt("window-title", &[("profile", around.profile.into())]),
            lines,
            menu: menu(&transports, around, offline, waiting, text),
        }
    }
}

/// How far all that runs is, in steps.
fn progress(transports: &[&RowView]) -> Work {
    let running: Vec<_> = transports.iter().filter_map(|row| row.running.as_ref()).collect();
    if running.is_empty() {
        return Work::Nothing;
    }
    let known: Vec<f32> = running.iter().filter_map(|running| running.fraction()).collect();
    if known.is_empty() {
        return Work::Something;
    }
    let mean = known.iter().sum::<f32>() / known.len() as f32;
    Work::Share((mean * STEPS).round() / STEPS)
}

/// "15 to send, 3 deferred, 240 waiting on the server".
fn counts(spooler: &RowView, text: &Text) -> String {
    let counts = &spooler.counts;
    let said = [
        ("a11y-count-to-send", counts.to_send),
        ("a11y-count-deferred", counts.deferred),
        ("a11y-count-held", counts.held),
        ("a11y-count-failed", counts.failed),
        ("st-in-doubt", counts.in_doubt),
        ("a11y-count-waiting", counts.waiting),
    ];
    let said = said.into_iter().filter_map(|(id, number)| {
        number.filter(|number| *number > 0).map(|number| text.fmt(id, &[("n", count(number))]))
    });
    said.collect::<Vec<_>>().join(", ")
}

/// What holds for all that happens next. Exact times, because a tooltip does not grow older while it is looked at.
fn manner(spooler: Option<&RowView>, around: &Around<'_>, text: &Text) -> String {
    let at = |id: &str, time: Seconds| text.fmt(id, &[("time", text.hour_and_minute(time).into())]);
    let offline = spooler.is_some_and(|row| row.offline);
    let next = spooler.and_then(|row| row.next_run).filter(|_| !offline);
    text.dotted([
        around.paused_until.map(|until| at("tray-paused", until)).unwrap_or_default(),
        next.map(|next| at("tray-next-run", next)).unwrap_or_default(),
        if around.no_ui { text.get("foot-no-ui") } else { String::new() },
    ])
}

fn menu(transports: &[&RowView], around: &Around<'_>, offline: bool, waiting: usize, text: &Text) -> Vec<Entry> {
    let word = |id: &str| text.get(id);
    let running = transports.iter().any(|row| row.running.is_some());
    let mut entries = directions(transports, &Scope::All, offline, text);
    if !transports.is_empty() {
        let each = transports.iter().map(|row| {
            let scope = Scope::These(vec![row.id.clone()]);
            let mut entries = directions(&[row], &scope, offline, text);
            entries.push(Entry::Do {
                word: word("row-cancel"),
                deed: Deed::Cancel(scope),
                enabled: row.running.is_some(),
            });
            Entry::More { word: row.name.clone(), entries }
        });
        entries.push(Entry::More { word: word("tray-by-transport"), entries: each.collect() });
    }
    entries.push(Entry::Do { word: word("tray-cancel-all"), deed: Deed::Cancel(Scope::All), enabled: running });
    entries.push(Entry::Line);
    entries.push(Entry::Switch {
        word: word("act-no-ui"),
        on: around.no_ui,
        deed: Deed::NoUi(!around.no_ui),
        enabled: true,
    });
    let paused = around.paused_until.is_some();
    entries.push(Entry::Switch {
        word: word("tray-offline"),
        on: offline && !paused,
        deed: Deed::Offline(paused || !offline),
        enabled: around.ready,
    });
    entries.push(Entry::Switch {
        word: word("tray-pause"),
        on: paused,
        deed: Deed::Pause(!paused),
        enabled: around.ready && (paused || !offline),
    });
    entries.push(Entry::Line);
    let waiting_word = text.fmt("tray-waiting", &[("n", count(waiting as u64))]);
    entries.push(Entry::Do { word: waiting_word, deed: Deed::OpenProblems, enabled: waiting > 0 });
    entries.push(Entry::Do { word: word("tray-open"), deed: Deed::Open, enabled: true });
    entries.push(Entry::Line);
    entries.push(quit(transports, around, offline, text));
    entries
}

fn directions(transports: &[&RowView], scope: &Scope, offline: bool, text: &Text) -> Vec<Entry> {
    let idle = |row: &&&RowView| row.running.is_none() && !offline;
    let sends = transports.iter().filter(idle).any(|row| row.sends);
    let receives = transports.iter().filter(idle).any(|row| row.receives);
    let all = *scope == Scope::All;
    let entry = |for_all: &str, for_one: &str, flags: FlushFlags, enabled: bool| Entry::Do {
        word: text.get(if all { for_all } else { for_one }),
        deed: Deed::Flush(scope.clone(), flags),
        enabled,
    };
    vec![
        entry("tray-flush-all", "act-flush-all", BOTH, sends || receives),
        entry("tray-send-all", "row-send", FlushFlags::FLUSH_UPLOAD, sends),
        entry("tray-receive-all", "row-receive", FlushFlags::FLUSH_DOWNLOAD, receives),
    ]
}

/// Says if mail is still leaving or waits to, and then lets choose; closing the menu is the third choice.
fn quit(transports: &[&RowView], around: &Around<'_>, offline: bool, text: &Text) -> Entry {
    let entry = |id: &str, deed| Entry::Do { word: text.get(id), deed, enabled: true };
    let running: Vec<_> = transports.iter().filter_map(|row| row.running.as_ref()).collect();
    if !running.is_empty() {
        let leaving = running.iter().any(|running| running.direction == Some(Direction::Outgoing));
        return Entry::More {
            word: text.get(if leaving { "tray-quit-leaving" } else { "tray-quit-running" }),
            entries: vec![
                entry("tray-quit-finish", Deed::Quit(Leave::Finish)),
                entry("tray-quit-now", Deed::Quit(Leave::Now)),
            ],
        };
    }
    let waiting: u64 = transports.iter().filter_map(|row| row.counts.to_send).sum();
    if waiting == 0 || around.sends_on_exit {
        return entry("tray-quit", Deed::Quit(Leave::AsConfigured));
    }
    let word = text.get("dlg-quit-send");
    Entry::More {
        word: text.fmt("tray-quit-waiting", &[("n", count(waiting))]),
        entries: vec![
            Entry::Do { word, deed: Deed::SendAndQuit, enabled: !offline },
            entry("tray-quit-leave", Deed::Quit(Leave::Now)),
        ],
    }
}

#[cfg(test)]
mod tests;
