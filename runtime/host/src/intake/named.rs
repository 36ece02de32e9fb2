//! Launches by name: which version of which deployed definition a launch starts, and with which
//! fields.
//!
//! The version is chosen when the launch's turn comes, and is fixed in the commit that remembers
//! the launch. A definition that does not exist for the user is as unknown as one that does not
//! exist at all.

use super::{definition::DefinitionText, refusal::Refusal};
use crate::{
    broker::Delivery,
    catalog::{DefinitionRecord, Deployer, Resolution, Unresolved},
    compute::{JobOutcome, Task},
    definitions::Loaded,
    fair::User,
    plan::{Planner, jobs::Waiting},
};
use bureaucrat_model::{DefinitionRef, Fields, ProcessId, ProgramHash, Version};
use bureaucrat_policy::Quota;
use bureaucrat_store::{StoreError, Table, keys, records};
use bureaucrat_wire::{LAUNCH_TYPE, NamedLaunch, decode_named_launch, fit_fields};

/// What a launch by name starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub version: Version,
    pub program: ProgramHash,
    /// The launch's fields, of the types that the definition declares.
    pub fields: Fields,
}

/// Whether a message on the launch queue is a launch by name.
pub(super) fn is_named(delivery: &Delivery) -> bool {
    delivery.properties.content_type.as_deref() == Some(LAUNCH_TYPE)
}

impl Planner {
    /// The launch by name that a delivery is, if it is one.
    pub(super) fn read_named(
        &self,
        delivery: &Delivery,
        text: &DefinitionText,
    ) -> Result<Option<NamedLaunch>, Refusal> {
        if !is_named(delivery) {
            return Ok(None);
        }
        let limits = &self.shared.config.wire_limits;
        match decode_named_launch(text.of(&delivery.body), limits) {
            Ok(named) => Ok(Some(named)),
            Err(error) => Err(Refusal::Definition {
                code: error.code(),
                reasons: vec![error.to_string()],
            }),
        }
    }

    /// Begins a launch by name whose turn it is.
    pub(super) fn serve_named(
        &mut self,
        user: User,
        process: ProcessId,
        named: &NamedLaunch,
    ) -> Result<(), StoreError> {
        let chosen = match self.choose(user.as_ref(), named)? {
            Ok(Some(chosen)) => chosen,
            Ok(None) => {
                self.launching.wait(user, process);
                return Ok(());
            }
            Err(refusal) => {
                return match self.launching.take(process) {
                    Some(in_hand) => self.refuse_launch(process, in_hand, &refusal),
                    None => Ok(()),
                };
            }
        };
        let program = chosen.program;
        self.launching.chosen(process, chosen);
        if let Some(loaded) = self.shared.definitions.cached_program(program) {
            return self.launch_compiled(process, JobOutcome::Loaded(Ok(loaded)));
        }
        if self.launching.compilations() < self.shared.config.compiling_launches {
            self.launching.compiling();
            self.submit(user, Task::Load(program), Waiting::Launch(process));
        } else {
            self.launching.wait(user, process);
        }
        Ok(())
    }

    /// What a name refers to for a user: their own definitions exist for them, and those that the
    /// policy shares.
    pub(crate) fn resolve_for(
        &self,
        user: Option<&String>,
        wanted: &DefinitionRef,
    ) -> Result<Resolution, Unresolved> {
        let deployer = Deployer::of(user);
        let rules = self.rules(user);
        self.catalog.resolve(wanted, |name, owner| {
            owner == Some(&deployer) || rules.definitions.matches(name.as_str())
        })
    }

    /// The version to launch, and the fields to launch it with; nothing while that version is not
    /// durable.
    fn choose(
        &self,
        user: Option<&String>,
        named: &NamedLaunch,
    ) -> Result<Result<Option<Chosen>, Refusal>, StoreError> {
        let resolved = match self.resolve_for(user, &named.process) {
            Ok(Resolution::Ready(resolved)) => resolved,
            Ok(Resolution::Pending(_)) => return Ok(Ok(None)),
            Err(unresolved) => return Ok(Err(Refusal::Unresolved(unresolved))),
        };
        let (name, version) = (&resolved.name, resolved.version);
        let shard = self.shared.router.shard_of_definition(name);
        let key = keys::version(shard, name, version);
        let store = &*self.shared.store;
        let record = records::read::<DefinitionRecord>(store, Table::Definitions, &key);
        let Some(Some(record)) = self.shared.damages.around(None, record)? else {
            let reason = format!("cannot read the record of version {version} of `{name}`");
            return Ok(Err(Refusal::Environment(reason)));
        };
        Ok(match fit_fields(&named.fields, &record.types) {
            Ok(fields) => Ok(Some(Chosen {
                version,
                program: resolved.program,
                fields,
            })),
            Err(error) => Err(Refusal::Definition {
                code: "launch",
                reasons: vec![format!("`{name}@{version}`: {error}")],
            }),
        })
    }

    /// Refuses fields that make the context of a definition too large.
    pub(super) fn check_fields(
        &self,
        user: Option<&String>,
        loaded: &Loaded,
        fields: &Fields,
    ) -> Result<(), Refusal> {
        let mut context = loaded.program.context.clone();
        context.update(fields);
        let size = context.size();
        let bound = self.shared.config.engine_limits.fields_bytes;
        let what = "the context with the launch's fields has";
        if size > bound {
            return Err(Refusal::Definition {
                code: "launch",
                reasons: vec![format!("{what} {size} bytes, at most {bound} are allowed")],
            });
        }
        let rules = self.rules(user);
        match rules.over(Quota::FieldsBytes, size as u64, what, "bytes") {
            Some(violation) => Err(Refusal::Rules(vec![violation])),
            None => Ok(()),
        }
    }
}
