//! Limits the bytes of delivered messages in memory: while there are too many, the connection that
//! delivers more is not read.
//!
//! A prefetch counts messages, and each may be as large as the broker allows. The [`Hold`] of each
//! delivery counts what the host holds; the connection counts what was read but not handed over
//! yet. Reading stops only while the host holds something, so it always continues.

use bureaucrat_host::broker::Hold;
use bureaucrat_model::lock;
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
};

/// What the host holds of one queue's deliveries, over all connections.
#[derive(Debug)]
pub(crate) struct InHand {
    bound: usize,
    held: AtomicUsize,
    reader: Mutex<Option<Waker>>,
}

impl InHand {
    /// Empty, with a limit of about `bound` bytes: or one message, if it is larger.
    pub fn new(bound: usize) -> Arc<Self> {
        Arc::new(Self {
            bound,
            held: AtomicUsize::new(0),
            reader: Mutex::new(None),
        })
    }

    /// The bytes that the host holds now.
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Acquire)
    }

    fn release(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Ordering::AcqRel);
        if let Some(reader) = self.reader().take() {
            reader.wake();
        }
    }

    fn reader(&self) -> std::sync::MutexGuard<'_, Option<Waker>> {
        lock(&self.reader)
    }
}

/// One connection's share: counts what was read on its way to the host.
#[derive(Debug)]
pub(crate) struct Intake {
    in_hand: Arc<InHand>,
    /// Bytes of bodies that were read but not handed over.
    coming: AtomicUsize,
}

impl Intake {
    /// The intake of a new connection.
    pub fn new(in_hand: &Arc<InHand>) -> Arc<Self> {
        Arc::new(Self {
            in_hand: Arc::clone(in_hand),
            coming: AtomicUsize::new(0),
        })
    }

    /// This many bytes of bodies were read.
    pub fn read(&self, bytes: usize) {
        self.coming.fetch_add(bytes, Ordering::AcqRel);
    }

    /// A body of this size is handed over; it counts as long as the hold exists.
    pub fn hand_over(&self, bytes: usize) -> Hold {
        self.in_hand.held.fetch_add(bytes, Ordering::AcqRel);
        // There is nothing to subtract for an empty body, or for one that a connection without this
        // count read.
        let _ = self
            .coming
            .try_update(Ordering::AcqRel, Ordering::Acquire, |coming| {
                Some(coming.saturating_sub(bytes))
            });
        Hold::new(Held {
            in_hand: Arc::clone(&self.in_hand),
            bytes,
        })
    }

    /// Ready when more may be read.
    pub fn poll_open(&self, context: &mut Context<'_>) -> Poll<()> {
        if !self.is_full() {
            return Poll::Ready(());
        }
        *self.in_hand.reader() = Some(context.waker().clone());
        // A release before the waker was registered woke nobody.
        if self.is_full() {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }

    fn is_full(&self) -> bool {
        let held = self.in_hand.held.load(Ordering::Acquire);
        held > 0 && held + self.coming.load(Ordering::Acquire) >= self.in_hand.bound
    }
}

/// Releases its bytes when it is dropped.
struct Held {
    in_hand: Arc<InHand>,
    bytes: usize,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.in_hand.release(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{sync::atomic::AtomicU32, task::Wake};

    #[derive(Default)]
    struct Woken(AtomicU32);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::AcqRel);
        }
    }

    #[test]
    fn reading_stops_at_the_bound_and_goes_on_below_it() {
        let woken = Arc::<Woken>::default();
        let waker = Waker::from(woken.clone());
        let mut context = Context::from_waker(&waker);
        let in_hand = InHand::new(100);
        let intake = Intake::new(&in_hand);
        intake.read(500);
        assert!(
            intake.poll_open(&mut context).is_ready(),
            "a message that is larger than the bound has to come whole"
        );
        let large = intake.hand_over(500);
        assert!(intake.poll_open(&mut context).is_pending());
        let copy = large.clone();
        drop(large);
        assert!(intake.poll_open(&mut context).is_pending());
        drop(copy);
        assert_eq!(woken.0.load(Ordering::Acquire), 1);
        assert!(intake.poll_open(&mut context).is_ready());
        intake.read(60);
        let small = intake.hand_over(60);
        assert!(intake.poll_open(&mut context).is_ready());
        intake.read(40);
        assert!(intake.poll_open(&mut context).is_pending());
        let next = Intake::new(&in_hand);
        assert!(
            next.poll_open(&mut context).is_ready(),
            "what the last connection had not handed over is gone with it"
        );
        drop(small);
        assert!(intake.poll_open(&mut context).is_ready());
    }
}
