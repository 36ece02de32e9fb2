//! The wire formats: the contents of AMQP messages as values, in both dialects.
//!
//! Incoming bytes become answers, events and replies, or one clear reason why not; tasks, replies,
//! notices, dead letters and launches become an [`Outgoing`] message. The formats are those of the
//! original of 2015 (its two dialects, Celery's task protocol 1), Celery's task protocol 2, and the
//! engine's own replies.
//! Everything is pure: no sockets, no clock, no randomness, and every input is bounded.
//! `broker-amqp` manages connections, and `engine` decides what a message means for a process.
#![forbid(unsafe_code)]

mod answer;
mod call;
mod cancelling;
mod content;
mod dead_letter;
mod declared;
mod deployment;
mod event;
mod launcher;
mod limits;
mod merge;
mod message;
mod named;
mod reply;
mod reply_address;
mod result;
mod route;
mod scan;
mod sent;
mod sight;
mod task;
mod traceback;
mod typed;
mod unreadable;
mod withdrawn;
mod worker_event;

pub use answer::{AnswerMessage, UnreadableAnswer, decode_answer};
pub use bureaucrat_model::{Dialect, TaskQueue, UnknownName, Via};
pub use call::{CargoError, Results, can_carry, without_expiry};
pub use cancelling::{
    CANCEL_TYPE, CancelOutcome, CancelRequest, cancel, cancel_reply, decode_cancel,
};
pub use content::{Content, Packed, content};
pub use dead_letter::{
    CODE_HEADER, EXCHANGE_HEADER, LETTER_HEADER, ORIGINAL_BYTES_MAX, ORIGINAL_HEADER, QUEUE_HEADER,
    REASON_BYTES_MAX, REASON_HEADER, TIME_HEADER, again, dead_letter, properties_json, undelivered,
};
pub use declared::fit_fields;
pub use deployment::{
    DEFINITION_TYPE, DefinitionDeployed, MODULE_TYPE, ModuleDeployed, ModuleHeaders, NotText,
    Novelty, definition_deployed, deployed,
};
pub use event::{EventCounts, EventMessage, EventOutcome, decode_event, event_reply};
pub use launcher::{Address, EventRequest, event, launch, launch_named};
pub use limits::WireLimits;
pub use merge::{MergeError, merge_fields};
pub use message::{
    HeaderValue, Mandatory, Outgoing, Properties, REFUSAL_HEADER, REFUSAL_REPLY,
    SHORT_TEXT_BYTES_MAX, UNREADABLE_BYTES_MAX, UNREADABLE_HEADER, UNREADABLE_RAW_HEADER,
};
pub use named::{
    Duplicate, KEY_BYTES_MAX, LAUNCH_TYPE, NamedLaunch, NamedLaunchError, decode_named_launch,
};
pub use reply::{Reply, Report, decode_reply, notice, reply};
pub use reply_address::{ReplyAddress, ReplyAddressError, Reserved};
pub use result::{decode_result, tells_no_reason, unreadable_result};
pub use route::{Destination, Pattern, Route, Routes};
pub use sent::sent;
pub use sight::MessageKind;
pub use task::{ParticipantError, Task, routing_key_fits, task};
pub use unreadable::{EncodingProblem, Unreadable};
pub use withdrawn::{revocation, withdrawn};
pub use worker_event::{FailureDetail, failure_details};

/// `text` cut to at most `bytes` bytes, at a character boundary.
fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}
