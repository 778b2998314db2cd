//! What the real program tells by notifications, and to whom it listens on the bus.

use std::collections::HashMap;

use zbus::blocking::Proxy;
use zbus::zvariant::Value;

use super::LIMIT;
use super::tray::Seat;
use crate::support::bus::{Notifications, TrayHost};
use crate::support::daemon::wait_until;

#[test]
fn trouble_is_told_once_and_can_be_tried_again_from_there() {
    let Some(mut seat) = Seat::new() else { return };
    let host = TrayHost::start(&seat.bus);
    let notifications = Notifications::start(&seat.bus);
    seat.start(&["--background"]);
    let (folder, elsewhere) = (seat.harness.profile().join("out"), seat.harness.path("elsewhere"));
    std::fs::rename(&folder, &elsewhere).expect("the folder goes");
    seat.submit("quick_one");
    host.click(&["Send all"]);
    assert!(wait_until(LIMIT, || !notifications.shown().is_empty()), "nothing is told");
    let told = notifications.shown().remove(0);
    assert_eq!((told.summary.as_str(), told.replaces), ("quick_one", 0));
    assert_eq!(told.actions, ["default", "Open", "retry", "Try again"]);

    std::fs::rename(&elsewhere, &folder).expect("the folder comes");
    notifications.click(told.id, "retry");
    assert!(wait_until(LIMIT, || seat.count("out/new") == 1), "it is not tried again");
    // What arrives is told in its place.
    seat.put_in("1795442520.1.here");
    host.click(&["Receive all"]);
    assert!(wait_until(LIMIT, || notifications.shown().len() == 2), "nothing is told");
    let received = notifications.shown().remove(1);
    assert_eq!((received.body.as_str(), received.replaces), ("1 message received", told.id));
    assert!(seat.screen.has_no_window("Mailsluice"));
    notifications.click(told.id, "default");
    seat.window();
}

#[test]
fn under_no_ui_nothing_is_told_and_no_window_comes_from_any_way_in() {
    let Some(mut seat) = Seat::new() else { return };
    let host = TrayHost::start(&seat.bus);
    let notifications = Notifications::start(&seat.bus);
    seat.start(&["--background"]);
    seat.submit("harsh");
    assert!(wait_until(LIMIT, || seat.row("harsh")["outgoing"]["queued"] == 1));
    // From a command that says so, whatever the switch says.
    seat.harness.run(&["flush", "--no-ui", "--transport", "harsh"]);
    assert!(wait_until(LIMIT, || host.find(&["Waiting for you (1)"]).is_some()), "it waits for a person");
    // From the tray, with the switch on.
    host.click(&["No UI"]);
    assert!(host.stands(&["No UI"], true));
    seat.submit("harsh");
    host.click(&["By transport", "harsh", "Send"]);
    assert!(wait_until(LIMIT, || seat.row("harsh")["outgoing"]["failed"] == 2));
    // With the switch off the next one is told: by then everything before it would have been.
    host.click(&["No UI"]);
    assert!(host.stands(&["No UI"], false));
    seat.put_in("1795442520.1.here");
    host.click(&["Receive all"]);
    assert!(wait_until(LIMIT, || !notifications.shown().is_empty()), "nothing is told");
    assert_eq!(notifications.shown().len(), 1, "{:?}", notifications.shown());
    assert_eq!(notifications.shown()[0].summary, "quick_one");
    assert!(seat.screen.is_empty(), "no window of any kind");
}

#[test]
fn a_launcher_opens_it_and_calls_its_actions_over_the_bus() {
    let Some(mut seat) = Seat::new() else { return };
    let _host = TrayHost::start(&seat.bus);
    seat.start_default(&["--background"]);
    let connection = seat.bus.connect();
    let name = "org.mailsluice.Mailsluice";
    let application =
        Proxy::new(&connection, name, "/org/mailsluice/Mailsluice", "org.freedesktop.Application").expect("a proxy");
    let platform = HashMap::<&str, Value<'_>>::new();
    let send = || application.call::<_, _, ()>("ActivateAction", &("send", Vec::<Value<'_>>::new(), &platform));
    assert!(wait_until(LIMIT, || send().is_ok()), "it is not on the bus");
    let unknown = application.call::<_, _, ()>("ActivateAction", &("dance", Vec::<Value<'_>>::new(), &platform));
    assert!(unknown.is_err());
    let mail = format!("file://{}", seat.harness.path("mail.eml").display());
    application.call::<_, _, ()>("Open", &(vec![mail], &platform)).expect("opened");
    seat.window();
    let sent = || {
        send().expect("an action");
        seat.harness.path("home/out/new").read_dir().expect("a folder").count() == 1
    };
    assert!(wait_until(LIMIT, sent), "what was opened is not sent");
}
