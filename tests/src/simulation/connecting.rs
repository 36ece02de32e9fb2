//! The steps of an engine's connections: what arrives, what is acknowledged, what is sent and confirmed.

use super::{SOURCES, Trouble, World};
use bureaucrat_broker_amqp::Stragglers;

impl World {
    pub(super) fn deliver(&mut self) {
        let source = SOURCES[self.random.place(SOURCES.len())];
        if self.broker.deliver(self.engines, source) {
            self.note(format_args!("the broker sends from {source:?}"));
        }
    }

    pub(super) fn arrive(&mut self) {
        let source = SOURCES[self.random.place(SOURCES.len())];
        let Some(engine) = &self.engine else { return };
        if let Some(event) = self.broker.arrive(self.engines, source) {
            engine.receive(event);
            self.note(format_args!("a delivery of {source:?} arrives"));
        }
    }

    pub(super) fn route(&mut self) {
        let refuses = self.plan.has(Trouble::Queues);
        if self.broker.route(self.engines, &mut self.random, refuses) {
            self.note("a publish reaches the broker");
        }
    }

    pub(super) fn confirm(&mut self) {
        let Some(engine) = &self.engine else { return };
        if let Some(event) = self.broker.confirm(self.engines, &mut self.random) {
            let told = format!("the engine hears: {event:?}");
            engine.receive(event);
            self.note(told);
        }
    }

    pub(super) fn flush(&mut self) {
        let source = SOURCES[self.random.place(SOURCES.len())];
        let stragglers = if self.random.once_in(2) {
            Stragglers::Go
        } else {
            Stragglers::Wait
        };
        self.broker.flush(self.engines, source, stragglers);
    }

    pub(super) fn acknowledgements_arrive(&mut self) {
        let source = SOURCES[self.random.place(SOURCES.len())];
        self.broker.acknowledgements_arrive(self.engines, source);
    }

    pub(super) fn connect(&mut self) {
        self.broker.notice(&mut self.random);
        let Some(engine) = &self.engine else { return };
        if let Some(event) = self.broker.publish_up(self.engines) {
            let groups = self.config.sharing.groups();
            self.facts.publishing_works(groups, engine.now());
            engine.receive(event);
            self.note("publishing works");
        }
        if !self.broker.consumes(self.engines)
            && let Some(event) = self.broker.consume(self.engines)
            && let Some(engine) = &self.engine
        {
            engine.receive(event);
            self.note("the engine consumes");
        }
    }
}
