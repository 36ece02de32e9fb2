//! Which components are accepted, and in which class.
//!
//! A stranger's component is limited in size, counted, validated against the allowed features, and
//! compared with the contract, in this order; each step costs less than what it protects. A
//! program's inline guest comes from our own compiler and is not counted, but it is validated and
//! compared too, which also yields its exports.

use crate::{
    census, class::Class, config::RuntimeClass, contract, error::Refusal, features, guest::Export,
    limits::SandboxLimits,
};
use wasmparser::{Parser, Validator};

/// A component that may be compiled.
pub(crate) struct Admitted {
    pub(crate) class: Class,
    pub(crate) exports: Vec<Export>,
}

/// Accepts or refuses an uploaded module.
pub(crate) fn admit_module(
    component: &[u8],
    limits: &SandboxLimits,
    runtime_class: RuntimeClass,
) -> Result<Admitted, Refusal> {
    check_kind(component)?;
    let class = match (small(component, limits), runtime_class) {
        (Ok(()), _) => Class::Small,
        (Err(refusal), RuntimeClass::Refused) => return Err(refusal),
        (Err(_), RuntimeClass::Allowed) => {
            // Too much for a small guest may be right for one with a language runtime, which has
            // higher limits.
            let limits = limits.for_runtimes();
            check_size(component, &limits)?;
            census::count(component, &limits)?;
            Class::Runtime
        }
    };
    Ok(Admitted {
        class,
        exports: validated_exports(component, class)?,
    })
}

/// Why a component needs the class for guests with a language runtime; `None` if it is small, or
/// not a component.
pub fn beyond_small(component: &[u8], limits: &SandboxLimits) -> Option<Refusal> {
    check_kind(component).ok()?;
    small(component, limits).err()
}

/// Whether a component is within the limits of a small guest.
fn small(component: &[u8], limits: &SandboxLimits) -> Result<(), Refusal> {
    check_size(component, limits)?;
    match census::count(component, limits)?.beyond_small(limits) {
        None => Ok(()),
        Some(need) => Err(Refusal::RuntimeClass(need)),
    }
}

fn check_size(component: &[u8], limits: &SandboxLimits) -> Result<(), Refusal> {
    if component.len() > limits.module_bytes {
        return Err(Refusal::TooLarge {
            found: component.len(),
            limit: limits.module_bytes,
        });
    }
    Ok(())
}

/// Accepts a program's inline guest.
pub(crate) fn admit_inline(component: &[u8]) -> Result<Admitted, Refusal> {
    check_kind(component)?;
    Ok(Admitted {
        class: Class::Small,
        exports: validated_exports(component, Class::Small)?,
    })
}

fn check_kind(component: &[u8]) -> Result<(), Refusal> {
    if Parser::is_core_wasm(component) {
        return Err(Refusal::CoreModule);
    }
    if !Parser::is_component(component) {
        return Err(Refusal::NotWasm);
    }
    Ok(())
}

fn validated_exports(component: &[u8], class: Class) -> Result<Vec<Export>, Refusal> {
    let types = Validator::new_with_features(features::allowed(class))
        .validate_all(component)
        .map_err(census::invalid)?;
    contract::exports(component, &types, class)
}
