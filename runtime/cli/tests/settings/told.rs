//! What is said of settings and mistakes: by lines of the INI file, by `config`, by failures, in
//! words and as JSON.

use super::{bureaucrat, config};
use clap::CommandFactory;
use serde_json::Value;
use std::path::Path;

#[test]
fn lines_without_effect_and_contradictions_are_told_with_their_place() {
    let home = tempfile::tempdir().unwrap();
    let ini = home.path().join("some.ini");
    let text = "host = nowhere\n[amqp]\nhost = a\nhost = b\n[bureaucrat]\nprefetch = 5\n\
                [amqp]\nport = 1\nhost = c\n";
    std::fs::write(&ini, text).unwrap();
    let mut command = bureaucrat(home.path());
    command.env("bureaucrat_prefetch", "7");
    let output = command.args(["-c", "some.ini", "config", "--json"]);
    let output = output.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let path = ini.display();
    let expected = [
        format!(
            "warning: {path}:1: the key `host` comes before any section and has no effect; put it \
             below [amqp]"
        ),
        format!("warning: {path}:4: the key `host` in [amqp] is already in line 3; this line wins"),
        format!("warning: {path}:9: the key `host` in [amqp] is already in line 4; this line wins"),
        "warning: the variable bureaucrat_prefetch has no effect; did you mean BUREAUCRAT_PREFETCH?"
            .to_owned(),
    ];
    assert_eq!(said.lines().collect::<Vec<_>>(), expected);
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(shown["amqp"]["value"], "amqp://guest@c:1/%2F");
}

/// The rows of `config`: name and value.
fn rows(shown: &str) -> Vec<(String, String)> {
    let heading = shown.lines().next().unwrap();
    let value = heading.find("VALUE").unwrap();
    let row = |line: &str| {
        let name = line.split_whitespace().next().unwrap().to_owned();
        let value = line.chars().skip(value).collect();
        (name, value)
    };
    shown.lines().skip(1).map(row).collect()
}

#[test]
fn what_config_prints_can_be_set() {
    let home = tempfile::tempdir().unwrap();
    let text = "[amqp]\nhost = mq1.example.org, mq2.example.org:1, mq3.example.org, mq4:7\n\
                user = ada\nvhost = a b\nheartbeat = 1m\nconnect_timeout = 90\ntls = True\n\
                [bureaucrat]\nretention = 36h\nlaunch_queue = my queue\nstorage_dir = /srv/a b\n\
                log = info,bureaucrat_host=debug\nprefetch = 7\ntaskqueue_type = celery\n\
                [limits]\nfuel = 2000\n[participants]\nshop.* = celery-workitem queue=shop\n";
    for text in ["", text] {
        std::fs::write(home.path().join("first.ini"), text).unwrap();
        let mut first = bureaucrat(home.path());
        let output = first.args(["-c", "first.ini", "config"]).output().unwrap();
        let rows = rows(&String::from_utf8(output.stdout).unwrap());
        assert!(rows.len() > 40, "{rows:?}");
        let mut file = String::from("[amqp]\n");
        let mut second = bureaucrat(home.path());
        let known: Vec<String> = bureaucrat_cli::configuration::variables().collect();
        for (name, value) in rows.iter().filter(|(_, value)| value != "-") {
            let variable = format!("BUREAUCRAT_{}", name.to_uppercase());
            if name == "config" {
                second.env(variable, "second.ini");
            } else if known.contains(&variable) {
                second.env(variable, value);
            } else if let Some((section, key)) = name.split_once('.') {
                file += &format!("[{section}]\n{key} = {value}\n");
            } else {
                file += &format!("{} = {value}\n", name.trim_start_matches("amqp_"));
            }
        }
        std::fs::write(home.path().join("second.ini"), &file).unwrap();
        let mut first = bureaucrat(home.path());
        let first = config(first.args(["-c", "first.ini"]));
        let second = config(&mut second);
        for (name, _) in rows.iter().filter(|(name, _)| name != "config") {
            assert_eq!(
                first[name]["value"], second[name]["value"],
                "{name}\n{file}"
            );
        }
    }
}

#[test]
fn all_that_is_wrong_with_a_file_is_told_at_once() {
    let home = tempfile::tempdir().unwrap();
    let ini = home.path().join("all.ini");
    let text = "[bureaucrat]\nprefetch = many\n[limits]\nfuel = none\nfeul = 1\n";
    std::fs::write(&ini, text).unwrap();
    let mut command = bureaucrat(home.path());
    let output = command.args(["-c", "all.ini", "config"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let path = ini.display();
    let said = String::from_utf8(output.stderr).unwrap();
    for words in [
        format!("error: {path}:2: prefetch: it must be a whole number"),
        format!("; {path}:4: fuel: "),
        format!("; {path}:5: the key `feul` in [limits] has no effect; did you mean `fuel`?"),
    ] {
        assert!(said.contains(&words), "{words} is not in\n{said}");
    }
    let text = "[participants]\na = nothing\n[burocrat]\n";
    std::fs::write(&ini, text).unwrap();
    let mut command = bureaucrat(home.path());
    let output = command.args(["-c", "all.ini", "config"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    for words in ["`a = nothing` in [participants]", "the section [burocrat]"] {
        assert!(said.contains(words), "{words} is not in\n{said}");
    }
}

#[test]
fn a_failure_is_told_in_one_form() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("x.xml"), "<process/>").unwrap();
    let typed = r#"<process><context><property name="j" type="json">1</property></context>
        <delay duration="0"/></process>"#;
    std::fs::write(home.path().join("typed.xml"), typed).unwrap();
    std::fs::write(
        home.path().join("bad.ini"),
        "[bureaucrat]\nprefetch = many\nretention = soon\n",
    )
    .unwrap();
    std::fs::write(home.path().join("open.ini"), "[bureaucrat\n").unwrap();
    let nowhere = "amqp://127.0.0.1:1";
    for (arguments, code, failure, words) in [
        (
            &["list", "--nosuch"][..],
            2,
            "usage",
            "unexpected argument '--nosuch'",
        ),
        (
            &["start"],
            2,
            "usage",
            "`bureaucrat` alone starts the engine",
        ),
        (&["stop", "now"], 2, "usage", "the engine ends on SIGTERM"),
        (
            &["status"],
            2,
            "usage",
            "`bureaucrat list` lists the processes",
        ),
        (&["x.xml"], 2, "usage", "`bureaucrat launch x.xml`"),
        (
            &["list", "--limit", "-1"],
            2,
            "usage",
            "it must be a whole number; 0 means all",
        ),
        (
            &["--retention", "-1", "list"],
            2,
            "usage",
            "--retention: it must be a whole number, alone or with s, m, h or d",
        ),
        (
            &["event", "paid", "--field", "event=x"],
            2,
            "usage",
            "would replace the name of the event",
        ),
        (
            &["module", "check", "x.xml"],
            1,
            "other",
            "x.xml is XML, not a module; for a definition, use `bureaucrat check x.xml`",
        ),
        (
            &["restore", "x.xml"],
            1,
            "other",
            "x.xml is not a complete backup",
        ),
        (
            &["event", "", "--amqp", nowhere],
            1,
            "broker",
            "nothing listens there",
        ),
        (
            &["show"],
            2,
            "usage",
            "required arguments were not provided",
        ),
        (
            &["show", "abc"],
            2,
            "usage",
            "at least the first 4 hex digits",
        ),
        (&["dead", "show", "x"], 2, "usage", "the last digits of it"),
        (
            &["eval", "1", "--fields", "[]"],
            2,
            "usage",
            "--fields is not a JSON object",
        ),
        (
            &["eval", "1", "--field", "x"],
            2,
            "usage",
            "--field x: expected NAME=VALUE",
        ),
        (
            &["event", "e", "--text", "x"],
            2,
            "usage",
            "--text x: expected NAME=VALUE",
        ),
        (
            &["launch", "typed.xml", "--field", "j={a:1}"],
            2,
            "usage",
            "as `json`; not JSON: key must",
        ),
        (
            &["--prefetch=many", "config"],
            2,
            "usage",
            "--prefetch: it must be a whole number",
        ),
        (
            &["-c", "bad.ini", "config"],
            1,
            "setting",
            "bad.ini:2: prefetch: it must be a whole number from 1 to 65535; ",
        ),
        (
            &["-c", "bad.ini", "config"],
            1,
            "setting",
            "bad.ini:3: retention: it must be a whole number, alone or with s",
        ),
        (
            &["-c", "open.ini", "config"],
            1,
            "other",
            "open.ini:1: the section name has no closing `]`",
        ),
        (
            &["show", "abcd"],
            1,
            "no_engine",
            "no engine is running on the storage",
        ),
        (
            &["cancel", "0000"],
            1,
            "no_engine",
            "no engine is running on the storage",
        ),
        (
            &["dead", "list"],
            1,
            "no_engine",
            "no engine is running on the storage",
        ),
        (
            &["fsck", "nowhere"],
            2,
            "unreadable",
            "there is no storage in nowhere",
        ),
        (
            &["launch", "missing.xml"],
            1,
            "other",
            "missing.xml does not exist",
        ),
        (
            &["launch", "x.xml", "--amqp", nowhere],
            1,
            "broker",
            "nothing listens there",
        ),
        (
            &["event", "e", "--amqp", nowhere],
            1,
            "broker",
            "nothing listens there",
        ),
        (
            &["module", "check", "missing.wasm"],
            1,
            "other",
            "missing.wasm does not exist",
        ),
        (
            &["policy", "check", "missing.toml"],
            1,
            "other",
            "missing.toml does not exist",
        ),
        (&["restore", "missing"], 1, "other", "missing"),
    ] {
        let output = bureaucrat(home.path()).args(arguments).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(
            said.starts_with("error: ") && said.contains(words),
            "{arguments:?}: {said}"
        );
        let mut command = bureaucrat(home.path());
        let output = command.args(arguments).arg("--json").output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert_eq!(output.stdout, b"", "{arguments:?}");
        let told: Value = serde_json::from_str(said.trim_end())
            .unwrap_or_else(|error| panic!("{arguments:?}: {error}: {said}"));
        assert_eq!(told["failure"], failure, "{arguments:?}: {said}");
        assert_eq!(told["exit_code"], code, "{arguments:?}: {said}");
        let message = told["message"].as_str().unwrap();
        assert!(message.contains(words), "{arguments:?}: {said}");
    }
    // A definition that is refused is a result.
    let mut command = bureaucrat(home.path());
    std::fs::write(home.path().join("x.xml"), "<process><actoin/></process>").unwrap();
    let output = command
        .args(["compile", "x.xml", "--json"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let problems: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(problems["problems"][0]["line"], 1);
}

/// Paragraphs are broken where the terminal ends, and nowhere else; examples fit.
#[test]
fn help_has_no_lines_that_are_broken_twice() {
    fn visit(command: &clap::Command, checked: &mut usize) {
        let help = command.get_after_help().map(ToString::to_string);
        let help = help.unwrap_or_default();
        let lines: Vec<&str> = help.lines().collect();
        for pair in lines.windows(2) {
            let is_text = |line: &str| !line.is_empty() && !line.starts_with(' ');
            let broken = is_text(pair[0]) && is_text(pair[1]) && !pair[0].ends_with(':');
            assert!(!broken, "{}: {pair:?}", command.get_name());
        }
        for line in lines.iter().filter(|line| line.starts_with(' ')) {
            assert!(line.chars().count() <= 80, "{line}");
            *checked += usize::from(line.starts_with("  bureaucrat"));
        }
        for inner in command.get_subcommands() {
            visit(inner, checked);
        }
    }
    let mut examples = 0;
    visit(
        &bureaucrat_cli::arguments::Arguments::command(),
        &mut examples,
    );
    assert!(examples > 30, "{examples}");
}

/// `~` in a name is not taken for a path, and the table of a file's sections is that of the program.
#[test]
fn a_file_that_is_right_says_nothing() {
    let home = tempfile::tempdir().unwrap();
    let ini = "; 2015\n[DEFAULT]\nbase = /srv\n[amqp]\nhost = mq\n\n[bureaucrat]\n\
               storage_dir = %(base)s/x\nlauncher_exchange = e\n";
    std::fs::write(home.path().join("some.ini"), ini).unwrap();
    let mut command = bureaucrat(home.path());
    let output = command.args(["-c", "some.ini", "config"]).output().unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
    let shown = String::from_utf8(output.stdout).unwrap();
    let rows = rows(&shown);
    let storage = rows.iter().find(|(name, _)| name == "storage").unwrap();
    assert_eq!(Path::new(&storage.1), Path::new("/srv/x"));
}
