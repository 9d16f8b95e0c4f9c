//! A running server: events in, deliveries out, nothing lost in between.

pub mod control;
pub mod deliver;
pub mod id;
pub mod model;
pub mod node;
pub mod secret;
