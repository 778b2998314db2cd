//! A submitted message on its way into the spool: made fit to be sent, and read for what the spool must know of it.
//!
//! What is changed, and nothing else is:
//! - every line end becomes CRLF, also a lone CR or LF, and the last line gets one (RFC 5321 section 2.3.8);
//! - `Bcc` and `Resent-Bcc` fields go (RFC 5322 section 3.6.3), an mbox's "From " line before the header section too;
//! - a `From` (if it is known who writes), a `Date` and a `Message-ID` are added behind the other fields where there is
//!   none (RFC 6409 section 8);
//! - the empty line between header section and body is added where it was left out.
//!
//! Bytes over 127, zero bytes, long lines and everything in the body stay: what was signed stays signed. Preparing what was
//! prepared changes nothing.
//!
//! The header section is held in memory, up to a limit; the body streams through in pieces.

use std::io::{self, Read};

use jiff::Zoned;

use super::address::AddressError;
use super::header::{self, Extent, Field, Search};
use super::line_ends::LineEnds;
use super::mailbox::Author;
use super::stamp;

/// Bytes read at a time.
const PIECE: usize = 64 << 10;

/// How a message is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// A line with nothing but a dot ends the message: `sendmail` without `-i`.
    pub dot_ends: bool,
    /// The longest header section that is taken, in bytes.
    pub header_limit: usize,
    /// Who wrote it, if it has no `From`.
    pub author: Option<Author>,
}

impl Default for Options {
    fn default() -> Self {
        Self { dot_ends: false, header_limit: 1 << 20, author: None }
    }
}

/// What a message says of itself, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Prepared {
    /// The first address of `From`, its own or the one it was given; empty if there is none.
    pub from: String,
    /// Who sends it, if the envelope does not say: of the latest resending `Resent-Sender` or `Resent-From`, else
    /// `Sender` or `From`. Empty if there is none of them.
    pub sender: String,
    /// `Subject`, decoded, in one line, cut where it is too long for a list.
    pub subject: String,
    /// `Message-ID` without angle brackets: its own or the one it was given.
    pub message_id: String,
    /// Addresses of `To`; if the message was resent, of the latest `Resent-To`.
    pub to: Vec<String>,
    /// The same for `Cc`.
    pub cc: Vec<String>,
    /// The same for `Bcc`. They are nowhere in the content.
    pub bcc: Vec<String>,
    /// What stands in those three and is no address, as sentences for people.
    pub unusable: Vec<String>,
    /// The content has bytes over 127.
    pub eight_bit: bool,
    /// The header section has bytes over 127: it needs SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
    /// Bytes of the content, as it was written.
    pub size: u64,
    /// `Deferred-Delivery` (RFC 2156): not to be sent before this, in seconds since the Unix epoch.
    pub not_before: Option<i64>,
}

impl Prepared {
    /// Everyone in To, Cc and Bcc, each once.
    ///
    /// # Errors
    /// Something there is no address. Sending to the others would look as if all was well.
    pub fn recipients(&self) -> Result<Vec<String>, MessageError> {
        if !self.unusable.is_empty() {
            return Err(MessageError::Recipients(self.unusable.clone()));
        }
        let mut recipients: Vec<String> = Vec::new();
        for address in self.to.iter().chain(&self.cc).chain(&self.bcc) {
            if !recipients.contains(address) {
                recipients.push(address.clone());
            }
        }
        Ok(recipients)
    }
}

/// Why a message can't be taken.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// The header section does not end.
    #[error("the message's header section is longer than {0} bytes")]
    HeaderTooLong(usize),
    /// What stands in To, Cc or Bcc is no address.
    #[error("the message names recipients that are none: {}", .0.join("; "))]
    Recipients(Vec<String>),
    /// An address given for its envelope is none.
    #[error("{0}")]
    Address(#[from] AddressError),
    /// It asks to be sent later, and not when: sent now it could not be called back.
    #[error("the message's Deferred-Delivery is no date: “{0}”")]
    DeferredDelivery(String),
    /// It can't be read.
    #[error("the message can't be read: {0}")]
    Read(io::Error),
    /// It can't be written, or there is no random number or date to be had for it.
    #[error("the message can't be kept: {0}")]
    Write(io::Error),
}

/// Reads a message, and writes it as it is to be sent, a piece at a time.
///
/// # Errors
/// It can't be taken. What was written until then is not to be used.
pub fn prepare(
    input: &mut dyn Read,
    options: &Options,
    out: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> Result<Prepared, MessageError> {
    let mut source = Source { input, ends: LineEnds::new(options.dot_ends), piece: vec![0; PIECE] };
    let mut sink = Sink { out, size: 0, eight_bit: false };
    let mut text = Vec::new();
    let extent = read_header(&mut source, &mut text, options.header_limit)?;

    let section = text.get(extent.begin..extent.end).unwrap_or_default();
    let fields: Vec<Field<'_>> = header::fields(section).collect();
    let mut prepared = understand(&fields)?;
    let kept = keep(&fields, options.author.as_ref(), &mut prepared).map_err(MessageError::Write)?;
    prepared.smtputf8 = !kept.is_ascii();
    sink.write(&kept)?;
    sink.write(text.get(extent.body..).unwrap_or_default())?;
    text.clear();
    while source.read(&mut text)? {
        sink.write(&text)?;
        text.clear();
    }
    prepared.size = sink.size;
    prepared.eight_bit = sink.eight_bit;
    Ok(prepared)
}

/// Reads until the header section has ended. `text` has then all that was read.
fn read_header(source: &mut Source<'_>, text: &mut Vec<u8>, limit: usize) -> Result<Extent, MessageError> {
    let mut search = Search::default();
    let extent = loop {
        let more = source.read(text)?;
        if let Some(extent) = search.look(text) {
            break extent;
        }
        if !more {
            break search.all(text);
        }
        if text.len() > limit {
            return Err(MessageError::HeaderTooLong(limit));
        }
    };
    if extent.end > limit { Err(MessageError::HeaderTooLong(limit)) } else { Ok(extent) }
}

/// What the fields say.
fn understand(fields: &[Field<'_>]) -> Result<Prepared, MessageError> {
    let mut prepared = Prepared::default();
    let first = |name: &str| fields.iter().find(|field| field.is(name));
    let first_address = |among: &[Field<'_>], names: [&str; 2]| {
        let named = names.into_iter().filter_map(|name| among.iter().find(|field| field.is(name)));
        named.flat_map(|field| field.addresses().0).next()
    };
    prepared.from = first_address(fields, ["From", "From"]).unwrap_or_default();
    prepared.subject = first("Subject").map(Field::text).unwrap_or_default();
    prepared.message_id = first("Message-ID").map(Field::id).unwrap_or_default();
    if let Some(field) = first("Deferred-Delivery") {
        let at = field.date().ok_or_else(|| MessageError::DeferredDelivery(field.text()))?;
        prepared.not_before = Some(at);
    }
    let resending = header::latest_resending(fields);
    let resent_to = ["Resent-To", "Resent-Cc", "Resent-Bcc"];
    let is_resent = resending.iter().any(|field| resent_to.iter().any(|name| field.is(name)));
    let (among, names) = if is_resent { (resending.as_slice(), resent_to) } else { (fields, ["To", "Cc", "Bcc"]) };
    let resender = if is_resent { first_address(&resending, ["Resent-Sender", "Resent-From"]) } else { None };
    let sender = resender.or_else(|| first_address(fields, ["Sender", "From"]));
    prepared.sender = sender.unwrap_or_default();
    let lists = [&mut prepared.to, &mut prepared.cc, &mut prepared.bcc];
    for (list, name) in lists.into_iter().zip(names) {
        for field in among.iter().filter(|field| field.is(name)) {
            let (good, bad) = field.addresses();
            list.extend(good);
            prepared.unusable.extend(bad);
        }
    }
    Ok(prepared)
}

/// The header section as it is to be sent, with the empty line behind it.
fn keep(fields: &[Field<'_>], author: Option<&Author>, prepared: &mut Prepared) -> io::Result<Vec<u8>> {
    let is_secret = |field: &&Field<'_>| field.is("Bcc") || field.is("Resent-Bcc");
    let mut kept: Vec<u8> = Vec::new();
    for field in fields.iter().filter(|field| !is_secret(field)) {
        kept.extend_from_slice(field.raw);
    }
    let has = |name: &str| fields.iter().any(|field| field.is(name));
    if let Some(author) = author.filter(|_| !has("From")) {
        kept.extend_from_slice(format!("From: {}\r\n", author.mailbox()).as_bytes());
        prepared.from.clone_from(&author.address);
        if prepared.sender.is_empty() {
            prepared.sender.clone_from(&author.address);
        }
    }
    if !has("Date") {
        kept.extend_from_slice(format!("Date: {}\r\n", stamp::date(&Zoned::now())?).as_bytes());
    }
    if !has("Message-ID") {
        prepared.message_id = stamp::message_id(&prepared.from)?;
        kept.extend_from_slice(format!("Message-ID: <{}>\r\n", prepared.message_id).as_bytes());
    }
    kept.extend_from_slice(b"\r\n");
    Ok(kept)
}

/// The message as it comes in, with CRLF line ends.
struct Source<'a> {
    input: &'a mut dyn Read,
    ends: LineEnds,
    piece: Vec<u8>,
}

impl Source<'_> {
    /// Adds the next piece to `text`. Gives whether there may be more.
    fn read(&mut self, text: &mut Vec<u8>) -> Result<bool, MessageError> {
        if self.piece.is_empty() {
            return Ok(false);
        }
        let read = loop {
            match self.input.read(&mut self.piece) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read.map_err(MessageError::Read)?,
            }
        };
        self.ends.push(self.piece.get(..read).unwrap_or_default(), text);
        if read == 0 || self.ends.ended() {
            self.ends.finish(text);
            self.piece = Vec::new();
        }
        // The last line's end is a piece, too.
        Ok(!self.piece.is_empty() || !text.is_empty())
    }
}

/// The message as it goes out.
struct Sink<'a> {
    out: &'a mut dyn FnMut(&[u8]) -> io::Result<()>,
    size: u64,
    eight_bit: bool,
}

impl Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), MessageError> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.size += bytes.len() as u64;
        self.eight_bit |= !bytes.is_ascii();
        (self.out)(bytes).map_err(MessageError::Write)
    }
}

#[cfg(test)]
mod tests;
