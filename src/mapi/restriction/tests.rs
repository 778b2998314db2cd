//! Every kind of restriction on one row, and what is refused before any row is looked at.

use proptest::prelude::*;

use super::*;
use crate::mapi::tag::{
    PR_DISPLAY_NAME, PR_ENTRYID, PR_RESOURCE_METHODS, PR_RESOURCE_TYPE, PR_SLUICE_DEFERRED, PR_SLUICE_HONOURS_NO_UI,
    PR_SLUICE_OLDEST, PR_SLUICE_QUEUED, PR_STATUS_STRING,
};
use crate::mapi::{ResourceMethods, ResourceType};

fn row() -> Row {
    let mut row = Row::default();
    row.set(PR_DISPLAY_NAME, "Work")
        .set(PR_ENTRYID, vec![1, 2, 3])
        .set(PR_RESOURCE_TYPE, ResourceType::MAPI_TRANSPORT_PROVIDER.code())
        .set(PR_RESOURCE_METHODS, ResourceMethods::STATUS_FLUSH_QUEUES.bits().cast_signed())
        .set(PR_SLUICE_QUEUED, 7)
        .set(PR_SLUICE_DEFERRED, 7)
        .set(PR_SLUICE_HONOURS_NO_UI, true);
    row
}

fn holds_for(restriction: &Restriction) -> bool {
    restriction.check().expect("a sound restriction");
    restriction.matches(&row())
}

#[test]
fn checklist_13_every_relop_compares_row_with_constant() {
    let expected = [
        (RelOp::Lt, [false, false, true]),
        (RelOp::Le, [false, true, true]),
        (RelOp::Gt, [true, false, false]),
        (RelOp::Ge, [true, true, false]),
        (RelOp::Eq, [false, true, false]),
        (RelOp::Ne, [true, false, true]),
    ];
    for (relop, answers) in expected {
        for (constant, answer) in [6, 7, 8].into_iter().zip(answers) {
            let restriction = Restriction::property(PR_SLUICE_QUEUED, relop, constant);
            assert_eq!(holds_for(&restriction), answer, "7 {} {constant}", relop.name());
        }
    }
}

#[test]
fn checklist_13_relop_re_takes_stars_and_question_marks() {
    let cases = [
        ("Work", true),
        ("W*", true),
        ("*", true),
        ("W?rk", true),
        ("*o*k", true),
        ("**k", true),
        ("Work*", true),
        ("work", false),
        ("Wor", false),
        ("?", false),
        ("W*x", false),
        ("Work?", false),
        ("", false),
    ];
    for (pattern, answer) in cases {
        let restriction = Restriction::property(PR_DISPLAY_NAME, RelOp::Re, pattern);
        assert_eq!(holds_for(&restriction), answer, "{pattern}");
    }
    assert!(is_like("aXbXab", "a*ab") && is_like("héé", "h??") && is_like("", "*") && !is_like("", "?"));
}

#[test]
fn checklist_13_and_or_not_exist_bitmask() {
    let yes = || Restriction::Exist(PR_DISPLAY_NAME);
    let no = || Restriction::Exist(PR_STATUS_STRING);
    let not = |part: Restriction| Restriction::Not(Box::new(part));
    assert!(holds_for(&Restriction::And(vec![yes(), yes()])));
    assert!(!holds_for(&Restriction::And(vec![yes(), no()])));
    assert!(holds_for(&Restriction::Or(vec![no(), yes()])));
    assert!(!holds_for(&Restriction::Or(vec![no(), no()])));
    assert!(holds_for(&Restriction::And(Vec::new())) && !holds_for(&Restriction::Or(Vec::new())));
    assert!(holds_for(&not(no())) && !holds_for(&not(yes())));

    let flush = ResourceMethods::STATUS_FLUSH_QUEUES.bits();
    let validate = ResourceMethods::STATUS_VALIDATE_STATE.bits();
    assert!(holds_for(&Restriction::any_bit(PR_RESOURCE_METHODS, flush | validate)));
    assert!(!holds_for(&Restriction::any_bit(PR_RESOURCE_METHODS, validate)));
    let clear = |mask| Restriction::BitMask { test: BitTest::Clear, tag: PR_RESOURCE_METHODS, mask };
    assert!(holds_for(&clear(validate)) && !holds_for(&clear(flush)));
}

#[test]
fn checklist_13_compare_props_size_and_comment() {
    let compare = |relop| Restriction::CompareProps { relop, left: PR_SLUICE_QUEUED, right: PR_SLUICE_DEFERRED };
    assert!(holds_for(&compare(RelOp::Eq)) && !holds_for(&compare(RelOp::Lt)));
    let size = |tag, bytes| Restriction::Size { relop: RelOp::Eq, tag, bytes };
    assert!(holds_for(&size(PR_DISPLAY_NAME, 4)) && holds_for(&size(PR_ENTRYID, 3)));
    assert!(holds_for(&size(PR_SLUICE_QUEUED, 4)) && holds_for(&size(PR_SLUICE_HONOURS_NO_UI, 2)));
    let comment =
        |part: Option<Restriction>| Restriction::Comment { remarks: Vec::new(), restriction: part.map(Box::new) };
    assert!(holds_for(&comment(None)));
    assert!(!holds_for(&comment(Some(Restriction::Exist(PR_STATUS_STRING)))));
}

#[test]
fn checklist_13_content_by_part_and_case() {
    let content = |part, fuzzy, text: &str| Restriction::Content {
        part,
        fuzzy,
        tag: PR_DISPLAY_NAME,
        value: PropValue::from(text),
    };
    let exact = FuzzyFlags::empty();
    assert!(holds_for(&content(Match::Full, exact, "Work")) && !holds_for(&content(Match::Full, exact, "work")));
    assert!(holds_for(&content(Match::Prefix, exact, "Wo")) && !holds_for(&content(Match::Prefix, exact, "ork")));
    assert!(holds_for(&content(Match::Substring, exact, "or")) && !holds_for(&content(Match::Substring, exact, "ox")));
    assert!(holds_for(&content(Match::Substring, exact, "")));
    for loose in [FuzzyFlags::FL_IGNORECASE, FuzzyFlags::FL_LOOSE] {
        assert!(holds_for(&content(Match::Full, loose, "wORK")));
    }
    let bytes = Restriction::Content {
        part: Match::Substring,
        fuzzy: exact,
        tag: PR_ENTRYID,
        value: PropValue::Binary(vec![2, 3]),
    };
    assert!(holds_for(&bytes));
}

#[test]
fn checklist_13_what_does_not_fit_is_too_complex() {
    let unsound = [
        Restriction::equals(PR_RESOURCE_TYPE, "37"),
        Restriction::equals(PR_DISPLAY_NAME, 37),
        Restriction::equals(PR_SLUICE_OLDEST, 37_i64),
        Restriction::equals(PR_STATUS_STRING, MapiResult::NotFound),
        Restriction::property(PR_RESOURCE_TYPE, RelOp::Re, 37),
        Restriction::CompareProps { relop: RelOp::Eq, left: PR_RESOURCE_TYPE, right: PR_DISPLAY_NAME },
        Restriction::any_bit(PR_DISPLAY_NAME, 1),
        Restriction::Size { relop: RelOp::Re, tag: PR_DISPLAY_NAME, bytes: 1 },
        Restriction::SubRestriction {
            subobject: PR_ENTRYID,
            restriction: Box::new(Restriction::Exist(PR_DISPLAY_NAME)),
        },
        Restriction::Content {
            part: Match::Full,
            fuzzy: FuzzyFlags::FL_IGNORENONSPACE,
            tag: PR_DISPLAY_NAME,
            value: PropValue::from("work"),
        },
        Restriction::Content {
            part: Match::Full,
            fuzzy: FuzzyFlags::empty(),
            tag: PR_RESOURCE_TYPE,
            value: PropValue::Long(37),
        },
    ];
    for restriction in unsound {
        assert_eq!(restriction.check(), Err(MapiResult::TooComplex), "{restriction:?}");
        let nested = Restriction::Or(vec![Restriction::Exist(PR_ENTRYID), Restriction::Not(Box::new(restriction))]);
        assert_eq!(nested.check(), Err(MapiResult::TooComplex), "{nested:?}");
    }
    let deep = (0..DEPTH).fold(Restriction::Exist(PR_ENTRYID), |part, _| Restriction::Not(Box::new(part)));
    assert_eq!(deep.check(), Err(MapiResult::TooComplex));
}

#[test]
fn checklist_13_an_absent_cell_matches_nothing_but_not() {
    for relop in [RelOp::Eq, RelOp::Ne, RelOp::Lt, RelOp::Re] {
        let compare = Restriction::property(PR_STATUS_STRING, relop, "");
        assert!(!holds_for(&compare));
        assert!(holds_for(&Restriction::Not(Box::new(compare))));
    }
    let mut row = row();
    row.set(PR_STATUS_STRING, MapiResult::NoAccess);
    assert!(!Restriction::Exist(PR_STATUS_STRING).matches(&row), "an error is no value");
}

#[test]
fn text_is_found_under_the_eight_bit_tag_too() {
    let eight_bit = PropTag(0x3001_001E);
    assert!(holds_for(&Restriction::equals(eight_bit, "Work")));
    assert!(holds_for(&Restriction::Exist(eight_bit)));
}

proptest! {
    #[test]
    fn like_agrees_with_a_plain_recursion(text in "[ab]{0,8}", pattern in "[ab*?]{0,6}") {
        fn plain(text: &[u8], pattern: &[u8]) -> bool {
            match pattern.split_first() {
                None => text.is_empty(),
                Some((b'*', rest)) => (0..=text.len()).any(|skip| plain(&text[skip..], rest)),
                Some((p, rest)) => text.split_first().is_some_and(|(c, text)| (*p == b'?' || p == c) && plain(text, rest)),
            }
        }
        prop_assert_eq!(is_like(&text, &pattern), plain(text.as_bytes(), pattern.as_bytes()));
    }
}
