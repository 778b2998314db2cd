//! The one writer, and what it can do within a transaction.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::model::{
    AllCounts, ClaimedEnvelope, Eligibility, LastRun, QueueVerb, Recovery, Seconds, Selection, SpoolOp,
};
use super::{SpoolError, claim, counts, operations, recovery, schema, verbs};
use crate::mapi::EnvelopeId;
use crate::profile::InDoubtPolicy;

/// Free pages that stay in the file for the mail to come, 32 MiB: to give them back and get them again costs more.
const PAGES_KEPT: u32 = 8192;

/// Pages given back to the file system by one [`Spool::prune`].
const PAGES_PER_PRUNE: u32 = 4096;

/// The spool as its owner sees it: the process that holds the profile's lock.
#[derive(Debug)]
pub struct Spool {
    db: Connection,
    path: std::path::PathBuf,
}

impl Spool {
    /// Opens it; makes one if there is none, and migrates an older one. Changes nothing else.
    ///
    /// # Errors
    /// It can't be read or written, is damaged, or was written by a newer program.
    pub fn open(path: &Path) -> Result<Self, SpoolError> {
        Ok(Self { db: schema::open_writer(path)?, path: path.to_owned() })
    }

    /// Mends what a process left that died: to be called once, under the profile's lock, before the first claim. What
    /// was only claimed is as before the claim; what was in the air is in doubt, or queued if the policy says so;
    /// content whose writer is dead goes.
    ///
    /// # Errors
    /// Nothing was changed.
    pub fn recover(&mut self, now: Seconds, policy: InDoubtPolicy) -> Result<Recovery, SpoolError> {
        let path = self.path.clone();
        let recovered = self.transaction(|spool| recovery::recover(spool.db, &path, now, policy))?;
        recovery::sweep_tokens(&path);
        Ok(recovered)
    }

    /// Does all of `work` in one transaction, synced at its end; or nothing of it, when it gives an error.
    ///
    /// # Errors
    /// What `work` gave, or the transaction could not be begun or committed.
    pub fn transaction<T>(
        &mut self,
        work: impl FnOnce(&mut SpoolTransaction<'_>) -> Result<T, SpoolError>,
    ) -> Result<T, SpoolError> {
        // Begun as a writer: one that becomes it half-way may find that another was faster.
        let transaction = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = work(&mut SpoolTransaction { db: &transaction })?;
        transaction.commit()?;
        Ok(done)
    }

    /// [`SpoolTransaction::apply`] for each, in one transaction.
    ///
    /// # Errors
    /// None of it happened.
    pub fn apply(&mut self, ops: &[SpoolOp]) -> Result<(), SpoolError> {
        self.transaction(|spool| ops.iter().try_for_each(|op| spool.apply(op)))
    }

    /// [`SpoolTransaction::claim`] in a transaction of its own.
    ///
    /// # Errors
    /// Nothing was claimed.
    pub fn claim(
        &mut self,
        transport: &str,
        messages: u32,
        bytes: u64,
        which: &Eligibility,
    ) -> Result<Vec<ClaimedEnvelope>, SpoolError> {
        self.transaction(|spool| spool.claim(transport, messages, bytes, which))
    }

    /// [`SpoolTransaction::change`] in a transaction of its own.
    ///
    /// # Errors
    /// Nothing was changed.
    pub fn change(
        &mut self,
        verb: &QueueVerb,
        selection: &Selection,
        now: Seconds,
    ) -> Result<Vec<EnvelopeId>, SpoolError> {
        self.transaction(|spool| spool.change(verb, selection, now))
    }

    /// The counts of every transport that has envelopes, at a cost that does not depend on how many.
    ///
    /// # Errors
    /// It can't be read.
    pub fn counts(&mut self) -> Result<AllCounts, SpoolError> {
        counts::counts(&self.db)
    }

    /// See [`SpoolTransaction::next_due`].
    ///
    /// # Errors
    /// It can't be read.
    pub fn next_due(&mut self) -> Result<BTreeMap<String, Seconds>, SpoolError> {
        counts::next_due(&self.db)
    }

    /// How the last run of each transport ended that ever had one.
    ///
    /// # Errors
    /// It can't be read.
    pub fn last_runs(&mut self) -> Result<BTreeMap<String, LastRun>, SpoolError> {
        counts::last_runs(&self.db)
    }

    /// What a transport has already received from a mailbox.
    ///
    /// # Errors
    /// It can't be read.
    pub fn known(&mut self, transport: &str, mailbox: &str) -> Result<Vec<String>, SpoolError> {
        counts::known(&self.db, transport, mailbox)
    }

    /// What a transport remembered of a topic ([`SpoolOp::Remember`]), if that is still good now.
    ///
    /// # Errors
    /// It can't be read.
    pub fn recall(&mut self, transport: &str, topic: &str, now: Seconds) -> Result<Option<String>, SpoolError> {
        counts::recall(&self.db, transport, topic, now)
    }

    /// Forgets envelopes that were sent before this time, and gives room back to the disk. A bounded part of it at a
    /// call: to be called again while it gives more than zero.
    ///
    /// # Errors
    /// It can't be written.
    pub fn prune(&mut self, sent_before: Seconds) -> Result<u64, SpoolError> {
        let pruned = self.transaction(|spool| verbs::prune(spool.db, sent_before))?;
        let free: u32 = self.db.pragma_query_value(None, "freelist_count", |row| row.get(0))?;
        let too_many = free.saturating_sub(PAGES_KEPT).min(PAGES_PER_PRUNE);
        if too_many > 0 {
            // Frees one page for each row it gives, so all must be read.
            self.db.pragma(None, "incremental_vacuum", too_many, |_row| Ok(()))?;
        }
        Ok(pruned)
    }

    #[cfg(test)]
    pub(super) const fn db(&self) -> &Connection {
        &self.db
    }
}

/// A transaction on the spool: sees its own changes, and nobody else sees them before it is committed.
#[derive(Debug)]
pub struct SpoolTransaction<'a> {
    db: &'a Connection,
}

impl SpoolTransaction<'_> {
    /// One change. What it says of envelopes that are no longer in flight is passed over: they were settled before.
    ///
    /// # Errors
    /// It can't be written; the transaction should be given up.
    pub fn apply(&mut self, op: &SpoolOp) -> Result<(), SpoolError> {
        operations::apply(self.db, op)
    }

    /// Claims envelopes for a transport: the queued ones, oldest first; then deferred ones, those first due, or, with
    /// back-off lifted, those that waited longest for a try. Never more than `messages`; stops before content exceeds
    /// `bytes`, but not before the first.
    ///
    /// # Errors
    /// It can't be written; the transaction should be given up.
    pub fn claim(
        &mut self,
        transport: &str,
        messages: u32,
        bytes: u64,
        which: &Eligibility,
    ) -> Result<Vec<ClaimedEnvelope>, SpoolError> {
        claim::claim(self.db, transport, (messages, bytes), which)
    }

    /// Does what a user wants with the envelopes selected, as far as their states allow; what is in flight is left
    /// alone. Gives those it changed.
    ///
    /// # Errors
    /// It can't be written; the transaction should be given up.
    pub fn change(
        &mut self,
        verb: &QueueVerb,
        selection: &Selection,
        now: Seconds,
    ) -> Result<Vec<EnvelopeId>, SpoolError> {
        verbs::change(self.db, verb, selection, now)
    }

    /// As [`Spool::counts`].
    ///
    /// # Errors
    /// It can't be read.
    pub fn counts(&mut self) -> Result<AllCounts, SpoolError> {
        counts::counts(self.db)
    }

    /// For each transport with deferred envelopes: the earliest next try of one. May be past.
    ///
    /// # Errors
    /// It can't be read.
    pub fn next_due(&mut self) -> Result<BTreeMap<String, Seconds>, SpoolError> {
        counts::next_due(self.db)
    }
}
