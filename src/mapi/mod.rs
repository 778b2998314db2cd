//! The vocabulary of Extended MAPI that the whole house speaks: property tags and values, rows and tables,
//! restrictions, flags, results and failures. Pure data and functions; no I/O, and nothing of ours is imported.

pub mod certificate;
pub mod entryid;
pub mod failure;
pub mod flags;
pub mod handshake;
pub mod number;
pub mod queue;
pub mod restriction;
pub mod result;
pub mod row;
pub mod table;
pub mod tag;
pub mod value;
pub mod visible;

pub use certificate::Certificate;
pub use entryid::EntryId;
pub use failure::{Blame, Class, Failure, Reply, Stage};
pub use flags::{
    Direction, EventMask, FindRowFlags, FlushFlags, FuzzyFlags, QueryColumnsFlags, QueryRowsFlags, ResourceFlags,
    ResourceMethods, ResourceType, StatusCode, StatusRowFlags, ValidateFlags,
};
pub use number::{BitTest, Bookmark, MAPI_STATUS, Match, RelOp, SortOrder, TableEvent, TableStatus, TableType};
pub use queue::{EnvelopeId, MessageId, Outcome, OutgoingCounts, QueueState, RecipientId};
pub use restriction::Restriction;
pub use result::MapiResult;
pub use row::Row;
pub use table::{Connection, SRow, SortKey, Table, TableData, TableNotification, query_all_rows};
pub use tag::{PropTag, PropType};
pub use value::PropValue;
pub use visible::{in_one_line, is_visible, visible};

#[cfg(test)]
mod constants_tests;
