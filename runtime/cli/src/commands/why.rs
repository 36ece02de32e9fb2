//! `why`: prints why a process does not continue.

mod page;

use super::{finding, settings};
use crate::{
    Exit,
    arguments::{Options, Why},
    control::Control,
    screen::print_line,
};
use anyhow::bail;
use bureaucrat_host::query::{Detail, Query, QueryAnswer};
use bureaucrat_views::{
    astray,
    why::{self, Said, Teller},
};
use page::Page;

/// Explains the process; an unknown process is an error.
pub fn run(options: &Options, why: &Why) -> anyhow::Result<Exit> {
    let mut control = Control::connect(&settings(options)?.storage)?;
    let process = finding::process(&mut control, &why.process)?;
    let history = Detail::History;
    let answer = control.ask(&Query::Show { process, history })?;
    if let QueryAnswer::Unknown { process } = answer {
        return Err(finding::unknown(&process.into()));
    }
    let QueryAnswer::Process(detail) = answer else {
        bail!("unexpected answer from the engine");
    };
    let facts = why::facts(&mut control, &detail)?;
    let astray = astray::found(&mut control, &detail)?;
    let teller = Teller::new(&detail, &facts, &astray);
    let text = match why.json {
        true => serde_json::to_string(&teller.why())?,
        false => text(&teller.sections()),
    };
    print_line(&text)?;
    Ok(Exit::Done)
}

fn text(sections: &[Said]) -> String {
    let mut page = Page::new();
    for said in sections {
        page.part();
        page.paragraph(&said.cause);
        for (heading, facts) in &said.facts {
            page.facts(heading, facts);
        }
        page.facts("continues", &said.continues);
        page.steps("you can", &said.steps);
    }
    page.text()
}
