//! What the engine tells launchers and listeners about a process, and how a launcher reads it.

use crate::{
    CancelOutcome, EventCounts, EventOutcome, Mandatory, Outgoing, Properties,
    SHORT_TEXT_BYTES_MAX, Unreadable, WireLimits, cut, reply_address::mandatory, scan::Scan,
};
use bureaucrat_model::{Fault, Fields, HistoryHead, JsonText, ProcessId, ReplyTo};
use serde::Deserialize;

#[derive(Debug, Clone, Copy)]
pub enum Report<'a> {
    Launched,
    Rejected {
        /// One sentence for each reason.
        reasons: &'a [String],
    },
    /// The process completed.
    Completed {
        fields: &'a Fields,
        history: HistoryHead,
    },
    Failed {
        fault: &'a Fault,
        history: HistoryHead,
    },
}

impl Report<'_> {
    /// The value of `status`, and the first part of a notice's routing key.
    pub const fn status(&self) -> &'static str {
        match self {
            Self::Launched => "launched",
            Self::Rejected { .. } => "rejected",
            Self::Completed { .. } => "completed",
            Self::Failed { .. } => "failed",
        }
    }

    fn to_json(self, process: Option<ProcessId>, name: Option<&str>) -> String {
        let mut json = format!(r#"{{"status": "{}""#, self.status());
        if let Some(process) = process {
            json += &format!(r#", "process": "{process}""#);
        }
        if let Some(name) = name {
            json += &format!(r#", "name": {}"#, JsonText::text(name).as_str());
        }
        match self {
            Self::Launched => {}
            Self::Rejected { reasons } => {
                let reasons: serde_json::Value = reasons.iter().map(String::as_str).collect();
                json += &format!(r#", "reasons": {reasons}"#);
            }
            Self::Completed { fields, .. } => {
                json += &format!(r#", "fields": {}"#, fields.to_json());
            }
            Self::Failed { fault, .. } => {
                let activity = match process {
                    Some(process) => format!("{process}{}", fault.activity),
                    None => fault.activity.to_string(),
                };
                let data = fault.data.as_ref();
                let fault = serde_json::json!({
                    "code": fault.code.as_str(),
                    "message": fault.message,
                    "activity": activity,
                    "line": fault.line,
                });
                let mut fault = fault.to_string();
                if let Some(data) = data {
                    fault.pop();
                    fault += &format!(r#","data":{}}}"#, data.as_str());
                }
                json += &format!(r#", "fault": {fault}"#);
            }
        }
        if let Self::Completed { history, .. } | Self::Failed { history, .. } = self {
            let (entries, hash) = (history.entries, history.newest);
            json += &format!(r#", "history": {{"entries": {entries}, "hash": "{hash}"}}"#);
        }
        json.push('}');
        json
    }
}

/// The reply to a launcher, through the default exchange. Mandatory except for direct addresses, so
/// that the engine learns when the launcher is gone.
pub fn reply(reply_to: &ReplyTo, process: Option<ProcessId>, report: Report<'_>) -> Outgoing {
    to(reply_to, report.to_json(process, None))
}

/// A reply with this JSON text.
pub(crate) fn to(reply_to: &ReplyTo, json: String) -> Outgoing {
    Outgoing {
        exchange: String::new(),
        routing_key: reply_to.queue.clone(),
        mandatory: mandatory(&reply_to.queue),
        properties: Properties {
            correlation_id: reply_to.correlation_id.clone(),
            ..Properties::persistent("application/json")
        },
        body: json.into_bytes(),
    }
}

/// The same facts for queues that are bound to the topic exchange: routing key `STATUS.NAME`, or
/// `STATUS` for a process without a name. A key that is too long for AMQP is cut.
pub fn notice(
    exchange: &str,
    process: Option<ProcessId>,
    name: &str,
    report: Report<'_>,
) -> Outgoing {
    let routing_key = if name.is_empty() {
        report.status().to_owned()
    } else {
        cut(&format!("{}.{name}", report.status()), SHORT_TEXT_BYTES_MAX).to_owned()
    };
    Outgoing {
        exchange: exchange.to_owned(),
        routing_key,
        mandatory: Mandatory::No,
        properties: Properties::persistent("application/json"),
        body: report.to_json(process, Some(name)).into_bytes(),
    }
}

/// A reply as its launcher reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    Launched {
        process: ProcessId,
    },
    Rejected {
        reasons: Vec<String>,
    },
    /// The process completed.
    Completed {
        process: ProcessId,
        fields: Fields,
    },
    Failed {
        process: ProcessId,
        code: String,
        message: String,
        /// The id of the activity where it happened.
        activity: String,
        /// The line of the definition, from 1; 0 when unknown.
        line: u32,
        /// What else the one who failed says.
        data: Option<JsonText>,
    },
    /// What became of an event.
    Event(EventOutcome),
    /// What became of a request to cancel a process.
    Cancelled {
        process: ProcessId,
        outcome: CancelOutcome,
    },
}

#[derive(Deserialize)]
struct FaultJson {
    code: String,
    message: String,
    activity: String,
    line: u32,
    #[serde(default)]
    data: Option<Box<serde_json::value::RawValue>>,
}

/// Reads a reply written by [`reply`].
///
/// # Errors
/// If the body is not one.
pub fn decode_reply(body: &[u8], limits: &WireLimits) -> Result<Reply, Unreadable> {
    let scan = Scan::of(body, limits);
    let text = |key| crate::answer::text(scan.get(key), key);
    if let Some(defect) = &scan.defect {
        return Err(defect.clone());
    }
    let process = || {
        let text = text("process")?;
        text.parse().map_err(|_| Unreadable::NotAnId {
            key: "process",
            text: cut(&text, 80).to_owned(),
        })
    };
    let status = text("status")?;
    match status.as_str() {
        "launched" => Ok(Reply::Launched {
            process: process()?,
        }),
        "rejected" => {
            let reasons = scan
                .get("reasons")
                .ok_or(Unreadable::Missing { key: "reasons" })?;
            let reasons = serde_json::from_slice(reasons).map_err(|_| Unreadable::WrongType {
                key: "reasons",
                wanted: "a list of texts",
            })?;
            Ok(Reply::Rejected { reasons })
        }
        "completed" => Ok(Reply::Completed {
            process: process()?,
            fields: crate::answer::read_fields(scan.get("fields"), "fields")?,
        }),
        "failed" => {
            let fault = scan
                .get("fault")
                .ok_or(Unreadable::Missing { key: "fault" })?;
            let fault: FaultJson =
                serde_json::from_slice(fault).map_err(|_| Unreadable::WrongType {
                    key: "fault",
                    wanted: "a fault",
                })?;
            Ok(Reply::Failed {
                process: process()?,
                code: fault.code,
                message: fault.message,
                activity: fault.activity,
                line: fault.line,
                data: fault.data.and_then(|data| JsonText::parse(data.get()).ok()),
            })
        }
        "delivered" => Ok(Reply::Event(EventOutcome::Delivered(counts(&scan)?))),
        "delivering" => Ok(Reply::Event(EventOutcome::Delivering(counts(&scan)?))),
        "repeated" => Ok(Reply::Event(EventOutcome::Repeated)),
        "cancelled" => Ok(Reply::Cancelled {
            process: process()?,
            outcome: CancelOutcome::Cancelled,
        }),
        "ended" => Ok(Reply::Cancelled {
            process: process()?,
            outcome: CancelOutcome::Ended,
        }),
        other => Err(Unreadable::UnknownStatus {
            status: cut(other, 80).to_owned(),
        }),
    }
}

fn counts(scan: &Scan<'_>) -> Result<EventCounts, Unreadable> {
    Ok(EventCounts {
        waiting: count(scan, "waiting")?,
        taken: count(scan, "taken")?,
        parked: count(scan, "parked")?,
    })
}

fn count(scan: &Scan<'_>, key: &'static str) -> Result<u64, Unreadable> {
    let number = scan.get(key).ok_or(Unreadable::Missing { key })?;
    serde_json::from_slice(number).map_err(|_| Unreadable::WrongType {
        key,
        wanted: "a number",
    })
}
