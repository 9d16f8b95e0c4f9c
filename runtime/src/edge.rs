//! The edges between threads on an event's way: many put in, one takes out.

mod mailbox;
mod sync;
#[cfg(test)]
mod tests;

pub(crate) use mailbox::{Closed, Mailbox, Rest};
