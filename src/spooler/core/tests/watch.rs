//! What is seen of new mail between flushes.

use super::*;
use crate::mapi::tag::PR_SLUICE_WAITING;

fn watched(scene: &mut Scene) -> Vec<bool> {
    scene.taken(|effect| if let Effect::Watch(on) = effect { Some(*on) } else { None })
}

fn waiting(scene: &Scene) -> Option<i64> {
    let rows = scene.core.all_rows(scene.now);
    rows.iter().find(|row| row.entry_id() == Some(transport_id("a")))?.number(PR_SLUICE_WAITING)
}

#[test]
fn a_spooler_that_stays_watches_while_it_is_online_and_one_for_a_command_never_does() {
    let settings = |keeps_time| Settings { transports: vec![facts("a")], keeps_time, ..Settings::default() };
    let mut window = Scene::with(settings(true));
    window.input(Input::Started);
    assert_eq!(watched(&mut window), [true]);
    window.ask(Command::WorkOffline(true));
    assert_eq!(watched(&mut window), [false]);
    window.ask(Command::WorkOffline(false));
    assert_eq!(watched(&mut window), [true]);

    let mut command = Scene::with(settings(false));
    command.input(Input::Started);
    command.ask(Command::WorkOffline(false));
    assert!(watched(&mut command).is_empty());
}

#[test]
fn new_mail_shows_as_waiting_and_what_comes_in_is_counted_down_by_the_flush_alone() {
    let mut scene = Scene::of(vec![facts("a")]);
    scene.report("a", ReportKind::Waiting { messages: 2, bytes: 50 });
    assert_eq!(waiting(&scene), Some(2));
    scene.flush(transport_id("a"), None, RECEIVE);
    scene.report("a", ReportKind::PhaseBegan(Direction::Incoming));
    scene.report("a", ReportKind::Listed { messages: 3, bytes: 70 });
    // Counted before the flush recorded what it has by now.
    scene.report("a", ReportKind::Waiting { messages: 9, bytes: 90 });
    assert_eq!(waiting(&scene), Some(3));
    scene.report("a", ReportKind::PhaseEnded(Direction::Incoming, Ok(())));
    scene.finish("a");
    scene.report("a", ReportKind::Waiting { messages: 0, bytes: 0 });
    assert_eq!(waiting(&scene), Some(0));
}
