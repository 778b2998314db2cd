//! Pages and orders.

use super::*;

fn listed(scene: &mut Scene, query: &ListQuery) -> Vec<i64> {
    scene.reader.list(query, NOW).expect("a page").messages.iter().map(|row| row.id.0).collect()
}

/// Five envelopes whose orders differ.
fn scene() -> Scene {
    let mut scene = Scene::new();
    for (subject, from, size) in
        [("b", "e@x", 30), ("A", "D@x", 10), ("d", "c@x", 20), ("C", "b@x", 20), ("e", "a@x", 5)]
    {
        let mut new = message("work", &["to@example.net"]);
        (new.subject, new.from) = (subject.to_owned(), from.to_owned());
        submit(&scene.path, &new, &vec![b'x'; size]);
    }
    let claimed = scene.claim(NOW);
    scene.finish(&claimed[0], &[QueueState::Failed], None);
    scene.finish(&claimed[1], &[QueueState::Deferred], Some(NOW + 50));
    scene.finish(&claimed[2], &[QueueState::Deferred], Some(NOW + 20));
    scene.finish(&claimed[3], &[QueueState::InDoubt], None);
    scene
}

#[test]
fn every_order_is_total_and_turns_round() {
    let mut scene = scene();
    for (sort, ascending, descending) in [
        (SortKey::Submitted, [1, 2, 3, 4, 5], [5, 4, 3, 2, 1]),
        (SortKey::Size, [5, 2, 3, 4, 1], [1, 4, 3, 2, 5]),
        (SortKey::State, [5, 4, 2, 3, 1], [1, 3, 2, 4, 5]),
        (SortKey::Subject, [2, 1, 4, 3, 5], [5, 3, 4, 1, 2]),
        (SortKey::From, [5, 4, 3, 2, 1], [1, 2, 3, 4, 5]),
        (SortKey::NextTry, [3, 2, 1, 4, 5], [2, 3, 5, 4, 1]),
    ] {
        let query = ListQuery { sort, limit: 10, ..ListQuery::default() };
        assert_eq!(listed(&mut scene, &query), ascending, "{sort:?}");
        assert_eq!(listed(&mut scene, &ListQuery { descending: true, ..query }), descending, "{sort:?} descending");
    }
}

#[test]
fn pages_fit_together_and_know_the_total() {
    let mut scene = scene();
    let mut ids = Vec::new();
    for offset in (0..6).step_by(2) {
        let query = ListQuery { sort: SortKey::Size, offset, limit: 2, ..ListQuery::default() };
        ids.extend(listed(&mut scene, &query));
        assert_eq!(scene.reader.list(&query, NOW).expect("a page").total, 5);
    }
    assert_eq!(ids, [5, 2, 3, 4, 1]);
}

#[test]
fn sent_ones_are_listed_only_when_asked_for() {
    let mut scene = Scene::new();
    let (sent, queued) = (scene.submit(&["a@example.net"]), scene.submit(&["b@example.net"]));
    let claimed = scene.spool.claim("work", 1, 1, &eligible(NOW)).expect("a claim");
    scene.finish(&claimed[0], &[QueueState::Sent], None);
    let query = |text| ListQuery { filter: Filter::parse(text).expect("a filter"), limit: 9, ..ListQuery::default() };
    assert_eq!(listed(&mut scene, &query("")), [queued.0]);
    assert_eq!(listed(&mut scene, &query("state:sent")), [sent.0]);
    assert_eq!(listed(&mut scene, &query("state:sent,queued")), [sent.0, queued.0]);
    assert_eq!(scene.reader.list(&query("state:sent,queued"), NOW).expect("a page").total, 2);
}

#[test]
fn rows_name_a_hundred_recipients_and_details_all() {
    let mut scene = Scene::new();
    let to: Vec<String> = (0..150).map(|number| format!("{number}@example.net")).collect();
    let id = scene.submit(&to.iter().map(String::as_str).collect::<Vec<_>>());
    let page = scene.reader.list(&ListQuery { limit: 1, ..ListQuery::default() }, NOW).expect("a page");
    assert_eq!(page.messages[0].to, to[..100]);
    assert_eq!(scene.show(id).row.to, to);
}
