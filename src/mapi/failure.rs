//! What went wrong, in the classes that decide what happens next. Every error that reaches a queue, a row or a screen
//! is one of these; none is ever told apart by its text.

use serde::{Deserialize, Serialize};

use super::{Certificate, MapiResult};

/// Decides what becomes of the message, of the transport, and what the user is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Try again after a back-off: a 4yz reply, a time-out, a reset.
    Transient,
    /// Trying again will not help: a 5yz reply to MAIL, RCPT or the content.
    Permanent,
    /// The server refused the login. The mail waits, the transport stops until the password changes.
    Login,
    /// The line can't be trusted: a bad certificate, STARTTLS missing.
    Trust,
    /// The profile is wrong or names something that isn't there.
    Configuration,
    /// No way to the server at all: no route, no DNS, connection refused.
    Offline,
    /// The user, or shutdown, stopped it.
    Cancelled,
    /// Only a person can go on: a password to enter, a certificate to confirm; and there was nobody to ask.
    NeedsPerson,
    /// The line dropped between the last byte and the reply: the message may or may not have been delivered.
    InDoubt,
    /// The server broke its protocol.
    Protocol,
    /// Trouble on this machine: a full disk, a damaged spool, a bug.
    Local,
    /// The profile asks for what this version does not do. Nothing is wrong with it.
    Unsupported,
}

/// Who is to blame: decides how much is set back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blame {
    /// One recipient.
    Recipient,
    /// The message, for all its recipients.
    Message,
    /// This connection.
    Session,
    /// The server, for all messages.
    Site,
    /// This machine.
    Local,
}

/// How far it had come. Also shown while it runs ("signing in").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Waiting for a resource that another transport holds.
    Queue,
    /// Running the transport's `connect` command.
    Bring,
    /// Looking up the host.
    Resolve,
    /// Opening the connection.
    Connect,
    /// Agreeing on TLS.
    Tls,
    /// Waiting for the greeting, saying EHLO or asking for capabilities.
    Greeting,
    /// Signing in.
    Login,
    /// Naming sender and recipients.
    Envelope,
    /// Sending the content.
    Content,
    /// Waiting for the final reply.
    Reply,
    /// Listing what is on the server.
    List,
    /// Fetching messages.
    Fetch,
    /// Writing received mail to disk.
    Deliver,
    /// Deleting on the server what is safe here.
    Delete,
    /// Saying goodbye.
    Quit,
    /// Reading or writing the spool or the profile.
    Store,
    /// Running an outside program.
    Program,
}

/// A server's reply, word for word (RFC 5321 section 4.2; RFC 2034 for the enhanced code).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reply {
    /// Three-digit code; 0 for protocols without one (POP3, IMAP).
    pub code: u16,
    /// Enhanced status code, as in 4.7.1.
    pub enhanced: Option<(u8, u16, u16)>,
    /// The text after the codes; lines joined by a line feed, control characters replaced.
    pub text: String,
}

impl std::fmt::Display for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.code != 0 {
            write!(f, "{} ", self.code)?;
        }
        if let Some((class, subject, detail)) = self.enhanced {
            write!(f, "{class}.{subject}.{detail} ")?;
        }
        f.write_str(&self.text)
    }
}

/// A failure: what, where, how far, and in the server's or the system's own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What happens next.
    pub class: Class,
    /// How much is set back.
    pub blame: Blame,
    /// How far it had come.
    pub stage: Stage,
    /// Where: `host:port`, a path or a program; empty when that is no place but the transport itself. Never a secret.
    pub at: String,
    /// A lower-case fragment that says what happened: "connection refused". Empty when the reply says it all.
    pub what: String,
    /// The server's reply, if it gave one.
    pub reply: Option<Reply>,
    /// Seconds the other side asked us to wait, if it did.
    pub retry_after_s: Option<u32>,
    /// The certificate that was not trusted, if that is all there was: a person may decide otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Box<Certificate>>,
}

impl Failure {
    /// A failure without a reply.
    pub fn new(class: Class, stage: Stage, at: impl Into<String>, what: impl Into<String>) -> Self {
        let blame = match class {
            Class::Transient | Class::InDoubt | Class::Protocol | Class::Cancelled => Blame::Session,
            Class::Permanent => Blame::Message,
            Class::Login | Class::Trust | Class::Offline | Class::NeedsPerson => Blame::Site,
            Class::Configuration | Class::Local | Class::Unsupported => Blame::Local,
        };
        Self {
            class,
            blame,
            stage,
            at: at.into(),
            what: what.into(),
            reply: None,
            retry_after_s: None,
            certificate: None,
        }
    }

    /// The same, with somebody else to blame.
    #[must_use]
    pub fn blaming(mut self, blame: Blame) -> Self {
        self.blame = blame;
        self
    }

    /// The same, with the server's reply.
    #[must_use]
    pub fn with_reply(mut self, reply: Reply) -> Self {
        self.reply = Some(reply);
        self
    }

    /// The user, or shutdown, stopped it.
    pub fn cancelled(stage: Stage, at: impl Into<String>) -> Self {
        Self::new(Class::Cancelled, stage, at, "cancelled")
    }

    /// The MAPI result a flush answers with when this ended it.
    pub const fn result(&self) -> MapiResult {
        match self.class {
            Class::Cancelled => MapiResult::UserCancel,
            Class::Login | Class::NeedsPerson => MapiResult::LogonFailed,
            Class::Configuration => MapiResult::Unconfigured,
            Class::Local => MapiResult::DiskError,
            Class::Protocol => MapiResult::CallFailed,
            Class::Unsupported => MapiResult::NoSupport,
            Class::Permanent => MapiResult::PartialCompletion,
            Class::Transient | Class::Trust | Class::Offline | Class::InDoubt => MapiResult::NetworkError,
        }
    }

    /// The one thing to do about it, as a sentence; empty when waiting is enough.
    pub const fn remedy(&self) -> &'static str {
        match self.class {
            Class::Transient => "Mailsluice tries again by itself.",
            Class::Permanent => "Correct the message or the address and send it again.",
            Class::Login => "Enter the password again.",
            Class::Trust => "Check the server's certificate or the transport's security setting.",
            Class::Configuration => "Correct the transport's settings.",
            Class::Offline => "Check the network, then send again.",
            Class::Cancelled | Class::Unsupported => "",
            Class::NeedsPerson => "Run it once with prompts allowed.",
            Class::InDoubt => "Find out whether it arrived, then choose: send again, or treat as sent.",
            Class::Protocol => "Look into the log; the server answered out of turn.",
            Class::Local => "Make room or mend the disk, then try again.",
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let stage = match self.stage {
            // It was over before it began: what happened says it all.
            Stage::Queue => "",
            Stage::Bring => "connect command",
            Stage::Resolve => "looking up the host",
            Stage::Connect => "connecting",
            Stage::Tls => "agreeing on TLS",
            Stage::Greeting => "greeting",
            Stage::Login => "signing in",
            Stage::Envelope => "naming sender and recipients",
            Stage::Content => "sending the content",
            Stage::Reply => "waiting for the final reply",
            Stage::List => "listing",
            Stage::Fetch => "fetching",
            Stage::Deliver => "writing received mail",
            Stage::Delete => "deleting on the server",
            Stage::Quit => "closing the session",
            Stage::Store => "reading or writing",
            Stage::Program => "running a program",
        };
        let reply = self.reply.as_ref().map(ToString::to_string).unwrap_or_default();
        let parts = [self.at.as_str(), stage, self.what.as_str(), reply.as_str()];
        for (number, part) in parts.into_iter().filter(|part| !part.is_empty()).enumerate() {
            let gap = if number == 0 { "" } else { ": " };
            write!(f, "{gap}{part}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}
