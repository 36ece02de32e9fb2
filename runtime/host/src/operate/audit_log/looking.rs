//! Looking at the audit log: a page at a time, newest first. A page begins after an entry, so it stays the same whatever is
//! ordered meanwhile.

use super::{About, AuditEntry, AuditRecord, Verb};
use crate::operate::{query::QueryAnswer, questions::Asked};
use bureaucrat_model::{IdPrefix, Timestamp, Version};
use bureaucrat_store::{Row, StoreError, Table, keys, reading::scan_around, records};
use serde::{Deserialize, Serialize};

/// The most entries of an answer.
const ANSWERED_MAX: usize = 1_000;
/// Entries that an answer reads; what follows is for the next one.
const READ_MAX: usize = 20_000;

/// Which entries are meant: those that have everything that is given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditQuery {
    /// The name of who gave the order.
    pub by: Option<String>,
    pub verb: Option<Verb>,
    /// About this process.
    pub process: Option<IdPrefix>,
    /// About this definition, a process of it, or with a version about that version. A process that was migrated is of both.
    pub definition: Option<(String, Option<Version>)>,
    pub job: Option<u64>,
    /// Concerns this user alone.
    pub user: Option<String>,
    /// At this time or later.
    pub from: Option<Timestamp>,
    /// Before this time.
    pub before: Option<Timestamp>,
    /// Only entries older than this one.
    pub after: Option<u64>,
    /// At most this many; the engine returns at most 1,000.
    pub limit: usize,
}

/// A page of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditPage {
    /// Newest first.
    pub entries: Vec<AuditRecord>,
    /// What the next page begins after, if there may be more.
    pub next: Option<u64>,
    /// The engine's time.
    pub now: Timestamp,
}

impl AuditQuery {
    fn fits(&self, entry: &AuditEntry) -> bool {
        let by = self.by.as_deref();
        by.is_none_or(|by| entry.name() == Some(by))
            && self.verb.is_none_or(|verb| verb == entry.verb)
            && self.job.is_none_or(
                |wanted| matches!(&entry.about, About::Job { job, .. } if *job == wanted),
            )
            && (self.user.is_none() || self.user.as_deref() == entry.about.user())
            && self.is_about_process(&entry.about)
            && self.is_about_definition(entry)
    }

    fn is_about_process(&self, about: &About) -> bool {
        let Some(prefix) = &self.process else {
            return true;
        };
        let (first, last) = prefix.range();
        matches!(about, About::Process { process, .. } if (first..=last).contains(process))
    }

    fn is_about_definition(&self, entry: &AuditEntry) -> bool {
        let Some((wanted, number)) = &self.definition else {
            return true;
        };
        match &entry.about {
            About::Process {
                definition,
                version,
                ..
            } => {
                let migrated = entry.versions().zip(*number);
                let is_new = migrated.is_some_and(|((_, to), number)| {
                    let rest = to.strip_prefix(wanted.as_str());
                    rest.is_some_and(|rest| rest == format!("@{number}"))
                });
                definition == wanted && (number.is_none() || version == number || is_new)
            }
            About::Definition { name, versions, .. } => {
                name.as_str() == wanted && number.is_none_or(|number| versions.contains(&number))
            }
            About::Job { .. } | About::Module { .. } | About::Letter { .. } => false,
        }
    }

    /// Whether it leaves entries out that are neither too new nor too old.
    fn chooses(&self) -> bool {
        self.by.is_some()
            || self.verb.is_some()
            || self.process.is_some()
            || self.definition.is_some()
            || self.job.is_some()
            || self.user.is_some()
    }
}

/// # Errors
/// If the store fails.
pub(crate) fn look(asked: &Asked<'_>, query: &AuditQuery) -> Result<QueryAnswer, StoreError> {
    let mut page = AuditPage {
        entries: Vec::new(),
        next: None,
        now: asked.now,
    };
    let newest = match query.after {
        Some(after) => after.checked_sub(1),
        None => Some(u64::MAX),
    };
    let newest = match (newest, query.before) {
        (Some(newest), Some(before)) => last_before(asked, newest, before)?,
        (newest, None) | (newest @ None, Some(_)) => newest,
    };
    if let Some(newest) = newest {
        fill(asked, query, newest, &mut page)?;
    }
    Ok(QueryAnswer::Audit(page))
}

fn fill(
    asked: &Asked<'_>,
    query: &AuditQuery,
    newest: u64,
    page: &mut AuditPage,
) -> Result<(), StoreError> {
    let limit = query.limit.clamp(1, ANSWERED_MAX);
    let (first, end) = keys::audit_entries_from(newest);
    let at_once = match query.chooses() {
        true => 1_000,
        false => limit + 1,
    };
    let (mut next, mut read, mut last) = (Some(first), 0, None);
    while let Some(from) = next {
        if read >= READ_MAX {
            page.next = last;
            return Ok(());
        }
        let portion = scan_around(asked.store, Table::AuditLog, &from, &end, at_once)?;
        asked.damages.note_gaps(Table::AuditLog, &portion.gaps);
        read += portion.rows.len();
        for row in &portion.rows {
            let Some(record) = record(asked, row)? else {
                continue;
            };
            if query.from.is_some_and(|from| record.at < from) {
                return Ok(());
            }
            last = Some(record.number);
            if !query.fits(&record.entry) {
                continue;
            }
            if page.entries.len() == limit {
                page.next = page.entries.last().map(|record| record.number);
                return Ok(());
            }
            page.entries.push(record);
        }
        next = portion.next;
    }
    Ok(())
}

/// The number of the newest entry up to `newest` that was written before a time. Entries are in the order of time.
fn last_before(
    asked: &Asked<'_>,
    newest: u64,
    before: Timestamp,
) -> Result<Option<u64>, StoreError> {
    let Some(first) = at_most(asked, newest)? else {
        return Ok(None);
    };
    let (mut low, mut high) = (0, first.number);
    while low < high {
        let middle = high - (high - low) / 2;
        match at_most(asked, middle)? {
            Some(record) if record.at >= before => high = record.number.saturating_sub(1),
            Some(_) | None => low = middle,
        }
    }
    let found = at_most(asked, low)?.filter(|record| record.at < before);
    Ok(found.map(|record| record.number))
}

/// The newest entry that can be read up to this number.
fn at_most(asked: &Asked<'_>, number: u64) -> Result<Option<AuditRecord>, StoreError> {
    let (mut from, end) = keys::audit_entries_from(number);
    loop {
        let portion = scan_around(asked.store, Table::AuditLog, &from, &end, 1)?;
        if let Some(row) = portion.rows.first()
            && let Some(record) = record(asked, row)?
        {
            return Ok(Some(record));
        }
        match portion.next {
            Some(next) => from = next,
            None => return Ok(None),
        }
    }
}

fn record(asked: &Asked<'_>, (key, value): &Row) -> Result<Option<AuditRecord>, StoreError> {
    let read = records::decode::<AuditRecord>(Table::AuditLog, key, value);
    let Some(record) = asked.damages.around(None, read)? else {
        return Ok(None);
    };
    // What is not where its number says would lead from page to page without end.
    if keys::audit_entry_of(key) != Ok(record.number) {
        asked.damages.note_key(Table::AuditLog, key);
        return Ok(None);
    }
    Ok(Some(record))
}
