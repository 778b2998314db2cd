//! The program at home on the desktop: its window, and what is there without one.
//!
//! | file | what is there |
//! |---|---|
//! | `run`, `front`, `door` | the program from start to end; the main thread; how it is called |
//! | `desk` | what is there also without the window: tray, notifications, the bus |
//! | `startup` | what a launcher gives along, so that the window may take the focus |
//! | `instance` | one window for a profile: a second start hands over to the first |
//! | `host` | the profile that is open, for the window, which comes and goes, and for what stays |
//! | [`app`], `perform`, `keys` | one frame: take in what happened, draw, do what was asked for |
//! | [`engine`] | what the window knows of the rest of the house: one trait |
//! | [`action`] | the one table of everything a person can do |
//! | [`state`], [`queue_list`] | what the window itself remembers |
//! | [`row_view`], `sentence` | a status row in words |
//! | [`text`], [`theme`], `icon` | language, colours and sizes, icons |
//! | `view`, `dialog`, `widget` | the parts that are drawn, each a function of a `Scene` |
//! | `leave` | what is asked before the program ends, and what follows |
//! | `autostart`, `browser` | starting with the session; opening an address |
//! | [`chooser`] | the system's file chooser |
//!
//! The window knows rows and events, and neither SQL nor tokio. It never waits: what takes time is asked for and
//! answered later.

pub mod action;
pub mod app;
mod autostart;
mod browser;
pub mod chooser;
mod desk;
mod dialog;
mod door;
mod emblem;
pub mod engine;
mod first_profile;
mod front;
mod host;
mod icon;
mod instance;
mod keys;
mod leave;
mod live;
mod perform;
pub mod queue_list;
pub mod remember;
pub mod row_view;
mod run;
mod scene;
mod sentence;
mod startup;
pub mod state;
pub mod text;
pub mod theme;
mod trouble;
mod view;
mod widget;

pub use app::App;
pub use run::run;
