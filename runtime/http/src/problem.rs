//! What a request that fails is answered with: RFC 9457, `application/problem+json`.
//!
//! `code` says what happened for programs, and never changes its meaning; `detail` is for people.

use crate::reply::Reply;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// The media type of problems.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Why a request fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    Parameter,
    Body,
    Unauthenticated,
    Forbidden,
    CrossSite,
    NotFound,
    Method,
    Ambiguous,
    Refused,
    TooLarge,
    MediaType,
    Host,
    Rejected,
    TooMany,
    HeadTooLarge,
    Internal,
    Unavailable,
    TimedOut,
}

impl Code {
    /// All of them, in the order of docs/http.md.
    pub const ALL: [Self; 18] = [
        Self::Parameter,
        Self::Body,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::CrossSite,
        Self::NotFound,
        Self::Method,
        Self::Ambiguous,
        Self::Refused,
        Self::TooLarge,
        Self::MediaType,
        Self::Host,
        Self::Rejected,
        Self::TooMany,
        Self::HeadTooLarge,
        Self::Internal,
        Self::Unavailable,
        Self::TimedOut,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Parameter => "parameter",
            Self::Body => "body",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::CrossSite => "cross_site",
            Self::NotFound => "not_found",
            Self::Method => "method",
            Self::Ambiguous => "ambiguous",
            Self::Refused => "refused",
            Self::TooLarge => "too_large",
            Self::MediaType => "media_type",
            Self::Host => "host",
            Self::Rejected => "rejected",
            Self::TooMany => "too_many",
            Self::HeadTooLarge => "head_too_large",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
            Self::TimedOut => "timed_out",
        }
    }

    pub const fn status(self) -> u16 {
        match self {
            Self::Parameter | Self::Body => 400,
            Self::Unauthenticated => 401,
            Self::Forbidden | Self::CrossSite => 403,
            Self::NotFound => 404,
            Self::Method => 405,
            Self::Ambiguous | Self::Refused => 409,
            Self::TooLarge => 413,
            Self::MediaType => 415,
            Self::Host => 421,
            Self::Rejected => 422,
            Self::TooMany => 429,
            Self::HeadTooLarge => 431,
            Self::Internal => 500,
            Self::Unavailable => 503,
            Self::TimedOut => 504,
        }
    }

    pub const fn title(self) -> &'static str {
        match self {
            Self::Parameter => "A parameter is wrong",
            Self::Body => "The body cannot be used",
            Self::Unauthenticated => "A token is needed",
            Self::Forbidden => "The token does not allow this",
            Self::CrossSite => "The request comes from another site",
            Self::NotFound => "There is no such thing",
            Self::Method => "The path does not take this method",
            Self::Ambiguous => "Several processes are meant",
            Self::Refused => "The engine refuses the order",
            Self::TooLarge => "The request is too large",
            Self::MediaType => "The body is of a type that is not expected",
            Self::Host => "The host is not one of this server's",
            Self::Rejected => "The engine rejects it",
            Self::TooMany => "Too many requests",
            Self::HeadTooLarge => "The headers of the request are too large",
            Self::Internal => "The server failed",
            Self::Unavailable => "The engine cannot answer now",
            Self::TimedOut => "The engine did not answer in time",
        }
    }
}

/// Why a request failed.
#[derive(Debug, Clone)]
pub struct Problem {
    pub code: Code,
    pub detail: String,
    /// The outcome of an order that was refused, or reasons.
    pub facts: Option<Box<Facts>>,
    /// When to try again, in seconds.
    pub retry_after: Option<u32>,
}

/// What is known about a problem beyond its words.
#[derive(Debug, Clone, PartialEq)]
pub enum Facts {
    Outcome(Value),
    Reasons(Vec<String>),
}

/// The body of a problem.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub struct ProblemBody {
    /// `urn:bureaucrat:problem:` and the code.
    pub r#type: String,
    pub title: String,
    pub status: u16,
    /// What happened, and what to do, for a person.
    pub detail: String,
    /// What happened, for a program.
    pub code: String,
    /// Of an order that was refused: what the command line prints as its outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Value>,
    /// Of what was rejected: why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasons: Option<Vec<String>>,
}

impl Problem {
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            facts: None,
            retry_after: None,
        }
    }

    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(Code::NotFound, detail)
    }

    pub fn parameter(detail: impl Into<String>) -> Self {
        Self::new(Code::Parameter, detail)
    }

    pub fn body(detail: impl Into<String>) -> Self {
        Self::new(Code::Body, detail)
    }

    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(Code::Forbidden, detail)
    }

    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self {
            retry_after: Some(1),
            ..Self::new(Code::Unavailable, detail)
        }
    }

    /// The engine's answer does not belong to the question: a bug.
    pub fn unfit() -> Self {
        Self::new(
            Code::Internal,
            "the engine's answer is not to this question",
        )
    }

    pub fn rejected(reasons: Vec<String>) -> Self {
        Self {
            facts: Some(Box::new(Facts::Reasons(reasons.clone()))),
            ..Self::new(Code::Rejected, reasons.join("; "))
        }
    }

    #[must_use]
    pub fn with_outcome(mut self, outcome: Value) -> Self {
        self.facts = Some(Box::new(Facts::Outcome(outcome)));
        self
    }

    pub fn into_body(self) -> ProblemBody {
        let mut body = ProblemBody {
            r#type: format!("urn:bureaucrat:problem:{}", self.code.name()),
            title: self.code.title().to_owned(),
            status: self.code.status(),
            detail: self.detail,
            code: self.code.name().to_owned(),
            outcome: None,
            reasons: None,
        };
        match self.facts.map(|facts| *facts) {
            Some(Facts::Reasons(reasons)) => body.reasons = Some(reasons),
            Some(Facts::Outcome(outcome)) => body.outcome = Some(outcome),
            None => {}
        }
        body
    }

    pub fn into_reply(self) -> Reply {
        let (code, retry_after) = (self.code, self.retry_after);
        let mut reply = Reply::json_as(code.status(), PROBLEM_JSON, &self.into_body());
        if code == Code::Unauthenticated {
            reply = reply.with("www-authenticate", "Bearer");
        }
        if let Some(seconds) = retry_after {
            reply = reply.with("retry-after", seconds.to_string());
        }
        reply
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_is_listed_once() {
        let names: BTreeSet<_> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), Code::ALL.len());
    }

    #[test]
    fn a_refused_order_tells_its_outcome() {
        let problem = Problem::new(Code::Refused, "it has ended").with_outcome("ended".into());
        let body = serde_json::to_value(problem.into_body()).unwrap_or_default();
        assert_eq!(body["outcome"], "ended");
        assert_eq!(body["status"], 409);
        assert_eq!(body["type"], "urn:bureaucrat:problem:refused");
        assert!(body.get("reasons").is_none());
    }
}
