//! From `profile.toml` to a checked [`Profile`]. All mistakes are found in one go.

use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::DeTable;

use super::model::{
    After, AuthChoice, ConnectCommand, DeliverTo, ExternalQueue, Identity, InDoubtPolicy, Incoming, IncomingSource,
    Outgoing, Profile, QueueKind, Schedule, SecretSource, Security, ServerConfig, SmtpConfig, TransportConfig,
};
use super::places::Places;
use super::reading::{Notes, ProfileError, Section};
use crate::message::address;

const TOP: &[&str] = &["transport", "schedule", "in_doubt"];
const TRANSPORT: &[&str] =
    &["name", "identity", "accepts", "prefer_last", "resource", "connect", "outgoing", "incoming", "queue"];
const CONNECT: &[&str] = &["up", "down", "silent"];
const OUTGOING: &[&str] = &[
    "kind",
    "host",
    "port",
    "security",
    "user",
    "password",
    "auth",
    "connections",
    "ca_file",
    "allow_plaintext",
    "command",
    "path",
];
const INCOMING: &[&str] = &[
    "kind",
    "host",
    "port",
    "security",
    "user",
    "password",
    "auth",
    "ca_file",
    "allow_plaintext",
    "folders",
    "after",
    "deliver",
    "path",
];
const PASSWORD: &[&str] = &["keyring", "command", "env", "ask"];
const DELIVER: &[&str] = &["maildir", "lmtp", "command"];
const QUEUE: &[&str] = &["kind", "ssh", "config_dir"];
const SCHEDULE: &[&str] = &["every", "on_start", "on_exit"];

/// Loads a profile. `file` is for the messages; relative paths start from the profile's folder.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load(text: &str, file: &Path, places: &Places) -> Result<Profile, ProfileError> {
    let mut notes = Notes::new(text);
    let (document, syntax) = DeTable::parse_recoverable(text);
    for error in syntax {
        notes.note(error.span().map_or(0, |span| span.start), "", error.message().to_owned());
    }
    let root = Section::new("", 0, document.get_ref(), TOP, &mut notes);
    let loader = Loader { places };
    let mut profile = Profile::default();
    for section in root.sections("transport", TRANSPORT, &mut notes) {
        let transport = loader.transport(&section, &mut notes);
        if profile.transports.iter().any(|other| other.name == transport.name) {
            section.note("name", format!("“{}” is taken: names must differ", transport.name), &mut notes);
        }
        profile.transports.push(transport);
    }
    if let Some(section) = root.section("schedule", SCHEDULE, &mut notes) {
        profile.schedule = schedule(&section, &mut notes);
    }
    let policies = [("hold", InDoubtPolicy::Hold), ("resend", InDoubtPolicy::Resend)];
    profile.in_doubt = root.choice("in_doubt", &policies, &mut notes).unwrap_or_default();
    if notes.mistakes.is_empty() { Ok(profile) } else { Err(notes.into_error(file)) }
}

struct Loader<'p> {
    places: &'p Places,
}

impl Loader<'_> {
    fn transport(&self, section: &Section<'_, '_>, notes: &mut Notes<'_>) -> TransportConfig {
        section.require("name", "every transport has a name", notes);
        let name = section.text("name", notes).unwrap_or_default();
        if section.has("name") && !is_good_name(&name) {
            section.note("name", "must not be empty, start with a dot, contain / or control characters", notes);
        }
        let identity = section.text("identity", notes).and_then(|text| {
            let identity = address::parse_identity(&text);
            if identity.is_none() {
                section.note("identity", format!("“{text}” is no address, as Ada <ada@example.org>"), notes);
            }
            identity.map(|(name, address)| Identity { name, address })
        });
        let outgoing = section.section("outgoing", OUTGOING, notes).and_then(|section| self.outgoing(&section, notes));
        let incoming =
            section.section("incoming", INCOMING, notes).and_then(|section| self.incoming(&name, &section, notes));
        let queue = section.section("queue", QUEUE, notes).and_then(|section| self.queue(&section, notes));
        if !["outgoing", "incoming", "queue"].into_iter().any(|key| section.has(key)) {
            section.note("name", "it needs [transport.outgoing], [transport.incoming] or [transport.queue]", notes);
        }
        if section.has("queue") && (section.has("outgoing") || section.has("incoming")) {
            section.note("queue", "stands instead of outgoing and incoming, not beside them", notes);
        }
        TransportConfig {
            name,
            identity,
            accepts: section.texts("accepts", notes).unwrap_or_else(|| vec!["*".to_owned()]),
            prefer_last: section.truth("prefer_last", notes).unwrap_or(false),
            resource: section.text("resource", notes),
            connect: section.section("connect", CONNECT, notes).map(|section| ConnectCommand {
                up: section.text("up", notes),
                down: section.text("down", notes),
                silent: section.truth("silent", notes).unwrap_or(false),
            }),
            outgoing,
            incoming,
            queue,
        }
    }

    fn outgoing(&self, section: &Section<'_, '_>, notes: &mut Notes<'_>) -> Option<Outgoing> {
        section.require("kind", "one of smtp, lmtp, pipe, folder", notes);
        let kinds = [("smtp", "smtp"), ("lmtp", "lmtp"), ("pipe", "pipe"), ("folder", "folder")];
        let kind = section.choice("kind", &kinds, notes)?;
        match kind {
            "smtp" | "lmtp" => {
                let server = self.server(section, kind, notes)?;
                let connections = section.number("connections", 1, 100, notes).unwrap_or(4);
                let smtp = SmtpConfig { server, connections };
                Some(if kind == "smtp" { Outgoing::Smtp(smtp) } else { Outgoing::Lmtp(smtp) })
            }
            "pipe" => {
                section.require("command", "the program and its arguments", notes);
                let command = section.texts("command", notes)?;
                if command.is_empty() {
                    section.note("command", "must name a program", notes);
                }
                Some(Outgoing::Pipe { command })
            }
            _ => {
                section.require("path", "the Maildir", notes);
                Some(Outgoing::Folder { path: self.path(&section.text("path", notes)?) })
            }
        }
    }

    fn incoming(&self, name: &str, section: &Section<'_, '_>, notes: &mut Notes<'_>) -> Option<Incoming> {
        section.require("kind", "one of imap, pop3, folder", notes);
        let kind = section.choice("kind", &[("imap", "imap"), ("pop3", "pop3"), ("folder", "folder")], notes)?;
        let source = match kind {
            "imap" => {
                let folders = section.texts("folders", notes).unwrap_or_else(|| vec!["INBOX".to_owned()]);
                IncomingSource::Imap { server: self.server(section, kind, notes)?, folders }
            }
            "pop3" => IncomingSource::Pop3 { server: self.server(section, kind, notes)? },
            _ => {
                section.require("path", "the Maildir", notes);
                IncomingSource::Folder { path: self.path(&section.text("path", notes)?) }
            }
        };
        let after = section.choice("after", &[("keep", After::Keep), ("delete", After::Delete)], notes);
        let deliver = section.section("deliver", DELIVER, notes).and_then(|deliver| self.deliver(&deliver, notes));
        Some(Incoming {
            source,
            after: after.unwrap_or(After::Keep),
            deliver: deliver.unwrap_or_else(|| DeliverTo::Maildir(self.places.mail(name))),
        })
    }

    fn deliver(&self, section: &Section<'_, '_>, notes: &mut Notes<'_>) -> Option<DeliverTo> {
        exactly_one(section, DELIVER, notes)?;
        let maildir = section.text("maildir", notes).map(|path| DeliverTo::Maildir(self.path(&path)));
        let lmtp = section.text("lmtp", notes).map(DeliverTo::Lmtp);
        let command = section.texts("command", notes).filter(|words| !words.is_empty()).map(DeliverTo::Command);
        maildir.or(lmtp).or(command)
    }

    fn server(&self, section: &Section<'_, '_>, kind: &str, notes: &mut Notes<'_>) -> Option<ServerConfig> {
        section.require("host", "the server's name", notes);
        let words = [("tls", Security::Tls), ("starttls", Security::StartTls), ("none", Security::None)];
        let security = section.choice("security", &words, notes).unwrap_or(Security::Tls);
        let user = section.text("user", notes);
        let password = section.section("password", PASSWORD, notes).and_then(|source| secret(&source, notes));
        let allow_plaintext = section.truth("allow_plaintext", notes).unwrap_or(false);
        let auth = section.choice("auth", AUTH, notes).unwrap_or(AuthChoice::Auto);
        let host = section.text("host", notes)?;
        if host.is_empty() || host.contains(|letter: char| letter.is_whitespace() || letter == '/') {
            section.note("host", format!("“{host}” is no host name"), notes);
        }
        if security == Security::None && !is_loopback(&host) && !allow_plaintext {
            let what = "none is for servers on this machine: mail and password would cross the network in the open. \
                        Use tls or starttls, or say allow_plaintext = true";
            section.note("security", what, notes);
        }
        if user.is_some() && password.is_none() && auth != AuthChoice::None && !section.has("password") {
            let what = "missing: where the password of the user is, as { keyring = true } or { ask = true }";
            notes.note(section.at("user"), section.path("password"), what);
        }
        Some(ServerConfig {
            port: section.number("port", 1, u16::MAX, notes).unwrap_or_else(|| default_port(kind, security)),
            host,
            security,
            user,
            password,
            auth,
            ca_file: section.text("ca_file", notes).map(|path| self.path(&path)),
        })
    }

    fn queue(&self, section: &Section<'_, '_>, notes: &mut Notes<'_>) -> Option<ExternalQueue> {
        section.require("kind", "one of postfix, exim", notes);
        let kind = section.choice("kind", &[("postfix", QueueKind::Postfix), ("exim", QueueKind::Exim)], notes);
        Some(ExternalQueue {
            kind: kind?,
            ssh: section.text("ssh", notes),
            config_dir: section.text("config_dir", notes).map(|path| self.path(&path)),
        })
    }

    /// `~` is the home folder; what is relative starts from the profile's folder.
    fn path(&self, text: &str) -> PathBuf {
        match (text.strip_prefix("~/"), std::env::var_os("HOME")) {
            (Some(rest), Some(home)) => PathBuf::from(home).join(rest),
            _ => self.places.config().join(text),
        }
    }
}

const AUTH: &[(&str, AuthChoice)] = &[
    ("auto", AuthChoice::Auto),
    ("plain", AuthChoice::Plain),
    ("login", AuthChoice::Login),
    ("cram-md5", AuthChoice::CramMd5),
    ("scram-sha-256", AuthChoice::ScramSha256),
    ("xoauth2", AuthChoice::XOAuth2),
    ("oauthbearer", AuthChoice::OAuthBearer),
    ("none", AuthChoice::None),
];

fn default_port(kind: &str, security: Security) -> u16 {
    match (kind, security) {
        ("smtp", Security::Tls) => 465,
        ("smtp", Security::StartTls) => 587,
        ("lmtp", _) => 24,
        ("imap", Security::Tls) => 993,
        ("imap", _) => 143,
        ("pop3", Security::Tls) => 995,
        ("pop3", _) => 110,
        _ => 25,
    }
}

/// A name becomes a row, a folder and an argument.
fn is_good_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.contains(|letter: char| letter == '/' || letter.is_control())
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn exactly_one(section: &Section<'_, '_>, keys: &[&str], notes: &mut Notes<'_>) -> Option<()> {
    let given = keys.iter().filter(|key| section.has(key)).count();
    if given != 1 {
        let first = keys.first().copied().unwrap_or_default();
        section.note(first, format!("give exactly one of {}", keys.join(", ")), notes);
        return None;
    }
    Some(())
}

fn secret(section: &Section<'_, '_>, notes: &mut Notes<'_>) -> Option<SecretSource> {
    exactly_one(section, PASSWORD, notes)?;
    for (key, source) in [("keyring", SecretSource::Keyring), ("ask", SecretSource::Ask)] {
        match section.truth(key, notes) {
            Some(true) => return Some(source),
            Some(false) => section.note(key, "must be true, or another key", notes),
            None => {}
        }
    }
    let command = section.text("command", notes).map(SecretSource::Command);
    command.or_else(|| section.text("env", notes).map(SecretSource::Env))
}

fn schedule(section: &Section<'_, '_>, notes: &mut Notes<'_>) -> Schedule {
    let every = section.text("every", notes).and_then(|text| {
        let every = duration(&text);
        if every.is_none() {
            section.note("every", format!("“{text}” is no duration: a number and s, m, h or d, as 5m"), notes);
        }
        every
    });
    Schedule {
        every,
        on_start: section.truth("on_start", notes).unwrap_or(false),
        on_exit: section.truth("on_exit", notes).unwrap_or(false),
    }
}

/// `90s`, `5m`, `2h`, `1d`; not zero, not more than a year.
fn duration(text: &str) -> Option<Duration> {
    let number = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match text.strip_prefix(number)? {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    let seconds = number.parse::<u64>().ok()?.checked_mul(unit)?;
    (1..=366 * 86_400).contains(&seconds).then(|| Duration::from_secs(seconds))
}
