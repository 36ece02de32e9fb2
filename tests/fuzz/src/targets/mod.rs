//! What each target does with an input. Whatever must always hold is asserted; a failed assertion
//! counts as a failure, like a panic.

pub mod bodies;
pub mod conditions;
pub mod definitions;
pub mod modules;
pub mod stored;

use crate::Target;
use bureaucrat_sandbox::{
    RuntimeClass, Sandbox, SandboxConfig, SandboxError, SandboxLimits, WorkerCommand,
};

/// The targets, with what they need to run.
#[derive(Debug)]
pub struct Targets {
    sandbox: Option<Sandbox>,
}

impl Targets {
    /// What `target` needs.
    ///
    /// # Errors
    /// When the sandbox can't be set up.
    pub fn for_target(target: Target) -> Result<Self, SandboxError> {
        let is_sandboxed = matches!(target, Target::Guest | Target::Admission | Target::Module);
        let config = SandboxConfig {
            threads: 1,
            limits: SandboxLimits {
                fuel: 2_000_000,
                loaded_guests: 16,
                loaded_bytes: 16 << 20,
                ..SandboxLimits::default()
            },
            cache: None,
            runtime_class: RuntimeClass::Refused,
            // Does not exist: compiling an admitted module fails, quickly.
            worker: WorkerCommand {
                program: "/nowhere/at/all".into(),
                arguments: Vec::new(),
            },
        };
        let sandbox = is_sandboxed.then(|| Sandbox::new(config)).transpose()?;
        Ok(Self { sandbox })
    }

    /// Gives an input to a target; returns what it did, as a trace.
    pub fn run(&self, target: Target, input: &[u8]) -> u64 {
        match (target, &self.sandbox) {
            (Target::Xml, _) => definitions::xml(input),
            (Target::Definition, _) => definitions::definition(input),
            (Target::Expression, _) => conditions::expression(input),
            (Target::Answer, _) => bodies::answer(input),
            (Target::Result, _) => bodies::result(input),
            (Target::Event, _) => bodies::event(input),
            (Target::Reply, _) => bodies::reply(input),
            (Target::Fields, _) => bodies::fields(input),
            (Target::Program, _) => stored::program(input),
            (Target::Instance, _) => stored::instance(input),
            (Target::Record, _) => stored::record(input),
            (Target::Key, _) => stored::key(input),
            (Target::Engine, _) => stored::engine(input),
            (Target::Guest, Some(sandbox)) => conditions::guest(sandbox, input),
            (Target::Admission, Some(sandbox)) => modules::admission(sandbox, input),
            (Target::Module, Some(sandbox)) => modules::module(sandbox, input),
            (Target::Guest | Target::Admission | Target::Module, None) => {
                unreachable!("the sandbox was set up for this target")
            }
        }
    }
}
