//! Property values. A cell that is not there is [`PropValue::Error`] with `MAPI_E_NOT_FOUND`, never an empty string or zero.

use std::cmp::Ordering;

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

    /// The flag word, if this is a 32-bit number.
    pub const fn as_bits(&self) -> Option<u32> {
        if let Self::Long(value) = self { Some(value.cast_unsigned()) } else { None }
    }

    /// How two values of one type compare; `None` when the types differ or one of them is no value. Text by code
    /// points, bytes by value, `false` before `true`.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Long(a), Self::Long(b)) => Some(a.cmp(b)),
            (Self::I8(a), Self::I8(b)) | (Self::SysTime(a), Self::SysTime(b)) => Some(a.cmp(b)),
            (Self::Boolean(a), Self::Boolean(b)) => Some(a.cmp(b)),
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            (Self::Binary(a), Self::Binary(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }

    /// Bytes that the value takes, as a size restriction counts them: text in UTF-8, without a terminator.
    pub const fn size(&self) -> usize {
        match self {
            Self::Null => 0,
            Self::Boolean(_) => 2,
            Self::Long(_) | Self::Error(_) => 4,
            Self::I8(_) | Self::SysTime(_) => 8,
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
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
