//! How the window looked last time: a small file in the profile's state folder. A file that makes no sense is as good as
//! none.

use std::io::Write as _;
use std::path::PathBuf;

use super::state::Settings;
use crate::profile::Places;
use crate::profile::places::{create_private_dir, private_file_options};

/// Where the settings of a profile's window are kept.
#[derive(Debug, Clone)]
pub struct Memory {
    file: PathBuf,
}

impl Memory {
    /// The memory of a profile's window.
    pub fn of(places: &Places) -> Self {
        Self { file: places.log().join("window.json") }
    }

    /// The settings kept last; the defaults where there are none.
    pub fn recall(&self) -> Settings {
        let text = std::fs::read(&self.file).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// Keeps settings. A disk that is full costs the look of the next window, nothing else.
    pub fn keep(&self, settings: &Settings) {
        if let Err(error) = self.try_keep(settings) {
            tracing::warn!("the window's settings are not kept: {error}");
        }
    }

    fn try_keep(&self, settings: &Settings) -> std::io::Result<()> {
        if let Some(folder) = self.file.parent() {
            create_private_dir(folder)?;
        }
        let mut file = private_file_options().create(true).truncate(true).open(&self.file)?;
        file.write_all(&serde_json::to_vec_pretty(settings)?)
    }
}
