//! The header section: where it ends, its fields, and what they mean.
//!
//! Fields are cut out here, by the one rule that decides what is sent and what is not; mail-parser is asked about the
//! value of one field at a time. So no two readers can disagree about what is a field, and a Bcc that is removed is one
//! that nobody else would have found.

use mail_parser::parsers::MessageStream;
use mail_parser::{Addr, HeaderValue};

use super::address;
use crate::mapi::{in_one_line, is_visible};

/// As much of a subject as is kept for lists, in letters.
const LONGEST_SUBJECT: usize = 500;

/// Where the header section of a text ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    /// Where the first field begins: behind an mbox's "From " line.
    pub(super) begin: usize,
    /// Where the last field ends.
    pub(super) end: usize,
    /// Where the body begins.
    pub(super) body: usize,
}

/// Looks for the end of the header section while the text, which has CRLF line ends, comes in.
#[derive(Debug, Default)]
pub(super) struct Search {
    begin: usize,
    at: usize,
}

impl Search {
    /// The extent, when the text that has come so far shows it. `text` begins with what was there at the last call.
    pub(super) fn look(&mut self, text: &[u8]) -> Option<Extent> {
        let extent = |search: &Self, body| Extent { begin: search.begin, end: search.at, body };
        while let Some(line) = next_line(text.get(self.at..)?) {
            let is_first = self.at == self.begin;
            if line == b"\r\n" {
                return Some(extent(self, self.at + line.len()));
            } else if self.at == 0 && is_mbox_line(line) {
                self.begin = line.len();
            } else if is_continuation(line) && is_first || !is_continuation(line) && field_name(line).is_none() {
                // No field: whoever wrote this left out the empty line, or the header section.
                return Some(extent(self, self.at));
            }
            self.at += line.len();
        }
        None
    }

    /// The extent of a text that ends here.
    pub(super) fn all(&self, text: &[u8]) -> Extent {
        Extent { begin: self.begin, end: text.len(), body: text.len() }
    }
}

/// The first line with its end, if it has one.
fn next_line(text: &[u8]) -> Option<&[u8]> {
    let end = text.iter().position(|&byte| byte == b'\n')?;
    text.get(..=end)
}

fn is_continuation(line: &[u8]) -> bool {
    matches!(line.first(), Some(b' ' | b'\t'))
}

/// "From ann@example.org Mon Nov 23 …", which mboxes put in front of a message. `From : ann` is a field, if an old one.
fn is_mbox_line(line: &[u8]) -> bool {
    line.starts_with(b"From ") && field_name(line).is_none()
}

/// The name of the field that this line begins (RFC 5322 section 2.2; with space before the colon as in section 4.5).
fn field_name(line: &[u8]) -> Option<&str> {
    let colon = line.iter().position(|&byte| byte == b':')?;
    let name = line.get(..colon)?.trim_ascii_end();
    if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
        return None;
    }
    std::str::from_utf8(name).ok()
}

/// A field, with its continuation lines.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field<'t> {
    /// As written.
    pub(super) name: &'t str,
    /// All of it, with its line ends.
    pub(super) raw: &'t [u8],
}

impl<'t> Field<'t> {
    /// Whether it is called so, in lower case.
    pub(super) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// What stands behind the colon.
    fn value(&self) -> &'t [u8] {
        let colon = self.raw.iter().position(|&byte| byte == b':').map_or(self.raw.len(), |colon| colon + 1);
        self.raw.get(colon..).unwrap_or_default()
    }

    /// Its text, decoded (RFC 2047), in one line.
    pub(super) fn text(&self) -> String {
        let HeaderValue::Text(text) = MessageStream::new(self.value()).parse_unstructured() else {
            return String::new();
        };
        in_one_line(&text).chars().take(LONGEST_SUBJECT).collect()
    }

    /// Its date, in seconds since the Unix epoch.
    pub(super) fn date(&self) -> Option<i64> {
        match MessageStream::new(self.value()).parse_date() {
            HeaderValue::DateTime(date) if date.is_valid() => Some(date.to_timestamp()),
            _ => None,
        }
    }

    /// Its first identifier, without angle brackets.
    pub(super) fn id(&self) -> String {
        let text = String::from_utf8_lossy(self.value());
        let inside = text.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(inside, _)| inside);
        let id = inside.unwrap_or(&text);
        id.chars().filter(|letter| is_visible(*letter) && !letter.is_whitespace()).take(LONGEST_SUBJECT).collect()
    }

    /// Its addresses: those that can be used, and what stands in the place of others.
    pub(super) fn addresses(&self) -> (Vec<String>, Vec<String>) {
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        if let HeaderValue::Address(list) = MessageStream::new(self.value()).parse_address() {
            // A bare name such as `root` is taken for a display name by the parser.
            for text in list.iter().filter_map(|one: &Addr<'_>| one.address().or(one.name())) {
                match address::recipient(text) {
                    Ok(address) => good.push(address),
                    Err(error) => bad.push(error.to_string()),
                }
            }
        }
        (good, bad)
    }
}

/// The fields of a header section.
#[derive(Debug)]
pub(super) struct Fields<'t>(&'t [u8]);

/// Cuts a header section, as [`Search`] found it, into its fields.
pub(super) fn fields(section: &[u8]) -> Fields<'_> {
    Fields(section)
}

impl<'t> Iterator for Fields<'t> {
    type Item = Field<'t>;

    fn next(&mut self) -> Option<Field<'t>> {
        let first = next_line(self.0)?;
        let mut end = first.len();
        while let Some(line) = self.0.get(end..).and_then(next_line).filter(|line| is_continuation(line)) {
            end += line.len();
        }
        let (raw, rest) = self.0.split_at_checked(end)?;
        self.0 = rest;
        Some(Field { name: field_name(first)?, raw })
    }
}

/// The Resent- fields of the latest resending, if there is one: the block nearest to the top (RFC 5322 section 3.6.6).
/// The block is over where another field comes between, or where a name comes the second time.
pub(super) fn latest_resending<'t>(fields: &[Field<'t>]) -> Vec<Field<'t>> {
    let is_resent =
        |field: &&Field<'_>| field.name.get(..7).is_some_and(|beginning| beginning.eq_ignore_ascii_case("Resent-"));
    let mut block: Vec<Field<'t>> = Vec::new();
    for field in fields.iter().skip_while(|field| !is_resent(field)).take_while(is_resent) {
        if block.iter().any(|earlier| earlier.is(field.name)) {
            break;
        }
        block.push(*field);
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extent(text: &str) -> Extent {
        let mut search = Search::default();
        search.look(text.as_bytes()).unwrap_or_else(|| search.all(text.as_bytes()))
    }

    fn parts(text: &str) -> (&str, &str) {
        let extent = extent(text);
        (text.get(extent.begin..extent.end).unwrap(), text.get(extent.body..).unwrap())
    }

    fn field(raw: &str) -> Field<'_> {
        fields(raw.as_bytes()).next().unwrap()
    }

    #[test]
    fn an_empty_line_ends_it() {
        assert_eq!(parts("A: 1\r\nB: 2\r\n 3\r\n\r\nC: 4\r\n"), ("A: 1\r\nB: 2\r\n 3\r\n", "C: 4\r\n"));
        assert_eq!(parts("\r\nbody\r\n"), ("", "body\r\n"));
    }

    #[test]
    fn so_does_a_line_that_is_no_field() {
        assert_eq!(parts("A: 1\r\nbody\r\nB: 2\r\n"), ("A: 1\r\n", "body\r\nB: 2\r\n"));
        assert_eq!(parts(" A: 1\r\n"), ("", " A: 1\r\n"));
        assert_eq!(parts("A b: 1\r\n"), ("", "A b: 1\r\n"));
        assert_eq!(parts(": 1\r\n"), ("", ": 1\r\n"));
    }

    #[test]
    fn so_does_the_end() {
        assert_eq!(parts("A: 1\r\n"), ("A: 1\r\n", ""));
        assert_eq!(parts(""), ("", ""));
    }

    #[test]
    fn an_mbox_line_is_left_out() {
        assert_eq!(parts("From ann Mon Nov 23 02:05:09 2026\r\nA: 1\r\n\r\nx\r\n"), ("A: 1\r\n", "x\r\n"));
        assert_eq!(parts("From : ann\r\n\r\n"), ("From : ann\r\n", ""));
        assert_eq!(parts("From ann\r\n A: 1\r\n"), ("", " A: 1\r\n"));
    }

    #[test]
    fn the_end_is_found_wherever_the_pieces_are_cut() {
        let text = "From x\r\nA: 1\r\n 2\r\nB: 3\r\n\r\nbody\r\n";
        for cut in 0..text.len() {
            let mut search = Search::default();
            let found = search.look(&text.as_bytes()[..cut]).or_else(|| search.look(text.as_bytes()));
            assert_eq!(found, Some(extent(text)), "{cut}");
        }
    }

    #[test]
    fn texts_are_decoded_and_of_one_line() {
        assert_eq!(field("Subject: =?utf-8?q?caf=C3=A9?=\r\n =?utf-8?q?_noir?=\r\n").text(), "café noir");
        assert_eq!(field("Subject: a\r\n\tb\r\n").text(), "a b");
        assert_eq!(field("Subject: =?utf-8?q?a=0Ab=1B?=\r\n").text(), "a b");
        assert_eq!(field("Subject:\r\n").text(), "");
        assert_eq!(field("Subject: grün\r\n").text(), "grün");
    }

    #[test]
    fn dates_that_are_none_are_not_guessed() {
        assert_eq!(field("Deferred-Delivery: Mon, 23 Nov 2026 02:05:09 +0100\r\n").date(), Some(1_795_395_909));
        for text in ["tomorrow", "", "32 Nov 2026 02:05:09 +0100", "2026-11-23"] {
            assert_eq!(field(&format!("Deferred-Delivery: {text}\r\n")).date(), None, "{text}");
        }
    }

    #[test]
    fn identifiers() {
        assert_eq!(field("Message-ID: <a@b>\r\n").id(), "a@b");
        assert_eq!(field("Message-ID:\r\n <a@b> (comment)\r\n").id(), "a@b");
        assert_eq!(field("Message-ID: a@b\r\n").id(), "a@b");
    }

    #[test]
    fn addresses_in_all_their_dresses() {
        let good = |text: &str| {
            let (good, bad) = field(&format!("To: {text}\r\n")).addresses();
            assert!(bad.is_empty(), "{bad:?}");
            good
        };
        assert_eq!(good("ann@example.org"), ["ann@example.org"]);
        assert_eq!(good("Ann Lee <ann@example.org>, bob@example.net"), ["ann@example.org", "bob@example.net"]);
        assert_eq!(good("\"Lee, Ann\" <ann@example.org>"), ["ann@example.org"]);
        assert_eq!(good("=?utf-8?q?Ann_=3Ceve=40example=2Ecom=3E?= <ann@example.org>"), ["ann@example.org"]);
        assert_eq!(good("ann@example.org (Ann, of Lee),\r\n bob@example.net"), ["ann@example.org", "bob@example.net"]);
        assert_eq!(good("Friends: ann@example.org, Bob <bob@example.net>;"), ["ann@example.org", "bob@example.net"]);
        assert_eq!(good("undisclosed-recipients:;"), [""; 0]);
        assert_eq!(good("root"), ["root"]);
        assert_eq!(good("root, ann@example.org"), ["root", "ann@example.org"]);
        assert_eq!(good("zoë@exämple.org"), ["zoë@exämple.org"]);
        assert_eq!(good(""), [""; 0]);
    }

    #[test]
    fn what_is_no_address_is_not_lost() {
        for text in ["Ann Lee", "ann@exa mple.org", "ann@", "ann@example.org bob@example.net"] {
            let (good, bad) = field(&format!("To: {text}\r\n")).addresses();
            assert!(good.is_empty() && !bad.is_empty(), "{text}: {good:?} {bad:?}");
        }
    }

    #[test]
    fn the_latest_resending_is_the_one_at_the_top() {
        let text = "Received: x\r\nResent-To: b@x\r\nResent-Cc: c@x\r\nReceived: y\r\nResent-To: a@x\r\nTo: z@x\r\n";
        let all: Vec<_> = fields(text.as_bytes()).collect();
        let names: Vec<_> = latest_resending(&all).iter().map(|field| (field.name, field.addresses().0)).collect();
        assert_eq!(names, [("Resent-To", vec!["b@x".to_owned()]), ("Resent-Cc", vec!["c@x".to_owned()])]);
        let text = "resent-to: b@x\r\nresent-to: a@x\r\n";
        let all: Vec<_> = fields(text.as_bytes()).collect();
        assert_eq!(latest_resending(&all).len(), 1);
        assert!(latest_resending(&[]).is_empty());
    }
}
