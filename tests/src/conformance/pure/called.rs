//! Deployed definitions, what calls by name start, business keys, and what waits for an operator.

use super::Pure;
use bureaucrat_definition::{Limits, compile};
use bureaucrat_engine::{Environment, view_at_launch};
use bureaucrat_model::{
    Bond, Caller, ChildDefinition, DefinitionName, DefinitionRef, DeployedProgram, FiberState,
    Fields, Input, JsonText, KeyText, Launch, ModuleHash, ModuleRef, ProcessId, Program,
    ProgramHash, Version, Wait, WaitKind, Wanted,
};
use bureaucrat_sandbox::{Guest, Outcome};
use std::collections::BTreeMap;

impl Pure {
    /// The business key of a process that is about to begin, unless another one has it.
    pub(super) fn key_of(
        &self,
        program: &Program,
        guests: &BTreeMap<Option<ModuleHash>, Guest>,
        start: &Launch,
        environment: &Environment<'_>,
    ) -> Result<Option<String>, String> {
        let Some(rule) = &program.conduct.key else {
            return Ok(None);
        };
        let name = &program.name;
        let key = match &rule.text {
            KeyText::Fixed(text) => text.clone(),
            KeyText::Computed(function) => {
                let view = view_at_launch(program, start, environment, *function);
                let named = program.condition(*function).ok_or("no function")?;
                let guest = guests.get(&None).ok_or("no guest")?;
                match self.sandbox.evaluate(guest, &named.function, view).outcome {
                    Outcome::Value(text) => JsonText::parse(&text)
                        .map_err(|error| error.to_string())?
                        .as_text()
                        .unwrap_or(text),
                    Outcome::Fault { code, message } => {
                        return Err(format!(
                            "the key of `{name}` can't be computed: {code}: {message}"
                        ));
                    }
                    other @ (Outcome::Verdict(_) | Outcome::Environmental(_)) => {
                        return Err(format!("{other:?}"));
                    }
                }
            }
        };
        let holder = self.processes.iter().find(|(_, process)| {
            let instance = &process.instance;
            !instance.has_ended() && (&instance.name, &instance.key) == (name, &Some(key.clone()))
        });
        match holder {
            Some((holder, _)) => Err(format!(
                "process {holder} has the key `{key}` of `{name}` and has not ended"
            )),
            None => Ok(Some(key)),
        }
    }

    /// The version that a call by name runs.
    pub(super) fn find(&self, wanted: &DefinitionRef) -> Result<DeployedProgram, String> {
        let name = &wanted.name;
        let mut versions = self.deployed.iter().rev();
        let found = versions.find(|(deployed, _)| {
            deployed.name == *name
                && wanted
                    .version
                    .is_none_or(|wanted| wanted == deployed.version)
        });
        let found = found.map(|(deployed, _)| deployed.clone());
        found.ok_or_else(|| format!("no definition `{name}` is deployed here"))
    }

    /// Starts what a process calls.
    pub(super) fn start_called(
        &mut self,
        child: ProcessId,
        caller: Caller,
        definition: &ChildDefinition,
        (bond, fields): (Bond, Fields),
    ) {
        let (id, fiber, turn) = (caller.process, caller.fiber, caller.turn);
        let (text, version) = match definition {
            ChildDefinition::Text(text) => (Some(text.clone()), None),
            ChildDefinition::Deployed(deployed) => {
                let mut all = self.deployed.iter();
                let text = all.find(|(known, _)| known == deployed);
                let text = text.map(|(_, text)| text.clone());
                (text, Some(deployed.version))
            }
        };
        let caller = (bond == Bond::Awaited).then_some(caller);
        let text = text.unwrap_or_default();
        match self.start(child, &text, caller, (version, fields)) {
            Ok(()) if bond == Bond::Awaited => {}
            Ok(()) => self.follow(id, Input::Detached { fiber, turn }),
            Err(reason) => self.follow(
                id,
                Input::ChildRefused {
                    fiber,
                    turn,
                    reason,
                },
            ),
        }
    }

    /// The bytes that the name of a module stands for.
    pub(super) fn module(&self, wanted: &ModuleRef) -> Result<&[u8], String> {
        let name = wanted.name.as_str();
        let of_name = self.modules.iter().filter(|(known, _)| known == name);
        let mut versions = of_name.map(|(_, bytes)| bytes.as_slice());
        let found = match &wanted.wanted {
            Wanted::Newest => versions.next_back(),
            Wanted::Version(version) => versions.nth(version.number() as usize - 1),
            Wanted::Alias(_) => None,
        };
        found.ok_or_else(|| format!("no module `{wanted}` is deployed here"))
    }

    pub(super) fn deployed_as_next(&mut self, definition: &str) -> Result<(), String> {
        let compiled = compile(definition.as_bytes(), &Limits::default());
        let program = compiled.map_err(|found| format!("{found:?}"))?.program;
        let name: DefinitionName = program.name.parse().map_err(|error| format!("{error}"))?;
        let earlier = self.deployed.iter();
        let earlier = earlier
            .filter(|(deployed, _)| deployed.name == name)
            .count();
        let number = u32::try_from(earlier + 1).unwrap_or(u32::MAX);
        let deployed = DeployedProgram {
            name,
            version: Version::new(number).ok_or("no version")?,
            program: ProgramHash::of(definition.as_bytes()),
        };
        self.deployed.push((deployed, definition.to_owned()));
        Ok(())
    }

    pub(super) fn stuck(&self) -> Result<String, String> {
        let root = self.root.ok_or("there is no process")?;
        let process = self.processes.get(&root).ok_or("it is gone")?;
        let mut fibers = process.instance.fibers.iter();
        let stuck = fibers.find_map(|(_, fiber)| match &fiber.state {
            FiberState::Waiting(Wait {
                kind: WaitKind::Operator { fault, .. },
                ..
            }) => Some(format!("{}: {}", fault.code, fault.message)),
            FiberState::Waiting(_) | FiberState::Ready => None,
        });
        stuck.ok_or("nothing waits for an operator".into())
    }

    /// A called process is not waited for any more.
    pub(super) fn cancel_called(&mut self, id: ProcessId) {
        // Its caller has already ended and is not notified.
        if let Some(process) = self.processes.get_mut(&id) {
            process.instance.caller = None;
        }
        self.cancel_process(id, "the calling process failed");
    }
}
