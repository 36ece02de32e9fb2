//! Reads the values of attributes by their kinds in the grammar's table, and reports those that
//! are none.
//!
//! The bounds and the defaults are the table's. A value that is not written and has no default is
//! `None`, and so is a wrong one.

use super::{Checker, Node};
use crate::{
    checked::{Called, Written},
    diagnostic::{ValueProblem, cut, meant},
    grammar::{self, Need, Value},
    syntax::Attribute,
    text::is_white,
};
use bureaucrat_model::{CodePattern, DefinitionRef, FieldPath, Label, Millis, Timestamp, View};

impl<'t, 's> Checker<'t, 's, '_, '_> {
    /// A name: not empty, of limited length.
    pub(super) fn name(&mut self, node: &Node<'t, 's>, name: &'static str) -> Option<String> {
        let limit = node.row.attribute(name)?.value.bytes_max();
        let attribute = node.element.attribute(name)?;
        let value = self.nonempty(node, name, attribute)?;
        if value.len() <= limit {
            return Some(value.to_owned());
        }
        let problem = ValueProblem::Long {
            tag: node.row.name,
            attribute: name,
            bytes: value.len(),
            limit,
        };
        self.note(attribute.value_start, problem);
        None
    }

    /// A name, written or the table's default.
    pub(super) fn name_or_default(
        &mut self,
        node: &Node<'t, 's>,
        name: &'static str,
    ) -> Option<String> {
        match node.element.attribute(name) {
            Some(_) => self.name(node, name),
            None => default(node.row, name).map(str::to_owned),
        }
    }

    pub(super) fn nonempty<'v>(
        &mut self,
        node: &Node<'t, 's>,
        name: &'static str,
        attribute: &'v Attribute<'s>,
    ) -> Option<&'v str> {
        if attribute.value.trim().is_empty() {
            let kind = node.row.attribute(name).map(|known| known.value);
            let problem = ValueProblem::Empty {
                tag: node.row.name,
                attribute: name,
                wanted: match kind {
                    Some(Value::Title { .. }) => "a text",
                    Some(_) | None => "a name",
                },
            };
            self.note(attribute.value_start, problem);
            return None;
        }
        Some(&attribute.value)
    }

    /// A name, or a template that becomes one.
    pub(super) fn name_or_template(
        &mut self,
        node: &Node<'t, 's>,
        name: &'static str,
    ) -> Option<Written<String>> {
        let attribute = node.element.attribute(name)?;
        match self.template(attribute)? {
            Written::Fixed(_) => self.name(node, name).map(Written::Fixed),
            computed @ Written::Computed(_) => Some(computed),
        }
    }

    pub(super) fn span_or_template(
        &mut self,
        node: &Node<'t, 's>,
        name: &'static str,
    ) -> Option<Written<Millis>> {
        let attribute = node.element.attribute(name)?;
        let written = self.template(attribute)?;
        written.try_map(|_| self.span(node, name))
    }

    pub(super) fn time_or_template(
        &mut self,
        node: &Node<'t, 's>,
        name: &'static str,
    ) -> Option<Written<Timestamp>> {
        let attribute = node.element.attribute(name)?;
        let written = self.template(attribute)?;
        written.try_map(|text| {
            let time = Timestamp::parse(&text);
            if time.is_none() {
                let found = cut(&text);
                self.note(attribute.value_start, ValueProblem::BadTime { found });
            }
            time
        })
    }

    pub(super) fn span(&mut self, node: &Node<'t, 's>, name: &'static str) -> Option<Millis> {
        let Some(attribute) = node.element.attribute(name) else {
            return Millis::parse(default(node.row, name)?);
        };
        let Some(duration) = Millis::parse(&attribute.value) else {
            let found = cut(&attribute.value);
            let problem = match Millis::is_calendar(&attribute.value) {
                true => ValueProblem::CalendarDuration { found },
                false => ValueProblem::BadDuration {
                    found,
                    meant: meant::duration(&attribute.value),
                },
            };
            self.note(attribute.value_start, problem);
            return None;
        };
        let limit = self.limits.delay;
        if duration > limit {
            self.note(attribute.value_start, ValueProblem::LongDuration { limit });
            return None;
        }
        Some(duration)
    }

    /// A number: whole, or in thousandths, as the table has it.
    pub(super) fn number(&mut self, node: &Node<'t, 's>, name: &'static str) -> Option<u32> {
        let row = node.row.attribute(name)?;
        let Some(attribute) = node.element.attribute(name) else {
            return number(row.value.written(), default(node.row, name)?);
        };
        let number = number(row.value.written(), &attribute.value);
        if number.is_none() {
            let problem = ValueProblem::BadNumber {
                attribute: name,
                found: cut(&attribute.value),
                wanted: row.wanted(),
            };
            self.note(attribute.value_start, problem);
        }
        number
    }

    /// Codes of faults with `*`.
    pub(super) fn patterns(&mut self, node: &Node<'t, 's>, name: &str) -> Option<Vec<CodePattern>> {
        let attribute = node.element.attribute(name)?;
        let mut codes = Vec::new();
        for code in attribute.value.split(',').map(str::trim) {
            match CodePattern::new(code) {
                Some(pattern) => codes.push(pattern),
                None => {
                    let found = cut(code);
                    self.note(attribute.value_start, ValueProblem::BadPattern { found });
                }
            }
        }
        Some(codes)
    }

    pub(super) fn field_path(&mut self, node: &Node<'t, 's>, name: &str) -> Option<FieldPath> {
        let attribute = node.element.attribute(name)?;
        let path = FieldPath::new(&attribute.value);
        if path.is_none() {
            let found = cut(&attribute.value);
            self.note(attribute.value_start, ValueProblem::BadPath { found });
        }
        let reserved = path.as_ref().map(FieldPath::name);
        if let Some(name) = reserved.filter(|name| name.starts_with(View::RESERVED)) {
            let found = cut(&name);
            self.note(attribute.value_start, ValueProblem::ReservedName { found });
            return None;
        }
        path
    }

    /// The definition that a call names: the field that `$` and a name refer to, or a deployed one.
    pub(super) fn called(&mut self, node: &Node<'t, 's>, name: &str) -> Option<Called> {
        let attribute = node.element.attribute(name)?;
        if let Some(field) = attribute.value.strip_prefix('$') {
            if field.trim().is_empty() {
                self.note(attribute.value_start, ValueProblem::CallOfNoField);
                return None;
            }
            return Some(Called::Field(field.to_owned()));
        }
        match self.template(attribute)? {
            Written::Computed(function) => Some(Called::Named(Written::Computed(function))),
            Written::Fixed(text) => match text.parse::<DefinitionRef>() {
                Ok(reference) => {
                    self.review_call(attribute.value_start, &text);
                    Some(Called::Named(Written::Fixed(reference.to_string())))
                }
                Err(error) => {
                    let reason = error.to_string();
                    self.note(attribute.value_start, ValueProblem::BadCall { reason });
                    None
                }
            },
        }
    }

    /// One of the words that the table allows, written or its default.
    pub(super) fn word(&mut self, node: &Node<'t, 's>, name: &'static str) -> Option<&'static str> {
        match node.element.attribute(name) {
            Some(attribute) => self.word_of(node, attribute, name, &attribute.value),
            None => default(node.row, name),
        }
    }

    /// One of the words that the table allows, if one is written; white space around it does not count.
    pub(super) fn one_of(
        &mut self,
        node: &Node<'t, 's>,
        name: &'static str,
    ) -> Option<&'static str> {
        let attribute = node.element.attribute(name)?;
        self.word_of(node, attribute, name, attribute.value.trim())
    }

    /// The word that a text is; one that is none is noted at its attribute.
    fn word_of(
        &mut self,
        node: &Node<'t, 's>,
        attribute: &Attribute<'s>,
        name: &'static str,
        text: &str,
    ) -> Option<&'static str> {
        let Value::OneOf(words) = node.row.attribute(name)?.value else {
            return None;
        };
        let word = words.iter().find(|word| **word == text).copied();
        if word.is_none() {
            let problem = ValueProblem::BadWord {
                attribute: name,
                found: cut(text),
                words,
            };
            self.note(attribute.value_start, problem);
        }
        word
    }

    /// The id and the title of what may have them.
    pub(super) fn label(&mut self, node: &Node<'t, 's>) -> Option<Box<Label>> {
        let id = self.id(node);
        let title = self.title(node);
        (id.is_some() || title.is_some()).then(|| Box::new(Label { id, title }))
    }

    fn id(&mut self, node: &Node<'t, 's>) -> Option<String> {
        let kind = node.row.attribute("id")?.value;
        let attribute = node.element.attribute("id")?;
        let id = &*attribute.value;
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let is_id = (1..=kind.bytes_max()).contains(&id.len())
            && id.starts_with(|first: char| first.is_ascii_alphanumeric())
            && id.bytes().all(is_word);
        if !is_id {
            let (found, wanted) = (cut(id), kind.in_words());
            self.note(attribute.value_start, ValueProblem::BadId { found, wanted });
            return None;
        }
        let line = self.diagnostics.span(attribute.start).line;
        if let Some(line) = self.ids.get(id).copied() {
            let found = cut(id);
            self.note(
                attribute.value_start,
                ValueProblem::RepeatedId { found, line },
            );
            return None;
        }
        self.ids.insert(id.to_owned(), line);
        Some(id.to_owned())
    }

    fn title(&mut self, node: &Node<'t, 's>) -> Option<String> {
        let Value::Title { characters: limit } = node.row.attribute("title")?.value else {
            return None;
        };
        let attribute = node.element.attribute("title")?;
        let title = self.nonempty(node, "title", attribute)?;
        let characters = title.chars().count();
        if characters > limit {
            let problem = ValueProblem::LongTitle { characters, limit };
            self.note(attribute.value_start, problem);
            return None;
        }
        Some(title.to_owned())
    }
}

fn default(row: &grammar::Row, name: &str) -> Option<&'static str> {
    match row.attribute(name)?.need {
        Need::Default(value) => Some(value),
        Need::Required
        | Need::Optional(_)
        | Need::Either(_)
        | Need::InsteadOfText
        | Need::WithThat(_) => None,
    }
}

fn number(kind: Value, text: &str) -> Option<u32> {
    let text = text.trim_matches(is_white);
    if let Value::Integer { least, most } = kind {
        let number = text.parse().ok()?;
        return (least..=most).contains(&number).then_some(number);
    }
    let Value::Thousandths { least, most } = kind else {
        return None;
    };
    let number = super::float_as_json(text)?.parse::<f64>().ok()? * 1_000.0;
    let fits = (f64::from(least)..=f64::from(most)).contains(&number);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the number is within the bounds, which are of this type"
    )]
    fits.then(|| number.round() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::{Tag, root};

    fn rows() -> Vec<&'static grammar::Row> {
        let mut rows = vec![root()];
        let mut place = 0;
        while let Some(row) = rows.get(place).copied() {
            for child in row.children() {
                if !rows.iter().any(|known| known.tag == child.tag) {
                    rows.push(child);
                }
            }
            place += 1;
        }
        rows
    }

    /// A default of the table that its own kind refuses would silently be another one.
    #[test]
    fn defaults_are_values_of_their_kinds() {
        let mut count = 0;
        for row in rows() {
            for attribute in row.attributes() {
                let Need::Default(text) = attribute.need else {
                    continue;
                };
                count += 1;
                let kind = attribute.value;
                let is_right = if kind == Value::Zone {
                    bureaucrat_schedule::Timetable::new("0 0 * * *", text).is_ok()
                } else if let Value::OneOf(words) = kind {
                    words.contains(&text)
                } else if let Value::Name { bytes } = kind {
                    (1..=bytes).contains(&text.len())
                } else if kind == Value::Duration {
                    Millis::parse(text).is_some()
                } else {
                    number(kind, text).is_some()
                };
                assert!(is_right, "{attribute:?}");
            }
        }
        assert!(count >= 5, "{count}");
        assert!(rows().iter().any(|row| row.tag == Tag::Retry));
    }

    #[test]
    fn numbers_are_within_their_bounds() {
        let whole = Value::Integer { least: 1, most: 9 };
        for (text, expected) in [("1", Some(1)), (" 9 ", Some(9)), ("0", None), ("10", None)] {
            assert_eq!(number(whole, text), expected, "{text}");
        }
        let part = Value::Thousandths {
            least: 0,
            most: 1_000,
        };
        for (text, expected) in [
            ("0.2", Some(200)),
            (".5", Some(500)),
            ("1", Some(1_000)),
            ("1.1", None),
            ("-0.1", None),
            ("1e300", None),
            ("nan", None),
        ] {
            assert_eq!(number(part, text), expected, "{text}");
        }
    }
}
