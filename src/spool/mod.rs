//! The durable queues, on SQLite: outgoing envelopes with their contents and history, and the record of what was
//! received. The spooler's thread has the one [`Spool`]; others read beside it ([`Reader`], [`StoredContent`]), and any
//! process may submit beside it ([`StagingBatch`]).

mod error;
mod filter;
mod list;
pub mod model;
mod reader;
mod schema;
mod sql;
mod staging;
mod verbs;
mod writer;

pub use error::SpoolError;
pub use filter::FilterError;
pub use model::*;
pub use reader::{Reader, StoredContent};
pub use staging::{Staging, StagingBatch};
pub use writer::{Spool, SpoolTransaction};
