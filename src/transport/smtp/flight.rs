//! One envelope on its way through a session: which of its recipients are settled, and how.
//!
//! A *round* is one mail transaction. Usually an envelope takes one; when the server takes only so many recipients at a
//! time, the rest go in further rounds. Nothing here knows the order of commands: that is [`super::session`].

use super::classify::{Asked, ends_session, outcome, positive, refusal};
use crate::mapi::{Blame, Class, Failure, Outcome, RecipientId, Reply, Stage};
use crate::transport::Job;

/// Content bytes left to write when the mark of a larger one is asked for: so early that writing needn't wait for it.
pub(super) const MARK_BEFORE: u64 = 512 << 10;

/// What the server said to one RCPT.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    /// Nothing yet.
    Unanswered,
    /// Yes.
    Accepted,
    /// No.
    Refused(Failure),
    /// Not in this transaction: it has as many as the server takes.
    TooMany,
}

/// What is to be written next for a flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// RSET, unless the server is known to be ready.
    Begin,
    /// MAIL.
    Mail,
    /// RCPT for this member of the round.
    Rcpt(usize),
    /// DATA or BDAT.
    Body,
    /// Nothing until DATA is answered.
    AwaitGo,
    /// The content, of which this many bytes were handed over.
    Content(u64),
    /// Nothing more.
    Written,
}

/// Whether there is a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begun {
    /// There is.
    Yes,
    /// Nobody is left.
    AllAreSettled,
    /// Somebody is left whom this session does not admit.
    NotHere,
}

/// One envelope on its way.
#[derive(Debug)]
pub(super) struct Flight {
    /// What is being sent.
    pub(super) job: Job,
    /// What is to be written next.
    pub(super) step: Step,
    /// The last byte of this round was handed to the socket: without a reply it is in doubt.
    pub(super) committed: bool,
    /// It is on disk that the last byte is about to go out: not before that may it.
    pub(super) marked: bool,
    /// That was asked for.
    pub(super) mark_asked: bool,
    /// Where in the output its content begins.
    pub(super) content_from: Option<u64>,
    /// Content bytes the server has acknowledged before the last.
    pub(super) acknowledged: u64,
    /// The server refused a piece of the content before the last.
    refused_early: Option<Failure>,
    /// Settled recipients, in the job's order.
    outcomes: Vec<Option<Outcome>>,
    /// The members of this round, by their index in the job.
    round: Vec<(usize, Verdict)>,
    sender_refused: Option<Failure>,
    /// Final replies that came in this round (LMTP: one for each accepted recipient).
    answers: usize,
}

/// An envelope that is through.
#[derive(Debug, Clone)]
pub(super) struct Ended {
    /// What was sent.
    pub(super) job: Job,
    /// What came of each recipient.
    pub(super) outcomes: Vec<(RecipientId, Outcome)>,
    /// Content bytes whose acknowledgement was told before.
    told: u64,
}

impl Ended {
    /// Content bytes the server took, as far as they were not told before.
    pub(super) fn acknowledged(&self) -> u64 {
        let taken = self.outcomes.iter().any(|(_, outcome)| matches!(outcome, Outcome::Sent(_)));
        if taken { self.job.content.size().saturating_sub(self.told) } else { 0 }
    }

    /// Nothing came of it for anybody.
    pub(super) fn is_untouched(&self) -> bool {
        self.outcomes.iter().all(|(_, outcome)| *outcome == Outcome::Returned)
    }

    /// Some recipient is settled, and not because the line was lost.
    pub(super) fn is_answered(&self) -> bool {
        self.outcomes.iter().any(|(_, outcome)| match outcome {
            Outcome::Returned | Outcome::InDoubt(_) => false,
            Outcome::Deferred(failure) => failure.reply.is_some() || failure.class == Class::Local,
            _ => true,
        })
    }
}

impl From<Job> for Flight {
    /// Ready for its first round. Recipients whose address can't be written in a command are settled already.
    fn from(job: Job) -> Self {
        let what = "not an address that can be sent to";
        let unsendable = Failure::new(Class::Permanent, Stage::Envelope, "envelope", what).blaming(Blame::Recipient);
        let settle = |address: &str| (!is_sendable(address)).then(|| Outcome::Failed(unsendable.clone()));
        Self {
            marked: !is_marked_late(&job),
            outcomes: job.recipients.iter().map(|to| settle(&to.address)).collect(),
            job,
            step: Step::Begin,
            committed: false,
            mark_asked: false,
            content_from: None,
            acknowledged: 0,
            refused_early: None,
            round: Vec::new(),
            sender_refused: None,
            answers: 0,
        }
    }
}

impl Flight {
    /// Begins a round with up to `most` recipients that are not settled and that this session admits.
    pub(super) fn begin_round(&mut self, most: usize, mut admits: impl FnMut(&str) -> bool) -> Begun {
        let settled = self.job.recipients.iter().zip(&self.outcomes).enumerate();
        let open: Vec<_> = settled.filter(|(_, (_, outcome))| outcome.is_none()).collect();
        let admitted = open.iter().filter(|(_, (to, _))| admits(&to.address)).take(most);
        self.round = admitted.map(|(index, _)| (*index, Verdict::Unanswered)).collect();
        let begun = match (self.round.is_empty(), open.is_empty()) {
            (false, _) => Begun::Yes,
            (true, true) => Begun::AllAreSettled,
            (true, false) => Begun::NotHere,
        };
        self.step = Step::Begin;
        self.committed = false;
        self.content_from = None;
        self.refused_early = None;
        self.sender_refused = None;
        self.answers = 0;
        begun
    }

    /// The address of this member of the round.
    pub(super) fn address(&self, member: usize) -> Option<&str> {
        let (index, _) = self.round.get(member)?;
        self.job.recipients.get(*index).map(|to| to.address.as_str())
    }

    /// The server refused the sender.
    pub(super) fn refuse_sender(&mut self, failure: Failure) {
        self.sender_refused = Some(failure);
    }

    fn sender_is_refused(&self) -> bool {
        self.sender_refused.is_some()
    }

    /// The server answered RCPT for this member. Gives a failure that ends the session.
    pub(super) fn answer_rcpt(&mut self, member: usize, reply: Reply, at: &str) -> Result<(), Failure> {
        let accepted_some = self.accepted() > 0;
        let sender_refused = self.sender_is_refused();
        let Some((_, verdict)) = self.round.get_mut(member) else { return Ok(()) };
        if positive(&reply) {
            *verdict = Verdict::Accepted;
        } else if sender_refused {
            // It only says that there was no MAIL.
        } else if accepted_some && says_too_many(&reply) {
            *verdict = Verdict::TooMany;
        } else {
            let failure = refusal(reply, Asked::Rcpt, at);
            *verdict = Verdict::Refused(failure.clone());
            if ends_session(&failure) {
                return Err(failure);
            }
        }
        Ok(())
    }

    /// Members the server has accepted; none when it has refused the sender.
    pub(super) fn accepted(&self) -> usize {
        if self.sender_is_refused() {
            return 0;
        }
        self.round.iter().filter(|(_, verdict)| *verdict == Verdict::Accepted).count()
    }

    /// The server refused a piece of the content: what it says of later ones means nothing.
    pub(super) fn refuse_early(&mut self, failure: Failure) {
        self.refused_early.get_or_insert(failure);
    }

    /// See [`Self::refuse_early`].
    pub(super) const fn refused_early(&self) -> Option<&Failure> {
        self.refused_early.as_ref()
    }

    /// The server answered the content for all accepted members.
    pub(super) fn answer_all(&mut self, outcome: &Outcome) {
        for (index, verdict) in &self.round {
            if *verdict == Verdict::Accepted
                && let Some(settled) = self.outcomes.get_mut(*index)
            {
                *settled = Some(outcome.clone());
            }
        }
    }

    /// The server answered the content for the next accepted member. Gives whether more such answers are to come.
    pub(super) fn answer_next(&mut self, outcome: Outcome) -> bool {
        let mut accepted = self.round.iter().filter(|(_, verdict)| *verdict == Verdict::Accepted).skip(self.answers);
        if let Some((index, _)) = accepted.next()
            && let Some(settled) = self.outcomes.get_mut(*index)
        {
            *settled = Some(outcome);
        }
        self.answers += 1;
        self.answers < self.accepted()
    }

    /// The round is over: settles who was refused in it. A refusal that is about the session settles nobody.
    pub(super) fn close_round(&mut self) {
        for (index, verdict) in std::mem::take(&mut self.round) {
            let refused = match verdict {
                Verdict::Refused(failure) => Some(failure),
                Verdict::Unanswered | Verdict::Accepted => self.sender_refused.clone(),
                Verdict::TooMany => None,
            };
            if let Some(settled) = self.outcomes.get_mut(index)
                && settled.is_none()
            {
                *settled = refused.filter(|failure| !ends_session(failure)).map(outcome);
            }
        }
    }

    /// The server does no more about this round: who is not settled by now returns, without a doubt.
    pub(super) fn turn_away(&mut self) {
        self.close_round();
        self.committed = false;
        self.content_from = None;
    }

    /// Everyone not settled yet gets this outcome.
    pub(super) fn settle_rest(&mut self, outcome: &Outcome) {
        for settled in self.outcomes.iter_mut().filter(|settled| settled.is_none()) {
            *settled = Some(outcome.clone());
        }
    }

    /// The session is over, and this is what becomes of the members of this round that are not settled; without it they
    /// return.
    pub(super) fn cut(mut self, outcome: Option<&Outcome>) -> Ended {
        if let Some(outcome) = outcome.filter(|_| self.sender_refused.is_none()) {
            let open = |verdict: &Verdict| matches!(verdict, Verdict::Accepted | Verdict::Unanswered);
            for (index, _) in self.round.iter().filter(|(_, verdict)| open(verdict)) {
                if let Some(settled) = self.outcomes.get_mut(*index)
                    && settled.is_none()
                {
                    *settled = Some(outcome.clone());
                }
            }
        }
        self.close_round();
        self.finish()
    }

    /// All that came of it.
    pub(super) fn finish(self) -> Ended {
        let outcomes = self.outcomes.into_iter().map(|outcome| outcome.unwrap_or(Outcome::Returned));
        let outcomes = self.job.recipients.iter().map(|to| to.id).zip(outcomes).collect();
        Ended { job: self.job, outcomes, told: self.acknowledged }
    }
}

/// Whether its mark goes to disk only when the end of its content is near. Such contents take their time, and a process
/// that dies in the middle of one leaves no doubt that it did not arrive; those of one piece go out at once.
pub(super) fn is_marked_late(job: &Job) -> bool {
    job.content.size() > MARK_BEFORE
}

/// RFC 5321 section 4.5.3.1.10: 452, or 552 by older servers. 4.3.1 means that the disk is full.
fn says_too_many(reply: &Reply) -> bool {
    matches!(reply.code, 452 | 552) && !matches!(reply.enhanced, Some((_, 3, _)))
}

/// Nothing in the address could end the command or the path early. It is not checked further: the server knows best.
pub(super) fn is_sendable(address: &str) -> bool {
    const LONGEST: usize = 1000;
    let quoted = address.contains('"');
    let bad = |c: char| c.is_control() || (!quoted && matches!(c, ' ' | '<' | '>'));
    address.len() <= LONGEST && !address.contains(bad)
}
