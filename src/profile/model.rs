//! The profile as the house uses it: plain data, already checked. [`super::load()`] makes it from `profile.toml`.

use std::path::PathBuf;
use std::time::Duration;

use super::fingerprint::Fingerprint;
use super::oauth::OAuth;
use super::schedule::Schedule;
use crate::mapi::Direction;

/// What the user configured.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profile {
    /// The transports, in transport order.
    pub transports: Vec<TransportConfig>,
    /// When the spooler flushes by itself.
    pub schedule: Schedule,
    /// What becomes of envelopes in doubt after a crash or a lost line.
    pub in_doubt: InDoubtPolicy,
    /// A port on this machine for mail programs that speak SMTP only.
    pub submission: Option<SubmissionPort>,
}

/// `[submission]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubmissionPort {
    /// On 127.0.0.1.
    pub port: u16,
    /// Who signs in there.
    pub user: String,
    /// Where the password is: a command or the environment, since nobody is there to be asked.
    pub password: SecretSource,
}

/// One `[[transport]]`: one row of the status table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransportConfig {
    /// Its row's `PR_DISPLAY_NAME`; unique.
    pub name: String,
    /// Mail `From:` this address prefers this transport.
    pub identity: Option<Identity>,
    /// Recipient patterns it takes: `*`, `*@example.org`, `@example.org`, `ann@example.org`, `*.example.org` hosts.
    pub accepts: Vec<String>,
    /// `STATUS_XP_PREFER_LAST`: tried after the others.
    pub prefer_last: bool,
    /// Never flushed at the same time as others that name it.
    pub resource: Option<String>,
    /// Outside commands that bring its line up and down.
    pub connect: Option<ConnectCommand>,
    /// What No UI means for it where it can't promise to show nothing.
    pub no_ui: UnderNoUi,
    /// How mail leaves.
    pub outgoing: Option<Outgoing>,
    /// How mail arrives.
    pub incoming: Option<Incoming>,
    /// An outside MTA's queue instead of outgoing and incoming.
    pub queue: Option<ExternalQueue>,
}

impl TransportConfig {
    /// The server that mail goes to or comes from; `None`: it needs none for that.
    pub fn server(&self, direction: Direction) -> Option<&ServerConfig> {
        match direction {
            Direction::Outgoing => match self.outgoing.as_ref()? {
                Outgoing::Smtp(smtp) | Outgoing::Lmtp(smtp) => Some(&smtp.server),
                Outgoing::Pipe { .. } | Outgoing::Folder { .. } => None,
            },
            Direction::Incoming => match &self.incoming.as_ref()?.source {
                IncomingSource::Imap { server, .. } | IncomingSource::Pop3 { server } => Some(server),
                IncomingSource::Folder { .. } => None,
            },
        }
    }

    /// Its servers.
    pub fn servers(&self) -> impl Iterator<Item = &ServerConfig> {
        [Direction::Outgoing, Direction::Incoming].into_iter().filter_map(|direction| self.server(direction))
    }

    /// Whether it is of no use without a network: a server elsewhere, and no `connect` command of its own that leads there.
    pub fn needs_network(&self) -> bool {
        self.connect.is_none() && self.servers().any(|server| !is_loopback(&server.host))
    }
}

/// Whether a host is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A name and an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Display name, possibly empty.
    pub name: String,
    /// Address.
    pub address: String,
}

/// `no_ui = "run"|"skip"`: what `FLUSH_NO_UI` means for a transport that can't promise to show nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnderNoUi {
    /// It runs, and its row says beforehand that it may show something.
    #[default]
    Run,
    /// It is left out, also of what runs by itself; its mail waits for a flush that may show something.
    Skip,
}

/// `connect = { up, down, silent }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectCommand {
    /// Shell command run before a flush.
    pub up: Option<String>,
    /// Shell command run after it, also on error and on cancel.
    pub down: Option<String>,
    /// The user vouches that neither shows anything: then the transport honours No UI.
    pub silent: bool,
}

/// `[transport.outgoing]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outgoing {
    /// A submission server.
    Smtp(SmtpConfig),
    /// A local delivery server (RFC 2033); the same keys.
    Lmtp(SmtpConfig),
    /// An outside program, given the message on standard input.
    Pipe {
        /// Program and arguments; `{sender}` and `{recipients}` are replaced, the latter by one argument each.
        command: Vec<String>,
    },
    /// A Maildir that somebody else empties.
    Folder {
        /// The Maildir.
        path: PathBuf,
    },
}

/// Keys of `kind = "smtp"` and `kind = "lmtp"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmtpConfig {
    /// Where and how to connect, who signs in.
    pub server: ServerConfig,
    /// Connections at most, at least 1.
    pub connections: u16,
}

/// Where and how to connect, and who signs in. Common to smtp, lmtp, imap, pop3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// TLS or not.
    pub security: Security,
    /// Who signs in; `None`: nobody.
    pub user: Option<String>,
    /// Where the password or the token is; never that itself.
    pub credential: Option<Credential>,
    /// Which mechanism.
    pub auth: AuthChoice,
    /// More certificate authorities beside the system's roots, PEM.
    pub ca_file: Option<PathBuf>,
    /// The one certificate the server may present; then authorities, name and dates don't count.
    pub fingerprint: Option<Fingerprint>,
    /// How long to wait for the server at each step; `None`: as long as the protocol advises.
    pub patience: Option<Duration>,
}

impl ServerConfig {
    /// How long to wait where the protocol advises this.
    pub fn limit(&self, advised: Duration) -> Duration {
        self.patience.unwrap_or(advised)
    }
}

/// `security = …`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte.
    Tls,
    /// TLS by STARTTLS or STLS; never without.
    StartTls,
    /// None.
    None,
}

/// `auth = …`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthChoice {
    /// The strongest that both sides have.
    Auto,
    /// PLAIN (RFC 4616).
    Plain,
    /// LOGIN (draft-murchison-sasl-login).
    Login,
    /// CRAM-MD5 (RFC 2195).
    CramMd5,
    /// SCRAM-SHA-256 (RFC 7677).
    ScramSha256,
    /// XOAUTH2 (Google, Microsoft); the secret is an access token.
    XOAuth2,
    /// OAUTHBEARER (RFC 7628); the secret is an access token.
    OAuthBearer,
    /// One of these two, whichever the server has: what `auto` means where the profile has `oauth`.
    Token,
    /// Don't sign in.
    None,
}

/// What signs a user in: `password = …` or `oauth = …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// A password, or a token that something outside keeps fresh.
    Password(SecretSource),
    /// A token that we get and keep fresh.
    Token(Box<OAuth>),
}

impl Credential {
    /// The places outside that its secrets come from.
    pub fn source(&self) -> Option<&SecretSource> {
        match self {
            Self::Password(source) => Some(source),
            Self::Token(oauth) => oauth.client_secret.as_ref(),
        }
    }
}

/// `password = …`: where the secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// The desktop's keyring, under service `mailsluice` and `user@host`.
    Keyring,
    /// The first line that a shell command prints.
    Command(String),
    /// An environment variable.
    Env(String),
    /// Asked of the user, kept for the session.
    Ask,
}

/// `[transport.incoming]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    /// Where mail comes from.
    pub source: IncomingSource,
    /// What becomes of it there once it is safe here.
    pub after: After,
    /// Where it goes here.
    pub deliver: DeliverTo,
}

/// `kind = …` of `[transport.incoming]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IncomingSource {
    /// An IMAP server.
    Imap {
        /// Where and how to connect.
        server: ServerConfig,
        /// Mailboxes to fetch.
        folders: Vec<String>,
        /// New mail shows as waiting at once: the first of them is watched between flushes.
        watch: bool,
    },
    /// A POP3 server.
    Pop3 {
        /// Where and how to connect.
        server: ServerConfig,
    },
    /// A Maildir that somebody else fills.
    Folder {
        /// The Maildir.
        path: PathBuf,
    },
}

/// `after = …`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// Keep it on the server.
    Keep,
    /// Delete it there once it is on disk here and recorded.
    Delete,
}

/// `deliver = …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliverTo {
    /// A Maildir.
    Maildir(PathBuf),
    /// An LMTP server, `host:port`.
    Lmtp(String),
    /// A program that reads the message on standard input.
    Command(Vec<String>),
}

/// `[transport.queue]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalQueue {
    /// Which MTA.
    pub kind: QueueKind,
    /// On which host, through the user's ssh; `None`: this one.
    pub ssh: Option<String>,
    /// The MTA's configuration, if not its default.
    pub config_dir: Option<PathBuf>,
}

/// `kind = …` of `[transport.queue]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueKind {
    /// Postfix.
    Postfix,
    /// Exim.
    Exim,
}

/// `in_doubt = …`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InDoubtPolicy {
    /// Show it and wait for a decision.
    #[default]
    Hold,
    /// Send again, at the risk of a second delivery.
    Resend,
}
