//! A keyring that is locked and stays so: a Secret Service on the test's bus, whose prompt is dismissed as soon as it comes.

#![expect(
    clippy::unused_self,
    clippy::used_underscore_binding,
    reason = "the bus calls methods of objects, with all the arguments that a specification has"
)]

use std::collections::HashMap;

use zbus::blocking::{Connection, connection};
use zbus::object_server::SignalEmitter;
use zbus::zvariant::{ObjectPath, OwnedObjectPath, OwnedValue, Value};

use super::bus::Bus;

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
