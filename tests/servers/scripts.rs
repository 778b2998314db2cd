//! Mail from scripts: `sendmail` and its other names, called as cron and mail programs call it. Nothing waits for the
//! network; at the next flush each message goes out once.

use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use mailsluice::demo::{Delivered, Provider};

use crate::support::Harness;
use crate::support::daemon::find_for_anyone;
use crate::support::harness::{BINARY, Run};
use crate::support::provider::{provider, subjects};

/// A machine whose provider can't be reached, with `sendmail`, `mailq` and `newaliases` in a folder of their own.
struct Offline {
    harness: Harness,
    programs: PathBuf,
}

/// A profile that sends to this port.
fn profile(port: u16) -> String {
    format!(
        "[[transport]]\nname = \"work\"\nidentity = \"Ada Lovelace <ada@example.org>\"\n[transport.outgoing]\n\
         kind = \"smtp\"\nhost = \"127.0.0.1\"\nport = {port}\nsecurity = \"none\"\n"
    )
}

impl Offline {
    fn new() -> Self {
        // Nobody listens on port 1.
        let harness = Harness::new(&profile(1));
        let programs = harness.path("bin");
        std::fs::create_dir(&programs).expect("a folder");
        for name in ["sendmail", "mailq", "newaliases"] {
            symlink(BINARY, programs.join(name)).expect("a link");
        }
        Self { harness, programs }
    }

    fn sendmail(&self) -> String {
        self.programs.join("sendmail").display().to_string()
    }

    /// A program in the environment of a user at this machine.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let home = self.harness.path("home");
        let path = std::env::var("PATH").unwrap_or_default();
        command
            .env_clear()
            .env("HOME", &home)
            .env("PATH", format!("{}:{path}", self.programs.display()))
            .env("MAILSLUICE_PROFILE", self.harness.profile())
            .current_dir(self.harness.path("home"));
        command
    }

    fn run(&self, program: &str, arguments: &[&str], input: &str) -> Run {
        let letter = self.harness.write("home/input", input);
        let input = std::fs::File::open(letter).expect("there");
        let mut command = self.command(program);
        command.args(arguments).stdin(Stdio::from(input));
        Run::from(command.output().unwrap_or_else(|error| panic!("{program}: {error}")))
    }

    fn listed(&self) -> serde_json::Value {
        self.harness.run(&["queue", "list", "--json"]).expect_code(0).json()
    }

    fn only_message(&self) -> serde_json::Value {
        let listed = self.listed();
        assert_eq!(listed["total"], 1, "{listed}");
        let id = listed["messages"][0]["id"].to_string();
        self.harness.run(&["queue", "show", "--json", &id]).expect_code(0).json()["messages"][0].clone()
    }

    fn only_content(&self) -> String {
        let id = self.listed()["messages"][0]["id"].to_string();
        self.harness.run(&["queue", "export", "--force", &id]).expect_code(0);
        let files = std::fs::read_dir(self.harness.path("")).expect("a folder");
        let file = files.map(|entry| entry.expect("an entry").path()).find(|path| path.ends_with(format!("{id}.eml")));
        std::fs::read_to_string(file.expect("exported")).expect("readable")
    }

    /// The provider can be reached: what waits goes, and nothing goes twice.
    fn online(&self) -> (Provider, Vec<Delivered>) {
        self.harness.run(&["flush", "--no-ui"]).expect_code(69);
        let provider = provider(Vec::new());
        self.harness.write("profile/profile.toml", profile(provider.smtp_addr().port()));
        self.harness.run(&["flush", "--send", "--no-ui"]).expect_code(0);
        self.harness.run(&["flush", "--send", "--no-ui"]).expect_code(0);
        assert_eq!(self.listed()["total"], 0);
        let delivered = provider.delivered();
        (provider, delivered)
    }
}

const CRON: &str = "From: root (Cron Daemon)\nTo: root\nSubject: Cron <root@laptop> backup\n\
    Content-Type: text/plain; charset=UTF-8\n\nfailed\n.\nstill the same mail\n";

#[test]
fn cron_reaches_the_person_whose_profile_it_is() {
    let offline = Offline::new();
    let run = offline.run(&offline.sendmail(), &["-i", "-FCronDaemon", "-B8BITMIME", "-oem", "root"], CRON);
    let run = run.expect_code(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    let message = offline.only_message();
    assert_eq!(message["to"], serde_json::json!(["ada@example.org"]));
    assert_eq!(message["sender"], "ada@example.org");
    assert!(message["submitter"].as_str().is_some_and(|text| text.starts_with("sendmail, called by ")), "{message}");
    assert!(offline.only_content().ends_with("failed\r\n.\r\nstill the same mail\r\n"));
    let (_provider, delivered) = offline.online();
    assert_eq!(subjects(&delivered), [("Cron <root@laptop> backup".to_owned(), 1)].into());
}

#[test]
fn a_message_is_made_complete_and_keeps_its_secrets() {
    let offline = Offline::new();
    let text = "To: bob@example.net\nBcc: eve@example.net\nSubject: hello\n\nhello\n.\nnot of the message\n";
    offline.run(&offline.sendmail(), &["-t"], text).expect_code(0);
    let message = offline.only_message();
    assert_eq!(message["to"], serde_json::json!(["bob@example.net", "eve@example.net"]));
    assert_eq!(message["sender"], "ada@example.org");
    let content = offline.only_content();
    for field in ["From: Ada Lovelace <ada@example.org>\r\n", "\r\nDate: ", "\r\nMessage-ID: <"] {
        assert!(content.contains(field), "{field}: {content}");
    }
    assert!(!content.contains("eve@") && content.ends_with("\r\n\r\nhello\r\n"), "{content}");
}

#[test]
fn who_sends_and_who_receives_can_be_said_on_the_command_line() {
    let offline = Offline::new();
    let arguments = ["-f", "bounces@example.org", "-F", "Ada's \"robot\"", "-oi", "-t", "carol@example.net"];
    offline.run(&offline.sendmail(), &arguments, "To: bob@example.net\n\nhello\n").expect_code(0);
    let message = offline.only_message();
    assert_eq!(message["sender"], "bounces@example.org");
    assert_eq!(message["to"], serde_json::json!(["carol@example.net", "bob@example.net"]));
    let content = offline.only_content();
    assert!(content.contains("From: \"Ada's \\\"robot\\\"\" <bounces@example.org>\r\n"), "{content}");
}

#[test]
fn mail_of_nobody_in_particular_is_the_caller_s() {
    let offline = Offline::new();
    let without = profile(1).replace("identity", "# identity");
    offline.harness.write("profile/profile.toml", without);
    // A script's mail must not be lost for want of a From; `env` is for a name that sendmail is told of.
    let arguments = ["LOGNAME=ada", "sendmail", "-t"];
    offline.run("env", &arguments, "To: bob@example.net\nSubject: x\n\nx\n").expect_code(0);
    let message = offline.only_message();
    let sender = message["sender"].as_str().expect("text").to_owned();
    assert!(sender.starts_with("ada@") && sender.len() > 4, "{message}");
    assert!(offline.only_content().contains(&format!("From: {sender}\r\n")), "{message}");
}

#[test]
fn the_null_sender_is_null_only_when_asked_for() {
    let offline = Offline::new();
    offline.run(&offline.sendmail(), &["-f", "<>", "bob@example.net"], "Subject: x\n\nx\n").expect_code(0);
    assert_eq!(offline.only_message()["sender"], "");
    let nobody = Harness::new(&profile(1).replace("identity", "# identity"));
    let run = nobody.run_with_input(&["submit", "--to", "bob@example.net", "-"], b"Subject: x\n\nx\n").expect_code(65);
    assert!(run.stderr.contains("identity") && run.stderr.contains("--from"), "{}", run.stderr);
}

#[test]
fn sendmail_exits_as_scripts_expect() {
    let offline = Offline::new();
    let sendmail = offline.sendmail();
    let said = |arguments: &[&str], code: i32| offline.run(&sendmail, arguments, CRON).expect_code(code).stderr;
    assert!(said(&[], 64).contains("no recipients"));
    assert!(said(&["-bd"], 64).contains("-bd"));
    assert!(said(&["-y"], 64).contains("-y"));
    said(&["-i", "bob@exa mple"], 65);
    said(&["-bi"], 0);
    assert_eq!(offline.listed()["total"], 0);
    std::fs::remove_file(offline.harness.profile().join("profile.toml")).expect("removed");
    assert!(said(&["-i", "bob@example.net"], 78).contains("no profile yet"));
    let newaliases = offline.programs.join("newaliases").display().to_string();
    offline.run(&newaliases, &[], "").expect_code(0);
}

#[test]
fn mailq_lists_and_the_subcommand_is_the_same_as_the_link() {
    let offline = Offline::new();
    let mailq = offline.programs.join("mailq").display().to_string();
    offline.harness.run_with_input(&["sendmail", "-i", "--", "bob@example.net"], CRON.as_bytes()).expect_code(0);
    let list = offline.run(&mailq, &[], "").expect_code(0).stdout;
    assert!(list.contains("bob@example.net") && list.contains("1 in all"), "{list}");
    // But for the age, which goes on.
    let without_age = |list: &str| {
        let is_age = |word: &&str| word.strip_suffix('s').is_some_and(|age| age.parse::<u32>().is_ok());
        list.split_whitespace().filter(|word| !is_age(word)).map(str::to_owned).collect::<Vec<_>>()
    };
    let same = offline.run(&offline.sendmail(), &["-bp"], "").expect_code(0).stdout;
    assert_eq!(without_age(&same), without_age(&list));
    offline.run(&offline.sendmail(), &["-q"], "").expect_code(69);
    let (_provider, delivered) = offline.online();
    assert_eq!(delivered.len(), 1);
}

#[test]
fn git_send_email_sends_a_series_each_once() {
    let Some(git) = find_for_anyone("git-email", "git", &["send-email", "--dump-aliases"]) else { return };
    let offline = Offline::new();
    for number in [1, 2, 3] {
        let patch = format!(
            "From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001\nFrom: Ada <ada@example.org>\n\
             Date: Mon, 5 Jan 2026 10:00:00 +0000\nSubject: [PATCH {number}/3] step\n\nwhy\n---\n f | 1 +\n\ndiff\n"
        );
        offline.harness.write(&format!("home/000{number}.patch"), patch);
    }
    let sendmail = offline.sendmail();
    let server = format!("--smtp-server={sendmail}");
    let arguments = [
        "-c",
        "user.name=Ada",
        "-c",
        "user.email=ada@example.org",
        "send-email",
        &server,
        "--to=bob@example.net",
        "--from=Ada <ada@example.org>",
        "--confirm=never",
        "--quiet",
        "--no-validate",
        "0001.patch",
        "0002.patch",
        "0003.patch",
    ];
    offline.run(&git, &arguments, "").expect_code(0);
    assert_eq!(offline.listed()["total"], 3);
    let (_provider, delivered) = offline.online();
    let expected = [1, 2, 3].map(|number| (format!("[PATCH {number}/3] step"), 1));
    assert_eq!(subjects(&delivered), expected.into());
}

#[test]
fn s_nail_and_mutt_send_offline() {
    let offline = Offline::new();
    let sendmail = offline.sendmail();
    let mut sent = std::collections::BTreeMap::new();
    if let Some(nail) = find_for_anyone("s-nail", "s-nail", &["-h"]) {
        let mta = format!("mta={sendmail}");
        let arguments =
            ["-n", "-S", &mta, "-S", "v15-compat", "-r", "ada@example.org", "-s", "by nail", "bob@example.net"];
        offline.run(&nail, &arguments, "hello\n.\n").expect_code(0);
        sent.insert("by nail".to_owned(), 1);
    }
    if let Some(mutt) = find_for_anyone("mutt", "mutt", &["-v"]) {
        let set = format!("set sendmail=\"{sendmail} -oem -oi\" use_from=yes from=ada@example.org copy=no");
        let arguments = ["-n", "-F", "/dev/null", "-e", &set, "-s", "by mutt", "--", "bob@example.net"];
        offline.run(&mutt, &arguments, "hello\n").expect_code(0);
        sent.insert("by mutt".to_owned(), 1);
    }
    if sent.is_empty() {
        return;
    }
    let (_provider, delivered) = offline.online();
    assert_eq!(subjects(&delivered), sent);
}
