//! Emits what waits for events and times while an element is active.

use super::{Emitter, Rounds, plain_scope, taken};
use crate::checked::{Event, Happening, Taking};
use bureaucrat_model::{Interrupt, Listener, Op, OpIndex, Site};

impl Emitter {
    /// Emits what `inner` does, while listeners wait.
    pub(super) fn listened(
        &mut self,
        events: &[Event],
        rounds: Rounds,
        site: &Site,
        inner: impl FnOnce(&mut Self),
    ) {
        if events.is_empty() {
            return inner(self);
        }
        let listen = Op::Listen {
            listeners: Vec::new(),
            end: OpIndex::default(),
        };
        let listen = self.push(listen, site);
        match rounds {
            Rounds::No => inner(self),
            // The branch that runs the body declares fields in a scope of its own.
            Rounds::Yes => {
                let enter = self.push(plain_scope(), site);
                inner(self);
                self.push(Op::LeaveScope, site);
                self.land(enter);
            }
        }
        self.push(Op::EndBranch, site);
        let found: Vec<Listener> = events.iter().map(|event| self.listener(event)).collect();
        if let Some(Op::Listen { listeners, .. }) = self.ops.get_mut(listen) {
            *listeners = found;
        }
        self.land(listen);
    }

    fn listener(&mut self, event: &Event) -> Listener {
        let site = &event.site;
        let at = self.here();
        let interrupt = event.interrupt;
        let (op, taking) = match &event.what {
            Happening::Event(expected) => {
                let receive = Op::Receive {
                    event: self.operand(&expected.event, site),
                    key: self.optional(expected.key.as_ref(), site),
                    since: expected.since,
                    conditions: expected.conditions,
                    taking: taken(&expected.taking),
                    interrupt,
                };
                (receive, &expected.taking)
            }
            Happening::Time(when) => {
                let when = self.when(when, site);
                (Op::Alarm { when, interrupt }, &Taking::Fields)
            }
        };
        let waits = self.here();
        self.push(op, site);
        self.outputs(taking, site);
        self.body(&event.body, site);
        let last = match interrupt {
            Interrupt::Yes => Op::LeaveScope,
            Interrupt::No => Op::EndBranch,
        };
        self.push(last, site);
        Listener { at, waits }
    }
}
