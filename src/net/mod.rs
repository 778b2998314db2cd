//! The way to a server: connect, TLS, sign in, read lines, stop at once when told to.
//!
//! Nothing here knows a mail protocol beyond what all of them share. Errors leave as [`crate::mapi::Failure`], already
//! classed; the one place where an I/O error becomes one is [`mod@step`].

mod certificate;
pub mod connect;
pub mod deflate;
pub mod lines;
pub mod oauth;
pub mod sasl;
mod scram;
pub mod step;
#[cfg(test)]
mod tests;
pub mod tls;
pub mod transcript;

pub use connect::{Connection, connect};
pub use deflate::Deflated;
pub use lines::LineReader;
pub use step::{step, write_out};
pub use transcript::Transcript;
