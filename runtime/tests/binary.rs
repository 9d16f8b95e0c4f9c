//! The binary as people and scripts run it: commands, exit codes, and what survives `kill -9`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where something is not as it must be"
)]

#[path = "binary/auditor.rs"]
mod auditor;
#[path = "binary/commands.rs"]
mod commands;
#[path = "binary/crash.rs"]
mod crash;
#[path = "binary/demo.rs"]
mod demo;
#[path = "binary/drain.rs"]
mod drain;
#[path = "binary/history.rs"]
mod history;
#[path = "binary/journal.rs"]
mod journal;
#[path = "binary/lists.rs"]
mod lists;
#[path = "binary/points.rs"]
mod points;
#[path = "binary/server.rs"]
mod server;
#[path = "binary/spans.rs"]
mod spans;
#[path = "binary/why.rs"]
mod why;
