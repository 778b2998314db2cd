//! No UI, tried: over transports that would each have to ask somebody, nothing comes up on the screen, the bus or by a
//! program, from whatever way in; and each of them waits for a person afterwards.

use mailsluice::demo::Provider;

use super::LIMIT;
use super::tray::Seat;
use crate::support::bus::{Notifications, TrayHost};
use crate::support::certs::Certs;
use crate::support::daemon::{folder, wait_until};
use crate::support::harness::Run;
use crate::support::keyring::GnomeKeyring;
use crate::support::provider::{USER, provider, result, sender};
use crate::support::witness::{Calls, StandIns, Windows};
use crate::support::{Authority, Postfix, PostfixSetup};

/// Those that can't do without a person.
const TROUBLED: [&str; 4] = ["expired", "forgetful", "locked", "stranger"];

/// The window that the connect command opens.
const DIALLING: &str = "Xmessage";

/// A seat with these transports, and everything that could show something watched.
struct Scene {
    seat: Seat,
    host: TrayHost,
    stand_ins: StandIns,
    _notifications: Notifications,
    _keyring: GnomeKeyring,
    authority: Authority,
    _provider: Provider,
    _postfix: Postfix,
}

fn profile(provider: &Provider, postfix: &Postfix, authority: &Authority) -> String {
    let signs_in = |name: &str, user: &str, password: &str| {
        let server = sender(name, provider.smtp_addr().port(), "*");
        format!("{server}auth = \"plain\"\nuser = \"{user}\"\npassword = {{ {password} = true }}\n")
    };
    let expired = sender("expired", provider.smtp_addr().port(), "*");
    let expired = format!("{expired}user = \"grace\"\n{}", authority.in_a_browser());
    let forgetful = signs_in("forgetful", USER, "ask");
    let locked = signs_in("locked", "grace", "keyring");
    let stranger = sender("stranger", postfix.port, "*").replace("\"none\"", "\"starttls\"");
    let dials = "connect = { up = \"xmessage -timeout 300 Dialling >/dev/null 2>&1 &\" }\n\
                 [transport.outgoing]\nkind = \"folder\"\npath = \"out\"\n";
    let left_out = format!("[[transport]]\nname = \"fax\"\nno_ui = \"skip\"\n{}", dials.replace("\"out\"", "\"fax\""));
    format!("{expired}{forgetful}{locked}{stranger}[[transport]]\nname = \"modem\"\n{dials}{left_out}")
}

impl Scene {
    fn new() -> Option<Self> {
        let elsewhere = folder();
        let certs = Certs::for_localhost(elsewhere.path());
        let postfix = Postfix::start(&PostfixSetup { certs: Some(&certs), ..Default::default() })?;
        let provider = provider(Vec::new());
        let authority = Authority::start();
        let seat = Seat::on(&profile(&provider, &postfix, &authority), &["out", "fax"], None)?;
        let (host, notifications) = (TrayHost::start(&seat.bus), Notifications::start(&seat.bus));
        let keyring = GnomeKeyring::start(&seat.bus, &seat.harness.path("home"))?;
        keyring.put_under_lock("grace@127.0.0.1", "sesame");
        // Somebody has signed in once; by now neither of the tokens is good.
        keyring.put(&authority.account("grace"), &authority.grant());
        authority.revoke();
        let stand_ins = StandIns::new(&seat.harness.path("stand-ins"));
        let scene = Self {
            seat,
            host,
            stand_ins,
            _notifications: notifications,
            _keyring: keyring,
            authority,
            _provider: provider,
            _postfix: postfix,
        };
        for transport in TROUBLED.into_iter().chain(["fax"]) {
            scene.seat.submit(transport);
        }
        Some(scene)
    }

    fn start(&mut self, arguments: &[&str]) {
        let mut command = self.seat.harness.command();
        self.stand_ins.join(&mut command);
        self.seat.start_as(command, arguments);
    }

    /// `mailsluice flush --no-ui`, with a screen and a bus around it.
    fn flush(&self) -> Run {
        let mut command = self.seat.harness.command();
        self.stand_ins.join(self.seat.bus.join(self.seat.screen.show(&mut command)));
        Run::from(command.args(["flush", "--no-ui", "--json"]).output().expect("the program"))
    }

    /// All that wait for a person wait for one, and the tray has the number.
    fn waits_for_a_person(&self) {
        assert!(wait_until(LIMIT, || self.host.find(&["Waiting for you (5)"]).is_some()), "{:?}", self.host.entries());
        for transport in TROUBLED {
            assert_eq!(self.seat.queued(transport), 1, "{transport}");
        }
        assert!(!self.seat.row("modem")["honours_no_ui"].as_bool().expect("a switch"), "it says so beforehand");
    }

    /// Watches while `go` makes a silent flush, which is over when the one transport that works has done its part.
    fn nothing_comes_up(&self, way: &str, go: impl FnOnce(&Self)) {
        let (windows, calls) = (Windows::on(self.seat.screen.display()), Calls::on(&self.seat.bus));
        let (sent, left) = (self.seat.count("out/new"), self.seat.count("fax/new"));
        self.seat.submit("modem");
        let before = self.last_runs().into_iter().max();
        assert!(wait_until(LIMIT, || Some(now()) > before), "runs are told apart by the second");
        let asked = self.authority.log().len();
        go(self);
        assert!(wait_until(LIMIT, || self.seat.count("out/new") == sent + 1), "{way}: nothing was flushed");
        assert!(wait_until(LIMIT, || asked_the_keyring(&calls)), "{way}: the keyring was not asked");
        assert!(wait_until(LIMIT, || self.seat.is_idle()), "{way}: it goes on");
        assert!(self.last_runs().into_iter().min() > before, "{way}: not all of them ran");
        assert!(self.authority.log().len() > asked, "{way}: the token was not tried");
        self.waits_for_a_person();
        assert!(wait_until(LIMIT, || windows.count(DIALLING) == 1), "{way}: the connect command shows its own window");
        assert_eq!(windows.but_for(DIALLING), [0_u32; 0], "{way}: windows");
        assert_eq!(calls.that_show(), [""; 0], "{way}: calls");
        assert_eq!(self.stand_ins.started(), "", "{way}: programs");
        assert_eq!(self.seat.count("fax/new"), left, "{way}: what is left out runs");
    }

    /// When those that can't do without a person ran last.
    fn last_runs(&self) -> Vec<i64> {
        TROUBLED.iter().map(|name| self.seat.row(name)["last_run"].as_i64().unwrap_or(0)).collect()
    }
}

fn now() -> i64 {
    std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_secs().cast_signed()
}

/// It was asked, whether or not it was unlocked.
fn asked_the_keyring(calls: &Calls) -> bool {
    calls.all().iter().any(|call| call == "org.freedesktop.Secret.Service.SearchItems")
}

#[test]
fn under_no_ui_nothing_comes_up_from_any_way_in_and_everything_waits_for_a_person() {
    let Some(mut scene) = Scene::new() else { return };
    // A command alone, then the same while the program runs.
    let windows = Windows::on(scene.seat.screen.display());
    let calls = Calls::on(&scene.seat.bus);
    let flushed = scene.flush().expect_code(77).json();
    let failed = |name: &str| result(&flushed, name)["failure"]["class"].as_str().map(str::to_owned);
    for name in TROUBLED.into_iter().chain(["fax"]) {
        assert_eq!(failed(name).as_deref(), Some("needs_person"), "{name}: {flushed}");
    }
    assert_eq!(failed("modem"), None);
    // Seen here, so that it is not taken for a later one's.
    assert!(wait_until(LIMIT, || windows.count(DIALLING) == 1), "the connect command shows its own window");
    assert_eq!((windows.but_for(DIALLING), calls.that_show()), (Vec::new(), Vec::new()));
    assert_eq!(scene.stand_ins.started(), "");
    assert!(asked_the_keyring(&calls));

    scene.start(&["--background"]);
    scene.host.item();
    scene.nothing_comes_up("a command while it runs", |scene| {
        scene.flush().expect_code(77);
    });
    scene.host.click(&["No UI"]);
    assert!(scene.host.stands(&["No UI"], true));
    scene.nothing_comes_up("the tray", |scene| scene.host.click(&["Send all"]));
    scene.host.click(&["Open Mailsluice"]);
    let window = scene.seat.window();
    scene.nothing_comes_up("F9 in the window", |_| window.key("F9"));
}

/// The other half: the same watched with UI allowed, where all of it does come up.
#[test]
fn with_ui_the_same_witnesses_see_it_come_up() {
    let Some(mut scene) = Scene::new() else { return };
    scene.start(&["--background"]);
    scene.host.item();
    let calls = Calls::on(&scene.seat.bus);
    scene.host.click(&["Send all"]);
    for wanted in ["Secret.Service.Unlock", "Secret.Prompt.Prompt", "Notifications.Notify"] {
        let wanted = format!("org.freedesktop.{wanted}");
        assert!(wait_until(LIMIT, || calls.that_show().contains(&wanted)), "{wanted} of {:?}", calls.all());
    }
    let windows = Windows::on(scene.seat.screen.display());
    scene.host.click(&["Open Mailsluice"]);
    scene.seat.window();
    assert!(!windows.but_for(DIALLING).is_empty(), "a window is seen");
}
