//! Questions that are asked after every commit, answered from indexes: counts, the next due time; and what was received,
//! or remembered.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::SpoolError;
use super::model::{AllCounts, LastRun, Seconds};
use super::sql::unsigned;
use crate::mapi::{OutgoingCounts, QueueState};

/// The kept counts, and when the oldest of each was submitted: one look into an index.
pub(super) const COUNTS: &str = "
    SELECT c.transport, c.state, c.n, c.bytes,
      (SELECT MIN(e.queued_at) FROM envelope e WHERE e.transport = c.transport AND e.state = c.state)
    FROM count c WHERE c.n > 0";

/// The first due in one state, of each transport: one look into an index.
pub(super) const NEXT_DUE: &str = "
    SELECT c.transport,
      (SELECT MIN(e.due) FROM envelope e WHERE e.transport = c.transport AND e.state = c.state AND e.due >= 0)
    FROM count c WHERE c.state = ?1 AND c.n > 0";

/// The counts of every transport that has envelopes.
pub(super) fn counts(db: &Connection) -> Result<AllCounts, SpoolError> {
    let mut statement = db.prepare_cached(COUNTS)?;
    let mut rows = statement.query(())?;
    let mut all = AllCounts::new();
    while let Some(row) = rows.next()? {
        let of: &mut OutgoingCounts = all.entry(row.get(0)?).or_default();
        let (n, bytes, oldest) = (unsigned(row.get(2)?), unsigned(row.get(3)?), row.get::<_, Option<Seconds>>(4)?);
        let (count, is_to_go) = match row.get(1)? {
            QueueState::InFlight => (&mut of.in_flight, true),
            QueueState::InDoubt => (&mut of.in_doubt, false),
            QueueState::Queued => (&mut of.queued, true),
            QueueState::Deferred => (&mut of.deferred, true),
            QueueState::Held => (&mut of.held, true),
            QueueState::Failed => (&mut of.failed, false),
            QueueState::Sent => continue,
        };
        *count = n;
        if is_to_go {
            of.bytes += bytes;
            of.oldest = [of.oldest, oldest].into_iter().flatten().min();
        }
    }
    Ok(all)
}

/// The earliest next try of the deferred envelopes of each transport.
pub(super) fn next_due(db: &Connection) -> Result<BTreeMap<String, Seconds>, SpoolError> {
    let mut statement = db.prepare_cached(NEXT_DUE)?;
    let rows =
        statement.query_map([QueueState::Deferred], |row| Ok((row.get(0)?, row.get::<_, Option<Seconds>>(1)?)))?;
    let due = rows.filter_map(|row| row.map(|(transport, due)| Some((transport, due?))).transpose());
    Ok(due.collect::<Result<_, _>>()?)
}

/// How the last run of each transport ended.
pub(super) fn last_runs(db: &Connection) -> Result<BTreeMap<String, LastRun>, SpoolError> {
    let mut statement = db.prepare("SELECT transport, at, failure FROM last_run")?;
    let mut rows = statement.query(())?;
    let mut all = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let failure: Option<String> = row.get(2)?;
        let failure = failure.map(|text| serde_json::from_str(&text)).transpose();
        let failure = failure.map_err(|error| SpoolError::json("failure", &error))?;
        all.insert(row.get(0)?, LastRun { at: row.get(1)?, failure });
    }
    Ok(all)
}

/// What a transport has received from a mailbox.
pub(super) fn known(db: &Connection, transport: &str, mailbox: &str) -> Result<Vec<String>, SpoolError> {
    let mut statement = db.prepare_cached("SELECT uid FROM received WHERE transport = ?1 AND mailbox = ?2")?;
    let uids = statement.query_map(params![transport, mailbox], |row| row.get(0))?;
    Ok(uids.collect::<Result<_, _>>()?)
}

/// What a transport remembered of a topic, if that is still good.
pub(super) fn recall(
    db: &Connection,
    transport: &str,
    topic: &str,
    now: Seconds,
) -> Result<Option<String>, SpoolError> {
    let mut statement = db.prepare_cached(
        "SELECT value FROM memory WHERE transport = ?1 AND topic = ?2 AND COALESCE(until > ?3, TRUE)",
    )?;
    Ok(statement.query_row(params![transport, topic, now], |row| row.get(0)).optional()?)
}
