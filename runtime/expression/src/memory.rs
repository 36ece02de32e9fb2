//! The first core module of a component: its memory, the beginning of its heap, and the allocator
//! for what the host passes in.

use wasm_encoder::{
    CodeSection, ConstExpr, ExportKind, ExportSection, Function as WasmFunction, FunctionSection,
    GlobalSection, GlobalType, MemorySection, MemoryType, Module, TypeSection, ValType,
};

use crate::constants::Constants;
use crate::limits::MEMORY_PAGES_MAX;

const PAGE_BYTES: u32 = 65_536;

/// How many pages a component's memory has at the start: its constants and a page to work in.
pub(crate) fn pages_min(constants: &Constants) -> u32 {
    constants.end() / PAGE_BYTES + 1
}

pub(crate) fn memory_type(minimum: u32) -> MemoryType {
    MemoryType {
        minimum: u64::from(minimum),
        maximum: Some(u64::from(MEMORY_PAGES_MAX)),
        memory64: false,
        shared: false,
        page_size_log2: None,
    }
}

/// The first core module: `memory`, the beginning of the heap as the global `heap`, and `realloc`
/// for what the host passes in.
pub(crate) fn memory_module(constants: &Constants) -> Module {
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

pub(crate) fn heap_type() -> GlobalType {
    GlobalType {
        val_type: ValType::I32,
        mutable: true,
        shared: false,
    }
}

/// `realloc(old, old_size, align, size)`: the host only ever requests new blocks, aligned to 8 at
/// most. When memory ends it traps, because the canonical ABI has no other answer.
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
