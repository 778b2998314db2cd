//! The writing cursor of a [`Session`]: which command may go out now.

use std::fmt::Write as _;

use super::{ASK_FIRST_BYTES, Expected, MOST_RECIPIENTS, Manner, Session};
use crate::mapi::{Class, Failure, Stage};
use crate::transport::Job;
use crate::transport::smtp::capabilities::Features;
use crate::transport::smtp::flight::{Begun, Flight, Step, is_sendable};

impl Session {
    pub(super) fn enqueue(&mut self, mut flight: Flight) {
        let most = self.capabilities.most_recipients.and_then(|most| usize::try_from(most).ok());
        let most_domains = self.capabilities.most_domains.and_then(|most| usize::try_from(most).ok());
        let domains = &mut self.domains;
        let admits = |address: &str| {
            let Some(most) = most_domains else { return true };
            let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain).to_ascii_lowercase();
            domains.contains(&domain) || (domains.len() < most && domains.insert(domain))
        };
        match flight.begin_round(most.unwrap_or(MOST_RECIPIENTS), admits) {
            Begun::Yes => {
                self.flights.push_back(flight);
                self.rounds += 1;
            }
            Begun::AllAreSettled => self.ended.push(flight.finish()),
            Begun::NotHere => {
                self.put_off.push(flight);
                self.is_full = true;
            }
        }
    }

    /// Writes all that may be written now.
    pub(super) fn advance(&mut self) {
        while self.advance_once() {}
    }

    /// Writes one command, if one may be written now. Gives whether it went on.
    fn advance_once(&mut self) -> bool {
        if self.manner == Manner::Steps && !self.expected.is_empty() {
            return false;
        }
        let number = self.writing;
        let Some(flight) = self.flight(number) else { return false };
        match flight.step {
            Step::Begin => {
                if std::mem::replace(&mut self.unsure, true) {
                    self.command("RSET");
                    self.expected.push_back(Expected::Reset);
                }
                self.set_step(number, Step::Mail);
            }
            Step::Mail => {
                let command = self.mail_command(&flight.job);
                self.command(&command);
                self.expected.push_back(Expected::Mail(number));
                self.set_step(number, Step::Rcpt(0));
            }
            Step::Rcpt(member) => match flight.address(member) {
                Some(address) => {
                    let command = format!("RCPT TO:<{address}>{}", self.original_recipient(address));
                    self.command(&command);
                    self.expected.push_back(Expected::Rcpt(number, member));
                    self.set_step(number, Step::Rcpt(member + 1));
                }
                None => self.set_step(number, Step::Body),
            },
            Step::Body if self.asks_first(flight) && !self.expected.is_empty() => return false,
            Step::Body => self.write_body_command(number),
            Step::AwaitGo | Step::Content(_) => return false,
            Step::Written => self.writing += 1,
        }
        true
    }

    fn write_body_command(&mut self, number: u64) {
        let Some(flight) = self.flight(number) else { return };
        let size = flight.job.content.size();
        if self.manner == Manner::Stream {
            if size <= ASK_FIRST_BYTES {
                self.chunk_command(number, size, true);
            }
            self.begin_content(number);
            if size == 0 {
                self.mark_last_byte();
            }
        } else {
            self.command("DATA");
            self.expected.push_back(Expected::Data(number));
            self.set_step(number, Step::AwaitGo);
        }
    }

    /// A piece of the content comes next, and with the last of them all of it.
    pub(super) fn chunk_command(&mut self, number: u64, bytes: u64, last: bool) {
        self.command(&format!("BDAT {bytes}{}", if last { " LAST" } else { "" }));
        self.expected.push_back(if last { Expected::Content(number) } else { Expected::Chunk(number, bytes) });
    }

    /// Whether the content waits for the replies to RCPT: to write many bytes that nobody gets would be a waste.
    fn asks_first(&self, flight: &Flight) -> bool {
        self.manner == Manner::Steps || (self.manner == Manner::Stream && flight.job.content.size() > ASK_FIRST_BYTES)
    }

    fn mail_command(&self, job: &Job) -> String {
        let mut command = format!("MAIL FROM:<{}>", job.sender);
        if self.capabilities.size.is_some() {
            // Writing to a string can't fail.
            write!(command, " SIZE={}", job.content.size()).ok();
        }
        if job.eight_bit {
            command.push_str(" BODY=8BITMIME");
        }
        if needs_utf8(job) {
            command.push_str(" SMTPUTF8");
        }
        if self.capabilities.has(Features::DSN) {
            // A report that comes back names our envelope, and has the headers only (RFC 3461 sections 4.3, 4.4).
            write!(command, " RET=HDRS ENVID={}", job.envelope).ok();
        }
        command
    }

    /// So that a report names the recipient as it was here (RFC 3461 section 4.2).
    fn original_recipient(&self, address: &str) -> String {
        if self.capabilities.has(Features::DSN) && address.is_ascii() {
            format!(" ORCPT=rfc822;{}", xtext(address))
        } else {
            String::new()
        }
    }

    pub(super) fn command(&mut self, line: &str) {
        self.transcript.sent(line.as_bytes());
        self.out.extend_from_slice(line.as_bytes());
        self.out.extend_from_slice(b"\r\n");
    }

    /// The last byte of the flight being written is the last of the output.
    pub(super) fn mark_last_byte(&mut self) {
        self.last_bytes.push_back((self.written + self.out.len() as u64, self.writing));
    }

    /// Why this server can't be given this message at all.
    pub(super) fn unfit(&self, job: &Job) -> Option<Failure> {
        let refuse = |what: &str| Some(Failure::new(Class::Permanent, Stage::Envelope, &*self.at, what));
        let size = job.content.size();
        if let Some(limit) = self.capabilities.size.filter(|&limit| limit > 0 && size > limit) {
            return refuse(&format!("the message has {size} bytes, and the server takes {limit} at most"));
        }
        if job.eight_bit && !self.capabilities.has(Features::EIGHT_BIT) {
            return refuse("the message has 8-bit characters, and the server takes only 7-bit ones");
        }
        if needs_utf8(job) && !self.capabilities.has(Features::UTF8) {
            return refuse("the message has addresses or headers beyond ASCII, and the server does not take those");
        }
        if !is_sendable(&job.sender) {
            return refuse("the sender is not an address that can be sent from");
        }
        None
    }
}

/// RFC 6531: the job says so, or an address does.
fn needs_utf8(job: &Job) -> bool {
    job.smtputf8 || !job.sender.is_ascii() || job.recipients.iter().any(|to| !to.address.is_ascii())
}

/// Characters that may not stand in a parameter as they are, in hex (RFC 3461 section 4).
fn xtext(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'!'..=b'*' | b','..=b'<' | b'>'..=b'~' => out.push(char::from(byte)),
            // Writing to a string can't fail.
            other => write!(out, "+{other:02X}").unwrap_or_default(),
        }
        out
    })
}
