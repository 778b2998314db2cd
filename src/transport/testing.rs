//! What tests of transports need around them: a spooler that answers and remembers, and servers that follow a script.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::port::Desk;
use super::report::{Answer, Job, JobRecipient, Report, ReportKind};
use super::secrets::SecretCache;
use super::{Content, Receipts, Submissions, Support};
use crate::mapi::{Class, EnvelopeId, Failure, Outcome, RecipientId, Stage};
use crate::profile::{AuthChoice, Credential, SecretSource, Security, ServerConfig};

/// What the spooler was told.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// UIDs on record, by mailbox.
    pub known: BTreeMap<String, BTreeSet<String>>,
    /// Messages said to wait, each time it was said.
    pub listed: Vec<u64>,
    /// Messages that wait, each time they were counted between flushes.
    pub waiting: Vec<u64>,
    /// What came of each envelope.
    pub ended: Vec<(EnvelopeId, Outcome)>,
    /// Envelopes in the order they were put at risk.
    pub offered: Vec<EnvelopeId>,
    /// Messages that could not be received.
    pub failed: Vec<Failure>,
    /// What was to be remembered, by topic.
    pub remembered: BTreeMap<String, String>,
    /// Nothing can be recorded any more.
    pub disk_full: bool,
    jobs: Vec<Job>,
}

/// A spooler for one transport.
#[derive(Debug)]
pub(crate) struct TestSpooler {
    /// What it was told.
    memory: Arc<Mutex<Memory>>,
    /// For the transport.
    pub support: Support,
    /// Stops the transport.
    pub cancel: CancellationToken,
}

impl TestSpooler {
    pub(crate) fn new() -> Self {
        let (sender, reports) = crossbeam_channel::unbounded::<Report>();
        let desk = Arc::new(Desk::default());
        let cancel = CancellationToken::new();
        let secrets = Arc::new(SecretCache::default());
        let support = Support::new("test".into(), sender, Arc::clone(&desk), cancel.clone(), false, secrets);
        let memory = Arc::new(Mutex::new(Memory::default()));
        let told = Arc::clone(&memory);
        std::thread::spawn(move || {
            for report in reports {
                listen(&mut told.lock().unwrap(), &desk, report.kind);
            }
        });
        Self { memory, support, cancel }
    }

    pub(crate) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap()
    }

    pub(crate) fn receipts(&self) -> Receipts {
        Receipts::new(self.support.clone())
    }

    /// Reports that need no answer are heard in order: once this returns, all before it were.
    pub(crate) async fn caught_up(&self) {
        self.receipts().known("nothing").await.ok();
    }

    pub(crate) fn submissions(&self, jobs: Vec<Job>) -> Submissions {
        self.memory().jobs = jobs;
        Submissions::new(self.support.clone())
    }
}

fn listen(memory: &mut Memory, desk: &Desk, kind: ReportKind) {
    match kind {
        ReportKind::Known { ticket, mailbox } => {
            let known = memory.known.get(&mailbox).into_iter().flatten().cloned().collect();
            desk.answer(ticket, Answer::Known(known)).ok();
        }
        ReportKind::Received { ticket, mailbox, items } => {
            let answer = if memory.disk_full {
                Answer::Refused(Failure::new(Class::Local, Stage::Store, "spool", "disk full"))
            } else {
                memory.known.entry(mailbox).or_default().extend(items.into_iter().map(|item| item.uid));
                Answer::Done
            };
            desk.answer(ticket, answer).ok();
        }
        ReportKind::Forget { mailbox, uids } => {
            let known = memory.known.entry(mailbox).or_default();
            known.retain(|uid| !uids.contains(uid));
        }
        ReportKind::Recall { ticket, topic } => {
            desk.answer(ticket, Answer::Recalled(memory.remembered.get(&topic).cloned())).ok();
        }
        ReportKind::Remember { topic, value, .. } => remember(&mut memory.remembered, topic, value),
        ReportKind::Want { ticket, .. } => {
            desk.answer(ticket, Answer::Jobs(std::mem::take(&mut memory.jobs))).ok();
        }
        ReportKind::Offering { ticket, envelopes, .. } => {
            memory.offered.extend(envelopes);
            desk.answer(ticket, Answer::Done).ok();
        }
        ReportKind::EndMessage { envelope, outcomes } => {
            memory.ended.extend(outcomes.into_iter().map(|(_, outcome)| (envelope, outcome)));
        }
        ReportKind::Listed { messages, .. } => memory.listed.push(messages),
        ReportKind::Waiting { messages, .. } => memory.waiting.push(messages),
        ReportKind::ReceiveFailed(failure) => memory.failed.push(failure),
        _ => {}
    }
}

/// As the spool does it, but for ever.
pub(crate) fn remember(remembered: &mut BTreeMap<String, String>, topic: String, value: Option<String>) {
    match value {
        Some(value) => _ = remembered.insert(topic, value),
        None => _ = remembered.remove(&topic),
    }
}

/// A message to send to these.
pub(crate) fn job(number: i64, sender: &str, recipients: &[&str], content: &'static [u8]) -> Job {
    let recipient = |(id, address): (i64, &&str)| JobRecipient { id: RecipientId(id), address: (*address).to_owned() };
    Job {
        envelope: EnvelopeId(number),
        attempt: 1,
        sender: sender.to_owned(),
        recipients: (1..).zip(recipients).map(recipient).collect(),
        content: Content::Inline(content.into()),
        eight_bit: false,
        smtputf8: false,
        submitted_at: 1_700_000_000,
    }
}

/// How to reach a scripted server as `ann`, whose password is in no keyring.
pub(crate) fn server_at(port: u16) -> ServerConfig {
    ServerConfig {
        host: "127.0.0.1".to_owned(),
        port,
        security: Security::None,
        user: Some("ann".to_owned()),
        credential: Some(Credential::Password(SecretSource::Env("PATH".to_owned()))),
        auth: AuthChoice::Auto,
        ca_file: None,
        fingerprint: None,
        patience: None,
    }
}

/// A server for one connection that follows a script, line by line:
/// `S: ` says this line; `C: ` hears exactly this line, or one that begins with it if it ends in `…`; `X` closes the
/// line. Wrong turns panic, and are seen by whoever awaits the task. At the end it hears until the client closes.
pub(crate) async fn scripted(script: impl Into<String>) -> (u16, JoinHandle<()>) {
    let script = script.into();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let (read, mut write) = stream.into_split();
        let mut read = BufReader::new(read);
        for step in script.lines().map(str::trim_start).filter(|step| !step.is_empty()) {
            if let Some(line) = step.strip_prefix("S: ") {
                write.write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
            } else if let Some(expected) = step.strip_prefix("C: ") {
                let mut heard = String::new();
                read.read_line(&mut heard).await.unwrap();
                let heard = heard.trim_end();
                let right = match expected.strip_suffix('…') {
                    Some(start) => heard.starts_with(start),
                    None => heard == expected,
                };
                assert!(right, "expected {expected:?}, heard {heard:?}");
            } else {
                assert_eq!(step, "X", "not a step of a script");
                return;
            }
        }
        read.read_to_end(&mut Vec::new()).await.ok();
    });
    (port, server)
}
