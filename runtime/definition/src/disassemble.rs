//! Prints a program for people: one instruction per line, then the conditions.

mod sending;

use bureaucrat_model::{
    Alternative, Bond, CallTarget, CodePattern, Condition, ConditionRange, FieldPath, Guest,
    Handler, Interrupt, ItemNames, Join, Label, Millis, Op, OpIndex, Operand, Program, Retry,
    Since, Taking, When,
};
use sending::{action, message};
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
        Op::Action { .. } => action(op),
        Op::Delay { when } => format!("delay {}", at(when)),
        Op::Await {
            alternatives,
            timeout,
        } => {
            let alternatives: Vec<_> = alternatives.iter().map(alternative).collect();
            let mut text = format!("await {}", alternatives.join(", "));
            if let Some(timeout) = timeout {
                let then = timeout.at.map_or_else(|| "fault".to_owned(), place);
                let _ = write!(text, " timeout {} {then}", at(&timeout.when));
            }
            text
        }
        Op::Call {
            target,
            bond,
            inputs,
            taking,
        } => format!(
            "{} {}{}{}",
            match bond {
                Bond::Awaited => "call",
                Bond::Detached => "launch",
            },
            match target {
                CallTarget::Field(field) => format!("{field:?}"),
                CallTarget::Named(name) => operand(name),
            },
            carried(inputs.as_deref()),
            taken(taking)
        ),
        Op::Emit {
            event,
            key,
            keep,
            fields,
        } => {
            let keep = keep.map_or_else(String::new, |keep| format!(" keep {keep}"));
            let (event, key) = (operand(event), keyed(key.as_ref()));
            format!("emit {event}{key}{keep} {fields:?}")
        }
        Op::Listen { listeners, end } => {
            let listeners: Vec<String> = listeners.iter().map(|one| place(one.at)).collect();
            format!("listen [{}] then {}", listeners.join(" "), place(*end))
        }
        Op::Receive {
            event,
            key,
            since,
            conditions,
            taking,
            interrupt,
        } => format!(
            "receive {}{}{}{}{}{}",
            operand(event),
            keyed(key.as_ref()),
            counted(*since),
            range(" if ", *conditions),
            taken(taking),
            interrupting(*interrupt)
        ),
        Op::Alarm { when, interrupt } => {
            format!("alarm {}{}", at(when), interrupting(*interrupt))
        }
        Op::Forget => "forget".to_owned(),
        Op::TryAgain { retry, start } => {
            format!("try-again {} from {}", again(retry), place(*start))
        }
        Op::Compensate { scope } => {
            let scope = scope.map(|scope| format!(" {}", place(scope)));
            format!("compensate{}", scope.unwrap_or_default())
        }
        Op::Deadline { span } => format!("deadline {}", span_of(span)),
        Op::Send { .. } => message(op),
        Op::Within { span } => format!("within {}", span_of(span)),
        Op::Evaluate { function } => format!("evaluate c{}", function.0),
        Op::Constant { value } => format!("constant {}", value.as_str()),
        Op::Store { targets } => {
            let targets: Vec<_> = targets.iter().map(FieldPath::as_str).collect();
            format!("store {targets:?}")
        }
        Op::Jump { target } => format!("jump {}", place(*target)),
        Op::Test {
            conditions,
            otherwise,
        } => format!(
            "test{} else {}",
            match conditions.start() {
                Some(_) => range(" ", *conditions),
                None => " never".to_owned(),
            },
            place(*otherwise)
        ),
        Op::Fork {
            branches,
            join,
            next,
        } => {
            let branches: Vec<String> = branches.iter().copied().map(place).collect();
            let name = match join {
                Join::All => "fork",
                Join::First => "race",
            };
            format!("{name} [{}] then {}", branches.join(" "), place(*next))
        }
        Op::Fault {
            code,
            message,
            data,
        } => match code {
            Some(code) => {
                let code = match code {
                    Operand::Fixed(code) => format!("{:?}", code.as_str()),
                    Operand::Computed => COMPUTED.to_owned(),
                };
                let data = if data.is_some() { " with data" } else { "" };
                format!("fault {code} {}{data}", operand(message))
            }
            None => "fault again".to_owned(),
        },
        Op::EnterScope {
            handlers,
            finally,
            compensation,
            next,
        } => {
            let handlers: Vec<String> = handlers.iter().map(handler).collect();
            let finally = finally.map(|at| format!(" finally {}", place(at)));
            let undo = compensation.map(|at| format!(" compensate {}", place(at)));
            format!(
                "enter-scope [{}]{}{} then {}",
                handlers.join(", "),
                finally.unwrap_or_default(),
                undo.unwrap_or_default(),
                place(*next)
            )
        }
        Op::LeaveScope => "leave-scope".to_owned(),
        Op::Declare { fixed, computed } => match computed {
            Some(name) => format!("declare {fixed:?} and {name:?}"),
            None => format!("declare {fixed:?}"),
        },
        Op::EnterItems => "enter-items".to_owned(),
        Op::NextItem { names, end } => format!("next-item{} else {}", named(names), place(*end)),
        Op::ForkItems {
            names,
            parallel,
            end,
        } => format!("fork-items {parallel}{} then {}", named(names), place(*end)),
        Op::Collect => "collect".to_owned(),
        Op::StoreCollected { target } => format!("store-collected {:?}", target.as_str()),
        Op::EndBranch => "end-branch".to_owned(),
        Op::Complete => "complete".to_owned(),
    }
}

const fn interrupting(interrupt: Interrupt) -> &'static str {
    match interrupt {
        Interrupt::Yes => " interrupting",
        Interrupt::No => "",
    }
}

/// What stands for a computed operand.
const COMPUTED: &str = "(computed)";

fn alternative(alternative: &Alternative) -> String {
    let Alternative {
        event,
        key,
        conditions,
        taking,
        since,
        at,
    } = alternative;
    format!(
        "{}{}{}{}{} at {}",
        operand(event),
        keyed(key.as_ref()),
        counted(*since),
        range(" if ", *conditions),
        taken(taking),
        place(*at)
    )
}

/// Since when kept events count.
fn counted(since: Option<Since>) -> String {
    match since {
        None => String::new(),
        Some(Since::Launch) => " since launch".to_owned(),
        Some(Since::Span(span)) => format!(" since {span}"),
    }
}

fn place(at: OpIndex) -> String {
    format!("{:04}", at.0)
}

fn operand(operand: &Operand<String>) -> String {
    match operand {
        Operand::Fixed(text) => format!("{text:?}"),
        Operand::Computed => COMPUTED.to_owned(),
    }
}

fn span_of(span: &Operand<Millis>) -> String {
    match span {
        Operand::Fixed(span) => span.to_string(),
        Operand::Computed => COMPUTED.to_owned(),
    }
}

fn at(when: &When) -> String {
    match when {
        When::After(span) => span_of(span),
        When::At(Operand::Fixed(time)) => format!("until {time}"),
        When::At(Operand::Computed) => format!("until {COMPUTED}"),
    }
}

fn keyed(key: Option<&Operand<String>>) -> String {
    key.map_or_else(String::new, |key| format!(" key {}", operand(key)))
}

fn carried(inputs: Option<&[String]>) -> String {
    inputs.map_or_else(String::new, |names| format!(" in {names:?}"))
}

fn taken(taking: &Taking) -> String {
    match taking {
        Taking::Fields => String::new(),
        Taking::Into(target) => format!(" into {:?}", target.as_str()),
        Taking::Functions => " out".to_owned(),
    }
}

fn named(names: &ItemNames) -> String {
    let name = |what: &str, name: &Option<String>| {
        name.as_ref()
            .map_or_else(String::new, |name| format!(" {what} {name:?}"))
    };
    name("as", &names.item) + &name("index", &names.index)
}

fn again(retry: &Retry) -> String {
    let Retry {
        attempts,
        delay,
        factor,
        max_delay,
        jitter,
        on,
        conditions,
    } = retry;
    let on: Vec<_> = on.iter().map(CodePattern::as_str).collect();
    format!(
        "attempts {attempts} delay {delay} factor {factor}/1000 at most {max_delay} jitter \
         {jitter}/1000 on {on:?}{}",
        range(" if ", *conditions)
    )
}

fn handler(handler: &Handler) -> String {
    let codes: Vec<_> = handler
        .codes
        .iter()
        .map(|code| format!("{:?}", code.as_str()))
        .collect();
    let codes = match codes.as_slice() {
        [] if handler.retry.is_some() => "retry".to_owned(),
        [] => "default".to_owned(),
        codes => codes.join(" "),
    };
    let conditions = range(" if ", handler.conditions);
    format!("{codes}{conditions} at {:04}", handler.at.0)
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
