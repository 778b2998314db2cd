//! The parts of the window, each a function of a [`super::scene::Scene`].

pub(super) mod bar;
pub(super) mod first_start;
pub(super) mod footer;
pub(super) mod log;
pub(super) mod problems;
pub(super) mod progress;
pub(super) mod properties;
pub(super) mod queue;
pub(super) mod queue_row;
pub(super) mod status_row;
pub(super) mod status_table;
pub(super) mod tabs;
