//! An order for all that a search finds: what it would be, shown before a bulk job begins. The search is in the address, as
//! on the list that leads here.

use super::{
    Answer, OPERATE, Visit,
    bulk::of,
    confirm::{Confirm, page as confirm},
    draft::{
        Choice, Draft, Inputs, REASON_MAX, Step, is_mistake, mistake, plan, sentence, versions,
    },
    fields::Fields,
    filter,
    layout::Section,
    list::rows,
    parts::{self, facts, options, table, ticks},
    verbs::{self, Words, named},
};
use crate::{
    problem::{Code, Problem},
    routes::{
        bulk::{DryRun, begin, dry_run, wanted},
        orders::{Verb, ordered},
        search::Search,
    },
};
use bureaucrat_host::{
    commands::{Order, OrderOutcome},
    query::{ProcessSummary, Wanted},
};
use bureaucrat_views::{bulk::search as told, text::clean};
use maud::{Markup, html};

/// Links to what can be ordered for all that a list finds.
pub fn offered(visit: &Visit) -> Markup {
    let is_meant = filter::search(&visit.query).is_ok_and(|search| !search.is_empty());
    html! {
        @if visit.may(OPERATE) && is_meant {
            details.offered {
                summary { "Order for all that this finds…" }
                nav.verbs aria-label="Orders for all that this finds" {
                    @for words in &verbs::ALL {
                        a.button.danger[matches!(words.verb, Verb::Cancel | Verb::Terminate)]
                            href=(address(visit, words)) { (words.title) "…" }
                    }
                }
            }
        }
    }
}

fn address(visit: &Visit, words: &Words) -> String {
    let page = format!("{}/new/{}", Section::Bulk.path(), words.name);
    visit.query.path(&page, &[("after", "")])
}

/// Shows what would be done, or asks what is to be filled in.
pub fn page(visit: &Visit) -> Result<Answer, Problem> {
    let start = Start::of(visit)?;
    let draft = start.draft(&visit.query);
    // An activity that is searched for is the one that is meant, unless something else is said.
    match draft.is_plain() {
        true => start.asked(visit, &start.draft(&visit.form)),
        false => Ok(start.filled_in(visit, &draft, None)),
    }
}

pub fn give(visit: &Visit) -> Result<Answer, Problem> {
    let start = Start::of(visit)?;
    let draft = start.draft(&visit.form);
    let answer = match draft.step() {
        Step::Edit => return Ok(start.filled_in(visit, &draft, None)),
        Step::Plan => start.asked(visit, &draft),
        Step::Do => start.begun(visit, &draft),
    };
    match answer {
        Err(problem) if !draft.is_plain() && is_mistake(&problem) => {
            Ok(start.filled_in(visit, &draft, Some(&problem)))
        }
        answer => answer,
    }
}

/// An order and its search.
struct Start {
    words: &'static Words,
    search: Search,
    action: String,
    back: String,
}

impl Start {
    fn of(visit: &Visit) -> Result<Self, Problem> {
        let words = named(visit.named("verb"))?;
        let search = filter::search(&visit.query)?;
        if search.is_empty() {
            return Err(Problem::parameter(
                "say which processes are meant: choose a state or fill in another filter of the list first",
            ));
        }
        Ok(Self {
            words,
            search,
            action: address(visit, words),
            back: visit.query.path(Section::Processes.path(), &[]),
        })
    }

    fn draft<'a>(&self, given: &'a Fields) -> Draft<'a> {
        let verb = self.words.verb;
        Draft { verb, given }
    }

    fn order(&self, draft: &Draft<'_>, step: Step) -> Result<Order, Problem> {
        let mut body = draft.body(step)?;
        // Of those that run, a retry is about what waits at the activity that is searched for, as on the command line.
        if body.order == Verb::Retry {
            body.activity.clone_from(&self.search.activity);
        }
        body.read()
    }

    fn wanted(&self, visit: &Visit, order: &Order) -> Result<Wanted, Problem> {
        wanted(&visit.call, &self.search, order)
    }

    fn begun(&self, visit: &Visit, draft: &Draft<'_>) -> Result<Answer, Problem> {
        let order = self.order(draft, Step::Do)?;
        let wanted = self.wanted(visit, &order)?;
        let job = begin(&visit.call, wanted, order)?;
        Ok(Answer::See(of(job)))
    }

    fn asked(&self, visit: &Visit, draft: &Draft<'_>) -> Result<Answer, Problem> {
        let order = self.order(draft, Step::Plan)?;
        let wanted = self.wanted(visit, &order)?;
        let dry = dry_run(&visit.call, &wanted)?;
        let title = format!("{}?", self.titled(&processes(dry.count)));
        let about = html! {
            (facts(&[("Search", html! { code { (options(&told(&wanted))) } })]))
            (draft.told())
            (self.would(&dry))
            @if !draft.is_plain() { (self.plans(visit, &order, &dry)?) }
        };
        if dry.count == 0 {
            let body = html! {
                div.narrow.wide {
                    h1 { (title) }
                    (about)
                    p { a href=(self.back) { "Go back" } }
                }
            };
            return Ok(Answer::page(title, body));
        }
        Ok(confirm(
            visit,
            &Confirm {
                title,
                about: html! {
                    (about)
                    p {
                        "Each process gets this order when its turn comes. One that is not as the search wants by then \
                         is left alone. The job continues if the engine restarts, and can be stopped."
                    }
                },
                will: self.words.will,
                action: self.action.clone(),
                button: format!("Start the job for {}", processes(dry.count)),
                is_final: self.words.is_final,
                reason: Some(REASON_MAX),
                kept: html! {
                    @if !draft.is_plain() {
                        (draft.kept())
                        input type="hidden" name="step" value="do";
                    }
                },
                is_drafted: !draft.is_plain(),
                is_long: true,
                back: self.back.clone(),
            },
        ))
    }

    /// Counts by state, and some of the processes.
    fn would(&self, dry: &DryRun) -> Markup {
        let states: Vec<String> = dry
            .states
            .iter()
            .map(|many| format!("{} {}", many.count, many.value.as_str().unwrap_or_default()))
            .collect();
        let shown = dry.sample.processes.len();
        html! {
            @match dry.count {
                0 => p.empty { "No process is like that, so there is nothing to do." },
                count => {
                    p.lead { "This is for " strong { (processes(count)) } ": " (states.join(", ")) "." }
                    (rows("Some of the processes", &dry.sample.processes, dry.sample.now))
                    @if count > shown as u64 { p.soft { "And " (count - shown as u64) " more." } }
                },
            }
        }
    }

    /// What the order would do to each of the sample.
    fn plans(&self, visit: &Visit, order: &Order, dry: &DryRun) -> Result<Markup, Problem> {
        let mut told: Vec<Vec<Markup>> = Vec::new();
        for ProcessSummary { process, .. } in &dry.sample.processes {
            let outcome = match ordered(&visit.call, *process, order.clone()) {
                Ok(OrderOutcome::Planned(found)) => plan(self.words.verb, &found),
                Ok(_) => return Err(Problem::unfit()),
                Err(problem) if matches!(problem.code, Code::Refused | Code::NotFound) => {
                    let own = format!("process {process}: ");
                    let why = problem.detail.trim_start_matches(&own);
                    html! { "refused: " (ticks(&clean(why))) }
                }
                Err(problem) => return Err(problem),
            };
            told.push(vec![parts::process(*process), outcome]);
        }
        Ok(html! {
            @if !told.is_empty() {
                (table("What would become of these", &["Process", "What would become of it"], &told))
            }
        })
    }

    fn filled_in(&self, visit: &Visit, draft: &Draft<'_>, wrong: Option<&Problem>) -> Answer {
        let title = self.titled("all that a search finds");
        let inputs = Inputs {
            parts: Choice::Any,
            to: match self.words.verb == Verb::Migrate {
                true => {
                    let searched = self.search.definition.as_deref().unwrap_or_default();
                    let name = searched.split('@').next().unwrap_or_default();
                    versions(visit, name, None)
                }
                false => Choice::Any,
            },
        };
        let body = html! {
            div.narrow {
                h1 { (title) }
                (mistake(wrong))
                (facts(&[("Search", html! { code { (options(&clean(&self.described(visit)))) } })]))
                (sentence(self.words.will))
                (draft.form(visit, (&self.action, &self.back), &inputs))
            }
        };
        Answer::form(wrong, title, body)
    }

    /// The order and whom it is for.
    fn titled(&self, whom: &str) -> String {
        format!("{} {whom}", self.words.of)
    }

    fn described(&self, visit: &Visit) -> String {
        let wanted = self.search.wanted(&visit.call);
        wanted.map_or_else(|_| String::new(), |wanted| told(&wanted))
    }
}

fn processes(count: u64) -> String {
    match count {
        1 => "1 process".to_owned(),
        count => format!("{count} processes"),
    }
}
