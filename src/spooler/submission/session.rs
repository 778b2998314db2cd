//! One connection to the submission port: SMTP (RFC 5321) as a submission server speaks it (RFC 6409), with AUTH (4954),
//! PIPELINING (2920), 8BITMIME (6152), SMTPUTF8 (6531) and ENHANCEDSTATUSCODES (2034).

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::digest::{SHA256, digest};
use secrecy::{ExposeSecret as _, SecretSlice};

use super::Desk;
use super::dotted::Dotted;
use crate::mapi::Failure;
use crate::message::address;
use crate::profile::secret;
use crate::spooler::core::Router;
use crate::spooler::protocol::Command;
use crate::spooler::submit::{Options, SubmitError, Submitter};

/// Longest command line. AUTH responses are the longest (RFC 4954, 4).
const LINE: u64 = 12_290;
/// After a wrong secret.
const PENANCE: Duration = Duration::from_secs(1);
/// Wrong secrets that one connection may try.
const TRIES: u8 = 3;
/// Recipients of one message (RFC 5321, 4.5.3.1.8, wants a hundred at least).
const RECIPIENTS: usize = 10_000;

/// See the module.
pub(super) struct Session<'a> {
    reader: BufReader<TcpStream>,
    writer: TcpStream,
    desk: &'a Desk,
    router: Router,
    greeted: bool,
    signed_in: bool,
    refused: u8,
    transaction: Option<Transaction>,
}

/// What MAIL began.
struct Transaction {
    sender: String,
    recipients: Vec<String>,
}

/// What a command leaves to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Command,
    Close,
}

/// A reply: its code with its enhanced one, and its text.
type Answer = (&'static str, String);

fn answer(code: &'static str, text: impl Into<String>) -> Answer {
    (code, text.into())
}

impl<'a> Session<'a> {
    pub(super) fn new(stream: TcpStream, desk: &'a Desk) -> io::Result<Self> {
        let (writer, reader) = (stream.try_clone()?, BufReader::new(stream));
        let router = Router::new(&desk.profile);
        let (greeted, signed_in, refused, transaction) = (false, false, 0, None);
        Ok(Self { reader, writer, desk, router, greeted, signed_in, refused, transaction })
    }

    /// Serves it to its end.
    pub(super) fn run(mut self) -> io::Result<()> {
        self.say(&answer("220", "localhost ESMTP Mailsluice"))?;
        while let Some(line) = self.line()? {
            let Ok(line) = std::str::from_utf8(line.expose_secret()) else {
                self.say(&answer("500 5.5.2", "that is not UTF-8"))?;
                continue;
            };
            if self.command(line)? == Next::Close {
                break;
            }
        }
        Ok(())
    }

    /// The next line, without its end; `None` when the client is gone. It may have a secret in it.
    fn line(&mut self) -> io::Result<Option<SecretSlice<u8>>> {
        let mut line = Vec::with_capacity(512);
        self.reader.by_ref().take(LINE).read_until(b'\n', &mut line)?;
        if line.pop() != Some(b'\n') {
            let is_too_long = line.len() as u64 + 1 == LINE;
            return if is_too_long { Err(io::ErrorKind::InvalidData.into()) } else { Ok(None) };
        }
        line.pop_if(|byte| *byte == b'\r');
        Ok(Some(line.into()))
    }

    /// Texts come from anywhere; a reply is one line of ASCII.
    fn say(&mut self, (code, text): &Answer) -> io::Result<()> {
        let plain = |letter: char| if letter == ' ' || letter.is_ascii_graphic() { letter } else { '?' };
        let text: String = text.chars().map(plain).take(400).collect();
        self.writer.write_all(format!("{code} {text}\r\n").as_bytes())
    }

    fn command(&mut self, line: &str) -> io::Result<Next> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let reply = match verb.to_ascii_uppercase().as_str() {
            "EHLO" => {
                self.begin();
                let announced = "250-localhost\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n\
                                 250-ENHANCEDSTATUSCODES\r\n250 AUTH PLAIN LOGIN\r\n";
                self.writer.write_all(announced.as_bytes())?;
                return Ok(Next::Command);
            }
            "HELO" => {
                self.begin();
                answer("250", "localhost")
            }
            "AUTH" => self.auth(rest)?,
            "MAIL" => self.mail(rest),
            "RCPT" => self.rcpt(rest),
            "DATA" => self.data()?,
            "RSET" => {
                self.transaction = None;
                answer("250 2.0.0", "forgotten")
            }
            "NOOP" => answer("250 2.0.0", "still here"),
            "VRFY" => answer("252 2.0.0", "send it and see"),
            "QUIT" => answer("221 2.0.0", "goodbye"),
            _ => answer("500 5.5.2", "not a command here"),
        };
        self.say(&reply)?;
        let is_over = verb.eq_ignore_ascii_case("QUIT") || self.refused == TRIES;
        Ok(if is_over { Next::Close } else { Next::Command })
    }

    fn begin(&mut self) {
        self.greeted = true;
        self.transaction = None;
    }

    fn auth(&mut self, rest: &str) -> io::Result<Answer> {
        if !self.greeted || self.signed_in || self.transaction.is_some() {
            return Ok(answer("503 5.5.1", "not now"));
        }
        let (mechanism, initial) = rest.split_once(' ').unwrap_or((rest, ""));
        let is_known = match mechanism.to_ascii_uppercase().as_str() {
            "PLAIN" => {
                let Some(response) = self.response(initial, "")? else { return Ok(answer("501 5.5.2", "no response")) };
                // Whom to act for, who signs in, the password (RFC 4616).
                let parts: Vec<&[u8]> = response.expose_secret().split(|byte| *byte == 0).collect();
                matches!(parts.as_slice(), [_, user, password] if self.knows(user, password))
            }
            "LOGIN" => {
                // "Username:" and "Password:".
                let user = self.response(initial, "VXNlcm5hbWU6")?;
                let password = self.response("", "UGFzc3dvcmQ6")?;
                let (Some(user), Some(password)) = (user, password) else {
                    return Ok(answer("501 5.5.2", "no response"));
                };
                self.knows(user.expose_secret(), password.expose_secret())
            }
            _ => return Ok(answer("504 5.5.4", "no such mechanism here")),
        };
        if !is_known {
            self.refused += 1;
            thread::sleep(PENANCE);
            return Ok(answer("535 5.7.8", "wrong user name or password"));
        }
        self.signed_in = true;
        Ok(answer("235 2.7.0", "welcome"))
    }

    /// The client's response, from the command itself or to this challenge; `None` if it is no base64, as `*` is not.
    fn response(&mut self, initial: &str, challenge: &str) -> io::Result<Option<SecretSlice<u8>>> {
        if initial == "=" {
            return Ok(Some(Vec::new().into()));
        }
        if !initial.is_empty() {
            return Ok(BASE64.decode(initial).ok().map(SecretSlice::from));
        }
        self.say(&answer("334", challenge))?;
        let line = self.line()?.ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(BASE64.decode(line.expose_secret()).ok().map(SecretSlice::from))
    }

    /// Whether it is the profile's user. Digests are compared, so that the time it takes tells nothing.
    fn knows(&self, user: &[u8], password: &[u8]) -> bool {
        let port = &self.desk.port;
        let secret = secret::fetch(&port.password, &port.user, "localhost", false);
        let secret = secret.inspect_err(|error| tracing::warn!("nobody can sign in at the submission port: {error}"));
        let is_right = secret.is_ok_and(|secret| {
            let right = secret.expose_secret().as_bytes();
            !right.is_empty() && digest(&SHA256, right).as_ref() == digest(&SHA256, password).as_ref()
        });
        user == port.user.as_bytes() && is_right
    }

    fn mail(&mut self, rest: &str) -> Answer {
        if !self.signed_in {
            return answer("530 5.7.0", "sign in first");
        }
        if self.transaction.is_some() {
            return answer("503 5.5.1", "not now");
        }
        let Some((path, parameters)) = path(rest, "FROM:") else {
            return answer("501 5.5.4", "not a reverse path");
        };
        for parameter in parameters.split_ascii_whitespace() {
            let key = parameter.split('=').next().unwrap_or_default().to_ascii_uppercase();
            if !["BODY", "SMTPUTF8", "SIZE", "AUTH"].contains(&key.as_str()) {
                return answer("555 5.5.4", "not a parameter here");
            }
        }
        match address::sender(path) {
            Ok(sender) => {
                self.transaction = Some(Transaction { sender, recipients: Vec::new() });
                answer("250 2.1.0", "sender ok")
            }
            Err(error) => answer("553 5.1.7", error.to_string()),
        }
    }

    fn rcpt(&mut self, rest: &str) -> Answer {
        let Some(transaction) = &mut self.transaction else { return answer("503 5.5.1", "MAIL first") };
        let Some((path, _)) = path(rest, "TO:") else { return answer("501 5.5.4", "not a forward path") };
        if transaction.recipients.len() == RECIPIENTS {
            return answer("452 4.5.3", "too many recipients");
        }
        match address::recipient(path) {
            Ok(recipient) => {
                let routing = self.router.route(&transaction.sender, std::slice::from_ref(&recipient));
                if !routing.nobody.is_empty() {
                    return answer("550 5.7.1", "no transport of the profile takes it");
                }
                transaction.recipients.push(recipient);
                answer("250 2.1.5", "recipient ok")
            }
            Err(error) => answer("553 5.1.3", error.to_string()),
        }
    }

    fn data(&mut self) -> io::Result<Answer> {
        let Some(transaction) = self.transaction.take() else { return Ok(answer("503 5.5.1", "MAIL first")) };
        if transaction.recipients.is_empty() {
            return Ok(answer("554 5.5.1", "no recipient was taken"));
        }
        self.say(&answer("354", "go ahead"))?;
        let mut content = Dotted::new(&mut self.reader);
        let taken = submit(self.desk, transaction, &mut content);
        // What was not taken has to be read all the same, or it would be taken for commands.
        content.finish()?;
        Ok(taken.map_or_else(
            |error| refusal(&error),
            |()| answer("250 2.0.0", "it is on disk and leaves at the next flush"),
        ))
    }
}

/// Takes a message. It is on disk when this returns.
fn submit(desk: &Desk, transaction: Transaction, content: &mut dyn io::Read) -> Result<(), SubmitError> {
    let Transaction { sender, recipients } = transaction;
    let options = Options {
        // The null sender is meant where it is said.
        sender: Some(if sender.is_empty() { "<>".to_owned() } else { sender }),
        recipients,
        locals_are_identity: true,
        submitter: format!("SMTP on port {}", desk.port.port),
        ..Options::default()
    };
    let mut submitter = Submitter::new(&desk.places, &desk.profile)?;
    submitter.submit(content, &options)?;
    submitter.commit()?;
    // What comes of it is in the rows.
    drop(desk.line.ask(Command::Submitted));
    Ok(())
}

fn refusal(error: &SubmitError) -> Answer {
    let code = match error {
        SubmitError::Message(_) | SubmitError::NoSender | SubmitError::NoRecipients => "554 5.6.0",
        SubmitError::NoTransport(_) | SubmitError::NotAccepted(_) => "550 5.7.1",
        SubmitError::Unreadable(_) | SubmitError::Failure(Failure { .. }) => "451 4.3.0",
    };
    answer(code, error.to_string())
}

/// The path behind `FROM:` or `TO:`, in its brackets, and the parameters behind it.
fn path<'a>(rest: &'a str, keyword: &str) -> Option<(&'a str, &'a str)> {
    let (said, rest) = rest.split_at_checked(keyword.len())?;
    let rest = rest.trim_start().strip_prefix('<').filter(|_| said.eq_ignore_ascii_case(keyword))?;
    rest.split_once('>')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        assert_eq!(path("FROM:<a@b> SIZE=7", "FROM:"), Some(("a@b", " SIZE=7")));
        assert_eq!(path("from: <>", "FROM:"), Some(("", "")));
        for wrong in ["", "TO:<a@b>", "FROM:a@b", "FROM:<a@b", "FRO", "FROM\u{e9}<a@b>"] {
            assert_eq!(path(wrong, "FROM:"), None, "{wrong}");
        }
    }
}
