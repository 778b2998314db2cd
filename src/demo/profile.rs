//! `--demo`: a provider with four accounts, and a throw-away profile that shows every state a transport can be in.
//!
//! | transport | what it shows |
//! |---|---|
//! | `home` | all is well: SMTP and IMAP, thirty messages to send and twenty waiting |
//! | `club` | its server puts every message off (greylisting); POP3 |
//! | `office` | its password is not known yet: it is `sluice` |
//! | `modem` | a command brings its line up, so it can't honour No UI; one recipient of its mail does not exist |

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use tempfile::TempDir;

use super::letters;
use super::provider::{Account, Behaviour, Options, Provider};
use super::seed::{self, Letter, SeedMessage};

/// The password of every account.
const PASSWORD: &str = "sluice";

/// How long an answer takes: as from a server a few hundred miles away.
const LATENCY: Duration = Duration::from_millis(25);

/// A transport of the demo: its name, the address it is preferred for, and its mail.
struct Cast {
    name: &'static str,
    identity: &'static str,
    out: &'static [Letter],
    waiting: &'static [Letter],
    /// Bytes a second, so that progress can be seen.
    rate: u64,
}

const CAST: [Cast; 4] = [
    Cast {
        name: "home",
        identity: "Ada Lovelace <ada@example.org>",
        out: &letters::HOME_OUT,
        waiting: &letters::HOME_IN,
        rate: 900_000,
    },
    Cast {
        name: "club",
        identity: "Sailing club <club@example.net>",
        out: &letters::CLUB_OUT,
        waiting: &letters::CLUB_IN,
        rate: 200_000,
    },
    Cast {
        name: "office",
        identity: "Ada Lovelace <ada.lovelace@example.com>",
        out: &letters::OFFICE_OUT,
        waiting: &letters::OFFICE_IN,
        rate: 500_000,
    },
    Cast {
        name: "modem",
        identity: "Yacht Analytical <crew@example.org>",
        out: &letters::MODEM_OUT,
        waiting: &letters::MODEM_IN,
        rate: 2_000,
    },
];

/// A running demo. Dropped, its provider stops and its profile is gone from the disk.
#[derive(Debug)]
pub struct Demo {
    provider: Provider,
    profile: TempDir,
}

impl Demo {
    /// Starts the provider and writes the profile, in a temporary folder of its own (mode 0700).
    ///
    /// # Errors
    /// No socket, thread or disk space is to be had.
    pub fn start() -> io::Result<Self> {
        let now = Timestamp::now();
        let account = |cast: &Cast| Account {
            name: cast.name.to_owned(),
            password: PASSWORD.to_owned(),
            messages: seed::incoming(cast.name, cast.identity, cast.waiting, now),
            behaviour: match cast.name {
                "club" => Behaviour::Answer("451 4.7.1 Greylisted, try again in five minutes".to_owned()),
                _ => Behaviour::Accept,
            },
            rate: Some(cast.rate),
        };
        let accounts = CAST.iter().map(account).collect();
        let provider = Provider::start(Options { accounts, latency: LATENCY, ..Options::default() })?;
        let private = std::fs::Permissions::from_mode(0o700);
        let profile = tempfile::Builder::new().prefix("mailsluice-demo-").permissions(private).tempdir()?;
        std::fs::write(profile.path().join("profile.toml"), profile_text(&provider))?;
        Ok(Self { provider, profile })
    }

    /// The provider.
    pub fn provider(&self) -> &Provider {
        &self.provider
    }

    /// The folder with `profile.toml`, for `--profile`.
    pub fn profile_dir(&self) -> &Path {
        self.profile.path()
    }

    /// The mail to be submitted before anybody looks, in the order in which it was written.
    pub fn seed_messages() -> Vec<SeedMessage> {
        let now = Timestamp::now();
        CAST.iter().flat_map(|cast| seed::outgoing(cast.name, cast.identity, cast.out, now)).collect()
    }
}

/// The profile, as the contract has it.
fn profile_text(provider: &Provider) -> String {
    let identity = |name: &str| CAST.iter().find(|cast| cast.name == name).map_or("", |cast| cast.identity);
    let smtp = provider.smtp_addr().port();
    let server = |user: &str, port: u16, password: &str| {
        format!("host = \"127.0.0.1\"\nport = {port}\nsecurity = \"none\"\nuser = \"{user}\"\npassword = {password}\n")
    };
    let transport = |name: &str, more: &str, connections: u16, incoming: (&str, u16), password: &str| {
        format!(
            "[[transport]]\nname = \"{name}\"\nidentity = \"{}\"\n{more}\n\
             [transport.outgoing]\nkind = \"smtp\"\n{}connections = {connections}\n\n\
             [transport.incoming]\nkind = \"{}\"\n{}after = \"delete\"\n\n",
            identity(name),
            server(name, smtp, password),
            incoming.0,
            server(name, incoming.1, password),
        )
    };
    let known = format!("{{ command = \"echo {PASSWORD}\" }}");
    let (imap, pop3) = (("imap", provider.imap_addr().port()), ("pop3", provider.pop3_addr().port()));
    [
        "# The profile of the demo. It is gone when the demo ends.\n\n".to_owned(),
        transport("home", "", 2, imap, &known),
        transport("club", "", 1, pop3, &known),
        transport("office", "", 1, imap, "{ ask = true }"),
        transport(
            "modem",
            "resource = \"modem0\"\nconnect = { up = \"sleep 0.3\", down = \"true\", silent = false }\n",
            1,
            pop3,
            &known,
        ),
    ]
    .concat()
}
