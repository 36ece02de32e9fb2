//! The second core module of a component: the helpers that its expressions reach, and a function
//! for each expression.
//!
//! Helpers are encoded again with other indexes. Unreachable ones are left out, because every
//! instance pays for them.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{
    CodeSection, ConstExpr, DataCountSection, DataSection, EntityType, ExportKind, ExportSection,
    Function as WasmFunction, FunctionSection, GlobalSection, ImportSection, Instruction, Module,
    TypeSection, ValType,
};

use crate::constants::Constants;
use crate::emit::Body;
use crate::library::{Dates, HOST_FUNCTIONS, Library, Reached};
use crate::memory::{heap_type, memory_type, pages_min};
use crate::{CompileError, Kind};

pub(crate) struct Export<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: Kind,
    pub(crate) body: Body,
}

/// The main module: the reachable helpers, then the expressions' functions.
pub(crate) fn main_module(
    exports: &[Export<'_>],
    constants: &Constants,
    reached: &Reached,
    entry: u32,
) -> Result<Module, CompileError> {
    let library = Library::get();
    let mut renumber = Renumber::new(reached);
    let mut types = TypeSection::new();
    let signatures = signatures(reached);
    for signature in signatures.keys() {
        let ty = &library.types[*signature as usize];
        let ty = wasm_encoder::FuncType::try_from(ty.clone()).map_err(|_| CompileError::Helpers)?;
        types.ty().func_type(&ty);
    }
    let export_type = signatures.len() as u32;
    types.ty().function([], [ValType::I32]);

    let (imports, mut functions) = declarations(constants, reached, &signatures);
    let mut globals = GlobalSection::new();
    // The first is the heap's, which is imported.
    for _ in 1..reached.globals {
        globals.global(heap_type(), &ConstExpr::i32_const(0));
    }
    let mut code = CodeSection::new();
    for function in reached
        .functions
        .iter()
        .filter(|function| **function >= library.host_count())
    {
        renumber.caller = Some(*function);
        renumber
            .parse_function_body(&mut code, library.body(*function))
            .map_err(|_| CompileError::Helpers)?;
    }
    renumber.caller = None;
    let mut names = ExportSection::new();
    for (index, export) in (reached.functions.len() as u32..).zip(exports) {
        functions.function(export_type);
        names.export(export.name, ExportKind::Func, index);
        code.function(&expression_function(
            &export.body,
            constants,
            &renumber,
            entry,
        ));
    }
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
    module.section(&code).section(&data(constants, reached));
    Ok(module)
}

/// The types of what is reached, by their index in the helper module, with their final index.
fn signatures(reached: &Reached) -> BTreeMap<u32, u32> {
    let library = Library::get();
    let functions = reached.functions.iter();
    let used: BTreeSet<u32> = functions
        .map(|function| library.signature(*function))
        .collect();
    used.into_iter().zip(0..).collect()
}

/// What the main module imports, and the types of the helpers that it has.
fn declarations(
    constants: &Constants,
    reached: &Reached,
    signatures: &BTreeMap<u32, u32>,
) -> (ImportSection, FunctionSection) {
    let library = Library::get();
    let mut imports = ImportSection::new();
    imports.import(
        "memory",
        "memory",
        EntityType::Memory(memory_type(pages_min(constants))),
    );
    imports.import("memory", "heap", EntityType::Global(heap_type()));
    let mut functions = FunctionSection::new();
    for function in &reached.functions {
        let signature = signatures[&library.signature(*function)];
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
    (imports, functions)
}

fn data(constants: &Constants, reached: &Reached) -> DataSection {
    let mut data = DataSection::new();
    for segment in &reached.segments {
        data.passive(Library::get().segment(*segment).iter().copied());
    }
    data.active(
        0,
        &ConstExpr::i32_const(0),
        constants.data().iter().copied(),
    );
    data
}

fn expression_function(
    body: &Body,
    constants: &Constants,
    renumber: &Renumber,
    entry: u32,
) -> WasmFunction {
    let mut function = WasmFunction::new([(body.locals, ValType::I32)]);
    function.instruction(&Instruction::I32Const(constants.end() as i32));
    function.instruction(&Instruction::Call(renumber.function(entry)));
    for instruction in &body.instructions {
        // A call is the only instruction here that refers to something renumbered.
        if let Instruction::Call(helper) = instruction {
            function.instruction(&Instruction::Call(renumber.function(*helper)));
        } else {
            function.instruction(instruction);
        }
    }
    function
}

/// Maps indexes in the helper module to indexes in a component's main module.
struct Renumber {
    /// The helper whose body is encoded.
    caller: Option<u32>,
    dates: Dates,
    functions: BTreeMap<u32, u32>,
    segments: BTreeMap<u32, u32>,
}

impl Renumber {
    fn new(reached: &Reached) -> Renumber {
        Renumber {
            caller: None,
            dates: reached.dates,
            functions: reached.functions.iter().copied().zip(0..).collect(),
            segments: reached.segments.iter().copied().zip(0..).collect(),
        }
    }

    /// Everything reachable has a number, so the other arm is never taken.
    fn function(&self, function: u32) -> u32 {
        let function = Library::get().called(self.caller, function, self.dates);
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
