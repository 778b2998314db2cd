//! What the real program makes of the machine that it runs on: the network that goes, comes and is another (a mock
//! NetworkManager), sleep and what keeps from it (a mock logind), each on a system bus of its own.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use super::tray::{Seat, wakes};
use super::{LIMIT, settle, ticks};
use crate::support::Harness;
use crate::support::bus::TrayHost;
use crate::support::daemon::wait_until;
use crate::support::harness::Terminal;
use crate::support::machine::Machine;
use crate::support::provider::{letter, sender, submit};

/// One that is sent with whenever something happens, and one that is choosy.
const CHOOSY: &str = r#"
[[transport]]
name = "any"
outgoing = { kind = "folder", path = "any" }

[[transport]]
name = "choosy"
outgoing = { kind = "folder", path = "choosy" }

[[schedule.group]]
transports = ["any"]
on_network = true
on_resume = true

[[schedule.group]]
transports = ["choosy"]
on_start = true
on_network = true
networks = ["home"]
metered = false
"#;

#[test]
fn what_waits_goes_out_when_the_network_comes_back_and_only_on_the_one_that_was_chosen() {
    let Some(machine) = Machine::start("train") else { return };
    let folders = ["any", "choosy"];
    let Some(mut seat) = Seat::on(CHOOSY, &folders, Some(machine)) else { return };
    let _host = TrayHost::start(&seat.bus);
    for name in folders {
        seat.submit(name);
    }
    seat.start(&["--background"]);
    seat.machine().wait_until_seen();
    seat.machine().go_to("", false);
    assert_eq!(folders.map(|name| seat.queued(name)), [1, 1], "nothing has come back yet");
    // It comes back, is another, and is the right one at too high a price.
    for (network, metered) in [("train", false), ("hotel", false), ("home", true)] {
        seat.machine().go_to(network, metered);
        assert!(wait_until(LIMIT, || seat.queued("any") == 0), "{network}: nothing is sent");
        assert_eq!(seat.queued("choosy"), 1, "{network}, metered: {metered}, is not what was chosen");
        seat.submit("any");
    }
    seat.machine().go_to("home", false);
    assert!(wait_until(LIMIT, || seat.queued("choosy") == 0), "what was put off is not made up");
    assert_eq!(seat.queued("any"), 1, "the same network is no other");
    seat.machine().sleep(true);
    seat.machine().sleep(false);
    assert!(wait_until(LIMIT, || seat.queued("any") == 0), "nothing is sent after the sleep");
    assert!(wait_until(LIMIT, || seat.machine().locks().is_empty()));
    // And it rests meanwhile, with both to listen to.
    settle(seat.id());
    let (used, woken) = (ticks(seat.id()), wakes(seat.id()));
    std::thread::sleep(Duration::from_secs(5));
    let (used, woken) = (ticks(seat.id()) - used, wakes(seat.id()).saturating_sub(woken));
    assert!(used <= 1 && woken <= 5, "{used} ticks and {woken} wakes in five seconds");
}

#[test]
fn the_machine_stays_awake_between_connecting_and_the_last_reply_and_no_longer() {
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = server.local_addr().expect("an address").port();
    let profile = format!(
        "[[transport]]\nname = \"line\"\nconnect = {{ up = \"touch up; until [ -e go ]; do sleep 0.05; done\", \
         down = \"touch down; until [ -e rest ]; do sleep 0.05; done\", silent = true }}\n\
         [transport.outgoing]\nkind = \"smtp\"\nhost = \"127.0.0.1\"\nport = {port}\nsecurity = \"none\"\nauth = \"none\"\n"
    );
    let Some(machine) = Machine::start("home") else { return };
    let Some(mut seat) = Seat::on(&profile, &[], Some(machine)) else { return };
    let host = TrayHost::start(&seat.bus);
    seat.submit("line");
    seat.start(&["--background"]);
    host.click(&["Send all"]);
    assert!(wait_until(LIMIT, || seat.harness.path("up").exists()), "the line is not brought up");
    assert!(wait_until(LIMIT, || seat.row("line")["status_code"].to_string().contains("STATUS_OUTBOUND")));
    assert_eq!(seat.machine().locks_ever(), 0, "a line that is brought up is none yet");
    seat.harness.write("go", "");
    let (mut line, _) = server.accept().expect("a connection");
    let held = ["block", "delay"].map(str::to_owned);
    assert!(wait_until(LIMIT, || seat.machine().locks() == held), "the machine may sleep in mid-transfer");
    line.write_all(b"220 at your service\r\n").expect("a line");
    let mut said = [0; 512];
    assert!(line.read(&mut said).expect("EHLO") > 4);
    assert_eq!(seat.machine().locks(), held);
    // It hangs up: that was the last of it, though the line is still to be brought down.
    drop(line);
    assert!(wait_until(LIMIT, || seat.harness.path("down").exists()), "the line is not brought down");
    assert!(wait_until(LIMIT, || seat.machine().locks().is_empty()), "it keeps the machine awake for nothing");
    assert_eq!(seat.machine().locks_ever(), 2, "once for all of it");
    seat.harness.write("rest", "");
}

#[test]
fn so_it_does_for_a_command_without_a_window() {
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = server.local_addr().expect("an address").port();
    let harness = Harness::new(&format!("{}auth = \"none\"\n", sender("line", port, "*")));
    let Some(machine) = Machine::start("home") else { return };
    submit(&harness, &letter("one", "bob@example.net", 100));
    let mut command = harness.command();
    let flush = Terminal::at(machine.join(&mut command), &["flush", "--no-ui"]);
    let (mut line, _) = server.accept().expect("a connection");
    let held = ["block", "delay"].map(str::to_owned);
    assert!(wait_until(LIMIT, || machine.locks() == held), "the machine may sleep in mid-transfer");
    line.write_all(b"220 at your service\r\n").expect("a line");
    assert!(line.read(&mut [0; 512]).expect("EHLO") > 4);
    assert_eq!(machine.locks(), held);
    drop(line);
    flush.end().expect_code(75);
    assert!(wait_until(LIMIT, || machine.locks().is_empty()));
    assert_eq!(machine.locks_ever(), 2);
}
