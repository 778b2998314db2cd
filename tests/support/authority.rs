//! A provider of tokens on a loopback port (OAuth 2.0): it asks nobody before it says yes, but minds every rule that a client
//! can break: codes are good once and for whoever has the verifier, refresh tokens once, and whoever brings one twice
//! has stolen it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use super::certs::Certs;

/// What this program is known by.
pub const CLIENT: &str = "mailsluice-test";

/// See the module. It runs until the test's process ends.
#[derive(Debug, Clone)]
pub struct Authority {
    /// Where.
    pub port: u16,
    scheme: &'static str,
    state: Arc<Mutex<State>>,
    /// Whether answers with tokens are held back; and that this has changed.
    held: Arc<(Mutex<bool>, Condvar)>,
}

#[derive(Debug, Default)]
struct State {
    issued: u64,
    /// Codes, with their challenge and the address that they were sent to.
    codes: BTreeMap<String, (String, String)>,
    devices: BTreeMap<String, Option<bool>>,
    refresh: BTreeSet<String>,
    spent: BTreeSet<String>,
    access: BTreeSet<String>,
    /// Everything that must be nowhere else.
    secrets: Vec<String>,
    /// Grants that were asked for, and what came of them.
    log: Vec<String>,
    lifetime: u64,
    declines: bool,
}

type Form = BTreeMap<String, String>;

impl Authority {
    /// One in the open, as loopback allows.
    pub fn start() -> Self {
        Self::listen("http", None)
    }

    /// One in TLS, with this certificate.
    pub fn in_tls(certs: &Certs) -> Self {
        let chain = CertificateDer::pem_file_iter(&certs.chain).expect("a file").map(|one| one.expect("a certificate"));
        let key = PrivateKeyDer::from_pem_file(&certs.key).expect("a key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(chain.collect(), key)
            .expect("a certificate and its key");
        Self::listen("https", Some(Arc::new(config)))
    }

    /// Another door of this one, in the open.
    pub fn start_beside(authority: &Self) -> Self {
        Self::listen_for("http", None, Arc::clone(&authority.state))
    }

    fn listen(scheme: &'static str, tls: Option<Arc<ServerConfig>>) -> Self {
        Self::listen_for(scheme, tls, Arc::new(Mutex::new(State { lifetime: 3600, ..State::default() })))
    }

    fn listen_for(scheme: &'static str, tls: Option<Arc<ServerConfig>>, state: Arc<Mutex<State>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let authority = Self { port, scheme, state, held: Arc::default() };
        let served = authority.clone();
        std::thread::spawn(move || {
            for line in listener.incoming().map_while(Result::ok) {
                let (authority, tls) = (served.clone(), tls.clone());
                std::thread::spawn(move || match tls {
                    None => authority.serve(line),
                    Some(tls) => {
                        authority.serve(StreamOwned::new(ServerConnection::new(tls).expect("a connection"), line));
                    }
                });
            }
        });
        authority
    }

    /// `oauth = { … }` for it, with a browser.
    pub fn in_a_browser(&self) -> String {
        self.profile("authorize_url", "authorize", "browser")
    }

    /// The same by a code.
    pub fn by_a_code(&self) -> String {
        self.profile("device_url", "device", "device")
    }

    fn profile(&self, key: &str, path: &str, flow: &str) -> String {
        let base = format!("{}://localhost:{}", self.scheme, self.port);
        format!(
            "oauth = {{ client_id = \"{CLIENT}\", scopes = [\"mail\"], flow = \"{flow}\", {key} = \"{base}/{path}\", \
             token_url = \"{base}/token\" }}\n"
        )
    }

    /// What the program's keyring knows a user's consent by.
    pub fn account(&self, user: &str) -> String {
        format!("{user} at {}://localhost:{}/token for {CLIENT}, mail", self.scheme, self.port)
    }

    /// A refresh token, as if somebody had signed in.
    pub fn grant(&self) -> String {
        let mut state = self.state();
        let token = state.issue("refresh");
        state.refresh.insert(token.clone());
        token
    }

    /// Tokens are good for so many seconds from now on.
    pub fn lifetime(&self, seconds: u64) {
        self.state().lifetime = seconds;
    }

    /// Holds back whatever it answers from now on with tokens, which are given all the same.
    pub fn hold(&self) {
        *self.held.0.lock().expect("unharmed") = true;
    }

    /// Answers again, also what was held back.
    pub fn release(&self) {
        *self.held.0.lock().expect("unharmed") = false;
        self.held.1.notify_all();
    }

    /// Takes everything back.
    pub fn revoke(&self) {
        let mut state = self.state();
        state.refresh.clear();
        state.access.clear();
    }

    /// Takes back the access tokens alone.
    pub fn expire(&self) {
        self.state().access.clear();
    }

    /// Whoever signs in says no from now on.
    pub fn decline(&self) {
        self.state().declines = true;
    }

    /// The person types the code that they were shown.
    pub fn approve(&self, user_code: &str) {
        let known = self.state().devices.insert(user_code.to_owned(), Some(true));
        assert_eq!(known, Some(None), "a code that was given: {user_code}");
    }

    /// What was asked for so far, and what came of it.
    pub fn log(&self) -> Vec<String> {
        self.state().log.clone()
    }

    /// Everything it gave that nobody else may see.
    pub fn secrets(&self) -> Vec<String> {
        self.state().secrets.clone()
    }

    /// What a browser does that is sent to this address: it goes there, and where it is sent from there. Gives where that
    /// was, and the page.
    pub fn browse(address: &str) -> (String, String) {
        let sent_to = Self::sent_to(address);
        (sent_to.clone(), get(&sent_to))
    }

    /// Where a browser is sent by this address.
    pub fn sent_to(address: &str) -> String {
        let answer = get(address);
        let location = answer.lines().find_map(|line| line.strip_prefix("Location: "));
        location.unwrap_or_else(|| panic!("{answer}")).trim().to_owned()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("unharmed")
    }

    fn serve(&self, line: impl Read + Write) {
        let mut line = BufReader::new(line);
        let (mut first, mut length) = (String::new(), 0);
        if line.read_line(&mut first).unwrap_or(0) == 0 {
            return;
        }
        loop {
            let mut header = String::new();
            if line.read_line(&mut header).unwrap_or(0) == 0 || header == "\r\n" {
                break;
            }
            let (name, value) = header.split_once(':').expect("a header");
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().expect("a length");
            }
        }
        let mut body = vec![0; length];
        line.read_exact(&mut body).expect("a body");
        let address = first.split(' ').nth(1).expect("an address").to_owned();
        let (path, query) = address.split_once('?').unwrap_or((&address, ""));
        let form = |text: &[u8]| -> Form { form_urlencoded::parse(text).into_owned().collect() };
        let (status, more, answer) = match path {
            "/authorize" => {
                let location = self.state().authorize(&form(query.as_bytes()));
                ("302 Found", format!("Location: {location}\r\n"), json!({}))
            }
            "/token" => {
                let answer = self.state().token(&form(&body));
                let (held, changed) = &*self.held;
                drop(changed.wait_while(held.lock().expect("unharmed"), |held| *held).expect("unharmed"));
                answer
            }
            "/device" => self.state().device(&form(&body), self.port),
            "/check" => self.state().check(&form(query.as_bytes())),
            _ => ("404 Not Found", String::new(), json!({})),
        };
        let body = answer.to_string();
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{more}\r\n", body.len());
        let line = line.get_mut();
        // Whoever has gone wants it no more.
        line.write_all((head + &body).as_bytes()).ok();
        line.flush().ok();
    }
}

type Answered = (&'static str, String, Value);

fn yes(answer: Value) -> Answered {
    ("200 OK", String::new(), answer)
}

fn no(error: &str) -> Answered {
    let words = "no, said the authority";
    ("400 Bad Request", String::new(), json!({ "error": error, "error_description": words }))
}

impl State {
    fn issue(&mut self, what: &str) -> String {
        self.issued += 1;
        let token = format!("{what}-of-the-authority-{}-x{}", self.issued, 7919 * self.issued);
        self.secrets.push(token.clone());
        token
    }

    fn authorize(&mut self, form: &Form) -> String {
        assert_eq!((&*form["client_id"], &*form["response_type"], &*form["scope"]), (CLIENT, "code", "mail"));
        assert_eq!(form["code_challenge_method"], "S256");
        let redirect = &form["redirect_uri"];
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("state", &form["state"]);
        if self.declines {
            query.append_pair("error", "access_denied");
        } else {
            let code = self.issue("code");
            query.append_pair("code", &code);
            self.codes.insert(code, (form["code_challenge"].clone(), redirect.clone()));
        }
        format!("{redirect}?{}", query.finish())
    }

    fn device(&mut self, form: &Form, port: u16) -> Answered {
        assert_eq!((&*form["client_id"], &*form["scope"]), (CLIENT, "mail"));
        let user_code = format!("WDJB-{}", 1000 + self.issued);
        self.devices.insert(user_code.clone(), None);
        // Known by the same word, for short.
        let device_code = format!("device-{user_code}");
        self.secrets.push(device_code.clone());
        let address = format!("http://localhost:{port}/there");
        yes(json!({
            "device_code": device_code, "user_code": user_code, "verification_uri": address, "expires_in": "600",
            "interval": 1,
        }))
    }

    fn token(&mut self, form: &Form) -> Answered {
        assert_eq!(form["client_id"], CLIENT);
        let kind = form["grant_type"].rsplit(':').next().expect("a word").to_owned();
        let refused = match kind.as_str() {
            "authorization_code" => self.redeem(form),
            "refresh_token" => self.refresh(&form["refresh_token"]),
            "device_code" => {
                let user_code = form["device_code"].strip_prefix("device-").expect("one of ours");
                match self.devices.get(user_code) {
                    Some(None) => Some("authorization_pending"),
                    Some(Some(true)) => None,
                    _ => Some("expired_token"),
                }
            }
            _ => Some("unsupported_grant_type"),
        };
        self.log.push(format!("{kind}: {}", refused.unwrap_or("given")));
        if let Some(error) = refused {
            return no(error);
        }
        let (access, refresh) = (self.issue("access"), self.issue("refresh"));
        self.access.insert(access.clone());
        self.refresh.insert(refresh.clone());
        yes(json!({
            "access_token": access, "token_type": "Bearer", "expires_in": self.lifetime, "refresh_token": refresh,
        }))
    }

    fn redeem(&mut self, form: &Form) -> Option<&'static str> {
        self.secrets.push(form["code_verifier"].clone());
        let Some((challenge, redirect)) = self.codes.remove(&form["code"]) else { return Some("invalid_grant") };
        let digest = ring::digest::digest(&ring::digest::SHA256, form["code_verifier"].as_bytes());
        let good = URL_SAFE_NO_PAD.encode(digest) == challenge && redirect == form["redirect_uri"];
        (!good).then_some("invalid_grant")
    }

    fn refresh(&mut self, token: &str) -> Option<&'static str> {
        if self.refresh.remove(token) {
            self.spent.insert(token.to_owned());
            return None;
        }
        if self.spent.contains(token) {
            self.log.push("a refresh token was used twice".to_owned());
            self.refresh.clear();
        }
        Some("invalid_grant")
    }

    /// What Dovecot asks of a token: whose it is.
    fn check(&self, form: &Form) -> Answered {
        let good = form.get("access_token").is_some_and(|token| self.access.contains(token));
        if good { yes(json!({ "email": "ada", "active": true })) } else { no("invalid_token") }
    }
}

/// What is at an address on this machine, with its head. TLS is not spoken.
fn get(address: &str) -> String {
    let rest = address.strip_prefix("http://").expect("an address in the open");
    let (host, path) = rest.split_once('/').expect("a path");
    let mut line = TcpStream::connect(host).expect("somebody listens there");
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    line.write_all(request.as_bytes()).expect("an open line");
    let mut answer = String::new();
    line.read_to_string(&mut answer).expect("an answer");
    answer
}
