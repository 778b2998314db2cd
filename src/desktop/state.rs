//! What the window itself remembers: what is selected, open, typed. Nothing of it is a copy of the spooler's state; that
//! is in the rows.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;

use super::dialog::Dialog;
use super::engine::{FlushTicket, ListTicket, NewProfile, Readiness};
use super::queue_list::QueueList;
use super::row_view::{Asked, RowView};
use super::text::Language;
use super::theme::Scheme;
use crate::mapi::{EntryId, EnvelopeId, QueueState};
use crate::spool::{Filter, Seconds};
use crate::spooler::LogLine;
use crate::transport::Severity;

/// Lines of the log that are kept.
const LOG_KEPT: usize = 10_000;

/// The tabs below the status table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tab {
    /// The messages of the selected row.
    #[default]
    Queue,
    /// What runs.
    Progress,
    /// What needs a hand.
    Problems,
    /// What happened.
    Log,
    /// The raw row.
    Properties,
}

impl Tab {
    /// Every tab, in order, with its message.
    pub const ALL: [(Self, &'static str); 5] = [
        (Self::Queue, "tab-queue"),
        (Self::Progress, "tab-progress"),
        (Self::Problems, "tab-problems"),
        (Self::Log, "tab-log"),
        (Self::Properties, "tab-properties"),
    ];
}

/// The parts of the window, in the order of F6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pane {
    /// The bar.
    Bar,
    /// The status table.
    Status,
    /// The tab's content.
    Tab,
}

impl Pane {
    /// The next one.
    pub const fn next(self) -> Self {
        match self {
            Self::Bar => Self::Status,
            Self::Status => Self::Tab,
            Self::Tab => Self::Bar,
        }
    }
}

/// How the window is to look and speak.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Which colours.
    pub scheme: Scheme,
    /// Which language; `None`: the environment's.
    pub language: Option<Language>,
    /// Size of text, in percent.
    pub scale: u32,
    /// Rows are 24 high instead of 30.
    pub compact: bool,
    /// What is told by a notification.
    pub notify: Notify,
    /// What closing the window does where no tray shows the program; `None`: it asks.
    pub closing: Option<Closing>,
}

/// What closing the window does where no tray shows the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Closing {
    /// The program ends.
    Quit,
    /// The window is made small and the program goes on.
    Keep,
}

/// What is told by a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Notify {
    /// What waits for a person.
    pub needs_you: bool,
    /// What was received.
    pub received: bool,
    /// What was sent.
    pub sent: bool,
    /// How much of it.
    pub privacy: Privacy,
}

impl Default for Notify {
    fn default() -> Self {
        Self { needs_you: true, received: true, sent: false, privacy: Privacy::All }
    }
}

/// How much a notification tells to whoever looks at the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Privacy {
    /// Names of transports and servers, and what they said.
    #[default]
    All,
    /// How much, and no names.
    Numbers,
    /// That there is something.
    Nothing,
}

impl Privacy {
    /// Every level, with its message.
    pub const ALL: [(Self, &'static str); 3] = [
        (Self::All, "set-privacy-all"),
        (Self::Numbers, "set-privacy-numbers"),
        (Self::Nothing, "set-privacy-nothing"),
    ];
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            scheme: Scheme::System,
            language: None,
            scale: 100,
            compact: false,
            notify: Notify::default(),
            closing: None,
        }
    }
}

impl Settings {
    /// Height of a row with one line.
    pub const fn row_height(&self) -> f32 {
        if self.compact { 24.0 } else { 30.0 }
    }

    /// Height of a row with two lines.
    pub const fn tall_row_height(&self) -> f32 {
        if self.compact { 42.0 } else { 50.0 }
    }
}

/// The program ends when what it was told to send first is through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    /// It is being sent.
    Flushing(FlushTicket),
    /// That is over, but others may still run.
    Flushed,
    /// What is left is being counted.
    Counting(ListTicket),
}

/// The form of a first profile.
#[derive(Debug, Default)]
pub struct FirstForm {
    /// It is open.
    pub open: bool,
    /// What is typed.
    pub profile: NewProfile,
    /// The ports, as typed; empty: the usual one.
    pub outgoing_port: String,
    /// See above.
    pub incoming_port: String,
    /// It was drawn once, so the first field had its focus.
    pub was_shown: bool,
    /// Create was pressed: what is missing is said from now on.
    pub tried: bool,
}

/// The log and how it is looked at.
#[derive(Debug)]
pub struct Log {
    /// The lines, oldest first.
    pub lines: VecDeque<LogLine>,
    /// Kinds that are left out.
    pub hidden: BTreeSet<Severity>,
    /// The first line that is drawn.
    pub top: f64,
    /// The newest line is kept in view.
    pub follows: bool,
}

/// See the module.
#[derive(Debug)]
pub struct State {
    /// Whether there is something to show.
    pub readiness: Readiness,
    /// The selected rows of the status table.
    pub selected: BTreeSet<EntryId>,
    /// The row that the arrow keys start from.
    pub cursor: Option<EntryId>,
    /// The tab.
    pub tab: Tab,
    /// Nothing pops up.
    pub no_ui: bool,
    /// What is typed into Find.
    pub find: String,
    /// Only envelopes in these states are listed, as Problems asked for.
    pub only: Vec<QueueState>,
    /// The queue's list.
    pub queue: QueueList,
    /// The log.
    pub log: Log,
    /// The row whose properties are shown; `None`: the selected one.
    pub inspected: Option<EntryId>,
    /// When the runs began, as far as the window saw it.
    pub began: BTreeMap<EntryId, Seconds>,
    /// The dialog that is open.
    pub dialog: Option<Dialog>,
    /// The program is about to end.
    pub leaving: Option<Leaving>,
    /// Questions that wait for their dialog.
    pub questions: VecDeque<Dialog>,
    /// Transports that a person has run so that they ask, and the flush that does: until it is over, or their part of it.
    pub settling: BTreeMap<String, FlushTicket>,
    /// Questions that a person wants to be asked, whatever No UI says.
    pub wanted: BTreeSet<u64>,
    /// What came of the last thing done, in words, and whether that is bad; until the next.
    pub notice: Option<(String, bool)>,
    /// The pane that has the focus.
    pub pane: Pane,
    /// The pane that is to have the focus.
    pub focus: Option<Pane>,
    /// Find is to have the focus.
    pub focus_find: bool,
    /// The form of a first profile.
    pub first: FirstForm,
    /// Look and language.
    pub settings: Settings,
    /// Whether the program starts with the session; `None`: it can't.
    pub autostart: Option<bool>,
}

impl State {
    /// A window that has just been opened.
    pub fn new(settings: Settings) -> Self {
        Self {
            readiness: Readiness::Starting,
            selected: BTreeSet::new(),
            cursor: None,
            tab: Tab::default(),
            no_ui: false,
            find: String::new(),
            only: Vec::new(),
            queue: QueueList::default(),
            log: Log { lines: VecDeque::new(), hidden: BTreeSet::new(), top: 0.0, follows: true },
            inspected: None,
            began: BTreeMap::new(),
            dialog: None,
            leaving: None,
            questions: VecDeque::new(),
            settling: BTreeMap::new(),
            wanted: BTreeSet::new(),
            notice: None,
            pane: Pane::Bar,
            focus: None,
            focus_find: false,
            first: FirstForm::default(),
            settings,
            autostart: None,
        }
    }

    /// Why nothing can be done at all, as a message.
    pub const fn not_ready(&self) -> Option<&'static str> {
        match self.readiness {
            Readiness::Ready => None,
            Readiness::Starting => Some("why-starting"),
            Readiness::NoProfile | Readiness::Failed(_) => Some("why-no-profile"),
        }
    }

    /// The transports that "selected" means: those that are, or all when the spooler's row is.
    pub fn meant<'a>(&self, rows: &'a [RowView]) -> Vec<&'a RowView> {
        let all = rows.iter().any(|row| row.is_spooler() && self.selected.contains(&row.id));
        rows.iter().filter(|row| row.is_transport() && (all || self.selected.contains(&row.id))).collect()
    }

    /// What the queue's list shows: the selected transports' messages, as far as Find lets them through.
    pub fn wanted_filter(&self, rows: &[RowView]) -> Filter {
        let all =
            self.selected.is_empty() || rows.iter().any(|row| row.is_spooler() && self.selected.contains(&row.id));
        // Half a word is no filter yet: until it is one, it is looked for as it stands.
        let mut filter = Filter::parse(&self.find).unwrap_or_else(|_half_typed| Filter {
            text: self.find.split_whitespace().map(ToOwned::to_owned).collect(),
            ..Filter::default()
        });
        if !all {
            filter.transports.extend(self.meant(rows).iter().map(|row| row.transport.clone()));
        }
        if filter.states.is_empty() {
            filter.states.clone_from(&self.only);
        }
        filter
    }

    /// Keeps the selection on rows that are there, and notes which runs began and ended.
    pub fn settle(&mut self, rows: &[RowView], now: Seconds) {
        let runs = |id: &EntryId| rows.iter().any(|row| row.id == *id && row.running.is_some());
        self.began.retain(|id, _| runs(id));
        for row in rows.iter().filter(|row| row.running.is_some()) {
            self.began.entry(row.id.clone()).or_insert(now);
        }
        self.selected.retain(|id| rows.iter().any(|row| row.id == *id));
        if self.selected.is_empty()
            && let Some(first) = rows.first()
        {
            self.select_only(&first.id);
        }
    }

    /// Selects one row.
    pub fn select_only(&mut self, id: &EntryId) {
        self.selected = BTreeSet::from([id.clone()]);
        self.cursor = Some(id.clone());
        self.inspected = None;
        self.only.clear();
    }

    /// Selects by a click or key: `extend` with all between the cursor and the row, `toggle` beside the others.
    pub fn select(&mut self, rows: &[RowView], id: &EntryId, extend: bool, toggle: bool) {
        let place = |id: &EntryId| rows.iter().position(|row| row.id == *id);
        if toggle {
            if !self.selected.remove(id) {
                self.selected.insert(id.clone());
            }
            self.cursor = Some(id.clone());
        } else if extend && let (Some(from), Some(to)) = (self.cursor.as_ref().and_then(place), place(id)) {
            let between = rows.iter().take(from.max(to) + 1).skip(from.min(to));
            self.selected.extend(between.map(|row| row.id.clone()));
        } else {
            self.select_only(id);
        }
    }

    /// Has this question asked as soon as no other is open, also under No UI.
    pub fn want(&mut self, transport: String, asked: Asked) {
        self.questions.retain(|waiting| waiting.question() != Some(asked.number));
        self.wanted.insert(asked.number);
        self.questions.push_back(Dialog::asking(transport, asked));
    }

    /// Takes in a line of the log; the oldest go.
    pub fn log(&mut self, line: LogLine) {
        if self.log.lines.len() == LOG_KEPT {
            self.log.lines.pop_front();
        }
        self.log.lines.push_back(line);
    }
}

/// Where a message is saved unless a person says otherwise.
pub fn save_name(envelope: EnvelopeId) -> PathBuf {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    home.join(format!("message-{envelope}.eml"))
}
