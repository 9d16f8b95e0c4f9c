//! What stands in for `std::sync`, `std::thread` and tokio in tests: a scheduler, or the system.

use std::any::Any;
use std::future::Future;
use std::io;
use std::ops::{Deref, DerefMut};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LockResult, PoisonError, TryLockError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use rand::RngCore;
use uuid::Uuid;

use super::scheduler::{self, Micros};
use crate::sync::system;

/// A mutex; whoever takes it may have to let others run first.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(std::sync::Mutex<T>);

/// Holds a [`Mutex`].
pub(crate) struct MutexGuard<'a, T> {
    lock: &'a Mutex<T>,
    guard: Option<std::sync::MutexGuard<'a, T>>,
}

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(std::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        if scheduler::is_on() {
            scheduler::maybe_turn();
        }
        Ok(self.take())
    }

    fn take(&self) -> MutexGuard<'_, T> {
        let guard = match scheduler::is_on() {
            false => self.0.lock().unwrap_or_else(PoisonError::into_inner),
            true => until_free(|| self.0.try_lock()),
        };
        scheduler::hold(true);
        MutexGuard { lock: self, guard: Some(guard) }
    }
}

/// Takes a lock as soon as nobody has it.
fn until_free<G>(take: impl Fn() -> Result<G, TryLockError<G>>) -> G {
    loop {
        match take() {
            Ok(guard) => return guard,
            Err(TryLockError::Poisoned(poisoned)) => return poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                assert!(!std::thread::panicking(), "a lock is held by somebody who is not unwound yet");
                scheduler::turn();
            }
        }
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.guard.as_ref().expect("it is held")
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.guard.as_mut().expect("it is held")
    }
}

impl<T> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        if self.guard.take().is_some() {
            scheduler::hold(false);
        }
    }
}

/// A lock that many may read under.
#[derive(Debug, Default)]
pub(crate) struct RwLock<T>(std::sync::RwLock<T>);

/// Holds an [`RwLock`].
pub(crate) struct Held<G>(G);

pub(crate) type RwLockReadGuard<'a, T> = Held<std::sync::RwLockReadGuard<'a, T>>;
pub(crate) type RwLockWriteGuard<'a, T> = Held<std::sync::RwLockWriteGuard<'a, T>>;

impl<T> RwLock<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(std::sync::RwLock::new(value))
    }

    pub(crate) fn read(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        if !scheduler::is_on() {
            return Ok(Held::of(self.0.read().unwrap_or_else(PoisonError::into_inner)));
        }
        scheduler::maybe_turn();
        Ok(Held::of(until_free(|| self.0.try_read())))
    }

    pub(crate) fn write(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        if !scheduler::is_on() {
            return Ok(Held::of(self.0.write().unwrap_or_else(PoisonError::into_inner)));
        }
        scheduler::maybe_turn();
        Ok(Held::of(until_free(|| self.0.try_write())))
    }
}

impl<G> Held<G> {
    fn of(guard: G) -> Self {
        scheduler::hold(true);
        Self(guard)
    }
}

impl<G: Deref> Deref for Held<G> {
    type Target = G::Target;

    fn deref(&self) -> &G::Target {
        &self.0
    }
}

impl<G: DerefMut> DerefMut for Held<G> {
    fn deref_mut(&mut self) -> &mut G::Target {
        &mut self.0
    }
}

impl<G> Drop for Held<G> {
    fn drop(&mut self) {
        scheduler::hold(false);
    }
}

/// Where others may have their turn, as at every lock.
pub(crate) fn step() {
    if scheduler::is_on() {
        scheduler::maybe_turn();
    }
}

/// Something to wait for under a [`Mutex`].
#[derive(Debug, Default)]
pub(crate) struct Condvar {
    system: std::sync::Condvar,
    /// Its number in a simulation, once somebody has waited; 0 before.
    number: AtomicU64,
}

/// Whether a wait ended because its time was over.
pub(crate) struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    pub(crate) fn timed_out(&self) -> bool {
        self.0
    }
}

impl Condvar {
    pub(crate) fn notify_one(&self) {
        let number = self.number.load(Ordering::Relaxed);
        if number > 0 {
            scheduler::notify(number);
        }
        self.system.notify_one();
    }

    pub(crate) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        if scheduler::is_on() {
            return Ok(self.simulated(guard, None).0);
        }
        let (lock, std) = guard.apart();
        let guard = self.system.wait(std).unwrap_or_else(PoisonError::into_inner);
        Ok(MutexGuard { lock, guard: Some(guard) })
    }

    pub(crate) fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        at_most: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        if scheduler::is_on() {
            let (guard, woken) = self.simulated(guard, Some(at_most));
            return Ok((guard, WaitTimeoutResult(!woken)));
        }
        let (lock, std) = guard.apart();
        let waited = self.system.wait_timeout(std, at_most).unwrap_or_else(PoisonError::into_inner);
        Ok((MutexGuard { lock, guard: Some(waited.0) }, WaitTimeoutResult(waited.1.timed_out())))
    }

    fn simulated<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        at_most: Option<Duration>,
    ) -> (MutexGuard<'a, T>, bool) {
        static NUMBERS: AtomicU64 = AtomicU64::new(1);
        if self.number.load(Ordering::Relaxed) == 0 {
            self.number.store(NUMBERS.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        }
        let number = self.number.load(Ordering::Relaxed);
        let lock = guard.lock;
        scheduler::line_up(number);
        drop(guard);
        let woken = scheduler::park(at_most.map(after));
        scheduler::leave(number);
        (lock.take(), woken)
    }
}

impl<'a, T> MutexGuard<'a, T> {
    fn apart(mut self) -> (&'a Mutex<T>, std::sync::MutexGuard<'a, T>) {
        (self.lock, self.guard.take().expect("it is held"))
    }
}

fn after(wait: Duration) -> Micros {
    scheduler::now().saturating_add(Micros::try_from(wait.as_micros()).unwrap_or(Micros::MAX))
}

/// A thread of the system or a coroutine.
pub(crate) enum JoinHandle<T> {
    System(std::thread::JoinHandle<T>),
    Simulated(Arc<Ending<T>>),
}

/// How a coroutine ended.
pub(crate) struct Ending<T> {
    result: std::sync::Mutex<Option<std::thread::Result<T>>>,
    waits: std::sync::Mutex<Option<usize>>,
}

impl<T> JoinHandle<T> {
    pub(crate) fn is_finished(&self) -> bool {
        match self {
            Self::System(handle) => handle.is_finished(),
            Self::Simulated(ending) => ending.result.lock().unwrap().is_some(),
        }
    }

    pub(crate) fn join(self) -> std::thread::Result<T> {
        let ending = match self {
            Self::System(handle) => return handle.join(),
            Self::Simulated(ending) => ending,
        };
        loop {
            if let Some(result) = ending.result.lock().unwrap().take() {
                return result;
            }
            if !scheduler::is_on() {
                let gone: Box<dyn Any + Send> = Box::new("the process is gone");
                return Err(gone);
            }
            *ending.waits.lock().unwrap() = Some(scheduler::me());
            scheduler::park(None);
        }
    }
}

/// Starts a thread.
pub(crate) fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    if !scheduler::is_on() {
        return system::spawn(name, work).map(JoinHandle::System);
    }
    let ending = Arc::new(Ending { result: std::sync::Mutex::new(None), waits: std::sync::Mutex::new(None) });
    let theirs = Arc::clone(&ending);
    scheduler::spawn(name, move || {
        let result = work();
        *theirs.result.lock().unwrap() = Some(Ok(result));
        let waits = theirs.waits.lock().unwrap().take();
        if let Some(waits) = waits {
            scheduler::unpark(waits);
        }
    });
    Ok(JoinHandle::Simulated(ending))
}

/// Wakes a coroutine that waits for a future.
struct Alarm(usize);

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        scheduler::unpark(self.0);
    }
}

/// Waits for a future in a coroutine.
pub(crate) fn wait_for<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Alarm(scheduler::me())));
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        scheduler::park(None);
    }
}

/// Where tasks run that nobody waits for.
#[derive(Clone)]
pub(crate) enum Tasks {
    System(system::Tasks),
    Simulated,
}

impl Tasks {
    pub(crate) fn current() -> Self {
        if scheduler::is_on() { Self::Simulated } else { Self::System(system::Tasks::current()) }
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        match self {
            Self::System(tasks) => tasks.spawn(task),
            Self::Simulated => drop(scheduler::spawn("task", move || wait_for(task))),
        }
    }
}

/// Does work that may block.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    if scheduler::is_on() { Ok(work()) } else { system::blocking(work).await }
}

/// Waits.
pub(crate) async fn sleep(how_long: Duration) {
    if scheduler::is_on() {
        Sleep { until: after(how_long), asked: false }.await;
    } else {
        system::sleep(how_long).await;
    }
}

/// A time to come.
struct Sleep {
    until: Micros,
    asked: bool,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if scheduler::now() >= self.until {
            return Poll::Ready(());
        }
        if !std::mem::replace(&mut self.asked, true) {
            // Of all who may poll, only coroutines do, so the waker stays the same.
            let (waker, until) = (context.waker().clone(), self.until);
            scheduler::at(until, waker);
        }
        Poll::Pending
    }
}

/// Waits for something for at most so long.
pub(crate) async fn within<T>(at_most: Duration, what: impl Future<Output = T>) -> Option<T> {
    if !scheduler::is_on() {
        return system::within(at_most, what).await;
    }
    let (mut what, mut sleep) = (pin!(what), pin!(Sleep { until: after(at_most), asked: false }));
    std::future::poll_fn(|context| match what.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => sleep.as_mut().poll(context).map(|()| None),
    })
    .await
}

/// A number that nobody can guess; in a simulation, one that the seed knows.
pub(crate) fn random() -> io::Result<u64> {
    scheduler::draw(RngCore::next_u64).map_or_else(system::random, Ok)
}

/// A fresh UUIDv7.
pub(crate) fn uuid() -> Uuid {
    let random = scheduler::draw(|random| {
        let mut bytes = [0; 10];
        random.fill_bytes(&mut bytes);
        bytes
    });
    let Some(mut random) = random else { return system::uuid() };
    // Like the real ones, those of one process sort by the time they were made.
    let now = scheduler::now();
    let micros = u16::try_from(now % 1_000).unwrap_or(0);
    [random[0], random[1]] = micros.to_be_bytes();
    [random[3], random[4]] = scheduler::count().to_be_bytes();
    random[2] = 0;
    uuid::Builder::from_unix_timestamp_millis((now / 1_000).unsigned_abs(), &random).into_uuid()
}
