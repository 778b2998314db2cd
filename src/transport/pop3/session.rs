//! A POP3 session without a socket (RFC 1939): bytes in, events out.
//!
//! Whoever sends a command says what will answer it ([`Session::expect`]); replies are matched in order, so any number
//! of commands may be in the air (RFC 2449 section 6.6). A message comes out piece by piece, its dots unstuffed, and is
//! never held as a whole. Only CRLF "." CRLF ends it: a bare line feed is content, or a message could end itself early
//! and have the rest of it taken for replies.

use std::collections::VecDeque;

use bytes::{Buf as _, Bytes, BytesMut};

use crate::mapi::visible;

/// The longest line taken, in bytes. RFC 2449 allows 512; servers with long texts exist.
const LONGEST_LINE: usize = 8 << 10;

/// What will answer a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expect {
    /// One line.
    Status,
    /// One line, and after `+OK` more lines up to a dot.
    Lines,
    /// One line, and after `+OK` a message up to a dot.
    Message,
    /// Any number of challenges, then one line.
    Login,
}

/// The server's one-line answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Status {
    /// `+OK`.
    pub ok: bool,
    /// The response code in brackets (RFC 2449 section 8), in capitals: `IN-USE`, `SYS/TEMP`.
    pub code: Option<String>,
    /// The text after that, control characters replaced.
    pub text: String,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// The answer to the oldest command.
    Status(Status),
    /// The server's turn in a SASL exchange, still in base64.
    Challenge(Bytes),
    /// A line of a list.
    Line(Bytes),
    /// A piece of a message.
    Data(Bytes),
    /// The end of a list or message.
    End,
}

/// The server broke the protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Broken {
    /// It sent a line without an end.
    #[error("the server sent a line of more than {LONGEST_LINE} bytes")]
    LineTooLong,
    /// Neither `+OK` nor `-ERR`.
    #[error("the server sent something that is no reply")]
    NoReply,
    /// Nothing had been asked.
    #[error("the server answered what nobody asked")]
    Unasked,
}

/// Where the next byte belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Status,
    Lines,
    Message { line_start: bool },
}

/// One session.
#[derive(Debug)]
pub(super) struct Session {
    buffer: BytesMut,
    expected: VecDeque<Expect>,
    state: State,
}

impl Session {
    /// The server speaks first.
    pub(super) fn new() -> Self {
        Self { buffer: BytesMut::new(), expected: [Expect::Status].into(), state: State::Status }
    }

    /// A command goes out that will be answered like this.
    pub(super) fn expect(&mut self, what: Expect) {
        self.expected.push_back(what);
    }

    /// Where the bytes from the server go.
    pub(super) const fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// The next event; `None` when more bytes are needed.
    ///
    /// # Errors
    /// The session is over.
    pub(super) fn next(&mut self) -> Result<Option<Event>, Broken> {
        match self.state {
            State::Status => self.status(),
            State::Lines => self.list_line(),
            State::Message { line_start } => Ok(self.message(line_start)),
        }
    }

    fn line(&mut self) -> Result<Option<Bytes>, Broken> {
        let end = self.buffer.iter().position(|&byte| byte == b'\n');
        if end.unwrap_or(self.buffer.len()) >= LONGEST_LINE {
            return Err(Broken::LineTooLong);
        }
        Ok(end.map(|end| {
            let mut line = self.buffer.split_to(end + 1).freeze();
            let ends = if line.ends_with(b"\r\n") { 2 } else { 1 };
            line.truncate(line.len() - ends);
            line
        }))
    }

    fn status(&mut self) -> Result<Option<Event>, Broken> {
        let Some(line) = self.line()? else { return Ok(None) };
        let expect = *self.expected.front().ok_or(Broken::Unasked)?;
        if expect == Expect::Login
            && let Some(challenge) = line.strip_prefix(b"+ ").or((&*line == b"+").then_some(&[]))
        {
            return Ok(Some(Event::Challenge(line.slice_ref(challenge))));
        }
        let status = Status::parse(&line).ok_or(Broken::NoReply)?;
        self.expected.pop_front();
        self.state = match expect {
            Expect::Lines if status.ok => State::Lines,
            Expect::Message if status.ok => State::Message { line_start: true },
            _ => State::Status,
        };
        Ok(Some(Event::Status(status)))
    }

    fn list_line(&mut self) -> Result<Option<Event>, Broken> {
        let Some(mut line) = self.line()? else { return Ok(None) };
        if &*line == b"." {
            self.state = State::Status;
            return Ok(Some(Event::End));
        }
        if line.starts_with(b".") {
            line.advance(1);
        }
        Ok(Some(Event::Line(line)))
    }

    fn message(&mut self, line_start: bool) -> Option<Event> {
        if line_start {
            match *self.buffer {
                [] | [b'.'] | [b'.', b'\r'] => return None,
                [b'.', b'\r', b'\n', ..] => {
                    self.buffer.advance(3);
                    self.state = State::Status;
                    return Some(Event::End);
                }
                [b'.', ..] => self.buffer.advance(1),
                _ => {}
            }
        }
        let bytes = &*self.buffer;
        let before_dot = bytes.windows(3).position(|three| three == b"\r\n.").map(|at| at + 2);
        // A CR at the end may be half a line end: it waits.
        let whole = bytes.len() - usize::from(bytes.ends_with(b"\r"));
        let piece = self.buffer.split_to(before_dot.unwrap_or(whole));
        self.state = State::Message { line_start: piece.ends_with(b"\r\n") };
        (!piece.is_empty()).then(|| Event::Data(piece.freeze()))
    }
}

impl Status {
    fn parse(line: &[u8]) -> Option<Self> {
        let (ok, rest) = match (line.strip_prefix(b"+OK"), line.strip_prefix(b"-ERR")) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            _ => return None,
        };
        let text = visible(&String::from_utf8_lossy(rest));
        let text = text.trim();
        let coded = text.strip_prefix('[').and_then(|inner| inner.split_once(']'));
        Some(match coded {
            Some((code, text)) => {
                Self { ok, code: Some(code.to_ascii_uppercase()), text: text.trim_start().to_owned() }
            }
            None => Self { ok, code: None, text: text.to_owned() },
        })
    }
}
