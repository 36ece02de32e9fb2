//! Dead letters: looking, sending again, discarding.

use super::{
    Answer, OPERATE_ENGINE, Visit,
    confirm::{Confirm, page as confirm},
    fields::path,
    layout::Section,
    parts::{exactly, facts, json, long, said, table, ticks, when},
};
use crate::{
    problem::Problem,
    routes::letters::{ask as look, give, unknown},
    server::now,
};
use bureaucrat_host::letters::{LetterAnswer, LetterDetail, LetterOrder, LetterQuery, LetterView};
use bureaucrat_views::text::clean;
use maud::{Markup, html};

/// Letters of a page.
const PAGE: usize = 100;

/// What can be done with a letter.
struct Verb {
    name: &'static str,
    order: LetterOrder,
    button: &'static str,
    outcome: &'static str,
    will: &'static str,
    done: &'static str,
}

static VERBS: [Verb; 2] = [
    Verb {
        name: "resend",
        order: LetterOrder::Resend,
        button: "Resend",
        outcome: "resent",
        will: "Its message is sent to the queue that it came from, as a new message. The engine then forgets \
               its copy; what is in the dead-letter queue stays there.",
        done: "The letter was sent again.",
    },
    Verb {
        name: "discard",
        order: LetterOrder::Discard,
        button: "Discard",
        outcome: "discarded",
        will: "The engine forgets its copy. What is in the dead-letter queue stays there. This cannot be undone.",
        done: "The letter was discarded.",
    },
];

pub fn list(visit: &Visit) -> Result<Answer, Problem> {
    let LetterAnswer::Listed { letters } = look(&visit.call, LetterQuery::List)? else {
        return Err(Problem::unfit());
    };
    let now = now();
    let own = Section::Letters.path();
    let before = visit.query.one("before").and_then(|text| text.parse().ok());
    let mut later = letters
        .iter()
        .filter(|letter| before.is_none_or(|before: u64| letter.letter < before));
    let page: Vec<&LetterView> = later.by_ref().take(PAGE).collect();
    let rows: Vec<Vec<Markup>> = page
        .iter()
        .map(|letter| {
            vec![
                html! { a href={ (own) "/" (letter.letter) } { (letter.letter) } },
                when(letter.at, now),
                place(letter),
                html! { code { (said(&letter.code)) } },
                ticks(&clean(&letter.reason)),
            ]
        })
        .collect();
    let next = match (page.last(), later.next()) {
        (Some(last), Some(_)) => {
            let before = last.letter.to_string();
            Some(path(own, [("before", before.as_str())]))
        }
        (Some(_) | None, Some(_) | None) => None,
    };
    let done = visit.query.one("done");
    let done = VERBS.iter().find(|verb| Some(verb.name) == done);
    let body = html! {
        h1 { "Dead letters" }
        @if let Some(verb) = done { p.notice.good role="status" { (verb.done) } }
        p.soft { "Messages that could not be used or delivered. The engine keeps copies of the last 1,000." }
        @if rows.is_empty() {
            p.empty { "There is no dead letter." }
        } @else {
            (table("Dead letters, newest first", &["Letter", "When", "Queue", "Code", "Why"], &rows))
        }
        @if let Some(next) = next { (super::parts::next(&next)) }
    };
    Ok(Answer::page("Dead letters", body))
}

pub fn letter(visit: &Visit) -> Result<Answer, Problem> {
    let detail = detail(visit)?;
    let number = detail.view.letter;
    let title = format!("Dead letter {number}");
    let body = html! {
        p.crumbs { a href=(Section::Letters.path()) { "Dead letters" } }
        h1 { (title) }
        @if visit.may(OPERATE_ENGINE) {
            nav.verbs aria-label="Orders" {
                @for verb in &VERBS {
                    a.button.danger[!verb.order.sends()] href=(of(number, verb)) { (verb.button) "…" }
                }
            }
        }
        (about(&detail))
        section {
            h2 { "Properties" }
            (json(&detail.properties))
        }
        section {
            h2 { "Body" }
            @match &detail.body {
                // What is not UTF-8 is shown as far as it can be.
                Some(body) => (long(&String::from_utf8_lossy(body))),
                None => p.empty { "It is too large for a copy; it is only in the dead-letter queue." },
            }
        }
    };
    Ok(Answer::page(title, body))
}

/// Asks whether it is meant.
pub fn ask(visit: &Visit) -> Result<Answer, Problem> {
    let (verb, detail) = (verb(visit)?, detail(visit)?);
    let number = detail.view.letter;
    Ok(confirm(
        visit,
        &Confirm {
            title: format!("{} dead letter {number}?", verb.button),
            about: about(&detail),
            will: verb.will,
            action: of(number, verb),
            button: format!("{} the letter", verb.button),
            is_final: !verb.order.sends(),
            back: format!("{}/{number}", Section::Letters.path()),
            ..Confirm::default()
        },
    ))
}

pub fn order(visit: &Visit) -> Result<Answer, Problem> {
    let (verb, number) = (verb(visit)?, visit.number("letter")?);
    give(&visit.call, number, verb.order, verb.outcome)?;
    let path = path(Section::Letters.path(), [("done", verb.name)]);
    Ok(Answer::See(path))
}

fn verb(visit: &Visit) -> Result<&'static Verb, Problem> {
    let name = visit.named("verb");
    let found = VERBS.iter().find(|verb| verb.name == name);
    found.ok_or_else(|| Problem::not_found("there is no page at this address"))
}

fn of(letter: u64, verb: &Verb) -> String {
    format!("{}/{letter}/{}", Section::Letters.path(), verb.name)
}

fn detail(visit: &Visit) -> Result<Box<LetterDetail>, Problem> {
    let letter = visit.number("letter")?;
    match look(&visit.call, LetterQuery::Show { letter })? {
        LetterAnswer::Letter(detail) => Ok(detail),
        LetterAnswer::Unknown => Err(unknown(letter)),
        LetterAnswer::Listed { .. } | LetterAnswer::Done(_) | LetterAnswer::NotCopied(_) => {
            Err(Problem::unfit())
        }
    }
}

fn about(detail: &LetterDetail) -> Markup {
    let view = &detail.view;
    facts(&[
        ("When", exactly(view.at, now())),
        ("Queue", place(view)),
        ("Code", html! { code { (said(&view.code)) } }),
        ("Why", ticks(&clean(&view.reason))),
        ("Size", html! { (view.bytes) " bytes" }),
    ])
}

/// Where the message came from, or was sent to.
fn place(letter: &LetterView) -> Markup {
    html! {
        (said(&letter.queue))
        @if !letter.exchange.is_empty() { " at exchange " (said(&letter.exchange)) }
    }
}
