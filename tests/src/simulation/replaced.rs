//! An engine that was suspended, and wakes when another one has its shards: it still has its connections, its deliveries,
//! and whatever it was about to do. Nothing of that may count, and its first commit ends it.

use super::{Engine, SOURCES, SimulatedBroker, Trouble, World};
use bureaucrat_broker_amqp::Stragglers;
use bureaucrat_store::StoreError;

pub struct Replaced {
    engine: Engine,
    /// The number of its link.
    number: u64,
    /// Steps until it wakes.
    sleeps: u64,
    /// Whether it has tried to write since then.
    has_written: bool,
}

impl World {
    /// After each step: an engine may be suspended and replaced, and one that was may do something.
    pub(super) fn takeovers(&mut self) -> Result<(), String> {
        if !self.plan.has(Trouble::Takeovers) {
            return Ok(());
        }
        match &mut self.replaced {
            None if self.dice.once_in(100) => {
                self.take_over();
                Ok(())
            }
            None => Ok(()),
            Some(replaced) if replaced.sleeps > 0 => {
                replaced.sleeps -= 1;
                Ok(())
            }
            Some(_) => self.act_late(),
        }
    }

    fn take_over(&mut self) {
        let Some(engine) = self.engine.take() else {
            return;
        };
        let number = self.engines;
        self.ended = None;
        self.note(format_args!("engine {number} is suspended"));
        self.facts.count("takeovers");
        self.broker.replaced(number);
        self.start();
        match self.engine {
            Some(_) => {
                let sleeps = self.dice.below(60);
                self.replaced = Some(Replaced {
                    engine,
                    number,
                    sleeps,
                    has_written: false,
                });
            }
            None => self.broker.engine_gone(number, &mut self.dice),
        }
    }

    /// One step of an engine that has woken too late.
    fn act_late(&mut self) -> Result<(), String> {
        let Some(Replaced {
            engine,
            number,
            has_written,
            ..
        }) = &mut self.replaced
        else {
            return Ok(());
        };
        let (dice, broker, number) = (&mut self.dice, &self.broker, *number);
        let source = SOURCES[dice.place(SOURCES.len())];
        match dice.below(16) {
            0 | 1 => {
                broker.deliver(number, source);
            }
            2 | 3 => {
                if let Some(event) = broker.arrive(number, source) {
                    engine.receive(event);
                }
            }
            4..8 => match engine.poll() {
                Ok(()) if !engine.has_ended() => {}
                // It has learnt of it.
                Err(StoreError::Fenced { .. }) => {
                    self.leave_late("has learnt that it was replaced")
                }
                Ok(()) | Err(StoreError::Write(_) | StoreError::Read { .. }) => {
                    self.leave_late("ends before it has learnt that it was replaced");
                }
                Err(error) => return Err(error.to_string()),
            },
            8 => {
                let most = 1 + dice.place(4);
                if engine.commit(most) > 0 {
                    *has_written = true;
                    self.facts.count("commits of an engine that woke too late");
                }
            }
            9 => {
                let place = dice.place(3);
                engine.do_job(place);
            }
            10 => {
                broker.route(number, dice, self.plan.has(Trouble::Queues));
            }
            11 | 12 => {
                if let Some(event) = broker.confirm(number, dice) {
                    engine.receive(event);
                }
            }
            13 => broker.flush(number, source, Stragglers::Go),
            14 => broker.acknowledgements_arrive(number, source),
            _ => {}
        }
        if self.disk.power_is_gone() {
            // The machine of the disk takes the present engine with it.
            self.fall("power cuts during a commit");
        }
        Ok(())
    }

    fn leave_late(&mut self, why: &'static str) {
        if let Some(replaced) = self.replaced.take() {
            self.note(format_args!("engine {} {why}", replaced.number));
            self.facts.count(why);
            self.broker.engine_gone(replaced.number, &mut self.dice);
        }
    }

    /// An engine that still sleeps wakes now: it does what it was about to do, or sees that its lease is another's.
    pub(super) fn wake_up(&mut self) -> Result<(), String> {
        for _ in 0..400 {
            if self.replaced.is_none() {
                return Ok(());
            }
            self.act_late()?;
            self.holds()?;
        }
        match &self.replaced {
            Some(replaced) if replaced.has_written => Err(format!(
                "engine {} was replaced, has tried to write, and does not end",
                replaced.number
            )),
            Some(_) | None => {
                self.leave_late("has nothing left to do");
                Ok(())
            }
        }
    }
}

impl SimulatedBroker {
    /// Another engine has taken over, as the store says: the next one that asks for the queues gets them, and this one sends
    /// nothing more that it has not sent.
    pub fn replaced(&self, engine: u64) {
        let mut state = self.lock();
        state.owner = None;
        if let Some(link) = state.links.get_mut(&engine) {
            link.is_replaced = true;
        }
    }

    pub(super) fn is_replaced(&self, engine: u64) -> bool {
        let state = self.lock();
        let link = state.links.get(&engine);
        link.is_some_and(|link| link.is_replaced)
    }
}
