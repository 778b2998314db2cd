//! Whose token serves whom, and who is asked; what providers say is another matter.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crossbeam_channel::Receiver;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::net::oauth::Grant;
use crate::profile::oauth::Redirect;
use crate::profile::{Credential, Flow};
use crate::transport::port::Desk;
use crate::transport::report::{Answer, Question, Report, ReportKind};
use crate::transport::secrets::{SecretCache, token_refused};
use crate::transport::testing::server_at;

/// Of a provider that is not there.
fn oauth() -> OAuth {
    let redirect = Redirect { host: "127.0.0.1".to_owned(), port: 0, path: "/".to_owned() };
    OAuth {
        client_id: "mailsluice-unit-test".to_owned(),
        client_secret: None,
        token_url: "http://127.0.0.1:9/token".to_owned(),
        scopes: Vec::new(),
        flow: Flow::Browser { authorize_url: "http://127.0.0.1:9/authorize".to_owned(), redirect },
    }
}

fn server(host: &str) -> ServerConfig {
    ServerConfig {
        host: host.to_owned(),
        user: Some("nobody-mailsluice-unit-test".to_owned()),
        credential: Some(Credential::Token(Box::new(oauth()))),
        ..server_at(465)
    }
}

/// A transport's end, and a person who dismisses what they are asked, or thinks about it for ever.
struct Scene {
    support: Support,
    cancel: CancellationToken,
    asked: Receiver<Question>,
}

fn scene(secrets: &Arc<SecretCache>, interactive: bool, dismisses: bool) -> Scene {
    let (reports, received) = crossbeam_channel::unbounded::<Report>();
    let (told, asked) = crossbeam_channel::unbounded();
    let (desk, cancel) = (Arc::new(Desk::default()), CancellationToken::new());
    let support =
        Support::new("work".into(), reports, Arc::clone(&desk), cancel.clone(), interactive, Arc::clone(secrets));
    std::thread::spawn(move || {
        for report in received {
            let ReportKind::Question { ticket, question } = report.kind else { continue };
            if dismisses {
                desk.answer(ticket, Answer::Refused(question.unanswered())).ok();
            }
            told.send(question).ok();
        }
    });
    Scene { support, cancel, asked }
}

impl Scene {
    async fn token(&self, host: &str) -> Result<String, Failure> {
        let token = token(&self.support, &server(host), &oauth()).await;
        token.map(|token| token.expose_secret().to_owned())
    }

    /// Somebody has signed in: this token is good, and can't be renewed.
    async fn signed_in(&self, access: &str) {
        let account = oauth().account("nobody-mailsluice-unit-test");
        let consented = self.support.secrets().grants.turn(&account, &self.support, "here").await.unwrap();
        let until = SystemTime::now().checked_add(Duration::from_secs(3600));
        consented.keep(Grant { access: access.into(), until, refresh: None });
    }

    fn refuses(&self, host: &str, token: &str) {
        let failure = Failure::new(Class::Login, Stage::Login, host, "not that one");
        token_refused(&self.support, &server(host), &token.into(), &failure);
    }

    /// Waits until a person is asked.
    async fn is_asked(&self) {
        let asked = self.asked.clone();
        tokio::task::spawn_blocking(move || asked.recv()).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_token_that_is_good_is_given_though_a_person_declined_to_sign_in_for_another_server() {
    let scene = scene(&Arc::default(), true, true);
    scene.signed_in("good").await;
    scene.refuses("smtp.example.org", "bad");
    scene.refuses("smtp.example.org", "good");
    let failure = scene.token("smtp.example.org").await.unwrap_err();
    assert_eq!((failure.class, scene.asked.len()), (Class::NeedsPerson, 1));
    assert_eq!(scene.token("imap.example.org").await, Ok("good".to_owned()));
    assert_eq!(scene.token("smtp.example.org").await.unwrap_err().class, Class::NeedsPerson);
    assert_eq!(scene.asked.len(), 1, "a no holds for the flush");
}

#[tokio::test]
async fn a_silent_flush_has_the_token_that_is_good_also_while_a_person_is_asked_for_another_server() {
    let secrets = Arc::default();
    let (asking, silent) = (scene(&secrets, true, false), scene(&secrets, false, false));
    asking.signed_in("good").await;
    asking.refuses("smtp.example.org", "bad");
    asking.refuses("smtp.example.org", "good");
    let beside = async {
        asking.is_asked().await;
        assert_eq!(silent.token("imap.example.org").await, Ok("good".to_owned()));
        let failure = silent.token("smtp.example.org").await.unwrap_err();
        assert!(failure.what.contains("being asked"), "{failure}");
        asking.cancel.cancel();
    };
    let (asked, ()) = tokio::join!(asking.token("smtp.example.org"), beside);
    assert_eq!(asked.unwrap_err().class, Class::Cancelled);
}

#[test]
fn what_is_said_of_a_sign_in_that_is_not_there_is_so() {
    let host = "id.example.org";
    let no_keyring = Why::OutOfReach(SecretError::NoKeyring("none".to_owned()));
    assert_eq!(Why::Never.failure(host), "nobody is signed in with id.example.org");
    assert_eq!(
        Why::Refused("535 no".to_owned()).failure(host),
        "the server refused the token of id.example.org: 535 no"
    );
    assert!(no_keyring.failure(host).contains("there is no keyring"));
    assert_eq!(no_keyring.reason(), None, "it is so each time, and no reason to sign in anew");
    assert_eq!(Why::OutOfReach(SecretError::Locked).reason().as_deref(), Some("the keyring is locked"));
}
