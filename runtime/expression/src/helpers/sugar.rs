//! The shorthand in which the helper functions are written, and its expansion to plain WebAssembly text.
//!
//! The helper files are folded WAT with a few abbreviations, so that a function reads at a glance:
//!
//! - `(fn $name ($a $n:i64) i32 ($local $x:f64) body…)` defines and exports a function: parameters, the result (`-` for none),
//!   locals, body. A type that is not written is `i32`.
//! - `$x` as an operand is `(local.get $x)`, a number or `'c'` is an `i32.const`, `12L` an `i64.const`, an upper-case word a
//!   named constant of [`CONSTANTS`].
//! - an `i32` instruction may leave its prefix out: `(add $a 1)`; [`ACCESS`] names the loads that read a cell.
//! - `(set $x e)`, `(tee $x e)`, `(when c body…)`, `(while c body…)`, `(break)`, `(continue)`, `(pick c a b)`,
//!   `(both a b)`, `(either a b)`: what they look like; the last two do not evaluate `b` when `a` decides.
//! - `(text "…")` is a text cell made from a passive data segment, `(say a b …)` the concatenation of text cells.
//! - `(table name)` is the address of a table of `helpers/unicode.txt`, copied from a passive data segment once.
//! - any other head without a dot is a call.
//!
//! It knows nothing of what the helpers mean. Its input is our own source, so an error in it is a defect found by any test.

use std::collections::BTreeMap;
use std::fmt::Write as _;

pub(crate) use super::cells::{CONSTANTS, TABLES_BYTES, named};

/// Loads that have a name of their own.
const ACCESS: &[(&str, &str)] = &[
    ("tag", "i32.load8_u"),
    ("int", "i64.load offset=8"),
    ("float", "f64.load offset=8"),
    ("at", "i32.load offset=8"),
    ("size", "i32.load offset=12"),
    ("load", "i32.load"),
    ("load8", "i32.load8_u"),
    ("store", "i32.store"),
    ("store8", "i32.store8"),
    ("grab", "global.get"),
    ("keep", "global.set"),
];

const I32_INSTRUCTIONS: &[&str] = &[
    "add", "sub", "mul", "and", "or", "xor", "shl", "shr_u", "shr_s", "eq", "ne", "eqz", "lt_s",
    "lt_u", "gt_s", "gt_u", "le_s", "le_u", "ge_s", "ge_u", "div_u", "rem_u", "div_s",
];

/// Words that stay as they are, their operands expanded.
const PLAIN: &[&str] = &[
    "then",
    "else",
    "return",
    "drop",
    "select",
    "unreachable",
    "nop",
];

/// Instructions whose first argument is an index or an immediate.
const WITH_IMMEDIATE: &[&str] = &[
    "local.get",
    "local.set",
    "local.tee",
    "global.get",
    "global.set",
    "memory.init",
    "data.drop",
    "i32.const",
    "i64.const",
    "f64.const",
];

#[derive(Debug, Clone, PartialEq)]
enum Form {
    Atom(String),
    Quoted(String),
    List(Vec<Form>),
}

/// Expands helper sources to the text of one WebAssembly module that exports every function under its own name.
/// `prelude` is plain WAT that goes first (imports, globals), `tables` are names and bytes for `(table …)`.
pub(crate) fn expand(prelude: &str, sources: &[&str], tables: &[(String, Vec<u8>)]) -> String {
    let mut expander = Expander::default();
    let mut functions = String::new();
    for source in sources {
        for form in read(source) {
            expander.function(&form, &mut functions);
        }
    }
    let mut module = format!("(module\n{prelude}\n{functions}");
    for (text, index) in &expander.texts {
        let length = unescaped_length(text);
        let _ = writeln!(
            module,
            "(data $text_{index} \"{text}\")\n(func $text_{index} (export \"text_{index}\") (result i32) (local $p i32)\n\
             (if (i32.eqz (local.tee $p (call $alloc (i32.const {length})))) (then (return (i32.const 0))))\n\
             (memory.init $text_{index} (local.get $p) (i32.const 0) (i32.const {length}))\n\
             (call $text_cell (local.get $p) (i32.const {length})))"
        );
    }
    for (slot, (name, bytes)) in tables.iter().enumerate() {
        module.push_str(&super::tables::function(slot, name, bytes));
    }
    module.push(')');
    module
}

/// The bytes that a WAT string stands for; only the escapes `\"`, `\\`, `\n`, `\'` are used in the helpers.
fn unescaped_length(text: &str) -> usize {
    text.len() - text.replace("\\\\", "_").matches('\\').count() - text.matches("\\\\").count()
}

fn read(source: &str) -> Vec<Form> {
    let mut stack: Vec<Vec<Form>> = vec![Vec::new()];
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let taken = match first {
            ';' => rest.find('\n').unwrap_or(rest.len()),
            '(' => {
                stack.push(Vec::new());
                1
            }
            ')' => {
                let list = stack.pop().unwrap_or_default();
                if let Some(outer) = stack.last_mut() {
                    outer.push(Form::List(list));
                }
                1
            }
            '"' => {
                let end = closing_quote(rest);
                push(&mut stack, Form::Quoted(rest[1..end].to_owned()));
                end + 1
            }
            '\'' => {
                let end = 2 + rest[2..].find('\'').unwrap_or(0);
                let code = rest[1..end].chars().next().map_or(0, u32::from);
                push(&mut stack, Form::Atom(code.to_string()));
                end + 1
            }
            blank if blank.is_whitespace() => blank.len_utf8(),
            _ => {
                let end = rest.find([' ', '\n', '(', ')', '\t']).unwrap_or(rest.len());
                push(&mut stack, Form::Atom(rest[..end].to_owned()));
                end
            }
        };
        rest = &rest[taken..];
    }
    stack.pop().unwrap_or_default()
}

fn push(stack: &mut [Vec<Form>], form: Form) {
    if let Some(list) = stack.last_mut() {
        list.push(form);
    }
}

fn closing_quote(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let mut at = 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at
}

#[derive(Default)]
struct Expander {
    /// Texts of `(text …)`, by content, with the number of their segment.
    texts: BTreeMap<String, usize>,
    /// How many loops have been opened, for names that differ.
    loops: usize,
    open: Vec<usize>,
}

impl Expander {
    fn function(&mut self, form: &Form, out: &mut String) {
        let Form::List(parts) = form else { return };
        let [
            Form::Atom(_),
            Form::Atom(name),
            Form::List(parameters),
            Form::Atom(result),
            Form::List(locals),
            body @ ..,
        ] = parts.as_slice()
        else {
            panic!("a helper is not written as (fn $name (…) result (…) …): {parts:?}");
        };
        let _ = write!(
            out,
            "(func {name} (export \"{}\")",
            name.trim_start_matches('$')
        );
        declare(out, "param", parameters);
        if result != "-" {
            let _ = write!(out, " (result {result})");
        }
        declare(out, "local", locals);
        self.all(body, out);
        out.push_str(")\n");
    }

    fn all(&mut self, forms: &[Form], out: &mut String) {
        for form in forms {
            out.push('\n');
            self.one(form, out);
        }
    }

    fn one(&mut self, form: &Form, out: &mut String) {
        match form {
            Form::Atom(atom) => operand(atom, out),
            Form::Quoted(text) => panic!("a text outside (text …): {text}"),
            Form::List(parts) => {
                let Some((Form::Atom(head), rest)) = parts.split_first() else {
                    panic!("a list without a head: {parts:?}");
                };
                self.list(head, rest, out);
            }
        }
    }

    fn list(&mut self, head: &str, rest: &[Form], out: &mut String) {
        match (head, rest) {
            ("text", [Form::Quoted(text)]) => {
                let next = self.texts.len();
                let index = *self.texts.entry(text.clone()).or_insert(next);
                let _ = write!(out, "(call $text_{index})");
            }
            ("table", [Form::Atom(name)]) => {
                let _ = write!(out, "(call $table_{name})");
            }
            ("result", [Form::Atom(kind)]) => {
                let _ = write!(out, "(result {kind})");
            }
            ("say", [only]) => self.one(only, out),
            ("say", [first @ .., last]) => {
                out.push_str("(call $concat ");
                self.list("say", first, out);
                self.one(last, out);
                out.push(')');
            }
            ("set", _) => self.immediate("local.set", rest, out),
            ("tee", _) => self.immediate("local.tee", rest, out),
            ("grab" | "keep", _) => self.immediate(
                if head == "grab" {
                    "global.get"
                } else {
                    "global.set"
                },
                rest,
                out,
            ),
            ("when", [condition, body @ ..]) => {
                out.push_str("(if ");
                self.one(condition, out);
                out.push_str(" (then");
                self.all(body, out);
                out.push_str("))");
            }
            ("if", [condition, arms @ ..]) => {
                out.push_str("(if ");
                self.one(condition, out);
                self.all(arms, out);
                out.push(')');
            }
            ("pick", [condition, yes, no]) => self.choice(condition, Some(yes), Some(no), out),
            ("both", [first, second]) => self.choice(first, Some(second), None, out),
            ("either", [first, second]) => self.choice(first, None, Some(second), out),
            ("while", [condition, body @ ..]) => self.repeat(condition, body, out),
            ("break", []) => {
                let _ = write!(
                    out,
                    "(br $end_{})",
                    self.open.last().copied().unwrap_or_default()
                );
            }
            ("continue", []) => {
                let _ = write!(
                    out,
                    "(br $again_{})",
                    self.open.last().copied().unwrap_or_default()
                );
            }
            _ if WITH_IMMEDIATE.contains(&head) => self.immediate(head, rest, out),
            _ => self.instruction(head, rest, out),
        }
    }

    fn choice(
        &mut self,
        condition: &Form,
        yes: Option<&Form>,
        no: Option<&Form>,
        out: &mut String,
    ) {
        out.push_str("(if (result i32) ");
        self.one(condition, out);
        for (arm, form, default) in [("then", yes, 1), ("else", no, 0)] {
            let _ = write!(out, " ({arm} ");
            match form {
                Some(form) => self.one(form, out),
                None => {
                    let _ = write!(out, "(i32.const {default})");
                }
            }
            out.push(')');
        }
        out.push(')');
    }

    fn repeat(&mut self, condition: &Form, body: &[Form], out: &mut String) {
        self.loops += 1;
        let number = self.loops;
        self.open.push(number);
        let _ = write!(
            out,
            "(block $end_{number} (loop $again_{number} (br_if $end_{number} (i32.eqz "
        );
        self.one(condition, out);
        out.push_str("))");
        self.all(body, out);
        let _ = write!(out, " (br $again_{number})))");
        self.open.pop();
    }

    fn immediate(&mut self, head: &str, rest: &[Form], out: &mut String) {
        let Some((Form::Atom(first), rest)) = rest.split_first() else {
            panic!("{head} without its first argument");
        };
        let _ = write!(out, "({head} {first} ");
        self.all(rest, out);
        out.push(')');
    }

    fn instruction(&mut self, head: &str, rest: &[Form], out: &mut String) {
        let access = ACCESS.iter().find(|(name, _)| *name == head);
        out.push('(');
        match access {
            Some((_, instruction)) => out.push_str(instruction),
            None if head.contains('.') || PLAIN.contains(&head) => out.push_str(head),
            None if I32_INSTRUCTIONS.contains(&head) => {
                let _ = write!(out, "i32.{head}");
            }
            None => {
                let _ = write!(out, "call ${head}");
            }
        }
        out.push(' ');
        self.all(rest, out);
        out.push(')');
    }
}

fn declare(out: &mut String, word: &str, names: &[Form]) {
    for form in names {
        let Form::Atom(atom) = form else {
            panic!("a declaration is not a name: {form:?}")
        };
        let (name, kind) = atom.split_once(':').unwrap_or((atom, "i32"));
        let _ = write!(out, " ({word} {name} {kind})");
    }
}

fn operand(atom: &str, out: &mut String) {
    let constant = CONSTANTS.iter().find(|(name, _)| *name == atom);
    let _ = if let Some((_, value)) = constant {
        write!(out, "(i32.const {value})")
    } else if atom.starts_with('$') {
        write!(out, "(local.get {atom})")
    } else if let Some(long) = atom.strip_suffix('L') {
        write!(out, "(i64.const {long})")
    } else if atom.starts_with("offset=") {
        write!(out, "{atom}")
    } else {
        write!(out, "(i32.const {atom})")
    };
}
