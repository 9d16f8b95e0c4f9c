//! A running server: events in, deliveries out, nothing lost in between.

pub mod id;
pub mod model;
