//! Compares a component's imports and exports with the contract in `guest-sdk/wit/condition.wit`.
//!
//! Types are compared by structure: the type names of a guest's toolchain do not matter, the names
//! of a variant's cases do.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the parser's enums, not ours: they are large, and what is meant is all the rest"
)]

use crate::{
    census::invalid,
    class::Class,
    error::Refusal,
    features,
    guest::{Export, ExportKind},
    host::{FIELDS, FIELDS_1_0, LOG},
};
use wasmparser::{
    Parser, Payload, PrimitiveValType, Validator,
    component_types::{
        ComponentDefinedType, ComponentEntityType, ComponentFuncTypeId, ComponentInstanceTypeId,
        ComponentValType,
    },
    types::{Types, TypesRef},
};

/// A type of the contract.
enum Shape {
    Bool,
    U8,
    S64,
    U32,
    F64,
    Text,
    Value,
    Option(&'static Shape),
    List(&'static Shape),
}

/// A function of an interface: its name, its one parameter, and what it returns.
type Function = (&'static str, Shape, Option<Shape>);

const FIELDS_FUNCTIONS: &[Function] = &[
    ("get", Shape::Text, Some(Shape::Option(&Shape::Value))),
    (
        "keys",
        Shape::Text,
        Some(Shape::Option(&Shape::List(&Shape::Text))),
    ),
    ("json", Shape::Text, Some(Shape::Option(&Shape::Text))),
];
const LOG_FUNCTIONS: &[Function] = &[("write", Shape::List(&Shape::U8), None)];

/// The name under which guests import an interface, its short name, and its functions.
type Interface = (&'static str, &'static str, &'static [Function]);

/// The interfaces by the names under which guests import them: those of this version of the
/// contract, and those of earlier ones.
const INTERFACES: [Interface; 3] = [
    (FIELDS, "fields", FIELDS_FUNCTIONS),
    (FIELDS_1_0, "fields", FIELDS_FUNCTIONS),
    (LOG, "log", LOG_FUNCTIONS),
];

/// The cases of `value`.
const CASES: [(&str, Option<Shape>); 8] = [
    ("null", None),
    ("boolean", Some(Shape::Bool)),
    ("integer", Some(Shape::S64)),
    ("big-integer", Some(Shape::Text)),
    ("float", Some(Shape::F64)),
    ("text", Some(Shape::Text)),
    ("list", Some(Shape::U32)),
    ("record", Some(Shape::U32)),
];

/// The functions that a valid component exports. Exported types do not matter, anything else is
/// refused. But toolchains leave initialisers next to the functions of guests with a language
/// runtime, and nothing calls those.
pub(crate) fn exports(
    component: &[u8],
    types: &Types,
    class: Class,
) -> Result<Vec<Export>, Refusal> {
    let types = types.as_ref();
    let mut exports = Vec::new();
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(invalid)? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    check_import(import.map_err(invalid)?.name.name, types)?;
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    let name = export.map_err(invalid)?.name.name;
                    match (read_export(name, types), class) {
                        (Err(_), Class::Runtime) => {}
                        (read, Class::Small | Class::Runtime) => exports.extend(read?),
                    }
                }
            }
            // The enum is the parser's; nothing else names imports or exports.
            _ => {}
        }
    }
    if exports.is_empty() {
        return Err(Refusal::NoFunction);
    }
    Ok(exports)
}

/// The contract's functions that a component imports, such as `fields.get`, and all other imports by their full names.
/// For people; also works for components that would be refused.
///
/// # Errors
/// If the bytes are not a valid component with the allowed features.
pub fn imports(component: &[u8]) -> Result<Vec<String>, Refusal> {
    let types = Validator::new_with_features(features::allowed(Class::Runtime))
        .validate_all(component)
        .map_err(invalid)?;
    let types = types.as_ref();
    let mut names = Vec::new();
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(invalid)? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    let name = import.map_err(invalid)?.name.name;
                    match (
                        types.component_item_for_import(name).map(|item| item.ty),
                        interface(name),
                    ) {
                        (Some(ComponentEntityType::Instance(instance)), Some((_, short, _))) => {
                            let functions = types[instance].exports.iter().filter(|(_, item)| {
                                matches!(item.ty, ComponentEntityType::Func(_))
                            });
                            names.extend(
                                functions.map(|(function, _)| format!("{short}.{function}")),
                            );
                        }
                        _ => names.push(shortened(name)),
                    }
                }
            }
            // The enum is the parser's; nothing else names imports.
            _ => {}
        }
    }
    Ok(names)
}

fn interface(name: &str) -> Option<&'static Interface> {
    INTERFACES.iter().find(|(full, ..)| *full == name)
}

fn check_import(name: &str, types: TypesRef<'_>) -> Result<(), Refusal> {
    match (
        types.component_item_for_import(name).map(|item| item.ty),
        interface(name),
    ) {
        (Some(ComponentEntityType::Instance(instance)), Some((full, _, functions))) => {
            check_interface(full, instance, functions, types)
        }
        _ => Err(Refusal::Import(shortened(name))),
    }
}

fn check_interface(
    interface: &'static str,
    instance: ComponentInstanceTypeId,
    functions: &[Function],
    types: TypesRef<'_>,
) -> Result<(), Refusal> {
    for (name, item) in &types[instance].exports {
        let fits = match item.ty {
            ComponentEntityType::Func(function) => functions
                .iter()
                .find(|(known, ..)| known == name)
                .is_some_and(|(_, parameter, result)| {
                    is_function_of(types, function, parameter, result.as_ref())
                }),
            ComponentEntityType::Type { .. } => true,
            ComponentEntityType::Module(_)
            | ComponentEntityType::Value(_)
            | ComponentEntityType::Instance(_)
            | ComponentEntityType::Component(_) => false,
        };
        if !fits {
            return Err(Refusal::ImportType {
                function: shortened(name),
                interface,
            });
        }
    }
    Ok(())
}

fn read_export(name: &str, types: TypesRef<'_>) -> Result<Option<Export>, Refusal> {
    let kind = match types.component_item_for_export(name).map(|item| item.ty) {
        Some(ComponentEntityType::Type { .. }) => return Ok(None),
        Some(ComponentEntityType::Func(function)) => kind_of(types, function),
        _ => None,
    };
    match kind {
        Some(kind) => Ok(Some(Export {
            name: name.to_owned(),
            kind,
        })),
        None => Err(Refusal::Export(shortened(name))),
    }
}

fn kind_of(types: TypesRef<'_>, function: ComponentFuncTypeId) -> Option<ExportKind> {
    let function = &types[function];
    if function.async_ || !function.params.is_empty() {
        return None;
    }
    let Some(ComponentValType::Type(result)) = function.result else {
        return None;
    };
    let ComponentDefinedType::Result {
        ok: Some(ok),
        err: Some(error),
        ..
    } = &types[result]
    else {
        return None;
    };
    if !fits(types, *error, &Shape::Text) {
        return None;
    }
    if fits(types, *ok, &Shape::Bool) {
        return Some(ExportKind::Verdict);
    }
    fits(types, *ok, &Shape::Text).then_some(ExportKind::Value)
}

fn is_function_of(
    types: TypesRef<'_>,
    function: ComponentFuncTypeId,
    parameter: &Shape,
    result: Option<&Shape>,
) -> bool {
    let function = &types[function];
    !function.async_
        && matches!(&*function.params, [(_, given)] if fits(types, *given, parameter))
        && match (function.result, result) {
            (Some(found), Some(result)) => fits(types, found, result),
            (found, result) => found.is_none() && result.is_none(),
        }
}

/// Whether a type matches a shape. The shapes are finite, and so is the recursion.
fn fits(types: TypesRef<'_>, found: ComponentValType, shape: &Shape) -> bool {
    let defined = match found {
        ComponentValType::Primitive(primitive) => return is_primitive(primitive, shape),
        ComponentValType::Type(id) => &types[id],
    };
    match (defined, shape) {
        (ComponentDefinedType::Primitive(primitive), _) => is_primitive(*primitive, shape),
        (ComponentDefinedType::Option { ty, .. }, Shape::Option(inner)) => fits(types, *ty, inner),
        (ComponentDefinedType::List { element, .. }, Shape::List(inner)) => {
            fits(types, *element, inner)
        }
        (ComponentDefinedType::Variant(variant), Shape::Value) => {
            variant.cases.len() == CASES.len()
                && variant
                    .cases
                    .iter()
                    .zip(&CASES)
                    .all(|((name, case), (known, payload))| {
                        name.as_str() == *known
                            && match (case.ty, payload) {
                                (None, None) => true,
                                (Some(ty), Some(payload)) => fits(types, ty, payload),
                                (None, Some(_)) | (Some(_), None) => false,
                            }
                    })
        }
        _ => false,
    }
}

fn is_primitive(found: PrimitiveValType, shape: &Shape) -> bool {
    matches!(
        (found, shape),
        (PrimitiveValType::Bool, Shape::Bool)
            | (PrimitiveValType::U8, Shape::U8)
            | (PrimitiveValType::S64, Shape::S64)
            | (PrimitiveValType::U32, Shape::U32)
            | (PrimitiveValType::F64, Shape::F64)
            | (PrimitiveValType::String, Shape::Text)
    )
}

/// The beginning of a stranger's name, for a message.
fn shortened(name: &str) -> String {
    name.chars().take(120).collect()
}
