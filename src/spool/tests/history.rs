//! What is remembered: received messages, sent envelopes, contents, reports.

use super::*;
use crate::transport::ContentStore as _;

#[test]
fn how_a_run_ended_is_remembered_until_the_next_one() {
    let mut scene = Scene::new();
    let failure = Failure::new(Class::Offline, Stage::Connect, "mx:25", "connection refused");
    let failed = LastRun { at: Some(NOW), failure: Some(failure) };
    let well = LastRun { at: Some(NOW + 1), failure: None };
    let op = |last: &LastRun| SpoolOp::LastRun { transport: "work".to_owned(), last: last.clone() };
    scene.spool.apply(&[op(&failed)]).expect("written");
    let mut next = Spool::open(&scene.path).expect("opened");
    assert_eq!(next.last_runs().expect("read"), [("work".to_owned(), failed)].into());
    next.apply(&[op(&well)]).expect("written");
    assert_eq!(next.last_runs().expect("read"), [("work".to_owned(), well)].into());
}

#[test]
fn received_messages_are_known_by_transport_and_mailbox_until_forgotten() {
    let mut scene = Scene::new();
    let uids = |uids: &[&str]| uids.iter().map(|uid| (*uid).to_owned()).collect::<Vec<_>>();
    let received = |mailbox: &str, list: &[&str]| SpoolOp::Received {
        transport: "work".to_owned(),
        mailbox: mailbox.to_owned(),
        uids: uids(list),
        at: NOW,
    };
    scene.spool.apply(&[received("INBOX/1", &["1", "2"]), received("INBOX/1", &["2", "3"])]).expect("recorded");
    scene.spool.apply(&[received("INBOX/2", &["1"])]).expect("recorded");
    assert_eq!(scene.spool.known("work", "INBOX/1").expect("known"), uids(&["1", "2", "3"]));
    assert_eq!(scene.reader.known("work", "INBOX/2").expect("known"), uids(&["1"]));
    assert!(scene.spool.known("home", "INBOX/1").expect("known").is_empty());
    let (transport, mailbox) = ("work".to_owned(), "INBOX/1".to_owned());
    scene.spool.apply(&[SpoolOp::Forget { transport, mailbox, uids: uids(&["2"]) }]).expect("forgotten");
    assert_eq!(scene.spool.known("work", "INBOX/1").expect("known"), uids(&["1", "3"]));
}

#[test]
fn what_a_transport_remembers_is_its_own_and_good_for_as_long_as_it_said() {
    let mut scene = Scene::new();
    let remember = |transport: &str, value: Option<&str>, until: Option<Seconds>| SpoolOp::Remember {
        transport: transport.to_owned(),
        topic: "limit".to_owned(),
        value: value.map(str::to_owned),
        until,
    };
    scene.spool.apply(&[remember("work", Some("1"), None), remember("home", Some("7"), None)]).expect("written");
    scene.spool.apply(&[remember("work", Some("2"), Some(NOW + 10))]).expect("written");
    let mut next = Spool::open(&scene.path).expect("opened");
    let mut recall = |transport, topic, now| next.recall(transport, topic, now).expect("read");
    assert_eq!(recall("work", "limit", NOW + 9).as_deref(), Some("2"));
    assert_eq!((recall("work", "limit", NOW + 10), recall("work", "other", NOW)), (None, None));
    assert_eq!(recall("home", "limit", Seconds::MAX).as_deref(), Some("7"));
    next.apply(&[remember("home", None, None)]).expect("written");
    assert_eq!(next.recall("home", "limit", NOW).expect("read"), None);
}

#[test]
fn counts_tell_what_is_to_go_and_since_when() {
    let mut scene = Scene::new();
    for size in [10, 20, 40, 80] {
        submit(&scene.path, &message("work", &["a@example.net"]), &vec![b'x'; size]);
    }
    let claimed = scene.claim(NOW);
    scene.finish(&claimed[0], &[QueueState::Sent], None);
    scene.finish(&claimed[1], &[QueueState::Deferred], Some(NOW + 30));
    scene.finish(&claimed[2], &[QueueState::Failed], None);
    let counts = scene.spool.counts().expect("counts")["work"];
    assert_eq!((counts.queued, counts.deferred, counts.failed, counts.in_flight), (0, 1, 1, 1));
    assert_eq!((counts.bytes, counts.oldest), (100, Some(NOW)));
    assert_eq!(scene.reader.counts().expect("counts")["work"], counts);
    assert_eq!(scene.spool.next_due().expect("due")["work"], NOW + 30);
}

#[test]
fn pruning_forgets_what_was_sent_before_a_time_and_nothing_else() {
    let mut scene = Scene::new();
    let (sent, failed) = (scene.submit(&["a@example.net"]), scene.submit(&["b@example.net"]));
    let claimed = scene.claim(NOW);
    scene.finish(&claimed[0], &[QueueState::Sent], None);
    scene.finish(&claimed[1], &[QueueState::Failed], None);
    assert_eq!(scene.spool.prune(NOW + 5).expect("pruned"), 0, "sent at that very time");
    assert_eq!(scene.spool.prune(NOW + 6).expect("pruned"), 1);
    assert!(scene.reader.show(sent).expect("readable").is_none());
    assert!(scene.reader.show(failed).expect("readable").is_some());
    assert_eq!(scene.number("SELECT COUNT(*) FROM message"), 1);
}

#[test]
fn room_is_given_back_to_the_disk() {
    let mut scene = Scene::new();
    let ids = submit(&scene.path, &message("work", &["a@example.net"]), &vec![b'x'; 40 << 20]);
    assert!(scene.change(&QueueVerb::Delete, ids[0]));
    let before = scene.number("PRAGMA page_count");
    assert!(scene.number("PRAGMA freelist_count") > 10_000);
    scene.spool.prune(NOW).expect("pruned");
    // All but what the mail to come will need.
    assert_eq!(scene.number("PRAGMA freelist_count"), 8192);
    assert!(scene.number("PRAGMA page_count") < before - 1800);
}

#[test]
fn a_flipped_bit_is_never_sent() {
    let mut scene = Scene::new();
    let id = scene.submit(&["a@example.net"]);
    let large = submit(&scene.path, &message("work", &["b@example.net"]), &vec![b'x'; 100_000])[0];
    scene.spool.db().execute("UPDATE chunk SET bytes = CAST('y' || substr(bytes, 2) AS BLOB)", ()).expect("spoiled");
    let claimed = scene.claim(NOW);
    assert_eq!(claimed.len(), 2);
    assert!(claimed.iter().all(|one| one.inline.is_none()));
    let store = StoredContent::open(&scene.path).expect("contents");
    for one in &claimed {
        use crate::transport::ContentStore as _;
        assert!(store.chunk(one.message, 0).expect_err("spoiled").what.contains("not what was written"));
    }
    for id in [id, large] {
        assert!(matches!(scene.reader.write_content(id, &mut |_| Ok(())), Err(SpoolError::Damaged(_))));
    }
}

#[test]
fn large_contents_come_back_byte_for_byte_in_chunks() {
    let mut scene = Scene::new();
    // Two spills and a rest that ends within a chunk.
    let content: Vec<u8> = (0..9_000_001_u32).map(|place| (place % 251) as u8).collect();
    let ids = submit(&scene.path, &message("work", &["a@example.net"]), &content);
    let mut exported = Vec::new();
    let mut keep = |chunk: &[u8]| {
        exported.extend_from_slice(chunk);
        Ok(())
    };
    assert_eq!(scene.reader.write_content(ids[0], &mut keep).expect("exported"), content.len() as u64);
    assert!(exported == content);
    let claimed = scene.claim(NOW);
    assert_eq!((claimed[0].inline.as_ref(), claimed[0].size), (None, content.len() as u64));
    let store = StoredContent::open(&scene.path).expect("contents");
    let chunks = (0..).map_while(|number| store.chunk(claimed[0].message, number).expect("readable"));
    assert!(chunks.flatten().collect::<Vec<u8>>() == content);
    assert_eq!(scene.number("SELECT COUNT(*) FROM message WHERE staged_by IS NOT NULL"), 0);
}

#[test]
fn a_piece_that_is_missing_is_not_the_end() {
    let mut scene = Scene::new();
    let content = vec![b'x'; 3 * CHUNK_BYTES];
    submit(&scene.path, &message("work", &["a@example.net"]), &content);
    let claimed = scene.claim(NOW);
    scene.spool.db().execute("DELETE FROM chunk WHERE number = 1", ()).expect("spoiled");
    let store = StoredContent::open(&scene.path).expect("contents");
    assert!(store.chunk(claimed[0].message, 0).is_ok());
    assert_eq!(store.chunk(claimed[0].message, 1).map_err(|failure| failure.class), Err(Class::Local));
}

#[test]
fn reports_are_due_on_refused_recipients_and_not_on_reports() {
    let mut scene = Scene::new();
    let id =
        submit(&scene.path, &message("work", &["a@example.net", "b@example.net"]), b"Subject: x\r\nTo: a\r\n\r\nhi")[0];
    let claimed = scene.claim(NOW);
    let about: Vec<RecipientId> = claimed[0].recipients.iter().map(|(id, _)| *id).collect();
    scene.finish(&claimed[0], &[QueueState::Sent, QueueState::Failed], None);
    let input = scene.reader.report_input(id, &about).expect("readable").expect("due");
    assert_eq!((input.to.as_str(), input.message_id.as_str()), ("bounce@example.org", "1@example.org"));
    assert_eq!(input.refused.iter().map(|to| to.address.as_str()).collect::<Vec<_>>(), ["b@example.net"]);
    assert!(input.refused[0].failure.is_some());
    assert_eq!(input.original, b"Subject: x\r\nTo: a\r\n\r\nhi");
    assert_eq!(scene.reader.report_input(id, &about[..1]).expect("readable"), None, "that one was sent");

    let report = NewMessage { is_report: true, ..message("work", &["a@example.net"]) };
    let bounce = NewMessage { sender: String::new(), ..message("work", &["a@example.net"]) };
    for message in [report, bounce] {
        let id = submit(&scene.path, &message, b"x")[0];
        let claimed = scene.claim(NOW);
        scene.finish(&claimed[0], &[QueueState::Failed], None);
        let about = [claimed[0].recipients[0].0];
        assert_eq!(scene.reader.report_input(id, &about).expect("readable"), None);
    }
}
