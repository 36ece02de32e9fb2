//! Processes that continue as another version of their definition.

use super::{Pure, environment};
use bureaucrat_engine::{Target, migrate};
use bureaucrat_model::{DefinitionRef, Initiator, Operator, Refusal};

impl Pure {
    pub(super) fn migrated(&mut self, to: &DefinitionRef) -> Result<Option<String>, String> {
        let id = self.root.ok_or("there is no process")?;
        let deployed = self.find(to)?;
        let mut all = self.deployed.iter();
        let text = all.find(|(known, _)| *known == deployed);
        let text = text.map(|(_, text)| text.clone()).unwrap_or_default();
        let (program, guests) = self.compiled(&text)?;
        let environment = environment(self.now, &self.limits);
        let process = self.processes.get_mut(&id).ok_or("it is gone")?;
        let target = Target {
            program: &program,
            hash: deployed.program,
            version: deployed.version,
        };
        let by = Initiator::Operator(Operator::named("case"));
        let why = ("a case".to_owned(), by);
        let done = migrate(
            &process.program,
            &target,
            &mut process.instance,
            &environment,
            why,
        );
        match done {
            Ok(effects) => {
                process.program = program;
                process.guests = guests;
                self.carry_out(id, effects);
                Ok(None)
            }
            Err(obstacles) => Ok(Some(Refusal::NoPlace { obstacles }.to_string())),
        }
    }
}
