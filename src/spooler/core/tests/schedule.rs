//! What the spooler does by itself: the schedule, its own tries, and the network that both wait for.

use super::*;

#[test]
fn the_schedule_flushes_silently_and_a_dead_server_is_not_called_again_and_again() {
    let plan = Plan { transports: vec!["a".to_owned()], every: Some(Duration::from_secs(300)), ..Plan::default() };
    let schedule = profile::Schedule { plans: vec![plan] };
    let mut scene = Scene::with(Settings {
        transports: vec![facts("a")],
        keeps_time: true,
        schedule,
        first_run: 1,
        ..Settings::default()
    });
    scene.input(Input::Started);
    scene.core.publish(scene.now);
    assert_eq!(scene.core.deadline(scene.now), Some(Duration::from_secs(300)));
    scene.now.wall += 300;
    scene.now.mono += Duration::from_secs(300);
    scene.input(Input::Tick);
    let (_, flags) = scene.started().remove(0);
    assert!(flags.contains(FlushFlags::FLUSH_NO_UI));
    // It fails; a deferred envelope is due by now, but the retry waits.
    let offline = Failure::new(Class::Offline, Stage::Connect, "mx:25", "connection refused");
    scene.report("a", ReportKind::Finished(Err(offline)));
    let next_due = [("a".to_owned(), scene.now.wall)].into();
    scene.input(Input::Counted { counts: crate::spool::AllCounts::new(), next_due });
    scene.input(Input::Tick);
    assert!(scene.started().is_empty());
    scene.now.wall += 120;
    scene.input(Input::Tick);
    assert_eq!(scene.started().len(), 1);
}

#[test]
fn the_schedule_and_the_spoolers_own_tries_wait_for_a_network_that_the_profile_allows() {
    let plan = Plan {
        transports: vec!["a".to_owned()],
        every: Some(Duration::from_secs(300)),
        metered: false,
        on_resume: true,
        ..Plan::default()
    };
    let schedule = profile::Schedule { plans: vec![plan] };
    let transports = vec![facts("a")];
    let mut scene = Scene::with(Settings { transports, keeps_time: true, schedule, ..Settings::default() });
    scene.input(Input::Started);
    let tells = |scene: &mut Scene, metered| {
        scene.ask(Command::Network(Some(Network { online: true, name: "train".to_owned(), metered })));
    };
    tells(&mut scene, true);
    scene.core.publish(scene.now);
    scene.now.wall += 300;
    let next_due = [("a".to_owned(), scene.now.wall)].into();
    scene.input(Input::Counted { counts: crate::spool::AllCounts::new(), next_due });
    scene.input(Input::Tick);
    scene.ask(Command::Resumed);
    assert!(scene.started().is_empty(), "it costs");
    scene.now.mono += Duration::from_secs(1);
    scene.core.publish(scene.now);
    assert_eq!(scene.core.deadline(scene.now), None, "idle until something happens");
    // By hand it goes all the same.
    scene.flush(transport_id("a"), None, SEND);
    assert_eq!(scene.started().len(), 1);
    scene.finish("a");
    tells(&mut scene, false);
    assert_eq!(scene.started().len(), 1, "what was put off is made up at once");
}
