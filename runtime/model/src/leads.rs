//! What instructions call and where they lead; instructions with little to say.

use crate::{
    Bond, CallTarget,
    fault::FaultCode,
    indexes::{ConditionIndex, ConditionRange, OpIndex},
    op::{Alternative, Carries, Op, Taking, When},
    operand::Operand,
    time::Millis,
};

impl Op {
    /// An action without anything computed, whose attempts begin at `attempt`.
    pub fn action(participant: &str, attempt: OpIndex) -> Self {
        Self::Action {
            participant: Operand::Fixed(participant.to_owned()),
            way: None,
            carries: Carries::All,
            taking: Taking::Fields,
            timeout: None,
            heartbeat: None,
            retry: None,
            attempt,
        }
    }

    pub const fn delay(span: Millis) -> Self {
        Self::Delay {
            when: When::After(Operand::Fixed(span)),
        }
    }

    /// Waits for an event of this name as long as it takes, then continues at `at`.
    pub fn wait_for(event: &str, conditions: ConditionRange, at: OpIndex) -> Self {
        Self::Await {
            alternatives: vec![Alternative {
                event: Operand::Fixed(event.to_owned()),
                key: None,
                conditions,
                taking: Taking::Fields,
                since: None,
                at,
            }],
            timeout: None,
        }
    }

    pub fn call(field: &str) -> Self {
        Self::Call {
            target: CallTarget::Field(field.to_owned()),
            bond: Bond::Awaited,
            inputs: None,
            taking: Taking::Fields,
        }
    }

    /// Throws a fault, without a code the one that is being handled.
    pub fn throw(code: Option<&str>, message: &str) -> Self {
        Self::Fault {
            code: code.map(|code| Operand::Fixed(FaultCode::new(code))),
            message: Operand::Fixed(message.to_owned()),
            data: None,
        }
    }

    /// The functions that it calls for verdicts.
    pub fn conditions(&self) -> Vec<ConditionRange> {
        if let Self::Test { conditions, .. } = self {
            return vec![*conditions];
        }
        if let Self::EnterScope { handlers, .. } = self {
            return handlers.iter().map(|found| found.conditions).collect();
        }
        if let Self::Receive { conditions, .. } = self {
            return vec![*conditions];
        }
        if let Self::Action { retry, .. } = self {
            return retry.iter().map(|found| found.conditions).collect();
        }
        let Self::Await { alternatives, .. } = self else {
            return Vec::new();
        };
        let conditions = alternatives.iter().map(|found| found.conditions);
        conditions.collect()
    }

    /// The function that it calls for a value.
    pub const fn value(&self) -> Option<ConditionIndex> {
        if let Self::Evaluate { function } = self {
            Some(*function)
        } else {
            None
        }
    }

    /// Everywhere that it leads to, other than the next instruction.
    pub fn places(&self) -> Vec<OpIndex> {
        let mut places: Vec<OpIndex> = self.target().into_iter().collect();
        if let Self::Fork { branches, .. } = self {
            places.extend(branches);
        } else if let Self::EnterScope {
            handlers,
            finally,
            compensation,
            ..
        } = self
        {
            places.extend(handlers.iter().map(|handler| handler.at));
            places.extend(finally);
            places.extend(compensation);
        } else if let Self::Listen { listeners, .. } = self {
            places.extend(listeners.iter().flat_map(|one| [one.at, one.waits]));
        } else if let Self::TryAgain { start, .. } = self {
            places.push(*start);
        } else if let Self::Compensate { scope } = self {
            places.extend(scope);
        } else if let Self::Await {
            alternatives,
            timeout,
        } = self
        {
            places.extend(alternatives.iter().map(|found| found.at));
            places.extend(timeout.iter().filter_map(|timeout| timeout.at));
        } else if let Self::Action { attempt, .. } = self {
            places.push(*attempt);
        }
        places
    }

    /// Where its fiber may continue, other than at the next instruction.
    pub const fn target(&self) -> Option<OpIndex> {
        if let Self::Jump { target: at }
        | Self::Test { otherwise: at, .. }
        | Self::Fork { next: at, .. }
        | Self::NextItem { end: at, .. }
        | Self::ForkItems { end: at, .. }
        | Self::Listen { end: at, .. }
        | Self::EnterScope { next: at, .. } = self
        {
            Some(*at)
        } else {
            None
        }
    }

    /// Sets [`Self::target`], if it has one.
    pub fn set_target(&mut self, at: OpIndex) {
        if let Self::Jump { target: place }
        | Self::Test {
            otherwise: place, ..
        }
        | Self::Fork { next: place, .. }
        | Self::NextItem { end: place, .. }
        | Self::ForkItems { end: place, .. }
        | Self::Listen { end: place, .. }
        | Self::EnterScope { next: place, .. } = self
        {
            *place = at;
        }
    }

    /// Whether nothing can follow it in a program.
    pub fn ends(&self) -> bool {
        matches!(
            self,
            Self::Complete
                | Self::EndBranch
                | Self::Jump { .. }
                | Self::LeaveScope
                | Self::TryAgain { .. }
        )
    }
}
