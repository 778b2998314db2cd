//! Deliveries with a spooler around them: what is on disk, what is recorded, what is found after a crash.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use super::*;
use crate::transport::testing::TestSpooler;

/// A delivery, with a spooler around it.
struct Scene {
    spooler: TestSpooler,
    folder: tempfile::TempDir,
    delivery: Delivery,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let to = DeliverTo::Maildir(folder.path().join("deep/mail"));
        Self { spooler: TestSpooler::new(), delivery: Delivery::new(&to, "work", None), folder }
    }

    fn to(command: &str) -> Self {
        let command = ["/bin/sh", "-c", command].map(str::to_owned).to_vec();
        Self { delivery: Delivery::new(&DeliverTo::Command(command), "work", None), ..Self::new() }
    }

    /// Delivers these messages, and gives the UIDs that may be deleted.
    async fn deliver(&self, messages: &[(&str, &[u8], Marks)]) -> Result<Vec<String>, Failure> {
        let receipts = self.spooler.receipts();
        let inbox = Inbox::new(&self.delivery, &self.spooler.support, &receipts);
        let mut intake = inbox.mailbox("box").await?;
        for (uid, content, marks) in messages {
            let mut writer = intake.writer();
            for piece in content.chunks(50_000) {
                writer.write(piece).await?;
            }
            intake.add(writer.finish((*uid).to_owned(), marks.clone()).await?).await?;
        }
        intake.settle().await
    }

    async fn already(&self, uid: &str, size: Option<u64>) -> bool {
        let receipts = self.spooler.receipts();
        let inbox = Inbox::new(&self.delivery, &self.spooler.support, &receipts);
        inbox.mailbox("box").await.unwrap().already(uid, size)
    }

    fn files(&self, name: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.folder.path().join("deep/mail").join(name)).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

fn plain(uid: &'static str) -> (&'static str, &'static [u8], Marks) {
    (uid, b"Subject: x\r\n\r\n.\r\n", Marks::default())
}

#[tokio::test]
async fn a_maildir_is_ours_alone_and_holds_every_byte() {
    let scene = Scene::new();
    let large: Vec<u8> = (0..700_001_u32).map(|number| number.to_le_bytes()[0]).collect();
    let recorded = scene.deliver(&[plain("1"), ("2", &large, Marks::default()), ("3", b"", Marks::default())]).await;
    assert_eq!(recorded.unwrap(), ["1", "2", "3"]);
    let mut contents: Vec<Vec<u8>> = scene.files("new").iter().map(|path| fs::read(path).unwrap()).collect();
    contents.sort();
    assert_eq!(contents, { vec![Vec::new(), large, plain("1").1.to_vec()] });
    for path in scene.files("new") {
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
    }
    assert!(scene.files("tmp").is_empty());
}

#[tokio::test]
async fn large_groups_are_whole_too() {
    let scene = Scene::new();
    let uids: Vec<String> = (0..300).map(|number| number.to_string()).collect();
    let messages: Vec<(&str, &[u8], Marks)> =
        uids.iter().map(|uid| (uid.as_str(), uid.as_bytes(), Marks::default())).collect();
    assert_eq!(scene.deliver(&messages).await.unwrap().len(), 300);
    let found: HashSet<String> = scene.files("new").iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    assert_eq!(found, uids.into_iter().collect());
}

#[tokio::test]
async fn what_came_is_kept_though_no_more_comes() {
    let scene = Scene::new();
    let receipts = scene.spooler.receipts();
    let inbox = Inbox::new(&scene.delivery, &scene.spooler.support, &receipts);
    let mut intake = inbox.mailbox("box").await.unwrap();
    let parcel = intake.writer().finish("1".to_owned(), Marks::default()).await.unwrap();
    intake.add(parcel).await.unwrap();
    // The line is silent now, and open.
    while scene.spooler.memory().known.is_empty() {
        scene.spooler.caught_up().await;
    }
    assert_eq!(scene.files("new").len(), 1);
    assert_eq!(intake.settle().await.unwrap(), ["1"]);
}

#[tokio::test]
async fn a_disk_that_fails_on_the_way_ends_it_with_the_reason() {
    let scene = Scene::new();
    let receipts = scene.spooler.receipts();
    let inbox = Inbox::new(&scene.delivery, &scene.spooler.support, &receipts);
    let mut intake = inbox.mailbox("box").await.unwrap();
    fs::remove_dir(scene.folder.path().join("deep/mail/tmp")).unwrap();
    let failure = loop {
        let parcel = intake.writer().finish("1".to_owned(), Marks::default()).await.unwrap();
        if let Err(failure) = intake.add(parcel).await {
            break failure;
        }
    };
    assert_eq!((failure.class, failure.stage), (Class::Configuration, Stage::Deliver));
    assert!(intake.settle().await.unwrap().is_empty());
}

#[tokio::test]
async fn cancel_ends_it_and_what_was_not_durable_leaves_nothing() {
    let scene = Scene::new();
    let receipts = scene.spooler.receipts();
    let inbox = Inbox::new(&scene.delivery, &scene.spooler.support, &receipts);
    let mut intake = inbox.mailbox("box").await.unwrap();
    let parcel = intake.writer().finish("1".to_owned(), Marks::default()).await.unwrap();
    scene.spooler.cancel.cancel();
    assert_eq!(intake.add(parcel).await.unwrap_err().class, Class::Cancelled);
    assert!(scene.files("new").is_empty() && scene.files("tmp").is_empty());
}

#[tokio::test]
async fn flags_and_date_are_kept() {
    let scene = Scene::new();
    let marks = Marks { letters: "FS".to_owned(), received_at: Some(1_600_000_000) };
    scene.deliver(&[("1", b"x", marks)]).await.unwrap();
    let path = scene.files("cur").remove(0);
    let name = path.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("1600000000.") && name.ends_with(".mailsluice:2,FS"), "{name}");
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    assert_eq!(modified, UNIX_EPOCH + Duration::from_secs(1_600_000_000));
}

#[tokio::test]
async fn after_a_crash_before_the_record_a_message_is_found_wherever_it_was_moved() {
    let scene = Scene::new();
    scene.spooler.memory().disk_full = true;
    assert_eq!(scene.deliver(&[plain("1")]).await.unwrap_err().class, Class::Local);
    let path = scene.files("new").remove(0);
    let name = path.file_name().unwrap().to_str().unwrap();
    fs::rename(&path, scene.folder.path().join(format!("deep/mail/cur/{name}:2,S"))).unwrap();
    let size = plain("1").1.len() as u64;
    assert!(scene.already("1", Some(size)).await);
    assert!(scene.already("1", None).await);
    assert!(!scene.already("2", Some(size)).await);
    // A server that gives the same UID to another message must not have that one deleted unread.
    assert!(!scene.already("1", Some(size + 1)).await);
}

#[tokio::test]
async fn what_a_dead_process_left_is_swept_and_what_others_left_is_not() {
    let scene = Scene::new();
    scene.deliver(&[plain("1")]).await.unwrap();
    let tmp = scene.folder.path().join("deep/mail/tmp");
    let Target::Maildir(maildir) = &scene.delivery.target else { panic!("no Maildir") };
    maildir.temporary().unwrap().keep().unwrap();
    fs::write(tmp.join("somebody.else"), "x").unwrap();
    scene.already("1", None).await;
    assert_eq!(scene.files("tmp"), [tmp.join("somebody.else")]);
}

#[tokio::test]
async fn half_a_message_leaves_nothing() {
    let scene = Scene::new();
    let receipts = scene.spooler.receipts();
    let inbox = Inbox::new(&scene.delivery, &scene.spooler.support, &receipts);
    let intake = inbox.mailbox("box").await.unwrap();
    let mut writer = intake.writer();
    writer.write(&vec![0; 600_000]).await.unwrap();
    assert_eq!(scene.files("tmp").len(), 1);
    drop(writer);
    assert!(scene.files("tmp").is_empty());
}

#[tokio::test]
async fn a_place_that_cannot_be_is_a_setting_to_correct() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let to = DeliverTo::Maildir(file.path().join("mail"));
    let scene = Scene { delivery: Delivery::new(&to, "work", None), ..Scene::new() };
    assert_eq!(scene.deliver(&[plain("1")]).await.unwrap_err().class, Class::Configuration);
}

#[tokio::test]
async fn a_program_gets_each_message_and_answers_for_it() {
    let out = tempfile::NamedTempFile::new().unwrap();
    let scene = Scene::to(&format!("tee -a {} | grep -q bad && exit 65 || exit 0", out.path().display()));
    let large = vec![b'x'; 400_000];
    let messages: [(&str, &[u8], Marks); 3] =
        [("1", b"one\r\n", Marks::default()), ("2", b"bad\r\n", Marks::default()), ("3", &large, Marks::default())];
    assert_eq!(scene.deliver(&messages).await.unwrap(), ["1", "3"]);
    let got = fs::read(out.path()).unwrap();
    assert_eq!(&got[..8], b"one\nbad\n");
    assert_eq!(got.len(), 8 + large.len());
    scene.spooler.caught_up().await;
    assert_eq!(scene.spooler.memory().failed[0].class, Class::Permanent);
}

#[tokio::test]
async fn a_program_that_is_not_there_ends_it() {
    let scene = Scene {
        delivery: Delivery::new(&DeliverTo::Command(vec!["/nonexistent".to_owned()]), "work", None),
        ..Scene::new()
    };
    assert_eq!(scene.deliver(&[plain("1")]).await.unwrap_err().class, Class::Configuration);
}

#[tokio::test]
async fn an_lmtp_server_answers_for_each_message() {
    use crate::transport::testing::scripted;
    for (reply, class) in [
        ("250 2.0.0 done", None),
        ("552 5.2.2 full", Some(Class::Permanent)),
        ("452 4.2.2 full", Some(Class::Transient)),
    ] {
        let (port, server) = scripted(format!(
            "S: 220 hi\nC: LHLO …\nS: 250 hi\nC: MAIL FROM:<>\nS: 250 ok\nC: RCPT TO:<ann@example.org>\nS: 250 ok
            C: DATA\nS: 354 go\nC: Subject: x\nC: \nC: ..\nC: .\nS: {reply}\nC: QUIT\nS: 221 bye"
        ))
        .await;
        let to = DeliverTo::Lmtp(format!("127.0.0.1:{port}"));
        let scene = Scene { delivery: Delivery::new(&to, "work", Some("ann@example.org")), ..Scene::new() };
        let recorded = scene.deliver(&[plain("1")]).await.unwrap();
        server.await.unwrap();
        scene.spooler.caught_up().await;
        assert_eq!(recorded.len(), usize::from(class.is_none()), "{reply}");
        assert_eq!(scene.spooler.memory().failed.first().map(|failure| failure.class), class, "{reply}");
    }
}

#[tokio::test]
async fn an_lmtp_server_that_is_not_there_ends_it() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let to = DeliverTo::Lmtp(format!("127.0.0.1:{port}"));
    let scene = Scene { delivery: Delivery::new(&to, "work", Some("ann@example.org")), ..Scene::new() };
    assert_eq!(scene.deliver(&[plain("1")]).await.unwrap_err().class, Class::Offline);
    let nobody = Scene { delivery: Delivery::new(&to, "work", None), ..Scene::new() };
    assert_eq!(nobody.deliver(&[plain("1")]).await.unwrap_err().class, Class::Configuration);
}
