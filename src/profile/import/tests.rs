//! Each configuration as its program's manual writes it.

use super::*;
use crate::profile::model::{After, Security};
use crate::profile::save::{NewIncoming, NewIncomingKind, NewServer};

fn server(host: &str, port: Option<u16>, security: Security) -> NewServer {
    NewServer { host: host.to_owned(), port, security }
}

fn incoming(found: &Found) -> &NewIncoming {
    found.transport.incoming.as_ref().expect("it receives")
}

#[test]
fn msmtp_accounts_begin_with_what_others_say() {
    let text = "# comment\ndefaults\nauth on\ntls on\n\naccount home\nhost smtp.example.org\nport 587\n\
        from Ada <ada@example.org>\nuser ada\npasswordeval \"pass show 'mail home'\"\n\
        account work : home\nhost smtp.example.com\nport 465\ntls_starttls off\npassword geheim\n\
        account relay\nhost relay.lan\nauth off\ntls off\naccount default : home\n";
    let found = transports(Program::Msmtp, text);
    let names: Vec<&str> = found.iter().map(|found| found.transport.name.as_str()).collect();
    assert_eq!(names, ["home", "work", "relay"]);
    let [home, work, relay] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(home.transport.outgoing, Some(server("smtp.example.org", Some(587), Security::StartTls)));
    assert_eq!(home.transport.identity, "Ada <ada@example.org>");
    assert_eq!(home.transport.password, SecretSource::Command("pass show 'mail home'".to_owned()));
    assert!(home.notes.is_empty());
    assert_eq!(work.transport.outgoing, Some(server("smtp.example.com", Some(465), Security::Tls)));
    assert_eq!(work.transport.user, "ada");
    assert_eq!((relay.transport.user.as_str(), relay.transport.password.clone()), ("", SecretSource::Ask));
    assert_eq!(relay.transport.outgoing, Some(server("relay.lan", Some(25), Security::None)));
}

#[test]
fn no_password_is_ever_copied() {
    let written = [
        (Program::Msmtp, "account a\nhost h\nauth on\nuser u\npassword geheim\n"),
        (Program::Fetchmail, "poll h proto imap user u password geheim ssl keep\n"),
        (Program::Mbsync, "IMAPAccount a\nHost h\nUser u\nPass geheim\nTLSType IMAPS\n"),
        (Program::Getmail, "[retriever]\ntype = SimpleIMAPSSLRetriever\nserver = h\nusername = u\npassword = geheim\n"),
    ];
    for (program, text) in written {
        let found = transports(program, text);
        assert_eq!(found.len(), 1, "{program:?}");
        assert!(!format!("{found:?}").contains("geheim"), "{found:?}");
        assert_eq!(found[0].transport.password, SecretSource::Ask);
        assert_eq!(found[0].notes, [NOT_COPIED], "{program:?}");
    }
}

#[test]
fn fetchmail_reads_like_a_sentence() {
    let text = "set daemon 300\n\
        poll pop.example.org with proto POP3 and options no dns,\n  user 'ada' there with password 'x y' is 'ada' here options ssl keep;\n\
        poll mail via imap.example.net protocol IMAP port 143:\n  user bob pass b folder INBOX folder Lists\n  user carol pass c keep\n";
    let found = transports(Program::Fetchmail, text);
    let [ada, bob, carol] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(ada.transport.name, "pop.example.org");
    assert_eq!(incoming(ada).kind, NewIncomingKind::Pop3);
    assert_eq!(incoming(ada).server, server("pop.example.org", None, Security::Tls));
    assert_eq!(ada.notes, [NOT_COPIED]);
    assert_eq!((bob.transport.name.as_str(), bob.transport.user.as_str()), ("bob at mail", "bob"));
    assert_eq!(incoming(bob).kind, NewIncomingKind::Imap(vec!["INBOX".to_owned(), "Lists".to_owned()]));
    assert_eq!(incoming(bob).server, server("imap.example.net", Some(143), Security::StartTls));
    assert_eq!(incoming(bob).after, After::Keep);
    assert_eq!(bob.notes, [NOT_COPIED, KEPT, ENCRYPTED]);
    assert_eq!(carol.notes, [NOT_COPIED, ENCRYPTED]);
    assert_eq!(incoming(carol).kind, NewIncomingKind::Imap(vec!["INBOX".to_owned()]));
}

#[test]
fn fetchmails_defaults_hold_for_every_server() {
    let found = transports(Program::Fetchmail, "defaults proto imap ssl keep\npoll a user x\npoll b user y nokeep\n");
    assert!(found.iter().all(|found| incoming(found).server.security == Security::Tls), "{found:?}");
    assert_eq!(found.iter().map(|found| found.notes.len()).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn mbsync_accounts_are_taken_and_its_maildirs_are_left_alone() {
    let text = "IMAPAccount gmail\nHost imap.gmail.com\nUser ada@gmail.com\nPassCmd \"+pass show gmail\"\nTLSType IMAPS\n\n\
        IMAPStore gmail-remote\nAccount gmail\n\nMaildirStore gmail-local\nPath ~/Mail/gmail/\nInbox ~/Mail/gmail/Inbox\n\n\
        Channel gmail\nFar :gmail-remote:\nNear :gmail-local:\nPatterns * !Spam\n\n\
        IMAPStore old\nHost imaps:mail.example.org\nUser bob\nPassCmd +\"pass show old\"\n";
    let found = transports(Program::Mbsync, text);
    let [gmail, old] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(gmail.transport.user, "ada@gmail.com");
    assert_eq!(gmail.transport.password, SecretSource::Command("pass show gmail".to_owned()));
    assert_eq!(incoming(gmail).server, server("imap.gmail.com", None, Security::Tls));
    assert_eq!(incoming(gmail).deliver, None);
    assert_eq!(incoming(old).server, server("mail.example.org", None, Security::Tls));
    assert_eq!(old.transport.password, SecretSource::Command("pass show old".to_owned()));
}

#[test]
fn getmail_keeps_its_maildir_and_its_command() {
    let text = "[retriever]\ntype = SimpleIMAPSSLRetriever\nserver = imap.example.org\nusername = ada\nport = 10993\n\
        mailboxes = (\"INBOX\",\n  \"Lists/Rust\")\npassword_command = (\"pass\", \"show\", \"my mail\")\n\n\
        [destination]\ntype = Maildir\npath = ~/Maildir/\n\n[options]\ndelete = true\n";
    let found = transports(Program::Getmail, text);
    let [ada] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(ada.transport.password, SecretSource::Command("pass show 'my mail'".to_owned()));
    let incoming = incoming(ada);
    assert_eq!(incoming.kind, NewIncomingKind::Imap(vec!["INBOX".to_owned(), "Lists/Rust".to_owned()]));
    assert_eq!(incoming.server, server("imap.example.org", Some(10993), Security::Tls));
    assert_eq!(incoming.deliver.as_deref(), Some("~/Maildir/"));
    assert_eq!(ada.notes, [KEPT]);
}

#[test]
fn what_is_no_configuration_has_no_accounts() {
    for program in [Program::Msmtp, Program::Fetchmail, Program::Mbsync, Program::Getmail] {
        for text in
            ["", "# nothing\n", "\"", "poll", "user", "account", "[retriever", "Host\nHost x", "=", "\u{0}\u{1}"]
        {
            assert_eq!(transports(program, text), [], "{program:?} {text:?}");
        }
    }
}
