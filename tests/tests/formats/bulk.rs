//! Bulk jobs, and what became of their processes.

use super::{holds, samples::process};
use bureaucrat_host::bulk::{BulkCounts, BulkOutcome, BulkOutcomeRecord, BulkRecord, BulkStatus};
use bureaucrat_model::{Operator, Timestamp};
use bureaucrat_store::{Table, keys::Place, records};

#[test]
fn bulk_jobs() {
    let at = Timestamp(1_800_000_000_000);
    let record = |status, up_to| BulkRecord {
        begun_at: at,
        by: Operator::named("ada"),
        status,
        order: r#"{"order":"resume","reason":"it may continue"}"#.into(),
        wanted: "{}".into(),
        up_to,
        counts: BulkCounts {
            done: 3,
            changed: 2,
            refused: 1,
        },
    };
    let place = Place {
        launched_at: at,
        process: process(1),
    };
    let values = [
        ("running", record(BulkStatus::Running, None)),
        ("completed", record(BulkStatus::Completed(at), Some(place))),
        ("stopped", record(BulkStatus::Stopped(at), Some(place))),
    ];
    holds(
        "bulk-jobs.hex",
        &values,
        |record| records::encode(record).unwrap(),
        |bytes| records::decode(Table::BulkJobs, b"key", bytes).unwrap(),
    );
    let outcome = |outcome| BulkOutcomeRecord { at, outcome };
    let values = [
        ("done", outcome(BulkOutcome::Done)),
        ("changed", outcome(BulkOutcome::Changed)),
        (
            "refused",
            outcome(BulkOutcome::Refused(r#""ended""#.into())),
        ),
    ];
    holds(
        "bulk-outcomes.hex",
        &values,
        |record| records::encode(record).unwrap(),
        |bytes| records::decode(Table::BulkOutcomes, b"key", bytes).unwrap(),
    );
}
