//! Lists: a page of envelopes, everything about one, which ones a selection means.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Row, params, params_from_iter};

use super::SpoolError;
use super::model::{
    Attempt, Filter, ListQuery, Page, QueueDetail, QueueRow, RecipientDetail, Seconds, Selection, SortKey,
};
use super::sql::{int, unsigned};
use super::writer::counts;
use crate::mapi::EnvelopeId;

/// Recipients shown of an envelope in a list.
const SHOWN_RECIPIENTS: i64 = 100;

const COLUMNS: &str = "e.id, e.transport, e.state, m.author, m.subject, e.size, e.queued_at, e.not_before, e.attempts,
    CASE e.state WHEN 3 THEN e.next_try END, e.last_reply, e.sender";

/// A page of a list.
pub(super) fn page(db: &Connection, query: &ListQuery, now: Seconds) -> Result<Page, SpoolError> {
    let (condition, mut values) = query.filter.condition(now);
    let total = total(db, &query.filter, &condition, &values)?;
    let order = order(query.sort, query.descending);
    let (limit, offset) = (values.len() + 1, values.len() + 2);
    // The page is picked by what the indexes hold; the rest is read for its rows only.
    let sql = format!(
        "SELECT {COLUMNS} FROM (SELECT e.id FROM envelope e JOIN message m ON m.id = e.message
             WHERE {condition} ORDER BY {order} LIMIT ?{limit} OFFSET ?{offset}) picked
         JOIN envelope e ON e.id = picked.id JOIN message m ON m.id = e.message ORDER BY {order}"
    );
    let sql = if needs_message(query) { sql } else { sql.replacen("JOIN message m ON m.id = e.message\n", "\n", 1) };
    values.extend([Value::Integer(int(query.limit)), Value::Integer(int(query.offset))]);
    let mut statement = db.prepare_cached(&sql)?;
    let mut messages = statement
        .query_map(params_from_iter(&values), |row| Ok(queue_row(row)?.0))?
        .collect::<Result<Vec<QueueRow>, _>>()?;
    for row in &mut messages {
        row.to = recipients(db, row.id)?;
    }
    Ok(Page { total, messages })
}

fn needs_message(query: &ListQuery) -> bool {
    let filter = &query.filter;
    !filter.from.is_empty() || !filter.text.is_empty() || matches!(query.sort, SortKey::Subject | SortKey::From)
}

/// How many match. Where only states and transports are asked for, the kept counts know.
fn total(db: &Connection, filter: &Filter, condition: &str, values: &[Value]) -> Result<u64, SpoolError> {
    let counted = Filter { states: Vec::new(), transports: Vec::new(), ..filter.clone() }.is_empty();
    let has_sent = filter.states.contains(&crate::mapi::QueueState::Sent);
    if counted && !has_sent {
        let all = counts(db)?;
        let wanted = |name: &String| filter.transports.is_empty() || filter.transports.contains(name);
        return Ok(all.iter().filter(|(name, _)| wanted(name)).map(|(_, counts)| of_states(counts, filter)).sum());
    }
    let sql = format!("SELECT COUNT(*) FROM envelope e JOIN message m ON m.id = e.message WHERE {condition}");
    let total: i64 = db.prepare_cached(&sql)?.query_row(params_from_iter(values), |row| row.get(0))?;
    Ok(unsigned(total))
}

fn of_states(counts: &crate::mapi::OutgoingCounts, filter: &Filter) -> u64 {
    use crate::mapi::QueueState as S;
    let wanted = |state: &S| filter.states.is_empty() || filter.states.contains(state);
    [
        (S::InFlight, counts.in_flight),
        (S::InDoubt, counts.in_doubt),
        (S::Queued, counts.queued),
        (S::Deferred, counts.deferred),
        (S::Held, counts.held),
        (S::Failed, counts.failed),
    ]
    .into_iter()
    .filter(|(state, _)| wanted(state))
    .map(|(_, n)| n)
    .sum()
}

fn order(sort: SortKey, descending: bool) -> String {
    let way = if descending { "DESC" } else { "ASC" };
    match sort {
        // Identifiers rise with the submit time.
        SortKey::Submitted => format!("e.id {way}"),
        SortKey::Size => format!("e.size {way}, e.id"),
        SortKey::State => format!("e.state {way}, e.id"),
        SortKey::Subject => format!("m.subject COLLATE NOCASE {way}, e.id"),
        SortKey::From => format!("m.author COLLATE NOCASE {way}, e.id"),
        SortKey::NextTry => format!("e.next_try IS NULL, e.next_try {way}, e.id"),
    }
}

fn queue_row(row: &Row<'_>) -> rusqlite::Result<(QueueRow, String)> {
    let sender: String = row.get(11)?;
    let row = QueueRow {
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
    };
    Ok((row, sender))
}

fn recipients(db: &Connection, envelope: EnvelopeId) -> Result<Vec<String>, SpoolError> {
    let sql = "SELECT address FROM recipient WHERE envelope = ?1 ORDER BY id LIMIT ?2";
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map(params![envelope, SHOWN_RECIPIENTS], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Everything about one envelope.
pub(super) fn detail(db: &Connection, envelope: EnvelopeId) -> Result<Option<QueueDetail>, SpoolError> {
    let sql =
        format!("SELECT {COLUMNS}, m.message_id FROM envelope e JOIN message m ON m.id = e.message WHERE e.id = ?1");
    let found = db
        .prepare_cached(&sql)?
        .query_row([envelope], |row| Ok((queue_row(row)?, row.get::<_, String>(12)?)))
        .optional()?;
    let Some(((mut row, sender), message_id)) = found else { return Ok(None) };
    row.to = recipients(db, envelope)?;
    let recipients = db
        .prepare_cached("SELECT id, address, state, reply, failure FROM recipient WHERE envelope = ?1 ORDER BY id")?
        .query_map([envelope], |row| {
            Ok(RecipientDetail {
                id: row.get(0)?,
                address: row.get(1)?,
                state: row.get(2)?,
                reply: row.get(3)?,
                failure: row.get::<_, Option<String>>(4)?.and_then(|text| serde_json::from_str(&text).ok()),
            })
        })?
        .collect::<Result<_, _>>()?;
    let history = db
        .prepare_cached("SELECT number, began, ended, result FROM attempt WHERE envelope = ?1 ORDER BY number")?
        .query_map([envelope], |row| {
            Ok(Attempt { number: row.get(0)?, began: row.get(1)?, ended: row.get(2)?, result: row.get(3)? })
        })?
        .collect::<Result<_, _>>()?;
    Ok(Some(QueueDetail { row, sender, message_id, recipients, history }))
}

/// The envelopes that a selection means, in order.
pub(super) fn selected(db: &Connection, selection: &Selection, now: Seconds) -> Result<Vec<EnvelopeId>, SpoolError> {
    match selection {
        Selection::Ids(ids) => Ok(ids.clone()),
        Selection::Where(filter) => {
            let (condition, values) = filter.condition(now);
            let sql = format!(
                "SELECT e.id FROM envelope e JOIN message m ON m.id = e.message WHERE {condition} ORDER BY e.id"
            );
            let mut statement = db.prepare_cached(&sql)?;
            let rows = statement.query_map(params_from_iter(&values), |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        }
    }
}
