//! Rule text to something that answers, for an event: what is sent where, and why.
//!
//! Pure: give it the same bundle and the same world and it gives the same plan. It never opens a
//! file, reads a clock or draws a random number.
//!
//! An event's way through it: [`plan::plan`] makes a [`plan::Plan`] of a checked [`hir::Program`];
//! [`slots::Slots`] reads the event's payload in one pass; a [`matcher::Matcher`] says which rules hold;
//! [`route::route`] evaluates what they send. [`eval::Facts`] is what all of them are asked about.

#![deny(unsafe_code)]

pub mod catalogue;
mod check;
pub mod eval;
pub mod event;
pub mod explain;
pub mod field_type;
pub mod gate;
pub mod hir;
pub mod import;
pub mod json;
pub mod json_schema;
pub mod matcher;
pub mod mend;
mod messages;
pub mod pattern;
pub mod plan;
pub mod reference;
pub mod route;
mod schedule;
pub mod setting;
pub mod simulate;
pub mod slots;
pub mod ternary;
#[cfg(test)]
mod testing;
pub mod trace;
pub mod transform;
pub mod types;
pub mod value;
pub mod world;

pub use check::{Checked, check, list_entries};
