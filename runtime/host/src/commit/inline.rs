//! Commits on the driver's own thread.
//!
//! While the disk syncs, inputs gather, so the next commit holds all of them. Planning them meanwhile would gain little:
//! what is planned waits for the disk too, and each switch to a thread that writes, and back, costs about as much as an
//! action. It suits a disk of this machine. A database may not answer for a while, and the driver must not wait for that.

use super::{Batch, CommitOutcome, Committer, write};
use crate::meters::Meters;
use bureaucrat_store::Store;
use std::{sync::Arc, time::Instant};

/// Writes each batch as it is submitted.
pub struct Inline {
    store: Arc<dyn Store>,
    meters: Arc<Meters>,
}

impl Inline {
    pub fn new(store: Arc<dyn Store>, meters: Arc<Meters>) -> Self {
        Self { store, meters }
    }
}

impl Committer for Inline {
    fn submit(&self, batch: Batch) -> Option<CommitOutcome> {
        let began = Instant::now();
        let outcome = write(&self.store, vec![batch]).pop();
        self.meters.commit.took(began.elapsed());
        outcome
    }
}
