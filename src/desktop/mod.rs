//! The window.
//!
//! | file | what is there |
//! |---|---|
//! | [`app`], `perform`, `keys` | one frame: take in what happened, draw, do what was asked for |
//! | [`engine`] | what the window knows of the rest of the house: one trait |
//! | [`action`] | the one table of everything a person can do |
//! | [`state`], [`queue_list`] | what the window itself remembers |
//! | [`row_view`], `sentence` | a status row in words |
//! | [`text`], [`theme`], `icon` | language, colours and sizes, icons |
//! | `view`, `dialog`, `widget` | the parts that are drawn, each a function of a `Scene` |
//! | [`chooser`] | the system's file chooser |
//!
//! It knows rows and events, and neither SQL nor tokio nor a socket. It never waits: what takes time is asked for and
//! answered later.

pub mod action;
pub mod app;
pub mod chooser;
mod dialog;
pub mod engine;
mod first_profile;
mod icon;
mod keys;
mod live;
mod perform;
pub mod queue_list;
pub mod remember;
pub mod row_view;
mod run;
mod scene;
mod sentence;
pub mod state;
pub mod text;
pub mod theme;
mod view;
mod widget;

pub use app::App;
pub use run::run;
