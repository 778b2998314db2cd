//! The spool's words: what is written, what is asked, what comes back. Plain data.

use serde::{Deserialize, Serialize};

use crate::mapi::{EnvelopeId, Failure, MessageId, OutgoingCounts, QueueState, RecipientId};

/// Seconds since the Unix epoch.
pub type Seconds = i64;

/// One change to the spool. The spooler gathers those of many inputs and commits them in one transaction
/// ([`super::Spool::apply`]) before anything they allow happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SpoolOp {
    /// The last byte of these is about to go out: after a crash they are in doubt.
    Offer {
        /// Which; all in flight.
        envelopes: Vec<EnvelopeId>,
        /// When.
        at: Seconds,
    },
    /// An attempt is over.
    Finish {
        /// Which; in flight.
        envelope: EnvelopeId,
        /// The new state of each recipient named.
        recipients: Vec<RecipientResult>,
        /// When the deferred ones are tried again; `None` when none is deferred.
        next_try: Option<Seconds>,
        /// When the attempt ended.
        at: Seconds,
        /// `false` when nothing was put at risk: the attempt is not counted and not remembered.
        counts: bool,
    },
    /// These recipients go to another transport (`MAPI_E_NOT_ME`): a new envelope of the same message.
    Reroute {
        /// From here.
        envelope: EnvelopeId,
        /// Whom.
        recipients: Vec<RecipientId>,
        /// To this transport.
        transport: String,
    },
    /// How a transport's last run, or the last check of it, ended.
    LastRun {
        /// Of which transport.
        transport: String,
        /// How.
        last: LastRun,
    },
    /// Records received messages durably.
    Received {
        /// By which transport.
        transport: String,
        /// From which mailbox.
        mailbox: String,
        /// What the server calls them.
        uids: Vec<String>,
        /// When.
        at: Seconds,
    },
    /// What a transport wants to know again, also in another process; takes the place of what it said before.
    Remember {
        /// Which transport.
        transport: String,
        /// Of what.
        topic: String,
        /// JSON; `None`: nothing any more.
        value: Option<String>,
        /// Good until then; `None`: until it says otherwise.
        until: Option<Seconds>,
    },
    /// These are gone from the server.
    Forget {
        /// Of which transport.
        transport: String,
        /// From which mailbox.
        mailbox: String,
        /// Which.
        uids: Vec<String>,
    },
}

/// What is remembered of a transport from one process to the next.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LastRun {
    /// When its last run ended; `None` when it never ran.
    pub at: Option<Seconds>,
    /// What ended that before its time, or was found by a check since.
    pub failure: Option<Failure>,
}

/// The new state of one recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipientResult {
    /// Which.
    pub recipient: RecipientId,
    /// Its state from now on.
    pub state: QueueState,
    /// The last reply or failure, in words, for people.
    pub reply: Option<String>,
    /// The same, typed, when it failed.
    pub failure: Option<Failure>,
}

/// Which envelopes a claim may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Eligibility {
    /// Now.
    pub now: Seconds,
    /// Also those whose next try is later: a person asked, or `FLUSH_FORCE`.
    pub lift_back_off: bool,
    /// Also those whose sender asked for a later time: `FLUSH_FORCE`.
    pub lift_not_before: bool,
    /// Only those that were deferred before: the spooler's own retry.
    pub only_deferred: bool,
    /// Number of the run: an envelope that this run has claimed once is not offered to it again.
    pub run: i64,
}

/// An envelope a claim took, with what is needed to send it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedEnvelope {
    /// Which.
    pub envelope: EnvelopeId,
    /// Its content.
    pub message: MessageId,
    /// Which try this is, from 1.
    pub attempt: u32,
    /// Reverse path; empty for the null sender.
    pub sender: String,
    /// Recipients in state queued or deferred (now in flight), in order.
    pub recipients: Vec<(RecipientId, String)>,
    /// Content bytes.
    pub size: u64,
    /// The content itself when it is not larger than [`INLINE_BYTES`].
    pub inline: Option<Vec<u8>>,
    /// It has bytes over 127.
    pub eight_bit: bool,
    /// It needs SMTPUTF8.
    pub smtputf8: bool,
    /// When it was submitted.
    pub submitted_at: Seconds,
    /// When it was first tried: now, for the first time or since it was submitted anew.
    pub first_tried: Seconds,
    /// Transports that already declined it.
    pub declined: Vec<String>,
}

/// Contents up to this size come with the claim; larger ones are read in chunks while they are sent.
pub const INLINE_BYTES: u64 = 64 << 10;

/// Bytes of one stored chunk of content.
pub const CHUNK_BYTES: usize = 256 << 10;

/// What a new message is, beside its content. See [`super::StagingBatch`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewMessage {
    /// `From:` address, for lists and routing.
    pub from: String,
    /// `Subject:`, decoded.
    pub subject: String,
    /// `Message-ID:` without angle brackets.
    pub message_id: String,
    /// Reverse path; empty for the null sender.
    pub sender: String,
    /// It has bytes over 127.
    pub eight_bit: bool,
    /// It needs SMTPUTF8.
    pub smtputf8: bool,
    /// The sender asked not to send it before this time.
    pub not_before: Option<Seconds>,
    /// One envelope for each: transport and its recipients.
    pub envelopes: Vec<(String, Vec<String>)>,
    /// Which program submitted it, in words, such as "sendmail, from git"; empty: not known.
    pub submitter: String,
    /// It is a delivery report, so no report is ever written about it.
    pub is_report: bool,
}

/// What a list or a verb selects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Selection {
    /// Exactly these.
    Ids(Vec<EnvelopeId>),
    /// Everything the filter matches.
    Where(Filter),
}

/// The words of a FILTER, all of which must hold. Empty: everything that is not sent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Filter {
    /// `state:` one of these.
    pub states: Vec<QueueState>,
    /// `transport:` is one of these.
    pub transports: Vec<String>,
    /// `from:` contains each, without regard to case.
    pub from: Vec<String>,
    /// `to:` some recipient contains each.
    pub to: Vec<String>,
    /// `age>` at least this many seconds, `age<` at most.
    pub age_at_least_s: Option<i64>,
    /// See above.
    pub age_at_most_s: Option<i64>,
    /// `size>` at least this many bytes, `size<` at most.
    pub size_at_least: Option<u64>,
    /// See above.
    pub size_at_most: Option<u64>,
    /// Other words: in sender, recipients or subject, without regard to case.
    pub text: Vec<String>,
}

/// Order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum SortKey {
    /// Submit time: the order in which they go out.
    #[default]
    Submitted,
    /// Size.
    Size,
    /// State, in the order of [`QueueState`].
    State,
    /// Subject.
    Subject,
    /// `From:` address.
    From,
    /// Next try.
    NextTry,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ListQuery {
    /// What to list.
    pub filter: Filter,
    /// In which order.
    pub sort: SortKey,
    /// Backwards.
    pub descending: bool,
    /// Rows to skip.
    pub offset: u64,
    /// Rows at most.
    pub limit: u64,
}

/// A row of `queue list`. Field names are the contract's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueRow {
    /// Its identifier.
    pub id: EnvelopeId,
    /// Its transport.
    pub transport: String,
    /// Its state.
    pub state: QueueState,
    /// `From:` address.
    pub from: String,
    /// Its recipients (in lists the first hundred).
    pub to: Vec<String>,
    /// Subject.
    pub subject: String,
    /// Content bytes.
    pub size: u64,
    /// When it was submitted.
    pub queued_at: Seconds,
    /// Not before this time.
    pub not_before: Option<Seconds>,
    /// Attempts so far.
    pub attempts: u32,
    /// When it is tried next.
    pub next_try: Option<Seconds>,
    /// The last reply or failure, in words.
    pub last_reply: Option<String>,
}

/// A page of rows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Page {
    /// Rows that match in all.
    pub total: u64,
    /// Those of this page.
    pub messages: Vec<QueueRow>,
}

/// Everything about one envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueDetail {
    /// As in the list.
    #[serde(flatten)]
    pub row: QueueRow,
    /// Reverse path.
    pub sender: String,
    /// `Message-ID:`.
    pub message_id: String,
    /// Which program submitted it, in words; empty: not known.
    pub submitter: String,
    /// Every recipient.
    pub recipients: Vec<RecipientDetail>,
    /// Every attempt, oldest first.
    pub history: Vec<Attempt>,
}

/// One recipient of an envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipientDetail {
    /// Its identifier.
    pub id: RecipientId,
    /// Its address.
    pub address: String,
    /// Its state.
    pub state: QueueState,
    /// The last reply or failure, in words.
    pub reply: Option<String>,
    /// The same, typed, when it failed.
    pub failure: Option<Failure>,
}

/// One attempt at an envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Number, from 1.
    pub number: u32,
    /// When it began.
    pub began: Seconds,
    /// When it ended; `None`: running, or the process died in it.
    pub ended: Option<Seconds>,
    /// What came of it, in words.
    pub result: String,
}

/// What a user does to envelopes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QueueVerb {
    /// Keep it from going out. Queued and deferred ones.
    Hold,
    /// Let held ones go out.
    Release,
    /// Try deferred, failed and in-doubt ones again at the next flush, back-off forgotten.
    Retry,
    /// Give to another transport.
    Reroute {
        /// Its name.
        transport: String,
    },
    /// Delete for good. Not what is in flight.
    Delete,
    /// In-doubt ones were delivered after all.
    TreatAsSent,
    /// In-doubt ones go out again at the next flush, at the risk of a second delivery; nothing else does.
    SendAgain,
}

/// What was found and mended when the spool was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recovery {
    /// Claimed only: back in the queue.
    pub returned: u64,
    /// In the air: now in doubt (or back in the queue, if the profile says resend).
    pub in_doubt: u64,
    /// Half-submitted content of dead processes that was swept away.
    pub swept: u64,
}

/// The counts of every transport that has envelopes.
pub type AllCounts = std::collections::BTreeMap<String, OutgoingCounts>;
