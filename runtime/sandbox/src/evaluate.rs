//! One evaluation: a new instance, one call, its outcome.

use crate::{
    engines::TICKS_OF_DEADLINE,
    guest::{ExportKind, Guest},
    host::{HostLimits, Log, MemoryLimits, Run},
    limits::{Budget, SandboxLimits, lesser},
    meter::Stop,
    outcome::{Evaluated, Outcome, codes},
    reads::Reads,
};
use bureaucrat_model::{JsonText, View};
use std::time::{Duration, Instant};
use wasmtime::{OutOfMemory, PoolConcurrencyLimitError, Store, Trap, component::Instance};

/// The bytes of a too long error text that its fault repeats.
const ERROR_SHOWN: usize = 200;

/// Whether it is noted what an evaluation reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tracing {
    Off,
    On,
}

/// Evaluates a function of a guest. The cost is counted from instantiation on, including start
/// functions and data segments.
pub(crate) fn evaluate(
    guest: &Guest,
    function: &str,
    view: View,
    (limits, budget): (&SandboxLimits, Budget),
    tracing: Tracing,
) -> (Evaluated, Reads) {
    let began = Instant::now();
    let fuel = limits.fuel.min(budget.fuel);
    let ready = &*guest.0;
    let Some(place) = ready
        .exports
        .iter()
        .position(|export| export.name == function)
    else {
        let missing = Evaluated {
            outcome: Outcome::own_fault(
                codes::NO_FUNCTION,
                format!("the module has no function `{function}`"),
            ),
            fuel: 0,
            memory_bytes: 0,
            log: Log::default(),
            time: Duration::ZERO,
        };
        return (missing, Reads::default());
    };
    let mut store = new_store(guest, view, limits, budget);
    if tracing == Tracing::On {
        store.data_mut().trace();
    }
    let called = store
        .set_fuel(fuel)
        .and_then(|()| ready.pre.instantiate(&mut store))
        .map_err(|error| outcome_of_error(&error, Phase::Instantiation, &store))
        .and_then(|instance| {
            call(&mut store, instance, guest, place)
                .map_err(|error| outcome_of_error(&error, Phase::Call, &store))
        });
    let outcome = match called {
        Ok(Ok(returned)) => checked(returned, limits),
        Ok(Err(text)) if text.len() > limits.error_text_bytes => Outcome::own_fault(
            codes::HOST_BUDGET,
            format!(
                "an error text of {} bytes, at most {} are allowed; it begins with: {}",
                text.len(),
                limits.error_text_bytes,
                &text[..text.floor_char_boundary(ERROR_SHOWN)]
            ),
        ),
        Ok(Err(text)) => Outcome::guest_fault(text),
        Err(outcome) => outcome,
    };
    let reads = store.data_mut().take_reads();
    let evaluated = Evaluated {
        outcome,
        fuel: fuel - store.get_fuel().unwrap_or(0).min(fuel),
        memory_bytes: store.data().memory.bytes,
        time: began.elapsed(),
        log: store.into_data().into_log(),
    };
    (evaluated, reads)
}

/// Makes an instance, which is most of what a cheap function costs.
///
/// # Errors
/// The outcome that any evaluation would have.
pub(crate) fn instantiate(guest: &Guest, limits: &SandboxLimits) -> Result<(), Outcome> {
    let mut store = new_store(guest, View::default(), limits, Budget::FULL);
    store
        .set_fuel(limits.fuel)
        .and_then(|()| guest.0.pre.instantiate(&mut store))
        .map(drop)
        .map_err(|error| outcome_of_error(&error, Phase::Instantiation, &store))
}

fn new_store(guest: &Guest, view: View, limits: &SandboxLimits, budget: Budget) -> Store<Run> {
    let ready = &*guest.0;
    let run = Run::new(
        view,
        HostLimits {
            calls: limits.host_calls.min(budget.host_calls),
            pointer_bytes: limits.pointer_bytes,
            bytes_returned: lesser(limits.host_bytes_returned, budget.host_bytes_returned),
            keys: limits.keys,
        },
        MemoryLimits {
            one_memory: ready.class.memory_bytes(limits),
            all_memories: budget.memory_bytes,
            table_elements: lesser(ready.class.table_elements(limits), budget.table_elements),
        },
    );
    let mut store = Store::new(ready.pre.engine(), run);
    store.limiter(|run| &mut run.memory);
    store.set_epoch_deadline(TICKS_OF_DEADLINE + 1);
    store
}

/// What a function returned, before it is checked.
enum Returned {
    Verdict(bool),
    Value(String),
}

fn call(
    store: &mut Store<Run>,
    instance: Instance,
    guest: &Guest,
    place: usize,
) -> wasmtime::Result<Result<Returned, String>> {
    let index = &guest.0.indices[place];
    match guest.0.exports[place].kind {
        ExportKind::Verdict => {
            let function =
                instance.get_typed_func::<(), (Result<bool, String>,)>(&mut *store, index)?;
            Ok(function.call(store, ())?.0.map(Returned::Verdict))
        }
        ExportKind::Value => {
            let function =
                instance.get_typed_func::<(), (Result<String, String>,)>(&mut *store, index)?;
            Ok(function.call(store, ())?.0.map(Returned::Value))
        }
    }
}

fn checked(returned: Returned, limits: &SandboxLimits) -> Outcome {
    match returned {
        Returned::Verdict(holds) => Outcome::Verdict(holds),
        Returned::Value(text) if text.len() > limits.result_bytes => Outcome::own_fault(
            codes::RESULT,
            format!(
                "a value of {} bytes, at most {} are allowed",
                text.len(),
                limits.result_bytes
            ),
        ),
        Returned::Value(text) => match JsonText::parse(&text) {
            Ok(_) => Outcome::Value(text),
            Err(_) if is_beyond_json(&text) => Outcome::own_fault(
                codes::RESULT,
                "a number in the value is NaN or infinite, which JSON does not have".to_owned(),
            ),
            Err(error) => Outcome::own_fault(codes::RESULT, format!("the value is {error}")),
        },
    }
}

/// Whether the text is JSON but for the names of numbers that JSON does not have, as far as it can
/// be seen: outside quotes.
fn is_beyond_json(text: &str) -> bool {
    let mut outside = text.split('"').step_by(2);
    outside.any(|part| {
        ["NaN", "Infinity", "inf", "nan"]
            .iter()
            .any(|name| part.contains(name))
    })
}

/// What the guest was doing when an error occurred.
#[derive(Clone, Copy)]
enum Phase {
    /// Its instance was being made; start functions run here.
    Instantiation,
    /// Its function was being called.
    Call,
}

/// Separates errors that would happen again from those that would not.
fn outcome_of_error(error: &wasmtime::Error, phase: Phase, store: &Store<Run>) -> Outcome {
    if let Some(stop) = error.downcast_ref::<Stop>() {
        return outcome_of_stop(stop);
    }
    if let Some(trap) = error.downcast_ref::<Trap>() {
        return outcome_of_trap(*trap, store);
    }
    let machine = error.is::<PoolConcurrencyLimitError>()
        || error.is::<OutOfMemory>()
        || error.is::<std::io::Error>();
    // A memory or table that is larger than the budget from the start is the guest's fault, like
    // one that grows beyond it.
    let meter = &store.data().memory;
    match (phase, meter.refused, meter.table_refused) {
        (Phase::Instantiation, Some(bytes), _) => {
            let message = format!("a memory of {bytes} bytes was refused");
            return Outcome::own_fault(codes::MEMORY, message);
        }
        (Phase::Instantiation, None, Some(elements)) => {
            let message = format!("a table of {elements} elements was refused");
            return Outcome::own_fault(codes::TABLE, message);
        }
        (Phase::Instantiation, None, None) | (Phase::Call, _, _) => {}
    }
    match phase {
        Phase::Call if !machine => Outcome::own_fault(codes::ABI, format!("{error:#}")),
        Phase::Call | Phase::Instantiation => Outcome::Environmental(format!("{error:#}")),
    }
}

fn outcome_of_stop(stop: &Stop) -> Outcome {
    let code = match stop {
        Stop::Fuel => codes::FUEL,
        Stop::Calls { .. } => codes::HOST_CALLS,
        Stop::Pointer { .. }
        | Stop::Returned { .. }
        | Stop::Keys { .. }
        | Stop::FieldTooLarge(_) => codes::HOST_BUDGET,
        Stop::BrokenText => codes::BAD_TEXT,
    };
    Outcome::own_fault(code, stop.to_string())
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "wasmtime's enum, which grows: every other trap is the guest's own doing"
)]
fn outcome_of_trap(trap: Trap, store: &Store<Run>) -> Outcome {
    let message = trap.to_string();
    let message = message.strip_prefix("wasm trap: ").unwrap_or(&message);
    // Where its language has words for a panic, the guest left them last.
    let log = store.data().log();
    match trap {
        Trap::Interrupt => Outcome::Environmental(format!(
            "{}: the evaluation took too long on this machine",
            codes::DEADLINE
        )),
        Trap::OutOfFuel => Outcome::own_fault(codes::FUEL, "out of fuel"),
        Trap::StackOverflow => Outcome::own_fault(codes::STACK, log.end(message)),
        Trap::StringOutOfBounds
        | Trap::ListOutOfBounds
        | Trap::InvalidChar
        | Trap::InvalidDiscriminant
        | Trap::UnalignedPointer => Outcome::own_fault(codes::ABI, message),
        _ => {
            let meter = &store.data().memory;
            match (meter.refused, meter.table_refused) {
                (Some(bytes), _) => Outcome::own_fault(
                    codes::MEMORY,
                    log.end(&format!(
                        "{message}, after a memory of {bytes} bytes was refused"
                    )),
                ),
                (None, Some(elements)) => Outcome::own_fault(
                    codes::TABLE,
                    log.end(&format!(
                        "{message}, after a table of {elements} elements was refused"
                    )),
                ),
                (None, None) => Outcome::own_fault(codes::TRAP, log.end(message)),
            }
        }
    }
}
