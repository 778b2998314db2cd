//! For the tests of this folder: a mail server as a state machine, which refuses, stalls and hangs up where its plan
//! says so, and the same behind a socket.

pub(super) mod spooler;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

use crate::mapi::{EnvelopeId, RecipientId};
use crate::transport::{Content, Job, JobRecipient};

/// What the server does instead of saying yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reaction {
    /// Says this.
    Say(&'static str),
    /// Says this and closes the line.
    SayAndClose(&'static str),
    /// Closes the line without a word.
    Close,
    /// Says nothing any more.
    Stall,
}

/// A server's character.
#[derive(Debug, Clone, Default)]
pub(super) struct Plan {
    /// What EHLO offers.
    pub(super) extensions: Vec<&'static str>,
    /// First rule first: what a command begins with (`GREETING`, `CONTENT` and a part of the content, for `LMTP` the
    /// recipient), from which occurrence of it in a connection on, and what then happens.
    pub(super) rules: Vec<(&'static str, usize, Reaction)>,
    /// It wants the content even when nobody gets it.
    pub(super) wants_content_anyway: bool,
    /// It speaks LMTP.
    pub(super) lmtp: bool,
    /// Further connections are sent away.
    pub(super) most_connections: Option<usize>,
}

impl Plan {
    pub(super) fn offering(extensions: &[&'static str]) -> Self {
        Self { extensions: extensions.to_vec(), ..Self::default() }
    }

    pub(super) fn on(self, command: &'static str, reaction: Reaction) -> Self {
        self.on_nth(1, command, reaction)
    }

    /// From the `nth` such command of a connection on.
    pub(super) fn on_nth(mut self, nth: usize, command: &'static str, reaction: Reaction) -> Self {
        self.rules.push((command, nth, reaction));
        self
    }
}

/// A message the server took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) sender: String,
    pub(super) recipients: Vec<String>,
    pub(super) content: Vec<u8>,
}

/// One connection, without I/O.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "what a test asks of it is best asked one by one")]
pub(super) struct Dialogue {
    plan: Plan,
    input: Vec<u8>,
    counts: HashMap<&'static str, usize>,
    sender: Option<String>,
    recipients: Vec<String>,
    /// Bytes of the chunk still to come, and whether it is the last.
    chunk: Option<(usize, bool)>,
    /// The chunks before it.
    gathered: Vec<u8>,
    in_data: bool,
    pub(super) taken: Vec<Taken>,
    pub(super) commands: Vec<String>,
    pub(super) closed: bool,
    pub(super) stalled: bool,
    pub(super) begins_tls: bool,
}

impl Dialogue {
    pub(super) fn new(plan: Plan) -> Self {
        Self {
            plan,
            input: Vec::new(),
            counts: HashMap::new(),
            sender: None,
            recipients: Vec::new(),
            chunk: None,
            gathered: Vec::new(),
            in_data: false,
            taken: Vec::new(),
            commands: Vec::new(),
            closed: false,
            stalled: false,
            begins_tls: false,
        }
    }

    pub(super) fn greet(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        self.react("GREETING", "220 test.example ESMTP", &mut out);
        out
    }

    /// What it says to these bytes.
    pub(super) fn hear(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.input.extend_from_slice(bytes);
        let mut out = Vec::new();
        while !self.closed && !self.stalled && self.hear_one(&mut out) {}
        out
    }

    fn hear_one(&mut self, out: &mut Vec<u8>) -> bool {
        if let Some((size, last)) = self.chunk {
            if self.input.len() < size {
                return false;
            }
            self.chunk = None;
            let chunk: Vec<u8> = self.input.drain(..size).collect();
            self.take_chunk(&chunk, last, out);
            return true;
        }
        if self.in_data {
            let Some(content) = self.stuffed_content() else { return false };
            self.in_data = false;
            self.take_content(content, out);
            self.reset();
            return true;
        }
        let Some(end) = self.input.windows(2).position(|two| two == b"\r\n") else { return false };
        let line: Vec<u8> = self.input.drain(..end + 2).collect();
        let line = String::from_utf8(line).unwrap().trim_end().to_owned();
        self.commands.push(line.clone());
        self.command(&line, out);
        true
    }

    fn stuffed_content(&mut self) -> Option<Vec<u8>> {
        let (mut content, mut at) = (Vec::new(), 0);
        loop {
            let rest = &self.input[at..];
            let end = rest.windows(2).position(|two| two == b"\r\n")? + 2;
            let line = &rest[..end];
            at += end;
            if line == b".\r\n" {
                self.input.drain(..at);
                return Some(content);
            }
            content.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
        }
    }

    fn command(&mut self, line: &str, out: &mut Vec<u8>) {
        let path = || line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
        match line.split([' ', ':']).next().unwrap_or_default() {
            "HELO" => _ = self.react(line, "250 test.example", out),
            "EHLO" | "LHLO" => {
                let lines =
                    ["test.example".to_owned()].into_iter().chain(self.plan.extensions.iter().map(ToString::to_string));
                let lines: Vec<_> = lines.collect();
                let reply: Vec<_> = lines[..lines.len() - 1].iter().map(|line| format!("250-{line}")).collect();
                let last = format!("250 {}", lines[lines.len() - 1]);
                self.react(line, &[reply, vec![last]].concat().join("\r\n"), out);
            }
            "MAIL" if self.sender.is_some() => say("503 5.5.1 nested MAIL", out),
            "MAIL" => {
                if self.react(line, "250 2.1.0 sender ok", out) {
                    self.sender = Some(path());
                }
            }
            "RCPT" if self.sender.is_none() => say("503 5.5.1 need MAIL", out),
            "RCPT" => {
                if self.react(line, "250 2.1.5 recipient ok", out) {
                    self.recipients.push(path());
                }
            }
            "DATA" if self.recipients.is_empty() && !self.plan.wants_content_anyway => say("503 5.5.1 need RCPT", out),
            "DATA" => self.in_data = self.react(line, "354 go ahead", out),
            "BDAT" => {
                let size = line.split(' ').nth(1).and_then(|size| size.parse().ok());
                self.chunk = size.map(|size| (size, line.ends_with(" LAST")));
            }
            "RSET" => {
                self.reset();
                self.react(line, "250 2.0.0 reset", out);
            }
            "QUIT" => {
                self.react(line, "221 2.0.0 bye", out);
                self.closed = !self.stalled;
            }
            "STARTTLS" => self.begins_tls = self.react(line, "220 2.0.0 go ahead", out),
            "AUTH" if line == "AUTH PLAIN AGFkYQBzZWNyZXQ=" => _ = self.react(line, "235 2.7.0 welcome", out),
            "AUTH" => say("535 5.7.8 wrong", out),
            _ => _ = self.react(line, "500 5.5.2 what?", out),
        }
    }

    fn take_chunk(&mut self, chunk: &[u8], last: bool, out: &mut Vec<u8>) {
        self.gathered.extend_from_slice(chunk);
        if last {
            let content = std::mem::take(&mut self.gathered);
            self.take_content(content, out);
        } else if self.recipients.is_empty() || !self.react("CHUNK", "250 2.0.0 go on", out) {
            // A transaction that lost a chunk takes no other.
            if self.recipients.is_empty() {
                say("503 5.5.1 need RCPT", out);
            }
            self.gathered.clear();
            self.recipients.clear();
        }
    }

    fn take_content(&mut self, content: Vec<u8>, out: &mut Vec<u8>) {
        let text = String::from_utf8_lossy(&content).into_owned();
        if self.recipients.is_empty() {
            // The transaction stays half open: only RSET ends it, and a client has to know that.
            say("503 5.5.1 need RCPT", out);
            return;
        }
        let mut recipients = std::mem::take(&mut self.recipients);
        if self.plan.lmtp {
            recipients.retain(|recipient| self.react(&format!("LMTP {recipient}"), "250 2.0.0 delivered", out));
        } else if !self.react(&format!("CONTENT {text}"), "250 2.0.0 queued", out) {
            recipients.clear();
        }
        let sender = self.sender.take().unwrap_or_default();
        if !recipients.is_empty() {
            self.taken.push(Taken { sender, recipients, content });
        }
    }

    fn reset(&mut self) {
        self.sender = None;
        self.recipients.clear();
        self.gathered.clear();
    }

    /// Follows the first rule for this command, or says yes. Gives whether it did.
    fn react(&mut self, command: &str, yes: &str, out: &mut Vec<u8>) -> bool {
        let applies = |rule: &str| match rule.strip_prefix("CONTENT ") {
            Some(part) => command.starts_with("CONTENT ") && command.contains(part),
            None => command.starts_with(rule),
        };
        let mut reaction = None;
        for (rule, nth, wanted) in &self.plan.rules {
            if applies(rule) {
                let count = self.counts.entry(rule).or_insert(0);
                *count += 1;
                if *count >= *nth {
                    reaction = Some(*wanted);
                    break;
                }
            }
        }
        match reaction {
            None => {
                say(yes, out);
                return true;
            }
            Some(Reaction::Say(no)) => say(no, out),
            Some(Reaction::SayAndClose(no)) => {
                say(no, out);
                self.closed = true;
            }
            Some(Reaction::Close) => self.closed = true,
            Some(Reaction::Stall) => self.stalled = true,
        }
        false
    }
}

fn say(reply: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("{reply}\r\n").as_bytes());
}

/// What all connections of a [`Server`] saw.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) taken: Vec<Taken>,
    pub(super) commands: Vec<Vec<String>>,
}

/// A server behind a socket.
#[derive(Debug, Clone)]
pub(super) struct Server {
    pub(super) port: u16,
    seen: Arc<Mutex<Seen>>,
    /// Told when a connection stalls.
    pub(super) stalled: Arc<Notify>,
    /// Told when something was heard.
    hearing: Arc<Notify>,
}

impl Server {
    /// Starts one. It lives as long as the test's runtime.
    pub(super) async fn start(plan: Plan) -> Self {
        Self::start_with_tls(plan, None).await
    }

    pub(super) async fn start_with_tls(plan: Plan, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Self { port, seen: Arc::default(), stalled: Arc::default(), hearing: Arc::default() };
        let shared = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(shared.clone().serve(stream, plan.clone(), tls.clone()));
            }
        });
        server
    }

    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    /// Waits until this was the last command of its first connection.
    pub(super) async fn heard(&self, command: &str) {
        while self.seen().commands[0].last().map(String::as_str) != Some(command) {
            tokio::time::timeout(std::time::Duration::from_secs(20), self.hearing.notified()).await.expect(command);
        }
    }

    async fn serve(self, mut stream: tokio::net::TcpStream, mut plan: Plan, tls: Option<TlsAcceptor>) {
        let number = {
            let mut seen = self.seen();
            seen.commands.push(Vec::new());
            seen.commands.len() - 1
        };
        if plan.most_connections.is_some_and(|most| number >= most) {
            plan = plan.on("GREETING", Reaction::SayAndClose("421 4.7.0 too many connections"));
        }
        let mut dialogue = Dialogue::new(plan);
        let greeting = dialogue.greet();
        stream.write_all(&greeting).await.ok();
        self.talk(&mut stream, &mut dialogue, number).await;
        if let (true, Some(tls)) = (dialogue.begins_tls, tls) {
            dialogue.begins_tls = false;
            if let Ok(mut stream) = tls.accept(stream).await {
                self.talk(&mut stream, &mut dialogue, number).await;
            }
        }
    }

    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: &mut S, dialogue: &mut Dialogue, number: usize) {
        let mut bytes = vec![0; 64 << 10];
        while !dialogue.closed && !dialogue.begins_tls {
            if dialogue.stalled {
                self.stalled.notify_one();
                return std::future::pending().await;
            }
            let Ok(count @ 1..) = stream.read(&mut bytes).await else { return };
            let said = dialogue.hear(&bytes[..count]);
            {
                let mut seen = self.seen();
                seen.taken.append(&mut dialogue.taken);
                seen.commands[number].append(&mut dialogue.commands);
            }
            self.hearing.notify_one();
            if stream.write_all(&said).await.is_err() || stream.flush().await.is_err() {
                return;
            }
        }
    }
}

/// A message with this number, from `ann@home.example`.
pub(super) fn job(number: i64, recipients: &[&str], content: impl Into<bytes::Bytes>) -> Job {
    let recipient = |(index, address): (i64, &&str)| JobRecipient {
        id: RecipientId(number * 100 + index),
        address: (*address).to_owned(),
    };
    Job {
        envelope: EnvelopeId(number),
        attempt: 1,
        sender: "ann@home.example".to_owned(),
        recipients: (0..).zip(recipients).map(recipient).collect(),
        content: Content::Inline(content.into()),
        eight_bit: false,
        smtputf8: false,
        submitted_at: 1_700_000_000,
    }
}

/// The extensions of each manner.
pub(super) const STEPS: &[&str] = &["8BITMIME", "SIZE 1000000"];
pub(super) const FLIGHTS: &[&str] = &["PIPELINING", "8BITMIME", "SIZE 1000000"];
pub(super) const STREAM: &[&str] = &["PIPELINING", "CHUNKING", "8BITMIME", "SIZE 1000000"];
