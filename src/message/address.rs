//! Addresses: whether one may go into an envelope, whether a pattern takes it, who an identity is.

use mail_parser::{Addr, Address, MessageParser};

/// Whether this may stand between the angle brackets of MAIL or RCPT (RFC 5321 section 4.1.2, RFC 6531): a local part,
/// an @ and a domain, and nothing in it that could end the command or begin another. Quoted local parts may hold spaces.
pub fn is_deliverable(address: &str) -> bool {
    let Some((local, domain)) = address.rsplit_once('@') else { return false };
    let quoted = local.len() >= 2 && local.starts_with('"') && local.ends_with('"');
    let good_local = if quoted {
        !local.contains(['<', '>'])
    } else {
        !local.is_empty() && !local.contains([' ', '<', '>', '(', ')', '"', ',', ';', ':', '\\', '@'])
    };
    let good_domain = !domain.is_empty() && !domain.contains([' ', '<', '>', '(', ')', '"', ',', ';', '\\', '@']);
    good_local && good_domain && address.len() <= 1000 && !address.contains(|letter: char| letter.is_control())
}

/// Whether two addresses are the same mailbox: domains without regard to case, local parts to the letter, as RFC 5321
/// section 2.4 has it, but for the ASCII case that no server in use tells apart.
pub fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// Whether an `accepts` pattern takes an address: `*`, `ann@example.org`, `*@example.org` or `@example.org`,
/// `*@*.example.org` for the hosts below a domain. ASCII case does not matter.
pub fn matches(pattern: &str, address: &str) -> bool {
    let pattern = if pattern.starts_with('@') { format!("*{pattern}") } else { pattern.to_owned() };
    glob(pattern.to_ascii_lowercase().as_bytes(), address.to_ascii_lowercase().as_bytes())
}

/// `*` stands for any bytes, also none. Goes back to the last star only, so it takes no more than length × length.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut from) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(byte) = text.get(at) {
        match pattern.get(from) {
            Some(b'*') => {
                star = Some((from, at));
                from += 1;
            }
            Some(wanted) if wanted == byte => {
                from += 1;
                at += 1;
            }
            _ => match star {
                Some((place, taken)) => {
                    star = Some((place, taken + 1));
                    from = place + 1;
                    at = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(from..).is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

/// `Ada Lovelace <ada@example.org>` or a bare address: name (possibly empty) and address.
pub fn parse_identity(text: &str) -> Option<(String, String)> {
    let clean: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    let header = format!("From: {clean}\r\n\r\n");
    let message = MessageParser::default().parse_headers(header.as_bytes())?;
    let first: &Addr<'_> = message.from().and_then(Address::first)?;
    let address = first.address.as_deref().filter(|address| is_deliverable(address))?;
    Some((first.name.as_deref().unwrap_or_default().to_owned(), address.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_take_what_they_say() {
        for (pattern, address, takes) in [
            ("*", "ann@example.org", true),
            ("@example.org", "ann@Example.ORG", true),
            ("*@example.org", "ann@example.org", true),
            ("*@example.org", "ann@sub.example.org", false),
            ("*@*.example.org", "ann@sub.example.org", true),
            ("ann@example.org", "Ann@example.org", true),
            ("ann@example.org", "joann@example.org", false),
            ("*@example.org", "x@example.org@evil.net", false),
            ("", "ann@example.org", false),
        ] {
            assert_eq!(matches(pattern, address), takes, "{pattern} {address}");
        }
    }

    #[test]
    fn nothing_that_could_end_a_command_is_deliverable() {
        for good in
            ["ann@example.org", "a.b+c@example.org", "\"a b\"@example.org", "jürgen@exämple.org", "a@[127.0.0.1]"]
        {
            assert!(is_deliverable(good), "{good}");
        }
        for bad in [
            "",
            "ann",
            "@example.org",
            "ann@",
            "a b@example.org",
            "a>@example.org",
            "a@b>\r\nRCPT TO:<c@d",
            "a\n@b",
            "a@b c",
            "a@b@c@",
        ] {
            assert!(!is_deliverable(bad), "{bad:?}");
        }
    }

    #[test]
    fn identities_have_a_name_and_an_address() {
        let ada = Some(("Ada Lovelace".to_owned(), "ada@example.org".to_owned()));
        assert_eq!(parse_identity("Ada Lovelace <ada@example.org>"), ada);
        assert_eq!(parse_identity("ada@example.org"), Some((String::new(), "ada@example.org".to_owned())));
        assert_eq!(parse_identity("Ada"), None);
    }
}
