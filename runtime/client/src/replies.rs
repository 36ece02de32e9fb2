//! Incoming replies, passed to the launches that wait for them.

use bureaucrat_model::lock;
use bureaucrat_wire::{Reply, Unreadable, WireLimits, decode_reply};
use futures_core::Stream;
use lapin::{Consumer, types::ShortString};
use std::{
    collections::HashMap,
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex},
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// A reply, or why it cannot be read. A launch receives at most two.
pub(crate) type Read = Result<Reply, Unreadable>;

/// Waiting launches by correlation id.
#[derive(Clone, Default)]
pub(crate) struct Waiting(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    waiting: HashMap<String, UnboundedSender<Read>>,
    closed: bool,
}

impl Waiting {
    /// Waits for the replies to one launch, as long as the returned receiver exists.
    pub fn wait(&self, correlation_id: &str) -> UnboundedReceiver<Read> {
        let (sender, receiver) = unbounded_channel();
        let mut state = lock(&self.0);
        if !state.closed {
            state.waiting.retain(|_, sender| !sender.is_closed());
            state.waiting.insert(correlation_id.to_owned(), sender);
        }
        receiver
    }

    /// Passes replies on until the connection is closed; then nobody waits any more.
    pub async fn run(self, mut replies: Consumer) {
        while let Some(Ok(delivery)) =
            poll_fn(|context| Pin::new(&mut replies).poll_next(context)).await
        {
            let id = delivery
                .properties
                .correlation_id()
                .as_ref()
                .map(ShortString::as_str);
            let sender = id.and_then(|id| lock(&self.0).waiting.get(id).cloned());
            if let Some(sender) = sender {
                // A launch that is no longer interested has dropped its receiver.
                let _ = sender.send(decode_reply(&delivery.data, &WireLimits::default()));
            }
        }
        let mut state = lock(&self.0);
        state.closed = true;
        state.waiting.clear();
    }
}
