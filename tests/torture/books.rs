//! The three books of what is sent, and the person who settles doubts by looking into the server's.

use std::collections::{BTreeMap, BTreeSet};

use mailsluice::demo::Provider;
use mailsluice::mapi::{EnvelopeId, QueueState};
use mailsluice::spool::QueueVerb;

use crate::support::Engine;
use crate::support::provider::subjects;

/// What the person does about a message in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settle {
    /// Looks whether it arrived: then it is treated as sent, otherwise sent again. Nothing may come twice.
    ByLooking,
    /// Sends it again, come what may.
    Again,
    /// There is no doubt: the profile says that it be sent again.
    Never,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Books {
    settle: Settle,
    submitted: BTreeSet<String>,
    /// How often somebody said “send it again” of a message that was shown as in doubt.
    again: BTreeMap<String, usize>,
    /// Messages shown as in doubt.
    pub(crate) doubts: usize,
}

impl Books {
    /// Nothing is submitted yet.
    pub(crate) fn new(settle: Settle) -> Self {
        Self { settle, submitted: BTreeSet::new(), again: BTreeMap::new(), doubts: 0 }
    }

    /// Submits a new message of about each of these sizes.
    pub(crate) fn submit(&mut self, engine: &Engine, sizes: &[usize]) {
        let numbered = (self.submitted.len()..).zip(sizes);
        let named = numbered.map(|(number, size)| (format!("m-{number}"), *size));
        let (subjects, letters): (Vec<_>, Vec<_>) =
            named.map(|(subject, size)| (subject.clone(), letter(&subject, size))).unzip();
        self.submitted.extend(subjects);
        let ids = engine.submit(letters.iter().map(Vec::as_slice));
        assert_eq!(ids.len(), sizes.len());
    }

    /// Compares the books after whatever happened, with nothing under way: nothing is lost, nothing came twice in silence
    /// nor is about to.
    pub(crate) fn compare(&mut self, engine: &Engine, provider: &Provider) {
        let took = subjects(&provider.delivered());
        let says = engine.states();
        assert!(says.keys().eq(self.submitted.iter()), "what was submitted is there, and nothing else");
        assert!(took.keys().all(|subject| self.submitted.contains(subject)), "the server took what nobody submitted");
        for (subject, state) in &says {
            let times = took.get(subject).copied().unwrap_or(0);
            let asked_for = 1 + self.again.get(subject).copied().unwrap_or(0);
            match state {
                QueueState::Sent => assert!(times >= 1, "{subject} counts as sent and was lost"),
                QueueState::InDoubt => {}
                QueueState::Queued | QueueState::Deferred if self.settle == Settle::Never => {}
                QueueState::Queued | QueueState::Deferred => {
                    assert!(times < asked_for, "{subject} was delivered, and would be again in silence");
                }
                other => panic!("{subject} is {other:?}"),
            }
            if self.settle != Settle::Never {
                assert!(times <= asked_for, "{subject} came {times} times and was to come {asked_for} times at most");
            }
        }
    }

    /// Settles every doubt.
    pub(crate) fn settle(&mut self, engine: &Engine, provider: &Provider) {
        let took = subjects(&provider.delivered());
        let (mut again, mut arrived): (Vec<EnvelopeId>, Vec<EnvelopeId>) = (Vec::new(), Vec::new());
        for row in engine.rows().into_iter().filter(|row| row.state == QueueState::InDoubt) {
            assert_ne!(self.settle, Settle::Never, "{} is in doubt, and the profile says there is none", row.subject);
            self.doubts += 1;
            let asked_for = 1 + self.again.get(&row.subject).copied().unwrap_or(0);
            let times = took.get(&row.subject).copied().unwrap_or(0);
            if self.settle == Settle::ByLooking && times > 0 {
                arrived.push(row.id);
                continue;
            }
            // When looking, it is known that the doubtful try did not arrive: another does not make it twice.
            if self.settle == Settle::Again {
                self.again.insert(row.subject, asked_for);
            }
            again.push(row.id);
        }
        engine.perform(QueueVerb::Retry, again);
        engine.perform(QueueVerb::TreatAsSent, arrived);
    }

    /// Messages that still wait.
    pub(crate) fn waiting(engine: &Engine) -> usize {
        engine.states().values().filter(|state| **state != QueueState::Sent).count()
    }

    /// The end: everything was sent, and arrived as often as was asked for.
    pub(crate) fn close(&self, engine: &Engine, provider: &Provider) {
        let took = subjects(&provider.delivered());
        let says = engine.states();
        let unsent: Vec<_> = says.iter().filter(|(_, state)| **state != QueueState::Sent).collect();
        assert!(unsent.is_empty(), "{unsent:?}");
        assert!(took.keys().eq(self.submitted.iter()), "lost: {} of {}", self.submitted.len() - took.len(), says.len());
        let doubled = took.values().filter(|times| **times > 1).count();
        if self.settle == Settle::ByLooking {
            assert_eq!(doubled, 0, "delivered twice");
        }
    }

    /// The books in a line.
    pub(crate) fn sum(&self, provider: &Provider) -> String {
        let took = subjects(&provider.delivered());
        format!(
            "{} submitted, {} arrived, 0 lost, {} shown as in doubt, {} came again because somebody said so",
            self.submitted.len(),
            took.len(),
            self.doubts,
            took.values().filter(|times| **times > 1).count()
        )
    }
}

/// A message with this subject, whose headers are complete, so that submitting adds nothing.
pub(crate) fn letter(subject: &str, padding: usize) -> Vec<u8> {
    let mut text = format!(
        "From: ada@example.org\r\nTo: ann@example.net\r\nSubject: {subject}\r\n\
         Date: Mon, 05 Jan 2026 10:00:00 +0000\r\nMessage-ID: <{subject}@example.org>\r\n\r\n.\r\n"
    );
    let line = "This line says nothing, but it is here, and it is as long as lines are.\r\n";
    while text.len() < padding {
        text.push_str(line);
    }
    text.into_bytes()
}
