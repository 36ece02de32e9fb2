//! `audit`: the orders that were carried out, newest first, a page after the other.

use super::settings;
use crate::{
    Exit,
    arguments::{Audit, Options},
    control::Control,
    progress::Progress,
    screen::{self, Output, clean, print_line},
};
use anyhow::bail;
use bureaucrat_host::{
    audit_log::{AuditPage, AuditQuery, AuditRecord},
    query::{Query, QueryAnswer},
};
use bureaucrat_views::audit_log::{Entry, about, by, detail};

/// Entries per request.
const PAGE: usize = 500;

pub fn run(options: &Options, audit: &Audit) -> anyhow::Result<Exit> {
    let mut control = Control::connect(&settings(options)?.storage)?;
    let mut query = AuditQuery {
        by: audit.by.clone(),
        verb: audit.order,
        process: audit.process.clone(),
        definition: audit
            .definition
            .clone()
            .and_then(|found| found.named_definition()),
        job: audit.job,
        user: None,
        from: audit.from,
        before: audit.before,
        after: audit.after,
        limit: 0,
    };
    let mut left = match audit.limit {
        0 => usize::MAX,
        limit => limit,
    };
    let mut found = Vec::new();
    let progress = Progress::start("reading the audit log");
    let next = loop {
        query.limit = left.min(PAGE);
        let QueryAnswer::Audit(AuditPage { entries, next, .. }) =
            control.ask(&Query::Audit(query.clone()))?
        else {
            bail!("unexpected answer from the engine");
        };
        left = left.saturating_sub(entries.len());
        match audit.json {
            true => {
                for entry in &entries {
                    print_line(&serde_json::to_string(&Entry::of(entry))?)?;
                }
            }
            false => found.extend(entries),
        }
        match next {
            Some(next) if left > 0 => query.after = Some(next),
            next => break next,
        }
    };
    drop(progress);
    if !audit.json {
        table(&found)?;
    }
    if let Some(next) = next {
        screen::tell(&format!(
            "there may be more: --limit 0 shows all, --after {next} the ones older than these"
        ));
    }
    Ok(Exit::Done)
}

/// Entries for people, as wide as the terminal; where there is none, whole.
fn table(entries: &[AuditRecord]) -> anyhow::Result<()> {
    if entries.is_empty() {
        screen::tell("no orders");
        return Ok(());
    }
    let columns = Output::of_this_process().columns();
    let row = |record: &AuditRecord| {
        let entry = &record.entry;
        let told = [about(&entry.about), detail(entry), clean(&entry.reason)];
        let told: Vec<_> = told.into_iter().filter(|text| !text.is_empty()).collect();
        (by(&entry.by), entry.verb.name(), told.join("; "))
    };
    let rows: Vec<_> = entries.iter().map(row).collect();
    let who = rows.iter().map(|(by, ..)| by.chars().count()).max();
    let who = who.unwrap_or(0).clamp(2, (columns / 4).max(2));
    let verb = rows.iter().map(|(_, verb, _)| verb.len()).max();
    let verb = verb.unwrap_or(0).max("ORDER".len());
    let style = screen::heading();
    print_line(&format!(
        "{style}{:<24}  {:<who$}  {:<verb$}  ABOUT, AND WHY{style:#}",
        "TIME", "BY", "ORDER"
    ))?;
    let left = columns.saturating_sub(24 + who + verb + 6);
    for (record, (by, name, told)) in entries.iter().zip(rows) {
        let (by, told) = (screen::fit(&by, who), screen::fit(&told, left));
        let at = record.at.to_string();
        print_line(&format!("{at:<24}  {by:<who$}  {name:<verb$}  {told}"))?;
    }
    Ok(())
}
