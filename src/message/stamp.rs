//! Dates and identifiers for what we write ourselves.

use std::io;

use jiff::Zoned;
use ring::rand::{SecureRandom as _, SystemRandom};

use super::address;

/// What a host is called that has no name we could use.
const NAMELESS: &str = "localhost";

/// A date of RFC 5322 section 3.3, with the zone's offset.
///
/// # Errors
/// The year has more than four digits.
pub fn date(at: &Zoned) -> io::Result<String> {
    jiff::fmt::rfc2822::to_string(at).map_err(io::Error::other)
}

/// An identifier that nobody else has, for a `Message-ID` (in angle brackets there). At its right stands the domain of the
/// address it is written for, as mail programs do: this machine's name is nobody's business.
///
/// # Errors
/// The system has no random numbers to give.
pub fn message_id(address: &str) -> io::Result<String> {
    let domain = address::domain(address).filter(|domain| domain.is_ascii()).unwrap_or(NAMELESS);
    Ok(format!("{}@{domain}", token()?))
}

/// 128 random bits in hexadecimal.
///
/// # Errors
/// The system has no random numbers to give.
pub fn token() -> io::Result<String> {
    let mut bits = [0; 16];
    SystemRandom::new().fill(&mut bits).map_err(|_says_nothing| io::Error::other("no random numbers"))?;
    Ok(format!("{:032x}", u128::from_be_bytes(bits)))
}

/// This machine's name, where it is one that can stand in an address.
pub fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let usable = |name: &&str| name.is_ascii() && address::domain(&format!("x@{name}")).is_some();
    Some(name.trim()).filter(usable).unwrap_or(NAMELESS).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_bear_the_offset() {
        let at: Zoned = "2026-11-23T02:05:09+01:00[+01:00]".parse().unwrap();
        assert_eq!(date(&at).unwrap(), "Mon, 23 Nov 2026 02:05:09 +0100");
    }

    #[test]
    fn identifiers_differ_and_name_the_senders_domain() {
        let (one, other) = (message_id("ada@example.org").unwrap(), message_id("ada@example.org").unwrap());
        assert_ne!(one, other);
        assert!(one.ends_with("@example.org"), "{one}");
        assert!(message_id("").unwrap().ends_with("@localhost"));
        assert!(message_id("ada@exämple.org").unwrap().ends_with("@localhost"));
    }

    #[test]
    fn the_host_can_stand_in_an_address() {
        assert!(address::recipient(&format!("x@{}", host())).is_ok());
    }
}
