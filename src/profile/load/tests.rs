//! Profiles, right and wrong.

mod secrets;

use std::time::Duration;

use proptest::prelude::*;

use super::super::schedule::{Plan, Quiet, Schedule};
use super::*;

fn read(text: &str) -> Result<Profile, ProfileError> {
    load(text, Path::new("/p/profile.toml"), &places())
}

fn places() -> Places {
    Places::of(Some(Path::new("/p")))
}

fn home(below: &str) -> PathBuf {
    places().home().join(below)
}

/// Reads a text with mistakes, and checks that exactly these are found: line, key, and a part of what is said.
#[track_caller]
fn wrong(text: &str, expected: &[(usize, &str, &str)]) {
    let problems = read(text).expect_err("mistakes").problems;
    let found: Vec<(usize, &str)> = problems.iter().map(|one| (one.line, one.key.as_str())).collect();
    let wanted: Vec<(usize, &str)> = expected.iter().map(|&(line, key, _)| (line, key)).collect();
    assert_eq!(found, wanted, "{problems:#?}");
    for (problem, (_, _, part)) in problems.iter().zip(expected) {
        assert!(problem.what.contains(part), "“{part}” is not in “{}”", problem.what);
    }
}

/// The same for one transport that sends by SMTP, with these lines after its host (line 6 and on).
#[track_caller]
fn wrong_server(lines: &str, expected: &[(usize, &str, &str)]) {
    wrong(&server_text(lines), expected);
}

fn server_text(lines: &str) -> String {
    format!(
        "[[transport]]\nname = \"work\"\n[transport.outgoing]\nkind = \"smtp\"\nhost = \"smtp.example.org\"\n{lines}\n"
    )
}

fn server(lines: &str) -> ServerConfig {
    let profile = read(&server_text(lines)).unwrap();
    match profile.transports.into_iter().next().unwrap().outgoing {
        Some(Outgoing::Smtp(smtp)) => smtp.server,
        other => panic!("{other:?}"),
    }
}

/// The servers of the full profile: work's two, club's, local's.
fn full_servers() -> [ServerConfig; 4] {
    let smtp = ServerConfig {
        host: "smtp.example.org".into(),
        port: 465,
        security: Security::Tls,
        user: Some("ada".into()),
        credential: Some(Credential::Password(SecretSource::Keyring)),
        auth: AuthChoice::Auto,
        ca_file: Some("/p/ca.pem".into()),
        fingerprint: None,
        patience: Some(Duration::from_secs(90)),
    };
    let imap = ServerConfig {
        host: "imap.example.org".into(),
        port: 993,
        credential: Some(Credential::Password(SecretSource::Command("pass show mail/ada".into()))),
        auth: AuthChoice::ScramSha256,
        ca_file: None,
        patience: None,
        ..smtp.clone()
    };
    let pop3 = ServerConfig {
        host: "pop.example.net".into(),
        port: 110,
        security: Security::StartTls,
        user: Some("club".into()),
        credential: Some(Credential::Password(SecretSource::Env("CLUB_PASSWORD".into()))),
        auth: AuthChoice::Plain,
        ca_file: None,
        fingerprint: None,
        patience: None,
    };
    let lmtp = ServerConfig {
        host: "::1".into(),
        port: 24,
        security: Security::None,
        user: None,
        credential: None,
        auth: AuthChoice::Auto,
        ca_file: None,
        fingerprint: None,
        patience: None,
    };
    [smtp, imap, pop3, lmtp]
}

fn bare(name: &str) -> TransportConfig {
    TransportConfig {
        name: name.into(),
        identity: None,
        accepts: vec!["*".into()],
        prefer_last: false,
        resource: None,
        connect: None,
        no_ui: UnderNoUi::Run,
        outgoing: None,
        incoming: None,
        queue: None,
    }
}

fn full_work(smtp: ServerConfig, imap: ServerConfig) -> TransportConfig {
    TransportConfig {
        name: "work".into(),
        identity: Some(Identity { name: "Ada Lovelace".into(), address: "ada@example.org".into() }),
        accepts: vec!["*@example.org".into(), "*@*.example.org".into()],
        prefer_last: false,
        resource: Some("modem0".into()),
        connect: Some(ConnectCommand {
            up: Some("nmcli connection up vpn".into()),
            down: Some("nmcli connection down vpn".into()),
            silent: false,
        }),
        no_ui: UnderNoUi::Skip,
        outgoing: Some(Outgoing::Smtp(SmtpConfig { server: smtp, connections: 8 })),
        incoming: Some(Incoming {
            source: IncomingSource::Imap {
                server: imap,
                folders: vec!["INBOX".into(), "Lists/rust".into()],
                watch: true,
            },
            after: After::Keep,
            deliver: DeliverTo::Maildir(home("Mail/ada")),
        }),
        queue: None,
    }
}

/// Every key of the contract.
#[test]
fn the_full_profile() {
    let profile = read(include_str!("../../../tests/data/profiles/full.toml")).unwrap();
    let [smtp, imap, pop3, lmtp] = full_servers();
    let work = full_work(smtp, imap);
    let command = ["/usr/sbin/sendmail", "-oi", "-f", "{sender}", "--", "{recipients}"].map(str::to_owned).to_vec();
    let club = TransportConfig {
        outgoing: Some(Outgoing::Pipe { command }),
        incoming: Some(Incoming {
            source: IncomingSource::Pop3 { server: pop3 },
            after: After::Delete,
            deliver: DeliverTo::Lmtp("localhost:24".into()),
        }),
        ..bare("club")
    };
    let shelf = TransportConfig {
        prefer_last: true,
        outgoing: Some(Outgoing::Folder { path: "/srv/outbox".into() }),
        incoming: Some(Incoming {
            source: IncomingSource::Folder { path: "/p/inbox".into() },
            after: After::Keep,
            deliver: DeliverTo::Command(vec!["procmail".into(), "-t".into()]),
        }),
        ..bare("shelf")
    };
    let local = TransportConfig {
        outgoing: Some(Outgoing::Lmtp(SmtpConfig { server: lmtp, connections: 4 })),
        ..bare("local")
    };
    let mx1 = TransportConfig {
        queue: Some(ExternalQueue {
            kind: QueueKind::Postfix,
            ssh: Some("mx1.example.org".into()),
            config_dir: Some("/etc/postfix".into()),
        }),
        ..bare("mx1")
    };
    let exim = TransportConfig {
        queue: Some(ExternalQueue { kind: QueueKind::Exim, ssh: None, config_dir: None }),
        ..bare("exim")
    };
    let names = ["work", "club", "shelf", "local", "mx1", "exim"].map(str::to_owned).to_vec();
    let plan = Plan { every: Some(Duration::from_mins(5)), on_start: true, ..Plan::default() };
    let expected = Profile {
        transports: vec![work, club, shelf, local, mx1, exim],
        schedule: Schedule { plans: vec![Plan { transports: names, ..plan }] },
        in_doubt: InDoubtPolicy::Resend,
        submission: None,
    };
    assert_eq!(profile, expected);
}

#[test]
fn an_empty_profile_is_one() {
    assert_eq!(read(""), Ok(Profile::default()));
    assert_eq!(read("# nothing yet\n"), Ok(Profile::default()));
}

#[test]
fn default_ports_follow_kind_and_security() {
    for (kind, security, expected) in [
        ("smtp", "tls", 465),
        ("smtp", "starttls", 587),
        ("smtp", "none", 25),
        ("lmtp", "none", 24),
        ("imap", "tls", 993),
        ("imap", "starttls", 143),
        ("imap", "none", 143),
        ("pop3", "tls", 995),
        ("pop3", "starttls", 110),
        ("pop3", "none", 110),
    ] {
        let direction = if matches!(kind, "imap" | "pop3") { "incoming" } else { "outgoing" };
        let text = format!(
            "[[transport]]\nname = \"x\"\n[transport.{direction}]\nkind = \"{kind}\"\nhost = \"h\"\nsecurity = \"{security}\"\n"
        );
        let transport = read(&text).unwrap().transports.remove(0);
        let port = match (transport.outgoing, transport.incoming.map(|incoming| incoming.source)) {
            (Some(Outgoing::Smtp(smtp) | Outgoing::Lmtp(smtp)), _) => smtp.server.port,
            (_, Some(IncomingSource::Imap { server, .. } | IncomingSource::Pop3 { server })) => server.port,
            other => panic!("{other:?}"),
        };
        assert_eq!(port, expected, "{kind} {security}");
    }
}

#[test]
fn what_is_not_said_has_defaults() {
    let text = "[[transport]]\nname = \"a b\"\n[transport.incoming]\nkind = \"imap\"\nhost = \"h\"\nuser = \"ada\"\n";
    let transport = read(text).unwrap().transports.remove(0);
    assert_eq!(transport.accepts, ["*"]);
    let incoming = transport.incoming.unwrap();
    assert_eq!(incoming.deliver, DeliverTo::Maildir("/p/mail/a b".into()));
    assert_eq!(incoming.after, After::Keep);
    let IncomingSource::Imap { server, folders, watch } = incoming.source else { panic!() };
    assert!(!watch);
    assert_eq!(folders, ["INBOX"]);
    assert_eq!((server.security, server.auth), (Security::Tls, AuthChoice::Auto));
    assert_eq!(server.credential, Some(Credential::Password(SecretSource::Keyring)));
    assert_eq!(self::server("").credential, None);
    assert_eq!(self::server("user = \"ada\"\nauth = \"none\"").credential, None);
}

#[test]
fn inline_sections_and_dotted_keys_are_as_good() {
    let text = "transport = [{ name = \"x\", outgoing = { kind = \"smtp\", host = \"h\", password.ask = true, user = \"u\" } }]";
    assert_eq!(read(text).unwrap().transports.len(), 1);
}

#[test]
fn unknown_keys_are_named_with_the_nearest_known_one() {
    wrong(
        "colour = 1\n[shedule]\nevery = \"5m\"\n",
        &[(1, "colour", "Allowed here: transport, schedule, in_doubt"), (2, "shedule", "Did you mean `schedule`?")],
    );
    wrong_server("prot = 25\n", &[(6, "transport.outgoing.prot", "Did you mean `port`?")]);
    wrong(
        "[[transport]]\nname = \"x\"\naccept = [\"*\"]\n[transport.outgoing]\nkind = \"folder\"\npath = \"/x\"\nhost = \"h\"\n",
        &[
            (3, "transport.accept", "Did you mean `accepts`?"),
            (7, "transport.outgoing.host", "Allowed here: kind, path"),
        ],
    );
    wrong("[schedule]\nevry = \"5m\"\n", &[(2, "schedule.evry", "Did you mean `every`?")]);
    wrong(
        "[[transport]]\nname = \"x\"\nconnect = { upp = \"true\", up = \"true\" }\n[transport.queue]\nkind = \"exim\"\n",
        &[(3, "transport.connect.upp", "Did you mean `up`?")],
    );
}

#[test]
fn bad_values_are_named_with_what_is_allowed() {
    wrong_server("security = \"ssl\"\n", &[(6, "transport.outgoing.security", "\"tls\", \"starttls\", \"none\"")]);
    wrong_server("security = \"startls\"\n", &[(6, "transport.outgoing.security", "Did you mean \"starttls\"?")]);
    wrong_server("port = 0\n", &[(6, "transport.outgoing.port", "a whole number from 1 to 65535")]);
    wrong_server("port = 99999\n", &[(6, "transport.outgoing.port", "not 99999")]);
    wrong_server("port = \"25\"\n", &[(6, "transport.outgoing.port", "not a string")]);
    wrong_server("connections = 0\n", &[(6, "transport.outgoing.connections", "from 1 to 64")]);
    wrong_server("user = \"a\"\nauth = \"scram\"\n", &[(7, "transport.outgoing.auth", "\"scram-sha-256\"")]);
    wrong_server("user = \"\"\n", &[(6, "transport.outgoing.user", "is empty")]);
    wrong_server("user = \"a\\nb\"\n", &[(6, "transport.outgoing.user", "control character")]);
    wrong_server("ca_file = \"~bob/ca.pem\"\n", &[(6, "transport.outgoing.ca_file", "in full")]);
    wrong_server("fingerprint = \"AB:CD\"\n", &[(6, "transport.outgoing.fingerprint", "64 hexadecimal digits")]);
    wrong("in_doubt = \"send\"\n", &[(1, "in_doubt", "\"hold\", \"resend\"")]);
    wrong(
        "[schedule]\nevery = 300\non_start = \"yes\"\n",
        &[(2, "schedule.every", "\"5m\""), (3, "schedule.on_start", "true or false")],
    );
    wrong("[schedule]\nevery = \"often\"\n", &[(2, "schedule.every", "“often”")]);
    wrong("schedule = 5\n", &[(1, "schedule", "[schedule]")]);
    wrong("[transport]\nname = \"x\"\n", &[(1, "transport", "[[transport]]")]);
    wrong("transport = [1]\n", &[(1, "transport", "[[transport]]")]);
}

#[test]
fn groups_of_the_schedule_have_its_keys_where_they_lack_their_own() {
    let folder =
        |name: &str| format!("[[transport]]\nname = \"{name}\"\noutgoing.kind = \"folder\"\noutgoing.path = \"/x\"\n");
    let text = "[schedule]\nevery = \"1h\"\nmetered = false\nquiet = [\"22:00-07:00\"]\non_network = true\n\
                [[schedule.group]]\ntransports = [\"a\"]\nevery = \"5m\"\ndirections = \"receive\"\nnetworks = [\"home\"]\n\
                [[schedule.group]]\ntransports = [\"a\", \"c\"]\nmetered = true\nquiet = []\n";
    let profile = read(&format!("{}{}{}{text}", folder("a"), folder("b"), folder("c"))).expect("a good profile");
    let named = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    let whole = Plan {
        transports: named(&["b"]),
        every: Some(Duration::from_hours(1)),
        metered: false,
        quiet: vec![Quiet { from: 22 * 60, to: 7 * 60 }],
        on_network: true,
        ..Plan::default()
    };
    let first = Plan {
        transports: named(&["a"]),
        every: Some(Duration::from_mins(5)),
        outgoing: false,
        networks: named(&["home"]),
        ..whole.clone()
    };
    let second = Plan { transports: named(&["a", "c"]), metered: true, quiet: Vec::new(), ..whole.clone() };
    assert_eq!(profile.schedule, Schedule { plans: vec![first, second, whole] });

    let transport = folder("a");
    wrong(
        &format!(
            "{transport}[[schedule.group]]\ntransports = [\"A\"]\ndirections = \"up\"\nquiet = [\"night\"]\n[[schedule.group]]\nevry = \"1h\"\n"
        ),
        &[
            (6, "schedule.group.transports", "there is no transport “A”"),
            (7, "schedule.group.directions", "\"send\", \"receive\", \"both\""),
            (8, "schedule.group.quiet", "22:00-07:00"),
            (9, "schedule.group.transports", "is missing"),
            (10, "schedule.group.evry", "Did you mean `every`?"),
        ],
    );
}

#[test]
fn transports_must_make_sense() {
    wrong("\n[[transport]]\nname = \"x\"\n", &[(3, "transport.name", "[transport.outgoing]")]);
    wrong("[[transport]]\n[transport.queue]\nkind = \"exim\"\n", &[(1, "transport.name", "is missing")]);
    let folder = "[transport.outgoing]\nkind = \"folder\"\npath = \"/x\"\n";
    wrong(
        &format!("[[transport]]\nname = \"x\"\n{folder}[transport.queue]\nkind = \"exim\"\n"),
        &[(6, "transport.queue", "stands alone")],
    );
    wrong(
        &format!("[[transport]]\nname = \"x\"\n{folder}[[transport]]\nname = \"x\"\n{folder}"),
        &[(7, "transport.name", "another transport “x”")],
    );
    wrong(
        "[[transport]]\nname = \"x\"\n[transport.outgoing]\nhost = \"h\"\n",
        &[(3, "transport.outgoing.kind", "one of smtp, lmtp, pipe, folder")],
    );
    wrong(
        "[[transport]]\nname = \"x\"\n[transport.incoming]\nkind = \"smtp\"\nhost = \"h\"\n",
        &[(4, "transport.incoming.kind", "\"imap\", \"pop3\", \"folder\"")],
    );
    wrong(
        "[[transport]]\nname = \"x\"\n[transport.outgoing]\nkind = \"smtp\"\n",
        &[(3, "transport.outgoing.host", "is missing")],
    );
    wrong(
        "[[transport]]\nname = \"x\"\n[transport.outgoing]\nkind = \"pipe\"\n",
        &[(3, "transport.outgoing.command", "is missing")],
    );
    wrong(
        "[[transport]]\nname = \"x\"\n[transport.outgoing]\nkind = \"pipe\"\ncommand = []\n",
        &[(5, "transport.outgoing.command", "must name a program")],
    );
    wrong(
        "[[transport]]\nname = \"x\"\nconnect = { silent = true }\n[transport.queue]\nkind = \"exim\"\nssh = \"-oProxyCommand=x\"\nconfig_dir = \"etc\"\n",
        &[
            (3, "transport.connect", "needs a command"),
            (6, "transport.queue.ssh", "HOST"),
            (7, "transport.queue.config_dir", "slash"),
        ],
    );
    wrong(
        "[[transport]]\nname = \"x\"\nidentity = \"Ada\"\naccepts = [\"*\", \"two words\"]\n[transport.queue]\nkind = \"exim\"\n",
        &[(3, "transport.identity", "Name <name@example.org>"), (4, "transport.accepts", "two words")],
    );
}

#[test]
fn names_stay_inside_their_folder() {
    for name in ["a/b", "..", ".", ".hidden", "/etc", "a\\\\b", " a", "a ", "a\\u0000b", "a\\nb"] {
        let text = format!("[[transport]]\nname = \"{name}\"\n[transport.queue]\nkind = \"exim\"\n");
        wrong(&text, &[(2, "transport.name", "")]);
    }
    let long = "x".repeat(101);
    wrong(
        &format!("[[transport]]\nname = \"{long}\"\n[transport.queue]\nkind = \"exim\"\n"),
        &[(2, "transport.name", "100 bytes")],
    );
}

#[test]
fn delivery_is_one_thing() {
    let text = |deliver: &str| {
        format!(
            "[[transport]]\nname = \"x\"\n[transport.incoming]\nkind = \"folder\"\npath = \"/x\"\ndeliver = {deliver}\n"
        )
    };
    wrong(&text("{}"), &[(6, "transport.incoming.deliver", "one of")]);
    wrong(&text("{ maildir = \"/x\", lmtp = \"h:24\" }"), &[(6, "transport.incoming.deliver", "one of")]);
    wrong(&text("\"/x\""), &[(6, "transport.incoming.deliver", "section")]);
    for place in ["h", "h:", ":24", "h:x", "h:0", "h:99999", "h h:24"] {
        wrong(&text(&format!("{{ lmtp = \"{place}\" }}")), &[(6, "transport.incoming.deliver.lmtp", "HOST:PORT")]);
    }
    wrong(
        &text("{ maildirr = \"/x\" }"),
        &[
            (6, "transport.incoming.deliver", "one of"),
            (6, "transport.incoming.deliver.maildirr", "Did you mean `maildir`?"),
        ],
    );
}

#[test]
fn broken_text_is_named_with_its_line() {
    let error = read("[[transport]]\nname = \"x\n").unwrap_err();
    assert_eq!(error.problems[0].line, 2, "{error}");
    let error = read("a = 1\na = 2\n").unwrap_err();
    assert_eq!(error.problems[0].line, 2, "{error}");
}

#[test]
fn all_mistakes_are_reported_with_file_line_and_key() {
    let text = "[[transport]]\nname = \"x\"\nprefer_lst = true\n[transport.outgoing]\nkind = \"smtp\"\nport = 0\n[schedule]\nevery = \"x\"\n";
    let error = read(text).unwrap_err();
    let told = error.to_string();
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 4, "{told}");
    assert!(lines[0].starts_with("/p/profile.toml:3: transport.prefer_lst: unknown key"), "{told}");
    assert!(lines[1].starts_with("/p/profile.toml:4: transport.outgoing.host: is missing"), "{told}");
    assert!(lines[2].starts_with("/p/profile.toml:6: transport.outgoing.port: must be"), "{told}");
    assert!(lines[3].starts_with("/p/profile.toml:8: schedule.every: must be"), "{told}");
}

#[test]
fn paths_begin_in_the_profiles_folder_or_at_home() {
    assert_eq!(server("ca_file = \"sub/ca.pem\"").ca_file, Some("/p/sub/ca.pem".into()));
    assert_eq!(server("ca_file = \"/etc/ca.pem\"").ca_file, Some("/etc/ca.pem".into()));
    assert_eq!(server("ca_file = \"~/ca.pem\"").ca_file, Some(home("ca.pem")));
}

/// Keys and values as they might stand in a profile, in any order and combination.
fn line() -> impl Strategy<Value = String> {
    let key = "(transport|outgoing|incoming|queue|schedule|name|kind|host|port|password|deliver|accepts|every|connect|[a-z]{1,9})";
    let value = prop_oneof![
        "\"[^\"\\\\\n]{0,12}\"",
        "-?[0-9]{1,12}",
        Just("true".to_owned()),
        Just("{ keyring = true }".to_owned()),
        Just("[\"*\", 1, {}]".to_owned()),
        Just("\"smtp\"".to_owned()),
        Just("\"imap\"".to_owned()),
        Just("1979-05-27".to_owned()),
    ];
    prop_oneof![
        (key, value).prop_map(|(key, value)| format!("{key} = {value}\n")),
        Just("[[transport]]\n".to_owned()),
        key.prop_map(|key| format!("[transport.{key}]\n")),
        key.prop_map(|key| format!("[{key}]\n")),
    ]
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        if let Err(error) = read(&text) {
            prop_assert!(!error.problems.is_empty());
        }
    }

    #[test]
    fn no_profile_makes_it_panic(lines in prop::collection::vec(line(), 0..20)) {
        let text = lines.concat();
        if let Err(error) = read(&text) {
            let last = text.lines().count().max(1);
            prop_assert!(error.problems.iter().all(|one| (1..=last + 1).contains(&one.line)), "{}", error);
        }
    }
}
