//! The allowed WebAssembly features.
//!
//! Every feature that the parser knows is in exactly one of [`ALLOWED`], [`RUNTIMES_ONLY`] and
//! [`REFUSED`], by name. A test fails if a new version of the parser adds a feature that is in
//! none.

use crate::class::Class;
use wasmparser::WasmFeatures;

/// What guests of a class may use.
pub(crate) const fn allowed(class: Class) -> WasmFeatures {
    match class {
        Class::Small => ALLOWED,
        Class::Runtime => ALLOWED.union(RUNTIMES_ONLY),
    }
}

/// What guests of a class may not use.
pub(crate) const fn refused(class: Class) -> WasmFeatures {
    match class {
        Class::Small => REFUSED.union(RUNTIMES_ONLY),
        Class::Runtime => REFUSED,
    }
}

/// What every guest may use. `FLOATS` and `COMPONENT_MODEL` are not proposals; the others depend on
/// them.
const ALLOWED: WasmFeatures = WasmFeatures::FLOATS
    .union(WasmFeatures::COMPONENT_MODEL)
    .union(WasmFeatures::MUTABLE_GLOBAL)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::SIMD);

/// What only guests with a language runtime may use. QuickJS is compiled with tail calls: fuel and
/// deadlines are counted at the beginning of functions, so a loop of tail calls ends like any
/// other. Its component contains others, and wasmtime's code for calls between them reads one
/// memory and writes another.
const RUNTIMES_ONLY: WasmFeatures = WasmFeatures::TAIL_CALL.union(WasmFeatures::MULTI_MEMORY);

/// What no guest may use. `externref` needs `GC_TYPES`; tables of functions do not.
const REFUSED: WasmFeatures = WasmFeatures::RELAXED_SIMD
    .union(WasmFeatures::THREADS)
    .union(WasmFeatures::SHARED_EVERYTHING_THREADS)
    .union(WasmFeatures::EXCEPTIONS)
    .union(WasmFeatures::LEGACY_EXCEPTIONS)
    .union(WasmFeatures::MEMORY64)
    .union(WasmFeatures::FUNCTION_REFERENCES)
    .union(WasmFeatures::MEMORY_CONTROL)
    .union(WasmFeatures::GC)
    .union(WasmFeatures::GC_TYPES)
    .union(WasmFeatures::CUSTOM_PAGE_SIZES)
    .union(WasmFeatures::STACK_SWITCHING)
    .union(WasmFeatures::WIDE_ARITHMETIC)
    .union(WasmFeatures::CUSTOM_DESCRIPTORS)
    .union(WasmFeatures::COMPACT_IMPORTS)
    .union(WasmFeatures::CM_VALUES)
    .union(WasmFeatures::CM_NESTED_NAMES)
    .union(WasmFeatures::CM_ASYNC)
    .union(WasmFeatures::CM_ASYNC_STACKFUL)
    .union(WasmFeatures::CM_MORE_ASYNC_BUILTINS)
    .union(WasmFeatures::CM_THREADING)
    .union(WasmFeatures::CM_ERROR_CONTEXT)
    .union(WasmFeatures::CM_FIXED_LENGTH_LISTS)
    .union(WasmFeatures::CM_GC)
    .union(WasmFeatures::CM_MAP)
    .union(WasmFeatures::CM64)
    .union(WasmFeatures::CM_IMPLEMENTS)
    .union(WasmFeatures::CM_CANON_NAMES);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_feature_is_allowed_or_refused_by_name() {
        let named = ALLOWED | RUNTIMES_ONLY | REFUSED;
        let unnamed: Vec<_> = WasmFeatures::all()
            .iter_names()
            .filter(|(_, feature)| !named.contains(*feature))
            .map(|(name, _)| name)
            .collect();
        assert_eq!(unnamed, Vec::<&str>::new());
        for class in [Class::Small, Class::Runtime] {
            assert!((allowed(class) & refused(class)).is_empty());
            assert_eq!(allowed(class) | refused(class), named);
        }
    }
}
