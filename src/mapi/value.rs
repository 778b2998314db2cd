//! Property values. A cell that is not there is [`PropValue::Error`] with `MAPI_E_NOT_FOUND`, never an empty string or zero.

use serde::{Deserialize, Serialize};

use super::{MapiResult, PropType};

/// One value of a property.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PropValue {
    /// Reserved slot.
    Null,
    /// `PT_LONG`.
    Long(i32),
    /// `PT_I8`.
    I8(i64),
    /// `PT_BOOLEAN`.
    Boolean(bool),
    /// `PT_STRING8` and `PT_UNICODE`: UTF-8 either way.
    Text(String),
    /// `PT_SYSTIME`, here in seconds since the Unix epoch.
    SysTime(i64),
    /// `PT_BINARY`.
    Binary(Vec<u8>),
    /// `PT_ERROR`: why there is no value.
    Error(MapiResult),
}

impl PropValue {
    /// The absent cell (imapitable-queryrows; contradiction C13 resolved to PT_ERROR).
    pub const ABSENT: Self = Self::Error(MapiResult::NotFound);

    /// The type of this value.
    pub const fn prop_type(&self) -> PropType {
        match self {
            Self::Null => PropType::Null,
            Self::Long(_) => PropType::Long,
            Self::I8(_) => PropType::I8,
            Self::Boolean(_) => PropType::Boolean,
            Self::Text(_) => PropType::Unicode,
            Self::SysTime(_) => PropType::SysTime,
            Self::Binary(_) => PropType::Binary,
            Self::Error(_) => PropType::Error,
        }
    }

    /// The number, of whatever width, if this is one.
    pub const fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Long(value) => Some(*value as i64),
            Self::I8(value) | Self::SysTime(value) => Some(*value),
            _ => None,
        }
    }

    /// The text, if this is one.
    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The truth value, if this is one.
    pub const fn as_bool(&self) -> Option<bool> {
        if let Self::Boolean(value) = self { Some(*value) } else { None }
    }

    /// The bytes, if these are some.
    pub fn as_binary(&self) -> Option<&[u8]> {
        if let Self::Binary(bytes) = self { Some(bytes) } else { None }
    }
}

macro_rules! from {
    ($($type:ty => $variant:ident),+ $(,)?) => {
        $(impl From<$type> for PropValue { fn from(value: $type) -> Self { Self::$variant(value.into()) } })+
    };
}
from! { i32 => Long, i64 => I8, bool => Boolean, String => Text, &str => Text, Vec<u8> => Binary, MapiResult => Error }
