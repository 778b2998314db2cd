//! Signing in with tokens (OAuth 2.0): a loopback authority gives them, a real Dovecot asks it about them, a real Postfix asks
//! Dovecot, a real gnome-keyring keeps what they are renewed by, and a person at a terminal says yes.

use std::process::{Command, Stdio};

use crate::support::bus::Bus;
use crate::support::daemon::{self, write};
use crate::support::harness::{Run, Terminal};
use crate::support::keyring::GnomeKeyring;
use crate::support::provider::{PATIENCE, letter, provider, result, sender, submit};
use crate::support::{Authority, Certs, Dovecot, Harness, Postfix, PostfixSetup};

use super::secrets::{contains, files_with};

/// Servers that take the authority's tokens.
pub(super) struct Servers {
    pub(super) authority: Authority,
    pub(super) postfix: Postfix,
    dovecot: Dovecot,
}

/// They, and a person at a terminal with a profile that has no password.
pub(super) struct Scene {
    pub(super) servers: Servers,
    pub(super) harness: Harness,
    pub(super) bus: Bus,
    pub(super) environment: Vec<(&'static str, String)>,
}

impl Servers {
    pub(super) fn start(authority: Authority) -> Option<Self> {
        let folder = daemon::folder();
        let settings = folder.path().join("oauth2.conf.ext");
        // Dovecot asks in the open, whatever the authority speaks to us.
        let checks = Authority::start_beside(&authority);
        let url = format!("http://127.0.0.1:{}/check?access_token=", checks.port);
        write(&settings, &format!("introspection_mode = auth\ntokeninfo_url = {url}\nusername_attribute = email\n"));
        let dovecot = Dovecot::start_with(&format!(
            "auth_mechanisms = $auth_mechanisms xoauth2 oauthbearer\npassdb {{\n driver = oauth2\n \
             mechanisms = xoauth2 oauthbearer\n args = {}\n}}",
            settings.display()
        ))?;
        dovecot.fill("ada", [letter("in", "ada@example.org", 100)]);
        let postfix = Postfix::start(&PostfixSetup { auth_socket: Some(dovecot.auth_socket()), ..Default::default() })?;
        // Dovecot has read its settings.
        drop(folder);
        Some(Self { authority, postfix, dovecot })
    }

    /// A transport that sends and receives, and one that receives.
    pub(super) fn profile(&self, oauth: &str) -> String {
        let half = |half: &str, kind: &str, port: u16| {
            format!(
                "[transport.{half}]\nkind = \"{kind}\"\nhost = \"127.0.0.1\"\nport = {port}\nsecurity = \"none\"\n\
                 user = \"ada\"\n{oauth}"
            )
        };
        format!(
            "[[transport]]\nname = \"work\"\n{}{}[[transport]]\nname = \"club\"\n{}",
            half("outgoing", "smtp", self.postfix.port),
            half("incoming", "imap", self.dovecot.ports.imap),
            half("incoming", "pop3", self.dovecot.ports.pop3) + "auth = \"xoauth2\"\n",
        )
    }
}

impl Scene {
    /// `oauth` says how a person signs in there.
    pub(super) fn new(authority: Authority, oauth: impl Fn(&Authority) -> String) -> Option<Self> {
        let oauth = oauth(&authority);
        let servers = Servers::start(authority)?;
        let (harness, bus) = (Harness::new(&servers.profile(&oauth)), Bus::start()?);
        Some(Self { servers, harness, bus, environment: Vec::new() })
    }

    pub(super) fn command(&self) -> Command {
        let mut command = self.harness.command();
        self.bus.join(&mut command).env("MAILSLUICE_TRANSCRIPT", "1").env("RUST_LOG", "trace");
        command.envs(self.environment.iter().cloned());
        command
    }

    pub(super) fn flush_at_terminal(&self) -> Terminal {
        Terminal::at(&self.command(), &["flush"])
    }

    pub(super) fn flush_in_silence(&self) -> Run {
        let mut command = self.command();
        Run::from(command.args(["flush", "--no-ui", "--json"]).stdin(Stdio::null()).output().expect("the program"))
    }

    pub(super) fn submit(&self, subject: &str) {
        submit(&self.harness, &letter(subject, "grace@example.net", 100));
    }

    /// Nothing that the authority gave is in anything printed or written.
    fn keeps_secrets(&self, printed: &[&Run]) {
        let secrets = self.servers.authority.secrets();
        assert!(secrets.len() > 2);
        for secret in secrets {
            assert_eq!(files_with(&self.harness.path("profile"), &secret), Vec::<String>::new());
            for run in printed {
                assert!(!contains(run.stdout.as_bytes(), &secret), "it printed {secret}: {}", run.stdout);
                assert!(!contains(run.stderr.as_bytes(), &secret), "it complained with {secret}: {}", run.stderr);
            }
        }
    }
}

#[test]
fn a_person_says_yes_once_and_tokens_are_renewed_in_silence_until_it_is_taken_back() {
    let Some(scene) = Scene::new(Authority::start(), Authority::in_a_browser) else { return };
    let Some(keyring) = GnomeKeyring::start(&scene.bus, &scene.harness.path("home")) else { return };
    scene.submit("one");

    // Under No UI nobody is asked before anybody has said yes.
    let before = scene.flush_in_silence().expect_code(77);
    let failure = result(&before.json(), "work")["failure"].clone();
    assert_eq!(failure["class"], "needs_person", "{failure}");
    assert_eq!(scene.servers.authority.log(), [""; 0]);

    // One yes serves all of a user's servers.
    let terminal = scene.flush_at_terminal();
    let (_, page) = Authority::browse(&terminal.word("http://localhost"));
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("Signed in"), "{page}");
    let first = terminal.end().expect_code(0);
    assert_eq!(scene.servers.authority.log(), ["authorization_code: given"], "{}", first.stdout);
    assert_eq!(scene.servers.postfix.deliveries().len(), 1);
    assert_eq!(scene.harness.received("work").len(), 1);
    assert_eq!(scene.harness.received("club").len(), 1);
    assert_eq!(keyring.items(), 1, "the refresh token, and nothing else");

    // Another process, later: it renews by what is in the keyring, each time by another.
    for (round, subject) in ["two", "three"].into_iter().enumerate() {
        scene.submit(subject);
        let silent = scene.flush_in_silence().expect_code(0);
        assert_eq!(scene.servers.authority.log().len(), round + 2, "{}", silent.stdout);
        assert_eq!(scene.servers.authority.log().last().map(String::as_str), Some("refresh_token: given"));
        assert_eq!(scene.servers.postfix.deliveries().len(), round + 2);
    }
    assert_eq!(keyring.items(), 1);

    // Taken back: it waits for a person, with all mail, and the next yes sends it.
    scene.servers.authority.revoke();
    scene.submit("four");
    let revoked = scene.flush_in_silence().expect_code(77);
    let failure = result(&revoked.json(), "work")["failure"].clone();
    assert_eq!(failure["class"], "needs_person", "{failure}");
    assert!(failure["what"].as_str().is_some_and(|what| what.contains("no, said the authority")), "{failure}");
    assert_eq!(scene.servers.postfix.deliveries().len(), 3);
    let terminal = scene.flush_at_terminal();
    Authority::browse(&terminal.word("http://localhost"));
    let second = terminal.end().expect_code(0);
    assert!(second.stdout.contains("no, said the authority"), "it says why: {}", second.stdout);
    assert_eq!(scene.servers.postfix.deliveries().len(), 4);
    assert!(
        !scene.servers.authority.log().iter().any(|line| line.contains("twice")),
        "{:?}",
        scene.servers.authority.log()
    );

    // A keyring that is locked says so, and nothing is asked of the authority.
    keyring.lock();
    let asked = scene.servers.authority.log().len();
    let locked = scene.flush_in_silence().expect_code(77);
    let failure = result(&locked.json(), "work")["failure"].clone();
    assert!(failure["what"].as_str().is_some_and(|what| what.contains("the keyring is locked")), "{failure}");
    assert_eq!(scene.servers.authority.log().len(), asked);
    scene.keeps_secrets(&[&before, &first, &revoked, &second, &locked]);
}

#[test]
fn by_a_code_and_without_a_keyring() {
    let Some(scene) = Scene::new(Authority::start(), Authority::by_a_code) else { return };
    scene.submit("one");
    let terminal = scene.flush_at_terminal();
    let code = terminal.word("WDJB-");
    assert!(terminal.shown().contains("/there"), "{}", terminal.shown());
    scene.servers.authority.approve(code.trim_end_matches('.'));
    let first = terminal.end().expect_code(0);
    assert_eq!(scene.servers.postfix.deliveries().len(), 1);
    let log = files_with(&scene.harness.profile().join("log"), "the sign-in is kept until the program ends");
    assert_eq!(log.len(), 1, "it says what that means");
    scene.keeps_secrets(&[&first]);
}

#[test]
fn a_browser_on_another_machine_and_one_that_says_no() {
    let Some(scene) = Scene::new(Authority::start(), Authority::in_a_browser) else { return };
    scene.submit("one");
    let mut terminal = scene.flush_at_terminal();
    let address = terminal.word("http://localhost");
    let sent_to = Authority::sent_to(&address);
    terminal.types(format!("{sent_to}\n"));
    terminal.end().expect_code(0);
    assert_eq!(scene.servers.postfix.deliveries().len(), 1);

    scene.servers.authority.decline();
    scene.submit("two");
    let terminal = scene.flush_at_terminal();
    let (_, page) = Authority::browse(&terminal.word("http://localhost"));
    assert!(page.contains("Not signed in"), "{page}");
    let declined = terminal.end().expect_code(77);
    assert!(declined.stdout.contains("access_denied"), "{}", declined.stdout);
    let mut terminal = scene.flush_at_terminal();
    terminal.word("http://localhost");
    terminal.types("\n");
    terminal.end().expect_code(77);
    assert_eq!(scene.servers.postfix.deliveries().len(), 1);
}

#[test]
fn the_authority_is_believed_by_its_certificate() {
    let folder = daemon::folder();
    let certs = Certs::for_localhost(folder.path());
    let Some(mut scene) = Scene::new(Authority::in_tls(&certs), Authority::by_a_code) else { return };
    scene.submit("one");
    let stranger = scene.flush_at_terminal().end();
    assert!(stranger.stdout.contains("ertificate"), "{}", stranger.stdout);
    assert_eq!(scene.servers.authority.log(), [""; 0], "nothing was told to a stranger");

    scene.environment.push(("SSL_CERT_FILE", certs.authority.display().to_string()));
    let terminal = scene.flush_at_terminal();
    let code = terminal.word("WDJB-");
    scene.servers.authority.approve(code.trim_end_matches('.'));
    terminal.end().expect_code(0);
    assert_eq!(scene.servers.postfix.deliveries().len(), 1);
}

#[test]
fn what_else_is_asked_waits_behind_a_sign_in_and_is_asked_one_by_one() {
    let servers = Servers::start(Authority::start());
    let (Some(servers), provider) = (servers, provider(Vec::new())) else { return };
    let folder = daemon::folder();
    let go = folder.path().join("go");
    let asks = |name: &str| {
        // They come when the sign-in is open.
        let wait = format!("connect = {{ up = \"while [ ! -e '{}' ]; do sleep 0.05; done\" }}\n", go.display());
        let server = sender(name, provider.smtp_addr().port(), "*");
        let server = server.replace("[transport.outgoing]", &format!("{wait}[transport.outgoing]"));
        format!("{server}auth = \"plain\"\nuser = \"{name}\"\npassword = {{ ask = true }}\n")
    };
    let profile = servers.profile(&servers.authority.in_a_browser()) + &asks("ann") + &asks("bob");
    let (harness, Some(bus)) = (Harness::new(&profile), Bus::start()) else { return };
    let scene = Scene { servers, harness, bus, environment: Vec::new() };
    for transport in ["ann", "bob"] {
        let file = scene.harness.write("mail.eml", letter(transport, "grace@example.net", 100));
        let file = file.display().to_string();
        scene.harness.run(&["submit", "--transport", transport, &file]).expect_code(0);
    }
    let mut terminal = scene.flush_at_terminal();
    let address = terminal.word("http://localhost");
    std::fs::write(&go, "").expect("a file");
    let waiting = || {
        let rows = scene.harness.run(&["status", "--json"]).expect_code(0).json()["rows"].to_string();
        rows.matches("Needs the password").count() == 2
    };
    assert!(daemon::wait_until(PATIENCE, waiting), "{}", terminal.shown());
    assert!(!terminal.shown().contains("Password of"), "{}", terminal.shown());
    Authority::browse(&address);
    for count in 1..=2 {
        let asked = || terminal.shown().matches("Password of").count() == count;
        assert!(daemon::wait_until(PATIENCE, asked), "{}", terminal.shown());
        terminal.types("whatever it is\n");
    }
    // Neither is right, and both were asked.
    terminal.end().expect_code(77);
    assert_eq!(scene.harness.received("work").len(), 1);
}
