//! A POP3 session on a connection: from connecting to signed in, and one event after the other from there.
//!
//! Where the server takes several commands at once, the answer to signing in is not waited for: what comes next goes out
//! with it, and [`Client::signed_in`] looks at the answer first.

use std::time::Duration;

use bytes::Bytes;
use secrecy::zeroize::Zeroizing;
use tokio::io::AsyncReadExt as _;

use super::session::{Event, Expect, Session, Status};
use crate::mapi::{Blame, Class, Failure, Reply, Stage};
use crate::net::sasl::{self, Exchange, Mechanism};
use crate::net::{Connection, Transcript, connect, step, write_out};
use crate::profile::{Security, ServerConfig};
use crate::transport::{Support, secrets, trust};

/// How long the server may be silent, where the profile says nothing else.
const SILENCE: Duration = Duration::from_mins(2);
/// Room made for one read, in bytes.
const READ_BYTES: usize = 64 << 10;
/// Room for what goes out, so that it does not move, and leave a password behind.
const OUT: usize = 4 << 10;
/// Lines of a list at most: more messages than a mailbox has.
const MOST_LINES: u32 = 1_000_000;
/// Lines of a list that are not message data: more than any server has.
const CAPABILITIES: usize = 200;

/// What the server can do (RFC 2449).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Capabilities {
    /// Takes several commands at once.
    pub pipelining: bool,
    stls: bool,
    user: bool,
    sasl: Vec<String>,
}

/// A session with a server.
#[derive(Debug)]
pub(super) struct Client<'a> {
    connection: Connection,
    session: Session,
    out: Zeroizing<Vec<u8>>,
    transcript: Transcript,
    server: &'a ServerConfig,
    support: &'a Support,
    at: String,
    /// Answers to come that say whether it lets us in.
    login: usize,
    /// What it said it can do, last time it was asked.
    pub capabilities: Capabilities,
}

impl<'a> Client<'a> {
    /// Connects, agrees on TLS and signs in; whether that succeeded, [`Self::signed_in`] says.
    ///
    /// # Errors
    /// Whatever stands between us and the mailbox.
    pub(super) async fn open(server: &'a ServerConfig, support: &'a Support) -> Result<Self, Failure> {
        let open = || Self::try_open(server, support);
        trust::opening(support, server, || secrets::opening(support, server, open)).await
    }

    async fn try_open(server: &'a ServerConfig, support: &'a Support) -> Result<Self, Failure> {
        let connection =
            connect(&trust::known(support, server), support.cancel(), &|stage| support.stage(stage)).await?;
        let at = connection.peer().to_owned();
        let transcript = Transcript::new(at.as_str());
        let (session, out) = (Session::new(), Zeroizing::new(Vec::with_capacity(OUT)));
        let capabilities = Capabilities::default();
        let mut client = Self { connection, session, out, transcript, server, support, at, login: 0, capabilities };
        support.stage(Stage::Greeting);
        let greeting = client.status(Stage::Greeting).await?;
        client.approve(Stage::Greeting, greeting)?;
        client.ask_capabilities().await?;
        if server.security == Security::StartTls {
            client = client.start_tls().await?;
            client.ask_capabilities().await?;
        }
        if let Some(user) = sasl::account(server) {
            support.stage(Stage::Login);
            client.sign_in(user).await?;
            if !client.capabilities.pipelining {
                client.signed_in().await?;
            }
        }
        Ok(client)
    }

    /// Waits for the answer to signing in. What was sent since is answered after it.
    ///
    /// # Errors
    /// The server refused, or the line failed.
    pub(super) async fn signed_in(&mut self) -> Result<(), Failure> {
        while self.login > 0 {
            let status = self.status(Stage::Login).await?;
            self.login -= 1;
            self.let_in(status)?;
        }
        Ok(())
    }

    /// Keeps in mind that the password was refused, if it was.
    fn let_in(&self, status: Status) -> Result<(), Failure> {
        let signed_in = self.approve(Stage::Login, status);
        if let Err(Failure { class: Class::Login, reply, .. }) = &signed_in {
            let words = reply.as_ref().map_or("", |reply| &reply.text);
            secrets::refused(self.support, self.server, words);
        }
        signed_in
    }

    /// Says goodbye and hangs up, where nothing hangs on the server's answer to it.
    pub(super) async fn close(mut self) {
        self.send("QUIT", Expect::Status);
        self.write(Stage::Quit).await.ok();
    }

    /// `host:port`.
    pub(super) fn at(&self) -> &str {
        &self.at
    }

    /// Puts a command into the air. It goes out with the next wait for an event.
    pub(super) fn send(&mut self, command: &str, expect: Expect) {
        self.transcript.sent(command.as_bytes());
        self.put(command, expect);
    }

    fn put(&mut self, line: &str, expect: Expect) {
        self.out.extend_from_slice(line.as_bytes());
        self.out.extend_from_slice(b"\r\n");
        self.session.expect(expect);
    }

    /// The next event.
    ///
    /// # Errors
    /// The line or the server failed, or cancelled.
    pub(super) async fn event(&mut self, stage: Stage) -> Result<Event, Failure> {
        loop {
            let event = self.session.next();
            if let Some(event) = event.map_err(|broken| self.failure(Class::Protocol, stage, broken.to_string()))? {
                return Ok(event);
            }
            self.write(stage).await?;
            let cancel = self.support.cancel();
            let buffer = self.session.buffer();
            buffer.reserve(READ_BYTES);
            let read =
                step(self.connection.read_buf(buffer), self.server.limit(SILENCE), cancel, stage, &self.at).await?;
            if read == 0 {
                return Err(self.failure(Class::Transient, stage, "the server closed the line"));
            }
        }
    }

    /// Writes what is put into the air.
    async fn write(&mut self, stage: Stage) -> Result<(), Failure> {
        let (limit, cancel) = (self.server.limit(SILENCE), self.support.cancel());
        write_out(&mut self.connection, &mut self.out, limit, cancel, stage, &self.at).await
    }

    /// The answer to the oldest command.
    ///
    /// # Errors
    /// As [`Self::event`]; what the server says is not looked at.
    pub(super) async fn status(&mut self, stage: Stage) -> Result<Status, Failure> {
        match self.event(stage).await? {
            Event::Status(status) => {
                self.transcript.received(status.text.as_bytes());
                Ok(status)
            }
            _ => Err(self.failure(Class::Protocol, stage, "the server answered out of turn")),
        }
    }

    /// The lines of the list that answers the oldest command; the status if it is refused.
    ///
    /// # Errors
    /// As [`Self::event`].
    pub(super) async fn lines(&mut self, stage: Stage, mut each: impl FnMut(Bytes)) -> Result<Status, Failure> {
        let status = self.status(stage).await?;
        if status.ok {
            let mut left = MOST_LINES;
            while let Event::Line(line) = self.event(stage).await? {
                left -= 1;
                if left == 0 {
                    return Err(self.failure(Class::Protocol, stage, "the server's list does not end"));
                }
                each(line);
            }
        }
        Ok(status)
    }

    /// Turns a refusal into a failure.
    ///
    /// # Errors
    /// The failure.
    pub(super) fn approve(&self, stage: Stage, status: Status) -> Result<(), Failure> {
        if status.ok { Ok(()) } else { Err(self.refusal(stage, status)) }
    }

    /// What a refusal means: by its code (RFC 2449 section 8.1, RFC 3206), else by where it came.
    pub(super) fn refusal(&self, stage: Stage, status: Status) -> Failure {
        let class = match (status.code.as_deref(), stage) {
            (Some("IN-USE" | "LOGIN-DELAY" | "SYS/TEMP" | "SYS/PERM"), _) => Class::Transient,
            (Some("AUTH"), _) | (_, Stage::Login) => Class::Login,
            _ => Class::Transient,
        };
        let text = match status.code {
            Some(code) => format!("[{code}] {}", status.text),
            None => status.text,
        };
        let failure = Failure::new(class, stage, &self.at, "").with_reply(Reply { code: 0, enhanced: None, text });
        if class == Class::Transient { failure.blaming(Blame::Site) } else { failure }
    }

    /// A failure of this session.
    pub(super) fn failure(&self, class: Class, stage: Stage, what: impl Into<String>) -> Failure {
        Failure::new(class, stage, &self.at, what)
    }

    /// A server without CAPA has none of it, and USER.
    async fn ask_capabilities(&mut self) -> Result<(), Failure> {
        self.send("CAPA", Expect::Lines);
        let mut lines = Vec::new();
        let status = self
            .lines(Stage::Greeting, |line| {
                if lines.len() < CAPABILITIES {
                    lines.push(line);
                }
            })
            .await?;
        self.capabilities = if status.ok {
            Capabilities::parse(&lines)
        } else {
            Capabilities { user: true, ..Capabilities::default() }
        };
        Ok(())
    }

    async fn start_tls(mut self) -> Result<Self, Failure> {
        self.support.stage(Stage::Tls);
        if !self.capabilities.stls {
            return Err(self.failure(Class::Trust, Stage::Tls, "the server does not offer STLS"));
        }
        self.send("STLS", Expect::Status);
        let status = self.status(Stage::Tls).await?;
        if !status.ok {
            return Err(Failure { class: Class::Trust, ..self.refusal(Stage::Tls, status) }.blaming(Blame::Site));
        }
        if !self.session.buffer().is_empty() {
            return Err(self.failure(Class::Trust, Stage::Tls, "data was slipped in before TLS began"));
        }
        self.connection =
            self.connection.start_tls(&trust::known(self.support, self.server), self.support.cancel()).await?;
        Ok(self)
    }

    async fn sign_in(&mut self, user: &str) -> Result<(), Failure> {
        let server = self.server;
        // USER and PASS show as much as SASL's LOGIN, so they are chosen by the same rule.
        let sasl_login = self.capabilities.sasl.iter().any(|name| name.eq_ignore_ascii_case(Mechanism::Login.name()));
        let mut offered = self.capabilities.sasl.clone();
        if self.capabilities.user && !sasl_login {
            offered.push(Mechanism::Login.name().to_owned());
        }
        let mechanism = sasl::choose(server.auth, &offered, self.connection.is_private(), &self.at)?;
        let mut secret = secrets::at_hand(self.support, server).await?;
        if mechanism == Mechanism::Login && !sasl_login {
            use secrecy::ExposeSecret as _;
            return self.user_and_pass(user, secret.expose_secret()).await;
        }
        loop {
            let exchange = Exchange::new(mechanism, user, secret.clone(), &server.host, server.port);
            let Err(failure) = self.exchange(exchange).await else { break };
            if !secrets::token_refused(self.support, server, &secret, &failure) {
                return Err(failure);
            }
            secret = secrets::at_hand(self.support, server).await?;
        }
        secrets::accepted(self.support, server);
        Ok(())
    }

    async fn user_and_pass(&mut self, user: &str, password: &str) -> Result<(), Failure> {
        if [user, password].iter().any(|word| word.contains(['\r', '\n', '\0'])) {
            return Err(self.failure(Class::Login, Stage::Login, "the name or password has a line end in it"));
        }
        self.send(&format!("USER {user}"), Expect::Status);
        self.login += 1;
        if !self.capabilities.pipelining {
            self.signed_in().await?;
        }
        self.transcript.hidden("PASS", password.len() as u64);
        self.put(&Zeroizing::new(["PASS ", password].concat()), Expect::Status);
        self.login += 1;
        Ok(())
    }

    /// RFC 5034. The first message of ours goes with the command when the line it makes is short enough (section 4). PLAIN
    /// has said everything then; the other mechanisms may have more to say, and nothing may come between.
    async fn exchange(&mut self, mut exchange: Exchange) -> Result<(), Failure> {
        let mut command = Zeroizing::new(format!("AUTH {}", exchange.mechanism().name()));
        let initial = exchange.initial().map(|initial| sasl::encode(&initial));
        let mut later = None;
        match initial {
            Some(initial) if command.len() + initial.len() < 250 => {
                let initial = if initial.is_empty() { "=" } else { &initial };
                command = Zeroizing::new([&command, " ", initial].concat());
            }
            other => later = other,
        }
        self.transcript.hidden("AUTH exchange", command.len() as u64);
        if exchange.mechanism() == Mechanism::Plain && later.is_none() {
            self.put(&command, Expect::Status);
            self.login += 1;
            return Ok(());
        }
        self.put(&command, Expect::Login);
        loop {
            let challenge = match self.event(Stage::Login).await? {
                Event::Challenge(challenge) => challenge,
                Event::Status(status) => {
                    self.let_in(status)?;
                    return exchange.finished().map_err(|error| error.failure(&self.at));
                }
                _ => return Err(self.failure(Class::Protocol, Stage::Login, "the server answered out of turn")),
            };
            let answer = if let Some(initial) = later.take() {
                initial
            } else {
                let decoded = sasl::decode(&String::from_utf8_lossy(&challenge));
                let answer = decoded.and_then(|challenge| exchange.respond(&challenge));
                sasl::encode(&answer.map_err(|error| error.failure(&self.at))?)
            };
            self.out.extend_from_slice(answer.as_bytes());
            self.out.extend_from_slice(b"\r\n");
        }
    }
}

impl Capabilities {
    fn parse(lines: &[Bytes]) -> Self {
        let mut all = Self::default();
        for line in lines {
            let line = String::from_utf8_lossy(line).to_ascii_uppercase();
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("PIPELINING") => all.pipelining = true,
                Some("STLS") => all.stls = true,
                Some("USER") => all.user = true,
                Some("SASL") => all.sasl = words.map(str::to_owned).collect(),
                _ => {}
            }
        }
        all
    }
}
