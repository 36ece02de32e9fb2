//! Dead letters: looking, sending again, discarding. They may hold anybody's data, so tokens of single
//! users have no part in them.

use crate::{
    engine::Call,
    operation::{Access, Method, Nothing, Operation, Reach},
    problem::{Code, Problem},
    tokens::Role,
};
use bureaucrat_host::{
    letters::{LetterAnswer, LetterOrder, LetterQuery},
    query::{Query, QueryAnswer},
};
use bureaucrat_views::letters::{Letter, WholeLetter};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const READ: Access = Access::Needs(Role::Read, Reach::Engine);
const OPERATE: Access = Access::Needs(Role::Operate, Reach::Engine);

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::get(
            "/dead-letters",
            "list_letters",
            READ,
            "The last dead letters, newest first",
            list,
        ),
        Operation::get(
            "/dead-letters/{letter}",
            "show_letter",
            READ,
            "A dead letter with its message",
            show,
        ),
        Operation::act(
            (Method::Post, "/dead-letters/{letter}/resend"),
            "resend_letter",
            OPERATE,
            "Sends the message of a dead letter again, to the queue that it came from",
            resend,
        ),
        Operation::order(
            (Method::Delete, "/dead-letters/{letter}"),
            "discard_letter",
            OPERATE,
            "Forgets the engine's copy of a dead letter",
            discard,
        ),
    ]
}

pub fn ask(call: &Call, query: LetterQuery) -> Result<LetterAnswer, Problem> {
    let QueryAnswer::Letters(answer) = call.ask(&Query::Letters(query))? else {
        return Err(Problem::unfit());
    };
    Ok(answer)
}

/// Dead letters.
#[derive(Serialize, JsonSchema)]
pub struct Letters {
    letters: Vec<Letter>,
}

fn list(call: &Call, _: Nothing) -> Result<Letters, Problem> {
    let LetterAnswer::Listed { letters } = ask(call, LetterQuery::List)? else {
        return Err(Problem::unfit());
    };
    Ok(Letters {
        letters: letters.iter().map(Letter::of).collect(),
    })
}

#[derive(Deserialize, JsonSchema)]
pub struct One {
    /// Its number.
    letter: u64,
}

fn show(call: &Call, one: One) -> Result<WholeLetter, Problem> {
    match ask(call, LetterQuery::Show { letter: one.letter })? {
        LetterAnswer::Letter(detail) => Ok(WholeLetter::of(&detail)),
        LetterAnswer::Unknown => Err(unknown(one.letter)),
        LetterAnswer::Listed { .. } | LetterAnswer::Done(_) | LetterAnswer::NotCopied(_) => {
            Err(Problem::unfit())
        }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resend {
    /// Whether the engine keeps its copy.
    #[serde(default)]
    keep: bool,
}

/// What was done with a letter.
#[derive(Serialize, JsonSchema)]
pub struct Done {
    letter: u64,
    /// `resent` or `discarded`.
    outcome: &'static str,
    /// The queue that it came from.
    queue: String,
}

fn resend(call: &Call, one: One, resend: Resend) -> Result<Done, Problem> {
    let order = match resend.keep {
        true => LetterOrder::ResendAndKeep,
        false => LetterOrder::Resend,
    };
    give(call, one.letter, order, "resent")
}

fn discard(call: &Call, one: One) -> Result<Done, Problem> {
    give(call, one.letter, LetterOrder::Discard, "discarded")
}

pub fn give(
    call: &Call,
    letter: u64,
    order: LetterOrder,
    outcome: &'static str,
) -> Result<Done, Problem> {
    match ask(call, LetterQuery::Order { letter, order })? {
        LetterAnswer::Done(view) => Ok(Done {
            letter,
            outcome,
            queue: view.queue,
        }),
        LetterAnswer::Unknown => Err(unknown(letter)),
        LetterAnswer::NotCopied(view) => Err(Problem::new(
            Code::Refused,
            format!(
                "letter {letter} has {} bytes, more than the engine copies; it is only in the \
                 dead-letter queue",
                view.bytes
            ),
        )),
        LetterAnswer::Listed { .. } | LetterAnswer::Letter(_) => Err(Problem::unfit()),
    }
}

pub fn unknown(letter: u64) -> Problem {
    Problem::not_found(format!(
        "the engine has no copy of a dead letter {letter}; it keeps the last 1,000"
    ))
}
