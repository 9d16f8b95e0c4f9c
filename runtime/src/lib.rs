//! A running server: events in, deliveries out, nothing lost in between.

#![forbid(unsafe_code)]

pub mod clock;
pub mod control;
pub mod deliver;
pub mod engine;
pub mod history;
pub mod id;
pub mod idempotency;
pub mod journal;
pub mod model;
pub mod node;
pub mod record;
pub mod secret;
