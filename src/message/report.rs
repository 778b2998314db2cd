//! Delivery reports (RFC 3464): what was refused, by whom, in which words, with the headers of the message.

use std::fmt::Write as _;
use std::io::{self, Write};

use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::mapi::Failure;

/// What a report is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportInput {
    /// To whom it goes: the reverse path of the message.
    pub to: String,
    /// `Subject:` of the message.
    pub subject: String,
    /// `Message-ID:` of the message, without angle brackets.
    pub message_id: String,
    /// When the message was submitted.
    pub submitted_at: i64,
    /// Who was refused.
    pub refused: Vec<Refused>,
    /// The headers of the message, CRLF line ends, as far as they are kept.
    pub headers: Vec<u8>,
}

/// One recipient that was refused for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The address.
    pub address: String,
    /// Why.
    pub failure: Option<Failure>,
}

/// Writes the report, CRLF line ends.
///
/// # Errors
/// `out` can't be written, or the system has no random numbers.
pub fn write_report(input: &ReportInput, out: &mut dyn Write) -> io::Result<()> {
    let boundary = boundary()?;
    let date = rfc2822::to_string(&Zoned::now()).map_err(io::Error::other)?;
    let mut text = String::new();
    head(&mut text, input, &boundary, &date).map_err(io::Error::other)?;
    words(&mut text, input, &boundary).map_err(io::Error::other)?;
    status(&mut text, input, &boundary).map_err(io::Error::other)?;
    out.write_all(text.as_bytes())?;
    write!(out, "--{boundary}\r\nContent-Type: text/rfc822-headers; charset=utf-8\r\n")?;
    out.write_all(b"Content-Transfer-Encoding: 8bit\r\n\r\n")?;
    out.write_all(&input.headers)?;
    if !input.headers.ends_with(b"\r\n") {
        out.write_all(b"\r\n")?;
    }
    write!(out, "--{boundary}--\r\n")
}

fn boundary() -> io::Result<String> {
    let mut random = [0_u8; 16];
    SystemRandom::new().fill(&mut random).map_err(|_no_entropy| io::Error::other("no random numbers"))?;
    Ok(format!("mailsluice-report-{:032x}", u128::from_ne_bytes(random)))
}

fn head(text: &mut String, input: &ReportInput, boundary: &str, date: &str) -> std::fmt::Result {
    write!(
        text,
        "From: Mailsluice <MAILER-DAEMON@localhost.invalid>\r\n\
         To: <{to}>\r\n\
         Subject: Not delivered: {subject}\r\n\
         Date: {date}\r\n\
         Message-ID: <{id}@localhost.invalid>\r\n\
         In-Reply-To: <{about}>\r\n\
         Auto-Submitted: auto-replied\r\n\
         MIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=\"{boundary}\"\r\n\r\n",
        to = one_line(&input.to),
        subject = one_line(&input.subject),
        id = boundary,
        about = one_line(&input.message_id),
    )
}

fn words(text: &mut String, input: &ReportInput, boundary: &str) -> std::fmt::Result {
    write!(
        text,
        "--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
         The message “{}” was not delivered to:\r\n\r\n",
        one_line(&input.subject)
    )?;
    for refused in &input.refused {
        write!(text, "  {}\r\n", one_line(&refused.address))?;
        if let Some(failure) = &refused.failure {
            write!(text, "    {}\r\n", one_line(&failure.to_string()))?;
        }
    }
    write!(
        text,
        "\r\nThis is final: it will not be tried again. Correct the address or the message and send it anew.\r\n\r\n"
    )
}

fn status(text: &mut String, input: &ReportInput, boundary: &str) -> std::fmt::Result {
    let arrival = Timestamp::from_second(input.submitted_at).unwrap_or_default().to_zoned(TimeZone::UTC);
    let arrival = rfc2822::to_string(&arrival).unwrap_or_default();
    write!(
        text,
        "--{boundary}\r\nContent-Type: message/delivery-status\r\n\r\n\
         Reporting-MTA: dns; localhost.invalid\r\nArrival-Date: {arrival}\r\n"
    )?;
    for refused in &input.refused {
        let reply = refused.failure.as_ref().and_then(|failure| failure.reply.as_ref());
        let (class, subject, detail) = reply.and_then(|reply| reply.enhanced).unwrap_or((5, 0, 0));
        // A report says "failed": what was given up after days of 4yz is a failure of class 5 now.
        let class = if class == 4 { 5 } else { class };
        write!(
            text,
            "\r\nFinal-Recipient: rfc822; {}\r\nAction: failed\r\nStatus: {class}.{subject}.{detail}\r\n",
            one_line(&refused.address)
        )?;
        if let Some(failure) = &refused.failure {
            let host = failure.at.rsplit_once(':').map_or(failure.at.as_str(), |(host, _)| host);
            write!(text, "Remote-MTA: dns; {}\r\n", one_line(host))?;
        }
        if let Some(reply) = reply {
            write!(text, "Diagnostic-Code: smtp; {}\r\n", one_line(&reply.to_string()))?;
        }
    }
    write!(text, "\r\n")
}

/// Text from outside, in one line: it can't begin a header, a part or a line of its own.
fn one_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}
