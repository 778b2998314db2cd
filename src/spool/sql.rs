//! How the house's types stand in columns, and how lists of them get into a statement.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use serde::Serialize;

use super::SpoolError;
use crate::mapi::{EnvelopeId, MessageId, QueueState, RecipientId};

/// States are stored as their place in [`QueueState::ALL`], so that `MIN` gives the state of an envelope.
impl ToSql for QueueState {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(*self as i64))
    }
}

impl FromSql for QueueState {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let code = value.as_i64()?;
        let place = usize::try_from(code).map_err(|_negative| FromSqlError::OutOfRange(code))?;
        Self::ALL.get(place).copied().ok_or(FromSqlError::OutOfRange(code))
    }
}

macro_rules! ids {
    ($($name:ident)+) => {$(
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> { Ok(ToSqlOutput::from(self.0)) }
        }
        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> { value.as_i64().map(Self) }
        }
    )+};
}

ids! { EnvelopeId MessageId RecipientId }

/// A count or a size for a column. Nothing in a spool comes near the limit.
pub(super) fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A count or a size from a column; a negative one, which no statement writes, as nothing.
pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// Data as JSON: lists of identifiers for `json_each`, and columns that hold a structure.
pub(super) fn json<T: Serialize + ?Sized>(data: &T) -> Result<String, SpoolError> {
    serde_json::to_string(data).map_err(|error| SpoolError::json("for writing", &error))
}

/// States as the inside of `IN (…)`.
pub(super) fn state_list(states: &[QueueState]) -> String {
    let codes: Vec<String> = states.iter().map(|state| (*state as i64).to_string()).collect();
    codes.join(", ")
}
