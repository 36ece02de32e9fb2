//! What operators do in cases.

use super::{OnBroker, PATIENCE};
use crate::conformance::matching::matches_glob;
use base64::{Engine, engine::general_purpose::STANDARD};
use bureaucrat_host::{
    commands::{Order, OrderOutcome},
    deployed::{DefinitionAnswer, DefinitionQuery},
    modules::{ModuleAnswer, ModuleQuery},
    query::{Query, QueryAnswer, WaitsFor},
};
use std::time::{Duration, Instant};

impl OnBroker<'_> {
    pub(super) fn deployed(&self, definition: &str) -> Result<(), String> {
        let query = Query::Definitions(DefinitionQuery::Deploy {
            source: definition.to_owned(),
        });
        let answer = self.broker.question(&query)?;
        let is_deployed = matches!(
            answer,
            QueryAnswer::Definitions(DefinitionAnswer::Deployed(_))
        );
        match is_deployed {
            true => Ok(()),
            false => Err(format!("{answer:?}")),
        }
    }

    pub(super) fn module_deployed(&self, name: &str, component: &[u8]) -> Result<(), String> {
        let query = Query::Modules(ModuleQuery::Deploy {
            component: STANDARD.encode(component),
            name: Some(name.parse().map_err(|error| format!("{name}: {error}"))?),
            signature: None,
        });
        let answer = self.broker.question(&query)?;
        match matches!(answer, QueryAnswer::Modules(ModuleAnswer::Deployed(_))) {
            true => Ok(()),
            false => Err(format!("{answer:?}")),
        }
    }

    pub(super) fn await_incident(&self) -> Result<String, String> {
        let root = self.root.ok_or("there is no process")?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let known = self.broker.ask(root)?;
            let waits = known.map(|(_, waits)| waits).unwrap_or_default();
            let fault = waits.iter().find_map(|wait| {
                let WaitsFor::Operator { fault } = wait else {
                    return None;
                };
                Some(format!("{}: {}", fault.code, fault.message))
            });
            if let Some(fault) = fault {
                return Ok(fault);
            }
            if Instant::now() > deadline {
                return Err(format!("nothing waits for an operator: {waits:?}"));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Gives an order once the process is where it is accepted, or refused like this.
    pub(super) fn accepted(
        &self,
        order: &Order,
        refused: Option<&str>,
    ) -> Result<Option<String>, String> {
        let process = self.root.ok_or("there is no process")?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let order = order.clone();
            let answer = self.broker.question(&Query::Order { process, order })?;
            let QueryAnswer::Ordered { outcome } = answer else {
                return Err(format!("{answer:?}"));
            };
            if outcome == OrderOutcome::Done {
                return Ok(None);
            }
            let OrderOutcome::Refused(refusal) = outcome else {
                return Err(format!("{outcome:?}"));
            };
            let refusal = refusal.to_string();
            let is_expected = refused.is_some_and(|pattern| matches_glob(pattern, &refusal));
            if is_expected || Instant::now() > deadline {
                return Ok(Some(refusal));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(super) fn ordered(&self, order: Order) -> Result<(), String> {
        let process = self.root.ok_or("there is no process")?;
        let answer = self.broker.question(&Query::Order { process, order })?;
        let done = QueryAnswer::Ordered {
            outcome: OrderOutcome::Done,
        };
        match answer == done {
            true => Ok(()),
            false => Err(format!("{answer:?}")),
        }
    }
}
