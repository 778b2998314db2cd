//! Who runs the spooler of a profile: the first process that takes its lock. Everybody else gets a line to it.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::unbounded;

use super::core::{Core, Facts, Router, Settings};
use super::line::Line;
use super::ndr::ReportWriter;
use super::publish::Publisher;
use super::reader::Lists;
use super::run::Loop;
use super::socket::{self, Socket};
use super::submission::Submission;
use crate::mapi::{Class, Failure, Stage};
use crate::profile::{Places, Profile, SubmissionPort};
use crate::spool::{Reader, Recovery, Spool, StoredContent};
use crate::transport::registry::LoggedOn;
use crate::transport::runtime::{Exchanges, Runtime};

/// How long the process that holds the lock may take until it listens, or has ended: it may wait for a provider of tokens.
const PATIENCE: Duration = Duration::from_mins(1);

/// A process's part in a profile's spooler.
#[derive(Debug)]
pub struct Spooler {
    line: Line,
    own: Option<Own>,
}

/// What only the process that runs the spooler has.
#[derive(Debug)]
struct Own {
    thread: JoinHandle<Option<Exchanges>>,
    socket: Socket,
    submission: Option<Submission>,
    lock: File,
    recovery: Recovery,
}

/// How the spooler is to be run, if it is this process that runs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stay {
    /// As long as a window or a tray is there: keeps the schedule and retries by itself.
    Long,
    /// For one command.
    Short,
}

impl Spooler {
    /// Runs the profile's spooler here, or finds the one that runs.
    ///
    /// # Errors
    /// The spool can't be opened, or its owner does not answer.
    pub fn reach(places: &Places, profile: &Profile, stay: Stay) -> Result<Self, Failure> {
        let began = Instant::now();
        loop {
            if let Some(lock) = take_lock(&places.lock_file())? {
                return Self::run_here(places, profile, stay, lock);
            }
            match socket::connect(&places.socket()) {
                Ok(line) => return Ok(Self { line, own: None }),
                Err(_) if began.elapsed() < PATIENCE => std::thread::park_timeout(Duration::from_millis(20)),
                Err(error) => {
                    let what = format!("another process holds the profile and does not answer: {error}");
                    return Err(local(&places.lock_file(), what));
                }
            }
        }
    }

    /// The line to it.
    pub const fn line(&self) -> &Line {
        &self.line
    }

    /// Whether it runs in this process.
    pub const fn is_here(&self) -> bool {
        self.own.is_some()
    }

    /// What was mended when it started here.
    pub fn recovery(&self) -> Option<Recovery> {
        self.own.as_ref().map(|own| own.recovery)
    }

    /// Ends it if it runs here. `finish`: after the flushes that run, otherwise they are cancelled.
    pub fn end(self, finish: bool) {
        if let Some(own) = self.own {
            self.line.ask(super::protocol::Command::Shutdown { finish }).wait();
            if let Some(submission) = own.submission {
                submission.close();
            }
            // A panicked spooler has said so in the log; the spool is as its last commit left it.
            let exchanges = own.thread.join().ok().flatten();
            // Who comes now waits for the lock, and is not led to a spooler that is gone.
            own.socket.close();
            if let Some(exchanges) = exchanges {
                exchanges.finish();
            }
            drop(own.lock);
        }
    }

    fn run_here(places: &Places, profile: &Profile, stay: Stay, lock: File) -> Result<Self, Failure> {
        crate::profile::secret::withhold_from_programs(profile);
        let path = places.spool();
        let mut spool = Spool::open(&path)?;
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let recovery = spool.recover(wall.as_secs().cast_signed(), profile.in_doubt)?;
        let (reports_in, reports) = unbounded();
        let transports = profile.transports.iter().map(LoggedOn::new).collect();
        let runtime =
            Runtime::new(transports, reports_in).map_err(|error| local(&path, format!("no threads: {error}")))?;
        let facts = profile.transports.iter().zip(runtime.transports()).map(|(config, ready)| facts(config, ready));
        let (line, requests) = Line::new();
        let (submission, trouble) = match profile.submission.as_ref().filter(|_| stay == Stay::Long) {
            Some(port) => open_port(port, places, profile, &line),
            None => (None, None),
        };
        let settings = Settings {
            transports: facts.collect(),
            router: Router::new(profile),
            in_doubt: profile.in_doubt,
            schedule: profile.schedule.clone(),
            zone: Some(jiff::tz::TimeZone::system()),
            keeps_time: stay == Stay::Long,
            last_runs: spool.last_runs()?,
            first_run: i64::try_from(wall.as_millis()).unwrap_or(0),
            trouble,
        };
        let spooler = Loop {
            core: Core::new(settings),
            spool,
            store: Arc::new(StoredContent::open(&path)?),
            runtime,
            requests,
            reports,
            lists: Lists::start(&path)?,
            publisher: Publisher::default(),
            report_writer: ReportWriter::new(Reader::open(&path)?, places, profile),
            began: Instant::now(),
            replies: std::collections::HashMap::new(),
            keys: 0,
            unwritten: super::run::Unwritten::default(),
        };
        let socket =
            Socket::listen(&places.socket(), &line).map_err(|error| local(&places.socket(), error.to_string()))?;
        let thread = std::thread::Builder::new()
            .name("spooler".to_owned())
            .spawn(move || spooler.run())
            .map_err(|error| local(&path, error.to_string()))?;
        Ok(Self { line, own: Some(Own { thread, socket, submission, lock, recovery }) })
    }
}

/// The submission port, or what keeps it closed: all else works without it.
fn open_port(
    port: &SubmissionPort,
    places: &Places,
    profile: &Profile,
    line: &Line,
) -> (Option<Submission>, Option<Failure>) {
    match Submission::open(port, places, profile, line) {
        Ok(submission) => (Some(submission), None),
        Err(error) => {
            let what = format!("the submission port is not open, and mail programs can't use it: {error}");
            let at = format!("127.0.0.1:{}", port.port);
            (None, Some(Failure::new(Class::Configuration, Stage::Connect, at, what)))
        }
    }
}

/// A profile to oneself, without a spooler; `None` when another process has it. It goes with the file, or with the
/// process, however that ends.
///
/// # Errors
/// The lock's file can't be made.
pub fn lock(places: &Places) -> Result<Option<File>, Failure> {
    take_lock(&places.lock_file())
}

/// The lock, or `None` when another process has it. It goes with the process, however that ends.
fn take_lock(path: &Path) -> Result<Option<File>, Failure> {
    let opened = crate::profile::places::private_file_options().create(true).open(path);
    let file = opened.map_err(|error| local(path, error.to_string()))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(local(path, error.to_string())),
    }
}

fn facts(config: &crate::profile::TransportConfig, ready: &LoggedOn) -> Facts {
    Facts {
        name: config.name.clone(),
        identity: config.identity.as_ref().map(|identity| (identity.name.clone(), identity.address.clone())),
        provider: ready.provider(),
        path: ready.path(),
        outgoing: config.outgoing.is_some(),
        incoming: config.incoming.is_some(),
        flushes_itself: ready.flushes_itself(),
        honours_no_ui: ready.honours_no_ui(),
        skips_no_ui: ready.skips_no_ui(),
        needs_network: config.needs_network(),
        asynchronous: ready.is_asynchronous(),
        resource: config.resource.clone(),
        prefer_last: config.prefer_last,
        unusable: ready.unusable().cloned(),
    }
}

fn local(path: &Path, what: String) -> Failure {
    Failure::new(Class::Local, Stage::Store, path.display().to_string(), what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapi::{EnvelopeId, QueueState};
    use crate::spool::{Eligibility, NewMessage, RecipientResult, Seconds, SpoolOp, StagingBatch};

    const DAY: Seconds = 86_400;

    /// Messages that were sent at this time, in the order of their identifiers.
    fn sent(spool: &Path, at: Seconds, count: usize) -> Vec<EnvelopeId> {
        let mut batch = StagingBatch::begin(spool).expect("a batch");
        for _ in 0..count {
            let envelopes = vec![("out".to_owned(), vec!["ann@example.net".to_owned()])];
            let staging = batch.stage().expect("a message");
            staging.ready(NewMessage { envelopes, ..NewMessage::default() }, at).expect("ready");
        }
        let ids = batch.commit().expect("committed");
        let which = Eligibility { now: at, lift_back_off: false, lift_not_before: false, only_deferred: false, run: 1 };
        let mut spool = Spool::open(spool).expect("opened");
        let claimed = spool.claim("out", u32::MAX, u64::MAX, &which).expect("a claim");
        let finish = claimed.iter().map(|one| {
            let state = QueueState::Sent;
            let result = |(id, _): &(_, _)| RecipientResult { recipient: *id, state, reply: None, failure: None };
            let recipients = one.recipients.iter().map(result).collect();
            SpoolOp::Finish { envelope: one.envelope, recipients, next_try: None, at, counts: true }
        });
        spool.apply(&finish.collect::<Vec<_>>()).expect("finished");
        ids
    }

    #[test]
    fn what_was_sent_over_a_month_ago_is_forgotten_when_a_spooler_ends() {
        let folder = tempfile::tempdir().expect("a folder");
        let places = Places::of(Some(folder.path()));
        places.create().expect("the folders");
        let text = "[[transport]]\nname = \"out\"\noutgoing = { kind = \"folder\", path = \"out\" }\n";
        let profile = crate::profile::load(text, &folder.path().join("profile.toml"), &places).expect("a profile");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_secs().cast_signed();
        // More than go at once.
        let old = sent(&places.spool(), now - 31 * DAY, 1200);
        let recent = sent(&places.spool(), now - 29 * DAY, 1);

        Spooler::reach(&places, &profile, Stay::Short).expect("a spooler").end(true);
        let mut reader = Reader::open(&places.spool()).expect("a reader");
        assert!(old.iter().all(|id| reader.show(*id).expect("readable").is_none()));
        assert!(reader.show(recent[0]).expect("readable").is_some());
    }

    #[test]
    fn a_spooler_that_ends_leaves_one_whole_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let places = Places::of(Some(folder.path()));
        places.create().expect("the folders");
        let profile = crate::profile::load("", &folder.path().join("profile.toml"), &places).expect("a profile");
        // Its threads close what they read from in any order.
        for run in 0..50 {
            Spooler::reach(&places, &profile, Stay::Short).expect("a spooler").end(true);
            let log = places.spool().with_extension("db-wal");
            assert!(places.spool().exists() && !log.exists(), "run {run} left {}", log.display());
        }
    }
}
