//! Locks whose holder panicked.
//!
//! A panic on one thread poisons the locks that it held. Here every state behind a lock is whole
//! between statements, so the poison says nothing that matters: the other threads continue with
//! what is there.

use std::sync::{LockResult, Mutex, MutexGuard, PoisonError};

/// Locks, whether or not a holder panicked.
pub fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    unpoisoned(mutex.lock())
}

/// What a lock, a wait on a condition or a `Mutex::into_inner` returns, whether or not a holder
/// panicked.
pub fn unpoisoned<T>(result: LockResult<T>) -> T {
    result.unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_outlives_the_panic_of_its_holder() {
        let mutex = Mutex::new(1);
        let panicked = std::thread::scope(|scope| {
            let holder = scope.spawn(|| {
                *lock(&mutex) = 2;
                let _held = lock(&mutex);
                panic!("on purpose");
            });
            holder.join()
        });
        assert!(panicked.is_err() && mutex.is_poisoned());
        assert_eq!(*lock(&mutex), 2);
        assert_eq!(unpoisoned(mutex.into_inner()), 2);
    }
}
