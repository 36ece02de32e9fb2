//! Operators: they ask at any moment, and sometimes give orders.

use super::{Trouble, World};
use bureaucrat_host::{
    clock::ClockSource,
    commands::Order,
    damage::Damages,
    query::{Detail, Query, QueryAnswer, State},
    questions::{Asked, answer},
};
use bureaucrat_model::{ProcessId, Timestamp};

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
        match self.random.below(8) {
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
            1 => engine.order(process, Order::Retry),
            2 => self.move_alias(),
            3 => {
                let reason = "an operator looks at it".into();
                engine.order(process, Order::Suspend { reason });
                self.note(format_args!("an operator suspends {process}"));
            }
            4 => engine.order(process, Order::Resume),
            5 => {
                self.facts.may_be_cancelled(process);
                let reason = "an operator gives it up".into();
                engine.order(process, Order::Terminate { reason });
                self.note(format_args!("an operator terminates {process}"));
            }
            _ => self.ask(process)?,
        }
        Ok(())
    }

    /// An operator asks about a process; the answer is compared with the model.
    fn ask(&self, process: ProcessId) -> Result<(), String> {
        let damages = Damages::default();
        let asked = Asked {
            store: &*self.disk,
            now: Timestamp(self.clock.wall()),
            history_entries: self.config.history_entries,
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
