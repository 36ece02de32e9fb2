//! What the steps of a script are over RabbitMQ.

use super::{OnBroker, PATIENCE, worker};
use crate::conformance::{
    calls::ResultMessage,
    case::Fate,
    script::{Launched, Stage},
};
use bureaucrat_host::{
    commands::{Migration, Order},
    query::State,
};
use bureaucrat_model::{DefinitionRef, Fields, Millis, Modification, lock};
use bureaucrat_wire::{Reply, merge_fields};
use lapin::{
    BasicProperties,
    types::{AMQPValue, FieldTable},
};
use std::time::{Duration, Instant};

impl Stage for OnBroker<'_> {
    fn launch(&mut self, definition: &str, fields: Option<&Fields>) -> Result<Launched, String> {
        let merged = match fields {
            Some(fields) => merge_fields(definition, fields).map_err(|error| error.to_string())?,
            None => definition.to_owned(),
        };
        let launched = self.start(&merged)?;
        if let Launched::Process(process) = &launched {
            self.root = Some(*process);
        }
        Ok(launched)
    }

    fn task(&mut self, participant: &str) -> Result<Vec<u8>, String> {
        self.next(&worker(participant))
    }

    fn message(&mut self, queue: &str) -> Result<Vec<u8>, String> {
        self.next(queue)
    }

    fn undelivered(&mut self, _: &str) -> Result<(), String> {
        Ok(())
    }

    fn answer(&mut self, body: String) -> Result<Option<Fate>, String> {
        let queue = self.broker.engine.name("answers");
        self.publish(
            &queue,
            &body,
            BasicProperties::default().with_delivery_mode(2),
        )?;
        Ok(None)
    }

    fn call(&mut self, queue: &str) -> Result<(String, Vec<u8>), String> {
        let (id, body) = self.next_message(queue)?;
        Ok((id.ok_or("the call has no `correlation_id`")?, body))
    }

    fn result(&mut self, message: ResultMessage) -> Result<Option<Fate>, String> {
        let queue = self.broker.engine.name("results");
        let mut headers = FieldTable::default();
        for (name, text) in message.headers {
            headers.insert(name.into(), AMQPValue::LongString(text.into()));
        }
        let properties = BasicProperties::default()
            .with_delivery_mode(2)
            .with_correlation_id(message.correlation_id.as_str().into())
            .with_headers(headers);
        self.publish(&queue, &message.body, properties)?;
        Ok(None)
    }

    fn event(&mut self, name: &str, waiters: usize, body: String) -> Result<(), String> {
        if waiters == 0 {
            return self.publish_for_nobody(&body);
        }
        let root = self.root.ok_or("there is no process")?;
        self.await_waiters(root, name, waiters)?;
        self.publish_event(&body)
    }

    fn deploy(&mut self, definition: &str) -> Result<(), String> {
        self.deployed(definition)
    }

    fn deploy_module(&mut self, name: &str, component: &[u8]) -> Result<(), String> {
        self.module_deployed(name, component)
    }

    fn incident(&mut self) -> Result<String, String> {
        self.await_incident()
    }

    fn modify(
        &mut self,
        modification: &Modification,
        refused: Option<&str>,
    ) -> Result<Option<String>, String> {
        // What was answered before is taken.
        self.settle()?;
        self.accepted(&Order::Modify(modification.clone()), refused)
    }

    fn migrate(
        &mut self,
        to: &DefinitionRef,
        refused: Option<&str>,
    ) -> Result<Option<String>, String> {
        self.settle()?;
        let order = Order::Migrate(Migration {
            to: to.clone(),
            dry_run: false,
            reason: "a case".to_owned(),
        });
        self.accepted(&order, refused)
    }

    fn order(&mut self, order: &Order) -> Result<(), String> {
        // What was answered before is taken.
        self.settle()?;
        self.ordered(order.clone())
    }

    fn time(&mut self, span: Millis) -> Result<(), String> {
        let Some((preload, slept)) = &self.broker.preload else {
            std::thread::sleep(Duration::from_millis(span.0));
            return Ok(());
        };
        // What was answered before is taken, and what is due then has happened.
        self.settle()?;
        {
            let mut slept = lock(slept);
            *slept += span.0;
            let slept = i64::try_from(*slept).unwrap_or(i64::MAX);
            let set = preload.sleep(slept);
            set.map_err(|problem| problem.to_string())?;
        }
        self.settle()
    }

    fn ending(&mut self) -> Result<Reply, String> {
        self.next_reply()
    }

    fn leftovers(&mut self, dead: usize) -> Vec<String> {
        let mut left = Vec::new();
        if let Some(root) = self.root {
            let deadline = Instant::now() + PATIENCE;
            while self.broker.dead_letters(root) < dead && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(5));
            }
            lock(&self.broker.expected).push((root, dead));
            let found = self.broker.dead_letters(root);
            left.extend((found != dead).then(|| format!("{found} dead letters")));
            match self.broker.ask(root) {
                Ok(Some((State::Completed | State::Failed, _))) => {}
                other => left.push(format!("the process: {other:?}")),
            }
        }
        while let Ok(incoming) = self.incoming.try_recv() {
            self.keep(incoming);
        }
        for (queue, bodies) in &self.waiting {
            for (_, body) in bodies {
                left.push(format!("{queue}: {}", String::from_utf8_lossy(body)));
            }
        }
        left
    }
}
