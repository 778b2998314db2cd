//! Holds the code to the map: who may use whom, where tokio, SQL and egui may be named, how long a file may be.

#![expect(clippy::expect_used, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Each room with the rooms it may use.
const MAY_USE: &[(&str, &[&str])] = &[
    ("mapi", &[]),
    ("message", &["mapi"]),
    ("profile", &["mapi", "message"]),
    ("net", &["mapi", "profile"]),
    ("spool", &["mapi", "message", "profile", "transport"]),
    ("transport", &["mapi", "message", "net", "profile"]),
    ("spooler", &["mapi", "message", "profile", "spool", "transport"]),
    ("session", &["mapi", "profile", "spool", "spooler", "transport"]),
    ("demo", &["mapi", "message", "profile"]),
    ("command", &["demo", "mapi", "message", "profile", "session", "spool", "spooler", "transport"]),
    ("desktop", &["command", "demo", "mapi", "message", "profile", "session", "spool", "spooler", "transport"]),
];

/// Crates that only some rooms may name.
const CRATES: &[(&str, &[&str])] = &[
    ("tokio", &["net", "transport"]),
    ("tokio_rustls", &["net"]),
    ("rustls", &["net"]),
    ("rusqlite", &["spool"]),
    ("egui", &["desktop"]),
    ("eframe", &["desktop"]),
    ("winit", &["desktop"]),
    ("ksni", &["desktop"]),
    ("zbus", &["desktop", "session"]),
    ("rfd", &["desktop"]),
    ("keyring", &["profile"]),
];

/// A file longer than this is two rooms.
const LONGEST: usize = 520;

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the source") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The source files, by room, without comments and without tests, which may reach anywhere.
fn rooms() -> BTreeMap<String, Vec<(PathBuf, String)>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&root, &mut files);
    let mut rooms: BTreeMap<String, Vec<(PathBuf, String)>> = BTreeMap::new();
    for path in files {
        let inside = path.strip_prefix(&root).expect("inside").to_owned();
        let mut parts = inside.components();
        let (Some(room), Some(_)) = (parts.next(), parts.next()) else { continue };
        if inside.iter().any(|part| matches!(part.to_str(), Some("tests.rs" | "tests" | "testing.rs" | "testing"))) {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source file");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let code: Vec<&str> = code.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
        rooms.entry(room.as_os_str().to_string_lossy().into_owned()).or_default().push((inside, code.join("\n")));
    }
    rooms
}

/// The first names after each `crate::` in the code, braces included.
fn used_rooms(code: &str) -> Vec<String> {
    let mut used = Vec::new();
    for after in code.split("crate::").skip(1) {
        let names = match after.strip_prefix('{') {
            Some(inside) => inside.split('}').next().unwrap_or_default().split(',').map(str::trim).collect(),
            None => vec![after],
        };
        for name in names {
            let end = name.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(name.len());
            used.extend(name.get(..end).filter(|name| !name.is_empty()).map(str::to_owned));
        }
    }
    used
}

#[test]
fn rooms_use_only_the_rooms_below_them() {
    let mut wrong = Vec::new();
    let rooms = rooms();
    for (room, files) in &rooms {
        let Some((_, may_use)) = MAY_USE.iter().find(|(name, _)| name == room) else {
            wrong.push(format!("src/{room} is not on the map"));
            continue;
        };
        for (path, code) in files {
            for used in used_rooms(code) {
                if rooms.contains_key(&used) && used != *room && !may_use.contains(&used.as_str()) {
                    wrong.push(format!("{} uses {used}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn tokio_sql_and_egui_stay_in_their_rooms() {
    let mut wrong = Vec::new();
    for (room, files) in rooms() {
        for (path, code) in files {
            for (name, allowed) in CRATES {
                let named = code.split(&format!("{name}::")).count() > 1;
                let inner = code.split(&format!("_{name}::")).count() > 1;
                if named && !inner && !allowed.contains(&room.as_str()) {
                    wrong.push(format!("{} names {name}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_are_one_room_each_and_say_what_they_are_for() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&root, &mut files);
    let mut wrong = Vec::new();
    for path in files {
        let text = fs::read_to_string(&path).expect("a source file");
        let is_tests = path.ends_with("tests.rs") || path.iter().any(|part| part == "tests");
        if text.lines().count() > LONGEST && !is_tests {
            wrong.push(format!("{} has {} lines", path.display(), text.lines().count()));
        }
        if !text.starts_with("//!") {
            wrong.push(format!("{} does not say what it is for", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
