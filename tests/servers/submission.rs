//! The submission port: mail programs that speak SMTP only hand in their mail there, with no network, and only those of
//! the user whose port it is.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::Arc;

use mailsluice::mapi::FlushFlags;
use mailsluice::mapi::tag::{PR_DISPLAY_NAME, PR_SLUICE_LAST_FAILURE, PR_STATUS_STRING};
use mailsluice::profile::{self, Places};
use mailsluice::session::{Session, flush_all};
use mailsluice::spool::ListQuery;
use mailsluice::spooler::{Command as Ask, Reply, Spooler, Stay};

use crate::support::Harness;
use crate::support::daemon::{find_for_anyone, free_port};
use crate::support::harness::Run;
use crate::support::provider::{PATIENCE, provider, subjects};

/// A spooler that stays, as a window's does, with its port open.
struct Open {
    harness: Harness,
    spooler: Spooler,
    port: u16,
}

impl Open {
    fn new(outgoing: u16) -> Self {
        let port = free_port();
        let harness = Harness::new(&format!(
            "[[transport]]\nname = \"work\"\nidentity = \"Ada <ada@example.org>\"\naccepts = [\"@example.net\"]\n\
             [transport.outgoing]\nkind = \"smtp\"\nhost = \"127.0.0.1\"\nport = {outgoing}\nsecurity = \"none\"\n\
             [submission]\nport = {port}\nuser = \"ada\"\npassword = {{ command = \"echo open-sesame\" }}\n"
        ));
        let places = Places::of(Some(&harness.profile()));
        let file = places.profile_file();
        let text = std::fs::read_to_string(&file).expect("a profile");
        let profile = profile::load(&text, &file, &places).expect("a right profile");
        places.create().expect("its folders");
        let spooler = Spooler::reach(&places, &profile, Stay::Long).expect("a spooler");
        Self { harness, spooler, port }
    }

    fn dial(&self) -> Dialogue {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the port is open");
        Dialogue(BufReader::new(stream))
    }

    /// How many messages wait, and the first one's recipients.
    fn queue(&self) -> (u64, Vec<String>) {
        match self.spooler.line().ask(Ask::List(ListQuery { limit: 10, ..ListQuery::default() })).wait() {
            Reply::Listed(page) => {
                (page.total, page.messages.first().map(|message| message.to.clone()).unwrap_or_default())
            }
            other => panic!("a page, not {other:?}"),
        }
    }
}

/// One side of an SMTP dialogue.
struct Dialogue(BufReader<TcpStream>);

impl Dialogue {
    /// The code of the next reply.
    fn hears(&mut self) -> u16 {
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).expect("a reply");
            let (code, rest) = line.split_at_checked(3).expect("a code");
            if rest.starts_with(' ') {
                return code.parse().expect("a number");
            }
            assert!(rest.starts_with('-'), "{line:?}");
        }
    }

    /// Says it, and gives the code of the reply.
    fn says(&mut self, line: &str) -> u16 {
        self.0.get_mut().write_all(format!("{line}\r\n").as_bytes()).expect("said");
        self.hears()
    }
}

/// `\0ada\0open-sesame`.
const RIGHT: &str = "AUTH PLAIN AGFkYQBvcGVuLXNlc2FtZQ==";
/// `\0ada\0open`.
const WRONG: &str = "AUTH PLAIN AGFkYQBvcGVu";

#[test]
fn who_signs_in_hands_in_mail_that_leaves_at_the_next_flush_once() {
    let provider = provider(Vec::new());
    let open = Open::new(provider.smtp_addr().port());
    let mut client = open.dial();
    assert_eq!((client.hears(), client.says("EHLO there")), (220, 250));
    assert_eq!(client.says("MAIL FROM:<ada@example.org>"), 530, "nobody has signed in");
    assert_eq!((client.says(WRONG), client.says(RIGHT)), (535, 235));
    assert_eq!(client.says("MAIL FROM:<ada@example.org> BODY=8BITMIME SIZE=100"), 250);
    assert_eq!(client.says("RCPT TO:<bob@example.com>"), 550, "no transport takes it");
    assert_eq!((client.says("RCPT TO:<bob@example.net>"), client.says("DATA")), (250, 354));
    assert_eq!(client.says("Subject: by hand\r\nBcc: eve@example.net\r\n\r\n..dot\r\n.\n still inside\r\n."), 250);
    assert_eq!(open.queue(), (1, vec!["bob@example.net".to_owned()]));
    assert_eq!(client.says("QUIT"), 221);
    assert_eq!(provider.delivered().len(), 0, "it waits for the flush");

    let mut session = Session::logon(open.spooler.line(), Arc::new(|| {}));
    session.wait_ready(std::time::Duration::from_secs(30)).expect("rows");
    for _ in 0..2 {
        let run = flush_all(&session, FlushFlags::FLUSH_UPLOAD | FlushFlags::FLUSH_NO_UI, true).expect("begun");
        run.wait(&mut session);
    }
    let delivered = provider.delivered();
    assert_eq!(subjects(&delivered), [("by hand".to_owned(), 1)].into());
    assert_eq!(delivered[0].to, ["bob@example.net"]);
    drop(session);
    open.spooler.end(true);
}

#[test]
fn guessing_ends_and_so_does_the_port_with_its_spooler() {
    let open = Open::new(1);
    let mut client = open.dial();
    assert_eq!((client.hears(), client.says("EHLO there")), (220, 250));
    assert_eq!([WRONG; 3].map(|guess| client.says(guess)), [535; 3]);
    let mut rest = String::new();
    assert_eq!(client.0.read_line(&mut rest).expect("an end"), 0, "three guesses are enough: {rest}");
    let Open { harness: _harness, spooler, port } = open;
    spooler.end(true);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "the port is still open");
}

#[test]
fn a_port_that_is_taken_is_a_trouble_of_the_spooler_s_row() {
    let open = Open::new(free_port());
    let places = Places::of(Some(&open.harness.profile()));
    let text = std::fs::read_to_string(places.profile_file()).expect("a profile");
    let elsewhere = Harness::new(&text);
    let places = Places::of(Some(&elsewhere.profile()));
    let profile = profile::load(&text, &places.profile_file(), &places).expect("a right profile");
    places.create().expect("its folders");
    let spooler = Spooler::reach(&places, &profile, Stay::Long).expect("a spooler all the same");
    let mut session = Session::logon(spooler.line(), Arc::new(|| {}));
    session.wait_ready(PATIENCE).expect("its rows");
    let rows = session.rows();
    let row = rows.iter().find(|row| row.text(PR_DISPLAY_NAME) == Some("MAPI spooler")).expect("its row");
    assert!(row.text(PR_SLUICE_LAST_FAILURE).is_some_and(|failure| failure.contains("configuration")), "{row:?}");
    assert!(row.text(PR_STATUS_STRING).is_some_and(|text| text.contains(&open.port.to_string())), "{row:?}");
}

#[test]
fn another_user_of_this_machine_is_turned_away() {
    if !rustix::process::getuid().is_root() {
        eprintln!("SKIPPED: only root can be another user for a test");
        return;
    }
    let open = Open::new(1);
    let script = format!("exec 3<>/dev/tcp/127.0.0.1/{}; head -n 1 <&3", open.port);
    let dials = |program: &mut Command| Run::from(program.args(["bash", "-c", &script]).output().expect("bash")).stdout;
    let other = dials(Command::new("setpriv").args(["--reuid=65534", "--regid=65534", "--clear-groups"]));
    assert!(other.starts_with("554 5.7.1"), "{other:?}");
    assert!(dials(&mut Command::new("env")).starts_with("220 "));
    open.spooler.end(true);
}

#[test]
fn a_mail_program_that_speaks_smtp_only_sends_offline() {
    let Some(nail) = find_for_anyone("s-nail", "s-nail", &["-h"]) else { return };
    let open = Open::new(1);
    let mta = format!("mta=smtp://ada:open-sesame@127.0.0.1:{}", open.port);
    let letter = open.harness.write("letter", "hello\n");
    let mut command = Command::new(nail);
    command.args([
        "-n",
        "-S",
        "v15-compat",
        "-S",
        &mta,
        "-S",
        "smtp-config=-all,ehlo,plain",
        "-S",
        "hostname=localhost",
    ]);
    command.args(["-r", "ada@example.org", "-s", "by nail", "bob@example.net"]).env("HOME", open.harness.path("home"));
    let output = command.stdin(Stdio::from(std::fs::File::open(letter).expect("there"))).output();
    Run::from(output.expect("s-nail")).expect_code(0);
    assert_eq!(open.queue(), (1, vec!["bob@example.net".to_owned()]));
    open.spooler.end(true);
}
