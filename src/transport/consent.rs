//! A person's yes to a provider (OAuth 2.0): asked for here, given in a browser, which comes back to a loopback port of ours
//! (RFC 8252), or somewhere else by a code (RFC 8628).
//!
//! No browser is opened here: that is for whoever shows the question, when a person says so. Where the browser is on
//! another machine, its way back leads nowhere, and what its address bar says then is taken as an answer too.
//!
//! Once a person has said yes, what is exchanged for it is kept, also when the flush that asked is gone: they would have to
//! say it again.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};

use super::port::Support;
use super::report::{Consent, Question};
use super::tokens::grants::{Consented, Kept, Noes};
use crate::mapi::{Class, Failure, Stage};
use crate::net::oauth::{Authorization, Client, Device, TokenError};
use crate::profile::oauth::Redirect;
use crate::profile::{Flow, ServerConfig};

/// The head of a browser's request: an address with a code in it, and cookies of whatever else was on this port.
const LONGEST_HEAD: usize = 32 << 10;
/// Between two polls, however often the provider could not be reached.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// After a line that could not be taken.
const TAKE_BREATH: Duration = Duration::from_millis(200);

const DONE: &str = "Signed in. You can close this page. — La connexion est faite. Vous pouvez fermer cette page.";
const DECLINED: &str =
    "Not signed in. You can close this page. — La connexion n’est pas faite. Vous pouvez fermer cette page.";
const ASTRAY: &str = "This is not what was asked for. — Ce n’est pas ce qui était demandé.";

/// Asks a person to sign in, `why` being what makes that necessary, and keeps what comes of it.
///
/// # Errors
/// [`Class::NeedsPerson`] when nobody did, or declined, unless an exchange that is under way still brings a yes;
/// [`Class::Cancelled`]; trouble with the provider.
pub(super) async fn obtain(
    support: &Support,
    server: &ServerConfig,
    client: &Client,
    why: Option<String>,
    consented: Consented,
) -> Result<Kept, Failure> {
    let asking = Asking { support, server, client, why };
    match &client.oauth.flow {
        Flow::Browser { authorize_url, redirect } => asking.in_a_browser(authorize_url, redirect, consented).await,
        Flow::Device { device_url } => asking.by_a_code(device_url, consented).await,
    }
}

struct Asking<'a> {
    support: &'a Support,
    server: &'a ServerConfig,
    client: &'a Client,
    why: Option<String>,
}

/// What one poll brought.
enum Polled {
    Yes(Kept),
    NotYet(TokenError, Device, Consented),
}

impl Asking<'_> {
    async fn in_a_browser(
        &self,
        authorize_url: &str,
        redirect: &Redirect,
        consented: Consented,
    ) -> Result<Kept, Failure> {
        let listener = TcpListener::bind(("127.0.0.1", redirect.port)).await.map_err(|error| {
            let what = format!("the port that the browser is to come back to can't be had: {error}");
            Failure::new(Class::Local, Stage::Login, format!("127.0.0.1:{}", redirect.port), what)
        })?;
        let port = listener.local_addr().map_or(redirect.port, |address| address.port());
        let user = self.server.user.as_deref().unwrap_or_default();
        let authorization = Authorization::new(&self.client.oauth, authorize_url, redirect, port, user)?;
        let question = self.question(&authorization.address, None);
        let person_is_asked = consented.asking();
        let (visit, code) = tokio::select! {
            biased;
            (visit, code) = returned(&listener, &authorization) => (Some(visit), code),
            said = self.said(question, consented.noes()) => {
                let pasted = authorization.answer(query(said?.expose_secret()));
                let wrong = || TokenError::Declined("that is no address with an answer to this sign-in".to_owned());
                (None, pasted.unwrap_or_else(|| Err(wrong())))
            }
        };
        drop(person_is_asked);
        self.redeemed(authorization, code, visit, consented).await
    }

    /// Makes tokens of the code, and lets the browser know before they are kept, which may take a keyring's prompt.
    async fn redeemed(
        &self,
        authorization: Authorization,
        code: Result<SecretString, TokenError>,
        visit: Option<Visit>,
        consented: Consented,
    ) -> Result<Kept, Failure> {
        let (client, host) = (self.client.clone(), self.client.oauth.host());
        let (tell, told) = oneshot::channel();
        let grants = &self.support.secrets().grants;
        let exchange = grants.to_its_end(move || {
            let grant = code.and_then(|code| authorization.redeem(&client, &code));
            // A person who pasted the address has no page that waits.
            tell.send(grant.is_ok()).ok();
            match grant {
                Ok(grant) => Ok(consented.keep(grant)),
                Err(error) => {
                    let failure = error.failure(&host);
                    consented.noes().note(&failure);
                    Err(failure)
                }
            }
        });
        if let Some(visit) = visit {
            grants.told_to_the_end(async move {
                let good = told.await.unwrap_or(false);
                visit.answer(if good { DONE } else { DECLINED }, "200 OK").await;
            });
        }
        self.outcome(exchange).await?
    }

    async fn by_a_code(&self, device_url: &str, consented: Consented) -> Result<Kept, Failure> {
        let (client, url) = (self.client.clone(), device_url.to_owned());
        let made = tokio::task::spawn_blocking(move || Device::new(&client, &url));
        let device = self.outcome(made).await?.map_err(|error| self.failed(error))?;
        let question = self.question(device.address(), Some(device.user_code.clone()));
        let _person_is_asked = consented.asking();
        let noes = consented.noes();
        // A code is typed elsewhere: whatever is said here gives up.
        let given_up = async {
            let said = self.support.ask(question).await;
            let nothing = || self.failed(TokenError::Declined("nothing can be entered here".to_owned()));
            let failure = said.err().unwrap_or_else(nothing);
            noes.note(&failure);
            failure
        };
        tokio::select! {
            biased;
            kept = self.polled(device, consented) => kept,
            failure = given_up => Err(failure),
        }
    }

    async fn polled(&self, mut device: Device, mut consented: Consented) -> Result<Kept, Failure> {
        let mut pause = device.interval();
        loop {
            tokio::time::sleep(pause).await;
            let client = self.client.clone();
            let poll = self.support.secrets().grants.to_its_end(move || match device.poll(&client) {
                Ok(grant) => Polled::Yes(consented.keep(grant)),
                Err(error) => Polled::NotYet(error, device, consented),
            });
            let error = match self.outcome(poll).await? {
                Polled::Yes(kept) => return Ok(kept),
                Polled::NotYet(error, same, again) => {
                    (device, consented) = (same, again);
                    error
                }
            };
            pause = next_pause(pause, &error).ok_or_else(|| {
                let failure = self.failed(error);
                consented.noes().note(&failure);
                failure
            })?;
        }
    }

    /// What a person says; a no is noted before it is told, which ends the turn.
    async fn said(&self, question: Question, noes: Noes) -> Result<SecretString, Failure> {
        self.support.ask(question).await.inspect_err(|failure| noes.note(failure))
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

    /// What comes of something that goes on when this is cancelled.
    async fn outcome<T>(&self, work: JoinHandle<T>) -> Result<T, Failure> {
        let done = super::secrets::unless_cancelled(self.support, self.server, work).await?;
        let what = "the exchange with the provider broke off";
        done.map_err(|_broken_off| Failure::new(Class::Local, Stage::Login, self.client.oauth.host(), what))
    }
}

/// How long to wait before the next poll (RFC 8628 section 3.5); `None`: there is nothing more to wait for.
fn next_pause(pause: Duration, error: &TokenError) -> Option<Duration> {
    match error {
        TokenError::Pending => Some(pause),
        TokenError::SlowDown => Some(pause + Duration::from_secs(5)),
        // The line is down for a moment, and the person has the code before them.
        TokenError::Failed(failure) if matches!(failure.class, Class::Transient | Class::Offline) => {
            Some((pause * 2).min(LONGEST_PAUSE).max(pause))
        }
        _ => None,
    }
}

/// Waits for the browser. Several of its lines at a time: some are opened to be used later, and say nothing.
async fn returned(listener: &TcpListener, authorization: &Authorization) -> (Visit, Result<SecretString, TokenError>) {
    let (told, mut told_of) = mpsc::channel::<Visit>(1);
    let mut visits = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((line, _)) => drop(visits.spawn(hear(line, told.clone()))),
                // No descriptor is left, say: perhaps there is one later.
                Err(_) => tokio::time::sleep(TAKE_BREATH).await,
            },
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polls_slow_down_when_they_are_told_to_or_do_not_get_through() {
        let failed = |class| TokenError::Failed(Failure::new(class, Stage::Login, "id.example.org", "away"));
        let five = Duration::from_secs(5);
        assert_eq!(next_pause(five, &TokenError::Pending), Some(five));
        assert_eq!(next_pause(five, &TokenError::SlowDown), Some(five * 2));
        assert_eq!(next_pause(five, &failed(Class::Transient)), Some(five * 2));
        assert_eq!(next_pause(five * 10, &failed(Class::Offline)), Some(LONGEST_PAUSE));
        assert_eq!(next_pause(five * 20, &failed(Class::Offline)), Some(five * 20), "as slow as the provider wants it");
        assert_eq!(next_pause(five, &failed(Class::Configuration)), None);
        assert_eq!(next_pause(five, &TokenError::Declined("no".to_owned())), None);
    }
}
