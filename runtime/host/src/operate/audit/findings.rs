//! What an audit finds.

use bureaucrat_model::{Hex, ProcessId, Timestamp};
use bureaucrat_store::{Table, Write, reading::Gap};
use std::{collections::BTreeMap, fmt};

/// The most findings that are kept; further ones are counted.
const FINDINGS_MAX: usize = 100_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// It cannot be read, or its key is malformed.
    Damaged,
    /// It should exist but does not.
    Missing,
    Orphan,
    /// It can be read, but contradicts itself or others.
    Inconsistent,
}

impl Kind {
    /// The kind in one word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Damaged => "damaged",
            Self::Missing => "missing",
            Self::Orphan => "orphan",
            Self::Inconsistent => "inconsistent",
        }
    }
}

/// What would repair a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repair {
    /// These writes: what is missing follows from other records.
    Rebuild(Vec<Write>),
    /// Removing the record; nothing that others need is lost.
    Remove,
    /// Nothing that the store still knows.
    None,
}

impl Repair {
    /// The repair in one word.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Rebuild(_) => "rebuild",
            Self::Remove => "remove",
            Self::None => "none",
        }
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub table: Table,
    /// The key of the record, which may be missing.
    pub key: Vec<u8>,
    /// The process that it concerns, if any.
    pub process: Option<ProcessId>,
    /// In one word.
    pub kind: Kind,
    /// In a sentence.
    pub what: String,
    pub repair: Repair,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} {}: {}",
            self.table.name(),
            Hex(&self.key),
            self.kind.word(),
            self.what
        )
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Audit {
    /// The findings, at most 100,000.
    pub findings: Vec<Finding>,
    /// How many more there are.
    pub left_out: u64,
    /// How many parts of tables cannot be read; only a rebuilt store is without them.
    pub unreadable: u64,
    /// How many readable records each table has.
    pub records: BTreeMap<Table, u64>,
}

impl Audit {
    /// Whether there are no findings.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }
}

#[derive(Debug, Default)]
pub(super) struct Findings {
    audit: Audit,
    /// The highest sequence number in a record.
    pub highest: u64,
    /// When the first timer is due.
    pub earliest: Option<Timestamp>,
    /// What is wrong with the mark.
    pub damaged_mark: Option<(Vec<u8>, String)>,
}

impl Findings {
    pub fn push(&mut self, finding: Finding) {
        if self.audit.findings.len() < FINDINGS_MAX {
            self.audit.findings.push(finding);
        } else {
            self.audit.left_out += 1;
        }
    }

    /// A record that cannot be read.
    pub fn damaged(
        &mut self,
        table: Table,
        key: &[u8],
        process: Option<ProcessId>,
        what: String,
        repair: Repair,
    ) {
        self.push(Finding {
            table,
            key: key.to_vec(),
            process,
            kind: Kind::Damaged,
            what,
            repair,
        });
    }

    /// A record that nothing needs.
    pub fn orphan(&mut self, table: Table, key: &[u8], process: Option<ProcessId>, what: String) {
        self.push(Finding {
            table,
            key: key.to_vec(),
            process,
            kind: Kind::Orphan,
            what,
            repair: Repair::Remove,
        });
    }

    /// A missing record, and the write that restores it.
    pub fn missing(&mut self, write: Write, process: Option<ProcessId>, what: String) {
        let (Write::Put { table, key, .. } | Write::Delete { table, key }) = &write;
        self.push(Finding {
            table: *table,
            key: key.clone(),
            process,
            kind: Kind::Missing,
            what,
            repair: Repair::Rebuild(vec![write]),
        });
    }

    /// A record that contradicts itself or others.
    pub fn inconsistent(
        &mut self,
        table: Table,
        key: &[u8],
        process: Option<ProcessId>,
        what: String,
    ) {
        self.push(Finding {
            table,
            key: key.to_vec(),
            process,
            kind: Kind::Inconsistent,
            what,
            repair: Repair::None,
        });
    }

    /// A part of a table that cannot be read.
    pub fn gap(&mut self, table: Table, gap: &Gap) {
        let what = format!(
            "cannot read the records from here to {}: {}",
            Hex(&gap.to),
            gap.reason
        );
        self.audit.unreadable += 1;
        self.damaged(table, &gap.from, None, what, Repair::None);
    }

    pub fn count(&mut self, table: Table, count: u64) {
        self.audit.records.insert(table, count);
    }

    pub fn into_audit(self) -> Audit {
        self.audit
    }
}
