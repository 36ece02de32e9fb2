//! Failures of Celery tasks that wait for their reasons: what the driver begins when, and that it
//! acknowledges none of them before.

use super::Driver;
use crate::{broker::Delivery, intake::router::Arrival};
use bureaucrat_store::StoreError;
use bureaucrat_wire::FailureDetail;

impl Driver {
    /// Begins with a delivery, unless it is a failure that waits for its reason.
    pub(super) fn hand_in(
        &mut self,
        delivery: Delivery,
        arrival: Arrival,
    ) -> Result<(), StoreError> {
        let now = self.shared.time.now();
        match self.intake.failures.pass((delivery, arrival), now) {
            Some((delivery, arrival)) => self.begin(delivery, arrival),
            None => Ok(()),
        }
    }

    /// Reasons came: begins with the failures that waited for them.
    pub(super) fn explained(&mut self, reasons: Vec<FailureDetail>) -> Result<(), StoreError> {
        let now = self.shared.time.now();
        for reason in reasons {
            if let Some((delivery, arrival)) = self.intake.failures.explain(reason, now) {
                self.begin(delivery, arrival)?;
            }
        }
        Ok(())
    }

    /// Begins with failures that have waited long enough, as far as there is room; returns how many.
    pub(super) fn begin_unexplained(&mut self) -> Result<usize, StoreError> {
        let (now, mut begun) = (self.shared.time.now(), 0);
        while self.has_room() && !self.has_much() {
            let Some((delivery, arrival)) = self.intake.failures.next_overdue(now) else {
                break;
            };
            begun += 1;
            self.begin(delivery, arrival)?;
        }
        Ok(begun)
    }

    fn begin(&mut self, delivery: Delivery, arrival: Arrival) -> Result<(), StoreError> {
        self.backlog.took(delivery.handle, self.pipeline.next());
        self.planner.arrived(delivery, arrival)
    }
}
