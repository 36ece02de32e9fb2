//! What an evaluation ran under, as an incident keeps it, and the way back: the limits under which
//! another machine evaluates the same again.
//!
//! The way back is for a file that a stranger may have written: each bound is checked against what
//! a limit may be, and against what replaying may use at all.

use crate::{
    class::Class,
    document::SCAN_FUEL_PER_BYTE,
    engines::{GROW_FUEL, GROW_PAGE_FUEL},
    host::{BYTE_FUEL, CALL_FUEL, KEY_FUEL},
    limits::{Budget, SandboxLimits, lesser},
    settings::Setting,
};
use bureaucrat_model::{EvaluationBounds, GuestClass};
use std::time::Duration;

/// The version of wasmtime; a test compares it with the manifest.
pub const WASMTIME: &str = "48.0.8";
/// The most fuel of an evaluation that is played again.
const FUEL_MAX: u64 = 100_000_000_000;
/// The most bytes of any kind.
const BYTES_MAX: u64 = 1 << 30;
/// How long an evaluation that is played again may take: this machine may be slow or busy.
const DEADLINE: Duration = Duration::from_secs(60);

/// Bounds under which nothing is evaluated here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the limit `{name}` is {found}; here it can be at most {most}, and at least {least}")]
pub struct BoundsError {
    name: &'static str,
    found: u64,
    least: u64,
    most: u64,
}

/// What instructions and calls of the host cost in this version.
pub fn costs() -> String {
    format!(
        "grow={GROW_FUEL},page={GROW_PAGE_FUEL},call={CALL_FUEL},byte={BYTE_FUEL},key={KEY_FUEL},\
         scan={SCAN_FUEL_PER_BYTE}"
    )
}

pub(crate) fn of(limits: &SandboxLimits, class: Class, budget: Budget) -> EvaluationBounds {
    let number = |size: usize| u64::try_from(size).unwrap_or(u64::MAX);
    let elements = class.table_elements(limits);
    EvaluationBounds {
        wasmtime: WASMTIME.to_owned(),
        costs: costs(),
        class: match class {
            Class::Small => GuestClass::Small,
            Class::Runtime => GuestClass::Runtime,
        },
        fuel: limits.fuel.min(budget.fuel),
        memory_bytes: number(class.memory_bytes(limits)),
        all_memory_bytes: budget.memory_bytes,
        table_elements: number(lesser(elements, budget.table_elements)),
        stack_bytes: number(limits.stack_bytes),
        host_calls: limits.host_calls.min(budget.host_calls),
        host_bytes_returned: number(lesser(
            limits.host_bytes_returned,
            budget.host_bytes_returned,
        )),
        pointer_bytes: number(limits.pointer_bytes),
        keys: number(limits.keys),
        error_text_bytes: number(limits.error_text_bytes),
        result_bytes: number(limits.result_bytes),
        deadline_ms: u64::try_from(limits.deadline.as_millis()).unwrap_or(u64::MAX),
    }
}

/// Whether fuel under these bounds can be compared with fuel here.
pub fn costs_the_same(bounds: &EvaluationBounds) -> bool {
    bounds.wasmtime == WASMTIME && bounds.costs == costs()
}

/// The limits and the budget to evaluate a guest under these bounds again. Nothing of it bounds
/// which guests are admitted more than the limits for guests with a language runtime do.
///
/// # Errors
/// If one of them is not what a limit may be, or more than is evaluated here.
pub fn to_limits(bounds: &EvaluationBounds) -> Result<(SandboxLimits, Budget), BoundsError> {
    let mut limits = SandboxLimits {
        deadline: DEADLINE,
        ..SandboxLimits::default()
    };
    let numbers = [
        ("fuel", bounds.fuel, FUEL_MAX),
        ("stack_bytes", bounds.stack_bytes, BYTES_MAX),
        ("host_calls", bounds.host_calls, FUEL_MAX),
        ("host_bytes_returned", bounds.host_bytes_returned, BYTES_MAX),
        ("pointer_bytes", bounds.pointer_bytes, BYTES_MAX),
        ("keys", bounds.keys, BYTES_MAX),
        ("error_text_bytes", bounds.error_text_bytes, BYTES_MAX),
        ("result_bytes", bounds.result_bytes, BYTES_MAX),
    ];
    let own = match bounds.class {
        GuestClass::Small => [
            ("memory_bytes", bounds.memory_bytes, BYTES_MAX),
            ("table_elements", bounds.table_elements, BYTES_MAX),
        ],
        GuestClass::Runtime => [
            ("runtime_memory_bytes", bounds.memory_bytes, BYTES_MAX),
            ("runtime_table_elements", bounds.table_elements, BYTES_MAX),
        ],
    };
    let mut table_elements = u64::MAX;
    for (name, found, ceiling) in numbers.into_iter().chain(own) {
        let Ok(setting) = Setting::named(name) else {
            continue;
        };
        let most = setting.most.min(ceiling);
        // A policy's quota may be lower than a limit of the engine can be.
        let is_quota = ["fuel", "host_calls", "host_bytes_returned"].contains(&name);
        if name.ends_with("table_elements") {
            table_elements = found;
        }
        let is_low = found < setting.least && !is_quota && !name.ends_with("table_elements");
        if is_low || found > most {
            return Err(BoundsError {
                name: setting.name,
                found,
                least: setting.least,
                most,
            });
        }
        // The text is a number within the range that was just checked, or lower than any limit, where the budget says it.
        let _ = setting.set(&mut limits, &found.max(setting.least).to_string());
    }
    let budget = Budget {
        fuel: bounds.fuel,
        memory_bytes: bounds.all_memory_bytes,
        table_elements,
        host_calls: bounds.host_calls,
        host_bytes_returned: bounds.host_bytes_returned,
    };
    Ok((limits, budget))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_version_is_that_of_the_manifest() {
        let manifest = include_str!("../../../Cargo.toml");
        let line = format!("wasmtime = {{ version = \"={WASMTIME}\"");
        assert!(manifest.contains(&line), "{line}");
    }

    #[test]
    fn bounds_lead_back_to_themselves() {
        let budgets = [
            Budget::FULL,
            Budget {
                fuel: 5,
                memory_bytes: 70_000,
                table_elements: 0,
                host_calls: 0,
                host_bytes_returned: 0,
            },
        ];
        for (class, budget) in [Class::Small, Class::Runtime].into_iter().zip(budgets) {
            let limits = SandboxLimits::default().for_runtimes();
            let bounds = of(&limits, class, budget);
            let (limits, budget) = to_limits(&bounds).unwrap();
            let again = EvaluationBounds {
                deadline_ms: bounds.deadline_ms,
                ..of(&limits, class, budget)
            };
            assert_eq!(again, bounds);
        }
    }

    #[test]
    fn what_no_machine_should_do_is_refused() {
        let bounds = of(&SandboxLimits::default(), Class::Small, Budget::FULL);
        for bounds in [
            EvaluationBounds {
                fuel: u64::MAX,
                ..bounds.clone()
            },
            EvaluationBounds {
                memory_bytes: 2 << 30,
                ..bounds.clone()
            },
            EvaluationBounds {
                memory_bytes: 1,
                ..bounds.clone()
            },
            EvaluationBounds {
                stack_bytes: 1 << 40,
                ..bounds.clone()
            },
            EvaluationBounds {
                result_bytes: u64::MAX,
                ..bounds
            },
        ] {
            assert!(to_limits(&bounds).is_err(), "{bounds:?}");
        }
    }
}
