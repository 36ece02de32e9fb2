//! `audit`: which entries of the audit log are meant.

use super::{count, searching};
use bureaucrat_host::{audit_log::Verb, query::Attribute};
use bureaucrat_model::{IdPrefix, Timestamp};
use clap::Args;

/// `audit`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat audit
  bureaucrat audit --by ada --from 2h
  bureaucrat audit --process 0c4b8a0e
  bureaucrat audit --order retire_definition --definition order
  bureaucrat audit --limit 0 --json    all of them, one JSON object per line

Each order that was carried out has an entry, written in the same commit: those \
about processes, definitions, modules, bulk jobs (one entry for a job) and dead \
letters, by whatever way they came. Orders that were refused are in the log of \
the engine. Entries stay for --audit-retention, and at most the last 200,000.")]
pub struct Audit {
    /// Only orders of this operator: a user of the machine, or `token NAME`
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
    /// Only this order: cancel, retry, suspend, resume, terminate, skip, set,
    /// move, migrate, start_job, stop_job, deploy_definition,
    /// retire_definition, deploy_module, set_alias, remove_module,
    /// restore_module, resend_letter, discard_letter
    #[arg(long, value_name = "ORDER")]
    pub order: Option<Verb>,
    /// Only orders about this process: its id, or the first 4 or more digits
    #[arg(long, value_name = "PROCESS")]
    pub process: Option<IdPrefix>,
    /// Only orders about this definition or its processes
    #[arg(long, value_name = "NAME[@VERSION]", value_parser = searching::definition)]
    pub definition: Option<Attribute>,
    /// Only orders about this bulk job
    #[arg(long, value_name = "JOB")]
    pub job: Option<u64>,
    /// Only orders at this time or later: 2h (ago), 2026-11-29T18:00:00Z
    #[arg(long, value_name = "TIME", value_parser = searching::time)]
    pub from: Option<Timestamp>,
    /// Only orders before this time
    #[arg(long, value_name = "TIME", value_parser = searching::time)]
    pub before: Option<Timestamp>,
    /// At most this many; 0 for all
    #[arg(long, value_name = "COUNT", default_value = "50", value_parser = count, allow_negative_numbers = true)]
    pub limit: usize,
    /// Only entries that are older than the one with this number
    #[arg(long, value_name = "ENTRY")]
    pub after: Option<u64>,
    /// Print one JSON object per line (docs/json.md)
    #[arg(long)]
    pub json: bool,
}
