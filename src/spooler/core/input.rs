//! What goes into the core and what comes out of it.

use std::time::Duration;

use crate::mapi::{EnvelopeId, FlushFlags, RecipientId};
use crate::spool::{AllCounts, Eligibility, QueueVerb, Seconds, Selection, SpoolOp};
use crate::spooler::protocol::{Command, Event, Reply};
use crate::transport::{Answer, Report, Severity, Ticket};

/// The time, as an input: the core has no clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Now {
    /// Seconds since the Unix epoch: for everything that is kept or shown.
    pub wall: Seconds,
    /// Since the spooler began, and never backwards: for rates and pauses.
    pub mono: Duration,
}

/// Numbers the requests that wait for a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestKey(pub u64);

/// One thing that happened.
#[derive(Debug)]
pub enum Input {
    /// The transports are logged on.
    Started,
    /// A client wants something. Lists and shows never come here: the reader answers them.
    Request(RequestKey, Command),
    /// A transport reports.
    Report(Report),
    /// The time that [`super::Core::deadline`] named has come, or passed.
    Tick,
    /// A claim was committed: these are in flight now.
    Claimed {
        /// By which transport.
        transport: String,
        /// Which.
        envelopes: Vec<InFlight>,
    },
    /// A verb was committed.
    Changed {
        /// For which request.
        request: RequestKey,
        /// What it changed.
        envelopes: Vec<EnvelopeId>,
    },
    /// What the spool holds after a commit.
    Counted {
        /// By transport.
        counts: AllCounts,
        /// When the next deferred envelope of each transport is due.
        next_due: std::collections::BTreeMap<String, Seconds>,
    },
}

/// What the core keeps of an envelope while it is in flight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InFlight {
    /// Which.
    pub envelope: EnvelopeId,
    /// Which try, from 1.
    pub attempt: u32,
    /// Content bytes.
    pub size: u64,
    /// When it was first tried.
    pub first_tried: Seconds,
    /// Reverse path.
    pub sender: String,
    /// Its recipients of this attempt.
    pub recipients: Vec<(RecipientId, String)>,
    /// Transports that declined it before.
    pub declined: Vec<String>,
    /// Its last byte may have gone out.
    pub offered: bool,
}

/// One thing to do. Those of many inputs are done together: first the spool's, in one transaction, then the others in
/// order. If the transaction fails, whoever waits for something on disk is answered with the failure.
#[derive(Debug)]
pub enum Effect {
    /// Change the spool.
    Write(SpoolOp),
    /// Claim envelopes; they go to the transport as the ticket's answer, and back here as [`Input::Claimed`].
    Claim {
        /// For which transport.
        transport: String,
        /// Under which ticket it waits.
        ticket: Ticket,
        /// How many at most.
        messages: u32,
        /// How many bytes at most.
        bytes: u64,
        /// Which.
        which: Eligibility,
    },
    /// A user's verb; comes back as [`Input::Changed`].
    Change {
        /// For which request.
        request: RequestKey,
        /// What.
        verb: QueueVerb,
        /// To which.
        selection: Selection,
    },
    /// Tell a waiting transport that what it asked for is on disk.
    Confirm(Ticket),
    /// Tell a waiting transport what was already received.
    Known {
        /// Which transport.
        transport: String,
        /// Under which ticket it waits.
        ticket: Ticket,
        /// From which mailbox.
        mailbox: String,
    },
    /// Tell a waiting transport what it remembered.
    Recall {
        /// Which transport.
        transport: String,
        /// Under which ticket it waits.
        ticket: Ticket,
        /// Of what.
        topic: String,
        /// What is good at this time.
        now: Seconds,
    },
    /// Answer a waiting transport.
    Answer(Ticket, Answer),
    /// Start a transport's flush.
    Start {
        /// Which transport.
        transport: String,
        /// Directions and manner.
        flags: FlushFlags,
    },
    /// Start a transport's `ValidateState`.
    Validate {
        /// Which transport.
        transport: String,
        /// The ticket its report will bear.
        ticket: Ticket,
        /// A person may be asked.
        interactive: bool,
    },
    /// Watch for new mail between flushes, or no longer.
    Watch(bool),
    /// Clear a transport's FLUSH bits.
    EndFlush(String),
    /// Cancel what a transport does.
    Cancel(String),
    /// Write the delivery report of an envelope with refused recipients.
    DeliveryReport {
        /// Which.
        envelope: EnvelopeId,
        /// Its transport.
        transport: String,
        /// Whom it is about.
        recipients: Vec<RecipientId>,
    },
    /// Answer a client.
    Reply(RequestKey, Reply),
    /// Tell every client.
    Emit(Event),
    /// A line for the log.
    Log(Severity, Option<String>, String),
    /// The spooler ends.
    Stop,
}
