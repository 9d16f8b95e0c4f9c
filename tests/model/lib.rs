//! The orders of steps in which code is put in, asked, taken out and freed, explored by loom.
//!
//! The code under test is `runtime/src/rules/slot.rs` itself, with loom's parts in the place of the
//! real ones. `ArcSwapOption` is one of those: here it is an `Option<Arc<_>>` behind loom's lock, which
//! is what arc-swap promises to look like. So this says that our use of it is right; that readers do
//! not wait is for `tests/progress.rs` to show, which uses the real one.
//!
//! The same for `runtime/src/edge/mailbox.rs`, with loom's pointer, lock and condition.
#![cfg(test)]

#[path = "../../runtime/src/edge/mailbox.rs"]
mod mailbox;
#[path = "../../runtime/src/rules/slot.rs"]
mod slot;

mod sync;

use loom::sync::Arc;
use loom::thread;

use mailbox::{Closed, Mailbox, Rest};
use slot::{Retired, Sent, Slot};
use sync::{Block, Outlet};

impl Sent for Block {
    fn send(retired: Retired<Self>, outlet: &Outlet) {
        outlet.send(retired);
    }
}

/// Orders in which threads are interrupted more often than this are left out, which is what keeps it
/// short; mistakes show with two or three (Burckhardt and others, 2010).
const INTERRUPTIONS_MAX: usize = 3;

fn model(run: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(INTERRUPTIONS_MAX);
    builder.check(run);
}

/// Runs two things beside a reader and then looks at what was freed.
fn explore(
    begins_full: bool,
    one: impl Fn(&Slot<Block>, &Outlet) + Sync + Send + Copy + 'static,
    two: impl Fn(&Slot<Block>, &Outlet) + Sync + Send + Copy + 'static,
    ends_full: &'static [bool],
) {
    model(move || {
        let outlet = Outlet::default();
        let slot = Arc::new(Slot::new());
        if begins_full {
            slot.put(Block::new(), &outlet);
        }
        let started: Vec<_> = [true, false]
            .into_iter()
            .map(|first| {
                let (slot, outlet) = (Arc::clone(&slot), outlet.clone());
                thread::spawn(move || if first { one(&slot, &outlet) } else { two(&slot, &outlet) })
            })
            .collect();
        slot.with(Block::ask);
        // The thread that frees, at any moment in between.
        outlet.free_all();
        for thread in started {
            thread.join().unwrap();
        }
        let full = slot.with(Block::ask).is_some();
        assert!(ends_full.contains(&full), "ends full: {full}");
        assert_eq!(full, slot.is_filled());
        drop(slot);
        outlet.free_all();
        assert_eq!(outlet.owed(), 0, "everything is freed");
    });
}

#[test]
fn code_that_is_taken_out_is_freed_after_the_last_who_asks() {
    let close = |slot: &Slot<Block>, _: &Outlet| {
        slot.close();
    };
    let ask = |slot: &Slot<Block>, _: &Outlet| {
        slot.with(Block::ask);
    };
    explore(true, close, ask, &[false]);
}

#[test]
fn code_that_comes_while_its_place_is_closed_does_not_stay() {
    let put = |slot: &Slot<Block>, outlet: &Outlet| slot.put(Block::new(), outlet);
    let close = |slot: &Slot<Block>, _: &Outlet| {
        slot.close();
    };
    explore(false, put, close, &[false]);
}

#[test]
fn code_that_replaces_code_frees_it() {
    let put = |slot: &Slot<Block>, outlet: &Outlet| slot.put(Block::new(), outlet);
    let free = |_: &Slot<Block>, outlet: &Outlet| outlet.free_all();
    explore(true, put, free, &[true]);
}

#[test]
fn closing_twice_is_closing_once() {
    model(|| {
        let outlet = Outlet::default();
        let slot = Arc::new(Slot::new());
        slot.put(Block::new(), &outlet);
        let other = Arc::clone(&slot);
        let closed = thread::spawn(move || other.close());
        let here = slot.close();
        assert!(here ^ closed.join().unwrap());
        assert!(slot.is_closed() && !slot.is_filled());
        outlet.free_all();
        assert_eq!(outlet.owed(), 0, "everything is freed");
    });
}

/// Stands for what is put in: loom fails a run in which one is left over.
struct Thing(u8, #[expect(dead_code, reason = "loom counts it")] Arc<()>);

fn thing(number: u8) -> Thing {
    Thing(number, Arc::new(()))
}

fn numbers(things: Vec<Thing>) -> Vec<u8> {
    things.into_iter().map(|thing| thing.0).collect()
}

#[test]
fn a_reader_that_sleeps_is_woken_by_whoever_comes() {
    model(|| {
        let mailbox = Arc::new(Mailbox::default());
        let writers: Vec<_> = [1, 2]
            .into_iter()
            .map(|number| {
                let mailbox = Arc::clone(&mailbox);
                thread::spawn(move || mailbox.put([thing(number)], false).unwrap())
            })
            .collect();
        let mut had = Vec::new();
        while had.len() < 2 {
            mailbox.rest(Rest::Idle, None);
            had.extend(numbers(mailbox.take()));
        }
        had.sort_unstable();
        assert_eq!(had, [1, 2]);
        writers.into_iter().for_each(|writer| writer.join().unwrap());
    });
}

#[test]
fn a_reader_that_dozes_is_woken_by_what_is_urgent() {
    model(|| {
        let mailbox = Arc::new(Mailbox::default());
        let writer = Arc::clone(&mailbox);
        let writes = thread::spawn(move || {
            writer.put([thing(1), thing(2)], false).unwrap();
            writer.put([thing(3)], true).unwrap();
        });
        let mut had = Vec::new();
        while had.last() != Some(&3) {
            mailbox.rest(Rest::Dozing, None);
            had.extend(numbers(mailbox.take()));
        }
        assert_eq!(had, [1, 2, 3]);
        writes.join().unwrap();
    });
}

#[test]
fn what_comes_while_it_is_closed_is_taken_or_refused() {
    model(|| {
        let mailbox = Arc::new(Mailbox::default());
        let writer = Arc::clone(&mailbox);
        let writes = thread::spawn(move || {
            let first = writer.put([thing(1)], true);
            let second = writer.put([thing(2)], true);
            assert!(first.is_ok() || second == Err(Closed), "what is closed stays closed");
            [first, second].into_iter().filter(Result::is_ok).count()
        });
        let mut had = numbers(mailbox.take());
        had.extend(numbers(mailbox.close()));
        let came = writes.join().unwrap();
        assert_eq!(had, [1, 2][..came]);
    });
}
