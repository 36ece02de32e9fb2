//! Every conformance case, in every dialect that it is for, on the pure engine.
#![allow(clippy::unwrap_used)]

use bureaucrat_tests::conformance::{load, run_pure};
use std::path::Path;

#[test]
fn cases_run_as_they_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance");
    let cases = load(&folder).unwrap();
    assert!(cases.len() >= 80, "{} cases", cases.len());
    let (mut wrong, mut runs) = (0, 0);
    for case in &cases {
        for dialect in &case.dialects {
            runs += 1;
            let Ok(trace) = std::panic::catch_unwind(|| run_pure(case, *dialect).unwrap()) else {
                wrong += 1;
                println!("{} in the dialect {dialect}: panicked", case.name);
                continue;
            };
            if !trace.is_right() {
                wrong += 1;
                println!("{} in the dialect {dialect}:\n{trace}", case.name);
            }
        }
    }
    println!("{} cases, {runs} runs", cases.len());
    assert_eq!(wrong, 0, "of {runs} runs");
}
