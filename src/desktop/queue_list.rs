//! The queue's list as far as the window holds it: a few pages around what is looked at, and what is selected. A million
//! messages are never loaded.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::engine::{Engine, ListTicket};
use crate::mapi::{EnvelopeId, QueueState};
use crate::spool::{Filter, ListQuery, Page, QueueRow, Selection, SortKey};

/// Rows of a page.
pub const PAGE: u64 = 128;

/// Pages kept; others go, the farthest first.
const KEPT: usize = 24;

/// What is selected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Picked {
    /// These.
    These(BTreeSet<EnvelopeId>),
    /// Everything the list shows, also what is not loaded.
    All,
}

impl Default for Picked {
    fn default() -> Self {
        Self::These(BTreeSet::new())
    }
}

#[derive(Debug, Clone)]
struct Held {
    rows: Vec<QueueRow>,
    /// The queue has changed since it was read.
    stale: bool,
}

/// A page that was asked for.
#[derive(Debug, Clone, Copy)]
struct Asked {
    page: u64,
    /// The queue has changed since: what comes may be old already.
    stale: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub struct QueueList {
    filter: Filter,
    sort: SortKey,
    descending: bool,
    pages: BTreeMap<u64, Held>,
    asked: BTreeMap<ListTicket, Asked>,
    total: Option<u64>,
    /// The rows that were drawn last.
    visible: Range<u64>,
    picked: Picked,
    /// The row that the arrow keys start from.
    pub cursor: u64,
    /// The other end of a range that Shift selects.
    anchor: u64,
    /// The first row that is drawn, and how much of it is scrolled away.
    pub top: f64,
    /// The cursor moved by keys: it is to be scrolled into view.
    pub reveal: bool,
}

impl QueueList {
    /// Shows what this filter selects. What was selected is forgotten when it is another.
    pub fn set_filter(&mut self, filter: Filter) {
        if filter != self.filter {
            self.filter = filter;
            self.forget();
            self.picked = Picked::default();
            (self.cursor, self.anchor, self.top) = (0, 0, 0.0);
        }
    }

    /// Sorts by this, or the other way round if it is sorted so already.
    pub fn sort_by(&mut self, key: SortKey) {
        self.descending = self.sort == key && !self.descending;
        self.sort = key;
        self.forget();
    }

    /// By what it is sorted, and whether backwards.
    pub const fn order(&self) -> (SortKey, bool) {
        (self.sort, self.descending)
    }

    fn forget(&mut self) {
        self.pages.clear();
        self.asked.clear();
        self.total = None;
    }

    /// The queue changed: what is shown is read again, and shown as it is until that is there.
    pub fn changed(&mut self) {
        for page in self.pages.values_mut() {
            page.stale = true;
        }
        for asked in self.asked.values_mut() {
            asked.stale = true;
        }
    }

    /// How many rows there are; `None` before the first page is there.
    pub const fn total(&self) -> Option<u64> {
        self.total
    }

    /// A row, if it is loaded.
    pub fn row(&self, index: u64) -> Option<&QueueRow> {
        let page = self.pages.get(&(index / PAGE))?;
        page.rows.get(usize::try_from(index % PAGE).ok()?)
    }

    /// Says which rows are looked at.
    pub fn look_at(&mut self, visible: Range<u64>) {
        self.visible = visible;
    }

    /// Asks for the pages that are looked at and missing or stale; each once.
    pub fn fetch(&mut self, engine: &mut dyn Engine) {
        let first = self.visible.start / PAGE;
        let last = self.visible.end.max(1).saturating_sub(1) / PAGE;
        let end = self.total.map_or(1, |total| total.div_ceil(PAGE).max(1));
        for number in first..=last.min(end - 1) {
            let is_fresh = self.pages.get(&number).is_some_and(|page| !page.stale);
            if is_fresh || self.asked.values().any(|asked| asked.page == number) {
                continue;
            }
            let query = ListQuery {
                filter: self.filter.clone(),
                sort: self.sort,
                descending: self.descending,
                offset: number * PAGE,
                limit: PAGE,
            };
            self.asked.insert(engine.list(query), Asked { page: number, stale: false });
        }
    }

    /// Takes in a page. One that was asked for before the list became another is dropped.
    pub fn take_in(&mut self, ticket: ListTicket, page: Page) {
        let Some(Asked { page: number, stale }) = self.asked.remove(&ticket) else { return };
        self.total = Some(page.total);
        self.pages.insert(number, Held { rows: page.messages, stale });
        let pages = page.total.div_ceil(PAGE).max(1);
        self.pages.retain(|number, _| *number < pages);
        self.cursor = self.cursor.min(page.total.saturating_sub(1));
        let here = self.visible.start / PAGE;
        while self.pages.len() > KEPT {
            let far = self.pages.keys().copied().max_by_key(|number| number.abs_diff(here));
            far.and_then(|number| self.pages.remove(&number));
        }
    }

    /// Whether a row is selected.
    pub fn is_picked(&self, row: &QueueRow) -> bool {
        match &self.picked {
            Picked::These(ids) => ids.contains(&row.id),
            Picked::All => true,
        }
    }

    /// How many messages are selected.
    pub fn picked_count(&self) -> u64 {
        match &self.picked {
            Picked::These(ids) => ids.len() as u64,
            Picked::All => self.total.unwrap_or(0),
        }
    }

    /// Some message that is selected, as far as they are loaded, may have arrived.
    pub fn picked_in_doubt(&self) -> bool {
        let mut rows = self.pages.values().flat_map(|page| &page.rows);
        rows.any(|row| row.state == QueueState::InDoubt && self.is_picked(row))
    }

    /// The one message that is selected.
    pub fn only_picked(&self) -> Option<EnvelopeId> {
        match &self.picked {
            Picked::These(ids) if ids.len() == 1 => ids.first().copied(),
            _ => None,
        }
    }

    /// What is selected, for a verb.
    pub fn selection(&self) -> Selection {
        match &self.picked {
            Picked::These(ids) => Selection::Ids(ids.iter().copied().collect()),
            Picked::All => Selection::Where(self.filter.clone()),
        }
    }

    /// Selects everything.
    pub fn pick_all(&mut self) {
        self.picked = Picked::All;
    }

    /// Moves the cursor to a row and selects: it alone; or with `extend` all between it and where selecting began; or
    /// with `toggle` it beside the others, or no longer.
    pub fn pick(&mut self, index: u64, extend: bool, toggle: bool) {
        self.cursor = index.min(self.total.unwrap_or(0).saturating_sub(1));
        let mut ids = match std::mem::take(&mut self.picked) {
            Picked::These(ids) if toggle => ids,
            _ => BTreeSet::new(),
        };
        if extend {
            let (from, to) = (self.anchor.min(self.cursor), self.anchor.max(self.cursor));
            // Rows that are not loaded can't be named; the range ends where the loaded ones do.
            ids.extend((from..=to).filter_map(|index| self.row(index).map(|row| row.id)));
        } else {
            self.anchor = self.cursor;
            if let Some(id) = self.row(self.cursor).map(|row| row.id)
                && !ids.insert(id)
                && toggle
            {
                ids.remove(&id);
            }
        }
        self.picked = Picked::These(ids);
    }

    /// Moves the cursor by keys.
    pub fn step(&mut self, by: i64, extend: bool) {
        let last = self.total.unwrap_or(0).saturating_sub(1);
        let index = self.cursor.saturating_add_signed(by).min(last);
        self.pick(index, extend, false);
        self.reveal = true;
    }

    /// The filter that is shown.
    pub const fn filter(&self) -> &Filter {
        &self.filter
    }
}
