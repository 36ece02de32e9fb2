//! Definitions as pictures on pages: of a deployed version, of the differences from another one, and of a process with where
//! it stands and which way it took.

use super::{Answer, Visit, definitions::of_version, parts::process_path, timeline};
use crate::{
    problem::Problem,
    routes::{
        definitions::{name_of, number},
        diagrams,
    },
};
use bureaucrat_graph::{Look, Picture};
use bureaucrat_host::query::ProcessDetail;
use bureaucrat_model::{DefinitionName, Version};
use maud::{Markup, PreEscaped, html};

/// The picture of a version, or of what is different from another one.
pub fn of_definition(visit: &Visit) -> Result<Answer, Problem> {
    let name = name_of(visit.named("name"))?;
    let version = number(visit.number("version")?)?;
    let picture = diagrams::picture(&visit.call, &name, (version, against(visit)?))?;
    Ok(Answer::Picture(picture.svg(&Look::default())))
}

/// The version that another one is compared with.
pub fn against(visit: &Visit) -> Result<Option<Version>, Problem> {
    let text = visit.query.one("against");
    let given = text.map(|text| {
        let version = text.parse().ok().map(number);
        version.unwrap_or_else(|| Err(Problem::parameter(format!("`{text}` is not a version"))))
    });
    given.transpose()
}

/// The picture of what a process runs.
pub fn of_process(visit: &Visit) -> Result<Answer, Problem> {
    let (picture, marks) = diagrams::of_process(&visit.call, visit.named("process"))?;
    let look = Look { marks, link: None };
    Ok(Answer::Picture(picture.svg(&look)))
}

/// The picture on the page of a process, if there is one. Its boxes lead to the timeline.
pub fn section(visit: &Visit, detail: &ProcessDetail) -> Option<Markup> {
    let (picture, marks) = diagrams::of_detail(&visit.call, detail).ok()?;
    let look = Look {
        marks,
        link: Some(format!("#{}{{path}}", timeline::ENTRY)),
    };
    let path = format!("{}/diagram", process_path(detail.summary.process));
    Some(html! {
        section {
            h2 { "Diagram" }
            (inline(&picture, &look, &path))
        }
    })
}

/// The picture on the page of a version, or of what is different from another one.
pub fn of_page(
    visit: &Visit,
    name: &DefinitionName,
    (version, against): (Version, Option<Version>),
) -> Result<Markup, Problem> {
    let picture = diagrams::picture(&visit.call, name, (version, against))?;
    let path = format!("{}/diagram", of_version(name, version));
    let path = match against {
        Some(against) => format!("{path}?against={against}"),
        None => path,
    };
    Ok(inline(&picture, &Look::default(), &path))
}

fn inline(picture: &Picture, look: &Look, path: &str) -> Markup {
    html! {
        // What authors wrote is escaped in it, and the tests of pages attack it.
        div #diagram .diagram tabindex="0" role="region" aria-label="Diagram" { (PreEscaped(picture.inline(look))) }
        p.beside { a href=(path) { "The diagram alone" } }
    }
}
