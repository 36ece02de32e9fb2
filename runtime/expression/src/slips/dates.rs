//! Rules about dates: other clocks, the module's name before a class, brackets behind an attribute.

use super::line::Line;
use super::names::{is_called, is_free};
use super::scan::Kind;
use super::{Rule, Slip};
use crate::nearest::nearest;
use crate::vocabulary;

pub(super) const RULES: &[Rule] = &[clock, qualified, attribute];

/// The classes of Python's module `datetime`.
const CLASSES: &[&str] = &["date", "datetime", "time", "timedelta", "timezone"];

/// Other clocks, and what to write instead.
const CLOCKS: &[(&[&str], &str)] = &[
    (&["datetime", "now"], "now()"),
    (&["datetime", "utcnow"], "now()"),
    (&["datetime", "today"], "now()"),
    (&["date", "today"], "now().date()"),
    (&["time", "time"], "now().timestamp()"),
    (&["Date", "now"], "now()"),
    (&["today"], "now().date()"),
    (&["NOW"], "now()"),
    (&["utcnow"], "now()"),
    (&["getdate"], "now()"),
    (&["sysdate"], "now()"),
    (&["currentDate"], "now().date()"),
];

/// `datetime.now()`, `time.time()`, `today()`.
fn clock(line: &Line, at: usize) -> Option<Slip> {
    if !is_free(line, at) {
        return None;
    }
    let module = usize::from(is_module(line, at)) * 2;
    let (path, meant) = CLOCKS.iter().find(|(path, _)| {
        let open = at + module + path.len() * 2 - 1;
        is_path(line, at + module, path) && line.is(open, "(")
    })?;
    let open = at + module + path.len() * 2 - 1;
    let close = line.closer(open)?;
    let words = format!(
        "`{}` does not exist here; the time is `now()`, which is in UTC",
        path.join(".")
    );
    Some(Slip::edit(words, at..close + 1, meant))
}

fn is_path(line: &Line, at: usize, path: &[&str]) -> bool {
    let mut places = path.iter().enumerate();
    places.all(|(place, name)| {
        let token = at + place * 2;
        line.is(token, name) && (place == 0 || line.is(token - 1, "."))
    })
}

/// Whether the module's name precedes a class: `datetime.timedelta(…)`.
fn is_module(line: &Line, at: usize) -> bool {
    let class = line.is(at + 3, "(") || line.is(at + 3, ".");
    line.is(at, "datetime") && line.is(at + 1, ".") && CLASSES.contains(&line.text(at + 2)) && class
}

/// `datetime.timedelta(days=1)`.
fn qualified(line: &Line, at: usize) -> Option<Slip> {
    if !is_free(line, at) || !is_module(line, at) {
        return None;
    }
    let class = line.text(at + 2);
    let words = format!("there are no modules here; `datetime.{class}` is `{class}`");
    Some(Slip::edit(words, at..at + 3, class))
}

/// `now().year()`.
fn attribute(line: &Line, at: usize) -> Option<Slip> {
    let name = line.text(at + 1);
    let empty = line.is(at + 2, "(") && line.is(at + 3, ")");
    let known = vocabulary::is_attribute(name) && is_dated(line);
    if !line.is(at, ".") || line.kind(at + 1) != Some(Kind::Word) || !known || !empty {
        return None;
    }
    let words = format!("`.{name}` is an attribute; leave out the brackets");
    Some(Slip::edit(words, at + 1..at + 4, name))
}

/// `now().weekday`, `now().yaer`: where something makes a date, an attribute is most often a date's.
pub(super) fn attribute_of_date(line: &Line, at: usize, start: usize) -> Option<Slip> {
    let name = line.text(at + 1);
    if vocabulary::is_attribute(name) {
        return None;
    }
    if vocabulary::is_method(name) {
        let words = format!("`.{name}` is a method; call it: `.{name}(…)`");
        let call = format!("{}.{name}()", line.source(start..at));
        return Some(Slip::edit(words, start..at + 2, &call));
    }
    let meant = nearest(name, vocabulary::attributes())?;
    let words = format!("`.{name}` does not exist; did you mean `.{meant}`?");
    Some(Slip::edit(words, at + 1..at + 2, meant))
}

/// Whether the token here is a class of dates.
pub(super) fn is_class(line: &Line, at: usize) -> bool {
    CLASSES.contains(&line.text(at)) && is_free(line, at)
}

/// Whether something in the text makes a date.
pub(super) fn is_dated(line: &Line) -> bool {
    (0..line.len()).any(|at| {
        let named = CLASSES.contains(&line.text(at)) || line.is(at, "now");
        named && is_free(line, at) && (is_called(line, at) || line.is(at + 1, "."))
    })
}
