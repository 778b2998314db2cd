//! Whole scenes of a spooler on a virtual clock.

mod schedule;
mod status;
mod trouble;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use super::rows::{spooler_id, transport_id};
use super::*;
use crate::mapi::tag::{PR_SLUICE_QUESTION, PR_STATUS_CODE};
use crate::mapi::{
    Class, Direction, EntryId, EnvelopeId, Failure, FlushFlags, Outcome, QueueState, RecipientId, Stage, StatusCode,
};
use crate::profile::Plan;
use crate::spool::SpoolOp;
use crate::spooler::protocol::{FlushReply, Network, TransportResult};
use crate::transport::{Report, ReportKind};

const SEND: FlushFlags = FlushFlags::FLUSH_UPLOAD;
const RECEIVE: FlushFlags = FlushFlags::FLUSH_DOWNLOAD;

pub(super) fn facts(name: &str) -> Facts {
    Facts {
        name: name.to_owned(),
        identity: None,
        provider: "SMTP, IMAP".to_owned(),
        path: "localhost:25".to_owned(),
        outgoing: true,
        incoming: true,
        flushes_itself: true,
        honours_no_ui: true,
        skips_no_ui: false,
        needs_network: false,
        asynchronous: false,
        resource: None,
        prefer_last: false,
        unusable: None,
    }
}

/// A core, its clock, and the replies it gave.
struct Scene {
    core: Core,
    now: Now,
    requests: u64,
    replies: Vec<(RequestKey, Reply)>,
    pending: Vec<Effect>,
}

impl Scene {
    fn of(transports: Vec<Facts>) -> Self {
        Self::with(Settings { transports, first_run: 1000, ..Settings::default() })
    }

    fn with(settings: Settings) -> Self {
        let now = Now { wall: 1_000_000, mono: Duration::from_secs(1) };
        Self { core: Core::new(settings), now, requests: 0, replies: Vec::new(), pending: Vec::new() }
    }

    fn input(&mut self, input: Input) {
        for effect in self.core.handle(input, self.now) {
            match effect {
                Effect::Reply(key, reply) => self.replies.push((key, reply)),
                other => self.pending.push(other),
            }
        }
    }

    fn ask(&mut self, command: Command) -> RequestKey {
        self.requests += 1;
        let key = RequestKey(self.requests);
        self.input(Input::Request(key, command));
        key
    }

    fn flush(&mut self, object: EntryId, target: Option<EntryId>, flags: FlushFlags) -> RequestKey {
        self.ask(Command::FlushQueues { object, target, flags, by_hand: false })
    }

    fn report(&mut self, transport: &str, kind: ReportKind) {
        self.input(Input::Report(Report { transport: Arc::from(transport), kind }));
    }

    fn finish(&mut self, transport: &str) {
        self.report(transport, ReportKind::Finished(Ok(())));
    }

    fn reply(&self, key: RequestKey) -> Option<&Reply> {
        self.replies.iter().find(|(of, _)| *of == key).map(|(_, reply)| reply)
    }

    fn flushed(&self, key: RequestKey) -> &FlushReply {
        match self.reply(key) {
            Some(Reply::Flushed(reply)) => reply,
            other => panic!("no flush reply but {other:?}"),
        }
    }

    fn taken<T>(&mut self, mut pick: impl FnMut(&Effect) -> Option<T>) -> Vec<T> {
        let picked = self.pending.iter().filter_map(&mut pick).collect();
        self.pending.clear();
        picked
    }

    fn started(&mut self) -> Vec<(String, FlushFlags)> {
        self.taken(|effect| match effect {
            Effect::Start { transport, flags } => Some((transport.clone(), *flags)),
            _ => None,
        })
    }

    fn code(&mut self, transport: &str) -> StatusCode {
        let id = transport_id(transport);
        let rows = self.core.all_rows(self.now);
        let row = rows.iter().find(|row| row.entry_id().as_ref() == Some(&id)).expect("a row");
        StatusCode::from_bits_retain(row.bits(PR_STATUS_CODE))
    }

    /// Lets a running transport claim one envelope.
    fn claim(&mut self, transport: &str, envelope: i64) {
        let in_flight = InFlight {
            envelope: EnvelopeId(envelope),
            attempt: 1,
            size: 100,
            first_tried: self.now.wall,
            sender: "ada@example.org".to_owned(),
            recipients: vec![(RecipientId(envelope * 10), "bob@example.net".to_owned())],
            declined: Vec::new(),
            offered: false,
        };
        self.input(Input::Claimed { transport: transport.to_owned(), envelopes: vec![in_flight] });
    }

    fn end(&mut self, transport: &str, envelope: i64, outcome: Outcome) {
        let outcomes = vec![(RecipientId(envelope * 10), outcome)];
        self.report(transport, ReportKind::EndMessage { envelope: EnvelopeId(envelope), outcomes });
    }
}

fn deferral() -> Failure {
    Failure::new(Class::Transient, Stage::Envelope, "mx:25", "come back later")
}

fn result<'a>(reply: &'a FlushReply, transport: &str) -> &'a TransportResult {
    reply.results.iter().find(|result| result.transport == transport).expect("a result")
}

#[test]
fn checklist_17_upload_is_outgoing_and_download_is_incoming() {
    let mut scene = Scene::of(vec![facts("a")]);
    scene.flush(spooler_id(), None, SEND);
    let (_, flags) = scene.started().remove(0);
    assert!(flags.wants(Direction::Outgoing) && !flags.wants(Direction::Incoming));
    scene.finish("a");
    scene.flush(spooler_id(), None, RECEIVE);
    let (_, flags) = scene.started().remove(0);
    assert!(flags.wants(Direction::Incoming) && !flags.wants(Direction::Outgoing));
}

#[test]
fn checklist_18_a_spooler_flush_covers_every_transport_in_order() {
    let mut scene = Scene::of(vec![facts("a"), facts("b"), facts("c")]);
    let key = scene.flush(spooler_id(), None, SEND | RECEIVE);
    let names: Vec<String> = scene.started().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["a", "b", "c"]);
    scene.finish("c");
    scene.finish("a");
    assert!(scene.reply(key).is_none(), "the reply waits for the last transport");
    scene.finish("b");
    let order: Vec<&str> = scene.flushed(key).results.iter().map(|result| result.transport.as_str()).collect();
    assert_eq!(order, ["a", "b", "c"]);
}

#[test]
fn checklist_18_transports_that_share_a_resource_run_one_after_the_other() {
    let modem = |name: &str| Facts { resource: Some("modem0".to_owned()), ..facts(name) };
    let mut scene = Scene::of(vec![modem("a"), facts("b"), modem("c")]);
    scene.flush(spooler_id(), None, SEND);
    let names = |started: Vec<(String, FlushFlags)>| started.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names(scene.started()), ["a", "b"]);
    scene.finish("b");
    assert_eq!(names(scene.started()), Vec::<String>::new());
    scene.finish("a");
    assert_eq!(names(scene.started()), ["c"]);
}

#[test]
fn checklist_19_a_transport_flush_affects_that_transport_alone() {
    let mut scene = Scene::of(vec![facts("a"), facts("b")]);
    scene.flush(transport_id("b"), None, SEND);
    assert_eq!(scene.started(), [("b".to_owned(), SEND)]);
    assert_eq!(scene.code("a") & StatusCode::STATUS_OUTBOUND_FLUSH, StatusCode::empty());
}

#[test]
fn checklist_21_without_its_own_flush_the_spooler_flushes_it_as_target() {
    let pipe = Facts { flushes_itself: false, ..facts("pipe") };
    let mut scene = Scene::of(vec![facts("a"), pipe]);
    scene.flush(spooler_id(), Some(transport_id("pipe")), SEND);
    assert_eq!(scene.started(), [("pipe".to_owned(), SEND)]);
}

#[test]
fn checklist_22_calling_it_on_the_transport_anyway_is_not_supported() {
    let pipe = Facts { flushes_itself: false, ..facts("pipe") };
    let mut scene = Scene::of(vec![pipe]);
    let key = scene.flush(transport_id("pipe"), None, SEND);
    assert_eq!(scene.flushed(key).result, MapiResult::NoSupport);
    assert!(scene.started().is_empty());
}

#[test]
fn checklist_24_a_flush_answers_when_done_and_an_asynchronous_one_at_once() {
    let mut scene = Scene::of(vec![facts("a")]);
    let key = scene.flush(spooler_id(), None, SEND | FlushFlags::FLUSH_ASYNC_OK);
    assert_eq!(scene.flushed(key).result, MapiResult::Ok);
    assert_eq!(scene.started().len(), 1);
    scene.finish("a");
    let key = scene.flush(spooler_id(), None, SEND);
    assert!(scene.reply(key).is_none());
    scene.finish("a");
    assert_eq!(scene.flushed(key).result, MapiResult::Ok);
}

#[test]
fn checklist_24_a_transports_own_flush_is_never_asynchronous() {
    let mut scene = Scene::of(vec![facts("a")]);
    let key = scene.flush(transport_id("a"), None, SEND | FlushFlags::FLUSH_ASYNC_OK);
    assert!(scene.reply(key).is_none());
    assert_eq!(scene.started(), [("a".to_owned(), SEND)]);
}

#[test]
fn checklist_25_a_second_flush_meanwhile_is_busy_and_the_first_undisturbed() {
    let mut scene = Scene::of(vec![facts("a")]);
    let first = scene.flush(spooler_id(), None, SEND);
    let second = scene.flush(transport_id("a"), None, SEND);
    assert_eq!(scene.flushed(second).result, MapiResult::Busy);
    scene.finish("a");
    assert_eq!(scene.flushed(first).result, MapiResult::Ok);
}

#[test]
fn checklist_25_the_other_direction_queues_behind() {
    let mut scene = Scene::of(vec![facts("a")]);
    scene.flush(spooler_id(), None, SEND);
    scene.started();
    let second = scene.flush(spooler_id(), None, RECEIVE);
    assert!(scene.started().is_empty());
    scene.finish("a");
    assert_eq!(scene.started(), [("a".to_owned(), RECEIVE)]);
    scene.finish("a");
    assert_eq!(scene.flushed(second).result, MapiResult::Ok);
}

#[test]
fn checklist_25_asynchronous_requests_queue_behind_the_same_direction() {
    let mut scene = Scene::of(vec![facts("a")]);
    scene.flush(spooler_id(), None, SEND);
    scene.flush(spooler_id(), None, SEND | FlushFlags::FLUSH_ASYNC_OK);
    assert_eq!(scene.started().len(), 1);
    scene.finish("a");
    assert_eq!(scene.started().len(), 1);
}

#[test]
fn checklist_26_an_asynchronous_transport_needs_force() {
    let mut scene = Scene::of(vec![Facts { asynchronous: true, ..facts("mx1") }]);
    let key = scene.flush(spooler_id(), None, SEND);
    let skipped = result(scene.flushed(key), "mx1");
    assert_eq!(skipped.result, MapiResult::NoSupport);
    assert!(skipped.failure.as_ref().is_some_and(|failure| failure.what.contains("force")));
    scene.flush(spooler_id(), None, SEND | FlushFlags::FLUSH_FORCE);
    assert_eq!(scene.started().len(), 1);
}

#[test]
fn checklist_29_flush_bits_stand_during_each_phase_and_never_after() {
    let mut scene = Scene::of(vec![facts("a")]);
    let flush = StatusCode::STATUS_OUTBOUND_FLUSH | StatusCode::STATUS_INBOUND_FLUSH;
    for end in [Ok(()), Err(deferral()), Err(Failure::cancelled(Stage::Content, "mx:25"))] {
        scene.flush(spooler_id(), None, SEND | RECEIVE);
        scene.report("a", ReportKind::PhaseBegan(Direction::Outgoing));
        assert_eq!(scene.code("a") & flush, StatusCode::STATUS_OUTBOUND_FLUSH);
        scene.report("a", ReportKind::PhaseEnded(Direction::Outgoing, end.clone()));
        assert_eq!(scene.code("a") & flush, StatusCode::empty());
        scene.report("a", ReportKind::PhaseBegan(Direction::Incoming));
        assert_eq!(scene.code("a") & flush, StatusCode::STATUS_INBOUND_FLUSH);
        scene.report("a", ReportKind::Finished(end));
        assert_eq!(scene.code("a") & flush, StatusCode::empty());
    }
}

#[test]
fn checklist_30_clearing_the_bits_stops_at_the_next_message_and_the_next_transport_runs() {
    let modem = |name: &str| Facts { resource: Some("modem0".to_owned()), ..facts(name) };
    let mut scene = Scene::of(vec![modem("a"), modem("b")]);
    scene.flush(spooler_id(), None, SEND);
    scene.report("a", ReportKind::PhaseBegan(Direction::Outgoing));
    scene.ask(Command::EndFlush { transport: Some(transport_id("a")) });
    scene.started();
    scene.report("a", ReportKind::Want { ticket: Ticket(7), messages: 10, bytes: 100 });
    let jobs = scene.taken(|effect| match effect {
        Effect::Answer(Ticket(7), Answer::Jobs(jobs)) => Some(jobs.len()),
        Effect::Claim { .. } => panic!("nothing may be claimed any more"),
        _ => None,
    });
    assert_eq!(jobs, [0]);
    scene.finish("a");
    assert_eq!(scene.started(), [("b".to_owned(), SEND)]);
}

#[test]
fn checklist_33_a_flush_never_deletes_what_was_not_sent() {
    let mut scene = Scene::of(vec![facts("a")]);
    scene.flush(spooler_id(), None, SEND);
    scene.report("a", ReportKind::PhaseBegan(Direction::Outgoing));
    scene.claim("a", 1);
    scene.claim("a", 2);
    scene.end("a", 1, Outcome::Returned);
    scene.finish("a");
    let states = scene.taken(|effect| match effect {
        Effect::Write(SpoolOp::Finish { recipients, counts, .. }) => Some((recipients.first()?.state, *counts)),
        Effect::Write(SpoolOp::LastRun { .. }) => None,
        Effect::Write(other) => panic!("{other:?}"),
        _ => None,
    });
    assert_eq!(states, [(QueueState::Queued, false); 2]);
}

#[test]
fn checklist_34_what_could_not_be_opened_is_reported_and_not_a_success() {
    let missing = Failure::new(Class::Configuration, Stage::Store, "/srv/outbox", "no such folder");
    let mut scene = Scene::of(vec![Facts { unusable: Some(missing), ..facts("closed") }, facts("open")]);
    let key = scene.flush(spooler_id(), None, SEND);
    scene.finish("open");
    let reply = scene.flushed(key);
    assert_eq!(result(reply, "closed").result, MapiResult::Unconfigured);
    assert_eq!(result(reply, "open").result, MapiResult::Ok);
    assert_eq!(reply.result, MapiResult::Unconfigured);
}

#[test]
fn checklist_39_deferred_waits_as_long_as_the_server_asked() {
    let mut scene = Scene::of(vec![facts("a")]);
    scene.flush(spooler_id(), None, SEND);
    scene.report("a", ReportKind::PhaseBegan(Direction::Outgoing));
    scene.claim("a", 100);
    let failure = Failure { retry_after_s: Some(3600), ..deferral() };
    scene.end("a", 100, Outcome::Deferred(failure));
    let next = scene.taken(|effect| match effect {
        Effect::Write(SpoolOp::Finish { next_try, .. }) => *next_try,
        _ => None,
    });
    assert_eq!(next, [1_000_000 + 3600]);
}

#[test]
fn checklist_53_offline_nothing_runs_and_it_goes_out_at_the_next_flush() {
    let mut scene = Scene::of(vec![facts("a")]);
    scene.ask(Command::WorkOffline(true));
    assert!(scene.code("a").contains(StatusCode::STATUS_OFFLINE));
    let key = scene.flush(spooler_id(), None, SEND);
    assert_eq!(scene.flushed(key).result, MapiResult::NetworkError);
    assert!(scene.started().is_empty());
    scene.ask(Command::WorkOffline(false));
    assert!(!scene.code("a").contains(StatusCode::STATUS_OFFLINE));
    scene.flush(spooler_id(), None, SEND);
    assert_eq!(scene.started().len(), 1);
}

#[test]
fn checklist_54_one_failing_transport_leaves_the_others_working() {
    let mut scene = Scene::of(vec![facts("sick"), facts("well")]);
    let key = scene.flush(spooler_id(), None, SEND);
    let refused = Failure::new(Class::Login, Stage::Login, "mx:465", "refused");
    scene.report("sick", ReportKind::Finished(Err(refused)));
    scene.finish("well");
    assert!(scene.code("sick").contains(StatusCode::STATUS_FAILURE));
    assert!(!scene.code("well").contains(StatusCode::STATUS_FAILURE));
    assert_eq!(result(scene.flushed(key), "sick").result, MapiResult::LogonFailed);
    assert_eq!(result(scene.flushed(key), "well").result, MapiResult::Ok);
}

#[test]
fn a_transport_that_dies_leaves_nothing_in_flight() {
    let mut scene = Scene::of(vec![facts("a")]);
    let key = scene.flush(spooler_id(), None, SEND);
    scene.report("a", ReportKind::PhaseBegan(Direction::Outgoing));
    scene.claim("a", 1);
    scene.claim("a", 2);
    scene.report("a", ReportKind::Offering { ticket: Ticket(1), envelopes: vec![EnvelopeId(2)], hurry: true });
    scene.report("a", ReportKind::Finished(Err(Failure::new(Class::Local, Stage::Content, "a", "panicked"))));
    let states = scene.taken(|effect| match effect {
        Effect::Write(SpoolOp::Finish { envelope, recipients, .. }) => Some((envelope.0, recipients.first()?.state)),
        _ => None,
    });
    assert_eq!(states, [(1, QueueState::Queued), (2, QueueState::InDoubt)]);
    assert_eq!(scene.flushed(key).results[0].outgoing.in_doubt, 1);
}

#[test]
fn refused_for_good_is_failed_and_reported_once() {
    let mut scene = Scene::of(vec![facts("a")]);
    scene.flush(spooler_id(), None, SEND);
    scene.report("a", ReportKind::PhaseBegan(Direction::Outgoing));
    scene.claim("a", 1);
    scene.end("a", 1, Outcome::Failed(Failure::new(Class::Permanent, Stage::Envelope, "mx:25", "no such user")));
    scene.end("a", 1, Outcome::Failed(Failure::new(Class::Permanent, Stage::Envelope, "mx:25", "again")));
    let reports = scene.taken(|effect| match effect {
        Effect::DeliveryReport { envelope, recipients, .. } => Some((envelope.0, recipients.len())),
        _ => None,
    });
    assert_eq!(reports, [(1, 1)]);
}

#[test]
fn rows_change_at_most_ten_times_a_second_but_states_at_once() {
    let mut scene = Scene::of(vec![facts("a")]);
    let mut told = 0;
    scene.flush(spooler_id(), None, SEND);
    scene.report("a", ReportKind::PhaseBegan(Direction::Outgoing));
    scene.core.publish(scene.now);
    for step in 0..1000 {
        scene.now.mono += Duration::from_millis(1);
        scene.report("a", ReportKind::Progress(crate::transport::Progress { bytes: 1000 + step }));
        let events = scene.core.publish(scene.now);
        told += events.iter().filter(|effect| matches!(effect, Effect::Emit(Event::RowModified(_)))).count();
    }
    assert!(told <= 2 * 11, "{told} row changes in a second (transport and spooler)");
    scene.report("a", ReportKind::PhaseEnded(Direction::Outgoing, Ok(())));
    assert!(!scene.core.publish(scene.now).is_empty(), "a change of state is told at once");
}

#[test]
fn a_question_parks_one_transport_and_its_answer_reaches_it() {
    let mut scene = Scene::of(vec![facts("a"), facts("b")]);
    scene.flush(spooler_id(), None, SEND);
    let question = Question::Password { user: "ada".to_owned(), host: "mx".to_owned(), refused: None };
    scene.report("a", ReportKind::Question { ticket: Ticket(9), question });
    let row = scene.core.all_rows(scene.now).remove(3);
    assert_eq!(row.number(PR_SLUICE_QUESTION), Some(9));
    scene.finish("b");
    let key = scene.ask(Command::AnswerQuestion { question: 9, said: Some(Said::Trust) });
    assert!(
        matches!(scene.reply(key), Some(Reply::Refused(MapiResult::InvalidParameter, _))),
        "it asked for a password"
    );
    let key = scene.ask(Command::AnswerQuestion { question: 9, said: Some(Said::Secret(PlainSecret("s".to_owned()))) });
    assert_eq!(scene.reply(key), Some(&Reply::Done));
    let answers = scene.taken(|effect| match effect {
        Effect::Answer(ticket, Answer::Secret(_)) => Some(ticket.0),
        _ => None,
    });
    assert_eq!(answers, [9]);
}

#[test]
fn a_question_that_is_taken_back_is_gone_and_another_is_not() {
    let mut scene = Scene::of(vec![facts("a")]);
    scene.flush(spooler_id(), None, SEND);
    let question = Question::Password { user: "ada".to_owned(), host: "mx".to_owned(), refused: None };
    scene.report("a", ReportKind::Question { ticket: Ticket(9), question });
    let gone = |scene: &mut Scene| {
        scene.taken(|effect| match effect {
            Effect::Emit(Event::QuestionGone(number)) => Some(*number),
            _ => None,
        })
    };
    scene.report("a", ReportKind::Withdrawn(Ticket(8)));
    assert_eq!(gone(&mut scene), [0_u64; 0]);
    scene.report("a", ReportKind::Withdrawn(Ticket(9)));
    assert_eq!(gone(&mut scene), [9]);
    let row = scene.core.all_rows(scene.now).remove(2);
    assert_eq!(row.number(PR_SLUICE_QUESTION), None);
}

#[test]
fn shutdown_waits_for_what_runs_and_serves_others_until_then() {
    let mut scene = Scene::of(vec![facts("a"), facts("b")]);
    scene.flush(transport_id("a"), None, SEND);
    let end = scene.ask(Command::Shutdown { finish: true });
    assert!(scene.reply(end).is_none());
    // Another process can't flush this one by itself before the lock is free.
    let late = scene.flush(transport_id("b"), None, SEND);
    scene.finish("a");
    assert!(scene.reply(end).is_none() && scene.reply(late).is_none());
    scene.finish("b");
    assert!(matches!(scene.reply(late), Some(Reply::Flushed(reply)) if reply.result == MapiResult::Ok));
    assert_eq!(scene.reply(end), Some(&Reply::Done));
    assert_eq!(scene.taken(|effect| matches!(effect, Effect::Stop).then_some(())), [()]);
    let too_late = scene.flush(transport_id("b"), None, SEND);
    assert!(matches!(scene.reply(too_late), Some(Reply::Refused(MapiResult::EndOfSession, _))));
}
