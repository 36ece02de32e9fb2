//! The outline of a definition: its elements as they are written, each activity with its path.
//!
//! Pictures and comparisons of versions are made from it. It is made only of definitions that are right, and the paths,
//! lines and ids in it are those of the program, which `show`, `why` and the history name. What the elements mean is left
//! to those who read the outline.

use crate::{
    Limits, check,
    check::Mode,
    collector::Diagnostics,
    diagnostic::Diagnostic,
    grammar::{Found, Row, Tag, root},
    reader,
    source::Source,
    syntax::{Element, Tree},
};
use bureaucrat_model::ActivityPath;

/// An element of a definition, with everything in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    pub tag: Tag,
    /// As it is written in XML.
    pub name: &'static str,
    /// Of the process, of an activity, and of a part that holds activities.
    pub path: Option<ActivityPath>,
    /// Where it begins.
    pub line: u32,
    /// In the order of the source.
    pub attributes: Vec<(&'static str, String)>,
    /// Without white space around it; of expressions, what is evaluated.
    pub text: String,
    pub children: Vec<Outline>,
}

impl Outline {
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let mut attributes = self.attributes.iter();
        attributes
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value.as_str())
    }
}

/// The outline of a definition.
///
/// # Errors
/// All mistakes, as [`crate::compile`] reports them.
pub fn outline(source: &[u8], limits: &Limits) -> Result<Outline, Vec<Diagnostic>> {
    let source = Source::read(source, limits).map_err(|diagnostic| vec![diagnostic])?;
    let mut diagnostics = Diagnostics::new(&source, limits.diagnostics);
    let tree = reader::read(&source, limits, &mut diagnostics);
    if let Some(tree) = &tree {
        let mode = (Mode::Compile, &crate::unknown as &crate::FindModule<'_>);
        check::check(tree, limits, mode, &mut diagnostics);
    }
    match (&tree, tree.as_ref().and_then(|tree| tree.element(0))) {
        (Some(tree), Some(element)) if diagnostics.is_right() => {
            let outliner = Outliner {
                tree,
                source: &source,
            };
            let path = ActivityPath::default();
            Ok(outliner.outlined(root(), element, Some(path.clone()), &path))
        }
        (Some(_) | None, Some(_) | None) => Err(diagnostics.finish()),
    }
}

struct Outliner<'t, 's> {
    tree: &'t Tree<'s>,
    source: &'t Source<'s>,
}

impl Outliner<'_, '_> {
    /// An element with everything in it, which is numbered below `around`. As deep as the elements, which the reader limits.
    fn outlined(
        &self,
        row: &'static Row,
        element: &Element<'_>,
        path: Option<ActivityPath>,
        around: &ActivityPath,
    ) -> Outline {
        let mut numbers = Numbers::default();
        let children = element.children.iter().filter_map(|child| {
            let child = self.tree.element(*child)?;
            let Found::Allowed(row) = row.find(child.name) else {
                return None;
            };
            let (path, around) = match numbers.step(row.tag) {
                Step::To(segment) => {
                    let path = around.child(segment);
                    (Some(path.clone()), path)
                }
                Step::Through(segment) => (None, around.child(segment)),
                Step::Nowhere => (None, around.clone()),
            };
            Some(self.outlined(row, child, path, &around))
        });
        let attributes = element.attributes.iter().filter_map(|attribute| {
            let name = row.attribute(attribute.name)?.name;
            Some((name, attribute.value.to_string()))
        });
        let text = element.text.trimmed();
        let text = match row.takes_expression() {
            true => text.html_unescaped().trimmed(),
            false => text,
        };
        Outline {
            tag: row.tag,
            name: row.name,
            path,
            line: self.source.span(element.start).line,
            attributes: attributes.collect(),
            text: text.as_str().to_owned(),
            children: children.collect(),
        }
    }
}

/// How an element continues the path of the element around it.
enum Step {
    To(u32),
    /// It has no path, but what is in it does.
    Through(u32),
    Nowhere,
}

/// The numbers of the next activity, and of the next part that is numbered like one.
#[derive(Default)]
struct Numbers {
    activities: u32,
    parts: u32,
}

impl Numbers {
    fn step(&mut self, tag: Tag) -> Step {
        let counter = match tag {
            Tag::Activity(_) => &mut self.activities,
            Tag::Case
            | Tag::Default
            | Tag::Handler
            | Tag::On
            | Tag::After
            | Tag::Listener
            | Tag::Alarm => &mut self.parts,
            Tag::Finally => return Step::To(ActivityPath::FINALLY),
            Tag::Compensation => return Step::To(ActivityPath::COMPENSATE),
            Tag::Faults => return Step::Through(ActivityPath::FAULTS),
            Tag::Events => return Step::Through(ActivityPath::EVENTS),
            Tag::Process
            | Tag::Schedule
            | Tag::Module
            | Tag::Condition
            | Tag::Context
            | Tag::Scope
            | Tag::Property
            | Tag::Retry
            | Tag::Local
            | Tag::In
            | Tag::Arg
            | Tag::Kwarg
            | Tag::Out
            | Tag::Field
            | Tag::Header
            | Tag::Payload => return Step::Nowhere,
        };
        let number = *counter;
        *counter = number.saturating_add(1);
        Step::To(number)
    }
}
