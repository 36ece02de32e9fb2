//! The forms of expressions, by their usual result. A place in angle brackets is filled: `n t l r s
//! q` with an expression for a number, a text, a list or tuple, a record, a set, a boolean, in
//! capitals with a literal, a field or a variable; `a` with one of the form's own type; `v` with a
//! new variable's name, after which `i`, `p` and `j` see that variable, of the form's type, for a
//! boolean, for anything; `x` with what is allowed in an f-string; `k` with an integer from -3 to
//! 3, `u` from 0 to 4. Of dates there are `m d c w z`: a datetime, a date, a time of day, a timedelta
//! and a time zone.

use super::{dated, scalars};

/// The wanted type.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Want {
    Number,
    Text,
    List,
    Record,
    Set,
    Truth,
    Dated(Dated),
}

/// The kinds of dates.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Dated {
    /// A datetime.
    Moment,
    Day,
    Clock,
    Span,
    Zone,
}

impl Want {
    /// The kind that a place's letter stands for.
    pub fn of(letter: char) -> Want {
        match letter.to_ascii_lowercase() {
            'n' => Want::Number,
            't' => Want::Text,
            'l' => Want::List,
            'r' => Want::Record,
            's' => Want::Set,
            'q' => Want::Truth,
            'm' => Want::Dated(Dated::Moment),
            'd' => Want::Dated(Dated::Day),
            'c' => Want::Dated(Dated::Clock),
            'w' => Want::Dated(Dated::Span),
            'z' => Want::Dated(Dated::Zone),
            other => panic!("no place is called {other}"),
        }
    }
}

pub const WANTS: &[Want] = &[
    Want::Number,
    Want::Text,
    Want::List,
    Want::Record,
    Want::Truth,
    Want::Truth,
    Want::Set,
];

/// The forms for a kind.
pub fn of(want: Want) -> &'static [&'static str] {
    match want {
        Want::Number => scalars::NUMBER,
        Want::Text => scalars::TEXT,
        Want::List => LIST,
        Want::Record => RECORD,
        Want::Set => SET,
        Want::Truth => TRUTH,
        Want::Dated(kind) => dated::of(kind),
    }
}

/// The kinds that random expressions with dates are drawn for.
pub const WITH_DATES: &[Want] = &[
    Want::Dated(Dated::Moment),
    Want::Dated(Dated::Day),
    Want::Dated(Dated::Clock),
    Want::Dated(Dated::Span),
    Want::Number,
    Want::Text,
    Want::Truth,
    Want::Truth,
    Want::List,
];

/// The forms for a kind of value in expressions with dates.
pub fn with_dates(want: Want) -> &'static [&'static str] {
    let found = dated::OTHERS.iter().find(|(other, _)| *other == want);
    found.map_or_else(|| of(want), |(_, forms)| forms)
}

pub fn literals(want: Want) -> &'static [&'static str] {
    match want {
        Want::Number => &[
            "0", "1", "2", "-1", "10", "7", "255", "True", "0.5", "1.0", "-2.25", "1e16", "0.1",
            "3.3", "1e-7", "2.675",
        ],
        Want::Text => &[
            "''",
            "'a'",
            "'b '",
            "'ab'",
            "'12'",
            "' 3.5 '",
            "'x-y'",
            "'\u{e9}'",
            "'Stra\u{df}e'",
            "'A\\tb\\nc'",
            "'\u{3a3}\u{3a3}'",
            "'\u{1c4}x'",
            "'\u{660}\u{bd}'",
        ],
        Want::List => &[
            "[]",
            "[1, 2, 3]",
            "['b', 'a']",
            "(1, 'a')",
            "[0.5, 1]",
            "[[1], []]",
            "[('a', 1), ('b', 2)]",
        ],
        Want::Record => &[
            "{}",
            "{'a': 1}",
            "{'b': 'x', 'a': [1]}",
            "{1: 'a', None: 2}",
        ],
        Want::Set => &[
            "set()",
            "{1, 2}",
            "{'a'}",
            "{1, 'a', None}",
            "{(1, 2)}",
            "{1.0, True}",
        ],
        Want::Truth => &["True", "False", "None"],
        // These are drawn.
        Want::Dated(_) => &["None"],
    }
}

/// Whole expressions: an assignment is not allowed everywhere.
pub const WHOLE: &[&str] = &[
    "[(w := <n>), w, w * 2]",
    "(w := <t>).upper() + w",
    "(w := <l>) and len(w) > <u>",
    "[w for <v> in <l> if (w := <j>)]",
    "<q> and (w := <n>) > 1 or w",
    "(w if (w := <r>) else <l>)",
];

pub const ANY: &[&str] = &[
    "<a> if <q> else <a>",
    "<a> and <a>",
    "<a> or <a>",
    "<l>[<k>]",
    "<r>['a']",
    "<r>.get(<T>, <a>)",
    "next(<i> for <v> in <l>)",
    "next((<v> for <v> in <l> if <p>), <a>)",
    "next(map(lambda <v>: <i>, <l>), None)",
    "max(<l>, key=lambda <v>: <j>)",
    "min(<l>, key=lambda <v>: <j>, default=None)",
];

const LIST: &[&str] = &[
    "<a> + <a>",
    "[<n>, <t>]",
    "(<n>, <q>)",
    "[*<a>, <n>]",
    "(*<a>, *<a>)",
    "<a>[<k>:]",
    "<a>[<k>:<k>]",
    "<a> * 2",
    "sorted(<a>)",
    "sorted(<a>, reverse=True)",
    "sorted(<a>, key=lambda <v>: <j>)",
    "sorted(<a>, key=str, reverse=True)",
    "sorted(<a>, key=len)",
    "sorted(<s>)",
    "sorted(<r>)",
    "list(<t>)",
    "list(<r>)",
    "list(<r>.items())",
    "list(<r>.values())",
    "list(<r>.keys())",
    "[<j> for <v> in <a>]",
    "[<j> for <v> in <a> if <p>]",
    "[<v> for <v> in <r>.values() if <p>]",
    "<t>.split()",
    "<t>.split(<T>)",
    "<t>.split('a', <u>)",
    "<t>.rsplit(None, <u>)",
    "<t>.rsplit(<T>, <u>)",
    "<t>.rsplit()",
    "<t>.splitlines()",
    "<t>.splitlines(True)",
    "<t>.partition(<T>)",
    "<t>.rpartition(<T>)",
    "list(range(<u>))",
    "list(range(<k>, <u>))",
    "list(range(<k>, <u>, <k>))",
    "list(reversed(<a>))",
    "list(zip(<a>, <a>))",
    "list(zip(*<a>))",
    "list(enumerate(<a>, 1))",
    "list(enumerate(<a>, start=<n>))",
    "tuple(<a>)",
    "list(map(lambda <v>: <j>, <a>))",
    "list(map(str, <a>))",
    "list(map(int, <a>))",
    "list(map(str.strip, <a>))",
    "list(map(lambda x, y: (x, y), <a>, <a>))",
    "list(filter(None, <a>))",
    "list(filter(lambda <v>: <p>, <a>))",
    "divmod(<n>, <n>)",
    "[x for x, y in <a>]",
    "[x for y in <a> for x in y]",
    "[(x, y) for x, y in <r>.items()]",
];

const RECORD: &[&str] = &[
    "{'a': <n>, <t>: <l>}",
    "<a> | <a>",
    "{<n>: <q>, 1: <t>}",
    "{**<a>, 'b': <n>}",
    "{**<a>, **<a>}",
    "dict(<a>)",
    "dict(<a>, b=<n>)",
    "dict(a=<n>, b=<t>)",
    "dict(<l>)",
    "dict(zip(<l>, <l>))",
    "{<j>: <j> for <v> in <l>}",
    "{x: y for x, y in <a>.items() if <q>}",
    "{<v>: <j> for <v> in <s>}",
    "<a>.get('a', <a>)",
    "dict(enumerate(<l>))",
    "[<a>][0]",
];

const SET: &[&str] = &[
    "<a> | <a>",
    "<a> & <a>",
    "<a> - <a>",
    "<a> ^ <a>",
    "{<n>, <t>}",
    "{*<a>, <n>}",
    "set(<l>)",
    "set(<t>)",
    "set(<r>)",
    "{<j> for <v> in <l>}",
    "{<v> for <v> in <a> if <p>}",
    "<a>.union(<l>)",
    "<a>.intersection(<l>, <a>)",
    "<a>.difference(<l>)",
    "<a>.symmetric_difference(<a>)",
    "set().union(*<l>)",
    "<r>.keys() & <a>",
    "<r>.keys() | <l>",
    "<r>.keys() - {'a'}",
    "set(<r>.values())",
];

const TRUTH: &[&str] = &[
    "<n> < <n>",
    "<n> <= <n>",
    "<n> > <n>",
    "<n> >= <n>",
    "<n> == <n>",
    "<n> != <n>",
    "<n> < <N> <= <N>",
    "<t> < <t>",
    "<t> == <T>",
    "<t> >= <T>",
    "<t> in <t>",
    "<t> not in <T>",
    "<n> in <l>",
    "<t> in <r>",
    "<n> not in <s>",
    "not <a>",
    "<a> and <a>",
    "<a> or <a>",
    "<l> == <L>",
    "<l> < <L>",
    "<s> == <s>",
    "<s> <= <s>",
    "<s> < <s>",
    "<s> >= <s>",
    "<s> > <S>",
    "<s> != <s>",
    "<s>.issubset(<l>)",
    "<s>.issuperset(<l>)",
    "<s>.isdisjoint(<s>)",
    "{'a'} <= <r>.keys()",
    "<r>.keys() == <s>",
    "any(<l>)",
    "all(<l>)",
    "all(<p> for <v> in <l>)",
    "any(<p> for <v> in <l>)",
    "any(map(lambda <v>: <p>, <l>))",
    "all(filter(lambda <v>: <p>, <l>))",
    "any(<v> for <v> in <s>)",
    "bool(<n>)",
    "bool(<l>)",
    "<t>.startswith(<T>)",
    "<t>.startswith(<T>, <k>)",
    "<t>.startswith(('a', <T>))",
    "<t>.endswith(<T>, <k>, <k>)",
    "<t>.endswith(<T>)",
    "<t>.isdigit()",
    "<t>.isdecimal()",
    "<t>.isnumeric()",
    "<t>.isalpha()",
    "<t>.isalnum()",
    "<t>.isascii()",
    "<t>.isspace()",
    "<t>.islower()",
    "<t>.isupper()",
    "<t>.istitle()",
    "<n>.is_integer()",
    "float(<n>).is_integer()",
    "<n> is None",
    "<n> is not True",
    "<r> == <R>",
    "<n> in {1, 2.0, 'a'}",
    "isinstance(<n>, int)",
    "isinstance(<l>, (list, tuple))",
    "isinstance(<t>, str | None)",
    "isinstance(<q>, bool)",
    "type(<n>) is float",
    "type(<l>) in (list, tuple)",
    "type(<n>) != type(<n>)",
    "<n> in (<j> for <v> in <l>)",
    "<t> in <r>.values()",
];
