//! A spooler for one transport: answers, remembers, and lets a test hold an answer back.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::mapi::{Class, EnvelopeId, Failure, Outcome, RecipientId, Stage};
use crate::transport::port::Desk;
use crate::transport::secrets::SecretCache;
use crate::transport::testing::remember;
use crate::transport::{Answer, Job, Receipts, Report, ReportKind, Submissions, Support, Ticket};

/// What it does with an offering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::transport::smtp) enum Offerings {
    /// Writes it down.
    Write,
    /// Keeps the transport waiting.
    Hold,
    /// Can't: the disk is full.
    Refuse,
}

/// What it was told.
#[derive(Debug)]
pub(in crate::transport::smtp) struct Memory {
    queue: VecDeque<Job>,
    offerings: Offerings,
    held: Vec<Ticket>,
    /// Envelopes in the order in which they were put at risk.
    pub(in crate::transport::smtp) offered: Vec<EnvelopeId>,
    pub(in crate::transport::smtp) ended: BTreeMap<EnvelopeId, Vec<(RecipientId, Outcome)>>,
    pub(in crate::transport::smtp) stages: Vec<Stage>,
    pub(in crate::transport::smtp) log: Vec<String>,
    pub(in crate::transport::smtp) bytes: u64,
    /// What was to be remembered, by topic.
    pub(in crate::transport::smtp) remembered: BTreeMap<String, String>,
}

/// A spooler for one transport.
#[derive(Debug)]
pub(in crate::transport::smtp) struct Spooler {
    memory: Arc<Mutex<Memory>>,
    desk: Arc<Desk>,
    pub(in crate::transport::smtp) support: Support,
    /// The same, and never cancelled.
    probe: Support,
    pub(in crate::transport::smtp) cancel: CancellationToken,
    /// Told when an offering is held.
    pub(in crate::transport::smtp) holding: Arc<Notify>,
}

impl Spooler {
    pub(in crate::transport::smtp) fn new(jobs: Vec<Job>, offerings: Offerings) -> Self {
        let (sender, reports) = crossbeam_channel::unbounded::<Report>();
        let (desk, cancel) = (Arc::new(Desk::default()), CancellationToken::new());
        let secrets = Arc::new(SecretCache::default());
        let support = |cancel| {
            Support::new("test".into(), sender.clone(), Arc::clone(&desk), cancel, false, Arc::clone(&secrets))
        };
        let (support, probe) = (support(cancel.clone()), support(CancellationToken::new()));
        let memory = Memory {
            queue: jobs.into(),
            offerings,
            held: Vec::new(),
            offered: Vec::new(),
            ended: BTreeMap::new(),
            stages: Vec::new(),
            log: Vec::new(),
            bytes: 0,
            remembered: BTreeMap::new(),
        };
        let (memory, holding) = (Arc::new(Mutex::new(memory)), Arc::new(Notify::new()));
        let spooler = Self { memory, desk, support, probe, cancel, holding };
        let (memory, desk, holding) =
            (Arc::clone(&spooler.memory), Arc::clone(&spooler.desk), Arc::clone(&spooler.holding));
        std::thread::spawn(move || {
            for report in reports {
                listen(&mut memory.lock().unwrap(), &desk, &holding, report.kind);
            }
        });
        spooler
    }

    pub(in crate::transport::smtp) fn submissions(&self) -> Submissions {
        Submissions::new(self.support.clone())
    }

    pub(in crate::transport::smtp) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap()
    }

    /// Writes down what it holds, and from now on everything at once.
    pub(in crate::transport::smtp) fn let_go(&self) {
        let mut memory = self.memory();
        memory.offerings = Offerings::Write;
        for ticket in std::mem::take(&mut memory.held) {
            self.desk.answer(ticket, Answer::Done).unwrap();
        }
    }

    /// Reports are heard in order: once this returns, all before it were.
    pub(in crate::transport::smtp) async fn caught_up(&self) {
        Receipts::new(self.probe.clone()).known("").await.ok();
    }
}

fn listen(memory: &mut Memory, desk: &Desk, holding: &Notify, kind: ReportKind) {
    // Nobody waits for an answer any more after a cancellation.
    let answer = |ticket, answer| desk.answer(ticket, answer).ok();
    match kind {
        ReportKind::Want { ticket, messages, .. } => {
            let count = memory.queue.len().min(messages as usize);
            let jobs: Vec<_> = memory.queue.drain(..count).collect();
            if let Err(Answer::Jobs(jobs)) = desk.answer(ticket, Answer::Jobs(jobs)) {
                memory.queue.extend(jobs);
            }
        }
        ReportKind::Offering { ticket, envelopes, .. } => {
            memory.offered.extend(envelopes);
            match memory.offerings {
                Offerings::Write => _ = answer(ticket, Answer::Done),
                Offerings::Hold => {
                    memory.held.push(ticket);
                    holding.notify_one();
                }
                Offerings::Refuse => {
                    let failure = Failure::new(Class::Local, Stage::Store, "spool", "disk full");
                    answer(ticket, Answer::Refused(failure));
                }
            }
        }
        ReportKind::EndMessage { envelope, outcomes } => {
            let before = memory.ended.insert(envelope, outcomes);
            assert!(before.is_none(), "{envelope} ended twice");
        }
        ReportKind::Known { ticket, .. } => _ = answer(ticket, Answer::Known(Vec::new())),
        ReportKind::Recall { ticket, topic } => {
            answer(ticket, Answer::Recalled(memory.remembered.get(&topic).cloned()));
        }
        ReportKind::Remember { topic, value, .. } => remember(&mut memory.remembered, topic, value),
        ReportKind::Stage(stage) => memory.stages.push(stage),
        ReportKind::Log(_, line) => memory.log.push(line),
        ReportKind::Progress(progress) => memory.bytes += progress.bytes,
        _ => (),
    }
}
