//! Who is asked for a password, when, and how often.

use std::sync::Arc;

use crossbeam_channel::Receiver;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::profile::Security;
use crate::transport::port::Desk;
use crate::transport::report::{Answer, Report, ReportKind};
use crate::transport::testing::server_at;

/// A transport's end, with a person at the other who gives these answers, one after the other, and then none.
struct Scene {
    support: Support,
    cancel: CancellationToken,
    asked: Receiver<Question>,
}

fn scene(interactive: bool, answers: &'static [Option<&'static str>]) -> Scene {
    scene_beside(interactive, answers, Arc::default())
}

/// One transport of a session that knows these secrets.
fn scene_beside(interactive: bool, answers: &'static [Option<&'static str>], secrets: Arc<SecretCache>) -> Scene {
    let (reports, received) = crossbeam_channel::unbounded::<Report>();
    let (told, asked) = crossbeam_channel::unbounded();
    let desk = Arc::new(Desk::default());
    let cancel = CancellationToken::new();
    let support = Support::new("work".into(), reports, Arc::clone(&desk), cancel.clone(), interactive, secrets);
    std::thread::spawn(move || {
        let mut answers = answers.iter();
        for report in received {
            let ReportKind::Question { ticket, question } = report.kind else { continue };
            told.send(question).ok();
            let answer = match answers.next() {
                Some(Some(text)) => Answer::Secret((*text).into()),
                Some(None) => {
                    let failure = Failure::new(Class::NeedsPerson, Stage::Login, "h", "the question was dismissed");
                    Answer::Refused(failure)
                }
                None => continue,
            };
            let _whether_someone_waits = desk.answer(ticket, answer);
        }
    });
    Scene { support, cancel, asked }
}

fn server(source: SecretSource) -> ServerConfig {
    ServerConfig {
        host: "smtp.example.org".into(),
        security: Security::Tls,
        user: Some("ada".into()),
        credential: Some(Credential::Password(source)),
        ..server_at(465)
    }
}

fn command(line: &str) -> ServerConfig {
    server(SecretSource::Command(line.to_owned()))
}

async fn get(scene: &Scene, server: &ServerConfig) -> Result<String, Failure> {
    credential(&scene.support, server).await.map(|secret| secret.expose_secret().to_owned())
}

fn class(result: Result<String, Failure>) -> Class {
    result.expect_err("a failure").class
}

#[tokio::test]
async fn where_the_profile_says_is_looked_first() {
    let scene = scene(true, &[]);
    assert_eq!(get(&scene, &command("echo known")).await, Ok("known".to_owned()));
    assert!(scene.asked.is_empty());
}

#[tokio::test]
async fn a_person_is_asked_once_a_session() {
    let scene = scene(true, &[Some("first")]);
    for _again in 0..3 {
        assert_eq!(get(&scene, &server(SecretSource::Ask)).await, Ok("first".to_owned()));
    }
    let question = Question::Password { user: "ada".into(), host: "smtp.example.org".into(), refused: None };
    assert_eq!(scene.asked.try_iter().collect::<Vec<_>>(), [question]);
}

#[tokio::test]
async fn many_connections_at_once_ask_once() {
    let scene = scene(true, &[Some("first")]);
    let server = server(SecretSource::Ask);
    let (one, two, three) = tokio::join!(get(&scene, &server), get(&scene, &server), get(&scene, &server));
    assert!([one, two, three].iter().all(|got| got.as_deref() == Ok("first")));
    assert_eq!(scene.asked.len(), 1);
}

#[tokio::test]
async fn a_password_that_is_nowhere_is_asked_for() {
    let missing = server(SecretSource::Env("MAILSLUICE_NO_SUCH_VARIABLE".into()));
    assert_eq!(get(&scene(true, &[Some("typed")]), &missing).await, Ok("typed".to_owned()));
    let failure = get(&scene(false, &[]), &missing).await.unwrap_err();
    assert_eq!(failure.class, Class::NeedsPerson);
    assert!(failure.what.contains("MAILSLUICE_NO_SUCH_VARIABLE"), "{failure}");
}

#[tokio::test]
async fn nobody_is_asked_when_nobody_may_be() {
    let scene = scene(false, &[Some("never")]);
    assert_eq!(class(get(&scene, &server(SecretSource::Ask)).await), Class::NeedsPerson);
    assert!(scene.asked.is_empty());
}

#[tokio::test]
async fn a_command_that_fails_is_a_matter_of_the_profile() {
    let scene = scene(true, &[Some("never")]);
    let failure = get(&scene, &command("echo oops >&2; exit 1")).await.unwrap_err();
    assert_eq!(failure.class, Class::Configuration);
    assert!(failure.what.contains("oops"), "{failure}");
    assert!(scene.asked.is_empty());
}

#[tokio::test]
async fn a_refused_password_is_asked_for_again_with_the_servers_words() {
    let scene = scene(true, &[Some("wrong"), Some("right")]);
    let server = server(SecretSource::Ask);
    assert_eq!(get(&scene, &server).await, Ok("wrong".to_owned()));
    refused(&scene.support, &server, "535 5.7.8 no");
    refused(&scene.support, &server, "535 again, on another connection");
    assert_eq!(get(&scene, &server).await, Ok("right".to_owned()));
    let second = scene.asked.try_iter().nth(1).expect("two questions");
    let Question::Password { refused, .. } = second else { panic!("{second:?}") };
    assert_eq!(refused.as_deref(), Some("535 5.7.8 no"));
}

#[tokio::test]
async fn a_place_that_still_has_the_refused_password_is_not_believed() {
    let quiet = scene(false, &[]);
    let server = command("echo stale");
    assert_eq!(get(&quiet, &server).await, Ok("stale".to_owned()));
    refused(&quiet.support, &server, "535 5.7.8 no");
    let failure = get(&quiet, &server).await.unwrap_err();
    assert_eq!(failure.class, Class::NeedsPerson);
    assert!(failure.what.contains("535 5.7.8 no") && !failure.what.contains("stale"), "{failure}");
    let asking = scene(true, &[Some("fresh")]);
    assert_eq!(get(&asking, &server).await, Ok("stale".to_owned()));
    refused(&asking.support, &server, "535 5.7.8 no");
    assert_eq!(get(&asking, &server).await, Ok("fresh".to_owned()));
}

#[tokio::test]
async fn a_place_that_has_another_by_now_is_believed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let (scene, server) = (scene(false, &[]), command(&format!("cat {}", file.display())));
    std::fs::write(&file, "old").unwrap();
    assert_eq!(get(&scene, &server).await, Ok("old".to_owned()));
    refused(&scene.support, &server, "535 expired");
    std::fs::write(&file, "new").unwrap();
    assert_eq!(get(&scene, &server).await, Ok("new".to_owned()));
}

#[tokio::test]
async fn who_will_not_say_is_not_taken_for_an_answer() {
    let scene = scene(true, &[None]);
    assert_eq!(class(get(&scene, &server(SecretSource::Ask)).await), Class::NeedsPerson);
}

#[tokio::test]
async fn cancel_ends_the_wait_for_a_person_for_a_turn_and_for_a_command() {
    let scene = scene(true, &[]);
    let (ask, slow) = (server(SecretSource::Ask), ServerConfig { user: Some("eve".into()), ..command("sleep 1") });
    let cancel = async {
        // The question has been put: whoever is first waits for a person, and the second for the first.
        let asked = scene.asked.clone();
        tokio::task::spawn_blocking(move || asked.recv()).await.unwrap().unwrap();
        scene.cancel.cancel();
    };
    let (first, second, third, ()) = tokio::join!(get(&scene, &ask), get(&scene, &ask), get(&scene, &slow), cancel);
    for result in [first, second, third] {
        assert_eq!(class(result), Class::Cancelled);
    }
}

#[tokio::test]
async fn debug_output_has_no_secret_in_it() {
    let scene = scene(true, &[Some("hunter2")]);
    let server = server(SecretSource::Ask);
    assert_eq!(get(&scene, &server).await, Ok("hunter2".to_owned()));
    refused(&scene.support, &server, "no");
    assert!(!format!("{:?}", scene.support).contains("hunter2"));
}

#[tokio::test]
async fn a_silent_flush_does_not_wait_until_a_person_has_answered_another() {
    let secrets = Arc::<SecretCache>::default();
    let asking = scene_beside(true, &[], Arc::clone(&secrets));
    let silent = scene_beside(false, &[], secrets);
    let server = server(SecretSource::Ask);
    let first = get(&asking, &server);
    let second = async {
        let asked = asking.asked.clone();
        tokio::task::spawn_blocking(move || asked.recv()).await.unwrap().unwrap();
        let failure = credential(&silent.support, &server).await.unwrap_err();
        asking.cancel.cancel();
        failure
    };
    let (first, failure) = tokio::join!(first, second);
    assert_eq!((class(first), failure.class), (Class::Cancelled, Class::NeedsPerson));
    assert!(failure.what.contains("being asked"), "{failure}");
}

#[tokio::test]
async fn nobody_is_asked_while_a_line_is_open() {
    let scene = scene(true, &[Some("typed")]);
    let server = server(SecretSource::Ask);
    let lines = std::sync::atomic::AtomicUsize::new(0);
    let open = || async {
        lines.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let secret = at_hand(&scene.support, &server).await;
        assert!(scene.asked.is_empty() || secret.is_ok(), "a person was asked");
        secret
    };
    let secret = opening(&scene.support, &server, open).await.unwrap();
    assert_eq!((secret.expose_secret(), scene.asked.len()), ("typed", 1));
    assert_eq!(lines.into_inner(), 2, "one on which it turned out, and one for what was typed");
}
