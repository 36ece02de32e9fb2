//! How RocksDB is set up: for a small machine, with bounded memory and files, and short synced
//! writes.
//!
//! Memory: what [`StoreMemory`] says, briefly more when large records arrive. Disk besides the records: at most about
//! [`WAL_BYTES`] of log to replay after a crash, and [`LOG_FILES`] files of RocksDB's own log.

use bureaucrat_store::Table;
use rocksdb::{
    BlockBasedIndexType, BlockBasedOptions, Cache, DBCompressionType, DBRecoveryMode, LogLevel,
    Options, WriteBufferManager,
};

/// Full memtables of the outbox that may wait to be written. One more stops every writer of any
/// table.
const OUTBOX_MEMTABLES: i32 = 6;
/// The write-ahead log, in bytes. Beyond this, the tables that keep its oldest part alive are
/// written to files.
const WAL_BYTES: u64 = 128 << 20;
/// Files of the write-ahead log that are kept to be written again: a sync of a file that does not grow is faster, because
/// the file system has nothing to note.
const WAL_FILES_KEPT: usize = 2;
/// One file of RocksDB's own log, in bytes.
const LOG_FILE_BYTES: usize = 1 << 20;
const LOG_FILES: usize = 4;
const OPEN_FILES: i32 = 256;
/// Out of this many neighbouring records in a file...
const DELETION_WINDOW: usize = 1024;
/// ...this many deleted ones make the file worth rewriting.
const DELETION_TRIGGER: usize = 512;

/// The first bytes of a key by which a memtable remembers where it inserted last: those of a process's id.
const HINTS: &str = "memtable_insert_with_hint_prefix_extractor=fixed:16";

/// How much memory a store may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreMemory {
    /// Bytes of recent records of all tables (memtables).
    pub recent_bytes: usize,
    /// Bytes of blocks, indexes and filters that were read.
    pub cache_bytes: usize,
}

impl Default for StoreMemory {
    fn default() -> Self {
        Self {
            recent_bytes: 64 << 20,
            cache_bytes: 64 << 20,
        }
    }
}

impl StoreMemory {
    /// Bytes of recent records of one table; when they are full, they are written in the background.
    const fn of_table(self) -> usize {
        self.recent_bytes / 4
    }

    /// The same for the outbox, whose rows are soon deleted: most are deleted before they are written
    /// to a file, if there is room for both.
    const fn of_outbox(self) -> usize {
        self.recent_bytes / 2
    }
}

/// The memory of a store, shared by its tables.
pub struct Resources {
    memory: StoreMemory,
    cache: Cache,
}

impl Resources {
    pub fn new(memory: StoreMemory) -> Self {
        Self {
            memory,
            cache: Cache::new_lru_cache(memory.cache_bytes),
        }
    }
}

/// Options for the whole database.
pub fn database(resources: &Resources) -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    options.set_paranoid_checks(true);
    // Reads the log up to the first incomplete record. A crash of the machine can tear the last,
    // unsynced group in any way, and that must not prevent a start. Synced groups are complete.
    options.set_wal_recovery_mode(DBRecoveryMode::PointInTime);
    // Detects a log file that is missing.
    options.set_track_and_verify_wals_in_manifest(true);
    options.set_max_total_wal_size(WAL_BYTES);
    options.set_recycle_log_file_num(WAL_FILES_KEPT);
    options.set_write_buffer_manager(&WriteBufferManager::new_write_buffer_manager(
        resources.memory.recent_bytes,
        false, // writers are not stalled: a flush begins early enough
    ));
    options.set_max_open_files(OPEN_FILES);
    options.set_max_background_jobs(2);
    options.set_bytes_per_sync(1 << 20); // background files reach the disk evenly, so that a log's sync waits less
    // Only one thread writes, so no coordination is needed.
    options.set_allow_concurrent_memtable_write(false);
    options.set_enable_write_thread_adaptive_yield(false);
    options.set_avoid_unnecessary_blocking_io(true);
    options.set_log_level(LogLevel::Warn);
    options.set_max_log_file_size(LOG_FILE_BYTES);
    options.set_keep_log_file_num(LOG_FILES);
    options.set_stats_dump_period_sec(0);
    options.set_stats_persist_period_sec(0);
    // RocksDB's default column family is opened with the same options; it stays empty.
    options.set_write_buffer_size(64 << 10);
    options
}

/// Options for one table.
pub fn table(table: Table, resources: &Resources) -> Options {
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_cache(&resources.cache);
    blocks.set_cache_index_and_filter_blocks(true);
    blocks.set_pin_l0_filter_and_index_blocks_in_cache(true);
    blocks.set_format_version(6);
    // The index of a large file is read in parts: as a whole it would not fit the cache, and would
    // be read again for each record.
    blocks.set_index_type(BlockBasedIndexType::TwoLevelIndexSearch);
    blocks.set_partition_filters(true);
    blocks.set_pin_top_level_index_and_filter(true);
    if is_read_by_key(table) {
        blocks.set_bloom_filter(10.0, false);
    }
    let mut options = if is_of_processes(table) {
        with_hints()
    } else {
        Options::default()
    };
    options.set_block_based_table_factory(&blocks);
    if table == Table::Outbox {
        options.set_write_buffer_size(resources.memory.of_outbox());
        options.set_max_write_buffer_number(OUTBOX_MEMTABLES);
    } else {
        options.set_write_buffer_size(resources.memory.of_table());
    }
    options.set_compression_type(DBCompressionType::Lz4);
    options.set_level_compaction_dynamic_level_bytes(true);
    if is_a_queue(table) {
        // A scan of a queue from its front walks over deleted records; such files are rewritten
        // soon.
        options.add_compact_on_deletion_collector_factory(DELETION_WINDOW, DELETION_TRIGGER, 0.5);
    }
    options
}

/// Options with which a memtable finds the place of a row from that of the last row of the same process: a fifth of the
/// time of looking for it from the beginning. RocksDB's bindings have no function for it.
fn with_hints() -> Options {
    let mut usual = Options::default();
    usual.get_options_from_string(HINTS).unwrap_or(usual)
}

/// Tables whose keys begin with a process, and whose rows processes write in the order of their keys, or again.
fn is_of_processes(table: Table) -> bool {
    matches!(
        table,
        Table::Instances | Table::Fibers | Table::Values | Table::History | Table::Outbox
    )
}

/// Tables that are often asked for keys that do not exist.
fn is_read_by_key(table: Table) -> bool {
    match table {
        Table::Programs
        | Table::Modules
        | Table::Instances
        | Table::Seen
        | Table::Aside
        | Table::BusinessKeys
        | Table::Kept
        | Table::Recalls
        | Table::Taken => true,
        Table::Timers
        | Table::Subscriptions
        | Table::Events
        | Table::Outbox
        | Table::History
        | Table::Meta
        | Table::Fibers
        | Table::Backlog
        | Table::Recent
        | Table::Searched
        | Table::Letters
        | Table::Definitions
        | Table::Sources
        | Table::Launches
        | Table::Schedules
        | Table::ModuleRecords
        | Table::ModuleNames
        | Table::BulkJobs
        | Table::BulkOutcomes
        | Table::AuditLog
        | Table::Values => false,
    }
}

/// Tables whose records come and go.
fn is_a_queue(table: Table) -> bool {
    match table {
        Table::Timers
        | Table::Subscriptions
        | Table::Events
        | Table::Outbox
        | Table::Seen
        | Table::Aside
        | Table::Backlog
        | Table::Recent
        | Table::Searched
        | Table::Letters
        | Table::BusinessKeys
        | Table::Launches
        | Table::Schedules
        | Table::Kept
        | Table::Recalls
        | Table::Taken
        | Table::AuditLog => true,
        Table::Programs
        | Table::Modules
        | Table::Instances
        | Table::History
        | Table::Meta
        | Table::Fibers
        | Table::Definitions
        | Table::Sources
        | Table::ModuleRecords
        | Table::ModuleNames
        | Table::BulkJobs
        | Table::BulkOutcomes
        | Table::Values => false,
    }
}
