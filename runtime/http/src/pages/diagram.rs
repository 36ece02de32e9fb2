//! Definitions as pictures on pages: of a deployed version, of the differences from another one, and of a process with where
//! it stands and which way it took. The boxes of a process's picture lead to its timeline, and entries of that to the boxes.

use super::{Answer, Visit, definitions::of_version, parts::process_path, timeline::anchor};
use crate::{
    problem::Problem,
    routes::{
        definitions::{name_of, number},
        diagrams,
    },
};
use bureaucrat_graph::{Drawing, Look};
use bureaucrat_host::query::ProcessDetail;
use bureaucrat_model::{ActivityPath, DefinitionName, Version};
use maud::{Markup, html};
use std::collections::BTreeSet;

/// The most boxes that lead somewhere.
const LINKS_MAX: usize = 200;

/// The picture of a version.
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
    let (picture, mut marks) = diagrams::of_process(&visit.call, visit.named("process"))?;
    marks.chosen = visit.query.one("at").map(str::to_owned);
    let look = Look { marks, link: None };
    Ok(Answer::Picture(picture.svg(&look)))
}

/// The picture on the page of a process, if there is one. Boxes lead to the entries of `told`, the activities that are in its
/// timeline.
pub fn section(
    visit: &Visit,
    detail: &ProcessDetail,
    told: &BTreeSet<ActivityPath>,
) -> Option<Markup> {
    let (name, version) = diagrams::deployed(detail)?;
    let (picture, marks) = diagrams::of_detail(&visit.call, detail).ok()?;
    let path = format!("{}/diagram", process_path(detail.summary.process));
    let path = match visit.query.one("at") {
        Some(at) => super::fields::path(&path, [("at", at)]),
        None => path,
    };
    let says = format!(
        "Diagram of {name}@{version}: where this process is, and which way it took. The lists on this page say the same."
    );
    let areas = areas(&picture.drawing(&marks), told);
    Some(html! {
        section #diagram {
            h2 { "Diagram" }
            div.diagram tabindex="0" role="region" aria-label="Diagram" {
                img src=(path) alt=(says) usemap=[(!areas.is_empty()).then_some("#boxes")];
                @if !areas.is_empty() {
                    map name="boxes" {
                        @for (to, coordinates, title) in &areas {
                            area shape="rect" coords=(coordinates) href=(to) alt=(title);
                        }
                    }
                }
            }
            p { a href=(path) { "The diagram alone" } }
        }
    })
}

/// Where boxes lead to, where they are, and what they are. Inner ones come first, since the first area at a place counts.
fn areas(drawing: &Drawing, told: &BTreeSet<ActivityPath>) -> Vec<(String, String, String)> {
    let figures = drawing.root.all().into_iter().rev();
    let figures = figures
        .filter(|figure| told.contains(&figure.path))
        .take(LINKS_MAX);
    figures
        .map(|figure| {
            let rect = figure.rect;
            let coordinates = [rect.x, rect.y, rect.right(), rect.bottom()];
            let coordinates = coordinates.map(|number| number.to_string()).join(",");
            let title = format!("{}: to the timeline", figure.title);
            (format!("#{}", anchor(&figure.path)), coordinates, title)
        })
        .collect()
}

/// The picture on the page of a version.
pub fn of_page(name: &DefinitionName, version: Version, against: Option<Version>) -> Markup {
    let path = format!("{}/diagram", of_version(name, version));
    let (path, says) = match against {
        Some(against) => (
            format!("{path}?against={against}"),
            format!("Diagram of {name}@{version}, with what is different from version {against}"),
        ),
        None => (path, format!("Diagram of {name}@{version}")),
    };
    html! {
        div.diagram tabindex="0" role="region" aria-label="Diagram" { img src=(path) alt=(says); }
        p { a href=(path) { "The diagram alone" } }
    }
}
