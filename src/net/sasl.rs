//! Signing in (SASL, RFC 4422), the same for SMTP, IMAP and POP3: which mechanism, and what it says.
//!
//! [`choose`] picks, [`Exchange`] talks; the protocols only carry base64 ([`encode`], [`decode`]). Names and passwords go
//! out as the UTF-8 they came in: SASLprep changes nothing in ASCII, and servers rarely apply it beyond. What is made of a
//! password is wiped from memory when it has been used, and allocated once, so that no half of it stays behind.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

use super::scram::Scram;
use crate::mapi::{Class, Failure, Stage};
use crate::profile::{AuthChoice, ServerConfig};

/// A mechanism we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// SCRAM-SHA-256 (RFC 7677): the password never leaves, and the server proves that it knows it.
    ScramSha256,
    /// CRAM-MD5 (RFC 2195).
    CramMd5,
    /// PLAIN (RFC 4616).
    Plain,
    /// LOGIN (draft-murchison-sasl-login).
    Login,
    /// XOAUTH2 (Google's and Microsoft's).
    XOAuth2,
    /// OAUTHBEARER (RFC 7628).
    OAuthBearer,
}

/// What `auto` takes, strongest first. A password is no token, so OAuth is used only when asked for.
const BY_STRENGTH: [Mechanism; 4] = [Mechanism::ScramSha256, Mechanism::CramMd5, Mechanism::Plain, Mechanism::Login];

/// What takes a token, the standard one first.
const FOR_TOKENS: [Mechanism; 2] = [Mechanism::OAuthBearer, Mechanism::XOAuth2];

const OPEN_LINE: &str = "a token may only be sent over an encrypted line";

impl Mechanism {
    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::CramMd5 => "CRAM-MD5",
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::XOAuth2 => "XOAUTH2",
            Self::OAuthBearer => "OAUTHBEARER",
        }
    }

    /// Whoever listens gets what is needed to sign in.
    pub const fn shows_secret(self) -> bool {
        !matches!(self, Self::ScramSha256 | Self::CramMd5)
    }

    const fn is_oauth(self) -> bool {
        matches!(self, Self::XOAuth2 | Self::OAuthBearer)
    }

    fn of(choice: AuthChoice) -> Option<Self> {
        match choice {
            AuthChoice::Auto | AuthChoice::Token | AuthChoice::None => None,
            AuthChoice::Plain => Some(Self::Plain),
            AuthChoice::Login => Some(Self::Login),
            AuthChoice::CramMd5 => Some(Self::CramMd5),
            AuthChoice::ScramSha256 => Some(Self::ScramSha256),
            AuthChoice::XOAuth2 => Some(Self::XOAuth2),
            AuthChoice::OAuthBearer => Some(Self::OAuthBearer),
        }
    }
}

/// Who signs in to this server; `None`: nobody does.
pub fn account(server: &ServerConfig) -> Option<&str> {
    server.user.as_deref().filter(|_| server.auth != AuthChoice::None)
}

/// Picks the mechanism. `offered` are the server's names for those it has; `private` says that nobody can listen in
/// ([`super::Connection::is_private`]).
///
/// Over a line that others can read, `auto` never takes one that shows the password. PLAIN and LOGIN are used there
/// only if the profile names them, which is the user's word that the line is safe by other means (a tunnel); a token
/// never is (RFC 7628 section 4).
///
/// # Errors
/// [`Class::Trust`] when only an unsafe one is left, [`Class::Configuration`] when the two sides have none in common.
pub fn choose(choice: AuthChoice, offered: &[impl AsRef<str>], private: bool, at: &str) -> Result<Mechanism, Failure> {
    let has = |mechanism: Mechanism| offered.iter().any(|name| name.as_ref().eq_ignore_ascii_case(mechanism.name()));
    let fail = |class, what: String| Err(Failure::new(class, Stage::Login, at, what));
    if let Some(named) = Mechanism::of(choice) {
        if !has(named) {
            let what = format!("the server does not offer {}, only: {}", named.name(), list(offered));
            return fail(Class::Configuration, what);
        }
        return if named.is_oauth() && !private { fail(Class::Trust, OPEN_LINE.to_owned()) } else { Ok(named) };
    }
    if choice == AuthChoice::Token {
        return match FOR_TOKENS.into_iter().find(|&one| has(one)) {
            Some(_) if !private => fail(Class::Trust, OPEN_LINE.to_owned()),
            Some(best) => Ok(best),
            None => fail(Class::Configuration, format!("the server takes no token; it offers: {}", list(offered))),
        };
    }
    if let Some(best) = BY_STRENGTH.into_iter().find(|&one| has(one) && (private || !one.shows_secret())) {
        return Ok(best);
    }
    if BY_STRENGTH.into_iter().any(has) {
        return fail(Class::Trust, "the password would go over the line for all to read".to_owned());
    }
    fail(Class::Configuration, format!("no way to sign in that we know; the server offers: {}", list(offered)))
}

fn list(offered: &[impl AsRef<str>]) -> String {
    let names: Vec<_> = offered.iter().map(AsRef::as_ref).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(" ") }
}

/// The server's part of an exchange is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SaslError {
    /// Not what the mechanism allows.
    #[error("the server's challenge makes no sense: {0}")]
    Malformed(&'static str),
    /// It asks for so little work that whoever sees our answer could guess the password from it, or for so much that
    /// we would be busy for ever.
    #[error("the server asks for {0} rounds of hashing, which is out of bounds")]
    Rounds(u32),
    /// It does not know the password, so it is not the server it claims to be.
    #[error("the server could not prove that it knows the password")]
    Unproven,
    /// It said no, in the mechanism's own words.
    #[error("the server refused: {0}")]
    Refused(String),
    /// This machine gave no random bytes.
    #[error("no random numbers on this machine")]
    Random,
}

impl SaslError {
    /// The same, as what ends the session with the server at `at`.
    pub fn failure(&self, at: &str) -> Failure {
        let class = match self {
            Self::Malformed(_) => Class::Protocol,
            Self::Rounds(_) | Self::Unproven => Class::Trust,
            Self::Refused(_) => Class::Login,
            Self::Random => Class::Local,
        };
        Failure::new(class, Stage::Login, at, self.to_string())
    }
}

/// One sign-in, from our side.
///
/// Send [`Self::initial`] with the command where the protocol can carry it; if it can't, or there is none, just answer
/// every challenge by [`Self::respond`]. When the server says yes, [`Self::finished`] must agree.
#[derive(Debug)]
pub struct Exchange {
    mechanism: Mechanism,
    user: String,
    secret: SecretString,
    host: String,
    port: u16,
    /// Messages of ours that went out.
    said: u32,
    scram: Option<Scram>,
}

impl Exchange {
    /// `secret` is the password, or the access token for the OAuth mechanisms. Host and port are the server's.
    pub fn new(mechanism: Mechanism, user: &str, secret: SecretString, host: &str, port: u16) -> Self {
        let scram = (mechanism == Mechanism::ScramSha256).then(|| Scram::new(user));
        Self { mechanism, user: user.to_owned(), secret, host: host.to_owned(), port, said: 0, scram }
    }

    /// The mechanism.
    pub const fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// What we say first; `None` if the server speaks first. Counts as said.
    pub fn initial(&mut self) -> Option<Zeroizing<Vec<u8>>> {
        let (user, secret) = (self.user.as_str(), self.secret.expose_secret());
        let message = match self.mechanism {
            Mechanism::CramMd5 | Mechanism::Login => return None,
            Mechanism::Plain => ["\0", user, "\0", secret].concat(),
            Mechanism::XOAuth2 => ["user=", user, "\x01auth=Bearer ", secret, "\x01\x01"].concat(),
            Mechanism::OAuthBearer => {
                let user = user.replace('=', "=3D").replace(',', "=2C");
                let place = format!("\x01host={}\x01port={}", self.host, self.port);
                ["n,a=", &user, ",", &place, "\x01auth=Bearer ", secret, "\x01\x01"].concat()
            }
            Mechanism::ScramSha256 => self.scram.as_ref().map(Scram::first).unwrap_or_default(),
        };
        self.said += 1;
        Some(Zeroizing::new(message.into_bytes()))
    }

    /// Our answer to a challenge (both without base64).
    ///
    /// # Errors
    /// See [`SaslError`]: the exchange is over, and so should the connection be.
    pub fn respond(&mut self, challenge: &[u8]) -> Result<Zeroizing<Vec<u8>>, SaslError> {
        if self.said == 0
            && let Some(initial) = self.initial()
        {
            return Ok(initial);
        }
        self.said += 1;
        let answer = match (self.mechanism, self.said) {
            (Mechanism::CramMd5, 1) => self.cram_md5(challenge),
            (Mechanism::Login, 1) => self.user.clone().into_bytes(),
            (Mechanism::Login, 2) => self.secret.expose_secret().as_bytes().to_vec(),
            (Mechanism::ScramSha256, 2 | 3) => {
                let Some(scram) = &mut self.scram else { return Err(SaslError::Random) };
                scram.respond(challenge, &self.secret)?
            }
            // The challenge is an error in JSON; the refusal itself follows our answer.
            (Mechanism::XOAuth2, 2) => Vec::new(),
            (Mechanism::OAuthBearer, 2) => vec![1],
            _ => return Err(SaslError::Malformed("one too many")),
        };
        Ok(Zeroizing::new(answer))
    }

    /// Whether a yes of the server may be believed.
    ///
    /// # Errors
    /// [`SaslError::Unproven`] if the mechanism has the server prove itself and it did not.
    pub fn finished(&self) -> Result<(), SaslError> {
        match &self.scram {
            Some(scram) if !scram.is_proven() => Err(SaslError::Unproven),
            _ => Ok(()),
        }
    }

    fn cram_md5(&self, challenge: &[u8]) -> Vec<u8> {
        let mut answer = format!("{} ", self.user);
        for byte in hmac_md5(self.secret.expose_secret().as_bytes(), challenge) {
            write!(answer, "{byte:02x}").ok();
        }
        answer.into_bytes()
    }
}

/// HMAC (RFC 2104) over MD5, which ring rightly lacks.
fn hmac_md5(key: &[u8], message: &[u8]) -> [u8; 16] {
    const BLOCK: usize = 64;
    let mut padded = Zeroizing::new([0; BLOCK]);
    let short = Zeroizing::new(if key.len() > BLOCK { Md5::digest(key).to_vec() } else { key.to_vec() });
    for (to, from) in padded.iter_mut().zip(short.iter()) {
        *to = *from;
    }
    let pad = |with: u8| Zeroizing::new(padded.map(|byte| byte ^ with));
    let inner = Md5::new().chain_update(*pad(0x36)).chain_update(message).finalize();
    Md5::new().chain_update(*pad(0x5c)).chain_update(inner).finalize().into()
}

/// Base64, as all three protocols carry it.
pub fn encode(message: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(STANDARD.encode(message))
}

/// What was in the base64 of a challenge.
///
/// # Errors
/// [`SaslError::Malformed`].
pub fn decode(text: &str) -> Result<Vec<u8>, SaslError> {
    STANDARD.decode(text.trim()).map_err(|_not_base64| SaslError::Malformed("it is not base64"))
}
