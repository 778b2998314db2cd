//! `mailsluice flush`: send and receive now, transport by transport (procedure B), with progress on a terminal.

use std::io::{self, IsTerminal as _, Write as _};

use crossbeam_channel::{Receiver, bounded};

use super::args::Flush;
use super::context::Context;
use super::{Problem, exit, printable, say, say_json};
use crate::mapi::tag::{PR_DISPLAY_NAME, PR_REMOTE_PROGRESS_TEXT};
use crate::mapi::{Direction, FlushFlags, MapiResult};
use crate::session::{FlushReport, FlushResult, Session, flush_all, flush_each};
use crate::spooler::{Command, Event, Line, PlainSecret, Spooler};
use crate::transport::Question;

/// Runs the command.
pub(super) fn run(context: &Context, flush: &Flush) -> Result<u8, Problem> {
    let cancel = cancel_on_signal();
    let report = context.work(|spooler, session| perform(context, flush, (spooler, session), &cancel))?;
    print(&report, flush.json)?;
    let codes = report.results.iter().map(|result| exit::of_result(&result.of));
    let unexplained = if report.results.is_empty() { exit::of_mapi(report.result) } else { exit::OK };
    Ok(exit::worst(codes.chain([unexplained])))
}

fn perform(
    context: &Context,
    flush: &Flush,
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
    let run = begun.map_err(|result| refused(context, result))?;
    let screen = Screen::new(spooler.line().clone(), flags, flush.json);
    let report = run.wait_with(session, cancel, |events, _| screen.observe(events));
    screen.clear();
    let results = report.results.iter().map(|result| result.of.result);
    if results.chain([report.result]).any(|result| result == MapiResult::EndOfSession) {
        return Err(Problem::Ended);
    }
    Ok(report)
}

fn refused(context: &Context, result: MapiResult) -> Problem {
    if result == MapiResult::NotFound {
        let names: Vec<&str> = context.profile.transports.iter().map(|one| one.name.as_str()).collect();
        return Problem::Usage(format!("no such transport; the profile has {}", names.join(", ")));
    }
    Problem::Software(format!("the flush was refused: {result}"))
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
        // One is enough: a full channel means that it is under way.
        sender.try_send(()).ok();
    });
    if let Err(error) = set {
        tracing::warn!("signals are not handled: {error}");
    }
    receiver
}

fn print(report: &FlushReport, as_json: bool) -> Result<(), Problem> {
    if as_json {
        return say_json(report);
    }
    for FlushResult { of, .. } in &report.results {
        let (sent, got) = (&of.outgoing, &of.incoming);
        let counts = [
            (sent.sent, "sent"),
            (sent.deferred, "deferred"),
            (sent.failed, "refused"),
            (sent.in_doubt, "in doubt"),
            (got.received, "received"),
            (got.failed, "not received"),
        ];
        let mut words: Vec<String> =
            counts.into_iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
        if words.is_empty() {
            words.push("nothing to do".to_owned());
        }
        let name = printable(&of.transport);
        say(&format!("{name}: {} ({}, {:.1} s)", words.join(", "), of.result, of.elapsed_s));
        if let Some(failure) = &of.failure {
            say(&printable(&format!("    {failure}. {}", failure.remedy())));
        }
    }
    for refusal in &report.refusals {
        say(&printable(refusal));
    }
    Ok(())
}

/// Progress and questions on the terminal; nothing under No UI.
struct Screen {
    line: Line,
    shows: bool,
    asks: bool,
}

impl Screen {
    fn new(line: Line, flags: FlushFlags, as_json: bool) -> Self {
        let asks = !flags.contains(FlushFlags::FLUSH_NO_UI);
        Self { line, shows: asks && !as_json && io::stderr().is_terminal(), asks }
    }

    fn observe(&self, events: &[Event]) {
        for event in events {
            match event {
                Event::RowModified(row) if self.shows => {
                    if let (Some(name), Some(text)) = (row.text(PR_DISPLAY_NAME), row.text(PR_REMOTE_PROGRESS_TEXT)) {
                        write!(io::stderr(), "\r\x1b[K{}: {text}", printable(name)).ok();
                    }
                }
                Event::Question { number, question, .. } if self.asks => self.ask(*number, question),
                _ => {}
            }
        }
    }

    fn ask(&self, number: u64, Question::Password { user, host, refused }: &Question) {
        self.clear();
        if let Some(reply) = refused {
            writeln!(io::stderr(), "{} refused the password: {}", printable(host), printable(reply)).ok();
        }
        let prompt = format!("Password of {} at {}: ", printable(user), printable(host));
        let secret = rpassword::prompt_password(prompt).ok().filter(|secret| !secret.is_empty()).map(PlainSecret);
        // The flush itself tells what came of it.
        drop(self.line.ask(Command::AnswerQuestion { question: number, secret }));
    }

    fn clear(&self) {
        if self.shows {
            write!(io::stderr(), "\r\x1b[K").ok();
        }
    }
}
