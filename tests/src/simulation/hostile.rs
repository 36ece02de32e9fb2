//! Messages of hostile people or broken programs.

use super::{Content, Facts, Message, Random, people::People};
use bureaucrat_host::broker::Source;
use bureaucrat_model::{ActivityPath, ProcessId, Redelivered, Turn};
use bureaucrat_wire::{Dialect, HeaderValue, Properties};
use serde_json::json;

/// A definition that is refused.
pub fn definition(number: usize, random: &mut Random) -> Vec<u8> {
    let start = format!("<process name=\"L{number}\">");
    match random.below(5) {
        0 => format!("not XML at all, {number}").into_bytes(),
        1 => format!("{start}<nobody-knows/></process>").into_bytes(),
        2 => format!("{start}<while/></process>").into_bytes(),
        3 => format!("{start}<switch><case><condition>1 +</condition></case></switch></process>")
            .into_bytes(),
        _ => [start.as_bytes(), &[0xff, 0xfe, 0x00], b"</process>"].concat(),
    }
}

/// Properties that may do harm if they are copied.
pub fn properties(random: &mut Random) -> Properties {
    match random.below(3) {
        0 => Properties::default(),
        1 => Properties {
            expiration: Some("1".into()),
            reply_to: Some("bureaucrat".into()),
            headers: vec![(
                "CC".into(),
                HeaderValue::List(vec![HeaderValue::Text("bureaucrat".into())]),
            )],
            ..Properties::default()
        },
        _ => Properties {
            content_type: Some("text/\u{0}".into()),
            priority: Some(255),
            timestamp: Some(u64::MAX),
            headers: vec![("f".into(), HeaderValue::float(f64::NAN))],
            ..Properties::default()
        },
    }
}

/// A message that cannot be understood, or an answer that matches nothing.
pub fn message(facts: &Facts, random: &mut Random, dialect: Dialect) -> (Source, Content, Vec<u8>) {
    // Each one is different, so that they can be told apart.
    let unique = random.next();
    let garbage: Vec<u8> = match random.below(5) {
        0 => format!("garbage {unique}").into_bytes(),
        1 => [&[0xff, 0x00, 0xc3][..], &unique.to_be_bytes()].concat(),
        2 => format!("{}{unique}", "[".repeat(300)).into_bytes(),
        3 => json!({"event": null, "fields": unique})
            .to_string()
            .into_bytes(),
        _ => json!([unique]).to_string().into_bytes(),
    };
    match random.below(4) {
        0 if unique.is_multiple_of(2) => (Source::Results, Content::Hostile, garbage),
        0 => (Source::Events, Content::Hostile, garbage),
        1 => (Source::Answers, Content::Hostile, garbage),
        2 => {
            let process = ProcessId::from_seed([(unique % 251) as u8; 16]);
            let body = answer(
                process,
                &ActivityPath(vec![0]),
                Turn(unique % 100),
                unique,
                dialect,
            );
            (Source::Answers, Content::Hostile, body)
        }
        _ => match facts.some_process(random) {
            None => (Source::Answers, Content::Hostile, garbage),
            Some(process) => {
                // An activity that does not exist, or a turn of the future.
                let path = if random.once_in(2) {
                    ActivityPath(vec![77])
                } else {
                    ActivityPath(vec![0])
                };
                let turn = Turn(1_000_000 + unique % 100);
                let body = answer(process, &path, turn, unique, dialect);
                (
                    Source::Answers,
                    Content::Answer {
                        process,
                        path,
                        turn,
                    },
                    body,
                )
            }
        },
    }
}

fn answer(
    process: ProcessId,
    path: &ActivityPath,
    turn: Turn,
    unique: u64,
    dialect: Dialect,
) -> Vec<u8> {
    let target = format!("{process}{path}");
    let origin = format!("{target}~{turn}");
    let body = match dialect {
        Dialect::Workitem => json!({
            "header": {"message": "response", "target": target, "origin": origin},
            "fields": {"forged": unique},
        }),
        Dialect::Message => json!({
            "name": "response", "target": target, "origin": origin,
            "payload": {"status": "done", "forged": unique},
        }),
    };
    body.to_string().into_bytes()
}

impl People {
    /// Publishes a message that cannot be understood to one of the engine's queues.
    pub fn hostile(&mut self, random: &mut Random) {
        let (source, content, body) = message(&self.facts, random, self.dialect);
        match content {
            Content::Hostile => self.hostile.insert(body.clone()),
            Content::Launch(_)
            | Content::Answer { .. }
            | Content::Suspended
            | Content::Part { .. }
            | Content::BulkOrder { .. }
            | Content::BulkNews
            | Content::Question
            | Content::Forwarded { .. }
            | Content::Deployment { .. }
            | Content::Module { .. }
            | Content::Event(_) => self.doubtful.insert(body.clone()),
        };
        let properties = properties(random);
        self.facts.count("hostile messages");
        self.broker.publish_to_engine(
            source,
            Message {
                content,
                properties,
                body,
                redelivered: Redelivered::No,
            },
        );
    }
}
