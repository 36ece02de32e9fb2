//! The way of a request of the API from its checks to its answer.

use crate::{
    operation::{Access, Given, Method, Operation, Run, check_type},
    problem::Problem,
    reply::Reply,
    server::{Shared, now},
};
use axum::{
    extract::{RawPathParams, Request, rejection::RawPathParamsRejection},
    http::header,
    routing::{MethodFilter, on},
};
use std::sync::Arc;

/// The longest idempotency key, in bytes.
const KEY_BYTES_MAX: usize = 255;

type Named = Result<RawPathParams, RawPathParamsRejection>;

pub fn handler(shared: &Arc<Shared>, operation: Operation) -> axum::routing::MethodRouter {
    let filter = match operation.method {
        Method::Get => MethodFilter::GET,
        Method::Post => MethodFilter::POST,
        Method::Put => MethodFilter::PUT,
        Method::Delete => MethodFilter::DELETE,
    };
    let (shared, operation) = (shared.clone(), Arc::new(operation));
    on(filter, move |named: Named, request: Request| {
        let (shared, operation) = (shared.clone(), operation.clone());
        async move {
            let answered = carry_out(&shared, &operation, named, request).await;
            answered.unwrap_or_else(Problem::into_reply).into_response()
        }
    })
}

async fn carry_out(
    shared: &Arc<Shared>,
    operation: &Arc<Operation>,
    named: Named,
    request: Request,
) -> Result<Reply, Problem> {
    let caller = match operation.access {
        Access::Open => {
            let head = (request.method(), request.uri(), request.headers());
            shared.guard.admit(head, Access::Open, now())?
        }
        Access::Needs(..) => Some(shared.admitted(&request, operation.access)?),
    };
    let path = path(named)?;
    let (head, body) = request.into_parts();
    let content_type = head.headers.get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    check_type(operation.body, content_type)?;
    let key = match operation.is_idempotent {
        true => idempotency_key(&head.headers)?,
        false => None,
    };
    let given = Given {
        path,
        query: head.uri.query().unwrap_or_default().to_owned(),
        key,
        body: shared.budget.read(body, operation.body_bytes_max).await?,
    };
    let call = caller.map(|caller| shared.call(caller));
    match (&operation.run, call) {
        (Run::Blocking(run), Some(call)) => {
            let run = run.clone();
            let mut reply = shared.ask(&call, move |call| run(call, &given)).await?;
            if reply.status == 200 {
                reply.status = operation.status;
            }
            Ok(reply)
        }
        (Run::Waiting(run), Some(call)) => run(shared.clone(), call, given).await,
        (Run::Open(run), _) => run(shared.clone(), head.headers, given).await,
        (Run::Blocking(_) | Run::Waiting(_), None) => Err(Problem::unfit()),
    }
}

/// The parameters in a path.
fn path(named: Named) -> Result<Vec<(String, String)>, Problem> {
    let named = named.map_err(|_| Problem::not_found("the path is not UTF-8"))?;
    let named = named.iter();
    Ok(named
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect())
}

fn idempotency_key(headers: &axum::http::HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    let is_fit = |byte: u8| (b'!'..=b'~').contains(&byte);
    let bytes = value.as_bytes();
    let fits = (1..=KEY_BYTES_MAX).contains(&bytes.len()) && bytes.iter().copied().all(is_fit);
    match value.to_str() {
        Ok(key) if fits => Ok(Some(key.to_owned())),
        Ok(_) | Err(_) => Err(Problem::parameter(format!(
            "`Idempotency-Key` must have 1 to {KEY_BYTES_MAX} visible characters of ASCII"
        ))),
    }
}
