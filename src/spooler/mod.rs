//! The worker thread.

pub mod protocol;

pub use protocol::*;
