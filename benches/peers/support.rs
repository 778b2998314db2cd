//! The servers of the tests, without the parts that stand on the library: what is measured here is the program.

#![allow(dead_code, unreachable_pub, reason = "this bench uses its part of what is offered to all tests")]

#[path = "../../tests/support/certs.rs"]
pub mod certs;
#[path = "../../tests/support/daemon.rs"]
pub mod daemon;
#[path = "../../tests/support/dovecot.rs"]
pub mod dovecot;
#[path = "../../tests/support/postfix.rs"]
pub mod postfix;

pub use dovecot::Dovecot;
pub use postfix::{Postfix, PostfixSetup};
