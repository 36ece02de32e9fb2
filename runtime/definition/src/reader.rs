//! Reads XML into a syntax tree.
//!
//! quick-xml finds the markup. What is XML but not allowed in a definition (document types,
//! processing instructions, foreign namespaces, other encodings) is refused here; what editors add
//! for themselves (schema locations, `xml-model`, `xml-stylesheet`) is left out. Reading takes one
//! pass, keeps its own stack, and stops at the first problem after which the structure would be
//! guesswork. It does not know the language.

mod attributes;
mod namespaces;
mod references;

use crate::{
    Limits,
    collector::Diagnostics,
    diagnostic::{Counted, Foreign, Markup, XmlProblem, cut},
    source::Source,
    syntax::{Closing, Element, ElementIndex, Origin, Tree},
    text::MappedText,
};
use namespaces::Namespaces;
use quick_xml::{
    Reader,
    errors::{Error, IllFormedError, SyntaxError},
    events::{BytesDecl, Event},
};

/// Reads the source; `None`, with diagnostics, if there is no tree worth checking.
pub(crate) fn read<'s>(
    source: &Source<'s>,
    limits: &Limits,
    diagnostics: &mut Diagnostics<'_>,
) -> Option<Tree<'s>> {
    let mut reader = Reader::from_str(source.text());
    let config = reader.config_mut();
    config.check_comments = true;
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    let mut builder = Builder {
        text: source.text(),
        limits,
        diagnostics,
        tree: Tree::default(),
        open: Vec::new(),
        namespaces: Namespaces::default(),
    };
    loop {
        let start = position(reader.buffer_position());
        let event = reader.read_event();
        let end = position(reader.buffer_position());
        let going = match event {
            Ok(Event::Eof) => break,
            Ok(event) => builder.event(&event, start, end),
            Err(error) => builder.error(&error, position(reader.error_position())),
        };
        if going == Going::Stop {
            return None;
        }
    }
    builder.finish()
}

/// quick-xml counts in `u64`; the source is in memory.
fn position(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

/// Whether the structure is certain enough to continue reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Going {
    On,
    Stop,
}

struct Builder<'s, 'd, 'x> {
    text: &'s str,
    limits: &'d Limits,
    diagnostics: &'d mut Diagnostics<'x>,
    tree: Tree<'s>,
    /// The elements that are open, outermost first.
    open: Vec<ElementIndex>,
    namespaces: Namespaces<'s>,
}

/// The processing instructions that editors write; they say nothing to the engine.
const OF_EDITORS: [&str; 2] = ["xml-model", "xml-stylesheet"];

impl<'s> Builder<'s, '_, '_> {
    fn event(&mut self, event: &Event<'_>, start: usize, end: usize) -> Going {
        match event {
            Event::Start(_) => return self.open(start, end, Closing::EndTag),
            Event::Empty(_) => return self.open(start, end, Closing::Empty),
            Event::End(tag) => return self.close(tag.name().as_ref(), start, end),
            Event::Text(_) => {
                let text = &self.text[start..end];
                if let Some(at) = text.find("]]>") {
                    self.refuse_text(start + at, XmlProblem::CDataEndInText);
                }
                self.add_text(start, |own| own.push_lines(text, start), text);
            }
            Event::CData(_) => {
                // The section is between `<![CDATA[` and `]]>`.
                let inner = start + 9;
                let text = &self.text[inner..end - 3];
                self.add_text(inner, |own| own.push_lines(text, inner), text);
            }
            Event::GeneralRef(_) => match references::resolve(&self.text[start + 1..end - 1]) {
                Ok(character) => {
                    let mut buffer = [0; 4];
                    let text = &*character.encode_utf8(&mut buffer);
                    self.add_text(start, |own| own.push(text, start), &self.text[start..end]);
                }
                Err(problem) => self.refuse_text(start, problem),
            },
            Event::Decl(declaration) => self.declaration(declaration, start, end),
            Event::DocType(_) => self.diagnostics.push(start, XmlProblem::Doctype),
            Event::PI(instruction) if OF_EDITORS.contains(&instruction.target()) => {}
            Event::PI(instruction) => {
                let target = cut(instruction.target());
                self.diagnostics
                    .push(start, XmlProblem::ProcessingInstruction { target });
            }
            Event::Comment(_) | Event::Eof => {}
        }
        Going::On
    }

    fn open(&mut self, start: usize, end: usize, closing: Closing) -> Going {
        let text = self.text;
        let inner = match closing {
            Closing::EndTag => &text[start + 1..end - 1],
            Closing::Empty => &text[start + 1..end - 2],
        };
        let length = inner.find([' ', '\t', '\n', '\r']).unwrap_or(inner.len());
        let name = &inner[..length];
        let place = self.tree.elements.len();
        let fatal = self.fatal(name, inner);
        if let Some(problem) = fatal {
            self.diagnostics.push(start, problem);
            return Going::Stop;
        }
        let (mut attributes, mut refused) = attributes::read(
            inner,
            length,
            start + 1,
            self.limits.attribute_bytes,
            self.diagnostics,
        );
        let depth = self.open.len();
        refused += self
            .namespaces
            .enter(depth, &mut attributes, self.diagnostics);
        let parent = self.open.last().map(|parent| &self.tree.elements[*parent]);
        let origin = match parent.map(|parent| parent.origin) {
            // What is wrong with the parent has been reported.
            Some(Origin::Foreign) => Origin::Foreign,
            Some(Origin::Language) | None => self.namespaces.origin(name, start, self.diagnostics),
        };
        if let Some(parent) = self.open.last() {
            self.tree.elements[*parent].children.push(place);
        }
        self.tree.elements.push(Element {
            name,
            origin,
            start,
            content: end,
            end,
            attributes,
            refused,
            children: Vec::new(),
            text: MappedText::default(),
        });
        match closing {
            Closing::EndTag => self.open.push(place),
            Closing::Empty => self.namespaces.leave(depth),
        }
        Going::On
    }

    /// What makes an element one after which nothing can be read.
    fn fatal(&self, name: &str, inner: &str) -> Option<XmlProblem> {
        let place = self.tree.elements.len();
        let local = name.rsplit(':').next().unwrap_or(name);
        let too_many = |what, limit| Some(XmlProblem::TooMany { what, limit });
        if !references::is_name(name) {
            let name = name.split(['<', '>']).next().unwrap_or(name);
            let inner = inner.split(['<', '>']).next().unwrap_or(inner);
            let found = match name {
                "" => cut(inner.split_whitespace().next().unwrap_or("white space")),
                name => cut(name),
            };
            Some(XmlProblem::BadName { found })
        } else if place == 0 && local == "definitions" {
            Some(XmlProblem::Foreign(Foreign::Bpmn))
        } else if place == 0 && local.eq_ignore_ascii_case("html") {
            Some(XmlProblem::Foreign(Foreign::Html))
        } else if self.open.is_empty() && place > 0 {
            Some(XmlProblem::SecondRoot { tag: cut(name) })
        } else if self.open.len() >= self.limits.depth() {
            too_many(Counted::Nesting, self.limits.depth())
        } else if place >= self.limits.elements() {
            too_many(Counted::Elements, self.limits.elements())
        } else {
            None
        }
    }

    fn close(&mut self, found: &str, start: usize, end: usize) -> Going {
        let Some(place) = self.open.pop() else {
            let found = cut(found);
            self.diagnostics
                .push(start, XmlProblem::NothingToEnd { found });
            return Going::Stop;
        };
        let element = &mut self.tree.elements[place];
        if element.name != found {
            let problem = XmlProblem::OtherEnd {
                found: cut(found),
                expected: cut(element.name),
                line: self.diagnostics.span(element.start).line,
            };
            self.diagnostics.push(start, problem);
            return Going::Stop;
        }
        element.end = end;
        self.namespaces.leave(self.open.len());
        Going::On
    }

    /// Adds text to the open element with `add`; outside any element it must be literal white
    /// space.
    fn add_text(&mut self, start: usize, add: impl FnOnce(&mut MappedText), written: &str) {
        if let Some(place) = self.open.last() {
            add(&mut self.tree.elements[*place].text);
            return;
        }
        let visible = written.trim_matches(crate::text::is_white);
        if !visible.is_empty() {
            let at =
                start + (written.len() - written.trim_start_matches(crate::text::is_white).len());
            let text = cut(visible);
            self.diagnostics.push(at, XmlProblem::TextOutside { text });
        }
    }

    /// Reports a problem in the text of the open element, whose value is then not checked.
    fn refuse_text(&mut self, offset: usize, problem: XmlProblem) {
        if let Some(place) = self.open.last() {
            self.tree.elements[*place].refused += 1;
        }
        self.diagnostics.push(offset, problem);
    }

    fn declaration(&mut self, declaration: &BytesDecl<'_>, start: usize, end: usize) {
        if start > 0 {
            self.diagnostics.push(start, XmlProblem::LateDeclaration);
            return;
        }
        // quick-xml reads the declaration leniently; its attributes are read like those of a tag.
        let inner = &self.text[start + 2..end - 2];
        let limit = self.limits.attribute_bytes;
        let (attributes, _) = attributes::read(inner, 3, start + 2, limit, self.diagnostics);
        let version = attributes.first().filter(|first| first.name == "version");
        if !version.is_some_and(|version| version.value.starts_with("1.")) || declaration.is_empty()
        {
            self.diagnostics.push(start, XmlProblem::OtherVersion);
        }
        for attribute in &attributes {
            let known = ["utf-8", "utf8", "us-ascii", "ascii"];
            let is_known =
                |value: &str| known.iter().any(|known| value.eq_ignore_ascii_case(known));
            if attribute.name == "encoding" && !is_known(&attribute.value) {
                let encoding = cut(&attribute.value);
                self.diagnostics.push(
                    attribute.value_start,
                    XmlProblem::OtherEncoding { encoding },
                );
            }
        }
    }

    fn error(&mut self, error: &Error, offset: usize) -> Going {
        let problem = match error {
            Error::Syntax(syntax) => XmlProblem::from(*syntax),
            Error::IllFormed(IllFormedError::DoubleHyphenInComment) => {
                self.diagnostics.push(offset, XmlProblem::HyphensInComment);
                return Going::On;
            }
            Error::IllFormed(IllFormedError::UnclosedReference) => {
                // Of `&&` once is enough.
                let is_second = offset > 0 && self.text.as_bytes().get(offset - 1) == Some(&b'&');
                if !is_second {
                    self.refuse_text(offset, XmlProblem::Unclosed(Markup::Reference));
                }
                return Going::On;
            }
            Error::IllFormed(IllFormedError::MissingDoctypeName) => XmlProblem::Doctype,
            // No other error can occur for a text in memory with these settings; if one does,
            // reading ends.
            Error::IllFormed(_)
            | Error::Io(_)
            | Error::InvalidAttr(_)
            | Error::Encoding(_)
            | Error::Escape(_)
            | Error::Namespace(_) => XmlProblem::BadMarkup,
        };
        self.diagnostics.push(offset, problem);
        Going::Stop
    }

    /// The tree, if there is one and every element was closed.
    fn finish(self) -> Option<Tree<'s>> {
        for place in &self.open {
            let element = &self.tree.elements[*place];
            let tag = cut(element.name);
            self.diagnostics
                .push(element.start, XmlProblem::UnclosedElement { tag });
        }
        if self.tree.elements.is_empty() && self.diagnostics.is_right() {
            self.diagnostics
                .push(self.text.len(), XmlProblem::NoElement);
        }
        (self.open.is_empty() && !self.tree.elements.is_empty()).then_some(self.tree)
    }
}

impl From<SyntaxError> for XmlProblem {
    fn from(error: SyntaxError) -> Self {
        Self::Unclosed(match error {
            SyntaxError::InvalidBangMarkup => return Self::BadMarkup,
            SyntaxError::UnclosedPI | SyntaxError::UnclosedXmlDecl => Markup::Instruction,
            SyntaxError::UnclosedComment => Markup::Comment,
            SyntaxError::UnclosedDoctype => Markup::Doctype,
            SyntaxError::UnclosedCData => Markup::CData,
            SyntaxError::UnclosedTag => Markup::Tag,
            SyntaxError::UnclosedSingleQuotedAttributeValue
            | SyntaxError::UnclosedDoubleQuotedAttributeValue => Markup::AttributeValue,
        })
    }
}
