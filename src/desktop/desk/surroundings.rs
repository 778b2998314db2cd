//! The machine around the program, as far as others on the system's bus know it: what the network is like
//! (NetworkManager), and when the machine sleeps (logind). What changes becomes an order to the clerk.
//!
//! Nothing is asked again and again: one thread reads the signals of both, and of their coming and going. Where there is
//! no such bus, or nobody on it, the clerk is told once that nobody knows, and all goes as without it. Neither service is
//! started for this.

use std::collections::HashMap;
use std::io;
use std::thread;
use std::time::Duration;

use crossbeam_channel::Sender;
use zbus::blocking::fdo::DBusProxy;
use zbus::blocking::{Connection, MessageIterator, connection};
use zbus::message::Header;
use zbus::names::BusName;
use zbus::zvariant::{OwnedObjectPath, OwnedValue, Value};
use zbus::{MatchRule, Message};

use super::Order;
use crate::spooler::Network;

const NETWORK: &str = "org.freedesktop.NetworkManager";
const NETWORK_OBJECT: &str = "/org/freedesktop/NetworkManager";
const ACTIVE_CONNECTION: &str = "org.freedesktop.NetworkManager.Connection.Active";
/// logind, the service.
const LOGIN: &str = "org.freedesktop.login1";
/// Its object.
const LOGIN_OBJECT: &str = "/org/freedesktop/login1";
/// Its interface.
const LOGIN_MANAGER: &str = "org.freedesktop.login1.Manager";
const BUS: &str = "org.freedesktop.DBus";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// What of the network matters here.
const MATTERS: [&str; 4] = ["State", "Connectivity", "Metered", "PrimaryConnection"];

/// How long somebody on the bus may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Looks around from now on.
///
/// # Errors
/// There are no threads to be had.
pub(super) fn watch(orders: Sender<Order>) -> io::Result<()> {
    let work = move || {
        let Err(error) = look_around(&orders);
        tracing::info!("nobody tells of the network and of sleep: {error}");
        // A desk that is cleared belongs to a program that ends.
        orders.send(Order::Network(None)).ok();
    };
    thread::Builder::new().name("surroundings".to_owned()).spawn(work).map(drop)
}

/// Tells what happens, as long as the bus does.
fn look_around(orders: &Sender<Order>) -> zbus::Result<std::convert::Infallible> {
    let connection = connection::Builder::system()?.method_timeout(PATIENCE).build()?;
    let bus = DBusProxy::new(&connection)?;
    let messages = MessageIterator::from(&connection);
    for rule in rules()? {
        bus.add_match_rule(rule)?;
    }
    let mut known = Known { network: owner(&bus, NETWORK), login: owner(&bus, LOGIN), told: None };
    known.tell(&connection, orders);
    for message in messages {
        let message = message?;
        match known.event(&message) {
            Some(Event::Network) => known.tell(&connection, orders),
            Some(Event::Sleep(begins)) => {
                orders.send(Order::Sleep(begins)).ok();
            }
            None => {}
        }
    }
    Err(zbus::Error::Failure("the bus is gone".to_owned()))
}

fn rules() -> zbus::Result<Vec<MatchRule<'static>>> {
    let signal = || MatchRule::builder().msg_type(zbus::message::Type::Signal);
    let changes = |name: &'static str| {
        signal()
            .sender(BUS)?
            .interface(BUS)?
            .member("NameOwnerChanged")?
            .add_arg(name)
            .map(zbus::match_rule::Builder::build)
    };
    let network = signal().sender(NETWORK)?.path(NETWORK_OBJECT)?.interface(PROPERTIES)?.member("PropertiesChanged")?;
    let sleep = signal().sender(LOGIN)?.path(LOGIN_OBJECT)?.interface(LOGIN_MANAGER)?.member("PrepareForSleep")?;
    Ok(vec![changes(NETWORK)?, changes(LOGIN)?, network.add_arg(NETWORK)?.build(), sleep.build()])
}

fn owner(bus: &DBusProxy<'_>, name: &'static str) -> Option<String> {
    let name = BusName::try_from(name).ok()?;
    bus.get_name_owner(name).ok().map(|owner| owner.to_string())
}

/// Something happened.
enum Event {
    /// The network may be another.
    Network,
    /// The machine is about to sleep, or is awake again.
    Sleep(bool),
}

/// Who is who on the bus, and what was told last. Anybody may send a signal that looks like one of theirs.
struct Known {
    network: Option<String>,
    login: Option<String>,
    /// `None`: nothing was told yet.
    told: Option<Order>,
}

impl Known {
    fn event(&mut self, message: &Message) -> Option<Event> {
        let header = message.header();
        let is = |interface: &str, member: &str| is_signal(&header, interface, member);
        let from = |owner: &Option<String>| {
            owner.is_some() && header.sender().map(zbus::names::UniqueName::as_str) == owner.as_deref()
        };
        if is(BUS, "NameOwnerChanged") && header.sender().is_some_and(|sender| sender.as_str() == BUS) {
            let (name, _, owner): (String, String, String) = message.body().deserialize().ok()?;
            let owner = Some(owner).filter(|owner| !owner.is_empty());
            match name.as_str() {
                NETWORK => {
                    self.network = owner;
                    return Some(Event::Network);
                }
                LOGIN => self.login = owner,
                _ => {}
            }
        } else if is(PROPERTIES, "PropertiesChanged") && from(&self.network) {
            let body = message.body();
            let (_, changed, gone): (String, HashMap<String, Value<'_>>, Vec<String>) = body.deserialize().ok()?;
            let matters = |name: &String| MATTERS.contains(&name.as_str());
            return (changed.keys().any(matters) || gone.iter().any(matters)).then_some(Event::Network);
        } else if is(LOGIN_MANAGER, "PrepareForSleep") && from(&self.login) {
            return message.body().deserialize().ok().map(Event::Sleep);
        }
        None
    }

    /// Tells what the network is like, if that is news.
    fn tell(&mut self, connection: &Connection, orders: &Sender<Order>) {
        let network = self.network.is_some().then(|| read(connection)).and_then(|read| {
            read.inspect_err(|error| tracing::info!("the network's state can't be read: {error}")).ok()
        });
        let order = Order::Network(network);
        if self.told.as_ref() != Some(&order) {
            // A desk that is cleared belongs to a program that ends.
            orders.send(order.clone()).ok();
            self.told = Some(order);
        }
    }
}

fn is_signal(header: &Header<'_>, interface: &str, member: &str) -> bool {
    header.interface().is_some_and(|name| name.as_str() == interface)
        && header.member().is_some_and(|name| name.as_str() == member)
}

/// Asks NetworkManager.
fn read(connection: &Connection) -> zbus::Result<Network> {
    let reply = connection.call_method(Some(NETWORK), NETWORK_OBJECT, Some(PROPERTIES), "GetAll", &(NETWORK,))?;
    let properties: HashMap<String, OwnedValue> = reply.body().deserialize()?;
    let number = |name: &str| properties.get(name).and_then(|value| u32::try_from(value).ok()).unwrap_or(0);
    let primary = properties.get("PrimaryConnection").and_then(|value| value.try_clone().ok());
    let primary = primary.and_then(|value| OwnedObjectPath::try_from(value).ok());
    // "/" stands for none. One that is gone meanwhile is told of next.
    let name = primary.filter(|path| path.as_str() != "/").and_then(|path| {
        let asked = (ACTIVE_CONNECTION, "Id");
        let reply = connection.call_method(Some(NETWORK), path.as_str(), Some(PROPERTIES), "Get", &asked).ok()?;
        String::try_from(reply.body().deserialize::<OwnedValue>().ok()?).ok()
    });
    Ok(network(number("State"), number("Connectivity"), number("Metered"), name.unwrap_or_default()))
}

/// What NetworkManager's numbers mean (NMState, NMConnectivityState, NMMetered of its D-Bus API). A network without the
/// Internet may have a mail server; one whose door is a web page (2, "portal") leads to nothing but that.
const fn network(state: u32, connectivity: u32, metered: u32, name: String) -> Network {
    const CONNECTED_SITE: u32 = 60;
    const PORTAL: u32 = 2;
    const METERED: u32 = 1;
    const PROBABLY_METERED: u32 = 3;
    Network {
        online: state >= CONNECTED_SITE && connectivity != PORTAL,
        name,
        metered: metered == METERED || metered == PROBABLY_METERED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_network_manager() {
        let online = |state, connectivity| network(state, connectivity, 0, String::new()).online;
        assert!(online(70, 4) && online(70, 0) && online(60, 3), "also without the whole Internet");
        assert!(!online(50, 1) && !online(40, 0) && !online(20, 1) && !online(10, 1) && !online(0, 0));
        assert!(!online(60, 2) && !online(70, 2), "behind a portal is nothing");
        let metered: Vec<bool> = (0..5).map(|number| network(70, 4, number, String::new()).metered).collect();
        assert_eq!(metered, [false, true, false, true, false]);
    }
}
