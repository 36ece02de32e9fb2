//! The limits by name, so that a file can set them: each with its unit, its minimum and its
//! maximum.

use crate::limits::SandboxLimits;
use std::time::Duration;

/// A limit in [`SandboxLimits`] that can be set by name.
#[derive(Clone, Copy)]
pub struct Setting {
    /// The name of the field, which contains the unit unless it is a count.
    pub name: &'static str,
    /// What it limits, and in which unit.
    pub meaning: &'static str,
    /// The minimum.
    pub least: u64,
    /// The maximum.
    pub most: u64,
    get: fn(&SandboxLimits) -> u64,
    set: fn(&mut SandboxLimits, u64),
}

/// An invalid value for a limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// No limit has this name.
    #[error("there is no limit `{0}`")]
    Unknown(String),
    /// The value is not a whole number.
    #[error("`{0}` is not a whole number")]
    NoNumber(String),
    /// The value is too low or too high.
    #[error("{value} is not between {least} and {most}")]
    OutOfRange { value: u64, least: u64, most: u64 },
}

macro_rules! settings {
    ($($name:ident: $kind:ty, $least:expr, $most:expr, $meaning:literal;)*) => {
        &[$(Setting {
            name: stringify!($name),
            meaning: $meaning,
            least: $least,
            most: $most,
            get: |limits| u64::try_from(limits.$name).unwrap_or(u64::MAX),
            set: |limits, value| limits.$name = <$kind>::try_from(value).unwrap_or(<$kind>::MAX),
        },)*]
    };
}

/// More than any pool could reserve addresses for.
const MEMORY_MOST: u64 = 4 << 30;

/// Everything but the deadline, which is not a number in [`SandboxLimits`], and `loaded_bytes`, which is a share of the
/// engine's memory.
const NUMBERS: &[Setting] = settings! {
    fuel: u64, 1_000, u64::MAX / 2, "fuel of one evaluation, about one unit an instruction";
    memory_bytes: usize, 256 << 10, MEMORY_MOST, "bytes of a small guest's linear memory";
    runtime_memory_bytes: usize, 64 << 10, MEMORY_MOST, "bytes of the linear memory of a guest with a language runtime inside";
    table_elements: usize, 1, 10_000_000, "elements of a small guest's table";
    runtime_table_elements: usize, 1, 10_000_000, "elements of a table of a guest with a language runtime inside";
    instances: u32, 4, 100, "core instances of a small guest";
    runtime_instances: u32, 1, 1_000, "core instances of a guest with a language runtime inside";
    stack_bytes: usize, 16 << 10, 1 << 20, "bytes of a guest's stack";
    host_calls: u64, 1, u64::MAX, "calls of `fields` and `log` in one evaluation";
    pointer_bytes: usize, 1, 1 << 20, "bytes of a pointer passed to `fields`";
    host_bytes_returned: usize, 1, 1 << 30, "bytes that `fields` returns to one evaluation";
    keys: usize, 1, 10_000_000, "keys that `fields` lists at once";
    error_text_bytes: usize, 1, 1 << 20, "bytes of a guest's error text";
    result_bytes: usize, 1, 1 << 30, "bytes of a value that a guest returns";
    module_bytes: usize, 1, 256 << 20, "bytes of an uploaded module";
    functions: u32, 1, 10_000_000, "functions of a module";
    function_body_bytes: usize, 1, 1 << 30, "bytes of one function's body";
    locals: u32, 1, 50_000, "locals of one function";
    nesting: u32, 1, 100_000, "blocks within one another";
    br_table: u32, 1, 10_000_000, "targets of one br_table";
    types: u32, 1, 10_000_000, "types of a module";
    items: u32, 1, 100_000_000, "imports, exports, globals, segments and other items of a module";
    component_depth: u32, 1, 100, "components and modules within one another";
    compile_seconds: u32, 1, 3_600, "CPU seconds of compiling one module, in the child process";
    compile_memory_bytes: u64, 64 << 20, 1 << 40, "bytes of memory of compiling one module, in the child process";
    code_bytes: usize, 1 << 10, 4 << 30, "bytes of one module's machine code";
    loaded_guests: usize, 1, 1_000_000, "guests kept ready in memory";
    cache_bytes: u64, 1 << 20, 1 << 50, "bytes of machine code kept on disk";
};

const DEADLINE: Setting = Setting {
    name: "deadline_ms",
    meaning: "milliseconds after which an evaluation is given up without an outcome",
    least: 10,
    most: 3_600_000,
    get: |limits| u64::try_from(limits.deadline.as_millis()).unwrap_or(u64::MAX),
    set: |limits, value| limits.deadline = Duration::from_millis(value),
};

impl Setting {
    /// Every limit that can be set, in the order of the documentation.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        let (first, rest) = NUMBERS.split_at(1);
        first.iter().chain([&DEADLINE]).chain(rest)
    }

    /// The limit with this name.
    ///
    /// # Errors
    /// If there is none.
    pub fn named(name: &str) -> Result<&'static Self, SettingError> {
        Self::all()
            .find(|setting| setting.name == name)
            .ok_or_else(|| SettingError::Unknown(name.to_owned()))
    }

    pub fn get(&self, limits: &SandboxLimits) -> u64 {
        (self.get)(limits)
    }

    /// Sets the limit from a text: a whole number, which may contain `_` between digits.
    ///
    /// # Errors
    /// If the text is not a number, or out of range.
    pub fn set(&self, limits: &mut SandboxLimits, text: &str) -> Result<(), SettingError> {
        let value: u64 = text
            .replace('_', "")
            .parse()
            .map_err(|_| SettingError::NoNumber(text.to_owned()))?;
        if !(self.least..=self.most).contains(&value) {
            return Err(SettingError::OutOfRange {
                value,
                least: self.least,
                most: self.most,
            });
        }
        (self.set)(limits, value);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn each_bound_is_set_by_its_name_and_no_other() {
        let defaults = SandboxLimits::default();
        for setting in Setting::all() {
            let before = setting.get(&defaults);
            assert!(
                (setting.least..=setting.most).contains(&before),
                "{}: {before}",
                setting.name
            );
            let mut limits = defaults;
            let named = Setting::named(setting.name).unwrap();
            named.set(&mut limits, &setting.least.to_string()).unwrap();
            for other in Setting::all() {
                let expected = if other.name == setting.name {
                    setting.least
                } else {
                    other.get(&defaults)
                };
                assert_eq!(
                    other.get(&limits),
                    expected,
                    "{} {}",
                    setting.name,
                    other.name
                );
            }
        }
    }

    #[test]
    fn the_documentation_has_every_bound_with_its_default() {
        let text = include_str!("../../../docs/limits.md");
        for setting in Setting::all() {
            let default = setting.get(&SandboxLimits::default());
            let row = format!("| `{}` | {default} | {}", setting.name, setting.meaning);
            assert!(text.contains(&row), "docs/limits.md lacks {row}");
        }
    }

    #[test]
    fn what_a_bound_can_not_be_is_refused() {
        let mut limits = SandboxLimits::default();
        let fuel = Setting::named("fuel").unwrap();
        fuel.set(&mut limits, "1_000_000").unwrap();
        assert_eq!(limits.fuel, 1_000_000);
        assert_eq!(
            fuel.set(&mut limits, "5").unwrap_err().to_string(),
            format!("5 is not between 1000 and {}", u64::MAX / 2)
        );
        for text in ["", "-1", "1.5", "many"] {
            assert_eq!(
                fuel.set(&mut limits, text),
                Err(SettingError::NoNumber(text.to_owned()))
            );
        }
        assert!(Setting::named("feul").is_err());
    }
}
