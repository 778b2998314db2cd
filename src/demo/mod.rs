//! A mail provider in a box, on loopback: for `--demo`, and for tests that need a server to do as it is told.
//!
//! | file | what is there |
//! |---|---|
//! | [`provider`] | the box: accounts, what was handed in, how it misbehaves |
//! | [`gate`] | the one place where its threads wait: pace, trouble on demand, the end |
//! | `server`, `wire` | listeners and threads; a connection's lines and bytes |
//! | `smtp`, `pop3`, `imap` | the three protocols, one thread a connection |
//! | `mailbox` | what waits to be fetched |
//! | [`profile`], `seed`, `letters` | the throw-away profile of `--demo` and the mail in it |
//!
//! It is written with blocking sockets and a thread for each connection, on purpose unlike the clients it serves: what
//! both get wrong in the same way no test would find. There is no TLS: nothing here leaves the loopback interface.
//! Dropped, it is gone: listeners closed, connections cut, threads joined.

pub mod gate;
mod imap;
mod letters;
mod mailbox;
mod pop3;
pub mod profile;
pub mod provider;
mod seed;
mod server;
mod smtp;
#[cfg(test)]
mod tests;
mod wire;

pub use gate::{Disturbance, Point, Trouble};
pub use profile::Demo;
pub use provider::{Account, Behaviour, Delivered, Options, Provider};
pub use seed::SeedMessage;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a lock guards here is whole after every statement, so a thread that died with it held does no harm.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
