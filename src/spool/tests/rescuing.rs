//! What can be saved of a spool that broke.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::rescue::{LIST, Rescued, rescue};
use super::*;

/// Forty messages: small ones, some over many pages, one over several pieces; and a sent one, whose content is gone.
fn written() -> (TempDir, PathBuf, Vec<Vec<u8>>) {
    let mut scene = Scene::new();
    let sent = scene.submit(&["gone@example.net"]);
    let claimed = scene.claim(NOW);
    scene.finish(&claimed[0], &[QueueState::Sent], None);
    assert_eq!(claimed[0].envelope, sent);
    let contents: Vec<Vec<u8>> = (0..40_usize)
        .map(|number| {
            let size = [300, 5_000, 20_000, 2 * CHUNK_BYTES + 7][if number == 20 { 3 } else { number % 3 }];
            format!("Subject: number {number}\r\n\r\n")
                .bytes()
                .chain((0..size).map(|at| b"abcdefghijklmnopqrstuvw"[at % 23]))
                .collect()
        })
        .collect();
    for (number, content) in contents.iter().enumerate() {
        let to = format!("to{number}@example.net");
        submit(&scene.path, &message("work", &[&to]), content);
    }
    let Scene { _folder: folder, path, spool, reader, .. } = scene;
    drop((spool, reader));
    (folder, path, contents)
}

/// Rescues, and checks that what is called whole is: each file is one of the contents, none twice.
fn rescued(spool: &Path, into: &Path, contents: &[Vec<u8>]) -> Rescued {
    let before = fs::read(spool).expect("the spool");
    let told = rescue(spool, into).expect("rescued");
    assert!(fs::read(spool).expect("the spool") == before, "the spool itself is left alone");
    let mut seen = BTreeMap::new();
    for entry in fs::read_dir(into).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if path.extension().is_some_and(|end| end == "eml") && !name.contains("incomplete") {
            let bytes = fs::read(&path).expect("a message");
            let which = contents.iter().position(|content| *content == bytes);
            assert_eq!(seen.insert(which.unwrap_or_else(|| panic!("{name} is nobody's")), name), None);
        }
    }
    assert_eq!(seen.len() as u64, told.whole);
    told
}

#[test]
fn a_sound_spool_is_saved_whole_with_its_recipients() {
    let (folder, spool, contents) = written();
    let into = folder.path().join("saved");
    assert_eq!(rescued(&spool, &into, &contents), Rescued { whole: 40, incomplete: 0, lost: 0 });
    let list = fs::read_to_string(into.join(LIST)).expect("a list");
    let entries: Vec<serde_json::Value> = list.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(entries.len(), 40, "what was sent needs no rescue");
    assert_eq!(entries[0]["envelopes"][0]["recipients"][0], serde_json::json!(["to0@example.net", "queued"]));
    assert!(matches!(rescue(&spool, &into), Err(SpoolError::Io { .. })), "nothing is mixed up with an earlier rescue");
}

#[test]
fn a_broken_page_costs_what_is_on_it_and_nothing_else() {
    let (folder, spool, contents) = written();
    let whole = fs::read(&spool).expect("the spool");
    let pages = whole.len() / 4096;
    let mut saved = Vec::new();
    for page in (0..pages).step_by(5) {
        let mut broken = whole.clone();
        broken[page * 4096..(page + 1) * 4096].fill(0xA5);
        fs::write(&spool, &broken).expect("broken");
        let into = folder.path().join(format!("without-{page}"));
        let told = rescued(&spool, &into, &contents);
        // A leaf of the table of messages or contents holds some dozen small ones. The first pages are the tables' own.
        assert!(page < 40 || told.whole >= 10, "page {page}: {told:?}");
        saved.push(told.whole);
        fs::remove_dir_all(into).expect("removed");
    }
    saved.sort_unstable();
    assert!(saved[saved.len() / 10] >= 38, "of 40 messages, page by page: {saved:?}");
}

#[test]
fn without_its_beginning_or_its_end_the_rest_is_saved() {
    let (folder, spool, contents) = written();
    let whole = fs::read(&spool).expect("the spool");
    for (number, (from, to)) in [(0, 16), (0, 100), (0, 4096)].into_iter().enumerate() {
        let mut broken = whole.clone();
        broken[from..to].fill(0);
        fs::write(&spool, &broken).expect("broken");
        assert!(matches!(Spool::open(&spool), Err(SpoolError::Damaged(_))));
        let told = rescued(&spool, &folder.path().join(format!("begun-{number}")), &contents);
        assert_eq!(told, Rescued { whole: 40, incomplete: 0, lost: 0 });
    }
    for part in 1..10 {
        fs::write(&spool, &whole[..whole.len() * part / 10]).expect("cut");
        let told = rescued(&spool, &folder.path().join(format!("cut-{part}")), &contents);
        assert!(part < 5 || told.whole > 5, "{part}: {told:?}");
    }
    fs::write(&spool, b"nothing of the kind").expect("overwritten");
    let told = rescued(&spool, &folder.path().join("nothing"), &contents);
    assert_eq!(told, Rescued::default());
}

/// The page from which all others of a table are found.
fn first_page(spool: &Path, table: &str) -> usize {
    let db = rusqlite::Connection::open(spool).expect("a spool");
    let page = "SELECT rootpage FROM sqlite_schema WHERE type = 'table' AND name = ?1";
    db.query_row(page, [table], |row| row.get::<_, u32>(0)).expect("a table") as usize
}

#[test]
fn a_table_whose_first_page_is_broken_takes_no_other_with_it() {
    let (folder, spool, contents) = written();
    let whole = fs::read(&spool).expect("the spool");
    let all = Rescued { whole: 40, incomplete: 0, lost: 0 };
    for (table, expected, recipients) in [
        // Without its size nobody can say that a message is whole; all that was written is there.
        ("message", Rescued { whole: 0, incomplete: 40, lost: 0 }, true),
        ("envelope", all, false),
        ("recipient", all, false),
        ("chunk", Rescued { whole: 0, incomplete: 0, lost: 40 }, true),
    ] {
        let page = first_page(&spool, table);
        let mut broken = whole.clone();
        broken[(page - 1) * 4096..page * 4096].fill(0xA5);
        let damaged = folder.path().join(format!("{table}.db"));
        fs::write(&damaged, &broken).expect("broken");
        let into = folder.path().join(format!("without-{table}"));
        assert_eq!(rescued(&damaged, &into, &contents), expected, "{table}");
        let list = fs::read_to_string(into.join(LIST)).expect("a list");
        assert_eq!(list.lines().count(), 40, "{table}");
        assert_eq!(list.contains("to39@example.net"), recipients, "{table}: {list}");
        if table == "message" {
            let saved = fs::read_dir(&into).expect("a folder").map(|entry| entry.expect("an entry").path());
            let saved = saved.filter(|path| path.extension().is_some_and(|end| end == "eml"));
            assert!(saved.map(|path| fs::read(path).expect("a message")).all(|message| contents.contains(&message)));
        }
    }
}

#[test]
fn what_lies_in_the_log_alone_is_saved_too() {
    let scene = Scene::new();
    scene.submit(&["a@example.net"]);
    let log = schema::beside(&scene.path, "-wal");
    assert!(fs::metadata(&log).expect("a log").len() > 0);
    let into = scene.path.with_file_name("saved");
    assert_eq!(rescue(&scene.path, &into).expect("rescued").whole, 1);
}

#[test]
fn a_look_at_every_page_finds_what_is_broken() {
    let (folder, spool, _) = written();
    Reader::open(&spool).and_then(|mut reader| reader.check()).expect("sound");
    let mut broken = fs::read(&spool).expect("the spool");
    let middle = broken.len() / 2 / 4096 * 4096;
    broken[middle..middle + 4096].fill(0xA5);
    fs::write(&spool, &broken).expect("broken");
    let checked = Reader::open(&spool).and_then(|mut reader| reader.check());
    assert!(matches!(checked, Err(SpoolError::Damaged(_))), "{checked:?}");
    drop(folder);
}
