//! Replies of SMTP and LMTP servers (RFC 5321 section 4.2, RFC 2034), put together from lines, bounded in size.

use crate::mapi::{Reply, visible};

/// The longest line taken, in bytes. RFC 5321 allows 512; challenges of AUTH may have 12,288 (RFC 4954 section 4).
pub(super) const LONGEST_LINE: usize = 16 << 10;
/// The most text one reply may have, in bytes.
const MOST_TEXT: usize = 64 << 10;

/// What the server said is no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// No code at its start.
    #[error("the server said something that is no reply")]
    NoReply,
    /// The lines of one reply have different codes.
    #[error("the lines of the server's reply have different codes")]
    MixedCodes,
    /// A reply without end.
    #[error("the server's reply has no end")]
    Endless,
}

/// Gathers the lines of a reply.
#[derive(Debug, Default)]
pub struct ReplyParser {
    begun: Option<Reply>,
}

impl ReplyParser {
    /// Takes the next line (without its end); gives the reply once its last line was taken.
    ///
    /// # Errors
    /// See [`ReplyError`]. There is no way to go on after one.
    pub fn line(&mut self, line: &[u8]) -> Result<Option<Reply>, ReplyError> {
        let (code, last, rest) = parts(line).ok_or(ReplyError::NoReply)?;
        let (enhanced, text) = split_enhanced(code, rest);
        let text = visible(&String::from_utf8_lossy(text));
        let reply = match self.begun.take() {
            None => Reply { code, enhanced, text },
            Some(begun) if begun.code != code => return Err(ReplyError::MixedCodes),
            Some(mut begun) => {
                begun.enhanced = begun.enhanced.or(enhanced);
                begun.text.push('\n');
                begun.text.push_str(&text);
                begun
            }
        };
        if reply.text.len() > MOST_TEXT {
            return Err(ReplyError::Endless);
        }
        if last {
            return Ok(Some(reply));
        }
        self.begun = Some(reply);
        Ok(None)
    }
}

/// Code, whether the line is the reply's last, and what follows. `250` alone is a line, too.
fn parts(line: &[u8]) -> Option<(u16, bool, &[u8])> {
    let (code, rest) = line.split_at_checked(3)?;
    let code: u16 =
        std::str::from_utf8(code).ok().filter(|code| code.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()?;
    if !(200..600).contains(&code) {
        return None;
    }
    match rest.split_first() {
        None => Some((code, true, rest)),
        Some((b' ', text)) => Some((code, true, text)),
        Some((b'-', text)) => Some((code, false, text)),
        Some(_) => None,
    }
}

/// Splits an enhanced status code off. It must be of the reply's own class (RFC 2034 section 4).
fn split_enhanced(code: u16, text: &[u8]) -> (Option<(u8, u16, u16)>, &[u8]) {
    let end = text.iter().position(|&b| b == b' ').unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    let parse = || {
        let mut numbers = std::str::from_utf8(word).ok()?.split('.');
        let class: u8 = numbers.next()?.parse().ok()?;
        let (subject, detail) = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
        (u16::from(class) == code / 100 && numbers.next().is_none()).then_some((class, subject, detail))
    };
    match parse() {
        Some(enhanced) => (Some(enhanced), rest.strip_prefix(b" ").unwrap_or(rest)),
        None => (None, text),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(lines: &[&str]) -> Result<Option<Reply>, ReplyError> {
        let mut parser = ReplyParser::default();
        let mut last = Ok(None);
        for line in lines {
            last = parser.line(line.as_bytes());
        }
        last
    }

    fn reply(code: u16, enhanced: Option<(u8, u16, u16)>, text: &str) -> Reply {
        Reply { code, enhanced, text: text.to_owned() }
    }

    #[test]
    fn replies_of_every_form() {
        assert_eq!(parse(&["250 ok"]), Ok(Some(reply(250, None, "ok"))));
        assert_eq!(parse(&["250"]), Ok(Some(reply(250, None, ""))));
        assert_eq!(parse(&["250 2.0.0 Ok: queued"]), Ok(Some(reply(250, Some((2, 0, 0)), "Ok: queued"))));
        assert_eq!(parse(&["550 5.1.1"]), Ok(Some(reply(550, Some((5, 1, 1)), ""))));
        assert_eq!(
            parse(&["550-5.1.1 no", "550 5.1.1 such user"]),
            Ok(Some(reply(550, Some((5, 1, 1)), "no\nsuch user")))
        );
        assert_eq!(
            parse(&["250-mx.example", "250-SIZE 10", "250 8BITMIME"]),
            Ok(Some(reply(250, None, "mx.example\nSIZE 10\n8BITMIME")))
        );
        assert_eq!(parse(&["250-one"]), Ok(None));
    }

    #[test]
    fn an_enhanced_code_is_one_only_in_its_own_class() {
        assert_eq!(parse(&["250 5.1.1 odd"]), Ok(Some(reply(250, None, "5.1.1 odd"))));
        assert_eq!(parse(&["220 10.0.0.1 ready"]), Ok(Some(reply(220, None, "10.0.0.1 ready"))));
        assert_eq!(parse(&["250 2.0 short"]), Ok(Some(reply(250, None, "2.0 short"))));
    }

    #[test]
    fn control_characters_and_bad_utf8_are_replaced() {
        let got = ReplyParser::default().line(b"550 \x1b[31mred\xff").unwrap().unwrap();
        assert_eq!(got.text, "\u{fffd}[31mred\u{fffd}");
    }

    #[test]
    fn what_is_no_reply_is_refused() {
        for line in ["", "25", "hello", "250_ok", "100 no", "650 no", "+25 x", "25a x"] {
            assert_eq!(parse(&[line]), Err(ReplyError::NoReply), "{line}");
        }
        assert_eq!(parse(&["250-one", "251 two"]), Err(ReplyError::MixedCodes));
        let line = format!("250-{}", "x".repeat(8000));
        let mut parser = ReplyParser::default();
        let refused = (0..10).find_map(|_| parser.line(line.as_bytes()).err());
        assert_eq!(refused, Some(ReplyError::Endless));
    }

    proptest! {
        #[test]
        fn nothing_a_server_says_makes_it_panic(lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..6)) {
            let mut parser = ReplyParser::default();
            for line in lines {
                parser.line(&line).ok();
            }
        }
    }
}
