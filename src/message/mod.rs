//! Messages as RFC 5322 has them: preparing what is submitted, addresses, delivery reports.

pub mod address;
pub mod prepare;
pub mod report;
