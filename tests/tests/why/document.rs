//! docs/why.md as data: situations, each with definitions, the steps that make it, and what `why`
//! then says.

use anyhow::{Context, Result, bail};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// One situation of the document.
#[derive(Debug)]
pub struct Situation {
    pub title: String,
    pub definitions: Vec<String>,
    pub steps: Vec<String>,
    pub text: String,
    /// The lines of the text in the document.
    lines: (usize, usize),
}

pub fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/why.md")
}

/// All situations, in their order.
pub fn situations(source: &str) -> Result<Vec<Situation>> {
    let mut found: Vec<Situation> = Vec::new();
    let mut lines = source.lines().enumerate();
    while let Some((_, line)) = lines.next() {
        if let Some(title) = line.strip_prefix("### ") {
            found.push(Situation {
                title: title.to_owned(),
                definitions: Vec::new(),
                steps: Vec::new(),
                text: String::new(),
                lines: (0, 0),
            });
            continue;
        }
        let Some(kind) = line.strip_prefix("```") else {
            continue;
        };
        let mut block = Vec::new();
        let (mut first, mut end) = (0, 0);
        for (at, line) in lines.by_ref() {
            if first == 0 {
                first = at;
            }
            end = at;
            if line == "```" {
                break;
            }
            block.push(line);
        }
        let Some(situation) = found.last_mut() else {
            continue;
        };
        match kind {
            "xml" => situation.definitions.push(block.join("\n")),
            "steps" => situation.steps = block.iter().map(|line| (*line).to_owned()).collect(),
            "text" => {
                situation.text = block.join("\n");
                situation.lines = (first, end);
            }
            other => bail!("{}: unknown block `{other}`", situation.title),
        }
    }
    Ok(found)
}

/// Writes what was said in place of what the document has.
pub fn rewrite(source: &str, said: &[(Situation, String)]) -> Result<()> {
    let mut lines: Vec<&str> = source.lines().collect();
    for (situation, text) in said.iter().rev() {
        let (first, end) = situation.lines;
        if end == 0 {
            bail!("{} has no block `text`", situation.title);
        }
        lines.splice(first..end, text.lines());
    }
    let text = lines.join("\n") + "\n";
    fs::write(path(), text).context("docs/why.md can't be written")
}
