//! Sets of UIDs, and mailbox names, as IMAP writes them.

use std::num::NonZeroU32;

use base64::Engine as _;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};

/// Messages named by one command at most: a command whose answer takes long can't be stopped politely.
const SET_MESSAGES: usize = 1000;
/// Ranges in one command at most; a line of 8,000 bytes is what servers take at least (RFC 7162 section 4).
const SET_RANGES: usize = 300;

/// The UIDs of one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UidSet {
    /// As it stands in the command: `1:40,77`.
    pub text: String,
    /// Each of them, ascending.
    pub uids: Vec<NonZeroU32>,
}

/// Cuts `wanted` into sets for one command each. A range runs over numbers that no message has: `existing` are all
/// there are, and all of `wanted` are among them. Both ascend.
pub(super) fn sets(existing: &[NonZeroU32], wanted: &[NonZeroU32]) -> Vec<UidSet> {
    let mut sets = Vec::new();
    let mut ranges: Vec<String> = Vec::new();
    let mut uids = Vec::new();
    let mut wanted = wanted.iter().copied().peekable();
    let mut existing = existing.iter().copied().peekable();
    while let Some(first) = wanted.next() {
        let mut last = first;
        uids.push(first);
        existing.find(|&uid| uid >= first);
        // From here the wanted ones and the existing ones run side by side for as long as they are the same.
        while uids.len() < SET_MESSAGES
            && wanted.peek() == existing.peek()
            && let Some(next) = wanted.next()
        {
            existing.next();
            uids.push(next);
            last = next;
        }
        ranges.push(if first == last { first.to_string() } else { format!("{first}:{last}") });
        if uids.len() >= SET_MESSAGES || ranges.len() >= SET_RANGES || wanted.peek().is_none() {
            let text = ranges.join(",");
            ranges.clear();
            sets.push(UidSet { text, uids: std::mem::take(&mut uids) });
        }
    }
    sets
}

/// A mailbox name in modified UTF-7 (RFC 3501 section 5.1.3), which every server understands.
pub(super) fn encode_name(name: &str) -> String {
    let engine = GeneralPurpose::new(&IMAP_MUTF7, GeneralPurposeConfig::new().with_encode_padding(false));
    let mut encoded = String::with_capacity(name.len());
    let mut foreign: Vec<u8> = Vec::new();
    let close = |foreign: &mut Vec<u8>, encoded: &mut String| {
        if !foreign.is_empty() {
            encoded.push('&');
            engine.encode_string(&foreign, encoded);
            encoded.push('-');
            foreign.clear();
        }
    };
    for c in name.chars() {
        if matches!(c, ' '..='~') {
            close(&mut foreign, &mut encoded);
            encoded.push(c);
            if c == '&' {
                encoded.push('-');
            }
        } else {
            foreign.extend(c.encode_utf16(&mut [0; 2]).iter().flat_map(|unit| unit.to_be_bytes()));
        }
    }
    close(&mut foreign, &mut encoded);
    encoded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn numbers(all: &[u32]) -> Vec<NonZeroU32> {
        all.iter().filter_map(|&number| NonZeroU32::new(number)).collect()
    }

    fn written(existing: &[u32], wanted: &[u32]) -> Vec<String> {
        let sets = sets(&numbers(existing), &numbers(wanted));
        sets.into_iter().map(|set| set.text).collect()
    }

    #[test]
    fn ranges_run_over_numbers_nobody_has() {
        assert_eq!(written(&[1, 2, 9, 40], &[1, 2, 9, 40]), ["1:40"]);
        assert_eq!(written(&[1, 2, 9, 40], &[1, 9, 40]), ["1,9:40"]);
        assert_eq!(written(&[5], &[5]), ["5"]);
        assert!(written(&[1], &[]).is_empty());
    }

    #[test]
    fn commands_stay_short() {
        let every: Vec<u32> = (1..=2500).collect();
        assert_eq!(written(&every, &every), ["1:1000", "1001:2000", "2001:2500"]);
        let odd: Vec<u32> = (1..=2500).step_by(2).collect();
        assert!(written(&every, &odd).iter().all(|line| line.len() < 2000));
    }

    #[test]
    fn names_are_written_as_the_rfc_shows() {
        assert_eq!(
            encode_name("~peter/mail/\u{53f0}\u{5317}/\u{65e5}\u{672c}\u{8a9e}"),
            "~peter/mail/&U,BTFw-/&ZeVnLIqe-"
        );
        assert_eq!(encode_name("Tom & Jerry"), "Tom &- Jerry");
        assert_eq!(encode_name("INBOX"), "INBOX");
    }

    proptest! {
        #[test]
        fn nothing_unwanted_is_named_and_nothing_left_out(
            existing in prop::collection::btree_set(1_u32..400, 0..120), pick in any::<u64>(),
        ) {
            let existing: Vec<u32> = existing.into_iter().collect();
            let wanted: Vec<u32> =
                existing.iter().copied().filter(|uid| pick.rotate_left(uid % 64) & 1 == 1).collect();
            let mut named = Vec::new();
            for set in sets(&numbers(&existing), &numbers(&wanted)) {
                let before = named.len();
                for range in set.text.split(',') {
                    let (first, last) = range.split_once(':').unwrap_or((range, range));
                    let (first, last): (u32, u32) = (first.parse().unwrap(), last.parse().unwrap());
                    named.extend(existing.iter().copied().filter(|uid| (first..=last).contains(uid)));
                }
                prop_assert_eq!(&numbers(&named[before..]), &set.uids);
            }
            prop_assert_eq!(named, wanted);
        }
    }
}
