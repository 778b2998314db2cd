//! How many messages the server takes in one session, where it says so by 421 only: learnt, kept on disk, found again.
//!
//! A server may say 421 for many reasons (RFC 5321 section 3.8). So after the first one the sessions of this flush end
//! by themselves after as many messages, and the next flush tries again whether the server takes more; when it
//! says 421 after the same number once more, that is its limit, and kept to for a day.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::mapi::Failure;
use crate::transport::Support;

/// How long a limit is kept to before the server is tried again.
const GOOD_FOR: Duration = Duration::from_hours(24);

/// What is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Learnt {
    /// Messages in a session before the last 421.
    last: Option<u64>,
    /// The limit, as it showed itself twice.
    kept: Option<u64>,
}

/// The limit in one flush.
#[derive(Debug)]
pub(super) struct SessionLimit<'a> {
    support: &'a Support,
    topic: String,
    before: Learnt,
    now: Mutex<Now>,
}

#[derive(Debug)]
struct Now {
    learnt: Learnt,
    /// The least that showed itself.
    most: Option<u64>,
}

impl<'a> SessionLimit<'a> {
    /// What is known of the server `at`.
    ///
    /// # Errors
    /// The spool can't be read, or cancelled.
    pub(super) async fn recall(support: &'a Support, at: &str) -> Result<Self, Failure> {
        let topic = format!("messages a session takes at {at}");
        let before: Learnt = support.recall(&topic).await?.unwrap_or_default();
        Ok(Self { support, topic, before, now: Mutex::new(Now { learnt: before, most: before.kept }) })
    }

    /// Messages the server takes in one session, as far as that is known.
    pub(super) fn most(&self) -> Option<u64> {
        self.now().most
    }

    /// The server said 421 after so many messages.
    pub(super) fn learn(&self, messages: u64) {
        let mut now = self.now();
        now.most = Some(now.most.map_or(messages, |most| most.min(messages)));
        // Sessions side by side that are dismissed together prove no more than one: what an earlier flush saw does.
        let kept = if self.before.last == Some(messages) { Some(messages) } else { now.learnt.kept };
        let learnt = Learnt { last: Some(messages), kept };
        if std::mem::replace(&mut now.learnt, learnt) != learnt {
            self.support.remember(&self.topic, Some(&learnt), Some(GOOD_FOR));
        }
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::testing::TestSpooler;

    /// Flushes, each with the numbers of messages after which its sessions were dismissed; what the next one keeps to.
    async fn after(flushes: &[&[u64]]) -> Option<u64> {
        let spooler = TestSpooler::new();
        for dismissed in flushes {
            let limit = SessionLimit::recall(&spooler.support, "mx:25").await.unwrap();
            for &messages in *dismissed {
                limit.learn(messages);
                assert!(limit.most() <= Some(messages), "not kept to in the same flush");
            }
        }
        assert_eq!(SessionLimit::recall(&spooler.support, "other:25").await.unwrap().most(), None);
        SessionLimit::recall(&spooler.support, "mx:25").await.unwrap().most()
    }

    #[tokio::test]
    async fn what_two_flushes_saw_is_a_limit_and_nothing_else() {
        assert_eq!(after(&[&[100], &[], &[100]]).await, Some(100));
        assert_eq!(after(&[&[100], &[100], &[100]]).await, Some(100));
        assert_eq!(after(&[&[100, 100, 100, 100]]).await, None);
        assert_eq!(after(&[&[100], &[20], &[100]]).await, None);
    }

    #[tokio::test]
    async fn a_new_limit_takes_the_place_of_the_old_one() {
        assert_eq!(after(&[&[100], &[100], &[20]]).await, Some(100));
        assert_eq!(after(&[&[100], &[100], &[20], &[20]]).await, Some(20));
    }
}
