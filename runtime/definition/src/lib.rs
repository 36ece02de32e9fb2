//! Process definitions: XML to [`Program`].
//!
//! [`compile`] takes a stranger's bytes through three stages, each with a type of its own: `reader` makes a syntax tree of
//! the XML, `check` a checked tree of that, `emit` a program of that. Whatever is wrong becomes a [`Diagnostic`] with line,
//! column, what was found and what may stand there; several at once, in the order of the source.
//!
//! The crate promises: every bound of [`Limits`] is checked before memory is taken for what goes beyond it, time is
//! linear in the size of the source, the same source gives the same program, and no input makes it panic. Whether the
//! modules that a definition names exist and may run, and what its author may do, is left to the host.
#![forbid(unsafe_code)]

mod check;
mod checked;
mod diagnostic;
mod disassemble;
mod emit;
mod grammar;
mod inline;
mod limits;
mod reader;
mod source;
mod syntax;
mod text;

pub use diagnostic::{
    Counted, Diagnostic, DiagnosticKind, GrammarProblem, Markup, ValueProblem, XmlProblem,
};
pub use disassemble::disassemble;
pub use limits::Limits;

use bureaucrat_model::{Program, SourceModule};
use diagnostic::Diagnostics;
use source::Source;

/// What comes of a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compiled {
    /// The program; it names modules by hash.
    pub program: Program,
    /// The modules that the definition brings or names, in its order.
    pub modules: Vec<SourceModule>,
}

/// Compiles a definition, its inline expressions included.
///
/// # Errors
/// All that is wrong, by place, at most [`Limits::diagnostics`] and one that says when there are more; never none.
pub fn compile(source: &[u8], limits: &Limits) -> Result<Compiled, Vec<Diagnostic>> {
    let source = Source::read(source, limits).map_err(|diagnostic| vec![diagnostic])?;
    let mut diagnostics = Diagnostics::new(&source, limits.diagnostics);
    let tree = reader::read(&source, limits, &mut diagnostics);
    let checked = tree.and_then(|tree| check::check(&tree, limits, &mut diagnostics));
    let Some((mut process, conditions)) = checked.filter(|_| diagnostics.is_empty()) else {
        return Err(diagnostics.finish());
    };
    let guest = match conditions.inline.compile() {
        Ok(guest) => guest,
        Err(reason) => {
            diagnostics.push(conditions.first, ValueProblem::Guest { reason });
            return Err(diagnostics.finish());
        }
    };
    let modules = std::mem::take(&mut process.modules);
    let program = emit::program(process, guest);
    Ok(Compiled { program, modules })
}
