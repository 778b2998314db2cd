//! The IMAP server, as far as a client needs it that fetches: RFC 3501 with LITERAL+ (7888), SASL-IR (4959), UIDPLUS
//! (4315), UNSELECT (3691) and an IDLE (2177) that tells its news when it ends. One mailbox, INBOX.

mod parse;
mod selected;

use std::io;
use std::net::TcpStream;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use self::parse::{Token, literal, tokens};
use self::selected::{FetchItem, Selected, StoreKind};
use super::gate::Point;
use super::mailbox::{Flags, Mailbox};
use super::provider::Shared;
use super::smtp::plain;
use super::wire::{Next, Wire};

const CAPABILITIES: &str = "IMAP4rev1 LITERAL+ SASL-IR AUTH=PLAIN UIDPLUS UNSELECT IDLE";

/// Literals in a command, names and passwords, are at most this long together.
const LITERALS: usize = 64 << 10;

/// Serves one connection.
pub(super) fn serve(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    let wire = Wire::new(stream, Arc::clone(&shared.gate), shared.options.latency);
    let mut session = Session { wire, shared, login: None, selected: None };
    session.wire.pass(Point::Greeting)?;
    session.wire.say(&format!("* OK [CAPABILITY {CAPABILITIES}] mailsluice demo"))?;
    while let Some(tokens) = session.read_command()? {
        if session.command(&tokens)? == Next::Close {
            break;
        }
    }
    session.wire.flush()
}

/// How a command ends, as the tagged reply says it.
enum Done {
    Ok(&'static str),
    No(&'static str),
    Bad(&'static str),
}

const NOT_SUCH: Done = Done::Bad("Not such a command, or not now");

struct Session<'a> {
    wire: Wire,
    shared: &'a Shared,
    login: Option<String>,
    selected: Option<Selected>,
}

impl Session<'_> {
    /// The next command with its literals; `None` when the client is gone. What can't be read gives no tokens.
    fn read_command(&mut self) -> io::Result<Option<Vec<Token>>> {
        let mut command = Vec::new();
        let mut left = LITERALS;
        loop {
            let Some(line) = self.wire.line()? else { return Ok(None) };
            let line = String::from_utf8_lossy(&line);
            let (text, announced) = match literal(&line) {
                Some((before, length, waits)) => (before, Some((length, waits))),
                None => (line.as_ref(), None),
            };
            let Some(piece) = tokens(text) else { return Ok(Some(Vec::new())) };
            command.extend(piece);
            let Some((length, waits)) = announced else { return Ok(Some(command)) };
            left = left.checked_sub(length).ok_or(io::ErrorKind::InvalidData)?;
            if waits {
                self.wire.say("+ Go ahead")?;
            }
            let mut text = Vec::new();
            self.wire.exact(length as u64, |piece| {
                text.extend_from_slice(piece);
                Ok(())
            })?;
            command.push(Token::Text(text));
        }
    }

    fn command(&mut self, tokens: &[Token]) -> io::Result<Next> {
        let [Token::Word(tag), Token::Word(verb), rest @ ..] = tokens else {
            self.wire.say("* BAD Not a command")?;
            return Ok(Next::Command);
        };
        let verb = verb.to_ascii_uppercase();
        let done = match (verb.as_str(), rest) {
            ("UID", [Token::Word(verb), rest @ ..]) => self.in_mailbox(&verb.to_ascii_uppercase(), rest, true)?,
            ("CAPABILITY", _) => {
                self.wire.say(&format!("* CAPABILITY {CAPABILITIES}"))?;
                Done::Ok("That is all")
            }
            ("LOGOUT", _) => {
                self.wire.say("* BYE Goodbye")?;
                Done::Ok("Logged out")
            }
            ("LOGIN", [user, password]) if self.login.is_none() => self.sign_in(user.text().zip(password.text()))?,
            ("AUTHENTICATE", [Token::Word(mechanism), initial @ ..]) if self.login.is_none() => {
                self.authenticate(mechanism, initial)?
            }
            ("NOOP" | "CHECK", _) => {
                self.tell_news()?;
                Done::Ok("Nothing done")
            }
            ("IDLE", _) if self.login.is_some() => self.idle()?,
            (verb, rest) if self.login.is_some() => match self.signed_in(verb, rest)? {
                Some(done) => done,
                None => self.in_mailbox(verb, rest, false)?,
            },
            _ => NOT_SUCH,
        };
        let (word, text) = match done {
            Done::Ok(text) => ("OK", text),
            Done::No(text) => ("NO", text),
            Done::Bad(text) => ("BAD", text),
        };
        self.wire.say(&format!("{tag} {word} {text}"))?;
        Ok(if verb == "LOGOUT" { Next::Close } else { Next::Command })
    }

    fn authenticate(&mut self, mechanism: &str, initial: &[Token]) -> io::Result<Done> {
        if !mechanism.eq_ignore_ascii_case("PLAIN") {
            return Ok(Done::No("No such mechanism here"));
        }
        let response = if let [Token::Word(response)] = initial {
            response.clone().into_bytes()
        } else {
            self.wire.say("+ ")?;
            self.wire.line()?.ok_or(io::ErrorKind::UnexpectedEof)?
        };
        let signed = BASE64.decode(response).ok().and_then(|response| plain(&response));
        self.sign_in(signed)
    }

    fn sign_in(&mut self, signed: Option<(String, String)>) -> io::Result<Done> {
        self.wire.pass(Point::Login)?;
        let Some((user, _)) = signed.filter(|(user, password)| self.shared.knows(user, password)) else {
            return Ok(Done::No("[AUTHENTICATIONFAILED] Wrong user name or password"));
        };
        self.wire.set_rate(self.shared.rate(&user));
        self.login = Some(user);
        Ok(Done::Ok("Welcome"))
    }

    /// The commands that need a user but no mailbox; `None`: it is none of them.
    fn signed_in(&mut self, verb: &str, rest: &[Token]) -> io::Result<Option<Done>> {
        let done = match (verb, rest) {
            ("SELECT" | "EXAMINE", [name]) => self.select(name, verb == "EXAMINE")?,
            ("STATUS", [name, Token::Open, items @ .., Token::Close]) => self.status(name, items)?,
            ("LIST" | "LSUB", [_, pattern]) => {
                match pattern.text().unwrap_or_default().to_ascii_uppercase().as_str() {
                    "" => self.wire.say(&format!("* {verb} (\\Noselect) \"/\" \"\""))?,
                    "*" | "%" | "INBOX" => self.wire.say(&format!("* {verb} () \"/\" INBOX"))?,
                    _ => {}
                }
                Done::Ok("That is all")
            }
            _ => return Ok(None),
        };
        Ok(Some(done))
    }

    fn select(&mut self, name: &Token, read_only: bool) -> io::Result<Done> {
        self.selected = None;
        let Some((messages, uid_next)) = self.open(name) else {
            return Ok(Done::No("[NONEXISTENT] No such mailbox"));
        };
        self.wire.say("* FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft)")?;
        self.wire.say(&format!("* {} EXISTS\r\n* 0 RECENT", messages.len()))?;
        self.wire.say(&format!("* OK [UIDVALIDITY {}] For good", Mailbox::UID_VALIDITY))?;
        self.wire.say(&format!("* OK [UIDNEXT {uid_next}] The next one"))?;
        self.selected = Some(Selected::new(messages, read_only));
        Ok(Done::Ok(if read_only { "[READ-ONLY] To look at" } else { "[READ-WRITE] Opened" }))
    }

    fn open(&self, name: &Token) -> Option<(Vec<super::mailbox::Stored>, u32)> {
        let user = self.login.as_deref()?;
        name.text().filter(|name| name.eq_ignore_ascii_case("INBOX"))?;
        self.shared.with_mailbox(user, |mailbox| (mailbox.snapshot(), mailbox.uid_next()))
    }

    fn status(&mut self, name: &Token, items: &[Token]) -> io::Result<Done> {
        let Some((messages, uid_next)) = self.open(name) else {
            return Ok(Done::No("[NONEXISTENT] No such mailbox"));
        };
        let mut told = Vec::new();
        for item in items {
            let item = item.text().unwrap_or_default().to_ascii_uppercase();
            let value = match item.as_str() {
                "MESSAGES" => messages.len() as u64,
                "UIDNEXT" => u64::from(uid_next),
                "UIDVALIDITY" => u64::from(Mailbox::UID_VALIDITY),
                "UNSEEN" => messages.iter().filter(|stored| !stored.flags.contains(Flags::SEEN)).count() as u64,
                "RECENT" => 0,
                _ => return Ok(Done::Bad("Not such an item")),
            };
            told.push(format!("{item} {value}"));
        }
        self.wire.say(&format!("* STATUS INBOX ({})", told.join(" ")))?;
        Ok(Done::Ok("That is all"))
    }

    fn idle(&mut self) -> io::Result<Done> {
        self.wire.say("+ idling")?;
        let line = self.wire.line()?.ok_or(io::ErrorKind::UnexpectedEof)?;
        self.tell_news()?;
        Ok(if line.eq_ignore_ascii_case(b"DONE") { Done::Ok("Awake") } else { Done::Bad("Expected DONE") })
    }

    fn tell_news(&mut self) -> io::Result<()> {
        if let (Some(user), Some(selected)) = (&self.login, &mut self.selected) {
            let now = self.shared.with_mailbox(user, |mailbox| mailbox.snapshot()).unwrap_or_default();
            selected.catch_up(&mut self.wire, now)?;
        }
        Ok(())
    }

    /// The commands that need a mailbox. `by_uid`: UID stood before them.
    fn in_mailbox(&mut self, verb: &str, rest: &[Token], by_uid: bool) -> io::Result<Done> {
        let (Some(user), Some(selected)) = (&self.login, &mut self.selected) else { return Ok(NOT_SUCH) };
        let with_mailbox = |work: &mut dyn FnMut(&mut Mailbox)| {
            self.shared.with_mailbox(user, work);
        };
        match (verb, rest) {
            ("SEARCH", keys) => match selected.search(keys, by_uid) {
                Some(found) => {
                    let found = found.iter().fold("* SEARCH".to_owned(), |line, number| format!("{line} {number}"));
                    self.wire.say(&found)?;
                    Ok(Done::Ok("Searched"))
                }
                None => Ok(Done::Bad("Not such a key here")),
            },
            ("FETCH", [Token::Word(set), items @ ..]) => {
                match parse::Set::parse(set).zip(FetchItem::list(items, by_uid)) {
                    Some((set, items)) => {
                        selected.fetch(&mut self.wire, &with_mailbox, (&set, by_uid), &items)?;
                        Ok(Done::Ok("Fetched"))
                    }
                    None => Ok(Done::Bad("Not such an item here")),
                }
            }
            ("STORE", [Token::Word(set), Token::Word(kind), flags @ ..]) if !selected.read_only() => {
                match parse::Set::parse(set).zip(StoreKind::parse(kind, flags)) {
                    Some((set, change)) => {
                        selected.store(&mut self.wire, &with_mailbox, (&set, by_uid), change)?;
                        Ok(Done::Ok("Stored"))
                    }
                    None => Ok(Done::Bad("Not such flags here")),
                }
            }
            ("EXPUNGE", uids) if !selected.read_only() => {
                let set = match uids {
                    [] if !by_uid => None,
                    [Token::Word(set)] if by_uid => parse::Set::parse(set),
                    _ => return Ok(NOT_SUCH),
                };
                selected.expunge(&with_mailbox, set.as_ref());
                self.tell_news()?;
                Ok(Done::Ok("Expunged"))
            }
            ("CLOSE" | "UNSELECT", []) => {
                if verb == "CLOSE" && !selected.read_only() {
                    selected.expunge(&with_mailbox, None);
                }
                self.selected = None;
                Ok(Done::Ok("Closed"))
            }
            ("STORE" | "EXPUNGE", _) => Ok(Done::No("The mailbox is open for looking only")),
            _ => Ok(NOT_SUCH),
        }
    }
}
