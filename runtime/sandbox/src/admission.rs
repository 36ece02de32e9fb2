//! Which components are taken, and as what.
//!
//! A stranger's component is bounded, counted, validated against the allow-list of features, and compared with the contract,
//! in this order, each step cheaper than what it protects. A program's inline guest comes from our own compiler, so that
//! counting is left out; it is validated and compared all the same, which also tells its exports.

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

/// Takes or refuses what a stranger uploaded.
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
            // What is too much for a small guest may be right for one with a language runtime, whose bounds are wider.
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

/// Why a component belongs to the guests with a language runtime inside; `None` when it is a small one, or no component.
pub fn beyond_small(component: &[u8], limits: &SandboxLimits) -> Option<Refusal> {
    check_kind(component).ok()?;
    small(component, limits).err()
}

/// Whether a component keeps to what a small guest may be.
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

/// Takes a program's inline guest.
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
