//! The audit: whether everything that a store holds is whole and fits together.
//!
//! It reads a store that nobody writes meanwhile, and says for each finding which record, what is wrong and what would
//! put it right. What must hold is what every commit leaves behind, so the audit may be asked after any of them. It keeps
//! a few hundred bytes for each process in memory. Nothing is changed in here; [`repair`] gives the writes.

mod events;
mod findings;
mod histories;
mod instances;
mod listed;
mod meta;
mod programs;
pub mod repair;
mod rows;
mod seen;

pub use findings::{Audit, Finding, Kind, Repair};

use crate::config::HostConfig;
use bureaucrat_model::Timestamp;
use bureaucrat_store::{Store, StoreError, Table, reading};
use findings::Findings;
use instances::Processes;

/// A key after every key that there is.
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

/// Audits a store. The configuration says how long things are kept, for what is to be rebuilt.
///
/// # Errors
/// When reading fails for other reasons than damage.
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
    let programs = auditor.programs()?;
    let mut processes = auditor.instances(&programs)?;
    auditor.listed(&mut processes)?;
    auditor.timers(&mut processes)?;
    auditor.subscriptions(&mut processes)?;
    auditor.outbox(&mut processes)?;
    auditor.unmet(&processes);
    auditor.callers(&processes);
    auditor.histories(&processes)?;
    auditor.events()?;
    auditor.letters()?;
    auditor.seen(&processes)?;
    auditor.mark_fits();
    Ok(auditor.findings.into_audit())
}

impl Auditor<'_> {
    /// Every row of a table; what can't be read becomes a finding.
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

/// Whether a process is known; what a damaged record hides is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    /// It is there and reads.
    Here,
    /// It is there, or may be, and can't be read.
    Hidden,
    /// There is none.
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
