//! A run of the program that is going to be killed.

use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::support::daemon::wait_until;
use crate::support::{Random, Relay, Way};

/// When it is killed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Moment {
    /// When so many bytes have passed its server's line this way, and so many microseconds later.
    Bytes(Way, u64, u64),
    /// So many microseconds after it was started.
    Micros(u64),
}

/// How long a run may take that should end by itself.
const PATIENCE: Duration = Duration::from_secs(100);

#[derive(Debug, Clone, Default)]
struct Victim {
    child: Arc<Mutex<Option<Child>>>,
}

impl Moment {
    /// Any moment of a flush: mostly counted on its line, as likely among the first bytes as later; sometimes by the clock.
    pub(crate) fn any(random: &mut Random) -> Self {
        if random.once_in(8) {
            return Self::Micros(random.below(60_000));
        }
        let scale = random.below(17);
        let bytes = random.below(2 << scale);
        let way = if random.once_in(2) { Way::ToServer } else { Way::ToClient };
        // Answers are short.
        let bytes = if way == Way::ToClient { bytes / 8 } else { bytes };
        let micros = if random.once_in(2) { 0 } else { random.below(1000) };
        Self::Bytes(way, bytes, micros)
    }
}

/// Runs it, kills it at the moment. True: it was killed before it ended.
pub(crate) fn kill(command: Command, relay: &Relay, moment: Moment) -> bool {
    let (victim, began) = (Victim::default(), Instant::now());
    if let Moment::Bytes(way, bytes, micros) = moment {
        let victim = victim.clone();
        relay.call_after(way, bytes, move || {
            pause(Instant::now(), micros);
            victim.kill();
        });
    }
    victim.start(command);
    if let Moment::Micros(micros) = moment {
        pause(began, micros);
        victim.kill();
    }
    let status = victim.end();
    relay.mend();
    status.code().is_none()
}

/// As [`kill`], for what talks to nobody.
pub(crate) fn kill_after(command: Command, micros: u64) -> bool {
    let victim = Victim::default();
    let began = Instant::now();
    victim.start(command);
    pause(began, micros);
    victim.kill();
    victim.end().code().is_none()
}

/// Shorter than any timer: it is the moment that is random, nothing is waited for.
fn pause(since: Instant, micros: u64) {
    while since.elapsed() < Duration::from_micros(micros) {
        std::hint::spin_loop();
    }
}

impl Victim {
    fn lock(&self) -> MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self, mut command: Command) {
        let mut child = self.lock();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        *child = Some(command.spawn().expect("the program"));
    }

    fn kill(&self) {
        if let Some(child) = self.lock().as_mut() {
            // One that has ended and was waited for is left alone.
            child.kill().ok();
        }
    }

    fn end(&self) -> ExitStatus {
        let mut status = None;
        let ended = wait_until(PATIENCE, || {
            status = self.lock().as_mut().and_then(|child| child.try_wait().expect("a child of ours"));
            status.is_some()
        });
        assert!(ended, "it does not end");
        status.expect("it has ended")
    }
}
