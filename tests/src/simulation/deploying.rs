//! Deployed definitions: clients deploy several under one name, and launch it by that name. A
//! process must run the version that its launch says, or one that is not older than what was
//! deployed when it was published; and it must end as that version does.

use super::{
    Definition, Expected, Facts, LaunchFacts, Message, Plan, Random, Trouble,
    content::Content,
    facts::Known,
    people::People,
    services::{Named, Starter},
};
use bureaucrat_host::{broker::Source, catalog::DefinitionRecord};
use bureaucrat_model::{Instance, ProcessId, ProgramHash, Redelivered};
use bureaucrat_store::{Table, keys, records};
use bureaucrat_wire::{DEFINITION_TYPE, Duplicate, Properties};
use serde_json::json;
use std::collections::BTreeMap;

/// The numbers of activities in different versions differ by so many.
const APART: u32 = 1_000;

/// The business key of all launches that have one; their names differ.
const KEY: &str = "k";

/// A planned deployment.
#[derive(Debug)]
pub(super) struct Deployment {
    message: Message,
    launch: usize,
    /// Messages of it that are still to be published.
    copies: u64,
    when: When,
}

/// When a definition may be deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Always,
    /// In the calm, and once nothing of its schedule is due: it ends that.
    Last,
}

/// What is durable about deployed definitions.
#[derive(Debug, Default)]
pub(super) struct Versions {
    /// Which text each version has, by name and number.
    texts: BTreeMap<(String, u32), usize>,
    programs: BTreeMap<(String, u32), ProgramHash>,
    /// The newest version of a launch's name when the launch was first published.
    floors: BTreeMap<usize, u32>,
}

impl Versions {
    pub fn newest(&self, name: &str) -> Option<u32> {
        let versions = self
            .texts
            .range((name.to_owned(), 0)..=(name.to_owned(), u32::MAX));
        versions.map(|((_, version), _)| *version).next_back()
    }

    pub fn program(&self, name: &str, version: u32) -> Option<ProgramHash> {
        self.programs.get(&(name.to_owned(), version)).copied()
    }
}

/// The versions that a launch by name may start: the first definition and others.
pub(super) fn versions(
    facts: &mut LaunchFacts,
    first: Definition,
    number: usize,
    random: &mut Random,
    (faults, broken, callable): (bool, &'static str, &[Named]),
) -> Vec<Definition> {
    let mut definitions = vec![first];
    for version in 1..=random.below(3) {
        let apart = APART * u32::try_from(version).unwrap_or(0);
        definitions.push(Definition::numbered(random, faults, callable, apart));
    }
    facts.calls = definitions.iter().any(Definition::calls);
    let texts = definitions.iter().map(|definition| {
        let text = definition.text(&facts.name, Some(APART as usize));
        (text, definition.expected(number, broken))
    });
    facts.versions = texts.collect();
    facts.pinned = random.once_in(3).then_some(1);
    let duplicate = match random.once_in(2) {
        true => Duplicate::Refuse,
        false => Duplicate::Replace,
    };
    facts.key = random.once_in(2).then_some(duplicate);
    definitions
}

/// The body of a launch by name. Its number goes over the one in the definition's context.
pub(super) fn launch(facts: &LaunchFacts, number: usize) -> String {
    let process = match facts.pinned {
        Some(version) => format!("{}@{version}", facts.name),
        None => facts.name.clone(),
    };
    let mut body = json!({"process": process, "fields": {"number": number}});
    if let Some(duplicate) = facts.key {
        body["key"] = json!(KEY);
        body["duplicate"] = match duplicate {
            Duplicate::Refuse => json!("refuse"),
            Duplicate::Replace => json!("replace"),
        };
    }
    body.to_string()
}

/// The deployments of a launch by name.
pub(super) fn deployments(
    facts: &LaunchFacts,
    launch: usize,
    random: &mut Random,
) -> Vec<Deployment> {
    let mut deployments = Vec::new();
    let is_scheduled = match facts.starter {
        Starter::Schedule | Starter::ScheduleWithKey => true,
        Starter::People | Starter::Callers | Starter::CallersWithKeys => false,
    };
    for (version, (text, _)) in facts.versions.iter().enumerate() {
        let message_id = random
            .once_in(2)
            .then(|| format!("deployment-{launch}-{version}"));
        let message = Message {
            content: Content::Deployment { launch, version },
            properties: Properties {
                message_id,
                content_type: Some(DEFINITION_TYPE.to_owned()),
                ..Properties::default()
            },
            body: text.clone().into_bytes(),
            redelivered: Redelivered::No,
        };
        let is_last = is_scheduled && version + 1 == facts.versions.len();
        deployments.push(Deployment {
            message,
            launch,
            copies: 1,
            when: match is_last {
                true => When::Last,
                false => When::Always,
            },
        });
    }
    deployments
}

impl People {
    /// Publishes the next deployment, or repeats one; returns false if something else is to be
    /// published.
    pub(super) fn deploy(&mut self, random: &mut Random, plan: &Plan) -> bool {
        if self.deployments.is_empty() || random.once_in(2) {
            return false;
        }
        let may_come = |next: &&Deployment| match next.when {
            When::Always => true,
            When::Last => self.facts.may_end_schedule(next.launch, self.calm),
        };
        let left = self.deployments.iter().filter(|next| next.copies > 0);
        let left: Vec<usize> = left.filter(may_come).map(|next| next.launch).collect();
        let repeats = plan.has(Trouble::Repeats) && random.once_in(3);
        // The versions of a name come in their order, those of different names in any.
        let next = match left.is_empty() {
            true => None,
            false => {
                let launch = left[random.place(left.len())];
                let mut all = self.deployments.iter();
                all.position(|next| next.launch == launch && next.copies > 0)
            }
        };
        let all = 0..self.deployments.len();
        let published: Vec<_> = all.filter(|at| self.deployments[*at].copies == 0).collect();
        let place = match next {
            Some(place) => place,
            None if repeats && !published.is_empty() => published[random.place(published.len())],
            None => return false,
        };
        let deployment = &mut self.deployments[place];
        deployment.copies = deployment.copies.saturating_sub(1);
        self.facts.count("deployments");
        let message = deployment.message.clone();
        self.broker.publish_to_engine(Source::Launches, message);
        true
    }

    /// Whether every deployment was published.
    pub(super) fn have_deployed(&self) -> bool {
        self.deployments
            .iter()
            .all(|deployment| deployment.copies == 0)
    }
}

impl Facts {
    /// Whether a launch may be published: one by name only once the name is deployed.
    pub fn may_launch(&self, number: usize) -> bool {
        let known = self.known();
        let launch = known.launches.get(number);
        let is_there = |launch: &LaunchFacts| known.deployed.newest(&launch.name).is_some();
        let mut called = known.launches.iter().filter(|launch| match launch.starter {
            Starter::Callers | Starter::CallersWithKeys => true,
            Starter::People | Starter::Schedule | Starter::ScheduleWithKey => false,
        });
        let are_there = called.all(is_there);
        launch.is_none_or(|launch| {
            (!launch.is_by_name() || is_there(launch)) && (!launch.calls || are_there)
        })
    }

    /// A launch is published: it may start no version older than the newest of now.
    pub fn launches_now(&self, number: usize) {
        let mut known = self.known();
        let launch = known.launches.get(number);
        let newest = launch.and_then(|launch| known.deployed.newest(&launch.name));
        if let Some(newest) = newest {
            known.deployed.floors.entry(number).or_insert(newest);
        }
        known.decided.published(number);
    }

    /// Whether launches by name may start this program.
    pub fn is_deployed(&self, program: ProgramHash) -> bool {
        let known = self.known();
        let mut programs = known.deployed.programs.iter();
        programs.any(|((name, _), deployed)| *deployed == program && name.starts_with('L'))
    }
}

impl Known {
    /// A version was written: its program is there.
    pub fn version_written(&mut self, key: &[u8], record: Option<&Vec<u8>>) {
        let (Ok(place), Some(record)) = (keys::version_of(key), record) else {
            return self.violate("a version of a definition was removed".to_owned());
        };
        match records::decode::<DefinitionRecord>(Table::Definitions, key, record) {
            Ok(record) => {
                let key = (place.name.to_string(), place.version.number());
                self.deployed.programs.insert(key, record.program);
            }
            Err(error) => self.violate(error.to_string()),
        }
    }

    /// The text of a version was written: versions are numbered without gaps, and no text gets two.
    pub fn source_written(&mut self, key: &[u8], text: Option<&Vec<u8>>) {
        let (Ok(place), Some(text)) = (keys::version_of(key), text) else {
            return self.violate("the text of a version was removed".to_owned());
        };
        let (name, version) = (place.name.to_string(), place.version.number());
        let mut launches = self.launches.iter();
        let launch = launches.find(|launch| launch.name == name);
        let texts = launch.map_or(&[][..], |launch| &launch.versions);
        let which = texts
            .iter()
            .position(|(known, _)| known.as_bytes() == text.as_slice());
        let Some(which) = which else {
            return self.violate(format!(
                "`{name}@{version}` has a text that nobody deployed"
            ));
        };
        let newest = self.deployed.newest(&name);
        if version != newest.unwrap_or(0) + 1 {
            self.violate(format!("`{name}@{version}` was deployed after {newest:?}"));
        }
        let key = (name.clone(), version);
        let mut known = self.deployed.texts.iter();
        let twice = known.find(|((other, _), text)| *other == name && **text == which);
        if let Some(((_, earlier), _)) = twice {
            let what = format!("`{name}@{version}` has the text of version {earlier}");
            self.violate(what);
        }
        self.decided.deployed(&key);
        self.deployed.texts.insert(key, which);
        *self.counts.entry("versions deployed").or_default() += 1;
    }

    /// A program was removed: no version may need it.
    pub fn version_keeps_program(&mut self, program: &[u8]) {
        let mut programs = self.deployed.programs.iter();
        if let Some(((name, version), _)) = programs.find(|(_, hash)| hash.0 == *program) {
            let what = format!("the program of `{name}@{version}` was removed");
            self.violate(what);
        }
    }

    /// Whether a deployment that was acknowledged took effect.
    pub fn is_deployed(&self, launch: usize, version: usize) -> Result<(), String> {
        let Some(launch) = self.launches.get(launch) else {
            return Err("nobody deployed it".to_owned());
        };
        let text = |which: usize| launch.versions.get(which).map(|(text, _)| text);
        let mut texts = self.deployed.texts.iter();
        let is_it = |((name, _), which): (&(String, u32), &usize)| {
            *name == launch.name && text(*which) == text(version)
        };
        match texts.any(is_it) {
            true => Ok(()),
            false => Err("no version has its text".to_owned()),
        }
    }

    /// A process was started by a launch: it runs the version that the launch says.
    pub fn started_version(&mut self, launch: &LaunchFacts, instance: &Instance) {
        let name = &launch.name;
        let version = instance.version.map(|version| version.number());
        if !launch.is_by_name() {
            if version.is_some() {
                self.violate(format!("{name} was launched as a version of its name"));
            }
            return;
        }
        let Some(version) = version else {
            return self.violate(format!("{name} was launched by name, and has no version"));
        };
        let number = name.strip_prefix('L').and_then(|it| it.parse().ok());
        let floor = number.and_then(|number: usize| self.deployed.floors.get(&number));
        let is_right = match launch.pinned {
            Some(pinned) => version == pinned,
            None => floor.is_some_and(|floor| version >= *floor),
        };
        if !is_right {
            let pinned = launch.pinned;
            let what = format!(
                "`{name}@{version}` was started; the launch names {pinned:?}, the newest was {floor:?}"
            );
            self.violate(what);
        }
        let program = self.deployed.programs.get(&(name.clone(), version));
        if program != Some(&instance.program) {
            self.violate(format!(
                "`{name}@{version}` was started with another program"
            ));
        }
        *self.counts.entry("launches by name").or_default() += 1;
    }

    /// A row of the index of business keys was written or removed.
    pub fn key_written(&mut self, hash: &[u8], process: Option<&Vec<u8>>) -> Option<ProcessId> {
        let process = process.and_then(|process| keys::instance_of(process).ok());
        let before = match process {
            Some(process) => self.keys.insert(hash.to_vec(), process),
            None => self.keys.remove(hash),
        };
        process.or(before)
    }

    /// A process has a row in the index of business keys exactly as long as it has its key, and no
    /// other process has that key.
    pub fn key_fits(&self, process: ProcessId) -> Result<(), String> {
        let rows = self.keys.values().filter(|holder| **holder == process);
        let rows = rows.count();
        let instance = self.instances.get(&process);
        let live = instance.filter(|instance| !instance.has_ended());
        let keyed = live.filter(|instance| instance.key.is_some());
        if self.decided.has_key(process) && rows == 1 {
            return Ok(());
        }
        if rows != usize::from(keyed.is_some()) {
            return Err(format!("{rows} rows say that it has a business key"));
        }
        let Some(keyed) = keyed else { return Ok(()) };
        let is_same = |other: &&Instance| {
            !other.has_ended() && (&other.name, &other.key) == (&keyed.name, &keyed.key)
        };
        match self.instances.values().filter(is_same).count() {
            1 => Ok(()),
            count => Err(format!("{count} processes have its business key")),
        }
    }

    /// How a process ends: as its definition says, or as the version does that it runs.
    pub fn expected(&self, launch: &LaunchFacts, instance: &Instance) -> Option<Expected> {
        let Some(version) = instance.version else {
            return launch.expected.clone();
        };
        let key = (launch.name.clone(), version.number());
        let which = self.deployed.texts.get(&key)?;
        launch
            .versions
            .get(*which)
            .map(|(_, expected)| expected.clone())
    }
}
