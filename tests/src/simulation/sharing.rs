//! Engines that share a store. Each has a machine, connections and groups of shards of its own. One of them is the present
//! one, to which a step happens; any may be it next.
//!
//! Groups move at any step: an engine ends, in order or not, and another one begins again with more; one that comes gets
//! some; one is suspended while others take some of its groups, and wakes with all that it had in hand.

use super::{
    Disk, Engine, Plan, Random, Trouble, World,
    inbox::{Inbox, SHARDS},
    versions::Version,
};
use bureaucrat_broker_amqp::Stragglers;
use bureaucrat_host::{Share, Sharing};
use bureaucrat_model::{ShardGroup, ShardGroups};
use std::sync::Arc;

/// What an engine has of the shards, and whether it runs.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Part {
    pub groups: ShardGroups,
    /// Steps until it wakes.
    sleeps: u64,
    /// Whether another one has taken some of its groups, which it may not know.
    pub is_robbed: bool,
    pub version: Version,
}

/// An engine that is not the present one, with its machine.
pub(super) struct Seat {
    pub engine: Option<Engine>,
    pub number: u64,
    ended: Option<u64>,
    ghost: Option<Engine>,
    disk: Arc<Disk>,
    pub part: Part,
}

pub struct Sharers {
    dice: Random,
    pub(super) questions: Random,
    /// The part of the present engine.
    pub(super) here: Part,
    pub(super) others: Vec<Seat>,
    /// In the calm, all groups have an engine.
    is_calm: bool,
    /// At the very end nobody publishes anything more.
    is_silent: bool,
}

impl Sharers {
    /// The engines of a plan, if they share the store.
    pub fn new(plan: &Plan, disk: &Disk) -> Option<Self> {
        if !plan.has(Trouble::Sharing) {
            return None;
        }
        let mut dice = Random::new(plan.seed ^ 0x7368_6172_696e_6721);
        let count = if dice.once_in(4) { 2 } else { 1 };
        let seat = || Seat {
            engine: None,
            number: 0,
            ended: None,
            ghost: None,
            disk: Arc::new(disk.shared()),
            part: Part::default(),
        };
        Some(Self {
            dice,
            questions: Random::new(plan.seed ^ 0x7175_6573_7469_6f6e),
            here: Part::default(),
            others: (0..count).map(|_| seat()).collect(),
            is_calm: false,
            is_silent: false,
        })
    }

    /// The groups that nobody has.
    fn free(&self) -> ShardGroups {
        let others = self.others.iter().map(|seat| seat.part.groups);
        others.fold(without(ShardGroups::ALL, self.here.groups), without)
    }

    /// An engine that is suspended loses some of its groups, if there is one.
    fn rob(&mut self) -> Option<(u64, ShardGroups)> {
        let is_asleep = |seat: &&mut Seat| seat.part.sleeps > 0 && !seat.part.is_robbed;
        let seat = self.others.iter_mut().find(is_asleep)?;
        let stolen = match self.dice.once_in(3) {
            true => seat.part.groups,
            false => some_of(seat.part.groups, &mut self.dice),
        };
        seat.part.groups = without(seat.part.groups, stolen);
        seat.part.is_robbed = true;
        Some((seat.number, stolen))
    }
}

/// Those of some groups that are not among others.
fn without(groups: ShardGroups, others: ShardGroups) -> ShardGroups {
    others.iter().fold(groups, ShardGroups::without)
}

fn both(one: ShardGroups, other: ShardGroups) -> ShardGroups {
    other.iter().fold(one, ShardGroups::with)
}

/// At least one of some groups.
fn some_of(groups: ShardGroups, dice: &mut Random) -> ShardGroups {
    let all: Vec<ShardGroup> = groups.iter().collect();
    let mut some: ShardGroups = all.iter().filter(|_| dice.once_in(2)).copied().collect();
    if let Some(one) = all.get(dice.place(all.len())) {
        some = some.with(*one);
    }
    some
}

impl World {
    /// Before a step: which engine it happens to.
    pub(super) fn turn(&mut self) {
        let Some(sharers) = &mut self.sharers else {
            return;
        };
        for part in sharers.others.iter_mut().map(|seat| &mut seat.part) {
            part.sleeps = part.sleeps.saturating_sub(1);
        }
        let place = sharers.dice.place(sharers.others.len() + 1);
        let seat = sharers.others.get(place);
        if seat.is_some_and(|seat| seat.part.sleeps == 0) {
            self.turn_to(place);
        }
    }

    /// Another engine is the present one.
    fn turn_to(&mut self, place: usize) {
        let Some(sharers) = &mut self.sharers else {
            return;
        };
        let Some(seat) = sharers.others.get_mut(place) else {
            return;
        };
        std::mem::swap(&mut self.engine, &mut seat.engine);
        std::mem::swap(&mut self.engines, &mut seat.number);
        std::mem::swap(&mut self.ended, &mut seat.ended);
        std::mem::swap(&mut self.ghost, &mut seat.ghost);
        std::mem::swap(&mut self.disk, &mut seat.disk);
        std::mem::swap(&mut sharers.here, &mut seat.part);
        let groups = sharers.here.groups;
        self.set_groups(groups);
    }

    fn set_groups(&mut self, groups: ShardGroups) {
        self.config.sharing = Sharing::Shared(Share {
            groups,
            queue: SHARDS.to_owned(),
        });
    }

    /// Whether another engine has taken groups of the present one.
    pub(super) fn has_lost_groups(&self) -> bool {
        let sharers = self.sharers.as_ref();
        sharers.is_some_and(|sharers| sharers.here.is_robbed)
    }

    /// An engine starts with some of the groups that are free; returns false if none is, or it can't use them.
    pub(super) fn take_groups(&mut self) -> bool {
        let Some(sharers) = &mut self.sharers else {
            return true;
        };
        if let Some(versions) = &mut self.versions {
            let version = versions.installed(sharers.here.version, sharers.is_calm);
            sharers.here.version = version;
            if !versions.admits(version) {
                self.facts.count("starts of a version that was too old");
                return false;
            }
        }
        let stolen = match sharers.dice.once_in(2) {
            true => sharers.rob(),
            false => None,
        };
        let free = sharers.free();
        let is_last = sharers.others.iter().all(|seat| seat.engine.is_some());
        let wanted = match (is_last, sharers.is_calm || !sharers.dice.once_in(3)) {
            (true, true) => free,
            (true, false) | (false, _) => some_of(free, &mut sharers.dice),
        };
        let groups = stolen.map_or(wanted, |(_, stolen)| both(wanted, stolen));
        if groups.is_empty() {
            return false;
        }
        sharers.here = Part {
            groups,
            version: sharers.here.version,
            ..Part::default()
        };
        self.set_groups(groups);
        let next = self.started + 1;
        self.note(format_args!("engine {next} takes {groups:?}"));
        if let Some((number, stolen)) = stolen {
            self.note(format_args!("of these engine {number} had {stolen:?}"));
            self.facts.count("engines that lost groups while suspended");
            self.broker.replaced(number);
        }
        true
    }

    /// The present engine is gone.
    pub(super) fn give_up_groups(&mut self) {
        if let Some(sharers) = &mut self.sharers {
            sharers.here = Part {
                version: sharers.here.version,
                ..Part::default()
            };
            self.set_groups(ShardGroups::NONE);
        }
    }

    /// After a step: what is forwarded moves, and sometimes groups do.
    pub(super) fn moves(&mut self) -> Result<(), String> {
        if self.sharers.is_none() {
            return Ok(());
        }
        self.forwarded_moves();
        self.questions();
        let Some(sharers) = &mut self.sharers else {
            return Ok(());
        };
        let is_anybody_asleep = sharers.others.iter().any(|seat| seat.part.sleeps > 0);
        let may_take = is_anybody_asleep || !sharers.free().is_empty();
        let is_there = self.engine.is_some();
        match sharers.dice.below(300) {
            0..3 if is_there && !is_anybody_asleep && sharers.here.sleeps == 0 => {
                sharers.here.sleeps = 1 + sharers.dice.below(90);
                self.note(format!("engine {} is suspended", self.engines));
                self.facts.count("suspensions");
                // Somebody else has the next steps.
                let awake = self.sharers.as_ref().and_then(|sharers| {
                    let mut others = sharers.others.iter();
                    others.position(|seat| seat.part.sleeps == 0)
                });
                if let Some(place) = awake {
                    self.turn_to(place);
                }
                Ok(())
            }
            3..9 if is_there && may_take => self.begin_again(),
            9..14 if !is_there && !may_take => self.get_some(),
            _ => Ok(()),
        }
    }

    /// The present engine ends, in order or not, and starts with other groups.
    fn begin_again(&mut self) -> Result<(), String> {
        self.facts.count("beginnings with other groups");
        let in_order = self.sharers.as_mut().is_some_and(|it| it.dice.once_in(2));
        match in_order {
            true => self.restart()?,
            false => self.fall("ends for other groups"),
        }
        self.start();
        Ok(())
    }

    /// All groups have engines, and the present one has none: another one ends and leaves it some.
    fn get_some(&mut self) -> Result<(), String> {
        let Some(sharers) = &mut self.sharers else {
            return Ok(());
        };
        let place = sharers.dice.place(sharers.others.len());
        let seat = sharers.others.get(place);
        if !seat.is_some_and(|seat| seat.part.sleeps == 0 && seat.engine.is_some()) {
            return Ok(());
        }
        self.turn_to(place);
        self.begin_again()?;
        self.turn_to(place);
        self.start();
        Ok(())
    }

    /// The channel of what is forwarded has dice of its own.
    fn forwarded_moves(&mut self) {
        let Some(sharers) = &mut self.sharers else {
            return;
        };
        match sharers.dice.below(100) {
            0..8 => {
                self.broker.deliver(self.engines, Inbox::Forwarded);
            }
            8..16 => {
                let Some(engine) = &self.engine else { return };
                if let Some(event) = self.broker.arrive(self.engines, Inbox::Forwarded) {
                    engine.receive(event);
                    self.note("what was forwarded arrives");
                }
            }
            16..18 => {
                let stragglers = match sharers.dice.once_in(2) {
                    true => Stragglers::Go,
                    false => Stragglers::Wait,
                };
                self.broker
                    .flush(self.engines, Inbox::Forwarded, stragglers);
            }
            18 | 19 => self
                .broker
                .acknowledgements_arrive(self.engines, Inbox::Forwarded),
            _ => {}
        }
    }

    /// What an engine does once it is its turn again and again.
    fn each(
        &mut self,
        mut what: impl FnMut(&mut Self) -> Result<(), String>,
    ) -> Result<(), String> {
        what(self)?;
        let count = self.sharers.as_ref().map_or(0, |it| it.others.len());
        for place in 0..count {
            self.turn_to(place);
            what(self)?;
        }
        Ok(())
    }

    /// No machine has trouble any more.
    pub(super) fn calm_engines(&mut self) -> Result<(), String> {
        self.each(|world| {
            world.disk.set_full(false);
            world.disk.fail_reading(None);
            Ok(())
        })
    }

    /// Who was suspended wakes, who lost groups learns of it, and every group gets an engine.
    pub(super) fn gather(&mut self) -> Result<(), String> {
        let Some(sharers) = &mut self.sharers else {
            return Ok(());
        };
        sharers.is_calm = true;
        sharers.here.sleeps = 0;
        for seat in &mut sharers.others {
            seat.part.sleeps = 0;
        }
        self.each(Self::learn)?;
        self.each(|world| {
            if world.engine.is_none() {
                world.start();
            }
            Ok(())
        })?;
        let has_free = |sharers: &Sharers| !sharers.free().is_empty();
        if self.sharers.as_ref().is_some_and(has_free) {
            self.fall("ends for other groups");
            self.start();
        }
        Ok(())
    }

    /// The present engine, if it lost groups, does what it was about to do, until it learns of that.
    fn learn(&mut self) -> Result<(), String> {
        for _ in 0..200 {
            if !self.has_lost_groups() {
                return Ok(());
            }
            self.poll()?;
            self.commit(usize::MAX);
            while self.engine.as_ref().is_some_and(|engine| engine.do_job(0)) {}
            self.holds()?;
        }
        if self.disk.fenced().is_some() {
            let number = self.engines;
            return Err(format!(
                "engine {number} lost groups, has tried to write for them, and does not end"
            ));
        }
        self.fall("has nothing left to do");
        Ok(())
    }

    /// A round of each engine.
    pub(super) fn rounds(&mut self) -> Result<(), String> {
        self.each(Self::round)
    }

    /// What people published last may still be on its way between engines.
    pub(super) fn silence(&mut self) -> Result<(), String> {
        let Some(sharers) = &mut self.sharers else {
            return Ok(());
        };
        sharers.is_silent = true;
        for _ in 0..40 {
            self.rounds()?;
        }
        Ok(())
    }

    /// Whether people still publish.
    pub(super) fn is_silent(&self) -> bool {
        self.sharers.as_ref().is_some_and(|it| it.is_silent)
    }
}
