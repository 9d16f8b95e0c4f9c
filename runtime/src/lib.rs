//! A running server: events in, deliveries out, nothing lost in between.
//!
//! - [`api`] and [`ingest`]: HTTP, and events from bytes to what is owed
//! - [`workspace`], [`lists`] and [`rules`]: connections, lists, revisions, compiled bundles
//! - [`node`]: what is durable and what is owed, tied together from [`journal`], [`engine`],
//!   [`history`] and [`idempotency`]
//! - [`deliver`]: one attempt, from settings to outcome
//! - [`spans`] and [`trace_context`]: OpenTelemetry
//! - [`replay`]: many deliveries again
//! - [`control`] and [`secret`]: the control plane's store
//! - [`server`], [`command`], [`dev`]: the binary
#![deny(unsafe_code)]

pub mod api;
pub mod clock;
pub mod command;
pub mod config;
pub mod control;
mod crash;
pub mod deliver;
pub mod dev;
mod edge;
pub mod engine;
pub mod history;
pub mod id;
pub mod idempotency;
pub mod ingest;
pub mod journal;
pub mod key;
pub mod limits;
pub mod lists;
pub mod metrics;
pub mod model;
pub mod node;
pub mod out;
pub mod record;
pub mod replay;
pub mod rules;
pub mod secret;
pub mod server;
#[cfg(test)]
mod simulation;
pub mod spans;
mod sync;
pub mod tail;
pub mod trace_context;
pub mod workspace;
