//! Tests against real servers. This first module proves the servers themselves, without the product.

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

mod alone;
mod cancel;
mod command;
mod discreet;
mod disk;
mod doubt;
mod incoming;
mod large;
mod local;
pub(crate) mod oauth;
mod outgoing;
mod owner;
mod phases;
mod scripts;
mod secrets;
mod smoke;
mod submission;
mod tokens;
