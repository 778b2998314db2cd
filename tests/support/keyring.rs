//! Keyrings on the test's bus: a real one, and one that is locked and stays so, whose prompt is dismissed as soon as it comes.

#![expect(
    clippy::unused_self,
    clippy::used_underscore_binding,
    reason = "the bus calls methods of objects, with all the arguments that a specification has"
)]

use std::collections::HashMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use zbus::blocking::{Connection, Proxy, connection};
use zbus::object_server::SignalEmitter;
use zbus::zvariant::{ObjectPath, OwnedObjectPath, OwnedValue, Value};

use super::bus::Bus;
use super::daemon::{find, mortal, stop, wait_until};

const LIMIT: Duration = Duration::from_secs(30);

const SERVICE: &str = "/org/freedesktop/secrets";
const ITEM: &str = "/org/freedesktop/secrets/collection/login/1";
const PROMPT: &str = "/org/freedesktop/secrets/prompt/1";

struct Service;

fn path(text: &str) -> OwnedObjectPath {
    ObjectPath::try_from(text).expect("a path").into()
}

#[zbus::interface(name = "org.freedesktop.Secret.Service")]
impl Service {
    /// The key that it takes part with is of no use, but nothing is ever told under it.
    fn open_session(&self, _algorithm: &str, _input: Value<'_>) -> (OwnedValue, OwnedObjectPath) {
        let key = Value::from(vec![3_u8; 128]);
        (key.try_into().expect("no file is in it"), path("/org/freedesktop/secrets/session/1"))
    }

    fn search_items(&self, _attributes: HashMap<String, String>) -> (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) {
        (Vec::new(), vec![path(ITEM)])
    }

    fn unlock(&self, _objects: Vec<OwnedObjectPath>) -> (Vec<OwnedObjectPath>, OwnedObjectPath) {
        (Vec::new(), path(PROMPT))
    }
}

struct Prompt;

#[zbus::interface(name = "org.freedesktop.Secret.Prompt")]
impl Prompt {
    async fn prompt(&self, _window: &str, #[zbus(signal_emitter)] emitter: SignalEmitter<'_>) -> zbus::fdo::Result<()> {
        Self::completed(&emitter, true, Value::from("")).await?;
        Ok(())
    }

    #[zbus(signal)]
    async fn completed(emitter: &SignalEmitter<'_>, dismissed: bool, result: Value<'_>) -> zbus::Result<()>;
}

/// See the module. Dropped, it is gone from the bus.
#[derive(Debug)]
pub struct LockedKeyring {
    _connection: Connection,
}

impl LockedKeyring {
    /// Puts it on the bus.
    pub fn start(bus: &Bus) -> Self {
        let connection = bus
            .builder()
            .serve_at(SERVICE, Service)
            .and_then(|builder| builder.serve_at(PROMPT, Prompt))
            .and_then(|builder| builder.name("org.freedesktop.secrets"))
            .and_then(connection::Builder::build)
            .expect("nobody else is a keyring here");
        Self { _connection: connection }
    }
}

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

    fn collection(&self) -> Option<Proxy<'_>> {
        let name = "org.freedesktop.secrets";
        let service = Proxy::new(&self.bus, name, SERVICE, "org.freedesktop.Secret.Service").ok()?;
        let path: OwnedObjectPath = service.call("ReadAlias", &("default",)).ok()?;
        (path.as_str() != "/").then_some(())?;
        Proxy::new(&self.bus, name, path, "org.freedesktop.Secret.Collection").ok()
    }

    fn is_unlocked(&self) -> Option<bool> {
        self.collection()?.get_property::<bool>("Locked").ok().map(|locked| !locked)
    }

    /// Locks what is in it.
    pub fn lock(&self) {
        let collection = self.collection().expect("a collection");
        let service = Proxy::new(&self.bus, "org.freedesktop.secrets", SERVICE, "org.freedesktop.Secret.Service");
        let all = vec![collection.path().to_owned()];
        service
            .expect("a proxy")
            .call::<_, _, (Vec<OwnedObjectPath>, OwnedObjectPath)>("Lock", &(all,))
            .expect("locked");
        assert_eq!(self.is_unlocked(), Some(false));
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
