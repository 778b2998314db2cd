//! When a deferred envelope is tried again, and when it is given up (RFC 5321 section 4.5.4.1).

use crate::mapi::{EnvelopeId, Failure};
use crate::spool::Seconds;

/// The first pause.
const FIRST_S: i64 = 2 * 60;
/// The longest pause.
const LONGEST_S: i64 = 4 * 3600;
/// So long after its first try a message that still can't be delivered is given up.
pub const GIVE_UP_AFTER_S: i64 = 5 * 24 * 3600;

/// When to try again after the failed attempt number `attempt` (from 1): two minutes, doubled each time, four hours at
/// most, or what the server asked for if that is longer. Spread by up to a tenth, by envelope, so that a thousand
/// envelopes refused together do not come back together.
pub fn next_try(envelope: EnvelopeId, attempt: u32, failure: &Failure, now: Seconds) -> Seconds {
    let doublings = attempt.saturating_sub(1).min(10);
    let pause = (FIRST_S << doublings).min(LONGEST_S);
    let pause = pause.max(failure.retry_after_s.map_or(0, i64::from));
    let spread = envelope.0.wrapping_mul(0x9E37_79B9).rem_euclid(100) * pause / 1000;
    now + pause + spread
}

/// Whether an envelope that was first tried at this time is to be given up. What was held back before that, by its
/// owner or for want of a line, is no fault of the server's.
pub const fn is_expired(first_tried: Seconds, now: Seconds) -> bool {
    now - first_tried > GIVE_UP_AFTER_S
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapi::{Class, Stage};

    fn pause(attempt: u32, retry_after_s: Option<u32>) -> i64 {
        let mut failure = Failure::new(Class::Transient, Stage::Envelope, "mx", "");
        failure.retry_after_s = retry_after_s;
        next_try(EnvelopeId(0), attempt, &failure, 1000) - 1000
    }

    #[test]
    fn pauses_double_from_two_minutes_to_four_hours() {
        let schedule: Vec<i64> = (1..=9).map(|attempt| pause(attempt, None) / 60).collect();
        assert_eq!(schedule, [2, 4, 8, 16, 32, 64, 128, 240, 240]);
        assert_eq!(pause(u32::MAX, None), LONGEST_S);
    }

    #[test]
    fn checklist_39_a_longer_wait_that_the_server_asks_for_is_honoured() {
        assert_eq!(pause(1, Some(900)), 900);
        assert_eq!(pause(1, Some(5)), FIRST_S);
    }

    #[test]
    fn envelopes_refused_together_are_spread() {
        let failure = Failure::new(Class::Transient, Stage::Envelope, "mx", "");
        let times: std::collections::BTreeSet<i64> =
            (0..100).map(|id| next_try(EnvelopeId(id), 8, &failure, 0)).collect();
        assert!(times.len() > 50, "only {} different times", times.len());
        assert!(times.iter().all(|time| (LONGEST_S..=LONGEST_S + LONGEST_S / 10).contains(time)));
    }
}
