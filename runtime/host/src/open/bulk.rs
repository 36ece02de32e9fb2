//! What earlier runs left to do of bulk jobs.

use super::opened::END;
use crate::{
    driver::Driver,
    operate::bulk::{BulkOutcomeRecord, BulkRecord},
    shared::Shared,
};
use bureaucrat_store::{StoreError, Table, keys, reading::scan_all, records};

/// Reads which bulk jobs there are, and what became of their processes that is not counted yet.
pub(super) fn read_bulk(shared: &Shared, driver: &mut Driver) -> Result<(), StoreError> {
    let (planner, _) = driver.parts();
    let (store, damages) = (&*shared.store, &shared.damages);
    let mut found = Vec::new();
    let table = Table::BulkJobs;
    let gaps = scan_all(store, table, &[], &END, |key, value| {
        let Ok(job) = keys::bulk_job_of(&key) else {
            damages.note_key(table, &key);
            return Ok(());
        };
        let record = records::decode::<BulkRecord>(table, &key, &value);
        found.extend(damages.around(None, record)?.map(|record| (job, record)));
        Ok(())
    })?;
    damages.note_gaps(table, &gaps);
    for (job, record) in found {
        let (first, end) = keys::bulk_outcomes(job);
        let after = |place| keys::successor(&keys::bulk_outcome(job, place));
        let from = record.up_to.map_or(first, after);
        let (mut outcomes, table) = (Vec::new(), Table::BulkOutcomes);
        let gaps = scan_all(store, table, &from, &end, |key, value| {
            let outcome = records::decode::<BulkOutcomeRecord>(table, &key, &value);
            match keys::bulk_outcome_of(&key) {
                Ok((_, place)) => {
                    let outcome = damages.around(None, outcome)?;
                    outcomes.extend(outcome.map(|record| (place, record.outcome)));
                }
                Err(_) => damages.note_key(table, &key),
            }
            Ok(())
        })?;
        damages.note_gaps(table, &gaps);
        let retention = shared.config.retention;
        planner
            .bulk
            .add(job, record, outcomes, |at| at.after(retention));
    }
    Ok(())
}
