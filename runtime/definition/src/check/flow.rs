//! Checks what waits, branches and repeats: actions, events, `foreach`, and what they send and take in.

use super::{Checker, Node};
use crate::{
    checked::{
        Action, ActivityKind, After, Carries, Expected, Foreach, Inputs, On, Taking, When, Written,
    },
    diagnostic::ValueProblem,
    grammar::Tag,
};
use bureaucrat_model::{ActivityPath, ItemNames, Since, Via, View};

impl<'t, 's> Checker<'t, 's, '_, '_> {
    pub(super) fn action(&mut self, node: &Node<'t, 's>) -> Option<ActivityKind> {
        let retry = self.retry(node);
        let way = self.way(node);
        let carries = self.carries(node, way.via);
        let taking = self.taking(node);
        let countdown = self.span_or_template(node, "countdown");
        let timeout = self.span_or_template(node, "timeout");
        let heartbeat = self.span_or_template(node, "heartbeat");
        let within = self.span_or_template(node, "within");
        let action = Action {
            participant: self.name_or_template(node, "participant")?,
            way,
            carries,
            taking,
            countdown,
            timeout,
            heartbeat,
            within,
            retry,
        };
        self.review_times(node, &action);
        Some(ActivityKind::Action(Box::new(action)))
    }

    /// What the tasks of an action carry: fields, or the arguments of a call. Where `via` is left to the settings, they
    /// decide which of both fits.
    fn carries(&mut self, node: &Node<'t, 's>, via: Option<Via>) -> Carries {
        let inputs = self.inputs(node);
        let mut args = Vec::new();
        for child in node.children(Tag::Arg) {
            let child = self.shape(child);
            args.extend(self.argument(&child, args.len()));
        }
        let kwargs = self.named_by(node, Tag::Kwarg, Self::argument);
        let first = |tag| node.children(tag).next();
        let argument = first(Tag::Arg).or_else(|| first(Tag::Kwarg));
        match (first(Tag::In), argument, via) {
            (_, Some(argument), Some(via)) if via != Via::Celery => {
                let (tag, via) = (argument.row.name, via.name());
                let problem = ValueProblem::ArgumentsOfNoCall { tag, via };
                self.note(argument.element.start, problem);
            }
            (Some(input), _, Some(Via::Celery)) => {
                self.note(input.element.start, ValueProblem::FieldsOfCall);
            }
            (Some(input), Some(argument), None) => {
                let tag = argument.row.name;
                self.note(
                    input.element.start,
                    ValueProblem::FieldsAndArguments { tag },
                );
            }
            (_, _, _) => {}
        }
        match inputs {
            Some(inputs) => Carries::Fields(inputs),
            None if argument.is_some() || via == Some(Via::Celery) => {
                Carries::Arguments { args, kwargs }
            }
            None => Carries::All,
        }
    }

    /// What a task or a called process gets; none for all fields.
    pub(super) fn inputs(&mut self, node: &Node<'t, 's>) -> Option<Inputs> {
        let inputs = self.named(node, Tag::In);
        node.children(Tag::In).next().map(|_| inputs)
    }

    /// Names with computed values.
    fn named(&mut self, node: &Node<'t, 's>, tag: Tag) -> Inputs {
        self.named_by(node, tag, |checker, child, _| checker.computed(child))
    }

    /// Names with values; what reads a value is told how many there are before it.
    fn named_by<T>(
        &mut self,
        node: &Node<'t, 's>,
        tag: Tag,
        mut read: impl FnMut(&mut Self, &Node<'t, 's>, usize) -> Option<T>,
    ) -> Vec<(String, T)> {
        self.review_names(node, tag);
        let mut found = Vec::new();
        for child in node.children(tag) {
            let child = self.shape(child);
            let name = child.element.attribute("name");
            let name = name.and_then(|name| {
                let text = self.nonempty(&child, "name", name)?;
                if text.starts_with(View::RESERVED) {
                    let found = crate::diagnostic::cut(text);
                    self.note(name.value_start, ValueProblem::ReservedName { found });
                    return None;
                }
                Some(text.to_owned())
            });
            let value = read(self, &child, found.len());
            if let (Some(name), Some(value)) = (name, value) {
                found.push((name, value));
            }
        }
        found
    }

    /// What becomes of what comes back.
    pub(super) fn taking(&mut self, node: &Node<'t, 's>) -> Taking {
        self.review_names(node, Tag::Out);
        let mut out = Vec::new();
        for child in node.children(Tag::Out) {
            let child = self.shape(child);
            let target = self.field_path(&child, "name");
            let value = self.computed(&child);
            if let (Some(target), Some(value)) = (target, value) {
                out.push((target, value));
            }
        }
        let into = self.field_path(node, "into");
        let first = node.children(Tag::Out).next();
        match (into, first) {
            (Some(_), Some(first)) => {
                self.note(first.element.start, ValueProblem::IntoAndOut);
                Taking::Out(out)
            }
            (Some(target), None) => {
                self.declare_local(node.element, &target.name());
                Taking::Into(target)
            }
            (None, Some(_)) => Taking::Out(out),
            (None, None) => Taking::Fields,
        }
    }

    /// An event that is waited for.
    pub(super) fn expected(&mut self, node: &Node<'t, 's>) -> Option<Expected> {
        let conditions = self.conditions_of(node);
        let taking = self.taking(node);
        let event = self.name_or_template(node, "event");
        let key = self.name_or_template(node, "key");
        let since = self.since(node);
        Some(Expected {
            event: event?,
            key,
            conditions,
            taking,
            since,
        })
    }

    /// How far back kept events count.
    fn since(&mut self, node: &Node<'t, 's>) -> Option<Since> {
        let attribute = node.element.attribute("since")?;
        let written = attribute.value.trim();
        if written == "launch" {
            return Some(Since::Launch);
        }
        if written.starts_with(char::is_alphabetic) && !written.starts_with(['P', 'p']) {
            let found = crate::diagnostic::cut(written);
            self.note(attribute.value_start, ValueProblem::BadSince { found });
            return None;
        }
        self.span(node, "since").map(Since::Span)
    }

    /// A span or a time, of which one is written.
    pub(super) fn when(&mut self, node: &Node<'t, 's>) -> Option<When> {
        if node.element.attribute("until").is_some() {
            return self.time_or_template(node, "until").map(When::At);
        }
        self.span_or_template(node, "duration").map(When::After)
    }

    pub(super) fn pick(
        &mut self,
        node: &Node<'t, 's>,
        path: &ActivityPath,
    ) -> Option<ActivityKind> {
        let (mut on, mut after) = (Vec::new(), None);
        for (index, child) in (0..).zip(node.all_children()) {
            if !self.count_activity(child.element) {
                break;
            }
            let tag = child.row.tag;
            let child = self.shape(child);
            let site = self.site(&child, path.child(index));
            if tag == Tag::After {
                let when = self.when(&child);
                let body = self.body(&child, &site.path);
                after = when.map(|when| Box::new(After { site, when, body }));
            } else {
                let expected = self.expected(&child);
                let body = self.body(&child, &site.path);
                let alternative = expected.map(|expected| On {
                    site,
                    expected,
                    body,
                });
                on.extend(alternative);
            }
        }
        if node.all_children().next().is_none() && node.element.children.is_empty() {
            self.note(node.element.start, ValueProblem::EmptyPick);
            return None;
        }
        self.review_alternatives(&on);
        Some(ActivityKind::Pick { on, after })
    }

    pub(super) fn foreach(
        &mut self,
        node: &Node<'t, 's>,
        path: &ActivityPath,
    ) -> Option<ActivityKind> {
        let select = self.selected(node);
        self.review_item(node);
        let names = ItemNames {
            item: self.declared_name(node, "property"),
            index: self.declared_name(node, "index"),
        };
        let parallel = self.number(node, "parallel");
        let collect = self.expression_attribute(node, "collect");
        let into = self.field_path(node, "into");
        if let Some(into) = &into {
            self.declare_local(node.element, &into.name());
        }
        let has = |name| node.element.attribute(name);
        if let (Some(alone), None) | (None, Some(alone)) = (has("collect"), has("into")) {
            self.note(alone.start, ValueProblem::CollectAlone);
        }
        let body = self.body(node, path);
        Some(ActivityKind::Foreach(Box::new(Foreach {
            select: select?,
            names,
            parallel: parallel?,
            collect,
            into,
            body,
        })))
    }

    /// The name of a field that an attribute declares.
    fn declared_name(&mut self, node: &Node<'t, 's>, name: &'static str) -> Option<String> {
        let attribute = node.element.attribute(name)?;
        let text = self.nonempty(node, name, attribute)?.to_owned();
        if text.starts_with(View::RESERVED) {
            let found = crate::diagnostic::cut(&text);
            self.note(attribute.value_start, ValueProblem::ReservedName { found });
            return None;
        }
        self.declare_local(node.element, &text);
        Some(text)
    }

    pub(super) fn emit(&mut self, node: &Node<'t, 's>) -> Option<ActivityKind> {
        let fields = self.named(node, Tag::Field);
        let event = self.name_or_template(node, "event");
        let key = self.name_or_template(node, "key");
        let keep = self.span(node, "keep");
        self.review_keep(node, keep);
        Some(ActivityKind::Emit {
            event: event?,
            key,
            keep,
            fields,
        })
    }
}

impl<T> Written<T> {
    pub(super) fn try_map<U>(self, map: impl FnOnce(T) -> Option<U>) -> Option<Written<U>> {
        match self {
            Self::Fixed(value) => map(value).map(Written::Fixed),
            Self::Computed(function) => Some(Written::Computed(function)),
        }
    }
}
