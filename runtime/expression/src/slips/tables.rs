//! What other languages call things, and what they are called here.

/// Words of other languages that have a word of Python's for the same.
pub(super) const WORDS: &[(&str, &str)] = &[
    ("null", "None"),
    ("Null", "None"),
    ("NULL", "None"),
    ("nil", "None"),
    ("none", "None"),
    ("NONE", "None"),
    ("nullptr", "None"),
    ("undefined", "None"),
    ("true", "True"),
    ("TRUE", "True"),
    ("false", "False"),
    ("FALSE", "False"),
];

/// Operators that other languages write as words, where they are between two values.
pub(super) const INFIX_WORDS: &[(&str, &str)] = &[
    ("AND", "and"),
    ("And", "and"),
    ("OR", "or"),
    ("Or", "or"),
    ("IN", "in"),
    ("In", "in"),
    ("IS", "is"),
    ("Is", "is"),
    ("xor", "!="),
    ("XOR", "!="),
    ("mod", "%"),
    ("MOD", "%"),
    ("div", "//"),
    ("DIV", "//"),
    ("eq", "=="),
    ("equals", "=="),
    ("ne", "!="),
    ("neq", "!="),
    ("lt", "<"),
    ("gt", ">"),
    ("le", "<="),
    ("lte", "<="),
    ("ge", ">="),
    ("gte", ">="),
    ("instanceof", "isinstance"),
    ("isnt", "!="),
];

/// Words of other languages that nothing here is written for.
pub(super) const FOREIGN_WORDS: &[(&str, &str)] = &[
    (
        "new",
        "nothing is constructed in a condition; leave out `new`",
    ),
    ("typeof", "`typeof` is written `isinstance(x, str)`"),
    (
        "defined",
        "to ask whether a field exists, write `\"x\" in context`",
    ),
    (
        "CASE",
        "`CASE WHEN c THEN a ELSE b END` is written `a if c else b`",
    ),
    (
        "EXISTS",
        "to ask whether a field exists, write `\"x\" in context`",
    ),
];

/// Symbols of other languages, of mathematics and of word processors.
pub(super) const SYMBOLS: &[(&str, &str)] = &[
    ("&&", "and"),
    ("||", "or"),
    ("===", "=="),
    ("!==", "!="),
    ("<>", "!="),
    ("=<", "<="),
    ("=>", ">="),
    ("?.", "."),
    ("≤", "<="),
    ("≥", ">="),
    ("≠", "!="),
    ("×", "*"),
    ("÷", "/"),
    ("−", "-"),
    ("–", "-"),
    ("—", "-"),
    ("，", ","),
    ("（", "("),
    ("）", ")"),
    ("＝", "=="),
];

/// Methods of other languages with another name here, and the same arguments.
pub(super) const METHODS: &[(&str, &str)] = &[
    ("startsWith", "startswith"),
    ("starts_with", "startswith"),
    ("StartsWith", "startswith"),
    ("hasPrefix", "startswith"),
    ("endsWith", "endswith"),
    ("ends_with", "endswith"),
    ("EndsWith", "endswith"),
    ("hasSuffix", "endswith"),
    ("toLowerCase", "lower"),
    ("toLower", "lower"),
    ("ToLower", "lower"),
    ("lowercase", "lower"),
    ("downcase", "lower"),
    ("toUpperCase", "upper"),
    ("toUpper", "upper"),
    ("ToUpper", "upper"),
    ("uppercase", "upper"),
    ("upcase", "upper"),
    ("trim", "strip"),
    ("Trim", "strip"),
    ("trimStart", "lstrip"),
    ("trimEnd", "rstrip"),
    ("indexOf", "find"),
    ("lastIndexOf", "rfind"),
    ("replaceAll", "replace"),
    ("getOrDefault", "get"),
    ("iteritems", "items"),
    ("entries", "items"),
    ("padStart", "rjust"),
    ("padEnd", "ljust"),
];

/// Methods and attributes of other languages that are functions here.
pub(super) const FUNCTIONS_OF: &[(&str, &str)] = &[
    ("length", "len"),
    ("Length", "len"),
    ("size", "len"),
    ("len", "len"),
    ("Count", "len"),
    ("toString", "str"),
    ("ToString", "str"),
    ("to_s", "str"),
    ("toInt", "int"),
    ("to_i", "int"),
    ("intValue", "int"),
    ("to_f", "float"),
    ("toFloat", "float"),
    ("abs", "abs"),
    ("round", "round"),
    ("sum", "sum"),
    ("sorted", "sorted"),
    ("max", "max"),
    ("min", "min"),
];

/// Methods that ask whether something is in the value.
pub(super) const CONTAINS: &[&str] = &[
    "contains",
    "Contains",
    "includes",
    "include",
    "has",
    "has_key",
    "hasKey",
    "containsKey",
    "hasOwnProperty",
    "exists",
];

/// Functions of other languages with another name here.
pub(super) const FUNCTIONS: &[(&str, &str)] = &[
    ("length", "len"),
    ("size", "len"),
    ("strlen", "len"),
    ("count", "len"),
    ("sizeof", "len"),
    ("parseInt", "int"),
    ("toInt", "int"),
    ("integer", "int"),
    ("Integer", "int"),
    ("intval", "int"),
    ("parseFloat", "float"),
    ("toFloat", "float"),
    ("Number", "float"),
    ("number", "float"),
    ("double", "float"),
    ("String", "str"),
    ("string", "str"),
    ("toString", "str"),
    ("text", "str"),
    ("unicode", "str"),
    ("boolean", "bool"),
    ("Boolean", "bool"),
    ("array", "list"),
    ("long", "int"),
    ("xrange", "range"),
];

/// Functions that are methods of text here.
pub(super) const METHODS_OF: &[(&str, &str)] = &[
    ("lower", "lower"),
    ("lowercase", "lower"),
    ("toLower", "lower"),
    ("lcase", "lower"),
    ("LOWER", "lower"),
    ("upper", "upper"),
    ("uppercase", "upper"),
    ("toUpper", "upper"),
    ("ucase", "upper"),
    ("UPPER", "upper"),
    ("trim", "strip"),
    ("TRIM", "strip"),
    ("strip", "strip"),
    ("startsWith", "startswith"),
    ("starts_with", "startswith"),
    ("startswith", "startswith"),
    ("endsWith", "endswith"),
    ("ends_with", "endswith"),
    ("endswith", "endswith"),
    ("split", "split"),
    ("replace", "replace"),
];

/// Names that stand for the fields elsewhere.
pub(super) const ROOTS: &[&str] = &[
    "ctx",
    "Context",
    "CONTEXT",
    "fields",
    "vars",
    "variables",
    "self",
    "this",
    "Workitem",
    "WorkItem",
];

/// Modules that people reach for, and what to do without them.
pub(super) const MODULES: &[(&str, &str)] = &[
    (
        "re",
        "there are no regular expressions; use `in`, `startswith`, `split` or a WebAssembly module",
    ),
    ("os", ALONE),
    ("sys", ALONE),
    ("subprocess", ALONE),
    ("socket", ALONE),
    ("requests", ALONE),
    ("env", ALONE),
    ("process", ALONE),
    (
        "json",
        "fields already hold JSON values: read `context[\"x\"][\"y\"]`",
    ),
    (
        "JSON",
        "fields already hold JSON values: read `context[\"x\"][\"y\"]`",
    ),
    (
        "math",
        "there are no modules; there are `abs`, `min`, `max`, `round`, `//` and `**`",
    ),
    (
        "Math",
        "there are no modules; there are `abs`, `min`, `max`, `round`, `//` and `**`",
    ),
    (
        "random",
        "a condition must give the same result each time it is evaluated",
    ),
    (
        "uuid",
        "a condition must give the same result each time it is evaluated",
    ),
];

/// Functions that no condition has, and why.
pub(super) const NO_FUNCTIONS: &[(&str, &str)] = &[
    ("open", ALONE),
    ("input", ALONE),
    ("eval", ALONE),
    ("exec", ALONE),
    ("compile", ALONE),
    ("__import__", ALONE),
    ("import", ALONE),
    ("require", ALONE),
    ("getattr", ALONE),
    ("setattr", ALONE),
    ("globals", ALONE),
    ("locals", ALONE),
    ("getenv", ALONE),
    ("hash", SAME),
    ("id", SAME),
    ("random", SAME),
    ("rand", SAME),
    ("print", PRINT),
    ("println", PRINT),
    ("printf", PRINT),
    ("echo", PRINT),
    ("puts", PRINT),
    ("regex", REGEX),
    ("matches", REGEX),
    ("match", REGEX),
    ("regexp", REGEX),
];

/// Words that begin a statement; what follows may be the condition.
pub(super) const LEADING: &[(&str, &str)] = &[
    ("print", PRINT),
    ("echo", PRINT),
    (
        "return",
        "a condition is an expression; its value is the result, without `return`",
    ),
    ("assert", "a condition is an expression, not an assertion"),
    ("test", "a condition is an expression, not a shell command"),
    ("if", "a condition is an expression; leave out `if` and `:`"),
    (
        "elif",
        "a condition is an expression; write another `<case>` instead of `elif`",
    ),
    ("when", "a condition is an expression; leave out `when`"),
    ("where", "a condition is an expression; leave out `where`"),
    ("WHERE", "a condition is an expression; leave out `WHERE`"),
    ("IF", "a condition is an expression; leave out `IF`"),
    ("while", "a condition is an expression; leave out `while`"),
    ("let", SETS),
    ("var", SETS),
    ("const", SETS),
    ("set", SETS),
    (
        "unless",
        "a condition is an expression; write `not` instead of `unless`",
    ),
];

/// Words that begin a statement that no condition can be made of.
pub(super) const STATEMENTS: &[&str] = &[
    "import", "from", "def", "class", "del", "raise", "try", "with", "pass", "break", "continue",
    "global", "nonlocal", "for", "else", "switch", "case", "function", "SELECT", "select", "do",
];

pub(super) const ALONE: &str =
    "a condition sees only the process's fields: no files, no network, no Python modules";
pub(super) const SAME: &str = "a condition must give the same result each time it is evaluated";
pub(super) const PRINT: &str = "a condition prints nothing; its value is the result";
pub(super) const REGEX: &str =
    "there are no regular expressions; use `in`, `startswith`, `split` or a WebAssembly module";
pub(super) const SETS: &str =
    "a condition cannot set a value; a participant's answer changes the fields";

pub(super) fn found<'t>(table: &'t [(&str, &'t str)], name: &str) -> Option<&'t str> {
    let (_, meant) = table.iter().find(|(known, _)| *known == name)?;
    Some(meant)
}
