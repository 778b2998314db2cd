//! TLS 1.2 and later with rustls on ring, named explicitly so that no other provider in the tree can make the choice
//! ambiguous. Roots are the system's, read once, and those of the profile's `ca_file`; a `fingerprint` stands for all.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;

use super::certificate::{self, Trust, Verifier};
use super::step::step;
use crate::mapi::{Blame, Class, Failure, Stage};
use crate::profile::ServerConfig;

/// How long both sides may take to agree.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(30);

/// The system's roots. Reading them is file work, done once, on a blocking thread.
static SYSTEM_ROOTS: OnceCell<Arc<RootCertStore>> = OnceCell::const_new();

/// The configuration for servers without a `ca_file`. Shared, so that sessions can be resumed.
static SYSTEM_CONFIG: OnceCell<Arc<ClientConfig>> = OnceCell::const_new();

/// Has the system's roots read while the line is being opened: that takes as long as a round trip.
pub(super) fn prepare(server: &ServerConfig, at: &str) {
    if server.fingerprint.is_none() && !SYSTEM_ROOTS.initialized() {
        let at = at.to_owned();
        // Whoever needs them waits for them, or reads them once more and hears what is wrong.
        tokio::spawn(async move { system_roots(&at).await.map(drop) });
    }
}

/// Agrees on TLS over `stream` with the server called `server.host`.
///
/// # Errors
/// [`Class::Trust`] when the certificate or anything else about TLS is wrong, [`Class::Configuration`] for a bad host
/// name or `ca_file`, and those of [`step`].
pub(super) async fn handshake(
    stream: TcpStream,
    server: &ServerConfig,
    cancel: &CancellationToken,
    at: &str,
) -> Result<TlsStream<TcpStream>, Failure> {
    let name = ServerName::try_from(server.host.clone()).map_err(|error| {
        Failure::new(Class::Configuration, Stage::Tls, at, format!("not a host name: {error}")).blaming(Blame::Local)
    })?;
    let config = match server.fingerprint {
        Some(fingerprint) => build(at, |_| Ok(Trust::Pinned(fingerprint)))?,
        None => client_config(server.ca_file.as_deref(), at).await?,
    };
    let limit = server.limit(HANDSHAKE_DEADLINE);
    let agreed = step(TlsConnector::from(config).connect(name, stream), limit, cancel, Stage::Tls, at).await;
    agreed.map_err(|mut failure| {
        if let Some(certificate) = &mut failure.certificate {
            certificate.port = server.port;
        }
        failure
    })
}

async fn client_config(ca_file: Option<&Path>, at: &str) -> Result<Arc<ClientConfig>, Failure> {
    let Some(ca_file) = ca_file else {
        let config = SYSTEM_CONFIG.get_or_try_init(|| async { by_authorities(system_roots(at).await?, at) }).await?;
        return Ok(Arc::clone(config));
    };
    let mut roots = RootCertStore::clone(&*system_roots(at).await?);
    add_from_file(&mut roots, ca_file).await.map_err(|what| {
        Failure::new(Class::Configuration, Stage::Tls, at, format!("ca_file {}: {what}", ca_file.display()))
    })?;
    by_authorities(Arc::new(roots), at)
}

async fn system_roots(at: &str) -> Result<Arc<RootCertStore>, Failure> {
    let roots = SYSTEM_ROOTS
        .get_or_try_init(|| async {
            let found = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs).await;
            let found = found.map_err(|error| Failure::new(Class::Local, Stage::Tls, at, error.to_string()))?;
            for error in &found.errors {
                tracing::warn!(%error, "some of the system's certificates could not be read");
            }
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(found.certs);
            Ok::<_, Failure>(Arc::new(roots))
        })
        .await?;
    Ok(Arc::clone(roots))
}

async fn add_from_file(roots: &mut RootCertStore, ca_file: &Path) -> Result<(), String> {
    let pem = tokio::fs::read(ca_file).await.map_err(|error| error.to_string())?;
    let mut added = false;
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
        added = true;
    }
    if added { Ok(()) } else { Err("holds no certificate".to_owned()) }
}

fn by_authorities(roots: Arc<RootCertStore>, at: &str) -> Result<Arc<ClientConfig>, Failure> {
    build(at, |provider| {
        let verifier = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(provider)).build();
        verifier.map(Trust::Authorities).map_err(|error| {
            let what = format!("no certificate authorities to go by ({error}); install your system's ca-certificates");
            Failure::new(Class::Trust, Stage::Tls, at, what).blaming(Blame::Local)
        })
    })
}

fn build(
    at: &str,
    trust: impl FnOnce(&Arc<CryptoProvider>) -> Result<Trust, Failure>,
) -> Result<Arc<ClientConfig>, Failure> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Verifier { trust: trust(&provider)?, provider: Arc::clone(&provider) };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failure(&error, Stage::Tls, at))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// What a TLS error means, in words for people. All of them mean that the line can't be trusted.
pub(super) fn failure(error: &rustls::Error, stage: Stage, at: &str) -> Failure {
    let what = match error {
        rustls::Error::InvalidCertificate(reason) => certificate::words(reason),
        rustls::Error::InvalidMessage(_) => "the server does not speak TLS on this port".to_owned(),
        rustls::Error::AlertReceived(alert) => format!("the server broke off TLS ({alert:?})"),
        other => format!("no TLS: {other}"),
    };
    Failure { certificate: certificate::asked_about(error), ..Failure::new(Class::Trust, stage, at, what) }
}
