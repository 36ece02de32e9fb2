//! A small host for components: `fields` over a JSON value, as the contract says.
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "wasmtime's values are not ours"
)]
#![allow(dead_code, reason = "each test uses its own part of the host")]

use bureaucrat_expression::{Expression, Function, Kind, compile, parse};
use serde_json::Value as Json;
use wasmtime::component::{Component, InstancePre, Linker, Val};
use wasmtime::{Config, Engine, Store};

/// What the host keeps for one evaluation.
pub struct Fields(pub std::sync::Arc<Json>);

/// An engine with the features that the sandbox allows, and a linker for the contract.
pub struct Host {
    engine: Engine,
    linker: Linker<Fields>,
}

/// A compiled component.
pub struct Guest {
    prepared: InstancePre<Fields>,
    engine: Engine,
}

/// What an export gave.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    Verdict(bool),
    Value(String),
    Fault(String),
    Trap(String),
}

impl Host {
    /// As the sandbox is set up.
    pub fn new() -> Host {
        Host::with(wasmtime::OptLevel::Speed)
    }

    /// For many expressions that run once each.
    pub fn quick() -> Host {
        Host::with(wasmtime::OptLevel::None)
    }

    fn with(level: wasmtime::OptLevel) -> Host {
        let mut config = Config::new();
        config.cranelift_opt_level(level);
        config.consume_fuel(true);
        config.wasm_tail_call(false);
        config.wasm_multi_memory(false);
        config.wasm_memory64(false);
        config.wasm_relaxed_simd(false);
        config.memory_init_cow(false);
        config.cranelift_nan_canonicalization(true);
        config.wasm_backtrace_max_frames(None);
        let mut pooling = wasmtime::PoolingAllocationConfig::default();
        pooling
            .total_component_instances(8)
            .total_core_instances(32)
            .total_memories(8)
            .total_tables(8);
        pooling
            .max_core_instances_per_component(4)
            .max_memory_size(1 << 20)
            .linear_memory_keep_resident(1 << 16);
        config.allocation_strategy(wasmtime::InstanceAllocationStrategy::Pooling(pooling));
        let engine = Engine::new(&config).unwrap();
        let mut linker = Linker::<Fields>::new(&engine);
        let mut fields = linker
            .instance("bureaucrat:condition/fields@1.1.0")
            .unwrap();
        fields
            .func_new("get", |store, _, arguments, results| {
                let found = pointer(&arguments[0]).and_then(|pointer| {
                    let fields = &store.data().0;
                    if pointer.is_empty() {
                        return Some(Val::Variant(
                            "record".to_owned(),
                            Some(Box::new(Val::U32(unreserved(fields).len() as u32))),
                        ));
                    }
                    fields.pointer(&pointer).map(contract_value)
                });
                results[0] = Val::Option(found.map(Box::new));
                Ok(())
            })
            .unwrap();
        fields
            .func_new("keys", |store, _, arguments, results| {
                let found = pointer(&arguments[0]).and_then(|pointer| {
                    if pointer.is_empty() {
                        let names = unreserved(&store.data().0).into_iter();
                        return Some(Val::List(names.map(Val::String).collect()));
                    }
                    let record = store.data().0.pointer(&pointer)?.as_object()?;
                    Some(Val::List(record.keys().cloned().map(Val::String).collect()))
                });
                results[0] = Val::Option(found.map(Box::new));
                Ok(())
            })
            .unwrap();
        Host { engine, linker }
    }

    pub fn load(&self, component: &[u8]) -> Guest {
        let component = Component::new(&self.engine, component).unwrap();
        Guest {
            prepared: self.linker.instantiate_pre(&component).unwrap(),
            engine: self.engine.clone(),
        }
    }
}

impl Guest {
    /// An export, looked up once.
    pub fn export(&self, name: &str) -> wasmtime::component::ComponentExportIndex {
        self.prepared
            .component()
            .get_export_index(None, name)
            .unwrap()
    }

    /// Runs one export in a fresh instance as the sandbox does, without looking at what it gives; true if it ran.
    pub fn run_typed(
        &self,
        export: &wasmtime::component::ComponentExportIndex,
        fields: &std::sync::Arc<Json>,
    ) -> bool {
        let mut store = Store::new(&self.engine, Fields(fields.clone()));
        store.set_fuel(100_000_000).unwrap();
        let instance = self.prepared.instantiate(&mut store).unwrap();
        let function = instance.get_func(&mut store, export).unwrap();
        if let Ok(verdict) = function.typed::<(), (Result<bool, String>,)>(&store) {
            return verdict.call(&mut store, ()).is_ok();
        }
        function
            .typed::<(), (Result<String, String>,)>(&store)
            .unwrap()
            .call(&mut store, ())
            .is_ok()
    }

    /// Calls one export in a fresh instance.
    pub fn call(&self, name: &str, fields: &Json) -> Outcome {
        let mut store = Store::new(&self.engine, Fields(std::sync::Arc::new(fields.clone())));
        store.set_fuel(u64::MAX / 2).unwrap();
        let instance = self.prepared.instantiate(&mut store).unwrap();
        let function = instance.get_func(&mut store, name).unwrap();
        let mut results = [Val::Bool(false)];
        match function.call(&mut store, &[], &mut results) {
            Ok(()) => outcome(&results[0]),
            Err(error) => Outcome::Trap(format!("{error:?}")),
        }
    }
}

/// The names of all fields, without the reserved ones.
fn unreserved(fields: &Json) -> Vec<String> {
    let names = fields.as_object().unwrap().keys();
    let names = names.filter(|name| !name.starts_with("inst:"));
    names.cloned().collect()
}

fn outcome(result: &Val) -> Outcome {
    let Val::Result(result) = result else {
        panic!("not a result: {result:?}")
    };
    match result {
        Ok(Some(value)) => match &**value {
            Val::Bool(verdict) => Outcome::Verdict(*verdict),
            Val::String(text) => Outcome::Value(text.clone()),
            other => panic!("neither a verdict nor a value: {other:?}"),
        },
        Err(Some(text)) => match &**text {
            Val::String(text) => Outcome::Fault(text.clone()),
            other => panic!("an error that is not a text: {other:?}"),
        },
        other => panic!("a result without a payload: {other:?}"),
    }
}

fn pointer(argument: &Val) -> Option<String> {
    match argument {
        Val::String(pointer) => Some(pointer.clone()),
        _ => None,
    }
}

pub fn value_of(expression: Expression, fields: &Json) -> Outcome {
    let function = Function {
        name: "evaluate".to_owned(),
        expression,
        kind: Kind::Value,
    };
    let guest = Host::quick().load(&compile(&[function]).unwrap());
    guest.call("evaluate", fields)
}

/// An expression's value as JSON, or its fault.
pub fn value(text: &str, fields: &Json) -> Result<Json, String> {
    match value_of(parse(text).unwrap(), fields) {
        Outcome::Value(text) => Ok(serde_json::from_str(&text).unwrap()),
        Outcome::Fault(text) => Err(text),
        Outcome::Verdict(_) | Outcome::Trap(_) => panic!("{text}: neither a value nor a fault"),
    }
}

/// The contract's value of a JSON value; numbers by how they are written.
fn contract_value(json: &Json) -> Val {
    let (case, payload) = match json {
        Json::Null => ("null", None),
        Json::Bool(truth) => ("boolean", Some(Val::Bool(*truth))),
        Json::String(text) => ("text", Some(Val::String(text.clone()))),
        Json::Array(items) => ("list", Some(Val::U32(items.len() as u32))),
        Json::Object(pairs) => ("record", Some(Val::U32(pairs.len() as u32))),
        Json::Number(number) => {
            let written = number.to_string();
            if written.contains(['.', 'e', 'E']) {
                ("float", Some(Val::Float64(written.parse().unwrap())))
            } else if written == "-0" {
                ("integer", Some(Val::S64(0)))
            } else {
                match written.parse::<i64>() {
                    Ok(small) => ("integer", Some(Val::S64(small))),
                    Err(_) => ("big-integer", Some(Val::String(written))),
                }
            }
        }
    };
    Val::Variant(case.to_owned(), payload.map(Box::new))
}
