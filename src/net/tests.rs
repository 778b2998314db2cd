//! Lines, steps, choosing a mechanism, and TLS against a server in this process.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use secrecy::SecretString;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::connect::connect_by;
use super::sasl::{Exchange, Mechanism, SaslError, choose};
use super::{Connection, LineReader, connect, step};
use crate::mapi::{Class, Failure, Stage};
use crate::profile::{AuthChoice, Security, ServerConfig};

fn server(host: &str, port: u16, security: Security, ca_file: Option<PathBuf>) -> ServerConfig {
    let (user, credential, auth) = (None, None, AuthChoice::Auto);
    ServerConfig {
        host: host.to_owned(),
        port,
        security,
        user,
        credential,
        auth,
        ca_file,
        fingerprint: None,
        patience: None,
    }
}

async fn reach(server: &ServerConfig) -> Result<Connection, Failure> {
    connect(server, &CancellationToken::new(), &|_| ()).await
}

#[tokio::test]
async fn a_resolver_that_hangs_is_left_at_once() {
    let cancel = CancellationToken::new();
    let server = server("mail.example", 587, Security::None, None);
    let lookup = pending::<io::Result<std::vec::IntoIter<SocketAddr>>>();
    let stage = |stage| {
        assert_eq!(stage, Stage::Resolve);
        cancel.cancel();
    };
    let reach = connect_by(lookup, &server, &cancel, &stage);
    let failure = tokio::time::timeout(Duration::from_millis(100), reach).await.expect("at once").unwrap_err();
    assert_eq!((failure.class, failure.stage), (Class::Cancelled, Stage::Resolve));
}

// Lines

#[tokio::test]
async fn lines_end_with_crlf_or_lf() {
    let mut lines = LineReader::new(&b"one\r\ntwo\n\r\nthr\ree\r\nrest"[..], 100);
    for expected in ["one", "two", "", "thr\ree"] {
        assert_eq!(lines.read_line().await.unwrap(), expected.as_bytes());
    }
    assert_eq!(lines.read_line().await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
}

#[tokio::test]
async fn a_line_without_end_is_a_protocol_failure() {
    for text in ["aaaaaaaaaaaaaaaaaaaa\r\n", "aaaaaaaaaaaaaaaaaaaa"] {
        let mut lines = LineReader::new(text.as_bytes(), 10);
        let error = lines.read_line().await.unwrap_err();
        assert_eq!(step::failure(&error, Stage::Greeting, "x:1").class, Class::Protocol);
    }
}

#[tokio::test]
async fn chunks_and_lines_take_turns() {
    let mut lines = LineReader::new(&b"* {5}\r\nab\ncd)\r\nnext\r\n"[..], 100);
    assert_eq!(&lines.read_line().await.unwrap()[..], b"* {5}");
    let mut literal = Vec::new();
    while literal.len() < 5 {
        literal.extend_from_slice(&lines.read_chunk(5 - literal.len()).await.unwrap());
    }
    assert_eq!(literal, b"ab\ncd");
    assert_eq!(&lines.read_line().await.unwrap()[..], b")");
    assert_eq!(&lines.read_line().await.unwrap()[..], b"next");
}

proptest! {
    #[test]
    fn lines_do_not_depend_on_how_the_bytes_arrive(
        lines in prop::collection::vec("[a-z ]{0,12}", 0..8),
        cuts in prop::collection::vec(1_usize..7, 1..40),
    ) {
        let text = lines.iter().flat_map(|line| [line, "\r\n"]).collect::<String>();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let got: Vec<String> = runtime.block_on(async {
            let (mut to, from) = tokio::io::duplex(8);
            let write = async move {
                let (mut rest, mut cuts) = (text.as_bytes(), cuts.iter().cycle());
                while !rest.is_empty() {
                    let (now, later) = rest.split_at(rest.len().min(*cuts.next().unwrap()));
                    to.write_all(now).await.unwrap();
                    rest = later;
                }
            };
            let read = async {
                let (mut reader, mut got) = (LineReader::new(from, 64), Vec::new());
                while let Ok(line) = reader.read_line().await {
                    got.push(String::from_utf8(line.to_vec()).unwrap());
                }
                got
            };
            tokio::join!(write, read).1
        });
        prop_assert_eq!(got, lines);
    }
}

// Steps

#[tokio::test(start_paused = true)]
async fn a_step_ends_at_its_deadline() {
    let cancel = CancellationToken::new();
    let silent = |stage| step(pending::<io::Result<()>>(), Duration::from_secs(7), &cancel, stage, "x:1");
    assert_eq!(silent(Stage::Reply).await.unwrap_err().class, Class::Transient);
    assert_eq!(silent(Stage::Connect).await.unwrap_err().class, Class::Offline);
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_that_came_before_the_wait_ends_it() {
    let cancel = CancellationToken::new();
    cancel.cancel();
    let began = tokio::time::Instant::now();
    let failure = step(pending::<io::Result<()>>(), Duration::from_secs(7), &cancel, Stage::Login, "x:1").await;
    assert_eq!(failure.unwrap_err(), Failure::cancelled(Stage::Login, "x:1"));
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test]
async fn nobody_there_is_offline() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let failure = reach(&server("127.0.0.1", port, Security::None, None)).await.unwrap_err();
    assert_eq!((failure.class, failure.stage), (Class::Offline, Stage::Connect));
    assert_eq!(failure.what, "connection refused");
    assert_eq!(failure.at, format!("127.0.0.1:{port}"));
}

// TLS

struct Authority {
    folder: tempfile::TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { folder, issuer }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Starts a TLS server that echoes one connection after the other, with a certificate for `name` valid until `year`.
    async fn serve(&self, name: &str, year: i32) -> u16 {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
            while let Ok((tcp, _)) = listener.accept().await {
                let Ok(mut tls) = acceptor.accept(tcp).await else { continue };
                let mut bytes = [0; 4];
                if tls.read_exact(&mut bytes).await.is_ok() {
                    tls.write_all(&bytes).await.unwrap();
                }
                tls.shutdown().await.ok();
            }
        });
        port
    }
}

#[tokio::test]
async fn tls_with_a_good_certificate_carries_bytes() {
    let authority = Authority::new("ours");
    let port = authority.serve("localhost", 4096).await;
    let mut connection = reach(&server("localhost", port, Security::Tls, Some(authority.file()))).await.unwrap();
    assert!(connection.is_encrypted() && connection.is_loopback() && connection.is_private());
    connection.quick_ack();
    connection.write_all(b"ping").await.unwrap();
    connection.flush().await.unwrap();
    let mut back = String::new();
    connection.read_to_string(&mut back).await.unwrap();
    assert_eq!(back, "ping");
}

#[tokio::test]
async fn bad_certificates_are_told_apart_in_words() {
    let (authority, stranger) = (Authority::new("ours"), Authority::new("a stranger's"));
    for (name, year, ca_file, words) in [
        ("localhost", 2001, authority.file(), "has expired"),
        ("elsewhere.example", 4096, authority.file(), "is for another name"),
        ("localhost", 4096, stranger.file(), "is from an unknown issuer"),
    ] {
        let port = authority.serve(name, year).await;
        let failure = reach(&server("localhost", port, Security::Tls, Some(ca_file))).await.unwrap_err();
        assert_eq!((failure.class, failure.stage), (Class::Trust, Stage::Tls), "{failure}");
        assert!(failure.what.contains(words), "{failure}");
    }
}

#[tokio::test]
async fn a_pinned_certificate_is_trusted_whatever_it_says_and_no_other_is() {
    let authority = Authority::new("ours");
    let expired = authority.serve("elsewhere.example", 2001).await;
    let mut server = server("localhost", expired, Security::Tls, None);
    let refusal = reach(&server).await.unwrap_err();
    // The refusal names what to write into the profile.
    let shown = refusal.certificate.as_deref().unwrap();
    assert_eq!((shown.host.as_str(), &*shown.names), ("localhost", &["elsewhere.example".to_owned()][..]));
    assert!(shown.issuer.contains("ours") && shown.from < shown.until && shown.expected.is_none(), "{shown:?}");
    let (_, presented) = refusal.what.rsplit_once("SHA-256 ").unwrap();
    server.fingerprint = Some(presented.trim_end_matches(')').parse().unwrap());
    reach(&server).await.unwrap();

    server.port = authority.serve("localhost", 4096).await;
    server.ca_file = Some(authority.file());
    let refusal = reach(&server).await.unwrap_err();
    assert_eq!(refusal.class, Class::Trust);
    assert!(refusal.what.contains("is not the one of the fingerprint"), "{refusal}");
    let changed = refusal.certificate.unwrap();
    assert_eq!(changed.expected, server.fingerprint.map(|pinned| pinned.to_string()));
    assert_eq!(changed.names, ["localhost"]);
}

#[tokio::test]
async fn a_server_without_tls_on_the_port_is_not_trusted() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let greet = async move {
        let (mut tcp, _) = listener.accept().await.unwrap();
        tcp.write_all(b"220 plain.example ESMTP, no TLS here\r\n").await.unwrap();
        let mut rest = Vec::new();
        tcp.read_to_end(&mut rest).await.ok();
    };
    let config = server("localhost", port, Security::Tls, None);
    let ((), reached) = tokio::join!(greet, reach(&config));
    let failure = reached.unwrap_err();
    assert_eq!(failure.class, Class::Trust);
    assert!(failure.what.contains("does not speak TLS"), "{failure}");
}

#[tokio::test]
async fn a_bad_ca_file_is_the_profiles_fault() {
    let authority = Authority::new("ours");
    let port = authority.serve("localhost", 4096).await;
    let empty = authority.folder.path().join("empty.pem");
    std::fs::write(&empty, "nothing").unwrap();
    let failure = reach(&server("localhost", port, Security::Tls, Some(empty))).await.unwrap_err();
    assert_eq!(failure.class, Class::Configuration);
}

#[tokio::test]
async fn bytes_before_tls_are_an_attack() {
    let mut lines = LineReader::new(&b"220 go ahead\r\n250 slipped in\r\n"[..], 100);
    lines.read_line().await.unwrap();
    assert!(lines.buffered() > 0);
    assert_eq!(lines.into_source_before_tls("x:1").unwrap_err().class, Class::Trust);

    let mut lines = LineReader::new(&b"220 go ahead\r\n"[..], 100);
    lines.read_line().await.unwrap();
    assert!(lines.into_source_before_tls("x:1").is_ok());
}

// SASL

#[test]
fn auto_takes_the_strongest_that_is_safe() {
    let all = ["login", "PLAIN", "XOAUTH2", "CRAM-MD5", "SCRAM-SHA-256"];
    let choose_of = |offered: &[&str], private| choose(AuthChoice::Auto, offered, private, "x:1");
    assert_eq!(choose_of(&all, true), Ok(Mechanism::ScramSha256));
    assert_eq!(choose_of(&all[..4], false), Ok(Mechanism::CramMd5));
    assert_eq!(choose_of(&all[..3], true), Ok(Mechanism::Plain));
    assert_eq!(choose_of(&all[..1], true), Ok(Mechanism::Login));
    assert_eq!(choose_of(&all[..3], false).unwrap_err().class, Class::Trust);
    assert_eq!(choose_of(&["XOAUTH2", "GSSAPI"], true).unwrap_err().class, Class::Configuration);
    assert_eq!(choose_of(&[], true).unwrap_err().class, Class::Configuration);
}

#[test]
fn a_named_mechanism_is_the_users_word_but_tokens_stay_private() {
    assert_eq!(choose(AuthChoice::Plain, &["PLAIN"], false, "x:1"), Ok(Mechanism::Plain));
    assert_eq!(choose(AuthChoice::XOAuth2, &["XOAUTH2"], true, "x:1"), Ok(Mechanism::XOAuth2));
    assert_eq!(choose(AuthChoice::OAuthBearer, &["OAUTHBEARER"], false, "x:1").unwrap_err().class, Class::Trust);
    let token = |offered: &[&str], private| choose(AuthChoice::Token, offered, private, "x:1");
    assert_eq!(token(&["PLAIN", "XOAUTH2", "OAUTHBEARER"], true), Ok(Mechanism::OAuthBearer));
    assert_eq!(token(&["PLAIN", "XOAUTH2"], true), Ok(Mechanism::XOAuth2));
    assert_eq!(token(&["XOAUTH2"], false).unwrap_err().class, Class::Trust);
    assert_eq!(token(&["PLAIN"], true).unwrap_err().class, Class::Configuration, "a token is no password");
    assert_eq!(choose(AuthChoice::CramMd5, &["PLAIN"], true, "x:1").unwrap_err().class, Class::Configuration);
}

fn exchange(mechanism: Mechanism, user: &str, secret: &str) -> Exchange {
    Exchange::new(mechanism, user, SecretString::from(secret), "server.example.com", 587)
}

#[test]
fn cram_md5_speaks_the_example_of_rfc_2195() {
    let mut cram = exchange(Mechanism::CramMd5, "tim", "tanstaaftanstaaf");
    assert_eq!(cram.initial(), None);
    let answer = cram.respond(b"<1896.697170952@postoffice.reston.mci.net>").unwrap();
    assert_eq!(std::str::from_utf8(&answer).unwrap(), "tim b913a602c7eda7a495b4e6e7334d3890");
    assert_eq!(cram.finished(), Ok(()));
    assert!(cram.respond(b"again").is_err());
}

#[test]
fn plain_and_login_say_user_and_password() {
    let mut plain = exchange(Mechanism::Plain, "tim", "tanstaaf");
    assert_eq!(plain.initial().unwrap().as_slice(), b"\0tim\0tanstaaf");
    let mut late = exchange(Mechanism::Plain, "tim", "tanstaaf");
    assert_eq!(late.respond(b"").unwrap().as_slice(), b"\0tim\0tanstaaf");
    let mut login = exchange(Mechanism::Login, "tim", "tanstaaf");
    assert_eq!(login.initial(), None);
    assert_eq!(login.respond(b"Username:").unwrap().as_slice(), b"tim");
    assert_eq!(login.respond(b"Password:").unwrap().as_slice(), b"tanstaaf");
    assert_eq!(login.respond(b"?"), Err(SaslError::Malformed("one too many")));
}

#[test]
fn oauth_says_the_token_and_takes_the_error() {
    let mut bearer = exchange(Mechanism::OAuthBearer, "user@example.com", "vF9dft4q");
    let expected = "n,a=user@example.com,\x01host=server.example.com\x01port=587\x01auth=Bearer vF9dft4q\x01\x01";
    assert_eq!(bearer.initial().unwrap().as_slice(), expected.as_bytes());
    assert_eq!(bearer.respond(br#"{"status":"invalid_token"}"#).unwrap().as_slice(), [1]);
    let mut google = exchange(Mechanism::XOAuth2, "someuser@example.com", "ya29.vF9");
    assert_eq!(google.initial().unwrap().as_slice(), b"user=someuser@example.com\x01auth=Bearer ya29.vF9\x01\x01");
    assert_eq!(google.respond(br#"{"status":"401"}"#).unwrap().as_slice(), b"");
}

#[test]
fn scram_does_not_believe_a_yes_without_proof() {
    let mut scram = exchange(Mechanism::ScramSha256, "user", "pencil");
    assert!(scram.initial().unwrap().starts_with(b"n,,n=user,r="));
    assert_eq!(scram.finished(), Err(SaslError::Unproven));
    assert!(!format!("{scram:?}").contains("pencil"));
}
