//! The POP3 server: RFC 1939 with CAPA (2449), UIDL, TOP, PIPELINING and AUTH PLAIN (5034). What is marked with DELE goes
//! at QUIT and not before.

use std::fmt::Write as _;
use std::io;
use std::net::TcpStream;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::gate::Point;
use super::mailbox::{Mailbox, Stored};
use super::provider::Shared;
use super::smtp::plain;
use super::wire::{Next, Wire, dot_stuff};

/// Serves one connection.
pub(super) fn serve(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    let wire = Wire::new(stream, Arc::clone(&shared.gate), shared.options.latency);
    let mut session = Session { wire, shared, user: String::new(), login: None, drop: Vec::new() };
    session.wire.pass(Point::Greeting)?;
    session.wire.say("+OK mailsluice demo")?;
    while let Some(line) = session.wire.line()? {
        if session.command(&String::from_utf8_lossy(&line))? == Next::Close {
            break;
        }
    }
    session.wire.flush()
}

/// A message of the maildrop as it was at sign-in.
struct Entry {
    stored: Stored,
    deleted: bool,
}

struct Session<'a> {
    wire: Wire,
    shared: &'a Shared,
    user: String,
    login: Option<String>,
    drop: Vec<Entry>,
}

impl Session<'_> {
    fn command(&mut self, line: &str) -> io::Result<Next> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let verb = verb.to_ascii_uppercase();
        match (verb.as_str(), self.login.is_some()) {
            ("CAPA", _) => self.answer("+OK\r\nTOP\r\nUIDL\r\nPIPELINING\r\nRESP-CODES\r\nUSER\r\nSASL PLAIN\r\n."),
            ("QUIT", _) => self.quit(),
            ("USER", false) => {
                rest.clone_into(&mut self.user);
                self.answer("+OK And the password")
            }
            ("PASS", false) => {
                let user = std::mem::take(&mut self.user);
                self.sign_in(Some((user, rest.to_owned())))
            }
            ("AUTH", false) => self.auth(rest),
            ("NOOP", true) => self.answer("+OK"),
            ("STAT", true) => {
                let (count, bytes) = self
                    .present()
                    .fold((0, 0), |(count, bytes), (_, entry)| (count + 1, bytes + entry.stored.content.len()));
                self.answer(&format!("+OK {count} {bytes}"))
            }
            ("LIST", true) => self.list(rest, |stored| stored.content.len().to_string()),
            ("UIDL", true) => self.list(rest, |stored| format!("{:x}.{}", Mailbox::UID_VALIDITY, stored.uid)),
            ("RETR", true) => self.retrieve(rest, None),
            ("TOP", true) => match rest.split_once(' ').map(|(number, lines)| (number, lines.trim().parse())) {
                Some((number, Ok(lines))) => self.retrieve(number, Some(lines)),
                _ => self.answer("-ERR Which message, how many lines"),
            },
            ("DELE", true) => self.delete(rest),
            ("RSET", true) => {
                self.drop.iter_mut().for_each(|entry| entry.deleted = false);
                self.answer("+OK")
            }
            _ => self.answer("-ERR Not a command here"),
        }
    }

    fn answer(&mut self, reply: &str) -> io::Result<Next> {
        self.wire.say(reply)?;
        Ok(Next::Command)
    }

    fn auth(&mut self, rest: &str) -> io::Result<Next> {
        let (mechanism, initial) = rest.split_once(' ').unwrap_or((rest, ""));
        if !mechanism.eq_ignore_ascii_case("PLAIN") {
            return self.answer("-ERR No such mechanism here");
        }
        let response = if initial.is_empty() {
            self.wire.say("+ ")?;
            self.wire.line()?.ok_or(io::ErrorKind::UnexpectedEof)?
        } else {
            initial.as_bytes().to_vec()
        };
        let signed = BASE64.decode(response).ok().and_then(|response| plain(&response));
        self.sign_in(signed)
    }

    fn sign_in(&mut self, signed: Option<(String, String)>) -> io::Result<Next> {
        self.wire.pass(Point::Login)?;
        match signed.filter(|(user, password)| self.shared.knows(user, password)) {
            Some((user, _)) => {
                let messages = self.shared.with_mailbox(&user, |mailbox| mailbox.snapshot()).unwrap_or_default();
                self.drop = messages.into_iter().map(|stored| Entry { stored, deleted: false }).collect();
                self.wire.set_rate(self.shared.rate(&user));
                self.login = Some(user);
                let count = self.drop.len();
                self.answer(&format!("+OK {count} messages"))
            }
            None => self.answer("-ERR [AUTH] Wrong user name or password"),
        }
    }

    /// The messages not deleted, with their numbers.
    fn present(&self) -> impl Iterator<Item = (usize, &Entry)> {
        (1..).zip(&self.drop).filter(|(_, entry)| !entry.deleted)
    }

    fn entry(&mut self, number: &str) -> Option<&mut Entry> {
        let index = number.trim().parse::<usize>().ok()?.checked_sub(1)?;
        self.drop.get_mut(index).filter(|entry| !entry.deleted)
    }

    fn list(&mut self, number: &str, word: impl Fn(&Stored) -> String) -> io::Result<Next> {
        let reply = if number.is_empty() {
            let mut reply = "+OK\r\n".to_owned();
            for (number, entry) in self.present() {
                // Writing to a string does not fail.
                write!(reply, "{number} {}\r\n", word(&entry.stored)).ok();
            }
            reply + "."
        } else {
            let word = self.entry(number).map(|entry| word(&entry.stored));
            word.map_or_else(|| "-ERR No such message".to_owned(), |word| format!("+OK {} {word}", number.trim()))
        };
        self.answer(&reply)
    }

    fn retrieve(&mut self, number: &str, lines: Option<usize>) -> io::Result<Next> {
        let Some(content) = self.entry(number).map(|entry| Arc::clone(&entry.stored.content)) else {
            return self.answer("-ERR No such message");
        };
        self.wire.say("+OK")?;
        let stuffed = match lines {
            Some(lines) => dot_stuff(top(&content, lines)),
            None => dot_stuff(&content),
        };
        self.wire.content(&stuffed)?;
        Ok(Next::Command)
    }

    fn delete(&mut self, number: &str) -> io::Result<Next> {
        match self.entry(number) {
            Some(entry) => {
                entry.deleted = true;
                self.answer("+OK")
            }
            None => self.answer("-ERR No such message"),
        }
    }

    fn quit(&mut self) -> io::Result<Next> {
        if let Some(user) = &self.login {
            let gone: Vec<u32> = self.drop.iter().filter(|entry| entry.deleted).map(|entry| entry.stored.uid).collect();
            self.shared.with_mailbox(user, |mailbox| mailbox.remove(|stored| gone.binary_search(&stored.uid).is_ok()));
        }
        self.wire.say("+OK Goodbye")?;
        Ok(Next::Close)
    }
}

/// The header and the first lines of the body.
fn top(content: &[u8], lines: usize) -> &[u8] {
    let header = header_end(content);
    let (head, body) = content.split_at(header);
    let length: usize = body.split_inclusive(|&byte| byte == b'\n').take(lines).map(<[u8]>::len).sum();
    content.get(..head.len() + length).unwrap_or(content)
}

/// Where the body begins: behind the first empty line, or at the end if there is none.
pub(super) fn header_end(content: &[u8]) -> usize {
    content.windows(4).position(|window| window == b"\r\n\r\n").map_or(content.len(), |at| at + 4)
}
