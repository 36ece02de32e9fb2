//! What pictures promise, measured in a browser: no box overlaps another unless it is inside it, and no text leaves its
//! box, with the fonts that this machine has.
//!
//! One page holds all pictures. A script on it, which is not part of any picture, measures them and writes what it finds
//! into the page; the browser prints the page when that is done.
#![allow(clippy::unwrap_used)]

mod common;

use bureaucrat_graph::{Look, Picture};
use common::{all, random};
use std::{
    fmt::Write as _,
    fs,
    path::Path,
    process::{Command, Stdio},
};

/// Measures each picture. Coordinates are those of the picture, since nothing in it is transformed.
const SCRIPT: &str = r#"
const problems = [];
let texts = 0, boxes = 0;
const own = (group, selector) => [...group.querySelectorAll(':scope > ' + selector + ', :scope > a > ' + selector)];
const contains = (outer, inner) =>
  outer.x <= inner.x + 0.01 && outer.y <= inner.y + 0.01 &&
  inner.x + inner.width <= outer.x + outer.width + 0.01 &&
  inner.y + inner.height <= outer.y + outer.height + 0.01;
const overlap = (one, other) =>
  one.x < other.x + other.width && other.x < one.x + one.width &&
  one.y < other.y + other.height && other.y < one.y + one.height;
for (const svg of document.querySelectorAll('svg')) {
  const name = svg.parentElement.dataset.name;
  const say = what => problems.push(name + ': ' + what);
  const whole = {x: 0, y: 0, width: svg.width.baseVal.value, height: svg.height.baseVal.value};
  const boxOf = group => own(group, '.box')[0].getBBox();
  const walk = (group, around) => {
    const box = boxOf(group);
    boxes += 1;
    const path = group.dataset.path ?? group.dataset.oldPath;
    if (!contains(around, box)) say(path + ' leaves what is around it');
    const inner = own(group, 'g[data-line]');
    const rects = inner.map(boxOf);
    rects.forEach((one, at) => rects.slice(at + 1).forEach(other => {
      if (overlap(one, other)) say('two boxes in ' + path + ' overlap');
    }));
    for (const text of own(group, 'text')) {
      const rect = text.getBBox();
      texts += 1;
      if (!contains(box, rect)) say(JSON.stringify(text.textContent) + ' leaves ' + path);
      if (text.getComputedTextLength() > box.width) say(JSON.stringify(text.textContent) + ' is wider than ' + path);
      if (rects.some(other => overlap(rect, other))) say(JSON.stringify(text.textContent) + ' is on a box in ' + path);
    }
    inner.forEach(child => walk(child, box));
  };
  walk(own(svg, 'g')[0], whole);
  if (svg.querySelector('script, foreignObject, image') || [...svg.querySelectorAll('*')].some(
    element => [...element.attributes].some(attribute => attribute.name.startsWith('on')))) say('something active');
}
document.getElementById('findings').textContent =
  JSON.stringify({pictures: document.querySelectorAll('svg').length, texts, boxes, count: problems.length, problems: problems.slice(0, 20)});
"#;

/// Debian's name first, then those of others.
const BROWSERS: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];

/// The page as it is when its script has run.
fn opened(folder: &Path, page: &Path) -> String {
    for browser in BROWSERS {
        let mut command = Command::new(browser);
        // The page is ours, and a sandbox needs rights that a container may not give.
        command
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--dump-dom",
            ])
            .arg(format!(
                "--user-data-dir={}",
                folder.join("profile").display()
            ))
            .arg(format!("file://{}", page.display()))
            .stdin(Stdio::null());
        match command.output() {
            Ok(output) => return String::from_utf8_lossy(&output.stdout).into_owned(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => panic!("{browser}: {error}"),
        }
    }
    panic!("no browser found; scripts/setup installs Chromium");
}

#[test]
fn boxes_and_texts_are_where_they_belong() {
    let mut definitions = all();
    definitions.extend(random());
    let mut page = "<!DOCTYPE html><meta charset=\"utf-8\"><title>Pictures</title>\n".to_owned();
    let mut pictures = 0;
    let mut add = |name: &str, picture: &Picture| {
        pictures += 1;
        let name: String = name
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || *c == ' ')
            .collect();
        let svg = picture.svg(&Look::default());
        let _ = write!(page, "<div data-name=\"{name}\">{svg}</div>");
    };
    for (name, outline) in &definitions {
        add(name, &Picture::of(outline));
    }
    for pair in definitions.windows(2).rev().step_by(7) {
        if let [(name, new), (_, old)] = pair {
            add(&format!("changes of {name}"), &Picture::compared(new, old));
        }
    }
    let _ = write!(
        page,
        "<pre id=\"findings\">nothing</pre><script>{SCRIPT}</script>"
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pictures.html");
    fs::write(&file, &page).unwrap();
    let shown = opened(folder.path(), &file);
    let (_, findings) = shown
        .split_once("<pre id=\"findings\">")
        .unwrap_or_else(|| panic!("{} bytes, no findings", shown.len()));
    let (findings, _) = findings.split_once("</pre>").unwrap();
    println!("{findings}");
    assert!(
        findings.contains(&format!("\"pictures\":{pictures},")),
        "{findings}"
    );
    assert!(findings.contains("\"count\":0,"), "{findings}");
    assert!(
        !findings.contains("\"texts\":0,") && !findings.contains("\"boxes\":0,"),
        "{findings}"
    );
}
