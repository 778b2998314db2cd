//! `kind = "pop3"`: fetches from a POP3 server (RFC 1939) what was not fetched before, known by its UIDL.
//!
//! Where the server takes several commands at once, the list is asked for in the flight that signs in, a window of RETR is
//! in the air, and a message costs no round trip.
//! Nothing is deleted before it is on disk and recorded here; the server itself deletes at QUIT, whose answer is waited
//! for. When the line drops before that, what was recorded is deleted by the next session without being fetched again.
//! Equal UIDLs are equal messages (RFC 1939 section 7): one of them is fetched.
//!
//! A server without UIDL can only be emptied (`after = "delete"`): then a message is known by a digest of its content.

mod client;
#[cfg(fuzzing)]
pub mod fuzz;
mod session;
#[cfg(test)]
mod tests;

use std::collections::{HashSet, VecDeque};

use client::Client;
use session::{Event, Expect};

use super::deliver::{Delivery, Inbox, Intake, Marks};
use super::meter::Meter;
use super::report::ReportKind;
use super::{BoxFuture, Receipts, ReceivedItem, Support, Traits, Transport};
use crate::mapi::{Blame, Class, Failure, Stage};
use crate::net::connect::address_words;
use crate::profile::{After, DeliverTo, Identity, ServerConfig};

/// Commands in the air at most, where the server allows more than one: five thousand small messages a second at a distance
/// of 100 ms. Together they are few enough bytes to fit into the server's buffers while it waits for us to read.
const WINDOW: usize = 512;

/// The transport.
#[derive(Debug)]
pub struct Pop3Transport {
    server: ServerConfig,
    after: After,
    delivery: Delivery,
}

/// A message on the server.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Listed {
    number: u32,
    size: u64,
    /// `None`: the server has no UIDL.
    uid: Option<String>,
}

impl Pop3Transport {
    /// `transport`: its name; `identity`: who receives the mail, for delivery by LMTP.
    pub fn new(
        transport: &str,
        server: ServerConfig,
        after: After,
        deliver: &DeliverTo,
        identity: Option<&Identity>,
    ) -> Self {
        let recipient = identity.map(|identity| identity.address.as_str()).or(server.user.as_deref());
        let delivery = Delivery::new(deliver, transport, recipient);
        Self { server, after, delivery }
    }

    fn mailbox(&self) -> String {
        format!("pop3:{}@{}", self.server.user.as_deref().unwrap_or_default(), self.server.host)
    }

    async fn receive(&self, support: &Support, receipts: &Receipts) -> Result<(), Failure> {
        let mailbox = self.mailbox();
        let mut client = Client::open(&self.server, support).await?;
        support.stage(Stage::List);
        let listed = self.list(&mut client).await?;
        let known: HashSet<String> = receipts.known(&mailbox).await?.into_iter().collect();
        let is_known = |one: &Listed| one.uid.as_ref().is_some_and(|uid| known.contains(uid));
        let here: HashSet<&str> = listed.iter().filter_map(|one| one.uid.as_deref()).collect();
        let mut gone: Vec<String> = known.iter().filter(|uid| !here.contains(uid.as_str())).cloned().collect();
        let mut asked = HashSet::new();
        let new: Vec<&Listed> = listed
            .iter()
            .filter(|one| !is_known(one) && one.uid.as_ref().is_none_or(|uid| asked.insert(uid.as_str())))
            .collect();
        receipts.listed(new.len() as u64, new.iter().map(|one| one.size).sum());

        let mut safe = HashSet::new();
        let mut fetched = Vec::new();
        if !new.is_empty() {
            support.stage(Stage::Fetch);
            let inbox = Inbox::new(&self.delivery, support, receipts);
            let mut intake = inbox.mailbox(&mailbox).await?;
            let mut fetch = Fetch { support, known: &known, meter: Meter::new(support), fetched: Vec::new() };
            let result = fetch.all(&mut client, &mut intake, &new).await;
            fetched = fetch.fetched;
            // What came whole before the line dropped is kept, unless everything is to stop now.
            if !support.cancel().is_cancelled() {
                safe.extend(intake.settle().await?);
            }
            if !result? {
                // What is in the air can't be taken back. What is safe here is known by its record, and deleted there
                // next time.
                return Ok(());
            }
        }
        if self.after == After::Delete {
            support.stage(Stage::Delete);
            let by_uid =
                listed.iter().filter(|one| is_known(one) || one.uid.as_ref().is_some_and(|uid| safe.contains(uid)));
            let by_digest = fetched.iter().filter(|(_, uid)| safe.contains(uid) || known.contains(uid));
            let numbers: HashSet<u32> = by_uid.map(|one| one.number).chain(by_digest.map(|one| one.0)).collect();
            if let Err(failure) = delete(&mut client, numbers, support).await {
                if failure.class == Class::Protocol {
                    // The answers are out of step, and may have been so before: what came may bear another's number.
                    receipts.forget(&mailbox, safe.into_iter().collect());
                }
                return Err(failure);
            }
            gone.extend(listed.iter().filter(|one| is_known(one)).filter_map(|one| one.uid.clone()));
            gone.extend(safe);
        } else {
            support.stage(Stage::Quit);
            client.close().await;
        }
        if !gone.is_empty() {
            receipts.forget(&mailbox, gone);
        }
        Ok(())
    }

    /// Everything on the server, in its order.
    async fn list(&self, client: &mut Client<'_>) -> Result<Vec<Listed>, Failure> {
        client.send("LIST", Expect::Lines);
        if client.capabilities.pipelining {
            client.send("UIDL", Expect::Lines);
        }
        client.signed_in().await?;
        let mut listed = Vec::new();
        let status = client
            .lines(Stage::List, |line| {
                listed.extend(
                    numbered(&line)
                        .and_then(|(number, size)| Some(Listed { number, size: size.parse().ok()?, uid: None })),
                );
            })
            .await?;
        client.approve(Stage::List, status)?;
        if !client.capabilities.pipelining {
            client.send("UIDL", Expect::Lines);
        }
        let mut uids = std::collections::HashMap::new();
        let status = client.lines(Stage::List, |line| uids.extend(numbered(&line))).await?;
        if !status.ok {
            if self.after == After::Delete {
                return Ok(listed);
            }
            let what = "the server can't tell mail it has kept from new mail (no UIDL): it can only be emptied";
            let refusal = client.refusal(Stage::List, status);
            return Err(Failure { class: Class::Configuration, what: what.to_owned(), ..refusal });
        }
        // Under one UIDL there are copies of one message (RFC 1939 section 7), unless the server errs. Before all of them are
        // deleted, their contents are looked at.
        let mut once = HashSet::new();
        let twice: HashSet<String> = uids.values().filter(|uid| !once.insert(uid.as_str())).cloned().collect();
        // A message without a UIDL where others have one can't be told apart: it waits for a better server.
        listed.retain_mut(|one| {
            let uid = uids.remove(&one.number);
            let has_one = uid.is_some();
            one.uid = uid.filter(|uid| self.after == After::Keep || !twice.contains(uid));
            has_one
        });
        Ok(listed)
    }
}

/// `number rest` of LIST and UIDL.
fn numbered(line: &[u8]) -> Option<(u32, String)> {
    let line = std::str::from_utf8(line).ok()?;
    let mut words = line.split_ascii_whitespace();
    let number = words.next()?.parse().ok()?;
    Some((number, words.next()?.to_owned()))
}

/// What fetching needs to know while it runs.
struct Fetch<'a> {
    support: &'a Support,
    known: &'a HashSet<String>,
    meter: Meter<'a>,
    /// Number and UID of what came whole.
    fetched: Vec<(u32, String)>,
}

impl Fetch<'_> {
    /// Gives whether all came that could: when the FLUSH bit is cleared it ends at the next message.
    async fn all(
        &mut self,
        client: &mut Client<'_>,
        intake: &mut Intake<'_>,
        new: &[&Listed],
    ) -> Result<bool, Failure> {
        let (found, missing): (Vec<&Listed>, Vec<&Listed>) =
            new.iter().partition(|one| one.uid.as_deref().is_some_and(|uid| intake.already(uid, Some(one.size))));
        let items = found.into_iter().filter_map(|one| Some(ReceivedItem { uid: one.uid.clone()?, bytes: one.size }));
        intake.found(items.collect()).await?;

        let window = if client.capabilities.pipelining { WINDOW } else { 1 };
        let mut next = missing.into_iter();
        let mut waiting = VecDeque::with_capacity(window);
        loop {
            // Half a window at a time: fewer, fuller packets.
            if waiting.len() <= window / 2 {
                for one in next.by_ref().take(window - waiting.len()) {
                    client.send(&format!("RETR {}", one.number), Expect::Message);
                    waiting.push_back(one);
                }
            }
            let Some(one) = waiting.pop_front() else { return Ok(true) };
            if self.support.ending().is_cancelled() {
                return Ok(false);
            }
            self.one(client, intake, one).await?;
        }
    }

    /// The answer to one RETR.
    async fn one(&mut self, client: &mut Client<'_>, intake: &mut Intake<'_>, one: &Listed) -> Result<(), Failure> {
        let status = client.status(Stage::Fetch).await?;
        if !status.ok {
            let failure = client.refusal(Stage::Fetch, status).blaming(Blame::Message);
            self.support.report(ReportKind::ReceiveFailed(failure));
            return Ok(());
        }
        let mut writer = intake.writer();
        writer.expect(one.size);
        if one.uid.is_none() {
            writer.digest();
        }
        while let Event::Data(piece) = client.event(Stage::Fetch).await? {
            self.meter.add(piece.len() as u64);
            writer.write(&piece).await?;
        }
        let uid = match &one.uid {
            Some(uid) => uid.clone(),
            None => writer.digested(),
        };
        self.fetched.push((one.number, uid.clone()));
        if one.uid.is_none() && (self.known.contains(&uid) || intake.already(&uid, Some(writer.size()))) {
            return intake.found(vec![ReceivedItem { uid, bytes: writer.size() }]).await;
        }
        intake.add(writer.finish(uid, Marks::default()).await?).await
    }
}

/// Marks these for deletion, and says goodbye: that is when the server deletes.
async fn delete(client: &mut Client<'_>, numbers: HashSet<u32>, support: &Support) -> Result<(), Failure> {
    let window = if client.capabilities.pipelining { WINDOW } else { 1 };
    let numbers: Vec<u32> = numbers.into_iter().collect();
    for some in numbers.chunks(window) {
        for number in some {
            client.send(&format!("DELE {number}"), Expect::Status);
        }
        for _ in some {
            let status = client.status(Stage::Delete).await?;
            client.approve(Stage::Delete, status)?;
        }
    }
    support.stage(Stage::Quit);
    client.send("QUIT", Expect::Status);
    let answer = client.status(Stage::Quit).await?;
    client.approve(Stage::Quit, answer)
}

impl Transport for Pop3Transport {
    fn traits(&self) -> Traits {
        Traits {
            kind: "pop3",
            flushes_itself: true,
            honours_no_ui: true,
            asynchronous: false,
            path: address_words(&self.server),
        }
    }

    fn start<'a>(&'a self, support: &'a Support, receipts: &'a Receipts) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(self.receive(support, receipts))
    }

    fn validate_state<'a>(&'a self, support: &'a Support) -> BoxFuture<'a, Result<String, Failure>> {
        Box::pin(async move {
            let mut client = Client::open(&self.server, support).await?;
            let listed = self.list(&mut client).await?;
            let found = format!("signed in at {}, {} messages are there", client.at(), listed.len());
            client.close().await;
            Ok(found)
        })
    }
}
