//! `oauth = { … }` of a server's section: who gives the token to sign in with, in the place of a password (OAuth 2.0,
//! RFC 6749), and how a person says yes to that (RFC 8252 in a browser, RFC 8628 by a code).

use std::collections::BTreeSet;

use ureq::http::Uri;

use super::load::secret;
use super::model::{SecretSource, is_loopback};
use super::section::Section;

/// Who gives a server's tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuth {
    /// What the provider knows this program by, as registered there.
    pub client_id: String,
    /// What some providers gave with it: a command or the environment.
    pub client_secret: Option<SecretSource>,
    /// Where tokens come from.
    pub token_url: String,
    /// What a token is to be good for.
    pub scopes: Vec<String>,
    /// How a person says yes.
    pub flow: Flow,
}

/// How a person says yes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flow {
    /// In a browser on this machine, which is sent back to us (authorisation code with PKCE).
    Browser {
        /// Where the browser goes.
        authorize_url: String,
        /// Where it is sent back to.
        redirect: Redirect,
    },
    /// In any browser, with a code to type (RFC 8628).
    Device {
        /// Where the code comes from.
        device_url: String,
    },
}

/// A loopback address (RFC 8252 section 7.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// `127.0.0.1` or `localhost`, as registered.
    pub host: String,
    /// Its port; 0: any that is free.
    pub port: u16,
    /// From its slash on; possibly empty, which some providers tell apart.
    pub path: String,
}

impl OAuth {
    /// What the keyring and the session know this consent by: one serves all of a user's servers that want the same
    /// scopes, in whatever order. With other scopes it is another, and neither pushes the other out.
    pub fn account(&self, user: &str) -> String {
        let scopes: BTreeSet<&str> = self.scopes.iter().map(String::as_str).collect();
        let consent = format!("{user} at {} for {}", self.token_url, self.client_id);
        [consent].into_iter().chain(scopes.into_iter().map(str::to_owned)).collect::<Vec<_>>().join(", ")
    }

    /// What it is to be good for, as providers want it (RFC 6749 section 3.3); `None`: what the provider thinks fit.
    pub fn scope(&self) -> Option<String> {
        (!self.scopes.is_empty()).then(|| self.scopes.join(" "))
    }

    /// Its host, for people.
    pub fn host(&self) -> String {
        host(&self.token_url).unwrap_or_else(|| self.token_url.clone())
    }
}

/// What is known of a provider.
#[derive(Debug, Clone, Copy)]
struct Preset {
    authorize: &'static str,
    token: &'static str,
    /// None: it gives no mail that way.
    device: Option<&'static str>,
    redirect: &'static str,
    scopes: &'static [&'static str],
}

/// Gives a refresh token only to whoever asks for one in these words.
const GOOGLE: Preset = Preset {
    authorize: "https://accounts.google.com/o/oauth2/v2/auth?access_type=offline&prompt=consent",
    token: "https://oauth2.googleapis.com/token",
    device: None,
    redirect: "http://127.0.0.1",
    scopes: &["https://mail.google.com/"],
};

const MICROSOFT: Preset = Preset {
    authorize: "https://login.microsoftonline.com/common/oauth2/v2.0/authorize",
    token: "https://login.microsoftonline.com/common/oauth2/v2.0/token",
    device: Some("https://login.microsoftonline.com/common/oauth2/v2.0/devicecode"),
    redirect: "http://localhost",
    scopes: &[
        "https://outlook.office.com/IMAP.AccessAsUser.All",
        "https://outlook.office.com/POP.AccessAsUser.All",
        "https://outlook.office.com/SMTP.Send",
        "offline_access",
    ],
};

const ELSEWHERE: &str = "http://127.0.0.1/";

/// Reads the section.
pub(super) fn oauth(section: Section<'_>) -> Option<OAuth> {
    let preset = section.choice("provider", &[("google", GOOGLE), ("microsoft", MICROSOFT)]);
    let client_id = section.word("client_id").map(str::to_owned);
    if !section.has("client_id") {
        section.missing("client_id", "what the provider gave this program when you registered it there");
    }
    let client_secret = if section.has("client_secret") { secret(&section, "client_secret") } else { None };
    if matches!(client_secret, Some(SecretSource::Keyring | SecretSource::Ask)) {
        section
            .wrong("client_secret", "must be { command = \"…\" } or { env = \"NAME\" }: nobody is there to be asked");
    }
    let by_code = section.choice("flow", &[("browser", false), ("device", true)]).unwrap_or_default();
    let token_url = url(&section, "token_url", preset.map(|preset| preset.token));
    let flow = if by_code { device(&section, preset) } else { browser(&section, preset) };
    let scopes = section
        .words("scopes")
        .unwrap_or_else(|| preset.iter().flat_map(|preset| preset.scopes).map(|scope| (*scope).to_owned()).collect());
    section.finish();
    Some(OAuth { client_id: client_id?, client_secret, token_url: token_url?, scopes, flow: flow? })
}

fn browser(section: &Section<'_>, preset: Option<Preset>) -> Option<Flow> {
    let authorize_url = url(section, "authorize_url", preset.map(|preset| preset.authorize));
    if section.has("device_url") {
        section.wrong("device_url", "is for flow = \"device\"");
    }
    let given = section.word("redirect_url").unwrap_or(preset.map_or(ELSEWHERE, |preset| preset.redirect));
    let redirect = redirect(given);
    if redirect.is_none() {
        section.wrong(
            "redirect_url",
            "must be on this machine, such as \"http://127.0.0.1/\" or \"http://localhost:8400/mail\"",
        );
    }
    Some(Flow::Browser { authorize_url: authorize_url?, redirect: redirect? })
}

fn device(section: &Section<'_>, preset: Option<Preset>) -> Option<Flow> {
    for key in ["authorize_url", "redirect_url"] {
        if section.has(key) {
            section.wrong(key, "is for flow = \"browser\"");
        }
    }
    if preset.is_some_and(|preset| preset.device.is_none()) && !section.has("device_url") {
        section.wrong("flow", "must be \"browser\": this provider gives no access to mail by a code");
        return None;
    }
    let device_url = url(section, "device_url", preset.and_then(|preset| preset.device));
    Some(Flow::Device { device_url: device_url? })
}

/// A provider's address: what goes there are secrets.
fn url(section: &Section<'_>, key: &'static str, preset: Option<&str>) -> Option<String> {
    let Some(given) = section.word(key) else {
        // A provider that is mistyped is one mistake, not three.
        if preset.is_none() && !section.has(key) && !section.has("provider") {
            section.missing(key, "an address of the provider, or provider = \"google\" or \"microsoft\"");
        }
        return preset.map(str::to_owned);
    };
    let parsed = given.parse::<Uri>().ok();
    let secure = parsed.as_ref().and_then(|uri| {
        let host = uri.host()?;
        Some(uri.scheme_str()? == "https" || uri.scheme_str()? == "http" && is_loopback(host))
    });
    if secure != Some(true) {
        section.wrong(key, "must begin with https://");
        return None;
    }
    Some(given.to_owned())
}

fn redirect(text: &str) -> Option<Redirect> {
    let uri: Uri = text.parse().ok()?;
    let host = uri.host().filter(|host| matches!(*host, "127.0.0.1" | "localhost"))?.to_owned();
    let path = text.split_once("://")?.1.split_once('/').map_or("", |_| uri.path()).to_owned();
    let redirect = Redirect { host, port: uri.port_u16().unwrap_or(0), path };
    (uri.scheme_str()? == "http" && uri.query().is_none()).then_some(redirect)
}

fn host(url: &str) -> Option<String> {
    Some(url.parse::<Uri>().ok()?.host()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_consent_is_known_by_its_scopes_in_whatever_order() {
        let known_by = |scopes: &[&str]| {
            let flow = Flow::Device { device_url: "https://id.example.org/device".to_owned() };
            let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
            let token_url = "https://id.example.org/token".to_owned();
            OAuth { client_id: "me".to_owned(), client_secret: None, token_url, scopes, flow }.account("ada")
        };
        assert_eq!(known_by(&["send", "read"]), known_by(&["read", "send", "read"]));
        assert_ne!(known_by(&["send"]), known_by(&["send", "read"]));
        assert_eq!(known_by(&[]), "ada at https://id.example.org/token for me");
    }
}
