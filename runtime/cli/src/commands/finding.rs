//! Finding the process that somebody means by the beginning of its id.

use crate::{
    control::Control,
    failure::{Failure, Kind},
    screen,
};
use anyhow::bail;
use bureaucrat_host::query::{ProcessSummary, Query, QueryAnswer};
use bureaucrat_model::{IdPrefix, ProcessId};
use bureaucrat_views::processes::word;

/// The process that is meant. A whole id is taken as it is, whether there is such a process or not.
pub fn process(control: &mut Control, prefix: &IdPrefix) -> anyhow::Result<ProcessId> {
    if let Some(process) = prefix.whole() {
        return Ok(process);
    }
    Ok(one(control, prefix)?.process)
}

/// The one process whose id begins so, with what a list says of it.
pub fn one(control: &mut Control, prefix: &IdPrefix) -> anyhow::Result<ProcessSummary> {
    let query = Query::Find {
        prefix: prefix.clone(),
    };
    let QueryAnswer::Found { mut processes } = control.ask(&query)? else {
        bail!("unexpected answer from the engine");
    };
    match processes.len() {
        0 => Err(unknown(prefix)),
        1 => Ok(processes.remove(0)),
        _ => Err(ambiguous(prefix, &processes)),
    }
}

pub fn unknown(prefix: &IdPrefix) -> anyhow::Error {
    let what = match prefix.whole() {
        Some(process) => format!("there is no process {process}"),
        None => format!("there is no process whose id begins with {prefix}"),
    };
    let what = format!(
        "{what}; processes that ended are removed after --retention; `bureaucrat list` shows the \
         others"
    );
    Failure::new(Kind::Unknown, what).into()
}

fn ambiguous(prefix: &IdPrefix, candidates: &[ProcessSummary]) -> anyhow::Error {
    let mut text =
        format!("several processes have ids that begin with {prefix}; give more digits:");
    for candidate in candidates {
        let state = word(candidate.state);
        let name = screen::clean(&candidate.name);
        text += &format!("\n  {}  {state}  {name}", candidate.process);
    }
    Failure::new(Kind::Ambiguous, text).into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::control;
    use bureaucrat_host::query::State;
    use bureaucrat_model::{Operator, Timestamp};

    fn summary(id: &str) -> ProcessSummary {
        ProcessSummary {
            process: id.parse().unwrap(),
            name: "order".into(),
            state: State::Running,
            launched_at: Timestamp(0),
            ended_at: None,
            fault: None,
            incident: None,
            waits: Vec::new(),
            version: None,
            key: None,
            deadline: None,
        }
    }

    #[test]
    fn an_ambiguous_beginning_names_all_that_it_may_mean() {
        let ids = [
            "0c4b8a0e-1111-8222-9333-444455556666",
            "0c4b99ff-1111-8222-9333-444455556666",
        ];
        let folder = tempfile::tempdir().unwrap();
        let answer = move |query: &Query, _: &Operator| {
            let Query::Find { prefix } = query else {
                panic!("{query:?}");
            };
            let begins = |id: &&str| id.starts_with(&prefix.to_string());
            let processes = ids.into_iter().filter(begins).map(summary).collect();
            QueryAnswer::Found { processes }
        };
        let _socket = control::serve(folder.path(), answer).unwrap();
        let mut control = Control::connect(folder.path()).unwrap();
        let mut find = |text: &str| process(&mut control, &text.parse().unwrap());
        assert_eq!(find("0c4b8").unwrap().to_string(), ids[0]);
        let words = find("0c4b").unwrap_err().to_string();
        assert!(words.contains("give more digits"), "{words}");
        assert!(ids.iter().all(|id| words.contains(id)), "{words}");
        let words = find("abcd").unwrap_err().to_string();
        assert!(
            words.contains("no process whose id begins with abcd"),
            "{words}"
        );
        // A whole id is taken as it is.
        let whole = "ffffffff-1111-8222-9333-444455556666";
        assert_eq!(find(whole).unwrap().to_string(), whole);
    }
}
