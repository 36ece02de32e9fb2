//! Compiles definitions on the pure stage, and loads their guests.

use super::{Pure, SECRET};
use bureaucrat_definition::{Limits, compile_with};
use bureaucrat_engine::Environment;
use bureaucrat_model::{
    EngineLimits, Guest as GuestName, ModuleHash, ModuleRef, ModuleSource, Program, Timestamp,
    Unhandled,
};
use bureaucrat_sandbox::Guest;
use std::collections::BTreeMap;

/// The guests of a program: its own, and those of its modules.
pub(super) type Guests = BTreeMap<Option<ModuleHash>, Guest>;

/// What a step of a case sees of the outside world.
pub(super) fn environment(now: Timestamp, limits: &EngineLimits) -> Environment<'_> {
    Environment {
        now,
        secret: &SECRET,
        limits,
        unhandled: Unhandled::Fails,
    }
}

impl Pure {
    pub(super) fn compiled(&self, definition: &str) -> Result<(Program, Guests), String> {
        let find = |wanted: &ModuleRef| self.module(wanted).map(ModuleHash::of);
        let compiled = compile_with(definition.as_bytes(), &Limits::default(), &find);
        let compiled = compiled.map_err(|found| {
            let texts: Vec<String> = found.iter().map(ToString::to_string).collect();
            texts.join("; ")
        })?;
        let program = compiled.program;
        let mut guests = BTreeMap::new();
        let mut load = |name, bytes: &[u8]| {
            let guest = self.sandbox.load_inline(bytes);
            guests.insert(name, guest.map_err(|error| error.to_string())?);
            Ok::<(), String>(())
        };
        if !program.inline_guest.is_empty() {
            load(None, &program.inline_guest)?;
        }
        for module in &compiled.modules {
            match &module.source {
                ModuleSource::Bytes(bytes) => load(Some(module.hash), bytes)?,
                ModuleSource::Stored => return Err(format!("no module {}", module.hash)),
                ModuleSource::Deployed(wanted) => {
                    load(Some(module.hash), self.module(wanted)?)?;
                }
            }
        }
        for condition in &program.conditions {
            let guest = match condition.guest {
                GuestName::Inline => continue,
                GuestName::Module(hash) => guests.get(&Some(hash)),
            };
            let exports = guest.map(Guest::exports).unwrap_or_default();
            if !exports
                .iter()
                .any(|export| export.name == condition.function)
            {
                return Err(format!("{} is not exported", condition.text));
            }
        }
        Ok((program, guests))
    }
}
