//! The cells of TLS, in each protocol: the line can't be trusted, and then nothing goes over it, least of all a password.

use std::path::Path;
use std::sync::Arc;

use mailsluice::mapi::FlushFlags;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::receive::{IMAP, POP3, Protocol};
use super::server::{BadServer, Fault, Plan};
use super::{Cell, failure_of, folder, smtp, timed};
use crate::books::letter;
use crate::support::provider::{login, receiver, sender};
use crate::support::{Certs, Engine};

const SMTP: Protocol = Protocol { kind: "smtp", name: "SMTP", dialect: smtp::DIALECT, serve: smtp::serve };

/// What is wrong with the server's TLS.
#[derive(Clone, Copy)]
struct Trouble {
    name: &'static str,
    fault: Option<Fault>,
    /// Whose certificate it shows: names, last year, whether the profile knows the authority.
    shows: (&'static str, i32, bool),
    offers: bool,
    at_once: bool,
    classes: &'static [&'static str],
}

const GOOD: (&str, i32, bool) = ("127.0.0.1", 4096, true);
const USUAL: Trouble =
    Trouble { name: "", fault: None, shows: GOOD, offers: true, at_once: false, classes: &["trust"] };

/// Of a certificate that a person might trust, had they been asked.
const ASKABLE: &[&str] = &["needs_person"];

/// Every trouble in every protocol.
pub(super) fn all() -> Vec<Cell> {
    let troubles = [
        Trouble { name: "not offered", offers: false, ..USUAL },
        Trouble { name: "no, for now", fault: Some(Fault::Temporary), classes: &["trust", "transient"], ..USUAL },
        Trouble { name: "no, for good", fault: Some(Fault::Permanent), ..USUAL },
        Trouble { name: "commands slipped in before TLS", fault: Some(Fault::Injected), ..USUAL },
        Trouble { name: "no TLS behind it", fault: Some(Fault::NoTls), ..USUAL },
        Trouble { name: "dropped", fault: Some(Fault::Drop), classes: &["transient"], ..USUAL },
        Trouble { name: "stalled", fault: Some(Fault::Stall), classes: &["transient"], ..USUAL },
        Trouble { name: "authority unknown", shows: ("127.0.0.1", 4096, false), ..USUAL },
        Trouble { name: "certificate expired", shows: ("127.0.0.1", 2020, true), classes: ASKABLE, ..USUAL },
        Trouble {
            name: "certificate of another name",
            shows: ("mail.example.org", 4096, true),
            classes: ASKABLE,
            ..USUAL
        },
        Trouble {
            name: "at once: expired",
            shows: ("127.0.0.1", 2020, true),
            at_once: true,
            classes: ASKABLE,
            ..USUAL
        },
        Trouble {
            name: "at once: another name",
            shows: ("mail.example.org", 4096, true),
            at_once: true,
            classes: ASKABLE,
            ..USUAL
        },
        Trouble { name: "at once: the port speaks no TLS", offers: false, at_once: true, ..USUAL },
        Trouble { name: "nothing", classes: &["-"], ..USUAL },
        Trouble { name: "at once: nothing", at_once: true, classes: &["-"], ..USUAL },
    ];
    let cells: Vec<_> = [SMTP, POP3, IMAP].into_iter().flat_map(|of| troubles.map(|trouble| (of, trouble))).collect();
    super::try_all(&cells, |(protocol, trouble)| cell(protocol, trouble))
}

fn configuration(certs: &Certs) -> Arc<ServerConfig> {
    let chain = CertificateDer::from_pem_file(&certs.chain).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(&certs.key).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("TLS");
    Arc::new(config.with_no_client_auth().with_single_cert(vec![chain], key).expect("a pair"))
}

fn profile(protocol: Protocol, port: u16, security: &str, authority: &Path, wait: bool) -> String {
    let patience = if wait { "2s" } else { "90s" };
    let text = match protocol.kind {
        "smtp" => sender("out", port, "*") + &login(),
        kind => receiver("in", kind, port, "delete"),
    };
    let security =
        format!("security = \"{security}\"\npatience = \"{patience}\"\nca_file = \"{}\"", authority.display());
    text.replace("security = \"none\"", &security)
}

fn cell(protocol: Protocol, trouble: Trouble) -> Cell {
    let (name, year, known) = trouble.shows;
    let place = tempfile::tempdir().expect("a folder");
    let certs = Certs::until(place.path(), &[name], year);
    let stranger = tempfile::tempdir().expect("a folder");
    let authority = if known { certs.authority.clone() } else { Certs::for_localhost(stranger.path()).authority };
    let plan = Plan {
        at: if trouble.fault.is_some() { "STARTTLS" } else { "nowhere" },
        fault: trouble.fault.unwrap_or(Fault::Drop),
        dialect: protocol.dialect,
        tls: trouble.offers.then(|| configuration(&certs)),
        tls_at_once: trouble.at_once && trouble.offers,
        streams: false,
    };
    let mail = if protocol.kind == "smtp" { Vec::new() } else { vec![(1, "Subject: in\r\n\r\nhello\r\n".to_owned())] };
    let server = BadServer::start(plan, protocol.serve, mail);
    let port = server.address.port();
    let waits = trouble.fault == Some(Fault::Stall);
    let security = if trouble.at_once { "tls" } else { "starttls" };
    let folder = folder(&profile(protocol, port, security, &authority, waits));
    let mut engine = Engine::open(folder.path());
    let mut cell = Cell::new(protocol.name, "TLS", trouble.name);
    let flags = if protocol.kind == "smtp" {
        engine.submit([letter("m", 0).as_slice()]);
        FlushFlags::FLUSH_UPLOAD
    } else {
        FlushFlags::FLUSH_DOWNLOAD
    };
    let report = timed(&mut cell, || engine.flush(flags));
    cell.describe(failure_of(&report), port);
    let class = if cell.class.is_empty() { "-" } else { &cell.class };
    let class_is_right = trouble.classes.contains(&class);
    cell.must(class_is_right, "another class is right");
    let open: Vec<String> = server.shared.heard().clone();
    let secret = |line: &String| ["AUTH", "PASS", "LOGIN"].iter().any(|word| line.contains(word));
    cell.must(!open.iter().any(secret), "signed in for all to read");
    let moved = report.results.first().map_or(0, |result| result.of.outgoing.sent + result.of.incoming.received);
    let right = moved == u64::from(trouble.classes == ["-"]);
    cell.must(right, "mail moved over a line that can't be trusted, or not over one that can");
    cell.state = if moved == 0 { "nothing moved" } else { "moved" }.into();
    engine.end();
    cell
}
