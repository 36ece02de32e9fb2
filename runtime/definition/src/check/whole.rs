//! Checks what `process` says about its processes as wholes: their key, their deadline, what becomes
//! of a fault that nothing handles, and how much is recorded.

use super::{Checker, Mode, Node};
use crate::{
    checked::{Whole, Written},
    diagnostic::{Doubt, ValueProblem, cut},
    grammar::Tag,
};
use bureaucrat_model::{Duplicate, Missed, Recorded, Schedule, Unhandled};
use bureaucrat_schedule::{Timetable, TimetableError};

/// The zone of a schedule that names none; also the default of the table.
const DEFAULT_ZONE: &str = "UTC";

/// Reserved fields that have no value before a process begins.
const LATER: [&str; 4] = ["inst:answer", "inst:attempt", "inst:current", "inst:fault"];

impl<'t, 's> Checker<'t, 's, '_, '_> {
    pub(super) fn whole(&mut self, node: &Node<'t, 's>, name: &str) -> Whole {
        let duplicate = match self.word(node, "duplicate") {
            Some("replace") => Duplicate::Replace,
            Some(_) | None => Duplicate::Refuse,
        };
        let unhandled = match self.word(node, "on-fault") {
            Some("incident") => Some(Unhandled::Waits),
            Some("fail") => Some(Unhandled::Fails),
            Some(_) | None => None,
        };
        let recorded = match self.word(node, "history") {
            Some("decisions") => Recorded::Decisions,
            Some("ends") => Recorded::Ends,
            Some(_) | None => Recorded::Full,
        };
        let key = self.key(node, name);
        Whole {
            key: key.map(|text| (text, duplicate)),
            deadline: self.span_or_template(node, "deadline"),
            unhandled,
            schedule: self.schedule(node, name),
            recorded,
        }
    }

    fn schedule(&mut self, node: &Node<'t, 's>, name: &str) -> Option<Schedule> {
        let child = node.children(Tag::Schedule).next()?;
        if name.is_empty() && self.mode == Mode::Review {
            let start = child.element.start;
            self.diagnostics.doubt(start, Doubt::ScheduleWithoutName);
        }
        let node = self.shape(child);
        let missed = match self.word(&node, "missed") {
            Some("once") => Missed::Once,
            Some(_) | None => Missed::Skip,
        };
        let cron = node.element.attribute("cron")?;
        let zone = node.element.attribute("zone");
        let name = zone.map_or(DEFAULT_ZONE, |zone| &*zone.value);
        let mut timetable = Timetable::new(&cron.value, name);
        let mut fits = timetable.is_ok();
        if let (Err(error @ TimetableError::Zone { .. }), Some(zone)) = (&timetable, zone) {
            let (found, error) = (cut(&zone.value), error.clone());
            self.note(zone.value_start, ValueProblem::BadZone { found, error });
            // The line may be wrong as well.
            timetable = Timetable::new(&cron.value, DEFAULT_ZONE);
            fits = false;
        }
        if let Err(error) = timetable {
            let found = cut(&cron.value);
            self.note(cron.value_start, ValueProblem::BadCron { found, error });
        }
        if !fits {
            return None;
        }
        Some(Schedule {
            cron: cron.value.trim().to_owned(),
            zone: name.to_owned(),
            missed,
        })
    }

    fn key(&mut self, node: &Node<'t, 's>, name: &str) -> Option<Written<String>> {
        let Some(attribute) = node.element.attribute("key") else {
            if let Some(alone) = node.element.attribute("duplicate") {
                self.note(alone.start, ValueProblem::DuplicateWithoutKey);
            }
            return None;
        };
        if name.is_empty() {
            self.note(attribute.start, ValueProblem::KeyWithoutName);
        }
        let later = LATER.iter().find(|later| attribute.value.contains(**later));
        if let Some(found) = later {
            self.note(attribute.value_start, ValueProblem::KeyReads { found });
            return None;
        }
        self.name_or_template(node, "key")
    }
}
