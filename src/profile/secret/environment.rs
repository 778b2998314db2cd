//! A secret from the environment. The variable is for us alone: programs that we start go without it.
//!
//! The environment belongs to the process, and so does the list of the variables in it that hold secrets. (Nothing can be
//! taken out of it while there are threads, which may read it.)

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::{PoisonError, RwLock};

use secrecy::SecretString;

use super::SecretError;
use crate::profile::model::{Profile, SecretSource, TransportConfig};

static HOLD_SECRETS: RwLock<BTreeSet<String>> = RwLock::new(BTreeSet::new());

pub(super) fn fetch(name: &str) -> Result<SecretString, SecretError> {
    let place = || format!("the environment variable {name}");
    let value =
        std::env::var_os(name).filter(|value| !value.is_empty()).ok_or_else(|| SecretError::Missing(place()))?;
    value.into_string().map(SecretString::from).map_err(|_not_shown| SecretError::NotText(place()))
}

/// From now on no program gets the variables in which this profile has its passwords.
pub fn withhold_from_programs(profile: &Profile) {
    let of_servers = profile
        .transports
        .iter()
        .flat_map(TransportConfig::servers)
        .filter_map(|server| server.credential.as_ref()?.source());
    let of_the_port = profile.submission.iter().map(|port| &port.password);
    let names = of_servers.chain(of_the_port).filter_map(|source| match source {
        SecretSource::Env(name) => Some(name.clone()),
        _ => None,
    });
    HOLD_SECRETS.write().unwrap_or_else(PoisonError::into_inner).extend(names);
}

/// Takes them from a program that is about to be started.
pub fn withhold(program: &mut Command) {
    for name in HOLD_SECRETS.read().unwrap_or_else(PoisonError::into_inner).iter() {
        program.env_remove(name);
    }
}

/// Takes the display from a program that is about to be started and is to show nothing.
pub fn withhold_display(program: &mut Command) {
    program.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
}
