//! The session against a spooler that follows a script.

mod fake;
mod flush;

use std::time::Duration;

use fake::{FakeSpooler, flushed, flushes, spooler_id, spooler_row, transport_id, transport_row};

use super::*;
use crate::mapi::tag::{PR_SLUICE_QUEUED, PR_STATUS_STRING};
use crate::mapi::{
    Bookmark, EventMask, FindRowFlags, FlushFlags, PropValue, ResourceMethods, ResourceType, Restriction, Row,
    TableEvent, ValidateFlags,
};
use crate::spooler::Reply;

const LONG: Duration = Duration::from_mins(1);
const NO_METHODS: ResourceMethods = ResourceMethods::empty();
const FLUSH: ResourceMethods = ResourceMethods::STATUS_FLUSH_QUEUES;

/// Takes in events until the condition holds.
fn pump_until(session: &mut Session, mut holds: impl FnMut(&Session) -> bool) -> Vec<Event> {
    let mut seen = Vec::new();
    while !holds(session) {
        let events = session.next_events(LONG);
        assert!(!events.is_empty(), "waited in vain");
        seen.extend(events);
    }
    seen
}

fn queued(row: &Row, count: i32) -> Row {
    let mut row = row.clone();
    row.set(PR_SLUICE_QUEUED, count);
    row
}

#[test]
fn checklist_06_the_status_table_is_not_readable_until_transports_are_logged_on() {
    let spooler = FakeSpooler::obliging();
    let mut session = Session::logon(&spooler.line, Arc::new(|| ()));
    assert_eq!(session.get_status_table().err(), Some(MapiResult::Busy), "answered at once");
    assert_eq!(session.open_entry(&spooler_id()).err(), Some(MapiResult::UnknownEntryId));
    assert_eq!(flush_all(&session, FlushFlags::FLUSH_UPLOAD, true).err(), Some(MapiResult::Busy));
    assert_eq!((session.is_ready(), session.rows()), (false, Vec::new()));
    assert_eq!(session.wait_ready(Duration::ZERO), Err(MapiResult::Timeout));

    let rows = vec![spooler_row(), transport_row("work", FLUSH)];
    spooler.tell(Event::Reload(rows.clone()));
    session.wait_ready(LONG).expect("the rows came");
    assert_eq!(session.get_status_table().expect("readable").row_count(), 2);
    assert_eq!(session.pump(), [Event::Reload(rows)], "what waiting took in is not lost");
}

#[test]
fn the_replica_changes_only_when_the_client_pumps_and_tells_its_views() {
    let spooler = FakeSpooler::obliging();
    let work = transport_row("work", FLUSH);
    let mut session = spooler.session(&[spooler_row(), queued(&work, 2)]);
    let table = session.get_status_table().expect("readable");
    let connection = table.advise(EventMask::fnevTableModified).expect("a table notifies");

    let home = transport_row("home", FLUSH);
    let mut busy = work.clone();
    busy.set(PR_STATUS_STRING, "sending");
    let changes = [Event::RowAdded(home), Event::RowModified(busy.clone()), Event::RowDeleted(spooler_id())];
    for event in &changes {
        spooler.tell(event.clone());
    }
    let seen = pump_until(&mut session, |session| session.open_entry(&spooler_id()).is_err());
    assert_eq!(seen, changes, "the client gets the row changes too");
    let told: Vec<_> = connection.notifications().try_iter().map(|note| note.event).collect();
    assert_eq!(told, [TableEvent::RowAdded, TableEvent::RowModified, TableEvent::RowDeleted]);
    let work = session.rows().into_iter().find(|row| row.text(PR_DISPLAY_NAME) == Some("work")).expect("the row");
    assert_eq!(work.text(PR_STATUS_STRING), Some("sending"));
    assert_eq!(work.get(PR_SLUICE_QUEUED), None, "a modified row is all its cells: the others are gone");
}

#[test]
fn a_reload_replaces_everything_and_is_told() {
    let spooler = FakeSpooler::obliging();
    let mut session = spooler.session(&[spooler_row(), transport_row("work", FLUSH)]);
    let table = session.get_status_table().expect("readable");
    let connection = table.advise(EventMask::fnevTableModified).expect("a table notifies");
    spooler.tell(Event::Reload(vec![spooler_row()]));
    pump_until(&mut session, |session| session.rows().len() == 1);
    let told: Vec<_> = connection.notifications().try_iter().map(|note| note.event).collect();
    assert_eq!((told, table.row_count()), (vec![TableEvent::Reload], 1));
}

#[test]
fn checklist_10_a_wake_on_another_thread_touches_nothing_until_the_client_pumps() {
    let spooler = FakeSpooler::obliging();
    let (waker, woken) = crossbeam_channel::unbounded();
    let mut session = spooler.session_waking(&[spooler_row()], Arc::new(move || waker.send(()).unwrap_or_default()));
    let table = session.get_status_table().expect("readable");
    woken.recv().expect("woken for the rows");
    spooler.tell(Event::RowAdded(transport_row("work", FLUSH)));
    woken.recv().expect("woken for the row");
    assert_eq!(table.row_count(), 1, "the event is there, the row is not");
    assert_eq!(session.pump().len(), 1);
    assert_eq!(table.row_count(), 2);
}

#[test]
fn a_spooler_that_ends_is_told_once_and_refuses_everything() {
    let spooler = FakeSpooler::obliging();
    let mut session = spooler.session(&[spooler_row()]);
    spooler.crash();
    assert_eq!(session.next_events(LONG), [Event::Stopped]);
    assert!(session.has_ended());
    assert_eq!((session.next_events(LONG), session.pump()), (Vec::new(), Vec::new()));
    let object = session.open_entry(&spooler_id()).expect("its last row stays");
    let pending = object.flush_queues(None, FlushFlags::FLUSH_UPLOAD, true).expect("the row says it can");
    assert_eq!(pending.wait().map_err(|refusal| refusal.result), Err(MapiResult::EndOfSession));
    let mut late = Session::logon(&session.line, Arc::new(|| ()));
    assert_eq!(late.wait_ready(LONG), Err(MapiResult::EndOfSession));
}

#[test]
fn checklist_16_an_entry_identifier_opens_its_status_object_and_no_other() {
    let spooler = FakeSpooler::obliging();
    let mut session = spooler.session(&[spooler_row(), transport_row("work", FLUSH)]);
    let table = session.get_status_table().expect("readable");
    let named = Restriction::equals(PR_DISPLAY_NAME, "work");
    table.find_row(&named, Bookmark::Beginning, FindRowFlags::empty()).expect("there");
    let rows = table.query_rows(1, crate::mapi::QueryRowsFlags::empty()).expect("a row");
    let work = session.open_entry(&rows[0].entry_id().expect("a column")).expect("there");
    assert_eq!((work.resource_type(), work.entry_id()), (ResourceType::MAPI_TRANSPORT_PROVIDER, &transport_id("work")));
    let props = work.get_props(&[PR_DISPLAY_NAME, PR_SLUICE_QUEUED]).expect("there");
    let cells: Vec<_> = props.cells().collect();
    assert_eq!(cells, [(PR_DISPLAY_NAME, "work".into()), (PR_SLUICE_QUEUED, PropValue::ABSENT)]);

    let malformed = EntryId::from(vec![1, 2, 3]);
    assert_eq!(session.open_entry(&malformed).err(), Some(MapiResult::InvalidEntryId));
    assert_eq!(session.open_entry(&transport_id("home")).err(), Some(MapiResult::NotFound));
    spooler.tell(Event::RowDeleted(transport_id("work")));
    pump_until(&mut session, |session| session.open_entry(&transport_id("work")).is_err());
    assert_eq!(work.resource_methods(), Err(MapiResult::NotFound), "stale");
    assert_eq!(work.flush_queues(None, FlushFlags::FLUSH_UPLOAD, true).err(), Some(MapiResult::NotFound));
}

#[test]
fn checklist_22_flush_queues_without_its_bit_is_not_supported_and_not_sent() {
    let spooler = FakeSpooler::obliging();
    let session = spooler.session(&[spooler_row(), transport_row("pipe", NO_METHODS)]);
    let pipe = session.open_entry(&transport_id("pipe")).expect("there");
    assert_eq!(pipe.flush_queues(None, FlushFlags::FLUSH_UPLOAD, true).err(), Some(MapiResult::NoSupport));
    assert_eq!(pipe.validate_state(ValidateFlags::empty()).err(), Some(MapiResult::NoSupport));
    drop(session.ask(Command::Submitted).wait());
    assert_eq!(spooler.asked.try_iter().collect::<Vec<_>>(), [Command::Submitted], "nothing before it");
}

#[test]
fn checklist_50_validate_state_passes_its_flags_and_brings_the_answer() {
    let answer = || Reply::Validated(MapiResult::LogonFailed, "work: wrong password".to_owned());
    let spooler = FakeSpooler::start(Box::new(move |_| Some(answer())));
    let session = spooler.session(&[spooler_row()]);
    let object = session.open_entry(&spooler_id()).expect("there");
    let pending = object.validate_state(ValidateFlags::SUPPRESS_UI).expect("it has the method");
    assert_eq!(pending.wait(), (MapiResult::LogonFailed, "work: wrong password".to_owned()));
    let expected = Command::ValidateState { object: spooler_id(), flags: ValidateFlags::SUPPRESS_UI };
    assert_eq!(spooler.asked.try_iter().collect::<Vec<_>>(), [expected]);
}

#[test]
fn checklist_52_settings_and_password_only_where_the_bit_is_set() {
    let spooler = FakeSpooler::obliging();
    let settings = ResourceMethods::STATUS_SETTINGS_DIALOG;
    let session = spooler.session(&[spooler_row(), transport_row("work", settings)]);
    let open = |id: &EntryId| session.open_entry(id).expect("there");
    let (own, work) = (open(&spooler_id()), open(&transport_id("work")));
    let no = Err(MapiResult::NoSupport);
    assert_eq!((own.settings_dialog(), own.change_password()), (no, no), "MAPI's own rows have neither");
    assert_eq!((work.settings_dialog(), work.change_password()), (Ok(()), no));
}

#[test]
fn an_answer_of_another_kind_is_a_failed_call() {
    let spooler = FakeSpooler::start(Box::new(|_| Some(Reply::Done)));
    let session = spooler.session(&[spooler_row()]);
    let object = session.open_entry(&spooler_id()).expect("there");
    let flush = object.flush_queues(None, FlushFlags::FLUSH_UPLOAD, true).expect("it can");
    assert_eq!(flush.wait().map_err(|refusal| refusal.result), Err(MapiResult::CallFailed));
    let validation = object.validate_state(ValidateFlags::empty()).expect("it can");
    assert_eq!(validation.wait().0, MapiResult::CallFailed);
}
