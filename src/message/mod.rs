//! RFC 5322: what a message says of itself, what addresses are, and the reports about those that did not arrive.
//!
//! | file | what happens there |
//! |---|---|
//! | [`address`] | envelope addresses, patterns of them, a name with an address |
//! | [`header`] | the header section: where it ends, its fields, what they mean |
//! | `line_ends` | any mix of line ends into CRLF |
//! | [`mailbox`] | names and texts as header fields have them |
//! | [`mod@prepare`] | a submitted message on its way into the spool |
//! | [`report`] | delivery reports (RFC 3464) |
//! | [`stamp`] | dates and identifiers for what we write |

pub mod address;
pub mod header;
mod line_ends;
pub mod mailbox;
pub mod prepare;
pub mod report;
pub mod stamp;
