//! `graph`: a definition as a picture.

use super::{check::shown, problem::Problem};
use crate::{
    Exit,
    arguments::{Graph, GraphFormat},
    files, output,
    screen::{print_document, tell},
};
use anyhow::{Context, bail};
use bureaucrat_definition::{Limits, Outline, outline};
use bureaucrat_graph::{Look, Picture, is_safe_link};
use std::path::Path;

/// Draws; what is wrong with a definition is told as `compile` does.
pub fn run(graph: &Graph) -> anyhow::Result<Exit> {
    let is_input = |path: &Path| path == Path::new("-");
    if is_input(&graph.file) && graph.against.as_deref().is_some_and(is_input) {
        bail!("only one of the two definitions can be read from standard input");
    }
    if graph
        .link
        .as_deref()
        .is_some_and(|link| link.trim().is_empty())
    {
        bail!("--link is empty; expected an address, as in --link 'order.xml#L{{line}}'");
    }
    if let Some(link) = graph.link.as_deref().filter(|link| !is_safe_link(link)) {
        bail!(
            "--link {link}: expected an address of http, https or a file, or one without a scheme"
        );
    }
    let Some(new) = read(&graph.file)? else {
        return Ok(Exit::Failed);
    };
    let mut picture = match &graph.against {
        None => Picture::of(&new),
        Some(old) => match read(old)? {
            Some(old) => Picture::compared(&new, &old),
            None => return Ok(Exit::Failed),
        },
    };
    if let Some(wanted) = &graph.activity {
        picture = picture.named(wanted).with_context(|| {
            format!(
                "{} has no activity with the `id` or the path {wanted}",
                super::check::name(&graph.file)
            )
        })?;
    }
    let text = match graph.format {
        GraphFormat::Svg => picture.svg(&Look {
            link: graph.link.clone(),
            ..Look::default()
        }),
        GraphFormat::Mermaid => picture.mermaid(),
    };
    match &graph.output {
        Some(output) => output::write(output, text.as_bytes())?,
        None => print_document(&text)?,
    }
    Ok(Exit::Done)
}

/// None if something is wrong with it, which is told.
fn read(file: &Path) -> anyhow::Result<Option<Outline>> {
    let source = files::read_definition(file)?;
    match outline(&source, &Limits::default()) {
        Ok(outline) => Ok(Some(outline)),
        Err(diagnostics) => {
            for diagnostic in &diagnostics {
                tell(&shown(file, &source, &Problem::from(diagnostic)));
            }
            Ok(None)
        }
    }
}
