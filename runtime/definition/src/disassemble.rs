//! Prints a program for people: one instruction per line, then the conditions.

use bureaucrat_model::{
    CodePattern, Condition, ConditionRange, Guest, Handler, Label, Op, Program, Retry,
};
use std::fmt::Write as _;

/// The program as text. Each instruction has its index, its name with operands, the path of its
/// activity (`_` for the process itself), its line in the definition, its id and title; each condition has its
/// index, its function, its place and its text. What comes from the definition is escaped like in
/// Rust strings.
pub fn disassemble(program: &Program) -> String {
    let ops: Vec<String> = program.ops.iter().map(operation).collect();
    let paths: Vec<String> = program
        .sites
        .iter()
        .map(|site| match site.path.to_string() {
            path if path.is_empty() => "_".to_owned(),
            path => path,
        })
        .collect();
    // Very long operands do not widen the columns.
    let width = |texts: &[String], most: usize| {
        let widths = texts.iter().map(|text| text.chars().count());
        widths.filter(|width| *width <= most).max().unwrap_or(0)
    };
    let (op_width, path_width) = (width(&ops, 60), width(&paths, 24));
    let mut text = format!("process {:?}\n", program.name);
    for (index, ((op, path), site)) in ops.iter().zip(&paths).zip(&program.sites).enumerate() {
        let line = site.span.line;
        let label = site.label.as_deref().map(labelled).unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{index:04}  {op:op_width$}  {path:path_width$}  line {line}{label}"
        );
    }
    for (index, condition) in program.conditions.iter().enumerate() {
        let _ = writeln!(text, "c{index}  {}", described(condition));
    }
    text
}

fn labelled(label: &Label) -> String {
    let Label { id, title } = label;
    let id = id.as_ref().map(|id| format!("  id {id:?}"));
    let title = title.as_ref().map(|title| format!("  title {title:?}"));
    id.unwrap_or_default() + &title.unwrap_or_default()
}

fn operation(op: &Op) -> String {
    match op {
        Op::Action { participant, retry } => match retry {
            None => format!("action {participant:?}"),
            Some(retry) => format!("action {participant:?} {}", again(retry)),
        },
        Op::Delay { duration } => format!("delay {duration}"),
        Op::Await { event, conditions } => format!("await {event:?}{}", range(" if ", *conditions)),
        Op::Call { field } => format!("call {field:?}"),
        Op::Jump { target } => format!("jump {:04}", target.0),
        Op::Test {
            conditions,
            otherwise,
        } => format!(
            "test{} else {:04}",
            match conditions.start() {
                Some(_) => range(" ", *conditions),
                None => " never".to_owned(),
            },
            otherwise.0
        ),
        Op::Fork { branches, next } => {
            let branches: Vec<String> = branches
                .iter()
                .map(|branch| format!("{:04}", branch.0))
                .collect();
            format!("fork [{}] then {:04}", branches.join(" "), next.0)
        }
        Op::Assign { target, value } => format!("assign {:?} c{}", target.as_str(), value.0),
        Op::Fault { code, message } => match code {
            Some(code) => format!("fault {:?} {message:?}", code.as_str()),
            None => "fault again".to_owned(),
        },
        Op::EnterScope { handlers, next } => {
            let handlers: Vec<String> = handlers.iter().map(handler).collect();
            format!("enter-scope [{}] then {:04}", handlers.join(", "), next.0)
        }
        Op::LeaveScope => "leave-scope".to_owned(),
        Op::EndBranch => "end-branch".to_owned(),
        Op::Complete => "complete".to_owned(),
    }
}

fn again(retry: &Retry) -> String {
    let Retry {
        attempts,
        delay,
        factor,
        max_delay,
        jitter,
        on,
    } = retry;
    let on: Vec<_> = on.iter().map(CodePattern::as_str).collect();
    format!(
        "attempts {attempts} delay {delay} factor {factor}/1000 at most {max_delay} jitter \
         {jitter}/1000 on {on:?}"
    )
}

fn handler(handler: &Handler) -> String {
    let codes: Vec<_> = handler
        .codes
        .iter()
        .map(|code| format!("{:?}", code.as_str()))
        .collect();
    let codes = match codes.as_slice() {
        [] => "default".to_owned(),
        codes => codes.join(" "),
    };
    format!("{codes} at {:04}", handler.at.0)
}

fn range(before: &str, conditions: ConditionRange) -> String {
    let first = conditions.first.0;
    match conditions.count {
        0 => String::new(),
        1 => format!("{before}c{first}"),
        count => format!("{before}c{first}..c{}", first.saturating_add(count - 1)),
    }
}

fn described(condition: &Condition) -> String {
    let guest = match condition.guest {
        Guest::Inline => "inline".to_owned(),
        Guest::Module(hash) => hash.to_string(),
    };
    let (function, span) = (&condition.function, condition.span);
    let place = format!("{}:{}", span.line, span.column);
    format!("{guest} {function}  {place}  {:?}", condition.text)
}
