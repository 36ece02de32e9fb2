//! Participants: what they do with a task, and how they answer.

use super::{
    COMPRESSED, Content, Message, Plan, Random, Sent, Trouble,
    people::{People, parsed},
};
use bureaucrat_host::broker::Source;
use bureaucrat_model::{Origin, Redelivered};
use bureaucrat_wire::{Dialect, Properties};
use serde_json::{Map, Value, json};

impl People {
    pub(super) fn answer(
        &mut self,
        queue: &str,
        task: &Sent,
        random: &mut Random,
        plan: &Plan,
    ) -> Result<(), String> {
        let origin = task.properties.message_id.as_deref().unwrap_or_default();
        let origin: Origin = origin
            .parse()
            .map_err(|_| format!("a task has the message id `{origin}`"))?;
        let turn = origin.turn.ok_or("a task without a turn")?;
        let (process, path) = (origin.activity.process, origin.activity.path);
        let counted = self.facts.known().is_answered(process, turn);
        let mut body = parsed(&task.body)?;
        if let Some(id) = task.properties.correlation_id.as_deref() {
            let content = Content::Answer {
                process,
                path,
                turn,
            };
            let results = task.properties.reply_to.as_deref().unwrap_or_default();
            return self.bring_back((id, &body, results), content, counted, random, plan);
        }
        let place = match self.dialect {
            Dialect::Workitem => "fields",
            Dialect::Message => "payload",
        };
        let fields = body[place].as_object_mut().ok_or("a task without fields")?;
        let mut content = Content::Answer {
            process,
            path,
            turn,
        };
        if !self.work(queue, fields)? {
            // A participant that fails: it says so as its dialect does, or sends an invalid answer.
            match self.dialect {
                Dialect::Workitem => {
                    body[place] = json!(["no", random.below(1_000)]);
                    content = Content::Hostile;
                    self.hostile.insert(body.to_string().into_bytes());
                }
                Dialect::Message => {
                    fields.insert("status".into(), json!("critical"));
                    fields.insert("error".into(), json!("it can't be done"));
                }
            }
        } else if counted {
            // This answer may not count, and would be visible if it did.
            fields.insert("again".into(), json!(true));
        } else if self.dialect == Dialect::Message && random.once_in(8) {
            let mut suspended = body.clone();
            suspended[place]["status"] = json!("at work");
            self.publish_answer(Content::Suspended, &suspended);
        }
        let copies = 1 + u64::from(plan.has(Trouble::Repeats) && random.once_in(4));
        for _ in 0..copies {
            self.publish_answer(content.clone(), &body);
        }
        Ok(())
    }

    /// Answers a call as its worker does, one or several times.
    fn bring_back(
        &self,
        (id, body, results): (&str, &Value, &str),
        content: Content,
        counted: bool,
        random: &mut Random,
        plan: &Plan,
    ) -> Result<(), String> {
        // A result that may not count would be visible if it did.
        let result = |wanted: &Value| match counted {
            true => json!("again"),
            false => wanted.clone(),
        };
        let messages = match id.strip_suffix("~reply") {
            Some(_) => vec![(id.to_owned(), result(&body["k"]).to_string())],
            None => {
                let callback = &body[2]["callbacks"][0]["options"]["task_id"];
                let callback = callback.as_str().ok_or("a call without a callback")?;
                let result = result(&body[0][0]);
                let said = json!({"status": "SUCCESS", "result": &result, "task_id": id});
                let called = json!([[result], {}, {"callbacks": null}]);
                // Some workers have the result backend `rpc://`.
                let said = random.once_in(2).then(|| (id.to_owned(), said.to_string()));
                let called = (callback.to_owned(), called.to_string());
                said.into_iter().chain([called]).collect()
            }
        };
        self.facts.count("results of calls");
        let copies = 1 + u64::from(plan.has(Trouble::Repeats) && random.once_in(4));
        for _ in 0..copies {
            for (id, body) in &messages {
                let message = Message {
                    content: content.clone(),
                    properties: Properties {
                        correlation_id: Some(id.clone()),
                        ..Properties::default()
                    },
                    body: body.clone().into_bytes(),
                    redelivered: Redelivered::No,
                };
                self.broker.bring_back(results, message);
            }
        }
        Ok(())
    }

    fn publish_answer(&self, content: Content, body: &Value) {
        let body = body.to_string().into_bytes();
        // Drawing a number for it would change what else a seed draws.
        let is_compressed =
            matches!(content, Content::Answer { turn, .. } if turn.0 % COMPRESSED == 0);
        let message = Message {
            content,
            properties: Properties::default(),
            body,
            redelivered: Redelivered::No,
        };
        let message = if is_compressed {
            message.compressed()
        } else {
            message
        };
        self.broker.publish_to_engine(Source::Answers, message);
    }

    /// Does a participant's work on the fields; returns false if it fails.
    fn work(&self, queue: &str, fields: &mut Map<String, Value>) -> Result<bool, String> {
        let name = queue.strip_prefix("worker_").unwrap_or_default();
        let digits = name
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(name.len());
        let (verb, number) = name.split_at(digits);
        let number: u32 = number.parse().map_err(|_| format!("a task for {queue}"))?;
        match verb {
            "set" => {
                fields.insert(format!("f{number}"), json!(number));
            }
            "inc" => {
                let count = fields
                    .get(&format!("c{number}"))
                    .and_then(Value::as_i64)
                    .unwrap_or(0);
                fields.insert(format!("c{number}"), json!(count + 1));
            }
            "def" => {
                let launch = fields
                    .get("number")
                    .and_then(Value::as_u64)
                    .unwrap_or(u64::MAX);
                let launch = usize::try_from(launch)
                    .ok()
                    .and_then(|launch| self.launches.get(launch));
                let mut definitions = launch.iter().flat_map(|launch| &launch.definitions);
                let text = definitions.find_map(|definition| definition.called(number));
                fields.insert(
                    format!("d{number}"),
                    json!(text.ok_or("a task without a number")?),
                );
            }
            "crit" => return Ok(false),
            _ => return Err(format!("a task for {queue}")),
        }
        Ok(true)
    }
}
