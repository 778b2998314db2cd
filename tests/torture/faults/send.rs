//! The cells of SMTP.

use std::path::Path;

use mailsluice::mapi::{Failure, FlushFlags, QueueState};
use mailsluice::session::FlushReport;
use mailsluice::spool::QueueDetail;
use mailsluice::spooler::{Command, Reply};

use super::server::{BadServer, Fault, Plan};
use super::{ANYWHERE, Cell, HEALED, expect, failure_of, folder, name, patience, smtp, timed, word};
use crate::books::letter;
use crate::support::Engine;
use crate::support::daemon::wait_until;
use crate::support::provider::{PATIENCE, login, sender};

const UPLOAD: FlushFlags = FlushFlags::FLUSH_UPLOAD.union(FlushFlags::FLUSH_FORCE);
/// More than two sockets hold: a server that stops reading is met in mid-content.
const LARGE: usize = 16 << 20;

/// Point by point, without PIPELINING and CHUNKING.
pub(super) fn politely() -> Vec<Cell> {
    let mut cells = every_cell("SMTP", &smtp::POINTS, false);
    cells.push(refused());
    cells
}

/// With both: MAIL, RCPT and the content are in the air at once.
pub(super) fn streaming() -> Vec<Cell> {
    every_cell("SMTP, streaming", &["MAIL", "RCPT", "content", "final reply"], true)
}

fn every_cell(protocol: &'static str, points: &[&'static str], streams: bool) -> Vec<Cell> {
    let cells: Vec<_> = points.iter().flat_map(|point| ANYWHERE.map(|fault| (*point, fault))).collect();
    super::try_all(&cells, |(point, fault)| cell(protocol, point, fault, streams))
}

fn profile(port: u16, patience: &str) -> String {
    format!("{}{}{patience}connections = 1\n", sender("out", port, "*"), login())
}

fn cell(protocol: &'static str, point: &'static str, fault: Fault, streams: bool) -> Cell {
    let plan = Plan { at: point, fault, dialect: smtp::DIALECT, tls: None, tls_at_once: false, streams };
    let server = BadServer::start(plan, smtp::serve, Vec::new());
    let port = server.address.port();
    let folder = folder(&profile(port, patience(fault)));
    let mut engine = Engine::open(folder.path());
    let mut cell = Cell::new(protocol, point, name(fault));
    let mut content = letter("m", 0);
    if point == "content" {
        content.extend(format!("{}\r\n", "x".repeat(990)).repeat(LARGE / 992).bytes());
    }
    engine.submit([content.as_slice()]);
    let report = timed(&mut cell, || engine.flush(UPLOAD));
    let detail = detail(&engine);
    judge(&mut cell, &report, &detail, port);
    let right = expect::smtp(point, fault, streams);
    let class = if cell.class.is_empty() { "-" } else { &cell.class };
    let (class_is_right, state_is_right) = (right.classes.contains(&class), right.states.contains(&&*cell.state));
    cell.must(server.struck(), "nobody came to this point");
    cell.must(class_is_right, "another class is right");
    cell.must(state_is_right, "another state is right");
    cell.must(!server.was_endless(), "it listened without end");
    afterwards(&mut cell, &server, engine, folder.path(), detail.row.state).end();
    // Which of them it is depends on the moment.
    if state_is_right && right.states.len() > 2 {
        cell.state = right.states.join(" or ");
        cell.class = right.classes.join(" or ");
        cell.words = "…".into();
    }
    cell
}

/// What the queue says of the message, and the flush of itself.
fn judge(cell: &mut Cell, report: &FlushReport, detail: &QueueDetail, port: u16) {
    let of_recipient: Option<&Failure> = detail.recipients.first().and_then(|recipient| recipient.failure.as_ref());
    cell.describe(failure_of(report), port);
    cell.describe(of_recipient, port);
    cell.state = word(&detail.row.state);
}

/// Nothing was delivered that is not known to be, and the next flush of a healed server sends what waits, once.
fn afterwards(cell: &mut Cell, server: &BadServer, mut engine: Engine, folder: &Path, state: QueueState) -> Engine {
    let taken = || server.shared.mail().len();
    match state {
        // An answer too many, early on, passes for the last one while the server is still taking the content.
        QueueState::Sent => cell.must(wait_until(PATIENCE, || taken() == 1), "it counts as sent and was lost"),
        QueueState::InDoubt => {}
        _ => cell.must(taken() == 0, "it was delivered, and would be again in silence"),
    }
    let before = taken();
    server.heal();
    // The program starts anew, with more patience; a refused password is not tried again before.
    engine.end();
    let profile = profile(server.address.port(), HEALED);
    std::fs::write(folder.join("profile.toml"), profile).expect("a file");
    engine = Engine::open(folder);
    engine.flush(UPLOAD);
    let waited = matches!(state, QueueState::Queued | QueueState::Deferred);
    let now = detail(&engine).row.state;
    if waited {
        cell.must(now == QueueState::Sent && taken() == before + 1, "it did not go out when the server was well again");
    } else {
        cell.must(now == state && taken() == before, "it went out again in silence");
    }
    engine
}

fn detail(engine: &Engine) -> QueueDetail {
    let id = engine.rows().first().expect("the message").id;
    match engine.ask(Command::Show(id)) {
        Reply::Shown(Some(detail)) => *detail,
        reply => panic!("a message, not {reply:?}"),
    }
}

/// Nobody listens.
fn refused() -> Cell {
    let port = crate::support::daemon::free_port();
    let folder = folder(&profile(port, HEALED));
    let mut engine = Engine::open(folder.path());
    let mut cell = Cell::new("SMTP", "connect", "refuse");
    engine.submit([letter("m", 0).as_slice()]);
    let report = timed(&mut cell, || engine.flush(UPLOAD));
    judge(&mut cell, &report, &detail(&engine), port);
    let right = cell.class == "offline" && cell.state == "queued";
    cell.must(right, "offline and queued are right");
    engine.end();
    cell
}
