//! The program as others on the session's bus see it: `org.freedesktop.Application` (Desktop Entry Specification, "D-Bus
//! activation"), for the default profile. A launcher starts it, opens files with it and calls the actions of its desktop
//! entry there, without a second process.

#![expect(
    clippy::needless_pass_by_value,
    clippy::used_underscore_binding,
    reason = "the bus hands over values, also those that nobody here has a use for"
)]

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Sender;
use zbus::blocking::{Connection, connection};
use zbus::zvariant::OwnedValue;

use super::super::door::{Call, Door};
use super::super::engine::Scope;
use super::super::front::APP_ID;
use super::super::startup::Token;
use super::Order;
use super::deed::Deed;
use crate::mapi::FlushFlags;

const OBJECT: &str = "/org/mailsluice/Mailsluice";

/// How long somebody on the bus may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connects to the session's bus; `None`: there is none. With `is_default` the program is found there by its name.
pub(super) fn connect(orders: &Sender<Order>, door: &Arc<Door>, is_default: bool) -> Option<Connection> {
    let application = Application { orders: orders.clone(), door: Arc::clone(door) };
    let build = |named: bool, application: Application| {
        let builder = connection::Builder::session()?.method_timeout(PATIENCE);
        if named { builder.serve_at(OBJECT, application)?.name(APP_ID)?.build() } else { builder.build() }
    };
    let connection = build(is_default, application);
    match connection {
        Ok(connection) => Some(connection),
        Err(error) => {
            tracing::info!("not on the session's bus: {error}");
            None
        }
    }
}

struct Application {
    orders: Sender<Order>,
    door: Arc<Door>,
}

#[zbus::interface(name = "org.freedesktop.Application")]
impl Application {
    fn activate(&self, platform_data: HashMap<String, OwnedValue>) {
        self.door.call(Call::Open(Vec::new(), token(&platform_data)));
    }

    fn open(&self, uris: Vec<String>, platform_data: HashMap<String, OwnedValue>) {
        let files: Vec<PathBuf> = uris.iter().filter_map(|uri| path(uri)).collect();
        self.door.call(Call::Open(files, token(&platform_data)));
    }

    fn activate_action(
        &self,
        action_name: &str,
        _parameter: Vec<OwnedValue>,
        _platform_data: HashMap<String, OwnedValue>,
    ) -> zbus::fdo::Result<()> {
        let deed = match action_name {
            "flush" => Deed::flush_all(),
            "send" => Deed::Flush(Scope::All, FlushFlags::FLUSH_UPLOAD),
            "receive" => Deed::Flush(Scope::All, FlushFlags::FLUSH_DOWNLOAD),
            other => return Err(zbus::fdo::Error::InvalidArgs(format!("there is no action {other}"))),
        };
        // A desk that is cleared belongs to a program that ends.
        self.orders.send(Order::Do(deed)).ok();
        Ok(())
    }
}

/// What the launcher gave along, under either of its names.
fn token(platform_data: &HashMap<String, OwnedValue>) -> Option<Token> {
    let text = |name| <&str>::try_from(platform_data.get(name)?).ok();
    ["activation-token", "desktop-startup-id"].into_iter().find_map(|name| Token::of(text(name)?))
}

/// The path of a `file:` URI on this machine (RFC 8089).
fn path(uri: &str) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStringExt as _;
    let rest = uri.strip_prefix("file://")?;
    let rest = rest.strip_prefix("localhost").unwrap_or(rest);
    let mut bytes = rest.bytes();
    let mut path = Vec::new();
    while let Some(byte) = bytes.next() {
        let digit = |byte: u8| char::from(byte).to_digit(16);
        path.push(match byte {
            b'%' => u8::try_from(digit(bytes.next()?)? * 16 + digit(bytes.next()?)?).ok()?,
            byte => byte,
        });
    }
    path.starts_with(b"/").then(|| PathBuf::from(std::ffi::OsString::from_vec(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_this_machine_are_opened() {
        assert_eq!(path("file:///tmp/a%20b%c3%a9.eml"), Some(PathBuf::from("/tmp/a b\u{e9}.eml")));
        assert_eq!(path("file://localhost/tmp/a.eml"), Some(PathBuf::from("/tmp/a.eml")));
        for other in [
            "file://elsewhere/tmp/a.eml",
            "https://example.org/a.eml",
            "file:///tmp/%zz",
            "/tmp/a.eml",
            "file:///tmp/%4",
        ] {
            assert_eq!(path(other), None, "{other}");
        }
    }
}
