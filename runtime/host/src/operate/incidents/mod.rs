//! Incidents as files: all that another machine needs to play again what failed.
//!
//! Read from the committed store. The answer is bounded; what does not fit is refused as a whole,
//! since an incident without one of its parts would be replayed to another outcome.

pub mod file;
mod parts;

use super::{query::QueryAnswer, questions::read_whole};
use crate::shared::Shared;
use base64::{Engine, engine::general_purpose::STANDARD};
use bureaucrat_model::{Fields, Guest, Instance, ModuleHash, Parking, ProcessId, Program, Status};
use bureaucrat_store::{
    StoreError, Table, Write,
    instances::{InstanceRows, write_instance},
    records,
};
use file::{
    DEFINITION, FILE_BYTES_MAX, FORMAT, GUESTS, INCIDENT, IncidentFile, PARTS_MAX, PROGRAM, STATE,
    SeenFields,
};
use parts::Source;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use serde_json::value::RawValue;
use std::collections::BTreeSet;

/// The tables whose rows are the state of a process.
pub const STATE_TABLES: [Table; 3] = [Table::Instances, Table::Fibers, Table::Values];

/// What becomes of a request for a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "incident")]
pub enum IncidentAnswer {
    Exported {
        entries: Vec<Entry>,
    },
    /// Nothing of the process is stuck.
    NoIncident,
    TooLarge {
        bytes: u64,
    },
}

/// An entry of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub name: String,
    /// In base64.
    pub content: String,
}

/// A file that is being made.
#[derive(Default)]
struct Making {
    entries: Vec<Entry>,
    bytes: u64,
    seen: Vec<Fields>,
    messages: usize,
}

impl Making {
    fn add(&mut self, name: &str, content: &[u8]) {
        self.bytes = self.bytes.saturating_add(length(content));
        if self.bytes <= FILE_BYTES_MAX {
            self.entries.push(Entry {
                name: name.to_owned(),
                content: STANDARD.encode(content),
            });
        }
    }

    /// The place of fields among those that are in the file.
    fn place(&mut self, fields: Fields) -> usize {
        let mut known = self.seen.iter();
        if let Some(place) = known.position(|seen| *seen == fields) {
            return place;
        }
        self.bytes = self
            .bytes
            .saturating_add(u64::try_from(fields.size()).unwrap_or(u64::MAX));
        self.seen.push(fields);
        self.seen.len() - 1
    }
}

/// Makes the file of a process.
pub(crate) fn export(shared: Option<&Shared>, process: ProcessId) -> QueryAnswer {
    let Some(shared) = shared else {
        let reason = "the engine has not started yet".to_owned();
        return QueryAnswer::Error { reason };
    };
    exported(shared, process).unwrap_or_else(|error| QueryAnswer::Error {
        reason: error.to_string(),
    })
}

fn exported(shared: &Shared, process: ProcessId) -> Result<QueryAnswer, StoreError> {
    let store = &*shared.store;
    let Some(stored) = read_whole(store, process)? else {
        return Ok(QueryAnswer::Unknown { process });
    };
    let instance = stored.instance;
    let Some(bytes) = store.get(Table::Programs, &instance.program.0)? else {
        let reason = format!("the program {} of the process is missing", instance.program);
        return Ok(QueryAnswer::Error { reason });
    };
    let program = match Program::decode(&bytes) {
        Ok(program) => program,
        Err(error) => {
            let reason = error.to_string();
            return Ok(QueryAnswer::Error { reason });
        }
    };
    let mut making = Making::default();
    let source = Source {
        shared,
        program: &program,
        instance: &instance,
    };
    let mut parts = source.stuck(&mut making);
    let parked = match &instance.status {
        Status::Parked {
            parking: Parking::Incident,
            reason,
            ..
        } => Some(reason.clone()),
        Status::Parked { .. } | Status::Running | Status::Ended(_) => None,
    };
    if parked.is_some() {
        parts.extend(source.pending(&mut making));
    } else if parts.is_empty() {
        return Ok(QueryAnswer::Incident(IncidentAnswer::NoIncident));
    }
    for module in modules(&program) {
        if let Some(component) = store.get(Table::Modules, &module.0)? {
            making.add(&guest_entry(Guest::Module(module)), &component);
        }
    }
    making.add(PROGRAM, &bytes);
    if !program.inline_guest.is_empty() {
        making.add(&guest_entry(Guest::Inline), &program.inline_guest);
    }
    if let Some(text) = source.definition()? {
        making.add(DEFINITION, &text);
    }
    making.add(STATE, &state(instance.clone())?);
    let more = parts.len().saturating_sub(PARTS_MAX);
    parts.truncate(PARTS_MAX);
    let seen = std::mem::take(&mut making.seen);
    let file = IncidentFile {
        format: FORMAT,
        engine: env!("CARGO_PKG_VERSION").to_owned(),
        process,
        name: instance.name.clone(),
        version: instance.version,
        key: instance.key.clone(),
        user: instance.user.clone(),
        program: instance.program.to_string(),
        parked,
        exported_at: shared.time.now(),
        bounds: source.all_bounds(),
        masks: Vec::new(),
        fields: seen.iter().map(seen_fields).collect(),
        parts,
        more,
    };
    let text = serde_json::to_vec_pretty(&file);
    let text = text.map_err(|error| StoreError::Write(error.to_string()))?;
    making.add(INCIDENT, &text);
    let bytes = making.bytes;
    Ok(QueryAnswer::Incident(match bytes <= FILE_BYTES_MAX {
        true => IncidentAnswer::Exported {
            entries: making.entries,
        },
        false => IncidentAnswer::TooLarge { bytes },
    }))
}

/// The modules of a program.
fn modules(program: &Program) -> BTreeSet<ModuleHash> {
    let conditions = program.conditions.iter();
    conditions
        .filter_map(|condition| match condition.guest {
            Guest::Inline => None,
            Guest::Module(hash) => Some(hash),
        })
        .collect()
}

/// The rows of an instance, as a store would have them.
fn state(instance: Instance) -> Result<Vec<u8>, StoreError> {
    let head = instance.head().clone();
    let fibers = instance.fibers.iter();
    let fibers = fibers.map(|(id, fiber)| (id, fiber.clone()));
    let mut whole = Instance::new(head, fibers);
    let mut writes = Vec::new();
    write_instance(&mut whole, &mut InstanceRows::default(), &mut writes)?;
    let rows = writes.into_iter().filter_map(|write| match write {
        Write::Put { table, key, value } if STATE_TABLES.contains(&table) => {
            let row = (ByteBuf::from(key), ByteBuf::from(value));
            Some((table.name().to_owned(), row.0, row.1))
        }
        Write::Put { .. } | Write::Delete { .. } => None,
    });
    records::encode(&rows.collect::<Vec<_>>())
}

/// The entry of a guest.
pub fn guest_entry(guest: Guest) -> String {
    match guest {
        Guest::Inline => format!("{GUESTS}inline.wasm"),
        Guest::Module(hash) => {
            let hash = hash.to_string();
            let hash = hash.rsplit(':').next().unwrap_or(&hash);
            format!("{GUESTS}{hash}.wasm")
        }
    }
}

fn length(content: &[u8]) -> u64 {
    u64::try_from(content.len()).unwrap_or(u64::MAX)
}

fn raw(text: String) -> Box<RawValue> {
    // Fields and JSON texts are valid JSON.
    RawValue::from_string(text).unwrap_or_default()
}

fn seen_fields(fields: &Fields) -> SeenFields {
    SeenFields {
        fields: raw(fields.to_json()),
        masked: Vec::new(),
    }
}

/// Reads the bytes of an entry that came from an engine.
///
/// # Errors
/// If they are not in base64.
pub fn content(entry: &Entry) -> Result<Vec<u8>, base64::DecodeError> {
    STANDARD.decode(&entry.content)
}
