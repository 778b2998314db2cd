//! Tests of the spool as its users see it, each on a database of its own.

mod crash;
mod faults;
mod filters;
mod history;
mod lists;
mod random;
mod rescuing;
mod scale;
mod states;
mod submitting;

use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::mapi::{Class, EnvelopeId, Failure, QueueState, RecipientId, Stage};

/// A time like any other.
const NOW: Seconds = 1_700_000_000;

/// A spool in a folder of its own.
struct Scene {
    _folder: TempDir,
    path: PathBuf,
    spool: Spool,
    reader: Reader,
    run: i64,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("spool.db");
        let spool = Spool::open(&path).expect("a new spool");
        let reader = Reader::open(&path).expect("a reader");
        Self { _folder: folder, path, spool, reader, run: 0 }
    }

    /// Submits one message to `work`.
    fn submit(&self, recipients: &[&str]) -> EnvelopeId {
        submit(&self.path, &message("work", recipients), b"Subject: x\r\n\r\nhello\r\n")[0]
    }

    /// Claims as a new flush would by its schedule.
    fn claim(&mut self, now: Seconds) -> Vec<ClaimedEnvelope> {
        self.run += 1;
        let which = Eligibility { run: self.run, ..eligible(now) };
        self.spool.claim("work", 1000, u64::MAX, &which).expect("a claim")
    }

    fn finish(&mut self, claimed: &ClaimedEnvelope, states: &[QueueState], next_try: Option<Seconds>) {
        let recipients = claimed.recipients.iter().zip(states).map(|((id, _), state)| result(*id, *state)).collect();
        let op = SpoolOp::Finish { envelope: claimed.envelope, recipients, next_try, at: NOW + 5, counts: true };
        self.spool.apply(&[op]).expect("finished");
    }

    fn show(&mut self, envelope: EnvelopeId) -> QueueDetail {
        self.reader.show(envelope).expect("readable").expect("it is there")
    }

    /// The states of an envelope's recipients.
    fn states(&mut self, envelope: EnvelopeId) -> Vec<QueueState> {
        self.show(envelope).recipients.iter().map(|recipient| recipient.state).collect()
    }

    fn change(&mut self, verb: &QueueVerb, envelope: EnvelopeId) -> bool {
        let changed = self.spool.change(verb, &Selection::Ids(vec![envelope]), NOW).expect("changed");
        assert!(changed.is_empty() || changed == [envelope]);
        !changed.is_empty()
    }

    fn number(&self, sql: &str) -> i64 {
        self.spool.db().query_row(sql, (), |row| row.get(0)).expect("a number")
    }
}

/// What a flush by schedule may claim.
fn eligible(now: Seconds) -> Eligibility {
    Eligibility { now, lift_back_off: false, lift_not_before: false, only_deferred: false, run: 1 }
}

fn message(transport: &str, recipients: &[&str]) -> NewMessage {
    NewMessage {
        from: "ann@example.org".to_owned(),
        subject: "Greetings".to_owned(),
        message_id: "1@example.org".to_owned(),
        sender: "bounce@example.org".to_owned(),
        envelopes: vec![(transport.to_owned(), recipients.iter().map(|to| (*to).to_owned()).collect())],
        ..NewMessage::default()
    }
}

fn submit(path: &std::path::Path, message: &NewMessage, content: &[u8]) -> Vec<EnvelopeId> {
    let mut batch = StagingBatch::begin(path).expect("a batch");
    let mut staging = batch.stage().expect("a message");
    staging.write(content).expect("written");
    staging.ready(message.clone(), NOW).expect("ready");
    batch.commit().expect("committed")
}

fn result(recipient: RecipientId, state: QueueState) -> RecipientResult {
    let failure = matches!(state, QueueState::Failed | QueueState::Deferred)
        .then(|| Failure::new(Class::Transient, Stage::Envelope, "mx.example.net:25", "not now"));
    RecipientResult { recipient, state, reply: Some(format!("said {}", state.word())), failure }
}
