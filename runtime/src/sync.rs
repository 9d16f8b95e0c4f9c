//! Threads, locks, waits and chance of a node: the system's, or those of a simulation.
//!
//! In a simulation (`src/simulation.rs`) one scheduler decides who runs next and what time it is. In a
//! release build these are the ones of `std` and tokio under other names.

#[cfg(test)]
pub(crate) use crate::simulation::sync::*;

#[cfg(not(test))]
pub(crate) use self::system::*;

/// What the system has.
pub(crate) mod system {
    #![cfg_attr(test, allow(unused_imports, reason = "a simulation has its own locks"))]

    use std::future::Future;
    use std::io;
    use std::time::Duration;

    use ring::rand::{SecureRandom, SystemRandom};
    use uuid::Uuid;

    pub(crate) use std::sync::{Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
    pub(crate) use std::thread::JoinHandle;

    /// Starts a thread.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(crate) fn spawn<T: Send + 'static>(
        name: &str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<JoinHandle<T>> {
        std::thread::Builder::new().name(name.to_owned()).spawn(work)
    }

    /// Where tasks run that nobody waits for.
    #[derive(Clone)]
    pub(crate) struct Tasks(tokio::runtime::Handle);

    impl Tasks {
        /// Those of the runtime that this is called in.
        pub(crate) fn current() -> Self {
            Self(tokio::runtime::Handle::current())
        }

        /// Starts a task.
        pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
            drop(self.0.spawn(task));
        }
    }

    /// Does work on a thread that may block.
    ///
    /// # Errors
    /// It panicked, or the runtime ends.
    pub(crate) async fn blocking<T: Send + 'static>(
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        tokio::task::spawn_blocking(work).await.map_err(io::Error::other)
    }

    /// A place where a simulation may let others run, as it does at every lock.
    #[inline]
    #[cfg_attr(test, allow(dead_code, reason = "a simulation has its own"))]
    pub(crate) fn step() {}

    /// Waits.
    pub(crate) async fn sleep(how_long: Duration) {
        tokio::time::sleep(how_long).await;
    }

    /// Waits for something for at most so long; `None` when it took longer.
    pub(crate) async fn within<T>(at_most: Duration, what: impl Future<Output = T>) -> Option<T> {
        tokio::time::timeout(at_most, what).await.ok()
    }

    /// A number that nobody can guess.
    ///
    /// # Errors
    /// The system has none.
    pub(crate) fn random() -> io::Result<u64> {
        let mut bytes = [0; 8];
        let error = |_| io::Error::other("the system has no random numbers");
        SystemRandom::new().fill(&mut bytes).map_err(error)?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// A fresh UUIDv7.
    pub(crate) fn uuid() -> Uuid {
        Uuid::now_v7()
    }
}
