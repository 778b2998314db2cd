//! SIGKILL at any moment: while it sends, receives, submits; and the server's death, which comes down to the same.

use std::collections::BTreeMap;
use std::time::Instant;

use mailsluice::demo::Provider;
use mailsluice::mapi::FlushFlags;

use super::books::{Books, Settle, letter};
use super::victim::{Moment, kill, kill_after};
use crate::support::provider::{provider, receiver, sender, subjects};
use crate::support::{Engine, Harness, Random, Relay, Way};

/// So many of the 200 kills of the test command; of as many as `TORTURE_KILLS` says, as large a part.
fn part(of_200: usize) -> usize {
    let all = std::env::var("TORTURE_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(200);
    all * of_200 / 200
}

/// A profile that sends to a provider through a relay.
struct Sending {
    provider: Provider,
    relay: Relay,
    harness: Harness,
    books: Books,
    random: Random,
}

impl Sending {
    fn new(seed: u64, hidden: &[&'static str], head: &str, connections: usize, settle: Settle) -> Self {
        let provider = provider(Vec::new());
        let relay = Relay::start(provider.smtp_addr(), hidden);
        let profile = format!("{head}{}connections = {connections}\n", sender("out", relay.port(), "*"));
        let harness = Harness::new(&profile);
        Self { provider, relay, harness, books: Books::new(settle), random: Random::seeded(seed) }
    }

    /// Between two runs: compares, settles, submits more.
    fn go_on(&mut self) -> Engine {
        self.relay.settle();
        let engine = Engine::open(&self.harness.profile());
        self.books.compare(&engine, &self.provider);
        self.books.settle(&engine, &self.provider);
        if Books::waiting(&engine) < 10 {
            let size = |random: &mut Random| if random.once_in(10) { 100_000 } else { random.size(600) };
            let sizes: Vec<usize> = (0..30).map(|_| size(&mut self.random)).collect();
            self.books.submit(&engine, &sizes);
        }
        engine
    }

    fn killed(&mut self, kills: usize) {
        let mut killed = 0;
        while killed < kills {
            self.go_on().end();
            let mut command = self.harness.command();
            command.args(["flush", "--send", "--no-ui", "--force"]);
            killed += usize::from(kill(command, &self.relay, Moment::any(&mut self.random)));
        }
        println!("{killed} kills");
        self.close();
    }

    /// Sends the rest in peace, and compares for the last time.
    fn close(&mut self) {
        self.go_on().end();
        self.harness.run(&["flush", "--send", "--no-ui", "--force"]).expect_code(0);
        self.relay.settle();
        let engine = Engine::open(&self.harness.profile());
        self.books.compare(&engine, &self.provider);
        self.books.close(&engine, &self.provider);
        println!("books: {}", self.books.sum(&self.provider));
        engine.end();
        // The commands say what the window would.
        let says = self.harness.run(&["queue", "list", "--json", "--limit", "1000000", "state:sent"]).json();
        assert_eq!(says["total"], subjects(&self.provider.delivered()).len());
    }
}

#[test]
fn killed_while_it_streams() {
    Sending::new(1, &[], "", 1, Settle::ByLooking).killed(part(40));
}

#[test]
fn killed_while_it_sends_on_four_connections() {
    Sending::new(2, &[], "", 4, Settle::ByLooking).killed(part(20));
}

#[test]
fn killed_while_it_sends_without_chunking() {
    Sending::new(3, &["CHUNKING"], "", 2, Settle::ByLooking).killed(part(20));
}

#[test]
fn killed_while_it_sends_politely() {
    Sending::new(4, &["CHUNKING", "PIPELINING"], "", 1, Settle::ByLooking).killed(part(10));
}

#[test]
fn killed_and_whoever_is_asked_says_send_again() {
    Sending::new(5, &[], "in_doubt = \"hold\"\n", 2, Settle::Again).killed(part(20));
}

#[test]
fn killed_and_the_profile_says_send_again() {
    Sending::new(6, &[], "in_doubt = \"resend\"\n", 1, Settle::Never).killed(part(10));
}

#[test]
fn the_server_is_killed_while_it_takes_mail() {
    let mut sending = Sending::new(7, &[], "", 4, Settle::ByLooking);
    let mut deaths = 0;
    while deaths < part(40) {
        let mut engine = sending.go_on();
        if let Moment::Bytes(way, bytes, _) = Moment::any(&mut sending.random) {
            sending.relay.cut_after(way, bytes);
        }
        engine.flush(FlushFlags::FLUSH_UPLOAD | FlushFlags::FLUSH_FORCE);
        deaths += usize::from(sending.relay.mend());
        engine.end();
    }
    println!("{deaths} deaths of the server");
    sending.close();
}

/// Kills it while it receives what the server deletes.
fn receiving(seed: u64, kind: &str, kills: usize) {
    let mut random = Random::seeded(seed);
    let provider = provider(Vec::new());
    let server = if kind == "imap" { provider.imap_addr() } else { provider.pop3_addr() };
    let relay = Relay::start(server, &[]);
    let harness = Harness::new(&receiver("in", kind, relay.port(), "delete"));
    let mut arrived: Vec<Vec<u8>> = Vec::new();
    let mut killed = 0;
    while killed < kills {
        if provider.mailbox("ada").len() < 10 {
            for _ in 0..20 {
                let padding = if random.once_in(10) { 100_000 } else { random.size(3000) };
                let letter = letter(&format!("in-{}", arrived.len()), padding);
                arrived.push(letter.clone());
                provider.deliver("ada", letter);
            }
        }
        let mut command = harness.command();
        command.args(["flush", "--receive", "--no-ui"]);
        // Here it is the server that says much.
        let moment = match Moment::any(&mut random) {
            Moment::Bytes(Way::ToServer, bytes, micros) => Moment::Bytes(Way::ToServer, bytes / 50, micros),
            Moment::Bytes(Way::ToClient, bytes, micros) => Moment::Bytes(Way::ToClient, bytes * 8, micros),
            other @ Moment::Micros(_) => other,
        };
        killed += usize::from(kill(command, &relay, moment));
        relay.settle();
        let here = counted(harness.received("in"));
        assert!(here.values().all(|times| *times == 1), "received twice");
        let there = counted(provider.mailbox("ada"));
        let lost = arrived.iter().filter(|letter| !here.contains_key(*letter) && !there.contains_key(*letter)).count();
        assert_eq!(lost, 0, "gone from the server, and not here");
    }
    harness.run(&["flush", "--receive", "--no-ui"]).expect_code(0);
    let here = counted(harness.received("in"));
    assert!(here.values().all(|times| *times == 1), "received twice");
    assert_eq!(here, counted(arrived.clone()));
    assert!(provider.mailbox("ada").is_empty(), "all of it was deleted there");
    println!("{killed} kills; books: {} arrived there, {} are here, 0 lost, 0 twice", arrived.len(), here.len());
}

fn counted(letters: Vec<Vec<u8>>) -> BTreeMap<Vec<u8>, usize> {
    let mut counted = BTreeMap::new();
    for letter in letters {
        *counted.entry(letter).or_default() += 1;
    }
    counted
}

#[test]
fn killed_while_it_receives_by_imap() {
    receiving(8, "imap", part(30));
}

#[test]
fn killed_while_it_receives_by_pop3() {
    receiving(9, "pop3", part(30));
}

#[test]
fn killed_while_it_submits() {
    let mut random = Random::seeded(10);
    let provider = provider(Vec::new());
    let harness = Harness::new(&sender("out", provider.smtp_addr().port(), "*"));
    let began = Instant::now();
    let mut files = BTreeMap::new();
    let (mut killed, mut round, mut usual) = (0, 0, 0);
    while killed < part(20) {
        let folder = format!("out-{round}");
        for number in 0..30 {
            let subject = format!("r{round}-{number}");
            let padding = if number % 10 == 0 { 700_000 } else { 2000 };
            let content = letter(&subject, padding);
            harness.write(&format!("{folder}/{number:02}.eml"), &content);
            files.insert(subject, content);
        }
        let mut command = harness.command();
        command.args(["submit", &folder]);
        if round == 0 {
            // How long it takes here, so that the moments are moments of its work.
            let before = began.elapsed();
            assert!(command.output().expect("the program").status.success());
            usual = u64::try_from(began.elapsed().saturating_sub(before).as_micros()).expect("not for ever");
        } else if kill_after(command, random.below(usual)) {
            killed += 1;
        } else {
            usual = usual * 9 / 10;
        }
        round += 1;
        let engine = Engine::open(&harness.profile());
        let says = engine.states();
        engine.end();
        assert!(says.keys().all(|subject| files.contains_key(subject)));
        let of_round = |round: usize| says.keys().filter(|subject| subject.starts_with(&format!("r{round}-"))).count();
        assert_eq!(of_round(0), 30, "what was acknowledged stays");
    }
    let engine = Engine::open(&harness.profile());
    let says = engine.states();
    engine.end();
    harness.run(&["flush", "--send", "--no-ui"]).expect_code(0);
    let delivered = provider.delivered();
    let took = subjects(&delivered);
    assert!(took.keys().eq(says.keys()) && took.values().all(|times| *times == 1), "each once");
    for message in delivered {
        let content = message.content.expect("kept");
        assert!(files.values().any(|file| *file == content), "half a message was sent");
    }
    println!("{killed} kills; {} of {} messages were taken, each whole and once", took.len(), files.len());
}
