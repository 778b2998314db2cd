//! Large messages go through in bounded memory, whichever way they go.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use mailsluice::demo::Provider;

use crate::support::provider::{incoming, letter, provider, receiver, sender, submit};
use crate::support::{Harness, Running};

/// The message.
const SIZE: usize = 60 << 20;
/// What the program may have resident, all told.
const MEMORY: u64 = 64 << 20;

/// Runs to the end; gives the most memory that was seen resident.
fn watched(running: Running) -> u64 {
    let (peak, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let id = running.id();
    let run = std::thread::scope(|scope| {
        scope.spawn(|| {
            // The kernel keeps the peak; the last look before the end is as good as a continuous one.
            while !over.load(Ordering::Relaxed) {
                if let Some(bytes) = crate::support::harness::peak_memory(id) {
                    peak.fetch_max(bytes, Ordering::Relaxed);
                }
                std::thread::park_timeout(std::time::Duration::from_millis(5));
            }
        });
        let run = running.end();
        over.store(true, Ordering::Relaxed);
        run
    });
    run.expect_code(0);
    let peak = peak.into_inner();
    assert!(peak > 0, "nothing was seen of it");
    peak
}

fn check(what: &str, peak: u64) {
    eprintln!("{what}: {} MiB", peak >> 20);
    assert!(peak < MEMORY, "{what}: {} MiB resident", peak >> 20);
}

#[test]
fn sixty_mebibytes_go_in_and_out_in_bounded_memory() {
    let provider = provider(Vec::new());
    let harness = Harness::new(&sender("out", provider.smtp_addr().port(), "*"));
    let content = letter("large", "ann@example.net", SIZE);
    harness.write("large.eml", &content);
    check("submit", watched(harness.start(&["submit", "large.eml"])));
    check("send", watched(harness.start(&["flush", "--send", "--no-ui"])));
    let delivered = provider.delivered();
    assert_eq!(delivered.len(), 1);
    assert!(delivered[0].size >= content.len() as u64);
}

fn receive(kind: &str, port: impl Fn(&Provider) -> u16) {
    let content = letter("large", "ada@example.org", SIZE);
    let provider = provider(vec![content.clone()]);
    let harness = Harness::new(&receiver("in", kind, port(&provider), "delete"));
    check(kind, watched(harness.start(&["flush", "--receive", "--no-ui"])));
    let received = harness.received("in");
    assert!(received.len() == 1 && received[0] == content, "{kind}: not what was there");
    assert!(provider.mailbox("ada").is_empty());
}

#[test]
fn sixty_mebibytes_come_by_imap_in_bounded_memory() {
    receive("imap", |provider| provider.imap_addr().port());
}

#[test]
fn sixty_mebibytes_come_by_pop3_in_bounded_memory() {
    receive("pop3", |provider| provider.pop3_addr().port());
}

/// Many small ones must not add up either.
#[test]
fn many_messages_go_in_and_out_in_bounded_memory() {
    let waiting = (0..1500).map(|number| letter(&format!("in-{number}"), "ada@example.org", 10_000)).collect();
    let provider = provider(waiting);
    let (smtp, imap) = (provider.smtp_addr().port(), provider.imap_addr().port());
    let harness = Harness::new(&(sender("both", smtp, "*") + &incoming("imap", imap, "keep")));
    for number in 0..1500 {
        harness.write(&format!("out/{number}.eml"), letter(&format!("out-{number}"), "ann@example.net", 10_000));
    }
    submit(&harness, &letter("first", "ann@example.net", 100));
    check("submit", watched(harness.start(&["submit", "out"])));
    check("send and receive", watched(harness.start(&["flush", "--no-ui"])));
    assert_eq!(provider.delivered().len(), 1501);
    assert_eq!(harness.received("both").len(), 1500);
}
