//! The tools for modules, and what `check` says of the modules in a definition.

use super::{out, run};
use std::path::PathBuf;

#[test]
fn modules_are_built_checked_and_run() {
    let folder = tempfile::tempdir().unwrap();
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../guest-sdk/wat/risk.wat");
    let component = folder.path().join("risk.wasm");
    let (source, component) = (source.to_str().unwrap(), component.to_str().unwrap());
    let built = run(&["module", "build", source, "-o", component], "");
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
        ran.starts_with(r#"{"value": true, "fuel": "#) && ran.contains(r#""memory_bytes": 65536}"#),
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
}
