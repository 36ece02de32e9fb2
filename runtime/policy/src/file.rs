//! The policy file: parses TOML to a [`Policy`] and reports every problem with its place.

use crate::{
    Glob, Globs, ModuleClass, Modules, Permission, Policy, PublicKey, Quota, Rule, Rules,
    SendPattern, Sends,
};
use bureaucrat_model::{ModuleHash, Unhandled};
use std::{collections::BTreeMap, fmt, ops::Range, sync::Arc};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

const BYTES_MAX: usize = 1 << 20;
/// Reported problems; further ones are left out.
const PROBLEMS_MAX: usize = 100;

/// One problem in a policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// What is wrong, and what is allowed here.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

/// An invalid policy file: all of its problems, in order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct PolicyError(pub Vec<Problem>);

impl Policy {
    /// Reads a policy file.
    ///
    /// # Errors
    /// If it is not TOML, or contains anything unknown. Then nothing of it is used.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let mut reader = Reader {
            text,
            problems: Vec::new(),
        };
        let policy = reader.policy();
        match policy {
            Some(policy) if reader.problems.is_empty() => Ok(policy),
            Some(_) | None => {
                let mut problems = reader.problems;
                problems.sort_by_key(|problem| (problem.line, problem.column));
                problems.truncate(PROBLEMS_MAX);
                Err(PolicyError(problems))
            }
        }
    }
}

type Value<'a> = Spanned<DeValue<'a>>;

struct Reader<'a> {
    text: &'a str,
    problems: Vec<Problem>,
}

/// The keys of a section, except for quotas.
fn keys() -> Vec<&'static str> {
    let permissions = Rule::PERMISSIONS.iter().map(|rule| rule.name());
    permissions.chain(["on_fault", "quotas"]).collect()
}

impl Reader<'_> {
    fn policy(&mut self) -> Option<Policy> {
        if self.text.len() > BYTES_MAX {
            let message = format!("the file has more than {BYTES_MAX} bytes");
            self.problem(0..0, message);
            return None;
        }
        let table = match DeTable::parse(self.text) {
            Ok(table) => table,
            Err(error) => {
                self.problem(error.span().unwrap_or(0..0), error.message().to_owned());
                return None;
            }
        };
        let top = ["default", "anonymous", "users"];
        self.only(table.get_ref(), &top, "section");
        let mut default = Rules::strict();
        if let Some(value) = table.get_ref().get("default") {
            self.section(value, &mut default);
        }
        let mut anonymous = default.clone();
        if let Some(value) = table.get_ref().get("anonymous") {
            anonymous.section = "anonymous".to_owned();
            self.section(value, &mut anonymous);
        }
        let (mut named, mut patterns) = (BTreeMap::new(), Vec::new());
        let users = table.get_ref().get("users");
        let users = users.and_then(|value| self.table(value, "`users`"));
        for (name, value) in users.into_iter().flat_map(DeTable::iter) {
            let mut rules = default.clone();
            rules.section = format!("users.{name}", name = quoted(name.get_ref()));
            self.section(value, &mut rules);
            match Glob::new(name.get_ref()) {
                Ok(glob) if glob.is_name() => {
                    named.insert(glob.as_str().to_owned(), Arc::new(rules));
                }
                Ok(glob) => patterns.push((glob, Arc::new(rules))),
                Err(error) => self.problem(name.span(), error.to_string()),
            }
        }
        patterns.sort_by_key(|(glob, _)| (usize::MAX - glob.weight(), glob.clone()));
        Some(Policy {
            default: Arc::new(default),
            anonymous: Arc::new(anonymous),
            named,
            patterns,
        })
    }

    fn section(&mut self, value: &Value<'_>, rules: &mut Rules) {
        let Some(table) = self.table(value, "a section") else {
            return;
        };
        self.only(table, &keys(), "key");
        for rule in Rule::PERMISSIONS {
            let Some(value) = table.get(rule.name()) else {
                continue;
            };
            match rule {
                Rule::Launches => self.permission(value, &mut rules.launches),
                Rule::Calls => self.permission(value, &mut rules.calls),
                Rule::Participants => self.globs(value, &mut rules.participants),
                Rule::Awaits => self.globs(value, &mut rules.awaits),
                Rule::Publishes => self.globs(value, &mut rules.publishes),
                Rule::Answers => self.globs(value, &mut rules.answers),
                Rule::ReplyTo => self.globs(value, &mut rules.reply_to),
                Rule::Definitions => self.globs(value, &mut rules.definitions),
                Rule::Deploys => self.globs(value, &mut rules.deploys),
                Rule::Cancels => self.globs(value, &mut rules.cancels),
                Rule::Sends => self.sends(value, &mut rules.sends),
                Rule::Modules => self.modules(value, &mut rules.modules),
                Rule::ModuleClass => self.class(value, &mut rules.module_class),
                Rule::ModuleSigners => self.signers(value, &mut rules.module_signers),
                Rule::Quota(_) => {}
            }
        }
        if let Some(value) = table.get("on_fault") {
            self.on_fault(value, &mut rules.on_fault);
        }
        if let Some(value) = table.get("quotas") {
            self.quotas(value, rules);
        }
    }

    fn quotas(&mut self, value: &Value<'_>, rules: &mut Rules) {
        let Some(table) = self.table(value, "`quotas`") else {
            return;
        };
        let names: Vec<&str> = Quota::ALL.iter().map(|quota| quota.name()).collect();
        self.only(table, &names, "quota");
        for quota in Quota::ALL {
            let Some(value) = table.get(quota.name()) else {
                continue;
            };
            let number = match value.get_ref() {
                DeValue::Integer(number) => {
                    u64::from_str_radix(number.as_str(), number.radix()).ok()
                }
                DeValue::String(text) if text == "unlimited" => Some(u64::MAX),
                DeValue::String(_)
                | DeValue::Float(_)
                | DeValue::Boolean(_)
                | DeValue::Datetime(_)
                | DeValue::Array(_)
                | DeValue::Table(_) => None,
            };
            match number {
                Some(number) => rules.quotas.set(*quota, number),
                None => self.problem(
                    value.span(),
                    format!("`{quota}` must be a whole number from 0, or \"unlimited\""),
                ),
            }
        }
    }

    fn permission(&mut self, value: &Value<'_>, permission: &mut Permission) {
        match value.get_ref().as_bool() {
            Some(true) => *permission = Permission::Allowed,
            Some(false) => *permission = Permission::Refused,
            None => self.problem(value.span(), "expected true or false".to_owned()),
        }
    }

    fn globs(&mut self, value: &Value<'_>, globs: &mut Globs) {
        let mut found = Vec::new();
        for (text, span) in self.texts(value) {
            match Glob::new(&text) {
                Ok(glob) => found.push(glob),
                Err(error) => self.problem(span, error.to_string()),
            }
        }
        *globs = Globs::new(found);
    }

    fn sends(&mut self, value: &Value<'_>, sends: &mut Sends) {
        let mut found = Vec::new();
        for (text, span) in self.texts(value) {
            match SendPattern::new(&text) {
                Ok(pattern) => found.push(pattern),
                Err(error) => {
                    let how = "write `EXCHANGE`, `EXCHANGE/KEY` or `/QUEUE`";
                    self.problem(span, format!("{error}; {how}"));
                }
            }
        }
        *sends = Sends::Only(found);
    }

    fn modules(&mut self, value: &Value<'_>, modules: &mut Modules) {
        match value.get_ref().as_str() {
            Some("any") => *modules = Modules::Any,
            Some("none") => *modules = Modules::none(),
            Some(_) => self.problem(
                value.span(),
                "expected \"any\", \"none\" or a list of names and hashes".to_owned(),
            ),
            None => {
                let (mut hashes, mut names) = (Vec::new(), Vec::new());
                for (text, span) in self.texts(value) {
                    // No name has a colon.
                    if text.contains(':') {
                        match text.parse::<ModuleHash>() {
                            Ok(hash) => hashes.push(hash),
                            Err(error) => self.problem(span, error.to_string()),
                        }
                    } else {
                        match Glob::new(&text) {
                            Ok(glob) => names.push(glob),
                            Err(error) => self.problem(span, error.to_string()),
                        }
                    }
                }
                let names = Globs::new(names);
                *modules = Modules::Only { hashes, names };
            }
        }
    }

    fn signers(&mut self, value: &Value<'_>, signers: &mut Vec<PublicKey>) {
        let mut found = Vec::new();
        for (text, span) in self.texts(value) {
            match text.parse() {
                Ok(key) => found.push(key),
                Err(error) => {
                    let error: crate::SignatureError = error;
                    self.problem(span, error.to_string());
                }
            }
        }
        *signers = found;
    }

    fn class(&mut self, value: &Value<'_>, class: &mut ModuleClass) {
        match value.get_ref().as_str() {
            Some("small") => *class = ModuleClass::Small,
            Some("runtime") => *class = ModuleClass::Runtime,
            Some(_) | None => {
                self.problem(value.span(), "expected \"small\" or \"runtime\"".to_owned())
            }
        }
    }

    fn on_fault(&mut self, value: &Value<'_>, on_fault: &mut Option<Unhandled>) {
        match value.get_ref().as_str() {
            Some("fail") => *on_fault = Some(Unhandled::Fails),
            Some("incident") => *on_fault = Some(Unhandled::Waits),
            Some(_) | None => {
                self.problem(value.span(), "expected \"fail\" or \"incident\"".to_owned());
            }
        }
    }

    fn texts(&mut self, value: &Value<'_>) -> Vec<(String, Range<usize>)> {
        let Some(items) = value.get_ref().as_array() else {
            self.problem(
                value.span(),
                "expected a list of texts, such as [\"a\", \"b.*\"]".to_owned(),
            );
            return Vec::new();
        };
        let mut texts = Vec::new();
        for item in items.iter() {
            match item.get_ref().as_str() {
                Some(text) => texts.push((text.to_owned(), item.span())),
                None => self.problem(item.span(), "expected a text".to_owned()),
            }
        }
        texts
    }

    fn table<'v, 'i>(&mut self, value: &'v Value<'i>, what: &str) -> Option<&'v DeTable<'i>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.problem(value.span(), format!("{what} must be a table"));
        }
        table
    }

    /// Reports unknown keys.
    fn only(&mut self, table: &DeTable<'_>, known: &[&str], kind: &str) {
        for key in table.keys() {
            let name = key.get_ref();
            if !known.contains(&&**name) {
                let name: String = name.chars().take(80).collect();
                let message = format!(
                    "unknown {kind} `{name}`; expected one of {}",
                    known.join(", ")
                );
                self.problem(key.span(), message);
            }
        }
    }

    fn problem(&mut self, span: Range<usize>, message: String) {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |place| place + 1);
        self.problems.push(Problem {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message,
        });
    }
}

/// A name as a TOML key.
fn quoted(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.chars().all(bare) {
        name.to_owned()
    } else {
        format!("{name:?}")
    }
}
