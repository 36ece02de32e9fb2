//! The filters of the list of processes: read from an address, and shown as a form.

use super::{
    Visit,
    fields::Fields,
    layout::Section,
    searching::{Form, TextFilter, TimeFilter, input, is_known, text, time},
};
use crate::{
    problem::Problem,
    routes::search::{Search, StateName},
};
use bureaucrat_host::query::{State, Wanted};
use bureaucrat_views::processes::word;
use maud::{Markup, html};

/// All states, in the order of the form.
pub const STATES: [(State, StateName); 5] = [
    (State::Running, StateName::Running),
    (State::Incident, StateName::Incident),
    (State::Suspended, StateName::Suspended),
    (State::Completed, StateName::Completed),
    (State::Failed, StateName::Failed),
];

/// Those that are always there.
static FIRST: [TextFilter; 2] = [
    text("definition", "Definition", "order or order@3"),
    text("key", "Business key", ""),
];
/// Those that are folded away until one is used.
static MORE: [TextFilter; 6] = [
    text("participant", "Waits for participant", ""),
    text("event", "Waits for event", ""),
    text("activity", "Waits at activity", "id or path"),
    text("fault", "Fault", "Timeout"),
    text("user", "Launched by user", ""),
    text("where", "Searchable field", "name=value"),
];
const TIMES: [TimeFilter; 2] = [
    ("from", "Launched at or after (UTC)"),
    ("before", "Launched before (UTC)"),
];

/// # Errors
/// If a filter can't be read.
pub fn wanted(visit: &Visit) -> Result<Wanted, Problem> {
    search(&visit.query)?.wanted(&visit.call)
}

/// # Errors
/// If there is no such filter, or one can't be read: a typing mistake must not find everything.
pub fn search(fields: &Fields) -> Result<Search, Problem> {
    let texts = FIRST.iter().chain(&MORE).map(|filter| filter.name);
    let times = TIMES.iter().map(|(name, _)| *name);
    let known = texts.chain(times).chain(["state", "after"]);
    is_known(fields, known)?;
    let one = |name: &str| fields.one(name).map(|text| text.trim().to_owned());
    Ok(Search {
        state: fields.all("state").map(state).collect::<Result<_, _>>()?,
        definition: one("definition"),
        key: one("key"),
        user: one("user"),
        participant: one("participant"),
        event: one("event"),
        fault: one("fault"),
        activity: one("activity"),
        launched_from: fields.one("from").map(time).transpose()?,
        launched_before: fields.one("before").map(time).transpose()?,
        having: fields.all("where").map(str::to_owned).collect(),
    })
}

fn state(text: &str) -> Result<StateName, Problem> {
    let mut states = STATES.into_iter();
    let found = states.find(|(state, _)| word(*state) == text);
    let found = found.map(|(_, name)| name);
    found.ok_or_else(|| Problem::parameter(format!("`{text}` is not the state of a process")))
}

/// The form, filled in as it was sent.
pub fn form(visit: &Visit) -> Markup {
    let fields = &visit.query;
    // A token of one user sees that user's processes whatever the filter says.
    let own = visit.call.caller.user().is_some();
    let more = MORE.iter().filter(|more| !own || more.name != "user");
    let form = Form {
        section: Section::Processes,
        label: "Processes",
        fields,
        above: html! {
            fieldset.states {
                legend { "State" }
                @for (state, _) in STATES {
                    label {
                        input type="checkbox" name="state" value=(word(state))
                            checked[fields.all("state").any(|given| given == word(state))];
                        " " (word(state))
                    }
                }
            }
        },
        first: html! { @for filter in &FIRST { (input(fields, filter)) } },
        more: &more.collect::<Vec<_>>(),
        times: &TIMES,
    };
    form.shown()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(query: &str) -> Result<Search, String> {
        search(&Fields::read(query).unwrap()).map_err(|problem| problem.detail)
    }

    #[test]
    fn a_form_left_empty_means_all_processes() {
        let names = FIRST.iter().chain(&MORE).map(|filter| filter.name);
        let names = names.chain(TIMES.map(|(name, _)| name));
        let empty: Vec<String> = names.map(|name| format!("{name}=")).collect();
        let found = read(&empty.join("&")).unwrap();
        assert!(found.state.is_empty() && found.having.is_empty());
        assert_eq!(found.definition, None);
        assert_eq!(found.launched_from, None);
    }

    #[test]
    fn filters_are_read_as_they_are_sent() {
        let found = read("state=failed&state=incident&key=+A%201+&where=a%3D1&where=b%3D2&from=1970-01-01T00%3A01").unwrap();
        assert_eq!(found.state.len(), 2);
        assert_eq!(found.key.as_deref(), Some("A 1"));
        assert_eq!(found.having, ["a=1", "b=2"]);
        assert_eq!(found.launched_from, Some(60_000));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (query, word) in [
            ("state=gone", "`gone` is not the state"),
            ("from=yesterday", "`yesterday` is not a time"),
            ("before=1969-01-01T00:00", "is not a time"),
        ] {
            let words = read(query).unwrap_err();
            assert!(words.contains(word), "{query}: {words}");
        }
    }
}
