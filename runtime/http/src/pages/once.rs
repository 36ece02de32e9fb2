//! Forms that do something once, however often they are sent: a slow network, a reload and a second click send
//! one again. Each has a number; what came of the first is the answer to the others.

use super::Answer;
use crate::{
    problem::{Code, Problem},
    tokens,
};
use bureaucrat_model::lock;
use maud::{Markup, html};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
};

/// So many forms are remembered.
const KNOWN_MAX: usize = 10_000;

type Number = [u8; 32];

#[derive(Default)]
pub struct Once(Mutex<Table>);

#[derive(Default)]
struct Table {
    /// Where the first one led to; none while it is being carried out.
    known: HashMap<Number, Option<String>>,
    /// The oldest first.
    order: VecDeque<Number>,
}

/// A form that has come for the first time.
pub struct First {
    once: Arc<Once>,
    number: Number,
}

/// A number for a form, to be sent with it.
pub fn number() -> Markup {
    html! {
        // Without random bytes a form is one that may come twice.
        @if let Ok(number) = tokens::draw() { input type="hidden" name="once" value=(number); }
    }
}

impl Once {
    /// A form of a session has come; gives where it led to if it has come before.
    ///
    /// # Errors
    /// If it is being carried out, or it is not known what came of it.
    pub fn come(
        self: &Arc<Self>,
        proof: &str,
        number: &str,
    ) -> Result<Result<First, String>, Problem> {
        let number = tokens::hash(&format!("once {proof} {number}"));
        let mut table = lock(&self.0);
        match table.known.get(&number) {
            Some(Some(to)) => return Ok(Err(to.clone())),
            Some(None) => {
                let what = "this form was sent already; look whether it has had its effect";
                return Err(Problem::new(Code::Refused, what));
            }
            None => {}
        }
        while table.order.len() >= KNOWN_MAX {
            let oldest = table.order.pop_front();
            oldest.and_then(|oldest| table.known.remove(&oldest));
        }
        table.known.insert(number, None);
        table.order.push_back(number);
        drop(table);
        let once = self.clone();
        Ok(Ok(First { once, number }))
    }
}

impl First {
    /// What came of it. One that had no effect may come again.
    pub fn settle(self, answer: &Result<Answer, Problem>) {
        let mut table = lock(&self.once.0);
        match answer {
            Ok(Answer::See(to)) => {
                if let Some(known) = table.known.get_mut(&self.number) {
                    *known = Some(to.clone());
                }
            }
            // What timed out may take effect anyway.
            Err(problem) if matches!(problem.code, Code::TimedOut | Code::Internal) => {}
            Ok(Answer::Page { .. } | Answer::Again { .. } | Answer::Picture(_)) | Err(_) => {
                table.known.remove(&self.number);
                table.order.retain(|known| *known != self.number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_form_has_its_effect_once() {
        let once = Arc::new(Once::default());
        let first = once.come("session", "1").unwrap();
        let Ok(first) = first else {
            panic!("it came before")
        };
        assert!(once.come("session", "1").is_err());
        assert!(once.come("another", "1").unwrap().is_ok());
        first.settle(&Ok(Answer::See("/there".into())));
        assert!(
            once.come("session", "1")
                .unwrap()
                .is_err_and(|to| to == "/there")
        );
        // What was refused may be tried again.
        let second = once.come("session", "2").unwrap();
        let Ok(second) = second else {
            panic!("it came before")
        };
        second.settle(&Err(Problem::parameter("wrong")));
        assert!(once.come("session", "2").unwrap().is_ok());
        for number in 0..KNOWN_MAX {
            assert!(once.come("many", &number.to_string()).unwrap().is_ok());
        }
        assert_eq!(once.0.lock().unwrap().known.len(), KNOWN_MAX);
    }
}
