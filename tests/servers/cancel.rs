//! Cancel is prompt wherever a server leaves us waiting, and leaves every message in a true state.

use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use mailsluice::demo::{Point, Trouble};
use mailsluice::mapi::{EntryId, FlushFlags, MapiResult, ResourceType};
use mailsluice::profile::{self, Places};
use mailsluice::spooler::{Command, Reply, Spooler, Stay};

use crate::support::provider::{
    PATIENCE, count, letter, login, provider, receiver, result, sender, states, subjects, submit, wait_states,
};
use crate::support::{Harness, Running};

/// The user's patience.
const PROMPT: Duration = Duration::from_millis(200);

/// Ctrl+C; gives the JSON it prints at the end. Exit code 75 asks to try again; with something in doubt a person has to
/// decide, 77.
fn interrupt(flush: Running, what: &str) -> serde_json::Value {
    let began = Instant::now();
    flush.signal("INT");
    let run = flush.end();
    let took = began.elapsed();
    eprintln!("cancelled at {what}: {} ms", took.as_millis());
    assert!(took < PROMPT, "{what}: {took:?}");
    let flushed = run.json();
    let doubts = flushed["results"].as_array().expect("results").iter();
    let doubts = doubts.filter(|result| result["outgoing"]["in_doubt"] != 0).count();
    run.expect_code(if doubts > 0 { 77 } else { 75 });
    flushed
}

/// Five small messages for a server that stalls, three for one that does not; or one too large for any buffer.
fn queue(harness: &Harness, large: bool) {
    for number in 0..5 {
        let bytes = if large && number == 0 { 32 << 20 } else { 1000 };
        submit(harness, &letter(&format!("stuck-{number}"), "ann@stuck.example.net", bytes));
    }
    for number in 0..3 {
        submit(harness, &letter(&format!("well-{number}"), "bob@well.example.net", 1000));
    }
}

mod alone {
    use super::*;

    /// Sends to a server that stalls at this point and to one that does not, and cancels.
    fn cancel_while_sending(point: Point) {
        let (stuck, well) = (provider(Vec::new()), provider(Vec::new()));
        let transports = sender("stuck", stuck.smtp_addr().port(), "*@stuck.example.net")
            + &login()
            + &sender("well", well.smtp_addr().port(), "*@well.example.net");
        let harness = Harness::new(&transports);
        queue(&harness, point == Point::Content);
        let disturbance = stuck.disturb(point, Trouble::Stall);
        let flush = harness.start(&["flush", "--send", "--no-ui", "--json"]);
        assert!(disturbance.wait_reached(1, PATIENCE), "{point:?} is never reached");
        wait_states(&harness, "well", |states| count(states, "sent") == 3);
        let flushed = interrupt(flush, &format!("{point:?}"));
        assert_eq!(flushed["result"], "MAPI_E_USER_CANCEL");
        assert_eq!(result(&flushed, "stuck")["result"], "MAPI_E_USER_CANCEL");
        assert_eq!(result(&flushed, "well")["result"], "S_OK");
        assert_eq!(result(&flushed, "well")["outgoing"]["sent"], 3);

        let after = states(&harness, "stuck");
        let (queued, in_doubt) = (count(&after, "queued"), count(&after, "in_doubt"));
        assert_eq!(queued + in_doubt, 5, "{after:?}");
        // What the server has whole is in doubt; nothing is before its last byte is out. A small message has gone out
        // whole before the server says anything of its recipients.
        match point {
            Point::FinalReply => assert_eq!(after["stuck-0"], "in_doubt"),
            Point::Recipient => assert!(in_doubt <= 1, "{after:?}"),
            _ => assert_eq!(in_doubt, 0, "{after:?}"),
        }
        for subject in subjects(&stuck.delivered()).keys() {
            assert_eq!(after[subject], "in_doubt");
        }

        drop(disturbance);
        let flushed = harness.run(&["flush", "--send", "--no-ui", "--json"]).expect_code(0).json();
        assert_eq!(result(&flushed, "stuck")["outgoing"]["sent"], queued);
        let now = states(&harness, "stuck");
        assert_eq!((count(&now, "sent"), count(&now, "in_doubt")), (queued, in_doubt));
        // What was sent arrived once; what is in doubt at most once.
        let delivered = stuck.delivered();
        let large = delivered.iter().filter(|message| message.content.is_none()).count();
        let small: Vec<_> = delivered.into_iter().filter(|message| message.content.is_some()).collect();
        let small = subjects(&small);
        assert_eq!(large, usize::from(point == Point::Content));
        assert!(small.values().all(|times| *times == 1), "{small:?}");
        for (subject, state) in now {
            let arrived = small.contains_key(&subject) || (subject == "stuck-0" && large == 1);
            assert!(arrived || state == "in_doubt", "{subject} is {state} and was lost");
        }
    }

    #[test]
    fn before_the_greeting() {
        cancel_while_sending(Point::Greeting);
    }

    #[test]
    fn at_the_login() {
        cancel_while_sending(Point::Login);
    }

    #[test]
    fn at_a_recipient() {
        cancel_while_sending(Point::Recipient);
    }

    #[test]
    fn in_the_middle_of_a_content() {
        cancel_while_sending(Point::Content);
    }

    #[test]
    fn after_the_last_byte() {
        cancel_while_sending(Point::FinalReply);
    }

    /// Fetches from a server that stalls at this point, and cancels.
    fn cancel_while_receiving(kind: &str, point: Point) {
        let mail: Vec<Vec<u8>> =
            (0..5).map(|number| letter(&format!("in-{number}"), "ada@example.org", 60_000)).collect();
        let provider = provider(mail.clone());
        let port = if kind == "imap" { provider.imap_addr() } else { provider.pop3_addr() }.port();
        let harness = Harness::new(&receiver("in", kind, port, "delete"));
        let disturbance = provider.disturb(point, Trouble::Stall);
        let flush = harness.start(&["flush", "--receive", "--no-ui", "--json"]);
        assert!(disturbance.wait_reached(1, PATIENCE), "{kind} {point:?} is never reached");
        let flushed = interrupt(flush, &format!("{kind} {point:?}"));
        assert_eq!(flushed["result"], "MAPI_E_USER_CANCEL");
        assert_eq!(provider.mailbox("ada").len() + harness.received("in").len(), 5);
        drop(disturbance);
        harness.run(&["flush", "--receive", "--no-ui", "--json"]).expect_code(0);
        let mut received = harness.received("in");
        received.sort();
        assert!(received == mail, "{kind} {point:?}: {} messages", received.len());
        assert!(provider.mailbox("ada").is_empty());
    }

    #[test]
    fn while_a_message_comes_by_imap() {
        for point in [Point::Greeting, Point::Login, Point::Retrieve] {
            cancel_while_receiving("imap", point);
        }
    }

    #[test]
    fn while_a_message_comes_by_pop3() {
        for point in [Point::Greeting, Point::Login, Point::Retrieve] {
            cancel_while_receiving("pop3", point);
        }
    }

    #[test]
    fn a_server_that_never_says_a_word() {
        for (half, security) in [("outgoing", "none"), ("outgoing", "tls"), ("incoming", "none"), ("incoming", "tls")] {
            let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
            let port = silent.local_addr().expect("its address").port();
            let transport = match half {
                "outgoing" => sender("mute", port, "*"),
                _ => receiver("mute", "imap", port, "keep"),
            };
            let harness = Harness::new(&transport.replace("\"none\"", &format!("\"{security}\"")));
            submit_if(&harness, half == "outgoing");
            let flush = harness.start(&["flush", "--no-ui", "--json"]);
            let held: (TcpStream, _) = silent.accept().expect("a connection");
            let flushed = interrupt(flush, &format!("a mute server, {half}, {security}"));
            assert_eq!(flushed["result"], "MAPI_E_USER_CANCEL");
            drop(held);
            assert!(states(&harness, "mute").values().all(|state| state == "queued"));
        }
    }

    fn submit_if(harness: &Harness, really: bool) {
        if really {
            submit(harness, &letter("mute-0", "ann@example.net", 1000));
        }
    }

    /// Programs of the user's that hang must not hold anybody up either.
    #[test]
    fn while_an_outside_program_hangs() {
        let smtp = "kind = \"smtp\"\nhost = \"127.0.0.1\"\nsecurity = \"none\"";
        let provider = provider(Vec::new());
        let port = provider.smtp_addr().port();
        for (what, transport) in [
            ("an up command", format!("connect = {{ up = \"MARK\" }}\n[transport.outgoing]\n{smtp}\nport = {port}\n")),
            (
                "a password command",
                format!(
                    "[transport.outgoing]\n{smtp}\nport = {port}\nuser = \"ada\"\npassword = {{ command = \"MARK\" }}\n"
                ),
            ),
            (
                "a pipe",
                "[transport.outgoing]\nkind = \"pipe\"\ncommand = [\"sh\", \"-c\", \"cat > /dev/null; MARK\"]\n"
                    .to_owned(),
            ),
        ] {
            let harness = Harness::new("");
            let mark = harness.path("mark");
            let hangs = format!("touch {}; exec sleep 30", mark.display());
            let profile = format!("[[transport]]\nname = \"out\"\n{}", transport.replace("MARK", &hangs));
            harness.write("profile/profile.toml", profile);
            submit(&harness, &letter("m", "ann@example.net", 1000));
            let flush = harness.start(&["flush", "--send", "--no-ui", "--json"]);
            assert!(crate::support::daemon::wait_until(PATIENCE, || mark.exists()), "{what} is never run");
            let flushed = interrupt(flush, what);
            assert_eq!(flushed["result"], "MAPI_E_USER_CANCEL", "{what}: {flushed}");
            let expected = if what == "a pipe" { "in_doubt" } else { "queued" };
            assert_eq!(states(&harness, "out")["m"], expected, "{what}");
        }
    }

    #[test]
    fn the_systems_polite_end_is_a_cancel_too() {
        let provider = provider(Vec::new());
        let harness = Harness::new(&sender("out", provider.smtp_addr().port(), "*"));
        submit(&harness, &letter("m", "ann@example.net", 1000));
        let disturbance = provider.disturb(Point::FinalReply, Trouble::Stall);
        let flush = harness.start(&["flush", "--send", "--no-ui", "--json"]);
        assert!(disturbance.wait_reached(1, PATIENCE));
        flush.signal("TERM");
        assert_eq!(flush.end().expect_code(77).json()["result"], "MAPI_E_USER_CANCEL");
        assert_eq!(states(&harness, "out")["m"], "in_doubt");
    }

    #[test]
    fn a_cancel_through_the_socket_leaves_the_owners_flush_alone() {
        let (first, second) = (provider(Vec::new()), provider(Vec::new()));
        let harness = Harness::new(
            &(sender("first", first.smtp_addr().port(), "*@first.example.net")
                + &sender("second", second.smtp_addr().port(), "*@second.example.net")),
        );
        submit(&harness, &letter("1", "ann@first.example.net", 1000));
        submit(&harness, &letter("2", "ann@second.example.net", 1000));
        let (one, two) =
            (first.disturb(Point::FinalReply, Trouble::Stall), second.disturb(Point::Greeting, Trouble::Stall));
        let owner = harness.start(&["flush", "--no-ui", "--json", "--transport", "first"]);
        assert!(one.wait_reached(1, PATIENCE));
        let guest = harness.start(&["flush", "--no-ui", "--json", "--transport", "second"]);
        assert!(two.wait_reached(1, PATIENCE));
        assert_eq!(interrupt(guest, "the socket")["result"], "MAPI_E_USER_CANCEL");
        assert_eq!(states(&harness, "second")["2"], "queued");
        drop(one);
        assert_eq!(result(&owner.end().expect_code(0).json(), "first")["outgoing"]["sent"], 1);
    }

    #[test]
    fn the_library_cancels_one_transport_and_leaves_the_other() {
        let (stuck, well) = (provider(Vec::new()), provider(Vec::new()));
        let transports = sender("stuck", stuck.smtp_addr().port(), "*@stuck.example.net")
            + &sender("well", well.smtp_addr().port(), "*@well.example.net");
        let harness = Harness::new(&transports);
        queue(&harness, false);
        let places = Places::of(Some(&harness.profile()));
        let profile = profile::load(&transports, &places.profile_file(), &places).expect("a profile");
        let stalls = stuck.disturb(Point::FinalReply, Trouble::Stall);
        // The other server is slow, not stuck: it must come through although its neighbour is cancelled.
        let waits = well.disturb(Point::Recipient, Trouble::Stall);
        let spooler = Spooler::reach(&places, &profile, Stay::Short).expect("a spooler");
        let object = EntryId::of(ResourceType::MAPI_SPOOLER, "");
        let flags = FlushFlags::FLUSH_UPLOAD | FlushFlags::FLUSH_NO_UI;
        let [first, second] = ["stuck", "well"].map(|name| {
            let target = Some(EntryId::of(ResourceType::MAPI_TRANSPORT_PROVIDER, name));
            spooler.line().ask(Command::FlushQueues { object: object.clone(), target, flags, by_hand: true })
        });
        assert!(stalls.wait_reached(1, PATIENCE) && waits.wait_reached(1, PATIENCE));
        let began = Instant::now();
        let transport = Some(EntryId::of(ResourceType::MAPI_TRANSPORT_PROVIDER, "stuck"));
        assert_eq!(spooler.line().ask(Command::Cancel { transport }).wait(), Reply::Done);
        let Reply::Flushed(cancelled) = first.wait() else { panic!("no reply to a flush") };
        let took = began.elapsed();
        eprintln!("cancelled in the library: {} ms", took.as_millis());
        assert!(took < PROMPT, "{took:?}");
        assert_eq!(cancelled.result, MapiResult::UserCancel);
        drop(waits);
        let Reply::Flushed(done) = second.wait() else { panic!("no reply to a flush") };
        assert_eq!((done.result, done.results[0].outgoing.sent), (MapiResult::Ok, 3));
        drop(stalls);
        spooler.end(true);
        let after = states(&harness, "stuck");
        assert_eq!(after["stuck-0"], "in_doubt");
        assert_eq!(count(&after, "queued") + count(&after, "in_doubt"), 5);
    }
}
