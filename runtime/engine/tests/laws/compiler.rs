//! Compiles random blocks as the definition compiler would.

use super::generator::{Block, Times, named_call, plain_scope, retry, tried};
use bureaucrat_model::{
    ActivityPath, Alternative, Bond, Carries, CodePattern, Condition, ConditionIndex,
    ConditionRange, Conduct, FieldPath, Fields, Guest, ItemNames, Join, JsonText, Millis, Op,
    OpIndex, Operand, Part, Program, Reads, Recorded, Since, Site, Span, Taking, Timeout,
    Unhandled, When,
};

#[derive(Default)]
pub struct Compiler {
    pub ops: Vec<Op>,
    sites: Vec<Site>,
    pub conditions: u32,
}

impl Compiler {
    pub fn push(&mut self, op: Op, path: &ActivityPath) -> usize {
        let line = self.ops.len() as u32 + 1;
        self.ops.push(op);
        self.sites
            .push(Site::new(path.clone(), Span { line, column: 1 }));
        self.ops.len() - 1
    }

    pub fn here(&self) -> OpIndex {
        OpIndex(self.ops.len() as u32)
    }

    pub fn range(&mut self, count: u32) -> ConditionRange {
        let first = ConditionIndex(self.conditions);
        self.conditions += count;
        ConditionRange { first, count }
    }

    fn test(&mut self, count: u32, path: &ActivityPath) -> usize {
        let conditions = self.range(count);
        let otherwise = OpIndex(0);
        self.push(
            Op::Test {
                conditions,
                otherwise,
            },
            path,
        )
    }

    /// Makes the test or jump at `place` lead to the next instruction.
    fn patch(&mut self, place: usize) {
        let here = self.here();
        if let Op::Test {
            otherwise: target, ..
        }
        | Op::Jump { target } = &mut self.ops[place]
        {
            *target = here;
        }
    }

    pub fn block(&mut self, block: &Block, path: &ActivityPath) {
        match block {
            Block::Action => {
                let here = self.here();
                self.push(Op::action("p", here), path);
            }
            Block::Retry(attempts) => {
                let here = self.here();
                let op = tried(Op::action("p", here), *attempts);
                self.push(op, path);
            }
            Block::Delay(duration) => {
                self.push(Op::delay(Millis(*duration)), path);
            }
            Block::Await(count) => {
                let conditions = self.range(*count);
                let next = self.here().next();
                self.push(Op::wait_for("e", conditions, next), path);
            }
            Block::Call(field) => {
                self.push(Op::call(field), path);
            }
            Block::Named(bond) => {
                if *bond == Bond::Detached {
                    self.compute(1, path);
                }
                self.push(named_call(*bond), path);
            }
            Block::Deadline(span) => {
                let span = Operand::Fixed(Millis(*span));
                self.push(Op::Deadline { span }, path);
            }
            Block::Timed(times) => self.timed(times, path),
            Block::Pick(events, after) => self.pick(events, after.as_ref(), path),
            Block::ForEach(parallel, body) => self.for_each(*parallel, body, path),
            Block::Local(body) => self.local(body, path),
            Block::Emit => {
                self.compute(2, path);
                let op = Op::Emit {
                    event: Operand::Fixed("e".into()),
                    key: Some(Operand::Computed),
                    keep: None,
                    fields: vec!["f".into()],
                };
                self.push(op, path);
            }
            Block::Send => {
                self.compute(2, path);
                let op = Op::Send {
                    exchange: None,
                    routing_key: Some(Operand::Fixed("q".into())),
                    content_type: "application/json".into(),
                    headers: vec!["h".into()],
                    body: Part::Computed,
                };
                self.push(op, path);
            }
            Block::Sequence(blocks) => {
                for (place, block) in (0..).zip(blocks) {
                    self.block(block, &path.child(place));
                }
            }
            Block::Switch(cases) => {
                let mut ends = Vec::new();
                for (place, (count, body)) in (0..).zip(cases) {
                    let test = self.test(*count, &path.child(place));
                    self.block(body, &path.child(place).child(0));
                    ends.push(self.push(Op::Jump { target: OpIndex(0) }, path));
                    self.patch(test);
                }
                ends.into_iter().for_each(|end| self.patch(end));
            }
            Block::While(count, body) => {
                let top = self.here();
                let test = self.test(*count, path);
                self.block(body, &path.child(0));
                self.push(Op::Jump { target: top }, path);
                self.patch(test);
            }
            Block::All(blocks) => self.fork(blocks, Join::All, path),
            Block::Race(blocks) => self.fork(blocks, Join::First, path),
            Block::Assign(place) => {
                self.compute(1, path);
                let targets = vec![FieldPath::new(place).unwrap()];
                self.push(Op::Store { targets }, path);
            }
            Block::Fault(code) => {
                self.push(Op::throw(Some(code), "thrown"), path);
            }
            Block::Again => {
                self.push(Op::throw(None, ""), path);
            }
            Block::Attempts(attempts, any, conditions, body) => {
                let mut retry = retry(*attempts);
                retry.conditions = self.range(*conditions);
                retry.on = CodePattern::new("*").filter(|_| *any).into_iter().collect();
                self.attempts(&retry, body, path);
            }
            Block::Scope(guarded) => self.scope(guarded, path),
            Block::Compensate => {
                self.push(Op::Compensate { scope: None }, path);
            }
        }
    }

    /// So many computed values.
    fn compute(&mut self, count: usize, path: &ActivityPath) {
        for _ in 0..count {
            let function = self.range(1).first;
            self.push(Op::Evaluate { function }, path);
        }
    }

    fn fork(&mut self, blocks: &[Block], join: Join, path: &ActivityPath) {
        let fork = self.push(Op::Complete, path);
        let mut branches = Vec::new();
        for (place, block) in (0..).zip(blocks) {
            branches.push(self.here());
            self.block(block, &path.child(place));
            self.push(Op::EndBranch, path);
        }
        let next = self.here();
        self.ops[fork] = Op::Fork {
            branches,
            join,
            next,
        };
    }

    fn timed(&mut self, times: &Times, path: &ActivityPath) {
        let fixed = |span: Option<u64>| span.map(|span| Operand::Fixed(Millis(span)));
        if let Some(span) = fixed(times.within) {
            self.push(Op::Within { span }, path);
        }
        let attempt = self.here();
        self.compute(times.inputs, path);
        let names = ["a", "b"].into_iter().take(times.inputs);
        let names = || names.clone().map(str::to_owned).collect();
        let carries = match (times.inputs, times.timeout) {
            (0, _) => Carries::All,
            (_, None) => Carries::Fields(names()),
            (_, Some(_)) => Carries::Arguments {
                args: 0,
                kwargs: names(),
            },
        };
        let takings = [
            Taking::Fields,
            Taking::Into(FieldPath::new("/r/taken").unwrap()),
            Taking::Functions,
        ];
        let op = Op::Action {
            participant: Operand::Fixed("p".into()),
            way: None,
            carries,
            taking: takings[times.taking].clone(),
            timeout: fixed(times.timeout),
            heartbeat: fixed(times.heartbeat),
            retry: None,
            attempt,
        };
        self.push(tried(op, times.retry), path);
        if times.taking == 2 {
            self.compute(1, path);
            let targets = vec![FieldPath::new("taken").unwrap()];
            self.push(Op::Store { targets }, path);
        }
    }

    fn pick(
        &mut self,
        events: &[(u32, Block)],
        after: Option<&(u64, Option<Box<Block>>)>,
        path: &ActivityPath,
    ) {
        let pick = self.push(Op::Complete, path);
        let (mut alternatives, mut ends) = (Vec::new(), Vec::new());
        for (place, (count, block)) in (0..).zip(events) {
            let conditions = self.range(*count);
            alternatives.push(Alternative {
                event: Operand::Fixed(["e", "f"][place as usize % 2].into()),
                key: (count % 2 == 1).then(|| Operand::Fixed("k".into())),
                conditions,
                taking: Taking::Fields,
                since: (place % 2 == 0).then_some(Since::Launch),
                at: self.here(),
            });
            self.block(block, &path.child(place));
            ends.push(self.push(Op::Jump { target: OpIndex(0) }, path));
        }
        let timeout = after.map(|(span, block)| {
            let at = block.as_ref().map(|block| {
                let at = self.here();
                self.block(block, &path.child(9));
                ends.push(self.push(Op::Jump { target: OpIndex(0) }, path));
                at
            });
            let when = When::After(Operand::Fixed(Millis(*span)));
            Timeout { when, at }
        });
        self.ops[pick] = Op::Await {
            alternatives,
            timeout,
        };
        ends.into_iter().for_each(|end| self.patch(end));
    }

    fn for_each(&mut self, parallel: Option<u32>, body: &Block, path: &ActivityPath) {
        let enter = self.push(Op::Complete, path);
        self.compute(1, path);
        self.push(Op::EnterItems, path);
        let round = self.push(Op::Complete, path);
        self.block(body, &path.child(0));
        self.compute(1, path);
        self.push(Op::Collect, path);
        let names = ItemNames {
            item: Some("x".into()),
            index: Some("n".into()),
        };
        match parallel {
            None => {
                let target = OpIndex(round as u32);
                self.push(Op::Jump { target }, path);
                let end = self.here();
                self.ops[round] = Op::NextItem { names, end };
            }
            Some(parallel) => {
                self.push(Op::EndBranch, path);
                let end = self.here();
                self.ops[round] = Op::ForkItems {
                    names,
                    parallel,
                    end,
                };
            }
        }
        let target = FieldPath::new("collected").unwrap();
        self.push(Op::StoreCollected { target }, path);
        self.push(Op::LeaveScope, path);
        self.ops[enter] = plain_scope(self.here());
    }

    fn local(&mut self, body: &Block, path: &ActivityPath) {
        let enter = self.push(Op::Complete, path);
        self.compute(1, path);
        let fixed = [("a".to_owned(), JsonText::text("local"))]
            .into_iter()
            .collect();
        let computed = Some("number".to_owned());
        self.push(Op::Declare { fixed, computed }, path);
        self.block(body, &path.child(0));
        self.push(Op::LeaveScope, path);
        self.ops[enter] = plain_scope(self.here());
    }

    pub fn finish(self) -> Program {
        let condition = |number| Condition {
            guest: Guest::Inline,
            function: format!("c{number}"),
            text: String::new(),
            span: Span::default(),
            selects: Vec::new(),
            reads: if number % 3 == 0 {
                Reads::Reserved
            } else {
                Reads::Fields
            },
        };
        let unhandled = match self.ops.len() % 3 {
            0 => Some(Unhandled::Waits),
            1 => Some(Unhandled::Fails),
            _ => None,
        };
        Program {
            name: "random".into(),
            context: Fields::parse(r#"{"d": "<process/>", "number": 1, "x": [1.50]}"#).unwrap(),
            ops: self.ops,
            sites: self.sites,
            conditions: (0..self.conditions).map(condition).collect(),
            inline_guest: Vec::new(),
            conduct: Conduct {
                key: None,
                unhandled,
                schedule: None,
                recorded: Recorded::Full,
                searchable: ["number", "z", "d", "c"].map(str::to_owned).to_vec(),
            },
        }
    }
}
