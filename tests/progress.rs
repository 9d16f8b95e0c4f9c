//! Whoever asks code, or puts into a mailbox, goes on whatever the others do.
//!
//! Each is stopped between any two instructions.
//!
//! This is what the word *lock-free* in `ARCHITECTURE.md` rests on. A signal stops a thread wherever it
//! happens to be, inside of arc-swap too; while it stands still, the others must get through two hundred
//! steps. One that waited for it would wait for ever, and the test ends the process then.

#[expect(dead_code, reason = "what is not asked here is asked by the model")]
#[path = "../runtime/src/edge/mailbox.rs"]
mod mailbox;
#[expect(dead_code, reason = "what is not asked here is asked by the model")]
#[path = "../runtime/src/rules/slot.rs"]
mod slot;

/// What the slot and the mailbox are made of: the same parts as in the server.
mod sync {
    pub(super) use std::sync::Arc;
    pub(super) use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

    pub(super) use arc_swap::ArcSwapOption as SwapOption;

    #[derive(Clone)]
    pub(super) struct Outlet(pub(super) std::sync::mpsc::SyncSender<super::slot::Retired<super::Block>>);

    /// Nobody sleeps here: to be woken takes the system, and whoever was to wake must get there.
    #[derive(Default)]
    pub(super) struct Bell {}

    impl Bell {
        pub(super) fn ring(&self) {}

        pub(super) fn wait(&self, _: Option<std::time::Duration>, is_so: impl Fn() -> bool) -> bool {
            is_so()
        }
    }

    pub(super) fn step() {}
}

/// The server's allocator: one thread that stands still in it does not stop the others, as it may in the
/// system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use mailbox::Mailbox;
use slot::{Retired, Sent, Slot};
use sync::{Arc, AtomicBool, Ordering, Outlet};

/// How often somebody is stopped.
const STOPS: u32 = 30;

/// Steps of the others meanwhile.
const STEPS: usize = 200;

/// Steps take microseconds; whoever needs longer waits for the one that stands still.
const PATIENCE: Duration = Duration::from_secs(30);

/// So much waits in a mailbox before it is refused.
const WAITING_MAX: usize = 1_000;

const ALIVE: u64 = 0x5eed_5eed;

/// Stands for code: it knows whether it was freed.
struct Block(AtomicU64);

impl Block {
    fn ask(&self) {
        assert_eq!(self.0.load(Ordering::Relaxed), ALIVE, "freed while it is asked");
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

impl Sent for Block {
    fn send(retired: Retired<Self>, outlet: &Outlet) {
        drop(outlet.0.try_send(retired));
    }
}

static STAND_STILL: AtomicBool = AtomicBool::new(false);
static STANDS: AtomicBool = AtomicBool::new(false);

extern "C" fn stand_still(_: libc::c_int) {
    STANDS.store(true, Ordering::SeqCst);
    while STAND_STILL.load(Ordering::SeqCst) {
        // SAFETY: it may be called in a handler; no descriptors are given.
        unsafe { libc::poll(std::ptr::null_mut(), 0, 1) };
    }
    STANDS.store(false, Ordering::SeqCst);
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        if Instant::now() > end {
            eprintln!("stuck: {what}");
            std::process::abort();
        }
        std::thread::yield_now();
    }
}

/// A thread that does the same again and again, counts, and can be stopped anywhere.
struct Worker {
    thread: libc::pthread_t,
    steps: Arc<AtomicUsize>,
}

impl Worker {
    fn start(is_over: &Arc<AtomicBool>, mut step: impl FnMut() + Send + 'static) -> Self {
        let (steps, is_over) = (Arc::new(AtomicUsize::new(0)), Arc::clone(is_over));
        let (tell, told) = sync_channel(1);
        let counted = Arc::clone(&steps);
        std::thread::spawn(move || {
            // SAFETY: it has no precondition.
            tell.send(unsafe { libc::pthread_self() }).unwrap();
            while !is_over.load(Ordering::Relaxed) {
                step();
                counted.fetch_add(1, Ordering::Relaxed);
            }
        });
        Self { thread: told.recv().unwrap(), steps }
    }

    /// Runs `meanwhile` while the thread stands still.
    fn stopped(&self, meanwhile: impl FnOnce()) {
        STAND_STILL.store(true, Ordering::SeqCst);
        // SAFETY: the thread runs until the test is over, which is after this.
        assert_eq!(unsafe { libc::pthread_kill(self.thread, libc::SIGUSR1) }, 0);
        until("the signal arrives", || STANDS.load(Ordering::SeqCst));
        meanwhile();
        STAND_STILL.store(false, Ordering::SeqCst);
        until("the thread goes on", || !STANDS.load(Ordering::SeqCst));
    }

    fn gets_on(&self, what: &str) {
        let end = self.steps.load(Ordering::Relaxed) + STEPS;
        until(what, || self.steps.load(Ordering::Relaxed) >= end);
    }
}

/// One test at a time: there is one signal, and one thread that stands still.
static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());

fn alone() -> std::sync::MutexGuard<'static, ()> {
    let alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    // SAFETY: the handler only touches atomics and calls `poll`.
    unsafe { libc::signal(libc::SIGUSR1, stand_still as *const () as usize) };
    alone
}

#[test]
fn nobody_who_puts_in_waits_for_a_thread_that_stands_still() {
    let _alone = alone();
    let mailbox = Arc::new(Mailbox::<(usize, usize)>::default());
    let is_over = Arc::new(AtomicBool::new(false));
    let waiting = Arc::new(AtomicUsize::new(0));
    let writer = |name: usize| {
        let (mailbox, waiting, mut number) = (Arc::clone(&mailbox), Arc::clone(&waiting), 0);
        move || {
            // Bounded as in the server: whoever finds it full is refused, which is a step, too.
            if waiting.fetch_add(2, Ordering::Relaxed) > WAITING_MAX {
                waiting.fetch_sub(2, Ordering::Relaxed);
                return;
            }
            mailbox.put([(name, number), (name, number + 1)], number % 3 == 0).unwrap();
            number += 2;
        }
    };
    let writers = [0, 1, 2].map(|name| Worker::start(&is_over, writer(name)));
    let reader = {
        let (mailbox, mut next) = (Arc::clone(&mailbox), [0; 3]);
        Worker::start(&is_over, move || {
            for (name, number) in mailbox.take() {
                waiting.fetch_sub(1, Ordering::Relaxed);
                assert_eq!(number, next[name], "everything, once, in order");
                next[name] += 1;
            }
        })
    };
    let [one, two, three] = &writers;
    for stop in 0..STOPS {
        std::thread::sleep(Duration::from_micros(u64::from(stop * 37 % 400)));
        match stop % 3 {
            0 => reader.stopped(|| writers.iter().for_each(|writer| writer.gets_on("one who puts in"))),
            1 => one.stopped(|| {
                two.gets_on("another who puts in");
                reader.gets_on("the one who takes out");
            }),
            _ => two.stopped(|| three.gets_on("a third who puts in")),
        }
    }
    is_over.store(true, Ordering::Relaxed);
}

#[test]
fn nobody_waits_for_a_thread_that_stands_still() {
    let _alone = alone();
    let slot = Arc::new(Slot::new());
    let (sender, receiver) = sync_channel(1 << 10);
    let outlet = Outlet(sender);
    let is_over = Arc::new(AtomicBool::new(false));
    let block = || Block(AtomicU64::new(ALIVE));
    slot.put(block(), &outlet);
    let ask = |slot: &Arc<Slot<Block>>| {
        let slot = Arc::clone(slot);
        move || assert!(slot.with(Block::ask).is_some())
    };
    let (one, two) = (Worker::start(&is_over, ask(&slot)), Worker::start(&is_over, ask(&slot)));
    let publishes = {
        let slot = Arc::clone(&slot);
        Worker::start(&is_over, move || slot.put(block(), &outlet))
    };
    let mut retired: Vec<Retired<Block>> = Vec::new();
    let frees = Worker::start(&is_over, move || {
        retired.extend(receiver.recv_timeout(Duration::from_millis(1)).ok());
        retired = std::mem::take(&mut retired).into_iter().filter_map(|one| one.release().err()).collect();
    });
    for stop in 0..STOPS {
        // Not always at the same place.
        std::thread::sleep(Duration::from_micros(u64::from(stop * 37 % 400)));
        let both = || {
            one.gets_on("one who asks");
            two.gets_on("another who asks");
        };
        match stop % 3 {
            0 => publishes.stopped(both),
            1 => frees.stopped(both),
            // Someone who asks and never finishes: others ask on, and code is published on. What that
            // takes from the allocator is not part of the claim, so only those who ask are counted.
            _ => one.stopped(|| two.gets_on("the other one who asks")),
        }
    }
    is_over.store(true, Ordering::Relaxed);
}
