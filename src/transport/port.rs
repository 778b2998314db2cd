//! The transport's end of the line to the spooler, after `IMAPISupport`: report, take messages, record receipts, ask.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::Sender;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::report::{Answer, Job, Progress, Question, ReceivedItem, Report, ReportKind, Severity, Ticket};
use crate::mapi::{Certificate, Class, EnvelopeId, Failure, Outcome, RecipientId, Stage};

/// Messages asked for at a time: claims are small, so that little changes hands when the process dies.
pub const CLAIM_MESSAGES: u32 = 128;
/// Messages in hand with which more are asked for, so that the next come while these go out.
const FEW_MESSAGES: usize = 64;
/// Content bytes asked for at a time.
pub const CLAIM_BYTES: u64 = 8 << 20;

/// How long a person may take to answer. Whoever could have answered may be gone, and others wait for the transport.
const PATIENCE: Duration = Duration::from_secs(600);

/// The answers that transports wait for. The spooler's loop hands them in under their ticket.
#[derive(Debug, Default)]
pub struct Desk {
    next: AtomicU64,
    waiting: Mutex<HashMap<Ticket, oneshot::Sender<Answer>>>,
}

impl Desk {
    fn open(&self) -> (Ticket, oneshot::Receiver<Answer>) {
        let ticket = Ticket(self.next.fetch_add(1, Ordering::Relaxed) + 1);
        let (sender, receiver) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(ticket, sender);
        (ticket, receiver)
    }

    /// Hands in an answer.
    ///
    /// # Errors
    /// Gives it back when nobody waits for it any more: claimed messages in it must go back to the queue.
    pub fn answer(&self, ticket: Ticket, answer: Answer) -> Result<(), Answer> {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&ticket);
        match waiting {
            Some(sender) => sender.send(answer),
            None => Err(answer),
        }
    }
}

/// What a transport needs while it works. Cheap to clone; every task of a flush has one.
#[derive(Debug, Clone)]
pub struct Support {
    transport: Arc<str>,
    reports: Sender<Report>,
    desk: Arc<Desk>,
    cancel: CancellationToken,
    ending: CancellationToken,
    interactive: bool,
    /// A server's line is open, and would be kept waiting by a person.
    on_the_line: bool,
    /// Its stages are not the flush's, and nobody is told of them.
    aside: bool,
    secrets: Arc<super::secrets::SecretCache>,
    declined: Arc<Mutex<HashMap<String, Failure>>>,
}

impl Support {
    /// A support for one run of one transport. `interactive`: a person may be asked (no `FLUSH_NO_UI`).
    pub fn new(
        transport: Arc<str>,
        reports: Sender<Report>,
        desk: Arc<Desk>,
        cancel: CancellationToken,
        interactive: bool,
        secrets: Arc<super::secrets::SecretCache>,
    ) -> Self {
        Self {
            transport,
            reports,
            desk,
            cancel,
            ending: CancellationToken::new(),
            interactive,
            on_the_line: false,
            aside: false,
            secrets,
            declined: Arc::default(),
        }
    }

    /// The same for work beside the transport's flushes, whose stages are nobody's business.
    #[must_use]
    pub fn aside(self) -> Self {
        Self { aside: true, ..self }
    }

    /// Cancelled when the FLUSH bit is cleared: finish the message in hand and stop. [`Submissions::next`] minds it by
    /// itself; an incoming transport looks between messages.
    pub fn ending(&self) -> &CancellationToken {
        &self.ending
    }

    /// The same while a server's line is open: nobody is asked, for a person may think longer than a server waits.
    #[must_use]
    pub(super) fn on_the_line(&self) -> Self {
        Self { on_the_line: true, ..self.clone() }
    }

    /// The transport's name.
    pub fn transport(&self) -> &str {
        &self.transport
    }

    /// Cancelled when the work is to stop now. Latches.
    pub fn cancel(&self) -> &CancellationToken {
        &self.cancel
    }

    /// Whether a person may be asked in the course of this, or shown anything.
    pub const fn interactive(&self) -> bool {
        self.interactive
    }

    /// Whether a person may be asked now.
    pub const fn may_ask(&self) -> bool {
        self.interactive && !self.on_the_line
    }

    /// The passwords known to this session.
    pub fn secrets(&self) -> &super::secrets::SecretCache {
        &self.secrets
    }

    /// Tells the spooler something that needs no answer.
    pub fn report(&self, kind: ReportKind) {
        // A spooler that is gone has no use for reports.
        self.reports.send(Report { transport: Arc::clone(&self.transport), kind }).ok();
    }

    /// It has come to this point (`ModifyStatusRow`).
    pub fn stage(&self, stage: Stage) {
        if !self.aside {
            self.report(ReportKind::Stage(stage));
        }
    }

    /// Bytes acknowledged since the last call. Call at most ten times a second.
    pub fn progress(&self, bytes: u64) {
        self.report(ReportKind::Progress(Progress { bytes }));
    }

    /// A line for the log.
    pub fn log(&self, severity: Severity, text: impl Into<String>) {
        self.report(ReportKind::Log(severity, text.into()));
    }

    /// Asks a person for a password, or to sign in. Dropped before the answer, it takes the question back.
    ///
    /// # Errors
    /// [`Class::NeedsPerson`] when nobody may be asked or nobody answered, [`Class::Cancelled`].
    pub async fn ask(&self, question: Question) -> Result<secrecy::SecretString, Failure> {
        match self.put(question).await? {
            Answer::Secret(secret) => Ok(secret),
            other => Err(unexpected(other)),
        }
    }

    /// Asks a person whether this certificate is to be trusted. Returns when it is.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn ask_trust(&self, certificate: Box<Certificate>) -> Result<(), Failure> {
        match self.put(Question::Certificate(certificate)).await? {
            Answer::Done => Ok(()),
            other => Err(unexpected(other)),
        }
    }

    async fn put(&self, question: Question) -> Result<Answer, Failure> {
        let key = match &question {
            Question::Password { user, host, .. } => format!("{user}@{host}"),
            Question::Certificate(certificate) => format!("{} {}", certificate.host, certificate.fingerprint),
            Question::Consent(consent) => format!("{} with {}", consent.user, consent.provider),
        };
        let unanswered = question.unanswered();
        if !self.may_ask() {
            return Err(unanswered);
        }
        // A person who would not say is not asked again in the same flush.
        if let Some(failure) = self.declined(&key) {
            return Err(failure);
        }
        let (ticket, answer) = self.desk.open();
        self.report(ReportKind::Question { ticket, question });
        // Whatever becomes of this wait: nobody is to answer what nobody waits for.
        let _withdrawn = Withdrawn { support: self, ticket };
        let answer = tokio::time::timeout(PATIENCE, self.answered(answer)).await.unwrap_or_else(|_elapsed| {
            let what = format!("{}: nobody answered within {} minutes", unanswered.what, PATIENCE.as_secs() / 60);
            Err(Failure { what, ..unanswered })
        });
        answer.inspect_err(|failure| self.decline(key, failure))
    }

    /// What came of it when a person would not say, earlier in this flush.
    pub(super) fn declined(&self, key: &str) -> Option<Failure> {
        self.declined.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// A person would not say.
    pub(super) fn decline(&self, key: String, failure: &Failure) {
        self.declined.lock().unwrap_or_else(PoisonError::into_inner).insert(key, failure.clone());
    }

    /// What this transport remembered of a topic, perhaps in another process; `None`: nothing, or nothing that is still
    /// good, or that can be read. After MAPI's profile sections, where a provider keeps what is its own.
    ///
    /// # Errors
    /// The spool can't be read, or cancelled.
    pub async fn recall<T: DeserializeOwned>(&self, topic: &str) -> Result<Option<T>, Failure> {
        let topic = topic.to_owned();
        match self.request(|ticket| ReportKind::Recall { ticket, topic }).await? {
            Answer::Recalled(value) => Ok(value.and_then(|value| serde_json::from_str(&value).ok())),
            other => Err(unexpected(other)),
        }
    }

    /// Remembers this of a topic, in the place of what was remembered of it before. `good_for`: how long; `None`: until
    /// this is said again. Nothing may hang on it: the disk may fail.
    pub fn remember<T: Serialize>(&self, topic: &str, what: Option<&T>, good_for: Option<Duration>) {
        let value = what.and_then(|what| serde_json::to_string(what).ok());
        let good_for_s = good_for.map(|time| i64::try_from(time.as_secs()).unwrap_or(i64::MAX));
        self.report(ReportKind::Remember { topic: topic.to_owned(), value, good_for_s });
    }

    /// Sends a report and waits for its answer, or for the cancellation.
    async fn request(&self, kind: impl FnOnce(Ticket) -> ReportKind) -> Result<Answer, Failure> {
        let (ticket, answer) = self.desk.open();
        self.report(kind(ticket));
        self.answered(answer).await
    }

    /// Waits for an answer, or for the cancellation.
    async fn answered(&self, answer: oneshot::Receiver<Answer>) -> Result<Answer, Failure> {
        tokio::select! {
            biased;
            answer = answer => match answer {
                Ok(Answer::Refused(failure)) => Err(failure),
                Ok(answer) => Ok(answer),
                Err(_spooler_gone) => Err(Failure::cancelled(Stage::Queue, "spooler")),
            },
            () = self.cancel.cancelled() => Err(Failure::cancelled(Stage::Queue, self.transport())),
        }
    }
}

/// Takes a question back when it is dropped; one that was answered is gone already.
struct Withdrawn<'a> {
    support: &'a Support,
    ticket: Ticket,
}

impl Drop for Withdrawn<'_> {
    fn drop(&mut self) {
        self.support.report(ReportKind::Withdrawn(self.ticket));
    }
}

fn unexpected(answer: Answer) -> Failure {
    match answer {
        Answer::Refused(failure) => failure,
        other => Failure::new(Class::Local, Stage::Queue, "spooler", format!("unexpected answer {other:?}")),
    }
}

/// The messages the spooler submits to one transport during one outgoing phase.
#[derive(Debug)]
pub struct Submissions {
    support: Support,
    /// Claimed, and taken by nobody yet. Behind a lock that is never held while anything is waited for: a fair one would
    /// be handed round from connection to connection, one message at a time.
    jobs: Mutex<VecDeque<Job>>,
    claims: tokio::sync::Mutex<Claims>,
}

/// How the messages get there.
#[derive(Debug, Default)]
struct Claims {
    /// A claim under way.
    coming: Option<oneshot::Receiver<Answer>>,
    drained: bool,
    /// Why no more could be claimed, though there may be some.
    failure: Option<Failure>,
}

impl Claims {
    fn stop(&mut self, failure: Failure) {
        self.drained = true;
        self.failure.get_or_insert(failure);
    }
}

impl Submissions {
    /// The submissions of one phase.
    pub fn new(support: Support) -> Self {
        Self { support, jobs: Mutex::default(), claims: tokio::sync::Mutex::default() }
    }

    /// The next message, claimed for this transport; `None` when the queue is drained, the flush bit was cleared or
    /// the flush was cancelled. Any number of connections may take turns.
    pub async fn next(&self) -> Option<Job> {
        loop {
            if self.support.ending().is_cancelled() {
                return None;
            }
            if let Ok(mut claims) = self.claims.try_lock() {
                self.claim_ahead(&mut claims);
            }
            if let Some(job) = self.jobs().pop_front() {
                return Some(job);
            }
            let mut claims = self.claims.lock().await;
            // Somebody else may have waited for the same, and have got it.
            if self.waiting() == 0 && !self.await_claim(&mut claims).await {
                return None;
            }
        }
    }

    fn jobs(&self) -> std::sync::MutexGuard<'_, VecDeque<Job>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what came meanwhile, and asks for more while there are still some.
    fn claim_ahead(&self, claims: &mut Claims) {
        if let Some(answer) = claims.coming.as_mut().and_then(|coming| coming.try_recv().ok()) {
            self.take(claims, Ok(answer));
        }
        if claims.coming.is_none() && !claims.drained && self.waiting() <= FEW_MESSAGES {
            let (ticket, coming) = self.support.desk.open();
            self.support.report(ReportKind::Want { ticket, messages: CLAIM_MESSAGES, bytes: CLAIM_BYTES });
            claims.coming = Some(coming);
        }
    }

    /// Waits for the claim under way. Gives whether there was one, and nobody cancelled.
    async fn await_claim(&self, claims: &mut Claims) -> bool {
        self.claim_ahead(claims);
        if self.waiting() > 0 {
            return true;
        }
        let Some(coming) = claims.coming.as_mut() else { return false };
        let answer = tokio::select! {
            biased;
            answer = coming => Some(answer),
            () = self.support.cancel.cancelled() => None,
        };
        match answer {
            Some(answer) => self.take(claims, answer),
            None => {
                claims.failure.get_or_insert_with(|| Failure::cancelled(Stage::Queue, self.support.transport()));
            }
        }
        !self.support.cancel.is_cancelled()
    }

    /// Takes in what a claim brought. No messages: the queue is drained.
    fn take(&self, claims: &mut Claims, answer: Result<Answer, oneshot::error::RecvError>) {
        claims.coming = None;
        match answer {
            Ok(Answer::Jobs(jobs)) if !jobs.is_empty() => self.jobs().extend(jobs),
            Ok(Answer::Jobs(_)) => claims.drained = true,
            Ok(other) => claims.stop(unexpected(other)),
            Err(_spooler_gone) => claims.stop(Failure::cancelled(Stage::Queue, "spooler")),
        }
    }

    /// Messages that are claimed already and wait to be taken.
    pub fn waiting(&self) -> usize {
        self.jobs().len()
    }

    /// Puts on disk that the last byte of these is about to go out. Must return before that byte is handed to the
    /// socket: what was offered and got no reply is in doubt, what was not goes back to the queue. `hurry`: nothing else
    /// can go out meanwhile; else it waits a few milliseconds for others, to share their sync.
    ///
    /// # Errors
    /// [`Class::Cancelled`], or the spool can't be written: then the last byte must not go out.
    pub async fn offering(&self, envelopes: Vec<EnvelopeId>, hurry: bool) -> Result<(), Failure> {
        match self.support.request(|ticket| ReportKind::Offering { ticket, envelopes, hurry }).await? {
            Answer::Done => Ok(()),
            other => Err(unexpected(other)),
        }
    }

    /// One envelope is through (`EndMessage`). Every recipient of the job must be named.
    pub fn end_message(&self, envelope: EnvelopeId, outcomes: Vec<(RecipientId, Outcome)>) {
        self.support.report(ReportKind::EndMessage { envelope, outcomes });
    }

    /// The same outcome for every recipient of a job.
    pub fn end_all(&self, job: &Job, outcome: &Outcome) {
        self.end_message(job.envelope, job.recipients.iter().map(|to| (to.id, outcome.clone())).collect());
    }

    /// Gives back what was claimed and not taken. The phase's driver calls it when the phase is over.
    ///
    /// # Errors
    /// The queue was not drained: the spool could not be written, or the flush was cancelled.
    pub async fn give_back(&self) -> Result<(), Failure> {
        let mut claims = self.claims.lock().await;
        // The spooler always answers, and what it has claimed must come back while the flush is still running.
        if let Some(coming) = claims.coming.take() {
            let answer = coming.await;
            self.take(&mut claims, answer);
        }
        claims.drained = true;
        let jobs = std::mem::take(&mut *self.jobs());
        for job in jobs {
            self.end_all(&job, &Outcome::Returned);
        }
        claims.failure.take().map_or(Ok(()), Err)
    }
}

/// The record of what was received in one incoming phase. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Receipts {
    support: Support,
}

impl Receipts {
    /// The receipts of one phase.
    pub fn new(support: Support) -> Self {
        Self { support }
    }

    /// What was already received from a mailbox (named with its UIDVALIDITY where there is one).
    ///
    /// # Errors
    /// The spool can't be read, or cancelled.
    pub async fn known(&self, mailbox: &str) -> Result<Vec<String>, Failure> {
        let mailbox = mailbox.to_owned();
        match self.support.request(|ticket| ReportKind::Known { ticket, mailbox }).await? {
            Answer::Known(uids) => Ok(uids),
            other => Err(unexpected(other)),
        }
    }

    /// Records that these are safe on disk here (file and folder synced). On return that is durable, and they may be
    /// deleted on the server. Counts as progress: messages and bytes.
    ///
    /// # Errors
    /// The spool can't be written, or cancelled: then they must not be deleted.
    pub async fn record(&self, mailbox: &str, items: Vec<ReceivedItem>) -> Result<(), Failure> {
        let mailbox = mailbox.to_owned();
        match self.support.request(|ticket| ReportKind::Received { ticket, mailbox, items }).await? {
            Answer::Done => Ok(()),
            other => Err(unexpected(other)),
        }
    }

    /// These are gone from the server: their record can go.
    pub fn forget(&self, mailbox: &str, uids: Vec<String>) {
        self.support.report(ReportKind::Forget { mailbox: mailbox.to_owned(), uids });
    }

    /// This many wait on the server and were not received yet.
    pub fn listed(&self, messages: u64, bytes: u64) {
        self.support.report(ReportKind::Listed { messages, bytes });
    }
}
