//! Pages of lists. The rows of a page are found first, by what can be read from an index or from narrow rows; only
//! those on the page are then read whole.

use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};

use super::SpoolError;
use super::model::{Filter, ListQuery, Page, QueueRow, Seconds, SortKey};
use super::select::{Conditions, FROM, FROM_OPEN, shows_history};
use super::sql::{int, unsigned};
use crate::mapi::{EnvelopeId, QueueState};

/// Recipients of one row in a list.
const RECIPIENTS_LISTED: u32 = 100;

/// See [`super::Reader::list`].
pub(super) fn page(db: &Connection, query: &ListQuery, now: Seconds) -> Result<Page, SpoolError> {
    let conditions = Conditions::of_filter(&query.filter, now);
    let total = total(db, &query.filter, &conditions)?;
    if query.offset >= total {
        // Known without looking at every envelope once more.
        return Ok(Page { total, messages: Vec::new() });
    }
    let mut statement = db.prepare_cached(&page_sql(query, &conditions))?;
    let ids = statement
        .query_map(params_from_iter(conditions.values()), |row| row.get(0))?
        .collect::<Result<Vec<EnvelopeId>, _>>()?;
    let rows = ids.into_iter().filter_map(|id| row(db, id, RECIPIENTS_LISTED).transpose());
    Ok(Page { total, messages: rows.collect::<Result<_, _>>()? })
}

/// The statement that finds the envelopes of a page.
pub(super) fn page_sql(query: &ListQuery, conditions: &Conditions) -> String {
    format!(
        "SELECT e.id FROM {} WHERE {} ORDER BY {} LIMIT {} OFFSET {}",
        source(&query.filter),
        conditions.sql(),
        order(query.sort, query.descending),
        int(query.limit),
        int(query.offset)
    )
}

fn source(filter: &Filter) -> &'static str {
    if shows_history(filter) { FROM } else { FROM_OPEN }
}

/// What stands behind ORDER BY: total, so that pages fit together. What has no next try stands last either way.
fn order(key: SortKey, descending: bool) -> String {
    let way = if descending { " DESC" } else { "" };
    match key {
        SortKey::Submitted => format!("e.id{way}"),
        SortKey::Size => format!("e.size{way}, e.id{way}"),
        SortKey::State => format!("e.state{way}, e.id{way}"),
        SortKey::Subject => format!("m.subject COLLATE NOCASE{way}, e.id{way}"),
        SortKey::From => format!("m.author COLLATE NOCASE{way}, e.id{way}"),
        SortKey::NextTry => format!("e.state <> 3, e.next_try{way}, e.id{way}"),
    }
}

fn total(db: &Connection, filter: &Filter, conditions: &Conditions) -> Result<u64, SpoolError> {
    if let Some(total) = total_from_counts(db, filter)? {
        return Ok(total);
    }
    let sql = format!("SELECT COUNT(*) FROM {} WHERE {}", source(filter), conditions.sql());
    let mut statement = db.prepare_cached(&sql)?;
    Ok(unsigned(statement.query_row(params_from_iter(conditions.values()), |row| row.get(0))?))
}

/// How many match, if the kept counts know: when only states and transports are asked for.
fn total_from_counts(db: &Connection, filter: &Filter) -> Result<Option<u64>, SpoolError> {
    let simple = Filter { states: filter.states.clone(), transports: filter.transports.clone(), ..Filter::default() };
    if *filter != simple {
        return Ok(None);
    }
    let mut statement = db.prepare_cached("SELECT transport, state, n FROM count")?;
    let mut rows = statement.query(())?;
    let mut total = 0;
    while let Some(row) = rows.next()? {
        let (transport, state): (String, QueueState) = (row.get(0)?, row.get(1)?);
        let is_state =
            if filter.states.is_empty() { state != QueueState::Sent } else { filter.states.contains(&state) };
        if is_state && (filter.transports.is_empty() || filter.transports.contains(&transport)) {
            total += unsigned(row.get(2)?);
        }
    }
    Ok(Some(total))
}

/// One row, with at most so many recipients.
pub(super) fn row(db: &Connection, envelope: EnvelopeId, recipients: u32) -> Result<Option<QueueRow>, SpoolError> {
    let mut statement = db.prepare_cached(
        "SELECT e.id, e.transport, e.state, m.author, m.subject, e.size, e.queued_at, e.not_before, e.attempts,
           CASE e.state WHEN 3 THEN e.next_try END, e.last_reply
         FROM envelope e JOIN message m ON m.id = e.message WHERE e.id = ?1",
    )?;
    let Some(mut found) = statement.query_row([envelope], queue_row).optional()? else { return Ok(None) };
    let mut statement = db.prepare_cached("SELECT address FROM recipient WHERE envelope = ?1 ORDER BY id LIMIT ?2")?;
    found.to = statement.query_map(params![envelope, recipients], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(Some(found))
}

fn queue_row(row: &Row<'_>) -> rusqlite::Result<QueueRow> {
    Ok(QueueRow {
        id: row.get(0)?,
        transport: row.get(1)?,
        state: row.get(2)?,
        from: row.get(3)?,
        to: Vec::new(),
        subject: row.get(4)?,
        size: unsigned(row.get(5)?),
        queued_at: row.get(6)?,
        not_before: row.get(7)?,
        attempts: row.get(8)?,
        next_try: row.get(9)?,
        last_reply: row.get(10)?,
    })
}
