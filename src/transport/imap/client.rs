//! An IMAP session on a connection: from connecting to signed in, and one event after the other from there.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use imap_codec::CommandCodec;
use imap_codec::encode::{Encoder as _, Fragment};
use imap_types::command::{Command, CommandBody};
use imap_types::core::LiteralMode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::response::{Event, Greeting, Verdict};
use super::wire::{Broken, Cutter, Piece};
use crate::mapi::{Blame, Class, Failure, Reply, Stage};
use crate::net::sasl::{self, Exchange, Mechanism};
use crate::net::{Connection, Transcript, connect, step};
use crate::profile::{Security, ServerConfig};
use crate::transport::{Support, secrets};

/// How long the server may be silent, where the profile says nothing else.
const SILENCE: Duration = Duration::from_mins(2);
/// Room made for one read, in bytes.
const READ_BYTES: usize = 64 << 10;

/// What comes from the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Incoming {
    /// A message of this many bytes begins; which one it is follows behind it.
    BodyBegins(u64),
    /// Some of its bytes.
    Body(Bytes),
    /// It is complete.
    BodyEnds,
    /// A response.
    Event(Event),
}

/// A session with a server.
#[derive(Debug)]
pub(super) struct Client<'a> {
    connection: Connection,
    cutter: Cutter,
    out: BytesMut,
    transcript: Transcript,
    support: &'a Support,
    at: String,
    /// How long the server may be silent.
    silence: Duration,
    last_tag: u32,
    /// In capitals; `None`: not known, ask.
    capabilities: Option<Vec<String>>,
}

impl<'a> Client<'a> {
    /// Connects, agrees on TLS and signs in.
    ///
    /// # Errors
    /// Whatever stands between us and the mailboxes.
    pub(super) async fn open(server: &ServerConfig, support: &'a Support) -> Result<Self, Failure> {
        let connection = connect(server, support.cancel(), &|stage| support.stage(stage)).await?;
        let at = connection.peer().to_owned();
        let transcript = Transcript::new(at.as_str());
        let (cutter, out) = (Cutter::new(), BytesMut::new());
        let silence = server.limit(SILENCE);
        let mut client =
            Self { connection, cutter, out, transcript, support, at, silence, last_tag: 0, capabilities: None };
        support.stage(Stage::Greeting);
        let signed_in = client.greeting().await?;
        if server.security == Security::StartTls {
            client = client.start_tls(server, signed_in).await?;
        }
        if let Some(user) = sasl::account(server).filter(|_| !signed_in) {
            support.stage(Stage::Login);
            client.sign_in(server, user).await?;
        }
        Ok(client)
    }

    /// `host:port`.
    pub(super) fn at(&self) -> &str {
        &self.at
    }

    /// Puts a command into the air, and gives its tag. It goes out with the next wait. The text holds nothing that would
    /// need quoting.
    pub(super) fn send(&mut self, command: &str) -> String {
        let tag = self.tag();
        self.put(&format!("{tag} {command}"));
        tag
    }

    /// Sends a command and waits until it is over.
    ///
    /// # Errors
    /// It was refused, or the line or the server failed.
    pub(super) async fn run(&mut self, command: &str, stage: Stage, each: impl FnMut(Event)) -> Result<(), Failure> {
        let tag = self.send(command);
        self.finish(&tag, stage, each).await
    }

    /// Waits until a command is over.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub(super) async fn finish(&mut self, tag: &str, stage: Stage, mut each: impl FnMut(Event)) -> Result<(), Failure> {
        loop {
            if let Incoming::Event(event) = self.incoming(stage).await? {
                match self.over(tag, stage, &event) {
                    Some(done) => return done,
                    None => each(event),
                }
            }
        }
    }

    /// Whether this event ends the command with this tag, and how.
    pub(super) fn over(&self, tag: &str, stage: Stage, event: &Event) -> Option<Result<(), Failure>> {
        match event {
            Event::Done { tag: done, verdict, code, text, .. } if done == tag => Some(match verdict {
                Verdict::Ok => Ok(()),
                Verdict::No | Verdict::Bad => Err(self.refusal(*verdict, stage, code.as_deref(), text)),
            }),
            _ => None,
        }
    }

    /// The next thing from the server. Capabilities are kept here.
    ///
    /// # Errors
    /// The line or the server failed, it said goodbye, or cancelled.
    pub(super) async fn incoming(&mut self, stage: Stage) -> Result<Incoming, Failure> {
        let response = match self.piece(stage).await? {
            Piece::BodyBegins(size) => return Ok(Incoming::BodyBegins(size)),
            Piece::Body(bytes) => return Ok(Incoming::Body(bytes)),
            Piece::BodyEnds => return Ok(Incoming::BodyEnds),
            Piece::Response(response) => response,
        };
        let event = Event::parse(&response).map_err(|broken| self.broken(stage, &broken))?;
        match &event {
            Event::Capabilities(all) | Event::Done { capabilities: Some(all), .. } => {
                self.capabilities = Some(all.clone());
            }
            Event::Bye(text) if stage != Stage::Quit => {
                let reply = Reply { code: 0, enhanced: None, text: text.clone() };
                return Err(self.failure(Class::Transient, stage, "the server ends the session").with_reply(reply));
            }
            _ => {}
        }
        Ok(Incoming::Event(event))
    }

    /// Whether the server has a capability. Asks once, after each change of state.
    ///
    /// # Errors
    /// The line or the server failed.
    pub(super) async fn has(&mut self, capability: &str) -> Result<bool, Failure> {
        if self.capabilities.is_none() {
            self.run("CAPABILITY", Stage::Greeting, |_| {}).await?;
        }
        Ok(self.capabilities.iter().flatten().any(|has| has == capability))
    }

    /// Sends a command whose arguments may need quoting, or literals, and waits until it is over.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub(super) async fn run_body(
        &mut self,
        body: CommandBody<'_>,
        stage: Stage,
        each: impl FnMut(Event),
    ) -> Result<(), Failure> {
        let tag = self.tag();
        let command = Command::new(tag.as_str(), body);
        let command = command.map_err(|error| self.failure(Class::Local, stage, error.to_string()))?;
        let name = command.name();
        for fragment in CommandCodec::default().encode(&command) {
            match fragment {
                Fragment::Line { data } => self.out.extend_from_slice(&data),
                Fragment::Literal { data, mode } => {
                    if mode == LiteralMode::Sync {
                        self.invited(&tag, stage).await?;
                    }
                    self.out.extend_from_slice(&data);
                }
            }
        }
        self.transcript.sent(format!("{tag} {name} …").as_bytes());
        self.finish(&tag, stage, each).await
    }

    /// Waits for the plus that asks for a literal.
    async fn invited(&mut self, tag: &str, stage: Stage) -> Result<(), Failure> {
        loop {
            if let Incoming::Event(event) = self.incoming(stage).await? {
                match self.over(tag, stage, &event) {
                    Some(done) => return done,
                    None if matches!(event, Event::Continue(_)) => return Ok(()),
                    None => {}
                }
            }
        }
    }

    async fn piece(&mut self, stage: Stage) -> Result<Piece, Failure> {
        loop {
            if let Some(piece) = self.cutter.next().map_err(|broken| self.broken(stage, &broken))? {
                if let Piece::Response(response) = &piece {
                    self.transcript.received(response.get(..200).unwrap_or(response));
                }
                return Ok(piece);
            }
            let cancel = self.support.cancel();
            if !self.out.is_empty() {
                let (connection, out) = (&mut self.connection, &self.out);
                let write = async {
                    connection.write_all(out).await?;
                    connection.flush().await
                };
                step(write, self.silence, cancel, stage, &self.at).await?;
                self.out.clear();
            }
            let buffer = self.cutter.buffer();
            buffer.reserve(READ_BYTES);
            let read = step(self.connection.read_buf(buffer), self.silence, cancel, stage, &self.at).await?;
            if read == 0 {
                return Err(self.failure(Class::Transient, stage, "the server closed the line"));
            }
        }
    }

    fn tag(&mut self) -> String {
        self.last_tag += 1;
        format!("A{}", self.last_tag)
    }

    fn put(&mut self, line: &str) {
        self.transcript.sent(line.as_bytes());
        self.put_hidden(line);
    }

    fn put_hidden(&mut self, line: &str) {
        self.out.extend_from_slice(line.as_bytes());
        self.out.extend_from_slice(b"\r\n");
    }

    /// A failure of this session.
    pub(super) fn failure(&self, class: Class, stage: Stage, what: impl Into<String>) -> Failure {
        Failure::new(class, stage, &self.at, what)
    }

    fn broken(&self, stage: Stage, broken: &Broken) -> Failure {
        self.failure(Class::Protocol, stage, broken.to_string())
    }

    /// What a refusal means: by its code (RFC 5530), else by where it came.
    fn refusal(&self, verdict: Verdict, stage: Stage, code: Option<&str>, text: &str) -> Failure {
        let class = match (code, stage, verdict) {
            (Some("UNAVAILABLE" | "INUSE" | "LIMIT" | "SERVERBUG"), ..) => Class::Transient,
            (Some("AUTHENTICATIONFAILED" | "AUTHORIZATIONFAILED" | "EXPIRED" | "CONTACTADMIN"), ..)
            | (_, Stage::Login, _) => Class::Login,
            (Some("PRIVACYREQUIRED"), ..) => Class::Trust,
            (Some("NONEXISTENT" | "CANNOT" | "NOPERM"), ..) | (_, Stage::List, Verdict::No) => Class::Configuration,
            (_, _, Verdict::Bad) => Class::Protocol,
            _ => Class::Transient,
        };
        let text = code.map_or_else(|| text.to_owned(), |code| format!("[{code}] {text}"));
        let failure = self.failure(class, stage, "").with_reply(Reply { code: 0, enhanced: None, text });
        if class == Class::Transient { failure.blaming(Blame::Site) } else { failure }
    }

    /// Gives whether the server knows us already.
    async fn greeting(&mut self) -> Result<bool, Failure> {
        let stage = Stage::Greeting;
        let Piece::Response(response) = self.piece(stage).await? else {
            return Err(self.broken(stage, &Broken::NoResponse));
        };
        let greeting = Greeting::parse(&response).map_err(|broken| self.broken(stage, &broken))?;
        self.capabilities = greeting.capabilities;
        greeting.signed_in.ok_or_else(|| {
            let reply = Reply { code: 0, enhanced: None, text: greeting.text };
            self.failure(Class::Transient, stage, "turned away").blaming(Blame::Site).with_reply(reply)
        })
    }

    async fn start_tls(mut self, server: &ServerConfig, signed_in: bool) -> Result<Self, Failure> {
        self.support.stage(Stage::Tls);
        // A server that knows us already takes no STARTTLS: whoever sits on the line may have made it say so.
        if signed_in || !self.has("STARTTLS").await? {
            return Err(self.failure(Class::Trust, Stage::Tls, "the server does not offer STARTTLS"));
        }
        self.run("STARTTLS", Stage::Tls, |_| {}).await.map_err(|failure| match failure.class {
            Class::Cancelled | Class::Offline => failure,
            _ => Failure { class: Class::Trust, ..failure }.blaming(Blame::Site),
        })?;
        if !self.cutter.is_empty() {
            return Err(self.failure(Class::Trust, Stage::Tls, "data was slipped in before TLS began"));
        }
        self.connection = self.connection.start_tls(server, self.support.cancel()).await?;
        self.capabilities = None;
        Ok(self)
    }

    async fn sign_in(&mut self, server: &ServerConfig, user: &str) -> Result<(), Failure> {
        // The LOGIN command shows as much as SASL's LOGIN, so it is chosen by the same rule.
        let login_command = !self.has("LOGINDISABLED").await?;
        let all = self.capabilities.iter().flatten();
        let mut offered: Vec<String> = all.filter_map(|one| one.strip_prefix("AUTH=")).map(str::to_owned).collect();
        let sasl_login = offered.iter().any(|name| name == Mechanism::Login.name());
        if login_command && !sasl_login {
            offered.push(Mechanism::Login.name().to_owned());
        }
        let mechanism = sasl::choose(server.auth, &offered, self.connection.is_private(), &self.at)?;
        let secret = secrets::password(self.support, server).await?;
        // What it can do may be more from here on; it says so, or is asked when it matters.
        let initial_response = self.has("SASL-IR").await?;
        self.capabilities = None;
        let signed_in = if mechanism == Mechanism::Login && !sasl_login {
            use secrecy::ExposeSecret as _;
            let login = CommandBody::login(user, secret.expose_secret())
                .map_err(|_invalid| self.failure(Class::Login, Stage::Login, "the name or password has a zero byte"))?;
            self.run_body(login, Stage::Login, |_| {}).await
        } else {
            let exchange = Exchange::new(mechanism, user, secret, &server.host, server.port);
            self.exchange(exchange, initial_response).await
        };
        if let Err(Failure { class: Class::Login, reply, .. }) = &signed_in {
            let words = reply.as_ref().map_or("", |reply| &reply.text);
            secrets::refused(self.support, server, words);
        }
        signed_in
    }

    /// AUTHENTICATE (RFC 9051 section 6.2.2), with the first message of ours in the command where that is allowed.
    async fn exchange(&mut self, mut exchange: Exchange, initial_response: bool) -> Result<(), Failure> {
        let tag = self.tag();
        let mut command = format!("{tag} AUTHENTICATE {}", exchange.mechanism().name());
        if initial_response && let Some(initial) = exchange.initial() {
            command.push(' ');
            command.push_str(&if initial.is_empty() { "=".to_owned() } else { sasl::encode(&initial) });
        }
        self.transcript.hidden("AUTHENTICATE", command.len() as u64);
        self.put_hidden(&command);
        loop {
            let Incoming::Event(event) = self.incoming(Stage::Login).await? else { continue };
            if let Some(done) = self.over(&tag, Stage::Login, &event) {
                done?;
                return exchange.finished().map_err(|error| error.failure(&self.at));
            }
            if let Event::Continue(challenge) = event {
                let decoded = sasl::decode(&String::from_utf8_lossy(&challenge));
                let answer = decoded.and_then(|challenge| exchange.respond(&challenge));
                let answer = answer.map_err(|error| error.failure(&self.at))?;
                self.put_hidden(&sasl::encode(&answer));
            }
        }
    }
}
