//! Tokens for transports (OAuth 2.0): kept for the session, made anew before they expire, and a person's yes where nothing
//! else helps.
//!
//! A refresh token may be good for one use only: the provider gives the next with the access token, and takes a second use
//! of the first for theft. So one look at a time is made for each consent, it is made to its end even when whoever wanted
//! the token is gone, and what comes of it is in the keyring before it is used.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use secrecy::{ExposeSecret as _, SecretString};

use super::consent;
use super::port::Support;
use super::report::Severity;
use super::secrets::{self, unless_cancelled};
use super::turn::{Taken, Turn};
use crate::mapi::{Class, Failure, Stage};
use crate::net::oauth::{self, Client, Grant, TokenError};
use crate::profile::secret::{self, SecretError};
use crate::profile::{OAuth, ServerConfig};

/// A token that is good for less than this is made anew: signing in takes a while.
const NEARLY_OVER: Duration = Duration::from_secs(60);

/// The grants of this session, by [`OAuth::account`].
#[derive(Debug, Default)]
pub(super) struct Grants(Mutex<HashMap<String, Turn<Held>>>);

/// What is known of one consent.
#[derive(Debug, Default)]
struct Held {
    grant: Option<Grant>,
    /// When a person said no, and what came of it.
    declined: Option<(Instant, Failure)>,
}

impl Grants {
    fn of(&self, account: String) -> Turn<Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(account).or_default().clone()
    }
}

/// What is known of a consent, while nobody else looks.
type Known = Taken<Held>;

/// A token for a server's user that the server has not refused: the one of this session while it is good, else a new one,
/// else one that a person gets us by signing in now.
///
/// # Errors
/// [`Class::NeedsPerson`] when only a person could help and none may be asked; what the provider refuses; it can't be
/// reached; [`Class::Cancelled`].
pub(super) async fn token(support: &Support, server: &ServerConfig, oauth: &OAuth) -> Result<SecretString, Failure> {
    let user = server.user.as_deref().unwrap_or_default();
    let grants = &support.secrets().grants;
    let began = Instant::now();
    let known = grants.of(oauth.account(user)).take(support, Stage::Login, &server.host).await?;
    let refusal = support.secrets().refusal(&secrets::account(server));
    let is_refused =
        |token: &SecretString| refusal.as_ref().is_some_and(|one| one.secret.expose_secret() == token.expose_secret());
    // Once no has been said, neither this flush asks again nor one that waited meanwhile.
    let account = oauth.account(user);
    let meanwhile = known.held.declined.as_ref().filter(|(at, _)| *at >= began).map(|(_, failure)| failure.clone());
    if let Some(failure) = support.declined(&account).or(meanwhile) {
        support.decline(account, &failure);
        return Err(failure);
    }
    if let Some(grant) = known.held.grant.as_ref().filter(|grant| is_good(grant) && !is_refused(&grant.access)) {
        return Ok(grant.access.clone());
    }
    let client = client(support, server, oauth).await?;
    let (why, mut known) = match refusal.filter(|refusal| refusal.in_a_row > 1) {
        // A new token did no better than the one before: another will not either.
        Some(refusal) => (Some(format!("the server refused the token: {}", refusal.words)), known),
        None => match renewed(support, server, known, client.clone()).await? {
            Renewed::Token(kept) => return Ok(kept.told(support)),
            Renewed::NeedsConsent(why, known) => (why, known),
            Renewed::Failed(failure) => return Err(failure),
        },
    };
    if !support.interactive() {
        let nobody = format!("nobody is signed in with {}", oauth.host());
        let what = why.map_or_else(|| nobody.clone(), |why| format!("{nobody}: {why}"));
        return Err(Failure::new(Class::NeedsPerson, Stage::Login, server.host.as_str(), what));
    }
    let asked = known.asking(consent::obtain(support, server, &client, why)).await;
    let grant = asked.inspect_err(|failure| {
        if failure.class == Class::NeedsPerson {
            known.held.declined = Some((Instant::now(), failure.clone()));
            support.decline(account.clone(), failure);
        }
    })?;
    let store = tokio::task::spawn_blocking(move || keep(known, &account, grant, true));
    let kept = unless_cancelled(support, server, store).await?.map_err(|_broken_off| broken_off(server))?;
    Ok(kept.told(support))
}

fn is_good(grant: &Grant) -> bool {
    let now = SystemTime::now();
    grant.until.is_none_or(|until| until.duration_since(now).is_ok_and(|left| left > NEARLY_OVER))
}

fn broken_off(server: &ServerConfig) -> Failure {
    Failure::new(Class::Local, Stage::Login, server.host.as_str(), "the search for the token broke off")
}

/// This program at the provider.
async fn client(support: &Support, server: &ServerConfig, oauth: &OAuth) -> Result<Client, Failure> {
    let secret = match oauth.client_secret.clone() {
        None => None,
        Some(source) => {
            let (id, host, may_show_ui) = (oauth.client_id.clone(), oauth.host(), support.interactive());
            let look = tokio::task::spawn_blocking(move || secret::fetch(&source, &id, &host, may_show_ui));
            let found = unless_cancelled(support, server, look).await?.map_err(|_broken_off| broken_off(server))?;
            let wrong = |error: SecretError| {
                let what = format!("the client_secret of {}: {error}", oauth.client_id);
                Failure::new(Class::Configuration, Stage::Login, oauth.host(), what)
            };
            Some(found.map_err(wrong)?)
        }
    };
    Ok(Client { oauth: oauth.clone(), secret })
}

/// A token that is kept for the session.
struct Kept {
    token: SecretString,
    /// Why the keyring did not take what was new.
    trouble: Option<SecretError>,
}

impl Kept {
    fn told(self, support: &Support) -> SecretString {
        if let Some(error) = self.trouble {
            support.log(Severity::Warning, format!("the sign-in is kept until the program ends, no longer: {error}"));
        }
        self.token
    }
}

enum Renewed {
    Token(Kept),
    /// What went wrong with the last sign-in, if there was one; and the turn, for whoever asks.
    NeedsConsent(Option<String>, Known),
    Failed(Failure),
}

/// A new token for the refresh token that is there.
async fn renewed(support: &Support, server: &ServerConfig, known: Known, client: Client) -> Result<Renewed, Failure> {
    let account = client.oauth.account(server.user.as_deref().unwrap_or_default());
    let may_show_ui = support.interactive();
    // To its end, whoever waits for it: what it uses up is made good by what it brings.
    let look = tokio::task::spawn_blocking(move || renew(known, &account, &client, may_show_ui));
    unless_cancelled(support, server, look).await?.map_err(|_broken_off| broken_off(server))
}

/// Tries the keyring's refresh token, which another process may have renewed, then the session's.
fn renew(known: Known, account: &str, client: &Client, may_show_ui: bool) -> Renewed {
    let of_session = known.held.grant.as_ref().and_then(|grant| grant.refresh.clone());
    let (of_keyring, mut why) = match secret::fetch_grant(account, may_show_ui) {
        Ok(token) => (Some(token), None),
        Err(SecretError::Missing(_)) => (None, None),
        Err(error) => (None, Some(error.to_string())),
    };
    let is_another =
        |token: &SecretString| of_keyring.as_ref().is_none_or(|other| other.expose_secret() != token.expose_secret());
    let of_session = of_session.filter(is_another);
    for token in of_keyring.into_iter().chain(of_session) {
        match oauth::refresh(client, &token) {
            Ok(grant) if grant.refresh.is_some() => return Renewed::Token(keep(known, account, grant, may_show_ui)),
            Ok(grant) => return Renewed::Token(hold(known, Grant { refresh: Some(token), ..grant }, None)),
            Err(TokenError::NeedsConsent(words)) => why = Some(format!("the sign-in is no longer good: {words}")),
            Err(other) => return Renewed::Failed(other.failure(&client.oauth.host())),
        }
    }
    Renewed::NeedsConsent(why, known)
}

/// Keeps a grant in the keyring and for the session.
fn keep(known: Known, account: &str, grant: Grant, may_show_ui: bool) -> Kept {
    let stored = grant.refresh.as_ref().map_or(Ok(()), |refresh| secret::store_grant(account, refresh, may_show_ui));
    hold(known, grant, stored.err())
}

/// Keeps a grant for the session.
fn hold(mut known: Known, grant: Grant, trouble: Option<SecretError>) -> Kept {
    let token = grant.access.clone();
    known.held.grant = Some(grant);
    Kept { token, trouble }
}
