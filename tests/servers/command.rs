//! What a person at a terminal is told: by the commands, about what is there, what is not, and what went wrong.

use std::os::unix::fs::PermissionsExt as _;

use crate::support::Harness;
use crate::support::harness::Run;

/// A profile whose only transport gives every message to a program that takes it.
const PROGRAM: &str = "[[transport]]\nname = \"a\"\nidentity = \"Ada Lovelace <ada@example.org>\"\n\
    [transport.outgoing]\nkind = \"pipe\"\ncommand = [\"sh\", \"-c\", \"cat > /dev/null\"]\n";

/// A transport whose server is not there: nobody listens on port 1.
const UNREACHABLE: &str = "[[transport]]\nname = \"work\"\nidentity = \"ada@example.org\"\n[transport.outgoing]\n\
    kind = \"smtp\"\nhost = \"127.0.0.1\"\nport = 1\nsecurity = \"none\"\n";

/// A transport that this version knows of and does not show.
const POSTFIX: &str = "[[transport]]\nname = \"mx\"\n[transport.queue]\nkind = \"postfix\"\n";

const LETTER: &str = "From: ada@example.org\r\nTo: bob@example.net\r\nSubject: hello\r\n\r\nhello\r\n";

fn submit(harness: &Harness, text: &str) -> i64 {
    let submitted = harness.run_with_input(&["submit", "--json", "-"], text.as_bytes()).expect_code(0).json();
    submitted["ids"][0].as_i64().expect("an envelope")
}

/// The line of the status table that begins with this name.
fn line_of(run: &Run, name: &str) -> String {
    let line = run.stdout.lines().find(|line| line.split_whitespace().next() == Some(name));
    line.unwrap_or_else(|| panic!("no line of {name}: {}", run.stdout)).to_owned()
}

#[test]
fn the_readme_shows_profiles_and_filters_that_are_good() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("a README");
    let profiles: Vec<&str> = readme.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(profiles.len() >= 2);
    for profile in profiles {
        let harness = Harness::new(profile);
        assert!(harness.run(&["status"]).expect_code(0).stderr.is_empty());
    }
    let harness = Harness::new(&PROGRAM.replace("\"a\"", "\"work\""));
    let cells = readme.lines().filter(|line| line.starts_with("| `")).filter_map(|line| line.split('|').nth(1));
    let words: Vec<&str> = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    assert!(words.len() >= 8, "{words:?}");
    for word in words {
        harness.run(&["queue", "list", word]).expect_code(0);
    }
}

#[test]
fn a_flush_that_failed_says_what_is_still_here_and_why() {
    let harness = Harness::new(UNREACHABLE);
    for _ in 0..3 {
        submit(&harness, LETTER);
    }
    let held = submit(&harness, LETTER);
    harness.run(&["queue", "hold", &held.to_string()]).expect_code(0);
    let flushed = harness.run(&["flush", "--send"]).expect_code(69);
    assert!(!flushed.stdout.contains("nothing to do"), "{}", flushed.stdout);
    assert!(flushed.stdout.contains("4 still here: 3 waiting, 1 held"), "{}", flushed.stdout);
    assert!(flushed.stdout.contains("refused") && flushed.stdout.contains("127.0.0.1:1"), "{}", flushed.stdout);
    harness.run(&["queue", "delete", "--where", "to:bob"]).expect_code(0);
    let empty = harness.run(&["flush", "--receive"]).expect_code(0);
    assert!(empty.stdout.contains("nothing to do"), "{}", empty.stdout);
}

#[test]
fn the_status_knows_the_last_failure_after_the_process_that_met_it() {
    let harness = Harness::new(UNREACHABLE);
    submit(&harness, LETTER);
    assert!(line_of(&harness.run(&["status"]), "work").contains("Idle"));
    harness.run(&["flush"]).expect_code(69);
    let told = line_of(&harness.run(&["status"]).expect_code(0), "work");
    assert!(told.contains("127.0.0.1:1: connecting") && told.contains("ago"), "{told}");
    let status = harness.run(&["status", "--json"]).expect_code(0).json();
    let row = &status["rows"][3];
    assert_eq!(row["last_failure"]["class"], "offline");
    assert!(row["last_run"].is_i64(), "{row}");
    assert!(row["status_code"].as_array().expect("flags").contains(&"STATUS_FAILURE".into()), "{row}");
}

#[test]
fn the_status_says_until_when_mail_is_put_off() {
    let refusing = PROGRAM.replace("cat > /dev/null", "exit 75");
    let harness = Harness::new(&refusing);
    submit(&harness, LETTER);
    let flushed = harness.run(&["flush"]).expect_code(75);
    assert!(flushed.stdout.contains("1 put off; 1 still here: 1 put off until "), "{}", flushed.stdout);
    let told = line_of(&harness.run(&["status"]).expect_code(0), "a");
    assert!(told.contains("1 put off, next try at "), "{told}");
    let row = harness.run(&["status", "--json"]).json()["rows"][3].clone();
    assert!(row["outgoing"]["next_try"].as_i64() > row["last_run"].as_i64(), "{row}");
    assert!(harness.run(&["queue", "list"]).stdout.contains("next try "));
}

#[test]
fn every_row_of_the_status_table_says_what_it_does() {
    let harness = Harness::new(&(PROGRAM.to_owned() + POSTFIX));
    let status = harness.run(&["status", "--json"]).expect_code(0).json();
    for row in status["rows"].as_array().expect("rows") {
        assert!(row["status_string"].as_str().is_some_and(|text| !text.is_empty()), "{row}");
    }
}

#[test]
fn an_outside_queue_is_not_shown_and_that_is_no_failure() {
    let harness = Harness::new(&(PROGRAM.to_owned() + POSTFIX));
    submit(&harness, LETTER);
    let told = line_of(&harness.run(&["status"]).expect_code(0), "mx");
    assert!(told.ends_with("this version does not show the queues of Postfix"), "{told}");
    let row = harness.run(&["status", "--json"]).json()["rows"][4].clone();
    assert!(!row["status_code"].as_array().expect("flags").contains(&"STATUS_FAILURE".into()), "{row}");
    let doctor = harness.run(&["doctor"]).expect_code(0);
    assert!(doctor.stdout.contains("--  mx: this version does not show the queues of Postfix.\n"), "{}", doctor.stdout);
    assert!(!doctor.stdout.contains("settings"), "{}", doctor.stdout);
    let flushed = harness.run(&["flush", "--json"]).expect_code(0).json();
    assert_eq!(flushed["results"][0]["outgoing"]["sent"], 1);
    assert_eq!(flushed["results"][1]["result"], "MAPI_E_NO_SUPPORT");
    harness.run(&["flush", "--transport", "mx"]).expect_code(69);
    harness.run(&["doctor", "mx"]).expect_code(69);
}

#[test]
fn export_writes_whole_private_files_and_replaces_none_unasked() {
    let harness = Harness::new(PROGRAM);
    let id = submit(&harness, LETTER).to_string();
    let into = harness.path("out/mail");
    let export = |more: &[&str]| {
        let mut arguments = vec!["queue", "export", "--into", into.to_str().expect("UTF-8"), id.as_str()];
        arguments.extend(more);
        harness.run(&arguments)
    };
    export(&[]).expect_code(0);
    let file = into.join(format!("{id}.eml"));
    let content = std::fs::read_to_string(&file).expect("exported");
    assert!(content.contains("Subject: hello\r\n"), "{content}");
    assert_eq!(file.metadata().expect("there").permissions().mode() & 0o777, 0o600);

    std::fs::write(&file, "mine").expect("written");
    let refused = export(&[]).expect_code(73);
    assert!(refused.stderr.contains("--force") && refused.stderr.contains(&id), "{}", refused.stderr);
    assert_eq!(std::fs::read_to_string(&file).expect("there"), "mine");
    export(&["--force"]).expect_code(0);
    assert_eq!(std::fs::read_to_string(&file).expect("there"), content);

    harness.run(&["flush"]).expect_code(0);
    std::fs::remove_file(&file).expect("removed");
    let gone = export(&["999"]).expect_code(64);
    assert!(gone.stderr.contains("no longer here") && gone.stderr.contains("no envelope 999"), "{}", gone.stderr);
    assert_eq!(std::fs::read_dir(&into).expect("a folder").count(), 0, "half a file is left");
    let nowhere = harness.run(&["queue", "export", "--into", "/proc/none", &id]).expect_code(73);
    assert!(nowhere.stderr.contains("/proc/none"), "{}", nowhere.stderr);
}

#[test]
fn unknown_envelopes_are_named_and_are_a_mistake_of_the_command_line() {
    let harness = Harness::new(PROGRAM);
    let id = submit(&harness, LETTER).to_string();
    for verb in ["show", "hold", "release", "retry", "delete", "export"] {
        let run = harness.run(&["queue", verb, "4711"]).expect_code(64);
        assert!(run.stderr.contains("4711"), "{verb}: {}", run.stderr);
    }
    let run = harness.run(&["queue", "reroute", "--to", "a", "4711"]).expect_code(64);
    assert!(run.stderr.contains("4711"), "{}", run.stderr);
    // What is there is done all the same.
    let held = harness.run(&["queue", "hold", &id, "4711", "--json"]).expect_code(64);
    assert_eq!(held.json()["count"], 1);
    // In a state that the verb is not for: not now, perhaps later.
    let run = harness.run(&["queue", "retry", &id]).expect_code(75);
    assert!(run.stderr.contains(&format!("envelope {id} is held")), "{}", run.stderr);
}

#[test]
fn unknown_transports_are_named_and_so_are_the_known() {
    let harness = Harness::new(PROGRAM);
    submit(&harness, LETTER);
    for arguments in [
        &["flush", "--transport", "nosuch"][..],
        &["doctor", "nosuch"],
        &["submit", "--transport", "nosuch", "-"],
        &["queue", "list", "transport:nosuch"],
        &["queue", "list", "--transport", "nosuch"],
        &["queue", "hold", "--where", "transport:nosuch"],
        &["queue", "show", "--where", "transport:nosuch"],
        &["queue", "reroute", "--to", "nosuch", "1"],
    ] {
        let run = harness.run(arguments).expect_code(64);
        assert!(run.stderr.contains("“nosuch”") && run.stderr.contains("it has a"), "{arguments:?}: {}", run.stderr);
    }
    // Mail of a transport that is no longer in the profile can still be found.
    harness.write("profile/profile.toml", UNREACHABLE);
    assert_eq!(harness.run(&["queue", "list", "transport:a", "--json"]).expect_code(0).json()["total"], 1);
}

#[test]
fn a_profile_without_transports_is_no_success() {
    let harness = Harness::new("");
    for arguments in [&["flush"][..], &["submit", "-"], &["doctor"]] {
        let run = harness.run(arguments).expect_code(78);
        assert!(run.stderr.contains("profile.toml") && run.stderr.contains("[[transport]]"), "{}", run.stderr);
    }
    for arguments in [&["status"][..], &["queue", "list"]] {
        let run = harness.run(arguments).expect_code(0);
        assert!(run.stderr.contains("no transports"), "{}", run.stderr);
    }
}

#[test]
fn a_missing_profile_says_what_to_do_wherever_it_was_looked_for() {
    let harness = Harness::new(PROGRAM);
    std::fs::remove_dir_all(harness.profile()).expect("removed");
    let run = harness.run(&["status"]).expect_code(78);
    for word in ["no profile yet", "profile/profile.toml", "--demo"] {
        assert!(run.stderr.contains(word), "{}", run.stderr);
    }
    assert!(!harness.profile().exists(), "looking makes nothing");
}

#[test]
fn what_is_missing_or_mistyped_on_the_command_line_is_said_in_plain_words() {
    let harness = Harness::new(PROGRAM);
    let said = |arguments: &[&str]| harness.run(arguments).expect_code(64).stderr;
    let missing = said(&["queue", "hold"]);
    assert!(missing.contains("--where") && missing.contains("ID"), "{missing}");
    assert!(said(&["queue", "show", "abc"]).contains("an ID is a number"));
    assert!(said(&["queue", "list", "--limit", "many"]).contains("a whole number"));
    let both = said(&["queue", "hold", "1", "--where", "to:bob"]);
    assert!(both.contains("--where"), "{both}");
}

#[test]
fn the_profile_of_the_demo_is_closed_to_others() {
    let demo = mailsluice::demo::Demo::start().expect("a demo");
    assert_eq!(demo.profile_dir().metadata().expect("there").permissions().mode() & 0o777, 0o700);
}

#[test]
fn accounts_of_other_programs_become_transports_once() {
    let harness = Harness::new(PROGRAM);
    std::fs::remove_file(harness.profile().join("profile.toml")).expect("removed");
    let file = harness.write(
        "msmtprc",
        "defaults\nauth on\ntls on\naccount a\nhost smtp.example.org\nfrom ada@example.org\nuser ada\npassword geheim\n\
         account plain\nhost smtp.example.com\nuser ada\ntls off\n",
    );
    let import =
        |program: &str, file: &std::path::Path| harness.run(&["import", program, file.to_str().expect("UTF-8")]);
    // The second one would send its password for all to read.
    let run = import("msmtp", &file).expect_code(78);
    assert!(run.stdout.contains("a: added, smtp.example.org") && run.stdout.contains("not copied"), "{}", run.stdout);
    assert!(run.stderr.contains("plain") && run.stderr.contains("allow_plaintext"), "{}", run.stderr);
    let again = import("msmtp", &file).expect_code(78);
    assert!(again.stdout.contains("is there already: a"), "{}", again.stdout);
    let file = harness.write("mbsyncrc", "IMAPAccount a\nHost imap.example.org\nUser ada\nPassCmd \"pass show a\"\n");
    assert!(import("mbsync", &file).expect_code(0).stdout.contains("a 2: added"));
    let profile = std::fs::read_to_string(harness.profile().join("profile.toml")).expect("made");
    assert!(!profile.contains("geheim"), "{profile}");
    let status = harness.run(&["status", "--json"]).expect_code(0).json();
    assert_eq!(status["rows"].as_array().expect("rows").len(), 3 + 2);
    import("fetchmail", &harness.write("fetchmailrc", "# nothing\n")).expect_code(65);
    import("getmail", &harness.path("nowhere")).expect_code(64);
}

#[test]
fn completions_and_manual_pages_come_from_the_program_itself() {
    let harness = Harness::new(PROGRAM);
    for shell in ["bash", "zsh", "fish"] {
        let script = harness.run(&["completions", shell]).expect_code(0).stdout;
        assert!(script.contains("sendmail") && script.contains("reroute"), "{shell}: {script}");
    }
    let page = harness.run(&["man"]).expect_code(0).stdout;
    assert!(page.contains(".TH mailsluice 1"), "{page}");
    let folder = harness.path("pages");
    std::fs::create_dir(&folder).expect("a folder");
    harness.run(&["man", folder.to_str().expect("UTF-8")]).expect_code(0);
    let page = std::fs::read_to_string(folder.join("mailsluice-queue-export.1")).expect("a page");
    assert!(page.contains("Replace files that are there already"), "{page}");
    harness.run(&["man", "/nonexistent"]).expect_code(73);
    assert!(!harness.run(&["--help"]).expect_code(0).stdout.contains("completions"));
}

#[test]
fn doctor_warns_of_what_others_can_read() {
    let harness = Harness::new(PROGRAM);
    let file = harness.profile().join("profile.toml");
    let set = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
    };
    set(&harness.profile(), 0o755);
    set(&file, 0o644);
    let told = harness.run(&["doctor"]).expect_code(0).stdout;
    assert!(told.contains("profile.toml") && told.contains("644") && told.contains("chmod 600"), "{told}");
    set(&harness.profile(), 0o700);
    let told = harness.run(&["doctor"]).expect_code(0).stdout;
    assert!(!told.contains("chmod"), "{told}");
    set(&harness.profile(), 0o777);
    set(&file, 0o600);
    let told = harness.run(&["doctor"]).expect_code(0).stdout;
    assert!(told.contains("can be changed by others") && told.contains("chmod 700"), "{told}");
}

#[test]
fn what_turns_the_direction_of_writing_is_not_obeyed_on_the_screen() {
    let harness = Harness::new(PROGRAM);
    submit(
        &harness,
        "From: ada@example.org\r\nTo: bob@example.net\r\nSubject: pay \u{202E}gnp.exe\u{2066}\r\n\r\nx\r\n",
    );
    let list = harness.run(&["queue", "list"]).expect_code(0).stdout;
    assert!(list.contains("gnp.exe") && !list.contains(['\u{202E}', '\u{2066}']), "{list:?}");
    let run = harness.run(&["queue", "list", "transport:\u{202E}x"]).expect_code(64);
    assert!(!run.stderr.contains('\u{202E}'), "{:?}", run.stderr);
}

#[test]
fn a_queue_that_there_is_not_is_not_one_that_nobody_has_looked_into() {
    let out = "[[transport]]\nname = \"out\"\noutgoing = { kind = \"smtp\", host = \"127.0.0.1\", port = 1 }\n";
    let status = |profile: &str| Harness::new(profile).run(&["status"]).expect_code(0);
    let sends_only = status(out);
    assert!(!sends_only.stdout.contains('?'), "{}", sends_only.stdout);
    let both = format!(
        "{out}[[transport]]\nname = \"in\"\nincoming = {{ kind = \"imap\", host = \"127.0.0.1\", port = 1 }}\n"
    );
    let both = status(&both);
    assert_eq!(line_of(&both, "in").matches(['?', '–']).collect::<String>(), "?", "{}", both.stdout);
    assert!(!line_of(&both, "out").contains('?') && line_of(&both, "MAPI").contains('?'), "{}", both.stdout);
}
