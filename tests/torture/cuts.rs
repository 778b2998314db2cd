//! The line is cut at every byte of a session, in both directions, and mail goes on as if nothing had been.
//!
//! A session of three messages is recorded once; then it is held again for each of its bytes, and cut there. What came of
//! it is compared, doubts are settled, a session without a cut sends or fetches the rest, and all is compared again.

use mailsluice::demo::Provider;
use mailsluice::mapi::FlushFlags;
use tempfile::TempDir;

use super::books::{Books, Settle, letter};
use super::faults::folder;
use crate::support::provider::{provider, receiver, sender};
use crate::support::{Engine, Relay, Way};

/// Cuts that share a profile and a server, both of which remember.
const BATCH: u64 = 40;
/// Replies may be longer by a digit or two when they are held again.
const LONGER: u64 = 40;

const SEND: FlushFlags = FlushFlags::FLUSH_UPLOAD.union(FlushFlags::FLUSH_FORCE);
const RECEIVE: FlushFlags = FlushFlags::FLUSH_DOWNLOAD;

/// A server, the line to it, and a profile that uses it.
struct Place {
    engine: Engine,
    relay: Relay,
    provider: Provider,
    folder: TempDir,
}

impl Place {
    fn sending(hidden: &[&'static str]) -> Self {
        let provider = provider(Vec::new());
        let relay = Relay::start(provider.smtp_addr(), hidden);
        let folder = folder(&format!("{}connections = 1\n", sender("out", relay.port(), "*")));
        Self { engine: Engine::open(folder.path()), relay, provider, folder }
    }

    fn receiving(kind: &str) -> Self {
        let provider = provider(Vec::new());
        let server = if kind == "imap" { provider.imap_addr() } else { provider.pop3_addr() };
        let relay = Relay::start(server, &[]);
        let folder = folder(&receiver("in", kind, relay.port(), "delete"));
        Self { engine: Engine::open(folder.path()), relay, provider, folder }
    }

    /// One session; how many bytes went this way.
    fn flush(&mut self, way: Way, flags: FlushFlags) -> u64 {
        self.relay.count_anew();
        self.engine.flush(flags);
        self.relay.settle();
        self.relay.counted(way)
    }

    /// The same, cut behind so many bytes. True: it came so far.
    fn cut(&mut self, way: Way, at: u64, flags: FlushFlags) -> bool {
        self.relay.cut_after(way, at);
        let length = self.flush(way, flags);
        let struck = self.relay.mend();
        assert!(struck || length < at, "the cut at {at} of {length} did not strike");
        struck
    }

    /// Three messages sent, cut at these bytes; how many cuts there were.
    fn send_and_cut(mut self, way: Way, bytes: impl Iterator<Item = u64>) -> u64 {
        let mut books = Books::new(Settle::ByLooking);
        let mut struck = 0;
        for at in bytes {
            books.submit(&self.engine, &[0; 3]);
            struck += u64::from(self.cut(way, at, SEND));
            books.compare(&self.engine, &self.provider);
            books.settle(&self.engine, &self.provider);
            self.flush(way, SEND);
            books.close(&self.engine, &self.provider);
        }
        self.engine.end();
        struck
    }

    /// Three messages received, cut at these bytes.
    fn receive_and_cut(mut self, way: Way, bytes: impl Iterator<Item = u64>) -> u64 {
        let mut struck = 0;
        let mut arrived: Vec<Vec<u8>> = Vec::new();
        for at in bytes {
            for _ in 0..3 {
                let letter = letter(&format!("in-{:03}", arrived.len()), 0);
                arrived.push(letter.clone());
                self.provider.deliver("ada", letter);
            }
            struck += u64::from(self.cut(way, at, RECEIVE));
            let here = self.received();
            let there = self.provider.mailbox("ada");
            let lost = arrived.iter().find(|letter| here.binary_search(letter).is_err() && !there.contains(letter));
            assert!(lost.is_none(), "{way:?}, cut at {at}: gone from the server, and not here");
            self.flush(way, RECEIVE);
            assert!(self.received() == arrived, "{way:?}, cut at {at}: each is here, once");
            assert!(self.provider.mailbox("ada").is_empty(), "{way:?}, cut at {at}: all of it was deleted there");
        }
        self.engine.end();
        struck
    }

    /// What was received, in order.
    fn received(&self) -> Vec<Vec<u8>> {
        let new = self.folder.path().join("mail/in/new");
        let files = std::fs::read_dir(new).into_iter().flatten();
        let mut letters: Vec<Vec<u8>> =
            files.map(|file| std::fs::read(file.expect("an entry").path()).expect("a message")).collect();
        letters.sort();
        letters
    }
}

/// Cuts at every byte of a session of this length, and a little beyond.
fn everywhere(way: Way, whole: u64, cut: impl Fn(Way, std::ops::Range<u64>) -> u64) {
    let end = whole + LONGER;
    let mut struck = 0;
    for first in (0..end).step_by(usize::try_from(BATCH).expect("small")) {
        struck += cut(way, first..end.min(first + BATCH));
    }
    println!("{way:?}: {whole} bytes, {struck} cuts, 0 lost, 0 twice in silence");
    // The last replies are not always waited for.
    assert!(struck + 20 >= whole, "every byte was the last of some session");
}

fn send_everywhere(way: Way, hidden: &[&'static str]) {
    let mut place = Place::sending(hidden);
    Books::new(Settle::ByLooking).submit(&place.engine, &[0; 3]);
    let whole = place.flush(way, SEND);
    assert_eq!(place.provider.delivered().len(), 3);
    place.engine.end();
    everywhere(way, whole, |way, bytes| Place::sending(hidden).send_and_cut(way, bytes));
}

fn receive_everywhere(way: Way, kind: &str) {
    let mut place = Place::receiving(kind);
    for number in 0..3 {
        place.provider.deliver("ada", letter(&format!("in-{number:03}"), 0));
    }
    let whole = place.flush(way, RECEIVE);
    assert_eq!(place.received().len(), 3);
    place.engine.end();
    everywhere(way, whole, |way, bytes| Place::receiving(kind).receive_and_cut(way, bytes));
}

#[test]
fn smtp_by_bdat_what_is_said() {
    send_everywhere(Way::ToServer, &[]);
}

#[test]
fn smtp_by_bdat_what_is_answered() {
    send_everywhere(Way::ToClient, &[]);
}

#[test]
fn smtp_by_data_what_is_said() {
    send_everywhere(Way::ToServer, &["CHUNKING"]);
}

#[test]
fn smtp_by_data_what_is_answered() {
    send_everywhere(Way::ToClient, &["CHUNKING"]);
}

#[test]
fn imap_what_is_said() {
    receive_everywhere(Way::ToServer, "imap");
}

#[test]
fn imap_what_is_answered() {
    receive_everywhere(Way::ToClient, "imap");
}

#[test]
fn pop3_what_is_said() {
    receive_everywhere(Way::ToServer, "pop3");
}

#[test]
fn pop3_what_is_answered() {
    receive_everywhere(Way::ToClient, "pop3");
}
