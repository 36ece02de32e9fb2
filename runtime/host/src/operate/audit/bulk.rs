//! Bulk jobs can be read, and each outcome belongs to one.

use super::{Auditor, Repair};
use crate::operate::{
    bulk::{BulkOutcomeRecord, BulkRecord},
    commands::Order,
    query::Wanted,
};
use bureaucrat_store::{StoreError, Table, keys, records};
use std::collections::BTreeSet;

impl Auditor<'_> {
    pub(super) fn bulk(&mut self) -> Result<(), StoreError> {
        let mut jobs = BTreeSet::new();
        let table = Table::BulkJobs;
        let gaps = self.each(table, |auditor, key, value| {
            let job = match keys::bulk_job_of(&key) {
                Ok(job) => job,
                Err(error) => {
                    auditor.stranger(table, &key, &error.to_string());
                    return Ok(());
                }
            };
            jobs.insert(job);
            auditor.drawn(job);
            let problem = match records::decode::<BulkRecord>(table, &key, &value) {
                Ok(record) => unreadable(&record),
                Err(error) => Some(error.to_string()),
            };
            if let Some(what) = problem {
                let findings = &mut auditor.findings;
                findings.damaged(table, &key, None, what, Repair::None);
            }
            Ok(())
        })?;
        let table = Table::BulkOutcomes;
        self.each(table, |auditor, key, value| {
            let (job, place) = match keys::bulk_outcome_of(&key) {
                Ok(read) => read,
                Err(error) => {
                    auditor.stranger(table, &key, &error.to_string());
                    return Ok(());
                }
            };
            if gaps.is_empty() && !jobs.contains(&job) {
                let what = "there is no such bulk job".to_owned();
                auditor
                    .findings
                    .orphan(table, &key, Some(place.process), what);
                return Ok(());
            }
            if let Err(error) = records::decode::<BulkOutcomeRecord>(table, &key, &value) {
                let (findings, what) = (&mut auditor.findings, error.to_string());
                findings.damaged(table, &key, None, what, Repair::None);
            }
            Ok(())
        })?;
        Ok(())
    }
}

/// Why the order or the search of a job cannot be read, if that is so.
fn unreadable(record: &BulkRecord) -> Option<String> {
    let order = serde_json::from_str::<Order>(&record.order).err();
    let wanted = serde_json::from_str::<Wanted>(&record.wanted).err();
    order.or(wanted).map(|error| error.to_string())
}
