//! From nothing to a line that is ready for MAIL: connect, greeting, EHLO, STARTTLS, EHLO, AUTH. One command, one reply.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;

use super::capabilities::{Capabilities, Features};
use super::classify::{Asked, positive, refusal};
use super::gate::Gate;
use super::reply::{LONGEST_LINE, ReplyParser};
use crate::mapi::{Class, Failure, Reply, Stage};
use crate::net::sasl::{self, Exchange, Mechanism};
use crate::net::{Connection, LineReader, Transcript, connect, step};
use crate::profile::{Security, ServerConfig};
use crate::transport::{Severity, Support, secrets, trust};

/// How long a server may take to answer a command or to greet (RFC 5321 section 4.5.3.2).
pub(super) const REPLY_DEADLINE: Duration = Duration::from_mins(5);
/// How long a server's last word is waited for.
pub(super) const FAREWELL: Duration = Duration::from_secs(1);
/// The longest command line, with its end (RFC 5321 section 4.5.3.1.4): an initial response must fit in.
const LONGEST_COMMAND: usize = 512;

/// A line that is ready for MAIL.
#[derive(Debug)]
pub(super) struct Line {
    /// The connection, with nothing buffered.
    pub(super) lines: LineReader<Connection>,
    /// What the server can.
    pub(super) capabilities: Capabilities,
    /// What was said so far.
    pub(super) transcript: Transcript,
    /// How we signed in, if we did.
    pub(super) mechanism: Option<Mechanism>,
}

impl Line {
    /// Says goodbye, and doesn't insist on an answer.
    pub(super) async fn part(mut self) {
        let polite = async {
            self.lines.source_mut().write_all(b"QUIT\r\n").await?;
            self.lines.source_mut().flush().await?;
            self.lines.read_line().await
        };
        timeout(FAREWELL, polite).await.ok();
    }
}

/// What is needed to open a line.
pub(super) struct Opening<'a> {
    /// Where to.
    pub(super) server: &'a ServerConfig,
    /// LHLO instead of EHLO.
    pub(super) lmtp: bool,
    /// The password or token, if somebody signs in.
    pub(super) secret: Option<SecretString>,
    /// For the cancellation and the log.
    pub(super) support: &'a Support,
    /// What keeps it from signing in beside others.
    pub(super) gate: &'a Gate,
    /// Hears how far it has come.
    pub(super) stage: &'a (dyn Fn(Stage) + Send + Sync),
}

/// The line, what the server can, how we signed in.
type Introduced = (LineReader<Connection>, Capabilities, Option<Mechanism>);

impl Opening<'_> {
    /// Opens the line.
    ///
    /// # Errors
    /// Whatever keeps it from being ready. A refused password is forgotten.
    pub(super) async fn open(&self) -> Result<Line, Failure> {
        let open = || self.try_open();
        trust::opening(self.support, self.server, || secrets::opening(self.support, self.server, open)).await
    }

    async fn try_open(&self) -> Result<Line, Failure> {
        let connection = connect(&trust::known(self.support, self.server), self.support.cancel(), self.stage).await?;
        let mut transcript = Transcript::new(connection.peer());
        let introduced = self
            .introduce(Talk::new(connection, self.support, self.server.limit(REPLY_DEADLINE), &mut transcript))
            .await;
        let (lines, capabilities, mechanism) =
            introduced.inspect_err(|failure| explain(self.support, failure, &transcript))?;
        Ok(Line { lines, capabilities, transcript, mechanism })
    }

    async fn introduce(&self, mut talk: Talk<'_>) -> Result<Introduced, Failure> {
        (self.stage)(Stage::Greeting);
        let greeting = talk.hear(Asked::Greeting).await?;
        if !positive(&greeting) {
            return Err(refusal(greeting, Asked::Greeting, &talk.at));
        }
        let mut capabilities = self.hello(&mut talk).await?;
        if self.server.security == Security::StartTls {
            (self.stage)(Stage::Tls);
            talk = self.start_tls(talk, &capabilities).await?;
            // What was said in the open counts for nothing now (RFC 3207 section 4.2).
            capabilities = self.hello(&mut talk).await?;
        }
        let mut mechanism = None;
        if let Some(user) = sasl::account(self.server) {
            (self.stage)(Stage::Login);
            mechanism = Some(self.gate.pass(self.sign_in(&mut talk, user, &capabilities)).await?);
        }
        Ok((talk.lines, capabilities, mechanism))
    }

    async fn hello(&self, talk: &mut Talk<'_>) -> Result<Capabilities, Failure> {
        let name = our_name(talk.lines.source_mut().local_address());
        let verb = if self.lmtp { "LHLO" } else { "EHLO" };
        let reply = talk.ask(&format!("{verb} {name}"), Asked::Hello).await?;
        if positive(&reply) {
            return Ok(Capabilities::parse(&reply));
        }
        // A server from before ESMTP knows the plain word only.
        if matches!(reply.code, 500 | 502) && !self.lmtp {
            let plain = talk.ask(&format!("HELO {name}"), Asked::Hello).await?;
            if positive(&plain) {
                return Ok(Capabilities::default());
            }
        }
        Err(refusal(reply, Asked::Hello, &talk.at))
    }

    async fn start_tls<'t>(&self, mut talk: Talk<'t>, capabilities: &Capabilities) -> Result<Talk<'t>, Failure> {
        if !capabilities.has(Features::STARTTLS) {
            return Err(Failure::new(Class::Trust, Stage::Tls, &*talk.at, "the server does not offer STARTTLS"));
        }
        let reply = talk.ask("STARTTLS", Asked::StartTls).await?;
        if !positive(&reply) {
            return Err(refusal(reply, Asked::StartTls, &talk.at));
        }
        let connection = talk.lines.into_source_before_tls(&talk.at)?;
        let connection = connection.start_tls(&trust::known(self.support, self.server), self.support.cancel()).await?;
        Ok(Talk { lines: LineReader::new(connection, LONGEST_LINE), ..talk })
    }

    async fn sign_in(&self, talk: &mut Talk<'_>, user: &str, can: &Capabilities) -> Result<Mechanism, Failure> {
        let private = talk.lines.source_mut().is_private();
        let mechanism = sasl::choose(self.server.auth, &can.auth, private, &talk.at)?;
        let mut secret = match &self.secret {
            Some(secret) if !secrets::is_refused_token(self.support, self.server, secret) => secret.clone(),
            _ => secrets::at_hand(self.support, self.server).await?,
        };
        loop {
            let mut exchange = Exchange::new(mechanism, user, secret.clone(), &self.server.host, self.server.port);
            let reply = converse(talk, &mut exchange).await?;
            if positive(&reply) {
                exchange.finished().map_err(|error| error.failure(&talk.at))?;
                secrets::accepted(self.support, self.server);
                return Ok(mechanism);
            }
            let failure = refusal(reply, Asked::Login, &talk.at);
            if failure.class == Class::Login {
                secrets::refused(self.support, self.server, &failure.to_string());
            }
            if !secrets::token_refused(self.support, self.server, &secret, &failure) {
                return Err(failure);
            }
            secret = secrets::at_hand(self.support, self.server).await?;
        }
    }
}

/// Says AUTH and answers challenges, until the server says yes or no.
async fn converse(talk: &mut Talk<'_>, exchange: &mut Exchange) -> Result<Reply, Failure> {
    let name = exchange.mechanism().name();
    let initial = exchange.initial().map(|initial| sasl::encode(&initial));
    let (command, mut held) = match initial {
        Some(initial) if name.len() + initial.len() + "AUTH  \r\n".len() > LONGEST_COMMAND => {
            (Zeroizing::new(format!("AUTH {name}")), Some(initial))
        }
        Some(initial) if initial.is_empty() => (Zeroizing::new(format!("AUTH {name} =")), None),
        Some(initial) => (Zeroizing::new(["AUTH ", name, " ", &initial].concat()), None),
        None => (Zeroizing::new(format!("AUTH {name}")), None),
    };
    talk.say_hidden(&command, &format!("AUTH {name}")).await?;
    loop {
        let reply = talk.hear_hidden().await?;
        if reply.code != 334 {
            return Ok(reply);
        }
        let answer = match held.take() {
            Some(initial) => Ok(initial),
            None => sasl::decode(&reply.text)
                .and_then(|challenge| exchange.respond(&challenge))
                .map(|answer| sasl::encode(&answer)),
        };
        let answer = answer.map_err(|error| error.failure(&talk.at))?;
        talk.say_hidden(&answer, "AUTH answer").await?;
    }
}

/// One command, one reply.
struct Talk<'a> {
    lines: LineReader<Connection>,
    transcript: &'a mut Transcript,
    support: &'a Support,
    at: String,
    /// How long the server may take over an answer.
    limit: Duration,
}

impl<'a> Talk<'a> {
    fn new(mut connection: Connection, support: &'a Support, limit: Duration, transcript: &'a mut Transcript) -> Self {
        connection.quick_ack();
        let at = connection.peer().to_owned();
        Self { lines: LineReader::new(connection, LONGEST_LINE), transcript, support, at, limit }
    }

    async fn ask(&mut self, command: &str, asked: Asked) -> Result<Reply, Failure> {
        self.transcript.sent(command.as_bytes());
        self.say(command, asked).await?;
        self.hear(asked).await
    }

    async fn say_hidden(&mut self, line: &str, shown: &str) -> Result<(), Failure> {
        self.transcript.hidden(shown, line.len() as u64);
        self.say(line, Asked::Login).await
    }

    async fn say(&mut self, line: &str, asked: Asked) -> Result<(), Failure> {
        // Whatever is said here may be a password.
        let line = Zeroizing::new([line, "\r\n"].concat());
        let connection = self.lines.source_mut();
        let write = async {
            connection.write_all(line.as_bytes()).await?;
            connection.flush().await
        };
        step(write, self.limit, self.support.cancel(), asked.stage(), &self.at).await
    }

    async fn hear(&mut self, asked: Asked) -> Result<Reply, Failure> {
        self.hear_with(asked, |transcript, line| transcript.received(line)).await
    }

    /// A reply in an AUTH exchange: a challenge is kept out of the transcript, a verdict is not.
    async fn hear_hidden(&mut self) -> Result<Reply, Failure> {
        let show = |transcript: &mut Transcript, line: &Bytes| {
            if line.starts_with(b"334") {
                transcript.hidden("AUTH challenge", line.len() as u64);
            } else {
                transcript.received(line);
            }
        };
        self.hear_with(Asked::Login, show).await
    }

    async fn hear_with(&mut self, asked: Asked, show: impl Fn(&mut Transcript, &Bytes)) -> Result<Reply, Failure> {
        let mut parser = ReplyParser::default();
        loop {
            let read = self.lines.read_line();
            let line = step(read, self.limit, self.support.cancel(), asked.stage(), &self.at).await?;
            show(self.transcript, &line);
            let parsed = parser.line(&line);
            let reply =
                parsed.map_err(|error| Failure::new(Class::Protocol, asked.stage(), &*self.at, error.to_string()))?;
            if let Some(reply) = reply {
                return Ok(reply);
            }
        }
    }
}

/// Our name in EHLO: the address literal of our end (RFC 5321 section 4.1.3). It is true, it is what the server sees or
/// may see, and it needs no DNS. Host names of laptops are neither true nor anyone's business.
fn our_name(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => format!("[{address}]"),
        IpAddr::V6(address) => format!("[IPv6:{address}]"),
    }
}

/// Shows what came before a protocol failure: only that tells what it is about.
pub(super) fn explain(support: &Support, failure: &Failure, transcript: &Transcript) {
    if failure.class == Class::Protocol {
        for line in transcript.last_lines() {
            support.log(Severity::Info, line);
        }
    }
}
