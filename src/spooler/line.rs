//! A client's line to a spooler, in this process or behind the socket: requests go in, replies and events come back.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use super::protocol::{Command, Event, Reply};
use crate::mapi::MapiResult;

/// Events kept for a client that does not read; then it misses some and is sent [`Event::Reload`] when it reads again.
pub const EVENTS_KEPT: usize = 1024;

/// Called after an event or a reply was put where a client finds it: a window asks for a repaint.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// Where a reply goes.
pub struct ReplyTo {
    sender: Sender<Reply>,
    wake: Option<Wake>,
}

impl ReplyTo {
    /// Gives the reply. A client that is gone has no use for it.
    pub fn send(&self, reply: Reply) {
        if self.sender.send(reply).is_ok()
            && let Some(wake) = &self.wake
        {
            wake();
        }
    }
}

impl std::fmt::Debug for ReplyTo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ReplyTo")
    }
}

/// What arrives at the spooler's end.
pub enum Incoming {
    /// A request and where its reply goes.
    Request(Command, ReplyTo),
    /// A new subscriber.
    Subscribe(Sender<Event>, Wake),
}

impl std::fmt::Debug for Incoming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Request(command, _) => f.debug_tuple("Request").field(command).finish(),
            Self::Subscribe(..) => f.write_str("Subscribe"),
        }
    }
}

/// The client's end. Cheap to clone; all clones lead to the same spooler.
#[derive(Clone)]
pub struct Line {
    requests: Sender<Incoming>,
    wake: Option<Wake>,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Line")
    }
}

/// A reply that is still to come.
#[derive(Debug)]
pub struct Pending {
    reply: Receiver<Reply>,
}

impl Line {
    /// A line, and the spooler's end of it.
    pub fn new() -> (Self, Receiver<Incoming>) {
        let (requests, receiver) = unbounded();
        (Self { requests, wake: None }, receiver)
    }

    /// The same line, for a client that is to be woken when a reply is there.
    #[must_use]
    pub fn waking(&self, wake: Wake) -> Self {
        Self { requests: self.requests.clone(), wake: Some(wake) }
    }

    /// Sends a request; the reply can be waited for.
    pub fn ask(&self, command: Command) -> Pending {
        let (sender, reply) = bounded(1);
        // A spooler that is gone drops the sender, which the pending reply notices.
        let reply_to = ReplyTo { sender, wake: self.wake.clone() };
        self.requests.send(Incoming::Request(command, reply_to)).ok();
        Pending { reply }
    }

    /// Events from now on. The first is [`Event::Reload`]. `wake` is called after each.
    pub fn subscribe(&self, wake: Wake) -> Receiver<Event> {
        let (sender, receiver) = bounded(EVENTS_KEPT);
        self.requests.send(Incoming::Subscribe(sender, wake)).ok();
        receiver
    }
}

impl Pending {
    /// Waits for the reply. A spooler that ended meanwhile counts as a refusal with
    /// [`MapiResult::EndOfSession`].
    pub fn wait(self) -> Reply {
        self.reply.recv().unwrap_or_else(|_gone| gone())
    }

    /// Where the reply arrives, for a select over several: ready once there is something for [`Self::poll`].
    pub const fn channel(&self) -> &Receiver<Reply> {
        &self.reply
    }

    /// The reply, if it is there.
    pub fn poll(&self) -> Option<Reply> {
        match self.reply.try_recv() {
            Ok(reply) => Some(reply),
            Err(crossbeam_channel::TryRecvError::Empty) => None,
            Err(crossbeam_channel::TryRecvError::Disconnected) => Some(gone()),
        }
    }
}

/// What is answered instead of an answer: whoever asks may reach for the next spooler and ask again.
pub(super) fn gone() -> Reply {
    Reply::Refused(MapiResult::EndOfSession, "the spooler has ended".to_owned())
}
