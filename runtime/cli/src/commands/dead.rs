//! `dead …`: the last dead letters of the running engine.

use super::{print_line, settings};
use crate::{
    Exit,
    arguments::{Dead, DeadList, LetterEnd, Options},
    control::Control,
    failure::{Failure, Kind},
    screen::{self, Output, clean},
};
use anyhow::{anyhow, bail};
use bureaucrat_host::{
    letters::{LetterAnswer, LetterDetail, LetterOrder, LetterQuery, LetterView},
    query::{Query, QueryAnswer},
};
use bureaucrat_model::Toward;
use bureaucrat_views::letters::{Letter, WholeLetter};
use serde_json::json;

/// The most letters that an ambiguous number names.
const CANDIDATES_MAX: usize = 10;

pub fn run(options: &Options, dead: &Dead) -> anyhow::Result<Exit> {
    let settings = settings(options)?;
    let mut asked = Asked {
        control: Control::connect(&settings.storage)?,
        queue: settings.dead_letter_queue,
    };
    match dead {
        Dead::List(list) => asked.list(list),
        Dead::Show(show) => asked.show(&show.letter, show.json),
        Dead::Resend(resend) => {
            let order = match resend.keep {
                true => LetterOrder::ResendAndKeep,
                false => LetterOrder::Resend,
            };
            asked.order(&resend.letters, order, resend.json)
        }
        Dead::Discard(discard) => asked.order(&discard.letters, LetterOrder::Discard, discard.json),
    }
}

struct Asked {
    control: Control,
    /// The dead-letter queue.
    queue: String,
}

impl Asked {
    fn ask(&mut self, query: LetterQuery) -> anyhow::Result<LetterAnswer> {
        let QueryAnswer::Letters(answer) = self.control.ask(&Query::Letters(query))? else {
            return Err(unfit());
        };
        Ok(answer)
    }

    fn letters(&mut self) -> anyhow::Result<Vec<LetterView>> {
        let LetterAnswer::Listed { letters } = self.ask(LetterQuery::List)? else {
            return Err(unfit());
        };
        Ok(letters)
    }

    /// The letter that somebody means by its number or the end of it.
    fn letter(&mut self, end: &LetterEnd) -> anyhow::Result<u64> {
        let letters = self.letters()?;
        let found = end.among(letters.iter().map(|letter| letter.letter));
        match found[..] {
            [] => Err(unknown(end)),
            [letter] => Ok(letter),
            _ => {
                let mut text =
                    format!("several letters have numbers that end with {end}; give more digits:");
                let meant = |letter: &&LetterView| found.contains(&letter.letter);
                for letter in letters.iter().filter(meant).take(CANDIDATES_MAX) {
                    let (number, at, code) = (letter.letter, letter.at, &letter.code);
                    text += &format!("\n  {number}  {at}  {code}");
                }
                Err(Failure::new(Kind::Ambiguous, text).into())
            }
        }
    }

    fn list(&mut self, list: &DeadList) -> anyhow::Result<Exit> {
        let mut letters = self.letters()?;
        let more = match list.limit {
            0 => 0,
            limit => letters.len().saturating_sub(limit),
        };
        letters.truncate(letters.len() - more);
        if list.json {
            for letter in &letters {
                print_line(&serde_json::to_string(&Letter::of(letter))?)?;
            }
        } else if letters.is_empty() {
            screen::tell("no dead letters");
        } else {
            table(&letters)?;
        }
        if more > 0 {
            screen::tell(&format!("and {more} more: --limit 0 shows all"));
        }
        Ok(Exit::Done)
    }

    fn show(&mut self, end: &LetterEnd, json: bool) -> anyhow::Result<Exit> {
        let letter = self.letter(end)?;
        let detail = match self.ask(LetterQuery::Show { letter })? {
            LetterAnswer::Letter(detail) => detail,
            LetterAnswer::Unknown => return Err(unknown(end)),
            LetterAnswer::Listed { .. } | LetterAnswer::Done(_) | LetterAnswer::NotCopied(_) => {
                return Err(unfit());
            }
        };
        print_line(&if json {
            serde_json::to_string(&WholeLetter::of(&detail))?
        } else {
            shown(&detail)
        })?;
        Ok(Exit::Done)
    }

    fn order(
        &mut self,
        ends: &[LetterEnd],
        order: LetterOrder,
        json: bool,
    ) -> anyhow::Result<Exit> {
        // All are found before anything is done about one.
        let letters: Vec<u64> = ends
            .iter()
            .map(|end| self.letter(end))
            .collect::<Result<_, _>>()?;
        for (letter, end) in letters.into_iter().zip(ends) {
            let view = match self.ask(LetterQuery::Order { letter, order })? {
                LetterAnswer::Done(view) => view,
                LetterAnswer::Unknown => return Err(unknown(end)),
                LetterAnswer::NotCopied(view) => bail!(
                    "letter {letter} has {} bytes, more than the engine copies; it is only in the \
                     queue `{}`",
                    view.bytes,
                    self.queue
                ),
                LetterAnswer::Listed { .. } | LetterAnswer::Letter(_) => return Err(unfit()),
            };
            let (word, done) = match order {
                LetterOrder::Resend | LetterOrder::ResendAndKeep => {
                    ("resent", format!("resent to {}", place(&view)))
                }
                LetterOrder::Discard => ("discarded", "forgotten".to_owned()),
            };
            print_line(&if json {
                json!({"letter": letter, "outcome": word, "queue": view.queue}).to_string()
            } else {
                format!(
                    "letter {letter}: {done}; the letter itself stays in the queue `{}`",
                    self.queue
                )
            })?;
        }
        Ok(Exit::Done)
    }
}

/// Letters for people, as wide as the terminal.
fn table(letters: &[LetterView]) -> anyhow::Result<()> {
    let columns = Output::of_this_process().columns();
    let queues = letters.iter().map(|letter| clean(&letter.queue));
    let queue = queues.map(|name| name.chars().count()).max();
    let width = queue.unwrap_or(0).clamp(5, (columns / 4).max(5));
    let numbers = letters.iter().map(|letter| letter.letter.to_string().len());
    let number = numbers.max().unwrap_or(0).max("LETTER".len());
    let style = screen::heading();
    print_line(&format!(
        "{style}{:>number$}  {:<24}  {:<width$}  REASON{style:#}",
        "LETTER", "TIME", "QUEUE"
    ))?;
    for letter in letters {
        let queue = screen::fit(&clean(&letter.queue), width);
        let reason = clean(&format!("{}: {}", letter.code, letter.reason));
        let reason = screen::fit(&reason, columns.saturating_sub(number + 30 + width));
        print_line(&format!(
            "{:>number$}  {:<24}  {queue:<width$}  {reason}",
            letter.letter,
            letter.at.to_string()
        ))?;
    }
    Ok(())
}

/// The queue that a letter came from, or where a process sent it.
fn place(view: &LetterView) -> String {
    match &*view.exchange {
        "" => format!("`{}`", view.queue),
        exchange => Toward(exchange, &view.queue).to_string(),
    }
}

fn unfit() -> anyhow::Error {
    anyhow!("unexpected answer from the engine")
}

fn unknown(end: &LetterEnd) -> anyhow::Error {
    let what = format!(
        "the engine has no copy of a dead letter whose number is {end} or ends with it; it \
         keeps the last 1,000, and `bureaucrat dead list` shows them"
    );
    Failure::new(Kind::Unknown, what).into()
}

fn shown(detail: &LetterDetail) -> String {
    let view = &detail.view;
    let style = screen::heading();
    let mut lines = Vec::new();
    let mut add = |key: &str, text: &str| {
        let mut key = key;
        for line in text.lines() {
            lines.push(format!("{style}{key:<10}{style:#} {}", clean(line)));
            key = "";
        }
    };
    add("letter", &view.letter.to_string());
    add("time", &view.at.to_string());
    if !view.exchange.is_empty() {
        add("exchange", &view.exchange);
    }
    add("queue", &view.queue);
    add("code", &view.code);
    add("reason", &view.reason);
    let properties = serde_json::to_string_pretty(&detail.properties);
    add(
        "properties",
        &properties.unwrap_or_else(|error| error.to_string()),
    );
    add("bytes", &view.bytes.to_string());
    match &detail.body {
        Some(body) => add("body", &String::from_utf8_lossy(body)),
        None => add("body", "(too large to be copied; it is only in the queue)"),
    }
    lines.join("\n")
}
