//! The INI file, as Python's ConfigParser reads it: what it says, and what of it is not understood.

use super::participants::PARTICIPANTS;
use anyhow::{Context, anyhow};
use bureaucrat_sandbox::Setting;
use configparser::ini::Ini;
use std::{collections::BTreeSet, path::Path};

/// The largest INI file, in bytes.
const FILE_BYTES_MAX: usize = 1 << 20;

/// Rounds of `%(name)s` within values that are put in, as many as Python's.
const INTERPOLATIONS_MAX: usize = 10;

/// The sections that are this program's, and their keys.
const KNOWN: [(&str, &[&str]); 2] = [
    (
        "amqp",
        &["host", "port", "user", "passwd", "passwd_file", "vhost"],
    ),
    (
        "bureaucrat",
        &[
            "storage_dir",
            "pid_file",
            "taskqueue_type",
            "celery_queue",
            "dialect",
            "launch_queue",
            "message_queue",
            "event_queue",
            "dead_letter_queue",
            "queue_type",
            "notice_exchange",
            "prefetch",
            "retention",
            "policy",
            "log",
            "log_format",
        ],
    ),
];

/// The section of bounds; its keys are those of the sandbox.
pub(super) const LIMITS: &str = "limits";

/// Keys of a launcher, which may share the file.
const LAUNCHER_KEYS: [&str; 2] = ["launcher_routing_key", "launcher_exchange"];

/// An INI file that was read.
#[derive(Debug, Default)]
pub struct IniFile {
    ini: Ini,
    /// The same with names in the case in which they are written.
    cased: Ini,
    text: String,
}

impl IniFile {
    /// Reads the text of an INI file.
    ///
    /// # Errors
    /// When it is too large or not INI.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        if text.len() > FILE_BYTES_MAX {
            return Err(anyhow!(
                "the configuration is larger than {FILE_BYTES_MAX} bytes"
            ));
        }
        let read = |mut ini: Ini| {
            // A password may hold `#` and `;`; only ` ;` begins a comment inside a line, see `IniFile::get`.
            ini.set_inline_comment_symbols(Some(&[]));
            ini.set_multiline(true);
            ini.read(text.to_owned())
                .map_err(|reason| anyhow!(reason))?;
            anyhow::Ok(ini)
        };
        Ok(Self {
            ini: read(Ini::new())?,
            cased: read(Ini::new_cs())?,
            text: text.to_owned(),
        })
    }

    /// The line, the key and the value of each entry of a section whose keys users choose.
    pub fn entries(&self, section: &str) -> Vec<(usize, String, String)> {
        let named = |name: &&String| name.eq_ignore_ascii_case(section);
        let sections = self.cased.get_map_ref();
        let keys = sections
            .keys()
            .filter(named)
            .flat_map(|name| &sections[name]);
        let mut entries: Vec<_> = keys
            .map(|(key, value)| {
                let value = value.as_deref().unwrap_or_default();
                let value = self.interpolated(section, uncommented(value), INTERPOLATIONS_MAX);
                (self.line_of(section, key), key.clone(), value)
            })
            .collect();
        entries.sort();
        entries
    }

    /// The last line of a section that begins with this key.
    fn line_of(&self, section: &str, key: &str) -> usize {
        let (mut is_here, mut found) = (false, 0);
        for (number, line) in (1..).zip(self.text.lines()) {
            let line = line.trim();
            if let Some(name) = line.strip_prefix('[') {
                is_here = name
                    .trim_end_matches(']')
                    .trim()
                    .eq_ignore_ascii_case(section);
            } else if is_here && line.split(['=', ':']).next().map(str::trim) == Some(key) {
                found = number;
            }
        }
        found
    }

    /// Reads an INI file.
    ///
    /// # Errors
    /// When it can't be read, or [`IniFile::parse`] refuses it.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let what = || format!("the configuration {}", path.display());
        Self::parse(&crate::files::read_text(path)?).with_context(what)
    }

    /// A value, from the section or from `[DEFAULT]`: a comment that begins with ` ;` is cut off, as ConfigParser of
    /// Python 2 did, `%%` is `%`, and `%(name)s` the value of another key. An empty value counts as none.
    pub fn get(&self, section: &str, key: &str) -> Option<String> {
        let text = self.interpolated(section, &self.raw(section, key)?, INTERPOLATIONS_MAX);
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    fn raw(&self, section: &str, key: &str) -> Option<String> {
        let value = self
            .ini
            .get(section, key)
            .or_else(|| self.ini.get("default", key))?;
        Some(uncommented(&value).to_owned())
    }

    /// What can't be put in stays as it is written: a format such as `%(asctime)s` is no error.
    fn interpolated(&self, section: &str, value: &str, rounds: usize) -> String {
        let mut text = String::with_capacity(value.len());
        let mut rest = value;
        while let Some(at) = rest.find('%') {
            text += &rest[..at];
            let tail = &rest[at + 1..];
            let name = tail
                .strip_prefix('(')
                .and_then(|tail| tail.split_once(")s"));
            let inner = name.and_then(|(name, _)| self.raw(section, name));
            match (tail.strip_prefix('%'), name, inner) {
                (Some(after), _, _) => {
                    text.push('%');
                    rest = after;
                }
                (None, Some((_, after)), Some(inner))
                    if rounds > 0 && text.len() < FILE_BYTES_MAX =>
                {
                    text += &self.interpolated(section, &inner, rounds - 1);
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

    /// The level that Python's logging sections give to bureaucrat, as a level of ours: its own logger's, else the root
    /// logger's.
    pub fn python_level(&self) -> Option<&'static str> {
        ["logger_bureaucrat", "logger_root"]
            .iter()
            .find_map(|section| level(&self.get(section, "level")?))
    }

    /// What in the file has no effect, a sentence each.
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        let mut python = BTreeSet::new();
        for (section, keys) in self.ini.get_map_ref() {
            if is_python_logging(section) {
                python.insert(section.clone());
                continue;
            }
            if section == LIMITS {
                let unknown = keys.keys().filter(|key| Setting::named(key).is_err());
                remarks.extend(unknown.map(|key| unknown_key(section, key)));
                continue;
            }
            if section == PARTICIPANTS {
                continue;
            }
            let known = KNOWN.iter().find(|(name, _)| name == section);
            let Some((_, known)) = known else {
                if section != "default" {
                    remarks.push(format!("the section [{section}] of the configuration is not known and has no effect"));
                }
                continue;
            };
            for key in keys.keys() {
                if !known.contains(&key.as_str()) && !LAUNCHER_KEYS.contains(&key.as_str()) {
                    remarks.push(unknown_key(section, key));
                }
            }
        }
        remarks.sort();
        if !python.is_empty() {
            let level = match self.python_level() {
                Some(level) => format!("the level {level} is taken from"),
                None => "no level is taken from".to_owned(),
            };
            remarks.push(format!("{level} the sections of Python's logging; their handlers and formatters have no effect"));
        }
        remarks
    }
}

/// The value without the comment that begins with ` ;`.
fn uncommented(value: &str) -> &str {
    let mut places = value.match_indices(';').map(|(at, _)| at);
    let comment = places.find(|at| value[..*at].ends_with(char::is_whitespace));
    value[..comment.unwrap_or(value.len())].trim()
}

fn unknown_key(section: &str, key: &str) -> String {
    format!("the key `{key}` in [{section}] of the configuration is not known and has no effect")
}

fn is_python_logging(section: &str) -> bool {
    ["formatters", "handlers", "loggers"].contains(&section)
        || ["formatter_", "handler_", "logger_"]
            .iter()
            .any(|prefix| section.starts_with(prefix))
}

/// Python's levels in our words; `None` for those that say nothing (`NOTSET`) or are no level.
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
        IniFile::parse(text).unwrap()
    }

    #[test]
    fn values_are_read_as_python_reads_them() {
        let ini = file(
            "[DEFAULT]\nbase = /srv\n\n[amqp]\nHost: mq ; the broker\npasswd = a;b#c%%d=e:f\nuser =\n\n[bureaucrat]\nstorage_dir = %(base)s/state\n# comment\n",
        );
        let get = |section, key| ini.get(section, key);
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
        assert_eq!(ini.python_level(), Some("debug"));
        assert_eq!(
            ini.get("formatter_f", "format").as_deref(),
            Some("%(asctime)s %(levelname)-5.5s [%(name)s] %(message)s")
        );
        assert_eq!(ini.remarks().len(), 1, "{:?}", ini.remarks());
    }

    #[test]
    fn a_value_that_names_itself_ends() {
        assert!(
            file("[amqp]\nhost = x%(host)s\n")
                .get("amqp", "host")
                .unwrap()
                .starts_with("xxx")
        );
    }

    #[test]
    fn what_is_not_known_is_remarked() {
        let remarks =
            file("[amqp]\nhsot = x\n[other]\na = b\n[limits]\nfuel = 1\nfeul = 1\n").remarks();
        assert_eq!(remarks.len(), 3);
        assert!(
            remarks
                .iter()
                .any(|remark| remark.contains("`feul` in [limits]"))
        );
        assert!(
            remarks
                .iter()
                .any(|remark| remark.contains("`hsot` in [amqp]"))
        );
        assert!(remarks.iter().any(|remark| remark.contains("[other]")));
    }
}
