//! The rows of a table, and the handles to its views.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::notify::{Connection, Sink};
use super::view::{SRow, SortKey, View, instance_key};
use crate::mapi::tag::{
    PR_ENTRYID, PR_IDENTITY_DISPLAY, PR_IDENTITY_ENTRYID, PR_IDENTITY_SEARCH_KEY, PR_INSTANCE_KEY, PR_OBJECT_TYPE,
    PR_ROWID,
};
use crate::mapi::{
    Bookmark, EntryId, EventMask, FindRowFlags, MAPI_STATUS, MapiResult, PropTag, PropValue, QueryColumnsFlags,
    QueryRowsFlags, Restriction, Row, SortOrder, TableStatus, TableType,
};

/// Identity columns of a row: all three or none (pidtagidentitydisplay-canonical-property).
const IDENTITY: [PropTag; 3] = [PR_IDENTITY_DISPLAY, PR_IDENTITY_ENTRYID, PR_IDENTITY_SEARCH_KEY];

/// The rows of the status table, and of whatever else is one. Clones are handles to the same rows.
#[derive(Debug, Clone)]
pub struct TableData {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug)]
struct Inner {
    columns: Arc<[PropTag]>,
    rows: Vec<Arc<Row>>,
    views: Vec<Weak<Mutex<View>>>,
}

/// A poisoned lock is taken all the same: nothing between lock and unlock can panic half-way through a change.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl TableData {
    /// No rows. `columns` is the column set that a new view starts with.
    pub fn new(columns: &[PropTag]) -> Self {
        Self { inner: Arc::new(Mutex::new(Inner { columns: columns.into(), rows: Vec::new(), views: Vec::new() })) }
    }

    /// Adds a row, or replaces all cells of the one with the same entry identifier.
    ///
    /// # Errors
    /// [`MapiResult::InvalidParameter`] for a row without an entry identifier, or with another instance key or object
    /// type than it must have.
    pub fn put(&self, row: Row) -> Result<(), MapiResult> {
        let mut inner = lock(&self.inner);
        let at = entry_bytes(&row).and_then(|key| inner.position(key));
        inner.put(at, row)
    }

    /// Takes over the cells of `update` into the row with its entry identifier; the others keep their value
    /// (`STATUSROW_UPDATE`).
    ///
    /// # Errors
    /// [`MapiResult::NotFound`] when there is no such row, and as for [`Self::put`].
    pub fn merge(&self, update: &Row) -> Result<(), MapiResult> {
        let mut inner = lock(&self.inner);
        let key = entry_bytes(update).ok_or(MapiResult::InvalidParameter)?;
        let at = inner.position(key).ok_or(MapiResult::NotFound)?;
        let mut row = inner.rows.get(at).map(|row| Row::clone(row)).unwrap_or_default();
        row.merge(update);
        inner.put(Some(at), row)
    }

    /// Takes a row away.
    ///
    /// # Errors
    /// [`MapiResult::NotFound`] when there is no such row.
    pub fn delete(&self, key: &EntryId) -> Result<(), MapiResult> {
        let mut inner = lock(&self.inner);
        let at = inner.position(key.as_bytes()).ok_or(MapiResult::NotFound)?;
        let old = inner.rows.remove(at);
        inner.each_view(|view, _| view.change(Some(&old), None));
        Ok(())
    }

    /// Replaces all rows.
    ///
    /// # Errors
    /// As for [`Self::put`], and for two rows with one entry identifier; then the old rows stay.
    pub fn reload(&self, rows: impl IntoIterator<Item = Row>) -> Result<(), MapiResult> {
        let mut inner = lock(&self.inner);
        let mut new: Vec<Arc<Row>> = Vec::new();
        for row in rows {
            let row = computed(row, next_row_id(&new))?;
            if new.iter().any(|other| instance_key(other) == instance_key(&row)) {
                return Err(MapiResult::InvalidParameter);
            }
            new.push(Arc::new(row));
        }
        inner.rows = new;
        inner.each_view(View::reload);
        Ok(())
    }

    /// The row with this entry identifier, as it is now.
    pub fn row(&self, key: &EntryId) -> Option<Arc<Row>> {
        let inner = lock(&self.inner);
        inner.position(key.as_bytes()).and_then(|at| inner.rows.get(at)).cloned()
    }

    /// All rows as they are now, by row number, whole.
    pub fn rows(&self) -> Vec<Arc<Row>> {
        let inner = lock(&self.inner);
        View::new(Arc::clone(&inner.columns), &inner.rows).rows().to_vec()
    }

    /// The row with this entry identifier, seen through these columns (`GetProps` on an object that has a row).
    pub fn props(&self, key: &EntryId, columns: &[PropTag]) -> Option<SRow> {
        self.row(key).map(|row| SRow::new(columns.into(), row))
    }

    /// A new view of all rows, by row number.
    pub fn table(&self) -> Table {
        let mut inner = lock(&self.inner);
        let view = Arc::new(Mutex::new(View::new(Arc::clone(&inner.columns), &inner.rows)));
        inner.views.retain(|view| view.strong_count() > 0);
        inner.views.push(Arc::downgrade(&view));
        Table { data: self.clone(), view }
    }

    /// How many views are open.
    pub fn open_tables(&self) -> usize {
        lock(&self.inner).views.iter().filter(|view| view.strong_count() > 0).count()
    }
}

impl Inner {
    fn position(&self, key: &[u8]) -> Option<usize> {
        self.rows.iter().position(|row| instance_key(row) == Some(key))
    }

    fn put(&mut self, at: Option<usize>, row: Row) -> Result<(), MapiResult> {
        let old = at.and_then(|at| self.rows.get(at)).cloned();
        let number = old.as_ref().map_or_else(|| next_row_id(&self.rows), |old| old.cell(PR_ROWID));
        let row = Arc::new(computed(row, number)?);
        if old.as_ref() == Some(&row) {
            return Ok(());
        }
        match at.and_then(|at| self.rows.get_mut(at)) {
            Some(slot) => *slot = Arc::clone(&row),
            None => self.rows.push(Arc::clone(&row)),
        }
        self.each_view(|view, _| view.change(old.as_ref(), Some(&row)));
        Ok(())
    }

    fn each_view(&mut self, mut change: impl FnMut(&mut View, &[Arc<Row>])) {
        let rows = &self.rows;
        self.views.retain(|view| {
            view.upgrade().is_some_and(|view| {
                change(&mut lock(&view), rows);
                true
            })
        });
    }
}

fn entry_bytes(row: &Row) -> Option<&[u8]> {
    row.get(PR_ENTRYID).and_then(PropValue::as_binary)
}

/// The number for a row that brings none: one more than the highest.
fn next_row_id(rows: &[Arc<Row>]) -> PropValue {
    let highest = rows.iter().filter_map(|row| row.number(PR_ROWID)).max();
    let next = highest.map_or(0, |highest| highest.saturating_add(1));
    PropValue::Long(i32::try_from(next).unwrap_or(i32::MAX))
}

/// The columns that MAPI computes, filled in where missing and checked where given; the identity columns, unless all
/// three are there, taken out.
fn computed(mut row: Row, number: PropValue) -> Result<Row, MapiResult> {
    let key = row.get(PR_ENTRYID).filter(|key| key.as_binary().is_some()).cloned();
    let key = key.ok_or(MapiResult::InvalidParameter)?;
    let fixed = [(PR_INSTANCE_KEY, key), (PR_OBJECT_TYPE, PropValue::Long(MAPI_STATUS))];
    for (tag, value) in fixed {
        match row.get(tag) {
            None => drop(row.set(tag, value)),
            Some(given) if *given == value => {}
            Some(_) => return Err(MapiResult::InvalidParameter),
        }
    }
    if row.number(PR_ROWID).is_none() {
        row.set(PR_ROWID, number);
    }
    if !IDENTITY.iter().all(|tag| row.get(*tag).is_some()) {
        for tag in IDENTITY {
            row.clear(tag);
        }
    }
    Ok(row)
}

/// A view of a [`TableData`] (`IMAPITable`). Dropping it releases it.
#[derive(Debug)]
pub struct Table {
    data: TableData,
    view: Arc<Mutex<View>>,
}

impl Table {
    /// Chooses the columns and their order. A tag that no row has is no error here: it shows in the rows. [`PR_NULL`]
    /// reserves a slot.
    ///
    /// # Errors
    /// [`MapiResult::InvalidParameter`] for no columns at all.
    ///
    /// [`PR_NULL`]: crate::mapi::tag::PR_NULL
    pub fn set_columns(&self, columns: &[PropTag]) -> Result<(), MapiResult> {
        if columns.is_empty() {
            return Err(MapiResult::InvalidParameter);
        }
        lock(&self.view).set_columns(columns);
        Ok(())
    }

    /// The current column set; or, in the order of their tags, all columns that any row of the data has.
    pub fn query_columns(&self, flags: QueryColumnsFlags) -> Vec<PropTag> {
        if flags.contains(QueryColumnsFlags::TBL_ALL_COLUMNS) {
            let inner = lock(&self.data.inner);
            let all: BTreeSet<PropTag> = inner.rows.iter().flat_map(|row| row.iter().map(|(tag, _)| tag)).collect();
            return all.into_iter().collect();
        }
        lock(&self.view).columns().to_vec()
    }

    /// Shows only the rows for which this holds; `None` shows all. The cursor goes to the beginning.
    ///
    /// # Errors
    /// [`MapiResult::TooComplex`] for what [`Restriction::check`] refuses; then the old restriction stays.
    pub fn restrict(&self, restriction: Option<Restriction>) -> Result<(), MapiResult> {
        restriction.as_ref().map_or(Ok(()), Restriction::check)?;
        let inner = lock(&self.data.inner);
        lock(&self.view).restrict(restriction, &inner.rows);
        Ok(())
    }

    /// Sorts by these keys, the first first; by none: in the default order, that of the row numbers. The cursor goes to
    /// the beginning.
    ///
    /// # Errors
    /// [`MapiResult::NoSupport`] for [`SortOrder::Combine`]; then the old order stays.
    pub fn sort_table(&self, keys: &[SortKey]) -> Result<(), MapiResult> {
        if keys.iter().any(|key| key.order == SortOrder::Combine) {
            return Err(MapiResult::NoSupport);
        }
        let inner = lock(&self.data.inner);
        lock(&self.view).sort(keys, &inner.rows);
        Ok(())
    }

    /// The next `count` rows at most; fewer only at the end. A negative count steps back as many rows first. Unless
    /// told otherwise the cursor is then behind the last row returned.
    ///
    /// # Errors
    /// [`MapiResult::InvalidParameter`] for a count of zero.
    pub fn query_rows(&self, count: i32, flags: QueryRowsFlags) -> Result<Vec<SRow>, MapiResult> {
        if count == 0 {
            return Err(MapiResult::InvalidParameter);
        }
        let mut view = lock(&self.view);
        let length = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
        let from = if count < 0 { view.cursor.saturating_sub(length) } else { view.cursor };
        let to = if count < 0 { view.cursor } else { from.saturating_add(length).min(view.rows().len()) };
        let rows = view.rows().get(from..to).unwrap_or_default().iter().map(|row| view.shown(row)).collect();
        view.cursor = if flags.contains(QueryRowsFlags::TBL_NOADVANCE) { from } else { to };
        Ok(rows)
    }

    /// Moves the cursor to the first row from the bookmark on for which this holds, so that [`Self::query_rows`]
    /// returns it next. Backward: to the last such row before the bookmark.
    ///
    /// # Errors
    /// [`MapiResult::NotFound`]: there is none, and the cursor stays. [`MapiResult::TooComplex`] as for
    /// [`Self::restrict`].
    pub fn find_row(&self, wanted: &Restriction, from: Bookmark, flags: FindRowFlags) -> Result<(), MapiResult> {
        wanted.check()?;
        let mut view = lock(&self.view);
        let from = start(&view, from);
        let mut rows = view.rows().iter().enumerate();
        let found = if flags.contains(FindRowFlags::DIR_BACKWARD) {
            rows.take(from).rev().find(|(_, row)| wanted.matches(row))
        } else {
            rows.find(|(at, row)| *at >= from && wanted.matches(row))
        };
        let (at, _) = found.ok_or(MapiResult::NotFound)?;
        view.cursor = at;
        Ok(())
    }

    /// Moves the cursor by this many rows from the bookmark, to an edge at most. Returns by how many it moved.
    pub fn seek_row(&self, from: Bookmark, by: isize) -> isize {
        let mut view = lock(&self.view);
        let start = start(&view, from);
        view.cursor = start.saturating_add_signed(by).min(view.rows().len());
        view.cursor.cast_signed() - start.cast_signed()
    }

    /// How many rows the view shows.
    pub fn row_count(&self) -> usize {
        lock(&self.view).rows().len()
    }

    /// The view follows its data, and is never busy.
    pub const fn status(&self) -> (TableType, TableStatus) {
        (TableType::Dynamic, TableStatus::Complete)
    }

    /// Registers for changes from now on. Rows that the restriction hides make none; one that comes to pass it is
    /// added, one that ceases to is deleted.
    ///
    /// # Errors
    /// [`MapiResult::NoSupport`] for anything but [`EventMask::fnevTableModified`].
    pub fn advise(&self, mask: EventMask) -> Result<Connection, MapiResult> {
        if mask != EventMask::fnevTableModified {
            return Err(MapiResult::NoSupport);
        }
        let (sink, connection) = Sink::new();
        lock(&self.view).add_sink(sink);
        Ok(connection)
    }

    /// Ends a registration, as dropping it does.
    pub fn unadvise(&self, connection: Connection) {
        drop(connection);
    }
}

fn start(view: &View, bookmark: Bookmark) -> usize {
    match bookmark {
        Bookmark::Beginning => 0,
        Bookmark::Current => view.cursor,
        Bookmark::End => view.rows().len(),
    }
}
