//! Whether a server's certificate is to be trusted: by who signed it, or because it is the very one the profile names.
//!
//! A refusal tells the fingerprint that was presented, so that a person can compare it and write it down as the one to
//! expect. Nothing is ever trusted because it was seen before.

use std::fmt;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, OtherError, SignatureScheme};

use crate::profile::Fingerprint;

/// How the server is known.
#[derive(Debug)]
pub(super) enum Trust {
    /// By authorities, as on the web: signer, name and dates must be right.
    Authorities(Arc<WebPkiServerVerifier>),
    /// This certificate and no other; whoever signed it, whatever it says.
    Pinned(Fingerprint),
}

/// rustls' question, answered by a [`Trust`].
#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) trust: Trust,
    pub(super) provider: Arc<CryptoProvider>,
}

/// A certificate that was not trusted.
#[derive(Debug)]
pub(super) struct Refused {
    /// Why; `None`: the profile names another one.
    pub(super) reason: Option<CertificateError>,
    /// Which it was.
    pub(super) presented: Fingerprint,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Some(reason) => write!(f, "{} (SHA-256 {})", words(reason), self.presented),
            None => write!(f, "the server's certificate is not the one of the fingerprint: it has {}", self.presented),
        }
    }
}

impl std::error::Error for Refused {}

impl Refused {
    fn error(reason: Option<CertificateError>, presented: Fingerprint) -> rustls::Error {
        CertificateError::Other(OtherError(Arc::new(Self { reason, presented }))).into()
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let presented = Fingerprint::of(end_entity);
        match &self.trust {
            Trust::Pinned(expected) if *expected == presented => Ok(ServerCertVerified::assertion()),
            Trust::Pinned(_) => Err(Refused::error(None, presented)),
            Trust::Authorities(authorities) => authorities
                .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
                .map_err(|error| match error {
                    rustls::Error::InvalidCertificate(reason) => Refused::error(Some(reason), presented),
                    other => other,
                }),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// What is wrong with a certificate, in words for people.
pub(super) fn words(reason: &CertificateError) -> String {
    match reason {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the server's certificate has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet; check this computer's clock".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the server's certificate is for another name".to_owned()
        }
        CertificateError::UnknownIssuer => "the server's certificate is from an unknown issuer".to_owned(),
        CertificateError::BadSignature => "the server's certificate was not signed by the issuer it names".to_owned(),
        CertificateError::Revoked => "the server's certificate was revoked".to_owned(),
        CertificateError::Other(OtherError(inner)) if inner.is::<Refused>() => inner.to_string(),
        other => format!("the server's certificate is bad: {other}"),
    }
}
