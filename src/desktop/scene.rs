//! What a view is given to draw: words, colours, rows, the window's state; and where it puts what a person asked for.
//! Views never call the engine: they ask, and the application does it once everything is drawn.

use std::sync::Arc;

use super::action::{Action, Facts};
use super::row_view::{RowView, Tone};
use super::state::State;
use super::text::Text;
use super::theme::Look;
use super::widget::button::{Spec, Style};
use crate::mapi::{Certificate, EntryId, QueueState, Row};
use crate::spool::{QueueVerb, Seconds, Selection};
use crate::spooler::Said;

/// What a person asked for.
#[derive(Debug)]
pub(super) enum Ask {
    /// An action of the table, on what is selected.
    Do(Action),
    /// An action of the table, on this row.
    On(Action, EntryId),
    /// List the messages of this row that are in these states.
    List(EntryId, Vec<QueueState>),
    /// Do this to these envelopes, once it is confirmed.
    Confirm(QueueVerb, Selection),
    /// Do this to these envelopes.
    Verb(QueueVerb, Selection),
    /// Answer a question.
    Answer(u64, Option<Said>),
    /// Open this address in the browser.
    Browse(String),
    /// Write this certificate's fingerprint into the profile of this transport.
    Pin(String, Box<Certificate>),
    /// Queue these files.
    AddFiles(Vec<std::path::PathBuf>),
    /// Save a message here.
    SaveTo(crate::mapi::EnvelopeId, std::path::PathBuf),
    /// Open the system's file chooser for the dialog that is open.
    Choose,
    /// Write the first profile.
    CreateProfile,
    /// Open the demo.
    Demo,
    /// The settings changed.
    Settings,
    /// Start with the session, or no longer.
    Autostart(bool),
    /// End the program this way; and remember what closing the window means.
    Leave(Way, bool),
}

/// How the program is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// After what waits was sent.
    SendFirst,
    /// At once; what waits leaves the next time.
    Now,
    /// Not at all: its window gets out of the way.
    Keep,
}

/// See the module.
pub(super) struct Scene<'a> {
    pub text: &'a Text,
    pub look: Look,
    pub now: Seconds,
    /// The rows of the status table.
    pub rows: &'a [RowView],
    /// All rows, as they are.
    pub raw: &'a [Arc<Row>],
    pub state: &'a mut State,
    pub asks: Vec<Ask>,
    /// The facts for all transports, and for those that are selected.
    pub facts_all: Facts,
    pub facts_selected: Facts,
}

impl Scene<'_> {
    /// A word.
    pub(super) fn get(&self, id: &str) -> String {
        self.text.get(id)
    }

    /// The button of an action on what is selected.
    pub(super) fn button(&self, action: Action) -> Spec {
        let facts = match action {
            Action::FlushSelected
            | Action::SendSelected
            | Action::ReceiveSelected
            | Action::CancelSelected
            | Action::Password
            | Action::Certificate
            | Action::SignIn
            | Action::Prompt => &self.facts_selected,
            _ => &self.facts_all,
        };
        self.spec(action, facts)
    }

    /// The button of an action on one row.
    pub(super) fn button_on(&self, action: Action, row: &RowView) -> Spec {
        let only = [row.id.clone()];
        let meant = if row.is_spooler() { None } else { Some(only.as_slice()) };
        let spec = self.spec(action, &Facts::of(self.state, self.rows, meant));
        Spec { style: Style::Bare, key: None, ..spec }
    }

    fn spec(&self, action: Action, facts: &Facts) -> Spec {
        let entry = action.entry();
        Spec {
            icon: Some(entry.icon),
            word: self.text.get(entry.id),
            tip: self.text.tip(entry.id),
            key: entry.key_words(),
            why_not: facts.why_not(action).map(|why| self.text.get(why)),
            ..Spec::default()
        }
    }

    /// The row whose properties are shown.
    pub(super) fn inspected(&self) -> Option<EntryId> {
        self.state.inspected.clone().or_else(|| self.state.cursor.clone())
    }

    /// What needs a hand: transports in trouble, and messages that wait for a decision.
    pub(super) fn problem_count(&self) -> usize {
        self.rows.iter().map(|row| super::view::problems::of(row).len()).sum()
    }
}

impl Tone {
    /// Its colour.
    pub(super) const fn color(self, look: Look) -> egui::Color32 {
        match self {
            Self::Quiet => look.muted,
            Self::Active => look.accent,
            Self::Good => look.success,
            Self::Warning => look.warning,
            Self::Danger => look.danger,
        }
    }
}
