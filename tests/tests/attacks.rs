//! The catalogue of attacks: each ends exactly as docs/attacks.md says.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use bureaucrat_sandbox::{Sandbox, WorkerCommand};
use bureaucrat_tests::{
    attacks::{Attack, How, catalogue, perform, table},
    engine::binary,
    polled::sandbox_with,
};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// How long one attack may take, compilation included; far more than any does, since machines are busy.
const TIME_MAX: Duration = Duration::from_secs(60);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Uploaded modules are compiled by the worker that the engine uses.
fn sandbox() -> Sandbox {
    let program = binary().unwrap().with_file_name("sandbox-compile-worker");
    assert!(program.is_file(), "{} is not built", program.display());
    let arguments = Vec::new();
    sandbox_with(WorkerCommand { program, arguments }).unwrap()
}

fn all_end_as_they_should(wanted: impl Fn(&How) -> bool) {
    let sandbox = sandbox();
    let mut wrong = Vec::new();
    for attack in catalogue().into_iter().filter(|attack| wanted(&attack.how)) {
        let Attack { name, stop, .. } = attack;
        let started = Instant::now();
        let ended = perform(&attack, &sandbox);
        println!("{name}: {:.300}", format!("{ended:?}"));
        match ended {
            Ok(seen) if seen.is(stop) => {}
            Ok(seen) => wrong.push(format!(
                "{name}: {:.500}, not {stop:?}",
                format!("{seen:?}")
            )),
            Err(error) => wrong.push(format!("{name}: {error:#}")),
        }
        let took = started.elapsed();
        if took > TIME_MAX {
            wrong.push(format!("{name} takes {took:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn guests() {
    all_end_as_they_should(|how| matches!(how, How::Guest { .. }));
}

#[test]
fn uploads() {
    all_end_as_they_should(|how| matches!(how, How::Upload(_)));
}

#[test]
fn definitions_and_expressions() {
    all_end_as_they_should(|how| {
        matches!(
            how,
            How::Definition(_) | How::Expression { .. } | How::Process(_)
        )
    });
}

#[test]
fn messages() {
    all_end_as_they_should(|how| matches!(how, How::Answer(_) | How::Event(_)));
}

#[test]
fn attacks_that_other_tests_try_are_there() {
    for attack in catalogue() {
        if let How::Elsewhere { file, holds } = attack.how {
            let text = fs::read_to_string(root().join(file)).unwrap();
            assert!(
                text.contains(holds),
                "{}: `{holds}` is not in {file}",
                attack.name
            );
        }
    }
}

#[test]
fn the_catalogue_is_what_the_documentation_has() {
    let attacks = catalogue();
    let names: BTreeSet<&str> = attacks.iter().map(|attack| attack.name).collect();
    assert_eq!(names.len(), attacks.len(), "each has a name of its own");
    assert!(attacks.len() >= 40, "{}", attacks.len());
    let page = fs::read_to_string(root().join("docs/attacks.md")).unwrap();
    let table = table();
    if !page.contains(&table) {
        // What is to be pasted into the page.
        println!("{table}");
        panic!("docs/attacks.md does not hold the table above");
    }
}
