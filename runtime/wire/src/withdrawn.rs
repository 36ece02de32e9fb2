//! What participants are told about tasks that nobody waits for any more.

use crate::{Mandatory, Outgoing, Properties, SHORT_TEXT_BYTES_MAX, cut};
use bureaucrat_model::{ActivityId, Origin, Turn};

/// The exchange by which Celery's workers are controlled; they declare it, as a fanout exchange.
const CELERY_CONTROL: &str = "celery.pidbox";

/// The notice that a task is withdrawn, for all who listen: the routing key is the participant. Its
/// header repeats that of the task, but for `message`.
pub fn withdrawn(exchange: &str, activity: ActivityId, turn: Turn, participant: &str) -> Outgoing {
    let target = activity.to_string();
    let origin = origin(activity, turn);
    let body = format!(
        r#"{{"header": {{"message": "cancel", "target": "{target}", "origin": "{origin}"}}}}"#
    );
    Outgoing {
        exchange: exchange.to_owned(),
        routing_key: cut(participant, SHORT_TEXT_BYTES_MAX).to_owned(),
        mandatory: Mandatory::No,
        properties: Properties {
            message_id: Some(origin),
            ..Properties::persistent("application/x-bureaucrat-workitem")
        },
        body: body.into_bytes(),
    }
}

/// Tells all of Celery's workers to drop a task that none has begun. Its id is that which
/// [`crate::task`] gave it.
pub fn revocation(activity: ActivityId, turn: Turn) -> Outgoing {
    let id = origin(activity, turn);
    let body = format!(
        r#"{{"method": "revoke", "arguments": {{"task_id": "{id}", "terminate": false, "signal": "SIGTERM"}}, "destination": null, "pattern": null, "matcher": null}}"#
    );
    Outgoing {
        exchange: CELERY_CONTROL.to_owned(),
        routing_key: String::new(),
        mandatory: Mandatory::No,
        properties: Properties {
            content_encoding: Some("utf-8".to_owned()),
            ..Properties::persistent("application/json")
        },
        body: body.into_bytes(),
    }
}

fn origin(activity: ActivityId, turn: Turn) -> String {
    let turn = Some(turn);
    Origin { activity, turn }.to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{Results, Routes, Task, Via, task};
    use bureaucrat_model::{Fields, Way};
    use serde_json::{Value, json};

    const ID: &str = "01234567-89ab-8def-8123-456789abcdef_0_1";

    fn json(message: &Outgoing) -> Value {
        serde_json::from_slice(&message.body).unwrap()
    }

    #[test]
    fn a_notice_has_the_header_of_its_task() {
        let activity: ActivityId = ID.parse().unwrap();
        let sent = Task {
            process: activity.process,
            path: &activity.path,
            turn: Turn(7),
            participant: "p",
            way: &Way::default(),
            fields: &Fields::new(),
            expires: None,
            results: &Results::default(),
        };
        let sent = task(&Routes::new(Via::Taskqueue, Vec::new()), &sent);
        let notice = withdrawn("cancelled", activity, Turn(7), "p");
        let mut header = json(&sent)["header"].clone();
        header["message"] = json!("cancel");
        assert_eq!(json(&notice), json!({ "header": header }));
        assert_eq!(notice.routing_key, "p");
        assert_eq!(notice.mandatory, Mandatory::No);
    }

    #[test]
    fn a_revocation_names_the_id_of_the_celery_task() {
        let activity: ActivityId = ID.parse().unwrap();
        let sent = Task {
            process: activity.process,
            path: &activity.path,
            turn: Turn(7),
            participant: "shop.pack",
            way: &Way::default(),
            fields: &Fields::new(),
            expires: None,
            results: &Results::default(),
        };
        let sent = task(&Routes::new(Via::CeleryWorkitem, Vec::new()), &sent);
        let revoked = revocation(activity, Turn(7));
        assert_eq!(json(&revoked)["arguments"]["task_id"], json(&sent)["id"]);
        assert_eq!(revoked.exchange, "celery.pidbox");
    }
}
