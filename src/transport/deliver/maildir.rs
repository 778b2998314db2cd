//! Maildir: one file for each message, complete and on disk before it has a name in `new` or `cur`.
//!
//! A name is `<seconds>.<unique>.mailsluice`: seconds, so that programs which number messages by name keep their order;
//! and a unique part made from what the server calls the message, by which it is found again after a crash whatever
//! flags it was given since.
//!
//! Storing goes in three steps, so that whoever has many messages can do the first for some while the others run for
//! those before them: [`Maildir::stage`] writes a file, [`Maildir::sync`] makes a group of files durable, [`Written::place`]
//! gives them their names, durably. A group needs one `syncfs` instead of one `fsync` for each file, which is six times as
//! fast on ext4 (and slower for a few files beside a busy program: so those are synchronised one by one). Names come after
//! the data: a name in `new` or `cur` is a promise that the file is whole, also after a power cut.

use std::collections::{HashMap, HashSet};
use std::fs::{DirBuilder, File};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tempfile::{NamedTempFile, TempPath};

use super::parcel::{Body, Parcel};
use super::{disk_failure, shown};
use crate::mapi::{Class, Failure, Stage};
use crate::transport::ReceivedItem;

/// From this many files on the whole file system is synchronised at once.
#[cfg(target_os = "linux")]
const SYNC_ALL_FROM: usize = 8;
/// The last part of a name: who made it.
const MARK: &str = "mailsluice";

/// The unique part of the name of a message: 32 hexadecimal digits.
pub(crate) fn unique(transport: &str, mailbox: &str, uid: &str) -> String {
    let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
    for part in [transport, mailbox, uid] {
        digest.update(&(part.len() as u64).to_be_bytes());
        digest.update(part.as_bytes());
    }
    hex_of(&digest.finish())
}

/// The first half of a digest: 128 bits tell any number of messages apart.
pub(super) fn hex_of(digest: &ring::digest::Digest) -> String {
    use std::fmt::Write as _;
    digest.as_ref().iter().take(16).fold(String::with_capacity(32), |mut hex, byte| {
        // Writing to a string can't fail.
        write!(hex, "{byte:02x}").ok();
        hex
    })
}

/// A Maildir. Its methods block.
#[derive(Debug)]
pub(crate) struct Maildir {
    root: PathBuf,
    /// What the names of our temporary files in it begin with: which transport works there.
    prefix: String,
}

/// A message file somebody put into a Maildir.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    /// Its name without the flags: what stays the same while it lies there.
    pub base: String,
    /// The letters of its flags.
    pub letters: String,
    /// Where it is now.
    pub path: PathBuf,
}

impl Maildir {
    /// The Maildir at this path, which need not exist yet, as this transport uses it.
    pub(crate) fn at(root: PathBuf, transport: &str) -> Self {
        let digest = ring::digest::digest(&ring::digest::SHA256, transport.as_bytes());
        Self { root, prefix: format!("{MARK}-{}-", hex_of(&digest)) }
    }

    /// Where it is.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A new file in `tmp`, where files wait to be complete. It goes when it is dropped.
    ///
    /// # Errors
    /// The disk refused.
    pub(crate) fn temporary(&self) -> std::io::Result<NamedTempFile> {
        let owner_only = std::fs::Permissions::from_mode(0o600);
        tempfile::Builder::new().prefix(&self.prefix).permissions(owner_only).tempfile_in(self.root.join("tmp"))
    }

    /// Creates what is missing of it.
    ///
    /// # Errors
    /// The disk refused.
    pub(crate) fn create(&self) -> Result<(), Failure> {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700);
        for name in ["tmp", "new", "cur"] {
            let folder = self.root.join(name);
            if !folder.is_dir() {
                builder.create(&folder).map_err(|error| disk_failure(Stage::Deliver, &folder, &error))?;
                sync_folder(&self.root)?;
            }
        }
        Ok(())
    }

    /// Whether it is all there, for Maildirs that are somebody else's: those are never created, lest mail go beneath a
    /// mount point that is not mounted.
    ///
    /// # Errors
    /// [`Class::Configuration`] with the folder that is missing.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        for folder in ["tmp", "new", "cur"].map(|name| self.root.join(name)) {
            if !folder.is_dir() {
                let what = "not a Maildir: this folder is missing";
                return Err(Failure::new(Class::Configuration, Stage::Store, shown(&folder), what));
            }
        }
        Ok(())
    }

    /// Removes this transport's temporary files: what a process that died left behind.
    ///
    /// # Errors
    /// The folder can't be read.
    pub(crate) fn sweep(&self) -> Result<(), Failure> {
        for path in list(&self.root.join("tmp"))? {
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&self.prefix)) {
                // Left there it does no harm.
                std::fs::remove_file(path).ok();
            }
        }
        Ok(())
    }

    /// The unique parts of the names we once gave, and which file has it.
    ///
    /// # Errors
    /// The folders can't be read.
    pub(crate) fn uniques(&self) -> Result<HashMap<String, PathBuf>, Failure> {
        let mut found = HashMap::new();
        // Mail programs move from `new` to `cur`: in this order none is missed.
        for name in ["new", "cur"] {
            for path in list(&self.root.join(name))? {
                let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
                let mut parts = name.split(['.', ':']).skip(1);
                if let (Some(unique), Some(MARK)) = (parts.next(), parts.next()) {
                    found.insert(unique.to_owned(), path.clone());
                }
            }
        }
        Ok(found)
    }

    /// The messages in it, in the order of their names.
    ///
    /// # Errors
    /// The folders can't be read.
    pub(crate) fn entries(&self) -> Result<Vec<Entry>, Failure> {
        let mut entries = Vec::new();
        for name in ["new", "cur"] {
            entries.extend(list(&self.root.join(name))?.into_iter().filter_map(Entry::of));
        }
        entries.sort();
        entries.dedup_by(|later, earlier| later.base == earlier.base);
        Ok(entries)
    }

    /// Puts messages on disk, durably, where nobody looks yet.
    ///
    /// # Errors
    /// The disk refused: none of them is there.
    pub(crate) fn write(&self, parcels: impl IntoIterator<Item = (String, Parcel)>) -> Result<Written, Failure> {
        let staged: Result<Vec<Staged>, Failure> =
            parcels.into_iter().map(|(unique, parcel)| self.stage(&unique, parcel)).collect();
        self.sync(staged?)
    }

    /// Writes a message into a file in `tmp`.
    ///
    /// # Errors
    /// The disk refused: it is not there.
    pub(crate) fn stage(&self, unique: &str, parcel: Parcel) -> Result<Staged, Failure> {
        let item = parcel.item();
        let date = parcel.marks.received_at.and_then(|seconds| u64::try_from(seconds).ok());
        let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let base = format!("{}.{unique}.{MARK}", date.unwrap_or_else(now));
        let letters = parcel.marks.letters;
        let target = if letters.is_empty() {
            self.root.join("new").join(&base)
        } else {
            self.root.join("cur").join(format!("{base}:2,{letters}"))
        };
        let failed = |error: std::io::Error| disk_failure(Stage::Deliver, &target, &error);
        let file = match parcel.body {
            Body::Memory(bytes) => {
                let mut file = self.temporary().map_err(failed)?;
                file.write_all(&bytes).map_err(failed)?;
                file
            }
            Body::Named(file) => file,
            Body::Unnamed(_) => {
                return Err(Failure::new(Class::Local, Stage::Deliver, shown(&target), "no name to rename"));
            }
        };
        if let Some(date) = date {
            file.as_file().set_modified(UNIX_EPOCH + Duration::from_secs(date)).map_err(failed)?;
        }
        // Closed until it is renamed: a group may be larger than the number of files that may be open.
        Ok(Staged { path: file.into_temp_path(), target, item })
    }

    /// Makes staged messages durable.
    ///
    /// # Errors
    /// The disk refused: none of them is there.
    pub(crate) fn sync(&self, staged: Vec<Staged>) -> Result<Written, Failure> {
        // Other systems have no call for a whole file system.
        #[cfg(target_os = "linux")]
        if staged.len() >= SYNC_ALL_FROM {
            let folder = self.root.join("tmp");
            let sync = || rustix::fs::syncfs(File::open(&folder)?).map_err(std::io::Error::from);
            sync().map_err(|error| disk_failure(Stage::Deliver, &folder, &error))?;
            return Ok(Written(staged));
        }
        for one in &staged {
            let sync = || File::open(&one.path)?.sync_all();
            sync().map_err(|error| disk_failure(Stage::Deliver, &one.target, &error))?;
        }
        Ok(Written(staged))
    }
}

impl Entry {
    /// `None` for what is no message: hidden files, folders, names that are not text.
    fn of(path: PathBuf) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        if name.starts_with('.') || !path.is_file() {
            return None;
        }
        let (base, info) = name.split_once(':').unwrap_or((name, ""));
        let letters = info.strip_prefix("2,").unwrap_or_default();
        let letters = letters.chars().filter(|letter| "DFRS".contains(*letter)).collect();
        Some(Self { base: base.to_owned(), letters, path })
    }
}

/// A message in a file that is not durable yet. It goes when this is dropped.
#[derive(Debug)]
pub(crate) struct Staged {
    path: TempPath,
    target: PathBuf,
    item: ReceivedItem,
}

/// Messages that are on disk and have no names yet. They go when this is dropped.
#[derive(Debug)]
pub(crate) struct Written(Vec<Staged>);

impl Written {
    /// Gives them their names, durably. What is there now, for the record.
    ///
    /// # Errors
    /// The disk refused: some of them may have theirs, and will be found.
    pub(crate) fn place(self) -> Result<Vec<ReceivedItem>, Failure> {
        let mut folders = HashSet::new();
        let mut items = Vec::with_capacity(self.0.len());
        for Staged { path, target, item } in self.0 {
            path.persist(&target).map_err(|error| disk_failure(Stage::Deliver, &target, &error.error))?;
            items.push(item);
            if let Some(folder) = target.parent()
                && !folders.contains(folder)
            {
                folders.insert(folder.to_path_buf());
            }
        }
        folders.iter().try_for_each(|folder| sync_folder(folder))?;
        Ok(items)
    }
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let read = || std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>();
    read().map_err(|error| disk_failure(Stage::Deliver, folder, &error))
}

/// Makes names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), Failure> {
    let sync = || File::open(folder)?.sync_all();
    sync().map_err(|error| disk_failure(Stage::Deliver, folder, &error))
}
