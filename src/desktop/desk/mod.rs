//! The desk: what of the program is there also without its window. A client of the engine like any other, on a thread of
//! its own: it reads rows, shows them in the tray, and does what is asked for there.
//!
//! | file | what is there |
//! |---|---|
//! | `deed` | what a person can do without the window |
//! | `glance` | what the tray shows, made of rows; pure |
//! | `tray` | that as a StatusNotifierItem |
//! | `notices` | what is worth a notification, made of events; pure |
//! | `notifier` | that over the bus |
//! | `application` | the program as launchers on the bus see it |
//! | `surroundings` | the network and sleep, as the system's bus tells of them |
//! | `clerk` | the thread |
//!
//! It wakes for events, for deeds and for the end of a pause. Otherwise it rests.

mod application;
mod clerk;
mod deed;
mod glance;
mod notices;
mod notifier;
mod surroundings;
mod tray;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Sender, unbounded};

use clerk::Clerk;
use deed::Deed;
use notices::Button;

use super::door::Door;
use super::host::Host;
use crate::spooler::Network;

/// See the module.
pub(super) struct Desk {
    orders: Sender<Order>,
    has_tray: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

/// What the clerk is told.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Order {
    /// Something happened.
    Look,
    /// Somebody wants something.
    Do(Deed),
    /// Somebody clicked on what was shown for this transport.
    Clicked(String, Button),
    /// What the network is like; `None`: nobody knows.
    Network(Option<Network>),
    /// The machine is about to sleep, or is awake again.
    Sleep(bool),
    /// That was all.
    Stop,
}

impl Desk {
    /// Sets it up.
    ///
    /// # Errors
    /// The system has no room for a thread.
    pub(super) fn set_up(host: &Arc<Host>, door: &Arc<Door>) -> std::io::Result<Self> {
        let (orders, told) = unbounded();
        let has_tray = Arc::new(AtomicBool::new(false));
        let (host, door) = (Arc::clone(host), Arc::clone(door));
        let (to_clerk, there) = (orders.clone(), Arc::clone(&has_tray));
        let thread = thread::Builder::new().name("desk".to_owned()).spawn(move || {
            Clerk::new(host, door, &to_clerk, there).work(&told);
        })?;
        Ok(Self { orders, has_tray, thread })
    }

    /// Whether a tray shows the program, so that it can be found again without a window.
    pub(super) fn tray(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.has_tray)
    }

    /// Has it look again: the window is gone.
    pub(super) fn look(&self) {
        // One that is not there any more has said so in the log.
        self.orders.send(Order::Look).ok();
    }

    /// Clears it: the icon is gone when this returns.
    pub(super) fn clear(self) {
        // One that is not there any more has said so in the log.
        self.orders.send(Order::Stop).ok();
        self.thread.join().ok();
    }
}

/// For what reads text as markup.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
