//! Transports without a server: a folder, an outside program; the seed page's fallback through the spooler.

use crate::support::Harness;
use crate::support::harness::{BINARY, Run};

/// A profile whose only transport gives every message to a program that takes it.
const PROGRAM: &str = "[[transport]]\nname = \"a\"\nidentity = \"Ada Lovelace <ada@example.org>\"\n\
    [transport.outgoing]\nkind = \"pipe\"\ncommand = [\"sh\", \"-c\", \"cat > /dev/null\"]\n";

fn letter(number: usize) -> String {
    format!("From: ada@example.org\r\nTo: bob{number}@example.net\r\nSubject: {number}\r\n\r\nhello {number}\r\n")
}

#[test]
fn checklist_21_procedure_two_flushes_pipe_and_folder_through_the_spooler() {
    let harness = Harness::new("");
    let outbox = harness.path("outbox");
    for part in ["cur", "new", "tmp"] {
        std::fs::create_dir_all(outbox.join(part)).expect("a Maildir");
    }
    let taken = harness.path("taken");
    std::fs::create_dir(&taken).expect("a folder");
    let script = harness.write("sendmail.sh", "cat > \"$1/$3.$$\"\n");
    harness.write(
        "profile/profile.toml",
        format!(
            "[[transport]]\nname = \"folder\"\naccepts = [\"bob1@example.net\"]\n[transport.outgoing]\nkind = \"folder\"\n\
             path = \"{}\"\n\n[[transport]]\nname = \"program\"\n[transport.outgoing]\nkind = \"pipe\"\n\
             command = [\"sh\", \"{}\", \"{}\", \"--\", \"{{recipients}}\"]\n",
            outbox.display(),
            script.display(),
            taken.display()
        ),
    );
    for number in [1, 2] {
        harness.run_with_input(&["submit", "-"], letter(number).as_bytes()).expect_code(0);
    }
    let flushed = harness.run(&["flush", "--json", "--no-ui"]).expect_code(0).json();
    for (index, name) in ["folder", "program"].into_iter().enumerate() {
        let result = &flushed["results"][index];
        assert_eq!(result["transport"], name);
        assert_eq!(result["via"], "spooler");
        assert_eq!(result["outgoing"]["sent"], 1, "{name}");
    }
    let in_folder = std::fs::read_dir(outbox.join("new")).expect("a folder").count();
    let in_taken = std::fs::read_dir(&taken).expect("a folder").count();
    assert_eq!((in_folder, in_taken), (1, 1));
}

#[test]
fn checklist_34_a_folder_that_is_not_there_is_no_success() {
    let harness = Harness::new(
        "[[transport]]\nname = \"gone\"\n[transport.outgoing]\nkind = \"folder\"\npath = \"/nonexistent/outbox\"\n",
    );
    harness.run_with_input(&["submit", "-"], letter(1).as_bytes()).expect_code(0);
    let flushed = harness.run(&["flush", "--json", "--no-ui"]).expect_code(78).json();
    assert_ne!(flushed["result"], "S_OK");
    assert_eq!(harness.run(&["status", "--json"]).expect_code(0).json()["rows"][3]["outgoing"]["queued"], 1);
}

#[test]
fn checklist_27_a_transport_that_cannot_be_silent_says_so_beforehand() {
    let transport = |name: &str, silent: bool| {
        format!(
            "[[transport]]\nname = \"{name}\"\nconnect = {{ up = \"true\", silent = {silent} }}\n\
             [transport.outgoing]\nkind = \"smtp\"\nhost = \"127.0.0.1\"\nsecurity = \"none\"\n"
        )
    };
    let harness = Harness::new(&(transport("modem", false) + &transport("vpn", true)));
    let status = harness.run(&["status", "--json"]).expect_code(0).json();
    assert_eq!(status["rows"][3]["honours_no_ui"], false);
    assert_eq!(status["rows"][4]["honours_no_ui"], true);
}

#[test]
fn the_same_recipient_is_never_served_twice() {
    let harness = Harness::new(PROGRAM);
    let text = "From: ada@example.org\r\nTo: bob@example.net, bob@example.net\r\nCc: bob@example.net\r\n\r\nhello\r\n";
    harness.run_with_input(&["submit", "-"], text.as_bytes()).expect_code(0);
    let listed = harness.run(&["queue", "list", "--json"]).expect_code(0).json();
    assert_eq!(listed["messages"][0]["to"], serde_json::json!(["bob@example.net"]));
}

#[test]
fn verbs_hold_release_and_delete() {
    let harness = Harness::new(PROGRAM);
    for number in 0..3 {
        harness.run_with_input(&["submit", "-"], letter(number).as_bytes()).expect_code(0);
    }
    let held = harness.run(&["queue", "hold", "--where", "to:bob1", "--json"]).expect_code(0).json();
    assert_eq!(held["count"], 1);
    let sent = harness.run(&["flush", "--send", "--no-ui", "--json"]).expect_code(0).json();
    assert_eq!(sent["results"][0]["outgoing"]["sent"], 2);
    let id = held["ids"][0].to_string();
    harness.run(&["queue", "release", &id]).expect_code(0);
    assert_eq!(harness.run(&["queue", "list", "--json"]).json()["messages"][0]["state"], "queued");
    harness.run(&["queue", "delete", &id]).expect_code(0);
    assert_eq!(harness.run(&["queue", "list", "--json"]).json()["total"], 0);
    harness.run(&["queue", "delete", &id]).expect_code(64);
}

#[test]
fn a_wrong_profile_names_file_line_and_key() {
    let harness = Harness::new("[[transport]]\nname = \"a\"\n[transport.outgoing]\nkind = \"smtp\"\nhots = \"x\"\n");
    let run = harness.run(&["status"]).expect_code(78);
    assert!(run.stderr.contains("profile.toml:5") && run.stderr.contains("hots"), "{}", run.stderr);
    assert!(run.stderr.contains("host"), "{}", run.stderr);
}

#[test]
fn usage_errors_exit_64() {
    let harness = Harness::new("");
    harness.run(&["flash"]).expect_code(64);
    harness.run(&["queue", "list", "state:lost"]).expect_code(64);
    harness.run(&["queue", "delete", "--where", " "]).expect_code(64);
}

#[test]
fn the_demo_goes_with_every_command() {
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(BINARY);
        Run::from(command.arg("--demo").args(arguments).output().expect("the program"))
    };
    let status = run(&["status", "--json"]).expect_code(0).json();
    assert_eq!(status["rows"].as_array().expect("rows").len(), 3 + 4);
    let flushed = run(&["flush", "--no-ui", "--json"]).json();
    let result = |name: &str| {
        let results = flushed["results"].as_array().expect("results").clone();
        results.into_iter().find(|result| result["transport"] == name).expect("a result")
    };
    assert_eq!(result("home")["result"], "S_OK");
    assert!(result("home")["outgoing"]["sent"].as_u64() > Some(20));
    assert!(result("home")["incoming"]["received"].as_u64() > Some(10));
    assert!(result("club")["outgoing"]["deferred"].as_u64() > Some(0));
    assert_eq!(result("office")["result"], "MAPI_E_LOGON_FAILED");
    assert_eq!(result("modem")["outgoing"]["failed"], 1);
}

#[test]
fn a_folder_without_messages_is_no_success() {
    let harness = Harness::new(PROGRAM);
    let folder = harness.write("letters/notes.txt", "no message").parent().expect("a folder").to_owned();
    let run = harness.run(&["submit", &folder.display().to_string()]).expect_code(64);
    assert!(run.stderr.contains("letters") && run.stderr.contains(".eml"), "{}", run.stderr);
    harness.write("letters/1.eml", letter(1));
    harness.run(&["submit", &folder.display().to_string()]).expect_code(0);
}
