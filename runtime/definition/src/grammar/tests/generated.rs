//! Random definitions made from the table, with and without mistakes: what compiles is accepted by
//! both schemas, and what is wrong by the table is refused by them, as far as they can say it.

use super::validator::{Folder, Schema};
use crate::grammar::{Content, Least, Need, Occurs, ROWS, Row, Text, Value, root};
use crate::{DiagnosticKind, GrammarProblem, Limits, Outline, compile, outline};
use bureaucrat_model::ActivityPath;
use std::{collections::BTreeMap, fmt::Write as _};

const DEFINITIONS: u64 = 1_000;

/// Numbers that look random, the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn one_in(&mut self, sides: usize) -> bool {
        self.roll(sides) == 0
    }

    fn of<'v, T>(&mut self, values: &'v [T]) -> &'v T {
        &values[self.roll(values.len())]
    }
}

struct Generator {
    dice: Dice,
    text: String,
    ids: u32,
    /// One in so many choices is a mistake.
    care: usize,
}

impl Generator {
    fn element(&mut self, row: &Row, depth: usize) {
        let _ = write!(self.text, "<{}", row.name);
        let has_attribute = self.attributes(row);
        self.text.push('>');
        if self.dice.one_in(self.care) {
            self.text.push_str("text");
        }
        match row.content {
            Content::Text(text) => self.written(text, has_attribute),
            Content::Parts => self.children(row, depth, 0),
            Content::Body(Least::None) => self.children(row, depth, 0),
            Content::Body(Least::One(_)) => self.children(row, depth, 1),
        }
        let _ = write!(self.text, "</{}>", row.name);
    }

    /// Whether there is one instead of the text.
    fn attributes(&mut self, row: &Row) -> bool {
        let instead = self.dice.one_in(3);
        let mut instead_of_text = (row.attributes().iter())
            .filter(|found| found.need == Need::InsteadOfText)
            .map(|found| found.name);
        // One of those that stand instead of the text.
        let first = instead_of_text.next();
        let chosen = instead_of_text
            .next()
            .filter(|_| self.dice.one_in(2))
            .or(first);
        // Which of two that exclude each other, and whether those are there that go together.
        let (one, both) = (self.dice.one_in(2), self.dice.one_in(2));
        let mut seen_either = false;
        for attribute in row.attributes() {
            let is_there = match attribute.need {
                Need::Required => true,
                Need::Either(_) => {
                    let is_first = !seen_either;
                    seen_either = true;
                    is_first == one
                }
                Need::Optional(_) if ["collect", "into"].contains(&attribute.name) => {
                    row.name == "foreach" && both
                }
                Need::Optional(_) if row.name == "send" && attribute.name == "routing-key" => true,
                Need::Optional(_) | Need::Default(_) => self.dice.one_in(3),
                Need::InsteadOfText => instead && chosen == Some(attribute.name),
                Need::WithThat(_) => instead && self.dice.one_in(2),
            };
            if is_there != self.dice.one_in(self.care) {
                let value = self.value(attribute.value);
                let _ = write!(self.text, " {}=\"{value}\"", attribute.name);
            }
        }
        if self.dice.one_in(self.care) {
            self.text.push_str(" other=\"1\"");
        }
        instead && chosen.is_some()
    }

    fn value(&mut self, value: Value) -> String {
        if self.dice.one_in(self.care) {
            return (*self.dice.of(&["", " ", "-1", "a b,*", "/", "$", "{"])).to_owned();
        }
        let words: &[&str] = match value {
            Value::Name { .. } => &["p", "größe", " a b "],
            Value::Id { .. } => {
                self.ids += 1;
                return format!("i.{}", self.ids);
            }
            Value::Title { .. } | Value::Text => &["A title", "ä &lt; ö"],
            Value::Duration => &[
                "1", "0.5", ".5s", "1e2", " 5m ", "PT1H30M", "P1DT0,5S", "-0",
            ],
            Value::Integer { .. } => &["1", " 3 ", "+5", "0010"],
            Value::Thousandths { .. } => &["1", "1.0", " 1. ", "1e0"],
            Value::FaultCode => &["shop.Declined", " a ", "größe"],
            Value::FaultPatterns => &["*", "A, shop.*", " a:b ,c"],
            Value::FieldName => &["a", "a b", "/x"],
            Value::FieldPath => &["a", "/a", "/a/0/~1", "a~", " "],
            Value::Called => &["$a", "$ä b", "order", "order@3", "0.a_B-9"],
            Value::ModuleHash => {
                &["sha256:abababababababababababababababababababababababababababababababab"]
            }
            Value::ModuleRef => &["risk", "risk@4", "a.b-c@live"],
            Value::Function { .. } => &["evaluate", "is-high", "A-b2"],
            Value::OneOf(words) => {
                // The text of the others is not that of an expression.
                let plain: Vec<_> = words.iter().filter(|word| **word != "expr").collect();
                return (**self.dice.of(&plain)).to_owned();
            }
            Value::Cron => &["30 2 * * *", " */5 9-17 * * MON-FRI ", "@daily"],
            Value::Zone => &["UTC", "Europe/Berlin"],
            Value::Since => &["launch", "1h", "0"],
            Value::Time => &["2026-12-01T08:00:00Z", "0", "1795478399.5"],
            Value::Expression => &["context['a']", "[1, 2]"],
            Value::Template(kind) => {
                return match self.dice.one_in(2) {
                    true => "x{context['a']}".to_owned(),
                    false => self.value(*kind),
                };
            }
        };
        (*self.dice.of(words)).to_owned()
    }

    fn written(&mut self, text: Text, has_attribute: bool) {
        if has_attribute != self.dice.one_in(self.care) {
            return;
        }
        let words: &[&str] = match text {
            Text::Any => &["1", " true ", "\"x\""],
            Text::Base64 => &["AAAA", " AA\nA= "],
            Text::Expression | Text::ExpressionOrNothing => {
                &["1 == 1", "\n context[\"a\"] \n", "<![CDATA[1 < 2]]>"]
            }
        };
        let word = *self.dice.of(words);
        self.text.push_str(word);
    }

    fn children(&mut self, row: &Row, depth: usize, least: usize) {
        let allowed = row.children();
        if allowed.is_empty() || depth == 0 {
            if least > 0 {
                self.text.push_str("<delay duration=\"0\"/>");
            }
            return;
        }
        let count = self.dice.roll(4);
        let mut last = None;
        let mut once = Vec::new();
        for _ in 0..count {
            let is_mistake = self.dice.one_in(self.care);
            let child = match is_mistake {
                true => self.dice.of(ROWS),
                false => *self.dice.of(allowed),
            };
            let is_again = once.contains(&child.name);
            match child.occurs {
                _ if is_mistake => self.element(child, depth - 1),
                Occurs::Last => last = Some(child),
                Occurs::Once if is_again => {}
                Occurs::Once | Occurs::Any => self.element(child, depth - 1),
            }
            once.push(child.name);
        }
        if least > 0 && !self.dice.one_in(self.care) {
            self.text.push_str("<delay duration=\"0\"/>");
        }
        if let Some(last) = last {
            self.element(last, depth - 1);
        }
    }
}

/// Whether XML Schema can say it; docs/language.md has the reasons.
fn is_for_xml_schema(problem: &GrammarProblem) -> bool {
    match problem {
        GrammarProblem::NoActivities { .. }
        | GrammarProblem::BothAttributes { .. }
        | GrammarProblem::MissingEither { .. } => false,
        GrammarProblem::Second { parent, .. } => {
            let mut parents = ROWS.iter().filter(|row| row.name == *parent);
            parents.all(|row| {
                let children = row.children().iter();
                children
                    .filter(|child| child.occurs == Occurs::Once)
                    .count()
                    < 2
            })
        }
        GrammarProblem::NotProcess { .. }
        | GrammarProblem::UnknownElement { .. }
        | GrammarProblem::MisplacedElement { .. }
        | GrammarProblem::AfterLast { .. }
        | GrammarProblem::UnexpectedText { .. }
        | GrammarProblem::UnknownAttribute { .. }
        | GrammarProblem::MissingAttribute { .. }
        | GrammarProblem::Parent => true,
    }
}

/// Half of them without mistakes by the table.
fn generated(seed: u64) -> String {
    let mut generator = Generator {
        dice: Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        text: String::new(),
        ids: 0,
        care: if seed.is_multiple_of(2) {
            1_000_000
        } else {
            40
        },
    };
    generator.element(root(), 6);
    generator.text
}

fn places(outline: &Outline, found: &mut BTreeMap<ActivityPath, (u32, Option<String>)>) {
    if let Some(path) = &outline.path {
        let id = outline.attribute("id").map(str::to_owned);
        let before = found.insert(path.clone(), (outline.line, id));
        assert_eq!(before, None, "{path} is there once");
    }
    for child in &outline.children {
        places(child, found);
    }
}

#[test]
fn outlines_have_the_places_of_programs() {
    let mut right = 0;
    for seed in 0..DEFINITIONS {
        let text = generated(seed);
        let outline = outline(text.as_bytes(), &Limits::default());
        let compiled = match (compile(text.as_bytes(), &Limits::default()), outline) {
            (Ok(compiled), Ok(outline)) => (compiled, outline),
            (compiled, outline) => {
                assert_eq!(compiled.err(), outline.err(), "{text}");
                continue;
            }
        };
        let (compiled, outline) = compiled;
        right += 1;
        let mut found = BTreeMap::new();
        places(&outline, &mut found);
        for site in &compiled.program.sites {
            let id = site.label.as_ref().and_then(|label| label.id.clone());
            let place = found.get(&site.path);
            assert_eq!(place, Some(&(site.span.line, id)), "{} {text}", site.path);
        }
    }
    assert!(right >= 100, "{right}");
}

#[test]
fn schemas_judge_like_the_checker() {
    let folder = Folder::with_schemas();
    let mut files = Vec::new();
    for seed in 0..DEFINITIONS {
        let text = generated(seed);
        let path = folder.write(&format!("{seed}.xml"), &text);
        let found = compile(text.as_bytes(), &Limits::default()).err();
        files.push((path, text, found));
    }
    let paths: Vec<_> = files.iter().map(|(path, _, _)| path.clone()).collect();
    let relax_ng = Schema::RelaxNg.accepted(&folder.0, &paths);
    let xml_schema = Schema::XmlSchema.accepted(&folder.0, &paths);
    let (mut right, mut wrong) = (0, 0);
    for (path, text, found) in &files {
        let (relax_ng, xml_schema) = (relax_ng.contains(path), xml_schema.contains(path));
        match found {
            None => {
                right += 1;
                assert!(relax_ng && xml_schema, "{relax_ng} {xml_schema} {text}");
            }
            Some(found) => {
                let grammar = found.iter().filter_map(|one| match &one.kind {
                    DiagnosticKind::Grammar(problem) => Some(problem),
                    DiagnosticKind::Xml(_)
                    | DiagnosticKind::Value(_)
                    | DiagnosticKind::Doubt(_) => None,
                });
                let grammar: Vec<&GrammarProblem> = grammar.collect();
                if !grammar.is_empty() {
                    wrong += 1;
                    assert!(!relax_ng, "{found:?} {text}");
                }
                if grammar.iter().any(|problem| is_for_xml_schema(problem)) {
                    assert!(!xml_schema, "{found:?} {text}");
                }
            }
        }
    }
    assert!(right >= 100 && wrong >= 100, "{right} {wrong}");
}
