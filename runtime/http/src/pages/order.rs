//! Orders about one process: a page that says what will happen, and its form. What has to be filled in is asked first; what
//! would happen is shown before it does.

use super::{
    Answer, Visit,
    confirm::{Confirm, page as confirm},
    draft::{
        CHOICES_MAX, Choice, Draft, Inputs, REASON_MAX, Step, is_mistake, mistake, plan, sentence,
        versions,
    },
    fields::path as address,
    parts::{definition, facts, json, process_path, state},
    verbs::{Words, named, signed},
};
use crate::{
    problem::{Code, Problem},
    routes::{
        diagrams::source,
        orders::{Verb, ordered},
        search::{detail, process},
    },
    tokens,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bureaucrat_definition::{Limits, Outline, outline};
use bureaucrat_host::{
    commands::OrderOutcome,
    query::{Detail, ProcessDetail, WaitView},
};
use bureaucrat_model::{DefinitionName, ProcessId};
use bureaucrat_views::{
    text::clean,
    text::fit,
    waits::{label, short},
};
use maud::{Markup, html};

/// The most characters of a choice.
const CHOICE_SHOWN: usize = 100;

/// Asks whether it is meant, or what is to be filled in.
pub fn page(visit: &Visit) -> Result<Answer, Problem> {
    let about = About::of(visit)?;
    let draft = about.draft(&visit.query);
    Ok(match draft.is_plain() {
        true => about.asked(visit, &draft, html! {}),
        false => about.filled_in(visit, &draft, None),
    })
}

pub fn give(visit: &Visit) -> Result<Answer, Problem> {
    let about = About::of(visit)?;
    let draft = about.draft(&visit.form);
    let step = draft.step();
    if step == Step::Edit {
        return Ok(about.filled_in(visit, &draft, None));
    }
    // What was confirmed is what was shown, and not what the process has come to since.
    let seen = visit.form.one("seen").filter(|_| step == Step::Do);
    if seen.is_some_and(|seen| seen != about.seen(&draft)) {
        let what = "the process has changed since this was shown; look at what would happen now";
        let changed = Problem::new(Code::Refused, what);
        return Ok(about.filled_in(visit, &draft, Some(&changed)));
    }
    let given = draft.body(step).and_then(|body| body.read());
    match given.and_then(|order| ordered(&visit.call, about.process, order)) {
        Ok(OrderOutcome::Planned(parts)) => {
            let plan = html! {
                (draft.told())
                @if matches!(about.words.verb, Verb::Move | Verb::Migrate) {
                    p { "Where parts are, and where they would be:" }
                } @else {
                    p { "The part that is meant:" }
                }
                (plan(about.words.verb, &parts))
            };
            Ok(about.asked(visit, &draft, plan))
        }
        Ok(_) => Ok(Answer::See(address(
            &process_path(about.process),
            [("done", signed(visit, about.process, about.words).as_str())],
        ))),
        Err(problem) if !draft.is_plain() && is_mistake(&problem) => {
            Ok(about.filled_in(visit, &draft, Some(&problem)))
        }
        Err(problem) => Err(problem),
    }
}

/// An order and its process.
struct About {
    words: &'static Words,
    process: ProcessId,
    detail: Box<ProcessDetail>,
    /// The address of the process.
    path: String,
}

impl About {
    fn of(visit: &Visit) -> Result<Self, Problem> {
        let words = named(visit.named("verb"))?;
        let process = process(&visit.call, visit.named("process"))?;
        let detail = detail(&visit.call, process, Detail::State)?;
        let path = process_path(process);
        Ok(Self {
            words,
            process,
            detail,
            path,
        })
    }

    fn draft<'a>(&self, given: &'a super::fields::Fields) -> Draft<'a> {
        let verb = self.words.verb;
        Draft { verb, given }
    }

    /// What the order would meet: where the part is that is meant, or all parts if none is said, and since when.
    fn seen(&self, draft: &Draft<'_>) -> String {
        let part = draft.given.one("part");
        let waits = self.detail.summary.waits.iter();
        let meant = waits.filter(|wait| part.is_none_or(|part| part == wait.fiber.0.to_string()));
        let places: Vec<String> = meant
            .map(|wait| format!("{} {} {}", wait.fiber.0, wait.at.activity, wait.since.0))
            .collect();
        let hash = tokens::hash(&places.join("\n"));
        URL_SAFE_NO_PAD.encode(&hash[..16])
    }

    fn facts(&self) -> Markup {
        let summary = &self.detail.summary;
        facts(&[
            ("Process", html! { code { (self.process) } }),
            ("Definition", definition(&summary.name, summary.version)),
            ("State", state(summary.state)),
        ])
    }

    fn action(&self) -> String {
        format!("{}/{}", self.path, self.words.name)
    }

    /// Asks whether it is meant; `plan` is what would happen, if that was found out.
    fn asked(&self, visit: &Visit, draft: &Draft<'_>, plan: Markup) -> Answer {
        let words = self.words;
        let kept = html! {
            @if !draft.is_plain() {
                (draft.kept())
                input type="hidden" name="step" value="do";
                input type="hidden" name="seen" value=(self.seen(draft));
            }
        };
        confirm(
            visit,
            &Confirm {
                title: words.question.to_owned(),
                about: html! { (self.facts()) (plan) },
                will: words.will,
                action: self.action(),
                button: words.button.to_owned(),
                is_final: words.is_final,
                reason: Some(REASON_MAX),
                kept,
                is_drafted: !draft.is_plain(),
                is_long: !draft.is_plain(),
                back: self.path.clone(),
            },
        )
    }

    /// The form, with what is wrong about what was filled in.
    fn filled_in(&self, visit: &Visit, draft: &Draft<'_>, wrong: Option<&Problem>) -> Answer {
        let title = format!("{} this process", self.words.of);
        let inputs = Inputs {
            parts: self.parts(),
            to: match self.words.verb == Verb::Migrate {
                true => {
                    let summary = &self.detail.summary;
                    versions(visit, &summary.name, summary.version)
                }
                false => self.activities(visit),
            },
        };
        let body = html! {
            div.narrow {
                h1 { (title) }
                (mistake(wrong))
                (self.facts())
                (sentence(self.words.will))
                (draft.form(visit, (&self.action(), &self.path), &inputs))
                @if matches!(self.words.verb, Verb::Skip | Verb::Set) {
                    details { summary { "Its fields now" } (json(&self.detail.fields)) }
                }
            }
        };
        Answer::form(wrong, title, body)
    }

    fn parts(&self) -> Choice {
        let waits = &self.detail.summary.waits;
        let words = |wait: &WaitView| {
            let label = label(&wait.at);
            let place = self.place(&wait.at.activity);
            let label = match label.is_empty() {
                true => String::new(),
                false => format!(" {label}"),
            };
            let line = format!(
                "Part {} at{label} {place}: {}",
                wait.fiber.0,
                short(wait, self.detail.now)
            );
            fit(&clean(&line), CHOICE_SHOWN)
        };
        let only = (String::new(), "The only part that waits".to_owned());
        let parts = waits.iter().take(CHOICES_MAX);
        let parts = parts.map(|wait| (wait.fiber.0.to_string(), words(wait)));
        Choice::Of(std::iter::once(only).chain(parts).collect())
    }

    /// An activity's path, without the id of the process.
    fn place<'a>(&self, activity: &'a str) -> &'a str {
        let process = self.process.to_string();
        activity.strip_prefix(&process).unwrap_or(activity)
    }

    fn activities(&self, visit: &Visit) -> Choice {
        let summary = &self.detail.summary;
        let name = summary.name.parse::<DefinitionName>().ok();
        let text = name.zip(summary.version);
        let text = text.and_then(|(name, version)| source(&visit.call, &name, version).ok());
        let found = text.and_then(|text| outline(text.as_bytes(), &Limits::default()).ok());
        let Some(found) = found else {
            return Choice::Any;
        };
        let mut choices = Vec::new();
        collect(&found, 0, &mut choices);
        match choices.len() {
            0 => Choice::Any,
            count if count > CHOICES_MAX => Choice::Any,
            _ => Choice::Of(choices),
        }
    }
}

/// The activities in an element, by their paths.
fn collect(element: &Outline, level: usize, found: &mut Vec<(String, String)>) {
    if found.len() > CHOICES_MAX {
        return;
    }
    let activity = element
        .path
        .as_ref()
        .filter(|_| element.tag.activity().is_some());
    if let Some(path) = activity {
        let mut words = vec!["\u{a0}\u{a0}".repeat(level.saturating_sub(1)) + element.name];
        for name in ["id", "title", "participant", "event"] {
            words.extend(element.attribute(name).map(str::to_owned));
        }
        words.push(format!("({path}, line {})", element.line));
        let words = clean(&words.join(" "));
        found.push((path.to_string(), fit(&words, CHOICE_SHOWN)));
    }
    for child in &element.children {
        collect(child, level + 1, found);
    }
}
