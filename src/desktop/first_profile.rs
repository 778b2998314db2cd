//! The form of a first profile: its usual values, and what is wrong with what was typed so far.

use super::engine::{Arrival, LineSecurity, NewProfile, PasswordPlace};
use super::state::FirstForm;

/// The usual port of a submission server (RFC 8314, RFC 6409).
pub(super) const fn outgoing_port(security: LineSecurity) -> u16 {
    match security {
        LineSecurity::Tls => 465,
        LineSecurity::StartTls => 587,
        LineSecurity::None => 25,
    }
}

/// The usual port of an incoming server (RFC 8314).
pub(super) const fn incoming_port(arrival: Arrival, security: LineSecurity) -> u16 {
    match (arrival, security) {
        (Arrival::Pop3, LineSecurity::Tls) => 995,
        (Arrival::Pop3, _) => 110,
        (_, LineSecurity::Tls) => 993,
        (..) => 143,
    }
}

/// What is wrong with a field, as a message; the fields in the order of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Wrong {
    pub address: Option<&'static str>,
    pub outgoing: Option<&'static str>,
    pub outgoing_port: Option<&'static str>,
    pub incoming: Option<&'static str>,
    pub incoming_port: Option<&'static str>,
    pub user: Option<&'static str>,
    pub password: Option<&'static str>,
}

impl Wrong {
    /// Nothing is.
    pub(super) fn is_none(self) -> bool {
        self == Self::default()
    }
}

/// The profile that the form stands for, or what is wrong with it.
pub(super) fn check(form: &FirstForm) -> Result<NewProfile, Wrong> {
    let typed = &form.profile;
    let receives = typed.arrival != Arrival::Nothing;
    let outgoing_port = port(&form.outgoing_port, outgoing_port(typed.outgoing.security));
    let incoming_port = port(&form.incoming_port, incoming_port(typed.arrival, typed.incoming.security));
    let wrong = Wrong {
        address: (!is_address(typed.address.trim())).then_some("first-why-address"),
        outgoing: (!is_host(typed.outgoing.host.trim())).then_some("first-why-outgoing"),
        outgoing_port: outgoing_port.is_none().then_some("first-why-port"),
        incoming: (receives && !is_host(typed.incoming.host.trim())).then_some("first-why-incoming"),
        incoming_port: (receives && incoming_port.is_none()).then_some("first-why-port"),
        user: (receives && typed.user.trim().is_empty()).then_some("first-why-user"),
        password: wrong_password(&typed.password),
    };
    if !wrong.is_none() {
        return Err(wrong);
    }
    let mut profile = typed.clone();
    for field in [
        &mut profile.name,
        &mut profile.address,
        &mut profile.user,
        &mut profile.outgoing.host,
        &mut profile.incoming.host,
    ] {
        field.truncate(field.trim_end().len());
        field.drain(..field.len() - field.trim_start().len());
    }
    profile.outgoing.port = outgoing_port.unwrap_or_default();
    profile.incoming.port = incoming_port.unwrap_or_default();
    Ok(profile)
}

fn wrong_password(place: &PasswordPlace) -> Option<&'static str> {
    let is_variable = |name: &str| {
        let mut letters = name.chars();
        letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
            && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
    };
    match place {
        PasswordPlace::Ask | PasswordPlace::Keyring => None,
        PasswordPlace::Command(command) => command.trim().is_empty().then_some("first-why-command"),
        PasswordPlace::Variable(name) => (!is_variable(name)).then_some("first-why-variable"),
    }
}

/// The port that is typed, or the usual one when nothing is.
fn port(typed: &str, usual: u16) -> Option<u16> {
    match typed.trim() {
        "" => Some(usual),
        typed => typed.parse().ok().filter(|port| *port > 0),
    }
}

/// Good enough to catch slips of the finger; the server has the last word.
fn is_address(address: &str) -> bool {
    let plain = |letter: char| !letter.is_whitespace() && !letter.is_control() && !matches!(letter, '<' | '>' | '"');
    address.chars().all(plain)
        && address.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && is_host(domain))
}

fn is_host(host: &str) -> bool {
    let plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '.' | '-' | ':' | '[' | ']');
    !host.is_empty() && host.chars().all(plain) && !host.starts_with(['.', '-']) && !host.contains("..")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled() -> FirstForm {
        let mut form = FirstForm::default();
        form.profile.address = " ann@example.org ".to_owned();
        form.profile.user = "ann".to_owned();
        form.profile.outgoing.host = "smtp.example.org".to_owned();
        form.profile.incoming.host = "imap.example.org".to_owned();
        form
    }

    #[test]
    fn a_form_filled_in_becomes_a_profile_with_the_usual_ports() {
        let profile = check(&filled()).expect("all is there");
        assert_eq!(profile.address, "ann@example.org");
        assert_eq!((profile.outgoing.port, profile.incoming.port), (465, 993));
    }

    #[test]
    fn an_empty_form_says_of_each_field_what_is_missing() {
        let wrong = check(&FirstForm::default()).expect_err("nothing is there");
        assert_eq!(wrong.address, Some("first-why-address"));
        assert_eq!(wrong.outgoing, Some("first-why-outgoing"));
        assert_eq!(wrong.incoming, Some("first-why-incoming"));
        assert_eq!(wrong.user, Some("first-why-user"));
        assert_eq!(wrong.outgoing_port, None);
    }

    #[test]
    fn who_only_sends_needs_neither_user_nor_incoming_server() {
        let mut form = filled();
        form.profile.arrival = Arrival::Nothing;
        form.profile.user.clear();
        form.profile.incoming.host.clear();
        assert!(check(&form).is_ok());
    }

    #[test]
    fn slips_are_caught() {
        for address in ["ann", "@example.org", "ann@", "ann@exa mple.org", "ann@-example.org", "Ann <ann@example.org>"]
        {
            let mut form = filled();
            form.profile.address = address.to_owned();
            assert!(check(&form).is_err(), "{address}");
        }
        for port in ["0", "65536", "smtp"] {
            let mut form = filled();
            form.outgoing_port = port.to_owned();
            assert_eq!(check(&form).map_err(|wrong| wrong.outgoing_port), Err(Some("first-why-port")), "{port}");
        }
        let mut form = filled();
        form.profile.password = PasswordPlace::Variable("1PASS".to_owned());
        assert_eq!(check(&form).map_err(|wrong| wrong.password), Err(Some("first-why-variable")));
    }
}
