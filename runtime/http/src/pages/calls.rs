//! A chain of calls: the processes that called a process, and those that it called, as one tree. Of a large one a part.

use super::{
    Answer, Visit,
    layout::Section,
    parts::{definition, process as link, process_path, said, state, when},
    timeline::called,
};
use crate::{
    problem::{Code, Problem},
    routes::search::{detail, process},
};
use bureaucrat_host::query::{Detail, ProcessDetail};
use bureaucrat_model::{ProcessId, Timestamp};
use bureaucrat_views::processes::short_id;
use maud::{Markup, html};
use std::collections::BTreeSet;

/// How far up it is looked.
const CALLERS_MAX: usize = 20;
/// How far down.
const DEPTH_MAX: usize = 8;
/// How many processes one called that are shown.
const CALLED_MAX: usize = 20;
/// How many processes are shown.
const NODES_MAX: usize = 100;

/// A process of the tree.
struct Node {
    process: ProcessId,
    /// None where there is none any more, or none yet.
    detail: Option<Box<ProcessDetail>>,
    called: Vec<Node>,
    /// Those that were left out.
    more: usize,
}

pub fn page(visit: &Visit) -> Result<Answer, Problem> {
    let process = process(&visit.call, visit.named("process"))?;
    let own = detail(&visit.call, process, Detail::History)?;
    let now = own.now;
    let (callers, is_whole) = callers(visit, &own)?;
    let mut tree = Tree {
        visit,
        seen: BTreeSet::from([process]),
    };
    let node = tree.grown(process, Some(own), DEPTH_MAX)?;
    let title = format!("Calls of {}", short_id(process));
    let body = html! {
        p.crumbs {
            a href=(Section::Processes.path()) { "Processes" } " / "
            a href=(process_path(process)) { (short_id(process)) }
        }
        h1 { (title) }
        p.soft { "Who called it, and whom it called, as far as histories say." }
        @if !is_whole { p { "It was called from further up than is shown." } }
        (around(&callers, &node, (process, now)))
    };
    Ok(Answer::page(title, body))
}

/// The processes above one, the first caller first, and whether these are all.
fn callers(visit: &Visit, own: &ProcessDetail) -> Result<(Vec<Node>, bool), Problem> {
    let mut callers = Vec::new();
    let mut next = own.caller;
    while let Some(caller) = next {
        if callers.len() == CALLERS_MAX {
            break;
        }
        let found = found(visit, caller, Detail::State)?;
        next = found.as_ref().and_then(|found| found.caller);
        callers.push(Node {
            process: caller,
            detail: found,
            called: Vec::new(),
            more: 0,
        });
    }
    callers.reverse();
    Ok((callers, next.is_none()))
}

/// What is known of a process, if there is one that the visitor may see.
fn found(
    visit: &Visit,
    process: ProcessId,
    history: Detail,
) -> Result<Option<Box<ProcessDetail>>, Problem> {
    match detail(&visit.call, process, history) {
        Ok(found) => Ok(Some(found)),
        Err(problem) if problem.code == Code::NotFound => Ok(None),
        Err(problem) => Err(problem),
    }
}

struct Tree<'a> {
    visit: &'a Visit,
    seen: BTreeSet<ProcessId>,
}

impl Tree<'_> {
    fn grown(
        &mut self,
        process: ProcessId,
        mut detail: Option<Box<ProcessDetail>>,
        depth: usize,
    ) -> Result<Node, Problem> {
        let children = detail.as_deref().map(called).unwrap_or_default();
        // A history was only read for what it calls.
        detail.iter_mut().for_each(|detail| detail.history = None);
        let (mut shown, mut more) = (Vec::new(), 0);
        for child in children {
            if depth == 0 || shown.len() == CALLED_MAX || self.seen.len() == NODES_MAX {
                more += 1;
                continue;
            }
            if self.seen.insert(child) {
                let found = found(self.visit, child, Detail::History)?;
                shown.push(self.grown(child, found, depth - 1)?);
            }
        }
        Ok(Node {
            process,
            detail,
            called: shown,
            more,
        })
    }
}

/// The callers around the tree of a process.
fn around(callers: &[Node], node: &Node, at: (ProcessId, Timestamp)) -> Markup {
    match callers.split_first() {
        None => html! { ul.tree { (below(node, at)) } },
        Some((caller, rest)) => html! {
            ul.tree { li { (line(caller, at)) (around(rest, node, at)) } }
        },
    }
}

/// As deep as the tree, which is limited.
fn below(node: &Node, at: (ProcessId, Timestamp)) -> Markup {
    html! {
        li {
            (line(node, at))
            @if !node.called.is_empty() || node.more > 0 {
                ul.tree {
                    @for called in &node.called { (below(called, at)) }
                    @if node.more > 0 { li.soft { "and " (node.more) " more" } }
                }
            }
        }
    }
}

fn line(node: &Node, (own, now): (ProcessId, Timestamp)) -> Markup {
    html! {
        @if node.process == own { strong aria-current="true" { (link(node.process)) } } @else { (link(node.process)) }
        " "
        @match &node.detail {
            None => span.soft { "not started yet, or not there any more" },
            Some(detail) => {
                (definition(&detail.summary.name, detail.summary.version)) " "
                (state(detail.summary.state)) " "
                @if let Some(key) = &detail.summary.key { (said(key)) " " }
                span.soft { "launched " (when(detail.summary.launched_at, now)) }
            },
        }
    }
}
