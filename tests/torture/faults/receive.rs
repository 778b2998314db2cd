//! The cells of POP3 and IMAP.

use mailsluice::mapi::FlushFlags;
use tempfile::TempDir;

use super::server::{BadServer, Dialect, Fault, Plan, Serve};
use super::{ANYWHERE, Cell, HEALED, expect, failure_of, folder, name, patience, timed};
use crate::support::Engine;
use crate::support::provider::receiver;

const DOWNLOAD: FlushFlags = FlushFlags::FLUSH_DOWNLOAD;

/// A protocol.
#[derive(Clone, Copy)]
pub(super) struct Protocol {
    pub(super) kind: &'static str,
    pub(super) name: &'static str,
    pub(super) dialect: Dialect,
    pub(super) serve: Serve,
}

pub(super) const POP3: Protocol =
    Protocol { kind: "pop3", name: "POP3", dialect: super::pop3::DIALECT, serve: super::pop3::serve };
pub(super) const IMAP: Protocol =
    Protocol { kind: "imap", name: "IMAP", dialect: super::imap::DIALECT, serve: super::imap::serve };

/// Every point of POP3, and what only POP3 can do.
pub(super) fn pop3() -> Vec<Cell> {
    let mut cells = every_cell(POP3, &super::pop3::POINTS);
    cells.push(refused(POP3));
    cells.push(special(POP3, "RETR", Fault::Says("-ERR No such message"), "message vanished", &["-"]));
    cells.push(special(
        POP3,
        "RETR",
        Fault::SaysAndDrops("+OK\r\nSubject: half"),
        "dropped in mid-message",
        &["transient"],
    ));
    cells.push(reused_uidl());
    cells
}

/// Every point of IMAP, and what only IMAP can do.
pub(super) fn imap() -> Vec<Cell> {
    let mut cells = every_cell(IMAP, &super::imap::POINTS);
    cells.push(refused(IMAP));
    cells.push(special(IMAP, "FETCH", Fault::Says("@ OK done"), "message vanished", &["-"]));
    let huge = "* 1 FETCH (UID 1 BODY[] {4294967296}\r\nFrom: nobody\r\n\r\nshort";
    cells.push(special(IMAP, "FETCH", Fault::SaysAndDrops(huge), "more than 32 bits announced", &["protocol"]));
    let larger = "* 1 FETCH (UID 1 BODY[] {4294967295}\r\nFrom: nobody\r\n\r\nshort";
    cells.push(special(IMAP, "FETCH", Fault::SaysAndDrops(larger), "4 GiB announced, and dropped", &["transient"]));
    let name = "* LIST () \"/\" {4294967296}\r\nx";
    cells.push(special(IMAP, "SELECT", Fault::SaysAndDrops(name), "a name of 4 GiB announced", &["protocol"]));
    let lasting = "* 2 EXISTS\r\n@ OK open";
    cells.push(special(IMAP, "SELECT", Fault::Says(lasting), "no UIDVALIDITY", &["protocol"]));
    cells.push(renumbered());
    cells
}

fn every_cell(protocol: Protocol, points: &[&'static str]) -> Vec<Cell> {
    let cells: Vec<_> = points.iter().flat_map(|point| ANYWHERE.map(|fault| (*point, fault))).collect();
    super::try_all(&cells, |(point, fault)| {
        let right = expect::receiving(point, fault);
        special(protocol, point, fault, &name(fault), right)
    })
}

/// A server with two messages, and a profile that empties it.
struct Place {
    server: BadServer,
    profile: String,
    folder: TempDir,
    engine: Engine,
    mail: Vec<(u32, String)>,
}

impl Place {
    fn new(protocol: Protocol, point: &'static str, fault: Fault, mail: Vec<(u32, String)>, after: &str) -> Self {
        let Protocol { dialect, serve, .. } = protocol;
        let plan = Plan { at: point, fault, dialect, tls: None, tls_at_once: false, streams: false };
        let server = BadServer::start(plan, serve, mail.clone());
        let port = server.address.port();
        let profile = receiver("in", protocol.kind, port, after);
        let folder = folder(&(profile.clone() + patience(fault)));
        let engine = Engine::open(folder.path());
        Self { server, profile, folder, engine, mail }
    }

    /// The program starts anew, with more patience; a refused password is not tried again before.
    fn anew(self) -> Self {
        let Self { engine, profile, .. } = self;
        engine.end();
        std::fs::write(self.folder.path().join("profile.toml"), profile.clone() + HEALED).expect("a file");
        Self { engine: Engine::open(self.folder.path()), profile, ..self }
    }

    fn here(&self) -> Vec<String> {
        let new = self.folder.path().join("mail/in/new");
        let files = std::fs::read_dir(new).into_iter().flatten();
        files.map(|file| std::fs::read_to_string(file.expect("an entry").path()).expect("a message")).collect()
    }

    /// No message is gone from both sides, none is here twice, nothing is here that never was there.
    ///
    /// A POP3 server that answers twice can't be told from one that answers for the next message: what came then bears
    /// another's number. It is fetched again, rather than lost.
    fn look(&self, cell: &mut Cell) -> String {
        let (here, there) = (self.here(), self.server.shared.mail().clone());
        let times = |content: &String| here.iter().filter(|text| *text == content).count();
        let lost =
            self.mail.iter().any(|(_, content)| times(content) == 0 && !there.iter().any(|one| one.1 == *content));
        cell.must(!lost, "a message is neither here nor there");
        let out_of_step = cell.protocol == "POP3" && cell.class == "protocol" && cell.fault == name(Fault::Twice);
        let twice = self.mail.iter().any(|(_, content)| times(content) > 1);
        let known = here.iter().all(|text| self.mail.iter().any(|(_, content)| content == text));
        cell.must(out_of_step || !twice, "a message is here twice");
        cell.must(out_of_step || known, "half a message is here");
        format!("{} here, {} there", here.len(), there.len())
    }
}

fn two() -> Vec<(u32, String)> {
    let text = |number: u32| {
        format!("From: ada@example.org\r\nSubject: in-{number}\r\n\r\n{}", "hello\r\n".repeat(number as usize))
    };
    vec![(1, text(1)), (2, text(2))]
}

/// One cell, whose class must be one of these.
fn special(protocol: Protocol, point: &'static str, fault: Fault, named: &str, right: &[&str]) -> Cell {
    let mut place = Place::new(protocol, point, fault, two(), "delete");
    let port = place.server.address.port();
    let mut cell = Cell::new(protocol.name, point, named);
    let report = timed(&mut cell, || place.engine.flush(DOWNLOAD));
    cell.describe(failure_of(&report), port);
    let failed = report.results.first().map_or(0, |result| result.of.incoming.failed);
    let class = if cell.class.is_empty() { "-" } else { &cell.class };
    let class_is_right = right.contains(&class);
    cell.must(class_is_right, "another class is right");
    cell.must(place.server.struck(), "nobody came to this point");
    // A long message is no fault, as long as it is not held in memory.
    let is_message = (protocol.kind, point) == ("pop3", "RETR");
    cell.must(is_message || !place.server.was_endless(), "it listened without end");
    cell.state = place.look(&mut cell);
    if failed > 0 {
        cell.state = format!("{}, {failed} could not be had", cell.state);
    }
    place.server.heal();
    place = place.anew();
    place.engine.flush(DOWNLOAD);
    let state = place.look(&mut cell);
    cell.must(state.ends_with(" here, 0 there"), "not all of it came when the server was well again");
    place.engine.end();
    cell
}

fn refused(protocol: Protocol) -> Cell {
    let port = crate::support::daemon::free_port();
    let folder = folder(&receiver("in", protocol.kind, port, "delete"));
    let mut engine = Engine::open(folder.path());
    let mut cell = Cell::new(protocol.name, "connect", "refuse");
    let report = timed(&mut cell, || engine.flush(DOWNLOAD));
    cell.describe(failure_of(&report), port);
    let right = cell.class == "offline";
    cell.must(right, "offline is right");
    cell.state = "nothing was asked".into();
    engine.end();
    cell
}

/// Two different messages under one UIDL, which no server should have (RFC 1939 section 7).
fn reused_uidl() -> Cell {
    let mut mail = two();
    for (uid, _) in &mut mail {
        *uid = 1;
    }
    let mut place = Place::new(POP3, "nowhere", Fault::Drop, mail, "delete");
    let mut cell = Cell::new("POP3", "UIDL", "UIDL used twice");
    for _ in 0..3 {
        timed(&mut cell, || place.engine.flush(DOWNLOAD));
    }
    cell.state = place.look(&mut cell);
    let right = cell.state == "2 here, 0 there";
    cell.must(right, "each is a message of its own");
    place.engine.end();
    cell
}

/// See [`super::receive_under`].
pub(super) fn under(uidl: &'static str, letter: &str) -> (TempDir, Vec<String>) {
    let answer: &'static str = Box::leak(format!("+OK\r\n1 {uidl}\r\n.").into_boxed_str());
    let mut place = Place::new(POP3, "UIDL", Fault::Says(answer), vec![(1, letter.to_owned())], "keep");
    place.engine.flush(DOWNLOAD);
    let received = place.here();
    place.engine.end();
    (place.folder, received)
}

/// UIDVALIDITY is another than last time: all numbers mean nothing any more.
fn renumbered() -> Cell {
    let other = "* 2 EXISTS\r\n* OK [UIDVALIDITY 8] new\r\n@ OK [READ-WRITE] open";
    let mut place = Place::new(IMAP, "SELECT", Fault::Says(other), two(), "keep");
    let mut cell = Cell::new("IMAP", "SELECT", "UIDVALIDITY changed");
    timed(&mut cell, || place.engine.flush(DOWNLOAD));
    cell.state = place.look(&mut cell);
    // Under the old numbers there may be other mail now: whatever the server shows is new.
    for (_, content) in place.server.shared.mail().iter_mut() {
        *content = content.replace("in-", "other-");
    }
    let news: Vec<_> = place.server.shared.mail().clone();
    place.mail.extend(news);
    place.server.heal();
    timed(&mut cell, || place.engine.flush(DOWNLOAD));
    cell.state = place.look(&mut cell);
    let right = cell.state == "4 here, 2 there";
    cell.must(right, "what is behind the new numbers is new mail");
    place.engine.end();
    cell
}
