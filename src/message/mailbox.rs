//! Names and texts as they stand in header fields: quoted or in encoded words where a field can't have them as they are.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// Bytes of text in one encoded word: with its frame and the name of the field it fits a line of 76 (RFC 2047 section 2).
const ENCODED_BYTES: usize = 39;

/// Who writes a message: a display name, possibly empty, and an address with a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// Display name.
    pub name: String,
    /// Address.
    pub address: String,
}

impl Author {
    /// The mailbox as a header field has it: `Ada Lovelace <ada@example.org>` (RFC 5322 section 3.4).
    pub(super) fn mailbox(&self) -> String {
        let Self { name, address } = self;
        let name: String = name.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
        match name.trim() {
            "" => address.clone(),
            name if is_phrase(name) => format!("{name} <{address}>"),
            name if name.is_ascii() && !name.contains("=?") => format!("\"{}\" <{address}>", escaped(name)),
            name => format!("{} <{address}>", encoded(name)),
        }
    }
}

/// Words of atoms with single spaces between: they need no quotes.
fn is_phrase(name: &str) -> bool {
    name.split(' ')
        .all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
}

fn escaped(name: &str) -> String {
    name.replace('\\', "\\\\").replace('"', "\\\"")
}

/// A text for an unstructured field or a phrase: as it is, or in encoded words, one a line (RFC 2047).
pub(super) fn encoded(text: &str) -> String {
    if text.is_ascii() && !text.contains("=?") {
        return text.to_owned();
    }
    let mut words: Vec<String> = vec![String::new()];
    for letter in text.chars() {
        match words.last_mut() {
            Some(word) if word.len() + letter.len_utf8() <= ENCODED_BYTES => word.push(letter),
            _ => words.push(letter.into()),
        }
    }
    let words: Vec<String> = words.iter().map(|word| format!("=?utf-8?B?{}?=", BASE64_STANDARD.encode(word))).collect();
    words.join("\r\n ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_or_encoded_where_they_must_be() {
        let mailbox = |name: &str| Author { name: name.to_owned(), address: "a@example.org".to_owned() }.mailbox();
        assert_eq!(mailbox(""), "a@example.org");
        assert_eq!(mailbox("Ada Lovelace"), "Ada Lovelace <a@example.org>");
        assert_eq!(mailbox("Lovelace, \"Ada\""), "\"Lovelace, \\\"Ada\\\"\" <a@example.org>");
        assert_eq!(mailbox("Åda"), "=?utf-8?B?w4VkYQ==?= <a@example.org>");
        assert_eq!(mailbox("=?x?"), "=?utf-8?B?PT94Pw==?= <a@example.org>");
        assert_eq!(mailbox("Ada\r\nBcc: eve"), "\"Ada  Bcc: eve\" <a@example.org>");
    }
}
