//! The messages of `tests/data/messages`, and any others.

use std::path::Path;

use mail_parser::MessageParser;
use proptest::prelude::*;

use super::*;

/// Gives out what it has, a few bytes at a time.
struct Trickle<'a>(&'a [u8], usize);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.1.min(buffer.len()).min(self.0.len());
        let (now, later) = self.0.split_at(size);
        buffer[..size].copy_from_slice(now);
        self.0 = later;
        Ok(size)
    }
}

fn with(input: &mut dyn Read, options: &Options) -> Result<(Prepared, Vec<u8>), MessageError> {
    let mut out = Vec::new();
    let prepared = prepare(input, options, &mut |bytes| {
        out.extend_from_slice(bytes);
        Ok(())
    })?;
    Ok((prepared, out))
}

fn done(text: impl AsRef<[u8]>) -> (Prepared, Vec<u8>) {
    with(&mut text.as_ref(), &Options::default()).unwrap()
}

fn raw(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/messages").join(name)).unwrap()
}

fn of_file(name: &str) -> (Prepared, Vec<u8>) {
    done(raw(name))
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[track_caller]
fn assert_fit_to_send(out: &[u8]) {
    assert!(out.ends_with(b"\r\n"));
    for (at, byte) in out.iter().enumerate() {
        match byte {
            b'\r' => assert_eq!(out.get(at + 1), Some(&b'\n'), "a lone CR at {at}"),
            b'\n' => assert!(at > 0 && out[at - 1] == b'\r', "a lone LF at {at}"),
            _ => {}
        }
    }
}

#[test]
fn a_message_that_is_fit_is_not_touched() {
    for name in ["plain.eml", "eight-bit.eml", "utf8-headers.eml", "folded.eml", "long-lines.eml", "deferred.eml"] {
        let (prepared, out) = of_file(name);
        assert!(out == raw(name), "{name} was changed");
        assert_eq!(prepared.size, out.len() as u64);
    }
}

#[test]
fn a_plain_message_says_who_what_and_to_whom() {
    let (prepared, _) = of_file("plain.eml");
    let expected = Prepared {
        from: "ada@example.org".into(),
        sender: "ada@example.org".into(),
        subject: "The engine".into(),
        message_id: "note-g@example.org".into(),
        to: vec!["charles@example.net".into()],
        size: prepared.size,
        ..Prepared::default()
    };
    assert_eq!(prepared, expected);
    assert_eq!(prepared.recipients().unwrap(), ["charles@example.net"]);
}

#[test]
fn bytes_over_127_are_told_in_body_and_header() {
    let told = |name| {
        let (prepared, _) = of_file(name);
        (prepared.eight_bit, prepared.smtputf8)
    };
    assert_eq!(told("plain.eml"), (false, false));
    assert_eq!(told("eight-bit.eml"), (true, false));
    assert_eq!(told("utf8-headers.eml"), (true, true));
    let (prepared, _) = of_file("utf8-headers.eml");
    assert_eq!((prepared.from.as_str(), prepared.subject.as_str()), ("zoë@exämple.org", "Grüße aus Zürich"));
    let (prepared, _) = done("Bcc: zoë@exämple.org\r\n\r\nx\r\n");
    assert_eq!((prepared.eight_bit, prepared.smtputf8), (false, false));
}

#[test]
fn folded_fields_are_read_whole() {
    let (prepared, _) = of_file("folded.eml");
    assert_eq!(prepared.from, "ada@example.org");
    assert_eq!(prepared.subject, "Folded subject – twice");
    assert_eq!(prepared.message_id, "folded@example.org");
    assert_eq!(prepared.to, ["charles@example.net", "mary@example.net", "ann@example.com", "bob@example.com"]);
    assert_eq!(prepared.cc, ["augustus@example.org"]);
}

#[test]
fn line_ends_become_crlf_and_nothing_is_smuggled() {
    let (prepared, out) = of_file("bare-lf.eml");
    assert_fit_to_send(&out);
    let (head, body) = text(&out).split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "One\r\nTwo\r\nThree\r\nFour\r\n.\r\nMAIL FROM:<eve@example.com>\r\nno end\r\n");
    let head: Vec<&str> = head.lines().collect();
    assert_eq!(head[..3], ["From: ada@example.org", "To: charles@example.net", "Subject: Unix"]);
    assert!(head[3].starts_with("Date: "), "{head:?}");
    assert_eq!(head[4], format!("Message-ID: <{}>", prepared.message_id));
    assert!(prepared.message_id.ends_with("@example.org"));
}

#[test]
fn what_is_added_is_a_date_of_now_with_the_offset() {
    let before = jiff::Timestamp::now().as_second();
    let (_, out) = done("From: ada@example.org\n\nx\n");
    let after = jiff::Timestamp::now().as_second();
    let message = MessageParser::default().parse(&out).unwrap();
    let date = message.date().unwrap().to_timestamp();
    assert!((before..=after).contains(&date), "{}", text(&out));
    assert_eq!(Some(message.date().unwrap().to_rfc822()), jiff_date(date));
}

/// The same moment, in this machine's zone.
fn jiff_date(at: i64) -> Option<String> {
    let here = jiff::Timestamp::from_second(at).ok()?.to_zoned(jiff::tz::TimeZone::system());
    stamp::date(&here).ok()
}

#[test]
fn every_bcc_goes_and_is_remembered() {
    let (prepared, out) = of_file("bcc-folded.eml");
    let expected = raw("bcc-folded.eml");
    let gone = [
        "Bcc: secret@example.com,\r\n hidden@example.com,\r\n\tconcealed@example.com\r\n",
        "bcc : whispered@example.com\r\n",
        "Resent-Bcc: old@example.com\r\n",
    ];
    let expected = gone.iter().fold(text(&expected).to_owned(), |text, field| text.replace(field, ""));
    assert_eq!(text(&out), expected);
    // A Resent-Bcc makes it a resent message: its recipients are those of the resending.
    assert_eq!(prepared.recipients().unwrap(), ["old@example.com"]);
    let without = expected_without_resending();
    let (prepared, _) = done(without);
    assert_eq!(
        prepared.bcc,
        ["secret@example.com", "hidden@example.com", "concealed@example.com", "whispered@example.com"]
    );
}

fn expected_without_resending() -> String {
    text(&raw("bcc-folded.eml")).replace("Resent-Bcc: old@example.com\r\n", "")
}

#[test]
fn the_line_of_an_mbox_goes() {
    let (prepared, out) = of_file("mbox.eml");
    assert!(out.starts_with(b"Date: "));
    assert!(text(&out).ends_with("\r\n\r\nFrom here on it is the body.\r\n"));
    assert_eq!(prepared.subject, "From a box");
}

#[test]
fn an_empty_body_is_one() {
    let (_, out) = of_file("empty-body.eml");
    assert_eq!(out, [raw("empty-body.eml"), b"\r\n".to_vec()].concat());
}

#[test]
fn a_text_without_a_header_section_becomes_the_body() {
    let (prepared, out) = of_file("no-headers.eml");
    assert!(out.starts_with(b"Date: "));
    assert!(text(&out).ends_with("\r\n\r\nJust words.\r\nTo: nobody@example.org is a word, too.\r\n"));
    assert!(prepared.to.is_empty() && prepared.from.is_empty());
    let (_, out) = done("");
    assert!(text(&out).ends_with("\r\n\r\n"));
}

#[test]
fn a_resent_message_goes_where_it_was_resent_to_last() {
    let (prepared, out) = of_file("resent.eml");
    assert_eq!(prepared.recipients().unwrap(), ["ann@example.com", "bob@example.com", "hidden@example.com"]);
    assert_eq!((prepared.sender.as_str(), prepared.from.as_str()), ("mary@example.net", "ada@example.org"));
    assert_eq!(prepared.message_id, "resent@example.org");
    assert!(!text(&out).contains("hidden@example.com"));
    assert!(text(&out).contains("Resent-To: stale@example.com\r\n"));
}

#[test]
fn a_message_can_ask_to_be_sent_later_and_name_who_sends_it() {
    let (prepared, _) = of_file("deferred.eml");
    assert_eq!(prepared.not_before, Some(1_795_503_600));
    assert_eq!((prepared.sender.as_str(), prepared.from.as_str()), ("secretary@example.org", "ada@example.org"));
    let error = with(&mut &b"Deferred-Delivery: tomorrow\n\n"[..], &Options::default()).unwrap_err();
    assert!(matches!(&error, MessageError::DeferredDelivery(text) if text == "tomorrow"), "{error}");
}

#[test]
fn recipients_come_once_and_none_is_lost() {
    let (prepared, _) = done("To: a@x.org, b@x.org\nCc: a@x.org\nTo: c@x.org\n\n");
    assert_eq!(prepared.recipients().unwrap(), ["a@x.org", "b@x.org", "c@x.org"]);
    let (prepared, _) = done("To: a@x.org, Ann Lee, b@x.org\n\n");
    let error = prepared.recipients().unwrap_err();
    assert!(error.to_string().contains("Ann Lee"), "{error}");
}

#[test]
fn a_lone_dot_ends_it_only_where_that_is_asked_for() {
    let message = b"To: a@x.org\n\none\n.\ntwo\n";
    let (_, out) = done(message);
    assert!(text(&out).ends_with("one\r\n.\r\ntwo\r\n"));
    let options = Options { dot_ends: true, ..Options::default() };
    let (_, out) = with(&mut &message[..], &options).unwrap();
    assert!(text(&out).ends_with("\r\n\r\none\r\n"));
}

#[test]
fn a_header_section_without_end_is_refused() {
    let options = Options { header_limit: 1000, ..Options::default() };
    let endless = format!("To: a@x.org\nX: {}", "x".repeat(10_000));
    for text in [endless.clone(), format!("{endless}\n\nbody\n"), "X: y\n".repeat(1_000)] {
        let error = with(&mut text.as_bytes(), &options).unwrap_err();
        assert!(matches!(error, MessageError::HeaderTooLong(1000)), "{error}");
    }
    let (_, out) = with(&mut format!("A: b\n\n{}", "x".repeat(10_000)).as_bytes(), &options).unwrap();
    assert!(out.len() > 10_000);
}

#[test]
fn a_huge_body_streams_in_pieces() {
    let (line, lines) = (b"0123456789012345678901234567890123456789012345678901234567890\n", 500_000_u64);
    let mut input =
        b"To: a@x.org\nDate: x\nMessage-ID: <x@y>\n\n".chain(io::repeat(0).take(0)).chain(Lines(line, lines));
    let (mut largest, mut total) = (0, 0_u64);
    let prepared = prepare(&mut input, &Options::default(), &mut |bytes| {
        largest = largest.max(bytes.len());
        total += bytes.len() as u64;
        Ok(())
    });
    let prepared = prepared.unwrap();
    assert!(total > lines * 62 && prepared.size == total);
    assert!(largest < 4 * PIECE, "{largest}");
}

/// A line, many times.
struct Lines(&'static [u8], u64);

impl Read for Lines {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let fit = (buffer.len() / self.0.len()).min(usize::try_from(self.1).unwrap());
        for place in buffer.chunks_exact_mut(self.0.len()).take(fit) {
            place.copy_from_slice(self.0);
        }
        self.1 -= fit as u64;
        Ok(fit * self.0.len())
    }
}

#[test]
fn trouble_at_either_end_is_told() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("torn"))
        }
    }
    let error = with(&mut b"To: a@x.org\n\nbody".chain(Broken), &Options::default()).unwrap_err();
    assert!(matches!(error, MessageError::Read(_)), "{error}");
    let error = prepare(&mut &b"x"[..], &Options::default(), &mut |_| Err(io::Error::other("full"))).unwrap_err();
    assert!(matches!(error, MessageError::Write(_)), "{error}");
}

/// What mail-parser reads from what goes out is what was read here.
#[test]
fn another_reader_agrees() {
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/messages")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "eml") {
            continue;
        }
        let (prepared, out) = done(std::fs::read(&path).unwrap());
        assert_fit_to_send(&out);
        let message = MessageParser::default().parse(&out).unwrap();
        assert!(message.bcc().is_none(), "{}", path.display());
        assert_eq!(message.message_id(), Some(prepared.message_id.as_str()), "{}", path.display());
        assert!(message.date().is_some(), "{}", path.display());
        let from = message.from().and_then(|list| list.first()).and_then(|one| one.address());
        assert_eq!(from.unwrap_or_default(), prepared.from, "{}", path.display());
        let subject: String = message.subject().unwrap_or_default().chars().take(500).collect();
        assert_eq!(subject.trim(), prepared.subject.trim(), "{}", path.display());
    }
}

/// Pieces of messages, so that what matters comes often.
fn messages() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"\r".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b".".to_vec()),
        Just(b" ".to_vec()),
        Just(b"From ".to_vec()),
        Just(b"Bcc: secret@x.org".to_vec()),
        Just(b"resent-bcc : secret@x.org".to_vec()),
        Just(b"Date:".to_vec()),
        Just(b"To: a@x.org, <b@y.org>".to_vec()),
        Just(b"Message-ID: <a@b>".to_vec()),
        prop::collection::vec(any::<u8>(), 0..6),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn whatever_comes_in_is_fit_to_send_and_preparing_it_again_changes_nothing(
        message in messages(), dot_ends: bool, size in 1_usize..9,
    ) {
        let options = Options { dot_ends, ..Options::default() };
        let (prepared, out) = with(&mut Trickle(&message, size), &options).unwrap();
        assert_fit_to_send(&out);
        prop_assert_eq!(prepared.size, out.len() as u64);
        prop_assert_eq!(prepared.eight_bit, !out.is_ascii());
        let (again, same) = with(&mut out.as_slice(), &options).unwrap();
        prop_assert_eq!(&same, &out);
        prop_assert!(again.bcc.is_empty());
        let head = out.windows(4).position(|four| four == b"\r\n\r\n").map_or(&out[..], |end| &out[..end]);
        prop_assert!(!head.windows(12).any(|part| part == b"secret@x.org") || !head_has_bcc(head));
    }

    #[test]
    fn no_bytes_make_it_panic(message in prop::collection::vec(any::<u8>(), 0..300)) {
        let (_, out) = done(&message);
        assert_fit_to_send(&out);
    }
}

fn head_has_bcc(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head).to_lowercase();
    text.lines().any(|line| line.starts_with("bcc") || line.starts_with("resent-bcc"))
}
