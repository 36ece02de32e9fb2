//! `eval`: evaluates an expression like the engine: compiled to a guest, run in the sandbox. There
//! is no other evaluator.

use super::{evaluate, print_line, sandbox};
use crate::{
    Exit,
    arguments::{Eval, Options},
    files,
    screen::{self, tell},
};
use anyhow::{Context, anyhow, bail};
use bureaucrat_expression::{CompileError, Function, Kind, Refusal};
use bureaucrat_model::Fields;
use bureaucrat_sandbox::{Guest, LoadError, Outcome, RuntimeClass, Sandbox};
use serde::Deserialize;
use serde_json::{json, value::RawValue};
use std::io::{self, BufRead, BufReader, Read};

/// The most expressions answered together.
const BATCH_LINES: usize = 64;
/// Bytes read from standard input at once.
const INPUT_BYTES: usize = 1 << 20;
/// The longest line of `--stdin`, in bytes.
const LINE_BYTES_MAX: u64 = 64 << 20;

/// The answer for an expression.
enum Answer {
    /// Its value as JSON text, and its fuel.
    Value(String, u64),
    /// The error that it ended with.
    Error {
        code: String,
        message: String,
        fuel: u64,
    },
    /// It is not an expression, or not one that is allowed in conditions.
    Refused(Refusal),
}

/// A line of `--stdin`.
#[derive(Deserialize)]
struct Question<'a> {
    expression: String,
    #[serde(borrow, default)]
    fields: Option<&'a RawValue>,
}

/// Evaluates the expression, or those from standard input.
pub fn run(options: &Options, eval: &Eval) -> anyhow::Result<Exit> {
    let sandbox = sandbox(options, RuntimeClass::Refused)?;
    let Some(expression) = &eval.expression else {
        return lines(&sandbox);
    };
    let fields = files::fields(&files::Given {
        object: eval.fields.as_deref(),
        single: &eval.field,
        texts: &eval.text,
    })?;
    let answer = answer(&sandbox, expression, &fields)?;
    if eval.json {
        print_line(&json_of(&answer, Fuel::Shown)?)?;
    } else {
        print(expression, &answer)?;
    }
    Ok(match answer {
        Answer::Value(..) => Exit::Done,
        Answer::Error { .. } | Answer::Refused(_) => Exit::Failed,
    })
}

/// The value goes to standard output, for programs; the rest is for people.
fn print(expression: &str, answer: &Answer) -> anyhow::Result<()> {
    match answer {
        Answer::Value(value, fuel) => {
            print_line(value)?;
            tell(&format!("fuel: {fuel}"));
        }
        Answer::Error {
            code,
            message,
            fuel,
        } if message.is_empty() => tell(&format!("{code}\nfuel: {fuel}")),
        Answer::Error {
            code,
            message,
            fuel,
        } => tell(&format!("{code}: {message}\nfuel: {fuel}")),
        Answer::Refused(refusal) => tell(&shown(expression, refusal)),
    }
    Ok(())
}

/// A refusal with the line of the expression, a caret below the place, and what was probably meant.
fn shown(expression: &str, refusal: &Refusal) -> String {
    let Refusal {
        reason,
        line,
        column,
        suggestion,
    } = refusal;
    let at = usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX);
    let mut text = format!("error: {reason}");
    if let Some(written) = expression.lines().nth(at).filter(|line| line.len() < 200) {
        let before = usize::try_from(column.saturating_sub(1)).unwrap_or(usize::MAX);
        let plain: String = written.chars().map(screen::seen).collect();
        text += &format!("\n  | {plain}\n  | {:before$}^", "");
    }
    if let Some(suggestion) = suggestion {
        text += &format!("\n  = try: {suggestion}");
    }
    text
}

/// One answer line for each input line. Lines that have already arrived are answered together,
/// because most of an expression's cost is compiling the helper functions of its guest. No answer
/// waits for a line that has not arrived, so that a program can ask one question after the other.
fn lines(sandbox: &Sandbox) -> anyhow::Result<Exit> {
    let mut input = BufReader::with_capacity(INPUT_BYTES, io::stdin().lock());
    let mut number = 0_u64;
    loop {
        let mut batch = Vec::new();
        let mut wrong = None;
        while batch.len() < BATCH_LINES && (batch.is_empty() || input.buffer().contains(&b'\n')) {
            let Some(line) = next_line(&mut input)? else {
                break;
            };
            number += 1;
            if line.trim_ascii().is_empty() {
                continue;
            }
            match question(&line).with_context(|| format!("line {number}")) {
                Ok(asked) => batch.push(asked),
                Err(error) => {
                    wrong = Some(error);
                    break;
                }
            }
        }
        for answer in answers(sandbox, &batch)? {
            print_line(&json_of(&answer, Fuel::Hidden)?)?;
        }
        match wrong {
            Some(error) => return Err(error),
            None if batch.is_empty() => return Ok(Exit::Done),
            None => {}
        }
    }
}

fn next_line(input: &mut impl BufRead) -> anyhow::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    input
        .take(LINE_BYTES_MAX)
        .read_until(b'\n', &mut line)
        .context("cannot read standard input")?;
    if line.len() as u64 == LINE_BYTES_MAX {
        bail!("a line is longer than {} MiB", LINE_BYTES_MAX >> 20);
    }
    Ok(Some(line).filter(|line| !line.is_empty()))
}

fn question(line: &[u8]) -> anyhow::Result<(String, Fields)> {
    let question: Question<'_> = serde_json::from_slice(line).context("no question")?;
    let fields = match question.fields {
        Some(fields) => Fields::parse(fields.get())?,
        None => Fields::new(),
    };
    Ok((question.expression, fields))
}

/// The answers to several questions, from one guest with a function for each expression. If the
/// expressions do not fit into one guest, each gets its own.
fn answers(sandbox: &Sandbox, questions: &[(String, Fields)]) -> anyhow::Result<Vec<Answer>> {
    let parsed: Vec<_> = questions
        .iter()
        .map(|(expression, _)| bureaucrat_expression::parse(expression))
        .collect();
    let functions = parsed.iter().enumerate().filter_map(|(place, parsed)| {
        let expression = parsed.as_ref().ok()?.clone();
        Some(Function {
            name: name(place),
            expression,
            kind: Kind::Value,
        })
    });
    let guest = match load(sandbox, &functions.collect::<Vec<_>>())? {
        Ok(guest) => guest,
        Err(_) if questions.len() > 1 => {
            return questions
                .iter()
                .map(|(expression, fields)| answer(sandbox, expression, fields))
                .collect();
        }
        Err(refusal) => return Ok(vec![Answer::Refused(refusal)]),
    };
    let answered = parsed.into_iter().zip(questions).enumerate();
    answered
        .map(|(place, (parsed, (_, fields)))| match (parsed, &guest) {
            (Err(refusal), _) => Ok(Answer::Refused(refusal)),
            (Ok(_), Some(guest)) => run_function(sandbox, guest, &name(place), fields),
            (Ok(_), None) => bail!("an expression is missing from its guest"),
        })
        .collect()
}

fn answer(sandbox: &Sandbox, expression: &str, fields: &Fields) -> anyhow::Result<Answer> {
    let mut answers = answers(sandbox, &[(expression.to_owned(), fields.clone())])?;
    answers.pop().context("no answer")
}

/// The name of the function for the expression with this index.
fn name(place: usize) -> String {
    format!("e{place}")
}

/// The guest with these functions, `None` if there are none; or why they cannot be compiled.
fn load(
    sandbox: &Sandbox,
    functions: &[Function],
) -> anyhow::Result<Result<Option<Guest>, Refusal>> {
    if functions.is_empty() {
        return Ok(Ok(None));
    }
    let refused = |reason: String| {
        Ok(Err(Refusal {
            reason,
            line: 1,
            column: 1,
            suggestion: None,
        }))
    };
    let component = match bureaucrat_expression::compile(functions) {
        Ok(component) => component,
        Err(error @ (CompileError::TooLong { .. } | CompileError::TooMany { .. })) => {
            return refused(error.to_string());
        }
        Err(
            error
            @ (CompileError::Name { .. } | CompileError::Twice { .. } | CompileError::Helpers),
        ) => {
            return Err(anyhow!(error));
        }
    };
    match sandbox.load_inline(&component) {
        Ok(guest) => Ok(Ok(Some(guest))),
        Err(LoadError::Refused(refusal)) => refused(refusal.to_string()),
        Err(error @ LoadError::Environment(_)) => Err(anyhow!(error)),
    }
}

fn run_function(
    sandbox: &Sandbox,
    guest: &Guest,
    function: &str,
    fields: &Fields,
) -> anyhow::Result<Answer> {
    let evaluated = evaluate(sandbox, guest, function, fields)?;
    match evaluated.outcome {
        Outcome::Value(value) => Ok(Answer::Value(value, evaluated.fuel)),
        Outcome::Fault { code, message } => Ok(Answer::Error {
            code: code.as_str().to_owned(),
            message,
            fuel: evaluated.fuel,
        }),
        Outcome::Verdict(_) | Outcome::Environmental(_) => bail!("the guest returned no value"),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fuel {
    Shown,
    Hidden,
}

/// The answer as a JSON object; a value appears in it as the guest wrote it.
fn json_of(answer: &Answer, shown: Fuel) -> anyhow::Result<String> {
    let (mut object, spent) = match answer {
        Answer::Value(value, fuel) => {
            let value: &RawValue =
                serde_json::from_str(value).context("the guest's value is not JSON")?;
            (format!(r#"{{"value": {value}"#), Some(fuel))
        }
        Answer::Error {
            code,
            message,
            fuel,
        } => (
            format!(
                r#"{{"error": {}, "message": {}"#,
                json!(code),
                json!(message)
            ),
            Some(fuel),
        ),
        Answer::Refused(Refusal {
            reason,
            line,
            column,
            suggestion,
        }) => {
            let mut object = format!(
                r#"{{"refused": {}, "line": {line}, "column": {column}"#,
                json!(reason)
            );
            if let Some(suggestion) = suggestion {
                object += &format!(r#", "suggestion": {}"#, json!(suggestion));
            }
            (object, None)
        }
    };
    if let (Some(fuel), Fuel::Shown) = (spent, shown) {
        object += &format!(r#", "fuel": {fuel}"#);
    }
    Ok(object + "}")
}
