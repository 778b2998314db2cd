//! Notifications on the session's bus (Desktop Notifications Specification 1.2), on a thread of its own: whoever shows
//! them may take its time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crossbeam_channel::{Receiver, Sender, unbounded};
use zbus::blocking::{Connection, Proxy};
use zbus::zvariant::Value;

use super::super::front::APP_ID;
use super::Order;
use super::notices::{Button, Notice, Shown};

const SERVICE: &str = "org.freedesktop.Notifications";
const OBJECT: &str = "/org/freedesktop/Notifications";

/// What a click on the notification itself is called.
const DEFAULT: &str = "default";
const RETRY: &str = "retry";

/// Where notices are sent to be shown.
pub(super) struct Notifier(Sender<Notice>);

/// The identifiers of what is shown, by transport.
type Ids = Arc<Mutex<HashMap<String, u32>>>;

impl Notifier {
    /// Starts on this connection. Clicks become orders.
    pub(super) fn start(connection: Connection, orders: Sender<Order>) -> std::io::Result<Self> {
        let (sender, notices) = unbounded();
        thread::Builder::new().name("notices".to_owned()).spawn(move || show_all(&connection, &orders, &notices))?;
        Ok(Self(sender))
    }

    /// Shows it, or takes it back.
    pub(super) fn tell(&self, notice: Notice) {
        // A thread that could not go on has said so in the log.
        self.0.send(notice).ok();
    }
}

fn show_all(connection: &Connection, orders: &Sender<Order>, notices: &Receiver<Notice>) {
    let ids = Ids::default();
    let mut proxy = None;
    for notice in notices {
        // Nobody listens for clicks before something was shown.
        let done = match &proxy {
            Some(proxy) => tell(proxy, &ids, &notice),
            None => Proxy::new(connection, SERVICE, OBJECT, SERVICE).and_then(|made| {
                listen(&made, &ids, orders)?;
                tell(proxy.insert(made), &ids, &notice)
            }),
        };
        if let Err(error) = done {
            tracing::info!("a notification is not shown: {error}");
        }
    }
}

fn tell(proxy: &Proxy<'_>, ids: &Ids, notice: &Notice) -> zbus::Result<()> {
    match notice {
        Notice::Show(shown) => {
            let id = show(proxy, ids, shown)?;
            ids.lock().unwrap_or_else(PoisonError::into_inner).insert(shown.transport.clone(), id);
            Ok(())
        }
        Notice::TakeBack(transport) => {
            let id = ids.lock().unwrap_or_else(PoisonError::into_inner).remove(transport);
            id.map_or(Ok(()), |id| proxy.call("CloseNotification", &id))
        }
    }
}

fn show(proxy: &Proxy<'_>, ids: &Ids, shown: &Shown) -> zbus::Result<u32> {
    let can: Vec<String> = proxy.call("GetCapabilities", &())?;
    let can = |what: &str| can.iter().any(|can| can == what);
    let mut actions = Vec::new();
    if can("actions") {
        for (button, word) in &shown.buttons {
            actions.extend([name(button), word.as_str()]);
        }
    }
    let body = if can("body-markup") { super::escaped(&shown.body) } else { shown.body.clone() };
    let hints = HashMap::from([
        ("desktop-entry", Value::from(APP_ID)),
        ("category", Value::from(if shown.urgent { "transfer.error" } else { "email" })),
        ("urgency", Value::from(if shown.urgent { 2_u8 } else { 0 })),
    ]);
    let before = ids.lock().unwrap_or_else(PoisonError::into_inner).get(&shown.transport).copied().unwrap_or(0);
    proxy.call("Notify", &("Mailsluice", before, APP_ID, &shown.summary, &body, actions, hints, -1_i32))
}

const fn name(button: &Button) -> &'static str {
    match button {
        Button::Open => DEFAULT,
        Button::Retry => RETRY,
    }
}

/// Turns clicks into orders, on a thread of its own.
fn listen(proxy: &Proxy<'static>, ids: &Ids, orders: &Sender<Order>) -> zbus::Result<()> {
    let clicks = proxy.receive_signal("ActionInvoked")?;
    let (ids, orders) = (Arc::clone(ids), orders.clone());
    let work = move || {
        for click in clicks {
            let Ok((id, action)) = click.body().deserialize::<(u32, String)>() else { continue };
            let ids = ids.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(transport) = ids.iter().find(|(_, shown)| **shown == id).map(|(name, _)| name.clone()) else {
                continue;
            };
            let button = if action == RETRY { Button::Retry } else { Button::Open };
            if orders.send(Order::Clicked(transport, button)).is_err() {
                break;
            }
        }
    };
    thread::Builder::new().name("clicks".to_owned()).spawn(work)?;
    Ok(())
}
