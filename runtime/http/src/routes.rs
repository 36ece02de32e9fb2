//! The operations of the API, and the few routes that need no token.

pub mod orders;
pub mod processes;
mod search;
mod session;

use crate::{
    operation::{API, Operation},
    reply::Reply,
    server::Shared,
};
use axum::{Router, extract::Request, routing::get};
use std::sync::Arc;

/// All operations, in the order of the description.
pub fn operations() -> Vec<Operation> {
    let mut operations = processes::operations();
    operations.extend(orders::operations());
    operations
}

/// The routes that are open: the description, and logging in and out.
pub(crate) fn open(router: Router, shared: &Arc<Shared>, document: String) -> Router {
    let guarded = shared.clone();
    let described = move |request: Request| {
        let (shared, document) = (guarded.clone(), document.clone());
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
    let router = router.route(&format!("{API}/openapi.json"), get(described));
    session::routes(router, shared)
}
