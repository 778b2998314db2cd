//! `kind = "folder"`: a Maildir shared with somebody else. Outgoing mail is put into one that they empty; incoming mail
//! is taken from one that they fill.
//!
//! **Outgoing.** Whoever empties the folder needs the envelope, and a Maildir has no place for it. So each file begins
//! with `Return-Path:` (RFC 5321 section 4.4: what final delivery adds) and one `X-Envelope-To:` for each recipient, which
//! fetchmail and its like read; the content follows byte for byte. `Delivered-To:` would be wrong: mail systems take it for
//! a loop. Who empties the folder takes these lines off before passing the message on, or hidden recipients show.
//! A message is sent once it is on disk there under its name. The name is made from the envelope, so one in doubt that is
//! sent again replaces itself if it still lies there.
//!
//! **Incoming.** Messages are known by their file names without the flags.
//!
//! Neither creates the folder: a mount point that is not mounted must not swallow mail. There is no `FlushQueues` here:
//! the spooler's is used, with this transport as the target.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::deliver::maildir::{self, Entry, Maildir};
use super::deliver::{Delivery, Inbox, Intake, Marks, Parcel, Writer, blocking, disk_failure, shown};
use super::report::ReportKind;
use super::{BoxFuture, Job, Receipts, ReceivedItem, Submissions, Support, Traits, Transport};
use crate::mapi::{Class, Failure, Outcome, Stage};
use crate::profile::{After, DeliverTo, Identity};

/// Messages put into the folder at a time: what a claim gives.
const GROUP_MESSAGES: usize = 64;
/// Bytes of a group.
const GROUP_BYTES: u64 = 8 << 20;
/// Bytes read from a file at a time.
const CHUNK: usize = 256 << 10;

/// Puts mail into a Maildir that somebody else empties.
#[derive(Debug)]
pub struct OutgoingFolder {
    transport: String,
    maildir: Arc<Maildir>,
}

impl OutgoingFolder {
    /// `transport`: its name; `path`: the Maildir.
    pub fn new(transport: &str, path: PathBuf) -> Self {
        Self { transport: transport.to_owned(), maildir: Arc::new(Maildir::at(path, transport)) }
    }

    async fn check(&self) -> Result<(), Failure> {
        let maildir = Arc::clone(&self.maildir);
        blocking(move || maildir.check()).await
    }

    /// Reads a message into a parcel, its envelope in front.
    async fn pack(&self, job: &Job) -> Result<Parcel, Failure> {
        let mut writer = Writer::into_maildir(&self.maildir);
        writer.write(envelope_lines(job).as_bytes()).await?;
        let mut content = job.content.stream();
        while let Some(chunk) = content.next().await {
            writer.write(&chunk?).await?;
        }
        let marks = Marks { received_at: Some(job.submitted_at), ..Marks::default() };
        writer.finish(job.envelope.to_string(), marks).await
    }

    /// Puts a group there. The error ends the phase.
    async fn put(&self, queue: &Submissions, group: &mut Vec<(Job, Parcel)>) -> Result<(), Failure> {
        let (jobs, parcels): (Vec<Job>, Vec<Parcel>) = std::mem::take(group).into_iter().unzip();
        if jobs.is_empty() {
            return Ok(());
        }
        let (maildir, transport) = (Arc::clone(&self.maildir), self.transport.clone());
        let written = blocking(move || {
            maildir.check()?;
            maildir.write(parcels.into_iter().map(|parcel| {
                let name = maildir::unique(&transport, "outgoing", &parcel.uid);
                (name, parcel)
            }))
        });
        let ready = async {
            let written = written.await?;
            // The name is the last byte: from there on somebody may take it.
            queue.offering(jobs.iter().map(|job| job.envelope).collect(), true).await?;
            Ok(written)
        };
        let (placed, outcome) = match ready.await {
            Err(failure) => (Err(failure), Outcome::Returned),
            Ok(written) => match blocking(move || written.place()).await {
                Ok(_) => (Ok(()), Outcome::Sent(format!("in {}", shown(self.maildir.root())))),
                Err(failure) => {
                    let doubt = Outcome::InDoubt(Failure { class: Class::InDoubt, ..failure.clone() });
                    (Err(failure), doubt)
                }
            },
        };
        for job in &jobs {
            queue.end_all(job, &outcome);
        }
        placed
    }
}

/// The envelope as header lines. Line ends in addresses would end the line early; no valid address has any.
fn envelope_lines(job: &Job) -> String {
    let clean = |address: &str| address.chars().filter(|c| !c.is_control()).collect::<String>();
    let mut lines = format!("Return-Path: <{}>\r\n", clean(&job.sender));
    for to in &job.recipients {
        lines.push_str("X-Envelope-To: ");
        lines.push_str(&clean(&to.address));
        lines.push_str("\r\n");
    }
    lines
}

impl Transport for OutgoingFolder {
    fn traits(&self) -> Traits {
        traits(self.maildir.root())
    }

    fn submit<'a>(&'a self, support: &'a Support, queue: &'a Submissions) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            self.check().await?;
            support.stage(Stage::Content);
            let mut group = Vec::new();
            let mut bytes = 0;
            while let Some(job) = queue.next().await {
                let packed = self.pack(&job).await;
                let parcel = match packed {
                    Ok(parcel) => parcel,
                    Err(failure) => {
                        queue.end_all(&job, &Outcome::Returned);
                        for (job, _) in &group {
                            queue.end_all(job, &Outcome::Returned);
                        }
                        return Err(failure);
                    }
                };
                bytes += parcel.size;
                group.push((job, parcel));
                if group.len() >= GROUP_MESSAGES || bytes >= GROUP_BYTES {
                    self.put(queue, &mut group).await?;
                    support.progress(std::mem::take(&mut bytes));
                }
            }
            self.put(queue, &mut group).await?;
            support.progress(bytes);
            if support.cancel().is_cancelled() {
                return Err(Failure::cancelled(Stage::Content, shown(self.maildir.root())));
            }
            Ok(())
        })
    }

    fn validate_state<'a>(&'a self, _support: &'a Support) -> BoxFuture<'a, Result<String, Failure>> {
        Box::pin(async move { self.check().await.map(|()| "the folder is there".to_owned()) })
    }
}

/// Takes mail from a Maildir that somebody else fills.
#[derive(Debug)]
pub struct IncomingFolder {
    source: Arc<Maildir>,
    after: After,
    delivery: Delivery,
    into: Option<PathBuf>,
}

impl IncomingFolder {
    /// `transport`: its name; `path`: the Maildir; `identity`: who receives it, for delivery by LMTP.
    pub fn new(transport: &str, path: PathBuf, after: After, deliver: &DeliverTo, identity: Option<&Identity>) -> Self {
        let recipient = identity.map(|identity| identity.address.as_str());
        let into = if let DeliverTo::Maildir(into) = deliver { Some(into.clone()) } else { None };
        let delivery = Delivery::new(deliver, transport, recipient);
        Self { source: Arc::new(Maildir::at(path, transport)), after, delivery, into }
    }

    /// The messages that lie there.
    async fn list(&self) -> Result<Vec<Entry>, Failure> {
        let (source, into) = (Arc::clone(&self.source), self.into.clone());
        blocking(move || {
            source.check()?;
            let same = |into: PathBuf| into.canonicalize().ok() == source.root().canonicalize().ok();
            if into.is_some_and(same) {
                let what = "mail can't be taken from the folder it is delivered to";
                return Err(Failure::new(Class::Configuration, Stage::List, shown(source.root()), what));
            }
            source.entries()
        })
        .await
    }

    async fn receive(&self, support: &Support, receipts: &Receipts) -> Result<(), Failure> {
        let mailbox = format!("folder:{}", shown(self.source.root()));
        support.stage(Stage::List);
        let entries = self.list().await?;
        let known = receipts.known(&mailbox).await?;
        let there: std::collections::HashSet<&str> = entries.iter().map(|entry| entry.base.as_str()).collect();
        let mut gone: Vec<String> = known.iter().filter(|uid| !there.contains(uid.as_str())).cloned().collect();
        let (seen, new): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(|entry| known.contains(&entry.base));
        let bytes = new.iter().filter_map(|entry| entry.path.metadata().ok()).map(|data| data.len()).sum();
        receipts.listed(new.len() as u64, bytes);

        let mut done = seen;
        if !new.is_empty() {
            support.stage(Stage::Fetch);
            let inbox = Inbox::new(&self.delivery, support, receipts);
            let mut intake = inbox.mailbox(&mailbox).await?;
            let taken = self.take_all(support, &mut intake, &new).await;
            if !support.cancel().is_cancelled() {
                let recorded: std::collections::HashSet<String> = intake.settle().await?.into_iter().collect();
                done.extend(new.into_iter().filter(|entry| recorded.contains(&entry.base)));
            }
            taken?;
        }
        if self.after == After::Delete {
            support.stage(Stage::Delete);
            gone.extend(self.remove(done).await?);
        }
        if !gone.is_empty() {
            receipts.forget(&mailbox, gone);
        }
        Ok(())
    }

    async fn take_all(&self, support: &Support, intake: &mut Intake<'_>, new: &[Entry]) -> Result<(), Failure> {
        for entry in new {
            if support.cancel().is_cancelled() {
                return Err(Failure::cancelled(Stage::Fetch, shown(self.source.root())));
            }
            let size = entry.path.metadata().map(|data| data.len()).ok();
            if intake.already(&entry.base, size) {
                let bytes = size.unwrap_or_default();
                intake.found(vec![ReceivedItem { uid: entry.base.clone(), bytes }]).await?;
                continue;
            }
            match read(entry, intake.writer()).await {
                Ok(parcel) => intake.add(parcel).await?,
                // Whoever fills the folder may have moved it meanwhile.
                Err(Unread::Source(failure)) => support.report(ReportKind::ReceiveFailed(failure)),
                Err(Unread::Target(failure)) => return Err(failure),
            }
        }
        Ok(())
    }

    /// Deletes files whose messages are safe here. Gives the names of those that are gone.
    async fn remove(&self, entries: Vec<Entry>) -> Result<Vec<String>, Failure> {
        blocking(move || {
            let mut gone = Vec::with_capacity(entries.len());
            for entry in entries {
                match std::fs::remove_file(&entry.path) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        return Err(disk_failure(Stage::Delete, &entry.path, &error));
                    }
                    _ => gone.push(entry.base),
                }
            }
            Ok(gone)
        })
        .await
    }
}

/// Why a file was not taken.
enum Unread {
    /// It can't be read.
    Source(Failure),
    /// It can't be written.
    Target(Failure),
}

/// Reads a message file into a parcel.
async fn read(entry: &Entry, mut writer: Writer) -> Result<Parcel, Unread> {
    use std::io::Read as _;
    let at = |error: &std::io::Error| Unread::Source(disk_failure(Stage::Fetch, &entry.path, error));
    let mut file = tokio::fs::File::open(&entry.path).await.map_err(|error| at(&error))?.into_std().await;
    let modified = file.metadata().and_then(|data| data.modified()).map_err(|error| at(&error))?;
    loop {
        let path = entry.path.clone();
        let reading = blocking(move || {
            let mut chunk = Vec::with_capacity(CHUNK);
            let read = file.by_ref().take(CHUNK as u64).read_to_end(&mut chunk);
            read.map_err(|error| disk_failure(Stage::Fetch, &path, &error))?;
            Ok((file, chunk))
        });
        let chunk;
        (file, chunk) = reading.await.map_err(Unread::Source)?;
        if chunk.is_empty() {
            break;
        }
        writer.write(&chunk).await.map_err(Unread::Target)?;
    }
    let seconds = modified.duration_since(std::time::UNIX_EPOCH).ok();
    let received_at = seconds.and_then(|since| i64::try_from(since.as_secs()).ok());
    let marks = Marks { letters: entry.letters.clone(), received_at };
    writer.finish(entry.base.clone(), marks).await.map_err(Unread::Target)
}

impl Transport for IncomingFolder {
    fn traits(&self) -> Traits {
        traits(self.source.root())
    }

    fn start<'a>(&'a self, support: &'a Support, receipts: &'a Receipts) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(self.receive(support, receipts))
    }

    fn validate_state<'a>(&'a self, _support: &'a Support) -> BoxFuture<'a, Result<String, Failure>> {
        Box::pin(async move { self.list().await.map(|entries| format!("{} messages lie there", entries.len())) })
    }
}

fn traits(path: &Path) -> Traits {
    Traits { kind: "folder", flushes_itself: false, honours_no_ui: true, asynchronous: false, path: shown(path) }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::transport::testing::{TestSpooler, job};

    fn maildir() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in ["tmp", "new", "cur"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        folder
    }

    fn contents(folder: &Path, name: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(folder.join(name)) else { return Vec::new() };
        let mut all: Vec<String> = entries.map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap()).collect();
        all.sort();
        all
    }

    #[tokio::test]
    async fn outgoing_mail_lies_there_with_its_envelope() {
        let (folder, spooler) = (maildir(), TestSpooler::new());
        let transport = OutgoingFolder::new("out", folder.path().to_owned());
        let jobs = vec![job(1, "a@x", &["b@y", "c@z"], b"Subject: 1\r\n\r\n"), job(2, "", &["d@y"], b"\r\n2\r\n")];
        transport.submit(&spooler.support, &spooler.submissions(jobs)).await.unwrap();
        spooler.caught_up().await;
        assert_eq!(
            contents(folder.path(), "new"),
            [
                "Return-Path: <>\r\nX-Envelope-To: d@y\r\n\r\n2\r\n",
                "Return-Path: <a@x>\r\nX-Envelope-To: b@y\r\nX-Envelope-To: c@z\r\nSubject: 1\r\n\r\n",
            ]
        );
        let memory = spooler.memory();
        assert_eq!(memory.offered.len(), 2);
        assert_eq!(memory.ended.len(), 3);
        assert!(memory.ended.iter().all(|(_, outcome)| matches!(outcome, Outcome::Sent(_))));
    }

    #[tokio::test]
    async fn sent_again_it_replaces_itself() {
        let (folder, spooler) = (maildir(), TestSpooler::new());
        let transport = OutgoingFolder::new("out", folder.path().to_owned());
        for _ in 0..2 {
            let jobs = vec![job(1, "a@x", &["b@y"], b"\r\n")];
            transport.submit(&spooler.support, &spooler.submissions(jobs)).await.unwrap();
        }
        assert_eq!(contents(folder.path(), "new").len(), 1);
    }

    #[tokio::test]
    async fn a_missing_folder_is_a_setting_to_correct_and_is_not_created() {
        let (folder, spooler) = (tempfile::tempdir().unwrap(), TestSpooler::new());
        let transport = OutgoingFolder::new("out", folder.path().to_owned());
        let queue = spooler.submissions(vec![job(1, "a@x", &["b@y"], b"\r\n")]);
        let failure = transport.submit(&spooler.support, &queue).await.unwrap_err();
        assert_eq!(failure.class, Class::Configuration);
        assert!(fs::read_dir(folder.path()).unwrap().next().is_none());
        spooler.caught_up().await;
        assert!(spooler.memory().ended.is_empty());
    }

    struct Scene {
        spooler: TestSpooler,
        source: tempfile::TempDir,
        target: tempfile::TempDir,
    }

    impl Scene {
        fn new() -> Self {
            let scene = Self { spooler: TestSpooler::new(), source: maildir(), target: maildir() };
            fs::write(scene.source.path().join("new/1.a"), "one").unwrap();
            fs::write(scene.source.path().join("cur/2.b:2,S"), "two").unwrap();
            scene
        }

        async fn receive(&self, after: After) -> Result<(), Failure> {
            let deliver = DeliverTo::Maildir(self.target.path().to_owned());
            let transport = IncomingFolder::new("in", self.source.path().to_owned(), after, &deliver, None);
            let result = transport.start(&self.spooler.support, &self.spooler.receipts()).await;
            self.spooler.caught_up().await;
            result
        }

        fn known(&self) -> usize {
            let key = format!("folder:{}", self.source.path().display());
            self.spooler.memory().known.get(&key).map_or(0, std::collections::BTreeSet::len)
        }
    }

    #[tokio::test]
    async fn incoming_mail_is_kept_and_taken_once() {
        let scene = Scene::new();
        scene.receive(After::Keep).await.unwrap();
        // Its owner reads one of them.
        fs::rename(scene.source.path().join("new/1.a"), scene.source.path().join("cur/1.a:2,S")).unwrap();
        scene.receive(After::Keep).await.unwrap();
        assert_eq!(contents(scene.target.path(), "new"), ["one"]);
        assert_eq!(contents(scene.target.path(), "cur"), ["two"]);
        assert_eq!(scene.known(), 2);
        fs::remove_file(scene.source.path().join("cur/1.a:2,S")).unwrap();
        scene.receive(After::Keep).await.unwrap();
        assert_eq!(scene.known(), 1);
    }

    #[tokio::test]
    async fn incoming_mail_is_removed_once_it_is_safe() {
        let scene = Scene::new();
        scene.spooler.memory().disk_full = true;
        scene.receive(After::Delete).await.unwrap_err();
        assert_eq!(contents(scene.source.path(), "new").len() + contents(scene.source.path(), "cur").len(), 2);
        scene.spooler.memory().disk_full = false;
        scene.receive(After::Delete).await.unwrap();
        assert!(contents(scene.source.path(), "new").is_empty() && contents(scene.source.path(), "cur").is_empty());
        assert_eq!(contents(scene.target.path(), "new").len() + contents(scene.target.path(), "cur").len(), 2);
        assert_eq!(scene.known(), 0);
    }

    #[tokio::test]
    async fn a_folder_is_not_emptied_into_itself() {
        let scene = Scene::new();
        let deliver = DeliverTo::Maildir(scene.source.path().join("new/.."));
        let path = scene.source.path().to_owned();
        let transport = IncomingFolder::new("in", path, After::Delete, &deliver, None);
        let result = transport.start(&scene.spooler.support, &scene.spooler.receipts()).await;
        assert_eq!(result.unwrap_err().class, Class::Configuration);
    }
}
