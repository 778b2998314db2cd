//! Tokens for transports (OAuth 2.0): kept for the session, made anew before they expire, and a person's yes where nothing
//! else helps.

pub(super) mod grants;
#[cfg(test)]
mod tests;

use std::time::Instant;

use secrecy::{ExposeSecret as _, SecretString};

use self::grants::{Consented, Kept, Renewed};
use super::consent;
use super::port::Support;
use super::report::Severity;
use super::secrets::{self, Refused, unless_cancelled};
use crate::mapi::{Class, Failure, Stage};
use crate::net::oauth::Client;
use crate::profile::secret::{self, SecretError};
use crate::profile::{OAuth, ServerConfig};

/// A token for a server's user that the server has not refused: the one of this session while it is good, else a new one,
/// else one that a person gets us by signing in now.
///
/// # Errors
/// [`Class::NeedsPerson`] when only a person could help and none may be asked; what the provider refuses; it can't be
/// reached; [`Class::Cancelled`].
pub(super) async fn token(support: &Support, server: &ServerConfig, oauth: &OAuth) -> Result<SecretString, Failure> {
    let account = oauth.account(server.user.as_deref().unwrap_or_default());
    Search { support, server, oauth, account, began: Instant::now() }.token().await
}

struct Search<'a> {
    support: &'a Support,
    server: &'a ServerConfig,
    oauth: &'a OAuth,
    account: String,
    began: Instant,
}

/// Why a person has to sign in.
#[derive(Debug)]
enum Why {
    /// Nobody ever has, as far as we know.
    Never,
    /// Where it would be kept can't be looked at.
    OutOfReach(SecretError),
    /// The provider takes it no more, in these words.
    NoLongerGood(String),
    /// The mail server refuses one new token after the other, in these words.
    Refused(String),
}

impl Search<'_> {
    async fn token(&self) -> Result<SecretString, Failure> {
        // Before it is anybody's turn: whoever has it may be waiting for a person.
        if let Some(token) = self.at_hand() {
            return Ok(token);
        }
        let consented = self.turn().await?;
        if let Some(token) = self.at_hand() {
            return Ok(token);
        }
        // Once no has been said, neither this flush asks again nor one that waited meanwhile.
        let declined = self.support.declined(&self.account).or_else(|| consented.declined_since(self.began));
        if let Some(failure) = declined {
            self.support.decline(self.account.clone(), &failure);
            return Err(failure);
        }
        let client = self.client().await?;
        let (why, consented) = match self.refusal().filter(|refusal| refusal.in_a_row > 1) {
            // A new token did no better than the one before: another will not either.
            Some(refusal) => (Why::Refused(refusal.words), consented),
            None => match self.renewed(consented, client.clone()).await? {
                Renewed::Token(kept) => return Ok(self.told(kept)),
                Renewed::NeedsConsent(why, consented) => (why, consented),
                Renewed::Failed(failure) => return Err(failure),
            },
        };
        if !self.support.may_ask() {
            let what = why.failure(&self.oauth.host());
            return Err(Failure::new(Class::NeedsPerson, Stage::Login, self.server.host.as_str(), what));
        }
        match consent::obtain(self.support, self.server, &client, why.reason(), consented).await {
            Ok(kept) => Ok(self.told(kept)),
            Err(failure) if failure.class == Class::NeedsPerson => self.declined(failure).await,
            Err(failure) => Err(failure),
        }
    }

    /// The token of this session, if it is good and the server did not refuse it.
    fn at_hand(&self) -> Option<SecretString> {
        let refusal = self.refusal();
        let is_refused = |token: &SecretString| {
            refusal.as_ref().is_some_and(|one| one.secret.expose_secret() == token.expose_secret())
        };
        self.support.secrets().grants.at_hand(&self.account).filter(|token| !is_refused(token))
    }

    async fn turn(&self) -> Result<Consented, Failure> {
        self.support.secrets().grants.turn(&self.account, self.support, &self.server.host).await
    }

    /// The server's last refusal of a token.
    fn refusal(&self) -> Option<Refused> {
        self.support.secrets().refusal(&secrets::account(self.server))
    }

    /// The person said no, or nothing; unless their yes was on its way.
    async fn declined(&self, failure: Failure) -> Result<SecretString, Failure> {
        drop(self.turn().await?);
        self.at_hand().ok_or_else(|| {
            self.support.decline(self.account.clone(), &failure);
            failure
        })
    }

    /// This program at the provider.
    async fn client(&self) -> Result<Client, Failure> {
        let oauth = self.oauth;
        let secret = match oauth.client_secret.clone() {
            None => None,
            Some(source) => {
                let (id, host, may_show_ui) = (oauth.client_id.clone(), oauth.host(), self.support.interactive());
                let look = tokio::task::spawn_blocking(move || secret::fetch(&source, &id, &host, may_show_ui));
                let found = unless_cancelled(self.support, self.server, look).await?;
                let wrong = |error: SecretError| {
                    let what = format!("the client_secret of {}: {error}", oauth.client_id);
                    Failure::new(Class::Configuration, Stage::Login, oauth.host(), what)
                };
                Some(found.map_err(|_broken_off| self.broken_off())?.map_err(wrong)?)
            }
        };
        Ok(Client { oauth: oauth.clone(), secret })
    }

    /// A new token for the refresh token that is there.
    async fn renewed(&self, consented: Consented, client: Client) -> Result<Renewed, Failure> {
        let exchange = self.support.secrets().grants.to_its_end(move || consented.renew(&client));
        unless_cancelled(self.support, self.server, exchange).await?.map_err(|_broken_off| self.broken_off())
    }

    fn broken_off(&self) -> Failure {
        Failure::new(Class::Local, Stage::Login, self.server.host.as_str(), "the search for the token broke off")
    }

    fn told(&self, kept: Kept) -> SecretString {
        if let Some(error) = kept.trouble {
            let text = format!("the sign-in is kept until the program ends, no longer: {error}");
            self.support.log(Severity::Warning, text);
        }
        kept.token
    }
}

impl Why {
    /// What a person who is asked is told of it. That there is no keyring is no reason: it is so every time.
    fn reason(&self) -> Option<String> {
        match self {
            Self::Never | Self::OutOfReach(SecretError::NoKeyring(_)) => None,
            Self::OutOfReach(error) => Some(error.to_string()),
            Self::NoLongerGood(words) => Some(format!("the sign-in is no longer good: {words}")),
            Self::Refused(words) => Some(format!("the server refused the token: {words}")),
        }
    }

    /// What a flush fails with where nobody may be asked.
    fn failure(&self, provider: &str) -> String {
        match self {
            Self::Never => format!("nobody is signed in with {provider}"),
            Self::OutOfReach(error) => format!("no sign-in with {provider} is at hand: {error}"),
            Self::NoLongerGood(words) => format!("the sign-in with {provider} is no longer good: {words}"),
            Self::Refused(words) => format!("the server refused the token of {provider}: {words}"),
        }
    }
}
