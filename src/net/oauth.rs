//! OAuth 2.0, from a client's side: what a person is shown, and what is exchanged with the provider for tokens.
//!
//! | what | by |
//! |---|---|
//! | a refresh token for an access token | [`refresh`] (RFC 6749 section 6) |
//! | a person's yes in a browser | [`Authorization`] (RFC 6749 section 4.1 with PKCE, RFC 7636) |
//! | a person's yes by a code | [`Device`] (RFC 8628) |
//!
//! Every exchange blocks, for half a minute at most, and is called on a thread that may.

mod exchange;
#[cfg(test)]
mod tests;

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom as _, SystemRandom};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use self::exchange::post;
use crate::mapi::{Class, Failure, Stage};
use crate::profile::OAuth;
use crate::profile::oauth::Redirect;

/// No provider means a pause longer than this.
const LONGEST_INTERVAL: Duration = Duration::from_mins(5);

/// What a provider gave.
#[derive(Debug, Clone)]
pub struct Grant {
    /// The access token.
    pub access: SecretString,
    /// Until when it is good, where the provider says so.
    pub until: Option<SystemTime>,
    /// The refresh token; none: the one before stays good.
    pub refresh: Option<SecretString>,
}

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenError {
    /// Only a person's yes helps: what there was has expired, or was taken back. The provider's words.
    NeedsConsent(String),
    /// The person has not answered yet (RFC 8628 section 3.5).
    Pending,
    /// The same, and it is asked too often.
    SlowDown,
    /// The person said no. The provider's words.
    Declined(String),
    /// The person did not answer in time. The provider's words.
    Expired(String),
    /// Anything else.
    Failed(Failure),
}

impl TokenError {
    /// What it is to a flush.
    pub fn failure(self, at: &str) -> Failure {
        let what = match self {
            Self::Failed(failure) => return failure,
            Self::NeedsConsent(words) => format!("a person has to sign in anew: {words}"),
            Self::Declined(words) => format!("the sign-in was declined: {words}"),
            Self::Expired(words) => format!("nobody has signed in in time: {words}"),
            Self::Pending | Self::SlowDown => "nobody has signed in yet".to_owned(),
        };
        Failure::new(Class::NeedsPerson, Stage::Login, at, what)
    }
}

/// This program at the provider: what the profile says, and its secret if it has one.
#[derive(Debug, Clone)]
pub struct Client {
    /// What the profile says.
    pub oauth: OAuth,
    /// The client's secret.
    pub secret: Option<SecretString>,
}

impl Client {
    /// Sends a form, naming ourselves in it (RFC 6749 section 2.3.1).
    fn ask<T: DeserializeOwned>(&self, url: &str, form: &[(&str, &str)]) -> Result<T, TokenError> {
        let secret = self.secret.as_ref().map(|secret| ("client_secret", secret.expose_secret()));
        let form: Vec<_> = form.iter().copied().chain([("client_id", &*self.oauth.client_id)]).chain(secret).collect();
        post(url, &form)
    }

    /// Asks the token endpoint.
    fn token(&self, form: &[(&str, &str)]) -> Result<Grant, TokenError> {
        let tokens: Tokens = self.ask(&self.oauth.token_url, form)?;
        if !tokens.token_type.is_none_or(|kind| kind.eq_ignore_ascii_case("bearer")) {
            let what = "the provider gives tokens of a kind that mail servers don't take";
            return Err(TokenError::Failed(Failure::new(Class::Protocol, Stage::Login, self.oauth.host(), what)));
        }
        let lifetime = tokens.expires_in.and_then(Seconds::duration);
        Ok(Grant {
            access: tokens.access_token,
            until: lifetime.and_then(|lifetime| SystemTime::now().checked_add(lifetime)),
            refresh: tokens.refresh_token,
        })
    }
}

/// A successful response (RFC 6749 section 5.1).
#[derive(Deserialize)]
struct Tokens {
    access_token: SecretString,
    token_type: Option<String>,
    expires_in: Option<Seconds>,
    refresh_token: Option<SecretString>,
}

/// A number, which some providers put in quotes.
#[derive(Debug, Deserialize, Clone)]
#[serde(untagged)]
enum Seconds {
    Number(u64),
    Text(String),
}

impl Seconds {
    fn duration(self) -> Option<Duration> {
        match self {
            Self::Number(seconds) => Some(Duration::from_secs(seconds)),
            Self::Text(text) => text.parse().ok().map(Duration::from_secs),
        }
    }
}

/// A fresh access token for a refresh token.
///
/// # Errors
/// [`TokenError::NeedsConsent`] when the provider takes it no more; [`TokenError::Failed`].
pub fn refresh(client: &Client, token: &SecretString) -> Result<Grant, TokenError> {
    client.token(&[("grant_type", "refresh_token"), ("refresh_token", token.expose_secret())])
}

/// A request for a person's yes in a browser, and what is needed to make tokens of it.
#[derive(Debug)]
pub struct Authorization {
    /// Where the browser is to go.
    pub address: String,
    redirect: String,
    state: String,
    verifier: SecretString,
}

impl Authorization {
    /// One for `user`, that sends the browser back to this port.
    ///
    /// # Errors
    /// [`Class::Local`]: this machine gave no random bytes.
    pub fn new(oauth: &OAuth, authorize: &str, redirect: &Redirect, port: u16, user: &str) -> Result<Self, Failure> {
        let none = |_| Failure::new(Class::Local, Stage::Login, oauth.host(), "no random numbers on this machine");
        let verifier = random().map_err(none)?;
        let state = random().map_err(none)?.to_string();
        let challenge = ring::digest::digest(&ring::digest::SHA256, verifier.as_bytes());
        let redirect = format!("http://{}:{port}{}", redirect.host, redirect.path);
        let mut query = form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &oauth.client_id)
            .append_pair("redirect_uri", &redirect)
            .extend_pairs(oauth.scope().map(|scope| ("scope", scope)))
            .append_pair("state", &state)
            .append_pair("code_challenge", &URL_SAFE_NO_PAD.encode(challenge))
            .append_pair("code_challenge_method", "S256")
            .append_pair("login_hint", user);
        let query = query.finish();
        let joint = if authorize.contains('?') { '&' } else { '?' };
        let verifier = SecretString::from(verifier.as_str());
        Ok(Self { address: format!("{authorize}{joint}{query}"), redirect, state, verifier })
    }

    /// What the browser brought back, from the query of its address on: the code. `None`: this is not the answer to our
    /// question.
    pub fn answer(&self, query: &str) -> Option<Result<SecretString, TokenError>> {
        let (mut code, mut state, mut error, mut words) = (None, None, None, None);
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*key {
                "code" => code = Some(SecretString::from(&*value)),
                "state" => state = Some(value.into_owned()),
                "error" => error = Some(value.into_owned()),
                "error_description" => words = Some(value.into_owned()),
                _ => {}
            }
        }
        if state.as_deref() != Some(&*self.state) {
            return None;
        }
        match (code, error) {
            (_, Some(error)) => Some(Err(TokenError::Declined(exchange::words(&error, words.as_deref())))),
            (Some(code), None) => Some(Ok(code)),
            (None, None) => None,
        }
    }

    /// Makes tokens of the code.
    ///
    /// # Errors
    /// As [`refresh`].
    pub fn redeem(&self, client: &Client, code: &SecretString) -> Result<Grant, TokenError> {
        client.token(&[
            ("grant_type", "authorization_code"),
            ("code", code.expose_secret()),
            ("redirect_uri", &self.redirect),
            ("code_verifier", self.verifier.expose_secret()),
        ])
    }
}

/// 256 random bits, as text.
fn random() -> Result<Zeroizing<String>, ring::error::Unspecified> {
    let mut bytes = Zeroizing::new([0; 32]);
    SystemRandom::new().fill(&mut *bytes)?;
    Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(*bytes)))
}

/// A request for a person's yes by a code.
#[derive(Debug, Deserialize)]
pub struct Device {
    #[serde(rename = "device_code")]
    secret: SecretString,
    /// What the person types there.
    pub user_code: String,
    #[serde(alias = "verification_url")]
    verification_uri: String,
    verification_uri_complete: Option<String>,
    interval: Option<Seconds>,
}

impl Device {
    /// Has one made.
    ///
    /// # Errors
    /// [`TokenError::Failed`].
    pub fn new(client: &Client, device_url: &str) -> Result<Self, TokenError> {
        let scope = client.oauth.scope();
        let scope = scope.as_deref().map(|scope| ("scope", scope));
        let form: Vec<_> = scope.into_iter().collect();
        let device: Self = client.ask(device_url, &form)?;
        // A person is going to open it: not just anything.
        if ["https://", "http://"].iter().any(|scheme| device.address().starts_with(scheme)) {
            return Ok(device);
        }
        let what = "the provider names an address that is none of the web";
        Err(TokenError::Failed(Failure::new(Class::Protocol, Stage::Login, client.oauth.host(), what)))
    }

    /// Where the code is typed; with the code in it, if the provider has such an address.
    pub fn address(&self) -> &str {
        self.verification_uri_complete.as_deref().unwrap_or(&self.verification_uri)
    }

    /// How long to wait before each [`Self::poll`]: a second at least, whatever the provider says.
    pub fn interval(&self) -> Duration {
        let said = self.interval.clone().and_then(Seconds::duration);
        said.unwrap_or(Duration::from_secs(5)).clamp(Duration::from_secs(1), LONGEST_INTERVAL)
    }

    /// The tokens, once the person has said yes.
    ///
    /// # Errors
    /// [`TokenError::Pending`] and [`TokenError::SlowDown`] until then, [`TokenError::Declined`].
    pub fn poll(&self, client: &Client) -> Result<Grant, TokenError> {
        const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
        client.token(&[("grant_type", GRANT), ("device_code", self.secret.expose_secret())])
    }
}
