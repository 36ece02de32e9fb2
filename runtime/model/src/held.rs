//! How many bytes a fiber holds for itself: what its records and its messages take again, although
//! other fibers may have equal values. What it shares with other branches is counted in
//! [`Bases`](crate::bases::Bases).

use crate::{
    fields::Fields,
    instance::{Fiber, FiberState},
    wait::WaitKind,
};

impl Fiber {
    /// Whether its fields are still those that its branch began with. Then they are neither counted
    /// nor stored again.
    pub fn shares_base(&self) -> bool {
        let branch = self.branch.as_ref();
        branch.is_some_and(|branch| branch.base.is_same(&self.fields))
    }

    /// Bytes that it holds for itself: its fields once they differ from those that its branch began
    /// with, its scopes, computed values, and what it waits for has of it.
    pub fn held_bytes(&self) -> usize {
        let own = match self.shares_base() {
            true => self.size().saturating_sub(self.fields.size()),
            false => self.size(),
        };
        let values = self.values.iter().chain(&self.given);
        let values = values.map(|value| value.as_str().len());
        values
            .chain([self.sent_bytes()])
            .fold(own, usize::saturating_add)
    }

    /// Bytes of the fields that are visible where it is, and of those that they hide.
    pub fn visible_bytes(&self) -> usize {
        let locals = self.scopes.iter().map(|scope| scope.locals.fields.size());
        locals.fold(self.fields.size(), usize::saturating_add)
    }

    /// Bytes of the fields of its task or called process: each has a copy.
    fn sent_bytes(&self) -> usize {
        let FiberState::Waiting(wait) = &self.state else {
            return 0;
        };
        match &wait.kind {
            WaitKind::Answer { fields, .. } => fields
                .as_ref()
                .map_or_else(|| self.visible_bytes(), Fields::size),
            WaitKind::Child { fields, .. } => fields.size(),
            WaitKind::Timer { .. }
            | WaitKind::Event { .. }
            | WaitKind::Branches { .. }
            | WaitKind::Condition { .. }
            | WaitKind::Stopping { .. }
            | WaitKind::Fault { .. }
            | WaitKind::Compensation { .. }
            | WaitKind::Listening { .. }
            | WaitKind::Operator { .. }
            | WaitKind::Admission => 0,
        }
    }
}
