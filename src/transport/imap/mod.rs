//! `kind = "imap"`: fetches from an IMAP server (RFC 9051, RFC 3501) what was not fetched before, known by its UID.
//!
//! Signing in, opening a folder and listing it (UID SEARCH) go out together. What is not known is fetched by wide UID FETCH
//! ranges, several commands in the air, and each message goes straight from the line to where it is delivered. Fetching
//! leaves no trace on the server (EXAMINE, BODY.PEEK). UIDs mean something only together with the folder's UIDVALIDITY (RFC 9051 section 2.3.1.1), so that is part
//! of the name under which they are recorded: when it changes, everything is new.
//!
//! With `after = "delete"`, messages are deleted once they are on disk and recorded here: by UID EXPUNGE, or, where the
//! server lacks it (RFC 4315), by EXPUNGE, provided that nobody else has marked a message there for deletion.

mod client;
mod fetch;
#[cfg(fuzzing)]
pub mod fuzz;
mod response;
#[cfg(test)]
mod tests;
mod uids;
mod watch;
mod wire;

use std::num::NonZeroU32;

use client::Client;
use imap_types::command::CommandBody;
use imap_types::mailbox::Mailbox;
use response::Event;
use tokio::sync::Notify;

use super::deliver::{Delivery, Inbox};
use super::report::Severity;
use super::{BoxFuture, Receipts, Support, Traits, Transport};
use crate::mapi::{Class, Failure, Stage};
use crate::net::connect::address_words;
use crate::profile::{After, DeliverTo, Identity, ServerConfig};

/// The transport.
#[derive(Debug)]
pub struct ImapTransport {
    server: ServerConfig,
    folders: Vec<String>,
    after: After,
    delivery: Delivery,
    watches: bool,
}

/// A selected folder and what is in it.
#[derive(Debug)]
struct Folder {
    /// What the record calls it.
    mailbox: String,
    /// Every message there is, ascending.
    uids: Vec<NonZeroU32>,
}

/// A selected folder, while the list of what is in it is in the air.
#[derive(Debug)]
struct Opened {
    /// As [`Folder::mailbox`].
    mailbox: String,
    /// The tag of the command that lists it.
    search: String,
}

impl ImapTransport {
    /// `transport`: its name; `folders`: mailboxes to fetch; `identity`: who receives the mail, for delivery by LMTP.
    pub fn new(
        transport: &str,
        server: ServerConfig,
        folders: Vec<String>,
        after: After,
        deliver: &DeliverTo,
        identity: Option<&Identity>,
    ) -> Self {
        let recipient = identity.map(|identity| identity.address.as_str()).or(server.user.as_deref());
        let delivery = Delivery::new(deliver, transport, recipient);
        Self { server, folders, after, delivery, watches: false }
    }

    /// Watches for new mail between flushes, or not.
    #[must_use]
    pub fn watching(self, watches: bool) -> Self {
        Self { watches, ..self }
    }

    async fn receive(&self, support: &Support, receipts: &Receipts) -> Result<(), Failure> {
        let mut client = Client::open(&self.server, support).await?;
        let inbox = Inbox::new(&self.delivery, support, receipts);
        let mut wrong = None;
        for name in &self.folders {
            match self.drain(&mut client, &inbox, name).await {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                // One folder that isn't there leaves the others alone.
                Err(failure) if failure.class == Class::Configuration && failure.stage == Stage::List => {
                    support.log(Severity::Error, failure.to_string());
                    wrong = wrong.or(Some(failure));
                }
                Err(failure) => return Err(failure),
            }
        }
        support.stage(Stage::Quit);
        client.close().await;
        wrong.map_or(Ok(()), Err)
    }

    /// Receives what is new in one folder. Gives whether to go on: not when the FLUSH bit was cleared meanwhile.
    async fn drain(&self, client: &mut Client<'_>, inbox: &Inbox<'_>, name: &str) -> Result<bool, Failure> {
        let (support, receipts) = (inbox.support, inbox.receipts);
        support.stage(Stage::List);
        let opened = self.open(client, name, self.after).await?;
        // While the list is on its way there is time to look up what is known of it.
        let (known, uids) = tokio::join!(receipts.known(&opened.mailbox), list(client, &opened.search));
        let (known, folder) = (numbers(known?), Folder { mailbox: opened.mailbox, uids: uids? });
        let mut gone: Vec<NonZeroU32> =
            known.iter().filter(|uid| folder.uids.binary_search(uid).is_err()).copied().collect();
        let (mut safe, new): (Vec<NonZeroU32>, Vec<NonZeroU32>) =
            folder.uids.iter().partition(|uid| known.binary_search(uid).is_ok());
        if new.is_empty() {
            receipts.listed(0, 0);
        } else {
            let (fetched, all) = fetch::new(client, inbox, &folder, new).await?;
            if !all {
                // What is safe here is known by its record, and deleted there next time.
                return Ok(false);
            }
            safe.extend(fetched);
        }
        if self.after == After::Delete && !safe.is_empty() {
            support.stage(Stage::Delete);
            safe.sort_unstable();
            if delete(client, &folder, &safe, support).await? {
                gone.extend(safe);
            }
        }
        if !gone.is_empty() {
            receipts.forget(&folder.mailbox, gone.iter().map(ToString::to_string).collect());
        }
        Ok(!support.ending().is_cancelled())
    }

    /// Opens a folder, for reading only if nothing is to be deleted, and finds out what is in it.
    async fn select(&self, client: &mut Client<'_>, name: &str, after: After) -> Result<Folder, Failure> {
        let Opened { mailbox, search } = self.open(client, name, after).await?;
        Ok(Folder { mailbox, uids: list(client, &search).await? })
    }

    /// Opens a folder, and puts the command that lists it into the air behind that.
    async fn open(&self, client: &mut Client<'_>, name: &str, after: After) -> Result<Opened, Failure> {
        let mailbox = Mailbox::try_from(uids::encode_name(name))
            .map_err(|error| client.failure(Class::Configuration, Stage::List, format!("{name}: {error}")))?;
        let body = match after {
            After::Keep => CommandBody::Examine { mailbox },
            After::Delete => CommandBody::Select { mailbox },
        };
        let open = client.send_body(body, Stage::List).await?;
        let search = client.send("UID SEARCH ALL");
        let mut validity = None;
        let opened = client.finish(&open, Stage::List, |event| {
            if let Event::UidValidity(number) = event {
                validity = Some(number);
            }
        });
        if let Err(failure) = opened.await {
            if failure.class == Class::Configuration {
                // Refused as well, for want of a folder.
                client.finish(&search, Stage::List, |_| {}).await.ok();
            }
            // A password that was refused, with the same wait, is not about the folder.
            let named = if failure.stage == Stage::List { about(name, failure) } else { failure };
            return Err(named);
        }
        let Some(validity) = validity else {
            let what = format!("folder {name} has no lasting message numbers (UIDVALIDITY)");
            return Err(client.failure(Class::Protocol, Stage::List, what));
        };
        let user = self.server.user.as_deref().unwrap_or_default();
        Ok(Opened { mailbox: format!("imap:{user}@{}/{name};{validity}", self.server.host), search })
    }
}

/// What is in the folder just opened, ascending. `search`: the tag of the command that asked.
async fn list(client: &mut Client<'_>, search: &str) -> Result<Vec<NonZeroU32>, Failure> {
    let mut uids = Vec::new();
    let found = client.finish(search, Stage::List, |event| {
        if let Event::Found(found) = event {
            uids.extend(found);
        }
    });
    found.await?;
    uids.sort_unstable();
    uids.dedup();
    Ok(uids)
}

/// The failure, and which folder it is about.
fn about(folder: &str, failure: Failure) -> Failure {
    let what = if failure.what.is_empty() { String::new() } else { format!(": {}", failure.what) };
    Failure { what: format!("folder {folder}{what}"), ..failure }
}

/// Deletes messages that are safe here (`safe`: ascending). Gives whether they are gone.
async fn delete(
    client: &mut Client<'_>,
    folder: &Folder,
    safe: &[NonZeroU32],
    support: &Support,
) -> Result<bool, Failure> {
    let stage = Stage::Delete;
    let uidplus = client.has("UIDPLUS").await?;
    let mut others = false;
    if !uidplus {
        let search = client.run("UID SEARCH DELETED", stage, |event| {
            if let Event::Found(found) = event {
                others |= found.iter().any(|uid| safe.binary_search(uid).is_err());
            }
        });
        search.await?;
    }
    for set in uids::sets(&folder.uids, safe) {
        client.run(&format!("UID STORE {} +FLAGS.SILENT (\\Deleted)", set.text), stage, |_| {}).await?;
        if uidplus {
            client.run(&format!("UID EXPUNGE {}", set.text), stage, |_| {}).await?;
        }
    }
    if others {
        let what = "somebody else has marked messages for deletion: ours stay marked until they are expunged there";
        support.log(Severity::Warning, format!("{}: {what}", client.at()));
    } else if !uidplus {
        client.run("EXPUNGE", stage, |_| {}).await?;
    }
    Ok(!others)
}

/// As numbers, ascending.
fn numbers(uids: Vec<String>) -> Vec<NonZeroU32> {
    let mut numbers: Vec<NonZeroU32> = uids.into_iter().filter_map(|uid| uid.parse().ok()).collect();
    numbers.sort_unstable();
    numbers
}

impl Transport for ImapTransport {
    fn traits(&self) -> Traits {
        Traits {
            kind: "imap",
            flushes_itself: true,
            honours_no_ui: true,
            asynchronous: false,
            path: address_words(&self.server),
        }
    }

    fn start<'a>(&'a self, support: &'a Support, receipts: &'a Receipts) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(self.receive(support, receipts))
    }

    fn watches(&self) -> bool {
        self.watches
    }

    fn watch<'a>(
        &'a self,
        support: &'a Support,
        receipts: &'a Receipts,
        again: &'a Notify,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(watch::watch(self, support, receipts, again))
    }

    fn validate_state<'a>(&'a self, support: &'a Support) -> BoxFuture<'a, Result<String, Failure>> {
        Box::pin(async move {
            let mut client = Client::open(&self.server, support).await?;
            let mut messages = 0;
            for name in &self.folders {
                messages += self.select(&mut client, name, After::Keep).await?.uids.len();
            }
            let found = format!("signed in at {}, {messages} messages are there", client.at());
            client.close().await;
            Ok(found)
        })
    }
}
