//! A view under random changes against the plain definition: filter, sort, compare.

use std::cmp::Ordering;

use proptest::prelude::*;

use super::*;
use crate::mapi::tag::{PR_DISPLAY_NAME, PR_ENTRYID, PR_SLUICE_HELD, PR_SLUICE_QUEUED};
use crate::mapi::{BitTest, EntryId, EventMask, PropValue, RelOp, ResourceType, Row, TableEvent};

const TAGS: [PropTag; 3] = [PR_DISPLAY_NAME, PR_SLUICE_QUEUED, PR_SLUICE_HELD];

#[derive(Debug, Clone)]
enum Change {
    Put(u8, Row),
    Merge(u8, Row),
    Delete(u8),
    Reload(Vec<(u8, Row)>),
}

fn key(number: u8) -> EntryId {
    EntryId::of(ResourceType::MAPI_TRANSPORT_PROVIDER, &number.to_string())
}

fn keyed(number: u8, cells: &Row) -> Row {
    let mut row = cells.clone();
    row.set(PR_ENTRYID, key(number).as_bytes().to_vec());
    row
}

fn cells() -> impl Strategy<Value = Row> {
    let text = prop::option::of("[aB]{0,2}");
    (text, prop::option::of(0..4), prop::option::of(0..4)).prop_map(|(name, queued, held)| {
        let mut row = Row::default();
        row.set_option(PR_DISPLAY_NAME, name).set_option(PR_SLUICE_QUEUED, queued).set_option(PR_SLUICE_HELD, held);
        row
    })
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => (0..6u8, cells()).prop_map(|(number, row)| Change::Put(number, row)),
        3 => (0..6u8, cells()).prop_map(|(number, row)| Change::Merge(number, row)),
        2 => (0..6u8).prop_map(Change::Delete),
        1 => prop::collection::btree_map(0..6u8, cells(), 0..6)
            .prop_map(|rows| Change::Reload(rows.into_iter().collect())),
    ]
}

fn restriction() -> impl Strategy<Value = Restriction> {
    let relop = prop::sample::select(&RelOp::ALL[..6]);
    let leaf = prop_oneof![
        (relop.clone(), 0..4).prop_map(|(relop, value)| Restriction::property(PR_SLUICE_QUEUED, relop, value)),
        (prop::sample::select(RelOp::ALL), "[aB*?]{0,2}").prop_map(|(relop, value)| Restriction::property(
            PR_DISPLAY_NAME,
            relop,
            value
        )),
        relop.prop_map(|relop| Restriction::CompareProps { relop, left: PR_SLUICE_QUEUED, right: PR_SLUICE_HELD }),
        (0..4u32).prop_map(|mask| Restriction::BitMask { test: BitTest::Clear, tag: PR_SLUICE_HELD, mask }),
        prop::sample::select(&TAGS[..]).prop_map(Restriction::Exist),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Restriction::And),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Restriction::Or),
            inner.prop_map(|part| Restriction::Not(Box::new(part))),
        ]
    })
}

fn sort_keys() -> impl Strategy<Value = Vec<SortKey>> {
    let key = (prop::sample::select(&TAGS[..]), any::<bool>())
        .prop_map(|(tag, down)| if down { SortKey::descending(tag) } else { SortKey::ascending(tag) });
    prop::collection::vec(key, 0..3)
}

/// The rows as a plain list, in the order in which they came.
#[derive(Default)]
struct Model(Vec<(u8, Row)>);

impl Model {
    fn apply(&mut self, change: &Change) {
        match change {
            Change::Put(number, row) => match self.0.iter_mut().find(|(other, _)| other == number) {
                Some((_, old)) => *old = row.clone(),
                None => self.0.push((*number, row.clone())),
            },
            Change::Merge(number, row) => {
                if let Some((_, old)) = self.0.iter_mut().find(|(other, _)| other == number) {
                    old.merge(row);
                }
            }
            Change::Delete(number) => self.0.retain(|(other, _)| other != number),
            Change::Reload(rows) => self.0.clone_from(rows),
        }
    }

    fn query(&self, restriction: &Restriction, keys: &[SortKey]) -> Vec<u8> {
        let mut rows: Vec<&(u8, Row)> = self.0.iter().filter(|(_, row)| plainly_matches(restriction, row)).collect();
        for key in keys.iter().rev() {
            rows.sort_by(|(_, left), (_, right)| {
                let (left, right) = (sort_value(left, key.tag), sort_value(right, key.tag));
                let down = *key == SortKey::descending(key.tag);
                if down { right.cmp(&left) } else { left.cmp(&right) }
            });
        }
        rows.into_iter().map(|(number, _)| *number).collect()
    }
}

fn sort_value(row: &Row, tag: PropTag) -> Option<(String, String, i64)> {
    let text = row.text(tag).unwrap_or_default();
    row.get(tag)?;
    Some((text.to_lowercase(), text.to_owned(), row.number(tag).unwrap_or_default()))
}

fn plainly_matches(restriction: &Restriction, row: &Row) -> bool {
    let holds = |relop: RelOp, ordering: Ordering| match relop {
        RelOp::Lt => ordering == Ordering::Less,
        RelOp::Le => ordering != Ordering::Greater,
        RelOp::Gt => ordering == Ordering::Greater,
        RelOp::Ge => ordering != Ordering::Less,
        RelOp::Eq => ordering == Ordering::Equal,
        RelOp::Ne => ordering != Ordering::Equal,
        RelOp::Re => panic!("patterns are compared by themselves"),
    };
    match restriction {
        Restriction::And(parts) => !parts.iter().any(|part| !plainly_matches(part, row)),
        Restriction::Or(parts) => parts.iter().any(|part| plainly_matches(part, row)),
        Restriction::Not(part) => !plainly_matches(part, row),
        Restriction::Property { relop: RelOp::Re, .. } => restriction.matches(row),
        Restriction::Property { relop, tag, value: PropValue::Text(value) } => {
            row.text(*tag).is_some_and(|text| holds(*relop, text.cmp(value)))
        }
        Restriction::Property { relop, tag, value } => {
            row.number(*tag).is_some_and(|number| holds(*relop, Some(number).cmp(&value.as_i64())))
        }
        Restriction::CompareProps { relop, left, right } => {
            matches!((row.number(*left), row.number(*right)), (Some(a), Some(b)) if holds(*relop, a.cmp(&b)))
        }
        Restriction::BitMask { tag, mask, .. } => row.number(*tag).is_some_and(|number| number & i64::from(*mask) == 0),
        Restriction::Exist(tag) => row.get(*tag).is_some(),
        other => panic!("not generated: {other:?}"),
    }
}

fn number(key: &EntryId) -> u8 {
    let (_, name) = key.parse().expect("our own");
    name.parse().expect("a number")
}

/// What a listener knows who keeps a list by the notifications alone.
fn follow(list: &mut Vec<u8>, table: &Table, note: &TableNotification) {
    if note.event == TableEvent::Reload {
        *list = shown(table);
        return;
    }
    let key = number(note.instance_key.as_ref().expect("a row event"));
    list.retain(|other| *other != key);
    if note.event != TableEvent::RowDeleted {
        let prior = note.prior_key.as_ref().map(number);
        let at = prior.map_or(0, |prior| 1 + list.iter().position(|other| *other == prior).expect("a row in view"));
        list.insert(at, key);
    }
}

fn shown(table: &Table) -> Vec<u8> {
    let rows = query_all_rows(table, Some(&[PR_ENTRYID]), None, None, 0).expect("no limit");
    let key = |row: &SRow| row.get(PR_ENTRYID).and_then(PropValue::as_binary).map(|key| EntryId::from(key.to_vec()));
    rows.iter().filter_map(key).map(|key| number(&key)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn checklist_13_any_restriction_and_sort_equals_the_plain_definition(
        changes in prop::collection::vec(change(), 0..24),
        restriction in restriction(),
        keys in sort_keys(),
    ) {
        let data = TableData::new(&[PR_ENTRYID]);
        let table = data.table();
        table.restrict(Some(restriction.clone())).expect("sound");
        table.sort_table(&keys).expect("supported");
        let connection = table.advise(EventMask::fnevTableModified).expect("a table notifies");
        let (mut model, mut followed) = (Model::default(), Vec::new());
        for change in &changes {
            model.apply(change);
            match change {
                Change::Put(number, row) => data.put(keyed(*number, row)).expect("sound"),
                // Merging into a row that is not there, and deleting it, changes nothing in either.
                Change::Merge(number, row) => drop(data.merge(&keyed(*number, row))),
                Change::Delete(number) => drop(data.delete(&key(*number))),
                Change::Reload(rows) => data.reload(rows.iter().map(|(number, row)| keyed(*number, row))).expect("sound"),
            }
            let expected = model.query(&restriction, &keys);
            prop_assert_eq!(shown(&table), expected.clone());
            prop_assert_eq!(table.row_count(), expected.len());
            for note in connection.notifications().try_iter() {
                follow(&mut followed, &table, &note);
            }
            prop_assert_eq!(&followed, &expected);
        }
        // A view that is made afterwards shows the same as the one that followed every change.
        let fresh = data.table();
        fresh.restrict(Some(restriction)).expect("sound");
        fresh.sort_table(&keys).expect("supported");
        prop_assert_eq!(shown(&fresh), shown(&table));
    }
}
