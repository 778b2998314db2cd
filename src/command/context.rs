//! What every command begins with: the profile, its spooler, a session.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::demo::Demo;
use crate::mapi::Failure;
use crate::profile::{self, Places, Profile};
use crate::session::Session;
use crate::spooler::submit::{self, Submitter};
use crate::spooler::{Spooler, Stay};

use super::Problem;
use super::args::Arguments;

/// Logging on waits for the spooler's first rows, not for any network.
const LOGON_PATIENCE: Duration = Duration::from_secs(15);

/// The profile a command works on.
#[derive(Debug)]
pub struct Context {
    /// Where everything is.
    pub places: Places,
    /// What the user configured.
    pub profile: Profile,
    /// The demo, when this is one; it ends with the context.
    pub demo: Option<Demo>,
}

impl Context {
    /// Finds and loads the profile that the arguments name, or makes the demo's.
    ///
    /// # Errors
    /// There is none, or it is wrong.
    pub fn open(arguments: &Arguments) -> Result<Self, Problem> {
        if arguments.demo {
            let demo = Demo::start().map_err(|error| Problem::software("the demo can't start", &error))?;
            let context = Self::load(Places::of(Some(demo.profile_dir())), None)?;
            context.seed()?;
            return Ok(Self { demo: Some(demo), ..context });
        }
        Self::load(Places::of(arguments.profile.as_deref()), arguments.profile.as_deref())
    }

    fn load(places: Places, asked_for: Option<&Path>) -> Result<Self, Problem> {
        let file = places.profile_file();
        let text = std::fs::read_to_string(&file).map_err(|error| {
            let at = file.display();
            match error.kind() {
                std::io::ErrorKind::NotFound if asked_for.is_none() => Problem::Config(format!(
                    "there is no profile yet: write {at}, or open the window, which makes one with you; \
                     `mailsluice --demo` shows how it works"
                )),
                _ => Problem::Config(format!("{at}: {error}")),
            }
        })?;
        let profile = profile::load(&text, &file, &places).map_err(|error| Problem::Config(error.to_string()))?;
        places.create().map_err(|error| Problem::software("the profile's folders can't be made", &error))?;
        super::logging::start(&places);
        Ok(Self { places, profile, demo: None })
    }

    /// Puts the demo's messages into its queue.
    fn seed(&self) -> Result<(), Problem> {
        let mut submitter = Submitter::new(&self.places, &self.profile)?;
        for seed in Demo::seed_messages() {
            let options = submit::Options {
                transport: Some(seed.transport.to_owned()),
                sender: Some(seed.sender),
                recipients: seed.recipients,
                ..submit::Options::default()
            };
            submitter.submit(&mut seed.content.as_slice(), &options)?;
        }
        submitter.commit()?;
        Ok(())
    }

    /// A spooler of this profile, and a session that has seen its rows.
    ///
    /// # Errors
    /// The spool can't be opened, or its owner does not answer.
    pub fn log_on(&self, stay: Stay) -> Result<(Spooler, Session), Failure> {
        let spooler = Spooler::reach(&self.places, &self.profile, stay)?;
        let mut session = Session::logon(spooler.line(), Arc::new(|| {}));
        session.wait_ready(LOGON_PATIENCE).map_err(|result| {
            use crate::mapi::{Class, Stage};
            let at = self.places.lock_file().display().to_string();
            Failure::new(Class::Local, Stage::Store, at, format!("the spooler shows no rows ({result})"))
        })?;
        Ok((spooler, session))
    }
}
