//! Whether questions to the server are answered, known without asking it.

use std::{
    sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    time::{Duration, Instant},
};

/// Questions of one kind that are under way.
#[derive(Debug)]
pub struct Pulse {
    began: Instant,
    under_way: AtomicUsize,
    /// When the first of them began or the last one ended, in milliseconds since `began`.
    beat: AtomicU64,
}

/// A question, until this is dropped.
pub struct Question<'a>(&'a Pulse);

impl Pulse {
    pub fn new() -> Self {
        Self {
            began: Instant::now(),
            under_way: AtomicUsize::new(0),
            beat: AtomicU64::new(0),
        }
    }

    pub fn asks(&self) -> Question<'_> {
        if self.under_way.load(Relaxed) == 0 {
            self.note();
        }
        self.under_way.fetch_add(1, Relaxed);
        Question(self)
    }

    /// For how long none of those that are under way has been answered; none if nothing is.
    pub fn silence(&self) -> Option<Duration> {
        let is_asking = self.under_way.load(Relaxed) > 0;
        let beat = Duration::from_millis(self.beat.load(Relaxed));
        is_asking.then(|| self.began.elapsed().saturating_sub(beat))
    }

    fn note(&self) {
        let now = u64::try_from(self.began.elapsed().as_millis());
        self.beat.store(now.unwrap_or(u64::MAX), Relaxed);
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        self.0.note();
        self.0.under_way.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_questions_without_an_answer_are_silence() {
        let pulse = Pulse::new();
        assert_eq!(pulse.silence(), None);
        let (first, second) = (pulse.asks(), pulse.asks());
        let before = pulse.silence().unwrap();
        std::thread::sleep(Duration::from_millis(20));
        assert!(pulse.silence().unwrap() >= before + Duration::from_millis(18));
        let until = Instant::now();
        drop(first);
        assert!(pulse.silence().unwrap() <= until.elapsed() + Duration::from_millis(1));
        drop(second);
        assert_eq!(pulse.silence(), None);
    }
}
