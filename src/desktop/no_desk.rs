//! A build without a tray: closing the window ends the program.

use std::sync::Arc;

use super::door::Door;
use super::host::Host;

/// Stands where the desk would.
pub(super) struct Desk;

impl Desk {
    #[expect(clippy::unnecessary_wraps, reason = "the desk of other builds can fail")]
    pub(super) fn set_up(_host: &Arc<Host>, _door: &Arc<Door>) -> std::io::Result<Self> {
        Ok(Self)
    }

    #[expect(clippy::unused_self, reason = "the desk of other builds knows")]
    pub(super) const fn has_tray(&self) -> bool {
        false
    }

    pub(super) fn clear(self) {}
}
