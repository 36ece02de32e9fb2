//! Which place sets a setting: a flag, else a variable, else the INI file, else the default; an
//! empty value counts as none in each of them.

use super::{
    AMQP_FLAG_VARIABLE, Draft, Flags, IniFile, near,
    row::{Preset, Row, Unit},
    table, value,
};
use serde_json::Value;
use std::{
    ffi::{OsStr, OsString},
    fmt,
    path::{Path, PathBuf},
};

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Flag(&'static str),
    Variable(&'static str),
    File { path: PathBuf, line: usize },
    Default,
}

impl Origin {
    /// The kind of place, for programs.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Flag(_) => "flag",
            Self::Variable(_) => "variable",
            Self::File { .. } => "file",
            Self::Default => "default",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(long) => write!(f, "--{long}"),
            Self::Variable(name) => f.write_str(name),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A setting that can't have the value that it was given.
#[derive(Debug, thiserror::Error)]
#[error("{}{}: {reason}", .origin, .key.map(|key| format!(": {key}")).unwrap_or_default())]
pub struct Unfit {
    pub origin: Origin,
    /// The key in the file.
    key: Option<&'static str>,
    reason: String,
}

impl Unfit {
    /// An error of a key in a section.
    pub const fn of_key(key: &'static str, origin: Origin, reason: String) -> Self {
        let key = Some(key);
        Self {
            origin,
            key,
            reason,
        }
    }
}

/// Everything that is wrong with the settings, told at once, in the order of the file.
#[derive(Debug, Default, thiserror::Error)]
#[error("{}", words(.unfit, .remarks))]
pub struct Mistakes {
    unfit: Vec<Unfit>,
    /// What in the file has no effect: a slip there may be the cause of the mistakes.
    remarks: Vec<String>,
}

impl Mistakes {
    pub fn is_empty(&self) -> bool {
        self.unfit.is_empty()
    }

    pub fn add(&mut self, unfit: impl IntoIterator<Item = Unfit>) {
        self.unfit.extend(unfit);
        self.unfit.sort_by_key(|unfit| match unfit.origin {
            Origin::File { line, .. } => line,
            Origin::Flag(_) | Origin::Variable(_) | Origin::Default => 0,
        });
    }

    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.add(other.unfit);
        self
    }

    #[must_use]
    pub fn with(mut self, remarks: Vec<String>) -> Self {
        self.remarks = remarks;
        self
    }
}

impl From<Unfit> for Mistakes {
    fn from(unfit: Unfit) -> Self {
        let mut mistakes = Self::default();
        mistakes.add([unfit]);
        mistakes
    }
}

fn words(unfit: &[Unfit], remarks: &[String]) -> String {
    let unfit = unfit.iter().map(ToString::to_string);
    let all: Vec<String> = unfit.chain(remarks.iter().cloned()).collect();
    all.join("; ")
}

/// A setting, with what is in force.
#[derive(Debug, Clone)]
pub struct Resolved {
    pub name: String,
    pub value: Value,
    /// The unit of a number that has one.
    pub unit: Option<Unit>,
    pub origin: Origin,
}

/// The environment, or what a test has in its place.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// The variables of this process.
pub fn environment(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// Reads every setting, and says where each came from.
///
/// # Errors
/// With every value that is not of its kind.
pub fn all(
    flags: &Flags,
    environment: Environment<'_>,
    ini: &IniFile,
) -> Result<(Draft, Vec<Resolved>), Mistakes> {
    let mut draft = Draft::default();
    let mut resolved = Vec::new();
    let mut wrong = Mistakes::default();
    for row in table::rows() {
        let (value, origin) = match given(row, flags, environment, ini) {
            Some((value, origin)) => match put(row, &value, origin.clone(), &mut draft) {
                Ok(value) => (value, origin),
                Err(unfit) => {
                    wrong.add([unfit]);
                    continue;
                }
            },
            None => match row.preset {
                Preset::Value(preset) => {
                    let value = put(row, OsStr::new(preset), Origin::Default, &mut draft)?;
                    (value, Origin::Default)
                }
                Preset::Absent(_) => (Value::Null, Origin::Default),
            },
        };
        resolved.push(Resolved {
            name: row.name.to_owned(),
            value,
            unit: row.kind.unit(),
            origin,
        });
    }
    match wrong.is_empty() {
        true => Ok((draft, resolved)),
        false => Err(wrong),
    }
}

/// One setting alone, for what must be known before the others.
///
/// # Errors
/// When its value is not of its kind.
pub fn path(
    row: &'static Row,
    flags: &Flags,
    environment: Environment<'_>,
) -> Result<Option<PathBuf>, Unfit> {
    let found = given(row, flags, environment, &IniFile::default());
    let absolute = |(value, origin): (OsString, Origin)| {
        let path = value::absolute(Path::new(&value));
        path.map_err(|reason| unfit(row, origin, reason))
    };
    found.map(absolute).transpose()
}

fn given(
    row: &'static Row,
    flags: &Flags,
    environment: Environment<'_>,
    ini: &IniFile,
) -> Option<(OsString, Origin)> {
    if let (Some(value), Some(long)) = (flags.get(row), row.long()) {
        return Some((value.to_owned(), Origin::Flag(long)));
    }
    let variable = row.variable().and_then(|name| {
        let value = environment(name).filter(|value| !value.is_empty())?;
        Some((value, Origin::Variable(name)))
    });
    if variable.is_some() {
        return variable;
    }
    let key = row.key?;
    let found = ini.get(key.section, key.name)?;
    let path = ini.path().to_owned();
    let line = found.line;
    Some((found.text.into(), Origin::File { path, line }))
}

fn put(row: &Row, value: &OsStr, origin: Origin, draft: &mut Draft) -> Result<Value, Unfit> {
    value::put(row, value, draft).map_err(|reason| unfit(row, origin, reason))
}

/// An error of this setting.
pub fn unfit(row: &Row, origin: Origin, reason: String) -> Unfit {
    let is_file = matches!(origin, Origin::File { .. });
    Unfit {
        key: row.key.filter(|_| is_file).map(|key| key.name),
        origin,
        reason,
    }
}

/// Variables that look like ours and are not: one sentence per variable.
pub fn remarks(names: impl Iterator<Item = OsString>) -> Vec<String> {
    let known: Vec<&str> = table::rows().filter_map(Row::variable).collect();
    let stems: Vec<&str> = known.iter().filter_map(|name| stem(name)).collect();
    let mut remarks: Vec<String> = names
        .filter_map(|name| name.into_string().ok())
        .filter(|name| name != AMQP_FLAG_VARIABLE && !known.contains(&name.as_str()))
        .filter_map(|name| {
            let meant = meant(&name, &stems)?;
            Some(format!(
                "the variable {name} has no effect; did you mean {PREFIX}_{meant}?"
            ))
        })
        .collect();
    remarks.sort();
    remarks
}

/// What the names of our variables begin with.
const PREFIX: &str = "BUREAUCRAT";

fn stem(name: &str) -> Option<&str> {
    Some(name.split_once('_')?.1)
}

/// The rest of the name that was meant. Other programs have variables that begin as ours do, such as
/// the scripts of this project: they are not near to any.
fn meant<'a>(name: &str, stems: &[&'a str]) -> Option<&'a str> {
    let (prefix, rest) = name.split_once('_')?;
    if prefix.eq_ignore_ascii_case(PREFIX) {
        return near::nearest(rest, stems.iter().copied());
    }
    // A slip in the first word: then the rest must be one of ours.
    let prefix = near::nearest(prefix, [PREFIX]).is_some();
    let mut stems = stems.iter().copied();
    stems.find(|stem| prefix && stem.eq_ignore_ascii_case(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_variables_are_told_and_those_of_others_are_not() {
        for (name, meant) in [
            ("BUREAUCRAT_AMQP_URL", Some("AMQP")),
            ("bureaucrat_storage", Some("STORAGE")),
            ("Bureaucrat_Prefetch", Some("PREFETCH")),
            ("BUREAUCRAT_launch_queue", Some("LAUNCH_QUEUE")),
            ("BUREACRAT_LOG", Some("LOG")),
            ("BUREAUCRATS_STORAGE", Some("STORAGE")),
            ("BUREAUCRAT_STORAGE", None),
            ("BUREAUCRAT_CACHE", None),
            ("BUREAUCRAT_FLAG_AMQP", None),
            ("CARGO_LOG", None),
            ("BUREAUCRACY_OF_OTHERS", None),
            ("HOME", None),
        ] {
            let said = remarks(std::iter::once(OsString::from(name)));
            let expected = meant.map(|meant| {
                format!("the variable {name} has no effect; did you mean BUREAUCRAT_{meant}?")
            });
            assert_eq!(said, expected.into_iter().collect::<Vec<_>>(), "{name}");
        }
    }
}
