//! Good profiles, and every kind of mistake with its line and key.

use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Result<Profile, ProfileError> {
    let folder = Path::new("/home/ada/profile");
    load(text, &folder.join("profile.toml"), &Places::of(Some(folder)))
}

fn mistakes(text: &str) -> Vec<String> {
    let error = read(text).expect_err("a mistake");
    error.to_string().lines().map(|line| line.replace("/home/ada/profile/profile.toml:", "")).collect()
}

const SMTP: &str = "[[transport]]\nname = \"a\"\n[transport.outgoing]\nkind = \"smtp\"\nhost = \"mx.example.org\"\n";

#[test]
fn every_key_of_the_contract_is_read() {
    let profile = read(
        r#"
in_doubt = "resend"

[[transport]]
name = "work"
identity = "Ada Lovelace <ada@example.org>"
accepts = ["*@example.org", "*"]
prefer_last = true
resource = "modem0"
connect = { up = "nmcli up", down = "nmcli down", silent = true }

[transport.outgoing]
kind = "smtp"
host = "smtp.example.org"
port = 2465
security = "starttls"
user = "ada"
password = { command = "pass show x" }
auth = "scram-sha-256"
connections = 2
ca_file = "ca.pem"

[transport.incoming]
kind = "imap"
host = "imap.example.org"
folders = ["INBOX", "Lists"]
after = "delete"
deliver = { maildir = "/home/ada/Mail" }

[[transport]]
name = "mx1"
[transport.queue]
kind = "postfix"
ssh = "mx1.example.org"

[schedule]
every = "5m"
on_start = true
"#,
    )
    .expect("a good profile");
    let [work, mx1] = profile.transports.as_slice() else { panic!("{profile:?}") };
    assert_eq!(work.identity.as_ref().map(|identity| identity.address.as_str()), Some("ada@example.org"));
    assert!(work.prefer_last && work.connect.as_ref().is_some_and(|connect| connect.silent));
    let Some(Outgoing::Smtp(smtp)) = &work.outgoing else { panic!("{work:?}") };
    assert_eq!((smtp.server.port, smtp.server.security, smtp.connections), (2465, Security::StartTls, 2));
    assert_eq!(smtp.server.password, Some(SecretSource::Command("pass show x".to_owned())));
    assert_eq!(smtp.server.ca_file.as_deref(), Some(Path::new("/home/ada/profile/ca.pem")));
    let incoming = work.incoming.as_ref().expect("incoming");
    assert_eq!(incoming.after, After::Delete);
    assert_eq!(incoming.deliver, DeliverTo::Maildir("/home/ada/Mail".into()));
    assert_eq!(mx1.queue.as_ref().map(|queue| queue.kind), Some(QueueKind::Postfix));
    assert_eq!(profile.schedule.every, Some(Duration::from_secs(300)));
    assert_eq!(profile.in_doubt, InDoubtPolicy::Resend);
}

#[test]
fn what_is_left_out_has_the_defaults_of_the_contract() {
    let text = format!("{SMTP}[transport.incoming]\nkind = \"pop3\"\nhost = \"pop.example.org\"\n");
    let profile = read(&text).expect("a good profile");
    let transport = &profile.transports[0];
    assert_eq!(transport.accepts, ["*"]);
    let Some(Outgoing::Smtp(smtp)) = &transport.outgoing else { panic!("{transport:?}") };
    assert_eq!((smtp.server.port, smtp.server.security, smtp.connections), (465, Security::Tls, 4));
    let incoming = transport.incoming.as_ref().expect("incoming");
    assert_eq!(incoming.deliver, DeliverTo::Maildir("/home/ada/profile/mail/a".into()));
    assert_eq!(incoming.after, After::Keep);
    let IncomingSource::Pop3 { server } = &incoming.source else { panic!("{incoming:?}") };
    assert_eq!(server.port, 995);
}

#[test]
fn mistakes_name_line_and_key_and_what_is_allowed() {
    for (text, expected) in [
        (format!("{SMTP}hots = 1\n"), "6: transport.outgoing.hots: unknown key; did you mean host? (allowed: kind,"),
        (format!("{SMTP}port = 70000\n"), "6: transport.outgoing.port: must be a number from 1 to 65535, not 70000"),
        (format!("{SMTP}port = \"25\"\n"), "6: transport.outgoing.port: must be a number from 1 to 65535, not string"),
        (format!("{SMTP}security = \"ssl\"\n"), "6: transport.outgoing.security: unknown value “ssl”"),
        (format!("{SMTP}security = \"none\"\n"), "6: transport.outgoing.security: none is for servers on this machine"),
        (format!("{SMTP}user = \"ada\"\n"), "6: transport.outgoing.password: missing: where the password"),
        (
            format!("{SMTP}password = {{ ask = true, env = \"X\" }}\n"),
            "6: transport.outgoing.password.keyring: give exactly one of keyring, command, env, ask",
        ),
        ("[[transport]]\nname = \"a\"\n".to_owned(), "2: transport.name: it needs [transport.outgoing]"),
        ("[[transport]]\nname = \"../a\"\n".to_owned(), "2: transport.name: must not be empty"),
        (format!("{SMTP}{SMTP}"), "7: transport.name: “a” is taken"),
        ("[schedule]\nevery = \"soon\"\n".to_owned(), "2: schedule.every: “soon” is no duration"),
        ("transport = 3\n".to_owned(), "1: transport: must be tables, as [[transport]], not integer"),
        ("[[transport]\n".to_owned(), "1: "),
    ] {
        let found = mistakes(&text);
        assert!(found.iter().any(|mistake| mistake.starts_with(expected)), "{expected}\nnot in\n{}", found.join("\n"));
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let found = mistakes("in_doubt = \"maybe\"\n[schedule]\nevery = 5\non_strat = true\n");
    assert_eq!(found.len(), 3, "{found:?}");
}

#[test]
fn plain_text_is_for_this_machine_unless_said_in_words() {
    let local = SMTP.replace("mx.example.org", "127.0.0.1") + "security = \"none\"\n";
    assert!(read(&local).is_ok());
    assert!(read(&format!("{SMTP}security = \"none\"\nallow_plaintext = true\n")).is_ok());
}

#[test]
fn places_of_a_folder_are_in_it_and_sockets_have_short_paths() {
    let long = format!("/tmp/{}", "x".repeat(150));
    let places = Places::of(Some(Path::new(&long)));
    assert!(places.spool().starts_with(&long) && places.mail("a").starts_with(&long));
    assert!(places.socket().as_os_str().len() < 108);
    assert_ne!(places.socket(), Places::of(Some(Path::new("/tmp/y"))).socket());
}

#[test]
fn a_password_command_gives_its_first_line_and_its_failure_no_secret() {
    use secrecy::ExposeSecret as _;
    let command = |text: &str| secret::fetch(&SecretSource::Command(text.to_owned()), "ada", "mx");
    assert_eq!(command("printf 's3cret\\nmore'").expect("a secret").expose_secret(), "s3cret");
    let error = command("echo s3cret; echo locked >&2; exit 2").expect_err("a failure").to_string();
    assert!(error.contains("locked") && !error.contains("s3cret"), "{error}");
    assert!(command("true").is_err());
}

proptest! {
    #[test]
    fn no_text_makes_the_loader_panic(text in "\\PC{0,200}", toml in "(\\[\\[transport\\]\\]|name = \"a\"|kind = 3|\\[transport.outgoing\\]|password = \\{ |\n){0,20}") {
        read(&text).ok();
        read(&toml).ok();
    }
}
