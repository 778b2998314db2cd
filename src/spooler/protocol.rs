//! What clients (window, commands, tray) and the spooler say to each other. Plain data, the same over a channel in one
//! process and over the Unix socket between two.
//!
//! Every request gets exactly one reply. Events may be missed (a slow client is told so and reads the rows again);
//! state may not: it is in the rows.

use serde::{Deserialize, Serialize};

use crate::mapi::{EntryId, EnvelopeId, Failure, FlushFlags, MapiResult, Row, ValidateFlags};
use crate::spool::{ListQuery, Page, QueueDetail, QueueVerb, Selection};
use crate::transport::{Question, Severity};

/// Numbers a request of one client; the reply bears the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(pub u64);

/// What a client wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// `IMAPIStatus::FlushQueues` on the object of `object`: the spooler's or a transport's. Reply:
    /// [`Reply::Flushed`] when it is over, or at once under `FLUSH_ASYNC_OK`.
    FlushQueues {
        /// Whose status object.
        object: EntryId,
        /// One transport; on the spooler's object only.
        target: Option<EntryId>,
        /// Directions and manner.
        flags: FlushFlags,
        /// A person asked for it just now: back-off of earlier failures does not hold it up.
        by_hand: bool,
    },
    /// Clears the FLUSH bits: the flush stops at the next message. `None`: of every transport.
    EndFlush {
        /// Which transport.
        transport: Option<EntryId>,
    },
    /// Stops now, in mid-transfer if need be. `None`: everything.
    Cancel {
        /// Which transport.
        transport: Option<EntryId>,
    },
    /// `IMAPIStatus::ValidateState`. Reply: [`Reply::Validated`].
    ValidateState {
        /// Whose status object.
        object: EntryId,
        /// How.
        flags: ValidateFlags,
    },
    /// Nothing is sent or received until it is taken back.
    WorkOffline(bool),
    /// A person answered a question. The secret lives in this command only, and never in a log.
    AnswerQuestion {
        /// `PR_SLUICE_QUESTION`.
        question: u64,
        /// What they said; `None`: not now.
        said: Option<Said>,
    },
    /// A page of the outgoing queue. Reply: [`Reply::Listed`].
    List(ListQuery),
    /// Everything about one envelope. Reply: [`Reply::Shown`].
    Show(EnvelopeId),
    /// A verb on envelopes. Reply: [`Reply::Changed`].
    Queue {
        /// What to do.
        verb: QueueVerb,
        /// To which.
        selection: Selection,
    },
    /// Something was submitted by writing to the spool: count again, and run what is due.
    Submitted,
    /// What the network is like from now on, for the schedule; `None`: nobody knows. A spooler that keeps the schedule
    /// waits for the first such word with what needs a network.
    Network(Option<Network>),
    /// The machine slept and is awake.
    Resumed,
    /// The spooler is to end. Reply when it has.
    Shutdown {
        /// Let running flushes come to their end first (and run `on_exit`); otherwise they are cancelled.
        finish: bool,
    },
}

/// What the network is like.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Network {
    /// There is a way out.
    pub online: bool,
    /// What people call the connection that leads there; empty: there is none, or nobody knows.
    pub name: String,
    /// What goes through it is counted.
    pub metered: bool,
}

/// A secret on its way from a person to a transport. Debug and logs show dots.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlainSecret(pub String);

impl std::fmt::Debug for PlainSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PlainSecret(…)")
    }
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// Done, nothing to tell.
    Done,
    /// A flush is over, or was refused.
    Flushed(FlushReply),
    /// What `ValidateState` found.
    Validated(MapiResult, String),
    /// A page.
    Listed(Page),
    /// One envelope.
    Shown(Option<Box<QueueDetail>>),
    /// Envelopes that a verb changed.
    Changed(Vec<EnvelopeId>),
    /// It could not be done.
    Refused(MapiResult, String),
}

/// What a flush came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlushReply {
    /// The worst of `results`, or why nothing was begun.
    pub result: MapiResult,
    /// One for each transport that took part or was passed over.
    pub results: Vec<TransportResult>,
}

/// What a flush came to for one transport. The field names are those of `flush --json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TransportResult {
    /// Its name.
    pub transport: String,
    /// MAPI's word for it.
    pub result: MapiResult,
    /// What went out.
    pub outgoing: Sent,
    /// What came in.
    pub incoming: Got,
    /// How long it took, in seconds.
    pub elapsed_s: f64,
    /// What ended it before its time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

impl Eq for TransportResult {}

/// Envelopes that one flush worked on, by what came of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sent {
    /// Every recipient was taken.
    pub sent: u64,
    /// Some recipient is to be tried again.
    pub deferred: u64,
    /// Some recipient was refused.
    pub failed: u64,
    /// May or may not have been delivered.
    pub in_doubt: u64,
    /// Content bytes of what was sent.
    pub bytes: u64,
}

/// Messages that one flush received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Got {
    /// Safe on disk.
    pub received: u64,
    /// Could not be received.
    pub failed: u64,
    /// Bytes of what was received.
    pub bytes: u64,
}

/// What happened. Rows are keyed by entry identifier, which is also the instance key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// Here are all rows: the first event of every client, and again after some were missed.
    Reload(Vec<Row>),
    /// A row was added, at the end.
    RowAdded(Row),
    /// A row changed: its cells from now on, all of them.
    RowModified(Row),
    /// A row went.
    RowDeleted(EntryId),
    /// The outgoing queue of this transport changed: lists that show it should be read again.
    QueueChanged(String),
    /// A person must answer; also in the row as `PR_SLUICE_QUESTION`.
    Question {
        /// Number for the answer.
        number: u64,
        /// Which transport waits.
        transport: String,
        /// What.
        question: Question,
    },
    /// Somebody answered it, or it no longer matters.
    QuestionGone(u64),
    /// A flush of one transport ended.
    FlushEnded {
        /// What came of it.
        result: TransportResult,
        /// It was begun under `FLUSH_NO_UI`: nothing of it is to pop up.
        no_ui: bool,
    },
    /// A line of the log.
    Log(LogLine),
    /// The spooler ended.
    Stopped,
}

/// What a person says to a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Said {
    /// The password; or, where a browser that went to sign in could not come back, the address that it came to.
    Secret(PlainSecret),
    /// The certificate is to be trusted, until the program ends.
    Trust,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When, in seconds since the Unix epoch.
    pub at: i64,
    /// How much it matters.
    pub severity: Severity,
    /// Which transport; `None`: the spooler.
    pub transport: Option<String>,
    /// What happened, in English.
    pub text: String,
}
