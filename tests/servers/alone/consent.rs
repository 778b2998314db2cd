//! Signing in with a provider from the window: asked for by a dialog, allowed in a browser that opens when a person says so
//! and never else, renewed in silence, and waiting for a person when it was taken back.

use super::LIMIT;
use super::tray::Seat;
use crate::oauth::Servers;
use crate::support::Authority;
use crate::support::bus::TrayHost;
use crate::support::daemon::wait_until;
use crate::support::keyring::GnomeKeyring;
use crate::support::witness::StandIns;

#[test]
fn a_sign_in_is_asked_for_in_the_window_and_allowed_in_the_browser() {
    let Some(servers) = Servers::start(Authority::start()) else { return };
    let Some(mut seat) = Seat::on(&servers.profile(&servers.authority.in_a_browser()), &[], None) else { return };
    let host = TrayHost::start(&seat.bus);
    let Some(keyring) = GnomeKeyring::start(&seat.bus, &seat.harness.path("home")) else { return };
    let stand_ins = StandIns::new(&seat.harness.path("stand-ins"));
    let mut command = seat.harness.command();
    stand_ins.join(&mut command);
    seat.start_as(command, &[]);
    let window = seat.window();
    let sent = |count: usize| wait_until(LIMIT, || servers.postfix.deliveries().len() == count && seat.is_idle());
    // Which of the transports asks depends on the moment: one consent is for all of them.
    let asks = |words: &str| {
        let says = |name| seat.row(name)["status_string"].as_str().is_some_and(|text| text.contains(words));
        let names = ["work", "club"];
        assert!(wait_until(LIMIT, || names.into_iter().any(says)), "{words}: {:?}", names.map(|name| seat.row(name)));
    };

    seat.submit("work");
    assert!(wait_until(LIMIT, || seat.queued("work") == 1), "{}", seat.row("work"));
    // A window that is still on its way says that it is, to a key.
    super::settle(seat.id());
    window.key("F9");
    asks("sign in with localhost");
    // Out of the way of the picture.
    window.point_at(1000, 700);
    super::settle(seat.id());
    let picture = super::pictures();
    std::fs::create_dir_all(&picture).expect("a folder");
    window.picture(&picture.join("sign-in-light.png"));
    assert_eq!(stand_ins.started(), "", "a browser opens by itself");
    window.key("Return");
    assert!(wait_until(LIMIT, || stand_ins.started().contains("/authorize?")), "no browser");
    let started = stand_ins.started();
    assert_eq!(started.lines().count(), 1, "{started}");
    let address = started.split_whitespace().nth(1).expect("an address");
    let (_, page) = Authority::browse(address);
    assert!(page.contains("Signed in"), "{page}");
    assert!(sent(1), "nothing was sent");
    assert_eq!(keyring.items(), 1);

    // The token is over, and before its time: with No UI on, it is renewed in silence.
    servers.authority.lifetime(1);
    host.click(&["No UI"]);
    assert!(host.stands(&["No UI"], true));
    servers.authority.expire();
    for count in 2..4 {
        seat.submit("work");
        window.key("F9");
        assert!(sent(count), "nothing was sent: {}", seat.row("work"));
    }

    // Taken back: it waits for a person, who is not disturbed.
    servers.authority.revoke();
    seat.submit("work");
    window.key("F9");
    assert!(wait_until(LIMIT, || host.find(&["Waiting for you (2)"]).is_some()), "{:?}", host.entries());
    assert_eq!(seat.queued("work"), 1);
    assert_eq!(stand_ins.started().lines().count(), 1, "{}", stand_ins.started());
    assert_eq!(servers.postfix.deliveries().len(), 3);
}
