//! The provider in a box (`mailsluice::demo`) as a server of tests, which can be told to stall and to hang up, and the
//! queue of a profile that sends to it.

use std::collections::BTreeMap;
use std::time::Duration;

use mailsluice::demo::{Account, Behaviour, Delivered, Options, Provider};
use serde_json::Value;

use super::daemon::wait_until;
use super::{Harness, messages};

/// The account, and its password, of a [`provider`].
pub const USER: &str = "ada";
/// See [`USER`].
pub const SECRET: &str = "open-sesame-4711";
/// Longer than anything here takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A provider that takes mail from everybody; these messages wait for [`USER`].
pub fn provider(waiting: Vec<Vec<u8>>) -> Provider {
    let account =
        Account { name: USER.to_owned(), password: SECRET.to_owned(), messages: waiting, ..Account::default() };
    let options = Options { accounts: vec![account], anonymous: Some(Behaviour::Accept), ..Options::default() };
    Provider::start(options).expect("a provider")
}

/// A transport of this name that sends to this port, and takes what these patterns say.
pub fn sender(name: &str, port: u16, accepts: &str) -> String {
    format!(
        "[[transport]]\nname = \"{name}\"\naccepts = [\"{accepts}\"]\n[transport.outgoing]\nkind = \"smtp\"\n\
         host = \"127.0.0.1\"\nport = {port}\nsecurity = \"none\"\n"
    )
}

/// To be put behind `[transport.outgoing]` or `[transport.incoming]`: signs in.
pub fn login() -> String {
    format!("user = \"{USER}\"\npassword = {{ command = \"echo {SECRET}\" }}\n")
}

/// A transport of this name that fetches from this port.
pub fn receiver(name: &str, kind: &str, port: u16, after: &str) -> String {
    format!("[[transport]]\nname = \"{name}\"\n{}", incoming(kind, port, after))
}

/// The incoming half of a transport.
pub fn incoming(kind: &str, port: u16, after: &str) -> String {
    format!(
        "[transport.incoming]\nkind = \"{kind}\"\nhost = \"127.0.0.1\"\nport = {port}\nsecurity = \"none\"\n\
         after = \"{after}\"\n{}\n",
        login()
    )
}

/// A message with this subject to this address, with a body of about so many bytes.
pub fn letter(subject: &str, to: &str, bytes: usize) -> Vec<u8> {
    let text = String::from_utf8(messages::message(1, bytes)).expect("text");
    let text = text.replacen("Subject: Test 1\r\n", &format!("Subject: {subject}\r\n"), 1);
    let text = text.replacen("To: grace@example.net", &format!("To: {to}"), 1);
    text.replacen("<1.test@", &format!("<{subject}.test@"), 1).into_bytes()
}

/// Submits one message by the program.
pub fn submit(harness: &Harness, letter: &[u8]) {
    harness.run_with_input(&["submit", "-"], letter).expect_code(0);
}

/// The state of every message of a transport by its subject, whatever it is, as `queue list` has it.
pub fn states(harness: &Harness, transport: &str) -> BTreeMap<String, String> {
    let words = "state:queued state:in_flight state:deferred state:held state:failed state:in_doubt state:sent";
    let all = ["queue", "list", "--json", "--limit", "1000000", "--transport", transport, words];
    let listed = harness.run(&all).expect_code(0).json();
    let rows = listed["messages"].as_array().expect("messages").clone();
    let mut states = BTreeMap::new();
    for row in &rows {
        let before = states.insert(text(&row["subject"]), text(&row["state"]));
        assert!(before.is_none(), "one message, one row: {listed}");
    }
    states
}

/// How many messages of a transport are in this state.
pub fn count(states: &BTreeMap<String, String>, state: &str) -> usize {
    states.values().filter(|there| *there == state).count()
}

/// The number of the message with this subject.
pub fn id_of(harness: &Harness, subject: &str) -> String {
    let listed = harness.run(&["queue", "list", "--json", "state:in_doubt state:queued state:sent"]).json();
    let rows = listed["messages"].as_array().expect("messages").clone();
    let row = rows.iter().find(|row| row["subject"] == subject).unwrap_or_else(|| panic!("no {subject} in {listed}"));
    row["id"].to_string()
}

/// Waits until the queue of a transport is as it should be.
pub fn wait_states(harness: &Harness, transport: &str, holds: impl Fn(&BTreeMap<String, String>) -> bool) {
    let mut last = BTreeMap::new();
    let came = wait_until(PATIENCE, || {
        last = states(harness, transport);
        holds(&last)
    });
    assert!(came, "{transport}: {last:?}");
}

/// How often each subject was handed in.
pub fn subjects(delivered: &[Delivered]) -> BTreeMap<String, usize> {
    let mut subjects = BTreeMap::new();
    for message in delivered {
        let content = message.content.as_deref().expect("small enough to be kept");
        let content = String::from_utf8_lossy(content);
        let subject = content.lines().find_map(|line| line.strip_prefix("Subject: ")).expect("a subject");
        *subjects.entry(subject.to_owned()).or_default() += 1;
    }
    subjects
}

/// The result of a transport in what `flush --json` printed.
pub fn result<'a>(flushed: &'a Value, transport: &str) -> &'a Value {
    let results = flushed["results"].as_array().expect("results");
    results.iter().find(|result| result["transport"] == transport).unwrap_or_else(|| panic!("{transport}: {flushed}"))
}

/// A JSON text.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("a text, not {value}")).to_owned()
}
