//! A box that any thread puts things into without waiting for any other, and one thread empties.
//!
//! It is a stack of which whole runs are taken, never single things: so nobody ever reads a node that is
//! not its own, and an address that comes back means what it says (there is no ABA problem). The lowest
//! bits of the top say how the reader stands, so that whoever puts something in knows from the one
//! exchange whether somebody must be woken; only then is there a lock, and a system call.
//!
//! Treiber, *Systems programming: coping with parallelism*, IBM RJ 5118 (1986), for the stack.

#![expect(unsafe_code, reason = "a linked list that threads share")]

use std::marker::PhantomData;
use std::ptr::null_mut;
use std::time::Duration;

use super::sync::{AtomicPtr, Bell, Ordering, step};

/// The reader sleeps, and anything wakes it.
const IDLE: usize = 1;

/// The reader sleeps, and what is urgent wakes it.
const DOZING: usize = 2;

/// Nothing is taken any more.
const CLOSED: usize = 4;

const BITS: usize = IDLE | DOZING | CLOSED;

/// What was put in, and what was there before. Aligned so that the lowest bits of its address are free.
#[repr(align(8))]
struct Node<T> {
    value: T,
    below: *mut Node<T>,
}

/// How a reader sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// Anything wakes it.
    Idle,
    /// What is urgent wakes it.
    Dozing,
}

/// The box takes nothing any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Closed;

/// See the module.
pub(crate) struct Mailbox<T> {
    /// A node, or nothing, and the bits.
    top: AtomicPtr<Node<T>>,
    bell: Bell,
    /// It owns what is in it.
    _owns: PhantomData<Node<T>>,
}

// SAFETY: values go through it from one thread to another and are never shared, so `T: Send` is enough.
unsafe impl<T: Send> Send for Mailbox<T> {}
// SAFETY: as above; through `&Mailbox` values are only given and taken.
unsafe impl<T: Send> Sync for Mailbox<T> {}

impl<T> Default for Mailbox<T> {
    fn default() -> Self {
        Self { top: AtomicPtr::new(null_mut()), bell: Bell::default(), _owns: PhantomData }
    }
}

impl<T> Mailbox<T> {
    /// Puts things in, together and in this order. What is urgent wakes a reader that dozes.
    ///
    /// # Errors
    /// It is closed, and they are dropped.
    pub(crate) fn put(&self, values: impl IntoIterator<Item = T>, urgent: bool) -> Result<(), Closed> {
        step();
        let mut values = values.into_iter();
        let Some(first) = values.next() else { return Ok(()) };
        let bottom = Box::into_raw(Box::new(Node { value: first, below: null_mut() }));
        let mut last = bottom;
        for value in values {
            last = Box::into_raw(Box::new(Node { value, below: last }));
        }
        let mut top = self.top.load(Ordering::Relaxed);
        loop {
            let bits = top.addr() & BITS;
            if bits & CLOSED != 0 {
                // SAFETY: as below. An exchange that failed has left the address of somebody's node there.
                unsafe { (*bottom).below = null_mut() };
                drop(unlinked(last));
                return Err(Closed);
            }
            // SAFETY: `bottom` came from a box above and is not shared before the exchange below succeeds.
            unsafe { (*bottom).below = without_bits(top) };
            let wakes = bits & IDLE != 0 || (bits & DOZING != 0 && urgent);
            let next = if wakes { last } else { last.map_addr(|address| address | bits) };
            // Release: whoever takes it sees the nodes as they were made.
            match self.top.compare_exchange_weak(top, next, Ordering::Release, Ordering::Relaxed) {
                Ok(_) if wakes => {
                    self.bell.ring();
                    return Ok(());
                }
                Ok(_) => return Ok(()),
                Err(now) => top = now,
            }
        }
    }

    /// Everything that is in it, in the order in which it was put in.
    pub(crate) fn take(&self) -> Vec<T> {
        unlinked(self.replace(|top| (top.addr() & CLOSED == 0).then(null_mut)))
    }

    /// Sleeps, if nothing is in it, until something comes that ends such a rest; `false` when the time was
    /// over first. One thread at a time.
    pub(crate) fn rest(&self, how: Rest, at_most: Option<Duration>) -> bool {
        let bit = match how {
            Rest::Idle => IDLE,
            Rest::Dozing => DOZING,
        };
        let asleep = null_mut::<Node<T>>().map_addr(|address| address | bit);
        let slept = self.top.compare_exchange(null_mut(), asleep, Ordering::Relaxed, Ordering::Relaxed);
        if slept.is_err() {
            // Something is in it, or it is closed.
            return true;
        }
        let is_woken = || self.top.load(Ordering::Relaxed).addr() & (IDLE | DOZING) == 0;
        let woken = self.bell.wait(at_most, is_woken);
        if !woken {
            // Only bits go: what came meanwhile stays.
            self.replace(|top| Some(top.map_addr(|address| address & !(IDLE | DOZING))));
        }
        woken
    }

    /// Lets nothing in any more, and takes what is in it.
    pub(crate) fn close(&self) -> Vec<T> {
        let closed = null_mut::<Node<T>>().map_addr(|address| address | CLOSED);
        let left = unlinked(self.replace(|_| Some(closed)));
        self.bell.ring();
        left
    }

    /// Exchanges the top for another, as long as there is to be one, and returns what it was. Without one
    /// the nodes stay where they are, and only bits are returned.
    fn replace(&self, other: impl Fn(*mut Node<T>) -> Option<*mut Node<T>>) -> *mut Node<T> {
        let mut top = self.top.load(Ordering::Relaxed);
        loop {
            let Some(next) = other(top) else {
                return null_mut::<Node<T>>().map_addr(|_| top.addr() & BITS);
            };
            // Acquire: the nodes are seen as they were made.
            match self.top.compare_exchange_weak(top, next, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return top,
                Err(now) => top = now,
            }
        }
    }
}

impl<T> Drop for Mailbox<T> {
    fn drop(&mut self) {
        drop(self.close());
    }
}

fn without_bits<T>(top: *mut Node<T>) -> *mut Node<T> {
    top.map_addr(|address| address & !BITS)
}

/// The values of nodes that nobody else has, the lowest first.
fn unlinked<T>(top: *mut Node<T>) -> Vec<T> {
    let mut values = Vec::new();
    let mut at = without_bits(top);
    while !at.is_null() {
        // SAFETY: it came from a box in `put`, and whoever calls this has taken it out of the box with all
        // that is below it, or never put it in: nobody else has its address.
        let node = unsafe { Box::from_raw(at) };
        at = node.below;
        values.push(node.value);
    }
    values.reverse();
    values
}
