//! Certificates that nobody vouches for: a person is asked, and what they trust holds until the program ends.
//!
//! The line that met the certificate is closed before anybody is asked: a server hangs up long before a person has
//! compared 64 digits. After the answer a new one is opened, to a server that presents this very certificate or nothing.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::port::Support;
use super::turn::Turn;
use crate::mapi::{Class, Failure};
use crate::net::connect::address_words;
use crate::profile::{Fingerprint, ServerConfig};

/// The certificates a person trusts, by `host:port`, for as long as the process lives.
#[derive(Debug, Default)]
pub struct Trusted {
    sites: Mutex<HashMap<String, Site>>,
}

/// What is known of one server.
#[derive(Debug, Default)]
struct Site {
    trusted: Option<Fingerprint>,
    /// Held by who asks, so that a person is asked once and not by every connection.
    turn: Turn<()>,
}

impl Trusted {
    fn sites(&self) -> MutexGuard<'_, HashMap<String, Site>> {
        self.sites.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&self, at: &str) -> Option<Fingerprint> {
        self.sites().get(at).and_then(|site| site.trusted)
    }
}

/// The server with the certificate that a person trusts in this run, if there is one.
pub fn known<'a>(support: &Support, server: &'a ServerConfig) -> Cow<'a, ServerConfig> {
    match support.secrets().trusted.of(&address_words(server)) {
        Some(trusted) => Cow::Owned(ServerConfig { fingerprint: Some(trusted), ..server.clone() }),
        None => Cow::Borrowed(server),
    }
}

/// Opens a line, and once again if a person trusts the certificate that was in its way.
///
/// # Errors
/// Those of `open`; [`Class::NeedsPerson`] for a certificate that nobody could be asked about or wanted to trust.
pub async fn opening<T, F>(support: &Support, server: &ServerConfig, open: impl Fn() -> F) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    match open().await {
        Err(failure) if failure.certificate.is_some() => {
            settle(support, server, failure).await?;
            open().await
        }
        done => done,
    }
}

/// Asks about the certificate, unless somebody else has just been told to trust it.
async fn settle(support: &Support, server: &ServerConfig, failure: Failure) -> Result<(), Failure> {
    let Some(certificate) = failure.certificate.clone() else { return Err(failure) };
    let Ok(presented) = certificate.fingerprint.parse::<Fingerprint>() else { return Err(failure) };
    let at = address_words(server);
    let turn = support.secrets().trusted.sites().entry(at.clone()).or_default().turn.clone();
    let turn = turn.take(support, failure.stage, &at).await?;
    if support.secrets().trusted.of(&at) == Some(presented) {
        return Ok(());
    }
    let asking = turn.asking();
    let said = support.ask_trust(certificate).await;
    drop(asking);
    match said {
        Ok(()) => {
            support.secrets().trusted.sites().entry(at).or_default().trusted = Some(presented);
            Ok(())
        }
        // What is wrong with the certificate says more than that nobody trusted it.
        Err(refused) if refused.class == Class::NeedsPerson => Err(Failure { class: Class::NeedsPerson, ..failure }),
        Err(other) => Err(other),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::mapi::{Certificate, Stage};
    use crate::profile::Security;
    use crate::transport::port::Desk;
    use crate::transport::secrets::SecretCache;
    use crate::transport::testing::server_at;
    use crate::transport::{Answer, Report, ReportKind};

    fn server() -> ServerConfig {
        ServerConfig { host: "mx.example.org".into(), security: Security::Tls, ..server_at(465) }
    }

    /// A transport's end, with a person who says this to every question; and how often one was put.
    fn support(interactive: bool, trusts: bool) -> (Support, Arc<AtomicUsize>) {
        let (reports, received) = crossbeam_channel::unbounded::<Report>();
        let (desk, asked) = (Arc::new(Desk::default()), Arc::new(AtomicUsize::new(0)));
        let (answers, counted) = (Arc::clone(&desk), Arc::clone(&asked));
        std::thread::spawn(move || {
            for report in received {
                let ReportKind::Question { ticket, question } = report.kind else { continue };
                counted.fetch_add(1, Ordering::SeqCst);
                let answer = if trusts { Answer::Done } else { Answer::Refused(question.unanswered()) };
                answers.answer(ticket, answer).unwrap();
            }
        });
        let cancel = CancellationToken::new();
        (Support::new("work".into(), reports, desk, cancel, interactive, Arc::new(SecretCache::default())), asked)
    }

    /// A server that presents a certificate which only its fingerprint makes good.
    async fn meet(support: &Support, server: &ServerConfig, der: &[u8]) -> Result<(), Failure> {
        opening(support, server, || async {
            let presented = Fingerprint::of(der);
            let known = known(support, server);
            if known.fingerprint == Some(presented) {
                return Ok(());
            }
            let certificate = Certificate {
                host: server.host.clone(),
                port: server.port,
                names: Vec::new(),
                issuer: String::new(),
                from: None,
                until: None,
                fingerprint: presented.to_string(),
                expected: known.fingerprint.map(|pinned| pinned.to_string()),
            };
            let failure = Failure::new(Class::Trust, Stage::Tls, "mx.example.org:465", "unknown issuer");
            Err(Failure { certificate: Some(Box::new(certificate)), ..failure })
        })
        .await
    }

    #[tokio::test]
    async fn many_lines_ask_once_and_what_is_trusted_is_this_certificate_at_this_server() {
        let (support, asked) = support(true, true);
        let server = server();
        let both = tokio::join!(meet(&support, &server, b"one"), meet(&support, &server, b"one"));
        assert_eq!(both, (Ok(()), Ok(())));
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        let elsewhere = ServerConfig { port: 993, ..server.clone() };
        assert_eq!(meet(&support, &elsewhere, b"one").await, Ok(()));
        assert_eq!(meet(&support, &server, b"another").await, Ok(()));
        assert_eq!(asked.load(Ordering::SeqCst), 3, "another port and another certificate are other questions");
    }

    #[tokio::test]
    async fn not_now_holds_for_the_flush() {
        let (support, asked) = support(true, false);
        for _ in 0..2 {
            let failure = meet(&support, &server(), b"one").await.unwrap_err();
            assert_eq!((failure.class, failure.what.as_str()), (Class::NeedsPerson, "unknown issuer"));
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn under_no_ui_nobody_is_asked_and_a_person_is_needed() {
        let (support, asked) = support(false, true);
        let failure = meet(&support, &server(), b"one").await.unwrap_err();
        assert_eq!((failure.class, asked.load(Ordering::SeqCst)), (Class::NeedsPerson, 0));
        assert!(failure.certificate.is_some());
    }
}
