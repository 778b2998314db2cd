//! `mailsluice flush`: send and receive now, transport by transport (procedure B), with progress on a terminal.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;

use crossbeam_channel::{Receiver, bounded};

use super::args::Flush;
use super::context::{Context, LOGON_PATIENCE};
use super::questions::Questions;
use super::{Problem, clock, exit, now, say, say_json};
use crate::mapi::tag::{
    PR_DISPLAY_NAME, PR_REMOTE_PROGRESS_TEXT, PR_SLUICE_DEFERRED, PR_SLUICE_FAILED, PR_SLUICE_HELD, PR_SLUICE_IN_DOUBT,
    PR_SLUICE_IN_FLIGHT, PR_SLUICE_NEXT_TRY, PR_SLUICE_QUEUED,
};
use crate::mapi::{Class, Direction, FlushFlags, MapiResult, Row, visible};
use crate::profile::Places;
use crate::session::{FlushReport, FlushResult, Session, flush_all, flush_each};
use crate::spooler::core::rows::transport_id;
use crate::spooler::{Event, Line, Spooler, TransportResult};

/// Runs the command.
pub(super) fn run(context: &Context, flush: &Flush) -> Result<u8, Problem> {
    flush.transports.iter().try_for_each(|name| context.has(name))?;
    let cancel = cancel_on_signal();
    let (report, rows) = context.work(|spooler, session| {
        let report = perform(flush, &context.places, (spooler, session), &cancel)?;
        Ok((report, if flush.json { Vec::new() } else { rows_now(spooler) }))
    })?;
    if flush.json {
        say_json(&report)?;
    } else {
        print(&report, &rows, flags(flush).wants(Direction::Outgoing));
    }
    // What this version does not do is no failure, unless it was asked for by name.
    let unasked = |result: &&FlushResult| {
        flush.transports.is_empty()
            && result.of.failure.as_ref().is_some_and(|failure| failure.class == Class::Unsupported)
    };
    let codes = report.results.iter().filter(|result| !unasked(result)).map(|result| exit::of_result(&result.of));
    let unexplained = if report.results.is_empty() { exit::of_mapi(report.result) } else { exit::OK };
    Ok(exit::worst(codes.chain([unexplained])))
}

/// The rows as they are when all is over: those of the session may be of the moment before.
fn rows_now(spooler: &Spooler) -> Vec<Arc<Row>> {
    let mut session = Session::logon(spooler.line(), Arc::new(|| {}));
    // A spooler that has ended has no rows; what the flush came to is told all the same.
    session.wait_ready(LOGON_PATIENCE).ok();
    session.rows()
}

fn perform(
    flush: &Flush,
    places: &Places,
    (spooler, session): (&Spooler, &mut Session),
    cancel: &Receiver<()>,
) -> Result<FlushReport, Problem> {
    let flags = flags(flush);
    // Only the spooler's own flush can be asynchronous, and only a spooler that outlives this command can go on.
    let leaves_it = flush.asynchronous && !spooler.is_here() && flush.transports.is_empty();
    let begun = if leaves_it {
        flush_all(session, flags | FlushFlags::FLUSH_ASYNC_OK, false)
    } else {
        flush_each(session, &flush.transports, flags, false)
    };
    let run = begun.map_err(|result| Problem::Software(format!("the flush was refused: {result}")))?;
    let screen = Screen::new(spooler.line().clone(), places.clone(), flags, flush.json);
    #[cfg(feature = "desktop")]
    let mut awake = crate::session::Awake::default();
    let report = run.wait_with(session, cancel, |events, _| {
        #[cfg(feature = "desktop")]
        awake.observe(events);
        screen.observe(events);
    });
    screen.clear();
    let results = report.results.iter().map(|result| result.of.result);
    if results.chain([report.result]).any(|result| result == MapiResult::EndOfSession) {
        return Err(Problem::Ended);
    }
    Ok(report)
}

fn flags(flush: &Flush) -> FlushFlags {
    let neither = !flush.send && !flush.receive;
    let mut flags = FlushFlags::empty();
    flags.set(Direction::Outgoing.flag(), flush.send || neither);
    flags.set(Direction::Incoming.flag(), flush.receive || neither);
    flags.set(FlushFlags::FLUSH_FORCE, flush.force);
    // Without a terminal there is nobody to ask.
    flags.set(FlushFlags::FLUSH_NO_UI, flush.no_ui || !io::stdin().is_terminal());
    flags
}

/// Something arrives when the user presses Ctrl+C or the system wants the process to end: the flush is cancelled, each
/// message is left in a true state, and the command reports as always.
fn cancel_on_signal() -> Receiver<()> {
    let (sender, receiver) = bounded(1);
    let set = ctrlc::set_handler(move || {
        // The mail is in a true state, and is on disk.
        if super::context::may_leave() {
            std::process::exit(i32::from(exit::TEMPORARY));
        }
        // One is enough: a full channel means that it is under way.
        sender.try_send(()).ok();
    });
    if let Err(error) = set {
        tracing::warn!("signals are not handled: {error}");
    }
    receiver
}

fn print(report: &FlushReport, rows: &[Arc<Row>], sends: bool) {
    for FlushResult { of, .. } in &report.results {
        let row = rows.iter().find(|row| row.entry_id() == Some(transport_id(&of.transport)));
        let left = row.filter(|_| sends).and_then(|row| still_here(row));
        let done = done(of);
        let words = match (done.is_empty(), &left, &of.failure) {
            (false, ..) => done.join(", "),
            (true, Some(_), _) => "nothing sent".to_owned(),
            (true, None, Some(_)) => "nothing done".to_owned(),
            (true, None, None) => "nothing to do".to_owned(),
        };
        let left = left.map(|left| format!("; {left}")).unwrap_or_default();
        say(&format!("{}: {words}{left} ({}, {:.1} s)", visible(&of.transport), of.result, of.elapsed_s));
        if let Some(failure) = &of.failure {
            say(visible(&format!("    {failure}. {}", failure.remedy())).trim_end());
        }
    }
    for refusal in &report.refusals {
        say(&visible(refusal));
    }
}

/// What a flush did with one transport, in words.
fn done(of: &TransportResult) -> Vec<String> {
    let (sent, got) = (&of.outgoing, &of.incoming);
    let counts = [
        (sent.sent, "sent"),
        (sent.deferred, "put off"),
        (sent.failed, "refused"),
        (sent.in_doubt, "in doubt"),
        (got.received, "received"),
        (got.failed, "not received"),
    ];
    counts.into_iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect()
}

/// What is in a transport's queue, in words: "5 still here: 4 waiting, 1 put off until 14:05".
fn still_here(row: &Row) -> Option<String> {
    let count = |tag| row.number(tag).unwrap_or(0);
    let now = now();
    let until = row.number(PR_SLUICE_NEXT_TRY).filter(|at| *at > now);
    let put_off = until.map_or_else(|| "put off".to_owned(), |at| format!("put off until {}", clock(at, now)));
    let counts = [
        (count(PR_SLUICE_QUEUED) + count(PR_SLUICE_IN_FLIGHT), "waiting"),
        (count(PR_SLUICE_DEFERRED), &put_off),
        (count(PR_SLUICE_HELD), "held"),
        (count(PR_SLUICE_FAILED), "refused"),
        (count(PR_SLUICE_IN_DOUBT), "in doubt"),
    ];
    let all: i64 = counts.iter().map(|(count, _)| count).sum();
    let words = counts.into_iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}"));
    (all > 0).then(|| format!("{all} still here: {}", words.collect::<Vec<_>>().join(", ")))
}

/// Progress and questions on the terminal; nothing under No UI.
struct Screen {
    questions: Questions,
    shows: bool,
    asks: bool,
}

impl Screen {
    fn new(line: Line, places: Places, flags: FlushFlags, as_json: bool) -> Self {
        let asks = !flags.contains(FlushFlags::FLUSH_NO_UI);
        Self { questions: Questions::new(line, places), shows: asks && !as_json && io::stderr().is_terminal(), asks }
    }

    fn observe(&self, events: &[Event]) {
        for event in events {
            match event {
                Event::RowModified(row) if self.shows && !self.questions.is_open() => {
                    if let (Some(name), Some(text)) = (row.text(PR_DISPLAY_NAME), row.text(PR_REMOTE_PROGRESS_TEXT)) {
                        write!(io::stderr(), "\r\x1b[K{}: {text}", visible(name)).ok();
                    }
                }
                Event::Question { number, transport, question } if self.asks => {
                    self.clear();
                    self.questions.ask(*number, transport, question);
                }
                Event::QuestionGone(number) => self.questions.gone(*number),
                _ => {}
            }
        }
    }

    fn clear(&self) {
        if self.shows {
            write!(io::stderr(), "\r\x1b[K").ok();
        }
    }
}
