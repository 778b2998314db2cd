//! The one place where the provider's threads wait: for the pace that was asked for, at a point where a test wants
//! trouble, and for the end, which wakes all of them.

use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::lock;

/// Where in a conversation trouble can strike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// Before the greeting, on each of the three ports.
    Greeting,
    /// Before the answer to a password.
    Login,
    /// SMTP: before the answer to a recipient.
    Recipient,
    /// SMTP: somewhere in the content, once a first piece of it was read.
    Content,
    /// SMTP: the content is read and recorded, its reply is not sent. A client that loses the line here is in doubt.
    FinalReply,
    /// POP3, IMAP: somewhere in a message, or before it when it is small.
    Retrieve,
}

/// What happens to whoever comes to the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// No answer until the [`Disturbance`] is dropped.
    Stall,
    /// The connection is closed.
    HangUp,
}

#[derive(Debug, Default)]
struct State {
    stopping: bool,
    trouble: Option<(Point, Trouble)>,
    reached: u32,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

impl Gate {
    /// Waits this long.
    ///
    /// # Errors
    /// The provider stops.
    pub(super) fn pause(&self, time: Duration) -> io::Result<()> {
        if time.is_zero() {
            return Ok(());
        }
        let (state, _timeout) = self
            .changed
            .wait_timeout_while(lock(&self.state), time, |state| !state.stopping)
            .unwrap_or_else(PoisonError::into_inner);
        if state.stopping { Err(gone()) } else { Ok(()) }
    }

    /// Passes a point of the conversation, or meets the trouble there.
    ///
    /// # Errors
    /// The provider stops, or is to hang up here.
    pub(super) fn pass(&self, point: Point) -> io::Result<()> {
        let mut state = lock(&self.state);
        match state.trouble {
            Some((at, trouble)) if at == point => {
                state.reached += 1;
                self.changed.notify_all();
                if trouble == Trouble::HangUp {
                    return Err(gone());
                }
            }
            _ => return Ok(()),
        }
        let stalled = |state: &mut State| !state.stopping && state.trouble == Some((point, Trouble::Stall));
        let state = self.changed.wait_while(state, stalled).unwrap_or_else(PoisonError::into_inner);
        if state.stopping { Err(gone()) } else { Ok(()) }
    }

    /// Wakes everybody, for good.
    pub(super) fn stop(&self) {
        lock(&self.state).stopping = true;
        self.changed.notify_all();
    }

    /// It is the end.
    pub(super) fn stopping(&self) -> bool {
        lock(&self.state).stopping
    }
}

fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the demo provider hangs up")
}

/// Trouble at a point, for as long as this lives.
#[derive(Debug)]
#[must_use = "dropped, it ends the trouble"]
pub struct Disturbance {
    gate: Arc<Gate>,
}

impl Disturbance {
    pub(super) fn begin(gate: Arc<Gate>, point: Point, trouble: Trouble) -> Self {
        {
            let mut state = lock(&gate.state);
            state.trouble = Some((point, trouble));
            state.reached = 0;
        }
        gate.changed.notify_all();
        Self { gate }
    }

    /// Waits until this many connections have met the trouble; `false` if they have not within `limit`.
    pub fn wait_reached(&self, connections: u32, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        let mut state = lock(&self.gate.state);
        while state.reached < connections {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            (state, _) = self.gate.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
        }
        true
    }
}

impl Drop for Disturbance {
    fn drop(&mut self) {
        lock(&self.gate.state).trouble = None;
        self.gate.changed.notify_all();
    }
}
