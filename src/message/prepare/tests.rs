//! What comes out of preparing a message, and what does not.

use proptest::prelude::*;

use super::*;

/// Gives its bytes in pieces of this size.
struct Pieces<'t>(&'t [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.1.min(self.0.len()).min(buffer.len());
        let (now, later) = self.0.split_at(size);
        buffer[..size].copy_from_slice(now);
        self.0 = later;
        Ok(size)
    }
}

fn prepared_by(text: &[u8], piece: usize, options: Options) -> Result<(Prepared, Vec<u8>), MessageError> {
    let mut out = Vec::new();
    let prepared = prepare(&mut Pieces(text, piece), &options, &mut |bytes| {
        out.extend_from_slice(bytes);
        Ok(())
    })?;
    Ok((prepared, out))
}

fn prepared(text: &str) -> (Prepared, String) {
    let (prepared, out) = prepared_by(text.as_bytes(), 7, Options::default()).expect("a message");
    (prepared, String::from_utf8_lossy(&out).into_owned())
}

const COMPLETE: &str = "From: Ada <ada@example.org>\r\nTo: bob@example.net\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\
    Date: Mon, 02 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n\r\n.\r\nhello\r\n";

#[test]
fn a_complete_message_stays_byte_for_byte() {
    let (found, out) = prepared(COMPLETE);
    assert_eq!(out, COMPLETE);
    assert_eq!((found.from.as_str(), found.sender.as_str()), ("ada@example.org", "ada@example.org"));
    assert_eq!((found.subject.as_str(), found.message_id.as_str()), ("Grüße", "1@example.org"));
    assert_eq!(found.to, ["bob@example.net"]);
    assert_eq!(found.size, COMPLETE.len() as u64);
    assert!(!found.eight_bit && !found.smtputf8);
}

#[test]
fn bcc_goes_and_its_people_are_served() {
    let text = "From: a@b.org\nTo: x@y.org\nBcc: one@y.org,\n two@y.org\nbcc:three@y.org\nSubject: s\n\nbody\n";
    let (found, out) = prepared(text);
    assert!(!out.to_lowercase().contains("bcc") && !out.contains("two@y.org"), "{out}");
    assert_eq!(found.to, ["x@y.org", "one@y.org", "two@y.org", "three@y.org"]);
}

#[test]
fn missing_date_and_message_id_come_and_are_new_each_time() {
    let (one, out) = prepared("From: a@b.org\nTo: x@y.org\n\nhi\n");
    assert!(out.contains("\r\nDate: ") && out.contains(&format!("\r\nMessage-ID: <{}>\r\n\r\nhi\r\n", one.message_id)));
    assert!(one.message_id.ends_with("@b.org"));
    assert_ne!(one.message_id, prepared("From: a@b.org\nTo: x@y.org\n\nhi\n").0.message_id);
}

#[test]
fn an_mbox_line_goes_and_resent_recipients_win() {
    let text = "From ada Mon Nov  2 10:00:00 2026\nFrom: a@b.org\nTo: x@y.org\nResent-To: z@y.org\nResent-From: r@b.org\n\nb\n";
    let (found, out) = prepared(text);
    assert!(out.starts_with("From: a@b.org\r\n"), "{out}");
    assert_eq!(found.to, ["z@y.org"]);
    assert_eq!(found.sender, "r@b.org");
}

#[test]
fn no_line_end_smuggles_a_second_message() {
    let (_, out) = prepared("From: a@b.org\nTo: x@y.org\n\nhi\n.\rMAIL FROM:<e@v.il>\r.\n\r\r\n.\r\n");
    assert!(!out.replace("\r\n", "").contains(['\r', '\n']), "{out:?}");
}

#[test]
fn a_dot_alone_ends_it_only_where_sendmail_says_so() {
    let text = b"From: a@b.org\nTo: x@y.org\n\none\n.\ntwo\n";
    let (_, all) = prepared_by(text, 3, Options::default()).expect("a message");
    let (_, first) = prepared_by(text, 3, Options { dot_ends: true }).expect("a message");
    assert!(all.ends_with(b"one\r\n.\r\ntwo\r\n"));
    assert!(first.ends_with(b"one\r\n"));
}

#[test]
fn eight_bit_and_utf8_headers_are_noticed() {
    assert!(prepared("From: a@b.org\nTo: x@y.org\n\nGrüße\n").0.eight_bit);
    assert!(!prepared("From: a@b.org\nTo: x@y.org\n\nGrüße\n").0.smtputf8);
    assert!(prepared("From: Jürgen <a@b.org>\nTo: x@y.org\n\nhi\n").0.smtputf8);
}

#[test]
fn what_is_no_message_is_refused() {
    assert!(matches!(prepared_by(b"", 1, Options::default()), Err(MessageError::Empty)));
    let endless = [b"From: a@b.org\n".as_slice(), &b"X: y\n".repeat(300_000)].concat();
    assert!(matches!(prepared_by(&endless, 4096, Options::default()), Err(MessageError::HeadersTooLarge)));
}

proptest! {
    #[test]
    fn any_bytes_become_clean_lines_however_they_arrive(
        body in proptest::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'.'), any::<u8>()], 0..200),
        piece in 1_usize..50,
    ) {
        let text = [b"From: a@b.org\r\nDate: x\r\nMessage-ID: <1@b>\r\n\r\n".as_slice(), &body].concat();
        let (found, out) = prepared_by(&text, piece, Options::default()).expect("a message");
        prop_assert!(out.ends_with(b"\r\n"));
        for (at, byte) in out.iter().enumerate() {
            match byte {
                b'\r' => prop_assert_eq!(out.get(at + 1), Some(&b'\n')),
                b'\n' => prop_assert!(at > 0 && out[at - 1] == b'\r'),
                _ => {}
            }
        }
        prop_assert_eq!(found.size, out.len() as u64);
        // Doing it again changes nothing, and the size of the pieces does not matter.
        prop_assert_eq!(&prepared_by(&out, 1000, Options::default()).expect("a message").1, &out);
    }
}
