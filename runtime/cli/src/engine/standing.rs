//! An engine before it has the records: it says so to those who ask, and waits while another engine has them.

use super::{Answers, Ending};
use crate::{configuration::Configuration, records::Records};
use bureaucrat_host::query::{Query, QueryAnswer};
use bureaucrat_model::{Operator, lock};
use bureaucrat_store_postgres::Obstacle;
use std::{
    ops::ControlFlow,
    sync::{Arc, Mutex},
};

/// Where operators ask, from before there is anybody who knows an answer.
#[derive(Clone, Default)]
pub struct Desk(Arc<Behind>);

#[derive(Default)]
struct Behind {
    answers: Mutex<Option<Answers>>,
    /// Why there are none.
    words: Mutex<Option<String>>,
}

impl Desk {
    /// From now on these are given.
    pub fn open(&self, answers: Answers) {
        *lock(&self.0.answers) = Some(answers);
    }

    /// From now on none are given, for this reason.
    pub fn close(&self, words: &str) {
        self.say(words.to_owned());
        *lock(&self.0.answers) = None;
    }

    /// What is said until then.
    fn say(&self, words: String) {
        *lock(&self.0.words) = Some(words);
    }

    pub fn answer(&self, query: &Query, asker: &Operator) -> QueryAnswer {
        let answers = lock(&self.0.answers).clone();
        if let Some(answers) = answers {
            return answers.answer(query, asker);
        }
        let words = lock(&self.0.words);
        let reason = words
            .clone()
            .unwrap_or_else(|| "the engine is starting; ask again in a moment".to_owned());
        QueryAnswer::Error { reason }
    }
}

/// What tells the one who started the engine that it works; told once.
pub struct Ready<F>(Option<F>);

impl<F: FnOnce() -> anyhow::Result<()>> Ready<F> {
    pub const fn new(ready: F) -> Self {
        Self(Some(ready))
    }

    pub fn tell(&mut self) -> anyhow::Result<()> {
        self.0.take().map_or(Ok(()), |ready| ready())
    }
}

/// Opens the records, once no other engine has them; none if a signal came first.
pub fn open<F: FnOnce() -> anyhow::Result<()>>(
    configuration: &Configuration,
    desk: &Desk,
    ending: &Ending,
    ready: &mut Ready<F>,
) -> anyhow::Result<Option<Arc<Records>>> {
    let (mut known, mut told) = (None, Ok(()));
    let opened = Records::open(configuration, &mut |obstacle| {
        match obstacle {
            Obstacle::Held(holding) => {
                let holding = holding.to_string();
                if known.as_ref() != Some(&holding) {
                    tracing::info!("standing by for the records: {holding}");
                    desk.say(format!(
                        "this engine stands by: it takes the records over when the engine that has them ends or is \
                         silent ({holding}); ask that one"
                    ));
                    known = Some(holding);
                }
                if told.is_ok() {
                    told = ready.tell();
                }
            }
            Obstacle::Away(reason) => desk.say(format!(
                "this engine waits for its database, which cannot be used yet: {reason}"
            )),
        }
        match ending.signal() {
            None if told.is_ok() => ControlFlow::Continue(()),
            Some(_) | None => ControlFlow::Break(()),
        }
    });
    told?;
    match opened {
        Ok(records) => {
            if known.is_some() {
                tracing::info!("the records are this engine's now");
            }
            Ok(Some(Arc::new(records)))
        }
        Err(_) if ending.signal().is_some() => Ok(None),
        Err(error) => Err(error),
    }
}
