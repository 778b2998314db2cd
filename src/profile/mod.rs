//! What the user configured: where it is, how it is read, and where secrets come from.

pub mod model;

pub use model::*;
