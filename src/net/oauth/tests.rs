//! What a browser brings back, and what a provider's answers mean.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use super::*;
use crate::profile::Flow;

const REDIRECT: (&str, u16, &str) = ("127.0.0.1", 0, "/");

fn oauth(token_url: &str) -> OAuth {
    let redirect = Redirect { host: REDIRECT.0.to_owned(), port: REDIRECT.1, path: REDIRECT.2.to_owned() };
    OAuth {
        client_id: "me & you".to_owned(),
        client_secret: None,
        token_url: token_url.to_owned(),
        scopes: vec!["mail".to_owned(), "offline".to_owned()],
        flow: Flow::Browser { authorize_url: "https://id.example.org/a?x=1".to_owned(), redirect },
    }
}

fn authorization() -> Authorization {
    let oauth = oauth("https://id.example.org/t");
    let Flow::Browser { authorize_url, redirect } = &oauth.flow else { panic!("a browser") };
    Authorization::new(&oauth, authorize_url, redirect, 8400, "ada@example.org").unwrap()
}

fn parameter(address: &str, name: &str) -> String {
    let (_, query) = address.split_once('?').unwrap();
    let found = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name);
    found.unwrap_or_else(|| panic!("no {name} in {address}")).1.into_owned()
}

/// Asks a provider that answers like this.
fn answered(status: &str, body: &str) -> Result<Grant, TokenError> {
    let url = provider(status, body, "client_id=me+%26+you");
    refresh(&Client { oauth: oauth(&url), secret: None }, &"refresh".into())
}

/// A provider that answers like this to what ends like that.
fn provider(status: &str, body: &str, end: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://127.0.0.1:{}/t", listener.local_addr().unwrap().port());
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    std::thread::spawn(move || {
        let (mut line, _) = listener.accept().unwrap();
        // All of it: what is left unread when a line is closed resets it.
        let mut read = Vec::new();
        while !String::from_utf8_lossy(&read).ends_with(end) {
            let mut more = [0; 4096];
            let count = line.read(&mut more).unwrap();
            assert!(count > 0, "{}", String::from_utf8_lossy(&read));
            read.extend_from_slice(&more[..count]);
        }
        line.write_all(answer.as_bytes()).unwrap();
    });
    url
}

#[test]
fn a_client_with_a_secret_names_it_also_when_it_asks_for_a_code() {
    let codes = |interval: &str| {
        let body = format!(
            r#"{{"device_code":"d","user_code":"u","verification_uri":"https://id.example.org/there"{interval}}}"#
        );
        let url = provider("200 OK", &body, "client_secret=hush");
        Device::new(&Client { oauth: oauth(&url), secret: Some("hush".into()) }, &url).unwrap().interval()
    };
    assert_eq!(codes(""), Duration::from_secs(5));
    assert_eq!(codes(r#","interval":0"#), Duration::from_secs(1), "no provider is asked without a pause");
    assert_eq!(codes(r#","interval":"7""#), Duration::from_secs(7));
    assert_eq!(codes(r#","interval":18446744073709551615"#), LONGEST_INTERVAL);
}

fn class(result: Result<Grant, TokenError>) -> Class {
    match result {
        Err(TokenError::Failed(failure)) => failure.class,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_address_holds_a_challenge_and_not_what_answers_it() {
    let (one, two) = (authorization(), authorization());
    assert!(one.address.starts_with("https://id.example.org/a?x=1&response_type=code&"), "{}", one.address);
    assert_eq!(parameter(&one.address, "client_id"), "me & you");
    assert_eq!(parameter(&one.address, "redirect_uri"), "http://127.0.0.1:8400/");
    assert_eq!(parameter(&one.address, "scope"), "mail offline");
    assert_eq!(parameter(&one.address, "login_hint"), "ada@example.org");
    let challenge = parameter(&one.address, "code_challenge");
    let verifier = one.verifier.expose_secret();
    assert_eq!(verifier.len(), 43, "as RFC 7636 section 4.1 wants at least");
    let digest = ring::digest::digest(&ring::digest::SHA256, verifier.as_bytes());
    assert_eq!(challenge, URL_SAFE_NO_PAD.encode(digest));
    assert!(!one.address.contains(verifier) && !format!("{one:?}").contains(verifier));
    assert_ne!(challenge, parameter(&two.address, "code_challenge"));
    assert_ne!(parameter(&one.address, "state"), parameter(&two.address, "state"));
}

#[test]
fn only_the_answer_to_our_question_counts() {
    let asked = authorization();
    let state = parameter(&asked.address, "state");
    let code = asked.answer(&format!("code=a%20b&state={state}")).unwrap().unwrap();
    assert_eq!(code.expose_secret(), "a b");
    assert!(asked.answer("code=x").is_none());
    assert!(asked.answer("code=x&state=another").is_none());
    assert!(asked.answer(&format!("state={state}")).is_none());
    let declined = asked.answer(&format!("error=access_denied&error_description=no%0A%1b&state={state}"));
    assert_eq!(declined.unwrap().unwrap_err(), TokenError::Declined("access_denied, no  ".to_owned()));
}

#[test]
fn what_a_provider_says_is_told_apart() {
    let grant = answered("200 OK", r#"{"access_token":"a","expires_in":"3600","refresh_token":"r","more":1}"#).unwrap();
    assert_eq!((grant.access.expose_secret(), grant.refresh.unwrap().expose_secret()), ("a", "r"));
    let left = grant.until.unwrap().duration_since(SystemTime::now()).unwrap();
    assert!((3500..=3600).contains(&left.as_secs()), "{left:?}");
    let grant = answered("200 OK", r#"{"access_token":"a"}"#).unwrap();
    assert!(grant.until.is_none() && grant.refresh.is_none());

    let refused = |error: &str| answered("400 Bad Request", &format!(r#"{{"error":"{error}"}}"#));
    assert_eq!(refused("invalid_grant").unwrap_err(), TokenError::NeedsConsent("invalid_grant".to_owned()));
    assert_eq!(refused("authorization_pending").unwrap_err(), TokenError::Pending);
    assert_eq!(refused("slow_down").unwrap_err(), TokenError::SlowDown);
    assert_eq!(refused("expired_token").unwrap_err(), TokenError::Expired("expired_token".to_owned()));
    assert_eq!(class(refused("invalid_client")), Class::Configuration);
    assert_eq!(class(refused("temporarily_unavailable")), Class::Transient);
    assert_eq!(class(answered("503 Busy", "<html>")), Class::Transient);
    assert_eq!(class(answered("302 Found\r\nLocation: http://127.0.0.1:1/", "")), Class::Protocol);
    let secret = answered("200 OK", r#"{"access_tokens":"hunter2"}"#);
    assert!(!format!("{secret:?}").contains("hunter2"));
    assert_eq!(class(secret), Class::Protocol);
    assert_eq!(class(answered("200 OK", r#"{"access_token":"a","token_type":"mac"}"#)), Class::Protocol);
    let endless = format!(r#"{{"access_token":"{}"}}"#, "x".repeat(200 << 10));
    assert_eq!(class(answered("200 OK", &endless)), Class::Protocol);
}

#[test]
fn nobody_there_is_no_network() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let client = Client { oauth: oauth(&format!("http://127.0.0.1:{port}/t")), secret: None };
    assert_eq!(class(refresh(&client, &"refresh".into())), Class::Offline);
}
