//! `mailsluice import`: the accounts of another program's configuration become transports of the profile, which is made if
//! there is none. That program's file stays as it is, and so does what is in the profile already.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::args::{Arguments, ImportFrom};
use super::{Problem, complain, exit, say};
use crate::mapi::{Direction, visible};
use crate::profile::import::{self, Found, Program};
use crate::profile::{self, NewIncoming, NewServer, NewTransport, Outgoing, Places, Profile, ServerConfig};

/// Runs the command.
pub(super) fn run(arguments: &Arguments, program: ImportFrom, file: &Path) -> Result<u8, Problem> {
    if arguments.demo {
        return Err(Problem::Usage("the demo's profile is gone when the demo ends".to_owned()));
    }
    let text = fs::read(file).map_err(|error| Problem::Usage(format!("{}: {error}", file.display())))?;
    let program = match program {
        ImportFrom::Msmtp => Program::Msmtp,
        ImportFrom::Fetchmail => Program::Fetchmail,
        ImportFrom::Mbsync => Program::Mbsync,
        ImportFrom::Getmail => Program::Getmail,
    };
    let all = import::transports(program, &String::from_utf8_lossy(&text));
    if all.is_empty() {
        return Err(Problem::Message(format!("{}: there is no account in it", file.display())));
    }
    let places = Places::of(arguments.profile.as_deref());
    let mut profile = load(&places)?;
    let mut worst = exit::OK;
    for found in all {
        match add(&places, &profile, found) {
            Ok(Some(changed)) => profile = changed,
            Ok(None) => {}
            Err(problem) => {
                complain(&problem);
                worst = exit::worst([worst, problem.exit()]);
            }
        }
    }
    Ok(worst)
}

fn load(places: &Places) -> Result<Profile, Problem> {
    let file = places.profile_file();
    match fs::read_to_string(&file) {
        Ok(text) => profile::load(&text, &file, places).map_err(|error| Problem::Config(error.to_string())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Profile::default()),
        Err(error) => Err(Problem::Config(format!("{}: {error}", file.display()))),
    }
}

/// Adds a transport, unless one for the same account is there. Gives the profile with it.
fn add(places: &Places, profile: &Profile, found: Found) -> Result<Option<Profile>, Problem> {
    let Found { mut transport, notes } = found;
    let host = server(&transport).map(|server| server.host.clone()).unwrap_or_default();
    if let Some(name) = same_account(profile, &transport) {
        say(&visible(&format!("{} at {host} is there already: {name}", transport.user)));
        return Ok(None);
    }
    transport.name = free_name(profile, &transport.name);
    let changed = profile::append_transport(places, &transport).map_err(|error| {
        let account = format!("{} ({host}) was not imported", transport.name);
        Problem::Config(format!("{account}: {error}"))
    })?;
    say(&visible(&format!("{}: added, {host}", transport.name)));
    for note in notes {
        say(&format!("    {note}"));
    }
    Ok(Some(changed))
}

fn server(transport: &NewTransport) -> Option<&NewServer> {
    transport.outgoing.as_ref().or(transport.incoming.as_ref().map(|NewIncoming { server, .. }| server))
}

/// The transport of the profile that has the same account at the same server, in the same direction.
fn same_account<'p>(profile: &'p Profile, new: &NewTransport) -> Option<&'p str> {
    let is_same = |config: &ServerConfig| {
        let host = server(new).map(|server| server.host.as_str());
        Some(config.host.as_str()) == host && config.user.as_deref().unwrap_or_default() == new.user
    };
    let same = profile.transports.iter().find(|transport| {
        let outgoing = transport.outgoing.as_ref().filter(|_| new.outgoing.is_some());
        let incoming = transport.server(Direction::Incoming).filter(|_| new.incoming.is_some());
        let sends = outgoing.is_some_and(|outgoing| matches!(outgoing, Outgoing::Smtp(smtp) if is_same(&smtp.server)));
        sends || incoming.is_some_and(is_same)
    });
    same.map(|transport| transport.name.as_str())
}

/// The name, or the first with a number behind it that no transport has.
fn free_name(profile: &Profile, name: &str) -> String {
    let is_taken = |name: &str| profile.transports.iter().any(|transport| transport.name == name);
    let numbered = (2_u32..).map(|number| format!("{name} {number}"));
    std::iter::once(name.to_owned()).chain(numbered).find(|name| !is_taken(name)).unwrap_or_default()
}
