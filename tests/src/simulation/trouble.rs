//! The trouble of a run: one kind at a time, determined by the seed; then the calm, in which
//! everything must end.

use super::{
    DEAD, Engine, NOTICES, Trouble, World, commit_fate::CommitFate, inbox::INBOXES, rival::Rival,
};
use bureaucrat_broker_amqp::Stragglers;
use bureaucrat_host::{audit::audit, broker::BrokerEvent, commands::Order};
use bureaucrat_store::Table;

/// Rows of the outbox at which people publish no more events in the calm.
const CROWD: usize = 100;
/// Rounds of the calm within which everything must end.
const ROUNDS: usize = 1_500;

impl World {
    /// One kind of trouble, if the plan includes it.
    pub(super) fn trouble(&mut self) -> Result<(), String> {
        let trouble = Trouble::ALL[self.random.place(Trouble::DRAWN)];
        let mut random = self.random.fork();
        if !self.plan.has(trouble) {
            return Ok(());
        }
        self.note(format_args!("trouble: {}", trouble.name()));
        match trouble {
            Trouble::Power => match random.below(5) {
                0 => self.fall("power cuts between steps"),
                1 => self.disk.set_fate(CommitFate::PowerDuringWrite),
                2 | 3 => self.disk.set_fate(CommitFate::PowerBeforeSync),
                _ => self.disk.set_fate(CommitFate::PowerAfterSync),
            },
            Trouble::Disk => match random.below(6) {
                0 => self.disk.set_fate(CommitFate::WriteFails),
                1 => self.disk.set_fate(CommitFate::SyncFails),
                2 => self.disk.set_full(true),
                3 | 4 => self.disk.set_full(false),
                _ => self.disk.set_fate(CommitFate::Slow(random.below(5_000))),
            },
            Trouble::Reads => self.disk.fail_reading(Some(random.below(30))),
            Trouble::Connections => self.lose_connection(random.below(3)),
            Trouble::Blocking => self.broker.set_blocked(random.once_in(2)),
            Trouble::Queues => {
                let queues = self.people.queues();
                let queue = &queues[random.place(queues.len())];
                if self.broker.is_declared(queue) {
                    if self.broker.delete(queue) {
                        self.facts.count("queues and exchanges that vanished");
                    }
                } else {
                    self.broker.declare(queue);
                }
            }
            Trouble::Clock => self.turn_clock(random.below(60_000))?,
            Trouble::Repeats => self.people.repeat_launch(&mut random),
            Trouble::Late => self.people.answer_late(&mut random, &self.plan)?,
            Trouble::Hostile => self.people.hostile(&mut random),
            Trouble::Rival => self.rivalry()?,
            Trouble::Restarts => self.restart()?,
            Trouble::Faults
            | Trouble::Bounds
            | Trouble::Jobs
            | Trouble::Takeovers
            | Trouble::Away
            | Trouble::Inline
            | Trouble::Patience
            | Trouble::Sharing
            | Trouble::Versions => {}
        }
        Ok(())
    }

    /// The wall clock is set, or the machine sleeps for a while.
    fn turn_clock(&mut self, drawn: u64) -> Result<(), String> {
        if !drawn.is_multiple_of(3) {
            self.facts.count("clock jumps");
            let millis = i64::try_from(drawn).unwrap_or(0) - 30_000;
            self.clock.jump(millis);
            return Ok(());
        }
        self.facts.count("sleeps of the machine");
        let Some(engine) = &self.engine else {
            self.clock.sleep(drawn);
            return Ok(());
        };
        let before = engine.now();
        self.clock.sleep(drawn);
        let passed = engine.now().since(before).0;
        // Time slews towards the wall clock by a tenth of what passes; a remainder of a few milliseconds is kept.
        let tenth = drawn / 10 + 10;
        if passed.abs_diff(drawn) > tenth {
            return Err(format!(
                "the machine slept for {drawn} ms, and {passed} ms passed for the engine"
            ));
        }
        Ok(())
    }

    fn lose_connection(&mut self, which: u64) {
        self.facts.count("connections lost");
        if which != 0 {
            let down = self.broker.break_consuming(self.engines);
            if let (Some(engine), Some(generation)) = (&self.engine, down) {
                engine.receive(BrokerEvent::ConsumingDown { generation });
                self.ended = Some(generation);
            }
        }
        if which != 1 {
            let events = self.broker.lose_publishing(self.engines, &mut self.random);
            if let Some(engine) = &self.engine {
                events.into_iter().for_each(|event| engine.receive(event));
            }
        }
        // Deliveries of the next connection arrive while the engine still holds those of the last.
        if self.random.once_in(2) {
            self.connect();
            for inbox in INBOXES {
                while self.broker.deliver(self.engines, inbox) {}
                while let (Some(engine), Some(event)) =
                    (&self.engine, self.broker.arrive(self.engines, inbox))
                {
                    engine.receive(event);
                }
            }
        }
    }

    /// A second engine with its own disk asks for the queues while the first has them; then it goes
    /// away.
    fn rivalry(&mut self) -> Result<(), String> {
        if !self.broker.consumes(self.engines) || self.plan.has(Trouble::Sharing) {
            return Ok(());
        }
        self.facts.count("second engines");
        match self.rival.take() {
            Some(rival) => rival.leave(&self.broker, &mut self.random),
            None => self.rival = Some(Rival::start(self)?),
        }
        Ok(())
    }

    /// The engine is told to shut down, finishes what it has in progress, and is started again
    /// later.
    pub(super) fn restart(&mut self) -> Result<(), String> {
        let Some(engine) = &self.engine else {
            return Ok(());
        };
        engine.stop();
        // It would end by itself, too, but later.
        self.end_outage(5_000)?;
        for _ in 0..200 {
            let Some(engine) = &self.engine else {
                return Ok(());
            };
            if engine.has_ended() {
                break;
            }
            self.outage_passes()?;
            self.poll()?;
            self.commit(usize::MAX);
            if let Some(event) = self.broker.confirm(self.engines, &mut self.random)
                && let Some(engine) = &self.engine
            {
                engine.receive(event);
            }
            self.clock.advance(50);
        }
        if self
            .engine
            .as_ref()
            .is_some_and(|engine| !engine.has_ended())
        {
            return Err("the engine was told to end and does not".into());
        }
        for inbox in INBOXES {
            self.broker.flush(self.engines, inbox, Stragglers::Go);
            self.broker.acknowledgements_arrive(self.engines, inbox);
        }
        self.fall("restarts");
        Ok(())
    }

    /// No more trouble: everything must end, and nothing may be left.
    pub(super) fn calm(&mut self) -> Result<(), String> {
        self.note("the trouble is over");
        self.end_outage(0)?;
        self.calm_engines()?;
        self.broker.set_blocked(false);
        if let Some(rival) = self.rival.take() {
            rival.leave(&self.broker, &mut self.random);
        }
        self.wake_up()?;
        self.gather()?;
        for queue in self.people.queues() {
            self.broker.declare(&queue);
        }
        let mut rounds = 0;
        while !self.is_over() {
            self.rounds()?;
            rounds += 1;
            if rounds == ROUNDS {
                return Err(format!(
                    "nothing moves any more: {}",
                    self.left().join("; ")
                ));
            }
        }
        self.check_end()?;
        // Ended processes are removed after some time.
        for _ in 0..100 {
            self.clock.advance(self.config.retention.0 / 20 + 1);
            self.rounds()?;
        }
        self.silence()?;
        for table in [
            Table::Instances,
            Table::Fibers,
            Table::Values,
            Table::History,
            Table::Timers,
            Table::Subscriptions,
            Table::Events,
            Table::Outbox,
            Table::Aside,
            Table::Backlog,
            Table::Recent,
            Table::Searched,
            Table::BusinessKeys,
            Table::Launches,
            Table::Recalls,
            Table::Schedules,
            Table::BulkJobs,
            Table::BulkOutcomes,
        ] {
            if let Some((_, key, value)) =
                self.disk.dump().iter().find(|(found, ..)| *found == table)
            {
                return Err(format!(
                    "in the end the table {} still holds {key:02x?}: {}",
                    table.name(),
                    String::from_utf8_lossy(value)
                ));
            }
        }
        self.check_audit()
    }

    /// Everyone does everything that they can do.
    pub(super) fn round(&mut self) -> Result<(), String> {
        self.tick();
        if self.engine.is_none() {
            self.start();
        }
        self.connect();
        self.people.calm = self.engine.as_ref().map(Engine::now);
        if !self.is_silent() {
            self.people.launch(&mut self.random, &self.plan);
        }
        if let Some(engine) = &self.engine {
            for process in self.facts.suspended() {
                self.facts.may_be_resumed(process);
                engine.order(
                    process,
                    Order::Resume {
                        reason: "it may continue".into(),
                    },
                );
            }
        }
        for inbox in INBOXES {
            while self.broker.deliver(self.engines, inbox) {}
            while let (Some(engine), Some(event)) =
                (&self.engine, self.broker.arrive(self.engines, inbox))
            {
                engine.receive(event);
            }
        }
        // A turn may take only one input, so there are more inputs than turns would otherwise take.
        for _ in 0..6 {
            self.poll()?;
            self.commit(usize::MAX);
            self.holds()?;
            while self.engine.as_ref().is_some_and(|engine| engine.do_job(0)) {}
        }
        while self.broker.route(self.engines, &mut self.random, false) {}
        while let (Some(engine), Some(event)) = (
            &self.engine,
            self.broker.confirm(self.engines, &mut self.random),
        ) {
            engine.receive(event);
        }
        for inbox in INBOXES {
            self.broker.flush(self.engines, inbox, Stragglers::Go);
            self.broker.acknowledgements_arrive(self.engines, inbox);
        }
        while self.people.participate(&mut self.random, &self.plan)? {}
        // Once in all rounds of engines that share the store, so that each event gets its turn. Each may be sent on for many
        // groups, and an engine with small bounds publishes one message in a round.
        if !self.is_silent() && self.config.sharing.has_common() && self.facts.waiting() < CROWD {
            self.people.event(&mut self.random, &self.plan, true);
        }
        self.clock.advance(150);
        self.holds()
    }

    fn is_over(&self) -> bool {
        self.people.have_launched() && self.broker.is_quiet() && self.left().is_empty()
    }

    /// What has not ended.
    fn left(&self) -> Vec<String> {
        let mut left = self.facts.left();
        if !self.broker.is_quiet() {
            left.push("messages are on their way".into());
        }
        left
    }

    fn check_end(&self) -> Result<(), String> {
        let missing = self.people.hostile.difference(&self.people.dead).next();
        if let Some(body) = missing {
            return Err(format!(
                "there is no dead letter of `{}`",
                String::from_utf8_lossy(body)
            ));
        }
        // Queues that vanish take replies with them.
        if !self.plan.has(Trouble::Queues) {
            self.people
                .check_replies(&self.facts.launches(), &self.facts)?;
        }
        debug_assert!(self.broker.is_declared(DEAD) && self.broker.is_declared(NOTICES));
        self.check_audit()
    }

    /// The engine's own audit of the disk, as in `fsck`.
    fn check_audit(&self) -> Result<(), String> {
        let audit = audit(&*self.disk, &self.config).map_err(|error| error.to_string())?;
        match audit.findings.first() {
            None => Ok(()),
            Some(finding) => Err(format!("the audit finds: {finding:?}")),
        }
    }
}
