//! msmtp: lines of a key and a value; `defaults` and accounts, which may begin with what other accounts say.

use std::collections::BTreeMap;

use super::{Found, password};
use crate::profile::model::Security;
use crate::profile::save::{NewServer, NewTransport};

/// What is said of one account, or of all (`defaults`).
type Settings = BTreeMap<String, String>;

pub(super) fn transports(text: &str) -> Vec<Found> {
    let mut defaults = Settings::new();
    let mut accounts: Vec<(String, Settings)> = Vec::new();
    for line in text.lines() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let value = value.trim();
        let value = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
        match key {
            "defaults" => accounts.push((String::new(), defaults.clone())),
            "account" => {
                let (name, settings) = begin(value, &accounts, &defaults);
                accounts.push((name, settings));
            }
            _ => {
                // A key alone switches on.
                let value = if value.is_empty() { "on" } else { value };
                if let Some((name, settings)) = accounts.last_mut() {
                    settings.insert(key.to_owned(), value.to_owned());
                    if name.is_empty() {
                        defaults.clone_from(settings);
                    }
                }
            }
        }
    }
    // One without a name is `defaults`; one that only says which account is the default one has the same host again.
    let real = accounts.iter().enumerate().filter(|(at, (name, settings))| {
        let again = |other: &(String, Settings)| name == "default" && other.1 == *settings;
        !name.is_empty() && !accounts.iter().take(*at).any(again)
    });
    real.filter_map(|(_, (name, settings))| found(name, settings)).collect()
}

/// `account NAME : OTHER, OTHER`: the name, and what it begins with.
fn begin(value: &str, accounts: &[(String, Settings)], defaults: &Settings) -> (String, Settings) {
    let (name, others) = value.split_once(':').unwrap_or((value, ""));
    let mut settings = defaults.clone();
    for other in others.split(',').map(str::trim) {
        let known = accounts.iter().find(|(name, _)| name == other && !name.is_empty());
        settings.extend(known.map(|(_, settings)| settings.clone()).unwrap_or_default());
    }
    (name.trim().to_owned(), settings)
}

fn found(name: &str, settings: &Settings) -> Option<Found> {
    let value = |key: &str| settings.get(key).map(String::as_str);
    let is_on = |key: &str, default: bool| value(key).map_or(default, |value| value != "off");
    let security = match (is_on("tls", false), is_on("tls_starttls", true)) {
        (false, _) => Security::None,
        (true, true) => Security::StartTls,
        (true, false) => Security::Tls,
    };
    // msmtp's own port, which is not ours.
    let port = value("port").and_then(|port| port.parse().ok()).unwrap_or(match security {
        Security::Tls => 465,
        Security::StartTls | Security::None => 25,
    });
    let mut notes = Vec::new();
    let user = if is_on("auth", false) { value("user").unwrap_or_default() } else { "" };
    let command = value("passwordeval").map(ToOwned::to_owned);
    Some(Found {
        transport: NewTransport {
            name: name.to_owned(),
            identity: value("from").unwrap_or_default().to_owned(),
            user: user.to_owned(),
            password: password(command, value("password").is_some(), &mut notes),
            outgoing: Some(NewServer { host: value("host")?.to_owned(), port: Some(port), security }),
            incoming: None,
        },
        notes,
    })
}
