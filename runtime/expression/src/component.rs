//! The finished component: a first core module with memory and allocator, a second with helpers and expressions.
//!
//! `get` and `keys` are lowered with the first module's memory and `realloc` before the main module is instantiated, so
//! that no table, shim or fix-up is needed. The same functions give the same bytes.

use std::collections::BTreeMap;
use std::convert::Infallible;

use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{
    CanonicalOption, CodeSection, ComponentBuilder, ComponentExportKind, ComponentTypeRef,
    ComponentValType, ConstExpr, DataCountSection, DataSection, EntityType, ExportKind,
    ExportSection, Function as WasmFunction, FunctionSection, GlobalSection, GlobalType,
    ImportSection, InstanceType, Instruction, MemorySection, MemoryType, Module, ModuleArg,
    PrimitiveValType, TypeBounds, TypeSection, ValType,
};

use crate::constants::Constants;
use crate::emit::Body;
use crate::library::{HOST_FUNCTIONS, Library, OWN_GLOBALS, Reached};
use crate::limits::MEMORY_PAGES_MAX;
use crate::{CompileError, Kind};

/// The name of the contract's interface that a component imports.
const FIELDS: &str = "bureaucrat:condition/fields@1.0.0";

const PAGE_BYTES: u32 = 65_536;

pub(crate) struct Export<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: Kind,
    pub(crate) body: Body,
}

pub(crate) fn assemble(
    exports: &[Export<'_>],
    constants: &Constants,
) -> Result<Vec<u8>, CompileError> {
    let library = Library::get();
    let entry = library.index("begin");
    let called = exports
        .iter()
        .flat_map(|export| export.body.calls.iter().copied());
    let reached = library.reach(called.chain([entry]));
    let main = main_module(exports, constants, &reached)?;
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

/// The part of the contract's interface that is used: the type `value` and the functions by their number.
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

/// How many pages a component's memory has at the start: its constants and a page to work in.
fn pages_min(constants: &Constants) -> u32 {
    constants.end() / PAGE_BYTES + 1
}

fn memory_type(minimum: u32) -> MemoryType {
    MemoryType {
        minimum: u64::from(minimum),
        maximum: Some(u64::from(MEMORY_PAGES_MAX)),
        memory64: false,
        shared: false,
        page_size_log2: None,
    }
}

/// The first core module: `memory`, the heap's start as the global `heap`, and `realloc` for what the host hands over.
fn memory_module(constants: &Constants) -> Module {
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32; 4], [ValType::I32]);
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut memories = MemorySection::new();
    memories.memory(memory_type(pages_min(constants)));
    let mut globals = GlobalSection::new();
    globals.global(heap_type(), &ConstExpr::i32_const(constants.end() as i32));
    let mut exports = ExportSection::new();
    exports.export("memory", ExportKind::Memory, 0);
    exports.export("heap", ExportKind::Global, 0);
    exports.export("realloc", ExportKind::Func, 0);
    let mut code = CodeSection::new();
    code.function(&realloc());
    let mut module = Module::new();
    module
        .section(&types)
        .section(&functions)
        .section(&memories)
        .section(&globals)
        .section(&exports)
        .section(&code);
    module
}

fn heap_type() -> GlobalType {
    GlobalType {
        val_type: ValType::I32,
        mutable: true,
        shared: false,
    }
}

/// `realloc(old, old_size, align, size)`: the host only ever asks for new blocks, aligned to 8 at most. Where memory ends
/// it traps, since the canonical ABI knows no other answer.
fn realloc() -> WasmFunction {
    let (size, start, end) = (3, 4, 5);
    let mut function = WasmFunction::new([(2, ValType::I32)]);
    function
        .instructions()
        .global_get(0)
        .local_tee(start)
        .local_get(size)
        .i32_add()
        .i32_const(7)
        .i32_add()
        .i32_const(-8)
        .i32_and()
        .local_tee(end)
        .memory_size(0)
        .i32_const(16)
        .i32_shl()
        .i32_gt_u()
        .if_(wasm_encoder::BlockType::Empty)
        .local_get(end)
        .i32_const(PAGE_BYTES as i32 - 1)
        .i32_add()
        .memory_size(0)
        .i32_const(16)
        .i32_shl()
        .i32_sub()
        .i32_const(16)
        .i32_shr_u()
        .memory_grow(0)
        .i32_const(-1)
        .i32_eq()
        .if_(wasm_encoder::BlockType::Empty)
        .unreachable()
        .end()
        .end()
        .local_get(end)
        .global_set(0)
        .local_get(start)
        .end();
    function
}

/// The main module: the helpers that are reached, then the expressions' functions.
fn main_module(
    exports: &[Export<'_>],
    constants: &Constants,
    reached: &Reached,
) -> Result<Module, CompileError> {
    let library = Library::get();
    let mut renumber = Renumber::new(reached);
    let mut types = TypeSection::new();
    for ty in &library.types {
        let ty = wasm_encoder::FuncType::try_from(ty.clone()).map_err(|_| CompileError::Helpers)?;
        types.ty().func_type(&ty);
    }
    let export_type = library.types.len() as u32;
    types.ty().function([], [ValType::I32]);

    let mut imports = ImportSection::new();
    imports.import(
        "memory",
        "memory",
        EntityType::Memory(memory_type(pages_min(constants))),
    );
    imports.import("memory", "heap", EntityType::Global(heap_type()));
    let mut functions = FunctionSection::new();
    for function in &reached.functions {
        let signature = library.signature(*function);
        if *function < library.host_count() {
            imports.import(
                "fields",
                HOST_FUNCTIONS[*function as usize],
                EntityType::Function(signature),
            );
        } else {
            functions.function(signature);
        }
    }
    let mut globals = GlobalSection::new();
    for _ in 0..OWN_GLOBALS {
        globals.global(heap_type(), &ConstExpr::i32_const(0));
    }
    let mut code = CodeSection::new();
    for function in reached
        .functions
        .iter()
        .filter(|function| **function >= library.host_count())
    {
        renumber
            .parse_function_body(&mut code, library.body(*function))
            .map_err(|_| CompileError::Helpers)?;
    }
    let mut names = ExportSection::new();
    for (position, export) in exports.iter().enumerate() {
        functions.function(export_type);
        names.export(
            export.name,
            ExportKind::Func,
            reached.functions.len() as u32 + position as u32,
        );
        code.function(&expression_function(&export.body, constants, &renumber));
    }
    let mut data = DataSection::new();
    for segment in &reached.segments {
        data.passive(library.segment(*segment).iter().copied());
    }
    data.active(
        0,
        &ConstExpr::i32_const(0),
        constants.data().iter().copied(),
    );
    let mut module = Module::new();
    module
        .section(&types)
        .section(&imports)
        .section(&functions)
        .section(&globals)
        .section(&names);
    module.section(&DataCountSection {
        count: reached.segments.len() as u32 + 1,
    });
    module.section(&code).section(&data);
    Ok(module)
}

fn expression_function(body: &Body, constants: &Constants, renumber: &Renumber) -> WasmFunction {
    let mut function = WasmFunction::new([(body.locals, ValType::I32)]);
    function.instruction(&Instruction::I32Const(constants.end() as i32));
    function.instruction(&Instruction::Call(
        renumber.function(Library::get().index("begin")),
    ));
    for instruction in &body.instructions {
        // A call is the only instruction here that names what is renumbered.
        if let Instruction::Call(helper) = instruction {
            function.instruction(&Instruction::Call(renumber.function(*helper)));
        } else {
            function.instruction(instruction);
        }
    }
    function
}

/// Indices of the helper module to indices of a component's main module.
struct Renumber {
    functions: BTreeMap<u32, u32>,
    segments: BTreeMap<u32, u32>,
}

impl Renumber {
    fn new(reached: &Reached) -> Renumber {
        Renumber {
            functions: reached.functions.iter().copied().zip(0..).collect(),
            segments: reached.segments.iter().copied().zip(0..).collect(),
        }
    }

    /// What is reached has a number, so that the other arm is never taken.
    fn function(&self, function: u32) -> u32 {
        self.functions.get(&function).copied().unwrap_or(u32::MAX)
    }
}

impl Reencode for Renumber {
    type Error = Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, reencode::Error<Infallible>> {
        Ok(self.function(function))
    }

    fn data_index(&mut self, segment: u32) -> Result<u32, reencode::Error<Infallible>> {
        Ok(self.segments.get(&segment).copied().unwrap_or(u32::MAX))
    }
}
