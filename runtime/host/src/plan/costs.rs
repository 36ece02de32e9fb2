//! What evaluations of modules have cost since the engine started, by module, function and user.
//!
//! In memory alone, and bounded: of what comes after the first [`ENTRIES_MAX`] combinations, only the
//! module and the function are kept.

use bureaucrat_model::{ModuleHash, lock};
use bureaucrat_sandbox::Evaluated;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Mutex, time::Duration};

/// Combinations of module, function and user.
const ENTRIES_MAX: usize = 10_000;

/// Who is charged for an evaluation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payer {
    User(String),
    /// Processes that nobody's `user_id` launched.
    Nobody,
    /// All those that came too late for a row of their own.
    Others,
}

/// What a user's evaluations of a function have cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    pub function: String,
    pub by: Payer,
    pub evaluations: u64,
    pub fuel: u64,
    /// The time that they took together, in microseconds.
    pub micros: u64,
    /// The most fuel that one of them used.
    pub most_fuel: u64,
}

#[derive(Debug, Default)]
struct Total {
    evaluations: u64,
    fuel: u64,
    time: Duration,
    most_fuel: u64,
}

type Key = (ModuleHash, String, Payer);

/// The costs of all modules.
#[derive(Debug, Default)]
pub struct Costs(Mutex<BTreeMap<Key, Total>>);

impl Costs {
    /// Adds an evaluation. Those that failed because of the machine count too.
    pub(super) fn add(
        &self,
        module: ModuleHash,
        function: &str,
        user: Option<&String>,
        evaluated: &Evaluated,
    ) {
        let by = user.map_or(Payer::Nobody, |user| Payer::User(user.clone()));
        let mut totals = lock(&self.0);
        let mut key = (module, function.to_owned(), by);
        if totals.len() >= ENTRIES_MAX && !totals.contains_key(&key) {
            key.2 = Payer::Others;
        }
        let total = totals.entry(key).or_default();
        total.evaluations += 1;
        total.fuel = total.fuel.saturating_add(evaluated.fuel);
        total.time = total.time.saturating_add(evaluated.time);
        total.most_fuel = total.most_fuel.max(evaluated.fuel);
    }

    /// The costs of a module, by function and user.
    pub(crate) fn of(&self, module: ModuleHash) -> Vec<Spent> {
        let totals = lock(&self.0);
        let first = (module, String::new(), Payer::User(String::new()));
        let of_module = totals.range(first..).take_while(|(key, _)| key.0 == module);
        let spent = of_module.map(|((_, function, by), total)| Spent {
            function: function.clone(),
            by: by.clone(),
            evaluations: total.evaluations,
            fuel: total.fuel,
            micros: u64::try_from(total.time.as_micros()).unwrap_or(u64::MAX),
            most_fuel: total.most_fuel,
        });
        spent.collect()
    }
}
