//! The reading cursor of a [`Session`]: what each reply means for the flight it belongs to.

use super::{Expected, Manner, Session, flight_mut};
use crate::mapi::{Blame, Class, Failure, Outcome, Reply, Stage};
use crate::transport::smtp::classify::{Asked, ends_session, outcome, positive, refusal};
use crate::transport::smtp::flight::{Flight, Step};
use crate::transport::smtp::stuffing::Stuffing;

impl Session {
    /// The next reply.
    ///
    /// # Errors
    /// What ends the session: 421, a refusal that is not about a message, an answer out of turn.
    pub(in crate::transport::smtp) fn reply(&mut self, reply: Reply) -> Result<(), Failure> {
        let Some(expected) = self.expected.front().copied() else {
            self.dismissed |= reply.code == 421;
            let what = if self.dismissed { "" } else { "the server answered without being asked" };
            let class = if self.dismissed { Class::Transient } else { Class::Protocol };
            let failure = Failure::new(class, Stage::Envelope, &*self.at, what).with_reply(reply);
            return Err(if self.dismissed { failure.blaming(Blame::Site) } else { failure });
        };
        self.expected.pop_front();
        if self.dismissed {
            self.answer_dismissed(expected, &reply);
            return Ok(());
        }
        if reply.code == 421 {
            return Err(self.dismiss(reply, expected));
        }
        match expected {
            Expected::Reset if !positive(&reply) => return Err(self.refusal(reply, Asked::Reset)),
            Expected::Reset | Expected::Quit => (),
            Expected::Mail(number) => self.answer_mail(number, reply)?,
            Expected::Rcpt(number, member) => self.answer_rcpt(number, member, reply)?,
            Expected::Data(number) => self.answer_data(number, reply)?,
            Expected::Chunk(number, bytes) => self.answer_chunk(number, bytes, reply)?,
            Expected::Content(number) => self.answer_content(number, reply)?,
            Expected::LoneDot(number) => self.end_round(number),
        }
        self.advance();
        Ok(())
    }

    fn answer_mail(&mut self, number: u64, reply: Reply) -> Result<(), Failure> {
        if positive(&reply) {
            return Ok(());
        }
        let failure = self.refusal(reply, Asked::Mail);
        if let Some(flight) = flight_mut(&mut self.flights, self.first, number) {
            flight.refuse_sender(failure.clone());
        }
        if ends_session(&failure) {
            return Err(failure);
        }
        self.window.close();
        if self.manner == Manner::Steps {
            self.end_round(number);
        }
        Ok(())
    }

    fn answer_rcpt(&mut self, number: u64, member: usize, reply: Reply) -> Result<(), Failure> {
        let Some(flight) = flight_mut(&mut self.flights, self.first, number) else { return Ok(()) };
        flight.answer_rcpt(member, reply, &self.at)?;
        let last = flight.address(member + 1).is_none();
        let nobody = flight.accepted() == 0;
        let not_begun = matches!(flight.step, Step::Rcpt(_) | Step::Body);
        if last && nobody && not_begun {
            self.end_round(number);
        }
        Ok(())
    }

    fn answer_data(&mut self, number: u64, reply: Reply) -> Result<(), Failure> {
        let accepted = self.flight(number).map_or(0, Flight::accepted);
        match (reply.code, accepted) {
            (354, 0) if self.lmtp => {
                let what = "the server wants a content that nobody gets";
                return Err(Failure::new(Class::Protocol, Stage::Content, &*self.at, what).with_reply(reply));
            }
            (354, 0) => {
                self.command(".");
                self.expected.push_back(Expected::LoneDot(number));
                self.unsure = false;
                self.set_step(number, Step::Written);
            }
            (354, _) => {
                self.stuffing = Stuffing::new();
                self.begin_content(number);
                self.expected.push_back(Expected::Content(number));
            }
            (400.., 0) => self.end_round(number),
            _ => {
                let failure = self.refusal(reply, Asked::Data);
                if ends_session(&failure) {
                    return Err(failure);
                }
                self.settle_accepted(number, &outcome(failure));
                self.end_round(number);
            }
        }
        Ok(())
    }

    /// A piece of the content arrived, or was refused: then no more of it is sent, and nobody gets it.
    fn answer_chunk(&mut self, number: u64, bytes: u64, reply: Reply) -> Result<(), Failure> {
        let Some(flight) = flight_mut(&mut self.flights, self.first, number) else { return Ok(()) };
        if positive(&reply) {
            flight.acknowledged += bytes;
            self.acknowledged += bytes;
            return Ok(());
        }
        if flight.refused_early().is_none() {
            let failure = refusal(reply, Asked::Content, &self.at);
            if ends_session(&failure) {
                return Err(failure);
            }
            flight.refuse_early(failure.clone());
            self.window.close();
        }
        let pieces = self.expected.iter().any(
            |expected| matches!(expected, Expected::Chunk(other, _) | Expected::Content(other) if *other == number),
        );
        if let Some(flight) = flight_mut(&mut self.flights, self.first, number)
            && matches!(flight.step, Step::Content(_))
        {
            flight.step = Step::Written;
        }
        if !pieces {
            self.refuse_content(number);
        }
        Ok(())
    }

    /// The last of the replies to a content that was refused before its end.
    fn refuse_content(&mut self, number: u64) {
        let Some(flight) = flight_mut(&mut self.flights, self.first, number) else { return };
        if let Some(failure) = flight.refused_early().cloned() {
            flight.answer_all(&outcome(failure));
        }
        self.end_round(number);
    }

    fn answer_content(&mut self, number: u64, reply: Reply) -> Result<(), Failure> {
        let Some(flight) = flight_mut(&mut self.flights, self.first, number) else { return Ok(()) };
        if flight.refused_early().is_some() {
            self.refuse_content(number);
            return Ok(());
        }
        // The rest of it can't be kept back now, nor can it be sent to a server that has stopped listening.
        let early = (!flight.committed).then(|| {
            let what = "the server answered before it had the whole content";
            Failure::new(Class::Transient, Stage::Content, &*self.at, what).with_reply(reply.clone())
        });
        let taken = positive(&reply) && flight.committed;
        let nobody = flight.accepted() == 0;
        let result = if taken {
            Outcome::Sent(reply.to_string())
        } else {
            let says_no = reply.code >= 400;
            let failure = refusal(reply, Asked::Content, &self.at);
            if !nobody && ends_session(&failure) {
                // A no leaves no doubt. What is neither yes nor no says nothing about the content.
                flight.committed &= !says_no;
                return Err(failure);
            }
            outcome(failure)
        };
        self.carried += 1;
        let mut more = false;
        if self.lmtp {
            more = flight.answer_next(result.clone());
        } else if taken || !nobody {
            flight.answer_all(&result);
        }
        match &result {
            Outcome::Sent(_) => self.window.open(),
            _ => self.window.close(),
        }
        if more {
            self.expected.push_front(Expected::Content(number));
        } else {
            self.end_round(number);
            // Everything written was answered, and the last of it with yes: no transaction can be open.
            self.unsure &= !(taken && self.expected.is_empty());
        }
        early.map_or(Ok(()), Err)
    }

    /// The server says that it closes the line. If that is its answer to a content, that message is to wait: else it
    /// would be the first again, and could hold up all others for ever.
    fn dismiss(&mut self, reply: Reply, expected: Expected) -> Failure {
        self.dismissed = true;
        let failure = self.refusal(reply, expected.asked());
        let waits = Outcome::Deferred(failure.clone());
        match expected {
            Expected::Content(number) => self.answer_last(number, &waits),
            Expected::Chunk(number, _) => {
                self.settle_accepted(number, &waits);
                self.turn_away(number);
            }
            Expected::Mail(number) => self.turn_away(number),
            _ => {}
        }
        failure
    }

    /// A server that said 421 should do nothing more (RFC 5321 section 3.8). One that stays (Exim does) goes on to answer what
    /// it was sent before it knew: its refusals say nothing about the messages, which go back. But what it says it has
    /// taken it has taken.
    fn answer_dismissed(&mut self, expected: Expected, reply: &Reply) {
        match expected {
            Expected::Rcpt(number, member) if positive(reply) => {
                if let Some(flight) = flight_mut(&mut self.flights, self.first, number) {
                    // It says yes, which is no failure.
                    flight.answer_rcpt(member, reply.clone(), &self.at).ok();
                }
            }
            Expected::Mail(number) | Expected::Chunk(number, _) if !positive(reply) => self.turn_away(number),
            Expected::Content(number) => {
                let committed = self.flight(number).is_some_and(|flight| flight.committed);
                let taken = positive(reply) && committed;
                self.answer_last(number, &if taken { Outcome::Sent(reply.to_string()) } else { Outcome::Returned });
            }
            _ => {}
        }
    }

    /// What the server says to a content after it said 421, or by that: with it the flight is over, and no other round
    /// begins.
    fn answer_last(&mut self, number: u64, outcome: &Outcome) {
        let Some(flight) = flight_mut(&mut self.flights, self.first, number) else { return };
        if self.lmtp {
            if flight.answer_next(outcome.clone()) {
                self.expected.push_front(Expected::Content(number));
                return;
            }
        } else {
            flight.answer_all(outcome);
        }
        self.turn_away(number);
    }

    /// Nobody else gets this one in this session, and there is no doubt about that.
    fn turn_away(&mut self, number: u64) {
        if let Some(flight) = flight_mut(&mut self.flights, self.first, number) {
            flight.turn_away();
        }
    }

    fn settle_accepted(&mut self, number: u64, outcome: &Outcome) {
        if let Some(flight) = flight_mut(&mut self.flights, self.first, number) {
            flight.answer_all(outcome);
        }
    }

    /// The transaction of the oldest flight is over: so is the flight, unless recipients are left for another round.
    fn end_round(&mut self, number: u64) {
        debug_assert_eq!(number, self.first, "replies come in order, so flights end in order");
        let Some(mut flight) = self.flights.pop_front() else { return };
        self.first += 1;
        self.writing = self.writing.max(self.first);
        flight.close_round();
        self.enqueue(flight);
    }
}
