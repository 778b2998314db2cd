//! Outside commands that bring a transport's line up and down.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use crate::mapi::{Class, Failure, Stage, is_visible};
use crate::profile::secret::withhold;

/// A dial-up or VPN command may take its time, but not for ever.
const DEADLINE: Duration = Duration::from_secs(120);

/// Runs a shell command of the profile. Killed on cancel and at the deadline.
///
/// # Errors
/// It could not be started, failed (its last line of standard error is in the failure), took too long, or cancelled.
pub(super) async fn shell(command: &str, cancel: &CancellationToken) -> Result<(), Failure> {
    let failed = |class: Class, what: String| Failure::new(class, Stage::Bring, command, what);
    let mut shell = Command::new("sh");
    withhold(shell.as_std_mut());
    let child = shell
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(Class::Configuration, error.to_string()))?;
    let output = tokio::select! {
        biased;
        () = cancel.cancelled() => return Err(Failure::cancelled(Stage::Bring, command)),
        output = tokio::time::timeout(DEADLINE, child.wait_with_output()) => output,
    };
    match output {
        Err(_elapsed) => Err(failed(Class::Offline, format!("not done after {} s", DEADLINE.as_secs()))),
        Ok(Err(error)) => Err(failed(Class::Local, error.to_string())),
        Ok(Ok(output)) if output.status.success() => Ok(()),
        Ok(Ok(output)) => {
            let text = String::from_utf8_lossy(&output.stderr);
            let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
            let last: String = last.chars().filter(|letter| is_visible(*letter)).take(200).collect();
            Err(failed(Class::Offline, format!("{}: {last}", output.status)))
        }
    }
}
