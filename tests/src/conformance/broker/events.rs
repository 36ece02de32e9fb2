//! Events over RabbitMQ, for processes that wait for them and for nobody.

use super::{OnBroker, PATIENCE, worker};
use crate::conformance::script::{Launched, Stage};
use bureaucrat_host::query::WaitsFor;
use bureaucrat_model::ProcessId;
use bureaucrat_wire::Reply;
use lapin::BasicProperties;
use std::time::{Duration, Instant};

impl OnBroker<'_> {
    /// Waits until this many fibers of the process await the event.
    pub(super) fn await_waiters(
        &self,
        process: ProcessId,
        name: &str,
        waiters: usize,
    ) -> Result<(), String> {
        let is_wanted = |wait: &&WaitsFor| {
            let WaitsFor::Event { events, .. } = wait else {
                return false;
            };
            events.iter().any(|wanted| wanted.event == name)
        };
        let deadline = Instant::now() + PATIENCE;
        loop {
            let known = self.broker.ask(process)?;
            let waits = known.map(|(_, waits)| waits).unwrap_or_default();
            let count = waits.iter().filter(is_wanted).count();
            if count == waiters {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(format!("{count} fibers await {name}: {waits:?}"));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(super) fn publish_event(&self, body: &str) -> Result<(), String> {
        let queue = self.broker.engine.name("events");
        self.publish(
            &queue,
            body,
            BasicProperties::default().with_delivery_mode(2),
        )
    }

    /// Returns when the engine has taken everything that was published before: another process, of which nobody is told,
    /// has got a task and an answer since.
    pub(super) fn settle(&mut self) -> Result<(), String> {
        let canary = self.canary.clone();
        let task = format!(r#"<action participant="{canary}"/>"#);
        let queue = self.broker.engine.name("launches");
        let definition = format!("<process>{task}{task}</process>");
        let persistent = BasicProperties::default().with_delivery_mode(2);
        self.publish(&queue, &definition, persistent)?;
        for _ in 0..2 {
            let task = self.next(&worker(&canary))?;
            self.answer(String::from_utf8_lossy(&task).into_owned())?;
        }
        Ok(())
    }

    /// Publishes an event that nobody must receive, and waits until the engine has certainly taken
    /// it: until a later event has released another process.
    pub(super) fn publish_for_nobody(&mut self, body: &str) -> Result<(), String> {
        let canary = self.canary.clone();
        let parts = format!(r#"<await event="{canary}"/><action participant="{canary}"/>"#);
        let definition = format!("<process>{parts}</process>");
        let Launched::Process(process) = self.start(&definition)? else {
            return Err("the canary was refused".into());
        };
        self.await_waiters(process, &canary, 1)?;
        self.publish_event(body)?;
        self.publish_event(&format!(r#"{{"event": "{canary}"}}"#))?;
        let task = self.next(&worker(&canary))?;
        self.answer(String::from_utf8_lossy(&task).into_owned())?;
        match self.next_reply()? {
            Reply::Completed { .. } => Ok(()),
            other @ (Reply::Launched { .. }
            | Reply::Rejected { .. }
            | Reply::Failed { .. }
            | Reply::Event(_)
            | Reply::Cancelled { .. }) => Err(format!("the canary: {other:?}")),
        }
    }
}
