//! Logging in and out: a session in a cookie in place of a token, for browsers.

use crate::{
    cookie,
    operation::{API, Access},
    problem::{Code, Problem},
    reply::Reply,
    server::{Shared, now},
    tokens::Role,
};
use axum::{Router, extract::Request, routing::post};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The most bytes of a login.
const LOGIN_BYTES_MAX: usize = 1 << 10;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Login {
    token: String,
}

/// Who is logged in.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Session {
    pub name: String,
    pub role: Role,
    pub user: Option<String>,
}

pub fn routes(router: Router, shared: &Arc<Shared>) -> Router {
    let (to_begin, to_end, to_show) = (shared.clone(), shared.clone(), shared.clone());
    let session = post(move |request: Request| {
        let shared = to_begin.clone();
        async move { told(login(&shared, request).await) }
    })
    .delete(move |request: Request| {
        let shared = to_end.clone();
        async move { told(logout(&shared, &request)) }
    })
    .get(move |request: Request| {
        let shared = to_show.clone();
        async move { told(shown(&shared, &request)) }
    });
    router.route(&format!("{API}/session"), session)
}

fn told(reply: Result<Reply, Problem>) -> axum::response::Response {
    reply.unwrap_or_else(Problem::into_reply).into_response()
}

fn admit(shared: &Shared, request: &Request) -> Result<(), Problem> {
    let head = (request.method(), request.uri(), request.headers());
    shared.guard.admit(head, Access::Open, now()).map(drop)
}

async fn login(shared: &Shared, request: Request) -> Result<Reply, Problem> {
    admit(shared, &request)?;
    let body = shared
        .budget()
        .read(request.into_body(), LOGIN_BYTES_MAX)
        .await?;
    let login: Login =
        serde_json::from_slice(&body.bytes).map_err(|_| Problem::body("it must be {\"token\"}"))?;
    let now = now();
    let token = shared.guard.tokens.find(login.token.trim(), now);
    let token = token.ok_or_else(|| {
        Problem::new(
            Code::Unauthenticated,
            "there is no such token, or it has expired",
        )
    })?;
    let session = Session {
        name: token.name.clone(),
        role: token.role,
        user: token.user.clone(),
    };
    let begun = shared.guard.sessions.begin(token, now);
    let secret = begun.map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    Ok(Reply::json(&session).with("set-cookie", cookie::set(&secret, shared.guard.scheme)))
}

fn logout(shared: &Shared, request: &Request) -> Result<Reply, Problem> {
    admit(shared, request)?;
    let scheme = shared.guard.scheme;
    if let Some(session) = cookie::of(request.headers(), scheme) {
        shared.guard.sessions.end(session);
    }
    Ok(Reply::empty(204).with("set-cookie", cookie::removed(scheme)))
}

fn shown(shared: &Shared, request: &Request) -> Result<Reply, Problem> {
    let caller = shared.admitted(request, Access::Open)?;
    Ok(Reply::json(&Session {
        name: caller.token.name,
        role: caller.token.role,
        user: caller.token.user,
    }))
}
