//! The classes of guests, in the words of the policy.

use bureaucrat_policy::ModuleClass;
use bureaucrat_sandbox::{Class, Guest};

/// A guest's class, as the policy names it.
pub(crate) fn module_class(guest: &Guest) -> ModuleClass {
    match guest.class() {
        Class::Small => ModuleClass::Small,
        Class::Runtime => ModuleClass::Runtime,
    }
}
