//! Which components are accepted, and why others are not.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use bureaucrat_model::Fields;
use bureaucrat_sandbox::{
    Class, Counted, LoadError, Outcome, Refusal, RuntimeClass, Sandbox, SandboxConfig,
    SandboxLimits,
};
use common::{Returns, component, component_of, config, sandbox, verdict};
use std::time::Duration;

fn refusal(sandbox: &Sandbox, bytes: &[u8]) -> Refusal {
    match sandbox.load_module(bytes) {
        Err(LoadError::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

/// A guest with more code than it needs.
fn with(code: &str) -> Vec<u8> {
    component(
        "",
        &format!("{code} (func (export \"evaluate\") (result i32) i32.const 512)"),
        &[("evaluate", Returns::Verdict)],
    )
}

#[test]
fn only_components_are_taken() {
    let sandbox = sandbox();
    let core = wat("(module (func (export \"evaluate\") (result i32) i32.const 0))");
    assert_eq!(refusal(&sandbox, &core), Refusal::CoreModule);
    assert!(
        refusal(&sandbox, &core)
            .to_string()
            .contains("bureaucrat module build")
    );
    assert_eq!(refusal(&sandbox, b""), Refusal::NotWasm);
    assert_eq!(refusal(&sandbox, b"(component)"), Refusal::NotWasm);
    let mut cut = verdict("i32.const 512");
    cut.truncate(cut.len() - 3);
    assert!(matches!(refusal(&sandbox, &cut), Refusal::Invalid { .. }));
    assert_eq!(refusal(&sandbox, &wat("(component)")), Refusal::NoFunction);
    assert!(matches!(
        sandbox.load_inline(&core),
        Err(LoadError::Refused(Refusal::CoreModule))
    ));
}

#[test]
fn only_the_fields_may_be_imported() {
    let import_type = |function: &str, interface| Refusal::ImportType {
        function: function.to_owned(),
        interface,
    };
    let sandbox = sandbox();
    for (text, expected) in [
        (
            r#"(component (import "wasi:clocks/wall-clock@0.2.0" (instance (export "now" (func (result u64))))))"#,
            Refusal::Import("wasi:clocks/wall-clock@0.2.0".to_owned()),
        ),
        (
            r#"(component (import "evaluate" (func)))"#,
            Refusal::Import("evaluate".to_owned()),
        ),
        (
            r#"(component (import "bureaucrat:condition/fields@1.2.0" (instance)))"#,
            Refusal::Import("bureaucrat:condition/fields@1.2.0".to_owned()),
        ),
        (
            r#"(component (import "bureaucrat:condition/log@1.0.0" (instance)))"#,
            Refusal::Import("bureaucrat:condition/log@1.0.0".to_owned()),
        ),
        (
            r#"(component (import "bureaucrat:condition/fields@1.1.0" (func)))"#,
            Refusal::Import("bureaucrat:condition/fields@1.1.0".to_owned()),
        ),
        (
            r#"(component (import "bureaucrat:condition/fields@1.1.0"
                 (instance (export "set" (func (param "pointer" string))))))"#,
            import_type("set", "bureaucrat:condition/fields@1.1.0"),
        ),
        (
            r#"(component (import "bureaucrat:condition/fields@1.1.0"
                 (instance (export "json" (func (param "pointer" string) (result string))))))"#,
            import_type("json", "bureaucrat:condition/fields@1.1.0"),
        ),
        (
            r#"(component (import "bureaucrat:condition/fields@1.1.0"
                 (instance (type $v (variant (case "null") (case "boolean" bool)))
                   (export "value" (type $value (eq $v))) (type $o (option $value))
                   (export "get" (func (param "pointer" string) (result $o))))))"#,
            import_type("get", "bureaucrat:condition/fields@1.1.0"),
        ),
        (
            r#"(component (import "bureaucrat:condition/log@1.1.0"
                 (instance (export "write" (func (param "words" (list u8)) (result bool))))))"#,
            import_type("write", "bureaucrat:condition/log@1.1.0"),
        ),
        (
            r#"(component (import "bureaucrat:condition/log@1.1.0"
                 (instance (export "write" (func (param "words" string))))))"#,
            import_type("write", "bureaucrat:condition/log@1.1.0"),
        ),
    ] {
        assert_eq!(refusal(&sandbox, &wat(text)), expected, "{text}");
    }
}

#[test]
fn only_functions_of_the_two_types_may_be_exported() {
    let sandbox = sandbox();
    let lift = |ty: &str| {
        wat(&format!(
            "(component (core module $m (memory (export \"m\") 1)
               (func (export \"f\") (result i32) i32.const 0) (func (export \"g\") (param i32) (result i32) i32.const 0)
               (func (export \"h\")))
             (core instance $i (instantiate $m))
             (alias core export $i \"m\" (core memory $memory))
             {ty})"
        ))
    };
    for ty in [
        r#"(func (export "f") (canon lift (core func $i "h")))"#,
        r#"(func (export "f") (result bool) (canon lift (core func $i "f")))"#,
        r#"(func (export "f") (param "x" u32) (result (result bool (error string)))
             (canon lift (core func $i "g") (memory $memory)))"#,
        r#"(func (export "f") (result (result bool (error u64))) (canon lift (core func $i "f") (memory $memory)))"#,
        r#"(func (export "f") (result (result u32 (error string))) (canon lift (core func $i "f") (memory $memory)))"#,
        r#"(func (export "f") (result (result (error string))) (canon lift (core func $i "f") (memory $memory)))"#,
    ] {
        assert_eq!(
            refusal(&sandbox, &lift(ty)),
            Refusal::Export("f".to_owned()),
            "{ty}"
        );
    }
    let instance = wat(r#"(component (instance $x) (export "f" (instance $x)))"#);
    assert_eq!(
        refusal(&sandbox, &instance),
        Refusal::Export("f".to_owned())
    );
    // Exported types do not matter.
    let with_type = lift(
        r#"(type $t (record (field "a" u32))) (export "t" (type $t))
           (func (export "f") (result (result bool (error string))) (canon lift (core func $i "f") (memory $memory)))"#,
    );
    assert_eq!(sandbox.load_module(&with_type).unwrap().exports().len(), 1);
}

#[test]
fn features_outside_of_the_list_are_refused() {
    // The larger class, which refuses a second memory not for lack of a slot, but because it is a
    // second memory.
    let sandbox = Sandbox::new(SandboxConfig {
        runtime_class: RuntimeClass::Allowed,
        ..config(SandboxLimits::default())
    })
    .unwrap();
    for code in [
        "(memory i64 1)",
        "(memory 1 1 shared)",
        "(func $t (result i32) return_call $t)",
        "(tag $e) (func throw $e)",
        "(type $s (struct (field i32)))",
        "(func (param externref))",
        "(func (param (ref null 0)))",
        "(func (param v128 v128 v128) (result v128) local.get 0 local.get 1 local.get 2 f32x4.relaxed_madd)",
        "(func (param i64 i64 i64 i64) (result i64 i64) local.get 0 local.get 1 local.get 2 local.get 3 i64.add128)",
        "(func i32.const 0 i32.atomic.load drop)",
    ] {
        let refused = refusal(&sandbox, &with(code));
        assert!(
            matches!(refused, Refusal::Invalid { .. }),
            "{code}: {refused}"
        );
    }
    for code in [
        "(func (param v128) (result v128) local.get 0 local.get 0 i32x4.add)",
        "(func (param i32) (result i32) local.get 0 i32.extend8_s)",
        "(func (param f64) (result i64) local.get 0 i64.trunc_sat_f64_s)",
        "(func (result i32 i32) i32.const 1 i32.const 2)",
        "(func i32.const 0 i32.const 0 i32.const 0 memory.copy)",
        "(table 1 funcref) (func (result funcref) i32.const 0 table.get 0)",
        "(global i32 (i32.add (i32.const 1) (i32.const 2)))",
        "(global (mut i32) (i32.const 1))",
    ] {
        sandbox
            .load_module(&with(code))
            .unwrap_or_else(|error| panic!("{code}: {error}"));
    }
}

#[test]
fn everything_is_counted() {
    let limits = SandboxLimits {
        functions: 3,
        function_body_bytes: 200,
        locals: 5,
        nesting: 3,
        br_table: 4,
        types: 20,
        items: 60,
        component_depth: 2,
        ..SandboxLimits::default()
    };
    let sandbox = Sandbox::new(config(limits)).unwrap();
    sandbox.load_module(&with("")).unwrap();
    let too_many = |bytes: &[u8]| {
        let refused = refusal(&sandbox, bytes);
        let Refusal::TooMany {
            counted,
            found,
            limit,
        } = refused
        else {
            panic!("{refused}");
        };
        assert!(found > limit);
        counted
    };
    assert_eq!(too_many(&with("(func) (func)")), Counted::Functions);
    assert_eq!(
        too_many(&with(&format!(
            "(func {})",
            "i32.const 0 drop ".repeat(100)
        ))),
        Counted::FunctionBodyBytes
    );
    assert_eq!(
        too_many(&with("(func (local i32 i32 i32 i64 i64 i64))")),
        Counted::Locals
    );
    assert_eq!(
        too_many(&with("(func (block (loop (block (loop)))))")),
        Counted::Nesting
    );
    assert_eq!(
        too_many(&with("(func i32.const 0 br_table 0 0 0 0 0 0)")),
        Counted::BranchTargets
    );
    let types: String = (0..20)
        .map(|n| format!("(type (func (param {})))", "i32 ".repeat(n)))
        .collect();
    assert_eq!(too_many(&with(&types)), Counted::Types);
    assert_eq!(
        too_many(&with(&"(global i32 (i32.const 0))".repeat(60))),
        Counted::Items
    );
    assert_eq!(
        too_many(&wat("(component (component (component (core module))))")),
        Counted::Depth
    );
}

#[test]
fn a_module_is_bounded_in_bytes() {
    let limits = SandboxLimits {
        module_bytes: 100,
        ..SandboxLimits::default()
    };
    let sandbox = Sandbox::new(config(limits)).unwrap();
    assert!(matches!(
        refusal(&sandbox, &with("")),
        Refusal::TooLarge { limit: 100, .. }
    ));
}

#[test]
fn a_guest_that_needs_more_belongs_to_the_other_class() {
    let refusing = sandbox();
    let allowing = Sandbox::new(SandboxConfig {
        runtime_class: RuntimeClass::Allowed,
        ..config(SandboxLimits::default())
    })
    .unwrap();
    let code = "(func (export \"evaluate\") (result i32) i32.const 512)";
    let evaluate = [("evaluate", Returns::Verdict)];
    let large = component_of("(memory (export \"memory\") 40)", "", code, &evaluate);
    let tables = component(
        "",
        &format!("(table 1 funcref) (table 1 funcref) (table 1 funcref) {code}"),
        &evaluate,
    );
    for bytes in [large, tables] {
        let refused = refusal(&refusing, &bytes);
        assert!(matches!(refused, Refusal::RuntimeClass(_)), "{refused}");
        let guest = allowing.load_module(&bytes).unwrap();
        assert_eq!(guest.class(), Class::Runtime);
        let outcome = allowing.evaluate(&guest, "evaluate", Fields::new()).outcome;
        assert_eq!(outcome, Outcome::Verdict(false));
    }
    let far_too_large = component_of("(memory (export \"memory\") 2000)", "", code, &evaluate);
    let refused = refusal(&allowing, &far_too_large);
    assert!(matches!(refused, Refusal::Resources(_)), "{refused}");
    assert_eq!(
        allowing
            .load_module(&verdict("i32.const 512"))
            .unwrap()
            .class(),
        Class::Small
    );
}

#[test]
fn tail_calls_are_for_guests_with_a_language_runtime_and_cost_fuel() {
    let allowing = Sandbox::new(SandboxConfig {
        runtime_class: RuntimeClass::Allowed,
        ..config(SandboxLimits {
            // Fuel stops it, however busy the machine is.
            deadline: Duration::from_secs(120),
            ..SandboxLimits::default()
        })
    })
    .unwrap();
    let code = "(func $f (result i32) return_call $f)
        (func (export \"evaluate\") (result i32) return_call $f)";
    let evaluate = [("evaluate", Returns::Verdict)];
    let small = refusal(&allowing, &component("", code, &evaluate));
    assert!(small.to_string().contains("tail calls"), "{small}");
    let large = component_of("(memory (export \"memory\") 40)", "", code, &evaluate);
    let guest = allowing.load_module(&large).unwrap();
    let evaluated = allowing.evaluate(&guest, "evaluate", Fields::new());
    assert_eq!(common::code(&evaluated.outcome), "sandbox.fuel");
}

#[test]
fn what_toolchains_leave_beside_the_conditions_is_nobodys_to_call() {
    let allowing = Sandbox::new(SandboxConfig {
        runtime_class: RuntimeClass::Allowed,
        ..config(SandboxLimits::default())
    })
    .unwrap();
    let with_initialiser = |pages: u32| {
        wat(&format!(
            r#"(component
              (core module $m (memory (export "memory") {pages})
                (func (export "evaluate") (result i32) i32.const 512)
                (func (export "init") (param i32)))
              (core instance $i (instantiate $m))
              (alias core export $i "memory" (core memory $memory))
              (func (export "evaluate") (result (result bool (error string)))
                (canon lift (core func $i "evaluate") (memory $memory)))
              (func (export "init") (param "stage" u32) (canon lift (core func $i "init")))
              (instance $more)
              (export "exports" (instance $more)))"#
        ))
    };
    let small = refusal(&allowing, &with_initialiser(1));
    assert!(matches!(small, Refusal::Export(_)), "{small}");
    let guest = allowing.load_module(&with_initialiser(40)).unwrap();
    let names: Vec<_> = guest.exports().iter().map(|export| &*export.name).collect();
    assert_eq!(names, ["evaluate"]);
    let evaluated = allowing.evaluate(&guest, "init", Fields::new());
    assert_eq!(common::code(&evaluated.outcome), "sandbox.no-function");
}
