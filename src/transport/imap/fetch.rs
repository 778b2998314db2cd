//! Fetching: sizes first and the messages themselves right behind, each from the line to its parcel as it comes.

use std::collections::{HashMap, HashSet, VecDeque};
use std::num::NonZeroU32;
use std::time::Duration;

use super::client::{Client, Incoming};
use super::response::{Event, Fetched};
use super::uids::{self, UidSet};
use super::{Folder, numbers};
use crate::mapi::{Blame, Class, Failure, Stage};
use crate::transport::deliver::{Inbox, Intake, Writer};
use crate::transport::meter::Meter;
use crate::transport::report::ReportKind;
use crate::transport::{ReceivedItem, Support};

/// Commands in the air at least: while one is answered the next one waits at the server.
const IN_THE_AIR: usize = 2;
/// Bytes of commands up to which more are put into the air: they must fit into the server's buffers while it waits for
/// us to read.
const IN_THE_AIR_BYTES: usize = 4 << 10;

/// From this many new messages and this many bytes on, and from a server this far away, having the line compressed where
/// the server can do so is worth the round trip it takes and the time it costs the server. On a near line it only costs.
const COMPRESS_FROM: (usize, u64, Duration) = (50, 1 << 20, Duration::from_millis(10));

/// How a command was answered.
#[derive(Debug)]
enum Answer {
    /// All that it asked for came.
    Whole,
    /// Not all of it came.
    Refused(Failure),
    /// It is to be no more: the FLUSH bit was cleared.
    Ended,
}

/// What a command asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Sizes,
    Messages,
}

/// Fetches what is `new` in the selected folder. One that is gone meanwhile is passed over; one that the server can't
/// give is reported and the others go on. Gives what is safe here now, and whether that is all: when the FLUSH bit is
/// cleared it ends at the next message, and the session with it, for what is in the air can't be taken back.
///
/// # Errors
/// The line, the server or the delivery failed.
pub(super) async fn new(
    client: &mut Client<'_>,
    inbox: &Inbox<'_>,
    folder: &Folder,
    new: Vec<NonZeroU32>,
) -> Result<(Vec<NonZeroU32>, bool), Failure> {
    let support = inbox.support;
    let mut intake = inbox.mailbox(&folder.mailbox).await?;
    let mut fetch = Fetch::new(client, inbox, folder, new, &intake);
    let fetched = fetch.all(&mut intake).await;
    drop(fetch);
    // What came whole before the line dropped is kept, unless everything is to stop now.
    let settled = if support.cancel().is_cancelled() { Ok(Vec::new()) } else { intake.settle().await };
    let all = fetched?;
    Ok((numbers(settled?), all))
}

struct Fetch<'a, 'b> {
    client: &'a mut Client<'b>,
    inbox: &'a Inbox<'a>,
    folder: &'a Folder,
    meter: Meter<'a>,
    /// All that is new.
    new: Vec<NonZeroU32>,
    /// Those of which something lies here already: their sizes decide whether they are asked for.
    doubtful: Vec<NonZeroU32>,
    /// Asked for and not come yet.
    wanted: HashSet<NonZeroU32>,
    sizes: HashMap<NonZeroU32, u64>,
    /// Not to be sent before all sizes are known.
    later: Vec<UidSet>,
    /// Not sent yet.
    commands: VecDeque<(Asked, UidSet)>,
    /// Sent: the tag, what was asked and how long the command was.
    in_the_air: VecDeque<(String, Asked, usize)>,
}

impl<'a, 'b> Fetch<'a, 'b> {
    fn new(
        client: &'a mut Client<'b>,
        inbox: &'a Inbox<'a>,
        folder: &'a Folder,
        new: Vec<NonZeroU32>,
        intake: &Intake<'_>,
    ) -> Self {
        let (doubtful, missing): (Vec<NonZeroU32>, Vec<NonZeroU32>) =
            new.iter().partition(|uid| intake.perhaps(&uid.to_string()));
        let sizes = uids::sets(&folder.uids, &new).into_iter().map(|set| (Asked::Sizes, set));
        let messages = uids::sets(&folder.uids, &missing);
        let may_compress = new.len() >= COMPRESS_FROM.0 && client.offers("COMPRESS=DEFLATE");
        let (now, later) = if may_compress { (Vec::new(), messages) } else { (messages, Vec::new()) };
        let now = now.into_iter().map(|set| (Asked::Messages, set));
        Self {
            client,
            inbox,
            folder,
            meter: Meter::new(inbox.support),
            commands: sizes.chain(now).collect(),
            in_the_air: VecDeque::new(),
            sizes: HashMap::with_capacity(new.len()),
            wanted: missing.into_iter().collect(),
            new,
            doubtful,
            later,
        }
    }

    /// Gives whether all that could come came.
    async fn all(&mut self, intake: &mut Intake<'_>) -> Result<bool, Failure> {
        loop {
            self.send();
            let Some((tag, asked, _)) = self.in_the_air.pop_front() else { return Ok(true) };
            match (asked, self.answer(intake, &tag).await?) {
                (_, Answer::Ended) => return Ok(false),
                (Asked::Sizes, Answer::Refused(refusal)) => return Err(refusal),
                (Asked::Messages, Answer::Refused(refusal)) => {
                    self.support().report(ReportKind::ReceiveFailed(refusal.blaming(Blame::Message)));
                }
                (Asked::Sizes, Answer::Whole) if !self.asks_for_sizes() => self.listed(intake).await?,
                (_, Answer::Whole) => {}
            }
        }
    }

    fn support(&self) -> &'a Support {
        self.inbox.support
    }

    fn asks_for_sizes(&self) -> bool {
        let sent = self.in_the_air.iter().map(|(_, asked, _)| *asked);
        sent.chain(self.commands.iter().map(|(asked, _)| *asked)).any(|asked| asked == Asked::Sizes)
    }

    /// Puts more commands into the air, if there is room.
    fn send(&mut self) {
        loop {
            let bytes: usize = self.in_the_air.iter().map(|(_, _, bytes)| bytes).sum();
            if self.in_the_air.len() >= IN_THE_AIR && bytes >= IN_THE_AIR_BYTES {
                return;
            }
            let Some((asked, set)) = self.commands.pop_front() else { return };
            let items = match asked {
                Asked::Sizes => "RFC822.SIZE",
                Asked::Messages => "FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[]",
            };
            let command = format!("UID FETCH {} (UID {items})", set.text);
            self.in_the_air.push_back((self.client.send(&command), asked, command.len()));
        }
    }

    /// All sizes are known: says what waits, and decides about what lies here already.
    async fn listed(&mut self, intake: &mut Intake<'_>) -> Result<(), Failure> {
        self.inbox.receipts.listed(self.new.len() as u64, self.sizes.values().sum());
        self.support().stage(Stage::Fetch);
        let (_, bytes, distance) = COMPRESS_FROM;
        if !self.later.is_empty() && self.sizes.values().sum::<u64>() >= bytes && self.client.distance() >= distance {
            self.client.compress().await?;
        }
        let later = std::mem::take(&mut self.later);
        self.commands.extend(later.into_iter().map(|set| (Asked::Messages, set)));
        let sizes = &self.sizes;
        let (there, missing): (Vec<NonZeroU32>, Vec<NonZeroU32>) = std::mem::take(&mut self.doubtful)
            .into_iter()
            .partition(|uid| intake.already(&uid.to_string(), sizes.get(uid).copied()));
        let found = there.into_iter().map(|uid| {
            let bytes = sizes.get(&uid).copied().unwrap_or_default();
            ReceivedItem { uid: uid.to_string(), bytes }
        });
        intake.found(found.collect()).await?;
        let sets = uids::sets(&self.folder.uids, &missing);
        self.commands.extend(sets.into_iter().map(|set| (Asked::Messages, set)));
        self.wanted.extend(missing);
        Ok(())
    }

    /// Takes in the answer to one command.
    async fn answer(&mut self, intake: &mut Intake<'_>, tag: &str) -> Result<Answer, Failure> {
        let mut body: Option<Writer> = None;
        loop {
            match self.client.incoming(Stage::Fetch).await? {
                Incoming::BodyBegins(_) if self.support().ending().is_cancelled() => return Ok(Answer::Ended),
                Incoming::BodyBegins(size) => {
                    let mut writer = intake.writer();
                    writer.expect(size);
                    body = Some(writer);
                }
                Incoming::Body(bytes) => {
                    self.meter.add(bytes.len() as u64);
                    if let Some(body) = &mut body {
                        body.write(&bytes).await?;
                    }
                }
                Incoming::BodyEnds => {}
                Incoming::Event(Event::Fetched(fetched)) => self.fetched(intake, body.take(), fetched).await?,
                Incoming::Event(event) => {
                    if body.take().is_some() {
                        self.nameless();
                    }
                    match self.client.over(tag, Stage::Fetch, &event) {
                        Some(Err(failure)) if failure.class == Class::Protocol => return Err(failure),
                        Some(done) => return Ok(done.map_or_else(Answer::Refused, |()| Answer::Whole)),
                        None => {}
                    }
                }
            }
        }
    }

    /// Something of a message, with or without the message itself.
    async fn fetched(
        &mut self,
        intake: &mut Intake<'_>,
        body: Option<Writer>,
        fetched: Fetched,
    ) -> Result<(), Failure> {
        if body.is_some() && fetched.uid.is_none() {
            self.nameless();
        }
        let Some(uid) = fetched.uid else { return Ok(()) };
        if let Some(size) = fetched.size {
            self.sizes.insert(uid, size);
        }
        // A message nobody asked for, or for the second time, is let go; so is news about flags.
        if let Some(body) = whole(body, fetched.text, intake).await?
            && self.wanted.remove(&uid)
        {
            intake.add(body.finish(uid.to_string(), fetched.marks).await?).await?;
        }
        Ok(())
    }

    /// A message whose response can't be read otherwise, or lacks its UID: the others are fetched all the same.
    fn nameless(&self) {
        let what = "the server sent a message and did not say which";
        let failure = self.client.failure(Class::Protocol, Stage::Fetch, what).blaming(Blame::Message);
        self.support().report(ReportKind::ReceiveFailed(failure));
    }
}

/// The message, whether it came by in pieces or as a string in the response; `None` when there was none.
async fn whole(body: Option<Writer>, text: Option<Vec<u8>>, intake: &Intake<'_>) -> Result<Option<Writer>, Failure> {
    match (body, text) {
        (Some(body), _) => Ok(Some(body)),
        (None, Some(text)) => {
            let mut writer = intake.writer();
            writer.write(&text).await?;
            Ok(Some(writer))
        }
        (None, None) => Ok(None),
    }
}
