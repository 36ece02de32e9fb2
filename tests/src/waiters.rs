//! Processes that wait, each for an event with a key of its own, on a host that is polled; and what an event costs
//! among them.

use crate::{
    counted::Counted,
    polled::{Polled, sandbox},
    simulation::SimulatedClock,
};
use anyhow::{Result, anyhow, ensure};
use bureaucrat_host::{HostConfig, broker::Source};
use bureaucrat_store::Store;
use bureaucrat_wire::Properties;
use std::sync::Arc;

const DEFINITION: &str =
    r#"<process name="waiter"><await event="paid" key="{context['number']}"/></process>"#;

/// Launches that are handed to the host together.
const TOGETHER: u64 = 200;

/// Processes that wait.
pub struct Waiters {
    host: Polled,
    store: Arc<Counted>,
    launched: u64,
    released: u64,
}

impl Waiters {
    /// None yet.
    ///
    /// # Errors
    /// When the host does not start.
    pub fn new(store: Arc<dyn Store>) -> Result<Self> {
        let store = Arc::new(Counted::new(store));
        let clock = Arc::new(SimulatedClock::new(1_800_000_000_000));
        let sandbox = sandbox().map_err(|reason| anyhow!(reason))?;
        let host = Polled::open(HostConfig::default(), store.clone(), clock, &sandbox)?;
        let mut waiters = Self {
            host,
            store,
            launched: 0,
            released: 0,
        };
        let kind = "application/x-bureaucrat-definition";
        waiters.deliver(Source::Launches, kind, DEFINITION);
        waiters.host.settle()?;
        Ok(waiters)
    }

    fn deliver(&self, source: Source, kind: &str, body: &str) {
        let properties = Properties {
            content_type: Some(kind.to_owned()),
            ..Properties::default()
        };
        self.host.deliver_with(source, properties, body);
    }

    /// Launches processes until so many wait.
    ///
    /// # Errors
    /// If the store fails.
    pub fn grow(&mut self, waiting: u64) -> Result<()> {
        while self.launched - self.released < waiting {
            let missing = waiting - (self.launched - self.released);
            for _ in 0..missing.min(TOGETHER) {
                let number = self.launched;
                let body =
                    format!(r#"{{"process": "waiter", "fields": {{"number": "{number}"}}}}"#);
                self.deliver(Source::Launches, "application/x-bureaucrat-launch", &body);
                self.launched += 1;
            }
            self.host.settle()?;
        }
        Ok(())
    }

    /// Sends an event to each of the so many that have waited longest; gives the rows that were read.
    ///
    /// # Errors
    /// If the store fails, or one of them does not end.
    pub fn release(&mut self, count: u64) -> Result<u64> {
        let before = self.store.read();
        for number in self.released..self.released + count {
            let body = format!(r#"{{"event": "paid", "key": "{number}"}}"#);
            self.deliver(Source::Events, "application/json", &body);
        }
        let published = self.host.settle()?;
        let ends = published.iter().filter(|message| {
            let body = String::from_utf8_lossy(&message.body);
            body.contains(r#""completed""#)
        });
        let ended = ends.count() as u64;
        ensure!(ended == count, "{ended} of {count} ended");
        self.released += count;
        Ok(self.store.read() - before)
    }
}
