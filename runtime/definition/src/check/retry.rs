//! Checks `retry`: how often an action is tried, and when again.

use super::{Checker, Node};
use crate::grammar::Tag;
use bureaucrat_model::Retry;

impl<'t, 's> Checker<'t, 's, '_, '_> {
    pub(super) fn retry(&mut self, action: &Node<'t, 's>) -> Option<Retry> {
        let node = self.shape(action.children(Tag::Retry).next()?);
        let attempts = self.number(&node, "attempts");
        let delay = self.span(&node, "delay");
        let factor = self.number(&node, "factor");
        let max_delay = self.span(&node, "max-delay");
        let jitter = self.number(&node, "jitter");
        let on = self.patterns(&node, "on").unwrap_or_default();
        let conditions = self.conditions_of(&node);
        let retry = Retry {
            attempts: attempts?,
            delay: delay?,
            factor: factor?,
            max_delay: max_delay?,
            jitter: jitter?,
            on,
            conditions,
        };
        self.review_retry(&node, &retry);
        Some(retry)
    }
}
