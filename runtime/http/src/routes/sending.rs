//! Hands messages to the engine, and waits for what becomes of them.

use crate::{
    engine::Call,
    operation::Given,
    problem::{Code, Problem},
};
use bureaucrat_host::{
    broker::{Hold, Source},
    handing_in::{HandedIn, Receipt, Sender},
};
use std::time::Duration;
use tokio::{
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    time::{Instant, sleep},
};

/// How long the engine may take; compiling a definition's modules may take minutes.
const PATIENCE: Duration = Duration::from_secs(300);

/// How long a message waits for an engine that has just started, and how often it looks.
const STARTING: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(20);

/// Waits until the engine takes messages.
///
/// # Errors
/// If it stands by for another engine, or has not reached the broker.
pub async fn active(call: &Call) -> Result<(), Problem> {
    let began = Instant::now();
    while !call.engine.is_active() {
        if began.elapsed() >= STARTING {
            return Err(Problem::unavailable(
                "this engine stands by for another one that has the queues, or has not reached the broker yet",
            ));
        }
        sleep(LOOK).await;
    }
    Ok(())
}

/// The receipts of a message: two at most.
pub struct Receipts(UnboundedReceiver<Receipt>);

/// Hands a message in. Its share of the budget for bodies is held until it is stored.
pub fn send(
    call: &Call,
    (source, content_type): (Source, Option<&str>),
    body: Vec<u8>,
    given: Given,
) -> Receipts {
    let (tell, receipts) = unbounded_channel();
    let (_, held) = given.body.into_parts();
    call.engine.hand_in(HandedIn {
        source,
        content_type: content_type.map(str::to_owned),
        body,
        user: call.caller.user().map(str::to_owned),
        message_id: given.key,
        hold: Hold::new(held),
        sender: Sender::new(move |receipt| {
            // The client may be gone.
            let _ = tell.send(receipt);
        }),
    });
    Receipts(receipts)
}

impl Receipts {
    /// The next one.
    ///
    /// # Errors
    /// If the message was rejected, or if nothing is known of it.
    pub async fn next(&mut self) -> Result<Receipt, Problem> {
        match tokio::time::timeout(PATIENCE, self.0.recv()).await {
            Ok(Some(Receipt::Rejected { reasons })) => Err(Problem::rejected(reasons)),
            Ok(Some(receipt)) => Ok(receipt),
            Ok(None) => Err(Problem::unavailable(
                "the engine stops; send it again with the same `Idempotency-Key`",
            )),
            Err(_) => Err(Problem::new(
                Code::TimedOut,
                "the engine did not answer in time; it may take effect anyway, so send it again \
                 with the same `Idempotency-Key`",
            )),
        }
    }
}
