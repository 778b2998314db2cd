//! Where everything is: the profile, the spool, received mail, logs, the lock and the socket.
//!
//! Either the three folders of the XDG base directory specification, or one folder for all (`--profile DIR`,
//! `MAILSLUICE_PROFILE=DIR`). Mail is private: folders are 0700, files 0600, and a folder of somebody else's is refused.
//!
//! The lock and the socket must be found by every process that works on the same spool, whatever its environment. So the
//! socket's name is a hash of the spool folder's canonical path, and where a process has no `XDG_RUNTIME_DIR` (cron has
//! none) the one that its user's session would have is tried.

use std::env;
use std::ffi::OsString;
use std::fs::{DirBuilder, Metadata, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use ring::digest::{SHA256, digest};

/// Our folder inside each XDG folder.
const NAME: &str = "mailsluice";

/// The environment variable that stands for `--profile`.
const PROFILE_VARIABLE: &str = "MAILSLUICE_PROFILE";

/// Longest path of a Unix socket in bytes: `sun_path` has 108, the last of them zero (unix(7)).
const LONGEST_SOCKET: usize = 107;

/// Where a profile's things are. Nothing is created before [`Places::create`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    home: PathBuf,
    config: PathBuf,
    data: PathBuf,
    log: PathBuf,
    socket: PathBuf,
}

/// What the places depend on beside the profile's folder.
#[derive(Debug, Clone)]
struct Surroundings {
    home: PathBuf,
    config: PathBuf,
    data: PathBuf,
    state: PathBuf,
    /// `XDG_RUNTIME_DIR`, if it exists and is the user's own.
    runtime: Option<PathBuf>,
    temporary: PathBuf,
    user: u32,
}

impl Surroundings {
    fn of_process() -> Self {
        // Without a home nothing can be made below it, and the error then names that path.
        let home = env::home_dir().filter(|path| path.is_absolute()).unwrap_or_else(|| PathBuf::from("/nonexistent"));
        let user = rustix::process::geteuid().as_raw();
        let folder =
            |variable: &str, default: &str| absolute(env::var_os(variable)).unwrap_or_else(|| home.join(default));
        let session = || Some(PathBuf::from(format!("/run/user/{user}")));
        Self {
            config: folder("XDG_CONFIG_HOME", ".config"),
            data: folder("XDG_DATA_HOME", ".local/share"),
            state: folder("XDG_STATE_HOME", ".local/state"),
            runtime: absolute(env::var_os("XDG_RUNTIME_DIR")).or_else(session).filter(|path| is_own_folder(path, user)),
            temporary: env::temp_dir(),
            user,
            home,
        }
    }
}

/// Relative paths in XDG variables are invalid and ignored (base directory specification).
fn absolute(variable: Option<OsString>) -> Option<PathBuf> {
    variable.map(PathBuf::from).filter(|path| path.is_absolute())
}

fn is_own_folder(path: &Path, user: u32) -> bool {
    path.metadata().is_ok_and(|data| data.is_dir() && data.uid() == user)
}

impl Places {
    /// The places of the profile in `folder` (`--profile`), else in the one that `MAILSLUICE_PROFILE` names, else those
    /// of the XDG specification.
    pub fn of(folder: Option<&Path>) -> Self {
        let named = env::var_os(PROFILE_VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
        Self::within(folder.or(named.as_deref()), &Surroundings::of_process())
    }

    fn within(folder: Option<&Path>, around: &Surroundings) -> Self {
        let (config, data, log) = match folder {
            Some(folder) => {
                let folder = canonical(folder);
                (folder.clone(), folder.clone(), folder.join("log"))
            }
            None => (around.config.join(NAME), around.data.join(NAME), around.state.join(NAME)),
        };
        let socket = socket_path(&data, around);
        Self { home: around.home.clone(), config, data, log, socket }
    }

    /// The user's home: what `~` in the profile means.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The folder of `profile.toml`. Relative paths in the profile begin here.
    pub fn profile_dir(&self) -> &Path {
        &self.config
    }

    /// `profile.toml`.
    pub fn profile_file(&self) -> PathBuf {
        self.config.join("profile.toml")
    }

    /// The spool's database.
    pub fn spool(&self) -> PathBuf {
        self.data.join("spool.db")
    }

    /// The Maildir of a transport, where the profile names no other. The name is one that [`super::load()`] let pass.
    pub fn mail(&self, transport: &str) -> PathBuf {
        self.data.join("mail").join(transport)
    }

    /// The folder of the logs.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Whoever locks this file owns the spool.
    pub fn lock_file(&self) -> PathBuf {
        self.data.join("spool.lock")
    }

    /// The socket of the spool's owner.
    pub fn socket(&self) -> PathBuf {
        self.socket.clone()
    }

    /// Makes the folders of the profile, the spool, mail and logs, 0700, where they are missing. Those that are there
    /// stay as they are; one that others may write to is warned of.
    ///
    /// # Errors
    /// One can't be made, is no folder, or belongs to somebody else. The text names it.
    pub fn create(&self) -> io::Result<()> {
        for folder in [&self.config, &self.data, &self.data.join("mail"), &self.log] {
            create_private_dir(folder)?;
            let mode = folder.metadata()?.mode();
            if mode & 0o022 != 0 {
                tracing::warn!(folder = %folder.display(), mode = format!("{:o}", mode & 0o777), "others may write here");
            }
        }
        Ok(())
    }

    /// What others on this machine can read or change of the profile, the spool, mail and logs, each as a sentence that
    /// says how to end it. Folders that are made here are closed; one that was there before may not be.
    pub fn open_to_others(&self) -> Vec<String> {
        let mut warnings: Vec<String> = Vec::new();
        let mut warn = |path: &Path, bits: u32, what: &str, mode: &str| {
            let Ok(data) = path.metadata() else { return };
            let line = format!("{} {what} (mode {:o}): chmod {mode} it", path.display(), data.mode() & 0o777);
            if data.mode() & bits != 0 && !warnings.contains(&line) {
                warnings.push(line);
            }
        };
        for folder in [&self.config, &self.data, &self.data.join("mail"), &self.log] {
            warn(folder, 0o022, "can be changed by others", "700");
        }
        // What is in a folder that others can't enter is closed to them, whatever its own mode.
        let entered = |folder: &Path| folder.metadata().is_ok_and(|data| data.mode() & 0o011 != 0);
        if entered(&self.config) {
            let what = "says where your passwords are and can be read by others";
            warn(&self.profile_file(), 0o044, what, "600");
        }
        if entered(&self.data) {
            warn(&self.data.join("mail"), 0o055, "holds received mail and can be read by others", "700");
            warn(&self.spool(), 0o044, "holds your mail and can be read by others", "600");
        }
        warnings
    }
}

/// Makes a folder and what is missing above it, all 0700. One that is there already stays as it is.
///
/// # Errors
/// It can't be made, is no folder, or belongs to somebody else. The text names it.
pub fn create_private_dir(path: &Path) -> io::Result<()> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(named)?;
    let user = rustix::process::geteuid().as_raw();
    let target = path.metadata().map_err(named)?;
    // A link may be the administrator's, but nobody else's: they could turn it elsewhere.
    let link = path.symlink_metadata().map_err(named)?;
    let trusted = |data: &Metadata| data.uid() == user || data.is_symlink() && data.uid() == 0;
    if trusted(&target) && trusted(&link) {
        return Ok(());
    }
    let what = format!("{}: the folder belongs to another user", path.display());
    Err(io::Error::new(io::ErrorKind::PermissionDenied, what))
}

/// For opening a file to write, made 0600 if it is made.
pub fn private_file_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

/// The path without links, as far as it exists: the same before and after the missing folders are made.
fn canonical(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_no_current_folder| path.to_owned());
    for ancestor in path.ancestors() {
        if let (Ok(real), Ok(rest)) = (ancestor.canonicalize(), path.strip_prefix(ancestor)) {
            return real.components().chain(rest.components()).collect();
        }
    }
    path
}

fn socket_path(data: &Path, around: &Surroundings) -> PathBuf {
    let hash = digest(&SHA256, canonical(data).as_os_str().as_bytes());
    let short = hash.as_ref().first_chunk().map_or(0, |first| u64::from_be_bytes(*first));
    let name = format!("{short:016x}.sock");
    let below = |folder: &Path| folder.join(format!("{NAME}-{}", around.user)).join(&name);
    let preferred = match &around.runtime {
        Some(runtime) => runtime.join(NAME).join(&name),
        None => data.join("run").join(&name),
    };
    [preferred, below(&around.temporary)]
        .into_iter()
        .find(|path| path.as_os_str().len() <= LONGEST_SOCKET)
        .unwrap_or_else(|| below(Path::new("/tmp")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn around(runtime: Option<&Path>) -> Surroundings {
        Surroundings {
            home: "/home/ada".into(),
            config: "/home/ada/.config".into(),
            data: "/home/ada/.local/share".into(),
            state: "/home/ada/.local/state".into(),
            runtime: runtime.map(Path::to_owned),
            temporary: "/tmp".into(),
            user: 1000,
        }
    }

    #[test]
    fn without_a_folder_the_places_are_those_of_the_xdg_specification() {
        let places = Places::within(None, &around(Some(Path::new("/run/user/1000"))));
        assert_eq!(places.profile_file(), Path::new("/home/ada/.config/mailsluice/profile.toml"));
        assert_eq!(places.spool(), Path::new("/home/ada/.local/share/mailsluice/spool.db"));
        assert_eq!(places.mail("work"), Path::new("/home/ada/.local/share/mailsluice/mail/work"));
        assert_eq!(places.log(), Path::new("/home/ada/.local/state/mailsluice"));
        assert_eq!(places.socket().parent(), Some(Path::new("/run/user/1000/mailsluice")));
        assert_eq!(places.home(), Path::new("/home/ada"));
    }

    #[test]
    fn with_a_folder_all_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap();
        let places = Places::within(Some(folder.path()), &around(None));
        assert_eq!(places.profile_file(), real.join("profile.toml"));
        assert_eq!(places.spool(), real.join("spool.db"));
        assert_eq!(places.mail("work"), real.join("mail/work"));
        assert_eq!(places.log(), real.join("log"));
        assert!(places.lock_file().starts_with(&real));
        assert!(places.socket().starts_with(real.join("run")));
    }

    #[test]
    fn relative_xdg_paths_are_ignored() {
        assert_eq!(absolute(Some("relative".into())), None);
        assert_eq!(absolute(Some("/there".into())), Some("/there".into()));
        assert_eq!(absolute(None), None);
    }

    #[test]
    fn the_socket_is_the_same_by_every_name_of_the_folder_before_and_after_it_exists() {
        let temporary = tempfile::tempdir().unwrap();
        let (folder, link) = (temporary.path().join("real/profile"), temporary.path().join("link"));
        fs::create_dir(temporary.path().join("real")).unwrap();
        symlink(temporary.path().join("real"), &link).unwrap();
        let runtime = around(Some(Path::new("/run/user/1000")));
        let before = Places::within(Some(&link.join("profile")), &runtime).socket();
        create_private_dir(&folder).unwrap();
        assert_eq!(Places::within(Some(&folder), &runtime).socket(), before);
        assert_eq!(Places::within(Some(&link.join("profile")), &runtime).socket(), before);
        assert_ne!(Places::within(Some(temporary.path()), &runtime).socket(), before);
    }

    #[test]
    fn a_socket_path_too_long_goes_to_the_temporary_folder() {
        let deep = PathBuf::from(format!("/nowhere/{}", "x".repeat(120)));
        let mut surroundings = around(None);
        let socket = Places::within(Some(&deep), &surroundings).socket();
        assert!(socket.starts_with("/tmp/mailsluice-1000"), "{}", socket.display());
        surroundings.temporary.clone_from(&deep);
        let socket = Places::within(Some(&deep), &surroundings).socket();
        assert!(socket.as_os_str().len() <= LONGEST_SOCKET, "{}", socket.display());
    }

    #[test]
    fn folders_are_made_for_the_owner_alone() {
        let temporary = tempfile::tempdir().unwrap();
        let places = Places::within(Some(&temporary.path().join("a/b")), &around(None));
        places.create().unwrap();
        places.create().unwrap();
        for folder in ["a", "a/b", "a/b/mail", "a/b/log"] {
            let mode = fs::metadata(temporary.path().join(folder)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700, "{folder}");
        }
    }

    #[test]
    fn files_are_made_for_the_owner_alone() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("file");
        private_file_options().create_new(true).open(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_where_a_folder_should_be_is_named_in_the_error() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("file");
        fs::write(&path, "").unwrap();
        let error = create_private_dir(&path).unwrap_err();
        assert!(error.to_string().contains("file"), "{error}");
    }

    #[test]
    fn somebody_elses_folder_is_refused() {
        // Only root can give a folder away; for others a folder of root's does as well.
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("theirs");
        fs::create_dir(&folder).unwrap();
        let folder = match std::os::unix::fs::chown(&folder, Some(65_534), None) {
            Ok(()) => folder,
            Err(_not_root) => PathBuf::from("/usr"),
        };
        let error = create_private_dir(&folder).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    }
}
