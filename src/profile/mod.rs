//! What the user configured: where it is, how it is read, and where secrets come from.
//!
//! | file | what happens there |
//! |---|---|
//! | [`mod@fingerprint`] | the one certificate a server may present |
//! | [`import`] | transports out of other programs' configurations |
//! | [`oauth`] | who gives tokens in the place of passwords |
//! | [`places`] | where everything is, and for whose eyes |
//! | [`model`] | the profile as plain data, already checked |
//! | [`mod@load`] | from `profile.toml` to the model, with every mistake named |
//! | [`save`] | a new transport into `profile.toml` |
//! | [`schedule`] | when the spooler flushes by itself |
//! | [`secret`] | passwords and tokens from where the profile says they are |

pub mod fingerprint;
pub mod import;
pub mod load;
pub mod model;
pub mod oauth;
pub mod pin;
pub mod places;
pub mod save;
pub mod schedule;
pub mod secret;
mod section;

pub use fingerprint::{Fingerprint, NoFingerprint};
pub use load::{Problem, ProfileError, load};
pub use model::*;
pub use oauth::{Flow, OAuth};
pub use places::Places;
pub use save::{NewIncoming, NewIncomingKind, NewServer, NewTransport, SaveError, append_transport};
pub use schedule::{Plan, Quiet, Schedule};
