//! A whole node in one thread, with disk, network, clock and receivers that a seed makes and breaks.
//!
//! What runs is the node as it is: journal, checkpoints, books, engine, driver, history. Its threads and
//! tasks are coroutines (`sync`, `scheduler`), its disk is in memory and forgets what was not synced
//! (`disk`), behind its transport are receivers of every kind (`town`). A node lives several times (`life`):
//! it is killed, or power fails, or its disk does, and the next one opens what is left. A reader of the disk
//! that shares only the format with the node (`shadow`) knows what is durable; together with the auditor of
//! the binary's crash tests it judges each request and the end (`verdict`).
//!
//! `FANWISE_SEED=17 cargo test -p fanwise --lib simulation` runs one seed, `FANWISE_SEEDS=5000` so many,
//! from `FANWISE_FIRST_SEED` on. One seed is always the same run.

#[path = "../tests/binary/auditor.rs"]
#[expect(dead_code, reason = "the tests of the binary ask it for more")]
mod auditor;
mod disk;
mod flip;
mod life;
mod order;
pub(crate) mod scheduler;
mod shadow;
pub(crate) mod sync;
mod tests;
#[expect(clippy::result_large_err, reason = "the transport's own type")]
mod town;
mod verdict;
#[expect(clippy::type_complexity, reason = "a table of a test")]
mod world;
