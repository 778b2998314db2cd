//! Telling every client what happened. A client that does not read misses events, never the state: it is sent all rows
//! again as soon as it has room.

use crossbeam_channel::{Sender, TrySendError};

use super::line::Wake;
use super::protocol::Event;

/// The clients that listen.
#[derive(Default)]
pub(super) struct Publisher {
    subscribers: Vec<Subscriber>,
}

struct Subscriber {
    events: Sender<Event>,
    wake: Wake,
    /// It missed an event.
    is_behind: bool,
}

impl std::fmt::Debug for Publisher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Publisher").field("subscribers", &self.subscribers.len()).finish()
    }
}

impl Publisher {
    /// A new client, and its first event.
    pub(super) fn add(&mut self, events: Sender<Event>, wake: Wake, first: Event) {
        let mut subscriber = Subscriber { events, wake, is_behind: false };
        if subscriber.offer(first) {
            self.subscribers.push(subscriber);
        }
    }

    /// Sends an event to every client that is still there and not behind.
    pub(super) fn emit(&mut self, event: &Event) {
        self.subscribers.retain_mut(|subscriber| subscriber.is_behind || subscriber.offer(event.clone()));
    }

    /// Whether a client that fell behind has read what it was sent and can go on from [`Event::Reload`].
    pub(super) fn wants_reload(&self) -> bool {
        self.subscribers.iter().any(|subscriber| subscriber.is_behind && subscriber.events.is_empty())
    }

    /// Gives the clients that fell behind all rows anew.
    pub(super) fn reload(&mut self, all: &Event) {
        self.subscribers.retain_mut(|subscriber| {
            if !subscriber.is_behind || !subscriber.events.is_empty() {
                return true;
            }
            subscriber.is_behind = false;
            subscriber.offer(all.clone())
        });
    }
}

impl Subscriber {
    /// Gives whether it is still there.
    fn offer(&mut self, event: Event) -> bool {
        match self.events.try_send(event) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => self.is_behind = true,
            Err(TrySendError::Disconnected(_)) => return false,
        }
        (self.wake)();
        true
    }
}
