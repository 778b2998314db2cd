//! The loop on a spool that can't be written for a while.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::mapi::{FlushFlags, MapiResult, QueueState};
use crate::profile::Places;
use crate::spool::{ListQuery, Reader};
use crate::spooler::core::rows::spooler_id;
use crate::spooler::submit::{Options, Submitter};
use crate::spooler::{Command, Event, Line, Reply, Spooler, Stay};
use crate::transport::Severity;

/// A profile that sends into a folder, with so many messages in its queue, and its spooler.
struct Scene {
    folder: tempfile::TempDir,
    places: Places,
    spooler: Spooler,
}

impl Scene {
    fn new(messages: usize) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let places = Places::of(Some(folder.path()));
        places.create().expect("the folders");
        for part in ["cur", "new", "tmp"] {
            std::fs::create_dir_all(folder.path().join("out").join(part)).expect("a Maildir");
        }
        let out = folder.path().join("out");
        let text = format!(
            "[[transport]]\nname = \"out\"\noutgoing = {{ kind = \"folder\", path = \"{}\" }}\n",
            out.display()
        );
        let profile = crate::profile::load(&text, &places.profile_file(), &places).expect("a profile");
        let mut submitter = Submitter::new(&places, &profile).expect("a submitter");
        for _ in 0..messages {
            let text = b"From: ada@example.org\r\nTo: bob@example.net\r\n\r\nhello\r\n";
            submitter.submit(&mut &text[..], &Options::default()).expect("taken");
        }
        submitter.commit().expect("durable");
        let spooler = Spooler::reach(&places, &profile, Stay::Long).expect("a spooler");
        Self { folder, places, spooler }
    }

    fn line(&self) -> &Line {
        self.spooler.line()
    }

    /// Makes every change of a state that this condition meets fail, as a full disk would.
    fn refuse_writes(&self, when: &str) {
        let trigger = format!(
            "CREATE TRIGGER no_room BEFORE UPDATE OF state ON envelope WHEN {when} BEGIN SELECT RAISE(ABORT, 'no'); END"
        );
        self.sql(&trigger);
    }

    fn make_room(&self) {
        self.sql("DROP TRIGGER no_room");
    }

    fn sql(&self, text: &str) {
        let db = Connection::open(self.places.spool()).expect("the spool");
        db.busy_timeout(std::time::Duration::from_secs(10)).expect("patience");
        db.execute_batch(text).expect("written");
    }

    fn flush(&self) -> Reply {
        let flags = FlushFlags::FLUSH_UPLOAD;
        self.line().ask(Command::FlushQueues { object: spooler_id(), target: None, flags, by_hand: true }).wait()
    }

    fn delivered(&self) -> usize {
        files(&self.folder.path().join("out/new")).len()
    }

    fn in_state(&self, state: QueueState) -> u64 {
        let counts = Reader::open(&self.places.spool()).expect("a reader").counts().expect("counts");
        let counts = counts.get("out").copied().unwrap_or_default();
        match state {
            QueueState::Queued => counts.queued,
            QueueState::InFlight => counts.in_flight,
            QueueState::InDoubt => counts.in_doubt,
            _ => u64::MAX,
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect()
}

#[test]
fn what_went_out_while_the_disk_was_full_is_written_when_there_is_room_and_nobody_is_told_before() {
    let scene = Scene::new(3);
    let events = scene.line().subscribe(std::sync::Arc::new(|| {}));
    scene.refuse_writes("new.state = 6");
    let Reply::Refused(result, text) = scene.flush() else { panic!("told as done") };
    assert_ne!(result, MapiResult::Ok, "{text}");
    assert_eq!(scene.delivered(), 3);
    assert_eq!(scene.in_state(QueueState::InFlight), 3);
    // It is there for others all the while.
    let listed = scene.line().ask(Command::List(ListQuery { limit: 10, ..ListQuery::default() })).wait();
    assert!(matches!(&listed, Reply::Listed(page) if page.messages.len() == 3), "{listed:?}");

    scene.make_room();
    let mut errors = 0;
    loop {
        match events.recv().expect("the spooler is there") {
            Event::Log(line) if line.severity == Severity::Error => errors += 1,
            Event::Log(line) if line.text.contains("can be written again") => break,
            _ => {}
        }
    }
    assert!(errors <= 2, "said {errors} times: once for the spool, once for the flush");
    assert_eq!(scene.in_state(QueueState::InFlight), 0);
    assert!(matches!(scene.flush(), Reply::Flushed(reply) if reply.result == MapiResult::Ok));
    assert_eq!(scene.delivered(), 3, "none went out twice");
    scene.spooler.end(true);
}

#[test]
fn a_spool_that_cannot_be_written_is_no_empty_queue() {
    let scene = Scene::new(2);
    scene.refuse_writes("new.state = 0");
    match scene.flush() {
        Reply::Refused(result, _) => assert_ne!(result, MapiResult::Ok),
        Reply::Flushed(reply) => assert_ne!(reply.result, MapiResult::Ok),
        other => panic!("{other:?}"),
    }
    assert_eq!((scene.delivered(), scene.in_state(QueueState::Queued)), (0, 2));
    scene.make_room();
    assert!(matches!(scene.flush(), Reply::Flushed(reply) if reply.result == MapiResult::Ok));
    assert_eq!(scene.delivered(), 2);
    scene.spooler.end(true);
}

#[test]
fn what_was_never_written_is_in_doubt_at_the_next_start() {
    let scene = Scene::new(1);
    scene.refuse_writes("new.state = 6");
    scene.flush();
    let Scene { folder, places, spooler } = scene;
    spooler.end(true);
    let db = Connection::open(places.spool()).expect("the spool");
    db.execute_batch("DROP TRIGGER no_room").expect("room");
    let mut spool = crate::spool::Spool::open(&places.spool()).expect("a spool");
    let recovery = spool.recover(0, crate::profile::InDoubtPolicy::default()).expect("recovered");
    assert_eq!(recovery.in_doubt, 1, "{recovery:?}");
    drop(folder);
}
