//! Messages that definitions send, as AMQP carries them, and where none of them may go.

use crate::{HeaderValue, Mandatory, Outgoing, Properties, Reserved};
use bureaucrat_model::{ActivityId, JsonText, Message, Origin, Toward, Turn};
use serde_json::Value;

/// The message of an activity. Its message id is the same each time it is sent, so that a receiver
/// recognises a repeat.
pub fn sent(activity: ActivityId, turn: Turn, message: &Message) -> Outgoing {
    let origin = Origin {
        activity,
        turn: Some(turn),
    };
    let headers = message.headers.iter();
    let headers = headers.map(|(name, value)| {
        let value = value.to_value().unwrap_or(Value::Null);
        (name.to_owned(), header(value))
    });
    Outgoing {
        exchange: message.exchange.clone(),
        routing_key: message.routing_key.clone(),
        mandatory: Mandatory::Yes,
        properties: Properties {
            message_id: Some(origin.to_string()),
            headers: headers.collect(),
            ..Properties::persistent(&message.content_type)
        },
        body: message
            .body
            .as_ref()
            .map(|body| body_of(&message.content_type, body))
            .unwrap_or_default(),
    }
}

/// JSON for JSON; for any other type a text is its own characters.
fn body_of(content_type: &str, body: &JsonText) -> Vec<u8> {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    let kind = kind.to_ascii_lowercase();
    let is_json = kind == "application/json" || kind.ends_with("+json");
    let text = if is_json { None } else { body.as_text() };
    text.unwrap_or_else(|| body.as_str().to_owned())
        .into_bytes()
}

fn header(value: Value) -> HeaderValue {
    match value {
        Value::Null => HeaderValue::Void,
        Value::Bool(truth) => HeaderValue::Bool(truth),
        // AMQP has no integer beyond 64 bits: such a number travels as its digits.
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => HeaderValue::Int(whole),
            (None, Some(float)) if number.is_f64() && float.is_finite() => {
                HeaderValue::float(float)
            }
            (None, _) => HeaderValue::Text(number.to_string()),
        },
        Value::String(text) => HeaderValue::Text(text),
        Value::Array(items) => HeaderValue::List(items.into_iter().map(header).collect()),
        Value::Object(entries) => HeaderValue::Table(
            entries
                .into_iter()
                .map(|(name, value)| (crate::cut(&name, 128).to_owned(), header(value)))
                .collect(),
        ),
    }
}

impl Reserved<'_> {
    /// Why no message of a definition may go there.
    pub fn refuses(&self, exchange: &str, routing_key: &str) -> Option<String> {
        let toward = Toward(exchange, routing_key);
        let reason = match toward.never() {
            Some(reason) => reason.to_owned(),
            None if exchange.is_empty() => {
                format!("it belongs to {}", self.owner(routing_key)?)
            }
            None if self.engine_exchanges.iter().any(|own| own == exchange) => {
                "it belongs to the engine".to_owned()
            }
            None if self.routes.has_exchange(exchange) => {
                "it carries tasks to participants; use `action`".to_owned()
            }
            None => return None,
        };
        Some(format!("no definition may send to {toward}: {reason}"))
    }

    /// Why no task may go where a definition sends it. Participants' queues are open to tasks; who
    /// may use whose, the policy says.
    pub fn refuses_task(&self, exchange: &str, routing_key: &str) -> Option<String> {
        let toward = Toward(exchange, routing_key);
        let engines = "it belongs to the engine";
        let reason = match toward.closed() {
            Some(reason) => reason,
            None if exchange.is_empty() => {
                let own = self.engine_queues.iter().any(|own| own == routing_key);
                own.then_some(engines)?
            }
            None => {
                let own = self.engine_exchanges.iter().any(|own| own == exchange);
                own.then_some(engines)?
            }
        };
        Some(format!(
            "no definition may send tasks to {toward}: {reason}"
        ))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{Routes, Via};
    use bureaucrat_model::Fields;

    fn message(content_type: &str, body: &str) -> Message {
        Message {
            exchange: "shop".into(),
            routing_key: "paid".into(),
            content_type: content_type.into(),
            headers: Fields::parse(
                r#"{"i": 7, "f": 1.5, "t": "a", "n": null, "l": [true, {"x": 1}], "b": 36893488147419103232}"#,
            )
            .unwrap(),
            body: Some(JsonText::parse(body).unwrap()),
        }
    }

    #[test]
    fn texts_are_json_or_themselves_and_headers_keep_their_types() {
        let activity: ActivityId = "01234567-89ab-8def-8123-456789abcdef_0_1".parse().unwrap();
        let body = |content_type: &str, body: &str| {
            let out = sent(activity.clone(), Turn(3), &message(content_type, body));
            String::from_utf8(out.body).unwrap()
        };
        assert_eq!(body("application/json", "\"a\""), "\"a\"");
        assert_eq!(
            body("application/vnd.x+json; charset=utf-8", "\"a\""),
            "\"a\""
        );
        assert_eq!(body("text/plain", "\"a\""), "a");
        assert_eq!(body("text/csv", "[1, 2]"), "[1, 2]");
        let out = sent(activity.clone(), Turn(3), &message("text/plain", "1"));
        let id = out.properties.message_id.unwrap();
        assert!(id.ends_with("_0_1~3"), "{id}");
        let values: Vec<_> = out.properties.headers.into_iter().map(|(_, v)| v).collect();
        let table = HeaderValue::Table(vec![("x".into(), HeaderValue::Int(1))]);
        assert_eq!(
            values,
            [
                HeaderValue::Int(7),
                HeaderValue::float(1.5),
                HeaderValue::Text("a".into()),
                HeaderValue::Void,
                HeaderValue::List(vec![HeaderValue::Bool(true), table]),
                HeaderValue::Text("36893488147419103232".into()),
            ]
        );
    }

    #[test]
    fn what_belongs_to_the_engine_or_to_participants_is_refused() {
        let route = |pattern, via, exchange: Option<&str>| crate::Route {
            pattern: crate::Pattern::parse(pattern).unwrap(),
            via,
            destination: crate::Destination {
                exchange: exchange.map(str::to_owned),
                queue: Some("pay".into()),
                routing_key: None,
            },
        };
        let routes = Routes::new(
            Via::Taskqueue,
            vec![route("pay.*", Via::CeleryWorkitem, Some("money"))],
        );
        let reserved = Reserved {
            engine_queues: &["bureaucrat".to_owned()],
            engine_exchanges: &["bureaucrat.processes".to_owned()],
            routes: &routes,
            participants: &[],
        };
        for (exchange, key, is_refused) in [
            ("", "bureaucrat", true),
            ("", "pay", true),
            ("", "worker_x", true),
            ("bureaucrat.processes", "x", true),
            ("money", "x", true),
            ("amq.topic", "x", true),
            ("shop", "bureaucrat", false),
            ("", "audit", false),
        ] {
            let found = reserved.refuses(exchange, key);
            assert_eq!(found.is_some(), is_refused, "{exchange} {key} {found:?}");
            let is_of_workers = ["pay", "worker_x"].contains(&key) || exchange == "money";
            let task = reserved.refuses_task(exchange, key);
            let expected = is_refused && !is_of_workers;
            assert_eq!(task.is_some(), expected, "{exchange} {key} {task:?}");
        }
    }
}
