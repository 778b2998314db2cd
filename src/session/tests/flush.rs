//! The two procedures.

use crossbeam_channel::{Receiver, bounded, never};

use super::*;
use crate::spooler::{FlushReply, Sent, TransportResult};

const BOTH: FlushFlags = FlushFlags::FLUSH_UPLOAD.union(FlushFlags::FLUSH_DOWNLOAD);

/// Two transports with the method, one without.
fn rows() -> [Row; 4] {
    [spooler_row(), transport_row("work", FLUSH), transport_row("pipe", NO_METHODS), transport_row("home", FLUSH)]
}

fn flush(object: EntryId, target: Option<EntryId>, flags: FlushFlags) -> Command {
    Command::FlushQueues { object, target, flags, by_hand: true }
}

fn asked(spooler: &FakeSpooler) -> Vec<Command> {
    spooler.asked.try_iter().collect()
}

fn result(transport: &str, result: MapiResult, sent: u64) -> TransportResult {
    TransportResult {
        transport: transport.to_owned(),
        result,
        outgoing: Sent { sent, ..Sent::default() },
        incoming: crate::spooler::Got::default(),
        elapsed_s: 0.5,
        failure: None,
    }
}

/// Transport, via, result.
fn told(report: &FlushReport) -> Vec<(&str, Via, MapiResult)> {
    report.results.iter().map(|part| (part.of.transport.as_str(), part.via, part.of.result)).collect()
}

/// The name of the transport a flush is for.
fn name(command: &Command) -> Option<String> {
    flushes(command).and_then(|of| of.parse().ok().map(|(_, name)| name.to_owned()))
}

#[test]
fn checklist_17_the_directions_pass_through_as_they_are() {
    let spooler = FakeSpooler::obliging();
    let mut session = spooler.session(&rows()[..2]);
    let silent_upload = FlushFlags::FLUSH_UPLOAD | FlushFlags::FLUSH_NO_UI;
    for flags in [silent_upload, FlushFlags::FLUSH_DOWNLOAD, BOTH | FlushFlags::FLUSH_FORCE, FlushFlags::empty()] {
        flush_all(&session, flags, true).expect("begun").wait(&mut session);
        assert_eq!(asked(&spooler), [flush(spooler_id(), None, flags)]);
        flush_each(&session, &[], flags, true).expect("begun").wait(&mut session);
        assert_eq!(asked(&spooler), [flush(transport_id("work"), None, flags)]);
    }
}

#[test]
fn procedure_a_asks_the_spooler_once_without_a_target() {
    let parts = vec![result("work", MapiResult::Ok, 3), result("pipe", MapiResult::PartialCompletion, 1)];
    let reply = FlushReply { result: MapiResult::PartialCompletion, results: parts };
    let spooler = FakeSpooler::start(Box::new(move |_| Some(Reply::Flushed(reply.clone()))));
    let mut session = spooler.session(&rows());
    let report = flush_all(&session, BOTH, true).expect("begun").wait(&mut session);
    assert_eq!(asked(&spooler), [flush(spooler_id(), None, BOTH)]);
    let (ok, partial) = (MapiResult::Ok, MapiResult::PartialCompletion);
    assert_eq!(told(&report), [("work", Via::Spooler, ok), ("pipe", Via::Spooler, partial)]);
    assert_eq!(report.result, partial);
}

#[test]
fn what_no_person_asked_for_is_passed_on_as_such() {
    let spooler = FakeSpooler::obliging();
    let mut session = spooler.session(&rows());
    flush_all(&session, BOTH, false).expect("begun").wait(&mut session);
    flush_each(&session, &[], BOTH, false).expect("begun").wait(&mut session);
    let asked = asked(&spooler);
    assert_eq!(asked.len(), 4);
    assert!(asked.iter().all(|command| matches!(command, Command::FlushQueues { by_hand: false, .. })));
}

#[test]
fn checklist_20_21_each_by_its_own_object_or_by_the_spoolers_with_a_target() {
    let spooler = FakeSpooler::obliging();
    let mut session = spooler.session(&rows());
    let report = flush_each(&session, &[], BOTH, true).expect("begun").wait(&mut session);
    let expected = [
        flush(transport_id("work"), None, BOTH),
        flush(spooler_id(), Some(transport_id("pipe")), BOTH),
        flush(transport_id("home"), None, BOTH),
    ];
    assert_eq!(asked(&spooler), expected);
    let ok = MapiResult::Ok;
    assert_eq!(told(&report), [("work", Via::Transport, ok), ("pipe", Via::Spooler, ok), ("home", Via::Transport, ok)]);
}

#[test]
fn checklist_20_the_methods_are_those_of_the_object_when_it_is_opened() {
    let spooler = FakeSpooler::obliging();
    let mut session = spooler.session(&rows());
    spooler.tell(Event::RowModified(transport_row("work", NO_METHODS)));
    let work = session.open_entry(&transport_id("work")).expect("there");
    pump_until(&mut session, |_| work.resource_methods() == Ok(NO_METHODS));
    flush_each(&session, &["work".to_owned()], BOTH, true).expect("begun").wait(&mut session);
    assert_eq!(asked(&spooler), [flush(spooler_id(), Some(transport_id("work")), BOTH)]);
}

#[test]
fn checklist_19_only_the_transports_of_these_names() {
    let spooler = FakeSpooler::obliging();
    let mut session = spooler.session(&rows());
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    flush_each(&session, &names(&["home", "work", "home"]), BOTH, true).expect("begun").wait(&mut session);
    let expected = [flush(transport_id("work"), None, BOTH), flush(transport_id("home"), None, BOTH)];
    assert_eq!(asked(&spooler), expected, "each once, in the order of the rows");
    let unknown = flush_each(&session, &names(&["home", "MAPI spooler"]), BOTH, true);
    assert_eq!(unknown.err(), Some(MapiResult::NotFound));
    assert_eq!(asked(&spooler), [], "nothing was begun");
}

#[test]
fn all_requests_are_sent_before_any_answer_is_waited_for() {
    // No answer comes before its cancel, and the cancels come when all three requests are there.
    let spooler = FakeSpooler::start(Box::new(|command| match command {
        Command::Cancel { .. } => Some(Reply::Done),
        _ => None,
    }));
    let mut session = spooler.session(&rows());
    let mut run = flush_each(&session, &[], BOTH, true).expect("begun");
    let first: Vec<_> = spooler.asked.iter().take(3).collect();
    assert_eq!(first.iter().filter_map(name).collect::<Vec<_>>(), ["work", "pipe", "home"]);
    assert_eq!((run.poll(), run.progress()), (None, Progress { over: 0, of: 3 }));
    run.cancel(&session);
    let report = run.wait(&mut session);
    assert_eq!(report.result, MapiResult::UserCancel);
    let cancelled: Vec<_> = asked(&spooler);
    let cancel = |name| Command::Cancel { transport: Some(transport_id(name)) };
    assert_eq!(cancelled, [cancel("work"), cancel("pipe"), cancel("home")], "those, and not everything");
}

#[test]
fn what_one_transport_cant_do_leaves_the_others_alone() {
    let spooler = FakeSpooler::start(Box::new(|command| {
        Some(match name(command).as_deref() {
            Some("work") => Reply::Refused(MapiResult::Busy, "already at it".to_owned()),
            Some("pipe") => flushed(MapiResult::NetworkError),
            name => Reply::Flushed(FlushReply {
                result: MapiResult::Ok,
                results: vec![result(name.expect("a flush"), MapiResult::Ok, 7)],
            }),
        })
    }));
    let mut session = spooler.session(&rows());
    let report = flush_each(&session, &[], BOTH, true).expect("begun").wait(&mut session);
    let expected = [
        ("work", Via::Transport, MapiResult::Busy),
        ("pipe", Via::Spooler, MapiResult::NetworkError),
        ("home", Via::Transport, MapiResult::Ok),
    ];
    assert_eq!(told(&report), expected);
    assert_eq!((report.result, report.results[2].of.outgoing.sent), (MapiResult::NetworkError, 7));
    assert_eq!(report.refusals, ["work: already at it"]);
}

#[test]
fn checklist_32_every_object_and_table_is_released_on_success_and_on_failure() {
    let ok = || flushed(MapiResult::Ok);
    let no = || Reply::Refused(MapiResult::Busy, String::new());
    for refuses in [false, true] {
        let spooler = FakeSpooler::start(Box::new(move |_| Some(if refuses { no() } else { ok() })));
        let mut session = spooler.session(&rows());
        for run in [flush_all(&session, BOTH, true), flush_each(&session, &[], BOTH, true)] {
            assert_eq!(session.open_handles(), (0, 0), "released before the answers are waited for");
            run.expect("begun").wait(&mut session);
        }
        assert_eq!(asked(&spooler).len(), 4, "they had been opened");
        let unknown = flush_each(&session, &["nobody".to_owned()], BOTH, true);
        assert_eq!((unknown.err(), session.open_handles()), (Some(MapiResult::NotFound), (0, 0)));

        // Without a spooler to fall back to, and without the method on its object.
        spooler.tell(Event::RowDeleted(spooler_id()));
        pump_until(&mut session, |session| session.open_entry(&spooler_id()).is_err());
        assert_eq!(flush_all(&session, BOTH, true).err(), Some(MapiResult::NotFound));
        let report = flush_each(&session, &["pipe".to_owned()], BOTH, true).expect("begun").wait(&mut session);
        assert_eq!(told(&report), [("pipe", Via::Spooler, MapiResult::NotFound)]);
        spooler.tell(Event::RowAdded(Row::clone(spooler_row().set(PR_RESOURCE_METHODS, 0))));
        pump_until(&mut session, |session| session.open_entry(&spooler_id()).is_ok());
        assert_eq!(flush_all(&session, BOTH, true).err(), Some(MapiResult::NoSupport));
        assert_eq!(session.open_handles(), (0, 0));
    }
}

#[test]
fn open_handles_counts_what_is_open() {
    let spooler = FakeSpooler::obliging();
    let session = spooler.session(&rows());
    let table = session.get_status_table().expect("readable");
    let objects = [session.open_entry(&spooler_id()), session.open_entry(&transport_id("work"))];
    assert_eq!(session.open_handles(), (2, 1));
    drop((table, objects));
    assert_eq!(session.open_handles(), (0, 0));
}

#[test]
fn no_transports_is_success_with_nothing_to_report() {
    let spooler = FakeSpooler::obliging();
    let mut session = spooler.session(&[spooler_row()]);
    let report = flush_each(&session, &[], BOTH, true).expect("begun").wait(&mut session);
    assert_eq!((report.result, report.results.len()), (MapiResult::Ok, 0));
}

#[test]
fn checklist_28_progress_is_observed_while_waiting_and_cancel_ends_it() {
    let spooler = FakeSpooler::start(Box::new(|command| match command {
        Command::Cancel { .. } => Some(Reply::Done),
        _ => (name(command).as_deref() == Some("home")).then(|| flushed(MapiResult::Ok)),
    }));
    let mut session = spooler.session(&rows());
    let (cancel, cancelled) = bounded(1);
    let run = flush_each(&session, &["work".to_owned(), "home".to_owned()], BOTH, true).expect("begun");
    spooler.tell(Event::RowModified(queued(&transport_row("work", FLUSH), 41)));
    let mut seen = Vec::new();
    let report = run.wait_with(&mut session, &cancelled, |events, progress| {
        seen.extend(events.iter().filter_map(|event| match event {
            Event::RowModified(row) => row.number(PR_SLUICE_QUEUED),
            _ => None,
        }));
        if seen == [41] && progress == (Progress { over: 1, of: 2 }) {
            cancel.try_send(()).ok();
        }
    });
    let expected = [("work", Via::Transport, MapiResult::UserCancel), ("home", Via::Transport, MapiResult::Ok)];
    assert_eq!(told(&report), expected);
    let asked = asked(&spooler);
    assert_eq!(asked.last(), Some(&Command::Cancel { transport: Some(transport_id("work")) }), "not what was over");
}

#[test]
fn what_was_told_before_the_last_answer_is_observed() {
    let spooler = FakeSpooler::obliging();
    let mut session = spooler.session(&rows());
    for _ in 0..200 {
        let ended = Event::FlushEnded { result: result("work", MapiResult::Ok, 1), no_ui: false };
        spooler.tell(ended.clone());
        let run = flush_all(&session, BOTH, true).expect("begun");
        let mut observed = Vec::new();
        run.wait_with(&mut session, &never(), |events, _| observed.extend_from_slice(events));
        assert_eq!(observed, [ended]);
    }
}

#[test]
fn waiting_goes_on_without_a_canceller_and_ends_with_the_spooler() {
    let spooler = FakeSpooler::start(Box::new(|_| None));
    let mut session = spooler.session(&rows());
    let run = flush_all(&session, BOTH, true).expect("begun");
    let (_, nobody): (_, Receiver<()>) = bounded(0);
    spooler.asked.recv().expect("the request");
    spooler.crash();
    let report = run.wait_with(&mut session, &nobody, |_, _| ());
    assert_eq!((report.result, report.results.len()), (MapiResult::EndOfSession, 0));
    assert_eq!(report.refusals, ["the spooler has ended"]);
}

#[test]
fn the_report_reads_as_flush_json_promises() {
    let reply = FlushReply { result: MapiResult::Ok, results: vec![result("work", MapiResult::Ok, 3)] };
    let spooler = FakeSpooler::start(Box::new(move |_| Some(Reply::Flushed(reply.clone()))));
    let mut session = spooler.session(&rows());
    let report = flush_each(&session, &["work".to_owned()], BOTH, true).expect("begun").wait(&mut session);
    let expected = serde_json::json!({
        "result": "S_OK",
        "results": [{
            "transport": "work",
            "via": "transport",
            "result": "S_OK",
            "outgoing": { "sent": 3, "deferred": 0, "failed": 0, "in_doubt": 0, "bytes": 0 },
            "incoming": { "received": 0, "failed": 0, "bytes": 0 },
            "elapsed_s": 0.5,
        }],
    });
    assert_eq!(serde_json::to_value(&report).expect("plain data"), expected);
}
