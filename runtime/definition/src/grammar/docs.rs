//! The tables of docs/language.md.
//!
//! The page holds a pair of markers for each section, `<!-- grammar: SECTION -->` and
//! `<!-- end -->`; what is between them is made here, all else is written by people.

use super::{Content, Least, Need, Occurs, ROWS, Row, Tag, Text, row::Labels};
use std::fmt::Write as _;

const BEGIN: &str = "<!-- grammar: ";
const END: &str = "<!-- end -->";

/// The page with what is between its markers made again.
///
/// # Errors
/// A marker without its end, one of an unknown section, or a section without a marker.
pub fn documented(page: &str) -> Result<String, String> {
    let mut made = String::new();
    let mut sections: Vec<&str> = ROWS.iter().map(|row| row.section).collect();
    let mut rest = page;
    while let Some((before, after)) = rest.split_once(BEGIN) {
        let unclosed = || format!("a marker is not closed: {}", cut(after));
        let (section, after) = after.split_once(" -->").ok_or_else(unclosed)?;
        let (_, after) = after.split_once(END).ok_or_else(unclosed)?;
        let table = if section == "overview" {
            overview()
        } else {
            table(section).ok_or_else(|| format!("no element is in the section {section}"))?
        };
        sections.retain(|known| *known != section);
        // Writing to a string cannot fail.
        let _ = write!(made, "{before}{BEGIN}{section} -->\n\n{table}\n{END}");
        rest = after;
    }
    match sections.as_slice() {
        [] => Ok(made + rest),
        missing => Err(format!("no markers for {}", missing.join(", "))),
    }
}

fn cut(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// All elements, one per line.
fn overview() -> String {
    let mut table = "| element | allowed in | what it does |\n| --- | --- | --- |\n".to_owned();
    for row in ROWS {
        let (name, section) = (row.name, row.section);
        let (places, purpose) = (places(row), row.purpose);
        let _ = writeln!(table, "| [`{name}`](#{section}) | {places} | {purpose} |");
    }
    table
}

fn places(row: &Row) -> String {
    if row.tag == Tag::Process {
        return "the root".to_owned();
    }
    if row.tag.activity().is_some() {
        return "activities".to_owned();
    }
    let often = match row.occurs {
        Occurs::Any => "",
        Occurs::Once => "; once",
        Occurs::Last => "; once, last",
    };
    parents(row) + often
}

fn parents(row: &Row) -> String {
    let parents = ROWS
        .iter()
        .filter(|parent| parent.children().iter().any(|child| child.tag == row.tag));
    let mut names: Vec<String> = parents.map(|parent| format!("`{}`", parent.name)).collect();
    names.dedup();
    names.join(", ")
}

fn table(section: &str) -> Option<String> {
    let rows: Vec<&Row> = ROWS.iter().filter(|row| row.section == section).collect();
    let tables: Vec<String> = rows.into_iter().map(element).collect();
    (!tables.is_empty()).then(|| tables.join("\n"))
}

/// What the table says about one element.
fn element(row: &Row) -> String {
    let mut text = format!(
        "`<{}>`, {}. {} {}\n",
        row.name,
        place(row),
        row.purpose,
        holds(row)
    );
    let attributes: Vec<_> = match row.labels {
        Labels::None => row.attributes().iter().collect(),
        Labels::Allowed => row
            .attributes()
            .iter()
            .filter(|attribute| !["id", "title"].contains(&attribute.name))
            .collect(),
    };
    if attributes.is_empty() {
        return text;
    }
    text += "\n| attribute | value | default | meaning |\n| --- | --- | --- | --- |\n";
    for attribute in attributes {
        let default = match attribute.need {
            Need::Required => "required".to_owned(),
            Need::Optional(words) => words.to_owned(),
            Need::Default(value) => format!("`{value}`"),
            Need::Either(other) => format!("instead of `{other}`"),
            Need::InsteadOfText if row.content == Content::Text(Text::ExpressionOrNothing) => {
                "none".to_owned()
            }
            Need::InsteadOfText => "the text".to_owned(),
            Need::WithThat(value) => format!("`{value}`"),
        };
        let (name, words, meaning) = (
            attribute.name,
            attribute.value.in_words(),
            attribute.meaning,
        );
        let _ = writeln!(text, "| `{name}` | {words} | {default} | {meaning} |");
    }
    text
}

/// Where an element is, as a part of a sentence.
fn place(row: &Row) -> String {
    if row.tag == Tag::Process {
        return "the root".to_owned();
    }
    if row.tag.activity().is_some() {
        return "an activity".to_owned();
    }
    let often = match row.occurs {
        Occurs::Any => "",
        Occurs::Once => ", at most once",
        Occurs::Last => ", at most once, as the last",
    };
    format!("in {}{often}", parents(row))
}

/// What an element holds, as a sentence.
fn holds(row: &Row) -> String {
    let parts = row.children().iter();
    let parts = parts.filter(|child| child.tag.activity().is_none());
    let mut all: Vec<String> = parts
        .map(|child| match child.occurs {
            Occurs::Any => format!("`{}`", child.name),
            Occurs::Once | Occurs::Last => format!("at most one `{}`", child.name),
        })
        .collect();
    match row.content {
        Content::Text(Text::Any) => return "Holds text.".to_owned(),
        Content::Text(Text::Base64) => return "Holds base64, or has `hash` instead.".to_owned(),
        Content::Text(Text::Expression) => {
            return "Holds an [expression](#conditions), or has `module` instead.".to_owned();
        }
        Content::Text(Text::ExpressionOrNothing) => {
            return "Can hold an [expression](#conditions), or have `module` instead.".to_owned();
        }
        Content::Parts => {}
        Content::Body(Least::None) => all.push("activities".to_owned()),
        Content::Body(Least::One(_)) => all.push("at least one activity".to_owned()),
    }
    match all.as_slice() {
        [] => "Holds nothing.".to_owned(),
        [one] => format!("Can hold {one}."),
        [some @ .., last] => format!("Can hold {} and {last}.", some.join(", ")),
    }
}
