//! What a person reads and clicks in the tray, for each state of the rows.

use super::*;
use crate::desktop::row_view::{Counts, Running, Tone};
use crate::desktop::text::Language;
use crate::mapi::{EntryId, ResourceType};

fn row(kind: ResourceType, name: &str) -> RowView {
    RowView {
        id: EntryId::of(kind, name),
        kind,
        name: name.to_owned(),
        transport: name.to_owned(),
        provider: String::new(),
        path: String::new(),
        tone: Tone::Quiet,
        icon: "",
        headline: "Nothing to send".to_owned(),
        detail: String::new(),
        running: None,
        counts: Counts::default(),
        sends: true,
        receives: kind == ResourceType::MAPI_TRANSPORT_PROVIDER,
        offline: false,
        no_ui_sign: None,
        question: None,
        failure: None,
        last_run: None,
        next_run: None,
        next_try: None,
    }
}

fn rows() -> Vec<RowView> {
    let transport = |name| row(ResourceType::MAPI_TRANSPORT_PROVIDER, name);
    vec![row(ResourceType::MAPI_SPOOLER, "All transports"), transport("home"), transport("club")]
}

fn sending(done: u64) -> Running {
    let direction = Some(Direction::Outgoing);
    Running { direction, done, total: Some(100), ..Running::default() }
}

const READY: Around<'_> =
    Around { profile: "Default", ready: true, no_ui: false, paused_until: None, sends_on_exit: false };

fn glance(rows: &[RowView], around: &Around<'_>) -> Glance {
    Glance::of(rows, around, &Text::new(Language::English))
}

/// Words of the entries that can be clicked, and of switches that are on, with a mark.
fn words(entries: &[Entry]) -> Vec<String> {
    let say = |entry: &Entry| match entry {
        Entry::Do { word, enabled, .. } => enabled.then(|| word.clone()),
        Entry::Switch { word, on, enabled, .. } => {
            enabled.then(|| format!("{}{word}", if *on { "[x] " } else { "[ ] " }))
        }
        Entry::More { word, entries } => Some(format!("{word} > {}", words(entries).join(", "))),
        Entry::Line => None,
    };
    entries.iter().filter_map(say).collect()
}

fn deed(entries: &[Entry], wanted: &str) -> Option<Deed> {
    entries.iter().find_map(|entry| match entry {
        Entry::Do { word, deed, .. } | Entry::Switch { word, deed, .. } if word == wanted => Some(deed.clone()),
        Entry::More { entries, .. } => deed(entries, wanted),
        _ => None,
    })
}

#[test]
fn at_rest_everything_can_be_begun_and_nothing_stopped() {
    let glance = glance(&rows(), &READY);
    assert_eq!(glance.emblem, Emblem::default());
    assert_eq!(glance.title, "Mailsluice · Default");
    assert_eq!(glance.lines, ["Nothing to send"]);
    assert_eq!(
        words(&glance.menu),
        [
            "Send/Receive all",
            "Send all",
            "Receive all",
            "By transport > home > Send/Receive, Send, Receive, club > Send/Receive, Send, Receive",
            "[ ] No UI",
            "[ ] Work offline",
            "[ ] Pause for an hour",
            "Open Mailsluice",
            "Quit",
        ]
    );
    assert_eq!(deed(&glance.menu, "Send all"), Some(Deed::Flush(Scope::All, FlushFlags::FLUSH_UPLOAD)));
    assert_eq!(deed(&glance.menu, "No UI"), Some(Deed::NoUi(true)));
    assert_eq!(deed(&glance.menu, "Quit"), Some(Deed::Quit(Leave::AsConfigured)));
}

#[test]
fn while_it_runs_it_can_be_stopped_and_quitting_asks() {
    let mut rows = rows();
    rows[1].running = Some(sending(50));
    rows[1].headline = "Sending 50 of 100".to_owned();
    let sees = glance(&rows, &READY);
    assert_eq!(sees.emblem.work, Work::Share(0.5));
    assert_eq!(sees.lines[1], "home: Sending 50 of 100");
    let words = words(&sees.menu);
    assert!(words.contains(&"Cancel all".to_owned()), "{words:?}");
    assert!(words[3].contains("home > Cancel, club > Send/Receive"), "{words:?}");
    assert!(words.contains(&"Quit: mail is still leaving > When that is done, Now; nothing is lost".to_owned()));
    // One message more is no other picture.
    rows[1].running = Some(sending(51));
    assert_eq!(glance(&rows, &READY).emblem, sees.emblem);
}

#[test]
fn with_mail_that_waits_quitting_lets_choose_unless_the_profile_has_chosen() {
    let mut rows = rows();
    rows[1].counts.to_send = Some(3);
    let sees = glance(&rows, &READY);
    let words = words(&sees.menu);
    let said = "Quit: 3 still to send > Send, then quit, Now; it waits until the next start".to_owned();
    assert_eq!(words.last(), Some(&said));
    assert_eq!(deed(&sees.menu, "Send, then quit"), Some(Deed::SendAndQuit));
    let sends = glance(&rows, &Around { sends_on_exit: true, ..READY });
    assert_eq!(deed(&sends.menu, "Quit"), Some(Deed::Quit(Leave::AsConfigured)));
}

#[test]
fn counts_are_told_in_words_and_what_needs_a_person_can_be_opened() {
    let mut rows = rows();
    rows[0].counts = Counts { to_send: Some(15), held: Some(0), waiting: Some(1240), ..Counts::default() };
    rows[1].counts.failed = Some(2);
    let glance = glance(&rows, &READY);
    assert_eq!(glance.lines[1], "15 to send, 1,240 waiting on the server");
    assert!(glance.emblem.attention);
    assert_eq!(deed(&glance.menu, "Waiting for you (1)"), Some(Deed::OpenProblems));
}

#[test]
fn offline_nothing_can_be_begun_and_a_pause_is_not_a_switch_left_on() {
    let mut rows = rows();
    rows[0].offline = true;
    let offline = glance(&rows, &READY);
    assert!(offline.emblem.offline);
    let offline = words(&offline.menu);
    assert!(!offline.contains(&"Send all".to_owned()), "{offline:?}");
    assert!(offline.contains(&"[x] Work offline".to_owned()), "{offline:?}");
    assert!(!offline.iter().any(|word| word.contains("Pause")), "an hour's pause would end it: {offline:?}");

    let paused = glance(&rows, &Around { paused_until: Some(1_795_442_520), no_ui: true, ..READY });
    assert!(paused.lines[1].starts_with("paused until ") && paused.lines[1].ends_with("No UI"), "{:?}", paused.lines);
    let words = words(&paused.menu);
    assert!(words.contains(&"[x] Pause for an hour".to_owned()), "{words:?}");
    assert_eq!(deed(&paused.menu, "Work offline"), Some(Deed::Offline(true)), "for longer than the pause");
}

#[test]
fn without_a_profile_there_is_a_way_to_the_window_and_out() {
    let around = Around { ready: false, ..READY };
    assert_eq!(words(&glance(&[], &around).menu), ["[ ] No UI", "Open Mailsluice", "Quit"]);
}
