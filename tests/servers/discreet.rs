//! Control characters of strangers must not come out on a terminal.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use crate::support::Harness;
use crate::support::provider::sender;

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
