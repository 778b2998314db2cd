//! What is in a folder: all of it, or, where all of it was received before, what has come since.
//!
//! To name every message of a large folder takes its time on a slow line, at every flush. So it is remembered up to which
//! UID everything in the folder is on record here, and how many messages these are. UIDs only ascend (RFC 9051 section
//! 2.3.1.1): what comes later has higher ones, and while the numbers agree nothing has gone either. If they don't, all of
//! it is listed. The mod-sequences of CONDSTORE (RFC 7162) could say no more than that: they move with every flag as well,
//! and flags are taken once, with their message.

use std::num::NonZeroU32;

use imap_types::command::CommandBody;
use imap_types::mailbox::Mailbox;
use serde::{Deserialize, Serialize};

use super::client::Client;
use super::response::Event;
use super::{numbers, uids};
use crate::mapi::{Class, Failure, Stage};
use crate::profile::{After, ServerConfig};
use crate::transport::{Receipts, Support};

/// A folder of fewer messages is listed whole each time: that takes no more than a round trip, and a mark that no longer
/// holds takes one more.
const WORTH_A_MARK: usize = 500;

/// Where a folder is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// On which server, and whose.
    pub server: &'a ServerConfig,
    /// What the profile calls it.
    pub name: &'a str,
}

/// A selected folder and what is in it.
#[derive(Debug)]
pub(super) struct Folder {
    /// What the record calls it.
    pub mailbox: String,
    /// Every message there is, ascending.
    pub uids: Vec<NonZeroU32>,
    /// Those received before, ascending; some may be gone from the folder.
    pub known: Vec<NonZeroU32>,
    validity: u32,
    mark: Option<Mark>,
}

/// Up to where everything in a folder is on record here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    /// The folder's UIDVALIDITY.
    validity: u32,
    /// UIDs below this one.
    below: NonZeroU32,
    /// So many messages have them.
    messages: usize,
}

/// A selected folder, while the list of what is in it is in the air.
#[derive(Debug)]
struct Opened {
    validity: u32,
    /// Messages in it, if the server says so.
    exists: Option<usize>,
}

impl Place<'_> {
    /// What the record calls it. UIDs mean something together with this number only.
    fn mailbox(&self, validity: u32) -> String {
        format!("{};{validity}", self.topic())
    }

    fn topic(&self) -> String {
        let user = self.server.user.as_deref().unwrap_or_default();
        format!("imap:{user}@{}/{}", self.server.host, self.name)
    }

    /// How many messages are in it.
    ///
    /// # Errors
    /// It can't be opened.
    pub(super) async fn count(&self, client: &mut Client<'_>) -> Result<usize, Failure> {
        Ok(self.open(client, After::Keep, None).await?.0.exists.unwrap_or_default())
    }

    /// Opens it, for reading only if nothing is to be deleted, and finds out what is in it and what of that is known.
    ///
    /// # Errors
    /// It can't be opened or listed, or the record can't be read.
    pub(super) async fn list(
        &self,
        client: &mut Client<'_>,
        support: &Support,
        receipts: &Receipts,
        after: After,
    ) -> Result<Folder, Failure> {
        let mark: Option<Mark> = if after == After::Keep { support.recall(&self.topic()).await? } else { None };
        let command = mark.map_or_else(|| ALL.to_owned(), |mark| format!("UID SEARCH UID {}:*", mark.below));
        let (mut opened, search) = self.open(client, after, Some(&command)).await?;
        let mailbox = self.mailbox(opened.validity);
        // While the list is on its way there is time to look up what is known of it.
        let (known, found) = tokio::join!(receipts.known(&mailbox), found(client, &search, &mut opened.exists));
        let (known, found) = (numbers(known?), found?);
        let uids = match mark.map(|mark| mark.all(&opened, &known, &found)) {
            None => found,
            Some(Some(uids)) => uids,
            Some(None) => {
                let search = client.send(ALL);
                self::found(client, &search, &mut opened.exists).await?
            }
        };
        Ok(Folder { mailbox, uids, known, validity: opened.validity, mark })
    }

    /// All that is in the folder is on record here: only what comes later need be listed the next time.
    pub(super) fn all_received(&self, folder: &Folder, support: &Support) {
        let (validity, messages) = (folder.validity, folder.uids.len());
        let below = folder.uids.last().map_or(NonZeroU32::MIN, |last| last.saturating_add(1));
        let mark = (messages >= WORTH_A_MARK).then_some(Mark { validity, below, messages });
        if mark != folder.mark {
            support.remember(&self.topic(), mark.as_ref(), None);
        }
    }

    /// Opens it, and puts the command that lists it into the air behind that. Gives that command's tag as well.
    async fn open(
        &self,
        client: &mut Client<'_>,
        after: After,
        search: Option<&str>,
    ) -> Result<(Opened, String), Failure> {
        let name = self.name;
        let mailbox = Mailbox::try_from(uids::encode_name(name))
            .map_err(|error| client.failure(Class::Configuration, Stage::List, format!("{name}: {error}")))?;
        let body = match after {
            After::Keep => CommandBody::Examine { mailbox },
            After::Delete => CommandBody::Select { mailbox },
        };
        let open = client.send_body(body, Stage::List).await?;
        let search = search.map(|search| client.send(search));
        let (mut validity, mut exists) = (None, None);
        let opened = client.finish(&open, Stage::List, |event| match event {
            Event::UidValidity(number) => validity = Some(number),
            Event::Exists(messages) => exists = Some(messages),
            _ => {}
        });
        if let Err(failure) = opened.await {
            if failure.class == Class::Configuration
                && let Some(search) = &search
            {
                // Refused as well, for want of a folder.
                client.finish(search, Stage::List, |_| {}).await.ok();
            }
            // A password that was refused, with the same wait, is not about the folder.
            let named = if failure.stage == Stage::List { self.about(failure) } else { failure };
            return Err(named);
        }
        let Some(validity) = validity else {
            let what = format!("folder {name} has no lasting message numbers (UIDVALIDITY)");
            return Err(client.failure(Class::Protocol, Stage::List, what));
        };
        Ok((Opened { validity, exists }, search.unwrap_or_default()))
    }

    /// The failure, and which folder it is about.
    fn about(&self, failure: Failure) -> Failure {
        let what = if failure.what.is_empty() { String::new() } else { format!(": {}", failure.what) };
        Failure { what: format!("folder {}{what}", self.name), ..failure }
    }
}

const ALL: &str = "UID SEARCH ALL";

impl Mark {
    /// All that is in the folder, by what was found from the mark on; `None` when the mark no longer holds: other messages
    /// have these numbers now, or some of them are gone, there or from the record.
    fn all(self, opened: &Opened, known: &[NonZeroU32], found: &[NonZeroU32]) -> Option<Vec<NonZeroU32>> {
        // `n:*` finds the last message also when its number is lower (RFC 9051 section 9).
        let new: Vec<NonZeroU32> = found.iter().copied().filter(|&uid| uid >= self.below).collect();
        let before = known.get(..known.partition_point(|&uid| uid < self.below))?;
        let holds = opened.validity == self.validity
            && before.len() == self.messages
            && opened.exists? == self.messages + new.len();
        holds.then(|| [before, &new].concat())
    }
}

/// What a search found, ascending. `search`: its tag; `exists`: how many there are, should that change meanwhile.
async fn found(client: &mut Client<'_>, search: &str, exists: &mut Option<usize>) -> Result<Vec<NonZeroU32>, Failure> {
    let mut uids = Vec::new();
    let found = client.finish(search, Stage::List, |event| match event {
        Event::Found(found) => uids.extend(found),
        Event::Exists(messages) => *exists = Some(messages),
        _ => {}
    });
    found.await?;
    uids.sort_unstable();
    uids.dedup();
    Ok(uids)
}
