//! A certificate authority of its own for each test, and a server certificate signed by it.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// Paths of PEM files.
#[derive(Debug, Clone)]
pub struct Certs {
    /// The authority: what `ca_file` in a profile names.
    pub authority: PathBuf,
    /// The server's certificate.
    pub chain: PathBuf,
    /// The server's key.
    pub key: PathBuf,
}

impl Certs {
    /// For `localhost` and `127.0.0.1`, into this folder.
    pub fn for_localhost(folder: &Path) -> Self {
        Self::for_names(folder, &["localhost", "127.0.0.1"])
    }

    /// For these names or addresses. Names that are not the server's make a certificate that must be refused.
    pub fn for_names(folder: &Path, names: &[&str]) -> Self {
        Self::until(folder, names, 4096)
    }

    /// The same, good until the end of this year.
    pub fn until(folder: &Path, names: &[&str], year: i32) -> Self {
        let mut authority = CertificateParams::new(Vec::new()).expect("no names are good names");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(DnType::CommonName, "Mailsluice test authority");
        let authority_key = KeyPair::generate().expect("a key");
        let authority_pem = authority.self_signed(&authority_key).expect("a signature").pem();
        let issuer = Issuer::new(authority, authority_key);

        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut server = CertificateParams::new(names).expect("names for a certificate");
        server.not_after = rcgen::date_time_ymd(year, 12, 31);
        let key = KeyPair::generate().expect("a key");
        let chain = server.signed_by(&key, &issuer).expect("a signature").pem();

        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).expect("a writable folder");
            path
        };
        Self {
            authority: write("authority.pem", &authority_pem),
            chain: write("chain.pem", &chain),
            key: write("key.pem", &key.serialize_pem()),
        }
    }
}
