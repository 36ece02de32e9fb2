//! Reads bodies: of limited size, in limited time, and all together within one budget of memory.

use crate::problem::{Code, Problem};
use axum::body::{Body, HttpBody};
use http_body_util::BodyExt;
use std::{sync::Arc, time::Duration};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);
/// The most bytes of bodies that are held at the same time, in KiB.
const BUDGET_KIB: usize = 160 << 10;

/// What all bodies may take together.
#[derive(Clone)]
pub struct Budget(Arc<Semaphore>);

impl Default for Budget {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(BUDGET_KIB)))
    }
}

/// A body, and its share of the budget until it is dropped.
#[derive(Debug, Default)]
pub struct Read {
    pub bytes: Vec<u8>,
    held: Vec<OwnedSemaphorePermit>,
}

impl Read {
    /// The body, and its share of the budget.
    pub fn into_parts(self) -> (Vec<u8>, Vec<OwnedSemaphorePermit>) {
        (self.bytes, self.held)
    }
}

impl Budget {
    /// The whole body.
    ///
    /// # Errors
    /// If it is too large or too slow, or if there is no room for it now.
    pub async fn read(&self, body: Body, most: usize) -> Result<Read, Problem> {
        let too_large = || {
            let what = format!("the body has more than {most} bytes");
            Problem::new(Code::TooLarge, what)
        };
        // Who says so beforehand is told at once.
        if HttpBody::size_hint(&body).lower() > most as u64 {
            return Err(too_large());
        }
        match tokio::time::timeout(PATIENCE, self.collect(body, most)).await {
            Ok(Ok(Some(read))) => Ok(read),
            Ok(Ok(None)) => Err(too_large()),
            Ok(Err(problem)) => Err(problem),
            Err(_) => Err(Problem::body(format!(
                "the body did not arrive within {} seconds",
                PATIENCE.as_secs()
            ))),
        }
    }

    /// None if there is more.
    async fn collect(&self, mut body: Body, most: usize) -> Result<Option<Read>, Problem> {
        let mut read = Read::default();
        let mut held_kib = 0;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| Problem::body(error.to_string()))?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            let bytes = read.bytes.len().saturating_add(data.len());
            if bytes > most {
                return Ok(None);
            }
            let wanted = bytes.div_ceil(1 << 10);
            if let Some(more) = wanted.checked_sub(held_kib).filter(|more| *more > 0) {
                let more = u32::try_from(more).unwrap_or(u32::MAX);
                let Ok(held) = self.0.clone().try_acquire_many_owned(more) else {
                    return Err(Problem::unavailable(
                        "the bodies of other requests take all the memory that there is for them",
                    ));
                };
                read.held.push(held);
                held_kib = wanted;
            }
            read.bytes.extend_from_slice(&data);
        }
        Ok(Some(read))
    }
}
