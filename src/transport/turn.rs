//! Whose turn it is to look for a secret, or to ask about a certificate: one at a time, so that a person is asked once and
//! not by every connection.
//!
//! A person may take minutes to answer. Whoever may ask too waits for that; a flush under No UI does not, for nobody may
//! be there: it is told that a person is needed, at once.

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard, watch};

use super::port::Support;
use crate::mapi::{Class, Failure, Stage};

/// See the module.
#[derive(Debug)]
pub(super) struct Turn<T> {
    held: Arc<Mutex<T>>,
    /// A person is being asked.
    asks: Arc<watch::Sender<bool>>,
}

impl<T> Clone for Turn<T> {
    fn clone(&self) -> Self {
        Self { held: Arc::clone(&self.held), asks: Arc::clone(&self.asks) }
    }
}

impl<T: Default> Default for Turn<T> {
    fn default() -> Self {
        Self { held: Arc::default(), asks: Arc::new(watch::Sender::new(false)) }
    }
}

impl<T> Turn<T> {
    /// Waits for it.
    ///
    /// # Errors
    /// [`Class::Cancelled`]; [`Class::NeedsPerson`] where one is being asked and nobody may be, or not now.
    pub(super) async fn take(&self, support: &Support, stage: Stage, at: &str) -> Result<Taken<T>, Failure> {
        let mut asks = self.asks.subscribe();
        let person_is_asked = async {
            // Its sender is here, so it does not end.
            asks.wait_for(|asked| *asked).await.ok();
        };
        tokio::select! {
            biased;
            () = support.cancel().cancelled() => Err(Failure::cancelled(stage, at)),
            held = Arc::clone(&self.held).lock_owned() => Ok(Taken { held, asks: Arc::clone(&self.asks) }),
            () = person_is_asked, if !support.may_ask() => {
                Err(Failure::new(Class::NeedsPerson, stage, at, "a person is being asked, and has not answered yet"))
            }
        }
    }
}

/// A turn, until it is dropped.
#[derive(Debug)]
pub(super) struct Taken<T> {
    /// What it is about.
    pub(super) held: OwnedMutexGuard<T>,
    asks: Arc<watch::Sender<bool>>,
}

impl<T> Taken<T> {
    /// A person is asked from here on, until what this gives is dropped.
    pub(super) fn asking(&self) -> Asking {
        self.asks.send_replace(true);
        Asking(Arc::clone(&self.asks))
    }
}

/// A person is being asked. Dropped, they have answered, or are asked no more.
#[derive(Debug)]
pub(super) struct Asking(Arc<watch::Sender<bool>>);

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.send_replace(false);
    }
}
