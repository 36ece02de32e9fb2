//! What a store says about itself, and what a start takes from it: identity, mark, unfinished
//! events, the outbox.

use super::{
    bulk,
    identity::{self, Identity},
};
use crate::{
    act::aside::BacklogRecord,
    broker::Broker,
    catalog::Catalog,
    clock::{ClockSource, EngineTime},
    commit::{Committer, Pipeline},
    compute::Compute,
    config::HostConfig,
    damage::Damages,
    definitions::Definitions,
    driver::Driver,
    error::{HostError, meta},
    intake::{
        large::Large,
        router::{Incoming, Router},
    },
    marks::{self, Mark},
    module_catalog::{DurableNames, ModuleCatalog},
    plan::{
        audit_log::AuditLog,
        decided::LaunchRow,
        events::{Arrived, EventRecord},
        freshness::Freshness,
        kept::{GoingRecord, RecallRecord},
        schedules::ScheduleRecord,
    },
    programs::Programs,
    shared::Shared,
    sharing::Sharing,
    tenants::Tenants,
};
use bureaucrat_model::{Redelivered, ShardId, Timestamp};
use bureaucrat_sandbox::Sandbox;
use bureaucrat_store::{
    Epoch, Owners, Store, StoreError, Table, keys,
    keys::{OutboxKey, OutboxKind},
    reading::{Gap, scan_all, scan_around},
    records,
};
use crossbeam_channel::Receiver;
use std::sync::{Arc, atomic::AtomicU64};

/// What a start needs from a store; the same for the host and for the simulator.
pub struct Opened {
    pub config: Arc<HostConfig>,
    pub secret: [u8; 32],
    pub router: Arc<Router>,
    /// The receiver for the driver.
    pub receiver: Receiver<Incoming>,
    pub epoch: Epoch,
    /// How far earlier runs have come.
    mark: Mark,
    /// The damage that was found so far.
    pub damages: Arc<Damages>,
    pub tenants: Arc<Tenants>,
    pub programs: Arc<Programs>,
    catalog: Catalog,
    modules: ModuleCatalog,
    names: Arc<DurableNames>,
    freshness: Freshness,
    pub store: Arc<dyn Store>,
}

impl Opened {
    /// Takes the shards of a store and reads what it says about itself; initialises a new store.
    ///
    /// # Errors
    /// If the store fails, or the configuration is invalid.
    pub fn new(
        config: HostConfig,
        store: Arc<dyn Store>,
        secret_if_new: [u8; 32],
    ) -> Result<Self, HostError> {
        let damages = Arc::new(Damages::default());
        let Identity { secret } = identity::of(&*store, secret_if_new)?;
        let groups = config.sharing.groups();
        let owners = meta(Owners::read(&*store))?;
        let epoch = meta(store.own(groups))?;
        let mark = meta(marks::after(&*store, groups, &owners))?;
        if config.sharing != Sharing::Alone {
            meta(marks::begin(&*store, groups, epoch, &mark))?;
        }
        let tenants = Arc::new(Tenants::new(config.policy.clone()));
        // First: what is deployed meanwhile is read then, and once more.
        let freshness = Freshness::of(&*store)?;
        let deployed = Catalog::open(&*store, &damages)?;
        let (store_read, unused) = (&*store, config.unused_programs);
        let programs = Programs::open(
            store_read,
            &config.sharing,
            unused,
            &deployed,
            |head, bytes| {
                tenants.count(head, bytes);
            },
        )?;
        let programs = Arc::new(programs);
        let names = Arc::new(DurableNames::default());
        let modules = ModuleCatalog::open(&*store, &damages, &names)?;
        let config = Arc::new(config);
        let (router, receiver) = Router::new(config.clone(), secret, epoch);
        Ok(Self {
            secret,
            router: Arc::new(router),
            receiver,
            epoch,
            mark,
            damages,
            tenants,
            programs,
            catalog: deployed.catalog,
            modules,
            names,
            freshness,
            store,
            config,
        })
    }

    /// The cache of definitions, on this store.
    pub fn definitions(&self, sandbox: &Sandbox) -> Arc<Definitions> {
        Arc::new(Definitions::new(
            self.config.clone(),
            self.store.clone(),
            sandbox.clone(),
            self.names.clone(),
        ))
    }

    /// What the shards share, with these connections to the outside. Time begins now.
    pub fn share(
        &self,
        broker: Arc<dyn Broker>,
        clock: Arc<dyn ClockSource>,
        sandbox: &Sandbox,
        compute: Arc<dyn Compute>,
        definitions: Arc<Definitions>,
    ) -> Arc<Shared> {
        Arc::new(Shared {
            config: self.config.clone(),
            store: self.store.clone(),
            broker,
            epoch: self.epoch,
            time: EngineTime::new(clock, self.mark.now),
            sequence: AtomicU64::new(self.mark.sequence),
            secret: self.secret,
            sandbox: sandbox.clone(),
            compute,
            definitions,
            damages: self.damages.clone(),
            router: self.router.clone(),
            tenants: self.tenants.clone(),
            programs: self.programs.clone(),
            costs: Arc::default(),
            full: Arc::default(),
            asking: Arc::default(),
            meters: Arc::default(),
            large: Large::new(self.config.large_bytes, self.config.large_under_way),
        })
    }

    /// The driver of all shards, with what earlier runs left to do.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn driver(
        self,
        shared: &Arc<Shared>,
        committer: Arc<dyn Committer>,
    ) -> Result<Driver, StoreError> {
        let pipeline = Pipeline::new(committer);
        let mut driver = Driver::new(shared.clone(), self.receiver, pipeline, self.mark.fired);
        let has_common = shared.config.sharing.has_common();
        driver.parts().0.catalog = self.catalog;
        driver.parts().0.modules = self.modules;
        driver.parts().0.freshness = self.freshness;
        read_outbox(shared, &mut driver)?;
        read_events(shared, &mut driver)?;
        read_letters(shared, &mut driver)?;
        if has_common {
            bulk::read_bulk(shared, &mut driver)?;
        }
        driver.parts().0.audit_log = AuditLog::open(&*shared.store, &shared.damages)?;
        read_launches(shared, &mut driver)?;
        read_schedules(shared, &mut driver)?;
        read_kept(shared, &mut driver)?;
        Ok(driver)
    }
}

/// Reads the outbox of an earlier run: what must be published, and calls whose child was not
/// started.
fn read_outbox(shared: &Shared, driver: &mut Driver) -> Result<(), StoreError> {
    let mut calls = Vec::new();
    let (_, actor) = driver.parts();
    let gaps = scan_owned(shared, Table::Outbox, |key, _| {
        match OutboxKey::from_bytes(&key) {
            Ok(key) if key.kind == OutboxKind::Call => calls.push(key),
            Ok(key) => {
                let account = shared.tenants.account_of(&*shared.store, key.process)?;
                actor.outbox.found(key, account);
            }
            Err(_) => shared.damages.note_key(Table::Outbox, &key),
        }
        Ok(())
    })?;
    shared.damages.note_gaps(Table::Outbox, &gaps);
    read_backlog(shared, driver)?;
    let (planner, _) = driver.parts();
    for call in calls {
        planner.restart_call(call)?;
    }
    Ok(())
}

/// Reads which destinations are failing, and how much waits for each. The messages stay where they
/// are.
fn read_backlog(shared: &Shared, driver: &mut Driver) -> Result<(), StoreError> {
    let (_, actor) = driver.parts();
    let store = &*shared.store;
    let gaps = scan_all(store, Table::Backlog, &[], &END, |key, value| {
        let record = records::decode::<BacklogRecord>(Table::Backlog, &key, &value);
        let (Ok(row), Some(record)) = (
            keys::backlog_row(&key),
            shared.damages.around(None, record)?,
        ) else {
            return Ok(());
        };
        if !shared.config.sharing.has(row.process.shard()) {
            return Ok(());
        }
        let destination = (record.exchange, record.routing_key);
        let account = shared.tenants.account_of(store, row.process)?;
        let claim = account.map(|account| account.row());
        let troubles = &mut actor.outbox.troubles;
        troubles.found(&destination, row, record.bytes, claim);
        Ok(())
    })?;
    shared.damages.note_gaps(Table::Backlog, &gaps);
    Ok(())
}

/// Reads which events were being handed out: this starts again from the beginning. Bodies are read
/// one after the other. A damaged one stays where it is.
fn read_events(shared: &Shared, driver: &mut Driver) -> Result<(), StoreError> {
    let mut found = Vec::new();
    let mut from = Vec::new();
    loop {
        let portion = scan_around(&*shared.store, Table::Events, &from, &END, 1)?;
        shared.damages.note_gaps(Table::Events, &portion.gaps);
        for (key, value) in portion.rows {
            let Ok((shard, sequence)) = keys::event_of(&key) else {
                shared.damages.note_key(Table::Events, &key);
                continue;
            };
            if !shared.config.sharing.has(shard) {
                continue;
            }
            let record = records::decode::<EventRecord>(Table::Events, &key, &value);
            if let Some(record) = shared.damages.around(None, record)? {
                found.push(Arrived {
                    redelivered: Redelivered::Perhaps,
                    ..record.arrived(shard, sequence, value.len())
                });
            }
        }
        match portion.next {
            Some(next) => from = next,
            None => break,
        }
    }
    found.sort_by_key(|arrived| arrived.sequence);
    let (planner, _) = driver.parts();
    for arrived in found {
        planner.handouts.add(arrived, shared.time.now());
    }
    Ok(())
}

/// Reads which processes are certain to start, and which launches wait.
fn read_launches(shared: &Shared, driver: &mut Driver) -> Result<(), StoreError> {
    let (mut found, mut waiting) = (Vec::new(), Vec::new());
    let table = Table::Launches;
    let gaps = scan_owned(shared, table, |key, value| {
        let Ok(process) = keys::instance_of(&key) else {
            shared.damages.note_key(table, &key);
            return Ok(());
        };
        let row = records::decode::<LaunchRow>(table, &key, &value);
        match shared.damages.around(None, row)? {
            Some(LaunchRow::Decided(record)) => found.push((process, record)),
            Some(LaunchRow::Waiting(record)) => waiting.push((process, record)),
            None => {}
        }
        Ok(())
    })?;
    shared.damages.note_gaps(table, &gaps);
    let (planner, _) = driver.parts();
    for (process, record) in found {
        if let Some(account) = shared.tenants.account(record.user.as_ref()) {
            account.count_start();
        }
        planner.start_decided(process, record)?;
    }
    waiting.sort_by_key(|(_, record)| record.arrived);
    for (process, record) in waiting {
        planner.launch_waits(process, record)?;
    }
    Ok(())
}

/// Reads which definitions launch themselves, and when; they are in the common group.
fn read_schedules(shared: &Shared, driver: &mut Driver) -> Result<(), StoreError> {
    if !shared.config.sharing.has_common() {
        return Ok(());
    }
    let (planner, _) = driver.parts();
    let table = Table::Schedules;
    let gaps = scan_all(&*shared.store, table, &[], &[u8::MAX; 160], |key, value| {
        let Ok((_, name)) = keys::name_of(&key) else {
            shared.damages.note_key(table, &key);
            return Ok(());
        };
        let record = records::decode::<ScheduleRecord>(table, &key, &value);
        if let Some(record) = shared.damages.around(None, record)? {
            planner.schedules.insert(&name, record);
        }
        Ok(())
    })?;
    shared.damages.note_gaps(table, &gaps);
    Ok(())
}

/// Reads which copies of dead letters there are.
fn read_letters(shared: &Shared, driver: &mut Driver) -> Result<(), StoreError> {
    let (planner, _) = driver.parts();
    let letters = &mut planner.letters;
    let gaps = scan_owned(shared, Table::Letters, |key, value| {
        match keys::letter_of(&key) {
            Ok((shard, number)) => letters.add(number, shard, value.len() as u64),
            Err(_) => shared.damages.note_key(Table::Letters, &key),
        }
        Ok(())
    })?;
    shared.damages.note_gaps(Table::Letters, &gaps);
    Ok(())
}

/// Reads how much is kept for whom, and which waits are being served.
fn read_kept(shared: &Shared, driver: &mut Driver) -> Result<(), StoreError> {
    let (planner, _) = driver.parts();
    let (store, damages) = (&*shared.store, &shared.damages);
    let (from, _) = keys::kept_gone(Timestamp(0));
    let gaps = scan_all(store, Table::Kept, &from, &END, |key, value| {
        let going = records::decode::<GoingRecord>(Table::Kept, &key, &value);
        let is_ours = |going: &GoingRecord| shared.config.sharing.has(ShardId(going.shard));
        if let Some(going) = damages.around(None, going)?.filter(is_ours) {
            planner.kept.add(going.user, going.bytes);
        }
        Ok(())
    })?;
    damages.note_gaps(Table::Kept, &gaps);
    let gaps = scan_all(store, Table::Recalls, &[], &END, |key, value| {
        let recall = records::decode::<RecallRecord>(Table::Recalls, &key, &value);
        let recall = damages.around(None, recall)?;
        match (keys::recall_of(&key), recall) {
            (Ok(wait), _) if !shared.config.sharing.has(wait.process.shard()) => {}
            (Ok(wait), Some(recall)) => planner.kept.serve(wait, recall.wanted),
            (Err(_), _) => damages.note_key(Table::Recalls, &key),
            (Ok(_), None) => {}
        }
        Ok(())
    })?;
    damages.note_gaps(Table::Recalls, &gaps);
    Ok(())
}

/// The rows of the engine's shards in a table whose keys begin with the shard's number.
fn scan_owned(
    shared: &Shared,
    table: Table,
    mut row: impl FnMut(Vec<u8>, Vec<u8>) -> Result<(), StoreError>,
) -> Result<Vec<Gap>, StoreError> {
    let mut gaps = Vec::new();
    for (from, to) in shared.config.sharing.groups().ranges() {
        let to = to.map_or(END.to_vec(), |to| vec![to.0]);
        gaps.extend(scan_all(&*shared.store, table, &[from.0], &to, &mut row)?);
    }
    Ok(gaps)
}

/// After every key.
const END: [u8; 48] = [u8::MAX; 48];
