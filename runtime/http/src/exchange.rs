//! A request and its answer, on one connection: what holds for all of them, whatever they are about.
//!
//! An answer that comes before the body was read ends the connection, and says so. Answers are sent in
//! pieces, and all that are large share one budget of memory until they are sent, so that nobody fills
//! the memory by not reading. Streams end when the server stops.

use crate::{
    problem::{Code, Problem},
    room::{Room, Visitor},
    server::guarded,
};
use axum::{
    Router,
    body::{Body, Bytes, HttpBody},
    http::{HeaderValue, Request, header, request::Parts},
    response::Response,
};
use hyper::{
    body::{Frame, Incoming, SizeHint},
    service::Service,
};
use hyper_util::service::TowerToHyperService;
use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Instant,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// The most bytes of the head of a request.
pub const HEAD_BYTES_MAX: usize = 32 << 10;
/// Answers up to this size need no part of the budget.
const SMALL: u64 = 64 << 10;
/// What all larger answers may take together, in KiB.
const BUDGET_KIB: usize = 160 << 10;
/// The size of the pieces of an answer.
const PIECE: usize = 32 << 10;

/// What all connections have.
#[derive(Clone)]
pub struct Exchange {
    app: TowerToHyperService<Router>,
    room: Arc<Room>,
    budget: Arc<Semaphore>,
    stopping: watch::Receiver<bool>,
}

/// The visitor of a request and its room, for those who learn who sends it.
#[derive(Clone)]
pub struct Came(Arc<Room>, Visitor);

impl Came {
    /// Somebody with this token has sent the request.
    ///
    /// # Errors
    /// If there are too many of them.
    pub fn recognize(&self, token: &str) -> Result<(), Problem> {
        let recognized = self.0.recognize(&self.1, token);
        recognized.map_err(|_| Problem::unavailable("there are too many connections"))
    }
}

impl Exchange {
    pub fn new(app: Router, room: Arc<Room>, stopping: watch::Receiver<bool>) -> Self {
        Self {
            app: TowerToHyperService::new(app),
            room,
            budget: Arc::new(Semaphore::new(BUDGET_KIB)),
            stopping,
        }
    }

    /// Answers a request.
    pub async fn answer(
        self,
        request: Request<Incoming>,
        visitor: Visitor,
    ) -> Result<Response, Infallible> {
        let busy = visitor.busy();
        let (mut head, body) = request.into_parts();
        let is_read = Arc::new(AtomicBool::new(body.is_end_stream()));
        let is_heard = self.room.hears(&visitor, Instant::now());
        let response = if !is_heard {
            refused(Problem {
                retry_after: Some(1),
                ..Problem::new(
                    Code::TooMany,
                    "too many requests come without a token; come again in a moment",
                )
            })
            .await
        } else if head_bytes(&head) > HEAD_BYTES_MAX {
            refused(Problem::new(
                Code::HeadTooLarge,
                format!("the request has more than {HEAD_BYTES_MAX} bytes before its body"),
            ))
            .await
        } else {
            head.extensions.insert(Came(self.room, visitor.clone()));
            let body = Body::new(Followed {
                body,
                is_read: is_read.clone(),
            });
            let Ok(response) = self.app.call(Request::from_parts(head, body)).await;
            response
        };
        let held = match HttpBody::size_hint(response.body()).lower() {
            small if small <= SMALL => Some(None),
            bytes => {
                // One that is larger than all together may have it for itself.
                let kib = usize::try_from(bytes.div_ceil(1 << 10)).unwrap_or(usize::MAX);
                let kib = u32::try_from(kib.min(BUDGET_KIB)).unwrap_or(u32::MAX);
                let held = self.budget.try_acquire_many_owned(kib);
                held.ok().map(Some)
            }
        };
        let (mut response, held) = match held {
            Some(held) => (response, held),
            None => {
                let what =
                    "other answers, which nobody takes, fill the memory that there is for them";
                (refused(Problem::unavailable(what)).await, None)
            }
        };
        let has_unread = !is_read.load(Relaxed);
        if has_unread {
            visitor.leaves_unread();
        }
        if has_unread || !is_heard || *self.stopping.borrow() {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
        let kind = response.headers().get(header::CONTENT_TYPE);
        let is_stream = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        let stopping = self.stopping;
        Ok(response.map(|body| {
            Body::new(Sent {
                end: is_stream.then(|| Box::pin(stopped(stopping)) as Pin<Box<_>>),
                body,
                piece: Bytes::new(),
                _held: (busy, held),
            })
        }))
    }
}

async fn refused(problem: Problem) -> Response {
    guarded(problem.into_reply().into_response()).await
}

/// Waits until the server stops.
pub async fn stopped(mut stopping: watch::Receiver<bool>) {
    if stopping.wait_for(|stops| *stops).await.is_err() {
        // Nobody can stop it any more: it runs until the process ends.
        std::future::pending::<()>().await;
    }
}

/// The bytes of a request line and of headers, as they came.
fn head_bytes(head: &Parts) -> usize {
    let path = head
        .uri
        .path_and_query()
        .map_or(1, |path| path.as_str().len());
    let line = head.method.as_str().len() + path + " HTTP/1.1\r\n".len() + 1;
    let headers = head.headers.iter();
    let headers = headers.map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
    line + headers.sum::<usize>()
}

/// The body of a request; whether it was read to its end.
struct Followed {
    body: Incoming,
    is_read: Arc<AtomicBool>,
}

impl HttpBody for Followed {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if matches!(polled, Poll::Ready(None)) || self.body.is_end_stream() {
            self.is_read.store(true, Relaxed);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer, in pieces.
struct Sent {
    /// When a stream has to end.
    end: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    body: Body,
    /// What is left of the last frame.
    piece: Bytes,
    _held: (crate::room::Busy, Option<OwnedSemaphorePermit>),
}

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.piece.is_empty() {
            let polled = Pin::new(&mut self.body).poll_frame(context);
            match polled {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => self.piece = data,
                    Err(other) => return Poll::Ready(Some(Ok(other))),
                },
                Poll::Ready(end) => return Poll::Ready(end),
                Poll::Pending => {
                    let has_ended = self.end.as_mut().map(|end| end.as_mut().poll(context));
                    return match has_ended {
                        Some(Poll::Ready(())) => Poll::Ready(None),
                        Some(Poll::Pending) | None => Poll::Pending,
                    };
                }
            }
        }
        let bytes = PIECE.min(self.piece.len());
        let piece = self.piece.split_to(bytes);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.piece.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let left = self.piece.len() as u64;
        let inner = HttpBody::size_hint(&self.body);
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower() + left);
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper + left);
        }
        hint
    }
}
