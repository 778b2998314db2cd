//! How much may be in the air: written, or about to be, and not answered.
//!
//! Everything in it is in doubt when the line drops, so it is bounded. It starts at one message, which shows that the
//! server takes mail at all, and opens by three for each message taken: fourfold each round trip. With it opens the room for
//! content bytes. A message that is not taken makes it small again: a server that says no often hangs up in the end.

/// Messages in the air at most.
const MOST_MESSAGES: usize = 32;
/// Content bytes in the air beyond which no further message is let in, however many messages may be.
const MOST_BYTES: u64 = 4 << 20;
/// The same for each message of a window that opens.
const BYTES_EACH: u64 = 256 << 10;

/// More messages for each that was taken.
const OPENS_BY: usize = 3;

/// The window of one session.
#[derive(Debug)]
pub(super) struct Window {
    messages: usize,
    most: usize,
    least: usize,
}

impl Window {
    /// Opens from one message to as many as are good for anything.
    pub(super) const fn opening() -> Self {
        Self { messages: 1, most: MOST_MESSAGES, least: 1 }
    }

    /// Stays as it is.
    pub(super) const fn fixed(messages: usize) -> Self {
        Self { messages, most: messages, least: messages }
    }

    /// Messages that may join those in the air.
    pub(super) fn room(&self, messages: usize, bytes: u64) -> usize {
        let opens = self.least < self.most;
        let most = if opens { (self.messages as u64 * BYTES_EACH).min(MOST_BYTES) } else { MOST_BYTES };
        if bytes >= most { 0 } else { self.messages.saturating_sub(messages) }
    }

    /// The server took a message.
    pub(super) fn open(&mut self) {
        self.messages = (self.messages + OPENS_BY).min(self.most);
    }

    /// The server did not take a message.
    pub(super) const fn close(&mut self) {
        self.messages = self.least;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_by_success_to_its_limit_and_is_small_again_after_trouble() {
        let mut window = Window::opening();
        assert_eq!(window.room(0, 0), 1);
        assert_eq!(window.room(1, 0), 0);
        for _ in 0..100 {
            window.open();
        }
        assert_eq!(window.room(0, 0), MOST_MESSAGES);
        window.close();
        assert_eq!(window.room(0, 0), 1);
    }

    #[test]
    fn bytes_in_the_air_close_it() {
        let mut window = Window::fixed(2);
        assert_eq!(window.room(1, MOST_BYTES - 1), 1);
        assert_eq!(window.room(1, MOST_BYTES), 0);
        window.close();
        window.open();
        assert_eq!(window.room(0, 0), 2);
        let mut window = Window::opening();
        assert_eq!(window.room(0, BYTES_EACH), 0);
        window.open();
        assert_eq!(window.room(1, BYTES_EACH), OPENS_BY);
        for _ in 0..100 {
            window.open();
        }
        assert_eq!(window.room(1, MOST_BYTES), 0);
    }
}
