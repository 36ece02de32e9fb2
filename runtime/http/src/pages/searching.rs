//! Pages that find something: a form of filters in the address, what is wrong with one, and what was found, a page at a time.

use super::{
    fields::Fields,
    layout::Section,
    parts::{self, problem_words},
};
use crate::problem::{Code, Problem};
use bureaucrat_views::text::clean;
use jiff::{civil::DateTime, tz::TimeZone};
use maud::{Markup, html};

/// A filter that is a text: its field, its label, and an example.
pub struct TextFilter {
    pub name: &'static str,
    label: &'static str,
    example: &'static str,
}

pub const fn text(name: &'static str, label: &'static str, example: &'static str) -> TextFilter {
    TextFilter {
        name,
        label,
        example,
    }
}

/// A filter that is a time: its field and its label.
pub type TimeFilter = (&'static str, &'static str);

/// The form, filled in as it was sent: `first` is always there, `more` is folded away until one of these filters is used.
pub struct Form<'a> {
    pub section: Section,
    pub label: &'a str,
    pub fields: &'a Fields,
    /// Above the others.
    pub above: Markup,
    pub first: Markup,
    pub more: &'a [&'a TextFilter],
    pub times: &'a [TimeFilter],
}

impl Form<'_> {
    pub fn shown(&self) -> Markup {
        let path = self.section.path();
        let more = self.more.iter().map(|filter| filter.name);
        let mut folded = more.chain(self.times.iter().map(|(name, _)| *name));
        let is_used = folded.any(|name| self.fields.one(name).is_some());
        html! {
            form.filter.card method="get" action=(path) role="search" aria-label=(self.label) {
                (self.above)
                div.row { (self.first) }
                details open[is_used] {
                    summary { "More filters" }
                    div.row {
                        @for filter in self.more { (input(self.fields, filter)) }
                        @for (name, label) in self.times {
                            div.field {
                                label for=(name) { (label) }
                                input id=(name) type="datetime-local" name=(name) value=[self.fields.one(name)];
                            }
                        }
                    }
                }
                div.actions {
                    button.main type="submit" { "Search" }
                    a href=(path) { "Clear" }
                }
            }
        }
    }
}

/// One input for each value that is given, so that none of several is lost.
pub fn input(fields: &Fields, filter: &TextFilter) -> Markup {
    let mut values: Vec<&str> = fields.all(filter.name).collect();
    if values.is_empty() {
        values.push("");
    }
    html! {
        @for (number, value) in values.iter().enumerate() {
            div.field {
                @let id = format!("{}-{number}", filter.name);
                label for=(id) { (filter.label) }
                input id=(id) type="text" name=(filter.name) value=(value) placeholder=(filter.example)
                    autocomplete="off" spellcheck="false";
            }
        }
    }
}

/// What was found, or what is wrong with a filter: the form stays as it is, so that a mistake in it can be corrected.
///
/// # Errors
/// If it failed for another reason.
pub fn or_mistake(found: Result<Markup, Problem>) -> Result<Markup, Problem> {
    match found {
        Err(problem) if problem.code == Code::Parameter => Ok(html! {
            p.notice.bad role="alert" { (problem_words(&problem)) }
        }),
        found => found,
    }
}

/// What was found, with the ways to the first page and to the next; `rows` is none if nothing was, and `nothing` says so.
pub fn listed(
    section: Section,
    fields: &Fields,
    (rows, next): (Option<Markup>, Option<&str>),
    nothing: &str,
) -> Markup {
    let next = next.map(|next| fields.path(section.path(), &[("after", next)]));
    html! {
        @match (rows, &next) {
            (Some(rows), _) => (rows),
            (None, None) => p.empty { (nothing) },
            // The search stopped for a breath.
            (None, Some(_)) => p.empty { "None so far; the search continues on the next page." },
        }
        @if fields.one("after").is_some() {
            p { a href=(fields.path(section.path(), &[("after", "")])) { "To the first page" } }
        }
        @if let Some(next) = next { (parts::next(&next)) }
    }
}

/// # Errors
/// If a field is not one of these filters: a typing mistake must not find everything.
pub fn is_known<'a>(fields: &Fields, known: impl Iterator<Item = &'a str>) -> Result<(), Problem> {
    let known: Vec<&str> = known.collect();
    match fields.names().find(|name| !known.contains(name)) {
        Some(unknown) => {
            let unknown = clean(unknown);
            Err(Problem::parameter(format!(
                "there is no filter `{unknown}`"
            )))
        }
        None => Ok(()),
    }
}

/// A time as browsers write it, without a zone.
///
/// # Errors
/// If it is none.
pub fn time(text: &str) -> Result<u64, Problem> {
    let civil: Option<DateTime> = text.parse().ok();
    let millis = civil
        .and_then(|civil| civil.to_zoned(TimeZone::UTC).ok())
        .and_then(|zoned| u64::try_from(zoned.timestamp().as_millisecond()).ok());
    millis.ok_or_else(|| {
        Problem::parameter(format!(
            "`{text}` is not a time; write it like 2026-11-29T18:30"
        ))
    })
}
