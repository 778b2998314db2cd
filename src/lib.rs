//! Mailsluice: every mail queue a person has, outgoing and incoming, emptied on demand.
//!
//! The map of the house; a room uses only the rooms below it (`tests/architecture.rs` holds it to that):
//!
//! | room | what happens there |
//! |---|---|
//! | [`desktop`], [`command`] | the window; the same without a window |
//! | [`demo`] | a mail provider in a box, on loopback, for `--demo` and for tests |
//! | [`session`] | the client's side: logon, status table, open entry, the two flush procedures |
//! | [`spooler`] | the worker thread: a pure core that decides, a loop that does |
//! | [`transport`] | one folder for each way mail travels: smtp, imap, pop3, folder, pipe |
//! | [`spool`] | the durable queues, on SQLite |
//! | [`net`] | connect, TLS, SASL, transcripts, cancellation |
//! | [`message`] | RFC 5322: headers, addresses, delivery reports |
//! | [`profile`] | what the user configured; secrets by reference |
//! | [`mapi`] | the vocabulary: tags, rows, tables, restrictions, flags, results. Imports nothing of ours |

pub mod command;
pub mod demo;
#[cfg(feature = "desktop")]
pub mod desktop;
pub mod mapi;
pub mod message;
pub mod net;
pub mod profile;
pub mod session;
pub mod spool;
pub mod spooler;
pub mod transport;
