//! Checks `<module>`: a name, and the bytes of a component in base64, or the hash of a stored one, or
//! the name of a deployed one.
//!
//! The sandbox decides whether the bytes are a component that may run.

use super::{Checker, Child};
use crate::{
    diagnostic::{Counted, ValueProblem, cut},
    syntax::Element,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bureaucrat_model::{ModuleHash, ModuleRef, ModuleSource, SourceModule};

impl<'t, 's> Checker<'t, 's, '_, '_> {
    /// Checks a module and remembers it.
    pub(super) fn module(&mut self, child: Child<'t, 's>) {
        let (node, element) = (self.shape(child), child.element);
        let Some(name) = self.name(&node, "name") else {
            return;
        };
        let limit = self.limits.modules;
        let count = self.modules.len() + 1;
        if !self.count(element.start, Counted::Modules, count, limit) {
            return;
        }
        if self.modules.iter().any(|other| other.name == name) {
            let name = cut(&name);
            self.note(element.start, ValueProblem::DuplicateModule { name });
            return;
        }
        // An invalid module is remembered too, so that conditions that refer to it are not
        // reported.
        let (hash, source) = self
            .module_source(element, &name)
            .unwrap_or((ModuleHash([0; 32]), ModuleSource::Stored));
        let span = self.diagnostics.span(element.start);
        self.modules.push(SourceModule {
            name,
            hash,
            source,
            span,
        });
    }

    fn module_source(
        &mut self,
        element: &Element<'s>,
        name: &str,
    ) -> Option<(ModuleHash, ModuleSource)> {
        let text = element.text.first_visible();
        let twice = |attribute, other| ValueProblem::TwoModules {
            name: cut(name),
            attribute,
            other,
        };
        let (hash, used) = (element.attribute("hash"), element.attribute("use"));
        match (hash, used, text) {
            (Some(_), Some(used), _) => {
                self.note(used.start, twice("hash", "the attribute `use`"));
                None
            }
            (Some(_), None, Some(offset)) => {
                self.note(offset, twice("hash", "text"));
                None
            }
            (None, Some(_), Some(offset)) => {
                self.note(offset, twice("use", "text"));
                None
            }
            (None, None, None) => {
                let name = cut(name);
                self.note(element.start, ValueProblem::NoModule { name });
                None
            }
            (Some(hash), None, None) => {
                let read = hash.value.parse();
                if read.is_err() {
                    let found = cut(&hash.value);
                    self.note(hash.value_start, ValueProblem::BadHash { found });
                }
                Some((read.ok()?, ModuleSource::Stored))
            }
            (None, Some(used), None) => {
                let wanted: Result<ModuleRef, _> = used.value.parse();
                let problem = match wanted {
                    Err(error) => ValueProblem::BadModuleRef(error),
                    Ok(wanted) => match (self.find_module)(&wanted) {
                        Ok(hash) => return Some((hash, ModuleSource::Deployed(wanted))),
                        Err(reason) => ValueProblem::NotDeployed {
                            name: cut(name),
                            reason,
                        },
                    },
                };
                self.note(used.value_start, problem);
                None
            }
            (None, None, Some(offset)) => {
                let mut digits = element.text.as_str().to_owned();
                digits.retain(|digit| !crate::text::is_white(digit));
                let bytes = STANDARD.decode(digits).ok();
                if bytes.is_none() {
                    let name = cut(name);
                    self.note(offset, ValueProblem::BadBase64 { name });
                }
                let bytes = bytes?;
                Some((ModuleHash::of(&bytes), ModuleSource::Bytes(bytes)))
            }
        }
    }
}
