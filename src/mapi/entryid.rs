//! Entry identifiers of status objects: four flag bytes, our provider's UID, the resource type, the resource's name.

use serde::{Deserialize, Serialize};

use super::{MapiResult, ResourceType};

/// Our provider UID: the 16 bytes that say an entry identifier is one of ours.
const PROVIDER_UID: [u8; 16] = *b"mailsluice-state";

/// An opaque entry identifier. Compare, keep, show in hex; take apart only with [`EntryId::parse`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EntryId(Vec<u8>);

impl EntryId {
    /// The identifier of the status object of a resource.
    pub fn of(kind: ResourceType, name: &str) -> Self {
        let mut bytes = vec![0; 4];
        bytes.extend_from_slice(&PROVIDER_UID);
        bytes.extend_from_slice(&kind.code().to_le_bytes());
        bytes.extend_from_slice(name.as_bytes());
        Self(bytes)
    }

    /// Which resource it names.
    ///
    /// # Errors
    /// [`MapiResult::InvalidEntryId`] when it is not one of ours.
    pub fn parse(&self) -> Result<(ResourceType, &str), MapiResult> {
        let invalid = MapiResult::InvalidEntryId;
        let rest = self.0.strip_prefix(&[0; 4]).ok_or(invalid)?;
        let rest = rest.strip_prefix(&PROVIDER_UID).ok_or(invalid)?;
        let (kind, name) = rest.split_first_chunk::<4>().ok_or(invalid)?;
        let kind = ResourceType::from_code(i32::from_le_bytes(*kind)).ok_or(invalid)?;
        let name = std::str::from_utf8(name).map_err(|_not_text| invalid)?;
        Ok((kind, name))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes in lower-case hex, as `status --json` prints them.
    pub fn hex(&self) -> String {
        use std::fmt::Write as _;
        self.0.iter().fold(String::new(), |mut text, byte| {
            // Writing to a string does not fail.
            write!(text, "{byte:02x}").ok();
            text
        })
    }
}

impl From<Vec<u8>> for EntryId {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}
