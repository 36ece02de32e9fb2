//! Reads case files.

use super::{
    calls::{self, Back},
    modifying,
    parts::{expected, fields, path, reply, task_ref},
};
use bureaucrat_host::commands::Order;
use bureaucrat_model::{ActivityPath, DefinitionRef, Fields, Millis, Modification};
use bureaucrat_wire::Dialect;
use std::{collections::BTreeMap, fs, path::Path};

/// A file that is not a case.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// The folder or file can't be read.
    #[error("{path}: {error}")]
    Read { path: String, error: std::io::Error },
    /// A line that cannot be understood.
    #[error("{name}.case:{line}: {problem}")]
    Line {
        name: String,
        /// From 1.
        line: usize,
        problem: String,
    },
}

#[derive(Debug, Clone)]
pub struct Case {
    /// The file's name without its extension.
    pub name: String,
    pub dialects: Vec<Dialect>,
    /// Fields to launch with, over the definition's own.
    pub fields: Option<Fields>,
    /// The XML text, with names and modules filled in.
    pub definition: String,
    /// Definitions that are deployed before the launch, in this order.
    pub deployed: Vec<String>,
    /// Modules that are deployed before these, each under a name.
    pub modules: Vec<(String, Vec<u8>)>,
    pub steps: Vec<Step>,
}

/// One line of a script.
#[derive(Debug, Clone)]
pub struct Step {
    /// In the file, from 1.
    pub line: usize,
    pub text: String,
    pub action: Action,
}

/// What is done or expected.
#[derive(Debug, Clone)]
pub enum Action {
    /// A task arrives at a participant.
    Task {
        participant: String,
        path: ActivityPath,
        fields: Expected,
        dialect: Option<Dialect>,
    },
    Answer {
        task: TaskRef,
        reply: Reply,
        fate: Fate,
    },
    /// An answer to an activity of this process that may never have sent a task.
    Stray {
        path: ActivityPath,
        fate: Fate,
    },
    /// Any body arrives in the answer queue; `PID` in it is replaced by the process id.
    Raw {
        body: String,
        fate: Fate,
    },
    /// An event is published, while this many fibers of the process await it.
    Event {
        name: String,
        /// How many fibers await it.
        waiters: usize,
        /// Its object, without its name.
        fields: Fields,
    },
    /// A message arrives in a queue, with this body.
    Message {
        queue: String,
        body: String,
    },
    /// A message to a queue that is not there becomes a dead letter.
    Undelivered(String),
    /// A call of a Celery task, or a request, arrives in a queue.
    Call {
        queue: String,
        path: ActivityPath,
        /// What it carries: the arguments, or the fields.
        carries: String,
    },
    /// Something comes back from the last call in a queue.
    Result {
        queue: String,
        back: Back,
        fate: Fate,
    },
    Time(Millis),
    /// An operator gives an order about the whole process.
    Order(Order),
    /// A part of the process waits for an operator, after a fault whose text matches.
    Incident(String),
    /// An operator changes where the process stands; if it is refused, with a text that matches.
    Modify(Modification, Option<String>),
    /// An operator has the process continue as another version; if it is refused, with a text that matches.
    Migrate(DefinitionRef, Option<String>),
    Completed(Expected),
    Failed {
        code: String,
        path: ActivityPath,
        /// `*` matches anything.
        message: String,
    },
    /// The launch is refused; `*` matches anything.
    Refused(String),
}

/// Expected fields: exactly these in this order, or at least these (`{"a": 1, ...}`).
#[derive(Debug, Clone)]
pub enum Expected {
    Exactly(Fields),
    Among(Fields),
}

/// A task: the last one of a participant, or the one with this number, from 1.
#[derive(Debug, Clone)]
pub struct TaskRef {
    pub participant: String,
    pub number: Option<usize>,
}

#[derive(Debug, Clone)]
pub enum Reply {
    /// The whole task is returned with these fields set.
    Set(Fields),
    /// Message dialect: only these fields are returned. Workitem dialect: as [`Reply::Set`].
    Update(Fields),
    /// These fields are returned instead of the task's.
    Replace(Fields),
    /// The task is returned without these fields.
    Without(Vec<String>),
    /// As [`Reply::Set`], with the bare activity id as origin.
    Bare(Fields),
    /// As [`Reply::Set`], with this turn in the origin.
    Turn(u64, Fields),
    /// As [`Reply::Set`], in the other dialect.
    Other(Fields),
    /// Message dialect: status `critical` with this error.
    Critical(String),
    /// Message dialect: status `error` with this error.
    Suspend(String),
    /// The header is readable, the fields are not.
    Broken,
    /// The last answer to this task again, byte for byte.
    Again,
}

/// What happens to an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Taken,
    /// It is dropped because it is late.
    Stale,
    /// It becomes a dead letter.
    Dead,
    /// It becomes a dead letter, and the activity fails.
    Bad,
}

/// Reads all cases of a folder, in the order of their names. `@` at the beginning of names becomes
/// `CASE.`, so that cases do not interfere on one broker.
///
/// # Errors
/// If a file cannot be read or understood.
pub fn load(folder: &Path) -> Result<Vec<Case>, CaseError> {
    let read = |path: &Path, error| CaseError::Read {
        path: path.display().to_string(),
        error,
    };
    let mut cases = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| read(folder, error))? {
        let path = entry.map_err(|error| read(folder, error))?.path();
        if path.extension().is_none_or(|extension| extension != "case") {
            continue;
        }
        let text = fs::read_to_string(&path).map_err(|error| read(&path, error))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        cases.push(parse(&name, &text)?);
    }
    cases.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(cases)
}

/// Reads one case.
///
/// # Errors
/// For the first line that cannot be understood.
pub fn parse(name: &str, text: &str) -> Result<Case, CaseError> {
    let own = format!("{name}.");
    let wrong = |line: usize, problem: String| CaseError::Line {
        name: name.to_owned(),
        line,
        problem,
    };
    let mut case = Case {
        name: name.to_owned(),
        dialects: vec![Dialect::Workitem, Dialect::Message],
        fields: None,
        definition: String::new(),
        deployed: Vec::new(),
        modules: Vec::new(),
        steps: Vec::new(),
    };
    let mut modules: BTreeMap<&str, String> = BTreeMap::new();
    let mut named: Vec<(String, String)> = Vec::new();
    let mut section = "";
    for (line, written) in (1..).zip(text.lines()) {
        let content = &*written.replace('@', &own);
        if let Some(header) = written
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .filter(|header| {
                header
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b' ')
            })
        {
            section = header;
            if section.starts_with("deployed") {
                case.deployed.push(String::new());
            }
            if let Some(module) = section.strip_prefix("named ") {
                // The name that `@` and the word make in a definition.
                named.push((format!("{name}.{module}"), String::new()));
            }
        } else if let Some(module) = section.strip_prefix("module ") {
            *modules.entry(module).or_default() += &format!("{written}\n");
        } else if section.starts_with("named ")
            && let Some((_, source)) = named.last_mut()
        {
            *source += &format!("{written}\n");
        } else if section == "definition" {
            case.definition += &format!("{content}\n");
        } else if section.starts_with("deployed")
            && let Some(deployed) = case.deployed.last_mut()
        {
            *deployed += &format!("{content}\n");
        } else if content.is_empty() || content.starts_with('#') {
        } else if section == "script" {
            let action = step(content).map_err(|problem| wrong(line, problem))?;
            let text = content.to_owned();
            case.steps.push(Step { line, text, action });
        } else if section.is_empty() {
            setting(&mut case, content).map_err(|problem| wrong(line, problem))?;
        } else {
            return Err(wrong(line, format!("unknown section `{section}`")));
        }
    }
    let component = |source: &str| {
        let core = wat::parse_str(source).map_err(|error| wrong(0, error.to_string()))?;
        bureaucrat_sandbox::build_module(&core, Some("condition"), None)
            .map_err(|error| wrong(0, error.to_string()))
    };
    for (name, source) in named {
        case.modules.push((name, component(&source)?));
    }
    for (module, source) in modules {
        let text = base64(&component(&source)?);
        case.definition = case.definition.replace(&format!("{{{{{module}}}}}"), &text);
    }
    if matches!(case.definition.lines().next(), Some(first) if first.is_empty()) {
        return Err(wrong(0, "the definition begins with an empty line".into()));
    }
    Ok(case)
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn setting(case: &mut Case, line: &str) -> Result<(), String> {
    match line.split_once(": ") {
        Some(("dialects", names)) => {
            let read = names.split(' ').map(str::parse).collect::<Result<_, _>>();
            case.dialects = read.map_err(|error| format!("{error}"))?;
        }
        Some(("fields", json)) => case.fields = Some(fields(json)?),
        _ => return Err("neither `dialects: …` nor `fields: …`".into()),
    }
    Ok(())
}

/// Reads one line of a script.
fn step(line: &str) -> Result<Action, String> {
    if let Some(ordered) = modifying::read(line)? {
        return Ok(ordered);
    }
    let (line, fate) = match line.rsplit_once(" -> ") {
        None => (line, Fate::Taken),
        Some((line, "stale")) => (line, Fate::Stale),
        Some((line, "dead")) => (line, Fate::Dead),
        Some((line, "bad")) => (line, Fate::Bad),
        Some((_, other)) => return Err(format!("`-> {other}` is none of stale, dead, bad")),
    };
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let (first, second) = rest.split_once(' ').unwrap_or((rest, ""));
    Ok(match word {
        "task" | "task-message" | "task-workitem" => {
            let (place, json) = second.split_once(' ').ok_or("no fields")?;
            Action::Task {
                participant: first.to_owned(),
                path: path(place)?,
                fields: expected(json)?,
                dialect: word
                    .strip_prefix("task-")
                    .and_then(|name| name.parse().ok()),
            }
        }
        "stray" => Action::Stray {
            path: path(first)?,
            fate,
        },
        "raw" => Action::Raw {
            body: rest.to_owned(),
            fate,
        },
        "event" => {
            let (waiters, json) = match second.strip_prefix('x') {
                Some(counted) => counted.split_once(' ').ok_or("no fields")?,
                None => ("1", second),
            };
            Action::Event {
                name: first.to_owned(),
                waiters: waiters.parse().map_err(|_| "no count after x")?,
                fields: fields(json)?,
            }
        }
        "message" => Action::Message {
            queue: first.to_owned(),
            body: second.to_owned(),
        },
        "call" | "request" => {
            let (place, carries) = second.split_once(' ').ok_or("no arguments or fields")?;
            Action::Call {
                queue: first.to_owned(),
                path: path(place)?,
                carries: carries.to_owned(),
            }
        }
        "undelivered" => Action::Undelivered(first.to_owned()),
        "time" => {
            let seconds: f64 = first.parse().map_err(|_| "no seconds")?;
            Action::Time(Millis((seconds * 1_000.0).round() as u64))
        }
        "incident" => Action::Incident(rest.to_owned()),
        "completed" => Action::Completed(expected(rest)?),
        "failed" => {
            let (place, message) = second.split_once(' ').unwrap_or((second, ""));
            Action::Failed {
                code: first.to_owned(),
                path: path(place)?,
                message: message.to_owned(),
            }
        }
        "refused" => Action::Refused(rest.to_owned()),
        _ => match calls::back(word, second) {
            Some(back) => Action::Result {
                queue: first.to_owned(),
                back,
                fate,
            },
            None => Action::Answer {
                task: task_ref(first)?,
                reply: reply(word, second)?,
                fate,
            },
        },
    })
}
