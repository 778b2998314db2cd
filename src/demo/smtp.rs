//! The submission server: RFC 5321 with PIPELINING (2920), SIZE (1870), CHUNKING (3030), 8BITMIME (6152), SMTPUTF8
//! (6531), DSN (3461), ENHANCEDSTATUSCODES (2034) and AUTH (4954).
//!
//! What happens to a recipient is told by the beginning of its local part: `greylist…` is turned away the first time,
//! `unknown…` for good, `full…` for now. Everything else is up to the account ([`super::Behaviour`]). A content is
//! hashed as it comes; only so much of it is kept as the options allow.

use std::io;
use std::net::TcpStream;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::digest;

use super::gate::Point;
use super::provider::{Behaviour, Delivered, Shared};
use super::wire::{Next, Wire};

const NAME: &str = "demo.mailsluice.example.org";

/// Serves one connection.
pub(super) fn serve(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    let wire = Wire::new(stream, std::sync::Arc::clone(&shared.gate), shared.options.latency);
    let mut session = Session { wire, shared, login: None, greeted: false, transaction: None };
    session.wire.pass(Point::Greeting)?;
    session.wire.say(&format!("220 {NAME} ESMTP mailsluice demo"))?;
    while let Some(line) = session.wire.line()? {
        if session.command(&line)? == Next::Close {
            break;
        }
    }
    session.wire.flush()
}

/// What MAIL began.
#[derive(Debug)]
struct Transaction {
    from: String,
    to: Vec<String>,
    smtputf8: bool,
    behaviour: Behaviour,
    /// What BDAT has brought so far.
    content: Option<Content>,
}

struct Session<'a> {
    wire: Wire,
    shared: &'a Shared,
    login: Option<String>,
    greeted: bool,
    transaction: Option<Transaction>,
}

impl Session<'_> {
    fn command(&mut self, line: &[u8]) -> io::Result<Next> {
        let Ok(line) = std::str::from_utf8(line) else {
            return self.answer("500 5.5.2 That is not UTF-8");
        };
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" => self.ehlo(),
            "HELO" => {
                self.begin();
                self.answer(&format!("250 {NAME}"))
            }
            "AUTH" => self.auth(rest),
            "MAIL" => self.mail(rest),
            "RCPT" => self.rcpt(rest),
            "DATA" => self.data(),
            "BDAT" => self.bdat(rest),
            "RSET" => {
                self.transaction = None;
                self.answer("250 2.0.0 Forgotten")
            }
            "NOOP" => self.answer("250 2.0.0 Still here"),
            "VRFY" => self.answer("252 2.0.0 Send it and see"),
            "QUIT" => {
                self.wire.say("221 2.0.0 Goodbye")?;
                Ok(Next::Close)
            }
            _ => self.answer("500 5.5.2 Not a command here"),
        }
    }

    fn answer(&mut self, reply: &str) -> io::Result<Next> {
        self.wire.say(reply)?;
        Ok(Next::Command)
    }

    fn begin(&mut self) {
        self.greeted = true;
        self.transaction = None;
    }

    fn ehlo(&mut self) -> io::Result<Next> {
        self.begin();
        let size = self.shared.options.largest;
        self.answer(&format!(
            "250-{NAME}\r\n250-PIPELINING\r\n250-SIZE {size}\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n\
             250-SMTPUTF8\r\n250-DSN\r\n250-CHUNKING\r\n250 AUTH PLAIN LOGIN"
        ))
    }

    fn auth(&mut self, rest: &str) -> io::Result<Next> {
        if !self.greeted || self.login.is_some() || self.transaction.is_some() {
            return self.answer("503 5.5.1 Not now");
        }
        let (mechanism, initial) = rest.split_once(' ').unwrap_or((rest, ""));
        let signed = match mechanism.to_ascii_uppercase().as_str() {
            "PLAIN" => match self.response(initial, "")? {
                Some(response) => plain(&response),
                None => return self.answer("501 5.5.2 Not a response"),
            },
            "LOGIN" => match (self.response(initial, "VXNlcm5hbWU6")?, self.response("", "UGFzc3dvcmQ6")?) {
                (Some(user), Some(password)) => String::from_utf8(user).ok().zip(String::from_utf8(password).ok()),
                _ => return self.answer("501 5.5.2 Not a response"),
            },
            _ => return self.answer("504 5.5.4 No such mechanism here"),
        };
        self.wire.pass(Point::Login)?;
        match signed.filter(|(user, password)| self.shared.knows(user, password)) {
            Some((user, _)) => {
                self.wire.set_rate(self.shared.rate(&user));
                self.login = Some(user);
                self.answer("235 2.7.0 Welcome")
            }
            None => self.answer("535 5.7.8 Wrong user name or password"),
        }
    }

    /// The client's response, from the command itself or to this challenge; `None` if it is no base64, as `*` is not.
    fn response(&mut self, initial: &str, challenge: &str) -> io::Result<Option<Vec<u8>>> {
        if initial == "=" {
            return Ok(Some(Vec::new()));
        }
        if !initial.is_empty() {
            return Ok(BASE64.decode(initial).ok());
        }
        self.wire.say(&format!("334 {challenge}"))?;
        let line = self.wire.line()?.ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(BASE64.decode(line).ok())
    }

    fn mail(&mut self, rest: &str) -> io::Result<Next> {
        if !self.greeted || self.transaction.is_some() {
            return self.answer("503 5.5.1 Not now");
        }
        let Some(behaviour) = self.shared.behaviour(self.login.as_deref()) else {
            return self.answer("530 5.7.0 Sign in first");
        };
        let Some((from, parameters)) = path(rest, "FROM:") else {
            return self.answer("501 5.5.4 Not a reverse path");
        };
        let mut smtputf8 = false;
        for parameter in parameters {
            let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match key.to_ascii_uppercase().as_str() {
                "SIZE" => match value.parse::<u64>() {
                    Ok(size) if size <= self.shared.options.largest => {}
                    Ok(_) => return self.answer("552 5.3.4 Too large"),
                    Err(_) => return self.answer("501 5.5.4 Not a size"),
                },
                "SMTPUTF8" => smtputf8 = true,
                "BODY" | "RET" | "ENVID" | "AUTH" => {}
                _ => return self.answer("555 5.5.4 Not a parameter here"),
            }
        }
        if !smtputf8 && !from.is_ascii() {
            return self.answer("553 5.6.7 That address needs SMTPUTF8");
        }
        let from = from.to_owned();
        self.transaction = Some(Transaction { from, to: Vec::new(), smtputf8, behaviour, content: None });
        self.answer("250 2.1.0 Sender ok")
    }

    fn rcpt(&mut self, rest: &str) -> io::Result<Next> {
        self.wire.pass(Point::Recipient)?;
        let Some(transaction) = self.transaction.as_mut().filter(|transaction| transaction.content.is_none()) else {
            return self.answer("503 5.5.1 MAIL first");
        };
        let reply = match path(rest, "TO:") {
            None | Some(("", _)) => "501 5.5.4 Not a forward path".to_owned(),
            Some((to, _)) if !transaction.smtputf8 && !to.is_ascii() => {
                "553 5.6.7 That address needs SMTPUTF8".to_owned()
            }
            Some((to, _)) => refusal(to, &transaction.behaviour, self.shared).unwrap_or_else(|| {
                transaction.to.push(to.to_owned());
                "250 2.1.5 Recipient ok".to_owned()
            }),
        };
        self.answer(&reply)
    }

    fn data(&mut self) -> io::Result<Next> {
        let mut transaction = match self.transaction.take() {
            Some(transaction) if transaction.content.is_none() => transaction,
            _ => return self.answer("503 5.5.1 MAIL first"),
        };
        if transaction.to.is_empty() {
            return self.answer("554 5.5.1 No recipient was taken");
        }
        self.wire.say("354 Go ahead")?;
        let mut content = Content::new(self.shared.options.keep_each);
        let shared = self.shared;
        self.wire.dotted(|piece| {
            content.add(piece);
            shared.gate.pass(Point::Content)
        })?;
        transaction.content = Some(content);
        self.finish(transaction)
    }

    fn bdat(&mut self, rest: &str) -> io::Result<Next> {
        let mut words = rest.split_ascii_whitespace();
        let count = words.next().and_then(|count| count.parse::<u64>().ok());
        let last = words.next().map(|word| word.eq_ignore_ascii_case("LAST"));
        let (Some(count), None | Some(true), None) = (count, last, words.next()) else {
            // Nobody knows where the chunk ends.
            self.wire.say("501 5.5.4 Not a chunk size")?;
            return Ok(Next::Close);
        };
        let keep = self.shared.options.keep_each;
        let mut transaction = self.transaction.take();
        let mut dropped = Content::new(0);
        let content = match &mut transaction {
            Some(transaction) => transaction.content.get_or_insert_with(|| Content::new(keep)),
            None => &mut dropped,
        };
        let shared = self.shared;
        self.wire.exact(count, |piece| {
            content.add(piece);
            shared.gate.pass(Point::Content)
        })?;
        match transaction {
            None => self.answer("503 5.5.1 MAIL first"),
            // The client must begin anew, whatever it has sent behind this chunk (RFC 3030, 2).
            Some(transaction) if transaction.to.is_empty() => self.answer("554 5.5.1 No recipient was taken"),
            Some(transaction) if last.is_some() => self.finish(transaction),
            Some(transaction) => {
                self.transaction = Some(transaction);
                self.answer(&format!("250 2.0.0 {count} bytes"))
            }
        }
    }

    fn finish(&mut self, transaction: Transaction) -> io::Result<Next> {
        let Transaction { from, to, content, .. } = transaction;
        let content = content.unwrap_or_else(|| Content::new(0));
        if content.size > self.shared.options.largest {
            return self.answer("552 5.3.4 Too large");
        }
        let (size, kept) = (content.size, content.kept.filter(|kept| kept.len() as u64 == content.size));
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(content.digest.finish().as_ref());
        let login = self.login.clone();
        let delivered = Delivered { from, to, content: kept, size, sha256, at: SystemTime::now(), login };
        let number = self.shared.take_in(delivered);
        self.wire.pass(Point::FinalReply)?;
        self.answer(&format!("250 2.0.0 Taken in as number {number}"))
    }
}

/// A content as it comes.
struct Content {
    digest: digest::Context,
    size: u64,
    limit: usize,
    /// `None` once it has grown over the limit.
    kept: Option<Vec<u8>>,
}

impl Content {
    fn new(limit: usize) -> Self {
        Self { digest: digest::Context::new(&digest::SHA256), size: 0, limit, kept: Some(Vec::new()) }
    }

    fn add(&mut self, piece: &[u8]) {
        self.digest.update(piece);
        self.size += piece.len() as u64;
        if let Some(kept) = self.kept.as_mut().filter(|kept| kept.len() + piece.len() <= self.limit) {
            kept.extend_from_slice(piece);
        } else {
            self.kept = None;
        }
    }
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Content").field("size", &self.size).finish_non_exhaustive()
    }
}

/// Why a recipient is not taken.
fn refusal(to: &str, behaviour: &Behaviour, shared: &Shared) -> Option<String> {
    if let Behaviour::Answer(reply) = behaviour {
        return Some(reply.clone());
    }
    let local = to.to_lowercase();
    if local.starts_with("unknown") {
        Some(format!("550 5.1.1 <{to}>: no such person here"))
    } else if local.starts_with("full") {
        Some(format!("452 4.2.2 <{to}>: the mailbox is full"))
    } else if local.starts_with("greylist") && !shared.greylisted_before(&local) {
        Some("451 4.7.1 Greylisted, try again in a minute".to_owned())
    } else {
        None
    }
}

/// The user and the password of a PLAIN response (RFC 4616, 2).
pub(super) fn plain(response: &[u8]) -> Option<(String, String)> {
    let mut parts = std::str::from_utf8(response).ok()?.split('\0');
    let (_act_as, user, password) = (parts.next()?, parts.next()?, parts.next()?);
    parts.next().is_none().then(|| (user.to_owned(), password.to_owned()))
}

/// The path and the parameters behind `FROM:` or `TO:`.
fn path<'a>(rest: &'a str, prefix: &str) -> Option<(&'a str, impl Iterator<Item = &'a str>)> {
    let (head, rest) = rest.split_at_checked(prefix.len())?;
    let (address, parameters) = rest.trim_start().strip_prefix('<')?.split_once('>')?;
    head.eq_ignore_ascii_case(prefix).then(|| (address, parameters.split_ascii_whitespace()))
}
