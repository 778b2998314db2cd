//! The vocabulary of Extended MAPI that the whole house speaks: property tags and values, rows and tables,
//! restrictions, flags, results and failures. Pure data and functions; no I/O, and nothing of ours is imported.

pub mod entryid;
pub mod failure;
pub mod flags;
pub mod queue;
pub mod result;
pub mod row;
pub mod tag;
pub mod value;

pub use entryid::EntryId;
pub use failure::{Blame, Class, Failure, Reply, Stage};
pub use flags::{Direction, FlushFlags, ResourceFlags, ResourceMethods, ResourceType, StatusCode, ValidateFlags};
pub use queue::{EnvelopeId, MessageId, Outcome, OutgoingCounts, QueueState, RecipientId};
pub use result::MapiResult;
pub use row::Row;
pub use tag::{PropTag, PropType};
pub use value::PropValue;
