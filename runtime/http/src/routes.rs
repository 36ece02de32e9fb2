//! The operations of the API.

pub mod audit;
pub mod bulk;
pub mod changes;
pub mod counts;
pub mod definitions;
pub mod diagrams;
pub mod events;
pub mod health;
pub mod launches;
pub mod letters;
pub mod metrics;
pub mod modules;
pub mod orders;
pub mod processes;
pub(crate) mod search;
mod sending;
mod session;

use crate::{operation::Operation, reply::Reply, server::Shared};
use axum::{Router, extract::Request, routing::get};
use std::sync::Arc;

/// All operations, in the order of the description.
pub fn operations() -> Vec<Operation> {
    [
        processes::operations(),
        counts::operations(),
        launches::operations(),
        orders::operations(),
        events::operations(),
        definitions::operations(),
        diagrams::operations(),
        bulk::operations(),
        audit::operations(),
        letters::operations(),
        modules::operations(),
        changes::operations(),
        metrics::operations(),
        health::operations(),
        session::operations(),
    ]
    .concat()
}

/// The description, which is open.
pub(crate) fn described(router: Router, shared: &Arc<Shared>, document: String) -> Router {
    let document = axum::body::Bytes::from(document);
    let shared = shared.clone();
    let described = move |request: Request| {
        let (shared, document) = (shared.clone(), document.clone());
        async move {
            let head = (request.method(), request.uri(), request.headers());
            let open = crate::operation::Access::Open;
            let reply = match shared.guard.admit(head, open, crate::server::now()) {
                Ok(_) => Reply::of(200, "application/json", document),
                Err(problem) => problem.into_reply(),
            };
            reply.into_response()
        }
    };
    router.route("/api/v1/openapi.json", get(described))
}
