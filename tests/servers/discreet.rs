//! What must not come out: passwords, anywhere; control characters of strangers, on a terminal.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use mailsluice::demo::Provider;

use crate::support::Harness;
use crate::support::provider::{SECRET, USER, letter, provider, sender, submit};

/// Every file below a folder that contains these bytes, in name or content.
fn files_with(folder: &Path, needle: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files_with(&path, needle));
            continue;
        }
        // A socket has no content.
        let content = std::fs::read(&path).unwrap_or_default();
        if contains(&content, needle) || contains(path.display().to_string().as_bytes(), needle) {
            found.push(path.display().to_string());
        }
    }
    found
}

fn contains(content: &[u8], needle: &str) -> bool {
    content.windows(needle.len()).any(|window| window == needle.as_bytes())
}

/// A transport that signs in for both directions with a password from here.
fn signs_in(provider: &Provider, kind: &str, password: &str) -> String {
    let (smtp, imap, pop3) = (provider.smtp_addr(), provider.imap_addr(), provider.pop3_addr());
    let incoming = if kind == "imap" { imap } else { pop3 }.port();
    let half = |half: &str, kind: &str, port: u16| {
        format!(
            "[transport.{half}]\nkind = \"{kind}\"\nhost = \"127.0.0.1\"\nport = {port}\nsecurity = \"none\"\n\
             user = \"{USER}\"\npassword = {password}\n"
        )
    };
    format!(
        "[[transport]]\nname = \"{kind}\"\n{}{}",
        half("outgoing", "smtp", smtp.port()),
        half("incoming", kind, incoming)
    )
}

/// All commands, with a password from a command and from the environment, right and wrong, as loud as it gets.
#[test]
fn secrets_are_never_printed_nor_written() {
    for (planted, right) in [(SECRET, true), ("wrong-but-secret-0815", false)] {
        let provider = provider(vec![letter("in", "ada@example.org", 100)]);
        let harness = Harness::new("");
        let asks = harness.write("ask.sh", "cat \"$1\"\n");
        let kept = harness.write("kept", planted);
        let by_command = format!("{{ command = \"sh {} {}\" }}", asks.display(), kept.display());
        let profile = signs_in(&provider, "imap", &by_command) + &signs_in(&provider, "pop3", "{ env = \"PLANTED\" }");
        harness.write("profile/profile.toml", profile);
        submit(&harness, &letter("out", "ann@example.net", 100));
        harness.run(&["submit", "--transport", "pop3", "-"]);
        for arguments in [
            &["flush", "--json"][..],
            &["flush", "--no-ui"],
            &["flush", "--force", "--no-ui"],
            &["status", "--json"],
            &["status"],
            &["doctor"],
            &["queue", "list"],
            &["queue", "show", "--where", "from:ada"],
        ] {
            let mut command = harness.command();
            command.args(arguments).env("PLANTED", planted).env("RUST_LOG", "trace").env("MAILSLUICE_LOG", "trace");
            command.env("TMPDIR", harness.path("home"));
            let output = command.stdin(std::process::Stdio::null()).output().expect("the program");
            assert!(!contains(&output.stdout, planted), "{arguments:?} printed it");
            assert!(!contains(&output.stderr, planted), "{arguments:?} complained with it");
            if arguments == ["flush", "--json"] {
                assert_eq!(output.status.code(), Some(if right { 0 } else { 77 }), "{output:?}");
            }
        }
        // Nothing of it is written anywhere: not the password, nor what signing in makes of it.
        std::fs::remove_file(&kept).expect("what was planted");
        let signing_in = [format!("\0{USER}\0{planted}"), format!("{USER}\0{USER}\0{planted}"), planted.to_owned()];
        let hex = planted.bytes().map(|byte| format!("{byte:02x}")).collect();
        let needles = signing_in.iter().map(|text| BASE64.encode(text).trim_end_matches('=').to_owned());
        for needle in needles.chain([planted.to_owned(), base64_of(planted), hex]) {
            let found = files_with(&harness.path(""), &needle);
            assert!(found.is_empty(), "{found:?}");
        }
    }
}

/// As an AUTH exchange would show it: the planted texts' own base64, found wherever they begin.
fn base64_of(text: &str) -> String {
    match text {
        SECRET => "b3Blbi1zZXNhbWUtNDcxMQ".to_owned(),
        _ => "d3JvbmctYnV0LXNlY3JldC0wODE1".to_owned(),
    }
}

/// What a terminal may be given: text, and the ends of lines.
fn is_plain(output: &[u8]) -> bool {
    String::from_utf8_lossy(output).chars().all(|letter| letter == '\n' || !letter.is_control())
}

/// Clears the screen, changes the title, rings, goes back over what was written.
const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{8}\u{9b}31m";

/// A server that answers everything with control characters.
fn hostile_server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            stream.write_all(b"220 hostile\r\n").ok();
            let lines = BufReader::new(stream.try_clone().expect("a stream")).lines();
            for line in lines.map_while(Result::ok) {
                let reply = match line.split(' ').next() {
                    Some("EHLO") => format!("250-hostile {HOSTILE}\r\n250 {HOSTILE}\r\n"),
                    Some("RCPT") => format!("550 5.1.1 no {HOSTILE} such person\r\n"),
                    Some("MAIL" | "RSET" | "QUIT") => "250 so be it\r\n".to_owned(),
                    _ => format!("554 {HOSTILE}\r\n"),
                };
                if stream.write_all(reply.as_bytes()).is_err() {
                    break;
                }
            }
        }
    });
    port
}

#[test]
fn control_characters_of_strangers_do_not_reach_the_terminal() {
    let harness = Harness::new(&sender("out", hostile_server(), "*"));
    let hostile = format!(
        "From: \"A {HOSTILE} B\" <ada@example.org>\r\nTo: \"{HOSTILE}\" <ann@example.net>\r\n\
         Subject: look {HOSTILE} here =?utf-8?q?=1B=5B2J=07?=\r\nMessage-ID: <{HOSTILE}@example.org>\r\n\r\nhello\r\n"
    );
    harness.run_with_input(&["submit", "-"], hostile.as_bytes()).expect_code(0);
    let mut codes = Vec::new();
    for arguments in [
        &["queue", "list"][..],
        &["queue", "list", "--json"],
        &["queue", "show", "--where", "state:queued"],
        &["doctor"],
        &["flush", "--send", "--no-ui"],
        &["queue", "list", "state:failed state:queued state:deferred"],
        &["queue", "show", "--where", "state:failed"],
        &["queue", "show", "--json", "--where", "state:failed"],
        &["status"],
        &["status", "--json"],
        &["flush", "--send", "--no-ui", "--json", "--force"],
        &["flush", "--transport", HOSTILE],
        &["queue", "list", &format!("state:{HOSTILE}")],
        &["queue", "reroute", "--to", HOSTILE, "1"],
        &["submit", &format!("{HOSTILE}.eml")],
        &["doctor", HOSTILE],
        &["submit", "--transport", HOSTILE, "profile/profile.toml"],
        &["submit", "--to", HOSTILE, "profile/profile.toml"],
    ] {
        let output = harness.command().args(arguments).output().expect("the program");
        codes.push(output.status.code());
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(is_plain(&output.stdout), "{arguments:?}: {out:?}");
        assert!(is_plain(&output.stderr), "{arguments:?}: {err:?}");
    }
    assert_eq!(codes[4], Some(65), "the hostile reply was a refusal");
}
