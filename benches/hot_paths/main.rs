//! The inner loops, each alone, by criterion: `make hot`, `make hot FILTER=spool`.
//!
//! What they say is time in this program and in SQLite, not on the disk: the spool is in memory where there is a `/dev/shm`.
//! What a user waits for is measured by `make bench`.

#![expect(clippy::expect_used, reason = "a bench: what can't go on has to say so and stop")]

mod smtp;
mod spool;
mod status;
mod window;

use criterion::{criterion_group, criterion_main};

criterion_group!(
    hot_paths,
    smtp::replies,
    smtp::stuffing,
    spool::cycle,
    spool::submit,
    status::refresh,
    window::frames
);
criterion_main!(hot_paths);
