//! What users do to envelopes, each verb only from the states where it makes sense. What is in flight is never touched.

use rusqlite::params;

use super::SpoolError;
use super::list;
use super::model::{QueueVerb, Seconds, Selection};
use super::sql::state_list;
use super::writer::SpoolTransaction;
use crate::mapi::{EnvelopeId, QueueState};

use QueueState::{Deferred, Failed, Held, InDoubt, Queued, Sent};

impl QueueVerb {
    /// The states of envelopes it acts on.
    const fn from_states(&self) -> &'static [QueueState] {
        match self {
            Self::Hold => &[Queued, Deferred],
            Self::Release => &[Held],
            Self::Retry => &[InDoubt, Queued, Deferred, Failed],
            Self::Reroute { .. } => &[Queued, Deferred, Held, Failed],
            Self::Delete => &[InDoubt, Queued, Deferred, Held, Failed, Sent],
            Self::TreatAsSent => &[InDoubt],
        }
    }
}

impl SpoolTransaction<'_> {
    /// Does a verb. Gives the envelopes that changed, in order.
    ///
    /// # Errors
    /// The spool can't be written.
    pub fn change(
        &mut self,
        verb: &QueueVerb,
        selection: &Selection,
        now: Seconds,
    ) -> Result<Vec<EnvelopeId>, SpoolError> {
        let mut changed = Vec::new();
        for envelope in list::selected(&self.db, selection, now)? {
            if self.is_in(envelope, verb.from_states())? {
                self.change_one(verb, envelope, now)?;
                changed.push(envelope);
            }
        }
        Ok(changed)
    }

    fn is_in(&self, envelope: EnvelopeId, states: &[QueueState]) -> Result<bool, SpoolError> {
        let sql = format!("SELECT 1 FROM envelope WHERE id = ?1 AND state IN ({})", state_list(states));
        Ok(self.db.prepare_cached(&sql)?.exists([envelope])?)
    }

    fn change_one(&self, verb: &QueueVerb, envelope: EnvelopeId, now: Seconds) -> Result<(), SpoolError> {
        match verb {
            QueueVerb::Hold => self.recipients(envelope, &[Queued, Deferred], Held)?,
            QueueVerb::Release => {
                self.recipients(envelope, &[Held], Queued)?;
                self.forget_back_off(envelope)?;
            }
            QueueVerb::Retry => {
                self.recipients(envelope, &[InDoubt, Deferred, Failed], Queued)?;
                self.forget_back_off(envelope)?;
            }
            QueueVerb::Reroute { transport } => {
                self.recipients(envelope, &[Deferred, Failed], Queued)?;
                self.forget_back_off(envelope)?;
                let sql = "UPDATE envelope SET transport = ?2, declined = '[]' WHERE id = ?1";
                self.db.prepare_cached(sql)?.execute(params![envelope, transport])?;
            }
            QueueVerb::Delete => return self.remove(envelope),
            QueueVerb::TreatAsSent => {
                self.recipients(envelope, &[InDoubt], Sent)?;
                let sql =
                    "UPDATE envelope SET last_reply = 'treated as sent by the user', last_attempt = ?2 WHERE id = ?1";
                self.db.prepare_cached(sql)?.execute(params![envelope, now])?;
            }
        }
        self.settle(envelope)
    }

    fn recipients(&self, envelope: EnvelopeId, from: &[QueueState], to: QueueState) -> Result<(), SpoolError> {
        let sql = format!("UPDATE recipient SET state = ?2 WHERE envelope = ?1 AND state IN ({})", state_list(from));
        self.db.prepare_cached(&sql)?.execute(params![envelope, to])?;
        Ok(())
    }

    /// It goes out at the next flush, and its back-off begins anew.
    fn forget_back_off(&self, envelope: EnvelopeId) -> Result<(), SpoolError> {
        let sql = "UPDATE envelope SET next_try = NULL, attempts = 0, run = 0 WHERE id = ?1";
        self.db.prepare_cached(sql)?.execute([envelope])?;
        Ok(())
    }
}
