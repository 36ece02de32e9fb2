//! What is stuck of a process, part by part.

use super::{
    Making,
    file::{EvaluationPart, FaultPart, MESSAGES, MessagePart, PARTS_MAX, Part},
    guest_entry, length, raw, seen_fields,
};
use crate::{shared::Shared, tenants::budget};
use bureaucrat_engine::{pending_evaluations, view_of_failed};
use bureaucrat_model::{
    ActivityId, ConditionIndex, DefinitionName, Effect, EvaluationBounds, Evidence, Fault, FiberId,
    FiberState, Hex, Instance, KeptBody, KeptMessage, Program, Seen, Timestamp, View, Wait,
    WaitKind,
};
use bureaucrat_sandbox::Class;
use bureaucrat_store::{StoreError, Table, keys};

/// What the file is made from.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub shared: &'a Shared,
    pub program: &'a Program,
    pub instance: &'a Instance,
}

impl Source<'_> {
    /// The parts that wait for an operator.
    pub(super) fn stuck(self, making: &mut Making) -> Vec<Part> {
        let mut parts = Vec::new();
        for (id, fiber) in self.instance.fibers.iter() {
            let FiberState::Waiting(Wait {
                since,
                kind: WaitKind::Operator { fault, evidence },
                ..
            }) = &fiber.state
            else {
                continue;
            };
            // One more than there is room for is counted, and not looked into.
            let evidence = match parts.len() < PARTS_MAX {
                true => Some(&**evidence),
                false => None,
            };
            parts.push(self.part(making, id, *since, (fault, evidence)));
        }
        parts
    }

    fn part(
        self,
        making: &mut Making,
        fiber: FiberId,
        since: Timestamp,
        (fault, evidence): (&Fault, Option<&Evidence>),
    ) -> Part {
        let failed = evidence.and_then(|evidence| evidence.evaluation.as_ref());
        let evaluation = failed.and_then(|found| {
            let view = match &found.fields {
                Seen::TooLarge { .. } => None,
                Seen::InPlace | Seen::Kept(_) => view_of_failed(self.program, self.instance, fiber),
            };
            let ran = (found.asked_at, Some(found.fuel), found.bounds.clone());
            self.evaluation(making, found.condition, ran, view)
        });
        let message = evidence.and_then(|evidence| evidence.message.as_ref());
        let path = fault.activity.clone();
        let process = self.instance.process;
        Part {
            fiber,
            activity: ActivityId { process, path }.to_string(),
            line: fault.line,
            since,
            fault: Some(FaultPart {
                code: fault.code.as_str().to_owned(),
                message: fault.message.clone(),
                data: fault
                    .data
                    .as_ref()
                    .map(|data| raw(data.as_str().to_owned())),
            }),
            evaluation,
            message: message.map(|message| message_part(making, message)),
        }
    }

    /// The parts whose evaluations have no outcome.
    pub(super) fn pending(self, making: &mut Making) -> Vec<Part> {
        let effects = pending_evaluations(self.program, self.instance);
        let mut parts = Vec::new();
        for effect in effects.into_iter().take(PARTS_MAX) {
            let Effect::Evaluate {
                fiber,
                condition,
                view,
                ..
            } = effect
            else {
                continue;
            };
            let Some(found) = self.instance.fibers.get(fiber) else {
                continue;
            };
            let since = match &found.state {
                FiberState::Waiting(wait) => wait.since,
                FiberState::Ready => self.instance.launched_at,
            };
            let site = self.program.op(found.at).map(|(_, site)| site);
            let path = site.map(|site| site.path.clone()).unwrap_or_default();
            let ran = (since, None, self.bounds(condition));
            let process = self.instance.process;
            parts.push(Part {
                fiber,
                activity: ActivityId { process, path }.to_string(),
                line: site.map_or(0, |site| site.span.line),
                since,
                fault: None,
                evaluation: self.evaluation(making, condition, ran, Some(view)),
                message: None,
            });
        }
        parts
    }

    fn evaluation(
        self,
        making: &mut Making,
        condition: ConditionIndex,
        (asked_at, fuel, bounds): (Timestamp, Option<u64>, EvaluationBounds),
        view: Option<View>,
    ) -> Option<EvaluationPart> {
        let named = self.program.condition(condition)?;
        let reserved = view.as_ref().map(|view| seen_fields(&view.reserved));
        Some(EvaluationPart {
            text: named.text.clone(),
            line: named.span.line,
            guest: guest_entry(named.guest),
            function: named.function.clone(),
            asked_at,
            fuel,
            bounds,
            fields: view.map(|view| making.place(view.fields)),
            reserved,
        })
    }

    /// What an evaluation of this process runs under now.
    fn bounds(self, condition: ConditionIndex) -> EvaluationBounds {
        let loaded = self.shared.definitions.load(self.instance.program).ok();
        let class = loaded.and_then(|loaded| {
            let named = self.program.condition(condition)?;
            Some(loaded.guest(named.guest)?.class())
        });
        self.bounds_of(class.unwrap_or(Class::Small))
    }

    fn bounds_of(self, class: Class) -> EvaluationBounds {
        let policy = self.shared.tenants.policy();
        let rules = policy.of(self.instance.user.as_deref());
        self.shared.sandbox.bounds(class, budget(rules))
    }

    pub(super) fn all_bounds(self) -> Vec<EvaluationBounds> {
        let classes = [Class::Small, Class::Runtime];
        classes.map(|class| self.bounds_of(class)).into()
    }

    /// The text of the definition, if it was launched by name and is still deployed.
    pub(super) fn definition(self) -> Result<Option<Vec<u8>>, StoreError> {
        let name = self.instance.name.parse::<DefinitionName>().ok();
        let Some((name, version)) = name.zip(self.instance.version) else {
            return Ok(None);
        };
        let shard = self.shared.router.shard_of_definition(&name);
        let key = keys::version(shard, &name, version);
        self.shared.store.get(Table::Sources, &key)
    }
}

fn message_part(making: &mut Making, message: &KeptMessage) -> MessagePart {
    let (body, bytes, sha256) = match &message.body {
        KeptBody::Whole(body) => {
            making.messages += 1;
            let name = format!("{MESSAGES}{}", making.messages);
            making.add(&name, body);
            (Some(name), length(body), None)
        }
        KeptBody::TooLarge { bytes, sha256 } => (None, *bytes, Some(Hex(sha256).to_string())),
    };
    MessagePart {
        kind: message.kind,
        properties: raw(message.properties.as_str().to_owned()),
        body,
        bytes,
        sha256,
    }
}
