//! Claiming: which envelopes a transport gets next.

use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use super::model::{ClaimedEnvelope, Eligibility, INLINE_BYTES, Seconds};
use super::sql::unsigned;
use super::{SpoolError, checksum};
use crate::mapi::{MessageId, QueueState, RecipientId};

/// What one transport may take next in one state, first due first. Read from the index in order: its cost is that of
/// the rows it gives, not of the queue.
pub(super) const CANDIDATES: &str = "
    SELECT e.id, e.message, e.attempts, e.sender, e.size, m.eight_bit, m.smtputf8, e.queued_at, e.declined,
      CASE WHEN e.attempts > 0 THEN (SELECT a.began FROM attempt a WHERE a.envelope = e.id
        AND a.number = (SELECT MAX(number) FROM attempt WHERE envelope = e.id) - e.attempts + 1) END
    FROM envelope e INDEXED BY envelope_due CROSS JOIN message m ON m.id = e.message
    WHERE e.transport = ?1 AND e.state = ?2 AND e.due <= ?3 AND e.run <> ?4
      AND (e.not_before IS NULL OR e.not_before <= ?5)
    ORDER BY e.due, e.id LIMIT ?6";

/// The same for deferred ones whose back-off is lifted: all runs but one stand in two ranges of an index, so those that
/// this run has had cost nothing, however many they are. The ones that waited longest for a try come first.
pub(super) const LIFTED: &str = "
    SELECT e.id, e.message, e.attempts, e.sender, e.size, m.eight_bit, m.smtputf8, e.queued_at, e.declined,
      CASE WHEN e.attempts > 0 THEN (SELECT a.began FROM attempt a WHERE a.envelope = e.id
        AND a.number = (SELECT MAX(number) FROM attempt WHERE envelope = e.id) - e.attempts + 1) END
    FROM envelope e INDEXED BY envelope_tried CROSS JOIN message m ON m.id = e.message
    WHERE e.transport = ?1 AND e.state = 3 AND e.run BETWEEN ?2 AND ?3
      AND (e.not_before IS NULL OR e.not_before <= ?4)
    ORDER BY e.run, e.id LIMIT ?5";

/// See [`super::SpoolTransaction::claim`]. `most`: messages and bytes.
pub(super) fn claim(
    db: &Connection,
    transport: &str,
    most: (u32, u64),
    which: &Eligibility,
) -> Result<Vec<ClaimedEnvelope>, SpoolError> {
    let wished = if which.lift_not_before { Seconds::MAX } else { which.now };
    let mut found = Vec::new();
    if !which.only_deferred {
        candidates(
            db,
            CANDIDATES,
            params![transport, QueueState::Queued, wished, which.run, wished, most.0],
            which.now,
            &mut found,
        )?;
    }
    let queued = found.len();
    if which.lift_back_off {
        // Run numbers rise with the clock, and clocks are set back: hence not only the lower ones.
        for (from, to) in [(i64::MIN, which.run.saturating_sub(1)), (which.run.saturating_add(1), i64::MAX)] {
            candidates(db, LIFTED, params![transport, from, to, wished, most.0], which.now, &mut found)?;
        }
    } else {
        candidates(
            db,
            CANDIDATES,
            params![transport, QueueState::Deferred, which.now, which.run, wished, most.0],
            which.now,
            &mut found,
        )?;
    }
    // What failed before comes last: it may be what breaks the line, and is not to be in the way of the others.
    let (fresh, tried) = found.split_at_mut(queued);
    fresh.sort_unstable_by_key(|envelope| envelope.envelope);
    tried.sort_unstable_by_key(|envelope| envelope.envelope);
    keep_what_fits(&mut found, most);
    for envelope in &mut found {
        take(db, envelope, which)?;
    }
    Ok(found)
}

fn candidates(
    db: &Connection,
    sql: &str,
    values: impl Params,
    now: Seconds,
    found: &mut Vec<ClaimedEnvelope>,
) -> Result<(), SpoolError> {
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(values)?;
    while let Some(row) = rows.next()? {
        found.push(candidate(row, now)?);
    }
    Ok(())
}

fn candidate(row: &Row<'_>, now: Seconds) -> Result<ClaimedEnvelope, SpoolError> {
    let declined: String = row.get(8)?;
    Ok(ClaimedEnvelope {
        envelope: row.get(0)?,
        message: row.get(1)?,
        attempt: row.get::<_, u32>(2)?.saturating_add(1),
        sender: row.get(3)?,
        recipients: Vec::new(),
        size: unsigned(row.get(4)?),
        inline: None,
        eight_bit: row.get(5)?,
        smtputf8: row.get(6)?,
        submitted_at: row.get(7)?,
        first_tried: row.get::<_, Option<Seconds>>(9)?.unwrap_or(now),
        declined: serde_json::from_str(&declined).map_err(|error| SpoolError::json("declined", &error))?,
    })
}

/// The longest beginning within both limits, but at least one if any message is wanted.
fn keep_what_fits(found: &mut Vec<ClaimedEnvelope>, (messages, bytes): (u32, u64)) {
    let (mut kept, mut sum) = (0, 0_u64);
    for envelope in found.iter().take(usize::try_from(messages).unwrap_or(usize::MAX)) {
        sum = sum.saturating_add(envelope.size);
        if kept > 0 && sum > bytes {
            break;
        }
        kept += 1;
    }
    found.truncate(kept);
}

/// Puts one in flight, and fetches what is needed to send it.
fn take(db: &Connection, envelope: &mut ClaimedEnvelope, which: &Eligibility) -> Result<(), SpoolError> {
    let id = envelope.envelope;
    // Read, then written by their keys: RETURNING, or reading in the statement that writes, would make a table in memory
    // for each message.
    let mut recipients =
        db.prepare_cached("SELECT id, address FROM recipient WHERE envelope = ?1 AND state IN (?2, ?3) ORDER BY id")?;
    let claimed = recipients.query_map(params![id, QueueState::Queued, QueueState::Deferred], |row| {
        Ok((row.get::<_, RecipientId>(0)?, row.get(1)?))
    })?;
    envelope.recipients = claimed.collect::<Result<_, _>>()?;
    let mut recipient = db.prepare_cached("UPDATE recipient SET earlier = state, state = ?2 WHERE id = ?1")?;
    for (claimed, _) in &envelope.recipients {
        recipient.execute(params![claimed, QueueState::InFlight])?;
    }
    db.prepare_cached(
        "UPDATE envelope SET state = ?2, attempts = attempts + 1, run = ?3, offered_at = NULL
         WHERE id = ?1",
    )?
    .execute(params![id, QueueState::InFlight, which.run])?;
    let number: i64 = db
        .prepare_cached("SELECT COALESCE(MAX(number), 0) + 1 FROM attempt WHERE envelope = ?1")?
        .query_row([id], |row| row.get(0))?;
    db.prepare_cached("INSERT INTO attempt (envelope, number, began, result) VALUES (?1, ?2, ?3, '')")?
        .execute(params![id, number, which.now])?;
    envelope.inline = inline(db, envelope.message, envelope.size)?;
    Ok(())
}

/// A small content. One whose chunk is not what it should be is left to [`super::StoredContent`], which reports it for
/// this message alone.
fn inline(db: &Connection, message: MessageId, size: u64) -> Result<Option<Vec<u8>>, SpoolError> {
    if size == 0 {
        return Ok(Some(Vec::new()));
    }
    if size > INLINE_BYTES {
        return Ok(None);
    }
    let mut statement = db.prepare_cached("SELECT bytes, crc FROM chunk WHERE message = ?1 AND number = 0")?;
    let piece = statement.query_row([message], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get(1)?))).optional()?;
    let sound = piece.filter(|(bytes, crc)| bytes.len() as u64 == size && checksum::fits(bytes, *crc));
    Ok(sound.map(|(bytes, _)| bytes))
}
