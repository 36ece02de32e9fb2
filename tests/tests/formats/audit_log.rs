//! Entries of the audit log.

use super::{holds, samples::process};
use bureaucrat_host::{
    audit_log::{About, AuditEntry, AuditRecord, Part, Verb},
    bulk::BulkCounts,
};
use bureaucrat_model::{FiberId, Initiator, ModuleHash, Operator, Timestamp, Version};
use bureaucrat_store::{Table, records};

fn record(verb: Verb, about: About) -> AuditRecord {
    AuditRecord {
        number: 17,
        at: Timestamp(1_800_000_000_000),
        entry: AuditEntry {
            by: Initiator::Operator(Operator::named("ada")),
            verb,
            about,
            reason: "the stock is back".into(),
        },
    }
}

fn about_process(part: Option<Part>, to: Option<&str>) -> About {
    About::Process {
        process: process(1),
        definition: "order".into(),
        version: Version::new(3),
        user: Some("shop".into()),
        part,
        fields: vec!["paid".into()],
        to: to.map(str::to_owned),
    }
}

#[test]
fn entries_of_the_audit_log() {
    let job = |counts| About::Job {
        job: 258,
        order: Verb::Retry,
        search: "{}".into(),
        user: None,
        counts,
    };
    let counts = BulkCounts {
        done: 3,
        changed: 2,
        refused: 1,
    };
    let definition = About::Definition {
        name: "order".parse().unwrap(),
        versions: vec![Version::FIRST],
        user: Some("shop".into()),
    };
    let module = About::Module {
        name: Some("risk".parse().unwrap()),
        version: Some(Version::FIRST),
        alias: Some("live".parse().unwrap()),
        module: Some(ModuleHash([9; 32])),
        user: None,
    };
    let letter = About::Letter {
        letter: 258,
        queue: "bureaucrat_msgs".into(),
        code: "not-waiting".into(),
    };
    let by_message = AuditRecord {
        entry: AuditEntry {
            by: Initiator::Message {
                user: Some("shop".into()),
            },
            ..record(Verb::DeployDefinition, definition.clone()).entry
        },
        ..record(Verb::DeployDefinition, definition)
    };
    let about = Part::Activity("pay".into());
    let mut values = vec![
        (
            "part",
            record(Verb::Move, about_process(Some(about), Some("0_1"))),
        ),
        (
            "number",
            record(
                Verb::Skip,
                about_process(Some(Part::Number(FiberId(2))), None),
            ),
        ),
        ("job", record(Verb::StartJob, job(None))),
        ("job-stopped", record(Verb::StopJob, job(Some(counts)))),
        ("definition", by_message),
        ("module", record(Verb::SetAlias, module)),
        ("letter", record(Verb::ResendLetter, letter)),
    ];
    let verbs = Verb::ALL.iter();
    values.extend(verbs.map(|verb| (verb.name(), record(*verb, about_process(None, None)))));
    holds(
        "audit-log.hex",
        &values,
        |record| records::encode(record).unwrap(),
        |bytes| records::decode(Table::AuditLog, b"key", bytes).unwrap(),
    );
}
