//! Preparing a submitted message for the spool: read once, in bounded memory, and written as it will travel.
//!
//! What changes: every line end becomes CRLF (a bare CR or LF in the middle of a message is how one message is smuggled
//! into another), `Bcc:` and an mbox `From ` line go, a missing `Date:` or `Message-ID:` comes. Everything else stays
//! byte for byte, 8-bit and NUL included.

use std::io::{self, Read};

use jiff::Zoned;
use jiff::fmt::rfc2822;
use mail_parser::{Address, HeaderName, HeaderValue, Message, MessageParser};
use ring::rand::{SecureRandom as _, SystemRandom};

use super::address::is_deliverable;

/// Headers larger than this are no mail.
const LARGEST_HEADERS: usize = 1 << 20;
/// Read at a time.
const PIECE: usize = 64 << 10;

/// How a message is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// A line with a dot alone ends the message, as sendmail without `-i` has it.
    pub dot_ends: bool,
}

/// Why a message makes no sense.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// The headers don't end.
    #[error("the headers are larger than {} KiB", LARGEST_HEADERS >> 10)]
    HeadersTooLarge,
    /// There is nothing.
    #[error("the message is empty")]
    Empty,
    /// An address of an envelope that no server could be given.
    #[error("“{0}” is no address")]
    BadAddress(String),
    /// It can't be read, or what is prepared can't be written.
    #[error("the message can't be read: {0}")]
    Io(#[from] io::Error),
}

/// What was found in a message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Prepared {
    /// The first address of `From:`.
    pub from: String,
    /// Where reports go: the first address of `Sender:`, else of `From:`.
    pub sender: String,
    /// `Subject:`, decoded.
    pub subject: String,
    /// `Message-ID:` without angle brackets.
    pub message_id: String,
    /// `To:`, `Cc:` and `Bcc:`, or the `Resent-` ones where there are any (RFC 5322 section 3.6.6); each once.
    pub to: Vec<String>,
    /// It has bytes over 127.
    pub eight_bit: bool,
    /// Its headers have: it needs SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
    /// `Deferred-Delivery:` (RFC 2156): not before this time.
    pub not_before: Option<i64>,
    /// Bytes as they will travel.
    pub size: u64,
}

impl Prepared {
    /// The envelope's recipients when nobody names others.
    pub fn recipients(&self) -> Vec<String> {
        self.to.clone()
    }
}

/// Prepares a message; `out` is given what is to be kept, piece by piece.
///
/// # Errors
/// Why it can't be taken. Errors of `out` come back as [`MessageError::Io`].
pub fn prepare(
    input: &mut dyn Read,
    options: &Options,
    out: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> Result<Prepared, MessageError> {
    let mut lines = Lines::new(input, options.dot_ends);
    let headers = read_headers(&mut lines)?;
    let (mut prepared, kept) = rewrite(&headers)?;
    let mut written = Tally { out, size: 0, eight_bit: false };
    written.put(&kept)?;
    prepared.smtputf8 = written.eight_bit;
    let mut piece = Vec::with_capacity(PIECE + 2);
    while lines.take(&mut piece)? {
        written.put(&piece)?;
    }
    prepared.eight_bit = written.eight_bit;
    prepared.size = written.size;
    Ok(prepared)
}

struct Tally<'o> {
    out: &'o mut dyn FnMut(&[u8]) -> io::Result<()>,
    size: u64,
    eight_bit: bool,
}

impl Tally<'_> {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.size += bytes.len() as u64;
        self.eight_bit |= !bytes.is_ascii();
        (self.out)(bytes)
    }
}

/// The input with its line ends made CRLF, and CRLF at its end.
#[expect(clippy::struct_excessive_bools, reason = "each is one fact about the byte before")]
struct Lines<'i> {
    input: &'i mut dyn Read,
    dot_ends: bool,
    raw: Vec<u8>,
    ready: Vec<u8>,
    after_cr: bool,
    ended: bool,
    /// Bytes since the last line end, as far as it takes to know a dot alone.
    line: usize,
    lone_dot: bool,
}

impl<'i> Lines<'i> {
    fn new(input: &'i mut dyn Read, dot_ends: bool) -> Self {
        Self {
            input,
            dot_ends,
            raw: vec![0; PIECE],
            ready: Vec::new(),
            after_cr: false,
            ended: false,
            line: 0,
            lone_dot: false,
        }
    }

    /// The next piece; false at the end.
    fn take(&mut self, piece: &mut Vec<u8>) -> io::Result<bool> {
        piece.clear();
        while self.ready.is_empty() && !self.ended {
            self.fill()?;
        }
        std::mem::swap(piece, &mut self.ready);
        Ok(!piece.is_empty())
    }

    fn fill(&mut self) -> io::Result<()> {
        let read = match self.input.read(&mut self.raw) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(error),
        };
        if read == 0 {
            self.end();
            return Ok(());
        }
        let raw = std::mem::take(&mut self.raw);
        for byte in raw.iter().take(read) {
            if !self.ended {
                self.push(*byte);
            }
        }
        self.raw = raw;
        Ok(())
    }

    fn push(&mut self, byte: u8) {
        match byte {
            b'\n' if self.after_cr => self.after_cr = false,
            b'\n' => self.end_line(),
            b'\r' => {
                self.end_line();
                self.after_cr = true;
            }
            other => {
                self.after_cr = false;
                self.lone_dot = self.line == 0 && other == b'.';
                self.line += 1;
                self.ready.push(other);
            }
        }
    }

    fn end_line(&mut self) {
        if self.dot_ends && self.lone_dot && self.line == 1 {
            self.ready.pop();
            self.ended = true;
            return;
        }
        self.ready.extend_from_slice(b"\r\n");
        self.line = 0;
        self.lone_dot = false;
    }

    fn end(&mut self) {
        if self.line > 0 {
            self.end_line();
        }
        self.ended = true;
    }
}

/// Reads to the end of the headers; what is read beyond goes back.
fn read_headers(lines: &mut Lines<'_>) -> Result<Vec<u8>, MessageError> {
    let mut headers = Vec::new();
    let mut piece = Vec::new();
    loop {
        let more = lines.take(&mut piece)?;
        headers.extend_from_slice(&piece);
        if let Some(end) = headers_end(&headers) {
            lines.ready = headers.split_off(end);
            return Ok(headers);
        }
        if headers.len() > LARGEST_HEADERS {
            return Err(MessageError::HeadersTooLarge);
        }
        if !more {
            return if headers.is_empty() { Err(MessageError::Empty) } else { Ok(headers) };
        }
    }
}

/// Where the body begins: after the first empty line, or before the first line that is no header.
fn headers_end(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(length) = text.get(at..).and_then(|rest| rest.windows(2).position(|pair| pair == b"\r\n")) {
        let line = text.get(at..at + length).unwrap_or_default();
        if line.is_empty() {
            return Some(at + 2);
        }
        let is_mbox_line = at == 0 && line.starts_with(b"From ");
        if !is_header_line(line) && !is_mbox_line {
            return Some(at);
        }
        at += length + 2;
    }
    None
}

fn is_header_line(line: &[u8]) -> bool {
    if matches!(line.first(), Some(b' ' | b'\t')) {
        return true;
    }
    let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
    name.len() < line.len() && !name.is_empty() && name.iter().all(|byte| matches!(byte, 33..=57 | 59..=126))
}

/// The headers as they will travel, with the empty line behind them, and what was found in them.
fn rewrite(headers: &[u8]) -> Result<(Prepared, Vec<u8>), MessageError> {
    let message = MessageParser::default().parse_headers(headers).unwrap_or_default();
    let mut prepared = found(&message)?;
    let mut kept = Vec::with_capacity(headers.len() + 128);
    let mut dropping = false;
    for line in headers.split_inclusive(|byte| *byte == b'\n') {
        if line == b"\r\n" {
            continue;
        }
        if !matches!(line.first(), Some(b' ' | b'\t')) {
            let name = line.split(|byte| *byte == b':').next().unwrap_or_default().trim_ascii();
            dropping = name.eq_ignore_ascii_case(b"Bcc")
                || name.eq_ignore_ascii_case(b"Resent-Bcc")
                || (kept.is_empty() && line.starts_with(b"From "));
        }
        if !dropping {
            kept.extend_from_slice(line);
        }
    }
    if message.header(HeaderName::Date).is_none() {
        let date = rfc2822::to_string(&Zoned::now()).map_err(io::Error::other)?;
        kept.extend_from_slice(format!("Date: {date}\r\n").as_bytes());
    }
    if prepared.message_id.is_empty() {
        prepared.message_id = new_message_id(&prepared.from)?;
        kept.extend_from_slice(format!("Message-ID: <{}>\r\n", prepared.message_id).as_bytes());
    }
    kept.extend_from_slice(b"\r\n");
    Ok((prepared, kept))
}

fn found(message: &Message<'_>) -> Result<Prepared, MessageError> {
    let one = |name: HeaderName<'_>| addresses(message, &[name]).into_iter().next();
    let from = one(HeaderName::From).unwrap_or_default();
    let sender = one(HeaderName::ResentFrom).or_else(|| one(HeaderName::Sender)).unwrap_or_else(|| from.clone());
    let resent = addresses(message, &[HeaderName::ResentTo, HeaderName::ResentCc, HeaderName::ResentBcc]);
    let named = [HeaderName::To, HeaderName::Cc, HeaderName::Bcc];
    let mut to = if resent.is_empty() { addresses(message, &named) } else { resent };
    if let Some(bad) = to.iter().find(|address| !is_deliverable(address)) {
        return Err(MessageError::BadAddress(bad.clone()));
    }
    let mut seen = std::collections::BTreeSet::new();
    to.retain(|address| seen.insert(address.clone()));
    Ok(Prepared {
        from,
        sender: if is_deliverable(&sender) { sender } else { String::new() },
        subject: message.subject().unwrap_or_default().to_owned(),
        message_id: message.message_id().unwrap_or_default().to_owned(),
        to,
        not_before: deferred_until(message),
        ..Prepared::default()
    })
}

/// Every address of these headers, in order, groups opened.
fn addresses(message: &Message<'_>, names: &[HeaderName<'_>]) -> Vec<String> {
    let mut all = Vec::new();
    for header in message.headers().iter().filter(|header| names.contains(&header.name)) {
        if let HeaderValue::Address(address) = &header.value {
            let members: Vec<_> = match address {
                Address::List(list) => list.iter().collect(),
                Address::Group(groups) => groups.iter().flat_map(|group| &group.addresses).collect(),
            };
            all.extend(members.into_iter().filter_map(|member| member.address.as_deref()).map(str::to_owned));
        }
    }
    all
}

fn deferred_until(message: &Message<'_>) -> Option<i64> {
    let text = message.header("Deferred-Delivery")?.as_text()?.trim();
    rfc2822::parse(text).ok().map(|time| time.timestamp().as_second())
}

/// A Message-ID nobody else has, in the sender's domain: the machine's name is nobody's business.
fn new_message_id(from: &str) -> Result<String, MessageError> {
    let mut random = [0_u8; 16];
    SystemRandom::new().fill(&mut random).map_err(|_no_entropy| io::Error::other("no random numbers"))?;
    let number = u128::from_ne_bytes(random);
    let domain = from.rsplit_once('@').map_or("localhost.invalid", |(_, domain)| domain);
    Ok(format!("{number:032x}@{domain}"))
}

#[cfg(test)]
mod tests;
