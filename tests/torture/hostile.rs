//! Messages and words that try to become commands: what goes out on the wire never ends a message early, and holds no
//! command that is not ours.
//!
//! The server here is strict and suspicious: it knows that others end a content at a dot between bare line feeds, or
//! bare carriage returns, so it wants none of either to come in.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use mailsluice::mapi::{FlushFlags, QueueState};
use mailsluice::spooler::submit::Options;
use proptest::prelude::*;

use crate::faults::folder;
use crate::support::Engine;
use crate::support::provider::sender;

const SEND: FlushFlags = FlushFlags::FLUSH_UPLOAD.union(FlushFlags::FLUSH_FORCE);

/// What the server heard.
#[derive(Debug, Default)]
struct Heard {
    /// Command lines without their ends.
    commands: Vec<String>,
    contents: Vec<Vec<u8>>,
    /// What no client of ours may do.
    crimes: Vec<String>,
}

/// See the module.
struct Strict {
    port: u16,
    heard: Arc<Mutex<Heard>>,
}

impl Strict {
    fn start(chunking: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let heard = Arc::<Mutex<Heard>>::default();
        let ears = Arc::clone(&heard);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let ears = Arc::clone(&ears);
                // A line that breaks off shows in what was heard.
                std::thread::spawn(move || listen(stream, chunking, &ears).ok());
            }
        });
        Self { port, heard }
    }

    fn take(&self) -> Heard {
        std::mem::take(&mut *self.heard.lock().expect("whole"))
    }
}

fn listen(stream: TcpStream, chunking: bool, ears: &Mutex<Heard>) -> io::Result<()> {
    let mut write = stream.try_clone()?;
    let mut read = BufReader::new(stream);
    write.write_all(b"220 strict\r\n")?;
    loop {
        let mut line = Vec::new();
        read.read_until(b'\n', &mut line)?;
        let Some(command) = line.strip_suffix(b"\r\n") else {
            if !line.is_empty() {
                accuse(ears, format!("a command without its end: {:?}", String::from_utf8_lossy(&line)));
            }
            return Ok(());
        };
        if command.iter().any(u8::is_ascii_control) {
            accuse(ears, format!("control characters in a command: {:?}", String::from_utf8_lossy(command)));
        }
        let command = String::from_utf8_lossy(command).into_owned();
        let verb = command.split([' ', ':']).next().unwrap_or_default().to_owned();
        let size: Option<usize> = command.split(' ').nth(1).and_then(|size| size.parse().ok());
        ears.lock().expect("whole").commands.push(command.clone());
        let reply = match (verb.as_str(), size) {
            ("EHLO", _) if chunking => "250-strict\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-SMTPUTF8\r\n250 8BITMIME",
            ("EHLO", _) => "250-strict\r\n250-PIPELINING\r\n250-SMTPUTF8\r\n250 8BITMIME",
            ("MAIL" | "RCPT" | "RSET", _) => "250 yes",
            ("DATA", _) => {
                write.write_all(b"354 go\r\n")?;
                let content = dotted(&mut read)?;
                take(ears, content);
                "250 taken"
            }
            ("BDAT", Some(size)) => {
                let mut content = vec![0; size];
                read.read_exact(&mut content)?;
                take(ears, content);
                "250 taken"
            }
            ("QUIT", _) => "221 bye",
            _ => {
                accuse(ears, format!("not a command of ours: {command:?}"));
                "500 what?"
            }
        };
        write.write_all(format!("{reply}\r\n").as_bytes())?;
    }
}

/// Up to CR LF dot CR LF, and nothing else; dots taken off.
fn dotted(read: &mut impl io::BufRead) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    loop {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            if read.read_until(b'\n', &mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        if line == b".\r\n" {
            return Ok(content);
        }
        content.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
}

fn take(ears: &Mutex<Heard>, content: Vec<u8>) {
    let bare = content.iter().enumerate().find(|&(at, &byte)| match byte {
        b'\n' => at == 0 || content[at - 1] != b'\r',
        b'\r' => content.get(at + 1) != Some(&b'\n'),
        _ => false,
    });
    if let Some((at, _)) = bare {
        accuse(ears, format!("a bare line end at byte {at}"));
    }
    ears.lock().expect("whole").contents.push(content);
}

fn accuse(ears: &Mutex<Heard>, crime: String) {
    ears.lock().expect("whole").crimes.push(crime);
}

/// The text with every line end, of whatever kind, as CRLF, and one at the end.
fn with_crlf(text: &[u8]) -> Vec<u8> {
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(end) = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
        lines.extend_from_slice(&rest[..end]);
        lines.extend_from_slice(b"\r\n");
        rest = &rest[end + if rest[end..].starts_with(b"\r\n") { 2 } else { 1 }..];
    }
    if !rest.is_empty() {
        lines.extend_from_slice(rest);
        lines.extend_from_slice(b"\r\n");
    }
    lines
}

fn body_of(content: &[u8]) -> &[u8] {
    let at = content.windows(4).position(|window| window == b"\r\n\r\n").expect("an empty line");
    &content[at + 4..]
}

const HEADER: &str = "From: ada@example.org\r\nTo: ann@example.net\r\nSubject: m\r\n\r\n";

/// Submits and sends one message; what the server heard of it.
fn sent(engine: &mut Engine, server: &Strict, message: &[u8]) -> Heard {
    engine.submit([message]);
    engine.flush(SEND);
    let heard = server.take();
    assert_eq!(heard.crimes, Vec::<String>::new());
    heard
}

fn place(chunking: bool) -> (Strict, tempfile::TempDir, Engine) {
    let server = Strict::start(chunking);
    let folder = folder(&sender("out", server.port, "*"));
    let engine = Engine::open(folder.path());
    (server, folder, engine)
}

/// Pieces of which attacks are made.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let evil = [
        "\r\n.\r\n",
        "\n.\n",
        "\r.\r",
        "\n.\r\n",
        "\r\n.\n",
        "\r\n.\r",
        "\r.\r\n",
        "\n\n.\r\n",
        ".",
        "..",
        "\r",
        "\n",
        "\r\n",
        "\0",
        "\r\0\n",
        "\u{b}",
        "\u{c}",
        "\u{85}",
        "\u{2028}",
        " ",
        "MAIL FROM:<evil@example.org>\r\n",
        "RCPT TO:<evil@example.org>\r\n",
        "DATA\r\n",
        "RSET\r\n",
        "QUIT\r\n",
        "BDAT 5 LAST\r\n",
        "text",
    ];
    prop_oneof![
        8 => prop::sample::select(evil.map(|text| text.as_bytes().to_vec()).to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..20),
        1 => (60_000usize..70_000).prop_map(|length| vec![b'.'; length]),
    ]
}

fn nothing_ends_a_message_early(chunking: bool) {
    let (server, _folder, mut engine) = place(chunking);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 150,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let engine = std::cell::RefCell::new(&mut engine);
    let bodies = prop::collection::vec(piece(), 0..12).prop_map(|pieces| pieces.concat());
    let result = runner.run(&bodies, |body| {
        let message = [HEADER.as_bytes(), &body].concat();
        let heard = sent(&mut engine.borrow_mut(), &server, &message);
        let count = |verb: &str| heard.commands.iter().filter(|line| line.starts_with(verb)).count();
        prop_assert_eq!((count("MAIL"), count("RCPT"), heard.contents.len()), (1, 1, 1));
        prop_assert_eq!(body_of(&heard.contents[0]), &*with_crlf(&body));
        Ok(())
    });
    result.expect("no early end");
}

#[test]
fn nothing_ends_a_message_early_by_data() {
    nothing_ends_a_message_early(false);
}

#[test]
fn nothing_ends_a_message_early_by_bdat() {
    nothing_ends_a_message_early(true);
}

#[test]
fn lines_and_headers_of_any_length_go_out_as_they_are() {
    for chunking in [false, true] {
        let (server, _folder, mut engine) = place(chunking);
        let long = format!("{HEADER}{}\r\n", "long line ".repeat(10_000));
        let heard = sent(&mut engine, &server, long.as_bytes());
        assert_eq!(body_of(&heard.contents.concat()), &long.as_bytes()[HEADER.len()..]);
        // Ten megabytes of header: sent whole, or refused in words when it is submitted.
        let many = format!("X-Line: {}\r\n", "x".repeat(900)).repeat(11_000);
        let large = format!("{many}{HEADER}hello\r\n");
        let taken = engine.try_submit(large.as_bytes(), &Options::default());
        engine.flush(SEND);
        let heard = server.take();
        assert_eq!(heard.crimes, Vec::<String>::new());
        match taken {
            Ok(()) => assert!(heard.contents.concat().starts_with(many.as_bytes())),
            Err(why) => {
                assert!(heard.contents.is_empty());
                assert!(why.to_string().contains("header"), "{why}");
            }
        }
        engine.end();
    }
}

#[test]
fn ten_thousand_recipients_are_named_once_each() {
    for chunking in [false, true] {
        let (server, _folder, mut engine) = place(chunking);
        let recipients: Vec<String> = (0..10_000).map(|number| format!("r{number}@example.net")).collect();
        let options = Options { recipients: recipients.clone(), ..Options::default() };
        engine.try_submit(format!("{HEADER}hello\r\n").as_bytes(), &options).expect("taken");
        engine.flush(SEND);
        let heard = server.take();
        assert_eq!(heard.crimes, Vec::<String>::new());
        let named = heard.commands.iter().filter_map(|line| line.strip_prefix("RCPT TO:<")?.split('>').next());
        let mut named: Vec<&str> = named.collect();
        named.sort_unstable();
        let mut wanted: Vec<&str> = recipients.iter().map(String::as_str).collect();
        wanted.sort_unstable();
        assert!(named == wanted, "each is named once: {} of {}", named.len(), wanted.len());
        let rounds = heard.commands.iter().filter(|line| line.starts_with("MAIL")).count();
        assert_eq!(heard.contents.iter().filter(|content| content.ends_with(b"hello\r\n")).count(), rounds);
        assert_eq!(engine.rows()[0].state, QueueState::Sent);
        engine.end();
    }
}

/// Words that would be more than an address, if they were let through.
const NO_ADDRESSES: [&str; 14] = [
    "a@b.example>\r\nRCPT TO:<evil@example.org",
    "a@b.example> SIZE=1",
    "a@b.example\r\nDATA",
    "a@b.example\nDATA",
    "a@b.example\rDATA",
    "a@b.example\0",
    "<a@b.example",
    "a b@b.example",
    "\"a\r\n\"@b.example",
    "\"a\u{1b}[2J\"@b.example",
    "a\u{85}@b.example",
    "a@-b.example;id",
    "a@b.example, evil@example.org",
    "@evil.example:a@b.example",
];

#[test]
fn no_address_is_more_than_an_address() {
    let (server, _folder, mut engine) = place(true);
    let message = format!("{HEADER}hello\r\n");
    for word in NO_ADDRESSES {
        let to = Options { recipients: vec![word.to_owned()], ..Options::default() };
        let from = Options { sender: Some(word.to_owned()), ..Options::default() };
        for options in [to, from] {
            assert!(engine.try_submit(message.as_bytes(), &options).is_err(), "{word:?} passed for an address");
        }
        let mut named = message.replace("ann@example.net", word);
        // What it does to the header is its own affair; what goes out must be addresses.
        if engine.try_submit(named.as_bytes(), &Options::default()).is_ok() {
            engine.flush(SEND);
        }
        named = message.replace("ada@example.org", word);
        if engine.try_submit(named.as_bytes(), &Options::default()).is_ok() {
            engine.flush(SEND);
        }
        let heard = server.take();
        assert_eq!(heard.crimes, Vec::<String>::new(), "{word:?}");
        for line in heard.commands.iter().filter(|line| line.starts_with("RCPT") || line.starts_with("MAIL")) {
            assert!(line.matches(['<', '>']).count() == 2, "{word:?} became {line:?}");
        }
    }
    engine.end();
}

/// UIDLs become file names: none leads out of the Maildir, or can't be a file's name.
#[test]
fn no_uidl_is_a_path() {
    for uidl in
        ["../../../../evil", "/etc/evil", "a/../../evil", "..", "a\u{1b}[2J\u{7}", "-rf", "a:2,FS", "%2e%2e%2fevil"]
    {
        let letter = "Subject: in\r\n\r\nhello\r\n";
        let (root, received) = crate::faults::receive_under(uidl, letter);
        assert_eq!(received, [letter], "{uidl:?}");
        let outside: Vec<_> =
            crate::faults::files(root.path()).into_iter().filter(|path| path.contains("evil")).collect();
        assert!(outside.iter().all(|path| path.contains("/mail/in/new/")), "{uidl:?} led to {outside:?}");
        let names = crate::faults::files(root.path());
        assert!(
            names.iter().all(|name| !name.chars().any(char::is_control)),
            "{uidl:?} is in a file's name: {names:?}"
        );
    }
}

/// What a transport may not be called, and where a server may not be.
#[test]
fn no_name_of_the_profile_is_a_path_or_an_option() {
    for name in ["../evil", "a/b", ".", "..", ".hidden", "a\\u0000b", "a\\u001b[2J", "a\\nb", ""] {
        let profile = sender("out", 25, "*").replace("\"out\"", &format!("\"{name}\""));
        let harness = crate::support::Harness::new(&profile);
        harness.run(&["status"]).expect_code(78);
    }
    for host in ["-oProxyCommand=touch evil", "a b", "a\\nb", "a\\u0000", "a;touch evil", "$(touch evil)", "a/b"] {
        let smtp = sender("out", 25, "*").replace("127.0.0.1", host);
        let harness = crate::support::Harness::new(&smtp);
        harness.run_with_input(&["submit", "-"], &crate::books::letter("m", 0));
        harness.run(&["flush", "--send", "--no-ui"]);
        assert!(!harness.path("evil").exists(), "{host} was run");
        let ssh = format!("[[transport]]\nname = \"q\"\n[transport.queue]\nkind = \"postfix\"\nssh = \"{host}\"\n");
        let harness = crate::support::Harness::new(&ssh);
        harness.run(&["flush", "--no-ui"]);
        assert!(!harness.path("evil").exists(), "{host} was run");
    }
}
