//! The phases of one flush as others see them: outgoing wholly before incoming, and the bits of the row.

use std::net::TcpListener;

use mailsluice::demo::{Point, Trouble};

use crate::support::Harness;
use crate::support::daemon::wait_until;
use crate::support::provider::{PATIENCE, incoming, letter, provider, receiver, result, sender, submit, text};

/// The FLUSH bits of a transport's row.
fn bits(harness: &Harness, name: &str) -> Vec<String> {
    let status = harness.run(&["status", "--json"]).expect_code(0).json();
    let rows = status["rows"].as_array().expect("rows").clone();
    let row = rows.into_iter().find(|row| row["display_name"] == name).expect("its row");
    let flags = row["status_code"].as_array().expect("flags").iter().map(text);
    flags.filter(|flag| flag.contains("FLUSH")).collect()
}

#[test]
fn checklist_23_nothing_comes_in_before_everything_has_gone_out() {
    let provider = provider(Vec::new());
    let incoming_server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = incoming_server.local_addr().expect("its address").port();
    let harness = Harness::new(&(sender("both", provider.smtp_addr().port(), "*") + &incoming("imap", port, "keep")));
    for number in 0..20 {
        submit(&harness, &letter(&format!("m-{number}"), "ann@example.net", 2000));
    }
    let disturbance = provider.disturb(Point::FinalReply, Trouble::Stall);
    let flush = harness.start(&["flush", "--no-ui", "--json"]);
    assert!(disturbance.wait_reached(1, PATIENCE));
    assert_eq!(bits(&harness, "both"), ["STATUS_OUTBOUND_FLUSH"]);
    incoming_server.set_nonblocking(true).expect("a socket");
    assert!(incoming_server.accept().is_err(), "it fetches while it sends");
    incoming_server.set_nonblocking(false).expect("a socket");
    drop(disturbance);
    let (held, _) = incoming_server.accept().expect("it fetches now");
    assert_eq!(provider.delivered().len(), 20);
    // The server may see the connection before the row shows the phase.
    assert!(wait_until(PATIENCE, || bits(&harness, "both") == ["STATUS_INBOUND_FLUSH"]));
    flush.signal("INT");
    let flushed = flush.end().expect_code(75).json();
    assert_eq!(result(&flushed, "both")["outgoing"]["sent"], 20);
    drop(held);
    assert!(bits(&harness, "both").is_empty());
}

#[test]
fn checklist_29_the_bits_are_clear_after_an_error_a_cancel_and_a_crash() {
    let provider = provider(vec![letter("in", "ada@example.org", 1000)]);
    let harness = Harness::new(
        &(sender("both", provider.smtp_addr().port(), "*") + &incoming("pop3", provider.pop3_addr().port(), "keep")),
    );
    for (signal, trouble) in [("INT", Trouble::Stall), ("KILL", Trouble::Stall), ("", Trouble::HangUp)] {
        submit(&harness, &letter(&format!("m{signal}"), "ann@example.net", 2000));
        let disturbance = provider.disturb(Point::Greeting, trouble);
        let flush = harness.start(&["flush", "--no-ui", "--json"]);
        assert!(disturbance.wait_reached(1, PATIENCE));
        if trouble == Trouble::Stall {
            assert_eq!(bits(&harness, "both"), ["STATUS_OUTBOUND_FLUSH"]);
            flush.signal(signal);
        }
        assert_ne!(flush.end().code, Some(0));
        assert!(bits(&harness, "both").is_empty(), "{signal} {trouble:?}");
    }
}

#[test]
fn checklist_54_a_transport_that_fails_leaves_the_others_working() {
    let (good, bad) = (provider(vec![letter("in", "ada@example.org", 1000)]), provider(Vec::new()));
    let harness = Harness::new(
        &(sender("bad", bad.smtp_addr().port(), "*@bad.example.net")
            + &sender("good", good.smtp_addr().port(), "*@good.example.net")
            + &incoming("pop3", good.pop3_addr().port(), "delete")
            + &receiver("worse", "imap", bad.imap_addr().port(), "keep").replace("ada", "nobody")),
    );
    submit(&harness, &letter("1", "ann@bad.example.net", 1000));
    submit(&harness, &letter("2", "ann@good.example.net", 1000));
    let _disturbance = bad.disturb(Point::Greeting, Trouble::HangUp);
    let run = harness.run(&["flush", "--no-ui", "--json"]);
    assert_ne!(run.code, Some(0));
    let flushed = run.json();
    assert_ne!(flushed["result"], "S_OK");
    let good_result = result(&flushed, "good");
    assert_eq!(good_result["result"], "S_OK");
    assert_eq!((&good_result["outgoing"]["sent"], &good_result["incoming"]["received"]), (&1.into(), &1.into()));
    for name in ["bad", "worse"] {
        assert_ne!(result(&flushed, name)["result"], "S_OK", "{name}");
    }
}
