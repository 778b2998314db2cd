//! Delivery reports (RFC 3464): to a sender, about recipients whom a message did not reach.
//!
//! Three parts: what happened, in plain words; the same for programs (`message/delivery-status`); and the message, whole if
//! it is small, else its header section. What servers and messages say is quoted in it, so everything that comes from
//! outside is put into one line of visible characters first, and the boundary is random.

use std::io::{self, Write};

use jiff::{Timestamp, Zoned, tz::TimeZone};

use super::mailbox::encoded;
use super::stamp;
use crate::mapi::{Failure, Reply, in_one_line};

/// A message up to this size is returned whole.
pub const WHOLE_BYTES: usize = 64 << 10;

/// As much of a text from outside as is quoted, in letters: with a field's name it fits a line (RFC 5322 section 2.1.1).
const LONGEST_QUOTE: usize = 600;
/// As much of a subject as is repeated, in letters.
const LONGEST_SUBJECT: usize = 150;

/// What a report tells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReportInput {
    /// To whom: the envelope's sender.
    pub to: String,
    /// The subject of the message, decoded.
    pub subject: String,
    /// Its identifier, without angle brackets; empty if it has none.
    pub message_id: String,
    /// When it was submitted, in seconds since the Unix epoch.
    pub submitted_at: i64,
    /// Whom it did not reach.
    pub refused: Vec<Refused>,
    /// Its content, with CRLF line ends: whole, if it has no more than [`WHOLE_BYTES`], else at least its header section.
    pub original: Vec<u8>,
}

/// A recipient whom a message did not reach.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Refused {
    /// The address.
    pub address: String,
    /// Why.
    pub failure: Option<Failure>,
}

/// Writes the report, as a message with CRLF line ends. It has the null sender: nobody answers it (RFC 3464 section 2).
///
/// # Errors
/// It can't be written, or the message has the null sender itself: then nobody must get a report (RFC 5321 section 6.1).
pub fn write_report(report: &ReportInput, out: &mut dyn Write) -> io::Result<()> {
    if report.to.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a message without a sender gets no report"));
    }
    let host = stamp::host();
    let boundary = format!("=_{}", stamp::token()?);
    write_header(report, &host, &boundary, out)?;
    write!(out, "--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n")?;
    write_words(report, out)?;
    write!(out, "\r\n--{boundary}\r\nContent-Type: message/delivery-status\r\n\r\n")?;
    write_status(report, &host, out)?;
    write!(out, "\r\n--{boundary}\r\n")?;
    write_original(report, out)?;
    write!(out, "\r\n--{boundary}--\r\n")
}

fn write_header(report: &ReportInput, host: &str, boundary: &str, out: &mut dyn Write) -> io::Result<()> {
    let subject: String = one_line(&report.subject).chars().take(LONGEST_SUBJECT).collect();
    write!(out, "Return-Path: <>\r\n")?;
    write!(out, "Date: {}\r\n", stamp::date(&Zoned::now())?)?;
    write!(out, "From: Mailsluice <MAILER-DAEMON@{host}>\r\n")?;
    write!(out, "To: <{}>\r\n", one_line(&report.to))?;
    write!(out, "Subject: {}\r\n", encoded(format!("Not delivered: {subject}").trim()))?;
    write!(out, "Message-ID: <{}>\r\n", stamp::message_id(&format!("x@{host}"))?)?;
    let original_id = ascii_line(&report.message_id).replace([' ', '<', '>'], "");
    if !original_id.is_empty() {
        write!(out, "In-Reply-To: <{original_id}>\r\nReferences: <{original_id}>\r\n")?;
    }
    write!(out, "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n")?;
    write!(out, "Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"{boundary}\"\r\n\r\n")?;
    write!(out, "This is a delivery report (RFC 3464).\r\n\r\n")
}

/// The part for people.
fn write_words(report: &ReportInput, out: &mut dyn Write) -> io::Result<()> {
    let them = if report.refused.len() == 1 { "this recipient" } else { "these recipients" };
    let about = one_line(&report.subject);
    let about = if about.is_empty() { "Your message".to_owned() } else { format!("Your message “{about}”") };
    let when = date(report.submitted_at)?;
    write!(out, "{about} of {when}\r\ncould not be delivered to {them}, and will not be tried again:\r\n")?;
    for recipient in &report.refused {
        write!(out, "\r\n  {}\r\n    {}\r\n", one_line(&recipient.address), reason(recipient))?;
        let remedy = recipient.failure.as_ref().map(Failure::remedy).unwrap_or_default();
        if !remedy.is_empty() {
            write!(out, "    {remedy}\r\n")?;
        }
    }
    let part = if returned(report).1 == Part::Whole { "The message" } else { "The beginning of the message" };
    write!(out, "\r\n{part} is below.\r\n")
}

/// Why, as a sentence.
fn reason(recipient: &Refused) -> String {
    let Some(failure) = &recipient.failure else { return "No reason was given.".to_owned() };
    match (&failure.reply, server(failure)) {
        (Some(reply), Some(server)) => one_line(&format!("{server} said: {reply}")),
        _ => one_line(&failure.to_string()),
    }
}

/// The server of a failure, without its port, if it was one.
fn server(failure: &Failure) -> Option<&str> {
    let (host, port) = failure.at.rsplit_once(':')?;
    let is_host = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_' | ':' | '[' | ']');
    (port.parse::<u16>().is_ok() && !host.is_empty() && host.len() < 256 && host.chars().all(is_host)).then_some(host)
}

/// The part for programs: per-message fields, then those of each recipient (RFC 3464 section 2).
fn write_status(report: &ReportInput, host: &str, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "Reporting-MTA: dns; {host}\r\nArrival-Date: {}\r\n", date(report.submitted_at)?)?;
    for recipient in &report.refused {
        let failure = recipient.failure.as_ref();
        let reply = failure.and_then(|failure| failure.reply.as_ref());
        write!(out, "\r\nFinal-Recipient: {}\r\nAction: failed\r\n", typed(&recipient.address))?;
        write!(out, "Status: {}\r\n", status(reply))?;
        match (reply, failure.and_then(server)) {
            (Some(reply), Some(server)) if reply.code != 0 => {
                write!(
                    out,
                    "Remote-MTA: dns; {server}\r\nDiagnostic-Code: smtp; {}\r\n",
                    ascii_line(&reply.to_string())
                )?;
            }
            _ => write!(out, "Diagnostic-Code: x-mailsluice; {}\r\n", ascii_line(&reason(recipient)))?,
        }
    }
    Ok(())
}

/// The enhanced code (RFC 3463), the server's if it is one of failure.
fn status(reply: Option<&Reply>) -> String {
    match reply {
        Some(Reply { enhanced: Some((class @ (4 | 5), subject, detail)), .. }) => format!("{class}.{subject}.{detail}"),
        Some(Reply { code: 400..=499, .. }) => "4.0.0".to_owned(),
        _ => "5.0.0".to_owned(),
    }
}

/// An address with its type. Letters beyond ASCII are written as RFC 6533 section 3 has them for lines of seven bits.
fn typed(address: &str) -> String {
    let address = one_line(address);
    if address.is_ascii() {
        return format!("rfc822; {address}");
    }
    let escape = |letter: char| match letter {
        '\\' | '+' | '=' => format!("\\x{{{:X}}}", u32::from(letter)),
        _ if letter.is_ascii() => letter.to_string(),
        _ => format!("\\x{{{:X}}}", u32::from(letter)),
    };
    format!("utf-8; {}", address.chars().map(escape).collect::<String>())
}

/// The message, or its header section.
fn write_original(report: &ReportInput, out: &mut dyn Write) -> io::Result<()> {
    let (bytes, part) = returned(report);
    let kind = if part == Part::Whole { "message/rfc822" } else { "text/rfc822-headers" };
    let encoding = if bytes.is_ascii() { "7bit" } else { "8bit" };
    write!(out, "Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n")?;
    out.write_all(bytes)
}

/// How much of a message comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Whole,
    Header,
}

/// What comes back of the message. A header section alone, which is what is known of a large one, has nothing behind it.
fn returned(report: &ReportInput) -> (&[u8], Part) {
    let original = report.original.as_slice();
    let header = original.windows(4).position(|four| four == b"\r\n\r\n").map(|end| end + 2);
    match header {
        Some(end) if end + 2 < original.len() && original.len() <= WHOLE_BYTES => (original, Part::Whole),
        Some(end) => (original.get(..end).unwrap_or_default(), Part::Header),
        // A header section longer than what is known of it: its last line may be torn.
        None => {
            let end = original.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
            (original.get(..end).unwrap_or_default(), Part::Header)
        }
    }
}

fn date(at: i64) -> io::Result<String> {
    stamp::date(&Timestamp::from_second(at).unwrap_or_default().to_zoned(TimeZone::system()))
}

/// A text from outside in one line: controls and what turns the line around become spaces, and it ends somewhere.
fn one_line(text: &str) -> String {
    in_one_line(&text.chars().take(LONGEST_QUOTE).collect::<String>())
}

/// The same in ASCII, for fields that can't have more.
fn ascii_line(text: &str) -> String {
    one_line(text).replace(|letter: char| !letter.is_ascii(), "?")
}

#[cfg(test)]
mod tests;
