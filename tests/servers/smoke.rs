//! Each server starts, answers, does with a message what the tests count on, and leaves nothing behind.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use super::support::daemon::loopback;
use super::support::messages::message;
use super::support::{Certs, Dovecot, Harness, Postfix, PostfixSetup, Screen, SmtpSink};

/// A client that knows lines only.
struct Client(BufReader<TcpStream>);

impl Client {
    fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(loopback(port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut client = Self(BufReader::new(stream));
        client.line();
        client
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end_matches(['\r', '\n']).to_owned()
    }

    fn ask(&mut self, command: &str) -> String {
        self.0.get_mut().write_all(format!("{command}\r\n").as_bytes()).unwrap();
        self.line()
    }

    fn ask_until(&mut self, command: &str, last: &str) -> String {
        let mut answer = self.ask(command);
        while !answer.lines().last().unwrap_or_default().starts_with(last) {
            let line = self.line();
            assert!(!line.is_empty(), "ended early: {answer}");
            answer = format!("{answer}\n{line}");
        }
        answer
    }

    /// Submits a message whose lines need no dots; gives the last reply.
    fn submit(&mut self, to: &str, content: &[u8]) -> String {
        assert!(self.ask("MAIL FROM:<ada@example.org>").starts_with("250"));
        assert!(self.ask(&format!("RCPT TO:<{to}>")).starts_with("250"));
        self.0.get_mut().write_all(format!("BDAT {} LAST\r\n", content.len()).as_bytes()).unwrap();
        self.0.get_mut().write_all(content).unwrap();
        self.line()
    }
}

#[test]
fn postfix_delivers_what_it_was_given_byte_for_byte() {
    let Some(postfix) = Postfix::start(&PostfixSetup::default()) else { return };
    let mut client = Client::connect(postfix.port);
    let capabilities = client.ask_until("EHLO client.example.org", "250 ");
    assert!(capabilities.contains("CHUNKING") && capabilities.contains("PIPELINING"), "{capabilities}");
    let contents = [message(1, 0), message(2, 100_000)];
    assert!(client.submit("grace@example.net", &contents[0]).starts_with("250"));
    assert!(client.submit("alan@example.com", &contents[1]).starts_with("250"));
    let deliveries = postfix.wait_deliveries(2);
    let who: Vec<_> = deliveries.iter().map(|delivery| delivery.recipient.as_str()).collect();
    assert_eq!(who, ["alan@example.com", "grace@example.net"]);
    assert!(deliveries.iter().all(|delivery| delivery.sender == "ada@example.org"));
    assert!(deliveries[0].content == contents[1] && deliveries[1].content == contents[0]);
}

#[test]
fn postfix_refuses_the_recipients_it_is_told_to() {
    let recipients = [("^unknown", "550 5.1.1 No such user"), ("^grey", "450 4.7.1 Greylisted")];
    let setup = PostfixSetup { recipients: &recipients, ..PostfixSetup::default() };
    let Some(postfix) = Postfix::start(&setup) else { return };
    let mut client = Client::connect(postfix.port);
    client.ask_until("EHLO client.example.org", "250 ");
    client.ask("MAIL FROM:<ada@example.org>");
    assert!(client.ask("RCPT TO:<unknown@example.net>").starts_with("550 5.1.1"));
    assert!(client.ask("RCPT TO:<grey@example.net>").starts_with("450 4.7.1"));
    assert!(client.ask("RCPT TO:<grace@example.net>").starts_with("250"));
}

#[test]
fn postfix_asks_dovecot_for_the_password_and_speaks_tls() {
    let Some(dovecot) = Dovecot::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let certs = Certs::for_localhost(folder.path());
    let setup =
        PostfixSetup { certs: Some(&certs), auth_socket: Some(dovecot.auth_socket()), ..PostfixSetup::default() };
    let Some(postfix) = Postfix::start(&setup) else { return };
    let mut client = Client::connect(postfix.port);
    let capabilities = client.ask_until("EHLO client.example.org", "250 ");
    assert!(capabilities.contains("STARTTLS") && capabilities.contains("AUTH "), "{capabilities}");
    client.ask("MAIL FROM:<ada@example.org>");
    assert!(client.ask("RCPT TO:<grace@example.net>").starts_with("554"), "not without a password");
    client.ask("RSET");
    // \0ada\0wrong, \0ada\0sluice
    assert!(client.ask("AUTH PLAIN AGFkYQB3cm9uZw==").starts_with("535"));
    assert!(client.ask("AUTH PLAIN AGFkYQBzbHVpY2U=").starts_with("235"));
    assert!(client.submit("grace@example.net", &message(1, 10)).starts_with("250"));
    assert_eq!(postfix.wait_deliveries(1).len(), 1);
    assert!(client.ask("STARTTLS").starts_with("220"));
    TcpStream::connect(loopback(postfix.tls_port)).unwrap();
}

#[test]
fn smtp_sink_counts_what_it_takes() {
    let Some(sink) = SmtpSink::start(&[]) else { return };
    let mut client = Client::connect(sink.port);
    let capabilities = client.ask_until("EHLO client.example.org", "250 ");
    assert!(!capabilities.contains("CHUNKING"), "{capabilities}");
    client.ask("MAIL FROM:<ada@example.org>");
    client.ask("RCPT TO:<grace@example.net>");
    assert!(client.ask("DATA").starts_with("354"));
    assert!(client.ask("Subject: x\r\n\r\nx\r\n.").starts_with("250"));
    sink.wait_count(1);
}

#[test]
fn dovecot_serves_the_same_mailbox_by_imap_and_pop3_and_takes_lmtp() {
    let Some(dovecot) = Dovecot::start() else { return };
    dovecot.fill("ada", [message(1, 10), message(2, 5000)]);
    let mut pop3 = Client::connect(dovecot.ports.pop3);
    assert!(pop3.ask_until("CAPA", ".").contains("STLS"));
    assert!(pop3.ask("USER ada").starts_with("+OK"));
    assert!(pop3.ask("PASS sluice").starts_with("+OK"));
    let sizes = message(1, 10).len() + message(2, 5000).len();
    assert_eq!(pop3.ask("STAT"), format!("+OK 2 {sizes}"));
    pop3.ask("QUIT");

    let mut imap = Client::connect(dovecot.ports.imap);
    assert!(imap.ask_until("a CAPABILITY", "a ").contains("STARTTLS"));
    assert!(imap.ask_until("b LOGIN ada sluice", "b ").contains("b OK"));
    assert!(imap.ask_until("c SELECT INBOX", "c ").contains("* 2 EXISTS"));
    assert!(Client::connect(dovecot.ports.imap).ask("a LOGIN ada wrong").starts_with("a NO [AUTHENTICATIONFAILED]"));

    let mut lmtp = Client::connect(dovecot.ports.lmtp);
    lmtp.ask_until("LHLO client.example.org", "250 ");
    lmtp.ask("MAIL FROM:<grace@example.net>");
    assert!(lmtp.ask("RCPT TO:<ada@example.org>").starts_with("250"));
    assert!(lmtp.ask("DATA").starts_with("354"));
    assert!(lmtp.ask("Subject: third\r\n\r\nx\r\n.").starts_with("250"));
    let mailbox = dovecot.mailbox("ada");
    assert_eq!(mailbox.len(), 3);
    assert!(mailbox.contains(&message(2, 5000)));
    for port in [dovecot.ports.imaps, dovecot.ports.pop3s] {
        TcpStream::connect(loopback(port)).unwrap();
    }
}

#[test]
fn the_program_can_be_run() {
    let harness = Harness::new("");
    assert_eq!(harness.run(&["--help"]).code, Some(0));
    assert!(harness.received("home").is_empty());
}

#[test]
fn a_screen_shows_a_window_that_can_be_closed() {
    let Some(screen) = Screen::start(640, 480) else { return };
    let mut message = Command::new("xmessage");
    let mut shown = screen.show(message.args(["-title", "Proof", "It can be seen"])).spawn().unwrap();
    let window = screen.window("Proof");
    let folder = tempfile::tempdir().unwrap();
    let picture = std::fs::read(window.picture(&folder.path().join("proof.png"))).unwrap();
    assert!(picture.starts_with(b"\x89PNG"));
    window.close();
    shown.wait().unwrap();
    assert!(screen.has_no_window("Proof"));
}
