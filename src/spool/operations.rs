//! The changes the spooler's core decides on: offered, finished, rerouted, received, remembered.

use rusqlite::{Connection, OptionalExtension, params};

use super::SpoolError;
use super::model::{RecipientResult, Seconds, SpoolOp};
use super::sql::json;
use crate::mapi::{EnvelopeId, MessageId, QueueState, RecipientId};

/// Different results written out in the history of one attempt.
const RESULTS_TOLD: usize = 4;

/// See [`super::SpoolTransaction::apply`].
pub(super) fn apply(db: &Connection, op: &SpoolOp) -> Result<(), SpoolError> {
    match op {
        SpoolOp::Offer { envelopes, at } => offer(db, envelopes, *at),
        SpoolOp::Finish { envelope, counts: false, .. } => give_back(db, *envelope),
        SpoolOp::Finish { envelope, recipients, next_try, at, counts: true } => {
            finish(db, *envelope, recipients, *next_try, *at)
        }
        SpoolOp::Reroute { envelope, recipients, transport } => reroute(db, *envelope, recipients, transport),
        SpoolOp::LastRun { transport, last } => {
            let failure = last.failure.as_ref().map(json).transpose()?;
            db.prepare_cached(
                "INSERT INTO last_run (transport, at, failure) VALUES (?1, ?2, ?3)
                 ON CONFLICT (transport) DO UPDATE SET at = excluded.at, failure = excluded.failure",
            )?
            .execute(params![transport, last.at, failure])?;
            Ok(())
        }
        SpoolOp::Received { transport, mailbox, uids, at } => {
            let mut statement = db.prepare_cached(
                "INSERT INTO received (transport, mailbox, uid, at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
            )?;
            for uid in uids {
                statement.execute(params![transport, mailbox, uid, at])?;
            }
            Ok(())
        }
        SpoolOp::Remember { transport, topic, value, until } => {
            match value {
                Some(value) => db
                    .prepare_cached(
                        "INSERT INTO memory (transport, topic, value, until) VALUES (?1, ?2, ?3, ?4)
                         ON CONFLICT (transport, topic) DO UPDATE SET value = excluded.value, until = excluded.until",
                    )?
                    .execute(params![transport, topic, value, until])?,
                None => db
                    .prepare_cached("DELETE FROM memory WHERE transport = ?1 AND topic = ?2")?
                    .execute(params![transport, topic])?,
            };
            Ok(())
        }
        SpoolOp::Forget { transport, mailbox, uids } => {
            let mut statement =
                db.prepare_cached("DELETE FROM received WHERE transport = ?1 AND mailbox = ?2 AND uid = ?3")?;
            for uid in uids {
                statement.execute(params![transport, mailbox, uid])?;
            }
            Ok(())
        }
    }
}

fn offer(db: &Connection, envelopes: &[EnvelopeId], at: Seconds) -> Result<(), SpoolError> {
    let mut statement = db.prepare_cached("UPDATE envelope SET offered_at = ?2 WHERE id = ?1 AND state = ?3")?;
    for envelope in envelopes {
        statement.execute(params![envelope, at, QueueState::InFlight])?;
    }
    Ok(())
}

/// The content's identifier, if the envelope is in flight.
fn in_flight(db: &Connection, envelope: EnvelopeId) -> Result<Option<MessageId>, SpoolError> {
    let mut statement = db.prepare_cached("SELECT message FROM envelope WHERE id = ?1 AND state = ?2")?;
    Ok(statement.query_row(params![envelope, QueueState::InFlight], |row| row.get(0)).optional()?)
}

/// As before the claim: attempt neither counted nor remembered.
pub(super) fn give_back(db: &Connection, envelope: EnvelopeId) -> Result<(), SpoolError> {
    if in_flight(db, envelope)?.is_none() {
        return Ok(());
    }
    return_recipients(db, envelope)?;
    db.prepare_cached(
        "DELETE FROM attempt WHERE envelope = ?1 AND number = (SELECT MAX(number) FROM attempt WHERE envelope = ?1)",
    )?
    .execute([envelope])?;
    db.prepare_cached(
        "UPDATE envelope SET attempts = MAX(attempts - 1, 0), offered_at = NULL,
           state = (SELECT MIN(state) FROM recipient WHERE envelope = ?1)
         WHERE id = ?1",
    )?
    .execute([envelope])?;
    Ok(())
}

/// Recipients that are still in flight are again what they were.
fn return_recipients(db: &Connection, envelope: EnvelopeId) -> Result<(), SpoolError> {
    let mut statement = db.prepare_cached(
        "UPDATE recipient SET state = COALESCE(earlier, ?3), earlier = NULL WHERE envelope = ?1 AND state = ?2",
    )?;
    statement.execute(params![envelope, QueueState::InFlight, QueueState::Queued])?;
    Ok(())
}

fn finish(
    db: &Connection,
    envelope: EnvelopeId,
    results: &[RecipientResult],
    next_try: Option<Seconds>,
    at: Seconds,
) -> Result<(), SpoolError> {
    let Some(message) = in_flight(db, envelope)? else { return Ok(()) };
    let mut settle = db.prepare_cached(
        "UPDATE recipient SET state = ?3, earlier = NULL, reply = ?4, failure = ?5
         WHERE id = ?2 AND envelope = ?1 AND state = ?6",
    )?;
    for result in results.iter().filter(|result| result.state != QueueState::InFlight) {
        let failure = result.failure.as_ref().map(json).transpose()?;
        settle.execute(params![
            envelope,
            result.recipient,
            result.state,
            result.reply,
            failure,
            QueueState::InFlight
        ])?;
    }
    // Nobody may stay in flight when the attempt is over, whatever was forgotten above.
    if least_state(db, envelope)? == Some(QueueState::InFlight) {
        return_recipients(db, envelope)?;
    }
    let worst = results.iter().filter(|result| result.reply.is_some()).min_by_key(|result| result.state);
    let state = close(
        db,
        envelope,
        &Close {
            next_try,
            at,
            ended: Some(at),
            reply: worst.and_then(|result| result.reply.as_deref()),
            result: &in_words(results),
        },
    )?;
    match state {
        Some(QueueState::Sent) => release_content(db, &[message]),
        Some(QueueState::InDoubt) => let_go_on(db, envelope),
        _ => Ok(()),
    }
}

/// Who is only to be tried again does not wait until a user has decided about those in doubt: they go on in an envelope
/// of their own, with the history that led there.
fn let_go_on(db: &Connection, envelope: EnvelopeId) -> Result<(), SpoolError> {
    let mut waiting = db.prepare_cached("SELECT MIN(state) FROM recipient WHERE envelope = ?1 AND state IN (2, 3)")?;
    let state: Option<QueueState> = waiting.query_row([envelope], |row| row.get(0))?;
    let Some(state) = state else { return Ok(()) };
    db.prepare_cached(
        "INSERT INTO envelope (message, transport, sender, state, size, attempts, queued_at, not_before, next_try,
           last_attempt, last_reply, declined, run)
         SELECT message, transport, sender, ?2, size, attempts, queued_at, not_before, next_try, last_attempt,
           (SELECT r.reply FROM recipient r WHERE r.envelope = ?1 AND r.state = ?2 ORDER BY r.id LIMIT 1), declined, run
         FROM envelope WHERE id = ?1",
    )?
    .execute(params![envelope, state])?;
    let new = EnvelopeId(db.last_insert_rowid());
    db.prepare_cached("UPDATE recipient SET envelope = ?2 WHERE envelope = ?1 AND state IN (2, 3)")?
        .execute(params![envelope, new])?;
    db.prepare_cached(
        "INSERT INTO attempt (envelope, number, began, ended, result)
         SELECT ?2, number, began, ended, result FROM attempt WHERE envelope = ?1",
    )?
    .execute(params![envelope, new])?;
    Ok(())
}

/// How an attempt ended, for the envelope and for its history.
pub(super) struct Close<'a> {
    /// When deferred recipients are tried again.
    pub(super) next_try: Option<Seconds>,
    /// When it was last known to run.
    pub(super) at: Seconds,
    /// When it ended; `None` if its process died.
    pub(super) ended: Option<Seconds>,
    /// The reply to show for the envelope.
    pub(super) reply: Option<&'a str>,
    /// What came of it, in words.
    pub(super) result: &'a str,
}

/// Closes the running attempt and gives the envelope the state its recipients make. Gives that state.
pub(super) fn close(db: &Connection, envelope: EnvelopeId, end: &Close<'_>) -> Result<Option<QueueState>, SpoolError> {
    db.prepare_cached(
        "UPDATE attempt SET ended = ?2, result = ?3
         WHERE envelope = ?1 AND number = (SELECT MAX(number) FROM attempt WHERE envelope = ?1)",
    )?
    .execute(params![envelope, end.ended, end.result])?;
    // Not RETURNING: it would make a table in memory each time.
    let state = least_state(db, envelope)?;
    db.prepare_cached(
        "UPDATE envelope SET offered_at = NULL, next_try = MAX(?2, COALESCE(not_before, 0)), last_attempt = ?3,
           last_reply = COALESCE(?4, last_reply), state = ?5
         WHERE id = ?1",
    )?
    .execute(params![envelope, end.next_try, end.at, end.reply, state])?;
    Ok(state)
}

/// The state an envelope has by its recipients.
fn least_state(db: &Connection, envelope: EnvelopeId) -> Result<Option<QueueState>, SpoolError> {
    let mut statement = db.prepare_cached("SELECT MIN(state) FROM recipient WHERE envelope = ?1")?;
    Ok(statement.query_row([envelope], |row| row.get(0))?)
}

/// "sent: 250 ok", or "2 sent: 250 ok; 1 deferred: 450 later". Never empty: that marks the running attempt.
fn in_words(results: &[RecipientResult]) -> String {
    if results.is_empty() {
        return "ended without a result".to_owned();
    }
    let mut kinds: Vec<(QueueState, &str, usize)> = Vec::new();
    for result in results {
        let reply = result.reply.as_deref().unwrap_or_default();
        match kinds.iter_mut().find(|(state, text, _)| (*state, *text) == (result.state, reply)) {
            Some((.., times)) => *times += 1,
            None => kinds.push((result.state, reply, 1)),
        }
    }
    let alone = kinds.len() == 1;
    let told = kinds.iter().take(RESULTS_TOLD).map(|(state, reply, times)| {
        let times = if alone { String::new() } else { format!("{times} ") };
        let colon = if reply.is_empty() { "" } else { ": " };
        format!("{times}{}{colon}{reply}", state.word())
    });
    let mut text = told.collect::<Vec<_>>().join("; ");
    if kinds.len() > RESULTS_TOLD {
        text.push_str("; …");
    }
    text
}

/// Another transport is to try these. When they are all the envelope has, it goes itself and keeps its history.
fn reroute(
    db: &Connection,
    envelope: EnvelopeId,
    recipients: &[RecipientId],
    transport: &str,
) -> Result<(), SpoolError> {
    // Whoever was served meanwhile stays where that is on record.
    const MOVES: &str = "envelope = ?1 AND id IN (SELECT value FROM json_each(?2)) AND state IN (0, 2, 3)";
    let named = json(recipients)?;
    let mut count = db.prepare_cached(&format!(
        "SELECT COUNT(*) FILTER (WHERE {MOVES}), COUNT(*) FROM recipient WHERE envelope = ?1"
    ))?;
    let (moving, all): (i64, i64) = count.query_row(params![envelope, named], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if moving == 0 {
        return Ok(());
    }
    let mut old = db.prepare_cached("SELECT transport, declined FROM envelope WHERE id = ?1")?;
    let (from, declined): (String, String) = old.query_row([envelope], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let declined = json(&also_declined(&declined, from)?)?;
    let target = if moving == all {
        db.prepare_cached(
            "UPDATE envelope SET transport = ?2, declined = ?3, attempts = 0, next_try = NULL WHERE id = ?1",
        )?
        .execute(params![envelope, transport, declined])?;
        envelope
    } else {
        db.prepare_cached(
            "INSERT INTO envelope (message, transport, sender, state, size, queued_at, not_before, declined)
             SELECT message, ?2, sender, ?4, size, queued_at, not_before, ?3 FROM envelope WHERE id = ?1",
        )?
        .execute(params![envelope, transport, declined, QueueState::Queued])?;
        EnvelopeId(db.last_insert_rowid())
    };
    db.prepare_cached(&format!(
        "UPDATE recipient SET envelope = ?3, state = ?4, earlier = NULL, reply = NULL, failure = NULL WHERE {MOVES}"
    ))?
    .execute(params![envelope, named, target, QueueState::Queued])?;
    db.prepare_cached(
        "UPDATE envelope SET state = (SELECT MIN(state) FROM recipient WHERE envelope = ?1) WHERE id = ?1",
    )?
    .execute([envelope])?;
    // Nobody left in flight: then nothing else will close the running attempt. It took no time worth telling.
    db.prepare_cached(
        "UPDATE attempt SET ended = began, result = ?2 WHERE envelope = ?1 AND ended IS NULL AND result = ''
           AND NOT EXISTS (SELECT 1 FROM recipient WHERE envelope = ?1 AND state = ?3)",
    )?
    .execute(params![envelope, format!("passed on to {transport}"), QueueState::InFlight])?;
    Ok(())
}

fn also_declined(list: &str, transport: String) -> Result<Vec<String>, SpoolError> {
    let mut declined: Vec<String> = serde_json::from_str(list).map_err(|error| SpoolError::json("declined", &error))?;
    if !declined.contains(&transport) {
        declined.push(transport);
    }
    Ok(declined)
}

/// Deletes the content of those messages all of whose envelopes were sent or deleted.
pub(super) fn release_content(db: &Connection, messages: &[MessageId]) -> Result<(), SpoolError> {
    let mut wanted =
        db.prepare_cached("SELECT EXISTS (SELECT 1 FROM envelope e WHERE e.message = ?1 AND e.state <> ?2)")?;
    let mut statement = db.prepare_cached("DELETE FROM chunk WHERE message = ?1")?;
    for message in messages {
        if !wanted.query_row(params![message, QueueState::Sent], |row| row.get::<_, bool>(0))? {
            statement.execute([message])?;
        }
    }
    Ok(())
}
