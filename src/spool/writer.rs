//! The writing end: one transaction for the work of many messages.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::model::{
    AllCounts, ClaimedEnvelope, Eligibility, INLINE_BYTES, RecipientResult, Recovery, Seconds, SpoolOp,
};
use super::sql::{json, unsigned};
use super::{SpoolError, schema};
use crate::mapi::{EnvelopeId, MessageId, OutgoingCounts, QueueState, RecipientId};
use crate::profile::InDoubtPolicy;

/// The spool, as its one owner has it.
#[derive(Debug)]
pub struct Spool {
    db: Connection,
}

/// Work that is committed together.
#[derive(Debug)]
pub struct SpoolTransaction<'s> {
    pub(super) db: Transaction<'s>,
}

impl Spool {
    /// Opens the spool, makes it if there is none, migrates an older one. Does not recover.
    ///
    /// # Errors
    /// It can't be opened, or is of a newer version.
    pub fn open(path: &Path) -> Result<Self, SpoolError> {
        Ok(Self { db: schema::open_writer(path)? })
    }

    /// Mends what a process that died left behind. Call it under the profile's lock.
    ///
    /// # Errors
    /// The spool can't be written.
    pub fn recover(&mut self, now: Seconds, policy: InDoubtPolicy) -> Result<Recovery, SpoolError> {
        self.transaction(|spool| spool.recover(now, policy))
    }

    /// Does work in one transaction: all of it is durable when this returns, or none has happened.
    ///
    /// # Errors
    /// Those of the work, and of the commit.
    pub fn transaction<T>(
        &mut self,
        work: impl FnOnce(&mut SpoolTransaction<'_>) -> Result<T, SpoolError>,
    ) -> Result<T, SpoolError> {
        let db = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut transaction = SpoolTransaction { db };
        let done = work(&mut transaction)?;
        transaction.db.commit()?;
        Ok(done)
    }

    /// What was already received from a mailbox.
    ///
    /// # Errors
    /// The spool can't be read.
    pub fn known(&mut self, transport: &str, mailbox: &str) -> Result<Vec<String>, SpoolError> {
        let mut statement = self.db.prepare_cached("SELECT uid FROM received WHERE transport = ?1 AND mailbox = ?2")?;
        let uids = statement.query_map([transport, mailbox], |row| row.get(0))?;
        Ok(uids.collect::<Result<_, _>>()?)
    }
}

impl SpoolTransaction<'_> {
    /// Makes one change.
    ///
    /// # Errors
    /// The spool can't be written.
    pub fn apply(&mut self, op: &SpoolOp) -> Result<(), SpoolError> {
        match op {
            SpoolOp::Offer { envelopes, at } => {
                let sql = "UPDATE envelope SET offered_at = ?2 WHERE id = ?1 AND state = 0";
                let mut statement = self.db.prepare_cached(sql)?;
                for envelope in envelopes {
                    statement.execute(params![envelope, at])?;
                }
            }
            SpoolOp::Finish { envelope, recipients, next_try, at, counts } => {
                self.finish(*envelope, recipients, *next_try, *at, *counts)?;
            }
            SpoolOp::Reroute { envelope, recipients, transport } => self.reroute(*envelope, recipients, transport)?,
            SpoolOp::Received { transport, mailbox, uids, at } => {
                let sql = "INSERT OR IGNORE INTO received (transport, mailbox, uid, at) VALUES (?1, ?2, ?3, ?4)";
                let mut statement = self.db.prepare_cached(sql)?;
                for uid in uids {
                    statement.execute(params![transport, mailbox, uid, at])?;
                }
            }
            SpoolOp::Forget { transport, mailbox, uids } => {
                let sql = "DELETE FROM received WHERE transport = ?1 AND mailbox = ?2 AND uid = ?3";
                let mut statement = self.db.prepare_cached(sql)?;
                for uid in uids {
                    statement.execute(params![transport, mailbox, uid])?;
                }
            }
        }
        Ok(())
    }

    /// Claims envelopes for a transport, the oldest first: they are in flight, with one attempt more.
    ///
    /// # Errors
    /// The spool can't be written.
    pub fn claim(
        &mut self,
        transport: &str,
        messages: u32,
        bytes: u64,
        which: &Eligibility,
    ) -> Result<Vec<ClaimedEnvelope>, SpoolError> {
        let always = i64::MAX;
        let queued_until = if which.only_deferred {
            -1
        } else if which.lift_not_before {
            always
        } else {
            which.now
        };
        let deferred_until = if which.lift_back_off { always } else { which.now };
        let mut found = self.due(transport, QueueState::Queued, queued_until, which.run, messages)?;
        found.extend(self.due(transport, QueueState::Deferred, deferred_until, which.run, messages)?);
        found.sort_unstable();
        let mut claimed = Vec::new();
        let mut taken = 0_u64;
        for (_, id, size) in found.into_iter().take(usize::try_from(messages).unwrap_or(usize::MAX)) {
            if !claimed.is_empty() && taken + unsigned(size) > bytes {
                break;
            }
            taken += unsigned(size);
            claimed.push(self.take(EnvelopeId(id), which)?);
        }
        Ok(claimed)
    }

    /// Envelopes in one state that may go out by now, with their submit time: the oldest ones.
    fn due(
        &self,
        transport: &str,
        state: QueueState,
        until: Seconds,
        run: i64,
        limit: u32,
    ) -> Result<Vec<(Seconds, i64, i64)>, SpoolError> {
        let sql = "SELECT queued_at, id, size FROM envelope INDEXED BY envelope_age
                   WHERE transport = ?1 AND state = ?2 AND due <= ?3 AND run <> ?4
                   ORDER BY queued_at, id LIMIT ?5";
        let mut statement = self.db.prepare_cached(sql)?;
        let rows = statement.query_map(params![transport, state, until, run, limit], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn take(&self, envelope: EnvelopeId, which: &Eligibility) -> Result<ClaimedEnvelope, SpoolError> {
        self.db
            .prepare_cached("UPDATE recipient SET earlier = state, state = 0 WHERE envelope = ?1 AND state IN (2, 3)")?
            .execute([envelope])?;
        self.db
            .prepare_cached(
                "UPDATE envelope SET state = 0, attempts = attempts + 1, offered_at = NULL, last_attempt = ?2, run = ?3
                 WHERE id = ?1",
            )?
            .execute(params![envelope, which.now, which.run])?;
        self.db
            .prepare_cached(
                "INSERT INTO attempt (envelope, number, began, result)
                 SELECT id, (SELECT COALESCE(MAX(number), 0) + 1 FROM attempt WHERE envelope = ?1), ?2, ''
                 FROM envelope WHERE id = ?1",
            )?
            .execute(params![envelope, which.now])?;
        let recipients = self
            .db
            .prepare_cached("SELECT id, address FROM recipient WHERE envelope = ?1 AND state = 0 ORDER BY id")?
            .query_map([envelope], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<Vec<(RecipientId, String)>, _>>()?;
        let mut claimed = self
            .db
            .prepare_cached(
                "SELECT e.message, e.attempts, e.sender, e.size, m.eight_bit, m.smtputf8, e.queued_at, e.declined
             FROM envelope e JOIN message m ON m.id = e.message WHERE e.id = ?1",
            )?
            .query_row([envelope], |row| {
                Ok(ClaimedEnvelope {
                    envelope,
                    message: row.get(0)?,
                    attempt: row.get(1)?,
                    sender: row.get(2)?,
                    recipients,
                    size: unsigned(row.get(3)?),
                    inline: None,
                    eight_bit: row.get(4)?,
                    smtputf8: row.get(5)?,
                    submitted_at: row.get(6)?,
                    declined: serde_json::from_str(&row.get::<_, String>(7)?).unwrap_or_default(),
                })
            })?;
        if claimed.size <= INLINE_BYTES {
            claimed.inline = Some(self.content(claimed.message)?);
        }
        Ok(claimed)
    }

    fn content(&self, message: MessageId) -> Result<Vec<u8>, SpoolError> {
        let mut statement = self.db.prepare_cached("SELECT bytes FROM chunk WHERE message = ?1 ORDER BY number")?;
        let mut all = Vec::new();
        for bytes in statement.query_map([message], |row| row.get::<_, Vec<u8>>(0))? {
            all.extend_from_slice(&bytes?);
        }
        Ok(all)
    }

    fn finish(
        &self,
        envelope: EnvelopeId,
        recipients: &[RecipientResult],
        next_try: Option<Seconds>,
        at: Seconds,
        counts: bool,
    ) -> Result<(), SpoolError> {
        for result in recipients {
            let failure = result.failure.as_ref().map(json).transpose()?;
            // What comes back untouched is what it was before the claim.
            let sql = if counts {
                "UPDATE recipient SET state = ?3, reply = COALESCE(?4, reply), failure = ?5, earlier = NULL
                 WHERE id = ?1 AND envelope = ?2 AND state = 0"
            } else {
                "UPDATE recipient SET state = COALESCE(earlier, ?3), earlier = NULL
                 WHERE id = ?1 AND envelope = ?2 AND state = 0 AND ?4 IS ?4 AND ?5 IS ?5"
            };
            self.db.prepare_cached(sql)?.execute(params![
                result.recipient,
                envelope,
                result.state,
                result.reply,
                failure
            ])?;
        }
        if counts {
            let words = recipients.iter().find_map(|result| result.reply.as_deref());
            self.close_attempt(envelope, at, words.unwrap_or("not tried"))?;
            let sql = "UPDATE envelope SET next_try = ?2, last_reply = COALESCE(?3, last_reply), offered_at = NULL
                       WHERE id = ?1";
            let worst = recipients.iter().min_by_key(|result| result.state).and_then(|result| result.reply.as_deref());
            self.db.prepare_cached(sql)?.execute(params![envelope, next_try, worst])?;
        } else {
            self.undo_attempt(envelope)?;
        }
        self.settle(envelope)
    }

    fn close_attempt(&self, envelope: EnvelopeId, at: Seconds, words: &str) -> Result<(), SpoolError> {
        let sql = "UPDATE attempt SET ended = ?2, result = ?3 WHERE envelope = ?1 AND ended IS NULL";
        self.db.prepare_cached(sql)?.execute(params![envelope, at, words])?;
        Ok(())
    }

    fn undo_attempt(&self, envelope: EnvelopeId) -> Result<(), SpoolError> {
        let sql = "UPDATE envelope SET attempts = MAX(attempts - 1, 0), offered_at = NULL WHERE id = ?1";
        self.db.prepare_cached(sql)?.execute([envelope])?;
        self.db.prepare_cached("DELETE FROM attempt WHERE envelope = ?1 AND ended IS NULL")?.execute([envelope])?;
        Ok(())
    }

    /// Gives an envelope the state of its recipients, and lets its content go when nobody needs it any more.
    pub(super) fn settle(&self, envelope: EnvelopeId) -> Result<(), SpoolError> {
        let state: Option<QueueState> = self
            .db
            .prepare_cached("SELECT MIN(state) FROM recipient WHERE envelope = ?1")?
            .query_row([envelope], |row| row.get(0))
            .optional()?
            .flatten();
        let Some(state) = state else {
            return self.remove(envelope);
        };
        self.db.prepare_cached("UPDATE envelope SET state = ?2 WHERE id = ?1")?.execute(params![envelope, state])?;
        if state == QueueState::Sent {
            self.drop_content_if_done(envelope)?;
        }
        Ok(())
    }

    fn drop_content_if_done(&self, envelope: EnvelopeId) -> Result<(), SpoolError> {
        let sql = "DELETE FROM chunk WHERE message = (SELECT message FROM envelope WHERE id = ?1) AND NOT EXISTS
                   (SELECT 1 FROM envelope e WHERE e.message = chunk.message AND e.state <> 6)";
        self.db.prepare_cached(sql)?.execute([envelope])?;
        Ok(())
    }

    /// Deletes an envelope, and its message when it was the last.
    pub(super) fn remove(&self, envelope: EnvelopeId) -> Result<(), SpoolError> {
        let sql = "SELECT message FROM envelope WHERE id = ?1";
        let message: Option<MessageId> =
            self.db.prepare_cached(sql)?.query_row([envelope], |row| row.get(0)).optional()?;
        let Some(message) = message else { return Ok(()) };
        self.db.prepare_cached("DELETE FROM envelope WHERE id = ?1")?.execute([envelope])?;
        let sql = "DELETE FROM message WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM envelope WHERE message = ?1)";
        self.db.prepare_cached(sql)?.execute([message])?;
        Ok(())
    }

    /// Recipients that a transport declined go to another one: a new envelope of the same message.
    fn reroute(&self, envelope: EnvelopeId, recipients: &[RecipientId], to: &str) -> Result<(), SpoolError> {
        let (from, declined): (String, String) = self
            .db
            .prepare_cached("SELECT transport, declined FROM envelope WHERE id = ?1")?
            .query_row([envelope], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut declined: Vec<String> = serde_json::from_str(&declined).unwrap_or_default();
        declined.push(from);
        self.db
            .prepare_cached(
                "INSERT INTO envelope (message, transport, sender, state, size, queued_at, not_before, declined)
                 SELECT message, ?2, sender, 2, size, queued_at, not_before, ?3 FROM envelope WHERE id = ?1",
            )?
            .execute(params![envelope, to, json(&declined)?])?;
        let new = self.db.last_insert_rowid();
        let sql = "UPDATE recipient SET envelope = ?2, state = 2, earlier = NULL WHERE id = ?1";
        let mut statement = self.db.prepare_cached(sql)?;
        for recipient in recipients {
            statement.execute(params![recipient, new])?;
        }
        Ok(())
    }

    /// How many envelopes of each transport stand where. Costs the same at ten as at a million.
    ///
    /// # Errors
    /// The spool can't be read.
    pub fn counts(&mut self) -> Result<AllCounts, SpoolError> {
        counts(&self.db)
    }

    /// When the next deferred envelope of each transport is due.
    ///
    /// # Errors
    /// The spool can't be read.
    pub fn next_due(&mut self) -> Result<std::collections::BTreeMap<String, Seconds>, SpoolError> {
        let sql = "SELECT transport, (SELECT MIN(due) FROM envelope e INDEXED BY envelope_due
                   WHERE e.transport = count.transport AND e.state = 3 AND e.due IS NOT NULL) FROM count WHERE state = 3 AND n > 0";
        let mut statement = self.db.prepare_cached(sql)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?)))?;
        let mut due = std::collections::BTreeMap::new();
        for row in rows {
            if let (transport, Some(at)) = row? {
                due.insert(transport, at);
            }
        }
        Ok(due)
    }

    fn recover(&self, now: Seconds, policy: InDoubtPolicy) -> Result<Recovery, SpoolError> {
        let sql = "SELECT id, offered_at IS NOT NULL FROM envelope WHERE state = 0";
        let in_flight = self
            .db
            .prepare(sql)?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<Vec<(EnvelopeId, bool)>, _>>()?;
        let mut recovery = Recovery { swept: self.sweep()?, ..Recovery::default() };
        for (envelope, offered) in in_flight {
            if offered {
                let state = if policy == InDoubtPolicy::Resend { QueueState::Queued } else { QueueState::InDoubt };
                let words = "the program ended between the last byte and the server's reply";
                let sql =
                    "UPDATE recipient SET state = ?2, reply = ?3, earlier = NULL WHERE envelope = ?1 AND state = 0";
                self.db.execute(sql, params![envelope, state, words])?;
                self.close_attempt(envelope, now, words)?;
                let sql = "UPDATE envelope SET offered_at = NULL, last_reply = ?2 WHERE id = ?1";
                self.db.execute(sql, params![envelope, words])?;
                recovery.in_doubt += 1;
            } else {
                let sql = "UPDATE recipient SET state = COALESCE(earlier, 2), earlier = NULL
                           WHERE envelope = ?1 AND state = 0";
                self.db.execute(sql, [envelope])?;
                // The attempt stays counted: what makes the program die again and again comes to an end.
                self.close_attempt(envelope, now, "the program ended before anything was sent")?;
                recovery.returned += 1;
            }
            self.settle(envelope)?;
        }
        Ok(recovery)
    }
}

/// See [`SpoolTransaction::counts`].
pub(super) fn counts(db: &Connection) -> Result<AllCounts, SpoolError> {
    let mut all = AllCounts::new();
    let mut statement = db.prepare_cached("SELECT transport, state, n, bytes FROM count WHERE n > 0")?;
    let rows = statement.query_map([], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, QueueState>(1)?, unsigned(row.get(2)?), unsigned(row.get(3)?)))
    })?;
    for row in rows {
        let (transport, state, n, bytes) = row?;
        let oldest = if state <= QueueState::Held && state != QueueState::InDoubt {
            oldest(db, &transport, state)?
        } else {
            None
        };
        add(all.entry(transport).or_default(), state, n, bytes, oldest);
    }
    Ok(all)
}

fn add(counts: &mut OutgoingCounts, state: QueueState, n: u64, bytes: u64, oldest: Option<Seconds>) {
    let slot = match state {
        QueueState::Queued => &mut counts.queued,
        QueueState::InFlight => &mut counts.in_flight,
        QueueState::InDoubt => &mut counts.in_doubt,
        QueueState::Deferred => &mut counts.deferred,
        QueueState::Held => &mut counts.held,
        QueueState::Failed => &mut counts.failed,
        QueueState::Sent => return,
    };
    *slot = n;
    if !matches!(state, QueueState::InDoubt | QueueState::Failed) {
        counts.bytes += bytes;
    }
    counts.oldest = [counts.oldest, oldest].into_iter().flatten().min();
}

fn oldest(db: &Connection, transport: &str, state: QueueState) -> Result<Option<Seconds>, SpoolError> {
    let sql = "SELECT MIN(queued_at) FROM envelope INDEXED BY envelope_age WHERE transport = ?1 AND state = ?2";
    Ok(db.prepare_cached(sql)?.query_row(params![transport, state], |row| row.get(0))?)
}
