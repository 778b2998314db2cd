//! A row of a table: values by tag, where a missing tag is an absent cell.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{EntryId, PropTag, PropValue, tag};

/// A row, as `ModifyStatusRow` takes it and `QueryRows` gives it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Row {
    cells: BTreeMap<PropTag, PropValue>,
}

impl Row {
    /// The value of a cell, if it is there. Text is found under the 8-bit and the wide tag alike.
    pub fn get(&self, tag: PropTag) -> Option<&PropValue> {
        self.cells.get(&tag.wide())
    }

    /// The value of a cell, or the absent value.
    pub fn cell(&self, tag: PropTag) -> PropValue {
        self.get(tag).cloned().unwrap_or(PropValue::ABSENT)
    }

    /// Puts a value into a cell.
    pub fn set(&mut self, tag: PropTag, value: impl Into<PropValue>) -> &mut Self {
        self.cells.insert(tag.wide(), value.into());
        self
    }

    /// Puts a value if there is one; makes the cell absent otherwise.
    pub fn set_option(&mut self, tag: PropTag, value: Option<impl Into<PropValue>>) -> &mut Self {
        match value {
            Some(value) => self.set(tag, value),
            None => self.clear(tag),
        }
    }

    /// Makes a cell absent.
    pub fn clear(&mut self, tag: PropTag) -> &mut Self {
        self.cells.remove(&tag.wide());
        self
    }

    /// Takes over every cell of `update`; the others keep their value (`STATUSROW_UPDATE`). An update that carries
    /// [`PropValue::ABSENT`] makes the cell absent.
    pub fn merge(&mut self, update: &Self) {
        for (tag, value) in &update.cells {
            if *value == PropValue::ABSENT {
                self.clear(*tag);
            } else {
                self.cells.insert(*tag, value.clone());
            }
        }
    }

    /// The cells, by tag.
    pub fn iter(&self) -> impl Iterator<Item = (PropTag, &PropValue)> {
        self.cells.iter().map(|(tag, value)| (*tag, value))
    }

    /// The number of a cell, if it is there and one.
    pub fn number(&self, tag: PropTag) -> Option<i64> {
        self.get(tag).and_then(PropValue::as_i64)
    }

    /// The flag word of a cell; zero when absent.
    pub fn bits(&self, tag: PropTag) -> u32 {
        self.get(tag).and_then(PropValue::as_bits).unwrap_or(0)
    }

    /// The text of a cell, if it is there and one.
    pub fn text(&self, tag: PropTag) -> Option<&str> {
        self.get(tag).and_then(PropValue::as_text)
    }

    /// Whether a switch is on, if it is there and one.
    pub fn switch(&self, tag: PropTag) -> Option<bool> {
        self.get(tag).and_then(PropValue::as_bool)
    }

    /// The entry identifier of the row, if it has one.
    pub fn entry_id(&self) -> Option<EntryId> {
        self.get(tag::PR_ENTRYID).and_then(PropValue::as_binary).map(|bytes| EntryId::from(bytes.to_vec()))
    }
}

impl FromIterator<(PropTag, PropValue)> for Row {
    fn from_iter<I: IntoIterator<Item = (PropTag, PropValue)>>(iter: I) -> Self {
        Self { cells: iter.into_iter().map(|(tag, value)| (tag.wide(), value)).collect() }
    }
}
