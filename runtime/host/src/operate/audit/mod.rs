//! The audit: whether everything in a store is intact and consistent.
//!
//! It reads a store that nobody writes to meanwhile, and reports for each finding the record, what
//! is wrong and what would repair it. Its rules hold after every commit, so it can run after any of
//! them. It keeps a few hundred bytes per process in memory. It changes nothing; [`repair`] returns
//! the writes.

mod audit_log;
mod bulk;
mod business;
mod definitions;
mod events;
mod findings;
mod histories;
mod instances;
mod kept;
mod launches;
mod listed;
mod meta;
mod modules;
mod programs;
pub mod repair;
mod rows;
mod schedules;
mod searched;
mod seen;
mod waits;

pub use findings::{Audit, Finding, Kind, Repair};

use crate::config::HostConfig;
use bureaucrat_model::Timestamp;
use bureaucrat_store::{Store, StoreError, Table, reading};
use findings::Findings;
use instances::Processes;

/// A key after every possible key.
const END: [u8; 80] = [u8::MAX; 80];

struct Auditor<'a> {
    store: &'a dyn Store,
    config: &'a HostConfig,
    findings: Findings,
    /// The time of the last commit.
    now: Timestamp,
    /// The next number of the sequence.
    sequence: u64,
    /// No timer is due before this.
    fired: Timestamp,
}

/// Audits a store. The configuration says how long things are kept, for what must be rebuilt.
///
/// # Errors
/// If reading fails for reasons other than damage.
pub fn audit(store: &dyn Store, config: &HostConfig) -> Result<Audit, StoreError> {
    let mut auditor = Auditor {
        store,
        config,
        findings: Findings::default(),
        now: Timestamp(0),
        sequence: 0,
        fired: Timestamp(0),
    };
    auditor.meta()?;
    let modules = auditor.modules()?;
    let programs = auditor.programs(&modules)?;
    auditor.definitions(&programs)?;
    let mut processes = auditor.instances(&programs)?;
    auditor.listed(&mut processes)?;
    auditor.searched(&mut processes)?;
    auditor.schedules()?;
    auditor.launches(&mut processes)?;
    auditor.business_keys(&mut processes)?;
    auditor.timers(&mut processes)?;
    auditor.subscriptions(&mut processes)?;
    auditor.recalls(&mut processes)?;
    auditor.outbox(&mut processes)?;
    auditor.unmet(&processes);
    auditor.callers(&processes);
    auditor.histories(&processes)?;
    auditor.events()?;
    auditor.kept()?;
    auditor.letters()?;
    auditor.bulk()?;
    auditor.audit_log()?;
    auditor.seen(&processes)?;
    auditor.mark_fits();
    Ok(auditor.findings.into_audit())
}

impl Auditor<'_> {
    /// Reads every row of a table; what cannot be read becomes a finding.
    fn each(
        &mut self,
        table: Table,
        mut row: impl FnMut(&mut Self, Vec<u8>, Vec<u8>) -> Result<(), StoreError>,
    ) -> Result<Vec<reading::Gap>, StoreError> {
        let mut count = 0;
        let store = self.store;
        let gaps = reading::scan_all(store, table, &[], &END, |key, value| {
            count += 1;
            row(self, key, value)
        })?;
        self.findings.count(table, count);
        for gap in &gaps {
            self.findings.gap(table, gap);
        }
        Ok(gaps)
    }

    /// Notes how far the sequence must have come.
    fn drawn(&mut self, number: u64) {
        self.findings.highest = self.findings.highest.max(number);
    }
}

/// Whether a process exists; behind a damaged record that is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    /// It exists and can be read.
    Here,
    /// It exists, or may exist, and cannot be read.
    Hidden,
    /// It does not exist.
    Absent,
}

impl Processes {
    fn presence(&self, process: bureaucrat_model::ProcessId) -> Presence {
        if self.known.contains_key(&process) {
            Presence::Here
        } else if self.is_hidden(process) {
            Presence::Hidden
        } else {
            Presence::Absent
        }
    }
}
