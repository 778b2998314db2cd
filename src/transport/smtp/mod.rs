//! The SMTP and LMTP client: `kind = "smtp"` and `kind = "lmtp"` of `[transport.outgoing]`.
//!
//! Where its speed comes from: a round trip costs more than a message, so nothing waits for a reply that needn't. On a
//! server with PIPELINING and CHUNKING, message after message goes out and replies are matched in order behind them;
//! see `Manner` in `session.rs` for what is done with less. Where its honesty comes from: every recipient has its own
//! outcome, the last byte of a message goes out only after the spool knows, and what got no answer is called in doubt.
//!
//! | file | what it does |
//! |---|---|
//! | `reply`, `capabilities`, `stuffing`, `classify`, `window` | pure, small |
//! | `flight`, `session` | the mail transactions, without I/O |
//! | `open`, `feed`, `drive`, `crew` | the I/O: sign in, take messages, move bytes, several connections |
//! | `gate`, `limit` | what the connections of a flush know of the server together |

mod capabilities;
mod classify;
mod crew;
mod drive;
mod feed;
mod flight;
mod gate;
mod limit;
mod open;
pub mod reply;
mod session;
pub mod stuffing;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod window;

use super::{BoxFuture, Submissions, Support, Traits, Transport, secrets};
use crate::mapi::{Failure, Stage};
use crate::net::connect::address_words;
use crate::net::sasl;
use crate::profile::SmtpConfig;

/// A submission server, or a local delivery server.
#[derive(Debug)]
pub struct SmtpTransport {
    config: SmtpConfig,
    lmtp: bool,
}

impl SmtpTransport {
    /// A transport as the profile describes it; `lmtp`: it speaks LMTP (RFC 2033).
    pub const fn new(config: SmtpConfig, lmtp: bool) -> Self {
        Self { config, lmtp }
    }

    async fn check(&self, support: &Support) -> Result<String, Failure> {
        let server = &self.config.server;
        let secret = secrets::beforehand(support, server).await?;
        let stage = |stage: Stage| support.stage(stage);
        let gate = gate::Gate::default();
        let opening = open::Opening { server, lmtp: self.lmtp, secret, support, gate: &gate, stage: &stage };
        let mut line = opening.open().await?;
        let connection = line.lines.source_mut();
        let guard = if connection.is_encrypted() { "over TLS" } else { "without encryption" };
        let signed_in = match (line.mechanism, sasl::account(server)) {
            (Some(mechanism), Some(user)) => format!("signed in as {user} with {}", mechanism.name()),
            _ => "reached without signing in".to_owned(),
        };
        let found = format!("{} {signed_in} {guard}; it offers {}", address_words(server), line.capabilities.words());
        line.part().await;
        Ok(found)
    }
}

impl Transport for SmtpTransport {
    fn traits(&self) -> Traits {
        Traits {
            kind: if self.lmtp { "lmtp" } else { "smtp" },
            flushes_itself: true,
            honours_no_ui: true,
            asynchronous: false,
            path: address_words(&self.config.server),
        }
    }

    fn submit<'a>(&'a self, support: &'a Support, queue: &'a Submissions) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let limit = limit::SessionLimit::recall(support, &address_words(&self.config.server)).await?;
            crew::Crew::new((&self.config, self.lmtp), limit, support, queue).run().await
        })
    }

    fn validate_state<'a>(&'a self, support: &'a Support) -> BoxFuture<'a, Result<String, Failure>> {
        Box::pin(self.check(support))
    }
}
