//! The driver: moves bytes between a [`Session`] and its connection, and messages between it and the spooler.
//!
//! It is one loop that waits for whatever comes first. Reading and writing never wait for each other, so a session
//! streams in both directions; and since one task does both, nothing needs a lock. Every future it waits for may be
//! dropped and made again without loss.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::crew::Crew;
use super::feed::{Fed, Feed};
use super::open::{FAREWELL, Line, REPLY_DEADLINE, explain};
use super::reply::ReplyParser;
use super::session::{Manner, Session};
use crate::mapi::{Class, Failure, Stage};
use crate::net::{Connection, LineReader, step};
use crate::transport::content::ContentStream;

/// How long the server may take over a content it has in full (RFC 5321 section 4.5.3.2.6).
const VERDICT_DEADLINE: Duration = Duration::from_mins(10);
/// How long the socket may take no bytes (RFC 5321 section 4.5.3.2.5).
const WRITE_DEADLINE: Duration = Duration::from_mins(3);
/// How long answers that are on their way are waited for when the session can't go on.
const SETTLE: Duration = Duration::from_secs(2);
/// The same after a cancellation, which is to end all within two tenths of a second.
const CANCELLED_SETTLE: Duration = Duration::from_millis(100);
/// Bytes gathered before they are written.
const GATHER_BYTES: usize = 32 << 10;

/// How a session ended.
#[derive(Debug)]
pub(super) enum End {
    /// There is no more to send, or the server takes no more in one session. Everything was answered.
    Done,
    /// It broke off. `answered`: the server had answered for some message before.
    Lost {
        /// Why.
        failure: Failure,
        /// See above.
        answered: bool,
    },
}

/// Why the loop can't go on.
struct Stop {
    failure: Failure,
    /// The server closed the line.
    closed: bool,
    /// Answers may still come.
    settle: bool,
}

impl Stop {
    const fn settling(failure: Failure) -> Self {
        Self { failure, closed: false, settle: true }
    }

    const fn at_once(failure: Failure) -> Self {
        Self { failure, closed: false, settle: false }
    }
}

enum Event {
    Cancelled,
    Line(io::Result<Bytes>),
    Content(Option<Result<Bytes, Failure>>),
    Fed(Fed),
    Sent(io::Result<Option<usize>>),
    Silence,
}

/// One session under way.
pub(super) struct Drive<'a, 's, 'f> {
    crew: &'a Crew<'s>,
    feed: &'f mut Feed<'a>,
    stage: &'f (dyn Fn(Stage) + Send + Sync),
    session: Session,
    lines: LineReader<ReadHalf<Connection>>,
    write: WriteHalf<Connection>,
    parser: ReplyParser,
    /// What is being written, and the number of its flight.
    content: Option<(u64, ContentStream)>,
    content_shown: bool,
    /// The TLS layer may hold bytes back.
    unflushed: bool,
    /// When bytes last went either way.
    active: Instant,
    answered: bool,
    at: String,
}

impl<'a, 's, 'f> Drive<'a, 's, 'f> {
    /// A session over an open line.
    pub(super) fn new(
        line: Line,
        crew: &'a Crew<'s>,
        feed: &'f mut Feed<'a>,
        stage: &'f (dyn Fn(Stage) + Send + Sync),
    ) -> Self {
        let Line { mut lines, mut capabilities, transcript, .. } = line;
        capabilities.most_messages =
            [capabilities.most_messages, crew.session_limit.most()].into_iter().flatten().min();
        let at = lines.source_mut().peer().to_owned();
        let manner = Manner::of(&capabilities, crew.lmtp);
        let session = Session::new(capabilities, crew.lmtp, manner, &at, transcript);
        let (lines, write) = lines.split();
        Self {
            crew,
            feed,
            stage,
            session,
            lines,
            write,
            parser: ReplyParser::default(),
            content: None,
            content_shown: false,
            unflushed: false,
            active: Instant::now(),
            answered: false,
            at,
        }
    }

    /// Sends until there is no more to send, or no way to go on.
    pub(super) async fn run(mut self) -> End {
        (self.stage)(Stage::Envelope);
        loop {
            self.report_ended();
            if self.session.is_idle() && (self.feed.is_drained() || self.session.is_exhausted()) {
                self.farewell().await;
                return End::Done;
            }
            let event = self.next_event().await;
            if let Err(stop) = self.take(event) {
                return self.break_off(stop).await;
            }
        }
    }

    async fn next_event(&mut self) -> Event {
        let due = self.session.due_content();
        if self.content.as_ref().map(|(number, _)| *number) != due.map(|(number, _)| number) {
            self.content = due.map(|(number, content)| (number, content.stream()));
        }
        if let Some(envelope) = self.session.due_mark() {
            self.feed.mark(envelope);
        }
        let room = self.session.room();
        if room == 0 && !self.feed.is_drained() && (self.answered || self.crew.has_much()) {
            self.crew.more_hands();
        }
        let deadline = self.deadline();
        let room = (room > 0 || !self.session.is_laden()).then_some(room);
        let output = self.session.output();
        tokio::select! {
            biased;
            () = self.crew.support.cancel().cancelled() => Event::Cancelled,
            line = self.lines.read_line() => Event::Line(line),
            chunk = next_chunk(&mut self.content), if self.content.is_some() && output.len() < GATHER_BYTES => {
                Event::Content(chunk)
            }
            fed = self.feed.next(room), if !self.feed.is_drained() => Event::Fed(fed),
            sent = send(&mut self.write, output), if !output.is_empty() || self.unflushed => Event::Sent(sent),
            () = sleep_until(deadline.unwrap_or(self.active)), if deadline.is_some() => Event::Silence,
        }
    }

    /// When the waiting becomes too long; `None` when nothing is waited for but work.
    fn deadline(&self) -> Option<Instant> {
        let limit = match self.session.awaited() {
            Some(Stage::Reply) => VERDICT_DEADLINE,
            Some(_) => REPLY_DEADLINE,
            None if !self.session.output().is_empty() => WRITE_DEADLINE,
            None => return None,
        };
        Some(self.active + self.crew.limit(limit))
    }

    fn take(&mut self, event: Event) -> Result<(), Stop> {
        match event {
            Event::Cancelled => {
                Err(Stop::settling(Failure::cancelled(self.session.awaited().unwrap_or(Stage::Envelope), &*self.at)))
            }
            Event::Line(line) => self.take_line(line),
            Event::Content(chunk) => self.take_content(chunk),
            Event::Fed(Fed::Marked(envelopes)) => {
                for envelope in envelopes {
                    self.session.mark(envelope);
                }
                Ok(())
            }
            Event::Fed(Fed::Flights(flights)) => {
                // It may have been quiet for long, for want of work.
                self.active = Instant::now();
                for flight in flights {
                    self.session.submit(flight);
                }
                Ok(())
            }
            Event::Fed(Fed::Drained) => Ok(()),
            Event::Fed(Fed::Refused(failure)) => Err(Stop::settling(failure)),
            Event::Sent(Ok(sent)) => {
                self.active = Instant::now();
                self.unflushed = sent.is_some();
                self.session.wrote(sent.unwrap_or(0));
                Ok(())
            }
            // What the server said before it hung up may still be there to be read.
            Event::Sent(Err(error)) => Err(Stop::settling(step::failure(&error, Stage::Content, &self.at))),
            Event::Silence => {
                let limit = self.active.elapsed();
                let stage = self.session.awaited().unwrap_or(Stage::Content);
                Err(Stop::at_once(step::timed_out(limit, stage, &self.at)))
            }
        }
    }

    /// Takes a line, and with it all others that are there.
    fn take_line(&mut self, line: io::Result<Bytes>) -> Result<(), Stop> {
        let stage = self.session.awaited().unwrap_or(Stage::Envelope);
        let mut next = line.map(Some);
        loop {
            match next {
                Ok(Some(line)) => self.take_reply_line(&line)?,
                Ok(None) => return Ok(()),
                Err(error) => {
                    let failure = step::failure(&error, stage, &self.at);
                    let closed = failure.class != Class::Protocol;
                    return Err(Stop { failure, closed, settle: false });
                }
            }
            next = self.lines.buffered_line();
        }
    }

    fn take_reply_line(&mut self, line: &[u8]) -> Result<(), Stop> {
        self.active = Instant::now();
        self.session.transcript().received(line);
        match self.parser.line(line) {
            Ok(Some(reply)) => self.session.reply(reply).map_err(Stop::settling),
            Ok(None) => Ok(()),
            Err(error) => {
                let stage = self.session.awaited().unwrap_or(Stage::Envelope);
                Err(Stop::at_once(Failure::new(Class::Protocol, stage, &*self.at, error.to_string())))
            }
        }
    }

    fn take_content(&mut self, chunk: Option<Result<Bytes, Failure>>) -> Result<(), Stop> {
        if !std::mem::replace(&mut self.content_shown, true) {
            (self.stage)(Stage::Content);
        }
        let taken = match chunk {
            Some(Ok(chunk)) => self.session.push_content(&chunk),
            Some(Err(failure)) => Err(failure),
            None => Ok(true),
        };
        let taken = taken.and_then(|complete| {
            if complete {
                self.content = None;
                self.session.end_content()
            } else {
                Ok(())
            }
        });
        taken.map_err(|failure| {
            self.session.spoil_content(&failure);
            Stop::settling(failure)
        })
    }

    fn report_ended(&mut self) {
        self.crew.acknowledged(self.session.take_acknowledged());
        self.crew.leave(self.session.take_put_off());
        for ended in self.session.take_ended() {
            self.answered |= ended.is_answered();
            self.crew.end_message(ended);
        }
    }

    /// Ends a session that can't go on: waits a moment for answers that are on their way, then calls what is left by
    /// its name.
    async fn break_off(mut self, stop: Stop) -> End {
        self.feed.rest().await;
        let closed = stop.closed || (stop.settle && self.settle().await);
        explain(self.crew.support, &stop.failure, self.session.transcript());
        if let Some(messages) = self.session.lesson() {
            self.crew.session_limit.learn(messages);
        }
        for ended in self.session.end(&stop.failure, closed) {
            self.answered |= ended.is_answered();
            if ended.is_untouched() {
                self.crew.leave([ended.job.into()]);
            } else {
                self.crew.end_message(ended);
            }
        }
        End::Lost { failure: stop.failure, answered: self.answered }
    }

    /// Reads on until nothing committed is without an answer. Gives whether the server closed the line.
    async fn settle(&mut self) -> bool {
        let cancel = self.crew.support.cancel();
        let mut deadline = Instant::now() + SETTLE;
        let mut cancelled = false;
        while self.session.has_committed() {
            if cancel.is_cancelled() && !std::mem::replace(&mut cancelled, true) {
                deadline = deadline.min(Instant::now() + CANCELLED_SETTLE);
            }
            let line = tokio::select! {
                biased;
                line = timeout_at(deadline, self.lines.read_line()) => line,
                () = cancel.cancelled(), if !cancelled => continue,
            };
            match line {
                Ok(Ok(line)) => {
                    self.session.transcript().received(&line);
                    match self.parser.line(&line) {
                        // The session is lost already; the answer counts all the same.
                        Ok(Some(reply)) => drop(self.session.reply(reply)),
                        Ok(None) => (),
                        Err(_garbage) => return false,
                    }
                }
                Ok(Err(_line_lost)) => return true,
                Err(_too_late) => return false,
            }
        }
        false
    }

    /// Says goodbye, and doesn't insist on an answer: all mail is through, and whatever comes of this changes nothing. Where
    /// another line is to follow it is waited for all the same, for some servers count theirs; else it is read aside.
    async fn farewell(mut self) {
        self.feed.rest().await;
        (self.stage)(Stage::Quit);
        self.session.quit();
        let until = Instant::now() + FAREWELL;
        let said = async {
            self.write.write_all(self.session.output()).await?;
            self.write.flush().await
        };
        let cancel = self.crew.support.cancel();
        let said = tokio::select! {
            biased;
            () = cancel.cancelled() => return,
            said = timeout_at(until, said) => said,
        };
        let (Ok(Ok(())), mut lines, write) = (said, self.lines, self.write) else { return };
        let answered = async move {
            timeout_at(until, lines.read_line()).await.ok();
            drop(write);
        };
        if self.feed.is_drained() {
            tokio::spawn(answered);
        } else {
            tokio::select! {
                biased;
                () = cancel.cancelled() => (),
                () = answered => (),
            }
        }
    }
}

/// The next chunk of the content that is being written.
async fn next_chunk(content: &mut Option<(u64, ContentStream)>) -> Option<Result<Bytes, Failure>> {
    content.as_mut()?.1.next().await
}

/// Hands bytes to the socket, or, when there are none, what the TLS layer still holds. Gives how many bytes it took.
async fn send(write: &mut WriteHalf<Connection>, output: &[u8]) -> io::Result<Option<usize>> {
    if output.is_empty() {
        write.flush().await?;
        return Ok(None);
    }
    match write.write(output).await? {
        0 => Err(io::ErrorKind::WriteZero.into()),
        bytes => Ok(Some(bytes)),
    }
}
