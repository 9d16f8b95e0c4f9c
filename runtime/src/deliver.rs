//! One attempt of a delivery, from the connection's settings to an outcome.

pub mod address;
pub mod target;
