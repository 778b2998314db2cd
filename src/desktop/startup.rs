//! Startup notification: what a launcher gives a program it starts, so that the window that comes of it may take the focus
//! and the launcher knows that it came. A second start hands it on to the first, whose window it is for.
//!
//! On X11 (Startup Notification Protocol 0.1, Extended Window Manager Hints 1.5) the window is activated with the time of
//! the click in it, which window managers want to see before they let a window take the focus, and the launcher is told to
//! wait no more. On Wayland (xdg-activation-v1) a token would have to be given to the compositor with the window's surface;
//! winit can do that for a window that it makes, but eframe makes it without, and a window that is there can't be given
//! one at all. So there the window is built anew, which compositors put in front.

use winit::raw_window_handle::{HasWindowHandle, RawWindowHandle};
use x11rb::CURRENT_TIME;
use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{
    ClientMessageEvent, ConnectionExt as _, CreateWindowAux, EventMask, Window, WindowClass,
};

/// Longest token that is taken for one.
const LONGEST: usize = 1024;

/// See the module: a word without blanks, different for each start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token(String);

impl Token {
    /// What another program says is one.
    pub(super) fn of(text: &str) -> Option<Self> {
        let is_one = (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        is_one.then(|| Self(text.to_owned()))
    }

    /// The one this process was started with. To be asked before there are other threads: it is taken out of the
    /// environment, or everything that is started here would seem to come of that click.
    pub(super) fn of_environment() -> Option<Self> {
        let names = ["XDG_ACTIVATION_TOKEN", "DESKTOP_STARTUP_ID"];
        let token = names.iter().find_map(|name| Self::of(&std::env::var(name).ok()?));
        #[cfg(target_os = "linux")]
        winit::platform::startup_notify::reset_activation_token_env();
        token
    }

    /// Its letters.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// When the launcher was clicked on, by the X server's clock.
    fn time(&self) -> u32 {
        self.0.rsplit_once("_TIME").and_then(|(_, time)| time.parse().ok()).unwrap_or(CURRENT_TIME)
    }
}

/// The window that this start was for is there, and is to be in front.
pub(super) fn complete(window: &impl HasWindowHandle, token: &Token) {
    let id = match window.window_handle().map(|handle| handle.as_raw()) {
        Ok(RawWindowHandle::Xlib(handle)) => u32::try_from(handle.window).ok(),
        Ok(RawWindowHandle::Xcb(handle)) => Some(handle.window.get()),
        _ => None,
    };
    if let Some(id) = id
        && let Err(error) = tell(id, token)
    {
        tracing::info!("the launcher is not told that the window is there: {error}");
    }
}

fn tell(window: Window, token: &Token) -> Result<(), Box<dyn std::error::Error>> {
    let (connection, screen) = x11rb::connect(None)?;
    let root = connection.setup().roots.get(screen).ok_or("no such screen")?.root;
    let atom = |name: &str| -> Result<u32, Box<dyn std::error::Error>> {
        Ok(connection.intern_atom(false, name.as_bytes())?.reply()?.atom)
    };
    // From an application.
    let activate = ClientMessageEvent::new(32, window, atom("_NET_ACTIVE_WINDOW")?, [1, token.time(), 0, 0, 0]);
    connection.send_event(false, root, EventMask::SUBSTRUCTURE_REDIRECT | EventMask::SUBSTRUCTURE_NOTIFY, activate)?;

    // Pieces of a text belong together by the window that they seem to come from.
    let sender = connection.generate_id()?;
    let nothing = CreateWindowAux::new();
    connection.create_window(0, sender, root, -1, -1, 1, 1, 0, WindowClass::INPUT_ONLY, 0, &nothing)?;
    let text = format!("remove: ID=\"{}\"\0", token.as_str().replace('\\', "\\\\").replace('"', "\\\""));
    let mut kind = atom("_NET_STARTUP_INFO_BEGIN")?;
    for piece in text.as_bytes().chunks(20) {
        let mut data = [0; 20];
        for (to, from) in data.iter_mut().zip(piece) {
            *to = *from;
        }
        let message = ClientMessageEvent::new(8, sender, kind, data);
        connection.send_event(false, root, EventMask::PROPERTY_CHANGE, message)?;
        kind = atom("_NET_STARTUP_INFO")?;
    }
    connection.destroy_window(sender)?;
    // All of it has reached the server.
    connection.get_input_focus()?.reply()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens() {
        let time = |text| Token::of(text).map(|token| token.time());
        assert_eq!(time("xfce4-panel/mailsluice/77-0-host_TIME4242"), Some(4242));
        assert_eq!(time("6a7f-of-a-compositor"), Some(CURRENT_TIME));
        let long = "x".repeat(LONGEST + 1);
        for wrong in ["", "two words", "line\n", "\u{e9}", long.as_str()] {
            assert_eq!(Token::of(wrong), None, "{wrong:?}");
        }
    }
}
