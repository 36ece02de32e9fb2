//! `context["x"] < 4` by hand, in a bare wasmtime store with the sandbox's settings.
//!
//! `runtime/sandbox/src/engines.rs` has those settings and keeps them private: a change there must
//! be repeated here. The sandbox is compiled with opt-level 3 and this crate with 2, so the lower
//! bound looks a few per cent higher than it is.

use wasmtime::{
    Caller, Config, Enabled, Engine, Error, Extern, InstanceAllocationStrategy, Module,
    PoolingAllocationConfig, Result, Store,
    component::{self, ComponentExportIndex, ComponentType, Lower},
};

const FUEL: u64 = 20_000_000;
/// The field's value.
const X: i64 = 3;
/// The deadline in ticks; nothing ticks here.
const TICKS: u64 = 11;

const COMPONENT: &str = r#"(component
  (import "bureaucrat:condition/fields@1.1.0" (instance $fields
    (type $v (variant (case "null") (case "boolean" bool) (case "integer" s64)
      (case "big-integer" string) (case "float" f64) (case "text" string) (case "list" u32)
      (case "record" u32)))
    (export "value" (type $value (eq $v)))
    (type $o (option $value))
    (export "get" (func (param "pointer" string) (result $o)))))
  (core module $mem (memory (export "memory") 1 16)
    (global $h (mut i32) (i32.const 1024))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (local i32)
      global.get $h local.set 4
      global.get $h local.get 3 i32.add i32.const 7 i32.add i32.const -8 i32.and global.set $h
      local.get 4)
    (data (i32.const 0) "/x"))
  (core instance $m (instantiate $mem))
  (alias core export $m "memory" (core memory $memory))
  (alias core export $m "realloc" (core func $realloc))
  (alias export $fields "get" (func $getf))
  (core func $get
    (canon lower (func $getf) (memory $memory) (realloc $realloc) string-encoding=utf8))
  (core module $main
    (import "m" "memory" (memory 1 16))
    (import "f" "get" (func $get (param i32 i32 i32)))
    (func (export "evaluate") (result i32)
      i32.const 0 i32.const 2 i32.const 64 call $get
      i32.const 128 i32.const 0 i32.store
      i32.const 132 i32.const 80 i64.load i64.const 4 i64.lt_s i32.const 64 i32.load8_u i32.and
      i32.store8
      i32.const 128))
  (core instance $fi (export "get" (func $get)))
  (core instance $i (instantiate $main (with "m" (instance $m)) (with "f" (instance $fi))))
  (alias core export $i "evaluate" (core func $ev))
  (func (export "evaluate") (result (result bool (error string)))
    (canon lift (core func $ev) (memory $memory) string-encoding=utf8)))"#;

const CORE: &str = r#"(module
  (import "fields" "get" (func $get (param i32 i32) (result i64)))
  (memory (export "memory") 1 16)
  (func (export "evaluate") (result i32)
    i32.const 0 i32.const 2 call $get i64.const 4 i64.lt_s)
  (data (i32.const 0) "/x"))"#;

/// The contract's `value`.
#[derive(ComponentType, Lower)]
#[component(variant)]
#[expect(dead_code, reason = "the floor knows one field, an integer")]
enum Value {
    #[component(name = "null")]
    Null,
    #[component(name = "boolean")]
    Boolean(bool),
    #[component(name = "integer")]
    Integer(i64),
    #[component(name = "big-integer")]
    BigInteger(String),
    #[component(name = "float")]
    Float(f64),
    #[component(name = "text")]
    Text(String),
    #[component(name = "list")]
    List(u32),
    #[component(name = "record")]
    Record(u32),
}

fn engine() -> Result<Engine> {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(1)
        .total_core_instances(4)
        .total_memories(1)
        .total_tables(2)
        .max_memories_per_module(1)
        .max_memory_size(1 << 20)
        .table_elements(10_000)
        .linear_memory_keep_resident(256 << 10)
        .table_keep_resident(4 << 10)
        .pagemap_scan(Enabled::No)
        .max_unused_warm_slots(1);
    let mut config = Config::new();
    config
        .consume_fuel(true)
        .epoch_interruption(true)
        .cranelift_nan_canonicalization(true)
        .wasm_backtrace_max_frames(None)
        .native_unwind_info(false)
        .generate_address_map(false)
        .memory_init_cow(false)
        .max_wasm_stack(256 << 10)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Engine::new(&config)
}

fn store(engine: &Engine) -> Result<Store<i64>> {
    let mut store = Store::new(engine, X);
    store.set_fuel(FUEL)?;
    store.set_epoch_deadline(TICKS);
    Ok(store)
}

/// The guest as a component.
pub(super) struct Component {
    engine: Engine,
    pre: component::InstancePre<i64>,
    evaluate: ComponentExportIndex,
}

impl Component {
    pub(super) fn new() -> Result<Self> {
        let engine = engine()?;
        let compiled = component::Component::new(&engine, wat::parse_str(COMPONENT)?)?;
        let mut linker = component::Linker::new(&engine);
        linker
            .instance("bureaucrat:condition/fields@1.1.0")?
            .func_wrap(
                "get",
                |store: wasmtime::StoreContextMut<'_, i64>, (pointer,): (String,)| {
                    Ok(((pointer == "/x").then(|| Value::Integer(*store.data())),))
                },
            )?;
        let pre = linker.instantiate_pre(&compiled)?;
        let evaluate = compiled
            .get_export_index(None, "evaluate")
            .ok_or_else(|| Error::msg("no function"))?;
        Ok(Self {
            engine,
            pre,
            evaluate,
        })
    }

    pub(super) fn evaluate(&self) -> Result<bool> {
        let mut store = store(&self.engine)?;
        let instance = self.pre.instantiate(&mut store)?;
        let function =
            instance.get_typed_func::<(), (Result<bool, String>,)>(&mut store, &self.evaluate)?;
        function.call(&mut store, ())?.0.map_err(Error::msg)
    }
}

/// The guest as a core module.
pub(super) struct Core {
    engine: Engine,
    pre: wasmtime::InstancePre<i64>,
}

impl Core {
    pub(super) fn new() -> Result<Self> {
        let engine = engine()?;
        let module = Module::new(&engine, wat::parse_str(CORE)?)?;
        let mut linker = wasmtime::Linker::new(&engine);
        linker.func_wrap(
            "fields",
            "get",
            |mut caller: Caller<'_, i64>, at: u32, size: u32| -> Result<i64> {
                let Some(Extern::Memory(memory)) = caller.get_export("memory") else {
                    return Err(Error::msg("no memory"));
                };
                let (at, size) = (at as usize, size as usize);
                let pointer = memory.data(&caller).get(at..at + size);
                Ok(if pointer == Some(b"/x") {
                    *caller.data()
                } else {
                    i64::MAX
                })
            },
        )?;
        Ok(Self {
            pre: linker.instantiate_pre(&module)?,
            engine,
        })
    }

    pub(super) fn evaluate(&self) -> Result<bool> {
        let mut store = store(&self.engine)?;
        let instance = self.pre.instantiate(&mut store)?;
        let function = instance.get_typed_func::<(), i32>(&mut store, "evaluate")?;
        Ok(function.call(&mut store, ())? != 0)
    }
}
