//! Which activity of the new version is which of the old one: the one with the same `id`; without one, the one at the same
//! path below the nearest element around it that has an `id`.

use super::{
    activity,
    structure::{self, kind, scope_like, steps},
};
use crate::surroundings::around;
use bureaucrat_model::{
    ActivityPath, Fiber, FiberState, Misfit, Op, OpIndex, Phase, Program, Scope, Wait, WaitKind,
};
use std::collections::BTreeMap;

/// Where a part will be.
pub(crate) struct Placed {
    pub from: ActivityPath,
    pub to: ActivityPath,
    pub at: OpIndex,
    /// For each of its scopes, what entered it and where its compensation begins.
    pub scopes: Vec<(OpIndex, Option<OpIndex>)>,
    pub answered: Option<OpIndex>,
    /// Of a compensation that waits, what entered the scope that it undoes.
    pub undoes: Option<OpIndex>,
    /// Whether it computes again what it needs.
    pub begins_again: bool,
}

pub(super) struct Mapping<'a> {
    old: &'a Program,
    new: &'a Program,
    /// The activities with an `id`.
    old_ids: BTreeMap<&'a ActivityPath, &'a str>,
    new_ids: BTreeMap<&'a str, &'a ActivityPath>,
    /// What is around the parts that have a place, and which it is of the old version.
    around: BTreeMap<ActivityPath, ActivityPath>,
    taken: BTreeMap<ActivityPath, ActivityPath>,
}

fn ids(program: &Program) -> impl Iterator<Item = (&ActivityPath, &str)> {
    let sites = program.sites.iter();
    sites.filter_map(|site| {
        let id = site.label.as_ref()?.id.as_deref()?;
        Some((&site.path, id))
    })
}

impl<'a> Mapping<'a> {
    pub fn new(old: &'a Program, new: &'a Program) -> Self {
        Self {
            old,
            new,
            old_ids: ids(old).collect(),
            new_ids: ids(new).map(|(path, id)| (id, path)).collect(),
            around: BTreeMap::new(),
            taken: BTreeMap::new(),
        }
    }

    /// The activity of the new version that this one is.
    fn target(&self, from: &ActivityPath) -> Result<ActivityPath, Misfit> {
        if let Some(to) = self.with_id_of(from) {
            return Ok(to.clone());
        }
        if let Some(to) = self.around.get(from) {
            return Ok(to.clone());
        }
        let outer = (0..from.0.len()).rev().find_map(|length| {
            let (outer, rest) = from.0.split_at_checked(length)?;
            let to = self.with_id_of(&ActivityPath(outer.to_vec()))?;
            Some(ActivityPath([&to.0, rest].concat()))
        });
        let to = outer.unwrap_or_else(|| from.clone());
        // One that has another id, or was at another place before, is another activity.
        let mut news = self.new_ids.iter().filter(|(_, path)| ***path == to);
        let is_another = news.any(|(id, _)| {
            self.old_ids.contains_key(from) || self.old_ids.values().any(|known| known == id)
        });
        match is_another {
            true => Err(Misfit::Gone { to }),
            false => Ok(to),
        }
    }

    fn with_id_of(&self, path: &ActivityPath) -> Option<&'a ActivityPath> {
        let id = self.old_ids.get(path)?;
        self.new_ids.get(id).copied()
    }

    /// Where a fiber will be.
    pub fn place(&mut self, fiber: &Fiber) -> Result<Placed, Misfit> {
        let wait = waits(fiber)?;
        if let WaitKind::Compensation { scope } = &wait.kind {
            return self.place_compensation(fiber, *scope);
        }
        let from = activity(self.old, fiber.at);
        let to = self.target(&from)?;
        let (before, after) = (steps(self.old, &from), steps(self.new, &to));
        if after.is_empty() {
            return Err(Misfit::Gone { to });
        }
        let step = before.iter().position(|(at, _)| *at >= fiber.at);
        let step = step.unwrap_or(before.len());
        let kinds = |steps: &[(OpIndex, &Op)]| {
            let steps = steps.get(..=step)?;
            Some(steps.iter().map(|(_, op)| kind(op)).collect::<Vec<_>>())
        };
        let (Some(_), Some((at, now))) = (
            kinds(&before).filter(|before| kinds(&after).as_ref() == Some(before)),
            after.get(step),
        ) else {
            return Err(Misfit::OtherKind { to });
        };
        if let Some((_, then)) = before.get(step) {
            fits(then, now, &to)?;
        }
        let pairs = self.pairs(&from, &to)?;
        let begins_again = matches!(
            wait.kind,
            WaitKind::Operator { .. } | WaitKind::Condition { .. }
        );
        Ok(Placed {
            scopes: self.scopes(fiber, &pairs, &to)?,
            answered: self.answered(fiber),
            at: match begins_again {
                true => self.beginning(*at),
                false => *at,
            },
            from,
            to,
            undoes: None,
            begins_again,
        })
    }

    /// A compensation that waits begins where the new version undoes the scope.
    fn place_compensation(&mut self, fiber: &Fiber, scope: OpIndex) -> Result<Placed, Misfit> {
        let from = activity(self.old, scope);
        let to = self.target(&from)?;
        let pairs = self.pairs(&from, &to)?;
        let entered = scope_like((self.old, scope, &from), (self.new, &to));
        let undone = entered.and_then(|entered| compensation(self.new, entered));
        let (Some(entered), Some(at)) = (entered, undone) else {
            return Err(Misfit::NotUndone { scope: from });
        };
        Ok(Placed {
            scopes: self.scopes(fiber, &pairs, &to)?,
            answered: self.answered(fiber),
            at,
            from: activity(self.old, fiber.at),
            to: activity(self.new, at),
            undoes: Some(entered),
            begins_again: false,
        })
    }

    /// What is around the activity, with what that is in the new version; the activity itself comes last.
    fn pairs(
        &mut self,
        from: &ActivityPath,
        to: &ActivityPath,
    ) -> Result<Vec<(ActivityPath, ActivityPath)>, Misfit> {
        let (olds, news) = (around(self.old, from), around(self.new, to));
        let elsewhere = || Misfit::OtherScopes { to: to.clone() };
        if olds.len() != news.len() {
            return Err(elsewhere());
        }
        let mut pairs: Vec<_> = olds.into_iter().zip(news).collect();
        pairs.push((from.clone(), to.clone()));
        for (old, new) in &pairs {
            if structure::of(self.old, old) != structure::of(self.new, new) {
                return Err(Misfit::OtherStructure {
                    around: old.clone(),
                });
            }
            let known = self.around.get(old).unwrap_or(new);
            let taken = self.taken.get(new).unwrap_or(old);
            let by_id = self.with_id_of(old).unwrap_or(new);
            if (known, taken, by_id) != (new, old, new) {
                return Err(elsewhere());
            }
        }
        for (old, new) in &pairs {
            self.around.insert(old.clone(), new.clone());
            self.taken.insert(new.clone(), old.clone());
        }
        Ok(pairs)
    }

    fn scopes(
        &self,
        fiber: &Fiber,
        pairs: &[(ActivityPath, ActivityPath)],
        to: &ActivityPath,
    ) -> Result<Vec<(OpIndex, Option<OpIndex>)>, Misfit> {
        let scopes = fiber.scopes.iter().map(|scope| {
            let path = activity(self.old, scope.entered);
            let pair = pairs.iter().find(|(old, _)| *old == path);
            let entered = pair
                .and_then(|(old, new)| scope_like((self.old, scope.entered, old), (self.new, new)));
            let entered = entered.ok_or_else(|| Misfit::OtherScopes { to: to.clone() })?;
            Ok((entered, self.undoing(scope, entered)))
        });
        scopes.collect()
    }

    /// Where the compensation of a scope begins that has not completed. One that may not be kept any more stays so.
    fn undoing(&self, scope: &Scope, entered: OpIndex) -> Option<OpIndex> {
        let may_complete = match compensation(self.old, scope.entered) {
            Some(_) => scope.compensation.is_some(),
            None => scope.phase == Phase::Body,
        };
        compensation(self.new, entered).filter(|_| may_complete)
    }

    fn answered(&self, fiber: &Fiber) -> Option<OpIndex> {
        let path = activity(self.old, fiber.answered?);
        let to = self.target(&path).ok()?;
        let mut own = structure::own(self.new, &to);
        own.find_map(|(at, op)| matches!(op, Op::Action { .. }).then_some(at))
    }

    /// The first of the instructions that compute something for this one.
    fn beginning(&self, at: OpIndex) -> OpIndex {
        let path = activity(self.new, at);
        let mut at = at;
        while let Some(before) = at.0.checked_sub(1).map(OpIndex)
            && let Some((op, site)) = self.new.op(before)
            && structure::computes(op)
            && site.path == path
        {
            at = before;
        }
        at
    }

    /// Whether a part is inside what forked it, which will be at `fork`.
    pub fn is_below(&self, forked: &ActivityPath, fork: &Placed, part: &Placed) -> bool {
        let known = self.around.get(forked);
        known.is_none_or(|known| *known == fork.to) && part.to.0.starts_with(&fork.to.0)
    }
}

/// What the fiber waits for, if it can be waited for elsewhere.
fn waits(fiber: &Fiber) -> Result<&Wait, Misfit> {
    let FiberState::Waiting(wait) = &fiber.state else {
        return Err(Misfit::OnItsWay);
    };
    let is_deciding = fiber.scopes.iter().any(|scope| scope.decision.is_some());
    let is_on_its_way = match &wait.kind {
        WaitKind::Stopping { .. } | WaitKind::Fault { .. } | WaitKind::Admission => true,
        WaitKind::Event { check, .. } | WaitKind::Listening { check, .. } => check.is_some(),
        WaitKind::Answer { .. }
        | WaitKind::Timer { .. }
        | WaitKind::Child { .. }
        | WaitKind::Branches { .. }
        | WaitKind::Condition { .. }
        | WaitKind::Compensation { .. }
        | WaitKind::Operator { .. } => false,
    };
    match is_on_its_way || is_deciding {
        true => Err(Misfit::OnItsWay),
        false => Ok(wait),
    }
}

/// Whether what waits at one instruction can wait at another one of the same kind.
fn fits(then: &Op, now: &Op, to: &ActivityPath) -> Result<(), Misfit> {
    match (then, now) {
        (
            Op::Await {
                alternatives: then, ..
            },
            Op::Await {
                alternatives: now, ..
            },
        ) if then.len() != now.len() => Err(Misfit::OtherEvents {
            to: to.clone(),
            now: then.len(),
            then: now.len(),
        }),
        (Op::Call { bond: then, .. }, Op::Call { bond: now, .. }) if then != now => {
            Err(Misfit::OtherKind { to: to.clone() })
        }
        (_, _) => Ok(()),
    }
}

fn compensation(program: &Program, entered: OpIndex) -> Option<OpIndex> {
    match program.op(entered) {
        Some((Op::EnterScope { compensation, .. }, _)) => *compensation,
        Some(_) | None => None,
    }
}
