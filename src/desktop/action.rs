//! The one table of everything a person can do: word, tip, icon, keys, and why it can't be done just now. Buttons,
//! keys, menus and the help dialog all read it, so that they can't disagree.

use egui::{Key, KeyboardShortcut, Modifiers};

use super::icon::{self, Icon};
use super::row_view::RowView;
use super::state::State;
use super::view::problems;
use crate::mapi::EntryId;

/// Something a person can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the table says what each is, in words that a person reads")]
pub enum Action {
    FlushAll,
    FlushSelected,
    SendAll,
    SendSelected,
    ReceiveAll,
    ReceiveSelected,
    CancelAll,
    CancelSelected,
    NoUi,
    Offline,
    Password,
    Certificate,
    SignIn,
    Prompt,
    Settle,
    Add,
    Save,
    Hold,
    Release,
    Retry,
    Reroute,
    Delete,
    TreatAsSent,
    SelectAll,
    Find,
    FocusStatus,
    FocusQueue,
    NextPane,
    RowSettings,
    Settings,
    Help,
    Quit,
}

/// Where the keys of an action work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the whole window.
    Everywhere,
    /// In the whole window, but not while something is typed.
    NotTyping,
    /// While the status table has the focus.
    Status,
    /// While the queue's list has the focus.
    Queue,
}

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// What.
    pub action: Action,
    /// Its message: the word, and the tip as attribute.
    pub id: &'static str,
    /// Its icon.
    pub icon: Icon,
    /// Its keys; the first is the one that tips show.
    pub keys: &'static [KeyboardShortcut],
    /// Where they work.
    pub place: Place,
}

const fn key(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::NONE, key)
}

const fn shift(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::SHIFT, key)
}

const fn ctrl(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::COMMAND, key)
}

const fn ctrl_shift(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), key)
}

const fn alt(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::ALT, key)
}

macro_rules! table {
    ($($action:ident $id:literal $icon:ident $place:ident [$($key:expr),*];)+) => {
        /// The table, in the order in which the help shows it.
        pub const TABLE: &[Entry] = &[$(Entry {
            action: Action::$action, id: $id, icon: icon::$icon, place: Place::$place, keys: &[$($key),*],
        },)+];
    };
}

table! {
    FlushAll "act-flush-all" SEND_RECEIVE Everywhere [key(Key::F9), key(Key::F12), ctrl(Key::M)];
    FlushSelected "act-flush-selected" SEND_RECEIVE Everywhere [shift(Key::F9)];
    SendSelected "act-send-selected" SEND Everywhere [ctrl(Key::Enter)];
    SendAll "act-send-all" SEND Everywhere [ctrl_shift(Key::Enter)];
    ReceiveSelected "act-receive-selected" RECEIVE Everywhere [key(Key::F5)];
    ReceiveAll "act-receive-all" RECEIVE Everywhere [shift(Key::F5)];
    CancelSelected "act-cancel-selected" CANCEL Status [key(Key::Escape)];
    CancelAll "act-cancel-all" CANCEL Everywhere [ctrl(Key::Period)];
    NoUi "act-no-ui" SILENT Everywhere [ctrl_shift(Key::U)];
    Offline "act-offline" OFFLINE Everywhere [ctrl_shift(Key::W)];
    Password "act-password" KEY Status [key(Key::Enter)];
    Certificate "act-certificate" KEY Status [];
    SignIn "act-sign-in" KEY Status [];
    Prompt "act-prompt" KEY Everywhere [];
    Settle "act-settle" KEY Everywhere [];
    Find "act-find" FIND Everywhere [ctrl(Key::F)];
    FocusStatus "act-focus-status" INFO Everywhere [ctrl(Key::Num1)];
    FocusQueue "act-focus-queue" OUTBOX Everywhere [ctrl(Key::Num2)];
    NextPane "act-next-pane" INFO Everywhere [key(Key::F6)];
    Add "act-add" ADD Everywhere [ctrl(Key::O)];
    Save "act-save" SAVE Everywhere [ctrl(Key::S)];
    RowSettings "act-row-settings" INFO Everywhere [alt(Key::Enter)];
    Settings "act-settings" SETTINGS Everywhere [ctrl(Key::Comma)];
    Help "act-help" KEYBOARD Everywhere [key(Key::F1), ctrl(Key::Questionmark)];
    Quit "act-quit" CLOSE Everywhere [ctrl(Key::Q)];
    Hold "act-hold" HELD Queue [key(Key::H)];
    Release "act-release" RELEASE Queue [shift(Key::H)];
    Retry "act-retry" RETRY Queue [key(Key::R)];
    Reroute "act-reroute" REROUTE Queue [key(Key::T)];
    Delete "act-delete" DELETE Queue [key(Key::Delete), shift(Key::Delete)];
    TreatAsSent "act-treat-as-sent" CHECK Queue [];
    SelectAll "act-select-all" CHECK Queue [ctrl(Key::A)];
}

/// Find has a second key, which types a slash wherever something is typed.
pub const FIND_KEY: KeyboardShortcut = key(Key::Slash);

impl Action {
    /// Its row of the table.
    pub fn entry(self) -> &'static Entry {
        // Every action has a row: a test counts them.
        TABLE.iter().find(|entry| entry.action == self).unwrap_or(&TABLE[0])
    }
}

impl Entry {
    /// Its first key, in words: "Ctrl+Shift+U".
    pub fn key_words(&self) -> Option<String> {
        self.keys.first().map(words)
    }
}

/// A shortcut, in words.
pub fn words(shortcut: &KeyboardShortcut) -> String {
    let key = match shortcut.logical_key {
        Key::Escape => "Esc".to_owned(),
        Key::Delete => "Del".to_owned(),
        Key::Period => ".".to_owned(),
        Key::Comma => ",".to_owned(),
        Key::Questionmark => "?".to_owned(),
        Key::Slash => "/".to_owned(),
        other => other.name().to_owned(),
    };
    let modifiers = shortcut.modifiers;
    let held = [(modifiers.command || modifiers.ctrl, "Ctrl+"), (modifiers.alt, "Alt+"), (modifiers.shift, "Shift+")];
    held.into_iter().filter(|(held, _)| *held).map(|(_, word)| word).collect::<String>() + &key
}

/// What decides whether an action can be done.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact that stands for itself")]
#[derive(Debug, Clone, Copy, Default)]
pub struct Facts {
    /// Why nothing can be done at all.
    pub not_ready: Option<&'static str>,
    /// The spooler works offline.
    pub offline: bool,
    /// Some transport is meant.
    pub some: bool,
    /// Some that is meant can send, and does not run.
    pub can_send: bool,
    /// Some that is meant can receive, and does not run.
    pub can_receive: bool,
    /// Some that is meant sends at all.
    pub sends: bool,
    /// Some that is meant receives at all.
    pub receives: bool,
    /// Some that is meant runs.
    pub running: bool,
    /// One that is meant asks something.
    pub question: bool,
    /// One that is meant waits for something that asking a person settles.
    pub to_settle: bool,
    /// How many messages are selected.
    pub picked: u64,
    /// How many transports send.
    pub senders: usize,
    /// The queue's list is shown.
    pub list_shown: bool,
}

impl Facts {
    /// The facts for these transports; `None`: for all of them.
    pub fn of(state: &State, rows: &[RowView], meant: Option<&[EntryId]>) -> Self {
        let is_meant = |row: &&RowView| row.is_transport() && meant.is_none_or(|meant| meant.contains(&row.id));
        let meant: Vec<&RowView> = rows.iter().filter(is_meant).collect();
        let idle = |row: &&&RowView| row.running.is_none();
        Self {
            not_ready: state.not_ready(),
            offline: rows.iter().any(|row| row.is_spooler() && row.offline),
            some: !meant.is_empty(),
            can_send: meant.iter().filter(idle).any(|row| row.sends),
            can_receive: meant.iter().filter(idle).any(|row| row.receives),
            sends: meant.iter().any(|row| row.sends),
            receives: meant.iter().any(|row| row.receives),
            running: meant.iter().any(|row| row.running.is_some()),
            question: meant.iter().any(|row| row.question.is_some()),
            to_settle: meant.iter().any(|row| problems::can_be_settled(row)),
            picked: state.queue.picked_count(),
            senders: rows.iter().filter(|row| row.is_transport() && row.sends).count(),
            list_shown: state.tab == super::state::Tab::Queue,
        }
    }

    /// Why the action can't be done just now; `None`: it can.
    pub fn why_not(&self, action: Action) -> Option<&'static str> {
        use Action as A;
        match action {
            A::NoUi | A::NextPane | A::Settings | A::Help | A::Quit => return None,
            _ => {}
        }
        if self.not_ready.is_some() {
            return self.not_ready;
        }
        match action {
            A::FlushAll | A::FlushSelected | A::Prompt => self.why_no_flush(self.can_send || self.can_receive, None),
            A::SendAll | A::SendSelected => {
                self.why_no_flush(self.can_send, (!self.sends).then_some("why-no-outgoing"))
            }
            A::ReceiveAll | A::ReceiveSelected => {
                self.why_no_flush(self.can_receive, (!self.receives).then_some("why-no-incoming"))
            }
            A::CancelAll => (!self.running).then_some("why-not-running"),
            A::CancelSelected => (!self.running).then_some("why-row-not-running"),
            A::Password | A::Certificate | A::SignIn => (!self.question).then_some("why-no-question"),
            A::Settle if !self.to_settle => Some("why-nothing-to-settle"),
            A::Settle => self.offline.then_some("why-offline"),
            A::RowSettings => None,
            A::Save if self.list_shown && self.picked == 1 => None,
            A::Save => Some("why-select-one"),
            A::SelectAll => (!self.list_shown).then_some("why-no-list"),
            A::Reroute if self.senders < 2 => Some("why-other-transports"),
            A::Hold | A::Release | A::Retry | A::Reroute | A::Delete | A::TreatAsSent => {
                (!self.list_shown || self.picked == 0).then_some("why-select-message")
            }
            _ => None,
        }
    }

    fn why_no_flush(&self, can: bool, never: Option<&'static str>) -> Option<&'static str> {
        if !self.some {
            return Some("why-select-row");
        }
        if never.is_some() {
            return never;
        }
        if self.offline {
            return Some("why-offline");
        }
        (!can).then_some("why-running")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_action_has_one_row_and_no_key_means_two_things_in_one_place() {
        let actions: HashSet<Action> = TABLE.iter().map(|entry| entry.action).collect();
        assert_eq!(actions.len(), TABLE.len());
        assert_eq!(TABLE.last().map(|entry| entry.action), Some(Action::SelectAll));
        let mut keys = HashSet::new();
        for entry in TABLE {
            for shortcut in entry.keys {
                assert!(keys.insert(words(shortcut)), "{} means two things", words(shortcut));
            }
        }
    }

    #[test]
    fn the_shortcuts_are_those_of_the_design() {
        let shortcuts = |action: Action| action.entry().keys.iter().map(words).collect::<Vec<_>>().join(" ");
        for (action, expected) in [
            (Action::FlushAll, "F9 F12 Ctrl+M"),
            (Action::FlushSelected, "Shift+F9"),
            (Action::SendSelected, "Ctrl+Enter"),
            (Action::SendAll, "Ctrl+Shift+Enter"),
            (Action::ReceiveSelected, "F5"),
            (Action::ReceiveAll, "Shift+F5"),
            (Action::CancelSelected, "Esc"),
            (Action::CancelAll, "Ctrl+."),
            (Action::NoUi, "Ctrl+Shift+U"),
            (Action::Offline, "Ctrl+Shift+W"),
            (Action::Hold, "H"),
            (Action::Release, "Shift+H"),
            (Action::Retry, "R"),
            (Action::Reroute, "T"),
            (Action::Delete, "Del Shift+Del"),
            (Action::Add, "Ctrl+O"),
            (Action::Save, "Ctrl+S"),
            (Action::Find, "Ctrl+F"),
            (Action::FocusStatus, "Ctrl+1"),
            (Action::FocusQueue, "Ctrl+2"),
            (Action::NextPane, "F6"),
            (Action::RowSettings, "Alt+Enter"),
            (Action::Settings, "Ctrl+,"),
            (Action::Help, "F1 Ctrl+?"),
        ] {
            assert_eq!(shortcuts(action), expected, "{action:?}");
        }
    }

    #[test]
    fn a_disabled_action_says_why() {
        let ready = Facts { some: true, sends: true, can_send: true, ..Facts::default() };
        assert_eq!(ready.why_not(Action::SendAll), None);
        assert_eq!(ready.why_not(Action::ReceiveAll), Some("why-no-incoming"));
        assert_eq!(Facts { can_send: false, ..ready }.why_not(Action::SendAll), Some("why-running"));
        assert_eq!(Facts { offline: true, ..ready }.why_not(Action::SendAll), Some("why-offline"));
        assert_eq!(Facts { some: false, ..ready }.why_not(Action::SendSelected), Some("why-select-row"));
        assert_eq!(Facts { not_ready: Some("why-starting"), ..ready }.why_not(Action::SendAll), Some("why-starting"));
        assert_eq!(ready.why_not(Action::Hold), Some("why-select-message"));
        assert_eq!(Facts { not_ready: Some("why-starting"), ..ready }.why_not(Action::Help), None);
    }
}
