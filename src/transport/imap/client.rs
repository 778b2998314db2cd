//! An IMAP session on a connection: from connecting to signed in, and one event after the other from there.
//!
//! Where signing in takes one command, its answer is not waited for: what comes next goes out with it (RFC 9051
//! section 5.5), and the answer is looked at when it comes by. So a folder is open and searched one round trip after the
//! greeting.

use std::time::{Duration, Instant};

use bytes::Bytes;
use imap_codec::CommandCodec;
use imap_codec::encode::{Encoder as _, Fragment};
use imap_types::command::{Command, CommandBody};
use secrecy::zeroize::Zeroizing;
use tokio::io::AsyncReadExt as _;

use super::response::{Event, Greeting, Verdict};
use super::wire::{Broken, Cutter, Piece};
use crate::mapi::{Blame, Class, Failure, Reply, Stage};
use crate::net::sasl::{self, Exchange, Mechanism};
use crate::net::{Connection, Deflated, Transcript, connect, step, write_out};
use crate::profile::{Security, ServerConfig};
use crate::transport::{Support, secrets, trust};

/// How long the server may be silent while it has something to do, where the profile says nothing else.
const SILENCE: Duration = Duration::from_mins(2);
/// The longest literal that LITERAL- takes unasked, in bytes (RFC 7888).
const LITERAL_MINUS: usize = 4096;
/// Responses to one command at most: more than there are messages in what one command asks for.
const MOST_RESPONSES: u32 = 100_000;
/// Room made for one read, in bytes.
const READ_BYTES: usize = 64 << 10;
/// Room for what goes out, so that it does not move, and leave a password behind.
const OUT: usize = 4 << 10;

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
    out: Zeroizing<Vec<u8>>,
    transcript: Transcript,
    server: &'a ServerConfig,
    support: &'a Support,
    at: String,
    /// The command that signs in, while it is in the air.
    login: Option<String>,
    last_tag: u32,
    /// Compresses both directions, once that is agreed on.
    deflated: Option<Box<Deflated>>,
    /// When something was asked that is not answered yet.
    asked: Option<Instant>,
    /// The quickest answer so far: a round trip, and what the server needed to think.
    distance: Duration,
    /// How long the server may be silent.
    patience: Duration,
    /// Responses since a command was last over.
    responses: u32,
    /// In capitals; `None`: not known, ask.
    capabilities: Option<Vec<String>>,
}

impl<'a> Client<'a> {
    /// Connects, agrees on TLS and signs in; whether that succeeded may be heard with the next answer only.
    ///
    /// # Errors
    /// Whatever stands between us and the mailboxes.
    pub(super) async fn open(server: &'a ServerConfig, support: &'a Support) -> Result<Self, Failure> {
        let open = || Self::try_open(server, support);
        trust::opening(support, server, || secrets::opening(support, server, open)).await
    }

    async fn try_open(server: &'a ServerConfig, support: &'a Support) -> Result<Self, Failure> {
        let connection =
            connect(&trust::known(support, server), support.cancel(), &|stage| support.stage(stage)).await?;
        let at = connection.peer().to_owned();
        let transcript = Transcript::new(at.as_str());
        let (cutter, out) = (Cutter::new(), Zeroizing::new(Vec::with_capacity(OUT)));
        let mut client = Self {
            connection,
            cutter,
            out,
            transcript,
            server,
            support,
            at,
            login: None,
            last_tag: 0,
            deflated: None,
            asked: None,
            distance: Duration::MAX,
            patience: server.limit(SILENCE),
            responses: 0,
            capabilities: None,
        };
        support.stage(Stage::Greeting);
        let signed_in = client.greeting().await?;
        if server.security == Security::StartTls {
            client = client.start_tls(signed_in).await?;
        }
        if let Some(user) = sasl::account(server).filter(|_| !signed_in) {
            support.stage(Stage::Login);
            client.sign_in(user).await?;
        }
        Ok(client)
    }

    /// Says goodbye and hangs up. Everything is done and answered: nothing hangs on the server's answer to it.
    pub(super) async fn close(mut self) {
        self.send("LOGOUT");
        self.write(Stage::Quit).await.ok();
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
        // What was asked behind it waits for the answer to signing in.
        let stage = if self.login.is_some() { Stage::Login } else { stage };
        let response = match self.piece(stage).await? {
            Piece::BodyBegins(size) => return Ok(Incoming::BodyBegins(size)),
            Piece::Body(bytes) => return Ok(Incoming::Body(bytes)),
            Piece::BodyEnds => return Ok(Incoming::BodyEnds),
            Piece::Response(response) => response,
        };
        let event = Event::parse(&response).map_err(|broken| self.broken(stage, &broken))?;
        self.responses = if matches!(event, Event::Done { .. }) { 0 } else { self.responses + 1 };
        if self.responses > MOST_RESPONSES {
            return Err(self.failure(Class::Protocol, stage, "the server's answer does not end"));
        }
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
        if let Some(signed_in) = self.login.as_deref().and_then(|tag| self.over(tag, Stage::Login, &event)) {
            self.login = None;
            signed_in.map_err(|failure| self.turned_away(failure))?;
        }
        Ok(Incoming::Event(event))
    }

    /// Whether the server has a capability. Asks once, after each change of state.
    ///
    /// # Errors
    /// The line or the server failed.
    pub(super) async fn has(&mut self, capability: &str) -> Result<bool, Failure> {
        while self.login.is_some() {
            self.incoming(Stage::Login).await?;
        }
        if self.capabilities.is_none() {
            self.run("CAPABILITY", Stage::Greeting, |_| {}).await?;
        }
        Ok(self.offers(capability))
    }

    /// Whether it is known that the server has a capability. Asks nothing.
    pub(super) fn offers(&self, capability: &str) -> bool {
        self.capabilities.iter().flatten().any(|has| has == capability)
    }

    /// The quickest answer so far: a round trip, and what the server needed to think.
    pub(super) const fn distance(&self) -> Duration {
        self.distance
    }

    /// Has both directions compressed from here on, if the server agrees. Nothing may be in the air.
    ///
    /// # Errors
    /// The line or the server failed.
    pub(super) async fn compress(&mut self) -> Result<(), Failure> {
        let tag = self.send("COMPRESS DEFLATE");
        loop {
            let Incoming::Event(event) = self.incoming(Stage::Fetch).await? else { continue };
            match self.over(&tag, Stage::Fetch, &event) {
                Some(Ok(())) => {
                    self.deflated = Some(Box::new(Deflated::new(self.cutter.buffer().split())));
                    return Ok(());
                }
                // It goes on as it was.
                Some(Err(_refused)) => return Ok(()),
                None => {}
            }
        }
    }

    /// Puts a command into the air whose arguments may need quoting, or literals, and gives its tag. Waits only where the
    /// server wants to be asked before it takes a literal (no LITERAL+ or LITERAL-, RFC 7888).
    ///
    /// # Errors
    /// As [`Self::run`].
    pub(super) async fn send_body(&mut self, body: CommandBody<'_>, stage: Stage) -> Result<String, Failure> {
        let tag = self.tag();
        let command = Command::new(tag.as_str(), body);
        let command = command.map_err(|error| self.failure(Class::Local, stage, error.to_string()))?;
        self.transcript.sent(format!("{tag} {} …", command.name()).as_bytes());
        let small = usize::from(self.offers("LITERAL-")) * LITERAL_MINUS;
        let unasked = if self.offers("LITERAL+") { usize::MAX } else { small };
        let mut fragments = CommandCodec::default().encode(&command).peekable();
        while let Some(fragment) = fragments.next() {
            match (fragment, fragments.peek()) {
                (Fragment::Line { data }, Some(Fragment::Literal { data: literal, .. }))
                    if literal.len() <= unasked =>
                {
                    let announced = data.strip_suffix(b"}\r\n").unwrap_or(&data);
                    self.out.extend_from_slice(announced);
                    self.out.extend_from_slice(b"+}\r\n");
                }
                (Fragment::Line { data }, _) => self.out.extend_from_slice(&Zeroizing::new(data)),
                (Fragment::Literal { data, .. }, _) => {
                    let data = Zeroizing::new(data);
                    if data.len() > unasked {
                        self.invited(&tag, stage).await?;
                    }
                    self.out.extend_from_slice(&data);
                }
            }
        }
        Ok(tag)
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
            if let Some(deflated) = &mut self.deflated {
                let unpacked = deflated.unpack(self.cutter.buffer());
                if unpacked.map_err(|error| self.failure(Class::Protocol, stage, error.to_string()))? {
                    continue;
                }
            }
            self.write(stage).await?;
            let cancel = self.support.cancel();
            let buffer = match &mut self.deflated {
                Some(deflated) => deflated.packed(),
                None => self.cutter.buffer(),
            };
            buffer.reserve(READ_BYTES);
            let read = step(self.connection.read_buf(buffer), self.patience, cancel, stage, &self.at).await?;
            if read == 0 {
                return Err(self.failure(Class::Transient, stage, "the server closed the line"));
            }
            if let Some(asked) = self.asked.take() {
                self.distance = self.distance.min(asked.elapsed());
            }
        }
    }

    /// Lets the server be silent for this long. Gives how long that was so far.
    pub(super) const fn be_patient(&mut self, silence: Duration) -> Duration {
        std::mem::replace(&mut self.patience, silence)
    }

    /// Puts a line into the air that is no command.
    pub(super) fn say(&mut self, line: &str) {
        self.put(line);
    }

    /// Writes what is put into the air.
    ///
    /// # Errors
    /// The line failed, or cancelled.
    pub(super) async fn write(&mut self, stage: Stage) -> Result<(), Failure> {
        if self.out.is_empty() {
            return Ok(());
        }
        if let Some(deflated) = &mut self.deflated {
            let packed = deflated.pack(&self.out);
            self.out = Zeroizing::new(packed.map_err(|error| self.failure(Class::Local, stage, error.to_string()))?);
        }
        let (limit, cancel) = (self.server.limit(SILENCE), self.support.cancel());
        write_out(&mut self.connection, &mut self.out, limit, cancel, stage, &self.at).await?;
        self.asked.get_or_insert_with(Instant::now);
        Ok(())
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

    async fn start_tls(mut self, signed_in: bool) -> Result<Self, Failure> {
        self.support.stage(Stage::Tls);
        // A server that knows us already takes no STARTTLS: whoever sits on the line may have made it say so.
        if signed_in || !self.has("STARTTLS").await? {
            return Err(self.failure(Class::Trust, Stage::Tls, "the server does not offer STARTTLS"));
        }
        self.run("STARTTLS", Stage::Tls, |_| {}).await.map_err(|failure| match failure.reply {
            // It was refused. A line that broke says nothing about trust.
            Some(_) => Failure { class: Class::Trust, ..failure }.blaming(Blame::Site),
            None => failure,
        })?;
        if !self.cutter.is_empty() {
            return Err(self.failure(Class::Trust, Stage::Tls, "data was slipped in before TLS began"));
        }
        self.connection =
            self.connection.start_tls(&trust::known(self.support, self.server), self.support.cancel()).await?;
        self.capabilities = None;
        Ok(self)
    }

    async fn sign_in(&mut self, user: &str) -> Result<(), Failure> {
        let server = self.server;
        // The LOGIN command shows as much as SASL's LOGIN, so it is chosen by the same rule.
        let login_command = !self.has("LOGINDISABLED").await?;
        let all = self.capabilities.iter().flatten();
        let mut offered: Vec<String> = all.filter_map(|one| one.strip_prefix("AUTH=")).map(str::to_owned).collect();
        let sasl_login = offered.iter().any(|name| name == Mechanism::Login.name());
        if login_command && !sasl_login {
            offered.push(Mechanism::Login.name().to_owned());
        }
        let mechanism = sasl::choose(server.auth, &offered, self.connection.is_private(), &self.at)?;
        let mut secret = secrets::at_hand(self.support, server).await?;
        let initial_response = self.has("SASL-IR").await?;
        if mechanism == Mechanism::Login && !sasl_login {
            use secrecy::ExposeSecret as _;
            let login = CommandBody::login(user, secret.expose_secret())
                .map_err(|_invalid| self.failure(Class::Login, Stage::Login, "the name or password has a zero byte"))?;
            self.login = Some(self.send_body(login, Stage::Login).await?);
            self.capabilities = None;
            return Ok(());
        }
        // What it can do may be more from here on; it says so, or is asked when it matters.
        self.capabilities = None;
        loop {
            let exchange = Exchange::new(mechanism, user, secret.clone(), &server.host, server.port);
            let Err(failure) = self.exchange(exchange, initial_response).await else { break };
            let failure = self.turned_away(failure);
            if !secrets::token_refused(self.support, server, &secret, &failure) {
                return Err(failure);
            }
            secret = secrets::at_hand(self.support, server).await?;
        }
        secrets::accepted(self.support, server);
        Ok(())
    }

    /// Keeps in mind that the password was refused, if it was.
    fn turned_away(&self, failure: Failure) -> Failure {
        if failure.class == Class::Login {
            let words = failure.reply.as_ref().map_or("", |reply| &reply.text);
            secrets::refused(self.support, self.server, words);
        }
        failure
    }

    /// AUTHENTICATE (RFC 9051 section 6.2.2), with the first message of ours in the command where that is allowed. PLAIN has
    /// said everything then; the other mechanisms may have more to say, and nothing may come between.
    async fn exchange(&mut self, mut exchange: Exchange, initial_response: bool) -> Result<(), Failure> {
        let tag = self.tag();
        let mut command = Zeroizing::new(format!("{tag} AUTHENTICATE {}", exchange.mechanism().name()));
        if initial_response && let Some(initial) = exchange.initial() {
            let initial = sasl::encode(&initial);
            let initial = if initial.is_empty() { "=" } else { &initial };
            command = Zeroizing::new([&command, " ", initial].concat());
        }
        self.transcript.hidden("AUTHENTICATE", command.len() as u64);
        self.put_hidden(&command);
        if exchange.mechanism() == Mechanism::Plain && initial_response {
            self.login = Some(tag);
            return Ok(());
        }
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
