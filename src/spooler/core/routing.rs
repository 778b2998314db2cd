//! Which transport serves which recipient.
//!
//! MAPI tries the transports in transport order, those with `STATUS_XP_PREFER_LAST` after the others, and gives each
//! recipient to the first that takes its address (ixplogon-addresstypes, setting-transport-order). We add one rule in
//! front, as mail accounts have it: a transport whose identity is the message's `From:` goes first.

use crate::message::address;
use crate::profile::Profile;

/// A transport as the router sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Its name.
    pub name: String,
    /// Its identity's address, if it has one.
    pub identity: Option<String>,
    /// Recipient patterns it takes.
    pub accepts: Vec<String>,
    /// Tried after the others.
    pub prefer_last: bool,
}

/// The transports that can send, in the order in which they are tried.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Router {
    routes: Vec<Route>,
}

/// The recipients of one message, by transport.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Routing {
    /// In transport order; none empty.
    pub envelopes: Vec<(String, Vec<String>)>,
    /// Whom no transport takes.
    pub nobody: Vec<String>,
}

impl Router {
    /// The router of a profile.
    pub fn new(profile: &Profile) -> Self {
        let mut routes: Vec<Route> = profile
            .transports
            .iter()
            .filter(|transport| transport.outgoing.is_some())
            .map(|transport| Route {
                name: transport.name.clone(),
                identity: transport.identity.as_ref().map(|identity| identity.address.clone()),
                accepts: transport.accepts.clone(),
                prefer_last: transport.prefer_last,
            })
            .collect();
        // Stable: within each half the order of the file stays.
        routes.sort_by_key(|route| route.prefer_last);
        Self { routes }
    }

    /// Splits recipients over the transports for a message from `from`. A recipient named twice is served once.
    pub fn route(&self, from: &str, recipients: &[String]) -> Routing {
        let mut routing = Routing::default();
        let mut seen = std::collections::BTreeSet::new();
        for recipient in recipients {
            if !seen.insert(recipient.as_str()) {
                continue;
            }
            match self.transport_for(from, recipient, &[]) {
                Some(name) => match routing.envelopes.iter_mut().find(|(transport, _)| transport == name) {
                    Some((_, served)) => served.push(recipient.clone()),
                    None => routing.envelopes.push((name.to_owned(), vec![recipient.clone()])),
                },
                None => routing.nobody.push(recipient.clone()),
            }
        }
        routing
    }

    /// The transport that gets first refusal of a recipient, those in `declined` left out.
    pub fn transport_for(&self, from: &str, recipient: &str, declined: &[String]) -> Option<&str> {
        let takes = |route: &&Route| {
            !declined.contains(&route.name) && route.accepts.iter().any(|pattern| address::matches(pattern, recipient))
        };
        let is_identity =
            |route: &&Route| route.identity.as_ref().is_some_and(|identity| address::same(identity, from));
        self.routes
            .iter()
            .filter(takes)
            .find(is_identity)
            .or_else(|| self.routes.iter().find(takes))
            .map(|route| route.name.as_str())
    }

    /// Whether there is a transport of this name that can send.
    pub fn has(&self, name: &str) -> bool {
        self.routes.iter().any(|route| route.name == name)
    }
}
