//! Emits actions, `pick` and `foreach`.
//!
//! ```text
//! action                      foreach                      pick
//!   countdown, within           enter-scope → 2              what names and keys are
//!   0: what the task needs      the list                     await e → 1, f → 2, timeout → 3
//!   action from 0               enter-items                  1: outputs; body; jump → 4
//!   what came back              0: next-item else 1          2: outputs; body; jump → 4
//!   store                       body; collected value        3: body
//!                               collect; jump → 0            4:
//!                               1: store-collected
//!                               leave-scope
//!                               2:
//! ```
//!
//! ```text
//! a sequence with `retry`
//!   enter-scope [try again at 1] → 2
//!   0: fork [the sequence] → …
//!   leave-scope
//!   1: try-again from 0
//!   2:
//! ```

use super::{Emitter, Needed, Rounds, index_of, plain_scope, taken};
use crate::checked::{self, Argument, Written};
use bureaucrat_model::{
    Alternative, Carries, Handler, Join, Op, OpIndex, Part, Retry, Site, Timeout, Way, When,
    WrittenWay,
};

impl Emitter {
    pub(super) fn action(&mut self, action: &checked::Action, site: &Site) {
        if let Some(countdown) = self.optional(action.countdown.as_ref(), site) {
            let when = When::After(countdown);
            self.push(Op::Delay { when }, site);
        }
        if let Some(span) = self.optional(action.within.as_ref(), site) {
            self.push(Op::Within { span }, site);
        }
        let attempt = self.here();
        let participant = self.operand(&action.participant, site);
        let way = self.way(&action.way, site);
        let carries = self.carries(&action.carries, site);
        let timeout = self.optional(action.timeout.as_ref(), site);
        let heartbeat = self.optional(action.heartbeat.as_ref(), site);
        let op = Op::Action {
            participant,
            way,
            carries,
            taking: taken(&action.taking),
            timeout,
            heartbeat,
            retry: action.retry.clone(),
            attempt,
        };
        self.push(op, site);
        self.outputs(&action.taking, site);
    }

    fn carries(&mut self, carries: &checked::Carries, site: &Site) -> Carries {
        match carries {
            checked::Carries::All => Carries::All,
            checked::Carries::Fields(inputs) => Carries::Fields(self.inputs(inputs, site)),
            checked::Carries::Arguments { args, kwargs } => {
                for arg in args {
                    self.argument(arg, site);
                }
                let mut names = Vec::with_capacity(kwargs.len());
                for (name, kwarg) in kwargs {
                    self.argument(kwarg, site);
                    names.push(name.clone());
                }
                Carries::Arguments {
                    args: u32::try_from(args.len()).unwrap_or(u32::MAX),
                    kwargs: names,
                }
            }
        }
    }

    /// Leaves an argument with the fiber.
    fn argument(&mut self, argument: &Argument, site: &Site) {
        match argument {
            Written::Fixed(value) => {
                let value = value.clone();
                self.push(Op::Constant { value }, site);
            }
            Written::Computed(function) => self.evaluate(*function, site),
        }
    }

    fn way(
        &mut self,
        way: &Way<Written<String>, Written<u8>>,
        site: &Site,
    ) -> Option<Box<WrittenWay>> {
        let way = Way {
            via: way.via,
            queue: self.optional(way.queue.as_ref(), site),
            exchange: self.optional(way.exchange.as_ref(), site),
            routing_key: self.optional(way.routing_key.as_ref(), site),
            priority: self.optional(way.priority.as_ref(), site),
        };
        (way != Way::default()).then(|| Box::new(way))
    }

    /// Emits a sequence whose attempts are branches.
    pub(super) fn tried_again(&mut self, body: &checked::Body, retry: &Retry, site: &Site) {
        let enter = self.push(plain_scope(), site);
        let start = self.here();
        let fork = Op::Fork {
            branches: vec![start.next()],
            join: Join::All,
            next: OpIndex::default(),
        };
        let fork = self.push(fork, site);
        self.body(body, site);
        self.push(Op::EndBranch, site);
        self.land(fork);
        self.push(Op::LeaveScope, site);
        let at = self.here();
        let again = Op::TryAgain {
            retry: retry.clone(),
            start,
        };
        self.push(again, site);
        if let Some(Op::EnterScope { handlers, .. }) = self.ops.get_mut(enter) {
            handlers.push(Handler {
                codes: Vec::new(),
                conditions: retry.conditions,
                at,
                retry: Some(retry.clone()),
            });
        }
        self.land(enter);
    }

    /// Computes the name and the key of an event; where it continues is not known yet.
    pub(super) fn alternative(&mut self, expected: &checked::Expected, site: &Site) -> Alternative {
        let event = self.operand(&expected.event, site);
        let key = self.optional(expected.key.as_ref(), site);
        Alternative {
            event,
            key,
            conditions: expected.conditions,
            taking: taken(&expected.taking),
            since: expected.since,
            at: OpIndex::default(),
        }
    }

    pub(super) fn pick(&mut self, on: &[checked::On], after: Option<&checked::After>, site: &Site) {
        let mut alternatives: Vec<Alternative> = on
            .iter()
            .map(|on| self.alternative(&on.expected, &on.site))
            .collect();
        let when = after.map(|after| self.when(&after.when, &after.site));
        let wait = self.push(
            Op::Await {
                alternatives: Vec::new(),
                timeout: None,
            },
            site,
        );
        let mut ends = Vec::with_capacity(on.len());
        for (on, alternative) in on.iter().zip(&mut alternatives) {
            alternative.at = self.here();
            self.outputs(&on.expected.taking, &on.site);
            self.body(&on.body, &on.site);
            let target = OpIndex::default();
            ends.push(self.push(Op::Jump { target }, &on.site));
        }
        let timeout = after.zip(when).map(|(after, when)| {
            let at = Some(self.here());
            self.body(&after.body, &after.site);
            Timeout { when, at }
        });
        if let Some(op) = self.ops.get_mut(wait) {
            *op = Op::Await {
                alternatives,
                timeout,
            };
        }
        for end in ends {
            self.land(end);
        }
    }

    pub(super) fn message(&mut self, send: &checked::Send, site: &Site) -> Op {
        let exchange = self.optional(send.exchange.as_ref(), site);
        let routing_key = self.optional(send.routing_key.as_ref(), site);
        let headers = self.inputs(&send.headers, site);
        let body = match send.body {
            Some(body) => {
                self.evaluate(body, site);
                Part::Computed
            }
            None => Part::Missing,
        };
        Op::Send {
            exchange,
            routing_key,
            content_type: send.content_type.clone(),
            headers,
            body,
        }
    }

    pub(super) fn foreach(&mut self, foreach: &checked::Foreach, site: &Site) {
        let body = &foreach.body;
        self.scope(&body.scope, Needed::Yes, Rounds::Yes, site, |emitter| {
            emitter.evaluate(foreach.select, site);
            emitter.push(Op::EnterItems, site);
            let (names, end) = (foreach.names.clone(), OpIndex::default());
            let is_sequential = foreach.parallel == 1;
            let round = emitter.push(
                match is_sequential {
                    true => Op::NextItem { names, end },
                    false => Op::ForkItems {
                        names,
                        parallel: foreach.parallel,
                        end,
                    },
                },
                site,
            );
            emitter.declare(&body.scope.locals, site);
            emitter.all_of(&body.activities);
            if let Some(collect) = foreach.collect {
                emitter.evaluate(collect, site);
                emitter.push(Op::Collect, site);
            }
            emitter.push(
                match is_sequential {
                    true => Op::Jump {
                        target: index_of(round),
                    },
                    false => Op::EndBranch,
                },
                site,
            );
            emitter.land(round);
            if let Some(target) = foreach.into.clone() {
                emitter.push(Op::StoreCollected { target }, site);
            }
        });
    }
}
