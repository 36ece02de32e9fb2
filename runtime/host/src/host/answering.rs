//! Answers operators: questions from the committed store, orders through the driver.

use super::Host;
use crate::{
    damage::Damages,
    intake::{
        deploying::{DefinitionCommand, DefinitionOrder},
        router::Incoming,
    },
    operate::{
        backlog::{self, Waiting},
        bulk::{BulkCommand, BulkOrder},
        commands::{Command, Order, OrderOutcome},
        definitions::{self, DefinitionAnswer, DefinitionQuery},
        facts::{self, FactQuery},
        incidents,
        letters::{self, LetterAnswer, LetterCommand, LetterQuery, Looked},
        modules::{ModuleQuery, Ordering},
        query::{Query, QueryAnswer},
        questions::{self, Asked},
        tasks,
    },
};
use bureaucrat_model::{
    DefinitionName, DefinitionRef, Operator, ProcessId, Timestamp, Version, lock,
};
use bureaucrat_store::StoreError;
use std::{sync::Arc, time::Duration};

/// How long deploying may take: modules of a definition may have to be compiled.
pub(super) const DEPLOY_PATIENCE: Duration = Duration::from_secs(300);
/// How long an order may take.
pub(super) const ORDER_PATIENCE: Duration = Duration::from_secs(30);

impl Host {
    /// Answers an operator's question from the committed store, or carries out an order; another engine does that if it has
    /// what this is about. Blocks for the store, and for that engine.
    pub fn query(&self, query: &Query, by: &Operator) -> QueryAnswer {
        match self.elsewhere(query) {
            Some(group) => self.ask_another(group, query, by),
            None => self.answer(query, by),
        }
    }

    /// The same of what this engine has.
    pub(super) fn answer(&self, query: &Query, by: &Operator) -> QueryAnswer {
        if let Query::Order { process, order } = query {
            return self.order(*process, order.clone(), by);
        }
        if let Query::Letters(query) = query {
            return self.letters(query, by);
        }
        if let Query::Definitions(query) = query {
            return self.definitions(query, by);
        }
        if let Query::Facts(FactQuery::Untaken { process, fiber }) = query {
            let _one = lock(&self.0.evaluating);
            let shared = lock(&self.0.now).clone();
            return facts::untaken(shared.as_deref(), *process, *fiber);
        }
        if let Query::Incident { process } = query {
            let shared = lock(&self.0.now).clone();
            return incidents::export(shared.as_deref(), *process);
        }
        if let Query::Bulk(query) = query
            && let Some(order) = BulkOrder::of(query, by)
        {
            return self.bulk(order);
        }
        if let Query::Modules(query) = query {
            return self.modules(query, by);
        }
        let shared = lock(&self.0.now).clone();
        let now = shared.as_ref().map_or_else(
            || Timestamp(self.0.clock.wall()),
            |shared| shared.time.now(),
        );
        let nothing = Damages::default();
        let asked = Asked {
            store: &*self.0.store,
            now,
            damages: shared.as_ref().map_or(&nothing, |shared| &shared.damages),
        };
        match questions::answer(&asked, query) {
            Some(mut answer) => {
                let ask = |ask| self.0.router.ask(ask);
                let routes = &self.0.config.routes;
                match tasks::tell(asked.store, asked.damages, routes, ask, &mut answer) {
                    Ok(()) => answer,
                    Err(error) => QueryAnswer::Error {
                        reason: error.to_string(),
                    },
                }
            }
            None => QueryAnswer::Error {
                reason: "the engine does not know this question".into(),
            },
        }
    }

    /// Which participants are waited for, by how many processes, and for how long. Blocks for the store, for as
    /// long as there are processes.
    ///
    /// # Errors
    /// If the store can't be read, in its words.
    pub fn waiting(&self) -> Result<Vec<Waiting>, String> {
        let shared = lock(&self.0.now).clone();
        let nothing = Damages::default();
        let asked = Asked {
            store: &*self.0.store,
            now: Timestamp(self.0.clock.wall()),
            damages: shared.as_ref().map_or(&nothing, |shared| &shared.damages),
        };
        backlog::waiting(&asked).map_err(|error| error.to_string())
    }

    fn definitions(&self, query: &DefinitionQuery, by: &Operator) -> QueryAnswer {
        let shared = lock(&self.0.now).clone();
        let nothing = Damages::default();
        let damages = shared.as_ref().map_or(&nothing, |shared| &shared.damages);
        let store = &*self.0.store;
        let wanted = |name: &DefinitionName, version: &Option<Version>| DefinitionRef {
            name: name.clone(),
            version: *version,
        };
        let order = match query {
            DefinitionQuery::List => return told(definitions::list(store, damages)),
            DefinitionQuery::Show { name, version } => {
                let shard = self.0.router.shard_of_definition(name);
                let wanted = wanted(name, version);
                return told(definitions::show(store, damages, shard, &wanted));
            }
            DefinitionQuery::Deploy { source } => DefinitionOrder::Deploy {
                source: Arc::from(source.as_bytes()),
            },
            DefinitionQuery::Retire { name, version } => {
                DefinitionOrder::Retire(wanted(name, version))
            }
        };
        let (command, answer) = DefinitionCommand::new(order, by.clone());
        self.0.router.send(Incoming::OrderedDefinition(command));
        match answer.recv_timeout(DEPLOY_PATIENCE) {
            Ok(answer) => QueryAnswer::Definitions(answer),
            Err(_) => QueryAnswer::Error {
                reason: "the engine stopped or is too busy; `bureaucrat definitions list` tells \
                         whether it took effect"
                    .into(),
            },
        }
    }

    fn bulk(&self, order: BulkOrder) -> QueryAnswer {
        let (command, answer) = BulkCommand::new(order);
        self.0.router.send(Incoming::OrderedBulk(command));
        match answer.recv_timeout(ORDER_PATIENCE) {
            Ok(answer) => QueryAnswer::Bulk(answer),
            Err(_) => QueryAnswer::Error {
                reason:
                    "the engine stopped or is too busy; `bureaucrat bulk list` tells whether the \
                         order took effect"
                        .into(),
            },
        }
    }

    fn modules(&self, query: &ModuleQuery, by: &Operator) -> QueryAnswer {
        let shared = lock(&self.0.now).clone();
        let nothing = Damages::default();
        let damages = shared.as_ref().map_or(&nothing, |shared| &shared.damages);
        let ordering = Ordering {
            store: &*self.0.store,
            damages,
            costs: shared.as_ref().map(|shared| &*shared.costs),
            router: &self.0.router,
            by,
        };
        match ordering.carry_out(query) {
            Ok(answer) => QueryAnswer::Modules(answer),
            Err(failure) => QueryAnswer::Error {
                reason: failure.to_string(),
            },
        }
    }

    fn letters(&self, query: &LetterQuery, by: &Operator) -> QueryAnswer {
        let looked = letters::look(&*self.0.store, query);
        let (view, order) = match looked {
            Ok(Looked::Answer(answer)) => return QueryAnswer::Letters(answer),
            Ok(Looked::Order(view, order)) => (view, order),
            Err(error) => {
                return QueryAnswer::Error {
                    reason: error.to_string(),
                };
            }
        };
        let (command, outcome) = LetterCommand::new(view.letter, order, by.clone());
        self.0.router.send(Incoming::OrderedLetter(command));
        match outcome.recv_timeout(ORDER_PATIENCE) {
            Ok(OrderOutcome::Done) => QueryAnswer::Letters(LetterAnswer::Done(view)),
            Ok(
                OrderOutcome::Unknown
                | OrderOutcome::Planned(_)
                | OrderOutcome::Ended
                | OrderOutcome::Suspended
                | OrderOutcome::NotSuspended
                | OrderOutcome::Damaged
                | OrderOutcome::Elsewhere
                | OrderOutcome::Refused(_),
            ) => QueryAnswer::Letters(LetterAnswer::Unknown),
            Err(_) => QueryAnswer::Error {
                reason: "the engine stopped or is too busy; `bureaucrat dead list` tells whether \
                         the order took effect"
                    .into(),
            },
        }
    }

    fn order(&self, process: ProcessId, order: Order, by: &Operator) -> QueryAnswer {
        let (command, outcome) = Command::new(process, order, by.clone());
        self.0.router.order(command);
        match outcome.recv_timeout(ORDER_PATIENCE) {
            Ok(outcome) => QueryAnswer::Ordered { outcome },
            Err(_) => QueryAnswer::Error {
                reason: "the engine stopped or is too busy; `bureaucrat show` tells whether the \
                         order took effect"
                    .into(),
            },
        }
    }
}

/// The answer to a question about definitions.
fn told(answer: Result<DefinitionAnswer, StoreError>) -> QueryAnswer {
    match answer {
        Ok(answer) => QueryAnswer::Definitions(answer),
        Err(error) => QueryAnswer::Error {
            reason: error.to_string(),
        },
    }
}
