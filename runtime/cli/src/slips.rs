//! Commands that people type because other programs have them, and what to type instead.

use clap::error::{ContextKind, ContextValue};

/// What to say about a command that does not exist, where that is known better than by its letters.
pub fn command(error: &clap::Error, arguments: &[String]) -> Option<String> {
    let ContextValue::String(name) = error.get(ContextKind::InvalidSubcommand)? else {
        return None;
    };
    // A command within another one is another word.
    let mut words = arguments
        .iter()
        .filter(|argument| !argument.starts_with('-'));
    let first = words.next()?;
    if first != name {
        let removes = ["remove", "rm", "delete", "undeploy"].contains(&name.as_str());
        return (first == "definitions" && removes).then(|| {
            format!(
                "there is no command `definitions {name}`; `bureaucrat definitions retire NAME` \
                 stops new launches; the text is kept for running processes"
            )
        });
    }
    if name.ends_with(".xml") {
        return Some(format!(
            "there is no command `{name}`; `bureaucrat launch {name}` launches this definition, \
             `bureaucrat check {name}` checks it"
        ));
    }
    let hint = instead(&name.to_ascii_lowercase())?;
    Some(format!("there is no command `{name}`; {hint}"))
}

fn instead(name: &str) -> Option<&'static str> {
    Some(match name {
        "start" | "serve" | "server" | "daemon" | "up" | "engine" | "run-engine" => {
            "`bureaucrat` alone starts the engine, `bureaucrat -f` runs it in the foreground"
        }
        "stop" | "shutdown" | "quit" | "down" | "kill" | "restart" => {
            "the engine ends on SIGTERM: `kill $(cat PIDFILE)`, where `bureaucrat config` shows \
             pid_file; to end a process, use `bureaucrat cancel`"
        }
        "status" | "ps" | "ls" | "info" | "health" | "ping" | "processes" => {
            "`bureaucrat list` lists the processes, or says that no engine is running"
        }
        "logs" | "log" | "tail" => {
            "a daemon logs to STORAGE/bureaucrat.log, where `bureaucrat config` shows storage; with \
             -f the log is on standard error"
        }
        "demo" | "example" | "quickstart" | "init" => {
            "`scripts/demo` in the source tree runs a demo, with its own broker"
        }
        "run" | "exec" | "submit" | "new" | "create" | "execute" => {
            "`bureaucrat launch FILE` launches a process"
        }
        "send" | "publish" | "emit" | "signal" | "notify" => {
            "`bureaucrat event NAME` publishes an event"
        }
        "validate" | "lint" | "verify" | "test" => "`bureaucrat check FILE` checks a definition",
        "abort" | "terminate" | "delete" | "rm" | "remove" | "end" => {
            "`bureaucrat cancel PROCESS` ends a process"
        }
        "describe" | "get" | "inspect" | "history" => {
            "`bureaucrat show PROCESS` shows a process, with --history what happened to it"
        }
        "undeploy" | "retire" => "`bureaucrat definitions retire NAME` does that",
        "settings" | "env" | "configuration" => {
            "`bureaucrat config` prints the settings that are in force"
        }
        "resume" | "unpark" => "`bureaucrat retry PROCESS` retries a parked process",
        "dlq" | "letters" | "deadletters" | "dead-letters" => {
            "`bureaucrat dead list` lists the dead letters"
        }
        "version" => "`bureaucrat --version` prints the version",
        _ => return None,
    })
}
