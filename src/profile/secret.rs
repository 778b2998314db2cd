//! Passwords and tokens from where the profile says they are: the desktop's keyring, a command, the environment.
//!
//! Everything here may wait for a program or for a person, so it blocks, with a deadline, and is called on threads that
//! may block. A secret is in no error and in no `Debug` output; nor is anything that a secret's place said, but for the
//! last line of a command's standard error, which is where commands tell their troubles.

mod command;
mod environment;
#[cfg(feature = "keyring")]
mod keyring;
#[cfg(not(feature = "keyring"))]
#[path = "secret/no_keyring.rs"]
mod keyring;

use secrecy::SecretString;

pub use environment::{withhold, withhold_display, withhold_from_programs};

use super::model::SecretSource;

/// Why there is no secret. Told apart by kind: some of these a person can help with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The profile says to ask a person.
    #[error("a password is needed")]
    NeedsAsking,
    /// Its place is there and has none.
    #[error("there is no password in {0}")]
    Missing(String),
    /// The keyring is locked, and was not unlocked.
    #[error("the keyring is locked")]
    Locked,
    /// There is nothing in the keyring that could be replaced, and nothing may be shown.
    #[error("the keyring may ask before it takes something new, and nobody may be asked now")]
    MayAsk,
    /// There is no keyring, or it does not work.
    #[error("there is no keyring: {0}")]
    NoKeyring(String),
    /// Its place did not answer in time.
    #[error("{place} did not answer within {seconds} seconds")]
    TimedOut {
        /// "the keyring", "the password command".
        place: &'static str,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The password command failed, or could not be started.
    #[error("the password command failed: {0}")]
    Command(String),
    /// What its place has is no UTF-8 text.
    #[error("the password in {0} is no text")]
    NotText(String),
}

impl SecretError {
    /// Whether a person who enters the password makes good for it.
    pub const fn can_be_asked(&self) -> bool {
        match self {
            Self::NeedsAsking
            | Self::Missing(_)
            | Self::Locked
            | Self::MayAsk
            | Self::NoKeyring(_)
            | Self::TimedOut { .. } => true,
            Self::Command(_) | Self::NotText(_) => false,
        }
    }
}

/// Fetches the secret of `user` at `host`. Blocks, at most for about two minutes. `may_show_ui`: the keyring may ask to be
/// unlocked; without, it shows nothing, and a command has no display to show anything on.
///
/// # Errors
/// Why there is none.
pub fn fetch(source: &SecretSource, user: &str, host: &str, may_show_ui: bool) -> Result<SecretString, SecretError> {
    match source {
        SecretSource::Keyring => keyring::fetch(&account(user, host), may_show_ui),
        SecretSource::Command(line) => command::fetch(line, command::PATIENCE, may_show_ui),
        SecretSource::Env(name) => environment::fetch(name),
        SecretSource::Ask => Err(SecretError::NeedsAsking),
    }
}

/// Fetches the refresh token of a consent ([`super::OAuth::account`]) from the keyring. Blocks as [`fetch`] does.
///
/// # Errors
/// Why there is none.
pub fn fetch_grant(consent: &str, may_show_ui: bool) -> Result<SecretString, SecretError> {
    keyring::fetch(consent, may_show_ui)
}

/// Puts a refresh token into the keyring, in the place of the one that [`fetch_grant`] gives. Blocks; shows nothing unless
/// it may, so that where there was none it stays out.
///
/// # Errors
/// The keyring did not take it.
pub fn store_grant(consent: &str, token: &SecretString, may_show_ui: bool) -> Result<(), SecretError> {
    keyring::store(consent, token, may_show_ui)
}

/// What the keyring and the session know an account by: one password serves sending and receiving at one host.
pub fn account(user: &str, host: &str) -> String {
    format!("{user}@{host}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

    #[test]
    fn the_environment() {
        let path = fetch(&SecretSource::Env("PATH".into()), "u", "h", false).unwrap();
        assert_eq!(path.expose_secret(), std::env::var("PATH").unwrap());
        let error = fetch(&SecretSource::Env("MAILSLUICE_NO_SUCH_VARIABLE".into()), "u", "h", false).unwrap_err();
        assert_eq!(error, SecretError::Missing("the environment variable MAILSLUICE_NO_SUCH_VARIABLE".into()));
        assert!(error.can_be_asked());
    }

    #[test]
    fn asking_is_for_others() {
        assert_eq!(fetch(&SecretSource::Ask, "u", "h", true).unwrap_err(), SecretError::NeedsAsking);
    }

    #[test]
    fn debug_output_has_no_secret_in_it() {
        let secret = fetch(&SecretSource::Command("echo hunter2".into()), "u", "h", false).unwrap();
        assert!(!format!("{secret:?}").contains("hunter2"));
    }
}
