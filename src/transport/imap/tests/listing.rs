//! Listing a large folder of which all was received before, against servers that follow a script.

use super::*;

const FOLDER: &str = "imap:ann@127.0.0.1/INBOX";
const ALL: &str = "C: A4 UID SEARCH ALL";

/// A scene in which so many messages were received, all of what was there, in a folder with UIDVALIDITY 7.
async fn received(messages: u32) -> Scene {
    let scene = Scene::new();
    let all: Vec<String> = (1..=messages).map(|uid| uid.to_string()).collect();
    scene.spooler.memory().known.insert(format!("{FOLDER};7"), all.iter().cloned().collect());
    let list = format!("C: A3 UID SEARCH ALL\nS: * SEARCH {}\nS: A3 OK done", all.join(" "));
    scene.receive(After::Keep, &opened(7, messages, &format!("{list}\n{}", goodbye(4)))).await.unwrap();
    scene
}

/// Up to the open folder with so many messages.
fn opened(validity: u32, exists: u32, rest: &str) -> String {
    format!(
        "S: * OK [CAPABILITY IMAP4rev1] hi\nC: A1 LOGIN ann …\nS: A1 OK in
        C: A2 EXAMINE INBOX\nS: * {exists} EXISTS\nS: * OK [UIDVALIDITY {validity}] v\nS: A2 OK open\n{rest}"
    )
}

/// Asks for what came since the thousand messages, and hears this.
fn since(found: &str) -> String {
    format!("C: A3 UID SEARCH UID 1001:*\nS: * SEARCH {found}\nS: A3 OK done")
}

#[tokio::test]
async fn of_a_folder_that_was_received_whole_only_what_came_since_is_listed() {
    let scene = received(1000).await;
    // The last message is found whatever its number is.
    scene.receive(After::Keep, &opened(7, 1000, &format!("{}\n{}", since("1000"), goodbye(4)))).await.unwrap();
    assert_eq!(scene.spooler.memory().listed, [0, 0]);
    let fetch = "C: A4 UID FETCH 1007 (UID RFC822.SIZE)\nC: A5 UID FETCH 1007 …
        S: * 1001 FETCH (UID 1007 RFC822.SIZE 5)\nS: A4 OK done
        S: * 1001 FETCH (UID 1007 FLAGS () BODY[] {5}\nS: one\nS: )\nS: A5 OK done";
    let script = opened(7, 1001, &format!("{}\n{fetch}\n{}", since("1007"), goodbye(6)));
    scene.receive(After::Keep, &script).await.unwrap();
    assert_eq!((scene.known(7).len(), scene.files("new").len()), (1001, 1));
    // From there on.
    let later = "C: A3 UID SEARCH UID 1008:*\nS: * SEARCH\nS: A3 OK done";
    scene.receive(After::Keep, &opened(7, 1001, &format!("{later}\n{}", goodbye(4)))).await.unwrap();
}

#[tokio::test]
async fn what_is_gone_from_it_is_found_out_and_forgotten() {
    let scene = received(1000).await;
    let left: Vec<String> = (2..=1000).map(|uid| uid.to_string()).collect();
    let all = format!("{ALL}\nS: * SEARCH {}\nS: A4 OK done", left.join(" "));
    let script = opened(7, 999, &format!("{}\n{all}\n{}", since("1000"), goodbye(5)));
    scene.receive(After::Keep, &script).await.unwrap();
    assert!(!scene.known(7).contains(&"1".to_owned()) && scene.known(7).len() == 999);
    scene.receive(After::Keep, &opened(7, 999, &format!("{}\n{}", since("1000"), goodbye(4)))).await.unwrap();
}

#[tokio::test]
async fn one_gone_and_one_come_are_two_changes() {
    let scene = received(1000).await;
    let left: Vec<String> = (2..=1001).map(|uid| uid.to_string()).collect();
    let all = format!("{ALL}\nS: * SEARCH {}\nS: A4 OK done", left.join(" "));
    let fetch = "C: A5 UID FETCH 1001 (UID RFC822.SIZE)\nC: A6 UID FETCH 1001 …
        S: * 1000 FETCH (UID 1001 RFC822.SIZE 5)\nS: A5 OK done
        S: * 1000 FETCH (UID 1001 FLAGS () BODY[] {5}\nS: one\nS: )\nS: A6 OK done";
    let script = opened(7, 1000, &format!("{}\n{all}\n{fetch}\n{}", since("1001"), goodbye(7)));
    scene.receive(After::Keep, &script).await.unwrap();
    assert_eq!((scene.known(7).len(), scene.files("new").len()), (1000, 1));
}

#[tokio::test]
async fn numbers_given_anew_are_listed_whole() {
    let scene = received(1000).await;
    let all = format!("{ALL}\nS: * SEARCH\nS: A4 OK done");
    let script = opened(8, 0, &format!("{}\n{all}\n{}", since(""), goodbye(5)));
    scene.receive(After::Keep, &script).await.unwrap();
    assert_eq!(scene.spooler.memory().listed, [0, 0]);
}

/// A record that lost something is more than a mark that says all was there.
#[tokio::test]
async fn a_mark_counts_for_nothing_where_the_record_has_less() {
    let scene = received(1000).await;
    scene.spooler.memory().known.get_mut(&format!("{FOLDER};7")).unwrap().remove("77");
    let uids: Vec<String> = (1..=1000).map(|uid| uid.to_string()).collect();
    let all = format!("{ALL}\nS: * SEARCH {}\nS: A4 OK done", uids.join(" "));
    let fetch = "C: A5 UID FETCH 77 (UID RFC822.SIZE)\nC: A6 UID FETCH 77 …
        S: * 77 FETCH (UID 77 RFC822.SIZE 5)\nS: A5 OK done
        S: * 77 FETCH (UID 77 FLAGS () BODY[] {5}\nS: one\nS: )\nS: A6 OK done";
    let script = opened(7, 1000, &format!("{}\n{all}\n{fetch}\n{}", since("1000"), goodbye(7)));
    scene.receive(After::Keep, &script).await.unwrap();
    assert_eq!((scene.known(7).len(), scene.files("new").len()), (1000, 1));
}

#[tokio::test]
async fn a_message_that_could_not_be_had_is_listed_again() {
    let scene = received(1000).await;
    let refused = "C: A4 UID FETCH 1001 (UID RFC822.SIZE)\nC: A5 UID FETCH 1001 …
        S: * 1001 FETCH (UID 1001 RFC822.SIZE 5)\nS: A4 OK done\nS: A5 NO not now";
    for _ in 0..2 {
        let script = opened(7, 1001, &format!("{}\n{refused}\n{}", since("1001"), goodbye(6)));
        scene.receive(After::Keep, &script).await.unwrap();
    }
    assert_eq!(scene.spooler.memory().failed.len(), 2);
}
