//! A new transport into `profile.toml`, as the window's form asks for it.
//!
//! The file is the user's: it is only ever added to, as text with comments, and what stands in it stays. The new text must
//! load before it replaces the old one, in one step and on disk.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::load::{self, ProfileError};
use super::model::{After, Profile, SecretSource, Security};
use super::places::{Places, create_private_dir, private_file_options};

/// A transport as a form describes it. What is not here has its default, and can be changed in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTransport {
    /// Its name; no other may have it.
    pub name: String,
    /// "Name <name@example.org>", or the address alone; empty for none.
    pub identity: String,
    /// Who signs in, at both servers; empty for nobody.
    pub user: String,
    /// Where the password is.
    pub password: SecretSource,
    /// The server that takes mail.
    pub outgoing: Option<NewServer>,
    /// The server that has mail.
    pub incoming: Option<NewIncoming>,
}

/// A server of a [`NewTransport`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewServer {
    /// Its name or address.
    pub host: String,
    /// Its port; `None`: the protocol's own.
    pub port: Option<u16>,
    /// TLS or not.
    pub security: Security,
}

/// How a [`NewTransport`] receives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewIncoming {
    /// By which protocol.
    pub kind: NewIncomingKind,
    /// From where.
    pub server: NewServer,
    /// What becomes of mail there once it is safe here.
    pub after: After,
    /// The Maildir it goes to, as the user writes it; `None`: the transport's own.
    pub deliver: Option<String>,
}

/// The protocol of a [`NewIncoming`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewIncomingKind {
    /// IMAP, from these mailboxes.
    Imap(Vec<String>),
    /// POP3.
    Pop3,
}

/// Why the transport was not added. The file is as it was.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// The file, as it is or as it would be, has mistakes: a name taken, an address that is none.
    #[error("{0}")]
    Profile(#[from] ProfileError),
    /// The file was changed, or made, by somebody else in the same moment.
    #[error("{}: somebody else has just changed it; look at it and try again", .0.display())]
    Changed(PathBuf),
    /// It has no such transport any more, or one with other servers.
    #[error("{}: transport \"{transport}\" has no such server any more", path.display())]
    NotThere {
        /// The file.
        path: PathBuf,
        /// Which.
        transport: String,
    },
    /// It can't be read or written.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// Adds a transport at the end of the profile, which is made if there is none. Gives the profile as it is now.
///
/// # Errors
/// It was not added.
pub fn append_transport(places: &Places, new: &NewTransport) -> Result<Profile, SaveError> {
    rewrite(places, |old, _| {
        Ok(match old {
            Some((old, _)) => format!("{}\n\n{}", old.trim_end(), section(new)),
            None => format!("{HEADER}\n{}", section(new)),
        })
    })
}

/// Puts what `change` makes of the profile, as text and as it loads, in its place. Gives the profile as it is now.
///
/// # Errors
/// Those of `change`; the file does not load, before or after, or can't be written. It is as it was.
pub(super) fn rewrite(
    places: &Places,
    change: impl FnOnce(Option<(String, Profile)>, &Path) -> Result<String, SaveError>,
) -> Result<Profile, SaveError> {
    // A profile that is a link into a folder of such files is written there, and stays a link.
    let file = places.profile_file();
    let file = file.canonicalize().unwrap_or(file);
    let trouble = |error| SaveError::Io { path: file.clone(), error };
    create_private_dir(places.profile_dir()).map_err(trouble)?;
    let old = read(&file).map_err(trouble)?;
    let known = match &old {
        Some(old) => Some((old.clone(), load::load(old, &file, places)?)),
        None => None,
    };
    let text = change(known, &file)?;
    let profile = load::load(&text, &file, places)?;
    replace(&file, old.as_deref(), &text).map_err(trouble)?.then_some(profile).ok_or(SaveError::Changed(file))
}

const HEADER: &str = "\
# The profile of Mailsluice: one [[transport]] for each way mail travels.
# The order of the transports is the order in which they are tried.
";

fn read(file: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Puts the new text in the place of the old one, durably. Gives whether it did: not if something else stands there now.
fn replace(file: &Path, old: Option<&str>, text: &str) -> io::Result<bool> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let temporary = folder.join(format!(".profile.toml.{}", std::process::id()));
    // One that a process of the same number left when it died.
    fs::remove_file(&temporary)
        .or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })?;
    let mut output = private_file_options().create_new(true).open(&temporary)?;
    let replaced = output.write_all(text.as_bytes()).and_then(|()| output.sync_all()).and_then(|()| match old {
        // A link is made only where nothing is.
        None => match fs::hard_link(&temporary, file) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            linked => linked.map(|()| true),
        },
        Some(old) if read(file)?.as_deref() == Some(old) => fs::rename(&temporary, file).map(|()| true),
        Some(_) => Ok(false),
    });
    // After a rename there is none.
    fs::remove_file(&temporary).ok();
    fs::File::open(folder)?.sync_all()?;
    replaced
}

/// The transport as text.
fn section(new: &NewTransport) -> String {
    let mut text = format!("[[transport]]\nname = {}\n", quoted(&new.name));
    if !new.identity.is_empty() {
        line(&mut text, "identity", &quoted(&new.identity), "mail from this address goes out here first");
    }
    line(&mut text, "accepts", "[\"*\"]", "recipients it takes, such as \"*@example.org\"");
    if let Some(server) = &new.outgoing {
        text.push_str("\n[transport.outgoing]\nkind = \"smtp\"\n");
        push_server(&mut text, new, server);
    }
    if let Some(NewIncoming { kind, server, after, deliver }) = &new.incoming {
        let word = if matches!(kind, NewIncomingKind::Pop3) { "pop3" } else { "imap" };
        text.push_str("\n[transport.incoming]\n");
        line(&mut text, "kind", &quoted(word), "");
        push_server(&mut text, new, server);
        if let NewIncomingKind::Imap(folders) = kind {
            let folders: Vec<String> = folders.iter().map(|folder| quoted(folder)).collect();
            line(&mut text, "folders", &format!("[{}]", folders.join(", ")), "mailboxes to fetch");
        }
        let comment = "keep or delete: what happens on the server to mail that is safe here";
        line(&mut text, "after", if *after == After::Keep { "\"keep\"" } else { "\"delete\"" }, comment);
        if let Some(maildir) = deliver {
            line(&mut text, "deliver", &format!("{{ maildir = {} }}", quoted(maildir)), "where it goes here");
        }
    }
    text
}

fn push_server(text: &mut String, new: &NewTransport, server: &NewServer) {
    line(text, "host", &quoted(&server.host), "");
    if let Some(port) = server.port {
        line(text, "port", &port.to_string(), "");
    }
    let security = match server.security {
        Security::Tls => "\"tls\"",
        Security::StartTls => "\"starttls\"",
        Security::None => "\"none\"",
    };
    line(text, "security", security, "tls, starttls or none");
    if new.user.is_empty() {
        return;
    }
    line(text, "user", &quoted(&new.user), "");
    let (source, comment) = match &new.password {
        SecretSource::Keyring => ("{ keyring = true }".to_owned(), "the desktop's keyring; also: command, env, ask"),
        SecretSource::Command(command) => (format!("{{ command = {} }}", quoted(command)), "the first line it prints"),
        SecretSource::Env(name) => (format!("{{ env = {} }}", quoted(name)), "an environment variable"),
        SecretSource::Ask => ("{ ask = true }".to_owned(), "asked once a session"),
    };
    line(text, "password", &source, comment);
}

fn line(text: &mut String, key: &str, value: &str, comment: &str) {
    let line = format!("{key} = {value}");
    // Writing to a string can't fail.
    let written = if comment.is_empty() { writeln!(text, "{line}") } else { writeln!(text, "{line:<44}  # {comment}") };
    debug_assert!(written.is_ok());
}

/// A TOML string.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Credential;
    use crate::profile::{DeliverTo, IncomingSource, Outgoing};
    use proptest::prelude::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn transport(name: &str) -> NewTransport {
        let server = |host: &str, port| NewServer { host: host.to_owned(), port, security: Security::StartTls };
        NewTransport {
            name: name.to_owned(),
            identity: "Ada \"Countess\" Lovelace <ada@example.org>".to_owned(),
            user: "ada".to_owned(),
            password: SecretSource::Command("pass show \"mail/ada\"".to_owned()),
            outgoing: Some(server("smtp.example.org", Some(2525))),
            incoming: Some(NewIncoming {
                kind: NewIncomingKind::Pop3,
                server: server("pop.example.org", None),
                after: After::Delete,
                deliver: None,
            }),
        }
    }

    fn text(places: &Places) -> String {
        fs::read_to_string(places.profile_file()).unwrap()
    }

    #[test]
    fn a_first_profile_loads_again_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places::of(Some(&folder.path().join("new")));
        let profile = append_transport(&places, &transport("work")).unwrap();
        assert_eq!(load::load(&text(&places), &places.profile_file(), &places), Ok(profile.clone()));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&places.profile_file()), mode(places.profile_dir())), (0o600, 0o700));
        let work = &profile.transports[0];
        let Some(Outgoing::Smtp(smtp)) = &work.outgoing else { panic!("{work:?}") };
        assert_eq!((smtp.server.port, smtp.server.security), (2525, Security::StartTls));
        assert_eq!(
            smtp.server.credential,
            Some(Credential::Password(SecretSource::Command("pass show \"mail/ada\"".to_owned())))
        );
        let incoming = work.incoming.as_ref().unwrap();
        assert!(matches!(&incoming.source, IncomingSource::Pop3 { server } if server.port == 110));
        assert_eq!(incoming.after, After::Delete);
        assert_eq!(incoming.deliver, DeliverTo::Maildir(places.mail("work")));
        let names: Vec<_> = fs::read_dir(places.profile_dir()).unwrap().map(|one| one.unwrap().file_name()).collect();
        assert_eq!(names, ["profile.toml"]);
    }

    #[test]
    fn what_stands_in_the_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places::of(Some(folder.path()));
        let before = "# mine\n[[transport]]\nname = \"a\"  # first\n[transport.queue]\nkind = \"exim\"\n[schedule]\non_exit = true";
        fs::write(places.profile_file(), before).unwrap();
        let profile = append_transport(&places, &transport("b")).unwrap();
        assert!(text(&places).starts_with(before));
        assert_eq!(profile.transports.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert!(profile.schedule.plans.iter().all(|plan| plan.on_exit));
    }

    #[test]
    fn a_name_that_is_taken_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places::of(Some(folder.path()));
        append_transport(&places, &transport("work")).unwrap();
        let before = text(&places);
        assert!(matches!(append_transport(&places, &transport("work")), Err(SaveError::Profile(_))));
        let nameless = NewTransport { identity: "nobody".to_owned(), ..transport("other") };
        assert!(matches!(append_transport(&places, &nameless), Err(SaveError::Profile(_))));
        assert_eq!(text(&places), before);
    }

    #[test]
    fn a_file_that_does_not_load_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places::of(Some(folder.path()));
        fs::write(places.profile_file(), "colour = 1\n").unwrap();
        assert!(matches!(append_transport(&places, &transport("work")), Err(SaveError::Profile(_))));
        assert_eq!(text(&places), "colour = 1\n");
    }

    #[test]
    fn what_somebody_else_wrote_meanwhile_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("profile.toml");
        fs::write(&file, "theirs").unwrap();
        assert!(!replace(&file, None, "ours").unwrap());
        assert!(!replace(&file, Some("what was there"), "ours").unwrap());
        assert_eq!(fs::read_to_string(&file).unwrap(), "theirs");
        assert!(replace(&file, Some("theirs"), "ours").unwrap());
        assert_eq!(fs::read_to_string(&file).unwrap(), "ours");
    }

    #[test]
    fn a_profile_that_is_a_link_stays_one() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places::of(Some(&folder.path().join("profile")));
        let target = folder.path().join("dotfiles.toml");
        fs::write(&target, "# mine\n").unwrap();
        fs::create_dir(places.profile_dir()).unwrap();
        symlink(&target, places.profile_file()).unwrap();
        append_transport(&places, &transport("work")).unwrap();
        assert!(places.profile_file().is_symlink());
        assert!(fs::read_to_string(&target).unwrap().contains("[[transport]]"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever a person types becomes a value, and nothing else.
        #[test]
        fn no_input_can_break_the_text(user in any::<String>(), host in any::<String>(), command in any::<String>()) {
            let server = NewServer { host: host.clone(), port: None, security: Security::Tls };
            let new = NewTransport {
                name: "x".to_owned(),
                identity: String::new(),
                user: user.clone(),
                password: SecretSource::Command(command.clone()),
                outgoing: Some(server),
                incoming: None,
            };
            let table: toml::Table = section(&new).parse().unwrap();
            let outgoing = &table["transport"][0]["outgoing"];
            prop_assert_eq!(outgoing["host"].as_str(), Some(host.as_str()));
            if !user.is_empty() {
                prop_assert_eq!(outgoing["user"].as_str(), Some(user.as_str()));
                prop_assert_eq!(outgoing["password"]["command"].as_str(), Some(command.as_str()));
            }
        }
    }
}
