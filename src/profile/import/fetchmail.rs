//! fetchmail: words in any number of lines; `poll` begins a server, `user` an account on it. What stands between `poll`
//! and the first `user` holds for all of that server.

use super::{ENCRYPTED, Found, KEPT, password, words};
use crate::profile::model::{After, Security};
use crate::profile::save::{NewIncoming, NewIncomingKind, NewServer, NewTransport};

/// A server, or an account on it.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of fetchmail's")]
struct Account {
    server: String,
    via: Option<String>,
    is_pop3: bool,
    port: Option<u16>,
    user: Option<String>,
    has_password: bool,
    tls: bool,
    keeps: bool,
    folders: Vec<String>,
}

pub(super) fn transports(text: &str) -> Vec<Found> {
    let all: Vec<String> =
        text.lines().flat_map(words).map(|word| without_marks(&word)).filter(|word| !word.is_empty()).collect();
    let mut all = all.into_iter();
    let (mut defaults, mut server, mut accounts) = (Account::default(), Account::default(), Vec::<Account>::new());
    while let Some(word) = all.next() {
        match word.to_ascii_lowercase().as_str() {
            "poll" | "skip" | "server" => {
                // What stands before the first of them, behind `defaults`, holds for all.
                if server.server.is_empty() {
                    defaults = server;
                }
                server = Account { server: all.next().unwrap_or_default(), ..defaults.clone() };
            }
            "user" | "username" => accounts.push(Account { user: all.next(), ..server.clone() }),
            // Global: nothing of it has a place in a profile.
            "set" => drop(all.next()),
            key => match accounts.last_mut() {
                Some(account) if account.server == server.server => account.take(key, &mut all),
                _ => server.take(key, &mut all),
            },
        }
    }
    accounts.iter().filter_map(|account| account.found(accounts.iter())).collect()
}

/// Commas, semicolons and colons at the end of a word are noise.
fn without_marks(word: &str) -> String {
    word.trim_end_matches([',', ';', ':']).to_owned()
}

impl Account {
    fn take(&mut self, key: &str, rest: &mut impl Iterator<Item = String>) {
        match key {
            "via" => self.via = rest.next(),
            "proto" | "protocol" => {
                self.is_pop3 = rest.next().is_some_and(|name| name.to_ascii_lowercase().starts_with("pop"));
            }
            "port" | "service" => self.port = rest.next().and_then(|port| port.parse().ok()),
            "pass" | "password" => self.has_password = rest.next().is_some(),
            "ssl" => self.tls = true,
            "keep" => self.keeps = true,
            "nokeep" => self.keeps = false,
            "folder" | "mailbox" => self.folders.extend(rest.next()),
            // With values that could be taken for keys.
            "is" | "to" | "mda" | "smtphost" | "sslproto" | "sslcertpath" | "interval" | "auth" => drop(rest.next()),
            _ => {}
        }
    }

    fn found<'a>(&self, all: impl Iterator<Item = &'a Self>) -> Option<Found> {
        let user = self.user.clone().filter(|user| !user.is_empty())?;
        let mut notes = Vec::new();
        let password = password(None, self.has_password, &mut notes);
        if !self.keeps {
            notes.push(KEPT);
        }
        if !self.tls {
            notes.push(ENCRYPTED);
        }
        let security = if self.tls { Security::Tls } else { Security::StartTls };
        let host = self.via.clone().unwrap_or_else(|| self.server.clone());
        let folders = if self.folders.is_empty() { vec!["INBOX".to_owned()] } else { self.folders.clone() };
        let is_alone = all.filter(|other| other.server == self.server).count() == 1;
        Some(Found {
            transport: NewTransport {
                name: if is_alone { self.server.clone() } else { format!("{user} at {}", self.server) },
                identity: String::new(),
                user,
                password,
                outgoing: None,
                incoming: Some(NewIncoming {
                    kind: if self.is_pop3 { NewIncomingKind::Pop3 } else { NewIncomingKind::Imap(folders) },
                    server: NewServer { host, port: self.port, security },
                    after: After::Keep,
                    deliver: None,
                }),
            },
            notes,
        })
    }
}
