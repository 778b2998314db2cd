//! What a server says it can, in its reply to EHLO or LHLO (RFC 5321 section 4.1.1.1).

use bitflags::bitflags;

use crate::mapi::Reply;

bitflags! {
    /// Extensions that are there or not.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub(super) struct Features: u8 {
        /// PIPELINING (RFC 2920): commands needn't wait for replies.
        const PIPELINING = 1;
        /// CHUNKING (RFC 3030): contents by BDAT, which needn't wait either.
        const CHUNKING = 1 << 1;
        /// 8BITMIME (RFC 6152): bytes over 127.
        const EIGHT_BIT = 1 << 2;
        /// SMTPUTF8 (RFC 6531): addresses and headers beyond ASCII.
        const UTF8 = 1 << 3;
        /// STARTTLS (RFC 3207).
        const STARTTLS = 1 << 4;
        /// DSN (RFC 3461).
        const DSN = 1 << 5;
        /// ENHANCEDSTATUSCODES (RFC 2034).
        const ENHANCED_CODES = 1 << 6;
    }
}

/// Keywords of the extensions that take no argument.
const KEYWORDS: [(&str, Features); 7] = [
    ("PIPELINING", Features::PIPELINING),
    ("CHUNKING", Features::CHUNKING),
    ("8BITMIME", Features::EIGHT_BIT),
    ("SMTPUTF8", Features::UTF8),
    ("STARTTLS", Features::STARTTLS),
    ("DSN", Features::DSN),
    ("ENHANCEDSTATUSCODES", Features::ENHANCED_CODES),
];

/// What the server can.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Capabilities {
    /// Extensions without an argument.
    pub(super) features: Features,
    /// SIZE (RFC 1870): the largest message taken, in bytes; zero: there is no fixed limit; `None`: not announced.
    pub(super) size: Option<u64>,
    /// SASL mechanisms (RFC 4954).
    pub(super) auth: Vec<String>,
    /// MAILMAX (RFC 9422): messages in one session.
    pub(super) most_messages: Option<u64>,
    /// RCPTMAX (RFC 9422): recipients of one message.
    pub(super) most_recipients: Option<u64>,
    /// RCPTDOMAINMAX (RFC 9422): domains of recipients in one session.
    pub(super) most_domains: Option<u64>,
}

impl Capabilities {
    /// Reads the reply; its first line is the server's name and a greeting.
    pub(super) fn parse(reply: &Reply) -> Self {
        let mut found = Self::default();
        for line in reply.text.lines().skip(1) {
            // Servers of old say "AUTH=LOGIN" for clients of old.
            let mut words = line.split([' ', '=']).filter(|word| !word.is_empty());
            let Some(keyword) = words.next() else { continue };
            match keyword.to_ascii_uppercase().as_str() {
                "SIZE" => found.size = Some(words.next().and_then(|limit| limit.parse().ok()).unwrap_or(0)),
                "AUTH" => found.add_auth(words),
                "LIMITS" => found.read_limits(line),
                other => {
                    let known = KEYWORDS.iter().find(|(word, _)| *word == other);
                    found.features |= known.map_or(Features::empty(), |(_, feature)| *feature);
                }
            }
        }
        found
    }

    /// Whether it can all of these.
    pub(super) fn has(&self, features: Features) -> bool {
        self.features.contains(features)
    }

    /// The extensions, for people.
    pub(super) fn words(&self) -> String {
        let known = KEYWORDS.iter().filter(|(_, feature)| self.has(*feature)).map(|(word, _)| *word);
        known.chain(self.size.map(|_| "SIZE")).collect::<Vec<_>>().join(" ")
    }

    fn add_auth<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        for name in names.map(str::to_ascii_uppercase) {
            if !self.auth.contains(&name) {
                self.auth.push(name);
            }
        }
    }

    fn read_limits(&mut self, line: &str) {
        for (name, value) in line.split(' ').filter_map(|word| word.split_once('=')) {
            // A limit of nothing would mean that nothing can be sent; nobody means that.
            let value = value.parse().ok().filter(|&value| value > 0);
            match name.to_ascii_uppercase().as_str() {
                "MAILMAX" => self.most_messages = value,
                "RCPTMAX" => self.most_recipients = value,
                "RCPTDOMAINMAX" => self.most_domains = value,
                _ => (),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(lines: &[&str]) -> Capabilities {
        let text = ["mx.example at your service"].iter().chain(lines).copied().collect::<Vec<_>>().join("\n");
        Capabilities::parse(&Reply { code: 250, enhanced: None, text })
    }

    #[test]
    fn reads_what_postfix_says() {
        let found = parse(&[
            "PIPELINING",
            "SIZE 10240000",
            "VRFY",
            "ETRN",
            "STARTTLS",
            "AUTH PLAIN LOGIN",
            "AUTH=PLAIN LOGIN",
            "ENHANCEDSTATUSCODES",
            "8BITMIME",
            "DSN",
            "SMTPUTF8",
            "CHUNKING",
        ]);
        assert_eq!(found.features, Features::all());
        assert_eq!(found.size, Some(10_240_000));
        assert_eq!(found.auth, ["PLAIN", "LOGIN"]);
    }

    #[test]
    fn reads_limits_and_odd_cases() {
        let found = parse(&["limits MAILMAX=50 rcptmax=7 OTHER=x RCPTDOMAINMAX=1", "Size", "pipelining", "", "AUTH"]);
        assert_eq!((found.most_messages, found.most_recipients, found.most_domains), (Some(50), Some(7), Some(1)));
        assert_eq!(found.size, Some(0));
        assert_eq!(found.features, Features::PIPELINING);
        assert!(found.auth.is_empty());
        assert_eq!(parse(&["LIMITS MAILMAX=0 RCPTMAX=many"]), Capabilities::default());
    }

    #[test]
    fn the_name_of_the_server_is_no_extension() {
        let reply = Reply { code: 250, enhanced: None, text: "PIPELINING".to_owned() };
        assert_eq!(Capabilities::parse(&reply), Capabilities::default());
    }
}
