//! Disks that are full, read-only or broken: a small file system of their own for the profile.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::dovecot::PASSWORD;
use crate::support::messages::message;
use crate::support::{Dovecot, Harness};

/// A file system in memory. Unmounted when dropped.
struct Disk(PathBuf);

impl Disk {
    /// Mounts one of this size. `None`, with a word, where that is not allowed.
    fn mount(at: &Path, size: &str) -> Option<Self> {
        std::fs::create_dir_all(at).expect("a folder");
        let mounted = mount(&["-t", "tmpfs", "-o", &format!("size={size},mode=0700"), "tmpfs"], at);
        if !mounted {
            println!("skipped: this user may not mount a file system");
        }
        mounted.then(|| Self(at.to_owned()))
    }

    fn change(&self, options: &str) {
        assert!(mount(&["-o", &format!("remount,{options}")], &self.0), "remounted with {options}");
    }

    /// Leaves no room at all.
    fn fill(&self) {
        let block = vec![0; 4096];
        let mut file = std::fs::File::create(self.0.join("filler")).expect("a file");
        while std::io::Write::write_all(&mut file, &block).is_ok() {}
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(&self.0).status().ok();
    }
}

fn mount(arguments: &[&str], at: &Path) -> bool {
    Command::new("mount").args(arguments).arg(at).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// A profile on a disk of this size; what it sends goes to files outside of it.
fn scene(size: &str) -> Option<(Disk, Harness)> {
    let harness = Harness::new("");
    let disk = Disk::mount(&harness.profile(), size)?;
    let taken = harness.path("taken");
    std::fs::create_dir(&taken).expect("a folder");
    let script = harness.write("take.sh", "cat > \"$1/$3.$$\"\n");
    let profile = format!(
        "[[transport]]\nname = \"out\"\n[transport.outgoing]\nkind = \"pipe\"\ncommand = [\"sh\", \"{}\", \"{}\", \"--\", \
         \"{{recipients}}\"]\n",
        script.display(),
        taken.display()
    );
    harness.write("profile/profile.toml", profile);
    Some((disk, harness))
}

fn letters(harness: &Harness, count: usize) -> Vec<String> {
    let names = (0..count).map(|number| {
        let text = format!("From: ada@example.org\r\nTo: bob{number}@example.net\r\n\r\n{}\r\n", "x".repeat(20_000));
        harness.write(&format!("letters/{number:04}.eml"), text).display().to_string()
    });
    names.collect()
}

fn taken(harness: &Harness) -> usize {
    std::fs::read_dir(harness.path("taken")).expect("a folder").count()
}

fn queued(harness: &Harness) -> u64 {
    harness.run(&["queue", "list", "--json"]).expect_code(0).json()["total"].as_u64().expect("a number")
}

#[test]
fn what_a_full_disk_has_no_room_for_is_told_and_the_rest_is_in_the_queue_once() {
    let Some((disk, harness)) = scene("2m") else { return };
    let letters = letters(&harness, 200);
    let mut arguments = vec!["submit", "--json"];
    arguments.extend(letters.iter().map(String::as_str));
    let run = harness.run(&arguments).expect_code(73);
    assert!(run.stderr.contains("the disk is full"), "{}", run.stderr);
    let told = run.json()["count"].as_u64().expect("a number");
    assert!(told < 200);

    disk.change("size=64m");
    assert_eq!(queued(&harness), told);
    let rest = &letters[usize::try_from(told).expect("few")..];
    let mut arguments = vec!["submit"];
    arguments.extend(rest.iter().map(String::as_str));
    harness.run(&arguments).expect_code(0);
    harness.run(&["flush", "--send", "--no-ui"]).expect_code(0);
    assert_eq!((queued(&harness), taken(&harness)), (0, 200));
}

#[test]
fn a_flush_on_a_full_disk_says_so_loses_nothing_and_goes_on_when_there_is_room() {
    let Some((disk, harness)) = scene("8m") else { return };
    let letters = letters(&harness, 20);
    let mut arguments = vec!["submit"];
    arguments.extend(letters.iter().map(String::as_str));
    harness.run(&arguments).expect_code(0);
    disk.fill();
    let run = harness.run(&["flush", "--send", "--no-ui", "--json"]);
    assert_eq!(run.code, Some(73), "{}{}", run.stdout, run.stderr);
    assert!((run.stdout.clone() + &run.stderr).contains("the disk is full"), "{}{}", run.stdout, run.stderr);
    assert_eq!(taken(&harness), 0, "what can't be noted down is not sent");

    std::fs::remove_file(harness.profile().join("filler")).expect("removed");
    harness.run(&["flush", "--send", "--no-ui"]).expect_code(0);
    assert_eq!((queued(&harness), taken(&harness)), (0, 20));
}

#[test]
fn mail_stays_on_the_server_until_there_is_room_for_it() {
    for kind in ["imap", "pop3"] {
        let Some(dovecot) = Dovecot::start() else { return };
        let mail: Vec<Vec<u8>> = (0..40).map(|number| message(number, 30_000)).collect();
        dovecot.fill("ada", mail.clone());
        let port = if kind == "imap" { dovecot.ports.imap } else { dovecot.ports.pop3 };
        let harness = Harness::new("");
        let Some(disk) = Disk::mount(&harness.profile(), "1m") else { return };
        let profile = format!(
            "[[transport]]\nname = \"in\"\n[transport.incoming]\nkind = \"{kind}\"\nhost = \"localhost\"\nport = {port}\n\
             security = \"starttls\"\nuser = \"ada\"\npassword = {{ command = \"echo {PASSWORD}\" }}\nafter = \"delete\"\n\
             ca_file = \"{}\"\n",
            dovecot.certs.authority.display()
        );
        harness.write("profile/profile.toml", profile);
        let run = harness.run(&["flush", "--receive", "--no-ui"]);
        assert_eq!(run.code, Some(73), "{kind}: {}{}", run.stdout, run.stderr);
        let here = harness.received("in").len();
        assert!(here < 40 && here + dovecot.mailbox("ada").len() >= 40, "{kind}: {here} here");

        disk.change("size=64m");
        harness.run(&["flush", "--receive", "--no-ui"]).expect_code(0);
        let (mut received, mut sent) = (harness.received("in"), mail);
        received.sort();
        sent.sort();
        assert!(received == sent, "{kind}: each is here once and whole, not {}", received.len());
        assert_eq!(dovecot.mailbox("ada").len(), 0, "{kind}");
    }
}

#[test]
fn a_read_only_disk_is_told_and_nothing_is_lost() {
    let Some((disk, harness)) = scene("8m") else { return };
    let letters = letters(&harness, 2);
    harness.run(&["submit", &letters[0]]).expect_code(0);
    disk.change("ro");
    for command in [&["submit", letters[1].as_str()][..], &["flush", "--no-ui"], &["queue", "hold", "1"]] {
        let run = harness.run(command);
        assert_eq!(run.code, Some(73), "{command:?}: {}{}", run.stdout, run.stderr);
        assert!(
            run.stderr.to_lowercase().contains("read-only") || run.stderr.contains("can't be written"),
            "{}",
            run.stderr
        );
    }
    disk.change("rw");
    harness.run(&["submit", &letters[1]]).expect_code(0);
    harness.run(&["flush", "--send", "--no-ui"]).expect_code(0);
    assert_eq!(taken(&harness), 2);
}

#[test]
fn a_broken_spool_is_left_alone_and_its_messages_are_saved() {
    let harness = Harness::new(
        "[[transport]]\nname = \"out\"\n[transport.outgoing]\nkind = \"pipe\"\ncommand = [\"sh\", \"-c\", \"cat > /dev/null\"]\n",
    );
    let letters = letters(&harness, 30);
    let mut arguments = vec!["submit"];
    arguments.extend(letters.iter().map(String::as_str));
    harness.run(&arguments).expect_code(0);
    let sound = harness.run(&["doctor"]).expect_code(0);
    assert!(sound.stdout.contains("spool: sound"), "{}", sound.stdout);

    let spool = harness.profile().join("spool.db");
    let mut bytes = std::fs::read(&spool).expect("the spool");
    bytes[..4096].fill(0);
    let cut = bytes.len() * 9 / 10;
    bytes.truncate(cut);
    std::fs::write(&spool, &bytes).expect("broken");
    for command in [&["submit", letters[0].as_str()][..], &["flush", "--no-ui"], &["queue", "list"], &["doctor"]] {
        let run = harness.run(command);
        assert_eq!(run.code, Some(73), "{command:?}: {}{}", run.stdout, run.stderr);
        assert!((run.stdout.clone() + &run.stderr).contains("doctor --rescue"), "{}{}", run.stdout, run.stderr);
    }
    let saved = harness.path("saved");
    let run = harness.run(&["doctor", "--rescue", &saved.display().to_string()]);
    assert!(std::fs::read(&spool).expect("the spool") == bytes, "the spool is as it was");
    let mut whole = 0;
    for entry in std::fs::read_dir(&saved).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if path.extension().is_some_and(|end| end == "eml") && !name.contains("incomplete") {
            whole += 1;
            let text = std::fs::read(&path).expect("a message");
            assert!(text.ends_with(b"x\r\n"), "{name} is not whole");
        }
    }
    assert!(whole >= 20, "{whole} of 30: {}{}", run.stdout, run.stderr);
}
