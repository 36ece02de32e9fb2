//! Compiles random scopes as the definition compiler would.

use super::{
    compiler::Compiler,
    generator::{Block, Guarded, receive},
};
use bureaucrat_model::{
    ActivityPath, CodePattern, Handler, Interrupt, Join, Listener, Millis, Op, OpIndex, Operand,
    Retry, Since, When,
};

impl Compiler {
    pub fn scope(&mut self, guarded: &Guarded, path: &ActivityPath) {
        let enter = self.push(Op::Complete, path);
        self.listened(guarded, path);
        self.push(Op::LeaveScope, path);
        let mut entries = Vec::new();
        for (place, (code, count, block)) in (1..).zip(&guarded.handlers) {
            let codes = CodePattern::new(code).into_iter().collect();
            let conditions = self.range(*count);
            let at = self.here();
            entries.push(Handler {
                codes,
                conditions,
                at,
                retry: None,
            });
            self.block(block, &path.child(place));
            self.push(Op::LeaveScope, path);
        }
        let finally = self.part(guarded.finally.as_ref(), Op::LeaveScope, &path.child(99));
        let compensation = self.part(
            guarded.compensation.as_ref(),
            Op::EndBranch,
            &path.child(98),
        );
        let (handlers, next) = (entries, self.here());
        self.ops[enter] = Op::EnterScope {
            handlers,
            finally,
            compensation,
            next,
        };
    }

    /// The body as a branch, tried again by the scope around it.
    pub fn attempts(&mut self, retry: &Retry, body: &Block, path: &ActivityPath) {
        let enter = self.push(Op::Complete, path);
        let start = self.here();
        let fork = self.push(Op::Complete, path);
        self.block(body, &path.child(0));
        self.push(Op::EndBranch, path);
        self.ops[fork] = Op::Fork {
            branches: vec![start.next()],
            join: Join::All,
            next: self.here(),
        };
        self.push(Op::LeaveScope, path);
        let at = self.here();
        let again = Op::TryAgain {
            retry: retry.clone(),
            start,
        };
        self.push(again, path);
        let handler = Handler {
            codes: Vec::new(),
            conditions: retry.conditions,
            at,
            retry: Some(retry.clone()),
        };
        self.ops[enter] = Op::EnterScope {
            handlers: vec![handler],
            finally: None,
            compensation: None,
            next: self.here(),
        };
    }

    fn part(&mut self, block: Option<&Block>, last: Op, path: &ActivityPath) -> Option<OpIndex> {
        let block = block?;
        let at = self.here();
        self.block(block, path);
        self.push(last, path);
        Some(at)
    }

    /// The body, while listeners wait.
    fn listened(&mut self, guarded: &Guarded, path: &ActivityPath) {
        if guarded.events.is_empty() {
            return self.block(&guarded.body, &path.child(0));
        }
        let listen = self.push(Op::Complete, path);
        self.block(&guarded.body, &path.child(0));
        self.push(Op::EndBranch, path);
        let mut listeners = Vec::new();
        for (place, listened) in (50..).zip(&guarded.events) {
            let path = path.child(place);
            let at = self.here();
            let op = match listened.what {
                Ok(count) => {
                    let since = (place % 2 == 0).then_some(Since::Launch);
                    receive(self.range(count), listened.interrupt, since)
                }
                Err(span) => Op::Alarm {
                    when: When::After(Operand::Fixed(Millis(span))),
                    interrupt: listened.interrupt,
                },
            };
            self.push(op, &path);
            self.block(&listened.block, &path.child(0));
            let last = match listened.interrupt {
                Interrupt::Yes => Op::LeaveScope,
                Interrupt::No => Op::EndBranch,
            };
            self.push(last, &path);
            listeners.push(Listener { at, waits: at });
        }
        let end = self.here();
        self.ops[listen] = Op::Listen { listeners, end };
    }
}
