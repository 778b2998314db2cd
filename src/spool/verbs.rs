//! What users do to envelopes, and the pruning of history. Each is a handful of statements, for one envelope as for a
//! hundred thousand.

use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};

use super::SpoolError;
use super::model::{QueueVerb, Seconds, Selection};
use super::operations::release_content;
use super::select::{Conditions, FROM};
use super::sql::{json, state_list};
use crate::mapi::{EnvelopeId, MessageId, QueueState};

/// Sent envelopes forgotten by one call.
const PRUNED_AT_ONCE: u32 = 1000;

const TREATED_AS_SENT: &str = "treated as sent by hand";

/// What a verb does to recipients and to the envelope they belong to.
struct Change {
    /// Recipients in one of these states make an envelope eligible.
    wants: &'static [QueueState],
    /// Of those, the ones in these states …
    from: &'static [QueueState],
    /// … get this one.
    to: QueueState,
    /// What else changes in the envelope: assignments.
    envelope: &'static str,
}

use QueueState::{Deferred, Failed, Held, InDoubt, Queued, Sent};

impl Change {
    /// `None`: the envelope goes.
    const fn of(verb: &QueueVerb) -> Option<Self> {
        Some(match verb {
            QueueVerb::Hold => {
                let from = &[Queued, Deferred];
                Self { wants: from, from, to: Held, envelope: "next_try = NULL," }
            }
            QueueVerb::Release => Self { wants: &[Held], from: &[Held], to: Queued, envelope: "next_try = NULL," },
            QueueVerb::Retry => {
                let from = &[Deferred, Failed, InDoubt];
                Self { wants: from, from, to: Queued, envelope: "next_try = NULL, attempts = 0," }
            }
            // Held ones stay held: giving them to another transport is not letting them go.
            QueueVerb::Reroute { .. } => Self {
                wants: &[Queued, Deferred, Held, Failed],
                from: &[Deferred, Failed],
                to: Queued,
                envelope: "next_try = NULL, attempts = 0, declined = '[]', transport = ?2,",
            },
            QueueVerb::SendAgain => {
                let from = &[InDoubt];
                Self { wants: from, from, to: Queued, envelope: "next_try = NULL, attempts = 0," }
            }
            QueueVerb::TreatAsSent => {
                Self { wants: &[InDoubt], from: &[InDoubt], to: Sent, envelope: "last_attempt = ?2, last_reply = ?3," }
            }
            QueueVerb::Delete => return None,
        })
    }
}

/// See [`super::SpoolTransaction::change`].
pub(super) fn change(
    db: &Connection,
    verb: &QueueVerb,
    selection: &Selection,
    now: Seconds,
) -> Result<Vec<EnvelopeId>, SpoolError> {
    let chosen = chosen(db, verb, selection, now)?;
    match Change::of(verb) {
        _ if chosen.is_empty() => {}
        None => delete(db, &chosen)?,
        Some(change) => {
            let ids = json(&chosen)?;
            move_recipients(db, &ids, &change, verb)?;
            move_envelopes(db, &ids, &change, verb, now)?;
            if change.to == Sent {
                release_content(db, &messages_of(db, &ids)?)?;
            }
        }
    }
    Ok(chosen)
}

/// The envelopes of a selection that a verb can change.
fn chosen(
    db: &Connection,
    verb: &QueueVerb,
    selection: &Selection,
    now: Seconds,
) -> Result<Vec<EnvelopeId>, SpoolError> {
    let mut conditions = Conditions::of_selection(selection, now)?;
    conditions.term(format!("e.state <> {}", QueueState::InFlight as i64));
    if let Some(change) = Change::of(verb) {
        let wants = state_list(change.wants);
        conditions.term(format!("EXISTS (SELECT 1 FROM recipient r WHERE r.envelope = e.id AND r.state IN ({wants}))"));
    }
    if let QueueVerb::Reroute { transport } = verb {
        // One in doubt is decided first: its recipients can't be with two transports.
        conditions.term(format!("e.state <> {}", InDoubt as i64));
        let place = conditions.bind(Value::Text(transport.clone()));
        conditions.term(format!("e.transport <> {place}"));
    }
    let mut statement = db.prepare(&format!("SELECT e.id FROM {FROM} WHERE {} ORDER BY e.id", conditions.sql()))?;
    let ids = statement.query_map(params_from_iter(conditions.values()), |row| row.get(0))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

fn move_recipients(db: &Connection, ids: &str, change: &Change, verb: &QueueVerb) -> Result<(), SpoolError> {
    let reply = matches!(verb, QueueVerb::TreatAsSent).then_some(TREATED_AS_SENT);
    let sql = format!(
        "UPDATE recipient SET state = ?2, failure = NULL, reply = COALESCE(?3, reply)
         WHERE envelope IN (SELECT value FROM json_each(?1)) AND state IN ({})",
        state_list(change.from)
    );
    db.prepare_cached(&sql)?.execute(params![ids, change.to, reply])?;
    Ok(())
}

fn move_envelopes(
    db: &Connection,
    ids: &str,
    change: &Change,
    verb: &QueueVerb,
    now: Seconds,
) -> Result<(), SpoolError> {
    let mut values = vec![Value::Text(ids.to_owned())];
    match verb {
        QueueVerb::Reroute { transport } => values.push(Value::Text(transport.clone())),
        QueueVerb::TreatAsSent => values.extend([Value::Integer(now), Value::Text(TREATED_AS_SENT.to_owned())]),
        QueueVerb::Hold | QueueVerb::Release | QueueVerb::Retry | QueueVerb::SendAgain | QueueVerb::Delete => {}
    }
    let sql = format!(
        "UPDATE envelope SET {} state = (SELECT MIN(r.state) FROM recipient r WHERE r.envelope = envelope.id)
         WHERE id IN (SELECT value FROM json_each(?1))",
        change.envelope
    );
    db.prepare_cached(&sql)?.execute(params_from_iter(values))?;
    Ok(())
}

fn messages_of(db: &Connection, ids: &str) -> Result<Vec<MessageId>, SpoolError> {
    let mut statement =
        db.prepare_cached("SELECT DISTINCT message FROM envelope WHERE id IN (SELECT value FROM json_each(?1))")?;
    let messages = statement.query_map([ids], |row| row.get(0))?;
    Ok(messages.collect::<Result<_, _>>()?)
}

/// Deletes envelopes, with what only they needed.
fn delete(db: &Connection, envelopes: &[EnvelopeId]) -> Result<(), SpoolError> {
    let ids = json(envelopes)?;
    let messages = messages_of(db, &ids)?;
    db.prepare_cached("DELETE FROM envelope WHERE id IN (SELECT value FROM json_each(?1))")?.execute([&ids])?;
    release_content(db, &messages)?;
    db.prepare_cached(
        "DELETE FROM message WHERE id IN (SELECT value FROM json_each(?1))
           AND NOT EXISTS (SELECT 1 FROM envelope e WHERE e.message = message.id)",
    )?
    .execute([json(&messages)?])?;
    Ok(())
}

/// See [`super::Spool::prune`].
pub(super) fn prune(db: &Connection, sent_before: Seconds) -> Result<u64, SpoolError> {
    // Nothing is sent before it was queued: so the index by age finds the candidates.
    let mut statement = db.prepare_cached(
        "SELECT e.id FROM count c CROSS JOIN envelope e INDEXED BY envelope_age
           ON e.transport = c.transport AND e.state = c.state
         WHERE c.state = ?1 AND e.queued_at < ?2 AND e.last_attempt < ?2 LIMIT ?3",
    )?;
    let sent = statement
        .query_map(params![Sent, sent_before, PRUNED_AT_ONCE], |row| row.get(0))?
        .collect::<Result<Vec<EnvelopeId>, _>>()?;
    if !sent.is_empty() {
        delete(db, &sent)?;
    }
    Ok(sent.len() as u64)
}
