//! `watch = true`: what is new in the folders is counted, and the first folder is watched by IDLE (RFC 2177), which says at
//! once when something comes. Nothing is asked while nothing happens, but for the renewal that the RFC wants.
//!
//! Other folders are counted when the watch begins and after each flush: IDLE is about one folder.

use std::num::NonZeroU32;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::client::{Client, Incoming};
use super::listing::Folder;
use super::response::{Event, Fetched};
use super::{ImapTransport, numbers, uids};
use crate::mapi::{Failure, Stage};
use crate::profile::After;
use crate::transport::report::ReportKind;
use crate::transport::{Receipts, Severity, Support};

/// A server may hang up on whoever is silent for half an hour: IDLE is begun anew before that (RFC 2177 section 3).
const RENEWAL: Duration = Duration::from_mins(29);

/// What waits in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Waiting {
    messages: u64,
    bytes: u64,
}

/// Why IDLE ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Woken {
    /// Something came or went.
    News,
    /// A flush is over.
    Flushed,
    /// It is time.
    Renewal,
}

/// Watches until the line fails or it is cancelled. `Ok`: the server can't be watched.
///
/// # Errors
/// The line or the server failed, or cancelled.
pub(super) async fn watch(
    transport: &ImapTransport,
    support: &Support,
    receipts: &Receipts,
    again: &Notify,
) -> Result<(), Failure> {
    let Some((first, others)) = transport.folders.split_first() else { return Ok(()) };
    let mut client = Client::open(&transport.server, support).await?;
    if !client.has("IDLE").await? {
        let what = "the server can't tell of new mail (no IDLE): it is seen with the next flush";
        support.log(Severity::Warning, format!("{}: {what}", client.at()));
        return Ok(());
    }
    loop {
        let mut elsewhere = Waiting::default();
        for name in others {
            let folder = transport.place(name).list(&mut client, support, receipts, After::Keep).await?;
            elsewhere = elsewhere.and(count(&mut client, receipts, &folder).await?);
        }
        // Last, so that it is the one that is open.
        let mut folder = transport.place(first).list(&mut client, support, receipts, After::Keep).await?;
        loop {
            let Waiting { messages, bytes } = count(&mut client, receipts, &folder).await?.and(elsewhere);
            support.report(ReportKind::Waiting { messages, bytes });
            match idle(&mut client, again).await? {
                Woken::Renewal => {}
                Woken::Flushed if !others.is_empty() => break,
                Woken::News | Woken::Flushed => refresh(&mut client, receipts, &mut folder).await?,
            }
        }
    }
}

impl Waiting {
    const fn and(self, other: Self) -> Self {
        Self { messages: self.messages + other.messages, bytes: self.bytes + other.bytes }
    }
}

/// What of the open folder is not received yet.
async fn count(client: &mut Client<'_>, receipts: &Receipts, folder: &Folder) -> Result<Waiting, Failure> {
    let new = unknown(receipts, folder).await?;
    let mut waiting = Waiting { messages: new.len() as u64, bytes: 0 };
    for set in uids::sets(&folder.uids, &new) {
        let command = format!("UID FETCH {} (UID RFC822.SIZE)", set.text);
        let sizes = client.run(&command, Stage::List, |event| {
            if let Event::Fetched(Fetched { size: Some(size), .. }) = event {
                waiting.bytes += size;
            }
        });
        sizes.await?;
    }
    Ok(waiting)
}

async fn unknown(receipts: &Receipts, folder: &Folder) -> Result<Vec<NonZeroU32>, Failure> {
    let known = numbers(receipts.known(&folder.mailbox).await?);
    Ok(folder.uids.iter().filter(|uid| known.binary_search(uid).is_err()).copied().collect())
}

/// Looks at the open folder once more, from the first message on that is not received yet.
async fn refresh(client: &mut Client<'_>, receipts: &Receipts, folder: &mut Folder) -> Result<(), Failure> {
    let first = unknown(receipts, folder).await?.first().copied();
    let last = folder.uids.last().copied();
    let from = first.or(last.map(|last| last.saturating_add(1))).unwrap_or(NonZeroU32::MIN);
    folder.uids.retain(|uid| *uid < from);
    let command = format!("UID SEARCH UID {from}:*");
    let search = client.run(&command, Stage::List, |event| {
        if let Event::Found(found) = event {
            // `n:*` always finds the last message, whatever its number is (RFC 9051 section 9).
            folder.uids.extend(found.into_iter().filter(|uid| *uid >= from));
        }
    });
    search.await?;
    folder.uids.sort_unstable();
    folder.uids.dedup();
    Ok(())
}

/// Waits, silently, until something happens.
async fn idle(client: &mut Client<'_>, again: &Notify) -> Result<Woken, Failure> {
    let stage = Stage::List;
    let renewal = Instant::now() + RENEWAL;
    let tag = client.send("IDLE");
    client.write(stage).await?;
    let patience = client.be_patient(RENEWAL * 2);
    let woken = loop {
        let heard = tokio::select! {
            biased;
            heard = timeout_at(renewal, client.incoming(stage)) => heard,
            () = again.notified() => break Woken::Flushed,
        };
        match heard {
            Err(_elapsed) => break Woken::Renewal,
            Ok(heard) => match heard? {
                Incoming::Event(Event::Exists(_) | Event::Expunged) => break Woken::News,
                Incoming::Event(event) => {
                    if let Some(done) = client.over(&tag, stage, &event) {
                        // It was refused, or the server ended it by itself.
                        done?;
                        client.be_patient(patience);
                        return Ok(Woken::News);
                    }
                }
                _ => {}
            },
        }
    };
    client.be_patient(patience);
    client.say("DONE");
    client.finish(&tag, stage, |_| {}).await?;
    Ok(woken)
}
