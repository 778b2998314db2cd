//! Messages out of the spool into files: whole or not at all, for the owner's eyes only.

use std::fmt;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde_json::json;
use tempfile::NamedTempFile;

use super::context::Context;
use super::{Problem, complain, exit, say, say_json};
use crate::mapi::{EnvelopeId, Failure};
use crate::profile::places::create_private_dir;
use crate::spool::{Reader, SpoolError};

/// Why a message was not exported.
#[derive(Debug)]
pub enum ExportError {
    /// There is no such envelope, or it was sent and its content went.
    Gone,
    /// The file is there already, and is not to be replaced.
    Exists(PathBuf),
    /// The file or its folder can't be written.
    File(PathBuf, io::Error),
    /// The spool can't be read.
    Spool(Failure),
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => {
                f.write_str("its content is no longer here: what was sent stays as a line of the history only")
            }
            Self::Exists(path) => write!(f, "{} is there already", path.display()),
            Self::File(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Spool(failure) => write!(f, "{failure}"),
        }
    }
}

impl ExportError {
    const fn exit(&self) -> u8 {
        match self {
            Self::Gone => exit::USAGE,
            Self::Exists(_) | Self::File(..) => exit::CANT_CREATE,
            Self::Spool(failure) => exit::of_failure(failure),
        }
    }
}

/// Writes an envelope's content into a new file, 0600. The file is there when it is whole and on disk, and not before:
/// it is written under another name beside its place. One that is there already stays, unless `replace`.
///
/// # Errors
/// Why there is no new file.
pub fn export(reader: &mut Reader, envelope: EnvelopeId, to: &Path, replace: bool) -> Result<(), ExportError> {
    let failed = |error| ExportError::File(to.to_owned(), error);
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = NamedTempFile::with_prefix_in(".mailsluice-", folder).map_err(failed)?;
    let written = reader.write_content(envelope, &mut |chunk| file.write_all(chunk));
    written.map_err(|error| match error {
        SpoolError::Gone => ExportError::Gone,
        SpoolError::Io { source, .. } => failed(source),
        other => ExportError::Spool(other.into()),
    })?;
    file.as_file().sync_all().map_err(failed)?;
    let kept = if replace { file.persist(to) } else { file.persist_noclobber(to) };
    kept.map(drop).map_err(|refused| match refused.error.kind() {
        io::ErrorKind::AlreadyExists => ExportError::Exists(to.to_owned()),
        _ => failed(refused.error),
    })
}

/// `mailsluice queue export`: each to `ID.eml` in a folder, which is made if it is missing. One that can't be exported
/// does not keep the others back.
pub(super) fn run(
    context: &Context,
    envelopes: &[EnvelopeId],
    (into, replace): (&Path, bool),
    as_json: bool,
) -> Result<u8, Problem> {
    if !into.is_dir()
        && let Err(error) = create_private_dir(into)
    {
        complain(&error);
        return Ok(exit::CANT_CREATE);
    }
    let mut reader = Reader::open(&context.places.spool()).map_err(Failure::from)?;
    let mut exported = Vec::new();
    let mut codes = vec![exit::OK];
    for envelope in envelopes {
        match export(&mut reader, *envelope, &into.join(format!("{envelope}.eml")), replace) {
            Ok(()) => exported.push(*envelope),
            Err(error) => {
                let hint = if matches!(error, ExportError::Exists(_)) { "; --force replaces it" } else { "" };
                complain(&format!("envelope {envelope}: {error}{hint}"));
                codes.push(error.exit());
            }
        }
    }
    if as_json {
        say_json(&json!({ "count": exported.len(), "ids": exported }))?;
    } else {
        say(&format!("{} exported to {}", exported.len(), into.display()));
    }
    Ok(exit::worst(codes))
}
