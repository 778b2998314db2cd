//! Cuts what an IMAP server sends into responses (RFC 9051 section 7), without ever holding a message.
//!
//! A response is lines with literals between them, and only the whole of it can be parsed. The literal that is a
//! message (`BODY[] {n}` of a FETCH) is passed on piece by piece, and an empty string stands in its place in the response
//! that is handed to the parser afterwards. All other literals are names and the like: they must be small.

use bytes::{Bytes, BytesMut};

/// The longest response taken, in bytes, without the message in it: a SEARCH that names two million messages.
const LONGEST_RESPONSE: usize = 16 << 20;
/// The longest literal that is no message, in bytes.
const LONGEST_LITERAL: u64 = 64 << 10;
/// What stands before a message.
const BODY: &[u8] = b"BODY[] ";

/// A piece of what the server sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// A message of this many bytes begins. Nobody knows yet which: that may come behind it.
    BodyBegins(u64),
    /// Some of its bytes.
    Body(Bytes),
    /// It is complete.
    BodyEnds,
    /// A whole response with its line end; `BODY[]` is empty if it came by in pieces.
    Response(Bytes),
}

/// The server broke the protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Broken {
    /// A response without an end.
    #[error("the server sent a response of more than {LONGEST_RESPONSE} bytes")]
    ResponseTooLong,
    /// A literal that is no message and yet large.
    #[error("the server announced {0} bytes where a name was due")]
    LiteralTooLong(u64),
    /// Two messages in one response: they could not be told apart.
    #[error("the server sent two messages in one response")]
    TwoBodies,
    /// What a parser can't read.
    #[error("the server sent something that is no response")]
    NoResponse,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Line,
    Literal { left: usize },
    Body { left: u64 },
}

/// Cuts one session's bytes.
#[derive(Debug)]
pub(super) struct Cutter {
    buffer: BytesMut,
    /// Bytes at the start of `buffer` that are known to hold no line end.
    scanned: usize,
    /// What came of the response so far.
    head: BytesMut,
    has_body: bool,
    state: State,
}

impl Cutter {
    pub(super) fn new() -> Self {
        Self { buffer: BytesMut::new(), scanned: 0, head: BytesMut::new(), has_body: false, state: State::Line }
    }

    /// Where the bytes from the server go.
    pub(super) const fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// Whether nothing came beyond the last response.
    pub(super) fn is_empty(&self) -> bool {
        self.buffer.is_empty() && self.head.is_empty()
    }

    /// The next piece; `None` when more bytes are needed.
    ///
    /// # Errors
    /// The session is over.
    pub(super) fn next(&mut self) -> Result<Option<Piece>, Broken> {
        loop {
            match self.state {
                State::Body { left: 0 } => {
                    self.state = State::Line;
                    return Ok(Some(Piece::BodyEnds));
                }
                State::Body { left } => return Ok(self.body(left)),
                State::Literal { left } => {
                    let taken = left.min(self.buffer.len());
                    self.head.extend_from_slice(&self.buffer.split_to(taken));
                    self.state = if taken == left { State::Line } else { State::Literal { left: left - taken } };
                    if taken < left {
                        return Ok(None);
                    }
                }
                State::Line => {
                    let Some(line) = self.line()? else { return Ok(None) };
                    if let Some(piece) = self.end_of_line(&line)? {
                        return Ok(Some(piece));
                    }
                }
            }
        }
    }

    fn body(&mut self, left: u64) -> Option<Piece> {
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(self.buffer.len());
        let piece = self.buffer.split_to(wanted).freeze();
        self.state = State::Body { left: left - piece.len() as u64 };
        (!piece.is_empty()).then_some(Piece::Body(piece))
    }

    fn line(&mut self) -> Result<Option<Bytes>, Broken> {
        let fresh = self.buffer.get(self.scanned..).unwrap_or_default();
        let end = fresh.iter().position(|&byte| byte == b'\n').map(|at| self.scanned + at + 1);
        if self.head.len() + end.unwrap_or(self.buffer.len()) > LONGEST_RESPONSE {
            return Err(Broken::ResponseTooLong);
        }
        self.scanned = if end.is_some() { 0 } else { self.buffer.len() };
        Ok(end.map(|end| self.buffer.split_to(end).freeze()))
    }

    /// A line came: is it the end of the response, or the announcement of a literal?
    fn end_of_line(&mut self, line: &Bytes) -> Result<Option<Piece>, Broken> {
        let announced = if is_status(&self.head, line) { None } else { announced(line) };
        let Some((before, size)) = announced else {
            self.head.extend_from_slice(line);
            self.has_body = false;
            return Ok(Some(Piece::Response(self.head.split().freeze())));
        };
        let is_body = before.len() >= BODY.len()
            && before.get(before.len() - BODY.len()..).is_some_and(|end| end.eq_ignore_ascii_case(BODY));
        if is_body {
            if std::mem::replace(&mut self.has_body, true) {
                return Err(Broken::TwoBodies);
            }
            self.head.extend_from_slice(before);
            self.head.extend_from_slice(b"\"\"");
            self.state = State::Body { left: size };
            return Ok(Some(Piece::BodyBegins(size)));
        }
        if size > LONGEST_LITERAL {
            return Err(Broken::LiteralTooLong(size));
        }
        self.head.extend_from_slice(line);
        // It is small, as was just found.
        self.state = State::Literal { left: usize::try_from(size).unwrap_or_default() };
        Ok(None)
    }
}

/// Status responses end in text for people, which may look like anything: they have no literals. `head` is what came
/// before this line, if anything did.
pub(super) fn is_status(head: &[u8], line: &[u8]) -> bool {
    let start = if head.is_empty() { line } else { head };
    let mut words = start.split(|&byte| byte == b' ');
    if words.next() != Some(b"*") {
        return true;
    }
    let word = words.next().unwrap_or_default().trim_ascii_end();
    [&b"OK"[..], b"NO", b"BAD", b"BYE", b"PREAUTH"].iter().any(|status| word.eq_ignore_ascii_case(status))
}

/// `{n}` at the end of a line: what stands before it, and n. No server needs more than 32 bits for it (RFC 3501).
fn announced(line: &[u8]) -> Option<(&[u8], u64)> {
    let line = line.strip_suffix(b"\n")?;
    let line = line.strip_suffix(b"\r").unwrap_or(line).strip_suffix(b"}")?;
    let open = line.iter().rposition(|&byte| byte == b'{')?;
    let (before, digits) = line.split_at_checked(open)?;
    let digits = std::str::from_utf8(digits.get(1..)?).ok()?;
    let size: u32 = digits.strip_suffix('+').unwrap_or(digits).parse().ok()?;
    Some((before, size.into()))
}
