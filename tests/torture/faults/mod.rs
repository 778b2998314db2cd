//! The table of faults: every point of a conversation, everything that can go wrong there. Each cell is tried against a
//! small server that goes wrong there and is healed afterwards, and has to end in the right typed error, in bounded time
//! and memory, with every message in the right state, and in words that a person understands.
//!
//! What came of it is written to `target/fault-table/`; `table/` has a copy that was looked at, of the same cells.
//! `ACCEPT_FAULT_TABLE=1` writes it anew.

mod expect;
mod imap;
mod pop3;
mod receive;
mod send;
mod server;
mod smtp;
mod table;
mod tls;

use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use mailsluice::mapi::Failure;
use mailsluice::session::FlushReport;
use tempfile::TempDir;

use self::server::Fault;

/// Longer than the profile's patience, in which all must be over, on a busy machine. An endless answer is read until it
/// is too long, and tests are not fast.
const BOUND: Duration = Duration::from_secs(100);

/// Of a profile, how long it waits: not long where nothing comes, and long where a busy machine is all that is slow.
fn patience(fault: Fault) -> &'static str {
    if matches!(fault, Fault::Stall | Fault::Drip) { "patience = \"2s\"\n" } else { HEALED }
}

/// Of a profile whose server is well again.
const HEALED: &str = "patience = \"90s\"\n";

/// What came of one cell.
#[derive(Debug, Clone)]
struct Cell {
    protocol: &'static str,
    point: &'static str,
    fault: String,
    /// The class of the failure, or what was done.
    class: String,
    /// What became of the mail.
    state: String,
    /// In words.
    words: String,
    /// What is wrong with that.
    wrong: Vec<String>,
}

impl Cell {
    fn new(protocol: &'static str, point: &'static str, fault: impl Into<String>) -> Self {
        let (class, state, words, wrong) = (String::new(), String::new(), String::new(), Vec::new());
        Self { protocol, point, fault: fault.into(), class, state, words, wrong }
    }

    fn must(&mut self, holds: bool, what: &str) {
        if !holds {
            self.wrong.push(what.to_owned());
        }
    }

    /// Takes over what a failure says of itself, and looks whether a person can read it.
    fn describe(&mut self, failure: Option<&Failure>, port: u16) {
        let Some(failure) = failure else { return };
        self.class = word(&failure.class);
        let words = failure.to_string();
        let readable = !words.is_empty()
            && words.len() < 300
            && !words.chars().any(char::is_control)
            && ["Os {", "Custom {", "Error(", "Some(", "None"].iter().all(|debug| !words.contains(debug));
        self.must(readable, "the words are not for people");
        self.must(!words.ends_with("folder INBOX"), "the words do not say what happened");
        self.must(words.contains(&format!(":{port}")), "the words do not say where");
        // A line that is closed with something unread in it is reset: which of the two it is depends on the moment.
        let words =
            words.replace(&format!(":{port}"), ":PORT").replace("the line was reset", "the server closed the line");
        // Each run makes certificates of its own.
        let words = match words.split_once("(SHA-256 ") {
            Some((before, _fingerprint)) => format!("{before}(SHA-256 …)"),
            None => words,
        };
        self.words = words.replace('\n', " ");
    }
}

/// The word of a class or state, as JSON has it.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The first failure that a flush tells of.
fn failure_of(report: &FlushReport) -> Option<&Failure> {
    report.results.first().and_then(|result| result.of.failure.as_ref())
}

/// Flushes, and looks at the time it takes.
fn timed(cell: &mut Cell, flush: impl FnOnce() -> FlushReport) -> FlushReport {
    let began = Instant::now();
    let report = flush();
    cell.must(began.elapsed() < BOUND, "it took too long");
    report
}

/// A profile's folder, in memory where that can be had.
pub(crate) fn folder(profile: &str) -> TempDir {
    let memory = Path::new("/dev/shm");
    let mut builder = tempfile::Builder::new();
    builder.prefix("mailsluice-test-");
    let folder = if memory.is_dir() { builder.tempdir_in(memory) } else { builder.tempdir() }.expect("a folder");
    std::fs::write(folder.path().join("profile.toml"), profile).expect("a file");
    folder
}

/// Receives this letter from a POP3 server that calls it by this UIDL; the profile's folder and what came.
pub(crate) fn receive_under(uidl: &'static str, letter: &str) -> (TempDir, Vec<String>) {
    receive::under(uidl, letter)
}

/// Every file below a folder.
pub(crate) fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().map_while(Result::ok) {
        let path = entry.path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path.display().to_string()) }
    }
    found
}

/// How a fault is called in the table.
fn name(fault: Fault) -> String {
    let words = match fault {
        Fault::Drop => "drop",
        Fault::Stall => "stall",
        Fault::Drip => "a byte at a time",
        Fault::Garbage => "garbage",
        Fault::EndlessLine => "endless line",
        Fault::EndlessReply => "endless reply",
        Fault::Twice => "two replies",
        Fault::Temporary => "no, for now",
        Fault::Permanent => "no, for good",
        Fault::Leaving => "closing down",
        Fault::Injected => "commands slipped in",
        Fault::NoTls => "no TLS behind it",
        Fault::Says(text) | Fault::SaysAndDrops(text) => return text.replace("\r\n", " ⏎ "),
    };
    words.to_owned()
}

/// What may go wrong at any point.
const ANYWHERE: [Fault; 10] = [
    Fault::Drop,
    Fault::Stall,
    Fault::Drip,
    Fault::Garbage,
    Fault::EndlessLine,
    Fault::EndlessReply,
    Fault::Twice,
    Fault::Temporary,
    Fault::Permanent,
    Fault::Leaving,
];

/// Tries cells side by side: most of them wait for something that does not come.
fn try_all<T: Copy + Send + Sync>(cells: &[T], one: impl Fn(T) -> Cell + Sync) -> Vec<Cell> {
    let next = Mutex::new(0..cells.len());
    let done: Mutex<Vec<(usize, Cell)>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                loop {
                    let Some(number) = next.lock().expect("whole").next() else { return };
                    let cell = one(cells[number]);
                    done.lock().expect("whole").push((number, cell));
                }
            });
        }
    });
    let mut done = done.into_inner().expect("whole");
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, cell)| cell).collect()
}

#[test]
fn smtp_step_by_step() {
    table::check("smtp", send::politely());
}

#[test]
fn smtp_in_a_stream() {
    table::check("smtp-stream", send::streaming());
}

#[test]
fn pop3_at_every_point() {
    table::check("pop3", receive::pop3());
}

#[test]
fn imap_at_every_point() {
    table::check("imap", receive::imap());
}

#[test]
fn tls_of_all_three() {
    table::check("tls", tls::all());
}
