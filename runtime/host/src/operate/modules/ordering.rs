//! Orders about modules: what an operator asks for, as one or more orders to the driver.

use super::{Deploy, ModuleAnswer, ModuleCommand, ModuleOrder, ModuleQuery, Pointed, looking};
use crate::{
    damage::Damages,
    intake::router::{Incoming, Router},
    plan::costs::Costs,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bureaucrat_model::{ModuleHash, ModuleName, ModuleRef, Operator, Version, Wanted};
use bureaucrat_policy::SignatureError;
use bureaucrat_store::{Store, StoreError, Table};
use std::{sync::Arc, time::Duration};

/// How long an order may take: a module may have to be compiled.
const PATIENCE: Duration = Duration::from_secs(300);

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAnswer {
    /// The request itself is wrong.
    #[error("{0}")]
    Request(String),
    #[error(
        "the engine stopped or is too busy; `bureaucrat module list` tells whether it took effect"
    )]
    Silence,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Where orders go.
pub(crate) struct Ordering<'a> {
    pub store: &'a dyn Store,
    pub damages: &'a Damages,
    pub costs: Option<&'a Costs>,
    pub router: &'a Router,
    /// Who gives them.
    pub by: &'a Operator,
}

impl Ordering<'_> {
    /// Carries out what is asked for.
    pub fn carry_out(&self, query: &ModuleQuery) -> Result<ModuleAnswer, NoAnswer> {
        match query {
            ModuleQuery::Deploy {
                component,
                name,
                signature: signed,
            } => {
                let component = STANDARD.decode(component);
                let component = component
                    .map_err(|_| NoAnswer::Request("the component is not in base64".to_owned()))?;
                let signature = match signed.as_deref().map(str::parse).transpose() {
                    Ok(signature) => signature,
                    Err(error) => {
                        let error: SignatureError = error;
                        let reason = error.to_string();
                        return Ok(ModuleAnswer::Refused { reason });
                    }
                };
                let wanted = Deploy {
                    name: name.clone(),
                    signature,
                };
                self.order(ModuleOrder::Deploy {
                    component: Arc::from(component),
                    wanted,
                })
            }
            ModuleQuery::Alias { alias, to } => self.order(ModuleOrder::Alias {
                alias: alias.clone(),
                to: to.clone(),
            }),
            ModuleQuery::Remove { module } => self.remove(module),
            ModuleQuery::List => Ok(looking::list(self.store, self.damages)?),
            ModuleQuery::Show { module } => {
                Ok(looking::show(self.store, self.damages, module, self.costs)?)
            }
        }
    }

    fn order(&self, order: ModuleOrder) -> Result<ModuleAnswer, NoAnswer> {
        let (command, answer) = ModuleCommand::new(order, self.by.clone());
        self.router.send(Incoming::OrderedModule(command));
        answer.recv_timeout(PATIENCE).map_err(|_| NoAnswer::Silence)
    }

    fn remove(&self, pointed: &Pointed) -> Result<ModuleAnswer, NoAnswer> {
        match pointed {
            Pointed::Hash(hash) => self.remove_component(*hash),
            Pointed::Name(ModuleRef { name, wanted }) => match wanted {
                Wanted::Newest => self.order(ModuleOrder::RemoveName(name.clone())),
                Wanted::Alias(alias) => self.order(ModuleOrder::Unalias {
                    name: name.clone(),
                    alias: alias.clone(),
                }),
                Wanted::Version(version) => self.remove_version(name, *version),
            },
        }
    }

    /// Removes a version, and its component if nothing else needs it.
    fn remove_version(
        &self,
        name: &ModuleName,
        version: Version,
    ) -> Result<ModuleAnswer, NoAnswer> {
        let module = ModuleRef {
            name: name.clone(),
            wanted: Wanted::Version(version),
        };
        let component = looking::module_of(self.store, self.damages, &module)?;
        let answer = self.order(ModuleOrder::RemoveVersion {
            name: name.clone(),
            version,
        })?;
        if let (ModuleAnswer::Removed, Some(component)) = (&answer, component) {
            self.remove_component(component)?;
        }
        Ok(answer)
    }

    fn remove_component(&self, hash: ModuleHash) -> Result<ModuleAnswer, NoAnswer> {
        let Some(component) = self.store.get(Table::Modules, &hash.0)? else {
            let reason = format!("no module {hash} is stored");
            return Ok(ModuleAnswer::Unknown { reason });
        };
        let programs = looking::naming(self.store, hash)?;
        if !programs.is_empty() {
            return Ok(ModuleAnswer::InUse { programs });
        }
        let record = looking::record(self.store, self.damages, hash)?;
        let answer = self.order(ModuleOrder::Remove(hash))?;
        if answer != ModuleAnswer::Removed {
            return Ok(answer);
        }
        // A program that arrived meanwhile may have been stored before the module was removed; a
        // later one brings it again.
        let programs = looking::naming(self.store, hash)?;
        if !programs.is_empty() {
            self.order(ModuleOrder::Restore {
                component: Arc::from(component),
                record: record.map(Box::new),
            })?;
            return Ok(ModuleAnswer::InUse { programs });
        }
        Ok(answer)
    }
}
