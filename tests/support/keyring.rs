//! A real gnome-keyring on the test's bus.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use zbus::blocking::{Connection, Proxy};
use zbus::zvariant::{ObjectPath, OwnedObjectPath, OwnedValue, Value};

use super::bus::Bus;
use super::daemon::{find, mortal, stop, wait_until};

const LIMIT: Duration = Duration::from_secs(30);
const NAME: &str = "org.freedesktop.secrets";
const SERVICE: &str = "/org/freedesktop/secrets";

/// A secret as it goes over the bus: whose session, its parameters, itself, what it is.
type Secret<'a> = (ObjectPath<'a>, &'a [u8], &'a [u8], &'a str);

/// A real gnome-keyring on a bus, unlocked, in a folder of its own. Dropped, it ends.
#[derive(Debug)]
pub struct GnomeKeyring {
    child: Child,
    bus: Connection,
}

impl GnomeKeyring {
    /// Starts it in this home.
    pub fn start(bus: &Bus, home: &Path) -> Option<Self> {
        let program = find("gnome-keyring", &["gnome-keyring-daemon"])?.remove(0);
        let mut command = mortal(program);
        command.args(["--foreground", "--unlock", "--components=secrets"]).env("HOME", home);
        command.env("XDG_RUNTIME_DIR", home).env_remove("XDG_DATA_HOME");
        bus.join(&mut command).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("gnome-keyring-daemon");
        child.stdin.take().expect("a pipe").write_all(b"let me in").expect("it listens");
        let keyring = Self { child, bus: bus.connect() };
        assert!(wait_until(LIMIT, || keyring.is_unlocked() == Some(true)), "gnome-keyring is not ready");
        Some(keyring)
    }

    fn service(&self, interface: &'static str) -> Option<Proxy<'_>> {
        Proxy::new(&self.bus, NAME, SERVICE, interface).ok()
    }

    fn collection(&self) -> Option<Proxy<'_>> {
        let path: OwnedObjectPath =
            self.service("org.freedesktop.Secret.Service")?.call("ReadAlias", &("default",)).ok()?;
        (path.as_str() != "/").then_some(())?;
        Proxy::new(&self.bus, NAME, path, "org.freedesktop.Secret.Collection").ok()
    }

    /// Puts in what the program looks for under this name.
    pub fn put(&self, account: &str, secret: &str) {
        self.put_into(&self.collection().expect("a collection"), account, secret);
    }

    /// Puts it into another collection, which is locked.
    pub fn put_under_lock(&self, account: &str, secret: &str) {
        self.lock_up(&self.put_aside(account, secret));
    }

    /// Puts it into another collection.
    pub fn put_aside(&self, account: &str, secret: &str) -> Proxy<'_> {
        let session = self.session();
        let label = HashMap::from([("org.freedesktop.Secret.Collection.Label", Value::from("safe"))]);
        let key: Secret<'_> = (session.as_ref(), &[], b"another word", "text/plain");
        let inside = self.service("org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface").expect("a proxy");
        let safe: OwnedObjectPath = inside.call("CreateWithMasterPassword", &(label, key)).expect("a collection");
        let safe = Proxy::new(&self.bus, NAME, safe, "org.freedesktop.Secret.Collection").expect("a proxy");
        self.put_into(&safe, account, secret);
        safe
    }

    fn session(&self) -> OwnedObjectPath {
        let service = self.service("org.freedesktop.Secret.Service").expect("a proxy");
        let (_, path): (OwnedValue, OwnedObjectPath) =
            service.call("OpenSession", &("plain", Value::from(""))).expect("a session");
        path
    }

    fn put_into(&self, collection: &Proxy<'_>, account: &str, secret: &str) {
        let session = self.session();
        let attributes = HashMap::from([("service", "mailsluice"), ("username", account)]);
        let properties = HashMap::from([
            ("org.freedesktop.Secret.Item.Label", Value::from(account)),
            ("org.freedesktop.Secret.Item.Attributes", Value::from(attributes)),
        ]);
        let secret: Secret<'_> = (session.as_ref(), &[], secret.as_bytes(), "text/plain");
        let put =
            collection.call::<_, _, (OwnedObjectPath, OwnedObjectPath)>("CreateItem", &(properties, secret, true));
        put.expect("it is put in");
    }

    fn is_unlocked(&self) -> Option<bool> {
        self.collection()?.get_property::<bool>("Locked").ok().map(|locked| !locked)
    }

    /// Locks what is in it.
    pub fn lock(&self) {
        self.lock_up(&self.collection().expect("a collection"));
    }

    fn lock_up(&self, collection: &Proxy<'_>) {
        let all = vec![collection.path().to_owned()];
        let service = self.service("org.freedesktop.Secret.Service").expect("a proxy");
        service.call::<_, _, (Vec<OwnedObjectPath>, OwnedObjectPath)>("Lock", &(all,)).expect("locked");
        assert!(collection.get_property::<bool>("Locked").expect("a switch"));
    }

    /// How many secrets are in it.
    pub fn items(&self) -> usize {
        self.collection()
            .and_then(|all| all.get_property::<Vec<OwnedObjectPath>>("Items").ok())
            .map_or(0, |all| all.len())
    }
}

impl Drop for GnomeKeyring {
    fn drop(&mut self) {
        stop(&mut self.child);
    }
}
