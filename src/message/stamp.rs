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

/// The address of the person who runs the program, at this machine, as sendmail has it: the login's name and the host's.
/// `None`: nobody knows it, or it can't stand in an address.
pub fn caller() -> Option<String> {
    let named = ["LOGNAME", "USER"].iter().filter_map(|name| std::env::var(name).ok()).find(|name| !name.is_empty());
    let login = named.or_else(|| {
        let known = std::fs::read_to_string("/etc/passwd").ok()?;
        login_of(rustix::process::getuid().as_raw(), &known)
    })?;
    let address = format!("{login}@{}", host());
    address::recipient(&address).ok().filter(|understood| *understood == address)
}

/// The name of a user, by passwd(5).
fn login_of(id: u32, known: &str) -> Option<String> {
    let mut entries = known.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let entry = entries.find(|entry| entry.get(2).and_then(|text| text.parse().ok()) == Some(id))?;
    entry.first().map(|name| (*name).to_owned())
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
    fn a_user_has_a_name() {
        let known = "root:x:0:0:root:/root:/bin/sh\nbroken\nada:x:1000:1000:Ada:/home/ada:/bin/sh\n";
        assert_eq!(login_of(1000, known).as_deref(), Some("ada"));
        assert_eq!(login_of(0, known).as_deref(), Some("root"));
        assert_eq!(login_of(7, known), None);
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
