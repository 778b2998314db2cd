//! How the window is to look and speak, kept in `window.toml` in the profile's state.
//!
//! It is a convenience: a file that is missing or damaged gives the defaults, and one that can't be written is told in the
//! log and no more.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::text::Language;
use super::theme::Scheme;
use crate::profile::Places;

/// Sizes of text that can be chosen, in percent.
pub const SCALES: std::ops::RangeInclusive<u32> = 80..=200;

/// How the window is to look and speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Which colours.
    pub colours: Scheme,
    /// Which language; `None`: the environment's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// Size of text, in percent.
    pub scale: u32,
    /// Rows are 24 high instead of 30.
    pub compact: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { colours: Scheme::System, language: None, scale: 100, compact: false }
    }
}

impl Settings {
    /// Height of a row with one line.
    pub const fn row_height(&self) -> f32 {
        if self.compact { 24.0 } else { 30.0 }
    }

    /// Height of a row with two lines.
    pub const fn tall_row_height(&self) -> f32 {
        if self.compact { 42.0 } else { 50.0 }
    }

    /// Where they are kept for a profile.
    pub fn file(places: &Places) -> PathBuf {
        places.log().join("window.toml")
    }

    /// Those that are kept there.
    pub fn load(file: &Path) -> Self {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let mut settings: Self = toml::from_str(&text).unwrap_or_else(|error| {
            tracing::warn!(file = %file.display(), %error, "the window's settings make no sense");
            Self::default()
        });
        settings.scale = settings.scale.clamp(*SCALES.start(), *SCALES.end());
        settings
    }

    /// Keeps them there, on a thread of its own: the window does not wait for a disk.
    pub fn keep(self, file: PathBuf) {
        let write = move || {
            let written = toml::to_string(&self).map_err(std::io::Error::other).and_then(|text| {
                file.parent().map_or(Ok(()), crate::profile::places::create_private_dir)?;
                std::fs::write(&file, text)
            });
            if let Err(error) = written {
                tracing::warn!(file = %file.display(), %error, "the window's settings can't be kept");
            }
        };
        if let Err(error) = std::thread::Builder::new().name("settings".to_owned()).spawn(write) {
            tracing::warn!(%error, "the window's settings can't be kept");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_come_back_as_they_were_kept() {
        let settings =
            Settings { colours: Scheme::Contrast, language: Some(Language::French), scale: 150, compact: true };
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("window.toml");
        std::fs::write(&file, toml::to_string(&settings).expect("text")).expect("written");
        assert_eq!(Settings::load(&file), settings);
    }

    #[test]
    fn what_is_missing_or_makes_no_sense_is_as_by_default() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("window.toml");
        assert_eq!(Settings::load(&file), Settings::default());
        std::fs::write(&file, "colours = 7").expect("written");
        assert_eq!(Settings::load(&file), Settings::default());
        std::fs::write(&file, "scale = 4000\ncolours = \"dark\"\n").expect("written");
        assert_eq!(Settings::load(&file), Settings { scale: 200, colours: Scheme::Dark, ..Settings::default() });
    }
}
