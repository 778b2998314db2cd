//! In the place of the keyring where the program was built without one.

use secrecy::SecretString;

use super::SecretError;

pub(super) fn fetch(_account: &str, _may_prompt: bool) -> Result<SecretString, SecretError> {
    Err(none())
}

pub(super) fn store(_account: &str, _secret: &SecretString, _may_prompt: bool) -> Result<(), SecretError> {
    Err(none())
}

fn none() -> SecretError {
    SecretError::NoKeyring("this program was built without the feature “keyring”".to_owned())
}
