//! A line on the terminal for anything that takes longer than two seconds; nothing without a
//! terminal.

use std::{
    io::{self, IsTerminal, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// How long something may take silently.
const PATIENCE: Duration = Duration::from_secs(2);

/// Shows what is happening until it is dropped, which removes the line.
pub struct Progress {
    running: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// Begins; the line appears after a while, and only on a terminal.
    pub fn start(what: &'static str) -> Self {
        Self::showing(what, String::new)
    }

    /// The same, with how many of something were done.
    pub fn counting(what: &'static str, things: &'static str, count: Arc<AtomicU64>) -> Self {
        Self::showing(what, move || {
            format!(", {} {things}", count.load(Ordering::Relaxed))
        })
    }

    fn showing(what: &'static str, more: impl Fn() -> String + Send + 'static) -> Self {
        if !io::stderr().is_terminal() {
            return Self { running: None };
        }
        let (ended, wait) = mpsc::channel::<()>();
        let started = Instant::now();
        let thread = std::thread::spawn(move || {
            let mut pause = PATIENCE;
            let mut shown = false;
            while wait.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                pause = Duration::from_secs(1);
                shown = true;
                eprint!("\r{what} … {} s{}", started.elapsed().as_secs(), more());
                // If the terminal is gone, the work continues.
                let _ = io::stderr().flush();
            }
            if shown {
                eprint!("\r\x1b[2K");
            }
        });
        Self {
            running: Some((ended, thread)),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((ended, thread)) = self.running.take() {
            drop(ended);
            // The thread only prints; if it panicked, there is nothing to do about it.
            let _ = thread.join();
        }
    }
}
