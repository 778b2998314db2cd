//! Mailsluice beside the programs a user could pick instead: the same work, on the same machine, in the same minute.
//!
//! ```text
//! make bench                                        everything; writes benches/RESULTS.md; half an hour
//! make bench ONLY=send-small-smarthost-40 REPS=3    scenarios whose name has this in it; writes nothing
//! make bench ONLY=imap PEER=mailsluice,mbsync       clients whose name begins with one of these
//! make bench ONLY=imap ARGS=--write                 writes RESULTS.md of these alone
//! make bench ARGS=--list                            what there is
//! MAILSLUICE=/path/to/mailsluice make bench …       another build of the product
//! ```
//!
//! Every client is a process that does what it does for its users, from a configuration in a folder of its own. Queues and
//! mailboxes are filled off the clock; then the command runs; then, off the clock, what arrived is checked, message by
//! message: [`letters::check`]. A run that lost, doubled or changed one is a failure, not a figure. Repetitions go through all
//! clients in turn, so that ratios are of neighbours in time.
//!
//! The scenarios are a list in [`scenario`]; distance is made by [`proxy`], figures are taken by [`measure`], on a disk
//! made by [`scratch`]. The servers are those of the tests.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable,
    reason = "a bench: what can't go on has to say so and stop"
)]

mod calibrate;
mod client;
mod floors;
mod letters;
mod measure;
mod proxy;
mod report;
mod scenario;
mod scratch;
mod server;
mod support;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use client::{Client, Receive, Send, raw_imap};
use letters::Letters;
use measure::Usage;
use proxy::Line;
use report::{Outcome, Row};
use scenario::{Run, SCENARIOS, Scenario, Work};
use server::{Address, Distant, Post, Security, Taker};

/// What is to be measured.
#[derive(Debug, Parser)]
struct Arguments {
    /// Scenarios whose name has one of these words in it; separated by commas. Without: all, and RESULTS.md is written.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Clients whose name begins with one of these words; separated by commas.
    #[arg(long, value_delimiter = ',')]
    peer: Vec<String>,
    /// Repetitions.
    #[arg(long, default_value_t = 5)]
    reps: usize,
    /// Write RESULTS.md of these alone.
    #[arg(long)]
    write: bool,
    /// Name the scenarios and their clients.
    #[arg(long)]
    list: bool,
    /// Say nothing to this: `cargo bench` gives it to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

impl Arguments {
    fn scenarios(&self) -> impl Iterator<Item = &'static Scenario> {
        let wanted = |scenario: &&Scenario| {
            self.only.is_empty() || self.only.iter().any(|word| scenario.name.contains(word.as_str()))
        };
        SCENARIOS.iter().filter(wanted)
    }

    fn runs(&self, scenario: &'static Scenario) -> Vec<Run> {
        let wanted =
            |run: &&Run| self.peer.is_empty() || self.peer.iter().any(|word| run.name().starts_with(word.as_str()));
        scenario.runs.iter().filter(wanted).copied().collect()
    }

    const fn is_whole(&self) -> bool {
        self.only.is_empty() && self.peer.is_empty()
    }
}

/// A measurement that is no comparison: takes repetitions, gives its part of the report.
type Measure = fn(usize) -> String;

fn main() -> ExitCode {
    let all: Vec<OsString> = std::env::args_os().skip(1).collect();
    match all.split_first() {
        Some((word, rest)) if word == measure::WORD => return measure::serve(rest).into(),
        Some((word, rest)) if word == raw_imap::WORD => return raw_imap::serve(rest).into(),
        _ => {}
    }
    let arguments = Arguments::parse();
    if arguments.list {
        for scenario in arguments.scenarios() {
            let runs: Vec<String> = arguments.runs(scenario).iter().map(Run::name).collect();
            println!("{}: {}", scenario.name, runs.join(" "));
        }
        println!("floors: of the disk\nline: whether the proxy is what it says");
        return ExitCode::SUCCESS;
    }
    match scratch::described() {
        None => scratch::enter(&all).into(),
        Some(scratch) => measure_all(&arguments, &scratch),
    }
}

fn measure_all(arguments: &Arguments, scratch: &str) -> ExitCode {
    let mut outcomes = Vec::new();
    for scenario in arguments.scenarios() {
        let runs = arguments.runs(scenario);
        if runs.is_empty() {
            continue;
        }
        let Some(outcome) = compare(scenario, runs, arguments.reps.min(scenario.repetitions)) else {
            return ExitCode::FAILURE;
        };
        println!("{}", outcome.table());
        outcomes.push(outcome);
    }
    let mut extras = String::new();
    let others: [(&str, Measure); 2] = [("floors", floors::measure), ("line", calibrate::measure)];
    for (name, measure) in others {
        if arguments.is_whole() || arguments.only.iter().any(|word| word == name) {
            extras += &measure(arguments.reps);
        }
    }
    println!("{extras}");
    if arguments.is_whole() || arguments.write {
        let text = report::document(&outcomes, &extras, arguments.reps, scratch);
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/RESULTS.md");
        std::fs::write(&path, text).expect("a writable tree");
        println!("{}", path.display());
    }
    ExitCode::SUCCESS
}

/// Runs a scenario; `None`: a server is missing.
fn compare(scenario: &'static Scenario, runs: Vec<Run>, repetitions: usize) -> Option<Outcome> {
    let folder = tempfile::Builder::new().prefix("bench-").tempdir().expect("a folder");
    let letters = Letters::write(&folder.path().join("letters"), scenario.set, scenario.count);
    // Looking whether there is something new is one thing to do, however much is there.
    let whole = if matches!(scenario.work, Work::Receive { again: true, .. }) { 1 } else { scenario.count };
    let row = |run: Run| Row { run, count: run.count.unwrap_or(whole), samples: Vec::new() };
    let rows = runs.into_iter().map(row).collect();
    let mut outcome = Outcome { scenario, bytes: letters.bytes, rows };
    let line = Line { round_trip: Duration::from_millis(scenario.rtt), mbit: scenario.mbit, turns: scenario.turns };
    let mut bench = Bench { folder: folder.path().to_owned(), letters: &letters, number: 0 };
    match scenario.work {
        Work::Send(taker) => {
            let (post, near) = Post::start(taker)?;
            let mut server = Distant::new(post, near, line);
            repeat(&mut outcome, repetitions, |run, count| bench.send(&mut server, run, count));
            if taker == Taker::Counter {
                let (post, near) = Post::start(Taker::Sink)?;
                let mut server = Distant::new(post, near, line);
                for row in &mut outcome.rows {
                    if let Err(why) = bench.send(&mut server, &row.run, row.count) {
                        row.samples.push(Err(why));
                    }
                }
            }
        }
        Work::Receive { pop3, tls, again } => {
            let dovecot = server::mailbox(&letters)?;
            let ports = dovecot.ports;
            let port = match (pop3, tls) {
                (false, false) => ports.imap,
                (false, true) => ports.imaps,
                (true, false) => ports.pop3,
                (true, true) => ports.pop3s,
            };
            let security = if tls { Security::Tls } else { Security::None };
            let near = Address { port, security, authority: dovecot.certs.authority.clone(), login: true };
            // It builds its indexes at the first visit.
            let visit = Address { port: ports.imap, security: Security::None, ..near.clone() };
            Client::RawImap.receive(&Receive { folder: &bench.new_folder(), from: &visit, pop3: false }).ok();
            let server = Distant::new(dovecot, near, line);
            repeat(&mut outcome, repetitions, |run, _| {
                let from = if run.near { &server.near } else { &server.far };
                Bench::receive(run.client, &Receive { folder: &bench.new_folder(), from, pop3 }, scenario.count, again)
            });
        }
    }
    Some(outcome)
}

/// All clients in turn, every other time from the last to the first.
fn repeat(outcome: &mut Outcome, repetitions: usize, mut work: impl FnMut(&Run, usize) -> Result<Usage, String>) {
    for repetition in 0..repetitions {
        let mut order: Vec<&mut Row> = outcome.rows.iter_mut().collect();
        if repetition % 2 == 1 {
            order.reverse();
        }
        for row in order {
            let sample = work(&row.run, row.count);
            let said = match &sample {
                Ok(usage) => format!("{:.1}/s", row.count as f64 / usage.wall),
                Err(why) => format!("FAILED: {why}"),
            };
            eprintln!("{} {}/{repetitions} {}: {said}", outcome.scenario.name, repetition + 1, row.run.name());
            row.samples.push(sample);
        }
    }
}

/// A scenario's own things.
struct Bench<'a> {
    folder: PathBuf,
    letters: &'a Letters,
    /// Folders made so far.
    number: usize,
}

impl Bench<'_> {
    fn new_folder(&mut self) -> PathBuf {
        self.number += 1;
        let folder = self.folder.join(format!("run-{}", self.number));
        std::fs::create_dir(&folder).expect("a folder");
        folder
    }

    fn send(&mut self, server: &mut Distant<Post>, run: &Run, count: usize) -> Result<Usage, String> {
        let folder = self.new_folder();
        let to = if run.near { &server.near } else { &server.far };
        let usage = run.client.send(&Send { folder: &folder, letters: self.letters, count, to });
        let verdict = server.server.check(count, run.client.invents());
        std::fs::remove_dir_all(&folder).ok();
        usage.and_then(|usage| verdict.map(|()| usage))
    }

    fn receive(client: Client, job: &Receive<'_>, count: usize, again: bool) -> Result<Usage, String> {
        let mut usage = client.receive(job);
        if again && usage.is_ok() {
            usage = client.receive(job);
        }
        let verdict = letters::check(count, server::maildir(&job.maildir()));
        std::fs::remove_dir_all(job.folder).ok();
        usage.and_then(|usage| verdict.map(|()| usage))
    }
}
