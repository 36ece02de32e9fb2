//! Which components are taken, and as what.
//!
//! A stranger's component is bounded, counted, validated against the allow-list of features, and compared with the contract,
//! in this order, each step cheaper than what it protects. A program's inline guest comes from our own compiler, so that
//! counting is left out; it is validated and compared all the same, which also tells its exports.

use crate::{
    census, config::RuntimeClass, contract, engines::Class, error::Refusal, features,
    guest::Export, limits::SandboxLimits,
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
    if component.len() > limits.module_bytes {
        return Err(Refusal::TooLarge {
            found: component.len(),
            limit: limits.module_bytes,
        });
    }
    check_kind(component)?;
    let needs = census::count(component, limits)?;
    let class = match (needs.beyond_small(limits), runtime_class) {
        (None, _) => Class::Small,
        (Some(_), RuntimeClass::Allowed) => Class::Runtime,
        (Some(need), RuntimeClass::Refused) => return Err(Refusal::RuntimeClass(need)),
    };
    Ok(Admitted {
        class,
        exports: validated_exports(component)?,
    })
}

/// Takes a program's inline guest.
pub(crate) fn admit_inline(component: &[u8]) -> Result<Admitted, Refusal> {
    check_kind(component)?;
    Ok(Admitted {
        class: Class::Small,
        exports: validated_exports(component)?,
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

fn validated_exports(component: &[u8]) -> Result<Vec<Export>, Refusal> {
    let types = Validator::new_with_features(features::ALLOWED)
        .validate_all(component)
        .map_err(census::invalid)?;
    contract::exports(component, &types)
}
