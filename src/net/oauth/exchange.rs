//! One form to the provider, one answer in JSON.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use secrecy::zeroize::Zeroizing;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};
use ureq::{Agent, Error};

use super::TokenError;
use crate::mapi::{Class, Failure, Stage};

/// For everything together: the look-up, the line, the answer.
const DEADLINE: Duration = Duration::from_secs(30);
/// Tokens are small, and whoever sends more is up to something.
const LONGEST_ANSWER: u64 = 128 << 10;
/// As much of a provider's words as is shown.
const SHOWN: usize = 200;

/// Follows nobody elsewhere: what is sent are secrets. No cookies, no compression, no lines kept open.
static AGENT: LazyLock<Agent> = LazyLock::new(|| {
    let found = rustls_native_certs::load_native_certs();
    let roots: Vec<_> = found.certs.iter().map(|root| Certificate::from_der(root).to_owned()).collect();
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(RootCerts::new_with_certs(&roots))
        .build();
    Agent::config_builder()
        .tls_config(tls)
        .timeout_global(Some(DEADLINE))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .max_idle_connections(0)
        .user_agent("mailsluice")
        .accept("application/json")
        .build()
        .new_agent()
});

/// An error response (RFC 6749 section 5.2).
#[derive(Deserialize)]
struct Refusal {
    error: String,
    error_description: Option<String>,
}

/// Sends a form and reads the answer.
pub(super) fn post<T: DeserializeOwned>(url: &str, form: &[(&str, &str)]) -> Result<T, TokenError> {
    let at = url.parse::<ureq::http::Uri>().ok().and_then(|uri| uri.host().map(str::to_owned)).unwrap_or_default();
    let fail = |class, what: String| TokenError::Failed(Failure::new(class, Stage::Login, at.as_str(), what));
    let mut body = form_urlencoded::Serializer::new(String::new());
    let body = Zeroizing::new(body.extend_pairs(form).finish());
    let mut request = AGENT.post(url).content_type("application/x-www-form-urlencoded");
    // In the open only on this machine, where a proxy is another one.
    if !url.starts_with("https:") {
        request = request.config().proxy(None).build();
    }
    let sent = request.send(body.as_bytes());
    let mut response = sent.map_err(|error| TokenError::Failed(unreachable(&error, &at)))?;
    let status = response.status().as_u16();
    let read = response.body_mut().with_config().limit(LONGEST_ANSWER).read_to_vec();
    let answer = Zeroizing::new(read.map_err(|error| TokenError::Failed(unreachable(&error, &at)))?);
    if response.status().is_success() {
        // What it says is not shown: there may be tokens in it.
        return serde_json::from_slice(&answer)
            .map_err(|_may_tell_secrets| fail(Class::Protocol, "the provider's answer makes no sense".to_owned()));
    }
    match serde_json::from_slice::<Refusal>(&answer) {
        Ok(refusal) => Err(refused(&refusal, &at)),
        Err(_) if status >= 500 || status == 429 => {
            Err(fail(Class::Transient, format!("the provider has trouble ({status})")))
        }
        Err(_) => Err(fail(Class::Protocol, format!("the provider answered {status}, which makes no sense here"))),
    }
}

/// What a refusal means (RFC 6749 section 5.2, RFC 8628 section 3.5, OpenID Connect Core 3.1.2.6).
fn refused(refusal: &Refusal, at: &str) -> TokenError {
    let words = words(&refusal.error, refusal.error_description.as_deref());
    let fail =
        |class| TokenError::Failed(Failure::new(class, Stage::Login, at, format!("the provider refuses: {words}")));
    match refusal.error.as_str() {
        "invalid_grant" | "interaction_required" | "login_required" | "consent_required" => {
            TokenError::NeedsConsent(words)
        }
        "authorization_pending" => TokenError::Pending,
        "slow_down" => TokenError::SlowDown,
        "access_denied" | "authorization_declined" => TokenError::Declined(words),
        "expired_token" => TokenError::Expired(words),
        "temporarily_unavailable" | "server_error" => fail(Class::Transient),
        _ => fail(Class::Configuration),
    }
}

/// A provider's words, fit to be shown.
pub(super) fn words(error: &str, description: Option<&str>) -> String {
    let words = description.map_or_else(|| error.to_owned(), |description| format!("{error}, {description}"));
    words.chars().map(|char| if char.is_control() { ' ' } else { char }).take(SHOWN).collect()
}

/// Why there was no answer. An error of this library tells of addresses and of TLS, never of what was sent.
fn unreachable(error: &Error, at: &str) -> Failure {
    let class = match error {
        Error::Rustls(_) | Error::Tls(_) | Error::Pem(_) => Class::Trust,
        Error::BodyExceedsLimit(_) | Error::Http(_) | Error::Protocol(_) => Class::Protocol,
        Error::BadUri(_) => Class::Configuration,
        Error::HostNotFound | Error::ConnectionFailed => Class::Offline,
        Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => Class::Offline,
        Error::Io(error) if error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>) => {
            Class::Trust
        }
        _ => Class::Transient,
    };
    Failure::new(class, Stage::Login, at, format!("the provider of tokens can't be reached: {error}"))
}
