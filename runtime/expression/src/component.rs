//! The finished component: a first core module with memory and allocator, a second with helpers and
//! expressions.
//!
//! `get` and `keys` are lowered with the first module's memory and `realloc` before the main module
//! is instantiated, so no table, shim or fix-up is needed. The same functions produce the same
//! bytes.

use std::collections::BTreeMap;

use wasm_encoder::{
    CanonicalOption, ComponentBuilder, ComponentExportKind, ComponentTypeRef, ComponentValType,
    ExportKind, InstanceType, ModuleArg, PrimitiveValType, TypeBounds,
};

use crate::constants::Constants;
use crate::library::{Dates, HOST_FUNCTIONS, Library};
use crate::main_module::{Export, main_module};
use crate::memory::memory_module;
use crate::{CompileError, Kind};

/// The name of the contract's interface that a component imports.
const FIELDS: &str = "bureaucrat:condition/fields@1.1.0";

pub(crate) fn assemble(
    exports: &[Export<'_>],
    constants: &Constants,
    dates: Dates,
) -> Result<Vec<u8>, CompileError> {
    let library = Library::get();
    let entry = entry(exports, dates);
    let reached = library.reach(calls(exports).chain([entry]), dates);
    let main = main_module(exports, constants, &reached, entry)?;
    let memory = memory_module(constants);

    let mut builder = ComponentBuilder::default();
    let hosts: Vec<usize> = (0..HOST_FUNCTIONS.len())
        .filter(|index| reached.functions.contains(&(*index as u32)))
        .collect();
    let fields = (!hosts.is_empty()).then(|| {
        let ty = builder.type_instance(None, &fields_type(&hosts));
        builder.import(FIELDS, ComponentTypeRef::Instance(ty))
    });
    let memory_module = builder.core_module(None, &memory);
    let main_module = builder.core_module(None, &main);
    let memory_instance =
        builder.core_instantiate(None, memory_module, Vec::<(&str, ModuleArg)>::new());
    let memory = builder.core_alias_export(None, memory_instance, "memory", ExportKind::Memory);
    let mut arguments = vec![("memory", ModuleArg::Instance(memory_instance))];
    if let Some(fields) = fields {
        let realloc = builder.core_alias_export(None, memory_instance, "realloc", ExportKind::Func);
        let mut lowered = Vec::new();
        for index in hosts {
            let name = HOST_FUNCTIONS[index];
            let function = builder.alias_export(fields, name, ComponentExportKind::Func);
            let options = [
                CanonicalOption::UTF8,
                CanonicalOption::Memory(memory),
                CanonicalOption::Realloc(realloc),
            ];
            lowered.push((
                name,
                ExportKind::Func,
                builder.lower_func(None, function, options),
            ));
        }
        arguments.push((
            "fields",
            ModuleArg::Instance(builder.core_instantiate_exports(None, lowered)),
        ));
    }
    let main_instance = builder.core_instantiate(None, main_module, arguments);
    let mut types = BTreeMap::new();
    for export in exports {
        let ty = *types
            .entry(export.kind)
            .or_insert_with(|| function_type(&mut builder, export.kind));
        let core = builder.core_alias_export(None, main_instance, export.name, ExportKind::Func);
        let options = [CanonicalOption::UTF8, CanonicalOption::Memory(memory)];
        let lifted = builder.lift_func(None, core, ty, options);
        builder.export(export.name, ComponentExportKind::Func, lifted, None);
    }
    Ok(builder.finish())
}

fn calls<'a>(exports: &'a [Export<'_>]) -> impl Iterator<Item = u32> + 'a {
    exports
        .iter()
        .flat_map(|export| export.body.calls.iter().copied())
}

/// The helper that every exported function calls first.
fn entry(exports: &[Export<'_>], dates: Dates) -> u32 {
    let library = Library::get();
    let reached = library.reach(calls(exports), dates);
    library.index(match library.reads_tables(&reached) {
        true => "begin_with_tables",
        false => "begin",
    })
}

/// `func() -> result<bool, string>` or `func() -> result<string, string>`.
fn function_type(builder: &mut ComponentBuilder, kind: Kind) -> u32 {
    let ok = match kind {
        Kind::Verdict => PrimitiveValType::Bool,
        Kind::Value => PrimitiveValType::String,
    };
    let (result, encoder) = builder.type_defined(None);
    encoder.result(
        Some(ComponentValType::Primitive(ok)),
        Some(ComponentValType::Primitive(PrimitiveValType::String)),
    );
    let (function, mut encoder) = builder.type_function(None);
    encoder
        .params(Vec::<(&str, ComponentValType)>::new())
        .result(Some(ComponentValType::Type(result)));
    function
}

/// The part of the contract's interface that is used: the type `value`, and the functions by
/// number.
fn fields_type(hosts: &[usize]) -> InstanceType {
    let string = ComponentValType::Primitive(PrimitiveValType::String);
    let mut ty = InstanceType::new();
    ty.ty().defined_type().variant([
        ("null", None),
        (
            "boolean",
            Some(ComponentValType::Primitive(PrimitiveValType::Bool)),
        ),
        (
            "integer",
            Some(ComponentValType::Primitive(PrimitiveValType::S64)),
        ),
        ("big-integer", Some(string)),
        (
            "float",
            Some(ComponentValType::Primitive(PrimitiveValType::F64)),
        ),
        ("text", Some(string)),
        (
            "list",
            Some(ComponentValType::Primitive(PrimitiveValType::U32)),
        ),
        (
            "record",
            Some(ComponentValType::Primitive(PrimitiveValType::U32)),
        ),
    ]);
    ty.export("value", ComponentTypeRef::Type(TypeBounds::Eq(0)));
    let mut next = 2;
    for index in hosts {
        if HOST_FUNCTIONS[*index] == "get" {
            ty.ty().defined_type().option(ComponentValType::Type(1));
        } else {
            ty.ty().defined_type().list(string);
            ty.ty().defined_type().option(ComponentValType::Type(next));
            next += 1;
        }
        ty.ty()
            .function()
            .params([("pointer", string)])
            .result(Some(ComponentValType::Type(next)));
        ty.export(HOST_FUNCTIONS[*index], ComponentTypeRef::Func(next + 1));
        next += 2;
    }
    ty
}
