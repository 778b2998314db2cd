//! The mail transactions of one connection, without I/O: envelopes and replies go in, bytes and outcomes come out.
//!
//! Two cursors walk over one list of flights, as Postfix's client has it: what is to be *written* next, and which reply
//! is *expected* next. How far the first may run ahead of the second is the server's [`Manner`]; everything else is the
//! same for all three. Replies are matched in order, so a refusal hits exactly the recipient or message it is about.
//!
//! The rule of truth: a flight is *committed* the moment its last byte has been taken by the socket ([`Session::wrote`]),
//! never earlier and never later, and only committed flights can be in doubt. The last byte of a flight that is not
//! *marked* on disk yet is held back ([`Session::output`]).

mod answer;
#[cfg(test)]
mod tests;
mod write;

use std::collections::{BTreeSet, VecDeque};

use bytes::{Buf as _, BytesMut};

use super::capabilities::{Capabilities, Features};
use super::classify::{Asked, refusal};
use super::flight::{Ended, Flight, MARK_BEFORE, Step};
use super::stuffing::Stuffing;
use super::window::Window;
use crate::mapi::{Class, EnvelopeId, Failure, Outcome, Reply, Stage};
use crate::net::Transcript;
use crate::transport::Content;

/// Recipients in one transaction, unless the server says otherwise: every server takes as many (RFC 5321 4.5.3.1.8).
const MOST_RECIPIENTS: usize = 100;

/// A content larger than this many bytes waits until somebody is known to get it, and goes in chunks where there are
/// any: what the server says to each is how far it has come.
const ASK_FIRST_BYTES: u64 = 1 << 20;

/// How far writing may run ahead of the replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// One command, one reply.
    Steps,
    /// PIPELINING: MAIL, RCPT… and DATA go in one flight; the next such flight rides behind the final dot (RFC 2920).
    Flights,
    /// PIPELINING and CHUNKING: message after message, as the window allows (RFC 3030).
    Stream,
}

impl Manner {
    /// The fastest the server can. LMTP doesn't stream: with nobody accepted, nothing says how many replies BDAT gets;
    /// and its server is near.
    pub(super) fn of(capabilities: &Capabilities, lmtp: bool) -> Self {
        if !capabilities.has(Features::PIPELINING) {
            Self::Steps
        } else if capabilities.has(Features::CHUNKING) && !lmtp {
            Self::Stream
        } else {
            Self::Flights
        }
    }
}

/// A reply that is due, in the order of the commands. The number is the flight's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Reset,
    Mail(u64),
    Rcpt(u64, usize),
    Data(u64),
    /// To a piece of the content before the last: this many bytes.
    Chunk(u64, u64),
    /// To the content.
    Content(u64),
    /// To a dot without content, since nobody was accepted and the server wanted the content nevertheless.
    LoneDot(u64),
    Quit,
}

impl Expected {
    const fn asked(self) -> Asked {
        match self {
            Self::Reset => Asked::Reset,
            Self::Mail(_) => Asked::Mail,
            Self::Rcpt(..) => Asked::Rcpt,
            Self::Data(_) => Asked::Data,
            Self::Chunk(..) | Self::Content(_) | Self::LoneDot(_) => Asked::Content,
            Self::Quit => Asked::Quit,
        }
    }
}

/// See the module's description.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact about the server that stands for itself")]
#[derive(Debug)]
pub(super) struct Session {
    at: String,
    capabilities: Capabilities,
    lmtp: bool,
    manner: Manner,
    window: Window,
    transcript: Transcript,
    /// In the order in which they were submitted; all that are not through.
    flights: VecDeque<Flight>,
    /// The number of the first of them.
    first: u64,
    /// The number of the flight that is being written.
    writing: u64,
    expected: VecDeque<Expected>,
    out: BytesMut,
    /// Bytes that ever came out.
    written: u64,
    /// Where the last bytes of flights are, counted like `written`.
    last_bytes: VecDeque<(u64, u64)>,
    /// Content bytes the server has acknowledged since the driver asked.
    acknowledged: u64,
    stuffing: Stuffing,
    /// A transaction may be half open at the server where writing stands.
    unsure: bool,
    /// Transactions taken on so far, and those that ended with the server's answer to a content.
    rounds: u64,
    carried: u64,
    /// Domains of recipients so far, where the server limits them.
    domains: BTreeSet<String>,
    /// Envelopes with recipients whom only another session can serve; and that there was one.
    put_off: Vec<Flight>,
    is_full: bool,
    /// The server said 421: it closes the line and does nothing more.
    dismissed: bool,
    ended: Vec<Ended>,
}

impl Session {
    /// A session that is ready for MAIL, with the server at `transcript`'s other end.
    pub(super) fn new(
        capabilities: Capabilities,
        lmtp: bool,
        manner: Manner,
        at: &str,
        transcript: Transcript,
    ) -> Self {
        let window = match manner {
            Manner::Steps => Window::fixed(1),
            Manner::Flights => Window::fixed(2),
            Manner::Stream => Window::opening(),
        };
        Self {
            at: at.to_owned(),
            capabilities,
            lmtp,
            manner,
            window,
            transcript,
            flights: VecDeque::new(),
            first: 0,
            writing: 0,
            expected: VecDeque::new(),
            out: BytesMut::new(),
            written: 0,
            last_bytes: VecDeque::new(),
            acknowledged: 0,
            stuffing: Stuffing::new(),
            unsure: false,
            rounds: 0,
            carried: 0,
            domains: BTreeSet::new(),
            put_off: Vec::new(),
            is_full: false,
            dismissed: false,
            ended: Vec::new(),
        }
    }

    // What the driver asks.

    /// Messages that may be submitted now.
    pub(super) fn room(&self) -> usize {
        let bytes = self.flights.iter().map(|flight| flight.job.content.size()).sum();
        let open = self.window.room(self.flights.len(), bytes);
        let most = self.capabilities.most_messages.unwrap_or(u64::MAX);
        let left = if self.is_exhausted() { 0 } else { most.saturating_sub(self.rounds) };
        open.min(usize::try_from(left).unwrap_or(usize::MAX))
    }

    /// What is in the air keeps it busy for so long that others should have what it would send next.
    pub(super) fn is_laden(&self) -> bool {
        self.flights.iter().any(|flight| flight.job.content.size() > ASK_FIRST_BYTES && flight.step != Step::Written)
    }

    /// It has carried as many messages as the server takes in one session, or there is one that it can't carry
    /// (RFC 9422).
    pub(super) fn is_exhausted(&self) -> bool {
        self.is_full || self.capabilities.most_messages.is_some_and(|most| self.rounds >= most)
    }

    /// Messages the server took before it said 421, if it said so: it may not want more in one session.
    pub(super) const fn lesson(&self) -> Option<u64> {
        if self.dismissed && self.carried > 0 { Some(self.carried) } else { None }
    }

    /// Nothing is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.flights.is_empty() && self.expected.is_empty() && self.out.is_empty()
    }

    /// What waits to be written, and may be: up to the first last byte that is not marked yet.
    pub(super) fn output(&self) -> &[u8] {
        let unmarked = |number: u64| self.flight(number).is_some_and(|flight| !flight.marked);
        let held = self.last_bytes.iter().find(|(_, number)| unmarked(*number));
        let end = held.and_then(|(end, _)| usize::try_from(end - 1 - self.written).ok());
        self.out.get(..end.unwrap_or(self.out.len())).unwrap_or_default()
    }

    /// The envelope that is to be marked now: the end of its content comes near.
    pub(super) fn due_mark(&mut self) -> Option<EnvelopeId> {
        let flight = flight_mut(&mut self.flights, self.first, self.writing)?;
        let near = matches!(flight.step, Step::Content(bytes) if flight.job.content.size() - bytes <= MARK_BEFORE);
        let due = near && !flight.marked && !std::mem::replace(&mut flight.mark_asked, true);
        due.then_some(flight.job.envelope)
    }

    /// It is on disk that the last byte of this envelope is about to go out.
    pub(super) fn mark(&mut self, envelope: EnvelopeId) {
        for flight in self.flights.iter_mut().filter(|flight| flight.job.envelope == envelope) {
            flight.marked = true;
        }
    }

    /// Where the next reply belongs, if one is due.
    pub(super) fn awaited(&self) -> Option<Stage> {
        self.expected.front().map(|expected| expected.asked().stage())
    }

    /// A flight is committed and its final reply is due.
    pub(super) fn has_committed(&self) -> bool {
        self.flights.iter().any(|flight| flight.committed)
    }

    /// The transcript.
    pub(super) fn transcript(&mut self) -> &mut Transcript {
        &mut self.transcript
    }

    /// Content bytes of unfinished messages that the server has acknowledged since the last call.
    pub(super) fn take_acknowledged(&mut self) -> u64 {
        std::mem::take(&mut self.acknowledged)
    }

    /// Envelopes that are through since the last call.
    pub(super) fn take_ended(&mut self) -> Vec<Ended> {
        std::mem::take(&mut self.ended)
    }

    // What the driver does.

    /// Takes an envelope on. What can't be sent to this server ends at once.
    pub(super) fn submit(&mut self, envelope: impl Into<Flight>) {
        let mut flight = envelope.into();
        if let Some(failure) = self.unfit(&flight.job) {
            flight.settle_rest(&Outcome::Failed(failure));
        }
        self.enqueue(flight);
        self.advance();
    }

    /// Envelopes that are for another session.
    pub(super) fn take_put_off(&mut self) -> Vec<Flight> {
        std::mem::take(&mut self.put_off)
    }

    /// The content to write now, to be given to [`Self::push_content`] and [`Self::end_content`], and the number of its
    /// flight. When that changes, the rest of the one before is not wanted any more.
    pub(super) fn due_content(&self) -> Option<(u64, &Content)> {
        let flight = self.flight(self.writing)?;
        matches!(flight.step, Step::Content(_)).then_some((self.writing, &flight.job.content))
    }

    /// The next piece of the content that is due. Gives whether the server has all of it with that: it may answer as soon
    /// as the piece is written, so [`Self::end_content`] must come before the next reply.
    ///
    /// # Errors
    /// There is more of it than its size says: the promise made to the server can't be kept.
    pub(super) fn push_content(&mut self, chunk: &[u8]) -> Result<bool, Failure> {
        let (number, stream) = (self.writing, self.manner == Manner::Stream);
        let Some(flight) = flight_mut(&mut self.flights, self.first, number) else { return Ok(false) };
        let Step::Content(before) = flight.step else { return Ok(false) };
        let (after, size) = (before + chunk.len() as u64, flight.job.content.size());
        flight.step = Step::Content(after);
        if !stream {
            self.stuffing.push(chunk, &mut self.out);
            return Ok(false);
        }
        if after > size {
            return Err(self.wrong_size());
        }
        if size > ASK_FIRST_BYTES {
            self.chunk_command(number, chunk.len() as u64, after == size);
        }
        self.out.extend_from_slice(chunk);
        if after == size {
            self.mark_last_byte();
        }
        Ok(after == size)
    }

    /// There is no more of the content that is due.
    ///
    /// # Errors
    /// There is less of it than its size says.
    pub(super) fn end_content(&mut self) -> Result<(), Failure> {
        let stream = self.manner == Manner::Stream;
        let Some(flight) = flight_mut(&mut self.flights, self.first, self.writing) else { return Ok(()) };
        let Step::Content(bytes) = flight.step else { return Ok(()) };
        flight.step = Step::Written;
        if stream {
            if bytes != flight.job.content.size() {
                return Err(self.wrong_size());
            }
        } else {
            self.stuffing.finish(&mut self.out);
            self.mark_last_byte();
            // The end of the data clears the server's buffers, whatever it answers (RFC 5321 section 4.1.1.4).
            self.unsure = false;
        }
        self.transcript.hidden("content", bytes);
        self.advance();
        Ok(())
    }

    /// The message whose content is due can't be read: it is deferred. The session can't go on.
    pub(super) fn spoil_content(&mut self, failure: &Failure) {
        if let Some(flight) = flight_mut(&mut self.flights, self.first, self.writing) {
            flight.settle_rest(&Outcome::Deferred(failure.clone()));
        }
    }

    /// The socket took this many bytes of the output.
    pub(super) fn wrote(&mut self, bytes: usize) {
        self.out.advance(bytes.min(self.out.len()));
        self.written += bytes as u64;
        while let Some((_, number)) = self.last_bytes.pop_front_if(|(end, _)| *end <= self.written) {
            if let Some(flight) = flight_mut(&mut self.flights, self.first, number) {
                flight.committed = true;
            }
        }
    }

    /// Says goodbye.
    pub(super) fn quit(&mut self) {
        self.command("QUIT");
        self.expected.push_back(Expected::Quit);
    }

    /// The session is over, for this reason; `closed` says that the server closed the line itself. Gives what came of
    /// every envelope that was under way.
    ///
    /// A server that says 421 does nothing more (RFC 5321 section 3.8): once it has closed the line after it, nothing
    /// is in doubt. A message in the middle of whose content the line was lost is to wait: it may be what breaks the
    /// line, and would be in the way of all others at every flush.
    pub(super) fn end(mut self, reason: &Failure, closed: bool) -> Vec<Ended> {
        let said = reason.reply.as_ref().map(ToString::to_string);
        let what = said.filter(|_| reason.what.is_empty()).unwrap_or_else(|| reason.what.clone());
        let what = format!("the line was lost before the server's answer: {what}");
        let doubt = Failure::new(Class::InDoubt, Stage::Reply, &*self.at, what);
        let doubt = (!(self.dismissed && closed)).then_some(Outcome::InDoubt(doubt));
        let lost = (reason.class == Class::Transient).then(|| Outcome::Deferred(reason.clone()));
        let written = self.written;
        let mut ended = std::mem::take(&mut self.ended);
        ended.extend(self.flights.drain(..).map(|flight| {
            let begun = flight.content_from.is_some_and(|from| from < written);
            let outcome = match (flight.committed, begun) {
                (true, _) => doubt.as_ref(),
                (false, true) => lost.as_ref(),
                (false, false) => None,
            };
            flight.cut(outcome)
        }));
        ended
    }

    // Common to writing and reading.

    fn refusal(&self, reply: Reply, asked: Asked) -> Failure {
        refusal(reply, asked, &self.at)
    }

    fn wrong_size(&self) -> Failure {
        Failure::new(Class::Local, Stage::Store, &*self.at, "the content in the spool is not as long as it should be")
    }

    /// The content of this flight comes next.
    fn begin_content(&mut self, number: u64) {
        let from = self.written + self.out.len() as u64;
        if let Some(flight) = flight_mut(&mut self.flights, self.first, number) {
            flight.content_from = Some(from);
            flight.step = Step::Content(0);
        }
    }

    fn set_step(&mut self, number: u64, step: Step) {
        if let Some(flight) = flight_mut(&mut self.flights, self.first, number) {
            flight.step = step;
        }
    }

    fn flight(&self, number: u64) -> Option<&Flight> {
        self.flights.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }
}

fn flight_mut(flights: &mut VecDeque<Flight>, first: u64, number: u64) -> Option<&mut Flight> {
    flights.get_mut(usize::try_from(number.checked_sub(first)?).ok()?)
}
