//! Opening an address in the person's browser, because they said so.

use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, bounded};

use crate::profile::secret::withhold;

/// A program that runs for so long has opened something, or is what was opened: whatever becomes of it later, another is
/// not started for it.
const SETTLED: Duration = Duration::from_secs(3);

/// Opens it, by the first program here that does.
///
/// # Errors
/// Why none did.
pub(super) fn open(address: &str) -> Result<(), String> {
    open_by(open::commands(address), SETTLED)
}

fn open_by(commands: impl IntoIterator<Item = Command>, settled: Duration) -> Result<(), String> {
    let mut why = "there is no browser that could be opened".to_owned();
    for mut command in commands {
        withhold(&mut command);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        match ended_within(&mut command, settled) {
            Ok(Some(status)) if !status.success() => {
                why = format!("{} gave up: {status}", command.get_program().to_string_lossy());
            }
            Ok(_) => return Ok(()),
            // The next may be there.
            Err(_) => {}
        }
    }
    Err(why)
}

/// How it ended; `None`: it runs for longer than this. Waited for to its end either way, so that nothing is left of it.
fn ended_within(command: &mut Command, settled: Duration) -> std::io::Result<Option<ExitStatus>> {
    let mut child = command.spawn()?;
    let (tell, told) = bounded(1);
    thread::Builder::new().name("browser".to_owned()).spawn(move || {
        // By then nobody may want to know any more.
        tell.send(child.wait()).ok();
    })?;
    match told.recv_timeout(settled) {
        Ok(status) => status.map(Some),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Instant;

    use super::*;

    fn shell(script: String) -> Command {
        let mut command = Command::new("sh");
        command.arg("-c").arg(script);
        command
    }

    fn leaves(mark: &Path) -> Command {
        shell(format!("echo opened > '{}'", mark.display()))
    }

    #[test]
    fn the_next_is_tried_when_one_gives_up_at_once_or_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("mark");
        let commands = [Command::new("/nonexistent/browser"), shell("exit 3".to_owned()), leaves(&mark)];
        assert_eq!(open_by(commands, Duration::from_mins(1)), Ok(()));
        assert!(mark.exists());
        let why = open_by([shell("exit 3".to_owned())], Duration::from_mins(1)).unwrap_err();
        assert!(why.contains("gave up") && why.contains('3'), "{why}");
    }

    #[test]
    fn a_browser_that_crashes_later_opens_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let (mark, crash) = (folder.path().join("mark"), folder.path().join("crash"));
        let browser = shell(format!("while [ ! -e '{}' ]; do sleep 0.01; done; exit 1", crash.display()));
        let began = Instant::now();
        assert_eq!(open_by([browser, leaves(&mark)], Duration::from_millis(50)), Ok(()));
        assert!(began.elapsed() < Duration::from_mins(1), "it is not waited for");
        std::fs::write(&crash, "").unwrap();
        assert!(!mark.exists());
    }
}
