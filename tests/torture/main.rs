//! The spool's promises, put to the torture: the program is killed, lines are cut, servers misbehave, and three books are
//! compared afterwards: what was submitted, what the server took, what Mailsluice says.
//!
//! `make test` kills it some 200 times, `make torture` 1,000 times and with a new seed. A seed that found something is given
//! back with `TORTURE_SEED`.

#![allow(
    clippy::expect_used,
    clippy::needless_pass_by_value,
    clippy::option_option,
    clippy::panic,
    clippy::unreachable,
    clippy::unwrap_used,
    reason = "these are tests: what can't go on has to say so and stop"
)]

#[path = "../support/mod.rs"]
mod support;

mod books;
mod cuts;
mod faults;
mod hostile;
mod kills;
mod victim;
