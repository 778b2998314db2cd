//! Passwords and tokens for transports: fetched from where the profile says, asked once a session, never written.
//!
//! A password that a server refused is never offered to it again: some servers lock an account after a few tries. The
//! place it came from is asked again, for it may have a better one by now (a new token, a corrected entry); if it has the
//! same, only a person can help.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use secrecy::{ExposeSecret as _, SecretString};

use super::port::Support;
use super::report::Question;
use super::turn::Turn;
use crate::mapi::{Class, Failure, Stage};
use crate::net::sasl;
use crate::profile::secret::{self, SecretError};
use crate::profile::{Credential, SecretSource, ServerConfig};

/// What people said, for as long as the process lives: passwords, and certificates to trust.
#[derive(Debug, Default)]
pub struct SecretCache {
    accounts: Mutex<HashMap<String, Account>>,
    pub(super) grants: Arc<super::tokens::grants::Grants>,
    pub(super) trusted: super::trust::Trusted,
}

/// What is known of one account.
#[derive(Debug, Default)]
struct Account {
    /// What a person entered.
    asked: Option<SecretString>,
    /// What was handed out last: if the server refuses one, it is this.
    given: Option<SecretString>,
    refused: Option<Refused>,
    /// Held by who is looking for the password, so that a person is asked once and not by every connection.
    turn: Turn<()>,
}

/// The last refusal.
#[derive(Debug, Clone)]
pub(super) struct Refused {
    pub(super) secret: SecretString,
    /// The server's.
    pub(super) words: String,
    /// How many tokens it has refused since it took one.
    pub(super) in_a_row: u32,
}

impl SecretCache {
    /// The password entered for `user@host`, if one was.
    fn get(&self, account: &str) -> Option<SecretString> {
        self.accounts().get(account).and_then(|known| known.asked.clone())
    }

    /// Keeps a password for the session.
    fn put(&self, account: &str, secret: SecretString) {
        self.accounts().entry(account.to_owned()).or_default().asked = Some(secret);
    }

    fn accounts(&self) -> MutexGuard<'_, HashMap<String, Account>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self, account: &str) -> Turn<()> {
        self.accounts().entry(account.to_owned()).or_default().turn.clone()
    }

    /// Forgets what was entered, and remembers what was refused.
    fn refuse(&self, account: &str, words: &str) {
        let mut accounts = self.accounts();
        let Some(known) = accounts.get_mut(account) else { return };
        known.asked = None;
        // Of several connections that were refused with one password the first tells it all.
        if let Some(secret) = known.given.take() {
            known.refused = Some(Refused { secret, words: words.to_owned(), in_a_row: 1 });
        }
    }

    /// Remembers that a token was refused, however many connections say so. Gives how many were, one after the other.
    fn refuse_token(&self, account: &str, token: &SecretString, words: String) -> u32 {
        let mut accounts = self.accounts();
        let refused = &mut accounts.entry(account.to_owned()).or_default().refused;
        let before = match &*refused {
            Some(one) if one.secret.expose_secret() == token.expose_secret() => return one.in_a_row,
            other => other.as_ref().map_or(0, |one| one.in_a_row),
        };
        *refused = Some(Refused { secret: token.clone(), words, in_a_row: before + 1 });
        before + 1
    }

    /// The last refusal, if there was one.
    pub(super) fn refusal(&self, account: &str) -> Option<Refused> {
        self.accounts().get(account).and_then(|known| known.refused.clone())
    }

    fn give(&self, account: &str, secret: SecretString) -> SecretString {
        self.accounts().entry(account.to_owned()).or_default().given = Some(secret.clone());
        secret
    }
}

/// What a server's user signs in with.
///
/// # Errors
/// [`Class::NeedsPerson`] when only a person could help and none may be asked; [`Class::Configuration`] when its place is
/// there and does not work; of a token whatever its provider says; [`Class::Cancelled`].
pub async fn credential(support: &Support, server: &ServerConfig) -> Result<SecretString, Failure> {
    match &server.credential {
        Some(Credential::Token(oauth)) => super::tokens::token(support, server, oauth).await,
        Some(Credential::Password(source)) => password(support, server, source).await,
        None => password(support, server, &SecretSource::Ask).await,
    }
}

/// The same while the server's line is open: what can be had without asking a person.
///
/// # Errors
/// As [`credential`].
pub async fn at_hand(support: &Support, server: &ServerConfig) -> Result<SecretString, Failure> {
    credential(&support.on_the_line(), server).await
}

/// What to sign in with, looked for before there is a line. `None`: nobody signs in, or a person has to be asked, which
/// makes sense only when the server can be reached; [`opening`] sees to that.
///
/// # Errors
/// As [`credential`].
pub async fn beforehand(support: &Support, server: &ServerConfig) -> Result<Option<SecretString>, Failure> {
    if sasl::account(server).is_none() {
        return Ok(None);
    }
    match at_hand(support, server).await {
        Err(failure) if would_ask(support, &failure) => Ok(None),
        found => found.map(Some),
    }
}

/// Whether a person who is asked for what to sign in with could help, and may be asked.
fn would_ask(support: &Support, failure: &Failure) -> bool {
    failure.stage == Stage::Login && failure.class == Class::NeedsPerson && support.may_ask()
}

/// Opens a line, and where it turns out there that a person has to be asked for what to sign in with, asks with no line
/// open, and opens another: people take their time, and a server that waits for a name and a password does not.
///
/// # Errors
/// Those of `open`, and of [`credential`].
pub async fn opening<T, F>(support: &Support, server: &ServerConfig, open: impl Fn() -> F) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    match open().await {
        Err(failure) if would_ask(support, &failure) => {
            credential(support, server).await?;
            open().await
        }
        done => done,
    }
}

/// The password of a server's user: the one a person entered in this session, else the one from where the profile says,
/// else one that a person is asked for now.
///
/// # Errors
/// As [`credential`].
async fn password(support: &Support, server: &ServerConfig, source: &SecretSource) -> Result<SecretString, Failure> {
    let account = account(server);
    let cache = support.secrets();
    let turn = cache.turn(&account).take(support, Stage::Login, &server.host).await?;
    if let Some(secret) = cache.get(&account) {
        return Ok(cache.give(&account, secret));
    }
    let refusal = cache.refusal(&account);
    let why = match (fetch(support, server, source).await?, &refusal) {
        (Ok(secret), Some(refused)) if secret.expose_secret() == refused.secret.expose_secret() => {
            format!("the server refused the password: {}", refused.words)
        }
        (Ok(secret), _) => return Ok(cache.give(&account, secret)),
        (Err(error), _) if error.can_be_asked() => error.to_string(),
        (Err(error), _) => {
            return Err(Failure::new(Class::Configuration, Stage::Login, server.host.as_str(), error.to_string()));
        }
    };
    if !support.may_ask() {
        return Err(Failure::new(Class::NeedsPerson, Stage::Login, server.host.as_str(), why));
    }
    let question = Question::Password {
        user: server.user.clone().unwrap_or_default(),
        host: server.host.clone(),
        refused: refusal.map(|refused| refused.words),
    };
    let asking = turn.asking();
    let secret = support.ask(question).await?;
    drop(asking);
    cache.put(&account, secret.clone());
    Ok(cache.give(&account, secret))
}

/// The server refused the password it was given last, in these words: it is forgotten, and the next try asks for another.
pub fn refused(support: &Support, server: &ServerConfig, reply: &str) {
    // Which token it was matters: there may be a new one by now.
    if signs_in_by_token(server) {
        return;
    }
    support.secrets().refuse(&account(server), reply);
}

/// The server refused this token: it may merely have been taken back before its time, or have expired by another clock.
/// Gives whether a new one is worth a try, on the same line.
pub fn token_refused(support: &Support, server: &ServerConfig, token: &SecretString, failure: &Failure) -> bool {
    if failure.class != Class::Login || !signs_in_by_token(server) {
        return false;
    }
    let words = failure.reply.as_ref().map_or_else(|| failure.to_string(), |reply| reply.text.clone());
    support.secrets().refuse_token(&account(server), token, words) == 1
}

/// Whether this is a token that the server has refused already, on another connection.
pub fn is_refused_token(support: &Support, server: &ServerConfig, token: &SecretString) -> bool {
    let is_it = |refused: Refused| refused.secret.expose_secret() == token.expose_secret();
    signs_in_by_token(server) && support.secrets().refusal(&account(server)).is_some_and(is_it)
}

/// The server took the token that it was given last: the next that it refuses is one that has expired. (Of passwords that
/// is not said: what one server of a host refuses is not offered again because another took it.)
pub fn accepted(support: &Support, server: &ServerConfig) {
    if signs_in_by_token(server)
        && let Some(known) = support.secrets().accounts().get_mut(&account(server))
    {
        known.refused = None;
    }
}

const fn signs_in_by_token(server: &ServerConfig) -> bool {
    matches!(server.credential, Some(Credential::Token(_)))
}

/// What the session knows a server's user by.
pub(super) fn account(server: &ServerConfig) -> String {
    secret::account(server.user.as_deref().unwrap_or_default(), &server.host)
}

/// Looks where the profile says, on a thread that may block. A cancelled look goes on there until its deadline, and what
/// it finds is dropped.
async fn fetch(
    support: &Support,
    server: &ServerConfig,
    source: &SecretSource,
) -> Result<Result<SecretString, SecretError>, Failure> {
    let source = source.clone();
    let (user, host) = (server.user.clone().unwrap_or_default(), server.host.clone());
    let may_show_ui = support.interactive();
    let look = tokio::task::spawn_blocking(move || secret::fetch(&source, &user, &host, may_show_ui));
    unless_cancelled(support, server, look).await?.map_err(|_broken_off| {
        Failure::new(Class::Local, Stage::Login, server.host.as_str(), "the search for the password broke off")
    })
}

/// The outcome of some work, unless the flush is stopped before.
pub(super) async fn unless_cancelled<T>(
    support: &Support,
    server: &ServerConfig,
    work: impl Future<Output = T>,
) -> Result<T, Failure> {
    tokio::select! {
        biased;
        () = support.cancel().cancelled() => Err(Failure::cancelled(Stage::Login, server.host.as_str())),
        done = work => Ok(done),
    }
}

#[cfg(test)]
mod tests;
