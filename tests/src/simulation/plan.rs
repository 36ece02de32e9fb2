//! What a run is made from: a seed, how much happens, and which kinds of trouble. The same plan is
//! always the same run.

use std::fmt;

/// A kind of trouble. A failing run is tried without each of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trouble {
    /// The machine loses power: between two steps, or at any byte of a write.
    Power,
    /// Writes and syncs fail, the disk is full for a while, a commit is slow.
    Disk,
    Reads,
    /// Connections are lost, one at a time.
    Connections,
    /// The broker blocks publishers for a while.
    Blocking,
    /// Queues and exchanges vanish and come back; the broker refuses messages.
    Queues,
    /// The clock jumps both ways; the machine is down for a long time.
    Clock,
    /// Clients and participants publish twice.
    Repeats,
    /// Participants answer tasks that were answered before.
    Late,
    /// Messages that cannot be understood arrive in every queue; launches are refused.
    Hostile,
    /// A second engine is started on the same queues.
    Rival,
    /// The engine is stopped and started again.
    Restarts,
    /// Definitions that fail: participants' errors, faults of conditions, refused calls.
    Faults,
    /// Small limits: outbox, windows, groups, memory, instructions per step, fuel on the engine's
    /// own thread.
    Bounds,
    /// Conditions cannot be evaluated and programs cannot be loaded, because of the machine.
    Jobs,
    /// An engine is suspended, another one takes its shards over, and the first one wakes.
    Takeovers,
    /// The store gives no answers for a while. It is drawn apart from the others, and only if a plan says so.
    Away,
    /// None at all: the driver commits by itself, as it does where the disk is near.
    Inline,
    /// Launches wait long, so that they are stored and their messages acknowledged before they begin. Drawn apart, too.
    Patience,
    /// Several engines share a store, and groups of its shards move between them. Drawn apart, too.
    Sharing,
    /// Engines that share are replaced by a newer version, and the format of the store is raised. Drawn apart, too.
    Versions,
}

impl Trouble {
    pub const ALL: [Self; 21] = [
        Self::Power,
        Self::Disk,
        Self::Reads,
        Self::Connections,
        Self::Blocking,
        Self::Queues,
        Self::Clock,
        Self::Repeats,
        Self::Late,
        Self::Hostile,
        Self::Rival,
        Self::Restarts,
        Self::Faults,
        Self::Bounds,
        Self::Jobs,
        Self::Takeovers,
        Self::Away,
        Self::Inline,
        Self::Patience,
        Self::Sharing,
        Self::Versions,
    ];
    /// How many of these, from the first on, a step draws from; the others have dice of their own, so that runs without
    /// them stay what they were.
    pub const DRAWN: usize = 15;

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Power => "power",
            Self::Disk => "disk",
            Self::Reads => "reads",
            Self::Connections => "connections",
            Self::Blocking => "blocking",
            Self::Queues => "queues",
            Self::Clock => "clock",
            Self::Repeats => "repeats",
            Self::Late => "late",
            Self::Hostile => "hostile",
            Self::Rival => "rival",
            Self::Restarts => "restarts",
            Self::Faults => "faults",
            Self::Bounds => "bounds",
            Self::Jobs => "jobs",
            Self::Takeovers => "takeovers",
            Self::Away => "away",
            Self::Inline => "inline",
            Self::Patience => "patience",
            Self::Sharing => "sharing",
            Self::Versions => "versions",
        }
    }

    /// The kind with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|trouble| trouble.name() == name)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Where its random numbers begin.
    pub seed: u64,
    /// How many processes are launched.
    pub launches: usize,
    /// How many steps of trouble there are before the calm.
    pub steps: u64,
    /// The kinds of trouble that do not occur.
    pub without: Vec<Trouble>,
}

impl Plan {
    /// A run with all kinds of trouble that are drawn.
    pub fn new(seed: u64) -> Self {
        Self::with(seed, &[])
    }

    /// The same, in which the driver commits by itself.
    pub fn inline(seed: u64) -> Self {
        Self::with(seed, &[Trouble::Inline])
    }

    /// The same, in which engines take over from one another.
    pub fn shared(seed: u64) -> Self {
        Self::with(seed, &[Trouble::Takeovers])
    }

    /// The same, in which the store is away at times.
    pub fn with_store_away(seed: u64) -> Self {
        Self::with(seed, &[Trouble::Away])
    }

    /// The same as a usual run, in which launches wait long.
    pub fn with_waiting_launches(seed: u64) -> Self {
        Self::with(seed, &[Trouble::Patience])
    }

    /// The same, in which engines share the store.
    pub fn with_sharing(seed: u64) -> Self {
        Self::with(seed, &[Trouble::Sharing])
    }

    /// The same, in which they are replaced by a newer version.
    pub fn with_versions(seed: u64) -> Self {
        Self::with(seed, &[Trouble::Sharing, Trouble::Versions])
    }

    /// What is drawn, and these of the kinds that have dice of their own.
    fn with(seed: u64, wanted: &[Trouble]) -> Self {
        let mut apart = Trouble::ALL[Trouble::DRAWN..].to_vec();
        apart.retain(|trouble| !wanted.contains(trouble));
        Self {
            seed,
            launches: 5,
            steps: 2_000,
            without: apart,
        }
    }

    /// Whether this kind of trouble occurs.
    pub fn has(&self, trouble: Trouble) -> bool {
        !self.without.contains(&trouble)
    }

    /// The smallest plan found that still fails, with its failure; `run` returns how a plan fails,
    /// if it does.
    pub fn shrink<F>(mut self, mut failure: F, run: impl Fn(&Self) -> Option<F>) -> (Self, F) {
        let mut try_plan = |plan: &mut Self, smaller: Self| match run(&smaller) {
            Some(found) => {
                failure = found;
                *plan = smaller;
                true
            }
            None => false,
        };
        for trouble in Trouble::ALL {
            if self.has(trouble) {
                let mut smaller = self.clone();
                smaller.without.push(trouble);
                try_plan(&mut self, smaller);
            }
        }
        while self.launches > 1 {
            let launches = self.launches - 1;
            let smaller = Self {
                launches,
                ..self.clone()
            };
            if !try_plan(&mut self, smaller) {
                break;
            }
        }
        let mut cut = self.steps / 2;
        while cut > 0 {
            let steps = self.steps - cut;
            let smaller = Self {
                steps,
                ..self.clone()
            };
            if !try_plan(&mut self, smaller) {
                cut /= 2;
            }
            cut = cut.min(self.steps / 2);
        }
        for trouble in Trouble::ALL {
            if self.has(trouble) {
                let mut smaller = self.clone();
                smaller.without.push(trouble);
                try_plan(&mut self, smaller);
            }
        }
        (self, failure)
    }
}

/// The arguments that repeat the run.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "--seed {} --launches {} --steps {}",
            self.seed, self.launches, self.steps
        )?;
        let named = |drawn: bool, occur: bool| {
            let all = Trouble::ALL.into_iter().enumerate();
            let wanted = all.filter(|(place, trouble)| {
                (*place < Trouble::DRAWN) == drawn && self.has(*trouble) == occur
            });
            wanted
                .map(|(_, trouble)| trouble.name())
                .collect::<Vec<_>>()
        };
        let without = named(true, false);
        if !without.is_empty() {
            write!(f, " --without {}", without.join(","))?;
        }
        for name in named(false, true) {
            write!(f, " --with {name}")?;
        }
        Ok(())
    }
}
