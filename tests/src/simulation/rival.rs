//! A second engine on the same queues, with a disk of its own, which has to wait.

use super::{
    Disk, Engine, Facts, Link, Random, SOURCES, SimulatedBroker, World, broker::RIVAL as LINK,
};
use bureaucrat_broker_amqp::Stragglers;
use std::sync::Arc;

pub struct Rival {
    _engine: Engine,
}

impl Rival {
    /// Starts it, and runs it as far as it gets.
    ///
    /// # Errors
    /// If it cannot start on an empty disk.
    pub fn start(world: &mut World) -> Result<Self, String> {
        let facts = Arc::new(Facts::new(
            world.facts.launches(),
            world.config.seen_retention,
        ));
        let disk = Arc::new(Disk::new(facts.clone(), world.clock.clone()));
        let link = Arc::new(Link::new(world.broker.clone(), LINK, facts));
        let mut engine = Engine::start(
            world.config.clone(),
            disk,
            link,
            &world.clock,
            &world.sandbox,
        )
        .map_err(|error| error.to_string())?;
        if let Some(event) = world.broker.consume(LINK) {
            engine.receive(event);
            world.note("a second engine consumes");
            for source in SOURCES {
                while world.broker.deliver(LINK, source) {}
                while let Some(event) = world.broker.arrive(LINK, source) {
                    engine.receive(event);
                }
            }
            for _ in 0..4 {
                engine.poll().map_err(|error| error.to_string())?;
                while engine.commit(usize::MAX) > 0 {}
                while engine.do_job(0) {}
            }
            for source in SOURCES {
                world.broker.flush(LINK, source, Stragglers::Go);
                world.broker.acknowledgements_arrive(LINK, source);
            }
        }
        Ok(Self { _engine: engine })
    }

    pub fn leave(self, broker: &SimulatedBroker, random: &mut Random) {
        broker.engine_gone(LINK, random);
    }
}
