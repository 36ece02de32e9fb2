//! Outcomes of orders, in words.

use bureaucrat_host::commands::OrderOutcome;
use bureaucrat_model::ProcessId;

/// What a person needs to know of the outcome of an order.
pub fn words(process: ProcessId, outcome: &OrderOutcome) -> String {
    match outcome {
        OrderOutcome::Done | OrderOutcome::Planned(_) => format!("process {process}: done"),
        OrderOutcome::Elsewhere => format!(
            "another engine has process {process}: ask that one, with the same command on its storage"
        ),
        OrderOutcome::Unknown => format!("there is no process {process}"),
        OrderOutcome::Ended => format!("process {process} has already ended"),
        OrderOutcome::Suspended => format!(
            "process {process} is suspended already; `bureaucrat resume {process}` has it continue"
        ),
        OrderOutcome::NotSuspended => format!(
            "process {process} is not suspended; `bureaucrat list --state suspended` shows those that are"
        ),
        OrderOutcome::Damaged => format!(
            "the record of process {process} is damaged; `bureaucrat show {process}` names it, \
             and `bureaucrat fsck` says what can be done"
        ),
        OrderOutcome::Refused(refusal) => format!("process {process}: {refusal}"),
    }
}
