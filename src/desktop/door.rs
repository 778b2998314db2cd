//! How the rest of the process calls the main thread, where the window lives: calls wait here until it takes them, and it
//! is woken for them whether there is a window or not.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, unbounded};
use eframe::UserEvent;
use egui::{Context, ViewportId};
use winit::event_loop::EventLoopProxy;

use super::host::Leave;
use super::startup::Token;
use crate::spooler::Wake;

/// What the main thread is called for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Call {
    /// Show the window, in front of others, and put these files into the queue; what the launcher gave along.
    Open(Vec<PathBuf>, Option<Token>),
    /// Let there be a window, out of the way: it was not asked for, but nothing else shows the program.
    OpenAside,
    /// Show the window with what needs a person.
    OpenProblems,
    /// End the program.
    Quit(Leave),
}

/// See the module.
pub(super) struct Door {
    caller: Sender<Call>,
    calls: Receiver<Call>,
    bell: Mutex<Bell>,
}

/// What wakes the main thread.
struct Bell {
    /// The window's, while there is one: it draws a frame.
    ctx: Option<Context>,
    /// There was a window.
    was_open: bool,
    proxy: EventLoopProxy<UserEvent>,
}

impl Door {
    /// A door to the thread that runs this event loop.
    pub(super) fn new(proxy: EventLoopProxy<UserEvent>) -> Arc<Self> {
        let (caller, calls) = unbounded();
        Arc::new(Self { caller, calls, bell: Mutex::new(Bell { ctx: None, was_open: false, proxy }) })
    }

    /// Calls the main thread, from any other.
    pub(super) fn call(&self, call: Call) {
        // The receiver is ours.
        self.caller.send(call).ok();
        self.ring();
    }

    /// A call that was not taken yet.
    pub(super) fn next(&self) -> Option<Call> {
        self.calls.try_recv().ok()
    }

    /// What wakes the main thread when there is news.
    pub(super) fn wake(self: &Arc<Self>) -> Wake {
        let door = Arc::clone(self);
        Arc::new(move || door.ring())
    }

    /// The window is there: news are frames from now on. `None`: it is gone.
    pub(super) fn set_window(&self, ctx: Option<Context>) {
        let mut bell = self.bell();
        bell.was_open |= ctx.is_some();
        bell.ctx = ctx;
    }

    /// The window is what a person works with just now.
    pub(super) fn is_in_front(&self) -> bool {
        let ctx = self.bell().ctx.clone();
        ctx.is_some_and(|ctx| ctx.input(|input| input.viewport().focused == Some(true)))
    }

    /// There never was a window.
    pub(super) fn was_never_open(&self) -> bool {
        !self.bell().was_open
    }

    /// There was a window, and there is none.
    pub(super) fn was_closed(&self) -> bool {
        let bell = self.bell();
        bell.was_open && bell.ctx.is_none()
    }

    fn ring(&self) {
        let bell = self.bell();
        match bell.ctx.clone() {
            Some(ctx) => {
                // It calls back into the event loop, which needs no lock of ours.
                drop(bell);
                ctx.request_repaint();
            }
            None => {
                let (viewport_id, when) = (ViewportId::ROOT, Instant::now());
                let event = UserEvent::RequestRepaint { viewport_id, when, cumulative_pass_nr: 0 };
                // An event loop that has ended belongs to a program that does.
                bell.proxy.send_event(event).ok();
            }
        }
    }

    fn bell(&self) -> MutexGuard<'_, Bell> {
        self.bell.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
