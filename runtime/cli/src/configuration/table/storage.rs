//! The settings of what the engine keeps.

use super::YEAR;
use crate::arguments::StoreSharing;
use crate::configuration::row::{
    Group::Storage,
    Kind::{Choice, Database, Path, Span},
    Preset::{Absent, Value},
    Row,
};

pub static ROWS: &[Row] = &[
    Row::new(
        "storage",
        Storage,
        Path("DIR", |draft| &mut draft.storage),
        Absent("`/var/lib/bureaucrat` for root, else `~/.local/state/bureaucrat`"),
        "The folder in which the engine keeps everything, or with `store` everything but the records",
    )
    .key("bureaucrat", "storage_dir"),
    Row::new(
        "store",
        Storage,
        Database(|draft| &mut draft.store),
        Absent("a folder in the storage"),
        "A PostgreSQL database for the records, postgres://USER@HOST:PORT/DATABASE",
    )
    .key("bureaucrat", "store"),
    Row::new(
        "store_password_file",
        Storage,
        Path("FILE", |draft| &mut draft.store_password_file),
        Absent("none"),
        "A file that holds the database's password, for an address without one",
    )
    .key("bureaucrat", "store_password_file"),
    Row::new(
        "store_lease",
        Storage,
        Span(1, 60, |draft| &mut draft.store_lease),
        Value("10s"),
        "How long an engine with a database may be silent before another one takes over",
    )
    .of_engine(),
    Row::new(
        "store_sharing",
        Storage,
        Choice(&["on", "off"], |draft, word| {
            draft.store_sharing = match word {
                "on" => StoreSharing::On,
                _ => StoreSharing::Off,
            };
        }),
        Value("off"),
        "Whether engines with the same database share its processes, or one has all and the others stand by",
    )
    .of_engine(),
    Row::new(
        "pid_file",
        Storage,
        Path("FILE", |draft| &mut draft.pid_file),
        Absent(
            "`/run/bureaucrat.pid` for root's default storage, else `bureaucrat.pid` in the \
                storage",
        ),
        "The pid file, locked while the engine runs",
    )
    .short('p')
    .of_engine(),
    Row::new(
        "retention",
        Storage,
        Span(0, 100 * YEAR, |draft| &mut draft.retention),
        Value("24h"),
        "How long processes stay visible after their end",
    )
    .of_engine(),
    Row::new(
        "audit_retention",
        Storage,
        Span(0, 100 * YEAR, |draft| &mut draft.audit_retention),
        Value("90d"),
        "How long orders stay in the audit log, the last 200,000 of them",
    )
    .of_engine(),
];
