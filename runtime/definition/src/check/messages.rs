//! Checks messages to the broker: where they go, and what may not be in them.

use super::{Checker, Node};
use crate::{
    checked::{ActivityKind, Inputs, Send, Written},
    diagnostic::{ValueProblem, cut},
    grammar::Tag,
};
use bureaucrat_model::{Message, Toward};

impl<'t, 's> Checker<'t, 's, '_, '_> {
    pub(super) fn send(&mut self, node: &Node<'t, 's>) -> Option<ActivityKind> {
        let exchange = self.name_or_template(node, "exchange");
        let routing_key = self.name_or_template(node, "routing-key");
        let content_type = self.name_or_default(node, "content-type");
        let headers = self.headers(node);
        let payload = node.children(Tag::Payload).next();
        let body = payload.map(|payload| {
            let payload = self.shape(payload);
            self.computed(&payload)
        });
        let is_there = |name: &str| node.element.attribute(name).is_some();
        if !is_there("exchange") && !is_there("routing-key") && node.element.refused == 0 {
            self.note(node.element.start, ValueProblem::SendsNowhere);
            return None;
        }
        self.destination(node, exchange.as_ref(), routing_key.as_ref());
        let is_wrong = |name: &str, read: bool| is_there(name) && !read;
        if is_wrong("exchange", exchange.is_some())
            || is_wrong("routing-key", routing_key.is_some())
        {
            return None;
        }
        Some(ActivityKind::Send(Box::new(Send {
            exchange,
            routing_key,
            content_type: content_type?,
            headers,
            body: match body {
                Some(body) => Some(body?),
                None => None,
            },
        })))
    }

    /// Notes a destination that is never allowed, as far as it is written.
    pub(super) fn destination(
        &mut self,
        node: &Node<'t, 's>,
        exchange: Option<&Written<String>>,
        routing_key: Option<&Written<String>>,
    ) {
        let written = |written: Option<&Written<String>>| match written {
            None => Some(String::new()),
            Some(Written::Fixed(text)) => Some(text.clone()),
            Some(Written::Computed(_)) => None,
        };
        let Some(exchange) = written(exchange) else {
            return;
        };
        let key = written(routing_key).unwrap_or_default();
        let Some(reason) = Toward(&exchange, &key).never() else {
            return;
        };
        let (name, text) = match exchange.is_empty() {
            true => ("routing-key", &key),
            false => ("exchange", &exchange),
        };
        let attribute = node.element.attribute(name);
        let offset = attribute.map_or(node.element.start, |found| found.value_start);
        let found = cut(text);
        self.note(offset, ValueProblem::NeverSent { found, reason });
    }

    fn headers(&mut self, node: &Node<'t, 's>) -> Inputs {
        self.review_names(node, Tag::Header);
        let mut headers = Inputs::new();
        for child in node.children(Tag::Header) {
            let child = self.shape(child);
            let name = self.name(&child, "name");
            let value = self.computed(&child);
            let (Some(name), Some(value)) = (name, value) else {
                continue;
            };
            if Message::is_reserved_header(&name) {
                let attribute = child.element.attribute("name");
                let offset = attribute.map_or(child.element.start, |found| found.value_start);
                let found = cut(&name);
                self.note(offset, ValueProblem::ReservedHeader { found });
                continue;
            }
            headers.push((name, value));
        }
        headers
    }
}
