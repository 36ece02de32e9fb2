//! What the branches of an instance began with. Branches that began with equal fields share them in
//! memory and in the store, so they are counted once, however many branches there are.

use crate::{fields::Fields, instance::Fiber};
use std::{cmp::Ordering, collections::BTreeMap};

/// Each of the fields that branches began with, and how many of these branches exist.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bases {
    branches: BTreeMap<Base, u32>,
    bytes: usize,
}

impl Bases {
    /// The bytes of all of them.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Counts what a fiber began with, and has the fiber share it with others that began with the same.
    pub fn enter(&mut self, fiber: &mut Fiber) {
        let Some(branch) = fiber.branch.as_mut().filter(|found| !found.base.is_empty()) else {
            return;
        };
        let base = Base(branch.base.clone());
        if let Some((known, _)) = self.branches.get_key_value(&base) {
            let is_unchanged = branch.base.is_same(&fiber.fields);
            branch.base = known.0.clone();
            if is_unchanged {
                fiber.fields = known.0.clone();
            }
        } else {
            self.bytes = self.bytes.saturating_add(base.0.size());
        }
        *self.branches.entry(base).or_default() += 1;
    }

    /// A fiber has gone.
    pub fn leave(&mut self, fiber: &Fiber) {
        if let Some(branch) = &fiber.branch {
            self.release(&branch.base);
        }
    }

    /// A fiber that began with `before` may have begun with something else since.
    pub fn follow(&mut self, before: Option<Fields>, fiber: &mut Fiber) {
        let now = fiber.branch.as_ref().map(|branch| &branch.base);
        let is_same = match (&before, now) {
            (None, None) => true,
            (Some(before), Some(now)) => before.is_same(now),
            (Some(_), None) | (None, Some(_)) => false,
        };
        if is_same {
            return;
        }
        self.enter(fiber);
        if let Some(before) = before {
            self.release(&before);
        }
    }

    fn release(&mut self, base: &Fields) {
        let base = Base(base.clone());
        let Some(branches) = self.branches.get_mut(&base) else {
            return;
        };
        *branches -= 1;
        if *branches == 0 {
            self.bytes = self.bytes.saturating_sub(base.0.size());
            self.branches.remove(&base);
        }
    }
}

/// Fields in an order. What is the same in memory is not compared.
#[derive(Debug, Clone)]
struct Base(Fields);

impl Ord for Base {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.0.is_same(&other.0) {
            return Ordering::Equal;
        }
        let sizes = |base: &Self| (base.0.size(), base.0.len());
        let by_size = sizes(self).cmp(&sizes(other));
        let entries = self.0.iter().zip(other.0.iter());
        let mut orders = entries.map(|((name, value), (other_name, other_value))| {
            let by_name = name.cmp(other_name);
            by_name.then_with(|| texts(value.as_str(), other_value.as_str()))
        });
        by_size.then_with(|| {
            orders
                .find(|order| order.is_ne())
                .unwrap_or(Ordering::Equal)
        })
    }
}

fn texts(one: &str, other: &str) -> Ordering {
    match std::ptr::eq(one, other) {
        true => Ordering::Equal,
        false => one.cmp(other),
    }
}

impl PartialOrd for Base {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Base {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Base {}
