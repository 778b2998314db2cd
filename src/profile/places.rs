//! Where everything of a profile is, and who may see it: folders 0700, files 0600.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// A socket's path must fit into 108 bytes, with the closing zero.
const LONGEST_SOCKET_PATH: usize = 107;

/// The places of one profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    config: PathBuf,
    data: PathBuf,
    state: PathBuf,
    runtime: Option<PathBuf>,
}

impl Places {
    /// With a folder: all in there (`--profile DIR`, `MAILSLUICE_PROFILE`). Without: the XDG base directories.
    pub fn of(folder: Option<&Path>) -> Self {
        let runtime = variable("XDG_RUNTIME_DIR").map(|runtime| runtime.join("mailsluice"));
        if let Some(folder) = folder {
            // An absolute path: relative ones would mean something else after a change of directory.
            let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
            return Self { config: folder.clone(), data: folder.clone(), state: folder.join("log"), runtime };
        }
        let home = variable("HOME").unwrap_or_else(|| PathBuf::from("/"));
        let base = |name: &str, default: &str| variable(name).unwrap_or_else(|| home.join(default)).join("mailsluice");
        Self {
            config: base("XDG_CONFIG_HOME", ".config"),
            data: base("XDG_DATA_HOME", ".local/share"),
            state: base("XDG_STATE_HOME", ".local/state"),
            runtime,
        }
    }

    /// `profile.toml`.
    pub fn profile_file(&self) -> PathBuf {
        self.config.join("profile.toml")
    }

    /// The folder of `profile.toml`: what relative paths in it start from.
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// The spool.
    pub fn spool(&self) -> PathBuf {
        self.data.join("spool.db")
    }

    /// Held by the process that runs the spooler.
    pub fn lock_file(&self) -> PathBuf {
        self.data.join("spool.lock")
    }

    /// The Maildir of a transport that the profile gives none.
    pub fn mail(&self, transport: &str) -> PathBuf {
        self.data.join("mail").join(transport)
    }

    /// Logs.
    pub fn log(&self) -> PathBuf {
        self.state.clone()
    }

    /// Where the spooler listens: in the user's runtime folder, under a name made from the profile's path.
    pub fn socket(&self) -> PathBuf {
        let name = format!("{:016x}.sock", fingerprint(&self.data));
        let fits = |folder: &PathBuf| folder.join(&name).as_os_str().len() <= LONGEST_SOCKET_PATH;
        let beside = self.data.join("run");
        let folder = self.runtime.clone().filter(fits).or_else(|| Some(beside).filter(fits));
        folder.unwrap_or_else(|| std::env::temp_dir().join(format!("mailsluice-{name}"))).join(name)
    }

    /// Makes the folders that are not there.
    ///
    /// # Errors
    /// What the system says.
    pub fn create(&self) -> io::Result<()> {
        for folder in [&self.config, &self.data, &self.data.join("mail"), &self.state] {
            create_private_dir(folder)?;
        }
        Ok(())
    }
}

fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from).filter(|path| path.is_absolute())
}

/// FNV-1a: the same name in every process and version, which the standard hasher does not promise.
fn fingerprint(path: &Path) -> u64 {
    path.as_os_str()
        .as_encoded_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Makes a folder, and those above it, that only its owner can enter. One that is there stays as it is.
///
/// # Errors
/// What the system says.
pub fn create_private_dir(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Options to write a file that only its owner can read. Say `create` or `create_new` as well.
pub fn private_file_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}
