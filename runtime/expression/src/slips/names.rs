//! Rules about names and attributes that are called otherwise here, or not at all.

use super::line::{KEYWORDS, Line};
use super::scan::Kind;
use super::symbols::field;
use super::tables::{self, found};
use super::{Rule, Slip, dates};
use crate::nearest::nearest;
use crate::vocabulary;

pub(super) const RULES: &[Rule] = &[word, module, root, attribute];

/// The rule for names that no other rule knows.
pub(super) const LAST: &[Rule] = &[name];

/// The types that are names of their own.
pub(super) const TYPES: &[&str] = &[
    "bool",
    "int",
    "float",
    "str",
    "list",
    "tuple",
    "dict",
    "set",
    "type",
    "isinstance",
];

/// Whether the token here is a word that no dot precedes and no `:=`, comprehension or lambda binds.
pub(super) fn is_free(line: &Line, at: usize) -> bool {
    line.kind(at) == Some(Kind::Word)
        && line.before(at) != "."
        && line.before(at) != "?."
        && !line.is_bound(line.text(at))
        && !(line.is(at + 1, "=") && matches!(line.before(at), "(" | ","))
}

pub(super) fn is_called(line: &Line, at: usize) -> bool {
    line.is(at + 1, "(")
}

/// `null`, `true`.
fn word(line: &Line, at: usize) -> Option<Slip> {
    if !is_free(line, at) || is_called(line, at) {
        return None;
    }
    let word = line.text(at);
    let meant = found(tables::WORDS, word)?;
    // As an index it is a name that lacks its quotes.
    if line.before(at) == "[" && line.is(at + 1, "]") {
        return None;
    }
    let compared = matches!(line.before(at), "==" | "!=") && meant == "None";
    let better = if line.before(at) == "==" {
        "is"
    } else {
        "is not"
    };
    if compared {
        let words = format!("`{word}` is written `None`");
        return Some(Slip::edit(words, at - 1..at + 1, &format!("{better} None")));
    }
    Some(Slip::edit(
        format!("`{word}` is written `{meant}`"),
        at..at + 1,
        meant,
    ))
}

/// `re.match(…)`, `os.environ`.
fn module(line: &Line, at: usize) -> Option<Slip> {
    if !is_free(line, at) || !line.is(at + 1, ".") {
        return None;
    }
    let name = line.text(at);
    let why = found(tables::MODULES, name)?;
    Some(Slip::told(&format!(
        "`{name}.{}` does not exist here: {why}",
        line.text(at + 2)
    )))
}

/// Names that stand for the fields in other languages, or are nearly `context`.
fn root(line: &Line, at: usize) -> Option<Slip> {
    if !is_free(line, at) {
        return None;
    }
    let name = line.text(at);
    let reads = line.is(at + 1, "[") || line.is(at + 1, ".");
    if name == "workitem" && reads && !line.is(at + 2, "fields") {
        return workitem(line, at);
    }
    if name == "context" || name == "workitem" {
        return context(line, at);
    }
    let known = nearest(name, ["context", "workitem"]).filter(|_| reads);
    let meant = match known {
        Some(known) => known,
        None if reads && tables::ROOTS.contains(&name) => "context",
        None => return None,
    };
    let words = format!("the name `{name}` is not known; the fields are `{meant}`");
    Some(Slip::edit(words, at..at + 1, meant))
}

/// `workitem["x"]`, `workitem.x`.
fn workitem(line: &Line, at: usize) -> Option<Slip> {
    let name = line.text(at + 2);
    // What a work item of the original holds beside its fields is refused by its own words.
    if line.is(at + 1, ".") && ["target_pid", "message", "target", "origin"].contains(&name) {
        return None;
    }
    if line.is(at + 1, "[") {
        let words = "the fields of `workitem` are `workitem.fields`".to_owned();
        return Some(Slip::edit(words, at..at + 1, "workitem.fields"));
    }
    if nearest(name, ["fields"]).is_some() {
        let words = format!("`workitem.{name}` does not exist; the fields are `workitem.fields`");
        return Some(Slip::edit(words, at..at + 3, "workitem.fields"));
    }
    let words = format!("fields are read as `workitem.fields[\"{name}\"]`");
    Some(Slip::edit(
        words,
        at..at + 3,
        &format!("workitem.fields[\"{name}\"]"),
    ))
}

/// `context(x)`, `context[x]`, `context.get["x"]`.
fn context(line: &Line, at: usize) -> Option<Slip> {
    let open = if line.is(at, "workitem") {
        at + 3
    } else {
        at + 1
    };
    let root = line.source(at..open);
    if line.is(open, "(") {
        let close = line.closer(open)?;
        let words = format!("fields are read with square brackets, as in `{root}[\"x\"]`");
        return Some(Slip::edit(
            words,
            at..close + 1,
            &format!("{root}[{}]", line.source(open + 1..close)),
        ));
    }
    if line.is(open, ".") && line.is(open + 1, "get") && line.is(open + 2, "[") {
        let close = line.closer(open + 2)?;
        let words = format!("`get` is called with round brackets, as in `{root}.get(\"x\")`");
        let read = format!("{root}.get({})", line.source(open + 3..close));
        return Some(Slip::edit(words, at..close + 1, &read));
    }
    let is_bare = line.is(open, "[") && line.is(open + 2, "]") && is_free(line, open + 1);
    if is_bare {
        let name = line.text(open + 1);
        let words = format!("the field's name `{name}` needs quotes");
        return Some(Slip::edit(
            words,
            open + 1..open + 2,
            &format!("\"{name}\""),
        ));
    }
    None
}

/// `context.x`, `context["x"].y`, `x.length`.
fn attribute(line: &Line, at: usize) -> Option<Slip> {
    if !line.is(at, ".") || at == 0 || !line.ends_operand(at - 1) || is_called(line, at + 1) {
        return None;
    }
    let name = line.text(at + 1);
    if line.kind(at + 1) != Some(Kind::Word) || name.starts_with("__") {
        return None;
    }
    let start = line.primary_start(at - 1)?;
    if line.is(start, "workitem") && start + 1 == at {
        return None;
    }
    if line.is(start, "str") && vocabulary::is_method(name) {
        return None;
    }
    let value = line.source(start..at);
    if let Some(function) = found(tables::FUNCTIONS_OF, name).filter(|function| *function == "len")
    {
        let words = format!("`.{name}` does not exist; write `{function}(…)`");
        return Some(Slip::edit(
            words,
            start..at + 2,
            &format!("{function}({value})"),
        ));
    }
    let is_root = ["context", "workitem.fields"].contains(&&*value);
    if is_root && ["get", "keys", "values", "items"].contains(&name) {
        return None;
    }
    if dates::is_class(line, start) && start + 1 == at {
        return None;
    }
    let is_field =
        line.is(at - 1, "]") && (line.is(start, "context") || line.is(start, "workitem"));
    let dated = dates::is_dated(line) && !is_field;
    if dated {
        return dates::attribute_of_date(line, at, start);
    }
    if vocabulary::is_method(name) && !is_root && !vocabulary::is_dated_method(name) {
        let words = format!("`.{name}` is a method; call it: `.{name}(…)`");
        let call = format!("{value}.{name}()");
        return Some(Slip::edit(words, start..at + 2, &call));
    }
    let read = format!("{value}[\"{name}\"]");
    Some(Slip::edit(
        format!("`.{name}` does not read a field; write `[\"{name}\"]`"),
        start..at + 2,
        &read,
    ))
}

/// Names that are no names here: most often a field's.
fn name(line: &Line, at: usize) -> Option<Slip> {
    let name = line.text(at);
    let is_known = KEYWORDS.contains(&name)
        || ["context", "workitem"].contains(&name)
        || TYPES.contains(&name)
        || vocabulary::is_function(name);
    if name == "inst" && line.is(at + 1, ":") && is_free(line, at) {
        let read = field(&format!("inst:{}", line.text(at + 2)));
        let words = format!("a reserved field is read as `{read}`");
        return Some(Slip::edit(words, at..at + 3, &read));
    }
    if !is_free(line, at) || is_called(line, at) || is_known {
        return None;
    }
    let words = format!(
        "the name `{name}` is not known; a field is read as `{}`",
        field(name)
    );
    Some(Slip::edit(words, at..at + 1, &field(name)))
}
