//! A person's yes to a provider (OAuth 2.0): asked for here, given in a browser, which comes back to a loopback port of ours
//! (RFC 8252), or somewhere else by a code (RFC 8628).
//!
//! No browser is opened here: that is for whoever shows the question, when a person says so. Where the browser is on
//! another machine, its way back leads nowhere, and what its address bar says then is taken as an answer too.

use secrecy::{ExposeSecret as _, SecretString};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::port::Support;
use super::report::{Consent, Question};
use crate::mapi::{Class, Failure, Stage};
use crate::net::oauth::{Authorization, Client, Device, Grant, TokenError};
use crate::profile::oauth::Redirect;
use crate::profile::{Flow, ServerConfig};

/// The head of a browser's request: an address with a code in it, and cookies of whatever else was on this port.
const LONGEST_HEAD: usize = 32 << 10;

const DONE: &str = "Signed in. You can close this page. — La connexion est faite. Vous pouvez fermer cette page.";
const DECLINED: &str =
    "Not signed in. You can close this page. — La connexion n’est pas faite. Vous pouvez fermer cette page.";
const ASTRAY: &str = "This is not what was asked for. — Ce n’est pas ce qui était demandé.";

/// Asks a person to sign in, `why` being what makes that necessary, and gives what comes of it.
///
/// # Errors
/// [`Class::NeedsPerson`] when nobody did, or declined; [`Class::Cancelled`]; trouble with the provider.
pub(super) async fn obtain(
    support: &Support,
    server: &ServerConfig,
    client: &Client,
    why: Option<String>,
) -> Result<Grant, Failure> {
    let asking = Asking { support, server, client, why };
    match &client.oauth.flow {
        Flow::Browser { authorize_url, redirect } => asking.in_a_browser(authorize_url, redirect).await,
        Flow::Device { device_url } => asking.by_a_code(device_url).await,
    }
}

struct Asking<'a> {
    support: &'a Support,
    server: &'a ServerConfig,
    client: &'a Client,
    why: Option<String>,
}

impl Asking<'_> {
    async fn in_a_browser(&self, authorize_url: &str, redirect: &Redirect) -> Result<Grant, Failure> {
        let listener = TcpListener::bind(("127.0.0.1", redirect.port)).await.map_err(|error| {
            let what = format!("the port that the browser is to come back to can't be had: {error}");
            Failure::new(Class::Local, Stage::Login, format!("127.0.0.1:{}", redirect.port), what)
        })?;
        let port = listener.local_addr().map_or(redirect.port, |address| address.port());
        let user = self.server.user.as_deref().unwrap_or_default();
        let authorization = Authorization::new(&self.client.oauth, authorize_url, redirect, port, user)?;
        let question = self.question(&authorization.address, None);
        let (visit, code) = tokio::select! {
            biased;
            (visit, code) = returned(&listener, &authorization) => (Some(visit), code),
            said = self.support.ask(question) => {
                let pasted = authorization.answer(query(said?.expose_secret()));
                let wrong = || TokenError::Declined("that is no address with an answer to this sign-in".to_owned());
                (None, pasted.unwrap_or_else(|| Err(wrong())))
            }
        };
        let client = self.client.clone();
        let redeem = move || code.and_then(|code| authorization.redeem(&client, &code));
        let grant = self.blocking(redeem).await?;
        if let Some(visit) = visit {
            visit.answer(if grant.is_ok() { DONE } else { DECLINED }, "200 OK").await;
        }
        grant.map_err(|error| self.failed(error))
    }

    async fn by_a_code(&self, device_url: &str) -> Result<Grant, Failure> {
        let (client, url) = (self.client.clone(), device_url.to_owned());
        let device = self.blocking(move || Device::new(&client, &url)).await?.map_err(|error| self.failed(error))?;
        let question = self.question(device.address(), Some(device.user_code.clone()));
        tokio::select! {
            biased;
            grant = self.polled(device) => grant,
            said = self.support.ask(question) => {
                said?;
                Err(self.failed(TokenError::Declined("nothing can be entered here".to_owned())))
            }
        }
    }

    async fn polled(&self, mut device: Device) -> Result<Grant, Failure> {
        let mut pause = device.interval();
        loop {
            tokio::time::sleep(pause).await;
            let client = self.client.clone();
            let polled = self.blocking(move || (device.poll(&client), device)).await?;
            device = polled.1;
            match polled.0 {
                Ok(grant) => return Ok(grant),
                Err(TokenError::Pending) => {}
                // RFC 8628 section 3.5.
                Err(TokenError::SlowDown) => pause += std::time::Duration::from_secs(5),
                // The line is down for a moment, and the person has the code before them.
                Err(TokenError::Failed(failure)) if matches!(failure.class, Class::Transient | Class::Offline) => {}
                Err(error) => return Err(self.failed(error)),
            }
        }
    }

    fn question(&self, address: &str, code: Option<String>) -> Question {
        Question::Consent(Box::new(Consent {
            user: self.server.user.clone().unwrap_or_default(),
            host: self.server.host.clone(),
            provider: self.client.oauth.host(),
            address: address.to_owned(),
            code,
            why: self.why.clone(),
        }))
    }

    fn failed(&self, error: TokenError) -> Failure {
        error.failure(&self.client.oauth.host())
    }

    async fn blocking<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
        let work = tokio::task::spawn_blocking(work);
        let done = super::secrets::unless_cancelled(self.support, self.server, work).await?;
        done.map_err(|_broken_off| {
            Failure::new(
                Class::Local,
                Stage::Login,
                self.client.oauth.host(),
                "the exchange with the provider broke off",
            )
        })
    }
}

/// Waits for the browser. Several of its lines at a time: some are opened to be used later, and say nothing.
async fn returned(listener: &TcpListener, authorization: &Authorization) -> (Visit, Result<SecretString, TokenError>) {
    let (told, mut told_of) = mpsc::channel::<Visit>(1);
    let mut visits = JoinSet::new();
    loop {
        tokio::select! {
            Ok((line, _)) = listener.accept() => {
                visits.spawn(hear(line, told.clone()));
            }
            Some(visit) = told_of.recv() => match authorization.answer(&visit.query) {
                Some(answer) => return (visit, answer),
                None => visit.answer(ASTRAY, "404 Not Found").await,
            },
        }
    }
}

/// What a person pasted, from the question mark on.
fn query(pasted: &str) -> &str {
    let pasted = pasted.trim();
    let query = pasted.split_once('?').map_or(pasted, |(_, query)| query);
    query.split_once('#').map_or(query, |(query, _)| query)
}

/// A browser that waits for an answer.
struct Visit {
    query: String,
    line: TcpStream,
}

impl Visit {
    async fn answer(mut self, words: &str, status: &str) {
        let page = format!(
            "<!doctype html><html><head><meta charset=\"utf-8\"><title>Mailsluice</title></head><body><p>{words}</p></body></html>"
        );
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
             Referrer-Policy: no-referrer\r\nConnection: close\r\n\r\n",
            page.len()
        );
        // Whoever does not wait for the page has told us all the same.
        self.line.write_all(head.as_bytes()).await.ok();
        self.line.write_all(page.as_bytes()).await.ok();
        self.line.shutdown().await.ok();
    }
}

/// Reads one request, and tells what was asked for. What is no request is dropped.
async fn hear(mut line: TcpStream, told: mpsc::Sender<Visit>) {
    let mut head = Vec::new();
    while head.len() < LONGEST_HEAD {
        if line.read_buf(&mut head).await.unwrap_or(0) == 0 {
            return;
        }
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(&head) {
            Ok(httparse::Status::Partial) => {}
            Ok(httparse::Status::Complete(_)) => {
                let query = request.path.and_then(|path| path.split_once('?')).map_or("", |(_, query)| query);
                let query = query.to_owned();
                told.send(Visit { query, line }).await.ok();
                return;
            }
            Err(_) => return,
        }
    }
}
