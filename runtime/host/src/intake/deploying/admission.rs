//! Whether a compiled definition may be deployed: its name, its deployer's rules and quotas.

use super::{Deploying, Refused};
use crate::{
    catalog::{Deployer, Slot},
    definitions::Loaded,
    plan::Planner,
};
use bureaucrat_model::{DefinitionName, ProgramHash, SourceHash};
use bureaucrat_policy::{Quota, Rule};

impl Planner {
    /// The definition's name, if it is usable, and its deployer may use it for this.
    pub(super) fn may_have_name(
        &self,
        deploying: &Deploying,
        loaded: &Loaded,
    ) -> Result<DefinitionName, Refused> {
        let text = &loaded.program.name;
        let name: DefinitionName = text.parse().map_err(|error| {
            Refused::definition(match text.is_empty() {
                true => "a definition that is deployed needs a name: `<process name=\"order\">`"
                    .to_owned(),
                false => format!("a definition can't be deployed under the name `{text}`: {error}"),
            })
        })?;
        let deployer = deploying.deployer();
        if deployer == Deployer::Operator {
            return Ok(name);
        }
        let rules = self.rules(deployer.user());
        let violations = self.violations(&rules, deployer.user(), loaded);
        if let Some(first) = violations.first() {
            return Err(Refused {
                code: first.rule.code(),
                reasons: violations.iter().map(ToString::to_string).collect(),
            });
        }
        let owner = self.catalog.owner(&name);
        let is_theirs = self.catalog.is_free(&name) || owner == Some(&deployer);
        if !is_theirs && !rules.deploys.matches(name.as_str()) {
            let what = format!("the name `{name}` belongs to another user's definition");
            return Err(rules.broken(Rule::Deploys, what).into());
        }
        Ok(name)
    }

    /// Where the text belongs, within the deployer's quotas.
    pub(super) fn slot(
        &self,
        deploying: &Deploying,
        name: &DefinitionName,
        compiled: (SourceHash, ProgramHash),
    ) -> Result<Slot, Refused> {
        let slot = self.catalog.slot(name, compiled);
        let slot = slot.map_err(Refused::definition)?;
        let deployer = deploying.deployer();
        if matches!(slot, Slot::Same(_)) || deployer == Deployer::Operator {
            return Ok(slot);
        }
        let rules = self.rules(deployer.user());
        let had = self.catalog.deployed(&deployer);
        let names = had.names + u64::from(self.catalog.is_free(name));
        let bytes = had.bytes + deploying.source.len() as u64;
        let with = "with this one";
        let broken = rules
            .over(Quota::DeployedNames, names, "names of definitions:", with)
            .or_else(|| {
                let what = "deployed versions:";
                rules.over(Quota::DeployedVersions, had.versions + 1, what, with)
            })
            .or_else(|| {
                let what = "the texts of all deployed versions have";
                rules.over(Quota::DeployedBytes, bytes, what, "bytes with this one")
            });
        broken.map_or(Ok(slot), |violation| Err(violation.into()))
    }
}
