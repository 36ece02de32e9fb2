//! Operators: they ask at any moment, and sometimes give orders.

use super::{Trouble, World, random::Random};
use bureaucrat_host::{
    clock::ClockSource,
    commands::{Migration, Order},
    damage::Damages,
    query::{Detail, Query, QueryAnswer, State},
    questions::{Asked, answer},
};
use bureaucrat_model::{
    Change, FiberId, Fields, JsonText, Modification, PartOf, ProcessId, Timestamp,
};

impl World {
    /// An operator asks or gives an order.
    pub(super) fn operator(&mut self) -> Result<(), String> {
        let Some(process) = self.facts.some_process(&mut self.random) else {
            return Ok(());
        };
        let Some(engine) = &self.engine else {
            return Ok(());
        };
        self.facts.count("operators' commands");
        if !self.config.sharing.has(process.shard()) {
            // One that does not know that it lost groups may still obey.
            if !self.has_lost_groups() {
                let reason = "an operator asks the wrong engine".into();
                engine.order(process, Order::Cancel { reason });
            }
            return Ok(());
        }
        // In some runs they change where processes stand, which leaves open how those end; in half of these they also
        // order many at once.
        let wishes = match self.plan.seed % 8 {
            2 => 28,
            6 => 24,
            _ => 8,
        };
        match self.random.below(wishes) {
            0 => {
                self.facts.may_be_cancelled(process);
                engine.order(
                    process,
                    Order::Cancel {
                        reason: "an operator's wish".into(),
                    },
                );
                self.note(format_args!("an operator cancels {process}"));
            }
            1 => {
                let reason = "an operator is impatient".into();
                engine.order(process, Order::Retry { reason });
            }
            2 => self.move_alias(),
            3 => {
                let reason = "an operator looks at it".into();
                engine.order(process, Order::Suspend { reason });
                self.note(format_args!("an operator suspends {process}"));
            }
            4 => {
                self.facts.may_be_resumed(process);
                engine.order(
                    process,
                    Order::Resume {
                        reason: "it may continue".into(),
                    },
                );
            }
            5 => {
                self.facts.may_be_cancelled(process);
                let reason = "an operator gives it up".into();
                engine.order(process, Order::Terminate { reason });
                self.note(format_args!("an operator terminates {process}"));
            }
            24 | 25 => self.order_many(),
            26 => self.stop_job(),
            27 => self.migrate(process),
            8.. => {
                let modification = modification(&mut self.random);
                // A task that comes again changes nothing about how a process ends.
                if modification.change != Change::Retry {
                    self.facts.may_be_modified(process);
                }
                engine.order(process, Order::Modify(modification.clone()));
                self.note(format_args!(
                    "an operator changes {process}: {modification:?}"
                ));
            }
            _ => self.ask(process)?,
        }
        Ok(())
    }

    /// An operator wants a process to continue as another version, if there is one.
    fn migrate(&mut self, process: ProcessId) {
        let version = self.random.below(4) + 1;
        let (Some(engine), Some(name)) = (&self.engine, self.facts.name_of(process)) else {
            return;
        };
        let Ok(to) = format!("{name}@{version}").parse() else {
            return;
        };
        self.facts.may_be_modified(process);
        let reason = "an operator deployed something better".into();
        let dry_run = version == 4;
        engine.order(
            process,
            Order::Migrate(Migration {
                to,
                dry_run,
                reason,
            }),
        );
        self.note(format_args!("an operator migrates {process}"));
    }

    /// An operator asks about a process; the answer is compared with the model.
    fn ask(&self, process: ProcessId) -> Result<(), String> {
        let damages = Damages::default();
        let asked = Asked {
            store: &*self.disk,
            now: Timestamp(self.clock.wall()),
            damages: &damages,
        };
        let history = if process.as_bytes()[5].is_multiple_of(2) {
            Detail::State
        } else {
            Detail::History
        };
        match answer(&asked, &Query::Show { process, history }) {
            Some(QueryAnswer::Process(detail)) => self.facts.told(
                process,
                match detail.summary.state {
                    State::Running | State::Incident | State::Suspended => "launched",
                    State::Completed => "completed",
                    State::Failed => "failed",
                },
            ),
            // The disk could not be read.
            Some(QueryAnswer::Error { .. }) if self.plan.has(Trouble::Reads) => Ok(()),
            other => Err(format!("asked for {process}, the engine says {other:?}")),
        }
    }
}

/// What an operator may want, sensible or not.
fn modification(random: &mut Random) -> Modification {
    // Most definitions have a sequence with branches and actions.
    let activity = |random: &mut Random| match random.below(3) {
        0 => format!("_0_{}_{}", random.below(3), random.below(2)),
        _ => format!("_0_{}", random.below(4)),
    };
    let part = match random.below(4) {
        0 => PartOf::Only,
        1 => PartOf::Activity(activity(random)),
        _ => PartOf::Fiber(FiberId(u32::try_from(random.below(6)).unwrap_or_default())),
    };
    let fields = || {
        let mut fields = Fields::new();
        fields.set("modified", JsonText::text("by an operator"));
        fields
    };
    let change = match random.below(8) {
        0..=3 => Change::Retry,
        4 | 5 => Change::Skip { fields: fields() },
        6 => Change::Set {
            fields: fields(),
            removed: Vec::new(),
        },
        _ => Change::Move {
            to: activity(random),
        },
    };
    Modification {
        part,
        change,
        reason: "an operator's idea".into(),
        dry_run: false,
    }
}
