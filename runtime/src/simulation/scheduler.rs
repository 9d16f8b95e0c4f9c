//! One thread of the system plays all threads of a node, in an order drawn from a seed.
//!
//! Each thread and each task is a coroutine that runs until it waits for something, takes a lock, or uses
//! the disk; then the seed decides who goes on. Time stands still while anybody can run, but for a few
//! microseconds a turn, and jumps to the next timer when nobody can.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::Waker;

use generator::{Generator, Gn};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Words of a coroutine's stack; what is not touched takes no memory.
const STACK_WORDS: usize = 64 << 10;

/// Microseconds.
pub(crate) type Micros = i64;

thread_local! {
    static SIM: RefCell<Option<Sim>> = const { RefCell::new(None) };
    /// The coroutine that runs on this thread.
    static CURRENT: Cell<Option<usize>> = const { Cell::new(None) };
}

/// What unwinds the coroutines of a process that has crashed.
struct Killed;

/// How a simulated process ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Its main function returned.
    Returned,
    /// It was killed.
    Crashed,
    /// A panic that nobody caught.
    Panicked(String),
    /// It went on for longer than anything should.
    Endless(String),
    /// It was busy for longer than anybody watches.
    Cut,
}

/// What a timer does.
enum Due {
    Routine(usize),
    Waker(Waker),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stand {
    Ready,
    Running,
    Parked,
    Done,
}

struct Routine {
    name: Arc<str>,
    body: Option<Generator<'static, (), ()>>,
    stand: Stand,
    /// Somebody woke it while it did not wait.
    token: bool,
    timer: Option<(Micros, u64)>,
    /// What it waited for came before its time.
    woken: bool,
    /// Locks that it holds.
    held: u32,
}

struct Sim {
    random: StdRng,
    now: Arc<AtomicI64>,
    routines: Vec<Routine>,
    ready: BTreeSet<usize>,
    timers: BTreeMap<(Micros, u64), Due>,
    condvars: BTreeMap<u64, Vec<usize>>,
    timer_number: u64,
    steps: u64,
    trace: DefaultHasher,
    /// Taking a lock lets somebody else run once in so many times.
    preempt_in: u32,
    counted: u16,
    crashed: bool,
    killing: bool,
    panicked: Option<String>,
}

/// How a process is run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Taking a lock lets somebody else run once in so many times; 0 for never.
    pub preempt_in: u32,
    /// So many turns end it.
    pub steps_max: u64,
    /// So much time ends it.
    pub time_max: Micros,
}

fn with<T>(what: impl FnOnce(&mut Sim) -> T) -> Option<T> {
    SIM.with(|sim| sim.borrow_mut().as_mut().map(what))
}

/// Whether the caller is simulated.
pub(crate) fn is_on() -> bool {
    CURRENT.with(Cell::get).is_some()
}

/// Runs a process until its main function returns or it is killed. Returns that and a hash of everything
/// that happened.
pub(crate) fn run(
    seed: u64,
    now: Arc<AtomicI64>,
    pace: Pace,
    main: impl FnOnce() + Send + 'static,
) -> (End, u64) {
    let began = now.load(Ordering::Relaxed);
    let sim = Sim {
        random: StdRng::seed_from_u64(seed),
        now,
        routines: Vec::new(),
        ready: BTreeSet::new(),
        timers: BTreeMap::new(),
        condvars: BTreeMap::new(),
        timer_number: 0,
        steps: 0,
        trace: DefaultHasher::new(),
        preempt_in: pace.preempt_in,
        counted: 0,
        crashed: false,
        killing: false,
        panicked: None,
    };
    SIM.with(|place| assert!(place.borrow_mut().replace(sim).is_none(), "one simulation at a time"));
    let main = spawn("main", main);
    let end = loop {
        let stop = with(|sim| sim.stop(main, began, pace)).flatten();
        if let Some(end) = stop {
            break end;
        }
        with(Sim::pass).into_iter().flatten().for_each(Waker::wake);
        match with(|sim| (sim.next(), sim.timers.is_empty())) {
            Some((Some(next), _)) => resume(next),
            // A waker of somebody who does not wait any more.
            Some((None, false)) => {}
            Some((None, true)) | None => {
                break End::Endless(format!("everybody waits for ever: {}", waiting()));
            }
        }
    };
    kill();
    let sim = SIM.with(|place| place.borrow_mut().take());
    let hash = sim.map_or(0, |sim| {
        let mut trace = sim.trace;
        sim.steps.hash(&mut trace);
        trace.finish()
    });
    (end, hash)
}

fn waiting() -> String {
    let of = |sim: &mut Sim| {
        let waits = sim.routines.iter().filter(|routine| routine.stand != Stand::Done);
        waits.map(|routine| routine.name.to_string()).collect::<Vec<_>>().join(", ")
    };
    with(of).unwrap_or_default()
}

impl Sim {
    fn stop(&mut self, main: usize, began: Micros, pace: Pace) -> Option<End> {
        if let Some(words) = self.panicked.take() {
            return Some(End::Panicked(words));
        }
        if self.crashed {
            return Some(End::Crashed);
        }
        if self.routines.get(main).is_none_or(|main| main.stand == Stand::Done) {
            return Some(End::Returned);
        }
        if self.steps > pace.steps_max {
            return Some(End::Cut);
        }
        let passed = self.now.load(Ordering::Relaxed) - began;
        (passed > pace.time_max).then(|| End::Endless(format!("{} s", passed / 1_000_000)))
    }

    /// Lets time pass: a moment, or all of it until the next timer when nobody can run.
    fn pass(&mut self) -> Vec<Waker> {
        self.steps += 1;
        self.now.fetch_add(1, Ordering::Relaxed);
        if self.ready.is_empty()
            && let Some(((at, _), _)) = self.timers.first_key_value()
        {
            let now = self.now.load(Ordering::Relaxed).max(*at);
            self.now.store(now, Ordering::Relaxed);
        }
        self.fire()
    }

    /// Who runs next.
    fn next(&mut self) -> Option<usize> {
        if self.ready.is_empty() {
            return None;
        }
        let number = self.random.random_range(0..self.ready.len());
        let next = *self.ready.iter().nth(number)?;
        self.ready.remove(&next);
        (next, self.now.load(Ordering::Relaxed)).hash(&mut self.trace);
        Some(next)
    }

    /// Wakes those whose time has come.
    fn fire(&mut self) -> Vec<Waker> {
        let now = self.now.load(Ordering::Relaxed);
        let mut due = Vec::new();
        while let Some(entry) = self.timers.first_entry()
            && entry.key().0 <= now
        {
            match entry.remove() {
                Due::Routine(routine) => {
                    self.routines[routine].timer = None;
                    self.wake(routine, false);
                }
                Due::Waker(waker) => due.push(waker),
            }
        }
        due
    }

    fn wake(&mut self, number: usize, woken: bool) {
        let Some(routine) = self.routines.get_mut(number) else { return };
        match routine.stand {
            Stand::Parked => {
                routine.stand = Stand::Ready;
                routine.woken = woken;
                if let Some(timer) = routine.timer.take() {
                    self.timers.remove(&timer);
                }
                self.ready.insert(number);
            }
            Stand::Ready | Stand::Running => routine.token |= woken,
            Stand::Done => {}
        }
    }
}

/// Runs a coroutine until it waits.
fn resume(number: usize) {
    let body = with(|sim| {
        let routine = &mut sim.routines[number];
        routine.stand = Stand::Running;
        routine.body.take()
    });
    let Some(mut body) = body.flatten() else { return };
    CURRENT.with(|current| current.set(Some(number)));
    body.resume();
    CURRENT.with(|current| current.set(None));
    let done = body.is_done();
    let body = if done { None } else { Some(body) };
    with(|sim| {
        let routine = &mut sim.routines[number];
        if done {
            routine.stand = Stand::Done;
        }
        routine.body = body;
    });
}

/// Ends all coroutines by unwinding them, those that hold locks first.
fn kill() {
    let order = with(|sim| {
        sim.killing = true;
        sim.timers.clear();
        let mut order: Vec<usize> = (0..sim.routines.len()).collect();
        order.sort_by_key(|number| std::cmp::Reverse(sim.routines[*number].held));
        order
    });
    for number in order.unwrap_or_default() {
        resume(number);
    }
}

/// Gives the turn back to the scheduler.
#[expect(deprecated, reason = "the other way wants a handle in every function that waits")]
fn switch() {
    generator::yield_with(());
    let killed = with(|sim| sim.killing).unwrap_or(true);
    if killed {
        resume_unwind(Box::new(Killed));
    }
}

/// Whether the caller must not wait, because it is being unwound.
fn is_dying() -> bool {
    let killing = with(|sim| sim.killing).unwrap_or(false);
    if killing && !std::thread::panicking() {
        resume_unwind(Box::new(Killed));
    }
    killing
}

/// Wakes somebody at that time.
pub(super) fn at(until: Micros, waker: Waker) {
    with(|sim| {
        sim.timer_number += 1;
        sim.timers.insert((until, sim.timer_number), Due::Waker(waker));
    });
}

/// Starts a coroutine.
pub(super) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> usize {
    let body = move || {
        if with(|sim| sim.killing).unwrap_or(true) {
            // What it would have worked with goes as if it had been killed.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(work)));
            return;
        }
        if let Err(panic) = catch_unwind(AssertUnwindSafe(work))
            && !panic.is::<Killed>()
        {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            with(|sim| sim.panicked.get_or_insert(text.unwrap_or_else(|| "a panic".to_owned())).len());
        }
    };
    let body = Gn::<()>::new_opt(STACK_WORDS, body);
    with(|sim| {
        let number = sim.routines.len();
        let (stand, token, timer, woken, held) = (Stand::Ready, false, None, false, 0);
        sim.routines.push(Routine { name: name.into(), body: Some(body), stand, token, timer, woken, held });
        sim.ready.insert(number);
        number
    })
    .unwrap_or_default()
}

/// The caller's number.
pub(super) fn me() -> usize {
    CURRENT.with(Cell::get).unwrap_or_default()
}

/// Waits to be woken, until that time if there is one. Whether it was woken.
pub(super) fn park(until: Option<Micros>) -> bool {
    if is_dying() {
        return false;
    }
    let me = me();
    let waits = with(|sim| {
        let routine = &mut sim.routines[me];
        if std::mem::take(&mut routine.token) {
            return false;
        }
        routine.stand = Stand::Parked;
        if let Some(until) = until {
            sim.timer_number += 1;
            let timer = (until, sim.timer_number);
            sim.routines[me].timer = Some(timer);
            sim.timers.insert(timer, Due::Routine(me));
        }
        true
    });
    if waits != Some(true) {
        return true;
    }
    switch();
    with(|sim| sim.routines[me].woken).unwrap_or(false)
}

/// Wakes a coroutine.
pub(super) fn unpark(number: usize) {
    with(|sim| sim.wake(number, true));
}

/// Lets others run.
pub(super) fn turn() {
    if is_dying() {
        return;
    }
    let me = me();
    with(|sim| {
        sim.routines[me].stand = Stand::Ready;
        sim.ready.insert(me);
    });
    switch();
}

/// Lets others run, now and then.
pub(super) fn maybe_turn() {
    if is_dying() {
        return;
    }
    let now = with(|sim| sim.preempt_in > 0 && sim.random.random_range(0..sim.preempt_in) == 0);
    if now == Some(true) {
        turn();
    }
}

/// Waits for so long.
pub(crate) fn pause(micros: Micros) {
    if is_dying() {
        return;
    }
    let until = now() + micros.max(0);
    while now() < until {
        park(Some(until));
        if is_dying() {
            return;
        }
    }
}

/// The time of the simulation; it never goes backwards.
pub(crate) fn now() -> Micros {
    with(|sim| sim.now.load(Ordering::Relaxed)).unwrap_or_default()
}

/// Kills the process at this place, if the caller is in one.
pub(crate) fn crash() {
    if is_on() && !is_dying() {
        with(|sim| sim.crashed = true);
        turn();
    }
}

/// Whether the process is dead: nothing that it does counts any more.
pub(crate) fn is_dead() -> bool {
    with(|sim| sim.crashed || sim.killing).unwrap_or(false)
}

/// Sets how often taking a lock lets others run, and returns what it was.
pub(crate) fn preempt(one_in: u32) -> u32 {
    with(|sim| std::mem::replace(&mut sim.preempt_in, one_in)).unwrap_or_default()
}

/// Counts its calls.
pub(super) fn count() -> u16 {
    let next = |sim: &mut Sim| {
        sim.counted = sim.counted.wrapping_add(1);
        sim.counted
    };
    with(next).unwrap_or_default()
}

/// Draws from the seed.
pub(crate) fn draw<T>(what: impl FnOnce(&mut StdRng) -> T) -> Option<T> {
    with(|sim| what(&mut sim.random))
}

/// Adds something to what is compared between two runs.
pub(crate) fn note(what: impl Hash) {
    with(|sim| what.hash(&mut sim.trace));
}

/// Counts a lock that the caller holds from now on, or does not hold any more.
pub(super) fn hold(more: bool) {
    if let Some(me) = CURRENT.with(Cell::get) {
        with(|sim| {
            let held = &mut sim.routines[me].held;
            *held = if more { *held + 1 } else { held.saturating_sub(1) };
        });
    }
}

/// Stands in the row of those who wait for a condition.
pub(super) fn line_up(condvar: u64) {
    let me = me();
    with(|sim| sim.condvars.entry(condvar).or_default().push(me));
}

/// Leaves that row.
pub(super) fn leave(condvar: u64) {
    let me = me();
    with(|sim| {
        if let Some(row) = sim.condvars.get_mut(&condvar) {
            row.retain(|number| *number != me);
        }
    });
}

/// Wakes the first of that row.
pub(super) fn notify(condvar: u64) {
    with(|sim| {
        let row = sim.condvars.get_mut(&condvar).filter(|row| !row.is_empty());
        if let Some(number) = row.map(|row| row.remove(0)) {
            sim.wake(number, true);
        }
    });
}
