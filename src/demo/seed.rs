//! The demo's letters as messages: headers, dates spread over the last days, attachments made by arithmetic, so that the
//! same letter is the same bytes in every run but for its date.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::{SignedDuration, Timestamp};

/// A letter as `letters.rs` has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Letter {
    /// Whom it goes to, or whom it is from: `Name <address>`.
    pub(super) people: &'static [&'static str],
    pub(super) subject: &'static str,
    pub(super) text: &'static str,
    pub(super) attachment: Attachment,
}

/// What hangs on a letter.
#[derive(Debug, Clone, Copy)]
pub(super) enum Attachment {
    /// Nothing.
    None,
    /// A table of high waters for so many days, about 100 bytes a day.
    Tides(u32),
    /// A square grey picture with so many pixels a side, a byte each.
    Chart(u32),
}

/// A message for the spool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedMessage {
    /// Which transport it is meant for.
    pub transport: &'static str,
    /// Reverse path.
    pub sender: String,
    /// Recipients' addresses.
    pub recipients: Vec<String>,
    /// The message, with CRLF line ends.
    pub content: Vec<u8>,
}

/// Age between two letters, in minutes. Not round, so that the ages shown are not.
const STEP_MINUTES: i64 = 47;

/// Letters from `identity`, the oldest first.
pub(super) fn outgoing(
    transport: &'static str,
    identity: &str,
    letters: &[Letter],
    now: Timestamp,
) -> Vec<SeedMessage> {
    let message = |(number, letter): (usize, &Letter)| SeedMessage {
        transport,
        sender: address(identity).to_owned(),
        recipients: letter.people.iter().map(|person| address(person).to_owned()).collect(),
        content: message(letter, identity, &letter.people.join(", "), &id(transport, "out", number), date(now, number)),
    };
    let mut messages: Vec<SeedMessage> = letters.iter().enumerate().map(message).collect();
    messages.reverse();
    messages
}

/// Letters to `identity`, the oldest first.
pub(super) fn incoming(transport: &str, identity: &str, letters: &[Letter], now: Timestamp) -> Vec<Vec<u8>> {
    let message = |(number, letter): (usize, &Letter)| {
        message(letter, &letter.people.join(", "), identity, &id(transport, "in", number), date(now, number))
    };
    let mut messages: Vec<Vec<u8>> = letters.iter().enumerate().map(message).collect();
    messages.reverse();
    messages
}

/// What stands between the angle brackets.
fn address(person: &str) -> &str {
    person.rsplit_once('<').map_or(person, |(_, address)| address.trim_end_matches('>'))
}

fn id(transport: &str, way: &str, number: usize) -> String {
    format!("{transport}.{way}.{number}@demo.example.org")
}

fn date(now: Timestamp, number: usize) -> Timestamp {
    let minutes = i64::try_from(number).unwrap_or_default() * STEP_MINUTES + 3;
    now.checked_sub(SignedDuration::from_mins(minutes)).unwrap_or(now)
}

fn message(letter: &Letter, from: &str, to: &str, id: &str, date: Timestamp) -> Vec<u8> {
    let head = format!(
        "From: {}\r\nTo: {}\r\nSubject: {}\r\nDate: {}\r\nMessage-ID: <{id}>\r\nMIME-Version: 1.0\r\n",
        people(from),
        people(to),
        words(letter.subject),
        date.strftime("%a, %d %b %Y %H:%M:%S +0000"),
    );
    let text = format!(
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{}\r\n",
        letter.text
    );
    let (kind, name, bytes) = match letter.attachment {
        Attachment::None => return (head + &text).into_bytes(),
        Attachment::Tides(days) => ("text/csv", "tides.csv", tides(days)),
        Attachment::Chart(side) => ("image/x-portable-graymap", "chart.pgm", chart(side)),
    };
    let mut whole = format!(
        "{head}Content-Type: multipart/mixed; boundary=\"=_sluice\"\r\n\r\n--=_sluice\r\n{text}--=_sluice\r\n\
         Content-Type: {kind}\r\nContent-Transfer-Encoding: base64\r\n\
         Content-Disposition: attachment; filename=\"{name}\"\r\n\r\n"
    )
    .into_bytes();
    // 57 bytes make a line of 76 letters (RFC 2045, 6.8).
    for line in bytes.chunks(57) {
        whole.extend_from_slice(BASE64.encode(line).as_bytes());
        whole.extend_from_slice(b"\r\n");
    }
    whole.extend_from_slice(b"--=_sluice--\r\n");
    whole
}

/// `Name <address>, …`, folded after each, names encoded where they must be.
fn people(list: &str) -> String {
    let person = |person: &str| match person.rsplit_once(" <") {
        Some((name, address)) => format!("{} <{address}", words(name)),
        None => person.to_owned(),
    };
    list.split(", ").map(person).collect::<Vec<_>>().join(",\r\n ")
}

/// Unstructured text for a header: as it is, folded at spaces, when it is ASCII, else in encoded words (RFC 2047).
fn words(text: &str) -> String {
    if text.is_ascii() {
        return fold(text.split(' '));
    }
    let mut encoded = Vec::new();
    let mut part = String::new();
    for letter in text.chars() {
        // 39 bytes make 52 letters of base64 and a word of 64, which fits behind "Subject: " in the 76 of RFC 2047, 2.
        if part.len() + letter.len_utf8() > 39 {
            encoded.push(encoded_word(&std::mem::take(&mut part)));
        }
        part.push(letter);
    }
    encoded.push(encoded_word(&part));
    encoded.join("\r\n ")
}

fn encoded_word(text: &str) -> String {
    format!("=?UTF-8?B?{}?=", BASE64.encode(text))
}

fn fold<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let (mut text, mut column) = (String::new(), 9);
    for word in words {
        if !text.is_empty() {
            let too_long = column + word.len() > 76;
            text.push_str(if too_long { "\r\n " } else { " " });
            column = if too_long { 1 } else { column + 1 };
        }
        text.push_str(word);
        column += word.len();
    }
    text
}

/// High waters: the moon's half day is 12 h 25 min, spring tides come every 14.77 days.
fn tides(days: u32) -> Vec<u8> {
    let mut table = String::from("day,first high water,height (m),second high water,height (m)\r\n");
    for day in 0..days {
        let spring = (f64::from(day) * std::f64::consts::TAU / 14.77).cos();
        let (first, second) = ((day * 50 + 185) % 745, (day * 50 + 185) % 745 + 745);
        let (high, higher) = (3.1 + 0.8 * spring, 3.2 + 0.85 * spring);
        let line = format!(
            "{day},{:02}:{:02},{high:.2},{:02}:{:02},{higher:.2}\r\n",
            first / 60,
            first % 60,
            second / 60 % 24,
            second % 60
        );
        table.push_str(&line);
    }
    table.into_bytes()
}

/// Rings of depth around a harbour mouth, as a portable grey map.
fn chart(side: u32) -> Vec<u8> {
    let mut picture = format!("P5\n{side} {side}\n255\n").into_bytes();
    let bytes = (0..side).flat_map(|y| (0..side).map(move |x| (x * x / 64 + y * y / 48 + x * y / 97) % 256));
    picture.extend(bytes.filter_map(|shade| u8::try_from(shade).ok()));
    picture
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::letters;

    #[test]
    fn headers_stay_within_their_lines_and_in_ascii() {
        let now = Timestamp::from_second(1_790_000_000).unwrap();
        for seed in outgoing("home", "Ada Lovelace <ada@example.org>", &letters::HOME_OUT, now) {
            let text = String::from_utf8(seed.content).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.is_ascii() && head.lines().all(|line| line.len() <= 78), "{head}");
            assert!(body.ends_with("\r\n") && !body.replace("\r\n", "").contains(['\r', '\n']));
        }
    }

    #[test]
    fn a_mail_reader_reads_what_was_written() {
        let now = Timestamp::from_second(1_790_000_000).unwrap();
        let seeds = outgoing("home", "Ada Lovelace <ada@example.org>", &letters::HOME_OUT, now);
        let mut subjects = Vec::new();
        for seed in seeds.iter().rev() {
            let message = mail_parser::MessageParser::default().parse(&seed.content).unwrap();
            subjects.push(message.subject().unwrap().to_owned());
            assert_eq!(message.to().unwrap().iter().count(), seed.recipients.len());
            assert!(message.date().unwrap().to_timestamp() < now.as_second());
        }
        let written: Vec<&str> = letters::HOME_OUT.iter().map(|letter| letter.subject).collect();
        assert_eq!(subjects, written);
    }

    #[test]
    fn the_largest_is_three_mebibytes_at_most() {
        let now = Timestamp::from_second(1_790_000_000).unwrap();
        let sizes =
            outgoing("home", "a@example.org", &letters::HOME_OUT, now).into_iter().map(|seed| seed.content.len());
        let largest = sizes.max().unwrap();
        assert!((2_800_000..=3 << 20).contains(&largest), "{largest}");
    }
}
