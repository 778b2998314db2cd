//! The durable queues, on SQLite.

pub mod model;

pub use model::*;
