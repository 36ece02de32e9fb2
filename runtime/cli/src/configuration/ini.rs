//! The INI file, as Python's ConfigParser reads it: what it says, where, and what of it is not
//! understood.

use super::{
    lines::Lines,
    near,
    row::{AMQP_SECTION, OWN_SECTION},
    table,
};
use anyhow::anyhow;
use bureaucrat_sandbox::Setting;
use configparser::ini::Ini;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// The largest INI file, in bytes.
const FILE_BYTES_MAX: usize = 1 << 20;

/// Rounds of replacing `%(name)s` in values, as many as in Python.
const INTERPOLATIONS_MAX: usize = 10;

/// The section of limits; its keys are those of the sandbox.
pub const LIMITS: &str = "limits";

/// The section whose keys hold for every other one.
pub(super) const DEFAULTS: &str = "default";

/// Where the parser puts what comes before every section. In Python's ConfigParser that is an error;
/// here such lines have no effect.
pub(super) const NOWHERE: &str = "\n";

/// An INI file that was read.
#[derive(Debug, Default)]
pub struct IniFile {
    path: PathBuf,
    /// By name in lower case.
    sections: BTreeMap<String, Section>,
    /// What its lines alone say, with their numbers.
    remarks: Vec<(usize, String)>,
}

#[derive(Debug, Default)]
struct Section {
    line: usize,
    entries: Vec<Entry>,
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// As it is written.
    pub key: String,
    pub line: usize,
    value: String,
}

/// A value, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub text: String,
    pub line: usize,
}

impl IniFile {
    /// Reads the text of an INI file.
    ///
    /// # Errors
    /// When it is too large or not INI.
    pub fn parse(text: &str, path: &Path) -> anyhow::Result<Self> {
        if text.len() > FILE_BYTES_MAX {
            let path = path.display();
            return Err(anyhow!("{path} is larger than {FILE_BYTES_MAX} bytes"));
        }
        // Names that users choose keep their case; those of ours are compared without it.
        let mut ini = Ini::new_cs();
        // A password may hold `#` and `;`; only ` ;` begins a comment inside a line, see `get`.
        ini.set_inline_comment_symbols(Some(&[]));
        ini.set_multiline(true);
        ini.set_default_section(NOWHERE);
        ini.read(text.to_owned())
            .map_err(|reason| anyhow!(syntax(&reason, path)))?;
        let Lines { lines, odd } = Lines::of(text);
        let mut sections = BTreeMap::<String, Section>::new();
        for (name, keys) in ini.get_map_ref() {
            if name == NOWHERE {
                continue;
            }
            let section = sections.entry(name.to_lowercase()).or_default();
            let line = |key: &str| {
                let place = lines.get(&(name.clone(), key.to_owned()));
                place.copied().unwrap_or_default()
            };
            section.line = line("");
            section
                .entries
                .extend(keys.iter().map(|(key, value)| Entry {
                    key: key.clone(),
                    line: line(key),
                    value: value.clone().unwrap_or_default(),
                }));
        }
        for section in sections.values_mut() {
            section.entries.sort_by_key(|entry| entry.line);
        }
        let path = path.to_owned();
        let remark = |(line, words)| (line, format!("{}:{line}: {words}", path.display()));
        let remarks = odd.into_iter().map(remark).collect();
        Ok(Self {
            path,
            sections,
            remarks,
        })
    }

    /// Reads an INI file.
    ///
    /// # Errors
    /// When it can't be read, or [`IniFile::parse`] refuses it.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        Self::parse(&crate::files::read_text(path)?, path)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What a section holds, in the order of its lines, for sections whose keys users choose.
    pub fn entries(&self, section: &str) -> impl Iterator<Item = (&Entry, String)> {
        let found = self.sections.get(section).into_iter();
        let entries = found.flat_map(|section| &section.entries);
        entries.map(move |entry| {
            let text = self.interpolated(section, uncommented(&entry.value), INTERPOLATIONS_MAX);
            (entry, text.trim().to_owned())
        })
    }

    /// A value, from the section or from `[DEFAULT]`: a comment that begins with ` ;` is cut off,
    /// as ConfigParser of Python 2 did, `%%` is `%`, and `%(name)s` the value of another key. An
    /// empty value counts as none.
    pub fn get(&self, section: &str, key: &str) -> Option<Found> {
        let entry = self.entry(section, key)?;
        let text = self.interpolated(section, uncommented(&entry.value), INTERPOLATIONS_MAX);
        let (text, line) = (text.trim().to_owned(), entry.line);
        (!text.is_empty()).then_some(Found { text, line })
    }

    /// The last entry of that key, as in Python.
    fn entry(&self, section: &str, key: &str) -> Option<&Entry> {
        let in_section = |section: &str| {
            let entries = &self.sections.get(section)?.entries;
            let mut entries = entries.iter().rev();
            entries.find(|entry| entry.key.eq_ignore_ascii_case(key))
        };
        in_section(section).or_else(|| in_section(DEFAULTS))
    }

    /// What cannot be replaced stays as it is: a format such as `%(asctime)s` is not an error.
    fn interpolated(&self, section: &str, value: &str, rounds: usize) -> String {
        let mut text = String::with_capacity(value.len());
        let mut rest = value;
        while let Some(at) = rest.find('%') {
            text += &rest[..at];
            let tail = &rest[at + 1..];
            let name = tail
                .strip_prefix('(')
                .and_then(|tail| tail.split_once(")s"));
            let inner = name.and_then(|(name, _)| self.entry(section, name));
            match (tail.strip_prefix('%'), name, inner) {
                (Some(after), _, _) => {
                    text.push('%');
                    rest = after;
                }
                (None, Some((_, after)), Some(inner))
                    if rounds > 0 && text.len() < FILE_BYTES_MAX =>
                {
                    let inner = uncommented(&inner.value);
                    text += &self.interpolated(section, inner, rounds - 1);
                    rest = after;
                }
                (None, _, _) => {
                    text.push('%');
                    rest = tail;
                }
            }
        }
        text + rest
    }

    /// The level that Python's logging sections give to bureaucrat, as a level of ours: its own
    /// logger's, else the root logger's.
    pub fn python_level(&self) -> Option<(&'static str, usize)> {
        ["logger_bureaucrat", "logger_root"]
            .iter()
            .find_map(|section| {
                let found = self.get(section, "level")?;
                Some((level(&found.text)?, found.line))
            })
    }

    /// What in the file has no effect, one sentence per item, in the order of the lines.
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks: BTreeSet<(usize, String)> = self.remarks.iter().cloned().collect();
        let mut has_python = false;
        for (name, section) in &self.sections {
            if is_python_logging(name) {
                has_python = true;
                continue;
            }
            let Some(known) = known_keys(name) else {
                if !table::FREE_SECTIONS.iter().any(|(free, _)| free == name) && name != DEFAULTS {
                    let meant = near::nearest(name, known_sections());
                    let what = format!("the section [{name}]");
                    remarks.insert(self.remark(section.line, &what, meant));
                }
                continue;
            };
            for entry in &section.entries {
                let key = entry.key.to_ascii_lowercase();
                if !known.contains(key.as_str()) && !table::LAUNCHER_KEYS.contains(&key.as_str()) {
                    let meant = near::nearest(&key, known.iter().copied());
                    // A line without `=` is a key as a whole, and may hold a password.
                    let what = match entry.key.split_once(char::is_whitespace) {
                        Some((first, _)) => {
                            let first = first.to_ascii_lowercase();
                            let is_known = known.contains(first.as_str());
                            let key = if is_known { first.as_str() } else { "KEY" };
                            format!("the line in [{name}], which needs `{key} = VALUE`,")
                        }
                        None => format!("the key `{}` in [{name}]", entry.key),
                    };
                    let meant = meant.filter(|_| !entry.key.contains(char::is_whitespace));
                    remarks.insert(self.remark(entry.line, &what, meant));
                }
            }
        }
        let mut remarks: Vec<String> = remarks.into_iter().map(|(_, remark)| remark).collect();
        if has_python {
            let level = match self.python_level() {
                Some((level, _)) => format!("the level {level} is taken from"),
                None => "no level is taken from".to_owned(),
            };
            remarks.push(format!(
                "{level} the sections of Python's logging; their handlers and formatters have no \
                 effect"
            ));
        }
        remarks
    }

    /// A remark, and the line that it is about.
    fn remark(&self, line: usize, what: &str, meant: Option<&str>) -> (usize, String) {
        let place = format!("{}:{line}", self.path.display());
        let meant = meant.map(|meant| format!("; did you mean `{meant}`?"));
        let meant = meant.unwrap_or_default();
        (line, format!("{place}: {what} has no effect{meant}"))
    }
}

/// What the parser says, `line NUMBER: …`, with its place as everywhere here. It repeats nothing of
/// the line, which may hold a password.
fn syntax(reason: &str, path: &Path) -> String {
    let path = path.display();
    let placed = reason.strip_prefix("line ");
    match placed.and_then(|reason| reason.split_once(": ")) {
        Some((line, words)) if words.contains("no closing bracket") => {
            format!("{path}:{line}: the section name has no closing `]`")
        }
        Some((line, words)) => format!("{path}:{line}: {words}"),
        None => format!("{path}: {reason}"),
    }
}

/// The keys of a section that is ours, in lower case.
pub(super) fn known_keys(section: &str) -> Option<BTreeSet<&'static str>> {
    if section == LIMITS {
        return Some(Setting::all().map(|setting| setting.name).collect());
    }
    let keys = table::rows().filter_map(|row| row.key);
    let keys: BTreeSet<&str> = keys
        .filter(|key| key.section == section)
        .map(|key| key.name)
        .collect();
    (!keys.is_empty()).then_some(keys)
}

fn known_sections() -> impl Iterator<Item = &'static str> {
    let free = table::FREE_SECTIONS.iter().map(|(name, _)| *name);
    [AMQP_SECTION, OWN_SECTION, LIMITS].into_iter().chain(free)
}

/// The value without its comment.
pub(super) fn uncommented(value: &str) -> &str {
    let mut comments = value.match_indices(';').map(|(at, _)| at);
    let comment = comments.find(|at| value[..*at].ends_with(char::is_whitespace));
    value[..comment.unwrap_or(value.len())].trim()
}

fn is_python_logging(section: &str) -> bool {
    ["formatters", "handlers", "loggers"].contains(&section)
        || ["formatter_", "handler_", "logger_"]
            .iter()
            .any(|prefix| section.starts_with(prefix))
}

/// Our names for Python's levels; `None` for `NOTSET` and unknown names.
fn level(python: &str) -> Option<&'static str> {
    match python.to_ascii_uppercase().as_str() {
        "DEBUG" => Some("debug"),
        "INFO" => Some("info"),
        "WARN" | "WARNING" => Some("warn"),
        "ERROR" | "CRITICAL" | "FATAL" => Some("error"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn file(text: &str) -> IniFile {
        IniFile::parse(text, Path::new("x.ini")).unwrap()
    }

    #[test]
    fn values_are_read_as_python_reads_them() {
        let ini = file(
            "[DEFAULT]\nbase = /srv\n\n[amqp]\nHost: mq ; the broker\npasswd = a;b#c%%d=e:f\nuser =\n\n[bureaucrat]\nstorage_dir = %(base)s/state\n# comment\n",
        );
        let get = |section, key| ini.get(section, key).map(|found| found.text);
        assert_eq!(get("amqp", "host").as_deref(), Some("mq"));
        assert_eq!(get("amqp", "passwd").as_deref(), Some("a;b#c%d=e:f"));
        assert_eq!(get("amqp", "user"), None);
        assert_eq!(get("amqp", "vhost"), None);
        assert_eq!(
            get("bureaucrat", "storage_dir").as_deref(),
            Some("/srv/state")
        );
    }

    #[test]
    fn formats_of_loggers_are_no_error_and_their_levels_count() {
        let ini = file(
            "[loggers]\nkeys = root, bureaucrat\n[logger_root]\nlevel = WARNING\nhandlers = h\n\
             [logger_bureaucrat]\nlevel = DEBUG\nqualname = bureaucrat\n[handlers]\nkeys = h\n\
             [handler_h]\nclass = StreamHandler\nargs = (sys.stdout,)\n[formatters]\nkeys = f\n\
             [formatter_f]\nformat = %(asctime)s %(levelname)-5.5s [%(name)s] %(message)s\n",
        );
        assert_eq!(ini.python_level(), Some(("debug", 7)));
        assert_eq!(
            ini.get("formatter_f", "format").map(|found| found.text),
            Some("%(asctime)s %(levelname)-5.5s [%(name)s] %(message)s".to_owned())
        );
        assert_eq!(ini.remarks().len(), 1, "{:?}", ini.remarks());
    }

    #[test]
    fn a_value_that_names_itself_ends() {
        assert!(
            file("[amqp]\nhost = x%(host)s\n")
                .get("amqp", "host")
                .unwrap()
                .text
                .starts_with("xxx")
        );
    }

    #[test]
    fn what_is_not_known_is_remarked_with_what_was_meant() {
        let text = "[AMQP]\nhsot = x\nurl = amqp://mq\n[burocrat]\na = b\n\n[limits]\nfuel = 1\n\
                    feul = 1\n[bureaucrat]\nruntime_guests = allowed\nLaunch-Queue = q\n\
                    launcher_exchange = e\n";
        let remarks = file(text).remarks();
        let expected = [
            "x.ini:2: the key `hsot` in [amqp] has no effect; did you mean `host`?",
            "x.ini:4: the section [burocrat] has no effect; did you mean `bureaucrat`?",
            "x.ini:9: the key `feul` in [limits] has no effect; did you mean `fuel`?",
            "x.ini:12: the key `Launch-Queue` in [bureaucrat] has no effect; did you mean \
             `launch_queue`?",
        ];
        assert_eq!(remarks, expected);
    }

    #[test]
    fn lines_and_the_case_of_names_are_kept() {
        let ini = file("[DEFAULT]\nx = 1\n[names]\n# comment\nShop.Charge = a\n b\nother: %(x)s\n");
        let entries: Vec<_> = ini.entries("names").collect();
        let short = entries
            .iter()
            .map(|(entry, text)| (entry.key.as_str(), entry.line, text.as_str()));
        let expected = vec![("Shop.Charge", 5, "a\nb"), ("other", 7, "1")];
        assert_eq!(short.collect::<Vec<_>>(), expected);
        assert_eq!(ini.get("names", "x").map(|found| found.line), Some(2));
    }
}
