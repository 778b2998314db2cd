//! The vocabulary of the outgoing queue: identifiers, states, outcomes, counts.
//!
//! A *message* is content. An *envelope* is what MAPI submits: one message, one sender, one transport, the recipients
//! that this transport is to serve. A message whose recipients need two transports has two envelopes.

use serde::{Deserialize, Serialize};

use super::Failure;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { self.0.fmt(f) }
        }
    )+};
}

ids! {
    /// Content in the spool. Never used twice.
    MessageId;
    /// An envelope: what `queue list` shows as a row, and what its verbs take. Never used twice.
    EnvelopeId;
    /// One recipient of one envelope. Never used twice.
    RecipientId;
}

/// Where a recipient, or an envelope as a whole, stands.
///
/// An envelope's state is that of its recipient that comes first in this order: what moves before what waits, what
/// needs a hand before what is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueState {
    /// Claimed by a running flush.
    InFlight,
    /// Its last byte went out and no reply is on disk: it may or may not have been delivered.
    InDoubt,
    /// Waits to go out.
    Queued,
    /// Waits for its next try.
    Deferred,
    /// Held by the user.
    Held,
    /// Refused for good; a delivery report was written.
    Failed,
    /// The server took it.
    Sent,
}

impl QueueState {
    /// Every state, in order.
    pub const ALL: [Self; 7] =
        [Self::InFlight, Self::InDoubt, Self::Queued, Self::Deferred, Self::Held, Self::Failed, Self::Sent];

    /// The word in JSON, in filters and in the spool.
    pub const fn word(self) -> &'static str {
        match self {
            Self::InFlight => "in_flight",
            Self::InDoubt => "in_doubt",
            Self::Queued => "queued",
            Self::Deferred => "deferred",
            Self::Held => "held",
            Self::Failed => "failed",
            Self::Sent => "sent",
        }
    }

    /// The state of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

/// What came of one recipient in one attempt (`EndMessage`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The server took responsibility; its final reply in words.
    Sent(String),
    /// Refused for good.
    Failed(Failure),
    /// Try again later (`END_RESEND_LATER`).
    Deferred(Failure),
    /// The line dropped after the last byte: not to be resent in silence.
    InDoubt(Failure),
    /// This transport doesn't take this recipient: offer it to the next one (`MAPI_E_NOT_ME`).
    NotMine,
    /// It was never put at risk (cancelled or cut before the last byte): back to the queue as it was.
    Returned,
}

/// How many envelopes of one transport stand in each state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OutgoingCounts {
    /// Waiting to go out.
    pub queued: u64,
    /// Claimed by a running flush.
    pub in_flight: u64,
    /// May or may not have been delivered.
    pub in_doubt: u64,
    /// Waiting for the next try.
    pub deferred: u64,
    /// Held by the user.
    pub held: u64,
    /// With a refused recipient.
    pub failed: u64,
    /// Content bytes of everything still to go: queued, in flight, deferred and held.
    pub bytes: u64,
    /// When the oldest of these was submitted, in seconds since the Unix epoch.
    pub oldest: Option<i64>,
}
