//! What somebody fills in to order something: the inputs of a form, and the body of the API's order that they make. What was
//! typed is kept from one page to the next, also when it is wrong.

use super::{
    Visit,
    fields::Fields,
    parts::{json, said, ticks},
};
use crate::{
    problem::{Code, Problem},
    routes::{
        definitions::look,
        orders::{OrderBody, Verb},
    },
    twice,
};
use bureaucrat_model::{DefinitionName, NO_REASON, Relocation, Version};
use bureaucrat_views::text::clean;
use maud::{Markup, html};
use serde_json::{Map, Value};

/// The longest reason, in characters.
pub const REASON_MAX: usize = 500;
/// Parts of a plan that are shown.
const PARTS_MAX: usize = 200;
/// The most choices that are offered.
pub const CHOICES_MAX: usize = 1_000;
/// The inputs of a draft, but for the reason.
const INPUTS: [&str; 5] = ["part", "activity", "to", "fields", "remove"];

/// An order that is being made.
pub struct Draft<'a> {
    pub verb: Verb,
    pub given: &'a Fields,
}

/// What a form is sent for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Show what would happen.
    Plan,
    /// Change what was filled in.
    Edit,
    Do,
}

/// What an input can be.
pub enum Choice {
    /// One of these: values with their words.
    Of(Vec<(String, String)>),
    /// A text.
    Any,
}

/// What can be filled in.
pub struct Inputs {
    /// Parts of a process by their numbers; any activity, for several processes.
    pub parts: Choice,
    /// Where it goes.
    pub to: Choice,
}

impl Draft<'_> {
    /// Whether there is nothing to fill in but a reason.
    pub const fn is_plain(&self) -> bool {
        match self.verb {
            Verb::Cancel | Verb::Retry | Verb::Suspend | Verb::Resume | Verb::Terminate => true,
            Verb::Skip | Verb::Set | Verb::Move | Verb::Migrate => false,
        }
    }

    pub fn step(&self) -> Step {
        let has = |step: &str| self.given.all("step").any(|given| given == step);
        match (has("edit"), has("do") || self.is_plain()) {
            (true, _) => Step::Edit,
            (false, true) => Step::Do,
            (false, false) => Step::Plan,
        }
    }

    /// As the API takes it.
    ///
    /// # Errors
    /// If something that was filled in can't be read.
    pub fn body(&self, step: Step) -> Result<OrderBody, Problem> {
        let one = |name: &str| self.given.one(name).map(|text| text.trim().to_owned());
        let reason = one("reason").unwrap_or_else(|| NO_REASON.to_owned());
        if reason.chars().count() > REASON_MAX {
            let what = format!("the reason must have at most {REASON_MAX} characters");
            return Err(Problem::parameter(what));
        }
        let part = one("part").map(|text| {
            let number = text.parse();
            number.map_err(|_| Problem::parameter(format!("`{text}` is not the number of a part")))
        });
        let lines = self.given.one("remove").unwrap_or_default().lines();
        let names = lines.map(str::trim).filter(|name| !name.is_empty());
        Ok(OrderBody {
            order: self.verb,
            reason,
            activity: one("activity"),
            part: part.transpose()?,
            fields: self.given.one("fields").map(object).transpose()?,
            remove: names.map(str::to_owned).collect(),
            to: one("to"),
            dry_run: step == Step::Plan && !self.is_plain(),
        })
    }

    /// What was filled in, for the form that orders it.
    pub fn kept(&self) -> Markup {
        html! {
            @for name in INPUTS {
                @for value in self.given.all(name) { input type="hidden" name=(name) value=(value); }
            }
        }
    }

    /// What was filled in, to be read.
    pub fn told(&self) -> Markup {
        let body = self.body(Step::Do).ok();
        let fields = body.as_ref().and_then(|body| body.fields.clone());
        let removed = body.map(|body| body.remove).unwrap_or_default();
        html! {
            @if let Some(fields) = fields {
                p { "Fields that are given:" }
                (json(&Value::Object(fields)))
            }
            @if !removed.is_empty() {
                p {
                    "Fields that are removed: "
                    @for (number, name) in removed.iter().enumerate() {
                        @if number > 0 { ", " }
                        code { (said(name)) }
                    }
                }
            }
        }
    }

    /// The form in which it is filled in.
    pub fn form(&self, visit: &Visit, (action, back): (&str, &str), inputs: &Inputs) -> Markup {
        let value = |name: &str| self.given.one(name).unwrap_or_default().to_owned();
        if let (Verb::Migrate, Choice::Of(choices)) = (self.verb, &inputs.to)
            && choices.is_empty()
        {
            return html! {
                p.notice {
                    "There is no other version to migrate to: the definition has none, or the others are retired. Deploy \
                     the version that is wanted first."
                }
                p { a href=(back) { "Go back" } }
            };
        }
        html! {
            form.card method="post" action=(action) {
                input type="hidden" name="proof" value=(visit.proof);
                @match (&inputs.parts, self.verb) {
                    (_, Verb::Migrate) => {},
                    (Choice::Of(parts), _) => (select("part", "Part", parts, &value("part"))),
                    (Choice::Any, _) => {
                        (text("activity", "Part: what waits at this activity", &value("activity")))
                        p.soft { "Its id or path. Left empty, the only part of each process that waits is meant." }
                    },
                }
                @match (self.verb, &inputs.to) {
                    (Verb::Move | Verb::Migrate, Choice::Of(choices)) => (select("to", to(self.verb), choices, &value("to"))),
                    (Verb::Migrate, Choice::Any) => {
                        (text("to", to(self.verb), &value("to")))
                        p.soft { "As in " code { "order@3" } "." }
                    },
                    (Verb::Move, Choice::Any) => (text("to", to(self.verb), &value("to"))),
                    (_, _) => {},
                }
                @if matches!(self.verb, Verb::Skip | Verb::Set) {
                    label for="fields" { "Fields, as a JSON object" }
                    textarea #fields name="fields" rows="8" spellcheck="false" autocomplete="off"
                        placeholder="{\"paid\": true}" { "\n" (value("fields")) }
                }
                @if self.verb == Verb::Set {
                    label for="remove" { "Fields that are removed, one name a line" }
                    textarea #remove name="remove" rows="2" spellcheck="false" autocomplete="off" { "\n" (value("remove")) }
                }
                div.actions {
                    button.main type="submit" name="step" value="plan" { "Show what would happen" }
                    a href=(back) { "Go back" }
                }
            }
        }
    }
}

fn to(verb: Verb) -> &'static str {
    match verb == Verb::Migrate {
        true => "To this version",
        false => "To the beginning of this activity",
    }
}

fn object(text: &str) -> Result<Map<String, Value>, Problem> {
    let wrong = |error: String| Problem::parameter(format!("the fields: {error}"));
    twice::check(text.as_bytes()).map_err(wrong)?;
    serde_json::from_str(text)
        .map_err(|error| Problem::parameter(format!("the fields are not a JSON object: {error}")))
}

fn text(name: &str, label: &str, value: &str) -> Markup {
    html! {
        label for=(name) { (label) }
        input id=(name) type="text" name=(name) value=(value) autocomplete="off" spellcheck="false";
    }
}

fn select(name: &str, label: &str, choices: &[(String, String)], chosen: &str) -> Markup {
    html! {
        label for=(name) { (label) }
        select id=(name) name=(name) {
            @for (value, words) in choices {
                option value=(value) selected[value == chosen] { (words) }
            }
        }
    }
}

/// The versions of a definition that can be migrated to: none that is retired, and not the one that runs already. There may
/// be no such version.
pub fn versions(visit: &Visit, name: &str, own: Option<Version>) -> Choice {
    let shown = name.parse::<DefinitionName>();
    let shown = shown
        .ok()
        .and_then(|name| look(&visit.call, name, None).ok());
    let Some(shown) = shown else {
        return Choice::Any;
    };
    let newest = shown.versions.iter().rev();
    let others = newest.filter(|view| view.retired_at.is_none() && Some(view.version) != own);
    let choices: Vec<_> = others
        .take(CHOICES_MAX)
        .map(|view| {
            let named = format!("{}@{}", shown.name, view.version);
            (named.clone(), named)
        })
        .collect();
    Choice::Of(choices)
}

/// Where parts are and would be.
pub fn plan(verb: Verb, parts: &[Relocation]) -> Markup {
    let line = |part: &Relocation| match matches!(verb, Verb::Move | Verb::Migrate) {
        true => clean(&part.to_string()),
        false => {
            let id = part.id.as_deref().map(clean);
            let id = id.map_or_else(String::new, |id| format!(" ({id})"));
            format!("part {}: at {}{id}", part.fiber.0, part.from)
        }
    };
    html! {
        ul.plan { @for part in parts.iter().take(PARTS_MAX) { li { (line(part)) } } }
        @if parts.len() > PARTS_MAX { p.soft { "And " (parts.len() - PARTS_MAX) " more." } }
    }
}

/// Whether a problem is a mistake in what was filled in, or what the engine has against it: the form is shown again with it.
pub fn is_mistake(problem: &Problem) -> bool {
    matches!(
        problem.code,
        Code::Parameter | Code::Body | Code::Refused | Code::Rejected | Code::TooLarge
    )
}

/// A mistake above the form in which it is.
pub fn mistake(problem: Option<&Problem>) -> Markup {
    html! {
        @if let Some(problem) = problem {
            p.notice.bad role="alert" { (super::parts::problem_words(problem)) }
        }
    }
}

/// A sentence with names and codes between backticks.
pub fn sentence(words: &str) -> Markup {
    html! { p { (ticks(words)) } }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(verb: Verb, form: &str) -> Result<OrderBody, String> {
        let given = Fields::read(form).unwrap();
        let draft = Draft {
            verb,
            given: &given,
        };
        draft.body(draft.step()).map_err(|problem| problem.detail)
    }

    #[test]
    fn a_form_is_an_order_of_the_api() {
        let form = "fields=%7B%22n%22%3A+1.10%7D&remove=a%0D%0A%0D%0Ab&part=3&step=plan";
        let body = of(Verb::Set, form).unwrap();
        assert!(body.dry_run);
        assert_eq!(body.part, Some(3));
        assert_eq!(body.remove, ["a", "b"]);
        let fields = Value::Object(body.fields.unwrap()).to_string();
        assert_eq!(fields, r#"{"n":1.10}"#);
        assert!(!of(Verb::Set, "fields=%7B%7D&step=do").unwrap().dry_run);
        assert!(!of(Verb::Cancel, "reason=x").unwrap().dry_run);
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_place() {
        let wrong = of(Verb::Skip, "fields=%7B%22a%22%3A%7D").unwrap_err();
        assert!(wrong.contains("line 1 column 6"), "{wrong}");
        assert!(of(Verb::Skip, "fields=%5B1%5D").is_err());
        assert!(of(Verb::Skip, "part=first").is_err());
        let long = format!("reason={}", "x".repeat(REASON_MAX + 1));
        assert!(of(Verb::Cancel, &long).is_err());
    }
}
