//! Restrictions: which rows a table shows, or which one a search is for (srestriction).
//!
//! Decisions where the documents are silent:
//! - A restriction is checked once, before any row is looked at ([`Restriction::check`]); what can't be evaluated is
//!   `MAPI_E_TOO_COMPLEX`. Evaluation itself can't fail.
//! - A cell that is absent, or holds an error, matches nothing but a [`Restriction::Not`] around it: not even `NE`.
//! - Logic is two-valued. `NOT` of a comparison with an absent cell is therefore true; AND it with EXIST for certainty.
//! - An empty AND is true, an empty OR is false.
//! - `RELOP_RE` takes `*` for any run of characters and `?` for one; there is no escape. Upper and lower case differ,
//!   as in all comparisons; a content restriction can ignore case.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::{BitTest, FuzzyFlags, MapiResult, Match, PropTag, PropType, PropValue, RelOp, Row};

/// Restrictions inside restrictions go this deep at most.
const DEPTH: usize = 64;

/// A condition on a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restriction {
    /// All of them hold.
    And(Vec<Self>),
    /// One of them holds.
    Or(Vec<Self>),
    /// It does not hold.
    Not(Box<Self>),
    /// A text or bytes match a text or bytes.
    Content {
        /// How much of it.
        part: Match,
        /// How loosely.
        fuzzy: FuzzyFlags,
        /// Which cell.
        tag: PropTag,
        /// What it is to match.
        value: PropValue,
    },
    /// A cell compares with a constant of its own type.
    Property {
        /// How.
        relop: RelOp,
        /// Which cell.
        tag: PropTag,
        /// The constant.
        value: PropValue,
    },
    /// Two cells of one row and one type compare.
    CompareProps {
        /// How.
        relop: RelOp,
        /// Left of the operator.
        left: PropTag,
        /// Right of it.
        right: PropTag,
    },
    /// The bits of a 32-bit cell under a mask.
    BitMask {
        /// What they have to be.
        test: BitTest,
        /// Which cell.
        tag: PropTag,
        /// Which bits.
        mask: u32,
    },
    /// The size of a cell in bytes compares with a constant.
    Size {
        /// How.
        relop: RelOp,
        /// Which cell.
        tag: PropTag,
        /// The constant.
        bytes: usize,
    },
    /// The cell is there.
    Exist(PropTag),
    /// A condition on a message's recipients or attachments. Rows of our tables have neither: `MAPI_E_TOO_COMPLEX`.
    SubRestriction {
        /// Which table of the message.
        subobject: PropTag,
        /// The condition on its rows.
        restriction: Box<Self>,
    },
    /// A condition with remarks that don't change it; without one it is true.
    Comment {
        /// The remarks.
        remarks: Vec<(PropTag, PropValue)>,
        /// The condition.
        restriction: Option<Box<Self>>,
    },
}

impl Restriction {
    /// The comparison of a cell with a constant.
    pub fn property(tag: PropTag, relop: RelOp, value: impl Into<PropValue>) -> Self {
        Self::Property { relop, tag, value: value.into() }
    }

    /// The cell equals a constant.
    pub fn equals(tag: PropTag, value: impl Into<PropValue>) -> Self {
        Self::property(tag, RelOp::Eq, value)
    }

    /// At least one of these bits is set in a flag word.
    pub const fn any_bit(tag: PropTag, mask: u32) -> Self {
        Self::BitMask { test: BitTest::Set, tag, mask }
    }

    /// The number in `SRestriction.rt` (`RES_…`).
    pub const fn code(&self) -> u32 {
        match self {
            Self::And(_) => 0,
            Self::Or(_) => 1,
            Self::Not(_) => 2,
            Self::Content { .. } => 3,
            Self::Property { .. } => 4,
            Self::CompareProps { .. } => 5,
            Self::BitMask { .. } => 6,
            Self::Size { .. } => 7,
            Self::Exist(_) => 8,
            Self::SubRestriction { .. } => 9,
            Self::Comment { .. } => 10,
        }
    }

    /// Whether it can be evaluated.
    ///
    /// # Errors
    /// [`MapiResult::TooComplex`]: types that differ, an operator that the type does not have, a part that no table of
    /// ours supports, or nesting deeper than anyone means.
    pub fn check(&self) -> Result<(), MapiResult> {
        if self.is_sound(DEPTH) { Ok(()) } else { Err(MapiResult::TooComplex) }
    }

    fn is_sound(&self, depth: usize) -> bool {
        let Some(depth) = depth.checked_sub(1) else { return false };
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().all(|part| part.is_sound(depth)),
            Self::Not(part) => part.is_sound(depth),
            Self::Content { fuzzy, tag, value, .. } => {
                matches!(value, PropValue::Text(_) | PropValue::Binary(_))
                    && holds(*tag, value)
                    && !fuzzy.contains(FuzzyFlags::FL_IGNORENONSPACE)
            }
            Self::Property { relop, tag, value } => {
                holds(*tag, value) && (*relop != RelOp::Re || matches!(value, PropValue::Text(_)))
            }
            Self::CompareProps { relop, left, right } => {
                let kind = left.wide().prop_type();
                kind == right.wide().prop_type()
                    && kind.is_some_and(has_values)
                    && (*relop != RelOp::Re || kind == Some(PropType::Unicode))
            }
            Self::BitMask { tag, .. } => tag.prop_type() == Some(PropType::Long),
            Self::Size { relop, tag, .. } => tag.prop_type().is_some_and(has_values) && *relop != RelOp::Re,
            Self::Exist(_) => true,
            Self::SubRestriction { .. } => false,
            Self::Comment { restriction, .. } => restriction.as_ref().is_none_or(|part| part.is_sound(depth)),
        }
    }

    /// Whether it holds for a row. What [`Self::check`] refuses holds for none.
    pub fn matches(&self, row: &Row) -> bool {
        let cell = |tag: PropTag| row.get(tag).filter(|value| holds(tag, value));
        match self {
            Self::And(parts) => parts.iter().all(|part| part.matches(row)),
            Self::Or(parts) => parts.iter().any(|part| part.matches(row)),
            Self::Not(part) => !part.matches(row),
            Self::Content { part, fuzzy, tag, value } => {
                cell(*tag).is_some_and(|cell| content_matches(*part, *fuzzy, cell, value))
            }
            Self::Property { relop, tag, value } => cell(*tag).is_some_and(|cell| compares(*relop, cell, value)),
            Self::CompareProps { relop, left, right } => {
                cell(*left).zip(cell(*right)).is_some_and(|(left, right)| compares(*relop, left, right))
            }
            Self::BitMask { test, tag, mask } => {
                cell(*tag).and_then(PropValue::as_bits).is_some_and(|bits| match test {
                    BitTest::Clear => bits & mask == 0,
                    BitTest::Set => bits & mask != 0,
                })
            }
            Self::Size { relop, tag, bytes } => cell(*tag).is_some_and(|cell| orders(*relop, cell.size().cmp(bytes))),
            Self::Exist(tag) => cell(*tag).is_some(),
            Self::SubRestriction { .. } => false,
            Self::Comment { restriction, .. } => restriction.as_ref().is_none_or(|part| part.matches(row)),
        }
    }
}

/// Whether values of this type can be compared.
const fn has_values(kind: PropType) -> bool {
    !matches!(kind, PropType::Null | PropType::Error)
}

/// Whether the value is of the tag's type, and a value at all.
fn holds(tag: PropTag, value: &PropValue) -> bool {
    has_values(value.prop_type()) && tag.wide().prop_type() == Some(value.prop_type())
}

fn compares(relop: RelOp, left: &PropValue, right: &PropValue) -> bool {
    match (relop, left, right) {
        (RelOp::Re, PropValue::Text(text), PropValue::Text(pattern)) => is_like(text, pattern),
        _ => left.compare(right).is_some_and(|ordering| orders(relop, ordering)),
    }
}

const fn orders(relop: RelOp, ordering: Ordering) -> bool {
    match relop {
        RelOp::Lt => ordering.is_lt(),
        RelOp::Le => ordering.is_le(),
        RelOp::Gt => ordering.is_gt(),
        RelOp::Ge => ordering.is_ge(),
        RelOp::Eq => ordering.is_eq(),
        RelOp::Ne => ordering.is_ne(),
        RelOp::Re => false,
    }
}

fn content_matches(part: Match, fuzzy: FuzzyFlags, cell: &PropValue, value: &PropValue) -> bool {
    let loose = fuzzy.intersects(FuzzyFlags::FL_IGNORECASE | FuzzyFlags::FL_LOOSE);
    let (Some(cell), Some(value)) = (content(cell, loose), content(value, loose)) else { return false };
    match part {
        Match::Full => cell == value,
        Match::Prefix => cell.starts_with(&value),
        // UTF-8 never finds a character inside another one, so bytes will do for text too.
        Match::Substring => value.is_empty() || cell.windows(value.len()).any(|window| window == &*value),
    }
}

fn content(value: &PropValue, loose: bool) -> Option<Cow<'_, [u8]>> {
    match value {
        PropValue::Text(text) if loose => Some(text.to_lowercase().into_bytes().into()),
        PropValue::Text(text) => Some(text.as_bytes().into()),
        PropValue::Binary(bytes) => Some(bytes.into()),
        _ => None,
    }
}

/// Whether a text is like a pattern. Where a star has matched too little, only the last star needs another try, so the
/// work is bounded by the product of the two lengths.
fn is_like(text: &str, pattern: &str) -> bool {
    let (mut text, mut pattern) = (text.chars(), pattern.chars());
    let mut retry = None;
    loop {
        let (mut text_ahead, mut pattern_ahead) = (text.clone(), pattern.clone());
        match (text_ahead.next(), pattern_ahead.next()) {
            (_, Some('*')) => {
                retry = Some((text.clone(), pattern_ahead.clone()));
                pattern = pattern_ahead;
            }
            (None, None) => return true,
            (Some(c), Some(p)) if p == '?' || p == c => (text, pattern) = (text_ahead, pattern_ahead),
            _ => {
                let Some((from, rest)) = &mut retry else { return false };
                if from.next().is_none() {
                    return false;
                }
                (text, pattern) = (from.clone(), rest.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests;
