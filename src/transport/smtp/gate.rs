//! The gate before AUTH: of connections that are opened together, one signs in first. A wrong password so costs one try,
//! not one for each connection: servers lock accounts after a few.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Mutex;

use crate::mapi::{Class, Failure};

/// The gate of one outgoing phase. Open for good once the server has taken a login.
#[derive(Debug, Default)]
pub(super) struct Gate {
    open: AtomicBool,
    /// Held by who tries; what was said to one who was refused.
    refused: Mutex<Option<Failure>>,
}

impl Gate {
    /// Signs in, alone as long as nobody else has.
    ///
    /// # Errors
    /// What `login` gave; what another's gave that the server refused.
    pub(super) async fn pass<T>(&self, login: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        if self.is_open() {
            return login.await;
        }
        let mut refused = self.refused.lock().await;
        if let Some(failure) = &*refused {
            return Err(failure.clone());
        }
        if self.is_open() {
            drop(refused);
            return login.await;
        }
        let result = login.await;
        match &result {
            Ok(_) => self.open.store(true, Ordering::Relaxed),
            Err(failure) if failure.class == Class::Login => *refused = Some(failure.clone()),
            // The line was at fault: the next may do better.
            Err(_) => {}
        }
        result
    }

    fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use futures_util::future::join_all;

    use super::*;
    use crate::mapi::Stage;

    async fn four_logins(first: Result<(), Failure>) -> (usize, Vec<Result<(), Failure>>) {
        let (gate, tries) = (Gate::default(), AtomicUsize::new(0));
        let logins = (0..4).map(|_| {
            let login = async {
                let earlier = tries.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                if earlier == 0 { first.clone() } else { Ok(()) }
            };
            gate.pass(login)
        });
        let results = join_all(logins).await;
        (tries.load(Ordering::Relaxed), results)
    }

    #[tokio::test]
    async fn a_refused_password_is_tried_once() {
        let (tries, results) = four_logins(Err(Failure::new(Class::Login, Stage::Login, "s", "wrong"))).await;
        assert_eq!(tries, 1);
        assert!(results.iter().all(|result| result.as_ref().is_err_and(|failure| failure.class == Class::Login)));
    }

    #[tokio::test]
    async fn a_lost_line_keeps_nobody_else_out() {
        let (tries, results) = four_logins(Err(Failure::new(Class::Transient, Stage::Login, "s", "lost"))).await;
        assert_eq!(tries, 4);
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 3);
    }

    #[tokio::test]
    async fn who_was_let_in_opens_it_for_all() {
        let (tries, results) = four_logins(Ok(())).await;
        assert_eq!((tries, results.iter().all(Result::is_ok)), (4, true));
    }
}
