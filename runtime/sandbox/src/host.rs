//! The interfaces `fields` and `log`, the only things that a guest can reach.
//!
//! Each call charges fuel before it does anything: a base, the bytes of its text, what must be
//! scanned, what is returned. Nothing here reads a clock or anything but the fields of the
//! evaluation.

use crate::{
    document::{Document, Found, Want},
    meter::{Meter, Stop},
    reads::Reads,
    value::{self, Value},
};
use bureaucrat_model::View;
pub use log::Log;
use wasmtime::{AsContextMut, ResourceLimiter, StoreContextMut, component::Linker};

/// The names under which guests import the interfaces.
pub(crate) const FIELDS: &str = "bureaucrat:condition/fields@1.1.0";
pub(crate) const LOG: &str = "bureaucrat:condition/log@1.1.0";
/// The same interface in 1.0 of the contract. The linker gives it what it gives to [`FIELDS`],
/// because the versions are compatible.
pub(crate) const FIELDS_1_0: &str = "bureaucrat:condition/fields@1.0.0";

/// Fuel for each call, for leaving and re-entering the guest.
pub(crate) const CALL_FUEL: u64 = 100;
/// Fuel of each byte that is read or returned.
pub(crate) const BYTE_FUEL: u64 = 1;
/// Fuel for each returned key, because the guest's allocator is called for each.
pub(crate) const KEY_FUEL: u64 = 32;

/// What calls of the interface may use in one evaluation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HostLimits {
    pub(crate) calls: u64,
    /// The longest pointer, in bytes.
    pub(crate) pointer_bytes: usize,
    /// Everything that is returned, in bytes.
    pub(crate) bytes_returned: usize,
    /// Keys that are listed at once.
    pub(crate) keys: usize,
}

/// The state of one evaluation.
pub(crate) struct Run {
    document: Document,
    limits: HostLimits,
    calls: u64,
    returned: usize,
    log: Log,
    /// What it reads, where somebody asks.
    reads: Option<Reads>,
    /// What the guest's memories use.
    pub(crate) memory: MemoryMeter,
}

impl Run {
    pub(crate) fn new(view: View, limits: HostLimits, memory: MemoryLimits) -> Self {
        Self {
            document: Document::new(view),
            limits,
            calls: 0,
            returned: 0,
            log: Log::default(),
            reads: None,
            memory: MemoryMeter {
                bytes: 0,
                refused: None,
                table_refused: None,
                limits: memory,
            },
        }
    }

    /// Has it note what it reads from now on.
    pub(crate) fn trace(&mut self) {
        self.reads = Some(Reads::default());
    }

    /// What it has read since.
    pub(crate) fn take_reads(&mut self) -> Reads {
        self.reads.take().unwrap_or_default()
    }

    fn get(&mut self, pointer: &str, meter: &mut Meter) -> Result<Option<Value>, Stop> {
        self.enter(pointer, meter)?;
        let found = self.document.find(pointer, Want::Contents, meter)?;
        note(&mut self.reads, pointer, found.as_ref());
        let Some(found) = found else {
            return Ok(None);
        };
        let value = match found {
            Found::All(fields) => Value::Record(length(fields.len())?),
            Found::List { length: items, .. } => Value::List(length(items)?),
            Found::Record { keys, .. } => Value::Record(length(keys.len())?),
            Found::Scalar(text) => {
                meter.charge(text.len() as u64 * BYTE_FUEL)?;
                value::scalar(text)?
            }
        };
        if let Value::Text(text) | Value::BigInteger(text) = &value {
            let bytes = text.len();
            self.count_returned(bytes)?;
        }
        Ok(Some(value))
    }

    fn keys(&mut self, pointer: &str, meter: &mut Meter) -> Result<Option<Vec<String>>, Stop> {
        self.enter(pointer, meter)?;
        let limits = self.limits;
        let found = self.document.find(pointer, Want::Contents, meter)?;
        note(&mut self.reads, pointer, found.as_ref());
        let keys: Vec<String> = match found {
            Some(Found::All(fields)) => {
                let names = || fields.iter().map(|(name, _)| name);
                affordable_keys(names, limits, meter)?;
                names().map(str::to_owned).collect()
            }
            Some(Found::Record { keys, .. }) => {
                let names = || keys.keys().map(|key| &**key);
                affordable_keys(names, limits, meter)?;
                names().map(str::to_owned).collect()
            }
            Some(Found::List { .. } | Found::Scalar(_)) | None => return Ok(None),
        };
        self.count_returned(keys.iter().map(String::len).sum())?;
        Ok(Some(keys))
    }

    fn json(&mut self, pointer: &str, meter: &mut Meter) -> Result<Option<String>, Stop> {
        self.enter(pointer, meter)?;
        let limit = self.limits.bytes_returned;
        let affordable = |bytes: usize, meter: &mut Meter| {
            meter.charge(bytes as u64 * BYTE_FUEL)?;
            if bytes > limit {
                return Err(Stop::Returned { limit });
            }
            Ok(())
        };
        let found = self.document.find(pointer, Want::Text, meter)?;
        note(&mut self.reads, pointer, found.as_ref());
        let text = match found {
            None => return Ok(None),
            Some(Found::All(fields)) => {
                affordable(fields.size(), meter)?;
                fields.to_json()
            }
            Some(Found::Scalar(text) | Found::List { text, .. } | Found::Record { text, .. }) => {
                affordable(text.len(), meter)?;
                text.to_owned()
            }
        };
        self.count_returned(text.len())?;
        Ok(Some(text))
    }

    fn write(&mut self, words: &[u8], meter: &mut Meter) -> Result<(), Stop> {
        self.count_call()?;
        meter.charge(CALL_FUEL + words.len() as u64 * BYTE_FUEL)?;
        self.log.write(words);
        Ok(())
    }

    /// What the guest has left in its log.
    pub(crate) const fn log(&self) -> &Log {
        &self.log
    }

    /// The same, when nothing runs any more.
    pub(crate) fn into_log(self) -> Log {
        self.log
    }

    fn count_call(&mut self) -> Result<(), Stop> {
        self.calls += 1;
        if self.calls > self.limits.calls {
            return Err(Stop::Calls {
                limit: self.limits.calls,
            });
        }
        Ok(())
    }

    fn enter(&mut self, pointer: &str, meter: &mut Meter) -> Result<(), Stop> {
        self.count_call()?;
        let limit = self.limits.pointer_bytes;
        if pointer.len() > limit {
            return Err(Stop::Pointer {
                found: pointer.len(),
                limit,
            });
        }
        meter.charge(CALL_FUEL + pointer.len() as u64 * BYTE_FUEL)
    }

    fn count_returned(&mut self, bytes: usize) -> Result<(), Stop> {
        self.returned = self.returned.saturating_add(bytes);
        if self.returned > self.limits.bytes_returned {
            return Err(Stop::Returned {
                limit: self.limits.bytes_returned,
            });
        }
        Ok(())
    }
}

/// Notes a field that is read, where somebody asks.
fn note(reads: &mut Option<Reads>, pointer: &str, found: Option<&Found<'_>>) {
    let Some(reads) = reads else {
        return;
    };
    let value = found.map(|found| match found {
        Found::All(_) => "{…}",
        Found::Scalar(text) | Found::List { text, .. } | Found::Record { text, .. } => text,
    });
    reads.note(pointer, value);
}

/// Checks and charges a list of keys before it is built.
fn affordable_keys<'a, I: Iterator<Item = &'a str>>(
    names: impl Fn() -> I,
    limits: HostLimits,
    meter: &mut Meter,
) -> Result<(), Stop> {
    let (count, bytes) = names().fold((0_usize, 0_usize), |(count, bytes), name| {
        (count + 1, bytes.saturating_add(name.len()))
    });
    if count > limits.keys {
        return Err(Stop::Keys {
            found: count,
            limit: limits.keys,
        });
    }
    if bytes > limits.bytes_returned {
        return Err(Stop::Returned {
            limit: limits.bytes_returned,
        });
    }
    meter.charge(count as u64 * KEY_FUEL + bytes as u64 * BYTE_FUEL)
}

fn length(items: usize) -> Result<u32, Stop> {
    u32::try_from(items).map_err(|_| Stop::FieldTooLarge(items))
}

/// Adds the interfaces to a linker.
pub(crate) fn add_to(linker: &mut Linker<Run>) -> wasmtime::Result<()> {
    let mut fields = linker.instance(FIELDS)?;
    fields.func_wrap(
        "get",
        |store: StoreContextMut<'_, Run>, (pointer,): (String,)| {
            metered(store, |run, meter| run.get(&pointer, meter)).map(|value| (value,))
        },
    )?;
    fields.func_wrap(
        "keys",
        |store: StoreContextMut<'_, Run>, (pointer,): (String,)| {
            metered(store, |run, meter| run.keys(&pointer, meter)).map(|keys| (keys,))
        },
    )?;
    fields.func_wrap(
        "json",
        |store: StoreContextMut<'_, Run>, (pointer,): (String,)| {
            metered(store, |run, meter| run.json(&pointer, meter)).map(|text| (text,))
        },
    )?;
    linker.instance(LOG)?.func_wrap(
        "write",
        |store: StoreContextMut<'_, Run>, (words,): (Vec<u8>,)| {
            metered(store, |run, meter| run.write(&words, meter))
        },
    )
}

/// Takes the fuel out of the store for the duration of a call.
fn metered<T>(
    mut store: StoreContextMut<'_, Run>,
    call: impl FnOnce(&mut Run, &mut Meter) -> Result<T, Stop>,
) -> wasmtime::Result<T> {
    let mut store = store.as_context_mut();
    let mut meter = Meter::new(store.get_fuel()?);
    let result = call(store.data_mut(), &mut meter);
    store.set_fuel(meter.left())?;
    result.map_err(wasmtime::Error::new)
}

/// How much memory a guest may have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MemoryLimits {
    /// Bytes of one memory: the pool has no room for more.
    pub(crate) one_memory: usize,
    /// Bytes of all memories together.
    pub(crate) all_memories: u64,
    pub(crate) table_elements: usize,
}

/// Counts the guest's memory and records refused growth.
pub(crate) struct MemoryMeter {
    /// Bytes of all memories together.
    pub(crate) bytes: u64,
    /// The size in bytes that one memory was last refused.
    pub(crate) refused: Option<usize>,
    /// The elements that one table was last refused.
    pub(crate) table_refused: Option<usize>,
    limits: MemoryLimits,
}

impl ResourceLimiter for MemoryMeter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let grown = self.bytes + desired.saturating_sub(current) as u64;
        // What is beyond the pool's slot is refused here: otherwise it would count as used.
        if desired > maximum.unwrap_or(usize::MAX).min(self.limits.one_memory)
            || grown > self.limits.all_memories
        {
            self.refused = Some(desired);
            return Ok(false);
        }
        self.bytes = grown;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let fits = desired <= self.limits.table_elements
            && maximum.is_none_or(|maximum| desired <= maximum);
        if !fits {
            self.table_refused = Some(desired);
        }
        Ok(fits)
    }
}

mod log;
#[cfg(test)]
mod tests;
