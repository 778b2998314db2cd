//! Whether the program starts with the session: an entry in the user's autostart folder (Desktop Application Autostart
//! Specification). The entry is the one truth; other programs show and change it too.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::front::APP_ID;
use crate::profile::Places;
use crate::profile::places::private_file_options;

/// The entry of one profile.
#[derive(Debug, Clone)]
pub(super) struct Autostart {
    file: PathBuf,
    content: String,
}

impl Autostart {
    /// The entry that starts this profile; `folder`: the one of `--profile`. `None` where there is no place for it.
    pub(super) fn of(folder: Option<&Path>) -> Option<Self> {
        let config = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let config = config.or_else(|| std::env::home_dir().map(|home| home.join(".config")))?;
        let program = std::env::current_exe().ok()?;
        let places = Places::of(folder);
        let stem = match folder {
            None => APP_ID.to_owned(),
            // Two profiles are two entries; the socket's name tells them apart.
            Some(_) => format!("{APP_ID}-{}", places.socket().file_stem()?.to_str()?),
        };
        let mut command = quoted(program.to_str()?);
        if folder.is_some() {
            command = format!("{command} --profile {}", quoted(places.profile_dir().to_str()?));
        }
        let content = format!(
            "[Desktop Entry]\nType=Application\nName=Mailsluice\nExec={command} --background\nIcon={APP_ID}\n\
             X-GNOME-Autostart-enabled=true\n"
        );
        Some(Self { file: config.join("autostart").join(stem).with_extension("desktop"), content })
    }

    /// Whether it starts.
    pub(super) fn is_on(&self) -> bool {
        let off = ["Hidden=true", "X-GNOME-Autostart-enabled=false"];
        fs::read_to_string(&self.file).is_ok_and(|text| !text.lines().any(|line| off.contains(&line.trim())))
    }

    /// Lets it start, or no longer.
    pub(super) fn set(&self, on: bool) -> io::Result<()> {
        if on {
            if let Some(folder) = self.file.parent() {
                fs::create_dir_all(folder)?;
            }
            let mut file = private_file_options().create(true).truncate(true).open(&self.file)?;
            return file.write_all(self.content.as_bytes());
        }
        match fs::remove_file(&self.file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// An argument of `Exec` (Desktop Entry Specification, "The Exec key"): quoted, and the string it stands in escaped.
fn quoted(argument: &str) -> String {
    let mut text = String::from("\"");
    for letter in argument.chars() {
        match letter {
            '"' | '`' | '$' => text.extend(["\\\\", &letter.to_string()]),
            '\\' => text.push_str("\\\\\\\\"),
            '%' => text.push_str("%%"),
            letter => text.push(letter),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_comes_and_goes_and_one_that_is_switched_off_is_off() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("autostart/entry.desktop");
        let entry = Autostart { file: file.clone(), content: "[Desktop Entry]\n".to_owned() };
        assert!(!entry.is_on());
        entry.set(false).expect("nothing to do");
        entry.set(true).expect("written");
        assert!(entry.is_on());
        fs::write(&file, "[Desktop Entry]\nHidden=true\n").expect("written");
        assert!(!entry.is_on());
        entry.set(true).expect("written anew");
        assert!(entry.is_on());
        entry.set(false).expect("removed");
        assert!(!file.exists());
    }

    #[test]
    fn a_folder_with_any_name_is_one_argument() {
        assert_eq!(quoted("/home/a b"), "\"/home/a b\"");
        assert_eq!(quoted(r#"/100%/"$x`\"#), r#""/100%%/\\"\\$x\\`\\\\""#);
    }
}
