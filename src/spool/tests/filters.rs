//! Reading filters, and what they select.

use super::*;

#[test]
fn every_word_of_the_contract_is_read() {
    let filter = Filter::parse("state:deferred to:example.net from:ann age>2h size>1M transport:work text");
    let expected = Filter {
        states: vec![QueueState::Deferred],
        transports: vec!["work".to_owned()],
        from: vec!["ann".to_owned()],
        to: vec!["example.net".to_owned()],
        age_at_least_s: Some(7200),
        age_at_most_s: None,
        size_at_least: Some(1 << 20),
        size_at_most: None,
        text: vec!["text".to_owned()],
    };
    assert_eq!(filter, Ok(expected));
    assert_eq!(Filter::parse("  \t "), Ok(Filter::default()));
}

#[test]
fn states_may_be_several_and_bounds_narrow_each_other() {
    let filter = Filter::parse("state:held,failed state:sent age>1h age>2d age<1w size<10k size<2k").expect("a filter");
    assert_eq!(filter.states, [QueueState::Held, QueueState::Failed, QueueState::Sent]);
    assert_eq!((filter.age_at_least_s, filter.age_at_most_s), (Some(2 * 86_400), Some(604_800)));
    assert_eq!((filter.size_at_least, filter.size_at_most), (None, Some(2048)));
}

#[test]
fn quotes_keep_spaces_and_make_text_of_what_looks_like_a_key() {
    let filter = Filter::parse(r#"from:"Ann Lee" "re: offer" "" x"y z"w :-)"#).expect("a filter");
    assert_eq!(filter.from, ["Ann Lee"]);
    assert_eq!(filter.text, ["re: offer", "xy zw", ":-)"]);
}

#[test]
fn errors_name_the_word_and_what_is_allowed() {
    for (text, word, allowed) in [
        ("ok stat:held", "stat:held", "state:"),
        ("state:lost", "state:lost", "in_doubt"),
        ("age>soon", "age>soon", "age>2h"),
        ("age>7", "age>7", "one of s, m, h, d, w"),
        ("age:2h", "age:2h", "age>"),
        ("size<1X", "size<1X", "K, M or G"),
        ("size>99999999999999999999", "size>99999999999999999999", "size>1M"),
        ("to:", "to:", "nothing follows"),
        ("from:\"ann", "from:\"ann", "not closed"),
    ] {
        let error = Filter::parse(text).expect_err(text).to_string();
        assert!(error.contains(&format!("`{word}`")) && error.contains(allowed), "{text}: {error}");
    }
}

proptest::proptest! {
    /// Whatever is typed, it is read or refused; and what is read is good SQL.
    #[test]
    fn nothing_typed_breaks_the_statement(text in "(state:|to:|from:|age>|size<|\"|'|%|_|\\\\|;|--|[a-z0-9 ]){0,12}") {
        use std::sync::{LazyLock, Mutex};
        static SCENE: LazyLock<Mutex<Scene>> = LazyLock::new(|| Mutex::new(Scene::new()));
        if let Ok(filter) = Filter::parse(&text) {
            let query = ListQuery { filter, limit: 10, ..ListQuery::default() };
            let mut scene = SCENE.lock().expect("no test before it failed");
            assert_eq!(scene.reader.list(&query, NOW).expect("a page"), Page::default());
        }
    }
}

#[test]
fn each_word_selects_what_it_says() {
    let mut scene = Scene::new();
    let add = |scene: &Scene, from: &str, to: &str, subject: &str, size: usize| {
        let mut new = message("work", &[to, "second@example.edu"]);
        (new.from, new.subject) = (from.to_owned(), subject.to_owned());
        submit(&scene.path, &new, &vec![b'x'; size])[0]
    };
    let plain = add(&scene, "ann@example.org", "bob@example.net", "Lunch at 100%", 10);
    let large = add(&scene, "joe@example.org", "cy@example.com", "a_b", 5000);
    let held = add(&scene, "ann_b@example.org", "dee@example.com", "Dinner", 10);
    assert!(scene.change(&QueueVerb::Hold, held));
    let mut listed = |text: &str, now: Seconds| -> Vec<EnvelopeId> {
        let query = ListQuery { filter: Filter::parse(text).expect(text), limit: 10, ..ListQuery::default() };
        let page = scene.reader.list(&query, now).expect("a page");
        assert_eq!(page.total, page.messages.len() as u64);
        page.messages.iter().map(|row| row.id).collect()
    };
    assert_eq!(listed("", NOW), [plain, large, held]);
    assert_eq!(listed("state:held", NOW), [held]);
    assert_eq!(listed("from:ANN", NOW), [plain, held]);
    assert_eq!(listed("from:bounce@", NOW).len(), 3, "the reverse path is a sender as well");
    assert_eq!(listed("to:example.com", NOW), [large, held]);
    assert_eq!(listed("to:example.com to:second", NOW), [large, held]);
    assert_eq!(listed("size>4k", NOW), [large]);
    assert_eq!(listed("size<10", NOW), [plain, held]);
    assert_eq!(listed("100%", NOW), [plain], "a percent sign is itself");
    assert_eq!(listed("n_b", NOW), [held], "so is an underline");
    assert_eq!(listed("a_b", NOW), [large]);
    assert_eq!(listed("example.com lunch", NOW), []);
    assert_eq!(listed("bob lunch", NOW), [plain]);
    assert_eq!(listed("transport:home", NOW), []);
    assert_eq!(listed("transport:home transport:work", NOW).len(), 3);
    assert_eq!(listed("age>1m", NOW + 59), []);
    assert_eq!(listed("age>1m", NOW + 60).len(), 3);
    assert_eq!(listed("age<1m", NOW + 61), []);
}

#[test]
fn verbs_take_filters_too() {
    let mut scene = Scene::new();
    let ids = [scene.submit(&["a@example.net"]), scene.submit(&["b@example.com"]), scene.submit(&["c@example.net"])];
    let filter = Filter::parse("to:example.net").expect("a filter");
    let changed = scene.spool.change(&QueueVerb::Hold, &Selection::Where(filter), NOW).expect("changed");
    assert_eq!(changed, [ids[0], ids[2]]);
}
