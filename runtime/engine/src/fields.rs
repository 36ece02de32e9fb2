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
            change(&mut joined);
            self.check_size(joined.size())?;
            let parted = self.instance.fibers.part(fiber, &joined);
            return parted.ok_or_else(|| Trouble::program("a fiber is missing"));
        }
        if found.size().saturating_add(growth) > self.environment.limits.fields_bytes {
            let mut changed = found.clone();
            change(&mut changed);
            self.check_size(changed.size())?;
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

    /// Fails if the fields of all fibers exceed their limit. A single fiber is always within it,
    /// because its own limit is smaller.
    pub(crate) fn check_held(&self) -> Result<(), Trouble> {
        if self.instance.fibers.len() < 2 {
            return Ok(());
        }
        ops::fork::check_held(self, self.instance.fibers.held_bytes())
    }
}
