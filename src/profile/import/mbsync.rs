//! mbsync: sections of keys and values, each begun by its kind and name. Only accounts are taken over: a Maildir that
//! mbsync keeps in step with a server is its own, and mail put into it from here would come back to the server.

use std::collections::BTreeMap;

use super::{ENCRYPTED, Found, password, words};
use crate::profile::model::{After, Security};
use crate::profile::save::{NewIncoming, NewIncomingKind, NewServer, NewTransport};

const SECTIONS: [&str; 6] = ["imapaccount", "imapstore", "maildirstore", "channel", "group", "globals"];

pub(super) fn transports(text: &str) -> Vec<Found> {
    let mut sections: Vec<(String, BTreeMap<String, String>)> = Vec::new();
    for line in text.lines() {
        let words = words(line);
        let Some((key, values)) = words.split_first() else { continue };
        let key = key.to_ascii_lowercase();
        let value = values.join(" ");
        if SECTIONS.contains(&key.as_str()) {
            sections.push((value.clone(), [(key, value)].into()));
        } else if let Some((_, settings)) = sections.last_mut() {
            settings.insert(key, value);
        }
    }
    // A store may have the server's keys itself.
    let has_server = |settings: &BTreeMap<String, String>| settings.contains_key("host");
    sections.iter().filter(|(_, settings)| has_server(settings)).filter_map(|(name, it)| found(name, it)).collect()
}

fn found(name: &str, settings: &BTreeMap<String, String>) -> Option<Found> {
    let value = |key: &str| settings.get(key).map(String::as_str);
    // The older scheme: a URL in the place of a host.
    let host = value("host")?;
    let (is_url_tls, host) = match host.split_once(':') {
        Some((scheme, host)) => (scheme.eq_ignore_ascii_case("imaps"), host.trim_start_matches('/')),
        None => (false, host),
    };
    let port: Option<u16> = value("port").and_then(|port| port.parse().ok());
    let mut notes = Vec::new();
    let kind = value("tlstype").or(value("ssltype")).map(str::to_ascii_lowercase);
    let security = match kind.as_deref() {
        Some("imaps") => Security::Tls,
        Some("none") => {
            notes.push(ENCRYPTED);
            Security::StartTls
        }
        None if is_url_tls || port == Some(993) => Security::Tls,
        _ => Security::StartTls,
    };
    // A plus in front of the command allows it to ask something.
    let command = value("passcmd").map(|command| command.trim_start_matches('+').trim_matches('"').to_owned());
    Some(Found {
        transport: NewTransport {
            name: name.to_owned(),
            identity: String::new(),
            user: value("user").unwrap_or_default().to_owned(),
            password: password(command, value("pass").is_some(), &mut notes),
            outgoing: None,
            incoming: Some(NewIncoming {
                kind: NewIncomingKind::Imap(vec!["INBOX".to_owned()]),
                server: NewServer { host: host.to_owned(), port, security },
                after: After::Keep,
                deliver: None,
            }),
        },
        notes,
    })
}
