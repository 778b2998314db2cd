//! `kind = "imap"`: fetches from an IMAP server (RFC 9051, RFC 3501) what was not fetched before, known by its UID.
//!
//! Signing in, opening a folder and listing it (UID SEARCH) go out together. What is not known is fetched by wide UID FETCH
//! ranges, several commands in the air, and each message goes straight from the line to where it is delivered. Fetching
//! leaves no trace on the server (EXAMINE, BODY.PEEK). UIDs mean something only together with the folder's UIDVALIDITY
//! (RFC 9051 section 2.3.1.1), so that is part of the name under which they are recorded: when it changes, everything is
//! new.
//!
//! With `after = "delete"`, messages are deleted once they are on disk and recorded here: by UID EXPUNGE, or, where the
//! server lacks it (RFC 4315), by EXPUNGE, provided that nobody else has marked a message there for deletion.

mod client;
mod fetch;
#[cfg(fuzzing)]
pub mod fuzz;
mod listing;
mod response;
#[cfg(test)]
mod tests;
mod uids;
mod watch;
mod wire;

use std::num::NonZeroU32;

use client::Client;
use listing::{Folder, Place};
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

    fn place<'a>(&'a self, name: &'a str) -> Place<'a> {
        Place { server: &self.server, name }
    }

    /// Receives what is new in one folder. Gives whether to go on: not when the FLUSH bit was cleared meanwhile.
    async fn drain(&self, client: &mut Client<'_>, inbox: &Inbox<'_>, name: &str) -> Result<bool, Failure> {
        let (support, receipts) = (inbox.support, inbox.receipts);
        support.stage(Stage::List);
        let place = self.place(name);
        let folder = place.list(client, support, receipts, self.after).await?;
        let known = &folder.known;
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
        match self.after {
            After::Keep if safe.len() == folder.uids.len() => place.all_received(&folder, support),
            After::Delete if !safe.is_empty() => {
                support.stage(Stage::Delete);
                safe.sort_unstable();
                if delete(client, &folder, &safe, support).await? {
                    gone.extend(safe);
                }
            }
            _ => {}
        }
        if !gone.is_empty() {
            receipts.forget(&folder.mailbox, gone.iter().map(ToString::to_string).collect());
        }
        Ok(!support.ending().is_cancelled())
    }
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
                messages += self.place(name).count(&mut client).await?;
            }
            let found = format!("signed in at {}, {messages} messages are there", client.at());
            client.close().await;
            Ok(found)
        })
    }
}
