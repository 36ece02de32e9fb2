//! What earlier runs left to do of bulk jobs.

use crate::{driver::Driver, operate::bulk, shared::Shared};
use bureaucrat_store::StoreError;

/// Reads which bulk jobs there are, and what became of their processes that is not counted yet.
pub(super) fn read_bulk(shared: &Shared, driver: &mut Driver) -> Result<(), StoreError> {
    let (planner, _) = driver.parts();
    let asked = shared.asked();
    for (job, record) in bulk::all(&asked)? {
        let outcomes = match record.status.ended_at() {
            Some(_) => Vec::new(),
            None => bulk::uncounted(&asked, job, &record)?,
        };
        let retention = shared.config.retention;
        planner.bulk.add(job, record, outcomes, retention);
    }
    Ok(())
}
