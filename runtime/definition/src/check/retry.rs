//! Checks `retry`: how often an action is tried, and when again.

use super::{Checker, Node};
use crate::{
    diagnostic::{GrammarProblem, ValueProblem, cut},
    grammar::Tag,
};
use bureaucrat_model::{Millis, Retry};

/// The most attempts at one action.
const ATTEMPTS_MAX: u32 = 1_000;

/// What holds where `retry` does not say.
const ATTEMPTS: u32 = 3;
const DELAY: Millis = Millis(1_000);
const FACTOR: u32 = 2_000;
const MAX_DELAY: Millis = Millis(24 * 3_600_000);

impl<'t, 's> Checker<'t, 's, '_, '_> {
    pub(super) fn retry(&mut self, action: &Node<'t, 's>) -> Option<Retry> {
        let mut children = action.children(Tag::Retry);
        let element = children.next()?;
        if let Some(second) = children.next() {
            self.note(second.start, GrammarProblem::SecondRetry);
        }
        let node = self.shape(Tag::Retry, element);
        let attempts = self.number(&node, "attempts", "a whole number from 1 to 1000", |text| {
            let attempts = text.parse().ok()?;
            (1..=ATTEMPTS_MAX).contains(&attempts).then_some(attempts)
        });
        let factor = self.number(&node, "factor", "a number from 1 to 100", |text| {
            thousandths(text, 1.0, 100.0)
        });
        let jitter = self.number(&node, "jitter", "a number from 0 to 1", |text| {
            thousandths(text, 0.0, 1.0)
        });
        let retry = Retry {
            attempts: attempts.unwrap_or(ATTEMPTS),
            delay: self.span(&node, "delay").unwrap_or(DELAY),
            factor: factor.unwrap_or(FACTOR),
            max_delay: self.span(&node, "max-delay").unwrap_or(MAX_DELAY),
            jitter: jitter.unwrap_or(0),
            on: self.patterns(&node, "on").unwrap_or_default(),
        };
        self.review_retry(&node, &retry);
        Some(retry)
    }

    /// The value of an attribute that is a number. Noted if it is not the one that is wanted.
    fn number(
        &mut self,
        node: &Node<'t, 's>,
        name: &'static str,
        wanted: &'static str,
        read: impl FnOnce(&str) -> Option<u32>,
    ) -> Option<u32> {
        let attribute = node.element.attribute(name)?;
        let number = read(attribute.value.trim());
        if number.is_none() {
            let problem = ValueProblem::BadNumber {
                attribute: name,
                found: cut(&attribute.value),
                wanted,
            };
            self.note(attribute.value_start, problem);
        }
        number
    }
}

/// A number within bounds, in thousandths.
fn thousandths(text: &str, least: f64, most: f64) -> Option<u32> {
    let number: f64 = super::float_as_json(text)?.parse().ok()?;
    let fits = (least..=most).contains(&number);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the bounds are small and not negative"
    )]
    fits.then(|| (number * 1_000.0).round() as u32)
}
