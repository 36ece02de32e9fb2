//! Cancelling a process over AMQP: what is asked, and what its sender is told.

use crate::{
    Address, Outgoing, WireLimits,
    answer::{read_fields, text},
    cut,
    launcher::message,
    reply::to,
    scan::Scan,
};
use bureaucrat_model::{Fields, JsonText, ProcessId, ReplyTo};

/// The content type of a message on the launch queue whose body names a process to cancel.
pub const CANCEL_TYPE: &str = "application/x-bureaucrat-cancel";

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelRequest {
    pub process: ProcessId,
    /// For the fault and the history.
    pub reason: String,
}

/// Reads `{"process": PID, "reason": …}`; the reason may be missing.
///
/// # Errors
/// What is wrong with it, in words.
pub fn decode_cancel(body: &[u8], limits: &WireLimits) -> Result<CancelRequest, String> {
    let expected = "expected `{\"process\": ID, \"reason\": TEXT}`";
    let wrong = |error: &dyn std::fmt::Display| format!("{error}; {expected}");
    let scan = Scan::of(body, limits);
    if let Some(defect) = &scan.defect {
        return Err(wrong(defect));
    }
    let fields = read_fields(Some(body), "body").map_err(|error| wrong(&error))?;
    let process = text(scan.get("process"), "process").map_err(|error| wrong(&error))?;
    let id = process.parse().map_err(|_| {
        let process = cut(&process, 80);
        format!("`{process}` is not the id of a process; {expected}")
    })?;
    let reason = match fields.get("reason") {
        None => String::new(),
        Some(reason) if reason.as_str() == "null" => String::new(),
        Some(reason) => reason
            .as_text()
            .ok_or_else(|| format!("`reason` is not a text; {expected}"))?,
    };
    Ok(CancelRequest {
        process: id,
        reason: cut(&reason, limits.text_bytes).to_owned(),
    })
}

/// The message that asks for it.
pub fn cancel(
    address: &Address,
    request: &CancelRequest,
    message_id: &str,
    reply_to: Option<&ReplyTo>,
) -> Outgoing {
    let mut body = Fields::new();
    body.set("process", JsonText::text(&request.process.to_string()));
    body.set("reason", JsonText::text(&request.reason));
    let body = body.to_json().into_bytes();
    message(address, CANCEL_TYPE, message_id, reply_to, body)
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelOutcome {
    /// It is cancelled: what its scopes run at their ends may still run.
    Cancelled,
    /// It had ended before.
    Ended,
}

/// The reply to its sender: `{"status": "cancelled", "process": ID}`, or `"status": "ended"`.
pub fn cancel_reply(reply_to: &ReplyTo, process: ProcessId, outcome: CancelOutcome) -> Outgoing {
    let status = match outcome {
        CancelOutcome::Cancelled => "cancelled",
        CancelOutcome::Ended => "ended",
    };
    to(
        reply_to,
        format!(r#"{{"status": "{status}", "process": "{process}"}}"#),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_became_of_it_reads_back() {
        let to = ReplyTo {
            queue: "replies".into(),
            correlation_id: Some("c".into()),
        };
        let process = ProcessId::from_bytes([7; 16]);
        for outcome in [CancelOutcome::Cancelled, CancelOutcome::Ended] {
            let message = cancel_reply(&to, process, outcome);
            let read = crate::decode_reply(&message.body, &WireLimits::default());
            assert_eq!(read, Ok(crate::Reply::Cancelled { process, outcome }));
        }
    }

    #[test]
    fn what_is_asked_reads_back_and_what_is_wrong_is_told() {
        let request = CancelRequest {
            process: ProcessId::from_bytes([7; 16]),
            reason: "no \"longer\" needed".into(),
        };
        let address = Address {
            exchange: String::new(),
            routing_key: "launches".into(),
        };
        let message = cancel(&address, &request, "m", None);
        let limits = WireLimits::default();
        assert_eq!(decode_cancel(&message.body, &limits), Ok(request.clone()));
        let alone = format!(r#"{{"process": "{}"}}"#, request.process);
        let read = decode_cancel(alone.as_bytes(), &limits).unwrap();
        assert_eq!(read.reason, "");
        for (body, words) in [
            ("[]", "expected"),
            ("{}", "process"),
            (r#"{"process": "x"}"#, "`x` is not the id of a process"),
            (r#"{"process": 7}"#, "process"),
            ("<process/>", "expected"),
        ] {
            let error = decode_cancel(body.as_bytes(), &limits).unwrap_err();
            assert!(error.contains(words), "{body}: {error}");
        }
    }
}
