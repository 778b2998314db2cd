//! A server's certificate as a person is shown it, when it could not be trusted without one.

use serde::{Deserialize, Serialize};

/// A certificate that was not trusted. All text in it but `host` and the fingerprints is the server's own word and proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The host that was to be reached.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The names it is for: those of the subject alternative name, else the subject.
    pub names: Vec<String>,
    /// Who signed it, it says.
    pub issuer: String,
    /// From when it is valid, in seconds since the Unix epoch; `None`: it can't be read.
    pub from: Option<i64>,
    /// Until when.
    pub until: Option<i64>,
    /// Its SHA-256 fingerprint, as the profile's key `fingerprint` takes it.
    pub fingerprint: String,
    /// The fingerprint that was expected instead; `None`: none was pinned.
    pub expected: Option<String>,
}
