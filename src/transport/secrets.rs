//! Passwords and tokens for transports: fetched from where the profile says, asked once a session, never written.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use secrecy::SecretString;

use super::Support;
use super::report::Question;
use crate::mapi::{Class, Failure, Stage};
use crate::profile::ServerConfig;
use crate::profile::secret::{self, SecretError};

/// Passwords that a person entered, for as long as the process lives, and what servers said of the last ones.
#[derive(Debug, Default)]
pub struct SecretCache {
    asked: Mutex<HashMap<String, SecretString>>,
    refused: Mutex<HashMap<String, String>>,
}

impl SecretCache {
    fn get(&self, account: &str) -> Option<SecretString> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).get(account).cloned()
    }

    fn put(&self, account: &str, secret: SecretString) {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(account.to_owned(), secret);
    }

    /// Forgets a password and keeps why.
    fn refuse(&self, account: &str, reply: &str) {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).remove(account);
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).insert(account.to_owned(), reply.to_owned());
    }

    fn take_refusal(&self, account: &str) -> Option<String> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).remove(account)
    }
}

/// The password of a server's user: entered before in this session, or from where the profile says, or asked for now
/// when a person may be asked.
///
/// # Errors
/// [`Class::NeedsPerson`] when only a person has it and none may be asked, [`Class::Configuration`] when the profile
/// names no source, [`Class::Cancelled`].
pub async fn password(support: &Support, server: &ServerConfig) -> Result<SecretString, Failure> {
    let account = account(server);
    if let Some(secret) = support.secrets().get(&account) {
        return Ok(secret);
    }
    let refused = support.secrets().take_refusal(&account);
    // What was just refused is not tried again when somebody can say better.
    if refused.is_none() || !support.interactive() {
        match fetch(support, server, &account).await? {
            Ok(secret) => return Ok(secret),
            Err(error) if !support.interactive() => {
                let user = server.user.as_deref().unwrap_or_default();
                let what = format!("needs the password of {user}: {error}");
                return Err(Failure::new(Class::NeedsPerson, Stage::Login, server.host.clone(), what));
            }
            Err(_) => {}
        }
    }
    let user = server.user.clone().unwrap_or_default();
    let secret = support.ask(Question::Password { user, host: server.host.clone(), refused }).await?;
    support.secrets().put(&account, secret.clone());
    Ok(secret)
}

/// Gets it from where the profile says, on a thread that may wait.
async fn fetch(
    support: &Support,
    server: &ServerConfig,
    account: &str,
) -> Result<Result<SecretString, SecretError>, Failure> {
    let Some(source) = server.password.clone() else {
        return Err(Failure::new(Class::Configuration, Stage::Login, account, "the profile names no password"));
    };
    let (user, host) = (server.user.clone().unwrap_or_default(), server.host.clone());
    let fetch = tokio::task::spawn_blocking(move || secret::fetch(&source, &user, &host));
    tokio::select! {
        biased;
        () = support.cancel().cancelled() => Err(Failure::cancelled(Stage::Login, account)),
        fetched = fetch => Ok(fetched.unwrap_or_else(|gone| Err(SecretError::Unavailable(gone.to_string())))),
    }
}

/// The server refused the password: the next try asks again, with the server's words.
pub fn refused(support: &Support, server: &ServerConfig, reply: &str) {
    support.secrets().refuse(&account(server), reply);
}

fn account(server: &ServerConfig) -> String {
    format!("{}@{}:{}", server.user.as_deref().unwrap_or_default(), server.host, server.port)
}
