//! The sign-ins of a session, and the exchanges with providers that change them.
//!
//! A refresh token may be good for one use only: the provider gives the next with the access token, and takes a second use
//! of the first for theft. So one exchange at a time is made for each consent, it is made to its end even when whoever
//! wanted the token is gone, and what comes of it is in the keyring, if there is one that takes it, before it is used. The
//! program does not end before it either, unless it is killed or the provider is silent for [`LONGEST`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use secrecy::{ExposeSecret as _, SecretString};
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use super::Why;
use crate::mapi::{Class, Failure, Stage};
use crate::net::oauth::{self, Client, Grant, TokenError};
use crate::profile::secret::{self, SecretError};
use crate::transport::Support;
use crate::transport::turn::{Asking, Taken, Turn};

/// A token that is good for less than this is made anew: signing in takes a while.
const NEARLY_OVER: Duration = Duration::from_secs(60);
/// As long as an exchange takes at most, the keyring's part included, where no person is asked to unlock it.
pub(in crate::transport) const LONGEST: Duration = Duration::from_secs(45);

/// The grants of this session, by [`crate::profile::OAuth::account`].
#[derive(Debug, Default)]
pub(in crate::transport) struct Grants {
    held: Mutex<HashMap<String, Grant>>,
    /// When a person said no, and what came of it.
    declined: Mutex<HashMap<String, (Instant, Failure)>>,
    turns: Mutex<HashMap<String, Turn<Past>>>,
    under_way: TaskTracker,
}

/// What is known of the keyring's part, by whoever has the turn.
#[derive(Debug, Default)]
pub(super) struct Past {
    /// The refresh token that is used up, and in the keyring still, which did not take the next.
    spent: Option<SecretString>,
}

impl Grants {
    /// The access token of this session, while it is good.
    pub(super) fn at_hand(&self, account: &str) -> Option<SecretString> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.get(account).filter(|grant| is_good(grant)).map(|grant| grant.access.clone())
    }

    /// Waits until it is the caller's turn to exchange something for this consent.
    ///
    /// # Errors
    /// As [`Turn::take`].
    pub(super) async fn turn(
        self: &Arc<Self>,
        account: &str,
        support: &Support,
        at: &str,
    ) -> Result<Consented, Failure> {
        let turn = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            turns.entry(account.to_owned()).or_default().clone()
        };
        let past = turn.take(support, Stage::Login, at).await?;
        Ok(Consented {
            account: account.to_owned(),
            grants: Arc::clone(self),
            past,
            may_show_ui: support.interactive(),
        })
    }

    /// Does what must not be broken off, on a thread that may block.
    pub(in crate::transport) fn to_its_end<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        self.under_way.spawn_blocking(work)
    }

    /// The same for what is told of it.
    pub(in crate::transport) fn told_to_the_end(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.under_way.spawn(work);
    }

    /// Whether nothing is under way.
    pub(in crate::transport) fn is_idle(&self) -> bool {
        self.under_way.is_empty()
    }

    /// Waits for what is under way. Nothing new may be begun any more.
    pub(in crate::transport) async fn ended(&self) {
        self.under_way.close();
        self.under_way.wait().await;
    }
}

fn is_good(grant: &Grant) -> bool {
    let now = SystemTime::now();
    grant.until.is_none_or(|until| until.duration_since(now).is_ok_and(|left| left > NEARLY_OVER))
}

/// A consent, while nobody else exchanges anything for it. It goes into the exchange, and so ends with that.
#[derive(Debug)]
pub(in crate::transport) struct Consented {
    account: String,
    grants: Arc<Grants>,
    past: Taken<Past>,
    may_show_ui: bool,
}

/// See [`Consented::noes`].
#[derive(Debug, Clone)]
pub(in crate::transport) struct Noes {
    grants: Arc<Grants>,
    account: String,
}

impl Noes {
    /// What came of asking: a no, if a person is still needed.
    pub(in crate::transport) fn note(&self, failure: &Failure) {
        if failure.class == Class::NeedsPerson {
            let mut declined = self.grants.declined.lock().unwrap_or_else(PoisonError::into_inner);
            declined.insert(self.account.clone(), (Instant::now(), failure.clone()));
        }
    }
}

/// A token that is kept for the session.
#[derive(Debug)]
pub(in crate::transport) struct Kept {
    /// It.
    pub(in crate::transport) token: SecretString,
    /// Why the keyring did not take what was new.
    pub(in crate::transport) trouble: Option<SecretError>,
}

/// What came of the refresh token that is there.
pub(super) enum Renewed {
    Token(Kept),
    /// It is none, or no longer good; and the turn, for whoever asks.
    NeedsConsent(Why, Consented),
    Failed(Failure),
}

impl Consented {
    /// A person is asked from here on, until what this gives is dropped.
    pub(in crate::transport) fn asking(&self) -> Asking {
        self.past.asking()
    }

    /// What came of it when a person said no since then.
    pub(super) fn declined_since(&self, then: Instant) -> Option<Failure> {
        let declined = self.grants.declined.lock().unwrap_or_else(PoisonError::into_inner);
        declined.get(&self.account).filter(|(at, _)| *at >= then).map(|(_, failure)| failure.clone())
    }

    /// Notes a no, also while the turn is somewhere else. It has to be noted before the turn ends: whoever waits for that
    /// would ask again.
    pub(in crate::transport) fn noes(&self) -> Noes {
        Noes { grants: Arc::clone(&self.grants), account: self.account.clone() }
    }

    /// A new token for the refresh token that is there. Blocks.
    pub(super) fn renew(self, client: &Client) -> Renewed {
        let (of_keyring, mut why) = match secret::fetch_grant(&self.account, self.may_show_ui) {
            Ok(token) => (Some(token), Why::Never),
            Err(SecretError::Missing(_)) => (None, Why::Never),
            Err(error) => (None, Why::OutOfReach(error)),
        };
        for token in candidates(of_keyring.clone(), self.of_session(), self.past.held.spent.as_ref()) {
            match oauth::refresh(client, &token) {
                Ok(grant) if grant.refresh.is_some() => {
                    let in_keyring = of_keyring.filter(|other| same(other, &token));
                    return Renewed::Token(self.replace(in_keyring, grant));
                }
                Ok(grant) => return Renewed::Token(self.hold(Grant { refresh: Some(token), ..grant }, None)),
                Err(TokenError::NeedsConsent(words)) => why = Why::NoLongerGood(words),
                Err(other) => return Renewed::Failed(other.failure(&client.oauth.host())),
            }
        }
        Renewed::NeedsConsent(why, self)
    }

    fn of_session(&self) -> Option<SecretString> {
        let held = self.grants.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.get(&self.account).and_then(|grant| grant.refresh.clone())
    }

    /// Keeps a grant in the keyring and for the session. Blocks.
    pub(in crate::transport) fn keep(self, grant: Grant) -> Kept {
        self.replace(None, grant)
    }

    /// The same, in the place of what was used up for it and is in the keyring, if it is.
    fn replace(mut self, used_up: Option<SecretString>, grant: Grant) -> Kept {
        let store = |refresh| secret::store_grant(&self.account, refresh, self.may_show_ui);
        let trouble = grant.refresh.as_ref().and_then(|refresh| store(refresh).err());
        if trouble.is_none() {
            self.past.held.spent = None;
        } else if used_up.is_some() {
            self.past.held.spent = used_up;
        }
        self.hold(grant, trouble)
    }

    /// Keeps a grant for the session.
    fn hold(self, grant: Grant, trouble: Option<SecretError>) -> Kept {
        let token = grant.access.clone();
        self.grants.held.lock().unwrap_or_else(PoisonError::into_inner).insert(self.account, grant);
        Kept { token, trouble }
    }
}

fn same(one: &SecretString, other: &SecretString) -> bool {
    one.expose_secret() == other.expose_secret()
}

/// The refresh tokens to try: the keyring's, which another process may have renewed, then the session's; none twice, and
/// none that is used up.
fn candidates(
    of_keyring: Option<SecretString>,
    of_session: Option<SecretString>,
    spent: Option<&SecretString>,
) -> Vec<SecretString> {
    let of_keyring = of_keyring.filter(|token| spent.is_none_or(|spent| !same(spent, token)));
    let of_session = of_session.filter(|token| of_keyring.as_ref().is_none_or(|other| !same(other, token)));
    of_keyring.into_iter().chain(of_session).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(of_keyring: Option<&str>, of_session: Option<&str>, spent: Option<&str>) -> Vec<String> {
        let secret = |text: Option<&str>| text.map(SecretString::from);
        let tried = candidates(secret(of_keyring), secret(of_session), secret(spent).as_ref());
        tried.iter().map(|token| token.expose_secret().to_owned()).collect()
    }

    #[test]
    fn what_is_used_up_is_not_tried_again_though_the_keyring_has_it_still() {
        assert_eq!(tried(Some("r0"), Some("r1"), Some("r0")), ["r1"]);
        assert_eq!(tried(Some("r0"), None, Some("r0")), [""; 0]);
        // Another process has put in a better one.
        assert_eq!(tried(Some("r5"), Some("r1"), Some("r0")), ["r5", "r1"]);
        assert_eq!(tried(Some("r1"), Some("r1"), None), ["r1"]);
        assert_eq!(tried(None, Some("r1"), None), ["r1"]);
    }
}
