//! Changes of a fiber's fields, which stay within their limits.

use crate::{
    machine::{Machine, Trouble},
    ops,
};
use bureaucrat_model::{FaultCode, Fiber, FiberId, FieldPath, FieldPathError, Fields, JsonText};

impl Machine<'_> {
    /// Changes the fiber's fields, which grow by at most `growth` bytes, if they stay within the
    /// limit. Otherwise it keeps the old ones, for a handler.
    pub fn change_fields(
        &mut self,
        fiber: FiberId,
        growth: usize,
        change: impl FnOnce(&mut Fiber),
    ) -> Result<(), Trouble> {
        let found = self.fiber(fiber)?;
        if found.shares_in_place() {
            let fibers = &mut self.instance.fibers;
            let joined = fibers.joined(fiber);
            let mut joined = joined.ok_or_else(|| Trouble::program("a fiber is missing"))?;
            let before = joined.size();
            change(&mut joined);
            self.check_size(joined.size())?;
            self.check_growth(joined.size().saturating_sub(before))?;
            let parted = self.instance.fibers.part(fiber, &joined);
            return parted.ok_or_else(|| Trouble::program("a fiber is missing"));
        }
        let copied = match found.shares_base() {
            true => found.fields.size(),
            false => 0,
        };
        let may_be_too_large =
            found.size().saturating_add(growth) > self.environment.limits.fields_bytes;
        if may_be_too_large || self.check_growth(growth.saturating_add(copied)).is_err() {
            let mut changed = found.clone();
            change(&mut changed);
            self.check_size(changed.size())?;
            let held = (found.held_bytes(), changed.held_bytes());
            self.check_growth(held.1.saturating_sub(held.0))?;
            self.instance.fibers.insert(fiber, changed);
            return Ok(());
        }
        self.change(fiber, change)
    }

    /// Sets all of these fields.
    pub fn update_fields(&mut self, fiber: FiberId, update: &Fields) -> Result<(), Trouble> {
        self.change_fields(fiber, update.size(), |fiber| fiber.update(update))
    }

    /// Puts a value at a place of the fiber's fields.
    pub fn put(
        &mut self,
        fiber: FiberId,
        target: &FieldPath,
        value: JsonText,
    ) -> Result<(), Trouble> {
        let name = target.name();
        let mut old = Fields::new();
        let found = self.fiber(fiber)?;
        let before = match found.shares_in_place() {
            true => self.fields(fiber)?.get(&name).cloned(),
            false => found.field(&name).cloned(),
        };
        if let Some(before) = before {
            old.set(&name, before);
        }
        let whole = target.put(&old, value).map_err(|error| {
            let code = match error {
                FieldPathError::Index { .. } => "IndexError",
                FieldPathError::Kind { .. } => "TypeError",
            };
            Trouble::new(code, error.to_string())
        })?;
        let growth = name.len() + whole.as_str().len() + 6;
        self.change_fields(fiber, growth, |fiber| fiber.set(&name, whole))
    }

    /// Fails if the fiber's fields exceed the limit.
    pub fn check_fields(&self, fiber: FiberId) -> Result<(), Trouble> {
        self.check_size(self.fiber(fiber)?.size())
    }

    /// Fails if so many bytes of fields exceed the limit.
    pub fn check_size(&self, size: usize) -> Result<(), Trouble> {
        let limit = self.environment.limits.fields_bytes;
        if size > limit {
            return Err(Trouble::new(
                FaultCode::LIMIT_EXCEEDED,
                format!("the fields take {size} bytes; at most {limit} are allowed"),
            ));
        }
        Ok(())
    }

    /// Fails if what the process holds exceeds the limit.
    pub(crate) fn check_held(&self) -> Result<(), Trouble> {
        self.check_growth(0)
    }

    /// Fails if what the process holds would exceed the limit with so many bytes more. A single
    /// fiber has a limit of its own.
    pub(crate) fn check_growth(&self, growth: usize) -> Result<(), Trouble> {
        match self.instance.fibers.len() < 2 {
            true => Ok(()),
            false => self.check_total(growth),
        }
    }

    /// As [`Self::check_growth`], for what adds fibers.
    pub(crate) fn check_total(&self, growth: usize) -> Result<(), Trouble> {
        let held = self.instance.fibers.held_bytes().saturating_add(growth);
        let limit = self.environment.limits.instance_bytes;
        if held <= limit {
            return Ok(());
        }
        Err(ops::fork::exceeded(format!(
            "the branches of the process would hold {held} bytes, with their tasks; at most \
             {limit} are allowed"
        )))
    }
}
