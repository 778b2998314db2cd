//! What one view shows of the rows, and in which order. Pure: it locks nothing and sends nothing by itself.

use std::cmp::Ordering;
use std::sync::Arc;

use super::TableNotification;
use super::notify::Sink;
use crate::mapi::tag::{PR_ENTRYID, PR_INSTANCE_KEY, PR_NULL, PR_ROWID};
use crate::mapi::{EntryId, PropTag, PropValue, Restriction, Row, SortOrder, TableEvent};

/// One key of a sort order (ssortorder). Text is sorted without regard to case first. A row without the cell comes
/// before every row that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SortKey {
    /// Which column.
    pub tag: PropTag,
    /// Which way.
    pub order: SortOrder,
}

impl SortKey {
    /// Smallest first.
    pub const fn ascending(tag: PropTag) -> Self {
        Self { tag, order: SortOrder::Ascend }
    }

    /// Largest first.
    pub const fn descending(tag: PropTag) -> Self {
        Self { tag, order: SortOrder::Descend }
    }

    fn compare(self, left: &Row, right: &Row) -> Ordering {
        let ordering = match (sortable(left, self.tag), sortable(right, self.tag)) {
            (Some(left), Some(right)) => compare_cells(left, right),
            (left, right) => left.is_some().cmp(&right.is_some()),
        };
        if self.order == SortOrder::Descend { ordering.reverse() } else { ordering }
    }
}

fn sortable(row: &Row, tag: PropTag) -> Option<&PropValue> {
    row.get(tag).filter(|value| tag.wide().prop_type() == Some(value.prop_type()))
}

fn compare_cells(left: &PropValue, right: &PropValue) -> Ordering {
    let folded = match (left, right) {
        (PropValue::Text(left), PropValue::Text(right)) => left.to_lowercase().cmp(&right.to_lowercase()),
        _ => Ordering::Equal,
    };
    folded.then_with(|| left.compare(right).unwrap_or(Ordering::Equal))
}

/// The order of rows: by the keys, then by row number, then by instance key. No two rows of a table are equal in it.
fn order(keys: &[SortKey], left: &Row, right: &Row) -> Ordering {
    let sorted = keys.iter().map(|key| key.compare(left, right)).find(|ordering| ordering.is_ne());
    sorted.unwrap_or_else(|| {
        let by_number = left.number(PR_ROWID).cmp(&right.number(PR_ROWID));
        by_number.then_with(|| instance_key(left).cmp(&instance_key(right)))
    })
}

pub(super) fn instance_key(row: &Row) -> Option<&[u8]> {
    row.get(PR_INSTANCE_KEY).and_then(PropValue::as_binary)
}

fn key_of(row: &Row) -> Option<EntryId> {
    instance_key(row).map(|key| EntryId::from(key.to_vec()))
}

/// A row as `QueryRows` gives it: the cells of the column set, in its order. Cheap to copy; it does not change any
/// more when the table does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SRow {
    columns: Arc<[PropTag]>,
    row: Arc<Row>,
}

impl SRow {
    pub(in crate::mapi) const fn new(columns: Arc<[PropTag]>, row: Arc<Row>) -> Self {
        Self { columns, row }
    }

    /// The cells, in the order of the columns. One that the row lacks is [`PropValue::ABSENT`]; a reserved slot
    /// ([`PR_NULL`]) is [`PropValue::Null`].
    pub fn cells(&self) -> impl Iterator<Item = (PropTag, PropValue)> {
        self.columns.iter().map(|tag| (*tag, if *tag == PR_NULL { PropValue::Null } else { self.row.cell(*tag) }))
    }

    /// The value of a cell, if the row has it and the column set shows it.
    pub fn get(&self, tag: PropTag) -> Option<&PropValue> {
        let shown = self.columns.iter().any(|column| column.wide() == tag.wide());
        self.row.get(tag).filter(|_| shown)
    }

    /// The number of a cell, if it is shown and one.
    pub fn number(&self, tag: PropTag) -> Option<i64> {
        self.get(tag).and_then(PropValue::as_i64)
    }

    /// The flag word of a cell; zero when absent.
    pub fn bits(&self, tag: PropTag) -> u32 {
        self.get(tag).and_then(PropValue::as_bits).unwrap_or(0)
    }

    /// The text of a cell, if it is shown and one.
    pub fn text(&self, tag: PropTag) -> Option<&str> {
        self.get(tag).and_then(PropValue::as_text)
    }

    /// The entry identifier, if it is shown.
    pub fn entry_id(&self) -> Option<EntryId> {
        self.get(PR_ENTRYID).and_then(PropValue::as_binary).map(|bytes| EntryId::from(bytes.to_vec()))
    }

    /// The same as a row of its own.
    pub fn to_row(&self) -> Row {
        self.cells().filter(|(_, value)| !matches!(value, PropValue::Null | PropValue::Error(_))).collect()
    }
}

/// A view: its settings, the rows that pass, and who listens.
#[derive(Debug)]
pub(super) struct View {
    columns: Arc<[PropTag]>,
    restriction: Option<Restriction>,
    sort: Vec<SortKey>,
    rows: Vec<Arc<Row>>,
    /// How many rows are before the cursor.
    pub(super) cursor: usize,
    sinks: Vec<Sink>,
}

impl View {
    pub(super) fn new(columns: Arc<[PropTag]>, data: &[Arc<Row>]) -> Self {
        let mut view =
            Self { columns, restriction: None, sort: Vec::new(), rows: Vec::new(), cursor: 0, sinks: Vec::new() };
        view.rebuild(data);
        view
    }

    pub(super) fn columns(&self) -> &[PropTag] {
        &self.columns
    }

    pub(super) fn set_columns(&mut self, columns: &[PropTag]) {
        self.columns = columns.into();
    }

    pub(super) fn restrict(&mut self, restriction: Option<Restriction>, data: &[Arc<Row>]) {
        self.restriction = restriction;
        self.rebuild(data);
    }

    pub(super) fn sort(&mut self, keys: &[SortKey], data: &[Arc<Row>]) {
        self.sort = keys.to_vec();
        self.rebuild(data);
    }

    pub(super) fn rows(&self) -> &[Arc<Row>] {
        &self.rows
    }

    pub(super) fn shown(&self, row: &Arc<Row>) -> SRow {
        SRow::new(Arc::clone(&self.columns), Arc::clone(row))
    }

    pub(super) fn add_sink(&mut self, sink: Sink) {
        self.sinks.push(sink);
    }

    /// All rows are new.
    pub(super) fn reload(&mut self, data: &[Arc<Row>]) {
        self.rebuild(data);
        self.tell(&TableNotification::of_table(TableEvent::Reload));
    }

    /// One row of the data is now another one, or new, or gone. Keeps the order and the cursor, and tells it.
    pub(super) fn change(&mut self, old: Option<&Arc<Row>>, new: Option<&Arc<Row>>) {
        let was = old.and_then(|old| self.rows.iter().position(|row| Arc::ptr_eq(row, old)));
        let new = new.filter(|row| self.passes(row));
        if let Some(at) = was {
            self.rows.remove(at);
        }
        let Some(new) = new else {
            if let (Some(at), Some(old)) = (was, old) {
                self.cursor -= usize::from(at < self.cursor);
                let instance_key = key_of(old);
                self.tell(&TableNotification { instance_key, ..TableNotification::of_table(TableEvent::RowDeleted) });
            }
            return;
        };
        let at = self.rows.partition_point(|row| order(&self.sort, row, new).is_lt());
        self.rows.insert(at, Arc::clone(new));
        if was != Some(at) {
            self.cursor -= usize::from(was.is_some_and(|was| was < self.cursor));
            self.cursor += usize::from(at < self.cursor);
        }
        let event = if was.is_some() { TableEvent::RowModified } else { TableEvent::RowAdded };
        let prior = at.checked_sub(1).and_then(|prior| self.rows.get(prior));
        let notification = TableNotification {
            event,
            instance_key: key_of(new),
            prior_key: prior.and_then(|prior| key_of(prior)),
            row: Some(self.shown(new)),
        };
        self.tell(&notification);
    }

    fn passes(&self, row: &Row) -> bool {
        self.restriction.as_ref().is_none_or(|restriction| restriction.matches(row))
    }

    fn rebuild(&mut self, data: &[Arc<Row>]) {
        self.rows = data.iter().filter(|row| self.passes(row)).cloned().collect();
        self.rows.sort_by(|left, right| order(&self.sort, left, right));
        self.cursor = 0;
    }

    fn tell(&mut self, notification: &TableNotification) {
        self.sinks.retain(Sink::is_registered);
        for sink in &self.sinks {
            sink.push(notification.clone());
        }
    }
}
