//! `profile.toml`, read into the model. Every mistake is named with its line, its key and what is allowed, all of them at
//! once: a person who mends a file by hand should need one round.
//!
//! Beyond the keys of the design there is one of our own: `allow_plaintext = true` in a server's section. Without it, a
//! password and `security = "none"` go together on this machine only. Networks have become places where others listen,
//! so whoever wants that (a tunnel, a cable) has to say it in plain words.

use std::path::{Path, PathBuf};

use toml::de::DeTable;

use super::fingerprint::NoFingerprint;
use super::model::{
    After, AuthChoice, ConnectCommand, Credential, DeliverTo, ExternalQueue, Identity, InDoubtPolicy, Incoming,
    IncomingSource, Outgoing, Profile, QueueKind, SecretSource, Security, ServerConfig, SmtpConfig, SubmissionPort,
    TransportConfig, UnderNoUi, is_loopback,
};
use super::oauth;
use super::places::Places;
use super::schedule::schedule;
use super::section::{Notes, Section};
use crate::message::address;

/// Connections to one server, where the profile says nothing.
const CONNECTIONS: u16 = 4;
/// The longest name of a transport, in bytes: it is a folder's name as well.
const LONGEST_NAME: usize = 100;

/// One mistake in `profile.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// The key, dotted: `transport.outgoing.port`. Empty when the text is no TOML there.
    pub key: String,
    /// What is wrong, and what is allowed.
    pub what: String,
}

/// Why a profile can't be used. Its text names file, line and key of each mistake, one a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileError {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it, in the order of its lines; never empty.
    pub problems: Vec<Problem>,
}

impl std::fmt::Display for ProfileError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (number, Problem { line, key, what }) in self.problems.iter().enumerate() {
            let end = if number == 0 { "" } else { "\n" };
            let key = if key.is_empty() { String::new() } else { format!("{key}: ") };
            write!(f, "{end}{}:{line}: {key}{what}", self.file.display())?;
        }
        Ok(())
    }
}

impl std::error::Error for ProfileError {}

/// Reads the text of a profile. `file` is where the text came from: for the errors, and because relative paths in it begin
/// in its folder.
///
/// # Errors
/// Every mistake in it.
pub fn load(text: &str, file: &Path, places: &Places) -> Result<Profile, ProfileError> {
    let notes = Notes::new(text);
    let (table, syntax) = DeTable::parse_recoverable(text);
    for error in &syntax {
        notes.add(error.span().map_or(0, |span| span.start), "", error.message());
    }
    // What a parser makes of broken text would only bring up mistakes that nobody made.
    let profile = if syntax.is_empty() {
        let folder = file.parent().unwrap_or(Path::new(""));
        Loader { folder, places }.profile(Section::top(&notes, table.get_ref()))
    } else {
        Profile::default()
    };
    let problems = notes.into_problems();
    if problems.is_empty() { Ok(profile) } else { Err(ProfileError { file: file.to_owned(), problems }) }
}

/// What speaks at the other end; decides the default port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Smtp,
    Lmtp,
    Imap,
    Pop3,
}

impl Protocol {
    /// IANA's ports; for submission those of RFC 8314.
    const fn port(self, security: Security) -> u16 {
        match (self, security) {
            (Self::Smtp, Security::Tls) => 465,
            (Self::Smtp, Security::StartTls) => 587,
            (Self::Smtp, Security::None) => 25,
            (Self::Lmtp, _) => 24,
            (Self::Imap, Security::Tls) => 993,
            (Self::Imap, _) => 143,
            (Self::Pop3, Security::Tls) => 995,
            (Self::Pop3, _) => 110,
        }
    }
}

/// Reads sections. Each function gives something usable even for a wrong section: the note it left keeps it from use.
struct Loader<'a> {
    folder: &'a Path,
    places: &'a Places,
}

impl Loader<'_> {
    fn profile(&self, top: Section<'_>) -> Profile {
        let mut transports: Vec<TransportConfig> = Vec::new();
        for section in top.sections("transport") {
            let name = name(&section);
            if !name.is_empty() && transports.iter().any(|other| other.name == name) {
                section.wrong("name", format!("there is another transport “{name}” above; names must differ"));
            }
            transports.push(self.transport(section, name));
        }
        let names: Vec<&str> = transports.iter().map(|transport| transport.name.as_str()).collect();
        let schedule = schedule(top.section("schedule"), &names);
        let policies = [("hold", InDoubtPolicy::Hold), ("resend", InDoubtPolicy::Resend)];
        let in_doubt = top.choice("in_doubt", &policies).unwrap_or_default();
        let submission = top.section("submission").and_then(submission);
        top.finish();
        Profile { transports, schedule, in_doubt, submission }
    }

    fn transport(&self, section: Section<'_>, name: String) -> TransportConfig {
        let identity = section.word("identity").and_then(|text| identity(&section, text));
        let accepts = section.words("accepts").unwrap_or_else(|| vec!["*".to_owned()]);
        for pattern in &accepts {
            if address::check_pattern(pattern).is_err() {
                let kinds = "*, ann@example.org, @example.org, *@*.example.org";
                section.wrong("accepts", format!("“{}” is no pattern; allowed: {kinds}", pattern.escape_debug()));
            }
        }
        let prefer_last = section.switch("prefer_last").unwrap_or_default();
        let resource = section.word("resource").map(str::to_owned);
        let connect = section.section("connect").map(connect);
        let manners = [("run", UnderNoUi::Run), ("skip", UnderNoUi::Skip)];
        let no_ui = section.choice("no_ui", &manners).unwrap_or_default();
        let outgoing = section.section("outgoing").and_then(|inner| self.outgoing(inner));
        let incoming = section.section("incoming").and_then(|inner| self.incoming(inner, &name));
        let queue = section.section("queue").and_then(|inner| self.queue(inner));
        let (sends, receives, is_queue) = (section.has("outgoing"), section.has("incoming"), section.has("queue"));
        if is_queue && (sends || receives) {
            section.wrong(
                "queue",
                "stands alone: an outside mail system's queue has no outgoing and no incoming beside it",
            );
        }
        if !is_queue && !sends && !receives {
            section.wrong(
                "name",
                "the transport does nothing: it needs [transport.outgoing], [transport.incoming] or [transport.queue]",
            );
        }
        section.finish();
        TransportConfig { name, identity, accepts, prefer_last, resource, connect, no_ui, outgoing, incoming, queue }
    }

    fn outgoing(&self, section: Section<'_>) -> Option<Outgoing> {
        let kinds = [("smtp", "smtp"), ("lmtp", "lmtp"), ("pipe", "pipe"), ("folder", "folder")];
        let outgoing = match kind(&section, &kinds) {
            Some("smtp") => Some(Outgoing::Smtp(self.smtp(&section, Protocol::Smtp))),
            Some("lmtp") => Some(Outgoing::Lmtp(self.smtp(&section, Protocol::Lmtp))),
            Some("pipe") => Some(Outgoing::Pipe { command: program(&section, "command") }),
            Some(_folder) => Some(Outgoing::Folder { path: self.required_path(&section, "path") }),
            None => {
                section.allow(SERVER_KEYS);
                section.allow(&["connections", "command", "path"]);
                None
            }
        };
        section.finish();
        outgoing
    }

    fn smtp(&self, section: &Section<'_>, protocol: Protocol) -> SmtpConfig {
        let server = self.server(section, protocol);
        SmtpConfig { server, connections: section.number("connections", 1..=64).unwrap_or(CONNECTIONS) }
    }

    fn incoming(&self, section: Section<'_>, transport: &str) -> Option<Incoming> {
        let kinds = [("imap", "imap"), ("pop3", "pop3"), ("folder", "folder")];
        let source = match kind(&section, &kinds) {
            Some("imap") => Some(self.imap(&section)),
            Some("pop3") => Some(IncomingSource::Pop3 { server: self.server(&section, Protocol::Pop3) }),
            Some(_folder) => Some(IncomingSource::Folder { path: self.required_path(&section, "path") }),
            None => {
                section.allow(SERVER_KEYS);
                section.allow(&["folders", "watch", "path"]);
                None
            }
        };
        let after = section.choice("after", &[("keep", After::Keep), ("delete", After::Delete)]).unwrap_or(After::Keep);
        let deliver = section.section("deliver").and_then(|inner| self.deliver(inner));
        let deliver = deliver.unwrap_or_else(|| DeliverTo::Maildir(self.places.mail(transport)));
        section.finish();
        Some(Incoming { source: source?, after, deliver })
    }

    fn imap(&self, section: &Section<'_>) -> IncomingSource {
        let server = self.server(section, Protocol::Imap);
        let folders = section.words("folders").unwrap_or_else(|| vec!["INBOX".to_owned()]);
        if folders.is_empty() || folders.iter().any(|folder| folder.chars().any(char::is_control)) {
            section.wrong("folders", "must name at least one mailbox, and nothing but mailboxes");
        }
        let watch = section.switch("watch").unwrap_or_default();
        IncomingSource::Imap { server, folders, watch }
    }

    fn deliver(&self, section: Section<'_>) -> Option<DeliverTo> {
        const ONE_OF: &str =
            "must be one of { maildir = \"PATH\" }, { lmtp = \"HOST:PORT\" } or { command = [\"PROGRAM\", …] }";
        let given = ["maildir", "lmtp", "command"].map(|key| section.has(key));
        let deliver = match given {
            [true, false, false] => self.path(&section, "maildir").map(DeliverTo::Maildir),
            [false, true, false] => section.word("lmtp").map(|place| lmtp(&section, place)),
            [false, false, true] => Some(DeliverTo::Command(program(&section, "command"))),
            _ => {
                section.this_is_wrong(ONE_OF);
                None
            }
        };
        section.finish();
        deliver
    }

    fn queue(&self, section: Section<'_>) -> Option<ExternalQueue> {
        let kind = kind(&section, &[("postfix", QueueKind::Postfix), ("exim", QueueKind::Exim)]);
        let ssh = section.word("ssh").map(str::to_owned);
        // ssh would take it for an option.
        if ssh.as_deref().is_some_and(|host| host.starts_with('-') || host.contains(char::is_whitespace)) {
            section.wrong("ssh", "must be a host as ssh knows it: HOST or USER@HOST");
        }
        let config_dir = match &ssh {
            // A path on the other machine: our home and our folders mean nothing there.
            Some(_) => section.word("config_dir").map(PathBuf::from),
            None => self.path(&section, "config_dir"),
        };
        if config_dir.as_ref().is_some_and(|path| !path.is_absolute()) {
            section.wrong("config_dir", "must begin with a slash");
        }
        section.finish();
        Some(ExternalQueue { kind: kind?, ssh, config_dir })
    }

    /// A server's keys, common to all protocols. The caller may ask for more, and finishes the section.
    fn server(&self, section: &Section<'_>, protocol: Protocol) -> ServerConfig {
        let host = section.word("host").map(|host| host.trim_matches(['[', ']'])).unwrap_or_default();
        if !section.has("host") {
            section.missing("host", "the server's name or address");
        } else if host.contains(['/', '@', ' ']) {
            section.wrong("host", "must be a host's name or address, without port, user or path");
        }
        let securities = [("tls", Security::Tls), ("starttls", Security::StartTls), ("none", Security::None)];
        let default = if protocol == Protocol::Lmtp { Security::None } else { Security::Tls };
        let security = section.choice("security", &securities).unwrap_or(default);
        let port = section.number("port", 1..=u16::MAX).unwrap_or(protocol.port(security));
        let user = section.word("user").map(str::to_owned);
        let auth = section.choice("auth", &MECHANISMS).unwrap_or(AuthChoice::Auto);
        let signs_in = user.is_some() && auth != AuthChoice::None;
        let credential = credential(section, signs_in);
        let auth = match &credential {
            Some(Credential::Token(_)) => for_a_token(section, auth),
            _ => auth,
        };
        let names_mechanism = !matches!(auth, AuthChoice::Auto | AuthChoice::None | AuthChoice::Token);
        let given = [("password", section.has("password")), ("oauth", section.has("oauth")), ("auth", names_mechanism)];
        for (key, given) in given {
            if given && !section.has("user") {
                section.wrong(key, "is of no use without a user");
            }
        }
        let allow_plaintext = section.switch("allow_plaintext").unwrap_or_default();
        if security == Security::None && signs_in && !is_loopback(host) && !allow_plaintext {
            section.wrong("security", PLAINTEXT);
        }
        let ca_file = self.path(section, "ca_file");
        let fingerprint = section.string("fingerprint").and_then(|text| {
            text.parse().map_err(|error: NoFingerprint| section.wrong("fingerprint", error.to_string())).ok()
        });
        if section.has("fingerprint") && security == Security::None {
            section.wrong("fingerprint", "is of no use without TLS (security = \"none\")");
        }
        let patience = section.duration("patience");
        ServerConfig { host: host.to_owned(), port, security, user, credential, auth, ca_file, fingerprint, patience }
    }

    /// A path: `~` is the user's home, and relative ones begin in the profile's folder.
    fn path(&self, section: &Section<'_>, key: &'static str) -> Option<PathBuf> {
        let text = section.string(key)?;
        if text.contains('\0') {
            section.wrong(key, "has a zero byte in it");
        }
        let Some(rest) = text.strip_prefix('~') else { return Some(self.folder.join(text)) };
        if !rest.is_empty() && !rest.starts_with('/') {
            section.wrong(key, "another user's home (~name) is not known here; write the path in full");
        }
        Some(self.places.home().join(rest.trim_start_matches('/')))
    }

    fn required_path(&self, section: &Section<'_>, key: &'static str) -> PathBuf {
        if !section.has(key) {
            section.missing(key, "the path of a Maildir");
        }
        self.path(section, key).unwrap_or_default()
    }
}

const SERVER_KEYS: &[&str] = &[
    "host",
    "port",
    "security",
    "user",
    "password",
    "oauth",
    "auth",
    "allow_plaintext",
    "ca_file",
    "fingerprint",
    "patience",
];

const PLAINTEXT: &str = "with \"none\" the login would go over the network for all to read. Use \"tls\" or \"starttls\"; or, if the \
     line is safe by other means, say so with allow_plaintext = true";

const MECHANISMS: [(&str, AuthChoice); 8] = [
    ("auto", AuthChoice::Auto),
    ("plain", AuthChoice::Plain),
    ("login", AuthChoice::Login),
    ("cram-md5", AuthChoice::CramMd5),
    ("scram-sha-256", AuthChoice::ScramSha256),
    ("xoauth2", AuthChoice::XOAuth2),
    ("oauthbearer", AuthChoice::OAuthBearer),
    ("none", AuthChoice::None),
];

/// The name becomes a folder's (`mail/<transport>`), so it must be one that stays inside.
fn name(section: &Section<'_>) -> String {
    if !section.has("name") {
        section.missing("name", "each transport needs one of its own");
    }
    let name = section.word("name").unwrap_or_default();
    if name.contains(['/', '\\']) || name.starts_with('.') || name.trim() != name || name.len() > LONGEST_NAME {
        let rule = format!(
            "names a folder too: at most {LONGEST_NAME} bytes, no slash or backslash, no dot at the beginning, no space at either end"
        );
        section.wrong("name", rule);
    }
    name.to_owned()
}

fn kind<T: Copy>(section: &Section<'_>, kinds: &[(&'static str, T)]) -> Option<T> {
    if !section.has("kind") {
        let words: Vec<&str> = kinds.iter().map(|&(word, _)| word).collect();
        section.missing("kind", &format!("one of {}", words.join(", ")));
    }
    section.choice("kind", kinds)
}

fn identity(section: &Section<'_>, text: &str) -> Option<Identity> {
    match address::named(text) {
        Ok((name, address)) => Some(Identity { name, address }),
        Err(error) => {
            section.wrong("identity", format!("must be \"Name <name@example.org>\" or the address alone: {error}"));
            None
        }
    }
}

fn connect(section: Section<'_>) -> ConnectCommand {
    let command = |key| section.string(key).map(str::to_owned);
    let (up, down) = (command("up"), command("down"));
    let silent = section.switch("silent").unwrap_or_default();
    if !section.has("up") && !section.has("down") {
        section.this_is_wrong("needs a command: { up = \"…\", down = \"…\" }");
    }
    section.finish();
    ConnectCommand { up, down, silent }
}

/// A program with its arguments.
fn program(section: &Section<'_>, key: &'static str) -> Vec<String> {
    if !section.has(key) {
        section.missing(key, "the program and its arguments, [\"/path/of/program\", \"argument\"]");
    }
    let command = section.words(key);
    if command.as_ref().is_some_and(|words| words.is_empty() || words.iter().any(|word| word.contains('\0'))) {
        section.wrong(key, "must name a program");
    }
    command.unwrap_or_default()
}

fn lmtp(section: &Section<'_>, place: &str) -> DeliverTo {
    let (host, port) = place.rsplit_once(':').unwrap_or_default();
    if host.is_empty() || host.contains(['/', '@', ' ']) || !port.parse().is_ok_and(|port: u16| port > 0) {
        section.wrong("lmtp", "must be HOST:PORT, such as \"localhost:24\"");
    }
    DeliverTo::Lmtp(place.to_owned())
}

/// What signs in. Whoever does has a password somewhere, and the keyring is where it belongs.
fn credential(section: &Section<'_>, signs_in: bool) -> Option<Credential> {
    if let Some(oauth) = section.section("oauth") {
        if section.has("password") {
            section.wrong("password", "is of no use beside oauth; leave one of them out");
        }
        return oauth::oauth(oauth).map(|oauth| Credential::Token(Box::new(oauth)));
    }
    let source = if section.has("password") { password(section) } else { signs_in.then_some(SecretSource::Keyring) };
    source.map(Credential::Password)
}

/// How to sign in with a token.
fn for_a_token(section: &Section<'_>, auth: AuthChoice) -> AuthChoice {
    match auth {
        AuthChoice::Auto => AuthChoice::Token,
        AuthChoice::XOAuth2 | AuthChoice::OAuthBearer => auth,
        _ => {
            section.wrong("auth", "must be \"xoauth2\", \"oauthbearer\" or \"auto\" with oauth, which gives a token");
            AuthChoice::Token
        }
    }
}

/// Where the password is. What stands there now is never repeated: it may be the password.
fn password(section: &Section<'_>) -> Option<SecretSource> {
    secret(section, "password")
}

/// See [`password`].
pub(super) fn secret(section: &Section<'_>, key: &'static str) -> Option<SecretSource> {
    const WHERE: &str =
        "must say where the password is: { keyring = true }, { command = \"…\" }, { env = \"NAME\" } or { ask = true }";
    let inner = section.section_or(key, &format!("{WHERE}. A password itself does not belong in a profile"))?;
    let given = ["keyring", "command", "env", "ask"].map(|key| inner.has(key));
    let yes = |key, source| match inner.switch(key) {
        Some(false) => {
            inner.wrong(key, "must be true, or be left out");
            None
        }
        Some(true) => Some(source),
        None => None,
    };
    let source = match given {
        [true, false, false, false] => yes("keyring", SecretSource::Keyring),
        [false, true, false, false] => inner.string("command").map(|command| SecretSource::Command(command.to_owned())),
        [false, false, true, false] => inner.word("env").map(|name| SecretSource::Env(name.to_owned())),
        [false, false, false, true] => yes("ask", SecretSource::Ask),
        _ => {
            inner.this_is_wrong(WHERE);
            None
        }
    };
    if let Some(SecretSource::Env(name)) = &source
        && name.contains('=')
    {
        inner.wrong("env", "must be the name of an environment variable");
    }
    inner.finish();
    source
}

/// `[submission]`.
fn submission(section: Section<'_>) -> Option<SubmissionPort> {
    let port = section.number("port", 1024..=u16::MAX);
    if port.is_none() && !section.has("port") {
        section.missing("port", "the port on this machine, 1024 to 65535, such as 2525");
    }
    let user = section.word("user").map(str::to_owned);
    if user.is_none() && !section.has("user") {
        section.missing("user", "the name to sign in with there");
    }
    let password = password(&section);
    let is_silent = |source: &SecretSource| matches!(source, SecretSource::Command(_) | SecretSource::Env(_));
    if password.as_ref().is_some_and(|source| !is_silent(source)) || !section.has("password") {
        const PLACES: &str = "{ command = \"…\" } or { env = \"NAME\" }: nobody is there to be asked";
        if section.has("password") {
            section.wrong("password", format!("must be {PLACES}"));
        } else {
            section.missing("password", PLACES);
        }
    }
    section.finish();
    Some(SubmissionPort { port: port?, user: user?, password: password? })
}

#[cfg(test)]
mod tests;
