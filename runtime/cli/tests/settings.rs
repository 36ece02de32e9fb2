//! Settings: flags go over environment, environment over the INI file, the INI file over defaults.
#![allow(clippy::unwrap_used)]

use std::{
    path::Path,
    process::{Command, Output},
};

/// The binary with nothing of this machine's settings in its environment.
fn bureaucrat(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bureaucrat"));
    command.env_clear().env("HOME", home).current_dir(home);
    command
}

fn config(command: &mut Command) -> String {
    let output = command.args(["config", "--json"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn shows(config: &str, key: &str, value: &str) {
    let expected = format!("\"{key}\":{value}");
    assert!(config.contains(&expected), "{expected} is not in {config}");
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

    let defaults = config(&mut bureaucrat(home.path()));
    shows(&defaults, "amqp", "\"amqp://guest@localhost/%2F\"");
    shows(&defaults, "message_queue", "\"bureaucrat_msgs\"");
    shows(&defaults, "config", "null");
    assert!(!defaults.contains("\"/tmp/processes\""));

    let mut command = bureaucrat(home.path());
    with_file(&mut command);
    let file = config(&mut command);
    shows(&file, "amqp", "\"amqp://ada@mq/work\"");
    shows(&file, "storage", "\"/srv/ini\"");
    shows(&file, "pid_file", "\"/srv/ini/bureaucrat.pid\"");
    shows(&file, "taskqueue_type", "\"celery\"");
    shows(&file, "message_queue", "\"answers\"");
    assert!(!file.contains("cret"));

    let mut command = bureaucrat(home.path());
    with_file(&mut command);
    command.envs([
        ("BUREAUCRAT_STORAGE", "/srv/env"),
        ("BUREAUCRAT_AMQP", "amqp://other/v"),
    ]);
    let environment = config(&mut command);
    shows(&environment, "storage", "\"/srv/env\"");
    shows(&environment, "amqp", "\"amqp://ada@other/v\"");
    shows(&environment, "message_queue", "\"answers\"");

    let mut command = bureaucrat(home.path());
    with_file(&mut command);
    command.env("BUREAUCRAT_STORAGE", "/srv/env").args([
        "--storage",
        "flag",
        "--message-queue",
        "mine",
    ]);
    let flags = config(&mut command);
    let absolute = home.path().join("flag");
    shows(&flags, "storage", &format!("{absolute:?}"));
    shows(&flags, "message_queue", "\"mine\"");
}

#[test]
fn the_users_own_file_is_found_and_what_it_does_not_know_is_remarked() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".config/bureaucrat");
    std::fs::create_dir_all(&folder).unwrap();
    let text = "[bureaucrat]\ndialect = message\ntypo = x\n[logger_root]\nlevel = DEBUG\n\
                [formatter_f]\nformat = %(asctime)s %(message)s\n";
    std::fs::write(folder.join("config.ini"), text).unwrap();
    let output = bureaucrat(home.path()).arg("config").output().unwrap();
    let (shown, remarks) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    );
    assert!(
        shown.contains("message\n") && shown.contains("debug\n"),
        "{shown}"
    );
    assert!(remarks.contains("`typo`"), "{remarks}");
    assert_eq!(remarks.lines().count(), 2, "{remarks}");
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
        words.contains("taskqueue_type = rabbits") && words.contains("some.ini"),
        "{words}"
    );
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
        for word in [
            "/var/lib/bureaucrat",
            "/run/bureaucrat.pid",
            "Exit codes",
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
