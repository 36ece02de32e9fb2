//! The tools for modules, and what `check` says of the modules in a definition.

use super::{out, run};
use std::path::{Path, PathBuf};

#[test]
fn modules_are_built_checked_and_run() {
    let folder = tempfile::tempdir().unwrap();
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../guest-sdk/wat/risk.wat");
    let component = folder.path().join("risk.wasm");
    let (source, component) = (source.to_str().unwrap(), component.to_str().unwrap());
    let built = run(
        &[
            "module",
            "build",
            source,
            "-o",
            component,
            "--world",
            "condition",
        ],
        "",
    );
    assert!(out(&built).starts_with("sha256:"), "{built:?}");
    let checked = run(&["module", "check", "--json", component], "");
    assert!(
        out(&checked).contains(r#"{"name":"is-high","gives":"verdict"}"#),
        "{checked:?}"
    );
    let ran = run(
        &[
            "module",
            "run",
            component,
            "is-high",
            "--fields",
            r#"{"order": {"amount": 7}}"#,
        ],
        "",
    );
    assert_eq!(
        (ran.status.code(), out(&ran).as_str()),
        (Some(0), "false\n"),
        "{ran:?}"
    );
    assert!(
        String::from_utf8_lossy(&ran.stderr).contains(", memory: 64 KiB"),
        "{ran:?}"
    );
    let fields = r#"{"order": {"amount": 10001}}"#;
    let json = [
        "module", "run", "--json", component, "is-high", "--fields", fields,
    ];
    let ran = out(&run(&json, ""));
    assert!(
        ran.starts_with(r#"{"value": true, "fuel": "#)
            && ran.contains(r#""memory_bytes": 65536, "log": [], "log_dropped": 0}"#),
        "{ran}"
    );
    assert!(
        out(&checked).contains(r#""imports":["fields.get"]"#),
        "{checked:?}"
    );
    let core = run(&["module", "check", source], "");
    assert_eq!(core.status.code(), Some(1));
    let core = folder.path().join("core.wasm");
    std::fs::write(&core, "\0asm\u{1}\0\0\0").unwrap();
    let core = run(&["module", "check", "--json", core.to_str().unwrap()], "");
    assert_eq!(core.status.code(), Some(1));
    assert!(
        out(&core).contains(r#""refused":"this is a core module"#),
        "{core:?}"
    );
}

/// A guest that logs a text that would steer a terminal, and then traps, or not.
const LOGS: &str = r#"(module
  (import "bureaucrat:condition/log@1.1.0" "write" (func $write (param i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "no \1b[31mrates\n")
  (func $log (call $write (i32.const 0) (i32.const 14)))
  (func (export "traps") (result i32) (call $log) unreachable)
  (func (export "calm") (result i32) (call $log) (i32.const 64)))"#;

#[test]
fn what_a_module_logs_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (source, component, cases) = (path("logs.wat"), path("logs.wasm"), path("cases.json"));
    std::fs::write(&source, LOGS).unwrap();
    let build = [
        "module",
        "build",
        &source,
        "-o",
        &component,
        "--world",
        "condition",
    ];
    assert_eq!(run(&build, "").status.code(), Some(0));
    let checked = run(&["module", "check", "--json", &component], "");
    assert!(
        out(&checked).contains(r#""imports":["log.write"]"#),
        "{checked:?}"
    );

    let traps = run(&["module", "run", &component, "traps"], "");
    let said = String::from_utf8_lossy(&traps.stderr);
    assert_eq!(traps.status.code(), Some(1));
    assert!(
        said.starts_with("log: no \\u001b[31mrates \nsandbox.trap: "),
        "{said}"
    );
    assert!(
        said.contains("executed: no \\u001b[31mrates\nadvice: the module panicked"),
        "{said}"
    );
    let calm = run(&["module", "run", &component, "calm"], "");
    let said = String::from_utf8_lossy(&calm.stderr);
    assert_eq!((calm.status.code(), &*out(&calm)), (Some(0), "false\n"));
    assert!(
        said.starts_with("log: no \\u001b[31mrates \nfuel: "),
        "{said}"
    );
    for function in ["traps", "calm"] {
        let json = out(&run(&["module", "run", "--json", &component, function], ""));
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["log"], serde_json::json!(["no \u{1b}[31mrates\n"]));
    }
    std::fs::write(&cases, r#"[{"function": "traps", "error": "Other"}]"#).unwrap();
    let tested = run(&["module", "test", &component, &cases], "");
    assert_eq!(tested.status.code(), Some(1));
    assert!(
        out(&tested).contains("  log       no \\u001b[31mrates \n"),
        "{tested:?}"
    );
}

#[test]
fn check_refuses_the_modules_that_a_launch_refuses() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let folder = tempfile::tempdir().unwrap();
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../guest-sdk/wat/risk.wat");
    let component = folder.path().join("risk.wasm");
    let arguments = [
        "module",
        "build",
        source.to_str().unwrap(),
        "-o",
        component.to_str().unwrap(),
    ];
    let unsaid = run(&arguments, "");
    assert!(
        String::from_utf8_lossy(&unsaid.stderr)
            .contains("nothing says whether functions return verdicts or values (`is-high`"),
        "{unsaid:?}"
    );
    let arguments = [&arguments[..], &["--world", "condition"]].concat();
    assert!(run(&arguments, "").status.success());
    let valued = folder.path().join("value.wasm");
    let valued = valued.to_str().unwrap();
    let arguments = [&arguments[..3], &["-o", valued, "--world", "expression"]].concat();
    assert!(run(&arguments, "").status.success());
    let [component, valued] = [component.to_str().unwrap(), valued]
        .map(|path| STANDARD.encode(std::fs::read(path).unwrap()));
    let core = STANDARD.encode("\0asm\u{1}\0\0\0");
    let definition = |bytes: &str, function: &str| {
        format!(
            "<process>\n<module name=\"risk\">{bytes}</module>\n<while>\n\
             <condition module=\"risk\" function=\"{function}\"/><delay duration=\"1\"/></while></process>"
        )
    };
    for (bytes, function, said) in [
        (
            &core,
            "is-high",
            "2:1: error: the module `risk` is refused: this is a core module",
        ),
        (
            &component,
            "is-hihg",
            "4:1: error: the module has no function `is-hihg` (did you mean `is-high`?)",
        ),
        (
            &valued,
            "is-high",
            "4:1: error: the function `is-high` returns a value; a condition needs one that returns result<bool, string>",
        ),
        (
            &component,
            "evaluate",
            "4:1: error: the module has no function `evaluate`; it has `is-high`",
        ),
    ] {
        for command in ["check", "compile"] {
            let output = run(&[command, "-"], &definition(bytes, function));
            assert_eq!(output.status.code(), Some(1), "{command}: {output:?}");
            let text = out(&output) + &String::from_utf8_lossy(&output.stderr);
            assert!(text.contains(said), "{command}: {text}");
        }
    }
    let good = run(&["check", "-"], &definition(&component, "is-high"));
    assert_eq!(
        (good.status.code(), out(&good).as_str()),
        (Some(0), ""),
        "{good:?}"
    );
    let assigned = |bytes: &str| {
        format!(
            "<process>\n<module name=\"risk\">{bytes}</module>\n\
             <assign property=\"x\" module=\"risk\" function=\"is-high\"/></process>"
        )
    };
    let good = run(&["check", "-"], &assigned(&valued));
    assert_eq!(
        (good.status.code(), out(&good).as_str()),
        (Some(0), ""),
        "{good:?}"
    );
    let bad = run(&["check", "-"], &assigned(&component));
    let said = "3:1: error: the function `is-high` returns a verdict; a value needs one that returns result<string, string>";
    assert!(out(&bad).contains(said), "{bad:?}");
}

/// Builds the worked example, and returns its path.
fn risk(folder: &Path) -> String {
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../guest-sdk/wat/risk.wat");
    let component = folder.join("risk.wasm");
    let component = component.to_str().unwrap();
    let built = run(
        &[
            "module",
            "build",
            source.to_str().unwrap(),
            "-o",
            component,
            "--world",
            "condition",
        ],
        "",
    );
    assert!(built.status.success(), "{built:?}");
    component.to_owned()
}

#[test]
fn a_table_of_cases_is_run() {
    let folder = tempfile::tempdir().unwrap();
    let component = risk(folder.path());
    let report = folder.path().join("report.xml");
    let case = |name: &str, amount: &str, expected: &str| {
        format!(
            r#"{{"name": "{name}", "function": "is-high", "fields": {{"order": {{"amount": {amount}}}}}, {expected}}}"#
        )
    };
    let good = [
        case("below", "10000", r#""verdict": false"#),
        case("above", "10001", r#""verdict": true"#),
        case("null", "null", r#""error": "TypeError""#),
    ];
    let bad = [
        case("wrong & <loud>", "10000", r#""verdict": true"#),
        case(
            "other words",
            "null",
            r#""error": "TypeError", "message": "no""#,
        ),
        case("a value", "1", r#""value": false"#),
    ];
    let test = |table: &str, more: &[&str]| {
        let arguments = [&["module", "test", &component, "-"], more].concat();
        run(&arguments, table)
    };
    let passed = test(&good.join("\n"), &[]);
    assert_eq!(passed.status.code(), Some(0), "{passed:?}");
    assert!(out(&passed).contains("most fuel: "), "{passed:?}");
    let all = format!("[{}, {}]", good.join(","), bad.join(","));
    let failed = test(&all, &["--junit", report.to_str().unwrap()]);
    assert_eq!(failed.status.code(), Some(1), "{failed:?}");
    let text = out(&failed);
    for said in [
        "FAILED  wrong & <loud> (is-high)\n  expected  true\n  was       false\n",
        "expected  TypeError: no\n",
        "FAILED  a value (is-high)\n",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert!(
        String::from_utf8_lossy(&failed.stderr).contains("6 cases, 3 failed"),
        "{failed:?}"
    );
    let report = std::fs::read_to_string(report).unwrap();
    assert!(
        report.contains(r#"tests="6" failures="3""#)
            && report.contains(r#"name="wrong &amp; &lt;loud&gt;""#),
        "{report}"
    );
    let json: serde_json::Value = serde_json::from_str(&out(&test(&all, &["--json"]))).unwrap();
    assert_eq!(json["failed"], 3);
    assert_eq!(
        json["cases"][3]["was"],
        serde_json::json!({"verdict": false})
    );
    assert_eq!(json["functions"][0]["cases"], 6);
}

#[test]
fn what_is_wrong_with_a_table_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let component = risk(folder.path());
    for (table, said) in [
        ("", "there are no cases in it"),
        ("[]", "there are no cases in it"),
        (
            "{\"verdict\": true}\n{\"verdict\": maybe}",
            "at line 2 column",
        ),
        (
            r#"[{"name": "x"}]"#,
            "case 1 (`x`): it needs `verdict`, `value` or `error`",
        ),
        (
            r#"[{"verdict": true, "value": null}]"#,
            "case 1: it can have only one of `verdict`, `value` and `error`",
        ),
        (
            r#"[{"verdict": true, "message": "x"}]"#,
            "`message` belongs to `error`",
        ),
        (
            r#"[{"verdict": true, "feilds": {}}]"#,
            "unknown field `feilds`",
        ),
        (r#"[{"verdict": true, "fields": [1]}]"#, "case 1: `fields`"),
        (
            r#"[{"verdict": true, "function": "is-hihg"}]"#,
            "no function `is-hihg` (did you mean `is-high`?)",
        ),
    ] {
        let output = run(&["module", "test", &component, "-"], table);
        assert_eq!(output.status.code(), Some(1), "{table}: {output:?}");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.contains(said), "{table}: {text}");
    }
}

#[test]
fn a_function_is_measured_and_versions_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let component = risk(folder.path());
    let fields = folder.path().join("fields.json");
    std::fs::write(&fields, r#"{"order": {"amount": 10001}}"#).unwrap();
    let fields = format!("@{}", fields.display());
    let arguments = [
        "module", "bench", "--json", "--count", "5", &component, "is-high", "--fields", &fields,
    ];
    let measured: serde_json::Value = serde_json::from_str(&out(&run(&arguments, ""))).unwrap();
    assert_eq!(measured["outcome"], serde_json::json!({"verdict": true}));
    assert_eq!(measured["fuel_median"], measured["fuel_most"]);
    let other = folder.path().join("other.wat");
    let text = "(module (memory (export \"memory\") 1) (global $at (mut i32) (i32.const 64))
        (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32) (global.get $at))
        (func (export \"is-high\") (result i32) (i32.store8 (i32.const 12) (i32.const 1)) (i32.const 8))
        (func (export \"is-low\") (result i32) (unreachable)))";
    std::fs::write(&other, text).unwrap();
    let later = folder.path().join("other.wasm");
    let (other, later) = (other.to_str().unwrap(), later.to_str().unwrap());
    let built = run(
        &[
            "module",
            "build",
            other,
            "-o",
            later,
            "--world",
            "condition",
        ],
        "",
    );
    assert!(built.status.success(), "{built:?}");
    let cases = r#"{"name": "a small one", "function": "is-high", "fields": {"order": {"amount": 1}}, "verdict": true}"#;
    let differs = run(&["module", "diff", &component, later, "-"], cases);
    assert_eq!(differs.status.code(), Some(1), "{differs:?}");
    for said in [
        "export   is-low: absent → verdict\n",
        "outcome  a small one (is-high): false → ",
    ] {
        assert!(out(&differs).contains(said), "{differs:?}");
    }
    let same = run(&["module", "diff", &component, &component, "-"], cases);
    assert_eq!(
        (same.status.code(), &*out(&same)),
        (Some(0), "no changes\n")
    );
}
