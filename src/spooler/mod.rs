//! The worker thread.

pub mod line;
pub mod protocol;

pub use line::{Incoming, Line, Pending, Wake};
pub use protocol::*;
