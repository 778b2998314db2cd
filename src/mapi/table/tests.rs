//! Views of a table: columns, cursor, order, searches, and what listeners are told.

use super::*;
use crate::mapi::tag::{
    PR_DISPLAY_NAME, PR_ENTRYID, PR_IDENTITY_DISPLAY, PR_IDENTITY_ENTRYID, PR_IDENTITY_SEARCH_KEY, PR_INSTANCE_KEY,
    PR_NULL, PR_OBJECT_TYPE, PR_RESOURCE_TYPE, PR_ROWID, PR_SLUICE_DEFERRED, PR_SLUICE_QUEUED, PR_STATUS_STRING,
};
use crate::mapi::{
    EntryId, EventMask, FindRowFlags, MAPI_STATUS, PropValue, QueryColumnsFlags, ResourceType, Row, SortOrder,
    TableEvent,
};

const NAME: &[PropTag] = &[PR_DISPLAY_NAME];

fn key(name: &str) -> EntryId {
    let kind = if name == "spooler" { ResourceType::MAPI_SPOOLER } else { ResourceType::MAPI_TRANSPORT_PROVIDER };
    EntryId::of(kind, name)
}

fn row(name: &str) -> Row {
    let key = key(name);
    let (kind, _) = key.parse().expect("our own");
    let mut row = Row::default();
    row.set(PR_ENTRYID, key.as_bytes().to_vec()).set(PR_DISPLAY_NAME, name).set(PR_RESOURCE_TYPE, kind.code());
    row
}

fn data(names: &[&str]) -> TableData {
    let data = TableData::new(&[PR_DISPLAY_NAME, PR_ENTRYID, PR_RESOURCE_TYPE]);
    for name in names {
        data.put(row(name)).expect("a sound row");
    }
    data
}

fn names(rows: &[SRow]) -> Vec<&str> {
    rows.iter().filter_map(|row| row.get(PR_DISPLAY_NAME)?.as_text()).collect()
}

fn all(table: &Table) -> Vec<SRow> {
    query_all_rows(table, None, None, None, 0).expect("no limit")
}

fn next(table: &Table, count: i32) -> Vec<String> {
    let rows = table.query_rows(count, QueryRowsFlags::empty()).expect("not zero");
    names(&rows).into_iter().map(str::to_owned).collect()
}

fn advised(table: &Table) -> Connection {
    table.advise(EventMask::fnevTableModified).expect("a table notifies")
}

/// What arrived: event, key, prior key.
fn arrived(connection: &Connection) -> Vec<(TableEvent, Option<EntryId>, Option<EntryId>)> {
    connection.notifications().try_iter().map(|note| (note.event, note.instance_key, note.prior_key)).collect()
}

fn by_type(kind: ResourceType) -> Restriction {
    Restriction::equals(PR_RESOURCE_TYPE, kind.code())
}

#[test]
fn checklist_03_the_four_computed_columns_are_filled_in() {
    let table = data(&["spooler", "work"]).table();
    table.set_columns(&[PR_ENTRYID, PR_INSTANCE_KEY, PR_ROWID, PR_OBJECT_TYPE]).expect("columns");
    for (number, (row, name)) in all(&table).iter().zip(["spooler", "work"]).enumerate() {
        let bytes = PropValue::Binary(key(name).as_bytes().to_vec());
        let number = PropValue::Long(i32::try_from(number).expect("few"));
        let expected = [bytes.clone(), bytes, number, PropValue::Long(MAPI_STATUS)];
        assert_eq!(row.cells().map(|(_, value)| value).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn a_row_that_contradicts_its_computed_columns_is_refused() {
    let data = data(&[]);
    let mut foreign = row("work");
    foreign.set(PR_OBJECT_TYPE, 5);
    let mut other_key = row("work");
    other_key.set(PR_INSTANCE_KEY, vec![9]);
    let mut nobody = row("work");
    nobody.clear(PR_ENTRYID);
    for bad in [foreign, other_key, nobody] {
        assert_eq!(data.put(bad), Err(MapiResult::InvalidParameter));
    }
    assert_eq!(data.reload([row("a"), row("a")]), Err(MapiResult::InvalidParameter), "a key twice");
    assert_eq!(data.table().row_count(), 0);
}

#[test]
fn checklist_04_a_missing_cell_is_not_found_and_neither_empty_nor_zero() {
    let data = data(&["work"]);
    let mut with_empty = row("home");
    with_empty.set(PR_STATUS_STRING, "").set(PR_SLUICE_QUEUED, 0);
    data.put(with_empty).expect("a sound row");
    let table = data.table();
    table.set_columns(&[PR_STATUS_STRING, PR_SLUICE_QUEUED]).expect("columns");
    let rows: Vec<Vec<_>> = all(&table).iter().map(|row| row.cells().collect()).collect();
    let absent = PropValue::Error(MapiResult::NotFound);
    assert_eq!(rows[0], [(PR_STATUS_STRING, absent.clone()), (PR_SLUICE_QUEUED, absent)]);
    assert_eq!(rows[1], [(PR_STATUS_STRING, PropValue::from("")), (PR_SLUICE_QUEUED, PropValue::Long(0))]);
}

#[test]
fn checklist_05_identity_columns_come_all_three_or_not_at_all() {
    let data = data(&[]);
    let identity = [PR_IDENTITY_DISPLAY, PR_IDENTITY_ENTRYID, PR_IDENTITY_SEARCH_KEY];
    let mut work = row("work");
    work.set(PR_IDENTITY_DISPLAY, "Ada").set(PR_IDENTITY_ENTRYID, vec![1]);
    data.put(work).expect("a sound row");
    let shown = |data: &TableData| {
        let row = data.row(&key("work")).expect("the row");
        identity.iter().filter(|tag| row.get(**tag).is_some()).count()
    };
    assert_eq!(shown(&data), 0, "two of three");
    let mut update = row("work");
    update.set(PR_IDENTITY_DISPLAY, "Ada").set(PR_IDENTITY_ENTRYID, vec![1]).set(PR_IDENTITY_SEARCH_KEY, vec![2]);
    data.merge(&update).expect("the row is there");
    assert_eq!(shown(&data), 3);
}

#[test]
fn checklist_07_an_update_merges_only_the_columns_it_passes() {
    let data = data(&["work"]);
    let mut update = Row::default();
    update.set(PR_ENTRYID, key("work").as_bytes().to_vec()).set(PR_SLUICE_QUEUED, 3);
    data.merge(&update).expect("the row is there");
    let merged = data.row(&key("work")).expect("the row");
    assert_eq!((merged.number(PR_SLUICE_QUEUED), merged.text(PR_DISPLAY_NAME)), (Some(3), Some("work")));
    update.set(PR_SLUICE_QUEUED, PropValue::ABSENT);
    data.merge(&update).expect("the row is there");
    assert_eq!(data.row(&key("work")).expect("the row").get(PR_SLUICE_QUEUED), None);
    update.set(PR_ENTRYID, key("gone").as_bytes().to_vec());
    assert_eq!(data.merge(&update), Err(MapiResult::NotFound));
}

#[test]
fn checklist_08_rows_come_and_go_with_notifications() {
    let data = data(&["spooler"]);
    let table = data.table();
    let connection = advised(&table);
    data.put(row("work")).expect("a sound row");
    data.delete(&key("work")).expect("the row is there");
    assert_eq!(data.delete(&key("work")), Err(MapiResult::NotFound));
    let (work, spooler) = (Some(key("work")), Some(key("spooler")));
    assert_eq!(
        arrived(&connection),
        [(TableEvent::RowAdded, work.clone(), spooler), (TableEvent::RowDeleted, work, None)]
    );
}

#[test]
fn checklist_09_a_change_reaches_every_sink_that_sees_the_row() {
    let data = data(&["spooler", "work"]);
    let (table, transports) = (data.table(), data.table());
    transports.restrict(Some(by_type(ResourceType::MAPI_TRANSPORT_PROVIDER))).expect("sound");
    let sinks = [advised(&table), advised(&table), advised(&transports)];
    let change = |name: &str, queued: i32| {
        let mut update = row(name);
        update.set(PR_SLUICE_QUEUED, queued);
        data.merge(&update).expect("the row is there");
    };
    change("work", 1);
    change("work", 1);
    let modified = |name: &str, prior: Option<&str>| (TableEvent::RowModified, Some(key(name)), prior.map(key));
    assert_eq!(arrived(&sinks[0]), [modified("work", Some("spooler"))], "once: the second changed nothing");
    assert_eq!(arrived(&sinks[1]), [modified("work", Some("spooler"))]);
    assert_eq!(arrived(&sinks[2]), [modified("work", None)], "the first of its view");
    change("spooler", 1);
    assert_eq!(arrived(&sinks[0]), [modified("spooler", None)]);
    assert_eq!(arrived(&sinks[2]), [], "hidden by the restriction");
}

#[test]
fn checklist_09_a_row_that_enters_or_leaves_the_restriction_is_added_or_deleted() {
    let data = data(&["work"]);
    let table = data.table();
    table.set_columns(&[PR_SLUICE_QUEUED]).expect("columns");
    table.restrict(Some(Restriction::property(PR_SLUICE_QUEUED, crate::mapi::RelOp::Gt, 0))).expect("sound");
    let connection = advised(&table);
    for queued in [0, 2, 1, 0] {
        let mut update = row("work");
        update.set(PR_SLUICE_QUEUED, queued);
        data.merge(&update).expect("the row is there");
    }
    let notes: Vec<_> = connection.notifications().try_iter().collect();
    let events: Vec<_> = notes.iter().map(|note| note.event).collect();
    assert_eq!(events, [TableEvent::RowAdded, TableEvent::RowModified, TableEvent::RowDeleted]);
    let cells: Vec<_> = notes[0].row.as_ref().expect("an added row").cells().collect();
    assert_eq!(cells, [(PR_SLUICE_QUEUED, PropValue::Long(2))], "in the columns of the view");
    assert_eq!(notes[2].row, None);
}

#[test]
fn checklist_10_a_notification_waits_in_a_channel_for_the_thread_that_reads_it() {
    let data = data(&["work"]);
    let table = data.table();
    let connection = advised(&table);
    let writer = {
        let data = data.clone();
        std::thread::spawn(move || data.put(row("home")))
    };
    let note = connection.notifications().recv().expect("the table lives");
    assert_eq!((note.event, note.instance_key), (TableEvent::RowAdded, Some(key("home"))));
    assert_eq!(writer.join().expect("no panic"), Ok(()));
    drop(table);
    assert!(connection.notifications().recv().is_err(), "released");
}

#[test]
fn a_listener_that_never_reads_gets_one_reload_for_all_it_missed() {
    let data = data(&["work"]);
    let table = data.table();
    let connection = advised(&table);
    let mut update = row("work");
    for queued in 0..=i32::try_from(BACKLOG).expect("small") {
        data.merge(update.set(PR_SLUICE_QUEUED, queued)).expect("the row is there");
    }
    assert_eq!(arrived(&connection), [(TableEvent::Reload, None, None)]);
    data.reload([row("home")]).expect("sound rows");
    assert_eq!(arrived(&connection), [(TableEvent::Reload, None, None)]);
    assert_eq!(names(&all(&table)), ["home"]);
}

#[test]
fn unadvise_ends_it_and_other_masks_are_not_supported() {
    let data = data(&["work"]);
    let table = data.table();
    for mask in [EventMask::empty(), EventMask::fnevStatusObjectModified, EventMask::all()] {
        assert_eq!(table.advise(mask).err(), Some(MapiResult::NoSupport));
    }
    let connection = advised(&table);
    let channel = connection.notifications().clone();
    table.unadvise(connection);
    data.put(row("home")).expect("a sound row");
    assert_eq!(channel.try_iter().count(), 0);
}

#[test]
fn checklist_11_set_columns_limits_and_orders_and_fails_only_in_rows() {
    let table = data(&["work"]).table();
    assert_eq!(table.query_columns(QueryColumnsFlags::empty()), [PR_DISPLAY_NAME, PR_ENTRYID, PR_RESOURCE_TYPE]);
    assert_eq!(table.set_columns(&[]), Err(MapiResult::InvalidParameter));
    let unknown = PropTag(0x6FFF_0003);
    table.set_columns(&[PR_RESOURCE_TYPE, PR_NULL, unknown]).expect("any tag will do");
    let rows = all(&table);
    let cells: Vec<_> = rows[0].cells().collect();
    let kind = ResourceType::MAPI_TRANSPORT_PROVIDER.code();
    let expected =
        [(PR_RESOURCE_TYPE, PropValue::Long(kind)), (PR_NULL, PropValue::Null), (unknown, PropValue::ABSENT)];
    assert_eq!(cells, expected);
    assert_eq!(rows[0].get(PR_DISPLAY_NAME), None, "not in the column set");
    let mut just_the_kind = Row::default();
    just_the_kind.set(PR_RESOURCE_TYPE, kind);
    assert_eq!(rows[0].to_row(), just_the_kind);
    assert!(table.query_columns(QueryColumnsFlags::TBL_ALL_COLUMNS).contains(&PR_DISPLAY_NAME));
}

#[test]
fn checklist_12_resource_type_finds_one_spooler_and_all_transports() {
    let table = data(&["spooler", "work", "home"]).table();
    let find = |kind| query_all_rows(&table, Some(NAME), Some(by_type(kind)), None, 0).expect("sound");
    assert_eq!(names(&find(ResourceType::MAPI_SPOOLER)), ["spooler"]);
    assert_eq!(names(&find(ResourceType::MAPI_TRANSPORT_PROVIDER)), ["work", "home"]);
    assert_eq!(names(&find(ResourceType::MAPI_AB)), [""; 0]);
    assert_eq!(table.restrict(Some(Restriction::equals(PR_RESOURCE_TYPE, "37"))), Err(MapiResult::TooComplex));
    assert_eq!(table.row_count(), 0, "the refused restriction left the old one");
    table.restrict(None).expect("nothing to check");
    assert_eq!(table.row_count(), 3);
}

#[test]
fn checklist_14_query_all_rows_guards_against_more_than_the_maximum() {
    let table = data(&["a", "b", "c"]).table();
    let query = |max| query_all_rows(&table, None, None, None, max).map(|rows| rows.len());
    assert_eq!(query(0), Ok(3));
    assert_eq!(query(3), Ok(3));
    assert_eq!(query(2), Err(MapiResult::TableTooBig));
}

#[test]
fn checklist_15_find_row_by_instance_key() {
    let table = data(&["a", "b", "c"]).table();
    let wanted = |name: &str| Restriction::equals(PR_INSTANCE_KEY, key(name).as_bytes().to_vec());
    let forward = FindRowFlags::empty();
    table.find_row(&wanted("b"), Bookmark::Beginning, forward).expect("there");
    assert_eq!(next(&table, 1), ["b"]);
    assert_eq!(table.find_row(&wanted("x"), Bookmark::Beginning, forward), Err(MapiResult::NotFound));
    assert_eq!(table.find_row(&wanted("a"), Bookmark::Current, forward), Err(MapiResult::NotFound));
    assert_eq!(next(&table, 1), ["c"], "a search in vain leaves the cursor");
    assert_eq!(table.find_row(&wanted("a"), Bookmark::End, forward), Err(MapiResult::NotFound));
    table.find_row(&wanted("a"), Bookmark::End, FindRowFlags::DIR_BACKWARD).expect("there");
    assert_eq!(next(&table, 1), ["a"]);
    let unsound = Restriction::equals(PR_INSTANCE_KEY, 1);
    assert_eq!(table.find_row(&unsound, Bookmark::Beginning, forward), Err(MapiResult::TooComplex));
}

#[test]
fn find_row_backward_finds_the_last_before_the_bookmark() {
    let table = data(&["a", "b", "c"]).table();
    let any = Restriction::Exist(PR_DISPLAY_NAME);
    table.seek_row(Bookmark::Beginning, 2);
    table.find_row(&any, Bookmark::Current, FindRowFlags::DIR_BACKWARD).expect("there");
    assert_eq!(next(&table, 1), ["b"]);
}

#[test]
fn query_rows_reads_both_ways_and_can_leave_the_cursor() {
    let table = data(&["a", "b", "c", "d"]).table();
    assert_eq!(table.query_rows(0, QueryRowsFlags::empty()).err(), Some(MapiResult::InvalidParameter));
    assert_eq!(next(&table, 3), ["a", "b", "c"]);
    assert_eq!(next(&table, -2), ["b", "c"], "back two, then forward");
    assert_eq!(next(&table, 5), ["d"]);
    assert_eq!(next(&table, 1), [""; 0], "the end");
    let stay = table.query_rows(-2, QueryRowsFlags::TBL_NOADVANCE).expect("not zero");
    assert_eq!(names(&stay), ["c", "d"]);
    assert_eq!(next(&table, 1), ["c"], "the cursor stayed on the first row returned");
    assert_eq!(next(&table, i32::MIN), ["a", "b", "c"]);
}

#[test]
fn seek_row_stops_at_the_edges() {
    let table = data(&["a", "b", "c"]).table();
    assert_eq!(table.seek_row(Bookmark::End, -2), -2);
    assert_eq!(next(&table, 1), ["b"]);
    assert_eq!(table.seek_row(Bookmark::Current, isize::MAX), 1);
    assert_eq!(table.seek_row(Bookmark::Current, isize::MIN), -3);
}

#[test]
fn the_cursor_stays_between_the_same_rows_while_the_data_changes() {
    let data = data(&["a", "b", "c", "d"]);
    let table = data.table();
    assert_eq!(next(&table, 2), ["a", "b"]);
    data.delete(&key("a")).expect("there");
    let mut b = row("b");
    data.put(b.set(PR_SLUICE_QUEUED, 1).clone()).expect("sound");
    assert_eq!(next(&table, 1), ["c"]);
    let mut first = row("zero");
    data.put(first.set(PR_ROWID, -1).clone()).expect("sound");
    assert_eq!(next(&table, 1), ["d"], "a row that came before the cursor");
    assert_eq!(names(&all(&table)), ["zero", "b", "c", "d"]);
}

#[test]
fn sort_by_several_keys_absent_first_and_text_without_case() {
    let data = data(&[]);
    for (name, queued) in [("b", Some(1)), ("A", Some(1)), ("c", Some(2)), ("d", None)] {
        let mut row = row(name);
        data.put(row.set_option(PR_SLUICE_QUEUED, queued).clone()).expect("sound");
    }
    let table = data.table();
    let sorted = |keys: &[SortKey]| {
        table.sort_table(keys).expect("supported");
        next(&table, 9)
    };
    let keys = [SortKey::descending(PR_SLUICE_QUEUED), SortKey::ascending(PR_DISPLAY_NAME)];
    assert_eq!(sorted(&keys), ["c", "A", "b", "d"]);
    assert_eq!(sorted(&[SortKey::ascending(PR_SLUICE_QUEUED)]), ["d", "b", "A", "c"], "equal ones by row number");
    let combine = SortKey { tag: PR_DISPLAY_NAME, order: SortOrder::Combine };
    assert_eq!(table.sort_table(&[combine]), Err(MapiResult::NoSupport));
    assert_eq!(names(&all(&table)), ["d", "b", "A", "c"], "the old order");
    assert_eq!(sorted(&[]), ["b", "A", "c", "d"]);
}

#[test]
fn a_row_that_moves_in_the_order_is_modified_with_its_new_prior() {
    let data = data(&["a", "b"]);
    let table = data.table();
    table.sort_table(&[SortKey::ascending(PR_SLUICE_DEFERRED)]).expect("supported");
    let connection = advised(&table);
    let mut update = row("a");
    data.merge(update.set(PR_SLUICE_DEFERRED, 4)).expect("there");
    assert_eq!(arrived(&connection), [(TableEvent::RowModified, Some(key("a")), Some(key("b")))]);
}

#[test]
fn views_are_counted_until_they_are_released() {
    let data = data(&["a"]);
    let (first, second) = (data.table(), data.table());
    assert_eq!(data.open_tables(), 2);
    drop((first, second));
    assert_eq!(data.open_tables(), 0);
}
