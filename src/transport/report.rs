//! What transports and the spooler tell each other: plain data in both directions.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::Content;
use crate::mapi::{Certificate, Class, Direction, EnvelopeId, Failure, Outcome, RecipientId, Stage};

/// Identifies something a transport waits for. The answer comes back under the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ticket(pub u64);

/// One envelope to send. Claimed: nobody else has it.
#[derive(Debug, Clone)]
pub struct Job {
    /// Which envelope.
    pub envelope: EnvelopeId,
    /// Which try this is, from 1.
    pub attempt: u32,
    /// Reverse path, without angle brackets; empty for the null sender.
    pub sender: String,
    /// Whom this transport is to serve and has not served yet.
    pub recipients: Vec<JobRecipient>,
    /// The content, with CRLF line ends throughout and nothing else changed.
    pub content: Content,
    /// It has bytes over 127.
    pub eight_bit: bool,
    /// Its addresses or headers need SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
    /// When it was submitted, in seconds since the Unix epoch.
    pub submitted_at: i64,
}

/// One recipient of a [`Job`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRecipient {
    /// Which recipient.
    pub id: RecipientId,
    /// Forward path, without angle brackets.
    pub address: String,
}

/// A message that is now safe on disk here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedItem {
    /// What the server calls it: a UID in decimal, a UIDL, a file name.
    pub uid: String,
    /// Its size in bytes.
    pub bytes: u64,
}

/// How far the running phase is. Counts what was acknowledged, not what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Bytes since the last report.
    pub bytes: u64,
}

/// How much a log line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// What happens.
    Info,
    /// What should be looked at some time.
    Warning,
    /// What keeps mail from going.
    Error,
}

/// What only a person can answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Question {
    /// The password of a user at a host.
    Password {
        /// Who signs in.
        user: String,
        /// Where.
        host: String,
        /// The last one was refused; the server's words.
        refused: Option<String>,
    },
    /// Whether to trust a server's certificate after all.
    Certificate(Box<Certificate>),
    /// To sign in with a provider.
    Consent(Box<Consent>),
}

/// A person is to sign in with a provider of tokens, in a browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// Who signs in.
    pub user: String,
    /// The mail server that wants a token.
    pub host: String,
    /// Who gives it.
    pub provider: String,
    /// Where the browser is to go.
    pub address: String,
    /// What is to be typed there, if anything; else the browser comes back to this machine.
    pub code: Option<String>,
    /// What went wrong with the last one, in English; nothing: there was none.
    pub why: Option<String>,
}

impl Question {
    /// The host that waits.
    pub fn host(&self) -> &str {
        match self {
            Self::Password { host, .. } => host,
            Self::Certificate(certificate) => &certificate.host,
            Self::Consent(consent) => &consent.host,
        }
    }

    /// What nobody was willing to answer, as a failure.
    pub fn unanswered(&self) -> Failure {
        let (stage, what) = match self {
            Self::Password { .. } => (Stage::Login, "no password was given"),
            Self::Certificate(_) => (Stage::Tls, "its certificate was not trusted"),
            Self::Consent(_) => (Stage::Login, "nobody signed in with the provider"),
        };
        Failure::new(Class::NeedsPerson, stage, self.host(), what)
    }
}

/// What comes back under a ticket.
#[derive(Debug)]
pub enum Answer {
    /// Messages to send; none: the queue is drained, or the flush is to stop.
    Jobs(Vec<Job>),
    /// It is on disk.
    Done,
    /// The UIDs already received from a mailbox.
    Known(Vec<String>),
    /// What the transport remembered, in JSON; `None`: nothing, or nothing any more.
    Recalled(Option<String>),
    /// The password the person entered, or the address that the browser came to. A certificate they trust is
    /// [`Self::Done`].
    Secret(SecretString),
    /// Nobody answered, or it could not be done.
    Refused(Failure),
}

/// Something a transport tells the spooler.
#[derive(Debug)]
pub struct Report {
    /// Which transport.
    pub transport: std::sync::Arc<str>,
    /// What.
    pub kind: ReportKind,
}

/// See [`Report`].
#[derive(Debug)]
pub enum ReportKind {
    /// It has come to this point (part of `ModifyStatusRow`).
    Stage(Stage),
    /// It begins to drain this direction: the FLUSH bit is set.
    PhaseBegan(Direction),
    /// It has drained this direction, or failed: the FLUSH bit is cleared.
    PhaseEnded(Direction, Result<(), Failure>),
    /// It can carry this many more messages. Answer: [`Answer::Jobs`].
    Want {
        /// Where the answer goes.
        ticket: Ticket,
        /// How many at most.
        messages: u32,
        /// How many content bytes at most, but always at least one message.
        bytes: u64,
    },
    /// The last byte of these is about to be handed to the socket. Answer: [`Answer::Done`], once that is on disk.
    Offering {
        /// Where the answer goes.
        ticket: Ticket,
        /// Which envelopes.
        envelopes: Vec<EnvelopeId>,
        /// Nothing else can go out meanwhile.
        hurry: bool,
    },
    /// One envelope is through, for all its recipients (`EndMessage`).
    EndMessage {
        /// Which envelope.
        envelope: EnvelopeId,
        /// What came of each recipient.
        outcomes: Vec<(RecipientId, Outcome)>,
    },
    /// Progress between reports; at most ten a second.
    Progress(Progress),
    /// This many messages wait on the server, not received here yet.
    Listed {
        /// How many.
        messages: u64,
        /// Their bytes.
        bytes: u64,
    },
    /// This many messages wait on the server, seen between flushes.
    Waiting {
        /// How many.
        messages: u64,
        /// Their bytes.
        bytes: u64,
    },
    /// What was already received from this mailbox? Answer: [`Answer::Known`].
    Known {
        /// Where the answer goes.
        ticket: Ticket,
        /// Server and mailbox, with UIDVALIDITY where there is one.
        mailbox: String,
    },
    /// These are on disk. Answer: [`Answer::Done`], once that is recorded durably.
    Received {
        /// Where the answer goes.
        ticket: Ticket,
        /// As for `Known`.
        mailbox: String,
        /// Which.
        items: Vec<ReceivedItem>,
    },
    /// These are gone from the server: the record of them can go too.
    Forget {
        /// As for `Known`.
        mailbox: String,
        /// Which.
        uids: Vec<String>,
    },
    /// To be known again, also in another process; takes the place of what was said of it before.
    Remember {
        /// Of what.
        topic: String,
        /// JSON; `None`: nothing any more.
        value: Option<String>,
        /// For how long it is good, in seconds; `None`: until the transport says otherwise.
        good_for_s: Option<i64>,
    },
    /// What is remembered of this? Answer: [`Answer::Recalled`].
    Recall {
        /// Where the answer goes.
        ticket: Ticket,
        /// Of what.
        topic: String,
    },
    /// A message could not be received; the others go on.
    ReceiveFailed(Failure),
    /// A person must answer. Answer: [`Answer::Secret`] or [`Answer::Refused`].
    Question {
        /// Where the answer goes.
        ticket: Ticket,
        /// What.
        question: Question,
    },
    /// Nobody needs to answer any more.
    Withdrawn(Ticket),
    /// A line for the log.
    Log(Severity, String),
    /// The whole flush is over and every resource released.
    Finished(Result<(), Failure>),
    /// `ValidateState` is over.
    Validated(Ticket, Result<String, Failure>),
}
