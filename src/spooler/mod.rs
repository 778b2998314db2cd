//! The spooler: the one writer of the queues, on a thread of its own.
//!
//! [`core`] decides, `run` does, [`owner`] sees to it that a profile has only one. Clients talk to it over a
//! [`Line`], in this process or through the [`socket`]. [`submit`] is the way in for mail: it writes to the spool
//! beside the spooler and never waits for it.

pub mod core;
pub mod line;
mod ndr;
pub mod owner;
pub mod protocol;
mod publish;
mod reader;
mod run;
pub mod socket;
mod submission;
pub mod submit;

pub use line::{Incoming, Line, Pending, ReplyTo, Wake};
pub use owner::{Spooler, Stay, lock};
pub use protocol::*;
