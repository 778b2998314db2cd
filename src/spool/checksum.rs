//! A checksum over each piece of content. SQLite has none: a flipped bit or an overwritten page within a message would
//! be sent as it is.

/// CRC-32 of a piece, as it stands in its row.
pub(super) fn of(bytes: &[u8]) -> i64 {
    crc32fast::hash(bytes).into()
}

/// Whether a piece is what was written. `kept`: its row's checksum; `None` in pieces older than checksums.
pub(super) fn fits(bytes: &[u8], kept: Option<i64>) -> bool {
    kept.is_none_or(|kept| kept == of(bytes))
}
