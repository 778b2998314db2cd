//! Tables after `IMAPITable`: rows that one party changes and others look at through views of their own.
//!
//! [`TableData`] holds the rows. A [`Table`] is one view on them, with its own columns, restriction, order and cursor.
//! It follows the data: every change adjusts the view, keeps its cursor between the same rows, and is told to whoever
//! was registered with [`Table::advise`].
//!
//! Decisions:
//! - A row is known by its entry identifier, which is its instance key as well.
//! - A restriction and a sort order look at the whole row, also at columns that the view does not show.
//! - Everything is done at once: no call is asynchronous, so none answers `MAPI_E_BUSY`, and the `…_DONE` events never
//!   come.
//! - Notifications are put into a channel and nothing else: no code of a listener runs on the thread that makes the
//!   change, nor while the table is locked. A listener that does not read has its backlog replaced by one
//!   [`TableEvent::Reload`](super::TableEvent::Reload).

mod data;
mod notify;
mod view;

pub use data::{Table, TableData};
pub use notify::{BACKLOG, Connection, TableNotification};
pub use view::{SRow, SortKey};

use super::{Bookmark, MapiResult, PropTag, QueryRowsFlags, Restriction};

/// `HrQueryAllRows`: columns, restriction and order in one call, then every row. `None` leaves the view as it is;
/// `max` rows are a guard and not a page size, 0 is none. The cursor ends behind the last row read.
///
/// # Errors
/// [`MapiResult::TableTooBig`] when there are more than `max` rows, and whatever the three calls answer.
pub fn query_all_rows(
    table: &Table,
    columns: Option<&[PropTag]>,
    restriction: Option<Restriction>,
    sort: Option<&[SortKey]>,
    max: usize,
) -> Result<Vec<SRow>, MapiResult> {
    if let Some(columns) = columns {
        table.set_columns(columns)?;
    }
    if restriction.is_some() {
        table.restrict(restriction)?;
    }
    if let Some(sort) = sort {
        table.sort_table(sort)?;
    }
    if max != 0 && table.row_count() > max {
        return Err(MapiResult::TableTooBig);
    }
    table.seek_row(Bookmark::Beginning, 0);
    table.query_rows(i32::MAX, QueryRowsFlags::empty())
}

#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod tests;
