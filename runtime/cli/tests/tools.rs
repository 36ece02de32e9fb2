//! The tools that need no engine: `check`, `compile`, `graph`, `eval`, `module`.
#![allow(clippy::unwrap_used)]

#[path = "tools/graph.rs"]
mod graph;
#[path = "tools/modules.rs"]
mod modules;

use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

fn run(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_bureaucrat"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn eval_prints_values_errors_and_refusals() {
    let input = r#"{"expression": "context[\"a\"]", "fields": {"a": [1, 1.5, null, 123456789012345678901234567890]}}

{"expression": "1/0", "fields": {}}
{"expression": "context[\"x\"]"}
{"expression": "lambda: 1", "fields": {}}
"#;
    let output = run(&["eval", "--stdin"], input);
    let lines: Vec<String> = out(&output).lines().map(str::to_owned).collect();
    assert_eq!(
        lines[0],
        r#"{"value": [1, 1.5, null, 123456789012345678901234567890]}"#
    );
    assert_eq!(
        lines[1],
        r#"{"error": "ZeroDivisionError", "message": "division by zero"}"#
    );
    assert!(
        lines[2].starts_with(r#"{"error": "KeyError", "message": "#),
        "{}",
        lines[2]
    );
    assert!(
        lines[3].starts_with(r#"{"refused": "#)
            && lines[3].ends_with(r#", "line": 1, "column": 1}"#),
        "{}",
        lines[3]
    );
    assert_eq!(lines.len(), 4);

    let value = run(
        &["eval", "context['x'] * 2", "--fields", r#"{"x": 21}"#],
        "",
    );
    assert_eq!(
        (value.status.code(), out(&value).as_str()),
        (Some(0), "42\n")
    );
    assert!(String::from_utf8_lossy(&value.stderr).starts_with("fuel: "));
    let json = run(&["eval", "--json", "1 + 1"], "");
    assert!(
        out(&json).starts_with(r#"{"value": 2, "fuel": "#),
        "{}",
        out(&json)
    );
    assert_eq!(run(&["eval", "1/0"], "").status.code(), Some(1));
    let beyond = run(&["eval", "[float('nan'), 'x']"], "");
    let said = String::from_utf8_lossy(&beyond.stderr).into_owned();
    assert!(
        said.contains("sandbox.result: a number in the value is NaN or infinite"),
        "{said}"
    );
    assert_eq!(
        run(&["eval", "1", "--fields", "[]"], "").status.code(),
        Some(2)
    );
    assert_eq!(run(&["eval"], "").status.code(), Some(2));
}

#[test]
fn eval_answers_before_the_next_line_comes() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_bureaucrat"))
        .args(["eval", "--stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = std::io::BufReader::new(child.stdout.take().unwrap());
    for number in 0..3 {
        writeln!(input, "{{\"expression\": \"{number} + 1\"}}").unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(&mut output, &mut line).unwrap();
        assert_eq!(line, format!("{{\"value\": {}}}\n", number + 1));
    }
    drop(input);
    assert!(child.wait().unwrap().success());
}

#[test]
fn tools_keep_to_the_configured_limits() {
    let folder = tempfile::tempdir().unwrap();
    let ini = folder.path().join("small.ini");
    std::fs::write(&ini, "[limits]\nfuel = 2000\n").unwrap();
    let config = ini.to_str().unwrap();
    let expression = "sum(range(10000))";
    assert_eq!(out(&run(&["eval", expression], "")), "49995000\n");
    let output = run(&["-c", config, "eval", "--json", expression], "");
    let answer = out(&output);
    assert!(answer.contains(r#""error": "sandbox.fuel""#), "{answer}");
}

#[test]
fn check_shows_the_place() {
    let output = run(&["check", "-"], "<process>\n  <actoin/>\n</process>");
    assert_eq!(output.status.code(), Some(1));
    let text = out(&output);
    assert!(text.starts_with("(standard input):2:3: "), "{text}");
    assert!(text.ends_with("\n2 |   <actoin/>\n  |   ^\n"), "{text}");
    let json = run(
        &["check", "--json", "-"],
        "<process>\n  <actoin/>\n</process>",
    );
    assert!(
        out(&json).starts_with(
            r#"[{"file":"(standard input)","line":2,"column":3,"severity":"error","message":"#
        ),
        "{}",
        out(&json)
    );
    let good = run(
        &["check", "-"],
        "<process><action participant=\"a\"/></process>",
    );
    assert_eq!((good.status.code(), out(&good).as_str()), (Some(0), ""));
}

#[test]
fn compile_disassembles() {
    let source = "<process name=\"p\">\n<action participant=\"a\"/>\n</process>";
    let output = run(&["compile", "--disassemble", "-"], source);
    assert!(
        out(&output).contains("action \"a\"") && out(&output).contains("line 2"),
        "{}",
        out(&output)
    );
    assert_eq!(run(&["compile", "-"], "<nothing/>").status.code(), Some(1));
}

#[test]
fn usage_names_what_is_missing_and_help_reads_well() {
    let output = Command::new(env!("CARGO_BIN_EXE_bureaucrat"))
        .arg("show")
        .env("BUREAUCRAT_AMQP", "amqp://localhost")
        .env("BUREAUCRAT_STORAGE", "/nowhere")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(
        words.contains("Usage: bureaucrat show [OPTIONS] <PROCESS>"),
        "{words}"
    );
    let commands = [
        "launch",
        "event",
        "check",
        "compile",
        "graph",
        "list",
        "show",
        "cancel",
        "retry",
        "suspend",
        "resume",
        "terminate",
        "backup",
        "restore",
        "fsck",
        "store copy",
        "store migrate",
        "store reopen",
        "eval",
        "dead list",
        "dead show",
        "dead resend",
        "dead discard",
        "module check",
        "module run",
        "policy check",
        "policy show",
        "config",
    ];
    for command in commands {
        let arguments: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        let output = run(&arguments, "");
        assert_eq!(output.status.code(), Some(0), "{command}");
        let help = out(&output);
        assert!(!help.contains("\\\""), "{help}");
        let usage = format!("Usage: bureaucrat {command} ");
        assert!(help.contains(&usage), "{help}");
    }
}

fn condition(text: &str) -> String {
    format!(
        "<process>\n<while><condition>{text}</condition><delay duration=\"1\"/></while>\n</process>"
    )
}

#[test]
fn check_warns_and_suggests() {
    let tuple = condition("context[\"n\"] &lt; 3,");
    let output = run(&["check", "-"], &tuple);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = out(&output);
    assert!(
        text.starts_with("(standard input):2:38: warning: condition: the comma makes this a tuple"),
        "{text}"
    );
    assert!(text.contains("; try `context[\"n\"] &lt; 3`\n"), "{text}");
    let denied = run(&["check", "--deny-warnings", "-"], &tuple);
    assert_eq!(denied.status.code(), Some(1), "{denied:?}");
    let json: serde_json::Value =
        serde_json::from_str(&out(&run(&["check", "--json", "-"], &tuple))).unwrap();
    assert_eq!(json[0]["severity"], "warning");
    assert_eq!(json[0]["suggestion"], "context[\"n\"] &lt; 3");
    let wrong = run(&["check", "-"], &condition("context[\"n\"] = 3"));
    assert_eq!(wrong.status.code(), Some(1));
    assert!(
        out(&wrong).contains("error: condition: `=` sets a value"),
        "{wrong:?}"
    );
}

#[test]
fn check_goes_through_all_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (good, bad, missing) = (path("good.xml"), path("bad.xml"), path("missing.xml"));
    std::fs::write(&good, "<process><delay duration=\"0\"/></process>").unwrap();
    std::fs::write(&bad, "<process><delay duration=\"5 min\"/></process>").unwrap();
    let directory = folder.path().to_str().unwrap();
    let output = run(&["check", &missing, directory, &bad, &good], "");
    assert_eq!(output.status.code(), Some(1));
    let text = out(&output);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], format!("error: {missing} does not exist"));
    assert_eq!(
        lines[1],
        format!("error: {directory} is a directory, not a file")
    );
    assert!(
        lines[2].starts_with(&format!("{bad}:1:27: error: `5 min` is not a duration")),
        "{text}"
    );
    assert!(lines[2].ends_with("did you mean `5m`?"), "{text}");
    let large = path("large.xml");
    let file = std::fs::File::create(&large).unwrap();
    file.set_len(1 << 30).unwrap();
    let output = run(&["check", &large], "");
    assert_eq!(
        out(&output),
        format!("error: {large} is larger than 16 MiB\n")
    );
    for file in [&missing, directory] {
        let compiled = run(&["compile", file], "");
        assert_eq!(compiled.status.code(), Some(1), "{compiled:?}");
    }
}

#[test]
fn eval_takes_fields_and_says_what_was_meant() {
    let value = run(&["eval", "context['zip']", "--field", "zip=12345"], "");
    assert_eq!(out(&value), "12345\n");
    let text = run(&["eval", "context['zip']", "--text", "zip=12345"], "");
    assert_eq!(out(&text), "\"12345\"\n");
    let quoted = run(&["eval", "context['zip']", "--field", "zip=\"12345\""], "");
    assert_eq!(out(&quoted), "\"12345\"\n");
    let twice = run(&["eval", "1", "--text", "a=1", "--field", "a=2"], "");
    assert_eq!(twice.status.code(), Some(2), "{twice:?}");
    let single = run(&["eval", "1", "--fields", "{'a': 1}"], "");
    let said = String::from_utf8_lossy(&single.stderr).into_owned();
    assert!(said.contains("JSON needs double quotes"), "{said}");
    let wrong = run(&["eval", "context['a'] && null"], "");
    assert_eq!(wrong.status.code(), Some(1));
    let said = String::from_utf8_lossy(&wrong.stderr).into_owned();
    let expected = "error: `&&` is written `and`\n  | context['a'] && null\n  |              ^\n  = try: context['a'] and None\n";
    assert_eq!(said, expected);
}
