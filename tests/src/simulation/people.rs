//! Clients, participants and listeners: they publish, answer and read, and know what must happen.

use super::{
    COMPRESSED, Content, Definition, Expected, Facts, LaunchFacts, Message, Plan, Random,
    SimulatedBroker, Trouble,
    broker::{DEAD, NOTICES, Sent},
    definitions::{COMMON_EVENT, OWN_EVENT},
    deploying::{self, Deployment},
    hostile,
    modules::{self, Upload},
    services::Starter,
};
use bureaucrat_host::broker::Source;
use bureaucrat_model::{Redelivered, Timestamp};
use bureaucrat_wire::{Dialect, LAUNCH_TYPE, Properties};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

/// The queue from which launchers read replies.
pub const CLIENT: &str = "client";

/// The queue of a launcher that is gone; nobody declares it.
const GONE: &str = "gone";

/// A planned launch.
pub(super) struct Launch {
    pub(super) message: Message,
    /// Its definition, or the versions of the one that it names; none if it is refused.
    pub definitions: Vec<Definition>,
    /// Messages of it that are still to be published.
    pub(super) copies: u64,
    starter: Starter,
}

/// Everyone outside the engine.
pub struct People {
    pub(super) broker: Arc<SimulatedBroker>,
    pub(super) facts: Arc<Facts>,
    pub(super) dialect: Dialect,
    pub(super) launches: Vec<Launch>,
    pub(super) deployments: Vec<Deployment>,
    pub(super) uploads: Vec<Upload>,
    events: u64,
    /// The engine's time, once the trouble is over.
    pub(super) calm: Option<Timestamp>,
    /// Tasks from some time ago.
    old: VecDeque<(String, Sent)>,
    /// Bodies that must become dead letters, and those that may.
    pub hostile: BTreeSet<Vec<u8>>,
    /// See [`Self::hostile`].
    pub doubtful: BTreeSet<Vec<u8>>,
    /// Bodies of dead letters that arrived.
    pub dead: BTreeSet<Vec<u8>>,
    /// The replies to launchers, by launch.
    pub replies: BTreeMap<String, BTreeSet<String>>,
}

impl People {
    /// People with these launches to make.
    pub fn new(
        broker: &Arc<SimulatedBroker>,
        facts: &Arc<Facts>,
        dialect: Dialect,
        definitions: Vec<Vec<Definition>>,
        known: &[LaunchFacts],
        random: &mut Random,
    ) -> Self {
        broker.declare(DEAD);
        broker.declare(NOTICES);
        broker.declare(CLIENT);
        (0..4).for_each(|number| broker.declare(&format!("told{number}")));
        let mut people = Self {
            broker: broker.clone(),
            facts: facts.clone(),
            dialect,
            launches: Vec::new(),
            deployments: Vec::new(),
            uploads: modules::uploads(random),
            events: 0,
            calm: None,
            old: VecDeque::new(),
            hostile: BTreeSet::new(),
            doubtful: BTreeSet::new(),
            dead: BTreeSet::new(),
            replies: BTreeMap::new(),
        };
        for (number, (definitions, known)) in definitions.into_iter().zip(known).enumerate() {
            let body = match definitions.first() {
                Some(_) if known.is_by_name() => deploying::launch(known, number).into_bytes(),
                Some(definition) => {
                    let text = definition.text(&known.name, Some(number));
                    match modules::used(number) {
                        Some(name) => modules::asking(&text, name).into_bytes(),
                        None => text.into_bytes(),
                    }
                }
                None => hostile::definition(number, random),
            };
            let participants = definitions.iter().flat_map(Definition::participants);
            participants.for_each(|name| broker.declare(&format!("worker_{name}")));
            if definitions.is_empty() {
                people.hostile.insert(body.clone());
            }
            people
                .deployments
                .extend(deploying::deployments(known, number, random));
            let properties = Properties {
                message_id: known.has_id.then(|| format!("launch-{number}")),
                reply_to: (!random.once_in(3)).then(|| {
                    let queue = if random.once_in(4) { GONE } else { CLIENT };
                    queue.to_owned()
                }),
                correlation_id: Some(known.name.clone()),
                content_type: known.is_by_name().then(|| LAUNCH_TYPE.to_owned()),
                ..Properties::default()
            };
            let message = Message {
                content: Content::Launch(number),
                properties,
                body,
                redelivered: Redelivered::No,
            };
            let is_compressed = !definitions.is_empty() && number as u64 % COMPRESSED == 1;
            let message = match is_compressed {
                true => message.compressed(),
                false => message,
            };
            if known.key.is_some() {
                // A repeat may be refused.
                people.doubtful.insert(message.body.clone());
            }
            people.launches.push(Launch {
                message,
                definitions,
                copies: u64::from(known.is_launched()),
                starter: known.starter,
            });
        }
        people
    }

    /// Publishes the next launch, or repeats one.
    pub fn launch(&mut self, random: &mut Random, plan: &Plan) {
        if self.deploy(random, plan) || self.upload(random, plan) {
            return;
        }
        let is_next = |(number, launch): &(usize, &Launch)| {
            launch.copies > 0 && self.facts.may_launch(*number) && self.facts.has_module(*number)
        };
        let next = self.launches.iter().enumerate().find(is_next);
        let Some(place) = next.map(|(place, _)| place) else {
            return;
        };
        self.facts.launches_now(place);
        let launch = &mut self.launches[place];
        launch.copies -= 1;
        self.broker
            .publish_to_engine(Source::Launches, launch.message.clone());
        if plan.has(Trouble::Repeats) && random.once_in(3) {
            self.repeat_launch(random);
        }
    }

    /// Publishes an earlier launch again.
    pub fn repeat_launch(&mut self, random: &mut Random) {
        let is_published =
            |launch: &&Launch| launch.copies == 0 && launch.starter == Starter::People;
        let published = self.launches.iter().filter(is_published);
        let published: Vec<_> = published.collect();
        if !published.is_empty() {
            let launch = published[random.place(published.len())];
            self.facts.count("launches repeated");
            self.broker
                .publish_to_engine(Source::Launches, launch.message.clone());
        }
    }

    /// Whether every launch was published.
    pub fn have_launched(&self) -> bool {
        self.launches.iter().all(|launch| launch.copies == 0)
            && self.have_deployed()
            && self.have_uploaded()
    }

    /// Whether a launch asked for replies to a queue that is read.
    pub fn wants_reply(&self, number: usize) -> bool {
        self.launches
            .get(number)
            .is_some_and(|launch| launch.message.properties.reply_to.as_deref() == Some(CLIENT))
    }

    /// The queues of all participants, and the others that may vanish.
    pub fn queues(&self) -> Vec<String> {
        let definitions = self.launches.iter().flat_map(|launch| &launch.definitions);
        let workers: BTreeSet<_> = definitions.flat_map(Definition::participants).collect();
        let workers = workers.into_iter().map(|name| format!("worker_{name}"));
        workers
            .chain([DEAD, NOTICES, CLIENT].map(String::from))
            .collect()
    }

    /// Publishes an event: one that a process awaits if `wanted`, otherwise any.
    pub fn event(&mut self, random: &mut Random, plan: &Plan, wanted: bool) {
        let waiting = self
            .facts
            .awaited(random)
            .filter(|_| wanted || random.once_in(2));
        let (name, number) = match waiting {
            Some(found) => found,
            None if wanted => return,
            None => {
                let name = if random.once_in(2) {
                    OWN_EVENT
                } else {
                    COMMON_EVENT
                };
                (name.to_owned(), random.below(plan.launches.max(1) as u64))
            }
        };
        self.events += 1;
        let unique = self.events;
        let with_id = random.once_in(2);
        if with_id {
            self.facts.identify(unique);
        }
        let properties = Properties {
            message_id: with_id.then(|| format!("event-{unique}")),
            ..Properties::default()
        };
        let body = json!({"event": name, "number": number, "unique": unique})
            .to_string()
            .into_bytes();
        let copies = 1 + u64::from(with_id && plan.has(Trouble::Repeats) && random.once_in(2));
        for _ in 0..copies {
            let (content, properties, body) =
                (Content::Event(unique), properties.clone(), body.clone());
            let message = Message {
                content,
                properties,
                body,
                redelivered: Redelivered::No,
            };
            self.broker.publish_to_engine(Source::Events, message);
        }
    }

    /// Someone takes a message, answers a task or reads a reply.
    ///
    /// # Errors
    /// If the message is not what it should be.
    pub fn participate(&mut self, random: &mut Random, plan: &Plan) -> Result<bool, String> {
        let waiting = self.broker.waiting();
        if waiting.is_empty() {
            return Ok(false);
        }
        let queue = &waiting[random.place(waiting.len())];
        let Some(message) = self.broker.take(queue) else {
            return Ok(false);
        };
        match queue.as_str() {
            DEAD => self.read_dead_letter(message)?,
            NOTICES => self.read_notice(&message)?,
            CLIENT => self.read_reply(&message)?,
            told if told.starts_with("told") => {
                self.facts.count("messages of definitions");
                if !is_told(&message.body) {
                    return Err(format!("{told}: {message:?}"));
                }
            }
            _ => {
                self.facts.count("tasks");
                self.answer(queue, &message, random, plan)?;
                if self.old.len() > 30 {
                    self.old.pop_front();
                }
                self.old.push_back((queue.clone(), message));
            }
        }
        Ok(true)
    }

    /// A participant answers an old task again.
    ///
    /// # Errors
    /// If the task is not what it should be.
    pub fn answer_late(&mut self, random: &mut Random, plan: &Plan) -> Result<(), String> {
        if self.old.is_empty() {
            return Ok(());
        }
        let (queue, message) = self.old[random.place(self.old.len())].clone();
        self.facts.count("late answers");
        self.answer(&queue, &message, random, plan)
    }

    fn read_dead_letter(&mut self, message: Sent) -> Result<(), String> {
        self.facts.count("dead letters");
        let is_known = |bodies: &BTreeSet<Vec<u8>>| bodies.contains(&message.body);
        if is_told(&message.body) {
            self.facts.count("messages of definitions that nobody took");
        } else if !is_known(&self.hostile) && !is_known(&self.doubtful) {
            return Err(format!(
                "a dead letter that nobody should get: {} {:?}",
                String::from_utf8_lossy(&message.body),
                message.properties.headers
            ));
        }
        self.dead.insert(message.body);
        Ok(())
    }

    fn read_notice(&self, message: &Sent) -> Result<(), String> {
        let notice = parsed(&message.body)?;
        let status = notice["status"].as_str().unwrap_or_default();
        let process = notice["process"]
            .as_str()
            .and_then(|process| process.parse().ok());
        match (status, process) {
            // A launch is refused, or a newer one takes the place of one that waited for its key.
            ("rejected", _) => Ok(()),
            ("launched" | "completed" | "failed", Some(process)) => {
                self.facts.told(process, status)
            }
            _ => Err(format!("unexpected: {notice}")),
        }
    }

    fn read_reply(&mut self, message: &Sent) -> Result<(), String> {
        let reply = parsed(&message.body)?;
        let status = reply["status"].as_str().unwrap_or_default().to_owned();
        if let Some(process) = reply["process"]
            .as_str()
            .and_then(|process| process.parse().ok())
        {
            self.facts.told(process, &status)?;
        }
        let launch = message
            .properties
            .correlation_id
            .clone()
            .unwrap_or_default();
        self.replies.entry(launch).or_default().insert(status);
        Ok(())
    }

    /// Checks that launchers received all replies.
    ///
    /// # Errors
    /// Names a launch without its reply.
    pub fn check_replies(&self, known: &[LaunchFacts], facts: &Facts) -> Result<(), String> {
        for (number, launch) in known
            .iter()
            .enumerate()
            .filter(|(number, known)| known.is_launched() && self.wants_reply(*number))
        {
            let status = |expected: &Expected| match expected {
                Expected::Completed(..) => "completed",
                Expected::Failed(_) => "failed",
            };
            // A launch by name ends as one of its versions does.
            let mut wanted: BTreeSet<_> =
                launch.versions.iter().map(|(_, it)| status(it)).collect();
            wanted.insert(launch.expected.as_ref().map_or("rejected", status));
            let told = self.replies.get(&launch.name);
            let is_told = told.is_some_and(|told| wanted.iter().any(|it| told.contains(*it)));
            if !is_told && !facts.was_cancelled(&launch.name) {
                return Err(format!(
                    "launch {number} was never told {wanted:?}: {:?}",
                    self.replies.get(&launch.name)
                ));
            }
        }
        Ok(())
    }
}

/// Whether it is the body of a message that a definition sends.
fn is_told(body: &[u8]) -> bool {
    body.starts_with(b"{\"told\": ")
}

pub(super) fn parsed(body: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(body)
        .map_err(|error| format!("{error}: {}", String::from_utf8_lossy(body)))
}
