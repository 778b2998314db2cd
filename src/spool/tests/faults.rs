//! Full disks, damaged files, other versions, locks.

use std::fs::{self, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::PermissionsExt as _;

use rusqlite::Connection;

use super::schema::migrate;
use super::*;

#[test]
fn the_files_are_for_their_owner_only() {
    let scene = Scene::new();
    scene.submit(&["a@example.net"]);
    let folder = scene.path.parent().expect("a folder");
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).expect("readable") {
        let entry = entry.expect("an entry");
        assert_eq!(entry.metadata().expect("metadata").permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
        names.push(entry.file_name().into_string().expect("text"));
    }
    names.sort();
    assert_eq!(names, ["spool.db", "spool.db-shm", "spool.db-wal"]);
}

#[test]
fn every_connection_syncs_and_logs_ahead() {
    let scene = Scene::new();
    assert_eq!(scene.number("PRAGMA synchronous"), 2, "FULL");
    assert_eq!(scene.number("PRAGMA foreign_keys"), 1);
    let mode: String = scene.spool.db().query_row("PRAGMA journal_mode", (), |row| row.get(0)).expect("a mode");
    assert_eq!(mode, "wal");
}

#[test]
fn a_full_disk_is_told_and_nothing_is_lost() {
    let mut scene = Scene::new();
    let mut batch = StagingBatch::begin(&scene.path).expect("a batch");
    let limit = scene.number("PRAGMA page_count") + 60;
    let set_limit = |db: &Connection, pages: i64| db.pragma_update(None, "max_page_count", pages).expect("a limit");
    set_limit(batch.db(), limit);
    let mut stored = Vec::new();
    let full = loop {
        let mut staging = batch.stage().expect("a message");
        staging.write(&[b'x'; 10_000]).expect("kept in memory");
        staging.ready(message("work", &["a@example.net"]), NOW).expect("ready");
        match batch.commit() {
            Ok(ids) => stored.extend(ids),
            Err(error) => break error,
        }
    };
    assert!(matches!(full, SpoolError::Full), "{full:?}");
    assert!(stored.len() > 5);
    let counts = scene.reader.counts().expect("counts");
    assert_eq!(counts["work"].queued, stored.len() as u64);

    // The same for the owner: what could not be written has not happened, and can be when there is room.
    set_limit(scene.spool.db(), limit);
    let many = (0..100_000).map(|uid| uid.to_string()).collect();
    let received =
        [SpoolOp::Received { transport: "work".to_owned(), mailbox: "INBOX".to_owned(), uids: many, at: NOW }];
    assert!(matches!(scene.spool.apply(&received), Err(SpoolError::Full)));
    assert!(scene.spool.known("work", "INBOX").expect("known").is_empty());
    set_limit(scene.spool.db(), 1_000_000);
    scene.spool.apply(&received).expect("there is room");

    set_limit(batch.db(), 1_000_000);
    stored.extend(batch.commit().expect("there is room"));
    for id in stored {
        let size = scene.reader.write_content(id, &mut |_| Ok(())).expect("whole");
        assert_eq!(size, 10_000);
    }
}

#[test]
fn damage_is_told_as_damage() {
    let scene = Scene::new();
    submit(&scene.path, &message("work", &["a@example.net"]), &vec![b'x'; 100_000]);
    let Scene { _folder: folder, path, spool, reader, .. } = scene;
    drop((spool, reader));

    let overwrite = |from: u64, bytes: usize| {
        let mut file = OpenOptions::new().write(true).open(&path).expect("open");
        file.seek(SeekFrom::Start(from)).expect("sought");
        file.write_all(&vec![0xA5; bytes]).expect("written");
    };
    // The schema is sound, what it leads to is not.
    overwrite(4096, 60_000);
    let listed = Reader::open(&path).and_then(|mut reader| {
        reader.list(&ListQuery { limit: 9, ..ListQuery::default() }, NOW)?;
        reader.show(EnvelopeId(1))
    });
    assert!(matches!(listed, Err(SpoolError::Damaged(_))), "{listed:?}");
    overwrite(0, 100);
    assert!(matches!(Spool::open(&path), Err(SpoolError::Damaged(_))));
    assert!(matches!(StagingBatch::begin(&path), Err(SpoolError::Damaged(_))));
    let failure = Failure::from(Spool::open(&path).expect_err("damaged"));
    assert_eq!((failure.class, failure.stage), (Class::Local, Stage::Store));
    assert!(failure.what.contains("doctor --rescue"), "{failure}");

    fs::write(&path, "").expect("emptied");
    assert!(matches!(Spool::open(&path), Err(SpoolError::Damaged(_))), "an empty file is a lost spool, not a new one");
    drop(folder);
}

#[test]
fn somebody_elses_database_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("spool.db");
    Connection::open(&path).and_then(|db| db.execute_batch("CREATE TABLE t (x)")).expect("a database");
    assert!(matches!(Spool::open(&path), Err(SpoolError::Damaged(_))));
    let missing = folder.path().join("nothing.db");
    assert!(matches!(Reader::open(&missing), Err(SpoolError::Io { .. })), "a reader makes none");
    assert!(!missing.exists());
    let nowhere = folder.path().join("no/such/folder/spool.db");
    assert!(matches!(Spool::open(&nowhere), Err(SpoolError::Io { .. })));
}

#[test]
fn a_newer_schema_is_refused() {
    let scene = Scene::new();
    scene.spool.db().pragma_update(None, "user_version", 99).expect("set");
    let newer = |error| matches!(error, SpoolError::NewerVersion { found: 99, known: 4 });
    assert!(newer(Spool::open(&scene.path).expect_err("newer")));
    assert!(newer(Reader::open(&scene.path).expect_err("newer")));
    assert!(newer(StagingBatch::begin(&scene.path).expect_err("newer")));
}

#[test]
fn an_older_schema_is_no_damage_to_who_may_only_read() {
    let scene = Scene::new();
    scene.spool.db().pragma_update(None, "user_version", 1).expect("set");
    let error = Reader::open(&scene.path).expect_err("older");
    assert!(matches!(error, SpoolError::OlderVersion { found: 1, known: 4 }), "{error}");
    scene.spool.db().pragma_update(None, "user_version", -1).expect("set");
    assert!(matches!(Spool::open(&scene.path).expect_err("none"), SpoolError::Damaged(_)));
}

#[test]
fn an_older_schema_is_migrated_whole_or_not_at_all() {
    let mut db = Connection::open_in_memory().expect("a database");
    let version =
        |db: &Connection| -> i64 { db.pragma_query_value(None, "user_version", |row| row.get(0)).expect("set") };
    let first = "CREATE TABLE t (x INTEGER NOT NULL); INSERT INTO t VALUES (1)";
    migrate(&mut db, &[first]).expect("made");
    let wrong = [first, "ALTER TABLE t ADD COLUMN y INTEGER", "this is no SQL"];
    assert!(migrate(&mut db, &wrong).is_err());
    assert_eq!(version(&db), 1);
    let right = [first, "ALTER TABLE t ADD COLUMN y INTEGER", "UPDATE t SET y = x + 1"];
    migrate(&mut db, &right).expect("migrated");
    migrate(&mut db, &right).expect("nothing to do");
    let y: i64 = db.query_row("SELECT y FROM t", (), |row| row.get(0)).expect("a row");
    assert_eq!((version(&db), y), (3, 2));
    assert!(matches!(migrate(&mut db, &right[..1]), Err(SpoolError::NewerVersion { found: 3, known: 1 })));
}

#[test]
fn who_keeps_the_spool_locked_is_waited_for_and_then_told() {
    let mut scene = Scene::new();
    scene.spool.db().busy_timeout(std::time::Duration::ZERO).expect("no patience");
    let other = Spool::open(&scene.path).expect("opened");
    other.db().execute_batch("BEGIN IMMEDIATE").expect("locked");
    assert!(matches!(scene.spool.prune(NOW), Err(SpoolError::Locked)));
    // Reading goes on.
    assert!(scene.reader.counts().expect("counts").is_empty());
    other.db().execute_batch("COMMIT").expect("let go");
    assert_eq!(scene.spool.prune(NOW).expect("pruned"), 0);
}

#[test]
fn readers_that_rest_do_not_keep_the_log_from_being_given_back() {
    use crate::transport::ContentStore as _;
    let mut scene = Scene::new();
    let content = vec![b'x'; 2 * CHUNK_BYTES];
    let id = submit(&scene.path, &message("work", &["a@example.net"]), &content)[0];
    let store = StoredContent::open(&scene.path).expect("contents");
    let claimed = scene.claim(NOW);
    // Each has looked at the spool, has not come to the end of it, and stays open.
    assert!(store.chunk(claimed[0].message, 0).expect("readable").is_some());
    scene.reader.list(&ListQuery { limit: 1, ..ListQuery::default() }, NOW).expect("a page");
    scene.show(id);
    let stop = |_: &[u8]| Err(std::io::Error::other("enough"));
    assert!(scene.reader.write_content(id, &mut { stop }).is_err());
    assert!(scene.reader.report_input(id, &[RecipientId(1)]).expect("readable").is_none());
    scene.submit(&["b@example.net"]);
    scene.spool.db().busy_timeout(std::time::Duration::ZERO).expect("no patience");
    assert_eq!(scene.number("PRAGMA wal_checkpoint(TRUNCATE)"), 0, "nobody was in the way");
    let log = schema::beside(&scene.path, "-wal");
    assert_eq!(fs::metadata(log).expect("it is there").len(), 0);
}

#[test]
fn readers_can_not_write() {
    let scene = Scene::new();
    let refused = scene.reader.db().execute("DELETE FROM envelope", ()).map_err(SpoolError::from);
    assert!(matches!(refused, Err(SpoolError::ReadOnly)), "{refused:?}");
}

#[test]
fn a_transaction_that_fails_has_not_happened() {
    let mut scene = Scene::new();
    let id = scene.submit(&["a@example.net"]);
    let failed: Result<(), SpoolError> = scene.spool.transaction(|spool| {
        assert_eq!(spool.claim("work", 9, u64::MAX, &eligible(NOW))?.len(), 1);
        assert_eq!(spool.counts()?["work"].in_flight, 1);
        Err(SpoolError::Gone)
    });
    assert!(matches!(failed, Err(SpoolError::Gone)));
    assert_eq!(scene.states(id), [QueueState::Queued]);
}
