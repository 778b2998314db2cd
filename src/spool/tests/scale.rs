//! What is done often costs the same at a hundred thousand envelopes as at a hundred. Cost is counted in the steps of
//! SQLite's machine, which no busy computer changes.

use rusqlite::{StatementStatus, params, params_from_iter};

use super::claim::{CANDIDATES, LIFTED};
use super::counts::{COUNTS, NEXT_DUE};
use super::list::page_sql;
use super::select::Conditions;
use super::*;

const MANY: u32 = 100_000;

/// A spool with so many envelopes queued, as many deferred until later, and as many sent.
fn filled(each: u32) -> Scene {
    let scene = Scene::new();
    scene
        .spool
        .db()
        .execute_batch(&format!(
            "BEGIN;
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {each} * 3)
             INSERT INTO message (id, author, subject, message_id, size, eight_bit, smtputf8, is_report)
             SELECT i, 'ann' || i % 977 || '@example.org', 'Subject ' || (i * 7919) % 100003, i, 1000, 0, 0, 0 FROM n;
             INSERT INTO envelope (id, message, transport, sender, state, size, queued_at, next_try, last_attempt)
             SELECT id, id, 'work', author, CASE id % 3 WHEN 0 THEN 2 WHEN 1 THEN 3 ELSE 6 END, size, {NOW} + id,
               CASE id % 3 WHEN 1 THEN {NOW} + 1000 + id END, {NOW} FROM message;
             INSERT INTO recipient (envelope, address, state) SELECT id, 'to@example.net', state FROM envelope;
             COMMIT"
        ))
        .expect("filled");
    scene
}

/// Steps of the machine for one statement read to its end, and its plan.
fn cost(scene: &Scene, sql: &str, values: impl rusqlite::Params) -> (i32, String) {
    let db = scene.spool.db();
    let mut statement = db.prepare(sql).expect("a statement");
    let mut rows = statement.query(values).expect("a query");
    while rows.next().expect("a row").is_some() {}
    drop(rows);
    let steps = statement.get_status(StatementStatus::VmStep);
    let mut explain = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("a plan");
    let plan = explain.raw_query().mapped(|row| row.get::<_, String>(3)).collect::<Result<Vec<_>, _>>().expect("read");
    (steps, plan.join("\n"))
}

#[test]
fn claims_and_counts_cost_the_same_at_any_size() {
    let claim = |scene: &Scene, state: QueueState, due: Seconds| {
        cost(scene, CANDIDATES, params!["work", state, due, 7, Seconds::MAX, 64])
    };
    let (few, mut many) = (filled(100), filled(MANY));
    for (state, due) in [
        (QueueState::Queued, NOW),
        (QueueState::Deferred, Seconds::MAX),
        // None of them is due: found out without looking at each.
        (QueueState::Deferred, NOW),
    ] {
        let ((at_few, _), (at_many, plan)) = (claim(&few, state, due), claim(&many, state, due));
        assert!(plan.contains("USING INDEX envelope_due (transport=? AND state=? AND due<?)"), "{plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{plan}");
        assert!(at_many <= at_few + 100, "{state:?}: {at_few} steps, then {at_many}");
    }

    let counted = many.spool.counts().expect("counts")["work"];
    assert_eq!((counted.queued, counted.deferred), (u64::from(MANY), u64::from(MANY)));
    assert_eq!(counted.oldest, Some(NOW + 1));
    assert_eq!(many.spool.next_due().expect("due")["work"], NOW + 1001);
    for (sql, state) in [(COUNTS, None), (NEXT_DUE, Some(QueueState::Deferred))] {
        let ((at_few, _), (at_many, plan)) =
            (cost(&few, sql, params_from_iter(state)), cost(&many, sql, params_from_iter(state)));
        assert!(at_many <= at_few + 100, "{at_few} steps, then {at_many}: {plan}");
    }
}

#[test]
fn a_run_by_hand_over_a_large_deferred_queue_costs_the_same_at_its_end_as_at_its_beginning() {
    let mut scene = filled(MANY);
    let lifted = |scene: &Scene| {
        let (steps, plan) = cost(scene, LIFTED, params!["work", i64::MIN, 6, NOW, 64]);
        assert!(plan.contains("USING INDEX envelope_tried (transport=? AND run>? AND run<?)"), "{plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{plan}");
        steps
    };
    let at_first = lifted(&scene);
    // All but the last few were tried in this run and deferred again.
    let db = scene.spool.db();
    db.execute("UPDATE envelope SET run = 7 WHERE state = 3 AND id < ?1", [3 * MANY - 191]).expect("set");
    // One was tried when the clock stood in the future.
    db.execute("UPDATE envelope SET run = 9000 WHERE state = 3 AND id = ?1", [3 * MANY - 2]).expect("set");
    let at_last = lifted(&scene);
    assert!(at_last <= at_first + 100, "{at_first} steps, then {at_last}");
    let by_hand = Eligibility { lift_back_off: true, only_deferred: true, run: 7, ..eligible(NOW) };
    let claimed = scene.spool.claim("work", 1000, u64::MAX, &by_hand).expect("a claim");
    assert!(claimed.iter().all(|one| one.envelope.0 >= i64::from(3 * MANY - 191)));
    assert_eq!(claimed.len(), 64);
    assert!(claimed.iter().any(|one| one.envelope.0 == i64::from(3 * MANY - 2)));
}

#[test]
fn a_page_near_the_end_is_found_without_reading_what_is_before_it() {
    let mut scene = filled(MANY);
    let query = ListQuery { offset: 90_000, limit: 100, ..ListQuery::default() };
    let conditions = Conditions::of_filter(&query.filter, NOW);
    let (steps, plan) = cost(&scene, &page_sql(&query, &conditions), params_from_iter(conditions.values()));
    assert!(plan.contains("SCAN e USING INDEX envelope_open"), "{plan}");
    assert!(!plan.contains("TEMP B-TREE") && !plan.contains(" m "), "{plan}");
    assert!(steps < 5 * 90_100, "{steps} steps");
    let page = scene.reader.list(&query, NOW).expect("a page");
    assert_eq!((page.total, page.messages.len()), (u64::from(2 * MANY), 100));
    let one = ListQuery { filter: Filter::parse("transport:work state:deferred").expect("a filter"), ..query };
    assert_eq!(scene.reader.list(&one, NOW).expect("a page").total, u64::from(MANY));
}

#[test]
fn filters_by_state_and_transport_read_nothing_but_an_index() {
    let mut scene = filled(MANY);
    for words in ["state:deferred transport:work", "state:queued,deferred", "transport:work"] {
        for (offset, descending) in [(0, false), (0, true), (99_900, false)] {
            let filter = Filter::parse(words).expect("a filter");
            let query = ListQuery { filter, offset, limit: 100, descending, ..ListQuery::default() };
            let conditions = Conditions::of_filter(&query.filter, NOW);
            let (steps, plan) = cost(&scene, &page_sql(&query, &conditions), params_from_iter(conditions.values()));
            assert!(plan.contains("SCAN e USING INDEX envelope_open"), "{words}: {plan}");
            assert!(!plan.contains("TEMP B-TREE FOR ORDER") && !plan.contains(" m "), "{words}: {plan}");
            // Every second in the index is in the state, and the index holds no sent ones.
            let read = i32::try_from(2 * (offset + 100)).expect("small");
            assert!(steps < 10 * read, "{words} at {offset}: {steps} steps");
        }
    }
    let nothing = |offset, words| {
        let filter = Filter::parse(words).expect("a filter");
        ListQuery { filter, offset, limit: 100, ..ListQuery::default() }
    };
    for (query, total) in [(nothing(0, "state:failed"), 0), (nothing(200_000, ""), u64::from(2 * MANY))] {
        assert_eq!(scene.reader.list(&query, NOW).expect("a page"), Page { total, messages: Vec::new() });
    }
}

#[test]
fn a_verb_on_a_hundred_thousand_is_one_transaction_of_few_statements() {
    let mut scene = filled(MANY);
    let all = Selection::Where(Filter::parse("state:queued").expect("a filter"));
    let held = scene.spool.change(&QueueVerb::Hold, &all, NOW).expect("held");
    assert_eq!(held.len(), MANY as usize);
    let counts = scene.spool.counts().expect("counts")["work"];
    assert_eq!((counts.queued, counts.held), (0, u64::from(MANY)));
    assert_eq!(scene.number("SELECT COUNT(*) FROM recipient WHERE state = 4"), i64::from(MANY));
}
