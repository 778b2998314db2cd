//! The durable queues, on SQLite. Nobody else knows SQL.
//!
//! One database in write-ahead mode, synced at every commit. Who comes in by which door:
//!
//! - [`Spool`], the spooler's: it alone moves envelopes from state to state, many inputs' worth in one transaction.
//! - [`StagingBatch`], for any process that submits: it only adds, beside the owner; SQLite's own lock lets one write
//!   at a time.
//! - [`Reader`], lists and details, and [`StoredContent`], the content on its way out: they never write, and never
//!   wait for those who do.
//!
//! Content lies in the same file as everything else: so that a message is there whole or not at all, and hundreds of
//! small ones cost one sync. It goes when the last envelope of its message was sent; the envelopes stay as history.

mod checksum;
mod claim;
mod content;
mod counts;
mod error;
mod filter;
mod insert;
mod list;
pub mod model;
mod operations;
mod reader;
mod recovery;
pub mod rescue;
mod schema;
mod select;
mod sql;
mod staging;
mod store;
#[cfg(test)]
mod tests;
mod verbs;

pub use content::StoredContent;
pub use error::SpoolError;
pub use filter::FilterError;
pub use model::*;
pub use reader::Reader;
pub use staging::{Staging, StagingBatch};
pub use store::{Spool, SpoolTransaction};
