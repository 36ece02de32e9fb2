//! Checks a definition against rules: every rule that it violates, with the place.

use crate::{ModuleClass, Permission, Profile, Quota, Rule, Rules, Standing};
use bureaucrat_model::{ModuleHash, Span, Toward};
use std::fmt;

/// A violated rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub rule: Rule,
    /// The section of the policy file that the rule is in.
    pub section: String,
    /// What violates it: a sentence without its end, with the place in the definition if there is
    /// one.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, rule, section) = (&self.what, self.rule, &self.section);
        match section.as_str() {
            Rules::OPEN => write!(f, "{what} (with any policy)"),
            _ => write!(f, "{what} (rule `{rule}` of the policy's [{section}])"),
        }
    }
}

impl Rules {
    pub fn broken(&self, rule: Rule, what: impl Into<String>) -> Violation {
        Violation {
            rule,
            section: self.section.clone(),
            what: what.into(),
        }
    }

    /// Refuses what exceeds a quota. `what` comes before the numbers: "the definition has 3 delays,
    /// at most 2 are allowed".
    pub fn over(&self, quota: Quota, found: u64, what: &str, unit: &str) -> Option<Violation> {
        let limit = self.quotas.get(quota);
        (found > limit).then(|| {
            self.broken(
                Rule::Quota(quota),
                format!("{what} {found} {unit}, at most {limit} are allowed"),
            )
        })
    }

    /// The rules that a definition violates, judged by its contents; `standing` tells what people did
    /// with a module.
    pub fn check(
        &self,
        profile: &Profile,
        standing: impl Fn(ModuleHash) -> Standing,
    ) -> Vec<Violation> {
        let mut found = Vec::new();
        for (participant, span) in &profile.participants {
            if !self.participants.matches(participant) {
                let what = format!("tasks for participant `{participant}` are not allowed");
                found.push(self.broken(Rule::Participants, at(*span, &what)));
            }
        }
        for (event, span) in &profile.events {
            if !self.awaits.matches(event) {
                let what = format!("awaiting the event `{event}` is not allowed");
                found.push(self.broken(Rule::Awaits, at(*span, &what)));
            }
        }
        for (event, span) in &profile.emitted {
            if !self.publishes.matches(event) {
                let what = format!("emitting the event `{event}` is not allowed");
                found.push(self.broken(Rule::Publishes, at(*span, &what)));
            }
        }
        for ((exchange, key), span) in &profile.sent {
            if !self.sends.allow(exchange, key.as_deref()) {
                let toward = Toward(exchange, key.as_deref().unwrap_or("…"));
                let what = format!("sending to {toward} is not allowed");
                found.push(self.broken(Rule::Sends, at(*span, &what)));
            }
        }
        for ((exchange, key), span) in &profile.routed {
            if let Some(violation) = self.task_refused(exchange, key.as_deref()) {
                let what = at(*span, &violation.what);
                found.push(Violation { what, ..violation });
            }
        }
        if let (Permission::Refused, Some(span)) = (self.calls, profile.call) {
            found.push(self.broken(Rule::Calls, at(span, "calls are not allowed")));
        }
        for module in &profile.modules {
            let broken = self.check_module(module.hash, module.facts.class, &standing(module.hash));
            found.extend(broken.into_iter().map(|violation| Violation {
                what: at(module.span, &violation.what),
                ..violation
            }));
            let quota = Quota::ModuleBytes;
            if let Some(violation) = self.over(quota, module.facts.bytes, "the module has", "bytes")
            {
                let what = at(module.span, &violation.what);
                found.push(Violation { what, ..violation });
            }
        }
        found.extend(self.check_quotas(profile));
        found
    }

    /// Why no task may go where a definition sends it: a place that `sends` allows, or the queue of
    /// a participant that `participants` allows. Without a routing key: why none may, whatever the
    /// key is.
    pub fn task_refused(&self, exchange: &str, routing_key: Option<&str>) -> Option<Violation> {
        let is_of_participant = exchange.is_empty()
            && routing_key.is_none_or(|key| {
                let participant = key.strip_prefix("worker_");
                participant.is_some_and(|name| self.participants.matches(name))
            });
        if is_of_participant || self.sends.allow(exchange, routing_key) {
            return None;
        }
        let toward = Toward(exchange, routing_key.unwrap_or("…"));
        let what = format!("sending tasks to {toward} is not allowed");
        Some(self.broken(Rule::Sends, what))
    }

    /// The rules that a module violates, wherever it comes from.
    pub fn check_module(
        &self,
        hash: ModuleHash,
        class: ModuleClass,
        standing: &Standing,
    ) -> Vec<Violation> {
        let mut found = Vec::new();
        let mut names = standing.names.iter();
        let is_listed = self.modules.has(None, Some(hash))
            || names.any(|name| self.modules.has(Some(name), None));
        if !is_listed {
            let what = format!("the module {hash} is not allowed, by its hash or by a name");
            found.push(self.broken(Rule::Modules, what));
        }
        let keys = &self.module_signers;
        if !keys.is_empty() && !standing.signers.iter().any(|signer| keys.contains(signer)) {
            let what = match standing.signers.is_empty() {
                true => format!("the module {hash} is not signed"),
                false => format!("the module {hash} is signed by other keys"),
            };
            found.push(self.broken(Rule::ModuleSigners, what));
        }
        if class > self.module_class {
            debug_assert_eq!(class, ModuleClass::Runtime);
            let what = "modules with a language runtime inside are not allowed";
            found.push(self.broken(Rule::ModuleClass, what));
        }
        found
    }

    fn check_quotas(&self, profile: &Profile) -> impl Iterator<Item = Violation> {
        let whole = Span { line: 1, column: 1 };
        let (depth, branches) = (profile.depth, profile.branches);
        let seconds = profile.delay.0.0.div_ceil(1_000);
        let facts = [
            (
                Quota::Activities,
                profile.activities,
                whole,
                "the definition has",
                "activities",
            ),
            (
                Quota::Depth,
                depth.0,
                depth.1,
                "activities nest",
                "levels deep",
            ),
            (
                Quota::Branches,
                branches.0,
                branches.1,
                "the `all` has",
                "branches",
            ),
            (
                Quota::Conditions,
                profile.conditions,
                whole,
                "the definition has",
                "conditions",
            ),
            (
                Quota::Timers,
                profile.timers,
                whole,
                "the definition has",
                "delays",
            ),
            (
                Quota::DelaySeconds,
                seconds,
                profile.delay.1,
                "the delay takes",
                "seconds",
            ),
            (
                Quota::FieldsBytes,
                profile.context_bytes,
                whole,
                "the context has",
                "bytes",
            ),
        ];
        facts
            .into_iter()
            .filter_map(|(quota, found, span, what, unit)| {
                let violation = self.over(quota, found, what, unit)?;
                let what = at(span, &violation.what);
                Some(Violation { what, ..violation })
            })
    }
}

fn at(span: Span, what: &str) -> String {
    format!("{}:{}: {what}", span.line, span.column)
}
