//! Watching, against servers that follow a script.

use tokio::sync::Notify;

use super::*;
use crate::transport::Transport as _;

const OPEN: &str = "S: * OK [CAPABILITY IMAP4rev1] hi\nC: A1 LOGIN …\nS: A1 OK [CAPABILITY IMAP4rev1 IDLE] in
    C: A2 EXAMINE INBOX\nC: A3 UID SEARCH ALL\nS: * 2 EXISTS\nS: * OK [UIDVALIDITY 7] v\nS: A2 OK open
    S: * SEARCH 5 9\nS: A3 OK done
    C: A4 UID FETCH 9 (UID RFC822.SIZE)\nS: * 2 FETCH (UID 9 RFC822.SIZE 5)\nS: A4 OK done";

fn watcher(port: u16) -> (ImapTransport, TestSpooler) {
    let deliver = DeliverTo::Command(vec!["true".to_owned()]);
    let transport = ImapTransport::new("test", server_at(port), vec!["INBOX".into()], After::Keep, &deliver, None);
    let spooler = TestSpooler::new();
    spooler.memory().known.insert("imap:ann@127.0.0.1/INBOX;7".to_owned(), ["5".to_owned()].into());
    (transport.watching(true), spooler)
}

/// Watches until this was counted, and is cancelled then.
async fn until(transport: &ImapTransport, spooler: &TestSpooler, again: &Notify, counted: &[u64]) -> Failure {
    let receipts = spooler.receipts();
    let seen = async {
        while spooler.memory().waiting != counted {
            spooler.caught_up().await;
        }
        spooler.cancel.cancel();
    };
    let (end, ()) = tokio::join!(transport.watch(&spooler.support, &receipts, again), seen);
    end.unwrap_err()
}

#[tokio::test]
async fn new_mail_is_counted_when_it_comes() {
    let (port, server) = scripted(format!(
        "{OPEN}\nC: A5 IDLE\nS: + idling\nS: * OK Still here\nS: * 3 EXISTS\nC: DONE\nS: A5 OK done
        C: A6 UID SEARCH UID 9:*\nS: * SEARCH 9 12\nS: A6 OK done
        C: A7 UID FETCH 9:12 (UID RFC822.SIZE)
        S: * 2 FETCH (UID 9 RFC822.SIZE 5)\nS: * 3 FETCH (UID 12 RFC822.SIZE 5)\nS: A7 OK done\nC: A8 IDLE\nS: + idling"
    ))
    .await;
    let (transport, spooler) = watcher(port);
    let end = until(&transport, &spooler, &Notify::new(), &[1, 2]).await;
    assert_eq!(end.class, Class::Cancelled);
    // It hung up, or the server would wait for more.
    server.await.unwrap();
}

#[tokio::test]
async fn after_a_flush_it_looks_again() {
    let (port, server) = scripted(format!(
        "{OPEN}\nC: A5 IDLE\nS: + idling\nC: DONE\nS: A5 OK done\nC: A6 UID SEARCH UID 10:*\nS: * SEARCH 9\nS: A6 OK done"
    ))
    .await;
    let (transport, spooler) = watcher(port);
    let again = Notify::new();
    let flushed = async {
        while spooler.memory().waiting.is_empty() {
            spooler.caught_up().await;
        }
        let known = ["5", "9"].map(str::to_owned).into();
        spooler.memory().known.insert("imap:ann@127.0.0.1/INBOX;7".to_owned(), known);
        again.notify_one();
    };
    tokio::join!(until(&transport, &spooler, &again, &[1, 0]), flushed);
    server.await.unwrap();
}

#[tokio::test]
async fn a_server_that_cannot_tell_is_left_alone() {
    let (port, server) =
        scripted("S: * OK [CAPABILITY IMAP4rev1] hi\nC: A1 LOGIN …\nS: A1 OK [CAPABILITY IMAP4rev1] in").await;
    let (transport, spooler) = watcher(port);
    transport.watch(&spooler.support, &spooler.receipts(), &Notify::new()).await.unwrap();
    server.await.unwrap();
}

#[tokio::test]
async fn a_line_that_drops_is_said_so() {
    let (port, _server) = scripted(format!("{OPEN}\nC: A5 IDLE\nS: + idling\nX")).await;
    let (transport, spooler) = watcher(port);
    let end = transport.watch(&spooler.support, &spooler.receipts(), &Notify::new()).await.unwrap_err();
    assert_eq!(end.class, Class::Transient);
}

/// The clock stands still but for what the test moves it by, and so are the server's and the client's patience.
#[tokio::test]
async fn it_is_renewed_before_the_server_loses_patience_and_not_earlier() {
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (transport, spooler) = watcher(listener.local_addr().unwrap().port());
    let (receipts, again) = (spooler.receipts(), Notify::new());
    let server = async {
        let (stream, _) = listener.accept().await.unwrap();
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        write.write_all(b"* OK [CAPABILITY IMAP4rev1] hi\r\n").await.unwrap();
        while let Some(line) = lines.next_line().await.unwrap() {
            let tag = line.split(' ').next().unwrap();
            let answer = match line.split(' ').nth(1) {
                Some("LOGIN") => format!("{tag} OK [CAPABILITY IMAP4rev1 IDLE] in\r\n"),
                Some("EXAMINE") => format!("* OK [UIDVALIDITY 7] v\r\n{tag} OK open\r\n"),
                Some("IDLE") => break,
                _ => format!("{tag} OK done\r\n"),
            };
            write.write_all(answer.as_bytes()).await.unwrap();
        }
        tokio::time::pause();
        write.write_all(b"+ idling\r\n").await.unwrap();
        let began = tokio::time::Instant::now();
        // With nothing else to do the clock moves to the next time that somebody waits for.
        assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("DONE"));
        tokio::time::resume();
        let minutes = began.elapsed().as_secs() / 60;
        assert!((28..=29).contains(&minutes), "renewed after {minutes} minutes");
        spooler.cancel.cancel();
    };
    let (end, ()) = tokio::join!(transport.watch(&spooler.support, &receipts, &again), server);
    assert_eq!(end.unwrap_err().class, Class::Cancelled);
}
