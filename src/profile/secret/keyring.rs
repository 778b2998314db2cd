//! The desktop's keyring: the Secret Service of freedesktop.org, over D-Bus (GNOME Keyring, KWallet, KeePassXC).
//!
//! We speak to the service itself, because No UI must hold: a locked item is found without unlocking it, and the prompt
//! comes up only when it may. Attributes are those that other programs use too, so `secret-tool store --label=x service
//! mailsluice username ada@smtp.example.org` puts in what we find.
//!
//! A keyring can hang: a service that does not start, a prompt nobody answers. One thread does all errands, one after the
//! other, and those who sent them wait no longer than they have patience. So a keyring that hangs costs one thread, and
//! prompts come one at a time. An errand whose sender has given up is dropped and not begun.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, bounded, unbounded};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};
use secret_service::blocking::{Item, SecretService};
use secret_service::{EncryptionType, Error, SearchItemsResult};

use super::SecretError;

/// Long enough for D-Bus to start the service.
const PATIENCE: Duration = Duration::from_secs(10);
/// Long enough for a person to enter the keyring's password.
const PATIENCE_WITH_A_PERSON: Duration = Duration::from_mins(2);

const PLACE: &str = "the keyring";

type Errand = Box<dyn FnOnce() + Send>;

static ERRANDS: LazyLock<Option<Sender<Errand>>> = LazyLock::new(|| {
    let (sender, receiver) = unbounded::<Errand>();
    let run = move || receiver.iter().for_each(|errand| errand());
    thread::Builder::new().name("keyring".to_owned()).spawn(run).ok().map(|_runs_to_the_end| sender)
});

pub(super) fn fetch(account: &str, may_prompt: bool) -> Result<SecretString, SecretError> {
    let account = account.to_owned();
    let secret = run(patience(may_prompt), move || find(&account, may_prompt))?;
    if secret.is_empty() {
        return Err(SecretError::Missing(PLACE.to_owned()));
    }
    let text = std::str::from_utf8(&secret).map_err(|_not_shown| SecretError::NotText(PLACE.to_owned()))?;
    Ok(text.into())
}

pub(super) fn store(account: &str, secret: &SecretString, may_prompt: bool) -> Result<(), SecretError> {
    let (account, secret) = (account.to_owned(), secret.clone());
    run(patience(may_prompt), move || put(&account, &secret, may_prompt))
}

const fn patience(may_prompt: bool) -> Duration {
    if may_prompt { PATIENCE_WITH_A_PERSON } else { PATIENCE }
}

/// Has an errand done, and waits for it as long as there is patience.
fn run<T: Send + 'static>(
    patience: Duration,
    errand: impl FnOnce() -> Result<T, SecretError> + Send + 'static,
) -> Result<T, SecretError> {
    let (answer, answered) = bounded(1);
    let given_up = Instant::now() + patience;
    let errand = Box::new(move || {
        if Instant::now() < given_up {
            // A sender that has given up meanwhile has dropped its end.
            answer.send(errand()).ok();
        }
    });
    let timed_out = SecretError::TimedOut { place: PLACE, seconds: patience.as_secs() };
    let errands = ERRANDS.as_ref().ok_or_else(|| SecretError::NoKeyring("no thread can be started".to_owned()))?;
    errands.send(errand).map_err(|_thread_is_gone| timed_out.clone())?;
    answered.recv_deadline(given_up).unwrap_or(Err(timed_out))
}

fn attributes(account: &str) -> HashMap<&str, &str> {
    HashMap::from([("service", "mailsluice"), ("username", account)])
}

fn find(account: &str, may_prompt: bool) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    let service = SecretService::connect(EncryptionType::Dh).map_err(trouble)?;
    let found = service.search_items(attributes(account)).map_err(trouble)?;
    let item = usable(&found, may_prompt)?.ok_or_else(|| SecretError::Missing(PLACE.to_owned()))?;
    item.get_secret().map(Zeroizing::new).map_err(trouble)
}

/// Of the items found the one that counts, unlocked.
fn usable<'a, 'b>(
    found: &'b SearchItemsResult<Item<'a>>,
    may_prompt: bool,
) -> Result<Option<&'b Item<'a>>, SecretError> {
    match (found.unlocked.first(), found.locked.first()) {
        (Some(item), _) => Ok(Some(item)),
        (None, Some(item)) if may_prompt => item.unlock().map(|()| Some(item)).map_err(trouble),
        (None, Some(_)) => Err(SecretError::Locked),
        (None, None) => Ok(None),
    }
}

/// In the place of the one that would be found: a second one, in whatever collection is for new ones, would leave it to
/// chance which of the two is found.
fn put(account: &str, secret: &SecretString, may_prompt: bool) -> Result<(), SecretError> {
    let service = SecretService::connect(EncryptionType::Dh).map_err(trouble)?;
    let bytes = secret.expose_secret().as_bytes();
    let found = service.search_items(attributes(account)).map_err(trouble)?;
    if let Some(item) = usable(&found, may_prompt)? {
        return item.set_secret(bytes, "text/plain").map_err(trouble);
    }
    if !may_prompt {
        return Err(SecretError::MayAsk);
    }
    let collection = service.get_any_collection().map_err(trouble)?;
    collection.unlock().map_err(trouble)?;
    let label = format!("Mailsluice: {account}");
    collection.create_item(&label, attributes(account), bytes, true, "text/plain").map_err(trouble)?;
    Ok(())
}

fn trouble(error: Error) -> SecretError {
    match error {
        Error::Locked | Error::Prompt | Error::PromptDisconnected => SecretError::Locked,
        other => SecretError::NoKeyring(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyring_that_hangs_is_not_waited_for_and_what_was_given_up_is_not_begun() {
        let (let_go, hang) = bounded::<()>(0);
        let (says_so, whether_begun) = bounded(1);
        let hanging = run(Duration::from_millis(20), move || {
            hang.recv().ok();
            Ok(())
        });
        assert!(matches!(hanging, Err(SecretError::TimedOut { .. })), "{hanging:?}");
        let behind = run(Duration::from_millis(20), move || {
            says_so.send(()).ok();
            Ok(())
        });
        assert!(matches!(behind, Err(SecretError::TimedOut { .. })), "{behind:?}");
        drop(let_go);
        // The line is open again, and the one that was given up was left out: its end is dropped without a word.
        assert_eq!(run(PATIENCE, || Ok(7)), Ok(7));
        assert!(whether_begun.recv().is_err());
    }

    /// Whatever keyring this machine has, none, or one that is locked: it has no such item, and nobody is prompted.
    #[test]
    fn a_password_that_no_keyring_has_is_missing_and_not_waited_for() {
        let error = fetch("mailsluice-test@nowhere.invalid", false).unwrap_err();
        assert!(error.can_be_asked(), "{error}");
    }

    #[test]
    fn troubles_are_told_apart_by_kind() {
        assert_eq!(trouble(Error::Locked), SecretError::Locked);
        assert_eq!(trouble(Error::Prompt), SecretError::Locked);
        assert!(matches!(trouble(Error::Unavailable), SecretError::NoKeyring(_)));
    }
}
