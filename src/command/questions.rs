//! What a flush asks, asked on the terminal: one question at a time.
//!
//! A password and a certificate are waited for where they are asked. A sign-in ends in a browser, perhaps without a word
//! here: meanwhile the flush goes on, other questions wait, and what may be typed is read aside.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::thread;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::termios::QueueSelector;

use super::{clock, now};
use crate::mapi::{Certificate, visible};
use crate::profile::{Places, pin};
use crate::spooler::{Command, Line, PlainSecret, Said};
use crate::transport::{Consent, Question};

/// Whoever answers at the terminal.
pub(super) struct Questions {
    line: Line,
    places: Places,
    waiting: RefCell<Waiting>,
}

#[derive(Default)]
struct Waiting {
    /// The sign-in that is waited for, and what ends the reading of its answer when it is dropped.
    open: Option<(u64, OwnedFd)>,
    next: VecDeque<(u64, String, Question)>,
}

impl Questions {
    /// Answers go down this line, and certificates into this profile.
    pub(super) fn new(line: Line, places: Places) -> Self {
        Self { line, places, waiting: RefCell::default() }
    }

    /// Somebody may be typing.
    pub(super) fn is_open(&self) -> bool {
        self.waiting.borrow().open.is_some()
    }

    /// Asks it, or will when the one before it is over.
    pub(super) fn ask(&self, number: u64, transport: &str, question: &Question) {
        if self.is_open() {
            self.waiting.borrow_mut().next.push_back((number, transport.to_owned(), question.clone()));
            return;
        }
        let said = match question {
            Question::Password { user, host, refused } => ask_password(user, host, refused.as_deref()),
            Question::Certificate(certificate) => self.ask_trust(transport, certificate),
            Question::Consent(consent) => match self.show_consent(number, consent) {
                Ok(gone) => {
                    self.waiting.borrow_mut().open = Some((number, gone));
                    return;
                }
                Err(error) => {
                    tracing::warn!(%error, "the terminal can't be read");
                    None
                }
            },
        };
        answer(&self.line, number, said);
    }

    /// Nobody needs to answer this one any more: the next can be asked.
    pub(super) fn gone(&self, number: u64) {
        let mut waiting = self.waiting.borrow_mut();
        waiting.next.retain(|(other, ..)| *other != number);
        if waiting.open.take_if(|(open, _)| *open == number).is_none() {
            return;
        }
        writeln!(io::stderr()).ok();
        if !waiting.next.is_empty() {
            forget_what_was_typed();
        }
        drop(waiting);
        // Those that are answered where they are asked, up to the next that is not.
        while let Some((number, transport, question)) = self.next() {
            self.ask(number, &transport, &question);
        }
    }

    fn next(&self) -> Option<(u64, String, Question)> {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.open.is_some() { None } else { waiting.next.pop_front() }
    }

    /// Only a whole word trusts it: Enter is what a person in a hurry presses.
    fn ask_trust(&self, transport: &str, of: &Certificate) -> Option<Said> {
        let said = show_certificate(of)?;
        if said == "always" {
            let mut screen = io::stderr();
            match pin::pin(&self.places, transport, of) {
                Ok(()) => writeln!(screen, "Its fingerprint is in {}.", self.places.profile_file().display()).ok(),
                Err(error) => writeln!(screen, "Trusted for this run only: {error}").ok(),
            };
        }
        matches!(said.as_str(), "yes" | "always").then_some(Said::Trust)
    }

    /// Shows where to sign in, and reads aside what is typed, until what it gives is dropped.
    fn show_consent(&self, number: u64, of: &Consent) -> io::Result<OwnedFd> {
        forget_what_was_typed();
        let mut screen = io::stderr();
        if let Some(why) = &of.why {
            writeln!(screen, "{}", visible(why)).ok();
        }
        writeln!(
            screen,
            "{} wants {} to sign in with {}, in a browser, at",
            visible(&of.host),
            visible(&of.user),
            visible(&of.provider)
        )
        .ok();
        writeln!(screen, "  {}", visible(&of.address)).ok();
        match &of.code {
            Some(code) => write!(screen, "with the code {}. Enter gives up. ", visible(code)).ok(),
            None => {
                write!(screen, "If the browser can't come back here, paste the address it ends at. Enter gives up. ")
                    .ok()
            }
        };
        let (gone, stop) = rustix::pipe::pipe()?;
        let line = self.line.clone();
        thread::Builder::new().name("terminal".to_owned()).spawn(move || {
            if let Some(typed) = typed(&gone) {
                let said = Some(typed).filter(|typed| !typed.is_empty()).map(|typed| Said::Secret(PlainSecret(typed)));
                answer(&line, number, said);
            }
        })?;
        Ok(stop)
    }
}

/// The flush itself tells what came of it.
fn answer(line: &Line, number: u64, said: Option<Said>) {
    drop(line.ask(Command::AnswerQuestion { question: number, said }));
}

/// The next line that is typed; `None`: it is no longer wanted, and nothing was read.
fn typed(gone: &OwnedFd) -> Option<String> {
    let stdin = io::stdin();
    let mut either = [PollFd::new(&stdin, PollFlags::IN), PollFd::new(gone, PollFlags::IN)];
    while let Err(rustix::io::Errno::INTR) = poll(&mut either, None) {}
    let [typed, gone] = either;
    if !gone.revents().is_empty() || typed.revents().is_empty() {
        return None;
    }
    let mut line = String::new();
    // What is no text, or a terminal that is gone, gives up like Enter: the question must not stay open.
    stdin.read_line(&mut line).map_or_else(|_| Some(String::new()), |_| Some(line.trim().to_owned()))
}

/// Forgets what was typed before the question was there: Enter would give up.
fn forget_what_was_typed() {
    // Where nobody sits there is nothing to forget.
    rustix::termios::tcflush(io::stdin(), QueueSelector::IFlush).ok();
}

fn ask_password(user: &str, host: &str, refused: Option<&str>) -> Option<Said> {
    if let Some(reply) = refused {
        writeln!(io::stderr(), "{} refused the password: {}", visible(host), visible(reply)).ok();
    }
    let prompt = format!("Password of {} at {}: ", visible(user), visible(host));
    let secret = rpassword::prompt_password(prompt).ok().filter(|secret| !secret.is_empty())?;
    Some(Said::Secret(PlainSecret(secret)))
}

/// Shows the certificate, and gives what the person says.
fn show_certificate(of: &Certificate) -> Option<String> {
    let mut screen = io::stderr();
    let now = now();
    let day = |at: Option<i64>| at.map_or_else(|| "?".to_owned(), |at| clock(at, now));
    writeln!(screen, "The certificate of {} is not trusted.", visible(&of.host)).ok();
    writeln!(screen, "  for      {}", visible(&of.names.join(", "))).ok();
    writeln!(screen, "  issuer   {}", visible(&of.issuer)).ok();
    writeln!(screen, "  valid    {} to {}", day(of.from), day(of.until)).ok();
    writeln!(screen, "  SHA-256  {}", of.fingerprint).ok();
    if let Some(expected) = &of.expected {
        writeln!(screen, "  CHANGED: {expected} was expected").ok();
    }
    write!(screen, "Trust it? Type yes for this run, always for good, or press Enter for no: ").ok();
    let mut line = String::new();
    io::stdin().read_line(&mut line).ok()?;
    Some(line.trim().to_owned())
}
