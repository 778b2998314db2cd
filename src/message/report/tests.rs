//! Reports, read back by another reader.

use mail_parser::{Message, MessageParser, MimeHeaders as _, PartType};
use proptest::prelude::*;

use super::*;
use crate::mapi::{Class, Stage};

const ORIGINAL: &str = "From: ada@example.org\r\nTo: charles@example.net\r\nSubject: The engine\r\n\r\nIt weaves.\r\n";

fn refused(address: &str, code: u16, enhanced: Option<(u8, u16, u16)>, text: &str) -> Refused {
    let reply = Reply { code, enhanced, text: text.to_owned() };
    let failure = Failure::new(Class::Permanent, Stage::Envelope, "smtp.example.org:465", "").with_reply(reply);
    Refused { address: address.to_owned(), failure: Some(failure) }
}

fn report(refused: Vec<Refused>) -> ReportInput {
    ReportInput {
        to: "ada@example.org".into(),
        subject: "The engine".into(),
        message_id: "note-g@example.org".into(),
        submitted_at: 1_795_395_909,
        refused,
        original: ORIGINAL.into(),
    }
}

fn written(report: &ReportInput) -> Vec<u8> {
    let mut out = Vec::new();
    write_report(report, &mut out).unwrap();
    out
}

/// The bodies of the three parts, with their types.
fn parts(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let message = MessageParser::default().parse(bytes).unwrap();
    let PartType::Multipart(children) = &message.parts[0].body else { panic!("no multipart") };
    let part = |&id: &u32| {
        let part = &message.parts[id as usize];
        let kind = part.content_type().unwrap();
        let bytes = &bytes[part.offset_body as usize..part.offset_end as usize];
        (format!("{}/{}", kind.c_type, kind.c_subtype.as_deref().unwrap()), bytes.to_vec())
    };
    children.iter().map(part).collect()
}

/// The groups of fields of the delivery status, as (name, value).
fn status_of(bytes: &[u8]) -> Vec<Vec<(String, String)>> {
    let parts = parts(bytes);
    assert_eq!(parts[1].0, "message/delivery-status");
    let text = String::from_utf8(parts[1].1.clone()).unwrap();
    assert!(text.is_ascii());
    let field = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned())).unwrap();
    let groups = text.trim_end().split("\r\n\r\n");
    groups.map(|group| group.lines().map(field).collect()).collect()
}

fn value<'a>(group: &'a [(String, String)], name: &str) -> &'a str {
    let mut found = group.iter().filter(|(given, _)| given == name);
    let value = found.next().map_or_else(|| panic!("no {name} in {group:?}"), |(_, value)| value.as_str());
    assert!(found.next().is_none(), "two of {name}");
    value
}

fn parsed(bytes: &[u8]) -> Message<'_> {
    MessageParser::default().parse(bytes).unwrap()
}

#[test]
fn another_reader_finds_every_field() {
    let report = report(vec![
        refused("charles@example.net", 550, Some((5, 1, 1)), "No such user"),
        refused("mary@example.net", 552, None, "Mailbox full"),
    ]);
    let bytes = written(&report);
    let message = parsed(&bytes);
    assert_eq!(message.to().unwrap().first().unwrap().address(), Some("ada@example.org"));
    assert!(message.from().unwrap().first().unwrap().address().unwrap().starts_with("MAILER-DAEMON@"));
    assert_eq!(message.subject(), Some("Not delivered: The engine"));
    assert_eq!(message.in_reply_to().as_text(), Some("note-g@example.org"));
    assert_eq!(message.header_raw("Auto-Submitted").map(str::trim), Some("auto-replied"));
    assert_eq!(message.header_raw("Return-Path").map(str::trim), Some("<>"));
    assert!(message.date().is_some() && message.message_id().is_some());
    let kind = message.content_type().unwrap();
    assert_eq!((kind.ctype(), kind.subtype()), ("multipart", Some("report")));
    assert_eq!(kind.attribute("report-type"), Some("delivery-status"));

    let groups = status_of(&bytes);
    assert_eq!(groups.len(), 3);
    assert!(value(&groups[0], "Reporting-MTA").starts_with("dns; "));
    assert!(value(&groups[0], "Arrival-Date").contains("2026"));
    assert_eq!(value(&groups[1], "Final-Recipient"), "rfc822; charles@example.net");
    assert_eq!(value(&groups[1], "Action"), "failed");
    assert_eq!(value(&groups[1], "Status"), "5.1.1");
    assert_eq!(value(&groups[1], "Remote-MTA"), "dns; smtp.example.org");
    assert_eq!(value(&groups[1], "Diagnostic-Code"), "smtp; 550 5.1.1 No such user");
    assert_eq!(value(&groups[2], "Final-Recipient"), "rfc822; mary@example.net");
    assert_eq!(value(&groups[2], "Status"), "5.0.0");

    let words = String::from_utf8(parts(&bytes)[0].1.clone()).unwrap();
    for part in ["“The engine”", "charles@example.net", "smtp.example.org said: 550 5.1.1 No such user"] {
        assert!(words.contains(part), "{part} is not in {words}");
    }
}

#[test]
fn a_small_message_comes_back_whole_and_of_a_large_one_the_header_section() {
    let mut report = report(vec![refused("a@x.org", 550, None, "no")]);
    let (kind, body) = parts(&written(&report)).remove(2);
    assert_eq!((kind.as_str(), body.as_slice()), ("message/rfc822", ORIGINAL.as_bytes()));
    report.original.resize(WHOLE_BYTES + 1, b'x');
    let (kind, body) = parts(&written(&report)).remove(2);
    assert_eq!(kind, "text/rfc822-headers");
    assert_eq!(String::from_utf8(body).unwrap().trim_end(), ORIGINAL.split_once("\r\n\r\n").unwrap().0);
    report.original = b"From: ada@example.org\r\nSubject: to".to_vec();
    let (_, body) = parts(&written(&report)).remove(2);
    assert_eq!(String::from_utf8(body).unwrap().trim_end(), "From: ada@example.org");
}

#[test]
fn failures_without_a_servers_reply_are_told_in_our_words() {
    let offline = Failure::new(Class::Transient, Stage::Connect, "smtp.example.org:25", "connection refused");
    let recipients = vec![
        Refused { address: "a@x.org".into(), failure: Some(offline) },
        Refused { address: "b@x.org".into(), failure: None },
        refused("d@x.org", 451, Some((4, 4, 7)), "too old"),
        refused("e@x.org", 421, None, "busy"),
    ];
    let groups = status_of(&written(&report(recipients)));
    assert_eq!(
        value(&groups[1], "Diagnostic-Code"),
        "x-mailsluice; smtp.example.org:25: connecting: connection refused"
    );
    assert_eq!(value(&groups[2], "Diagnostic-Code"), "x-mailsluice; No reason was given.");
    assert_eq!(value(&groups[2], "Status"), "5.0.0");
    assert_eq!((value(&groups[3], "Status"), value(&groups[4], "Status")), ("4.4.7", "4.0.0"));
    assert!(groups[1].iter().all(|(name, _)| name != "Remote-MTA"));
}

#[test]
fn letters_beyond_ascii() {
    let mut report = report(vec![refused("zoë@exämple.org", 550, None, "gibt’s nicht")]);
    report.subject =
        "Grüße – eine lange Betreffzeile, die in einem einzigen Wort keinen Platz mehr findet, gewiß nicht".into();
    let bytes = written(&report);
    let subject = format!("Not delivered: {}", report.subject);
    assert_eq!(parsed(&bytes).subject(), Some(subject.as_str()));
    let header = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    assert!(bytes[..header].is_ascii());
    assert!(std::str::from_utf8(&bytes[..header]).unwrap().lines().all(|line| line.len() <= 78));
    let groups = status_of(&bytes);
    assert_eq!(value(&groups[1], "Final-Recipient"), "utf-8; zo\\x{EB}@ex\\x{E4}mple.org");
    assert_eq!(value(&groups[1], "Diagnostic-Code"), "smtp; 550 gibt?s nicht");
}

#[test]
fn a_message_without_a_sender_gets_no_report() {
    let mut report = report(vec![refused("a@x.org", 550, None, "no")]);
    report.to.clear();
    let mut out = Vec::new();
    assert_eq!(write_report(&report, &mut out).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    assert!(out.is_empty());
}

#[test]
fn two_reports_have_nothing_by_which_one_could_be_foretold_from_the_other() {
    let report = report(vec![]);
    let boundary = |bytes: &[u8]| parsed(bytes).content_type().unwrap().attribute("boundary").unwrap().to_owned();
    assert_ne!(boundary(&written(&report)), boundary(&written(&report)));
}

/// Texts that would like to end a line, a field, a part.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\r\n".to_owned()),
        Just("\n".to_owned()),
        Just("\r\n\r\n".to_owned()),
        Just("--=_".to_owned()),
        Just("Action: delivered".to_owned()),
        Just("\u{2028}\u{202E}".to_owned()),
        Just("=?utf-8?q?x?=".to_owned()),
        Just("<>".to_owned()),
        any::<String>(),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn nothing_from_outside_breaks_the_structure(
        address in hostile(), text in hostile(), at in hostile(), what in hostile(), subject in hostile(),
        message_id in hostile(), to in hostile(), original in hostile(),
    ) {
        let mut first = refused(&address, 550, Some((5, 1, 1)), &text);
        first.failure = first.failure.map(|failure| Failure { at: at.clone(), ..failure });
        let second = Refused { address, failure: Some(Failure::new(Class::Local, Stage::Program, at, what)) };
        let original = format!("Subject: x\r\n\r\n-{}\r\n", original.replace(['\r', '\n'], " ")).into_bytes();
        let input =
            ReportInput { to: format!("x{to}"), subject, message_id, original, ..report(vec![first, second]) };
        let bytes = written(&input);
        let parts = parts(&bytes);
        prop_assert_eq!(parts.len(), 3);
        prop_assert_eq!(&parts[2].1, &input.original);
        let groups = status_of(&bytes);
        prop_assert_eq!(groups.len(), 3);
        for group in &groups[1..] {
            prop_assert_eq!(value(group, "Action"), "failed");
        }
        let header = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let header = String::from_utf8(bytes[..header].to_vec()).unwrap();
        let fields = header.lines().filter(|line| !line.starts_with(' ')).count();
        prop_assert!((9..=12).contains(&fields), "{}", header);
    }
}
