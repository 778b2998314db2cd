//! The ceiling for receiving: everything asked for in one flight, written to files as it comes, nothing made durable,
//! nothing recorded. Another process of this bench, so that it is measured like the others.

use std::ffi::OsString;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::Receive;
use crate::measure::{self, Usage};
use crate::server::{Security, USER, password};
use crate::support::daemon::loopback;

/// Where the argument list of the other process begins; what follows: port, Maildir, perhaps an authority for TLS.
pub(crate) const WORD: &str = "--read-raw-imap";

pub(super) fn receive(job: &Receive<'_>) -> Result<Usage, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(own);
    command.arg(WORD).arg(job.from.port.to_string()).arg(job.make_maildir());
    if job.from.security == Security::Tls {
        command.arg(&job.from.authority);
    }
    measure::run(&command, job.folder)
}

/// The other process.
pub(crate) fn serve(arguments: &[OsString]) -> u8 {
    let (port, maildir, authority) = match arguments {
        [port, maildir] => (port, maildir, None),
        [port, maildir, authority] => (port, maildir, Some(authority)),
        _ => return 64,
    };
    let Some(port) = port.to_str().and_then(|port| port.parse().ok()) else { return 64 };
    match fetch(port, &PathBuf::from(maildir), authority.map(Path::new)) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("{error}");
            75
        }
    }
}

fn fetch(port: u16, maildir: &Path, authority: Option<&Path>) -> io::Result<()> {
    let stream = TcpStream::connect(loopback(port))?;
    stream.set_nodelay(true)?;
    match authority {
        Some(authority) => read_all(BufReader::with_capacity(64 << 10, tls(stream, authority)?), maildir),
        None => read_all(BufReader::with_capacity(64 << 10, stream), maildir),
    }
}

fn tls(stream: TcpStream, authority: &Path) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(authority).map_err(io::Error::other)? {
        roots.add(certificate.map_err(io::Error::other)?).map_err(io::Error::other)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(io::Error::other)?.with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
    let connection = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    Ok(StreamOwned::new(connection, stream))
}

fn read_all<S: Read + Write>(mut from: BufReader<S>, maildir: &Path) -> io::Result<()> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    let commands =
        format!("a LOGIN {USER} {}\r\nb EXAMINE INBOX\r\nc UID FETCH 1:* (BODY.PEEK[])\r\nd LOGOUT\r\n", password());
    from.get_mut().write_all(commands.as_bytes())?;
    let mut content = Vec::new();
    for number in 0.. {
        loop {
            line.clear();
            if from.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if line.starts_with("c ") {
                return if line.starts_with("c OK") { Ok(()) } else { Err(io::Error::other(line)) };
            }
            if let Some(size) = literal(&line) {
                content.resize(size, 0);
                break;
            }
        }
        from.read_exact(&mut content)?;
        fs::write(maildir.join("new").join(format!("{number}.raw")), &content)?;
    }
    Ok(())
}

/// The size of the literal that follows.
fn literal(line: &str) -> Option<usize> {
    line.trim_end().strip_suffix('}')?.rsplit_once('{')?.1.parse().ok()
}
