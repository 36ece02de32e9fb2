//! The outcomes of evaluations, and the codes of their faults.

use crate::host::Log;
use bureaucrat_model::FaultCode;
use std::time::Duration;

/// The sandbox's own fault codes. A guest cannot use them.
pub mod codes {
    /// The guest trapped: `unreachable`, a division by zero, an access out of bounds and the like.
    pub const TRAP: &str = "sandbox.trap";
    /// Out of fuel.
    pub const FUEL: &str = "sandbox.fuel";
    /// The guest trapped after it was denied more memory.
    pub const MEMORY: &str = "sandbox.memory";
    /// The guest trapped after it was denied more table elements.
    pub const TABLE: &str = "sandbox.table";
    /// The guest overflowed its stack.
    pub const STACK: &str = "sandbox.stack";
    /// The guest called the host too often.
    pub const HOST_CALLS: &str = "sandbox.host-calls";
    /// A pointer or an error text is too long, or `fields` returned too much in total.
    pub const HOST_BUDGET: &str = "sandbox.host-budget";
    /// The result is too long, or a value is not one JSON text.
    pub const RESULT: &str = "sandbox.result";
    /// The guest violated the canonical ABI: a text out of its memory, not UTF-8, an unknown
    /// variant.
    pub const ABI: &str = "sandbox.abi";
    /// A text in the fields cannot be passed to a guest: it contains a lone surrogate.
    pub const BAD_TEXT: &str = "sandbox.bad-text";
    /// The evaluation took longer than its deadline. Not a fault, because it depends on the
    /// machine: the reason of an incident begins with it.
    pub const DEADLINE: &str = "sandbox.deadline";
    /// The guest has no function with this name.
    pub const NO_FUNCTION: &str = "sandbox.no-function";

    /// What the author of a definition or a module can do about a fault of the sandbox, in a
    /// sentence; more is in docs/errors. None for other codes.
    pub fn advice(code: &str) -> Option<&'static str> {
        Some(match code {
            TRAP => {
                "the module panicked, failed a check or overflowed its own stack; have it return an \
                 error instead, and look for endless recursion"
            }
            FUEL => {
                "loop over less data, read single places instead of whole records, or leave the \
                 work to a participant; `bureaucrat module run` and `eval` print the fuel used"
            }
            MEMORY => {
                "read single places instead of whole records, or leave the work to a participant; \
                 `bureaucrat module run` prints the memory used"
            }
            TABLE => "have the module's toolchain make a smaller table of functions",
            STACK => {
                "look for endless recursion in the module; `bureaucrat module run` repeats it on \
                 the same fields"
            }
            HOST_CALLS => {
                "read a list or a record at once with `json`, keep what was read in a variable, and \
                 log less"
            }
            HOST_BUDGET => "shorten error texts, and read single places instead of whole records",
            RESULT => {
                "have the function return one JSON text, shorter than the limit, without NaN and \
                 infinity"
            }
            ABI => {
                "use the bindings of guest-sdk or your language's bindings generator; in a module \
                 written by hand, look at `cabi_realloc` and at the layout of the result"
            }
            BAD_TEXT => {
                "find out who put half of a surrogate pair into the fields, such as \\ud800, and \
                 have it write valid Unicode"
            }
            DEADLINE => {
                "look at the machine's load; if the function itself is slow, lower `fuel` so that \
                 it fails on every machine"
            }
            NO_FUNCTION => {
                "`bureaucrat module check` lists the module's functions; name one of them in the \
                 definition"
            }
            _ => return None,
        })
    }
}

/// An outcome and its cost.
#[derive(Debug, Clone)]
pub struct Evaluated {
    pub outcome: Outcome,
    /// The fuel that was used.
    pub fuel: u64,
    /// The bytes of the guest's memories at the end.
    pub memory_bytes: u64,
    /// What the guest left in its log.
    pub log: Log,
    /// How long it took, from making the instance on; another time each time.
    pub time: Duration,
}

/// The outcome of an evaluation. All but the last would occur again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Verdict(bool),
    /// A value: one JSON text.
    Value(String),
    /// The guest's own error, a trap, or a limit.
    Fault {
        /// Its code: the guest's, `ConditionError`, or one of [`codes`].
        code: FaultCode,
        /// What happened, for a person.
        message: String,
    },
    /// Not reliable: the deadline passed, no slot was free, or the system refused memory. Retry it.
    Environmental(String),
}

impl Outcome {
    /// One of the sandbox's own faults.
    pub(crate) fn own_fault(code: &str, message: impl Into<String>) -> Self {
        Self::Fault {
            code: FaultCode::new(code),
            message: message.into(),
        }
    }

    /// The fault for a guest's error text: `CODE`, `CODE: message`, or a text without a code. A
    /// code that only the engine gives does not count.
    pub(crate) fn guest_fault(text: String) -> Self {
        let (code, message) = match text.split_once(':') {
            Some((code, message)) => (code, message.strip_prefix(' ').unwrap_or(message)),
            None => (&*text, ""),
        };
        if is_code(code) && !FaultCode::is_reserved(code) {
            return Self::Fault {
                code: FaultCode::new(code),
                message: message.to_owned(),
            };
        }
        Self::Fault {
            code: FaultCode::new(FaultCode::CONDITION_ERROR),
            message: text,
        }
    }
}

/// A letter, then at most 63 letters, digits, `_`, `.` or `-`.
fn is_code(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic())
        && text.len() <= FaultCode::LENGTH_MAX
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_texts_are_codes_and_messages() {
        let long = "a".repeat(64);
        let longer = "a".repeat(65);
        for (text, code, message) in [
            ("KeyError: 'x'", "KeyError", "'x'"),
            ("KeyError:'x'", "KeyError", "'x'"),
            ("KeyError", "KeyError", ""),
            ("a: b: c", "a", "b: c"),
            ("no code here", "ConditionError", "no code here"),
            ("", "ConditionError", ""),
            (": x", "ConditionError", ": x"),
            ("1st: x", "ConditionError", "1st: x"),
            ("sandbox.fuel: mine", "ConditionError", "sandbox.fuel: mine"),
            ("sandbox.", "ConditionError", "sandbox."),
            ("Cancelled: x", "ConditionError", "Cancelled: x"),
            ("OpBudgetExceeded", "ConditionError", "OpBudgetExceeded"),
            ("sandbox", "sandbox", ""),
            ("tax.rate-1_a: x", "tax.rate-1_a", "x"),
            (&long, &long, ""),
            (&longer, "ConditionError", &longer),
        ] {
            assert_eq!(
                Outcome::guest_fault(text.to_owned()),
                Outcome::own_fault(code, message),
                "{text}"
            );
        }
    }
}
