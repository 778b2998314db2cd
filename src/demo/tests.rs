//! The provider, spoken to by clients as plain as telnet.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::*;
use crate::profile::{self, Outgoing, Places, SecretSource};

const LIMIT: Duration = Duration::from_secs(10);

struct Client(BufReader<TcpStream>);

impl Client {
    /// Connects and reads the greeting.
    fn connect(address: SocketAddr) -> Self {
        let mut client = Self::silent(address);
        client.line();
        client
    }

    fn silent(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        Self(BufReader::new(stream))
    }

    fn send(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end_matches("\r\n").to_owned()
    }

    /// Sends one command and reads one line.
    fn ask(&mut self, command: &str) -> String {
        self.send(&format!("{command}\r\n"));
        self.line()
    }

    /// Sends one command and reads up to the line for which `last` holds.
    fn ask_until(&mut self, command: &str, last: impl Fn(&str) -> bool) -> Vec<String> {
        self.send(&format!("{command}\r\n"));
        let mut lines = Vec::new();
        loop {
            let line = self.line();
            let ends = last(&line) || line.is_empty() && self.0.buffer().is_empty();
            lines.push(line);
            if ends {
                return lines;
            }
        }
    }

    fn at_end(&mut self) -> bool {
        let mut rest = Vec::new();
        // A reset is an end as well.
        self.0.read_to_end(&mut rest).map_or(true, |_| rest.is_empty())
    }
}

fn account(name: &str, messages: &[&str]) -> Account {
    let messages = messages.iter().map(|message| message.as_bytes().to_vec()).collect();
    Account { name: name.to_owned(), password: "sluice".to_owned(), messages, ..Account::default() }
}

fn provider(accounts: Vec<Account>) -> Provider {
    Provider::start(Options { accounts, anonymous: Some(Behaviour::Accept), ..Options::default() }).unwrap()
}

fn smtp(provider: &Provider) -> Client {
    let mut client = Client::connect(provider.smtp_addr());
    client.ask_until("EHLO client.example.org", |line| line.starts_with("250 "));
    client
}

#[test]
fn smtp_announces_what_it_can() {
    let provider = provider(vec![]);
    let mut client = Client::connect(provider.smtp_addr());
    let words = client.ask_until("EHLO client.example.org", |line| line.starts_with("250 ")).join("\n");
    for word in ["PIPELINING", "CHUNKING", "SIZE ", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES", "PLAIN LOGIN"]
    {
        assert!(words.contains(word), "{word} in {words}");
    }
}

#[test]
fn smtp_takes_a_pipelined_message_with_each_recipient_answered() {
    let provider = provider(vec![]);
    let mut client = smtp(&provider);
    client.send(
        "MAIL FROM:<a@example.org> SIZE=100 BODY=8BITMIME\r\nRCPT TO:<b@example.org>\r\n\
         RCPT TO:<unknown@example.org>\r\nRCPT TO:<c@example.net> NOTIFY=NEVER\r\nDATA\r\n",
    );
    let codes: Vec<String> = (0..5).map(|_| client.line().chars().take(3).collect()).collect();
    assert_eq!(codes, ["250", "250", "550", "250", "354"]);
    assert!(client.ask("Subject: dots\r\n\r\n..one\r\n...two\r\n.").starts_with("250 2.0.0"));
    assert!(client.ask("QUIT").starts_with("221"));
    assert!(client.at_end());

    let [message] = provider.wait_delivered(1, LIMIT).try_into().unwrap();
    assert_eq!(message.from, "a@example.org");
    assert_eq!(message.to, ["b@example.org", "c@example.net"]);
    assert_eq!(message.content.as_deref(), Some(b"Subject: dots\r\n\r\n.one\r\n..two\r\n".as_slice()));
    assert_eq!(message.login, None);
}

#[test]
fn smtp_takes_messages_streamed_in_chunks() {
    let provider = provider(vec![]);
    let mut client = smtp(&provider);
    let one = "MAIL FROM:<>\r\nRCPT TO:<b@example.org>\r\nBDAT 5\r\nfirstBDAT 7 LAST\r\n second";
    client.send(&format!("{one}{one}QUIT\r\n"));
    let replies: Vec<String> = (0..9).map(|_| client.line().chars().take(3).collect()).collect();
    assert_eq!(replies, ["250", "250", "250", "250", "250", "250", "250", "250", "221"]);
    let messages = provider.delivered();
    assert_eq!(messages.len(), 2);
    assert!(messages.iter().all(|message| message.content.as_deref() == Some(b"first second")));
}

#[test]
fn smtp_swallows_the_chunk_of_a_refused_transaction() {
    let provider = provider(vec![]);
    let mut client = smtp(&provider);
    client.send("MAIL FROM:<a@example.org>\r\nRCPT TO:<unknown@example.org>\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n");
    let codes: Vec<String> = (0..4).map(|_| client.line().chars().take(3).collect()).collect();
    assert_eq!(codes, ["250", "550", "554", "250"], "QUIT was content");
    assert!(provider.delivered().is_empty());
}

#[test]
fn smtp_keeps_the_hash_of_what_it_does_not_keep() {
    let options = Options { keep_each: 10, anonymous: Some(Behaviour::Accept), ..Options::default() };
    let provider = Provider::start(options).unwrap();
    let mut client = smtp(&provider);
    client.send("MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nBDAT 11 LAST\r\n01234567890");
    assert!((0..3).all(|_| client.line().starts_with("250")));
    let [message] = provider.delivered().try_into().unwrap();
    assert_eq!((message.content, message.size), (None, 11));
    assert_eq!(message.sha256, ring::digest::digest(&ring::digest::SHA256, b"01234567890").as_ref());
}

#[test]
fn smtp_signs_in_and_remembers_who() {
    let options = Options { accounts: vec![account("ada", &[])], ..Options::default() };
    let provider = Provider::start(options).unwrap();
    let mut client = smtp(&provider);
    assert!(client.ask("MAIL FROM:<a@example.org>").starts_with("530"));
    // \0ada\0wrong
    assert!(client.ask("AUTH PLAIN AGFkYQB3cm9uZw==").starts_with("535 5.7.8"));
    assert!(client.ask("AUTH LOGIN").starts_with("334 VXNlcm5hbWU6"));
    assert!(client.ask("YWRh").starts_with("334 UGFzc3dvcmQ6"));
    assert!(client.ask("c2x1aWNl").starts_with("235"));
    client.send("MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nBDAT 0 LAST\r\n");
    assert!((0..3).all(|_| client.line().starts_with("250")));
    let logins: Vec<_> = provider.delivered().into_iter().map(|message| message.login).collect();
    assert_eq!(logins, [Some("ada".to_owned())]);

    let mut other = smtp(&provider);
    assert!(other.ask("AUTH PLAIN").starts_with("334"));
    assert!(other.ask("AGFkYQBzbHVpY2U=").starts_with("235"), "\\0ada\\0sluice");
}

#[test]
fn smtp_turns_away_as_it_is_told() {
    let options = Options { accounts: vec![account("ada", &[])], largest: 1000, ..Options::default() };
    let provider = Provider::start(options).unwrap();
    let mut client = smtp(&provider);
    client.ask("AUTH PLAIN AGFkYQBzbHVpY2U=");
    assert!(client.ask("MAIL FROM:<a@example.org> SIZE=1001").starts_with("552"));
    assert!(client.ask("MAIL FROM:<ä@example.org>").starts_with("553 5.6.7"));
    assert!(client.ask("MAIL FROM:<ä@example.org> SMTPUTF8").starts_with("250"));
    assert!(client.ask("RCPT TO:<greylisted@example.org>").starts_with("451"));
    assert!(client.ask("RCPT TO:<greylisted@example.org>").starts_with("250"));
    assert!(client.ask("RCPT TO:<full@example.org>").starts_with("452"));
    assert!(client.ask("RSET").starts_with("250"));
    assert!(provider.set_behaviour("ada", Behaviour::Answer("451 4.7.1 Later".to_owned())));
    assert!(client.ask("MAIL FROM:<a@example.org>").starts_with("250"));
    assert_eq!(client.ask("RCPT TO:<b@example.org>"), "451 4.7.1 Later");
    assert!(client.ask("DATA").starts_with("554"));
}

#[test]
fn pop3_lists_retrieves_and_deletes_at_quit() {
    let provider = provider(vec![account("ada", &["A: 1\r\n\r\n.x\r\ny\r\n", "B: 2\r\n\r\nz\r\n"])]);
    let mut client = Client::connect(provider.pop3_addr());
    let capa = client.ask_until("CAPA", |line| line == ".");
    assert!(["UIDL", "TOP", "PIPELINING", "USER", "SASL PLAIN"].iter().all(|word| capa.contains(&(*word).to_owned())));
    assert!(client.ask("USER ada").starts_with("+OK"));
    assert!(client.ask("PASS wrong").starts_with("-ERR [AUTH]"));
    assert!(client.ask("AUTH PLAIN AGFkYQBzbHVpY2U=").starts_with("+OK"));
    assert_eq!(client.ask("STAT"), "+OK 2 26");
    assert_eq!(client.ask_until("LIST", |line| line == "."), ["+OK", "1 15", "2 11", "."]);
    let uids = client.ask_until("UIDL", |line| line == ".");
    assert_ne!(uids[1].split_once(' ').unwrap().1, uids[2].split_once(' ').unwrap().1);
    assert_eq!(client.ask_until("RETR 1", |line| line == "."), ["+OK", "A: 1", "", "..x", "y", "."]);
    assert_eq!(client.ask_until("TOP 1 1", |line| line == "."), ["+OK", "A: 1", "", "..x", "."]);
    assert_eq!(client.ask("DELE 1"), "+OK");
    assert!(client.ask("RETR 1").starts_with("-ERR"));
    assert_eq!(provider.mailbox("ada").len(), 2, "not before QUIT");
    assert!(client.ask("QUIT").starts_with("+OK"));
    assert_eq!(provider.mailbox("ada"), [b"B: 2\r\n\r\nz\r\n"]);
}

#[test]
fn pop3_deletes_nothing_when_the_line_drops() {
    let provider = provider(vec![account("ada", &["A: 1\r\n\r\nx\r\n"])]);
    let mut client = Client::connect(provider.pop3_addr());
    assert!(client.ask("USER ada").starts_with("+OK"));
    assert!(client.ask("PASS sluice").starts_with("+OK"));
    assert_eq!(client.ask("DELE 1"), "+OK");
    drop(client);
    assert_eq!(provider.mailbox("ada").len(), 1);
}

fn imap(provider: &Provider) -> Client {
    let mut client = Client::connect(provider.imap_addr());
    assert!(client.ask("a LOGIN ada \"sluice\"").starts_with("a OK"));
    client
}

#[test]
fn imap_signs_in_in_each_way() {
    let provider = provider(vec![account("ada", &[])]);
    let mut client = Client::connect(provider.imap_addr());
    let capabilities = client.ask_until("a CAPABILITY", |line| line.starts_with("a "));
    assert!(capabilities[0].contains("IMAP4rev1") && capabilities[0].contains("LITERAL+"));
    assert!(client.ask("b LOGIN ada wrong").starts_with("b NO [AUTHENTICATIONFAILED]"));
    assert!(client.ask("c SELECT INBOX").starts_with("c BAD"));
    assert!(client.ask("d LOGIN {3+}\r\nada {6}").starts_with("+ "));
    assert!(client.ask("sluice").starts_with("d OK"));
    let mut other = Client::connect(provider.imap_addr());
    assert!(other.ask("a AUTHENTICATE PLAIN").starts_with("+ "));
    assert!(other.ask("AGFkYQBzbHVpY2U=").starts_with("a OK"));
    let mut third = Client::connect(provider.imap_addr());
    assert!(third.ask("a AUTHENTICATE PLAIN AGFkYQBzbHVpY2U=").starts_with("a OK"));
}

#[test]
fn imap_fetches_whole_messages_by_uid() {
    let provider = provider(vec![account("ada", &["A: 1\r\n\r\nx\r\n", "B: 2\r\n\r\n"])]);
    let mut client = imap(&provider);
    let selected = client.ask_until("b SELECT inbox", |line| line.starts_with("b ")).join("\n");
    assert!(selected.contains("* 2 EXISTS") && selected.contains("[UIDVALIDITY "), "{selected}");
    let searched = client.ask_until("c UID SEARCH UID 1:* UNSEEN", |line| line.starts_with("c "));
    assert_eq!(searched[0], "* SEARCH 1 2");
    let fetched = client.ask_until("d UID FETCH 1:* (RFC822.SIZE BODY.PEEK[])", |line| line.starts_with("d "));
    let expected = [
        "* 1 FETCH (UID 1 RFC822.SIZE 11 BODY[] {11}",
        "A: 1",
        "",
        "x",
        ")",
        "* 2 FETCH (UID 2 RFC822.SIZE 8 BODY[] {8}",
        "B: 2",
        "",
        ")",
        "d OK Fetched",
    ];
    assert_eq!(fetched, expected);
    let header = client.ask_until("e FETCH 1 (BODY.PEEK[HEADER] FLAGS)", |line| line.starts_with("e "));
    assert_eq!(header[0], "* 1 FETCH (FLAGS () BODY[HEADER] {8}");
    let piece = client.ask_until("f UID FETCH 1 BODY[]<3.4>", |line| line.starts_with("f "));
    assert_eq!(piece[0], "* 1 FETCH (UID 1 FLAGS (\\Seen) BODY[]<3> {4}", "no peek: it is seen now");
    let date = client.ask_until("g FETCH 2 INTERNALDATE", |line| line.starts_with("g "));
    assert!(date[0].starts_with("* 2 FETCH (INTERNALDATE \"") && date[0].ends_with(" +0000\")"), "{}", date[0]);
    let status = client.ask_until("h STATUS INBOX (MESSAGES UNSEEN UIDNEXT)", |line| line.starts_with("h "));
    assert_eq!(status[0], "* STATUS INBOX (MESSAGES 2 UNSEEN 1 UIDNEXT 3)");
    assert!(client.ask("i FETCH 1 ENVELOPE").starts_with("i BAD"));
}

#[test]
fn imap_expunges_what_was_flagged_and_named() {
    let provider = provider(vec![account("ada", &["A: 1\r\n\r\n", "B: 2\r\n\r\n", "C: 3\r\n\r\n"])]);
    let mut client = imap(&provider);
    client.ask_until("b SELECT INBOX", |line| line.starts_with("b "));
    let stored = client.ask_until("c UID STORE 1,3 +FLAGS (\\Deleted)", |line| line.starts_with("c "));
    assert_eq!(stored[0], "* 1 FETCH (UID 1 FLAGS (\\Deleted))");
    assert!(client.ask("d UID STORE 2 +FLAGS.SILENT (\\Seen)").starts_with("d OK"));
    provider.deliver("ada", b"D: 4\r\n\r\n".to_vec());
    let expunged = client.ask_until("e UID EXPUNGE 3", |line| line.starts_with("e "));
    assert_eq!(expunged, ["* 3 EXPUNGE", "* 3 EXISTS", "e OK Expunged"]);
    assert_eq!(client.ask_until("f EXPUNGE", |line| line.starts_with("f "))[0], "* 1 EXPUNGE");
    assert_eq!(provider.mailbox("ada"), [b"B: 2\r\n\r\n", b"D: 4\r\n\r\n"]);
    assert!(client.ask("g IDLE").starts_with("+ "));
    provider.deliver("ada", b"E: 5\r\n\r\n".to_vec());
    assert_eq!(client.ask_until("DONE", |line| line.starts_with("g ")), ["* 3 EXISTS", "g OK Awake"]);
    client.ask_until("h EXAMINE INBOX", |line| line.starts_with("h "));
    assert!(client.ask("i STORE 1 FLAGS (\\Deleted)").starts_with("i NO"));
    assert!(client.ask("j SELECT Elsewhere").starts_with("j NO [NONEXISTENT]"));
    assert_eq!(client.ask_until("k LIST \"\" *", |line| line.starts_with("k "))[0], "* LIST () \"/\" INBOX");
    assert_eq!(client.ask_until("l LOGOUT", |line| line.starts_with("l ")).len(), 2);
    assert!(client.at_end());
}

#[test]
fn a_stalled_server_answers_once_it_is_released() {
    let provider = provider(vec![]);
    let mut client = smtp(&provider);
    let stall = provider.disturb(Point::FinalReply, Trouble::Stall);
    client.send("MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nBDAT 1 LAST\r\nx");
    assert!(stall.wait_reached(1, LIMIT));
    assert_eq!(provider.delivered().len(), 1, "recorded before the reply");
    drop(stall);
    assert!((0..3).all(|_| client.line().starts_with("250")));
}

#[test]
fn a_server_that_hangs_up_does_so_at_its_point() {
    let provider = provider(vec![account("ada", &["A: 1\r\n\r\nx\r\n"])]);
    let trouble = provider.disturb(Point::Greeting, Trouble::HangUp);
    assert!(
        [provider.smtp_addr(), provider.pop3_addr(), provider.imap_addr()]
            .into_iter()
            .all(|address| Client::silent(address).at_end())
    );
    assert!(trouble.wait_reached(3, LIMIT));
    drop(trouble);
    let mut client = Client::connect(provider.pop3_addr());
    client.ask("USER ada");
    let _trouble = provider.disturb(Point::Login, Trouble::HangUp);
    client.send("PASS sluice\r\n");
    assert!(client.at_end());
}

#[test]
fn dropping_it_ends_every_connection_and_thread_at_once() {
    let provider = provider(vec![account("ada", &["A: 1\r\n\r\nx\r\n"])]);
    let address = provider.smtp_addr();
    let (mut idle, mut stalled) = (imap(&provider), smtp(&provider));
    let stall = provider.disturb(Point::Recipient, Trouble::Stall);
    stalled.send("MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\n");
    assert!(stall.wait_reached(1, LIMIT));
    let before = Instant::now();
    drop(provider);
    assert!(before.elapsed() < Duration::from_secs(2));
    assert!(TcpStream::connect(address).is_err());
    assert!(stalled.line().starts_with("250") && stalled.at_end() && idle.at_end());
}

#[test]
fn the_demo_has_its_profile_its_mail_and_leaves_nothing_behind() {
    let demo = Demo::start().unwrap();
    let folder = demo.profile_dir().to_owned();
    let places = Places::of(Some(&folder));
    let text = std::fs::read_to_string(places.profile_file()).unwrap();
    let profile = profile::load(&text, &places.profile_file(), &places).unwrap();
    let names: Vec<&str> = profile.transports.iter().map(|transport| transport.name.as_str()).collect();
    assert_eq!(names, ["home", "club", "office", "modem"]);
    assert!(profile.transports.iter().all(|transport| transport.outgoing.is_some() && transport.incoming.is_some()));
    let Some(Outgoing::Smtp(office)) = &profile.transports[2].outgoing else { panic!("office sends by SMTP") };
    assert_eq!(office.server.credential, Some(profile::Credential::Password(SecretSource::Ask)));
    assert!(profile.transports[3].connect.as_ref().is_some_and(|connect| !connect.silent));

    let seeds = Demo::seed_messages();
    let queued = |name| seeds.iter().filter(|seed| seed.transport == name).count();
    assert_eq!(names.iter().copied().map(queued).collect::<Vec<_>>(), [30, 6, 4, 6]);
    assert_eq!(demo.provider().mailbox("home").len(), 20);
    let everybody = seeds.iter().flat_map(|seed| seed.recipients.iter().chain([&seed.sender]));
    for address in everybody {
        assert!([".org", ".net", ".com"].iter().any(|end| address.ends_with(&format!("@example{end}"))), "{address}");
    }
    let refused = |seed: &&SeedMessage| seed.recipients.iter().any(|recipient| recipient.starts_with("unknown"));
    assert_eq!(seeds.iter().filter(refused).map(|seed| seed.transport).collect::<Vec<_>>(), ["modem"]);
    drop(demo);
    assert!(!folder.exists());
}
