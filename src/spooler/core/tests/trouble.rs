//! What goes wrong between the lines: retries that lead nowhere, ends that come too early or not at all.

use super::*;
use crate::mapi::tag::PR_SLUICE_LAST_FAILURE;
use crate::spooler::core::backoff::GIVE_UP_AFTER_S;

fn keeping_time(transports: Vec<Facts>) -> Scene {
    Scene::with(Settings { transports, keeps_time: true, first_run: 1, ..Settings::default() })
}

fn due_now(scene: &mut Scene) {
    let next_due = [("a".to_owned(), scene.now.wall)].into();
    scene.input(Input::Counted { counts: crate::spool::AllCounts::new(), next_due });
    scene.core.publish(scene.now);
}

/// Lets the time pass in which rows wait for their turn.
fn rows_are_told(scene: &mut Scene) {
    scene.now.mono += Duration::from_secs(1);
    scene.core.publish(scene.now);
}

fn has_queued(scene: &mut Scene, transport: &str) {
    let queued = crate::mapi::OutgoingCounts { queued: 1, ..Default::default() };
    scene.input(Input::Counted { counts: [(transport.to_owned(), queued)].into(), next_due: BTreeMap::new() });
}

/// States that envelopes were given.
fn states(scene: &mut Scene) -> Vec<QueueState> {
    scene.taken(|effect| match effect {
        Effect::Write(SpoolOp::Finish { recipients, .. }) => Some(recipients.first()?.state),
        _ => None,
    })
}

#[test]
fn what_was_held_back_for_a_week_is_not_given_up_at_its_first_refusal() {
    let mut scene = Scene::of(vec![facts("a")]);
    scene.flush(spooler_id(), None, SEND);
    scene.report("a", ReportKind::PhaseBegan(Direction::Outgoing));
    scene.claim("a", 1);
    scene.end("a", 1, Outcome::Deferred(deferral()));
    assert_eq!(states(&mut scene), [QueueState::Deferred]);
    scene.claim("a", 1);
    scene.now.wall += GIVE_UP_AFTER_S + 1;
    scene.end("a", 1, Outcome::Deferred(deferral()));
    assert_eq!(states(&mut scene), [QueueState::Failed]);
}

#[test]
fn a_retry_that_finds_nothing_is_not_begun_again_at_once() {
    let mut scene = keeping_time(vec![facts("a")]);
    due_now(&mut scene);
    scene.input(Input::Tick);
    assert_eq!(scene.started().len(), 1);
    scene.finish("a");
    due_now(&mut scene);
    scene.input(Input::Tick);
    assert!(scene.started().is_empty());
    rows_are_told(&mut scene);
    assert!(scene.core.deadline(scene.now) >= Some(Duration::from_secs(60)));
}

#[test]
fn deferred_mail_of_a_transport_that_sends_no_more_wakes_nobody() {
    let mut scene = keeping_time(vec![Facts { outgoing: false, ..facts("a") }]);
    due_now(&mut scene);
    rows_are_told(&mut scene);
    assert_eq!(scene.core.deadline(scene.now), None);
}

#[test]
fn a_client_that_begins_to_look_takes_no_change_from_the_others() {
    let mut scene = Scene::of(vec![facts("a")]);
    scene.core.publish(scene.now);
    scene.flush(spooler_id(), None, SEND);
    scene.report("a", ReportKind::Stage(Stage::Connect));
    scene.core.all_rows(scene.now);
    let told = scene.core.publish(scene.now);
    assert!(told.iter().any(|effect| matches!(effect, Effect::Emit(Event::RowModified(row))
        if row.entry_id().as_ref() == Some(&transport_id("a")))));
}

#[test]
fn what_is_claimed_for_a_flush_that_is_over_goes_back_to_the_queue() {
    let mut scene = Scene::of(vec![facts("a")]);
    scene.flush(spooler_id(), None, SEND);
    scene.finish("a");
    scene.claim("a", 1);
    assert_eq!(states(&mut scene), [QueueState::Queued]);
}

#[test]
fn a_flush_waits_for_a_validation_and_a_cancel_ends_that() {
    let mut scene = Scene::of(vec![facts("a")]);
    scene.ask(Command::ValidateState { object: transport_id("a"), flags: ValidateFlags::empty() });
    let tickets = scene.taken(|effect| match effect {
        Effect::Validate { ticket, .. } => Some(*ticket),
        _ => None,
    });
    scene.flush(transport_id("a"), None, SEND);
    assert!(scene.started().is_empty());
    scene.report("a", ReportKind::Validated(tickets[0], Ok("all well".to_owned())));
    assert_eq!(scene.started().len(), 1);
    scene.finish("a");

    scene.ask(Command::ValidateState { object: transport_id("a"), flags: ValidateFlags::empty() });
    scene.taken(|_| None::<()>);
    scene.ask(Command::Cancel { transport: None });
    assert_eq!(scene.taken(|effect| matches!(effect, Effect::Cancel(_)).then_some(())), [()]);
}

#[test]
fn a_transport_that_does_not_let_go_does_not_keep_the_process_alive() {
    let mut scene = Scene::of(vec![facts("a")]);
    scene.flush(spooler_id(), None, SEND);
    let end = scene.ask(Command::Shutdown { finish: false });
    assert_eq!(scene.reply(end), None);
    rows_are_told(&mut scene);
    let patience = scene.core.deadline(scene.now).expect("an end in sight");
    assert!(patience <= Duration::from_secs(5), "{patience:?}");
    scene.now.mono += patience;
    scene.input(Input::Tick);
    assert_eq!(scene.reply(end), Some(&Reply::Done));
}

#[test]
fn nobody_waits_for_the_same_flush_twice() {
    let mut scene = Scene::of(vec![facts("a")]);
    let flags = SEND | FlushFlags::FLUSH_ASYNC_OK;
    for _ in 0..10 {
        scene.flush(spooler_id(), None, flags);
    }
    let mut runs = 0;
    while !scene.started().is_empty() {
        runs += 1;
        scene.finish("a");
    }
    assert_eq!(runs, 2, "the one that ran, and one for what came meanwhile");
}

#[test]
fn a_retry_counts_only_what_it_takes() {
    use crate::mapi::tag::PR_SLUICE_TOTAL;
    let mut scene = keeping_time(vec![facts("a")]);
    due_now(&mut scene);
    scene.input(Input::Tick);
    let queued = crate::mapi::OutgoingCounts { queued: 500, ..Default::default() };
    let counts = [("a".to_owned(), queued)].into();
    scene.input(Input::Counted { counts, next_due: BTreeMap::new() });
    scene.report("a", ReportKind::PhaseBegan(Direction::Outgoing));
    let rows = scene.core.all_rows(scene.now);
    assert_eq!(rows.last().and_then(|row| row.number(PR_SLUICE_TOTAL)), None);
}

#[test]
fn what_the_profile_leaves_out_under_no_ui_waits_for_a_person_and_nothing_runs_it_by_itself() {
    let noisy = Facts { honours_no_ui: false, skips_no_ui: true, ..facts("a") };
    let mut scene = keeping_time(vec![noisy, facts("b")]);
    let silent = scene.flush(spooler_id(), None, SEND | FlushFlags::FLUSH_NO_UI);
    scene.started();
    scene.finish("b");
    let reply = scene.flushed(silent);
    assert_eq!((reply.result, &reply.results[0].failure), (MapiResult::Ok, &None), "it has nothing to send");
    has_queued(&mut scene, "a");
    let silent = scene.flush(spooler_id(), None, SEND | FlushFlags::FLUSH_NO_UI);
    let done = scene.taken(|effect| match effect {
        Effect::Start { transport, .. } => Some(format!("{transport} starts")),
        Effect::Write(SpoolOp::LastRun { transport, last }) if last.failure.is_some() => {
            Some(format!("{transport} is noted"))
        }
        _ => None,
    });
    assert_eq!(done, ["a is noted", "b starts"], "the next process knows of it too");
    scene.finish("b");
    let reply = scene.flushed(silent);
    assert_eq!(reply.results[0].failure.as_ref().map(|failure| failure.class), Some(Class::NeedsPerson));
    assert_eq!(reply.results[1].result, MapiResult::Ok);
    let row = scene.core.all_rows(scene.now).into_iter().find(|row| row.entry_id() == Some(transport_id("a")));
    assert!(row.is_some_and(|row| row.get(PR_SLUICE_LAST_FAILURE).is_some()), "it waits for a person");
    due_now(&mut scene);
    assert_eq!(scene.core.deadline(scene.now), None, "its deferred mail is not tried by itself");
    scene.flush(spooler_id(), None, SEND);
    assert_eq!(scene.started().len(), 2, "with UI it runs");
}
