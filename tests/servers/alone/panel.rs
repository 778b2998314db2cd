//! The tray's icon in a real panel, clicked with a real mouse, through the panel's death and return.

use super::LIMIT;
use super::tray::Seat;
use crate::support::daemon::wait_until;
use crate::support::panel::Panel;

#[test]
fn the_icon_in_a_real_panel_can_be_clicked_and_outlives_it() {
    let Some(mut seat) = Seat::new() else { return };
    seat.start(&["--background"]);
    let Some(mut panel) = Panel::start(&seat.screen, &seat.bus) else { return };
    assert!(panel.shows_the_icon(), "the panel shows no icon");
    let sends = |number: usize| wait_until(LIMIT, || seat.count("out/new") == number);
    seat.submit("quick_one");
    panel.click(2);
    assert!(sends(1), "the middle button sends nothing");
    panel.click(1);
    seat.window().close();
    assert!(wait_until(LIMIT, || seat.screen.has_no_window("Mailsluice")), "it does not close to the tray");

    panel.die();
    panel.come();
    assert!(panel.shows_the_icon(), "the icon is not found again");
    seat.submit("quick_one");
    panel.click(2);
    assert!(sends(2), "the icon that came back does nothing");
    seat.submit("quick_one");
    let sent = panel.pick_the_first_entry(|| seat.count("out/new") == 3);
    assert!(sent, "Send/Receive all in the menu does nothing");
}
