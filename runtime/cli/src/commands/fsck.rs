//! `fsck`: audits a storage without a running engine, and repairs what can be repaired.

use super::{id, print_line, settings_of_records};
use crate::{
    Exit,
    arguments::{Fsck, Options},
    failure::{Failure, Kind},
    progress::Progress,
    rebuild::rebuilt,
    records::STATE,
    screen::tell,
};
use anyhow::{Context, bail};
use bureaucrat_host::{
    HostConfig,
    audit::{Audit, Finding, audit, repair},
    mark_restored,
};
use bureaucrat_model::{Hex, Millis};
use bureaucrat_store::{Group, Row, ShardGroups, Store, StoreError, Table, holds::Access};
use bureaucrat_store_postgres::{Address, Opening, PostgresStore, for_a_while};
use bureaucrat_store_rocksdb::{LostTail, RocksStore, StoreMemory};
use serde_json::{Value, json};
use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// How often a repair is followed by another audit, because a repair may reveal other problems.
const ROUNDS: usize = 4;
/// Findings repaired per commit.
const PORTION: usize = 1_000;

pub fn run(options: &Options, fsck: &Fsck) -> anyhow::Result<Exit> {
    let settings = settings_of_records(options)?;
    let database = match fsck.folder {
        Some(_) => None,
        None => settings.store,
    };
    let storage = fsck.folder.clone().unwrap_or(settings.storage);
    let config = HostConfig {
        retention: Millis(u64::try_from(settings.retention.as_millis()).unwrap_or(u64::MAX)),
        ..HostConfig::default()
    };
    let checked = match database {
        Some(address) => check_database(address, &storage, &config, fsck),
        None => check(&storage, &config, fsck),
    };
    match checked {
        Ok(exit) => Ok(exit),
        Err(error) => Err(Failure::new(Kind::Unreadable, format!("{error:#}")).into()),
    }
}

fn check(storage: &Path, config: &HostConfig, fsck: &Fsck) -> anyhow::Result<Exit> {
    let state = storage.join(STATE);
    if !state.join("CURRENT").exists() {
        bail!("there is no storage in {}", storage.display());
    }
    let lost_tail = if fsck.accept_lost_tail {
        LostTail::Accept
    } else {
        LostTail::Refuse
    };
    let access = match fsck.repair {
        true => Access::Use,
        false => Access::Check,
    };
    let memory = StoreMemory::default();
    let mut store = match RocksStore::open_for(&state, lost_tail, memory, access) {
        Err(StoreError::Locked { .. }) => bail!(
            "an engine is using the storage {}; stop it first, or check a backup of it",
            storage.display()
        ),
        opened => opened?,
    };
    let progress = Progress::start("checking the storage");
    let mut found = audit(&store, config)?;
    let mut repaired = 0;
    if fsck.repair && found.unreadable > 0 {
        let (rebuilt, aside) = rebuilt(store, &state, millis())?;
        tell(&format!(
            "everything that can be read is in a new {}; the damaged records are in {}",
            state.display(),
            aside.display()
        ));
        store = rebuilt;
        repaired += usize::try_from(found.unreadable).unwrap_or(usize::MAX);
        found = audit(&store, config)?;
    }
    finish(&store, storage, config, fsck, (found, repaired), progress)
}

/// A database looks after its own files, so that only what is in them is checked.
fn check_database(
    address: Address,
    storage: &Path,
    config: &HostConfig,
    fsck: &Fsck,
) -> anyhow::Result<Exit> {
    let opening = match fsck.accept_lost_tail {
        true => Opening::Accept,
        false => Opening::Check,
    };
    let store = match PostgresStore::open(
        address,
        Duration::ZERO,
        opening,
        &mut for_a_while(Duration::ZERO),
    ) {
        Err(StoreError::Locked { path, reason }) => {
            bail!(
                "an engine is using the records in {path}; stop it first. If it has died, wait until its lease is over \
                 ({reason})"
            )
        }
        opened => opened?,
    };
    if fsck.repair {
        // An engine that has just lost its connection must not continue with what is repaired.
        store.own(ShardGroups::ALL)?;
    }
    let progress = Progress::start("checking the records");
    if fsck.accept_lost_tail {
        mark_restored(&store)?;
    }
    let found = audit(&store, config)?;
    finish(&store, storage, config, fsck, (found, 0), progress)
}

/// Repairs if that is asked for, and tells what was found.
fn finish(
    store: &dyn Store,
    storage: &Path,
    config: &HostConfig,
    fsck: &Fsck,
    (mut found, mut repaired): (Audit, usize),
    progress: Progress,
) -> anyhow::Result<Exit> {
    for _ in 0..ROUNDS {
        if !fsck.repair || found.findings.is_empty() {
            break;
        }
        let done = put_right(store, storage, &found.findings)?;
        if done == 0 {
            break;
        }
        repaired += done;
        found = audit(store, config)?;
    }
    drop(progress);
    print(&found, repaired, fsck)?;
    Ok(if found.is_clean() {
        Exit::Done
    } else {
        Exit::Failed
    })
}

/// Writes the repairs, after saving what they remove to a file.
fn put_right(store: &dyn Store, storage: &Path, findings: &[Finding]) -> anyhow::Result<usize> {
    let mut repaired = 0;
    let mut kept: Option<Kept> = None;
    for portion in findings.chunks(PORTION) {
        let plan = repair::plan(store, portion)?;
        if plan.repaired == 0 {
            continue;
        }
        if !plan.lost.is_empty() {
            let file = match &mut kept {
                Some(file) => file,
                None => kept.insert(Kept::create(storage)?),
            };
            file.keep(&plan.lost)?;
        }
        repaired += plan.repaired;
        store.commit(&Group {
            units: vec![plan.unit],
        })?;
    }
    Ok(repaired)
}

/// Names what a repair leaves behind.
fn millis() -> u128 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |since| since.as_millis())
}

/// The file with what repairs remove.
struct Kept {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Kept {
    fn create(storage: &Path) -> anyhow::Result<Self> {
        let path = storage.join(format!("removed-{}.jsonl", millis()));
        let file =
            File::create_new(&path).with_context(|| format!("cannot create {}", path.display()))?;
        let path_shown = path.display();
        tell(&format!(
            "what is removed or overwritten goes to {path_shown}"
        ));
        let file = BufWriter::new(file);
        Ok(Self { path, file })
    }

    fn keep(&mut self, lost: &[(Table, Row)]) -> anyhow::Result<()> {
        let mut write = || -> std::io::Result<()> {
            for (table, (key, value)) in lost {
                let line = json!({
                    "table": table.name(),
                    "key": Hex(key).to_string(),
                    "record": Hex(value).to_string(),
                });
                writeln!(self.file, "{line}")?;
            }
            self.file.flush()?;
            self.file.get_ref().sync_all()
        };
        write().with_context(|| format!("cannot write {}", self.path.display()))
    }
}

fn print(found: &Audit, repaired: usize, fsck: &Fsck) -> anyhow::Result<()> {
    if fsck.json {
        let records = found
            .records
            .iter()
            .map(|(table, count)| (table.name().to_owned(), json!(count)));
        let report = json!({
            "records": records.collect::<serde_json::Map<_, _>>(),
            "findings": found.findings.iter().map(finding).collect::<Vec<_>>(),
            "left_out": found.left_out,
            "repaired": repaired,
        });
        return print_line(&report.to_string());
    }
    if !found.findings.is_empty() {
        print_line(&format!(
            "{:<13} {:<12} {:<7} {:<36}  WHAT",
            "TABLE", "KIND", "REPAIR", "PROCESS"
        ))?;
    }
    for finding in &found.findings {
        let process = finding
            .process
            .map_or_else(|| "-".to_owned(), |process| process.to_string());
        print_line(&format!(
            "{:<13} {:<12} {:<7} {process:<36}  {} (key {})",
            finding.table.name(),
            finding.kind.word(),
            finding.repair.word(),
            finding.what,
            Hex(&finding.key)
        ))?;
    }
    let records: u64 = found.records.values().sum();
    let more = if found.left_out > 0 {
        format!(", and {} more", found.left_out)
    } else {
        String::new()
    };
    let put_right = if repaired > 0 {
        format!(", {repaired} repaired")
    } else {
        String::new()
    };
    tell(&format!(
        "{records} records, {} findings{more}{put_right}",
        found.findings.len()
    ));
    Ok(())
}

fn finding(finding: &Finding) -> Value {
    json!({
        "table": finding.table.name(),
        "key": Hex(&finding.key).to_string(),
        "process": finding.process.map(id),
        "kind": finding.kind.word(),
        "what": finding.what,
        "repair": finding.repair.word(),
    })
}
