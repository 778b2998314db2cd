//! Opening an address in the person's browser, because they said so.

use std::process::Stdio;

use crate::profile::secret::withhold;

/// Opens it, by the first program here that does. Waits for that program, which some browsers leave running.
///
/// # Errors
/// Why none did.
pub(super) fn open(address: &str) -> Result<(), String> {
    let mut why = "there is no browser that could be opened".to_owned();
    for mut command in open::commands(address) {
        withhold(&mut command);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        match command.status() {
            Ok(status) if status.success() => return Ok(()),
            Ok(status) => why = format!("{} gave up: {status}", command.get_program().to_string_lossy()),
            // The next may be there.
            Err(_) => {}
        }
    }
    Err(why)
}
