//! Closes the records before the next host opens them, or the process ends.
//!
//! A host's threads share the records and let go of them one by one. The last one closes them, and
//! this must be the main thread: a session with the database has a lock that the next one needs, and
//! the end of the main thread ends the process, for which RocksDB takes down what another thread would
//! still need to close a folder. It aborts the process then.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// How often to look whether the others have let go.
const LOOK: Duration = Duration::from_millis(5);

/// Waits until nobody else has `shared`, then drops it. Returns whether it is dropped; it is not if
/// another still has it after `limit`.
pub fn close<T>(shared: Arc<T>, limit: Duration) -> bool {
    let deadline = Instant::now() + limit;
    let mut shared = shared;
    loop {
        shared = match Arc::try_unwrap(shared) {
            Ok(only) => {
                drop(only);
                return true;
            }
            Err(shared) if Instant::now() < deadline => shared,
            Err(_) => return false,
        };
        thread::sleep(LOOK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// Takes a while to close, like a folder of records.
    struct Slow(Arc<AtomicBool>);

    impl Drop for Slow {
        fn drop(&mut self) {
            thread::sleep(Duration::from_millis(100));
            self.0.store(true, Ordering::SeqCst);
        }
    }

    #[test]
    fn it_is_closed_when_the_last_user_has_let_go() {
        let is_closed = Arc::new(AtomicBool::new(false));
        let shared = Arc::new(Slow(is_closed.clone()));
        let user = shared.clone();
        let thread = thread::spawn(move || {
            thread::sleep(Duration::from_millis(20));
            drop(user);
        });
        assert!(close(shared, Duration::from_secs(60)));
        assert!(is_closed.load(Ordering::SeqCst));
        thread.join().expect("the user does not panic");
    }

    #[test]
    fn a_user_who_never_lets_go_does_not_hold_up_the_end() {
        let is_closed = Arc::new(AtomicBool::new(false));
        let shared = Arc::new(Slow(is_closed.clone()));
        let user = shared.clone();
        assert!(!close(shared, Duration::ZERO));
        assert!(!is_closed.load(Ordering::SeqCst));
        drop(user);
    }
}
