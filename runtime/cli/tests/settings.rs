//! Settings: flags override environment variables, which override the INI file, which overrides
//! defaults.
#![allow(clippy::unwrap_used)]

#[path = "settings/address.rs"]
mod address;
#[path = "settings/told.rs"]
mod told;

use serde_json::{Value, json};
use std::{
    path::Path,
    process::{Command, Output},
};

/// The binary without this machine's settings in its environment.
fn bureaucrat(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bureaucrat"));
    command.env_clear().env("HOME", home).current_dir(home);
    command
}

fn config(command: &mut Command) -> Value {
    let output = command.args(["config", "--json"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What `config` says of a setting, and where it came from.
fn shows(config: &Value, name: &str, value: Value, place: &str) {
    assert_eq!(config[name]["value"], value, "{name}");
    assert_eq!(config[name]["place"], place, "{name}");
}

fn failure(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn each_place_goes_over_the_next() {
    let home = tempfile::tempdir().unwrap();
    let ini = home.path().join("some.ini");
    let text = "[amqp]\nhost = mq\nuser = ada\npasswd = se%%cret\nvhost = work\n\
                [bureaucrat]\nstorage_dir = /srv/ini\ntaskqueue_type = celery\nmessage_queue = answers\n";
    std::fs::write(&ini, text).unwrap();
    let with_file = |command: &mut Command| {
        command.arg("-c").arg(&ini);
    };

    let line = |number: usize| format!("{}:{number}", ini.display());

    let defaults = config(&mut bureaucrat(home.path()));
    assert_eq!(defaults["amqp"]["value"], "amqp://guest@localhost:5672/%2F");
    shows(
        &defaults,
        "message_queue",
        json!("bureaucrat_msgs"),
        "default",
    );
    shows(&defaults, "config", Value::Null, "default");
    shows(&defaults, "retention", json!(86_400), "default");

    let mut command = bureaucrat(home.path());
    with_file(&mut command);
    let file = config(&mut command);
    assert_eq!(file["amqp"]["value"], "amqp://ada@mq:5672/work");
    assert_eq!(file["amqp_password"]["value"], "set");
    shows(&file, "config", json!(ini.to_str().unwrap()), "--config");
    shows(&file, "storage", json!("/srv/ini"), &line(7));
    assert_eq!(file["pid_file"]["value"], "/srv/ini/bureaucrat.pid");
    shows(&file, "taskqueue_type", json!("celery"), &line(8));
    shows(&file, "message_queue", json!("answers"), &line(9));
    assert!(!file.to_string().contains("cret"));

    let mut command = bureaucrat(home.path());
    with_file(&mut command);
    command.envs([
        ("BUREAUCRAT_STORAGE", "/srv/env"),
        ("BUREAUCRAT_AMQP", "amqp://other/v"),
        ("BUREAUCRAT_MESSAGE_QUEUE", ""),
    ]);
    let environment = config(&mut command);
    shows(
        &environment,
        "storage",
        json!("/srv/env"),
        "BUREAUCRAT_STORAGE",
    );
    shows(
        &environment,
        "amqp",
        json!("amqp://ada@other:5672/v"),
        "BUREAUCRAT_AMQP",
    );
    shows(&environment, "message_queue", json!("answers"), &line(9));

    let mut command = bureaucrat(home.path());
    with_file(&mut command);
    command.env("BUREAUCRAT_STORAGE", "/srv/env").args([
        "--storage",
        "flag",
        "--message-queue",
        "mine",
        "--event-queue=",
    ]);
    let flags = config(&mut command);
    let absolute = home.path().join("flag");
    shows(
        &flags,
        "storage",
        json!(absolute.to_str().unwrap()),
        "--storage",
    );
    shows(&flags, "message_queue", json!("mine"), "--message-queue");
    shows(&flags, "event_queue", json!("bureaucrat_events"), "default");
}

#[test]
fn empty_is_unset_in_every_place() {
    let home = tempfile::tempdir().unwrap();
    let names: Vec<String> = bureaucrat_cli::configuration::variables().collect();
    assert!(names.len() > 15, "{names:?}");
    let plain = config(&mut bureaucrat(home.path()));
    let mut command = bureaucrat(home.path());
    command.envs(names.iter().map(|name| (name, "")));
    assert_eq!(config(&mut command), plain);
    // A command that has no use for the setting doesn't stumble over it either.
    std::fs::write(home.path().join("x.xml"), "<process/>").unwrap();
    let mut command = bureaucrat(home.path());
    command.envs(names.iter().map(|name| (name, "")));
    let checked = command.args(["check", "x.xml"]).output().unwrap();
    assert!(checked.status.success(), "{checked:?}");
    let mut command = bureaucrat(home.path());
    let flags = [
        "--prefetch=",
        "--retention",
        "",
        "--queue-type=",
        "--log-format=",
    ];
    assert_eq!(config(command.args(flags)), plain);
}

#[test]
fn a_tilde_is_the_home_in_every_path() {
    let home = tempfile::tempdir().unwrap();
    let ini = home.path().join("some.ini");
    std::fs::write(
        &ini,
        "[bureaucrat]\nstorage_dir = ~/state\npolicy = ~/policy.toml\n",
    )
    .unwrap();
    let at_home = |name: &str| json!(home.path().join(name).to_str().unwrap());
    let mut command = bureaucrat(home.path());
    command.env("BUREAUCRAT_PID_FILE", "~/pid");
    let shown = config(command.arg("--config=~/some.ini"));
    assert_eq!(shown["storage"]["value"], at_home("state"));
    assert_eq!(shown["policy"]["value"], at_home("policy.toml"));
    assert_eq!(shown["pid_file"]["value"], at_home("pid"));
    let mut command = bureaucrat(home.path());
    let words = refused(command.args(["--storage=~ada/x", "config"]));
    assert!(words.contains("--storage: write `~/"), "{words}");
}

#[test]
fn the_users_own_file_is_found_and_what_it_does_not_know_is_remarked() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".config/bureaucrat");
    std::fs::create_dir_all(&folder).unwrap();
    let text = "[bureaucrat]\ndialect = message\nruntime_guests = allowed\nretentoin = 1d\n\
                [logger_root]\nlevel = DEBUG\n[formatter_f]\nformat = %(asctime)s %(message)s\n";
    std::fs::write(folder.join("config.ini"), text).unwrap();
    let output = bureaucrat(home.path())
        .arg("config")
        .env("BUREAUCRAT_AMQP_URL", "amqp://mq")
        .env("BUREAUCRAT_CACHE", "/elsewhere")
        .output()
        .unwrap();
    let (shown, remarks) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    );
    let has = |name: &str, value: &str, place: &str| {
        let mut lines = shown.lines().map(|line| line.split_whitespace());
        let mut line = lines
            .find(|line| line.clone().next() == Some(name))
            .unwrap();
        assert!(line.nth(1).unwrap().ends_with(place), "{shown}");
        assert_eq!(line.next(), Some(value), "{shown}");
    };
    has("dialect", "message", "config.ini:2");
    has("runtime_guests", "allowed", "config.ini:3");
    has("log", "debug", "config.ini:6");
    has("limits.fuel", "20000000", "default");
    let lines: Vec<&str> = remarks.lines().collect();
    assert_eq!(lines.len(), 3, "{remarks}");
    assert!(
        lines[0].ends_with(
            "config.ini:4: the key `retentoin` in [bureaucrat] has no effect; did you mean \
             `retention`?"
        ),
        "{remarks}"
    );
    assert!(lines[1].contains("Python's logging"), "{remarks}");
    assert!(
        lines[2].ends_with("BUREAUCRAT_AMQP_URL has no effect; did you mean BUREAUCRAT_AMQP?"),
        "{remarks}"
    );
}

#[test]
fn the_page_of_settings_is_made_from_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/settings.md");
    let page = bureaucrat_cli::configuration::markdown();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        stored == page,
        "docs/settings.md is not what the table says; run this test with UPDATE_GOLDEN=1"
    );
}

/// What a command says that leaves with exit code 2.
fn refused(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn wrong_values_are_named() {
    let home = tempfile::tempdir().unwrap();
    let ini = home.path().join("some.ini");
    std::fs::write(&ini, "[bureaucrat]\ntaskqueue_type = rabbits\n").unwrap();
    let output = bureaucrat(home.path())
        .arg("-c")
        .arg(&ini)
        .arg("config")
        .output()
        .unwrap();
    let words = failure(&output);
    assert!(
        words.contains("some.ini:2: taskqueue_type: it must be one of taskqueue, celery"),
        "{words}"
    );
    for (arguments, expected) in [
        (
            ["--prefetch", "many"],
            "error: --prefetch: it must be a whole number from 1 to 65535",
        ),
        (
            ["--prefetch", "0"],
            "error: --prefetch: it must be a whole number from 1 to 65535",
        ),
        (
            ["--retention", "soon"],
            "error: --retention: it must be a whole number, alone or with s, m, h or d",
        ),
        (
            ["--queue-type", "stream"],
            "error: --queue-type: it must be one of classic, quorum",
        ),
    ] {
        let words = refused(bureaucrat(home.path()).args(arguments).arg("config"));
        assert!(words.starts_with(expected), "{words}");
        let variable = arguments[0].trim_start_matches('-').replace('-', "_");
        let variable = format!("BUREAUCRAT_{}", variable.to_uppercase());
        let output = bureaucrat(home.path())
            .env(&variable, arguments[1])
            .arg("config")
            .output()
            .unwrap();
        let words = failure(&output);
        assert!(
            words.starts_with(&format!("error: {variable}: it must")),
            "{words}"
        );
    }
    let output = bureaucrat(home.path())
        .args(["-c", "missing.ini", "config"])
        .output()
        .unwrap();
    assert!(failure(&output).contains("missing.ini"));
    let output = bureaucrat(home.path())
        .args(["--amqp-password-file", "missing", "config"])
        .output()
        .unwrap();
    assert!(failure(&output).contains("missing"));
}

#[test]
fn the_help_names_places_and_exit_codes() {
    let home = tempfile::tempdir().unwrap();
    for flag in ["-h", "--help"] {
        let output = bureaucrat(home.path()).arg(flag).output().unwrap();
        let help = String::from_utf8(output.stdout).unwrap();
        // However wide the terminal is.
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        for word in [
            "/var/lib/bureaucrat",
            "/run/bureaucrat.pid",
            "Exit codes",
            " Broker: ",
            " Queues and tasks: ",
            "[default: 500] [env: BUREAUCRAT_PREFETCH]",
            "--foreground",
            "--pid-file",
            "--config",
        ] {
            assert!(help.contains(word), "{word} is not in the help");
        }
    }
    assert_eq!(
        bureaucrat(home.path())
            .arg("--nonsense")
            .output()
            .unwrap()
            .status
            .code(),
        Some(2)
    );
}
