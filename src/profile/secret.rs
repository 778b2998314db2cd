//! Fetching passwords from where the profile says they are. Everything here blocks, some of it on other programs, so
//! each way has a deadline; call it on a thread that may wait.

use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use secrecy::SecretString;

use super::SecretSource;

/// The service under which the desktop's keyring has our passwords.
#[cfg(feature = "keyring")]
const SERVICE: &str = "mailsluice";

/// A keyring that asks the user to unlock it may take so long.
#[cfg(feature = "keyring")]
const KEYRING_DEADLINE: Duration = Duration::from_secs(30);

/// A command may ask for a passphrase.
const COMMAND_DEADLINE: Duration = Duration::from_secs(60);

/// Why there is no secret. Never holds one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The profile says to ask.
    #[error("it has to be asked for")]
    Ask,
    /// The place is there and has no such secret.
    #[error("{0} has no password of this user")]
    Missing(String),
    /// The place is locked, away or too slow.
    #[error("{0}")]
    Unavailable(String),
}

/// Gets the secret of `user` at `host`.
///
/// # Errors
/// Why there is none.
pub fn fetch(source: &SecretSource, user: &str, host: &str) -> Result<SecretString, SecretError> {
    match source {
        SecretSource::Keyring => keyring(user, host),
        SecretSource::Command(command) => first_line_of(command),
        SecretSource::Env(name) => match std::env::var(name) {
            Ok(secret) if !secret.is_empty() => Ok(secret.into()),
            _ => Err(SecretError::Missing(format!("the environment variable {name}"))),
        },
        SecretSource::Ask => Err(SecretError::Ask),
    }
}

/// Does work that may hang on a thread of its own, and waits so long and no longer.
fn within<T: Send + 'static>(
    deadline: Duration,
    what: &str,
    work: impl FnOnce() -> Result<T, SecretError> + Send + 'static,
) -> Result<T, SecretError> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let spawned = thread::Builder::new().name("secret".to_owned()).spawn(move || {
        // Nobody waits any more when it took too long.
        sender.send(work()).ok();
    });
    spawned.map_err(|error| SecretError::Unavailable(error.to_string()))?;
    let late = SecretError::Unavailable(format!("{what} did not answer within {} s", deadline.as_secs()));
    receiver.recv_timeout(deadline).unwrap_or(Err(late))
}

#[cfg(feature = "keyring")]
fn keyring(user: &str, host: &str) -> Result<SecretString, SecretError> {
    let account = format!("{user}@{host}");
    within(KEYRING_DEADLINE, "the keyring", move || {
        let entry = keyring::Entry::new(SERVICE, &account).map_err(unavailable)?;
        match entry.get_password() {
            Ok(secret) => Ok(secret.into()),
            Err(keyring::Error::NoEntry) => Err(SecretError::Missing("the keyring".to_owned())),
            Err(error) => Err(unavailable(error)),
        }
    })
}

/// Puts the secret of `user` at `host` into the desktop's keyring.
///
/// # Errors
/// There is none, or it is locked.
#[cfg(feature = "keyring")]
pub fn store(user: &str, host: &str, secret: String) -> Result<(), SecretError> {
    let account = format!("{user}@{host}");
    within(KEYRING_DEADLINE, "the keyring", move || {
        let entry = keyring::Entry::new(SERVICE, &account).map_err(unavailable)?;
        entry.set_password(&secret).map_err(unavailable)
    })
}

/// What the keyring says, without the bytes that some of its errors carry.
#[cfg(feature = "keyring")]
fn unavailable(error: keyring::Error) -> SecretError {
    use keyring::Error as E;
    let what = match error {
        E::NoDefaultStore => "this desktop has no keyring".to_owned(),
        E::NoStorageAccess(_) => "the keyring is locked".to_owned(),
        E::PlatformFailure(error) => format!("the keyring failed: {error}"),
        E::BadEncoding(_) | E::BadDataFormat(..) => "the keyring's entry is no text".to_owned(),
        _ => "the keyring can't be used".to_owned(),
    };
    SecretError::Unavailable(what)
}

#[cfg(not(feature = "keyring"))]
fn keyring(_user: &str, _host: &str) -> Result<SecretString, SecretError> {
    Err(SecretError::Unavailable("this build has no keyring".to_owned()))
}

/// The first line that a shell command prints.
fn first_line_of(command: &str) -> Result<SecretString, SecretError> {
    let line = command.to_owned();
    within(COMMAND_DEADLINE, "the password command", move || {
        let failed = |what: String| SecretError::Unavailable(format!("the password command failed: {what}"));
        let output = Command::new("sh")
            .args(["-c", &line])
            .stdin(Stdio::null())
            .output()
            .map_err(|error| failed(error.to_string()))?;
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr);
            let last = words.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
            let last: String = last.chars().filter(|letter| !letter.is_control()).take(200).collect();
            return Err(failed(format!("{}: {last}", output.status)));
        }
        let text = String::from_utf8(output.stdout).map_err(|_not_text| failed("it printed no text".to_owned()))?;
        match text.lines().next() {
            Some(secret) if !secret.is_empty() => Ok(secret.to_owned().into()),
            _ => Err(SecretError::Missing("the password command".to_owned())),
        }
    })
}
