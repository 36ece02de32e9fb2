//! Finds the part and the activity that an operator names.

use crate::machine::Machine;
use bureaucrat_model::{
    ActivityPath, FiberId, FiberState, PartOf, Refusal, STANDINGS_MAX, Standing, WaitKind,
};

/// The part that is meant: it waits.
pub(super) fn find(machine: &Machine<'_>, part: &PartOf) -> Result<FiberId, Refusal> {
    match part {
        PartOf::Fiber(fiber) => {
            let found = machine.instance.fibers.get(*fiber);
            match found.is_some_and(|found| matches!(found.state, FiberState::Waiting(_))) {
                true => Ok(*fiber),
                false => Err(Refusal::NoSuchPart {
                    number: fiber.0,
                    standing: standing(machine, |_, wait| is_own_wait(wait)),
                }),
            }
        }
        PartOf::Only => {
            let found = standing(machine, |_, wait| is_own_wait(wait));
            match &*found {
                [] => Err(Refusal::NothingWaits),
                [only] => Ok(only.fiber),
                [_, ..] => Err(Refusal::Several { standing: found }),
            }
        }
        PartOf::Activity(name) => {
            let path = activity(machine, name)?;
            let found = standing(machine, |activity, _| *activity == path);
            match &*found {
                [] => Err(Refusal::NotThere {
                    name: name.clone(),
                    standing: standing(machine, |_, wait| is_own_wait(wait)),
                }),
                [only] => Ok(only.fiber),
                [_, ..] => Err(Refusal::Several { standing: found }),
            }
        }
    }
}

/// The activity with this `id` or path; the path may be written with the id of the process before it.
pub(super) fn activity(machine: &Machine<'_>, name: &str) -> Result<ActivityPath, Refusal> {
    let program = machine.program;
    let short = name.strip_prefix(&machine.instance.process.to_string());
    let short = short.unwrap_or(name);
    let labelled = program.sites.iter().find(|site| {
        let label = site.label.as_ref();
        label.and_then(|label| label.id.as_deref()) == Some(name)
    });
    if let Some(site) = labelled {
        return Ok(site.path.clone());
    }
    let written = program.sites.iter().find_map(|site| {
        let ends = 1..=site.path.0.len();
        let paths = ends.filter_map(|end| site.path.0.get(..end));
        let mut paths = paths.map(|segments| ActivityPath(segments.to_vec()));
        paths.find(|path| path.to_string() == short)
    });
    written.ok_or_else(|| Refusal::NoSuchActivity {
        name: name.to_owned(),
    })
}

/// Whether it is for this wait that the process waits, and not for what is below or beside it.
const fn is_own_wait(wait: &WaitKind) -> bool {
    match wait {
        WaitKind::Answer { .. }
        | WaitKind::Timer { .. }
        | WaitKind::Event { .. }
        | WaitKind::Child { .. }
        | WaitKind::Condition { .. }
        | WaitKind::Fault { .. }
        | WaitKind::Operator { .. }
        | WaitKind::Admission => true,
        WaitKind::Branches { .. }
        | WaitKind::Stopping { .. }
        | WaitKind::Compensation { .. }
        | WaitKind::Listening { .. } => false,
    }
}

/// The parts that wait so, a few of them.
fn standing(
    machine: &Machine<'_>,
    is_meant: impl Fn(&ActivityPath, &WaitKind) -> bool,
) -> Vec<Standing> {
    let fibers = machine.instance.fibers.iter();
    let found = fibers.filter_map(|(id, fiber)| {
        let FiberState::Waiting(wait) = &fiber.state else {
            return None;
        };
        let (_, site) = machine.program.op(fiber.at)?;
        is_meant(&site.path, &wait.kind).then(|| Standing {
            fiber: id,
            activity: site.path.clone(),
            id: site.label.as_ref().and_then(|label| label.id.clone()),
        })
    });
    found.take(STANDINGS_MAX + 1).collect()
}
