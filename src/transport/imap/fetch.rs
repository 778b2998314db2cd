//! Fetching: sizes first, then the messages themselves, each from the line to its parcel as it comes.

use std::collections::{HashMap, HashSet, VecDeque};
use std::num::NonZeroU32;

use super::client::{Client, Incoming};
use super::response::{Event, Fetched};
use super::uids::UidSet;
use crate::mapi::{Blame, Class, Failure, Stage};
use crate::transport::Support;
use crate::transport::deliver::{Intake, Writer};
use crate::transport::meter::Meter;
use crate::transport::report::ReportKind;

/// Commands in the air: while one is answered the next one waits at the server. Few and short enough that they fit into
/// its buffers while it waits for us to read.
const IN_THE_AIR: usize = 2;

/// The size of each message, as the server counts it.
///
/// # Errors
/// The line or the server failed.
pub(super) async fn sizes(client: &mut Client<'_>, sets: &[UidSet]) -> Result<HashMap<NonZeroU32, u64>, Failure> {
    let mut sizes = HashMap::new();
    let mut sets = sets.iter();
    let mut tags = VecDeque::with_capacity(IN_THE_AIR);
    loop {
        for set in sets.by_ref().take(IN_THE_AIR - tags.len()) {
            tags.push_back(client.send(&format!("UID FETCH {} (UID RFC822.SIZE)", set.text)));
        }
        let Some(tag) = tags.pop_front() else { return Ok(sizes) };
        let finished = client.finish(&tag, Stage::List, |event| {
            if let Event::Fetched(Fetched { uid: Some(uid), size: Some(size), .. }) = event {
                sizes.insert(uid, size);
            }
        });
        finished.await?;
    }
}

/// Fetches messages into `intake`. One that is gone meanwhile is passed over; one that the server can't give is reported
/// and the others go on.
///
/// # Errors
/// The line, the server or the delivery failed.
pub(super) async fn messages(
    client: &mut Client<'_>,
    intake: &mut Intake<'_>,
    sets: Vec<UidSet>,
    support: &Support,
    meter: &mut Meter<'_>,
) -> Result<(), Failure> {
    let mut wanted: HashSet<NonZeroU32> = sets.iter().flat_map(|set| set.uids.iter().copied()).collect();
    let mut sets = sets.into_iter();
    let mut tags = VecDeque::with_capacity(IN_THE_AIR);
    loop {
        for set in sets.by_ref().take(IN_THE_AIR - tags.len()) {
            let items = "(UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])";
            tags.push_back(client.send(&format!("UID FETCH {} {items}", set.text)));
        }
        let Some(tag) = tags.pop_front() else { return Ok(()) };
        if let Some(refusal) = answer(client, intake, &mut wanted, &tag, (support, meter)).await? {
            support.report(ReportKind::ReceiveFailed(refusal.blaming(Blame::Message)));
        }
    }
}

/// The answer to one command. Gives the refusal if the server could not give all of it.
async fn answer(
    client: &mut Client<'_>,
    intake: &mut Intake<'_>,
    wanted: &mut HashSet<NonZeroU32>,
    tag: &str,
    (support, meter): (&Support, &mut Meter<'_>),
) -> Result<Option<Failure>, Failure> {
    let mut body: Option<Writer> = None;
    loop {
        match client.incoming(Stage::Fetch).await? {
            Incoming::BodyBegins(_) => body = Some(intake.writer()),
            Incoming::Body(bytes) => {
                meter.add(bytes.len() as u64);
                if let Some(body) = &mut body {
                    body.write(&bytes).await?;
                }
            }
            Incoming::BodyEnds => {}
            Incoming::Event(Event::Fetched(fetched)) => {
                let body = body.take();
                if body.is_some() && fetched.uid.is_none() {
                    support.report(nameless(client));
                }
                // A message nobody asked for, or for the second time, is let go; so is news about flags.
                let Some(uid) = fetched.uid.filter(|uid| wanted.contains(uid)) else { continue };
                let Some(body) = whole(body, fetched.text, intake).await? else { continue };
                wanted.remove(&uid);
                intake.add(body.finish(uid.to_string(), fetched.marks).await?).await?;
            }
            Incoming::Event(event) => {
                if body.take().is_some() {
                    support.report(nameless(client));
                }
                match client.over(tag, Stage::Fetch, &event) {
                    Some(Err(failure)) if failure.class == Class::Protocol => return Err(failure),
                    Some(done) => return Ok(done.err()),
                    None => {}
                }
            }
        }
    }
}

/// A message whose response can't be read otherwise, or lacks its UID: the others are fetched all the same.
fn nameless(client: &Client<'_>) -> ReportKind {
    let what = "the server sent a message and did not say which";
    ReportKind::ReceiveFailed(client.failure(Class::Protocol, Stage::Fetch, what).blaming(Blame::Message))
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
