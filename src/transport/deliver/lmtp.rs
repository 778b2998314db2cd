//! Delivery to an LMTP server (RFC 2033), by the transport that sends with it: it is given a queue of one message, and
//! what it reports is heard here instead of by the spooler.
//!
//! A message refused for good or for now stays where it came from and is tried again with the next receive; the others go
//! on. The sender is the null one: whoever sent the message has long been told that it arrived.

use std::sync::Arc;

use crossbeam_channel::Receiver;

use super::Parcel;
use crate::mapi::{Blame, Class, EnvelopeId, Failure, Outcome, RecipientId, Stage};
use crate::profile::{AuthChoice, Security, ServerConfig, SmtpConfig};
use crate::transport::port::Desk;
use crate::transport::report::{Answer, Report, ReportKind};
use crate::transport::smtp::SmtpTransport;
use crate::transport::{Job, JobRecipient, Submissions, Support, Transport as _};

/// A server and whom it delivers to.
#[derive(Debug, Clone)]
pub(super) struct Lmtp {
    server: String,
    recipient: String,
}

impl Lmtp {
    /// `server`: `host:port`, with brackets around an IPv6 address.
    pub(super) fn new(server: &str, recipient: Option<&str>) -> Self {
        Self { server: server.to_owned(), recipient: recipient.unwrap_or_default().to_owned() }
    }

    /// Delivers one message.
    ///
    /// # Errors
    /// With [`Blame::Message`] when it is about this message alone.
    pub(super) async fn deliver(&self, parcel: &Parcel, support: &Support) -> Result<(), Failure> {
        let transport = SmtpTransport::new(self.config()?, true);
        let job = Job {
            envelope: EnvelopeId(0),
            attempt: 1,
            sender: String::new(),
            recipients: vec![JobRecipient { id: RecipientId(0), address: self.recipient.clone() }],
            content: parcel.content()?,
            eight_bit: false,
            smtputf8: false,
            submitted_at: 0,
        };
        let (sender, reports) = crossbeam_channel::unbounded();
        let desk = Arc::new(Desk::default());
        let cancel = support.cancel().clone();
        let inner = Support::new(support.transport().into(), sender, Arc::clone(&desk), cancel, false, Arc::default());
        let hearing = tokio::task::spawn_blocking(move || hear(&reports, &desk, job));
        let queue = Submissions::new(inner.clone());
        let ran = transport.submit(&inner, &queue).await;
        // Nobody is left to report: that ends the hearing.
        drop((queue, inner, transport));
        let outcome = hearing.await.unwrap_or_default();
        ran?;
        match outcome {
            Some(Outcome::Sent(_)) => Ok(()),
            Some(Outcome::Failed(failure) | Outcome::Deferred(failure)) if failure.class != Class::Offline => {
                Err(match failure.blame {
                    Blame::Recipient | Blame::Message => failure.blaming(Blame::Message),
                    _ => failure,
                })
            }
            Some(Outcome::Failed(failure) | Outcome::Deferred(failure) | Outcome::InDoubt(failure)) => Err(failure),
            Some(Outcome::NotMine | Outcome::Returned) | None => Err(Failure::cancelled(Stage::Deliver, &self.server)),
        }
    }

    fn config(&self) -> Result<SmtpConfig, Failure> {
        let wrong = |what: &str| Failure::new(Class::Configuration, Stage::Deliver, &self.server, what);
        if self.recipient.is_empty() {
            return Err(wrong("delivery by LMTP needs to know to whom: give the transport an identity"));
        }
        let address = self.server.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
        let (host, port) = address.ok_or_else(|| wrong("is not host:port"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let server = ServerConfig {
            host,
            port,
            security: Security::None,
            user: None,
            credential: None,
            auth: AuthChoice::None,
            ca_file: None,
            fingerprint: None,
            patience: None,
        };
        Ok(SmtpConfig { server, connections: 1 })
    }
}

/// Is the spooler for one message. Gives what came of it, once nobody reports any more.
fn hear(reports: &Receiver<Report>, desk: &Desk, job: Job) -> Option<Outcome> {
    let mut job = Some(job);
    let mut outcome = None;
    for report in reports {
        let (ticket, answer) = match report.kind {
            ReportKind::Want { ticket, .. } => (ticket, Answer::Jobs(job.take().into_iter().collect())),
            ReportKind::Offering { ticket, .. } => (ticket, Answer::Done),
            ReportKind::Recall { ticket, .. } => (ticket, Answer::Recalled(None)),
            ReportKind::EndMessage { outcomes, .. } => {
                outcome = outcomes.into_iter().next().map(|(_, outcome)| outcome);
                continue;
            }
            _ => continue,
        };
        // After a cancellation nobody waits for it any more.
        desk.answer(ticket, answer).ok();
    }
    outcome
}
