//! How much may be in the air: written, or about to be, and not answered.
//!
//! Everything in it is in doubt when the line drops, so it is bounded. It starts at one message, which shows that the
//! server takes mail at all, and opens by one for each message taken: twofold each round trip. Trouble halves it.

/// Messages in the air at most.
const MOST_MESSAGES: usize = 32;
/// Content bytes in the air beyond which no further message is let in.
pub(super) const MOST_BYTES: u64 = 4 << 20;

/// The window of one session.
#[derive(Debug)]
pub(super) struct Window {
    messages: usize,
    most: usize,
}

impl Window {
    /// Opens from one message to as many as are good for anything.
    pub(super) const fn opening() -> Self {
        Self { messages: 1, most: MOST_MESSAGES }
    }

    /// Stays as it is.
    pub(super) const fn fixed(messages: usize) -> Self {
        Self { messages, most: messages }
    }

    /// Messages that may join those in the air.
    pub(super) const fn room(&self, messages: usize, bytes: u64) -> usize {
        if bytes >= MOST_BYTES { 0 } else { self.messages.saturating_sub(messages) }
    }

    /// The server took a message.
    pub(super) fn open(&mut self) {
        self.messages = (self.messages + 1).min(self.most);
    }

    /// The server is in trouble.
    pub(super) fn close(&mut self) {
        if self.most > 2 {
            self.messages = (self.messages / 2).max(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_by_success_to_its_limit_and_halves_in_trouble() {
        let mut window = Window::opening();
        assert_eq!(window.room(0, 0), 1);
        assert_eq!(window.room(1, 0), 0);
        for _ in 0..100 {
            window.open();
        }
        assert_eq!(window.room(0, 0), MOST_MESSAGES);
        window.close();
        assert_eq!(window.room(0, 0), MOST_MESSAGES / 2);
        for _ in 0..100 {
            window.close();
        }
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
    }
}
