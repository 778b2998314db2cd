//! Whether a server's certificate is to be trusted: by who signed it, or because it is the very one the profile names.
//!
//! A refusal tells the fingerprint that was presented, so that a person can compare it and write it down as the one to
//! expect. Nothing is ever trusted because it was seen before.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, OtherError, SignatureScheme};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use crate::mapi::Certificate;
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
    /// What a person is shown of it.
    pub(super) certificate: Box<Certificate>,
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
    fn error(reason: Option<CertificateError>, presented: Fingerprint, certificate: Certificate) -> rustls::Error {
        CertificateError::Other(OtherError(Arc::new(Self { reason, presented, certificate: Box::new(certificate) })))
            .into()
    }

    /// A revoked or a forged one is nobody's to wave through.
    fn can_be_asked(&self) -> bool {
        !matches!(self.reason, Some(CertificateError::Revoked | CertificateError::BadSignature))
    }
}

/// The certificate a person may be asked about, if this error is about one.
pub(super) fn asked_about(error: &rustls::Error) -> Option<Box<Certificate>> {
    let rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(inner))) = error else { return None };
    let refused = inner.downcast_ref::<Refused>().filter(|refused| refused.can_be_asked())?;
    Some(refused.certificate.clone())
}

/// What the certificate says of itself. What can't be read is left empty: its fingerprint is what counts.
fn describe(der: &[u8], host: &ServerName<'_>, presented: Fingerprint, expected: Option<Fingerprint>) -> Certificate {
    let mut shown = Certificate {
        host: host.to_str().into_owned(),
        // Whoever connects knows it.
        port: 0,
        names: Vec::new(),
        issuer: String::new(),
        from: None,
        until: None,
        fingerprint: presented.to_string(),
        expected: expected.map(|expected| expected.to_string()),
    };
    let Ok((_, read)) = X509Certificate::from_der(der) else { return shown };
    if let Ok(Some(alternative)) = read.subject_alternative_name() {
        shown.names = alternative.value.general_names.iter().filter_map(name_words).collect();
    }
    if shown.names.is_empty() {
        shown.names.push(read.subject().to_string());
    }
    shown.issuer = read.issuer().to_string();
    shown.from = Some(read.validity().not_before.timestamp());
    shown.until = Some(read.validity().not_after.timestamp());
    shown
}

fn name_words(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|bytes| IpAddr::from(bytes).to_string()),
            _ => <[u8; 16]>::try_from(*bytes).ok().map(|bytes| IpAddr::from(bytes).to_string()),
        },
        _ => None,
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
            Trust::Pinned(expected) => {
                Err(Refused::error(None, presented, describe(end_entity, server_name, presented, Some(*expected))))
            }
            Trust::Authorities(authorities) => authorities
                .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
                .map_err(|error| match error {
                    rustls::Error::InvalidCertificate(reason) => {
                        Refused::error(Some(reason), presented, describe(end_entity, server_name, presented, None))
                    }
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
