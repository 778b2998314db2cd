//! Delivery reports (RFC 3464) for refused recipients, put where the user reads mail: the transport's Maildir.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::mapi::{Class, EnvelopeId, Failure, RecipientId, Stage};
use crate::message::report;
use crate::profile::Places;
use crate::spool::Reader;

/// Writes delivery reports.
#[derive(Debug)]
pub(super) struct ReportWriter {
    reader: Reader,
    folders: BTreeMap<String, PathBuf>,
}

impl ReportWriter {
    /// A writer that puts the reports of each transport into its Maildir.
    pub(super) fn new(reader: Reader, places: &Places, profile: &crate::profile::Profile) -> Self {
        let folders = profile.transports.iter().map(|transport| {
            let folder = match transport.incoming.as_ref().map(|incoming| &incoming.deliver) {
                Some(crate::profile::DeliverTo::Maildir(path)) => path.clone(),
                _ => places.mail(&transport.name),
            };
            (transport.name.clone(), folder)
        });
        Self { reader, folders: folders.collect() }
    }

    /// Writes the report on these recipients of an envelope. Gives a line for the log. A report about a report is
    /// never written (RFC 5321 section 6.1).
    pub(super) fn write(
        &mut self,
        envelope: EnvelopeId,
        transport: &str,
        recipients: &[RecipientId],
    ) -> Result<String, Failure> {
        let Some(input) = self.reader.report_input(envelope, recipients)? else {
            return Ok(format!("envelope {envelope}: refused; no report is due"));
        };
        let mut text = Vec::new();
        report::write_report(&input, &mut text).map_err(|error| local(Path::new("report"), &error))?;
        let folder = self.folders.get(transport).cloned().unwrap_or_default();
        let path = keep(&folder, envelope, recipients, &text).map_err(|error| local(&folder, &error))?;
        Ok(format!("envelope {envelope}: refused for good; the delivery report is {}", path.display()))
    }
}

/// Maildir delivery: written and synced under tmp, renamed into new, the folder synced. The name is the envelope's and
/// its recipients', so that doing it again after a crash replaces the file.
fn keep(folder: &Path, envelope: EnvelopeId, about: &[RecipientId], text: &[u8]) -> std::io::Result<PathBuf> {
    for part in ["cur", "new", "tmp"] {
        crate::profile::places::create_private_dir(&folder.join(part))?;
    }
    let first = about.first().map_or(0, |recipient| recipient.0);
    let name = format!("report-{envelope}-{first}.mailsluice");
    let (temporary, path) = (folder.join("tmp").join(&name), folder.join("new").join(&name));
    let mut file = crate::profile::places::private_file_options().create(true).truncate(true).open(&temporary)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(&temporary, &path)?;
    fs::File::open(folder.join("new"))?.sync_all()?;
    Ok(path)
}

fn local(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Class::Local, Stage::Store, path.display().to_string(), error.to_string())
}
