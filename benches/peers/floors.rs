//! What the disk asks for: the durable disciplines that programs choose from, with nothing else around them. Whoever keeps
//! its promises is no faster than the one it chose.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use crate::report::median;

/// Messages of 4 KiB each.
const COUNT: usize = 1000;
/// In one go, where there is one.
const GROUP: usize = 100;

/// Measures them; a table in Markdown.
pub(crate) fn measure(repetitions: usize) -> String {
    type Discipline = fn(&Path);
    let disciplines: [(&str, Discipline); 3] = [
        ("a file each: write, fsync, rename", one_by_one),
        ("a hundred files, one syncfs, renames", groups),
        ("SQLite (WAL, synchronous=FULL), a hundred rows a transaction", rows),
    ];
    let mut rates = vec![Vec::new(); disciplines.len()];
    for _ in 0..repetitions {
        for ((_, discipline), rates) in disciplines.iter().zip(&mut rates) {
            let folder = tempfile::tempdir().expect("a folder");
            let begin = Instant::now();
            discipline(folder.path());
            rates.push(COUNT as f64 / begin.elapsed().as_secs_f64());
        }
    }
    let mut text = format!("## Floors of the disk\n\n{COUNT} × 4 KiB.\n\n| discipline | per s |\n|--|--:|\n");
    for ((name, _), rates) in disciplines.iter().zip(rates) {
        writeln!(text, "| {name} | {:.0} |", median(rates).unwrap_or_default()).expect("a string");
    }
    text.push('\n');
    text
}

fn one_by_one(folder: &Path) {
    for number in 0..COUNT {
        let path = folder.join(format!("tmp.{number}"));
        let mut file = File::create(&path).expect("a file");
        file.write_all(&[b'x'; 4096]).and_then(|()| file.sync_all()).expect("a disk");
        fs::rename(&path, folder.join(number.to_string())).expect("a rename");
    }
}

fn groups(folder: &Path) {
    let device = File::open(folder).expect("a folder");
    for group in 0..COUNT / GROUP {
        let path = |number: usize| folder.join(format!("tmp.{group}.{number}"));
        for number in 0..GROUP {
            fs::write(path(number), [b'x'; 4096]).expect("a file");
        }
        rustix::fs::syncfs(&device).expect("a disk");
        for number in 0..GROUP {
            fs::rename(path(number), folder.join(format!("{group}.{number}"))).expect("a rename");
        }
        device.sync_all().expect("a disk");
    }
}

fn rows(folder: &Path) {
    let mut database = rusqlite::Connection::open(folder.join("db")).expect("a database");
    let set_up =
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE m (id INTEGER PRIMARY KEY, content BLOB)";
    database.execute_batch(set_up).expect("a table");
    for _ in 0..COUNT / GROUP {
        let transaction = database.transaction().expect("a transaction");
        for _ in 0..GROUP {
            transaction.execute("INSERT INTO m (content) VALUES (?)", [[b'x'; 4096].as_slice()]).expect("a row");
        }
        transaction.commit().expect("a disk");
    }
}
