//! Whether a module may be stored: its deployer's rules and quotas, its name, its signature.

use super::{Deploy, Deployment, Refused};
use crate::{
    catalog::Deployer,
    definitions::Loaded,
    module_catalog::{ModuleRecord, module_class},
    plan::Planner,
    tenants::Claim,
};
use bureaucrat_model::{ModuleHash, ModuleName};
use bureaucrat_policy::{ModuleClass, Permission, Quota, Rule, Rules, Signature, Violation};
use bureaucrat_sandbox::Guest;

impl Refused {
    /// The name or the signature in a header is none.
    pub(super) const HEADER: &str = "module.header";
    /// The signature is not one of the module.
    pub(super) const SIGNATURE: &str = "module.signature";
    /// There is no room for another version, name or signature.
    pub(super) const FULL: &str = "module.full";
    /// The machine failed, not the module.
    pub(super) const ENVIRONMENT: &str = "module.environment";
}

impl Planner {
    /// The checks before a module is read: a user who may not launch, or not use this module, may
    /// not deploy it. A module counts as a launch.
    pub(super) fn may_deploy(
        &self,
        user: Option<&String>,
        component: &[u8],
        wanted: &Deploy,
    ) -> Result<Option<Claim>, Refused> {
        let rules = self.rules(user);
        if rules.launches == Permission::Refused {
            let what = "launches are not allowed, so neither is deploying";
            return Err(rules.broken(Rule::Launches, what).into());
        }
        let size = component.len() as u64;
        if let Some(violation) = rules.over(Quota::ModuleBytes, size, "the module has", "bytes") {
            return Err(violation.into());
        }
        let deployer = Deployer::of(user);
        if let Some(name) = &wanted.name {
            self.may_have_module_name(&rules, name, &deployer)?;
        }
        // The class is known once the module is compiled.
        self.may_use(
            (&rules, &deployer),
            (ModuleHash::of(component), ModuleClass::Small),
            wanted,
        )?;
        let account = self.shared.tenants.account(user);
        let waiting = account.map(|account| account.queue(&rules, self.now()));
        Ok(waiting.transpose()?)
    }

    /// The checks once it is compiled, by which time others may have changed what is stored.
    pub(super) fn may_store(&self, deployment: &Deployment, guest: &Guest) -> Result<(), Refused> {
        let (hash, deployer) = (guest.hash(), deployment.deployer());
        if let Some(signature) = &deployment.wanted.signature
            && !signature.signs(hash)
        {
            let key = signature.key;
            return Err(Refused::new(
                Refused::SIGNATURE,
                format!("the signature is not one that the key {key} made of the module {hash}"),
            ));
        }
        if deployer == Deployer::Operator {
            return Ok(());
        }
        if let Some(signature) = &deployment.wanted.signature
            && !self.policy.counts(signature.key)
        {
            let key = signature.key;
            let reason = format!("nobody needs a signature by {key}: the policy does not list it");
            return Err(Refused::new(Refused::SIGNATURE, reason));
        }
        let rules = self.rules(deployer.user());
        if let Some(name) = &deployment.wanted.name {
            self.may_have_module_name(&rules, name, &deployer)?;
        }
        self.may_use(
            (&rules, &deployer),
            (hash, module_class(guest)),
            &deployment.wanted,
        )?;
        match self.modules.is_stored(hash) {
            true => Ok(()),
            false => Ok(self.has_room_for(&rules, &deployer, 1, guest.size() as u64)?),
        }
    }

    fn may_use(
        &self,
        (rules, deployer): (&Rules, &Deployer),
        (hash, class): (ModuleHash, ModuleClass),
        wanted: &Deploy,
    ) -> Result<(), Violation> {
        let mut standing = self.modules.standing(hash);
        // As it will be once it is stored. That a name may be used does not say who may deploy it.
        let may_be_deployed = |name: &&ModuleName| {
            let owner = self.modules.name(name).map(|record| &record.owner);
            owner == Some(deployer) || rules.deploys.matches(name.as_str())
        };
        let named = wanted.name.as_ref().filter(may_be_deployed);
        standing.names.extend(named.cloned());
        let signer = wanted
            .signature
            .as_ref()
            .filter(|signature| signature.signs(hash));
        standing
            .signers
            .extend(signer.map(|signature| signature.key));
        let violations = rules.check_module(hash, class, &standing);
        violations.into_iter().next().map_or(Ok(()), Err)
    }

    fn may_have_module_name(
        &self,
        rules: &Rules,
        name: &ModuleName,
        deployer: &Deployer,
    ) -> Result<(), Violation> {
        let owner = self.modules.name(name).map(|record| &record.owner);
        let is_theirs = owner.is_none_or(|owner| owner == deployer);
        if !is_theirs && !rules.deploys.matches(name.as_str()) {
            let what = format!("the name `{name}` belongs to another user's module");
            return Err(rules.broken(Rule::Deploys, what));
        }
        if owner.is_some() {
            return Ok(());
        }
        let names = self.modules.names_owned_by(deployer) + 1;
        let over = rules.over(
            Quota::ModuleNames,
            names,
            "names of modules:",
            "with this one",
        );
        over.map_or(Ok(()), Err)
    }

    fn has_room_for(
        &self,
        rules: &Rules,
        deployer: &Deployer,
        modules: u64,
        bytes: u64,
    ) -> Result<(), Violation> {
        let had = self.modules.totals(deployer);
        let (modules, bytes) = (had.modules + modules, had.bytes + bytes);
        let what = "stored modules:";
        let over = rules.over(Quota::StoredModules, modules, what, "with this one");
        let over = over.or_else(|| {
            let what = "the user's stored modules have";
            rules.over(Quota::StoredModuleBytes, bytes, what, "bytes with this one")
        });
        over.map_or(Ok(()), Err)
    }

    /// Why the owner of these rules may not store the modules that a definition brings.
    pub(crate) fn modules_without_room(
        &self,
        rules: &Rules,
        deployer: &Deployer,
        loaded: &Loaded,
    ) -> Option<Violation> {
        let new = || {
            let modules = loaded.modules.iter();
            modules.filter(|(hash, _)| !self.modules.is_stored(*hash))
        };
        let count = new().count() as u64;
        let bytes = new().map(|(_, bytes)| bytes.len() as u64).sum();
        if count == 0 {
            return None;
        }
        self.has_room_for(rules, deployer, count, bytes).err()
    }

    /// The record of a module with the signature that comes with it.
    pub(super) fn signed_record(
        &self,
        deployment: &Deployment,
        guest: &Guest,
    ) -> Result<ModuleRecord, Refused> {
        let hash = guest.hash();
        let by = deployment.deployer();
        let mut record = match self.modules.record(hash) {
            Some(record) => record.clone(),
            None => ModuleRecord::new(guest, by, self.now()),
        };
        let Some(signature) = deployment.wanted.signature else {
            return Ok(record);
        };
        let is_new = |known: &Signature| known.key != signature.key;
        record.signatures.retain(is_new);
        if record.signatures.len() >= ModuleRecord::SIGNATURES_MAX {
            let max = ModuleRecord::SIGNATURES_MAX;
            return Err(Refused::new(
                Refused::FULL,
                format!("the module has {max} signatures, the most that it may"),
            ));
        }
        record.signatures.push(signature);
        Ok(record)
    }
}
