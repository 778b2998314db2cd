//! getmail: one account in a file of sections with `key = value`; several values stand in parentheses, as in Python.

use std::collections::BTreeMap;

use super::{ENCRYPTED, Found, KEPT, password, quoted};
use crate::profile::model::{After, Security};
use crate::profile::save::{NewIncoming, NewIncomingKind, NewServer, NewTransport};

pub(super) fn transports(text: &str) -> Vec<Found> {
    found(&settings(text)).into_iter().collect()
}

/// Values by section and key. A line that begins with a space goes on with the one before.
fn settings(text: &str) -> BTreeMap<(String, String), String> {
    let mut settings = BTreeMap::new();
    let (mut section, mut last) = (String::new(), None);
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with(['#', ';'])) {
        if let Some(name) = line.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.trim().to_ascii_lowercase();
            last = None;
        } else if line.starts_with(char::is_whitespace) {
            if let Some(value) = last.as_ref().and_then(|key| settings.get_mut(key)) {
                *value = format!("{value} {}", line.trim());
            }
        } else if let Some((key, value)) = line.split_once(['=', ':']) {
            let key = (section.clone(), key.trim().to_ascii_lowercase());
            settings.insert(key.clone(), value.trim().to_owned());
            last = Some(key);
        }
    }
    settings
}

/// The strings of `("one", "two")`; of anything else the value itself.
fn list(value: &str) -> Vec<String> {
    let Some(inside) = value.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) else {
        return vec![value.to_owned()];
    };
    let mut all = Vec::new();
    let mut letters = inside.chars();
    while let Some(letter) = letters.next() {
        if matches!(letter, '"' | '\'') {
            all.push(quoted(&mut letters, letter));
        }
    }
    all
}

/// A word of a shell command.
fn shell_word(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./@%+=:,".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

fn found(settings: &BTreeMap<(String, String), String>) -> Option<Found> {
    let value = |section: &str, key: &str| settings.get(&(section.to_owned(), key.to_owned())).map(String::as_str);
    let retriever = |key| value("retriever", key);
    let kind = retriever("type")?.to_ascii_lowercase();
    let host = retriever("server")?.to_owned();
    let mut notes = Vec::new();
    let security = if kind.contains("ssl") {
        Security::Tls
    } else {
        notes.push(ENCRYPTED);
        Security::StartTls
    };
    if value("options", "delete")
        .is_some_and(|value| ["true", "yes", "1", "on"].contains(&value.to_ascii_lowercase().as_str()))
    {
        notes.push(KEPT);
    }
    let command = retriever("password_command").map(|value| {
        let words: Vec<String> = list(value).iter().map(|word| shell_word(word)).collect();
        words.join(" ")
    });
    let folders = retriever("mailboxes").map(list).filter(|folders| !folders.is_empty());
    let folders = folders.unwrap_or_else(|| vec!["INBOX".to_owned()]);
    let is_maildir = value("destination", "type").is_some_and(|kind| kind.eq_ignore_ascii_case("maildir"));
    let deliver = value("destination", "path").filter(|_| is_maildir).map(ToOwned::to_owned);
    Some(Found {
        transport: NewTransport {
            name: host.clone(),
            identity: String::new(),
            user: retriever("username").unwrap_or_default().to_owned(),
            password: password(command, retriever("password").is_some(), &mut notes),
            outgoing: None,
            incoming: Some(NewIncoming {
                kind: if kind.contains("imap") { NewIncomingKind::Imap(folders) } else { NewIncomingKind::Pop3 },
                server: NewServer { host, port: retriever("port").and_then(|port| port.parse().ok()), security },
                after: After::Keep,
                deliver,
            }),
        },
        notes,
    })
}
