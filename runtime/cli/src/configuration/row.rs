//! What a setting is: its name, what it may be, what it means, and where it can be set.
//!
//! The rows themselves are in [`super::table`]. Everything that lists settings is made from them:
//! flags and their help, variables, keys of the INI file, `config`, and docs/settings.md. Reading
//! values is left to [`super::value`], choosing between places to [`super::resolve`].

use super::{Draft, size::size};
use bureaucrat_connect::Secret;
use std::{collections::HashMap, path::PathBuf, sync::LazyLock, time::Duration};

/// The headings of the help and of docs/settings.md, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    Broker,
    Storage,
    Queues,
    Limits,
    Http,
    Logging,
}

impl Group {
    pub const ALL: [Self; 6] = [
        Self::Broker,
        Self::Storage,
        Self::Queues,
        Self::Limits,
        Self::Http,
        Self::Logging,
    ];

    pub const fn title(self) -> &'static str {
        match self {
            Self::Broker => "Broker",
            Self::Storage => "Storage",
            Self::Queues => "Queues and tasks",
            Self::Limits => "Limits",
            Self::Http => "HTTP",
            Self::Logging => "Logging",
        }
    }
}

/// Where a value goes once it is read.
type At<T> = fn(&mut Draft) -> &mut T;

/// What a value may be, and where it goes: a row can't put a path where a number belongs.
#[derive(Clone, Copy)]
pub enum Kind {
    Text(&'static str, At<String>),
    /// `~` and `~/` are the user's home; the value is made absolute.
    Path(&'static str, At<Option<PathBuf>>),
    /// One of these words.
    Choice(&'static [&'static str], fn(&mut Draft, &str)),
    /// A whole number from the first to the second.
    Count(u16, u16, At<u16>),
    /// A size in bytes, from the first to the second.
    Bytes(u64, u64, At<Option<u64>>),
    /// A span of time, in seconds from the first to the second.
    Span(u64, u64, At<Duration>),
    /// Addresses of brokers, shown without passwords.
    Addresses(At<Option<Secret>>),
    /// The address of a database, shown without its password.
    Database(At<Option<Secret>>),
    /// Never shown.
    Secret(At<Option<Secret>>),
}

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Seconds,
    Bytes,
}

impl Unit {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::Bytes => "B",
        }
    }
}

/// What holds when nothing sets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// This value, read like any other.
    Value(&'static str),
    /// No value; the words say what follows from that.
    Absent(&'static str),
}

/// Whether there is a flag, and which commands take it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flag {
    None,
    /// The engine takes it, and `config`, before the command's name.
    Engine,
    /// Every command takes it.
    Everywhere,
}

/// A key of the INI file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    pub section: &'static str,
    pub name: &'static str,
}

/// A setting. Its flag is its name with dashes, its variable its name after `BUREAUCRAT_`.
pub struct Row {
    pub name: &'static str,
    pub group: Group,
    pub kind: Kind,
    pub preset: Preset,
    pub meaning: &'static str,
    pub flag: Flag,
    pub short: Option<char>,
    pub key: Option<Key>,
    has_variable: HasVariable,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum HasVariable {
    Yes,
    No,
}

/// The section of most keys.
pub const OWN_SECTION: &str = "bureaucrat";
/// The section of the broker's address, as the original of 2015 had it.
pub const AMQP_SECTION: &str = "amqp";

impl Row {
    /// A setting that every command takes as a flag, with a variable, and a key of the same name.
    pub const fn new(
        name: &'static str,
        group: Group,
        kind: Kind,
        preset: Preset,
        meaning: &'static str,
    ) -> Self {
        let section = OWN_SECTION;
        Self {
            name,
            group,
            kind,
            preset,
            meaning,
            flag: Flag::Everywhere,
            short: None,
            key: Some(Key { section, name }),
            has_variable: HasVariable::Yes,
        }
    }

    pub const fn of_engine(mut self) -> Self {
        self.flag = Flag::Engine;
        self
    }

    pub const fn short(mut self, letter: char) -> Self {
        self.short = Some(letter);
        self
    }

    pub const fn key(mut self, section: &'static str, name: &'static str) -> Self {
        self.key = Some(Key { section, name });
        self
    }

    pub const fn without_key(mut self) -> Self {
        self.key = None;
        self
    }

    pub const fn without_flag(mut self) -> Self {
        self.flag = Flag::None;
        self
    }

    /// Only the INI file can set it.
    pub const fn in_file_alone(mut self) -> Self {
        self.flag = Flag::None;
        self.has_variable = HasVariable::No;
        self
    }

    /// The flag without its dashes, if there is one.
    pub fn long(&self) -> Option<&'static str> {
        (self.flag != Flag::None).then(|| self.spelling().long.as_str())
    }

    /// The environment variable, if there is one.
    pub fn variable(&self) -> Option<&'static str> {
        (self.has_variable == HasVariable::Yes).then(|| self.spelling().variable.as_str())
    }

    fn spelling(&self) -> &'static Spelling {
        static SPELLINGS: LazyLock<HashMap<&'static str, Spelling>> = LazyLock::new(|| {
            let rows = super::table::rows().map(|row| (row.name, Spelling::of(row.name)));
            rows.collect()
        });
        static UNKNOWN: LazyLock<Spelling> = LazyLock::new(|| Spelling::of("unknown"));
        SPELLINGS.get(self.name).unwrap_or(&UNKNOWN)
    }
}

/// A name as flags and variables have it: clap wants texts that live as long as the program.
struct Spelling {
    long: String,
    variable: String,
}

impl Spelling {
    fn of(name: &str) -> Self {
        Self {
            long: name.replace('_', "-"),
            variable: format!("BUREAUCRAT_{}", name.to_ascii_uppercase()),
        }
    }
}

impl Kind {
    /// What the help calls the value.
    pub const fn value_name(self) -> &'static str {
        match self {
            Self::Text(name, _) | Self::Path(name, _) => name,
            Self::Choice(..) => "WORD",
            Self::Count(..) => "COUNT",
            Self::Bytes(..) => "SIZE",
            Self::Span(..) => "TIME",
            Self::Addresses(_) | Self::Database(_) => "URL",
            Self::Secret(_) => "SECRET",
        }
    }

    /// The unit in which `config --json` shows a number.
    pub const fn unit(self) -> Option<Unit> {
        match self {
            Self::Span(..) => Some(Unit::Seconds),
            Self::Bytes(..) => Some(Unit::Bytes),
            Self::Text(..)
            | Self::Path(..)
            | Self::Choice(..)
            | Self::Count(..)
            | Self::Addresses(_)
            | Self::Database(_)
            | Self::Secret(_) => None,
        }
    }

    /// What a value may be, for docs and errors.
    pub fn words(self) -> String {
        match self {
            Self::Text(..) => "text".to_owned(),
            Self::Path(..) => "path".to_owned(),
            Self::Choice(words, _) => format!("`{}`", words.join("`, `")),
            Self::Count(least, most, _) => format!("whole number, {least} to {most}"),
            Self::Bytes(least, most, _) => format!(
                "size, `{}` to `{}`: `1073741824` (bytes), `512MiB`, `1.5GiB`",
                size(least),
                size(most)
            ),
            Self::Span(..) => "time: `90` (seconds), `15m`, `24h`, `7d`".to_owned(),
            Self::Addresses(_) => "one address, or several after commas".to_owned(),
            Self::Database(_) => "address of a database".to_owned(),
            Self::Secret(_) => "secret text".to_owned(),
        }
    }
}
