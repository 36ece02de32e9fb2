//! Process definitions: XML to [`Program`].
//!
//! [`compile`] takes a stranger's bytes through three stages, each with a type of its own: `reader` makes a syntax tree of
//! the XML, `check` a checked tree of that, `emit` a program of that. Every mistake becomes a [`Diagnostic`] with line,
//! column, what was found and what is expected there; several at once, in the order of the source. [`review`] adds warnings.
//!
//! The crate promises: every bound of [`Limits`] is checked before memory is taken for what goes beyond it, time is
//! linear in the size of the source, the same source gives the same program, and no input makes it panic. Whether the
//! modules that a definition names exist and may run, and what its author may do, is left to the host.
#![forbid(unsafe_code)]

mod check;
mod checked;
mod collector;
mod diagnostic;
mod disassemble;
mod emit;
mod grammar;
mod inline;
mod limits;
mod outline;
mod reader;
mod source;
mod syntax;
mod text;

pub use check::PropertyType;
pub use diagnostic::{
    Counted, Diagnostic, DiagnosticKind, Doubt, Foreign, GrammarProblem, Markup, Severity,
    ValueProblem, XmlProblem,
};
pub use disassemble::disassemble;
pub use grammar::{Activity, Tag, documented, relax_ng, xml_schema};
pub use limits::Limits;
pub use outline::{Outline, outline};

use bureaucrat_model::{ModuleHash, ModuleRef, Program, SourceModule};
use check::Mode;
use collector::Diagnostics;
use source::Source;
use std::collections::BTreeMap;

/// The module that a name stands for, or why it stands for none.
pub type FindModule<'a> = dyn Fn(&ModuleRef) -> Result<ModuleHash, String> + 'a;

/// A compiled definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compiled {
    /// It refers to modules by hash.
    pub program: Program,
    /// The modules that the definition contains or refers to, in order.
    pub modules: Vec<SourceModule>,
}

/// What a person wants to know of a definition.
#[derive(Debug)]
pub struct Reviewed {
    /// None when something is wrong.
    pub compiled: Option<Compiled>,
    /// Errors and warnings, by place.
    pub diagnostics: Vec<Diagnostic>,
}

/// Compiles a definition with its inline expressions.
///
/// # Errors
/// All mistakes, by place: at most [`Limits::diagnostics`], and one more that says if there are
/// others. Never empty.
///
/// Modules that it uses by their names are not looked for: such a program runs nowhere. An engine
/// calls [`compile_with`].
pub fn compile(source: &[u8], limits: &Limits) -> Result<Compiled, Vec<Diagnostic>> {
    compile_with(source, limits, &unknown)
}

/// Compiles a definition for an engine, which knows what the names of its modules stand for.
///
/// # Errors
/// As [`compile`]; and if there is no such module, at the place of its name.
pub fn compile_with(
    source: &[u8],
    limits: &Limits,
    find_module: &FindModule<'_>,
) -> Result<Compiled, Vec<Diagnostic>> {
    let reviewed = examine(source, limits, (Mode::Compile, find_module));
    reviewed.compiled.ok_or(reviewed.diagnostics)
}

/// Without an engine nobody knows what a name stands for. A hash that no module has takes its place,
/// another one for each name.
fn unknown(wanted: &ModuleRef) -> Result<ModuleHash, String> {
    Ok(ModuleHash::of(wanted.to_string().as_bytes()))
}

/// Compiles a definition, and looks for what is odd about it. More work than compiling.
pub fn review(source: &[u8], limits: &Limits) -> Reviewed {
    examine(source, limits, (Mode::Review, &unknown))
}

/// The types that a definition's properties declare; none when it can't be read. Whether it is right is not asked.
pub fn declared_types(source: &[u8], limits: &Limits) -> BTreeMap<String, PropertyType> {
    let Ok(source) = Source::read(source, limits) else {
        return BTreeMap::new();
    };
    let mut diagnostics = Diagnostics::new(&source, 1);
    let tree = reader::read(&source, limits, &mut diagnostics);
    tree.as_ref().map(check::declared).unwrap_or_default()
}

fn examine(source: &[u8], limits: &Limits, mode: (Mode, &FindModule<'_>)) -> Reviewed {
    let source = match Source::read(source, limits) {
        Ok(source) => source,
        Err(diagnostic) => {
            return Reviewed {
                compiled: None,
                diagnostics: vec![diagnostic],
            };
        }
    };
    let mut diagnostics = Diagnostics::new(&source, limits.diagnostics);
    let tree = reader::read(&source, limits, &mut diagnostics);
    let checked = tree.and_then(|tree| check::check(&tree, limits, mode, &mut diagnostics));
    let compiled = checked
        .filter(|_| diagnostics.is_right())
        .and_then(|(process, conditions)| emitted(process, &conditions, &mut diagnostics));
    Reviewed {
        compiled,
        diagnostics: diagnostics.finish(),
    }
}

fn emitted(
    mut process: checked::Process,
    conditions: &check::Conditions,
    diagnostics: &mut Diagnostics<'_>,
) -> Option<Compiled> {
    let guest = match conditions.inline.compile() {
        Ok(guest) => guest,
        Err(reason) => {
            diagnostics.push(conditions.first, ValueProblem::Guest { reason });
            return None;
        }
    };
    let modules = std::mem::take(&mut process.modules);
    let program = emit::program(process, guest);
    Some(Compiled { program, modules })
}
