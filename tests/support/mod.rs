//! What integration tests stand on: real servers in temporary folders, certificates, messages, and the program itself.
//!
//! Every server listens on loopback, runs from a folder of its own, is ready when its constructor returns, and is stopped
//! by the process id when it is dropped (the kernel stops it when the test dies). Where one is not installed, the test
//! says so and is skipped; with `CI` set in the environment it fails, so that nothing is skipped unnoticed there:
//!
//! ```ignore
//! let Some(postfix) = Postfix::start(&PostfixSetup::default()) else { return };
//! ```

#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "each test binary uses its part of what is offered to all"
)]

pub mod authority;
pub mod bus;
pub mod certs;
pub mod daemon;
pub mod dovecot;
pub mod engine;
pub mod exim;
pub mod harness;
pub mod keyring;
pub mod machine;
pub mod messages;
pub mod panel;
pub mod postfix;
pub mod provider;
pub mod random;
pub mod relay;
pub mod screen;
pub mod smtp_sink;
pub mod witness;

pub use authority::Authority;
pub use certs::Certs;
pub use dovecot::Dovecot;
pub use engine::Engine;
pub use exim::Exim;
pub use harness::{Harness, Running};
pub use postfix::{Postfix, PostfixSetup};
pub use random::Random;
pub use relay::{Relay, Way};
pub use screen::Screen;
pub use smtp_sink::SmtpSink;
