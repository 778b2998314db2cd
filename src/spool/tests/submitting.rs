//! Submitting from many threads and processes, beside the owner; processes that die in the middle.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::*;

/// Where the tests that play another process find the spool.
const SPOOL_OF_CHILD: &str = "MAILSLUICE_TEST_SPOOL";

/// Runs an ignored test in a process of its own.
pub(super) fn child(test: &str, spool: &Path) -> Child {
    Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", &format!("spool::tests::{test}"), "--ignored", "--nocapture"])
        .env(SPOOL_OF_CHILD, spool)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a process")
}

pub(super) fn spool_of_child() -> PathBuf {
    std::env::var_os(SPOOL_OF_CHILD).map(PathBuf::from).expect("started by another test")
}

#[test]
fn forty_threads_submit_at_once_and_make_the_spool_while_they_are_at_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("spool.db");
    let ids: Vec<EnvelopeId> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..40)
            .map(|number| {
                let path = &path;
                scope.spawn(move || {
                    let mut batch = StagingBatch::begin(path).expect("a batch");
                    for _ in 0..5 {
                        let mut staging = batch.stage().expect("a message");
                        staging.write(format!("from {number}").as_bytes()).expect("written");
                        staging.ready(message("work", &["a@example.net"]), NOW).expect("ready");
                    }
                    batch.commit().expect("committed")
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    });
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 200);
    let mut spool = Spool::open(&path).expect("opened");
    assert_eq!(spool.counts().expect("counts")["work"].queued, 200);
    let left: Vec<_> =
        std::fs::read_dir(folder.path()).expect("readable").map(|entry| entry.expect("one").file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains("-new-")), "{left:?}");
}

#[test]
fn processes_submit_beside_the_owner_who_claims_meanwhile() {
    let mut scene = Scene::new();
    let children: Vec<Child> = (0..4).map(|_| child("submitting::child_submits", &scene.path)).collect();
    let mut claimed = Vec::new();
    let mut ended = 0;
    for mut one in children {
        // Reads to the end of what it says: meanwhile the others run.
        let mut said = String::new();
        claimed.extend(scene.claim(NOW));
        one.stdout.take().expect("piped").read_to_string(&mut said).expect("read");
        assert!(one.wait().expect("ended").success(), "{said}");
        ended += 1;
    }
    claimed.extend(scene.claim(NOW));
    let different: HashSet<EnvelopeId> = claimed.iter().map(|one| one.envelope).collect();
    assert_eq!((ended, claimed.len(), different.len()), (4, 100, 100));
}

#[test]
#[ignore = "plays another process; started by the test above"]
fn child_submits() {
    let mut batch = StagingBatch::begin(&spool_of_child()).expect("a batch");
    for _ in 0..25 {
        let mut staging = batch.stage().expect("a message");
        staging.write(b"hello").expect("written");
        staging.ready(message("work", &["a@example.net"]), NOW).expect("ready");
        batch.commit().expect("committed");
    }
}

#[test]
fn what_a_dead_process_left_half_written_is_swept_and_what_a_living_one_writes_is_not() {
    let mut scene = Scene::new();
    let mut one = child("submitting::child_stages_and_waits", &scene.path);
    let staged =
        BufReader::new(one.stdout.take().expect("piped")).lines().any(|line| line.expect("text").contains("staged"));
    assert!(staged);
    let policy = crate::profile::InDoubtPolicy::Hold;
    assert_eq!(scene.spool.recover(NOW, policy).expect("recovered").swept, 0);
    assert!(scene.number("SELECT COUNT(*) FROM chunk") > 0);
    one.kill().expect("killed");
    one.wait().expect("ended");
    assert_eq!(scene.spool.recover(NOW, policy).expect("recovered").swept, 1);
    assert_eq!(scene.number("SELECT (SELECT COUNT(*) FROM chunk) + (SELECT COUNT(*) FROM message)"), 0);
    let tokens = std::fs::read_dir(scene.path.parent().expect("a folder")).expect("readable");
    assert_eq!(tokens.filter(|entry| is_token(entry.as_ref().expect("one"))).count(), 0);
}

fn is_token(entry: &std::fs::DirEntry) -> bool {
    entry.file_name().to_string_lossy().contains("-staging-")
}

#[test]
#[ignore = "plays another process; started by the test above"]
fn child_stages_and_waits() {
    let mut batch = StagingBatch::begin(&spool_of_child()).expect("a batch");
    let mut staging = batch.stage().expect("a message");
    staging.write(&vec![b'x'; 5 << 20]).expect("written");
    writeln!(std::io::stdout(), "staged").expect("said");
    // Ends with the test that started it, if that does not end it before.
    std::io::stdin().read_to_end(&mut Vec::new()).ok();
}

#[test]
fn a_message_given_up_leaves_nothing_and_the_others_alone() {
    let mut scene = Scene::new();
    let mut batch = StagingBatch::begin(&scene.path).expect("a batch");
    batch.stage().expect("a message").ready(message("work", &["a@example.net"]), NOW).expect("ready");
    let mut large = batch.stage().expect("a message");
    large.write(&vec![b'x'; 5 << 20]).expect("written");
    drop(large);
    let mut nobody = batch.stage().expect("a message");
    nobody.write(&vec![b'x'; 5 << 20]).expect("written");
    assert!(matches!(nobody.ready(message("work", &[]), NOW), Err(SpoolError::NoRecipients)));
    assert_eq!(scene.number("SELECT COUNT(*) FROM message"), 0, "neither given up nor committed");
    let ids = batch.commit().expect("committed");
    assert_eq!(ids.len(), 1);
    assert!(batch.commit().expect("nothing more").is_empty());
    assert_eq!(scene.reader.write_content(ids[0], &mut |_| Ok(())).expect("empty"), 0);
}

#[test]
fn a_batch_dropped_before_its_commit_leaves_nothing() {
    let scene = Scene::new();
    let mut batch = StagingBatch::begin(&scene.path).expect("a batch");
    let mut large = batch.stage().expect("a message");
    large.write(&vec![b'x'; 5 << 20]).expect("written");
    large.ready(message("work", &["a@example.net"]), NOW).expect("ready");
    drop(batch);
    assert_eq!(scene.number("SELECT (SELECT COUNT(*) FROM chunk) + (SELECT COUNT(*) FROM message)"), 0);
}

#[test]
fn large_content_outlives_a_commit_that_failed_and_is_synced_like_all_else() {
    let mut scene = Scene::new();
    let mut batch = StagingBatch::begin(&scene.path).expect("a batch");
    let set_limit = |batch: &StagingBatch, pages: i64| {
        batch.db().pragma_update(None, "max_page_count", pages).expect("a limit");
    };
    let is_synced = |batch: &StagingBatch| {
        let mode: i64 = batch.db().query_row("PRAGMA synchronous", (), |row| row.get(0)).expect("a mode");
        assert_eq!(mode, 2, "FULL");
    };
    let content: Vec<u8> = (0..(5 << 20) + 17_u32).map(|place| (place % 241) as u8).collect();
    let mut large = batch.stage().expect("a message");
    large.write(&content).expect("written");
    large.ready(message("work", &["a@example.net"]), NOW).expect("ready");
    is_synced(&batch);
    set_limit(&batch, scene.number("PRAGMA page_count"));
    for _ in 0..2 {
        assert!(matches!(batch.commit(), Err(SpoolError::Full)));
        assert!(batch.durable().is_empty());
        assert_eq!(scene.number("SELECT COUNT(*) FROM envelope"), 0);
    }
    let folder = std::fs::read_dir(scene.path.parent().expect("a folder")).expect("readable");
    let tokens: Vec<_> = folder.map(|entry| entry.expect("one")).filter(is_token).collect();
    let mode = |entry: &std::fs::DirEntry| entry.metadata().expect("metadata").permissions().mode() & 0o777;
    assert_eq!(tokens.iter().map(mode).collect::<Vec<_>>(), [0o600]);
    // It lives: whoever recovers meanwhile leaves what it has written alone.
    let swept = scene.spool.recover(NOW, crate::profile::InDoubtPolicy::Hold).expect("recovered").swept;
    assert_eq!(swept, 0);
    // Nor does what fails half-way change how the rest is written.
    let mut another = batch.stage().expect("a message");
    assert!(matches!(another.write(&content), Err(SpoolError::Full)));
    drop(another);
    is_synced(&batch);
    set_limit(&batch, 1_000_000);
    let ids = batch.commit().expect("there is room");
    let mut stored = Vec::new();
    let mut keep = |bytes: &[u8]| {
        stored.extend_from_slice(bytes);
        Ok(())
    };
    scene.reader.write_content(ids[0], &mut keep).expect("whole");
    assert!(stored == content);
    assert_eq!(scene.number("SELECT COUNT(*) FROM message"), 1);
}

#[test]
fn what_is_on_disk_although_the_commit_failed_is_told() {
    let mut scene = Scene::new();
    let mut batch = StagingBatch::begin(&scene.path).expect("a batch");
    let add = |batch: &mut StagingBatch| {
        let mut staging = batch.stage().expect("a message");
        staging.write(&[b'x'; 3000]).expect("written");
        staging.ready(message("work", &["a@example.net"]), NOW).expect("ready");
    };
    // Enough for some to be submitted on the way.
    (0..300).for_each(|_| add(&mut batch));
    let on_disk = scene.spool.counts().expect("counts")["work"].queued;
    batch.db().pragma_update(None, "max_page_count", scene.number("PRAGMA page_count")).expect("a limit");
    assert!(matches!(batch.commit(), Err(SpoolError::Full)));
    assert_eq!(batch.durable().len() as u64, on_disk);
    batch.db().pragma_update(None, "max_page_count", 1_000_000).expect("a limit");
    assert_eq!(batch.commit().expect("there is room").len() as u64, 300 - on_disk, "none is told twice");
}

#[test]
fn a_thousand_small_messages_are_a_few_transactions() {
    let mut scene = Scene::new();
    let mut batch = StagingBatch::begin(&scene.path).expect("a batch");
    let data_version = |scene: &Scene| scene.number("PRAGMA data_version");
    let (mut seen, mut transactions) = (data_version(&scene), 0);
    for _ in 0..1000 {
        let mut staging = batch.stage().expect("a message");
        staging.write(&[b'x'; 2000]).expect("written");
        staging.ready(message("work", &["a@example.net"]), NOW).expect("ready");
        let now = data_version(&scene);
        transactions += i32::from(now != seen);
        seen = now;
    }
    assert_eq!(batch.commit().expect("committed").len(), 1000);
    assert!((1..10).contains(&transactions), "{transactions}");
    assert_eq!(scene.spool.counts().expect("counts")["work"].queued, 1000);
}
