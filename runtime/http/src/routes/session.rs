//! Logging in and out: a session in a cookie in place of a token, for browsers.

use crate::{
    cookie,
    operation::{Access, Method, Nothing, Operation, Reach, Run},
    problem::{Code, Problem},
    reply::Reply,
    server::{Shared, now},
    tokens::{Role, Token},
};
use axum::http::HeaderMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The most bytes of a login.
const LOGIN_BYTES_MAX: usize = 1 << 10;

pub fn operations() -> Vec<Operation> {
    let read = Access::Needs(Role::Read, Reach::Processes);
    vec![
        Operation::other::<Nothing, Session>(
            (Method::Post, "/session"),
            "log_in",
            Access::Open,
            "Begins a session: a cookie in place of a token, for a browser",
            Run::Open(|shared, _, given| {
                Box::pin(async move { log_in(&shared, &given.json::<Login>()?) })
            }),
        )
        .with_json::<Login>(LOGIN_BYTES_MAX),
        Operation::other::<Nothing, Nothing>(
            (Method::Delete, "/session"),
            "log_out",
            Access::Open,
            "Ends the session",
            Run::Open(|shared, headers, _| Box::pin(async move { Ok(log_out(&shared, &headers)) })),
        ),
        Operation::get(
            "/session",
            "show_session",
            read,
            "Who sends the request",
            |call, _: Nothing| Ok(Session::of(&call.caller.token)),
        ),
    ]
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Login {
    token: String,
}

/// Who sends a request.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Session {
    /// The name of the token.
    pub name: String,
    pub role: Role,
    /// The user whose processes alone it is for.
    pub user: Option<String>,
}

impl Session {
    fn of(token: &Token) -> Self {
        Self {
            name: token.name.clone(),
            role: token.role,
            user: token.user.clone(),
        }
    }
}

fn log_in(shared: &Arc<Shared>, login: &Login) -> Result<Reply, Problem> {
    let now = now();
    let token = shared.guard.tokens.find(login.token.trim(), now);
    let token = token.ok_or_else(|| {
        Problem::new(
            Code::Unauthenticated,
            "there is no such token, or it has expired",
        )
    })?;
    let session = Session::of(&token);
    let begun = shared.guard.sessions.begin(token, now);
    let secret = begun.map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    Ok(Reply::json(&session).with("set-cookie", cookie::set(&secret, shared.guard.scheme)))
}

fn log_out(shared: &Shared, headers: &HeaderMap) -> Reply {
    let scheme = shared.guard.scheme;
    if let Some(session) = cookie::of(headers, scheme) {
        shared.guard.sessions.end(session);
    }
    Reply::json(&Nothing {}).with("set-cookie", cookie::removed(scheme))
}
