//! Addresses: what may stand in an envelope, what a pattern of `accepts` matches, a name with an address.
//!
//! An address that passes here can go into an SMTP command, an argument list or a header as it is: nothing in it ends a
//! line, a word or a path (RFC 5321 section 4.1.2, with RFC 6531's letters). We are stricter than the RFC where it lets
//! spaces and angle brackets into quotes, and laxer where real mailboxes are: stray dots and long local parts pass, and
//! so do bare names such as `root`, which cron writes to and which the server completes or refuses.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The longest address in bytes: 64 and 255 around an `@` (RFC 5321 section 4.5.3.1).
const LONGEST: usize = 320;
/// The longest domain and the longest label in it (RFC 1035 section 2.3.4).
const LONGEST_DOMAIN: usize = 255;
const LONGEST_LABEL: usize = 63;

/// Why something is no address. Holds what was written, made fit to be shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing there.
    #[error("the address is empty")]
    Empty,
    /// Longer than any mail system takes.
    #[error("“{0}…” is too long for an address")]
    TooLong(String),
    /// A space, a control character, an angle bracket or something invisible.
    #[error("“{0}” has a character that no address may have")]
    Character(String),
    /// The part before the `@`.
    #[error("“{0}” is no address: the part before the @ is wrong")]
    LocalPart(String),
    /// The part after the `@`.
    #[error("“{0}” is no address: the part after the @ is wrong")]
    Domain(String),
}

/// A recipient's address: `ann@example.org`, `<ann@example.org>` or `root`. Gives it without brackets.
///
/// # Errors
/// It is none.
pub fn recipient(text: &str) -> Result<String, AddressError> {
    let address = bare(text);
    check(address)?;
    Ok(address.to_owned())
}

/// A sender's address, or the null sender: `<>` or nothing. Gives it without brackets.
///
/// # Errors
/// It is neither.
pub fn sender(text: &str) -> Result<String, AddressError> {
    if bare(text).is_empty() { Ok(String::new()) } else { recipient(text) }
}

fn bare(text: &str) -> &str {
    let text = text.trim();
    text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(text)
}

fn check(address: &str) -> Result<(), AddressError> {
    if address.is_empty() {
        return Err(AddressError::Empty);
    }
    let shown = || shown(address);
    if address.len() > LONGEST {
        return Err(AddressError::TooLong(shown()));
    }
    if address.chars().any(|letter| matches!(letter, '<' | '>') || !is_visible(letter)) {
        return Err(AddressError::Character(shown()));
    }
    let Some((local, domain)) = address.rsplit_once('@') else {
        return if is_dot_string(address) { Ok(()) } else { Err(AddressError::LocalPart(shown())) };
    };
    if !is_dot_string(local) && !is_quoted_string(local) {
        return Err(AddressError::LocalPart(shown()));
    }
    if !is_domain(domain) && !is_literal(domain) {
        return Err(AddressError::Domain(shown()));
    }
    Ok(())
}

/// The beginning of what was written, with nothing in it that could disturb a line or a screen.
fn shown(text: &str) -> String {
    text.chars().take(60).map(|letter| if is_visible(letter) { letter } else { ' ' }).collect()
}

/// Neither space nor control, nor one of those that only change how others are shown: with them one address can be made
/// to look like another.
fn is_visible(letter: char) -> bool {
    let hidden = matches!(letter, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}');
    !letter.is_control() && !letter.is_whitespace() && !hidden
}

/// Atoms and dots. Empty atoms pass: there are mailboxes with a dot at the end or two in a row.
fn is_dot_string(local: &str) -> bool {
    let is_atom_letter = |letter: char| !letter.is_ascii() || is_atext(letter) || letter == '.';
    local.chars().all(is_atom_letter) && local.chars().any(|letter| letter != '.')
}

/// RFC 5322 section 3.2.3.
const fn is_atext(letter: char) -> bool {
    letter.is_ascii_alphanumeric()
        || matches!(
            letter,
            '!' | '#'
                | '$'
                | '%'
                | '&'
                | '\''
                | '*'
                | '+'
                | '-'
                | '/'
                | '='
                | '?'
                | '^'
                | '_'
                | '`'
                | '{'
                | '|'
                | '}'
                | '~'
        )
}

fn is_quoted_string(local: &str) -> bool {
    let Some(inside) = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else { return false };
    let mut escaped = false;
    for letter in inside.chars() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return false,
            _ => {}
        }
    }
    // A quote that was escaped does not close the string.
    !escaped
}

/// Host names; the underscore, which none may have and some do; letters of any script (RFC 6531).
fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        let is_letter =
            |letter: char| !letter.is_ascii() || letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
        (1..=LONGEST_LABEL).contains(&label.len())
            && label.chars().all(is_letter)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    domain.len() <= LONGEST_DOMAIN && domain.split('.').all(is_label)
}

/// `[192.0.2.1]` or `[IPv6:2001:db8::1]` (RFC 5321 section 4.1.3).
fn is_literal(domain: &str) -> bool {
    let Some(inside) = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else { return false };
    match inside.get(..5) {
        Some(tag) if tag.eq_ignore_ascii_case("IPv6:") => {
            inside.get(5..).is_some_and(|address| address.parse::<Ipv6Addr>().is_ok())
        }
        _ => inside.parse::<Ipv4Addr>().is_ok(),
    }
}

/// Whether a pattern of `accepts` takes an address.
///
/// | pattern | takes |
/// |---|---|
/// | `*` | every address |
/// | `ann@example.org` | this one |
/// | `@example.org`, `*@example.org`, `example.org` | everyone at this host |
/// | `*.example.org`, `*@*.example.org` | everyone at the hosts below it |
///
/// A `*` stands for any letters, elsewhere in a pattern too. Case makes no difference: hosts have none, and no mail system
/// of today tells mailboxes apart by it.
pub fn matches(pattern: &str, address: &str) -> bool {
    if pattern == "*" {
        return true;
    }
    let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    let (local_pattern, domain_pattern) = pattern.rsplit_once('@').unwrap_or(("*", pattern));
    let local_pattern = if local_pattern.is_empty() { "*" } else { local_pattern };
    glob(&domain_pattern.to_lowercase(), &domain.to_lowercase())
        && glob(&local_pattern.to_lowercase(), &local.to_lowercase())
}

/// Whether a pattern of `accepts` can match anything at all.
///
/// # Errors
/// Why it can't.
pub fn check_pattern(pattern: &str) -> Result<(), AddressError> {
    if pattern == "*" {
        return Ok(());
    }
    // A star in the place of a letter makes an address of every good pattern.
    let (local, domain) = pattern.rsplit_once('@').unwrap_or(("", pattern));
    let local = if local.is_empty() { "x" } else { local };
    check(&format!("{}@{}", local.replace('*', "x"), domain.replace('*', "x")))
}

/// Whether the text is one that the pattern, with `*` for any letters, describes. Looks back only to the last star, so
/// its time grows with the product of the lengths at most.
fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut here) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(&letter) = text.get(here) {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, here));
                at += 1;
            }
            Some(&wanted) if wanted == letter => {
                at += 1;
                here += 1;
            }
            _ => match star {
                // The last star takes one letter more.
                Some((position, taken)) => {
                    star = Some((position, taken + 1));
                    at = position + 1;
                    here = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(at..).is_some_and(|rest| rest.iter().all(|&letter| letter == '*'))
}

/// Whether two addresses mean the same mailbox, as far as that can be told from here: without regard to case.
pub fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// The host of an address, without brackets of a literal; `None` for a bare name.
pub fn domain(address: &str) -> Option<&str> {
    address.rsplit_once('@').map(|(_, domain)| domain).filter(|domain| is_domain(domain))
}

/// A name with an address: `Ada Lovelace <ada@example.org>`, or the address alone. Gives the name, empty if there is
/// none, and the address.
///
/// # Errors
/// The address is none, or there is a control character in the name.
pub fn named(text: &str) -> Result<(String, String), AddressError> {
    let text = text.trim();
    let Some((name, address)) = text.strip_suffix('>').and_then(|rest| rest.rsplit_once('<')) else {
        return Ok((String::new(), with_host(text)?));
    };
    if name.chars().any(char::is_control) {
        return Err(AddressError::Character(shown(name)));
    }
    let name = name.trim();
    let name = match name.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inside) => unescaped(inside),
        None => name.to_owned(),
    };
    Ok((name, with_host(address)?))
}

/// An address that says where: others must be able to answer to it.
fn with_host(text: &str) -> Result<String, AddressError> {
    let address = recipient(text)?;
    if address.contains('@') { Ok(address) } else { Err(AddressError::Domain(shown(&address))) }
}

/// A quoted string's content: each backslash stands for the letter after it.
fn unescaped(text: &str) -> String {
    let mut letters = text.chars();
    let mut plain = String::new();
    while let Some(letter) = letters.next() {
        plain.extend(if letter == '\\' { letters.next() } else { Some(letter) });
    }
    plain
}

#[cfg(test)]
mod tests;
