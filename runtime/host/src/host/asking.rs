//! Questions about what another engine has: asked there, and answered here for others.

use super::{
    Host,
    answering::{DEPLOY_PATIENCE, ORDER_PATIENCE},
};
use crate::{
    intake::router::Incoming,
    operate::{
        asking::{Asked, Question},
        bulk::BulkQuery,
        definitions::DefinitionQuery,
        letters::{LetterQuery, shard_of},
        modules::ModuleQuery,
        query::{Query, QueryAnswer},
    },
    shared::Shared,
};
use bureaucrat_model::{Millis, Operator, ShardGroup, lock};
use std::{sync::Arc, time::Duration};

/// Threads that answer other engines; an order may wait for a commit.
pub(super) const DESKS: usize = 2;
/// How long a question and its answer may be on their way.
const ON_THE_WAY: Duration = Duration::from_secs(5);
/// The most bytes of a question: a broker takes messages of 16 MiB.
const QUESTION_BYTES: usize = 12 << 20;

impl Host {
    /// The group of another engine that has what a question is about.
    pub(super) fn elsewhere(&self, query: &Query) -> Option<ShardGroup> {
        let group = if let Query::Order { process, .. } = query {
            process.shard().group()
        } else if let Query::Letters(LetterQuery::Order { letter, .. }) = query {
            shard_of(&*self.0.store, *letter).ok()??.group()
        } else if is_about_common(query) {
            ShardGroup::COMMON
        } else {
            return None;
        };
        (!self.0.config.sharing.groups().contains(group)).then_some(group)
    }

    /// Asks the engine that has a group. Blocks until it answers, or for as long as that may take.
    pub(super) fn ask_another(
        &self,
        group: ShardGroup,
        asked: &Query,
        by: &Operator,
    ) -> QueryAnswer {
        let failed = |reason: String| QueryAnswer::Error { reason };
        let shared = lock(&self.0.now).clone();
        let asker = self.0.config.sharing.groups().iter().next();
        let (Some(shared), Some(asker)) = (shared, asker) else {
            return failed("the engine has not started; ask again in a moment".into());
        };
        let query = match serde_json::to_string(asked) {
            Ok(text) if text.len() <= QUESTION_BYTES => text,
            Ok(text) => {
                let bytes = text.len();
                let reason = format!(
                    "another engine has group {group} of the shards, and this is too large to be sent on ({bytes} bytes, at \
                     most {QUESTION_BYTES}): ask that engine"
                );
                return QueryAnswer::TooLarge { reason };
            }
            Err(error) => return failed(error.to_string()),
        };
        let patience = match matches!(asked, Query::Definitions(_) | Query::Modules(_)) {
            true => DEPLOY_PATIENCE,
            false => ORDER_PATIENCE + ON_THE_WAY,
        };
        let number = shared.draw();
        let expected = shared.asking.expect(number);
        let until = shared.time.now().after(millis(ORDER_PATIENCE));
        let question = Asked::Question(Question {
            number,
            group: group.number(),
            asker: asker.number(),
            until,
            by: by.clone(),
            query,
        });
        let asked = Box::new(question);
        self.0.router.send(Incoming::SentOn { group, asked });
        expected.within(patience).unwrap_or_else(|| {
            failed(format!(
                "the engine that has group {group} of the shards has not answered, or this one ends; look whether the order \
                 took effect"
            ))
        })
    }

    /// Answers what other engines ask, until this one ends.
    pub(super) fn answer_others(&self, shared: &Arc<Shared>) {
        while let Some(question) = shared.asking.next() {
            let answer = self.answer_another(shared, &question);
            let Some(group) = ShardGroup::new(question.asker) else {
                continue;
            };
            let number = question.number;
            match serde_json::to_string(&answer) {
                Ok(answer) => {
                    let asked = Box::new(Asked::Answer { number, answer });
                    self.0.router.send(Incoming::SentOn { group, asked });
                }
                Err(error) => {
                    tracing::error!(%error, "an answer for another engine cannot be written")
                }
            }
        }
    }

    fn answer_another(&self, shared: &Shared, question: &Question) -> QueryAnswer {
        let reason = if shared.time.now() > question.until {
            "the order came too late to the engine that has to carry it out, and was not carried out".to_owned()
        } else {
            match serde_json::from_str::<Query>(&question.query) {
                Ok(query) if self.elsewhere(&query).is_none() => {
                    return self.answer(&query, &question.by);
                }
                Ok(_) => {
                    "another engine takes over what this is about; ask again in a moment".to_owned()
                }
                Err(error) => {
                    format!("the engine that was asked does not know this question: {error}")
                }
            }
        };
        QueryAnswer::Error { reason }
    }
}

fn millis(span: Duration) -> Millis {
    Millis(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
}

/// Whether it changes what one engine alone decides about.
const fn is_about_common(query: &Query) -> bool {
    match query {
        Query::Definitions(query) => match query {
            DefinitionQuery::List | DefinitionQuery::Show { .. } => false,
            DefinitionQuery::Deploy { .. } | DefinitionQuery::Retire { .. } => true,
        },
        Query::Bulk(query) => match query {
            BulkQuery::List | BulkQuery::Show { .. } | BulkQuery::Outcomes { .. } => false,
            BulkQuery::Start { .. } | BulkQuery::Stop { .. } => true,
        },
        Query::Modules(query) => match query {
            ModuleQuery::List | ModuleQuery::Show { .. } => false,
            ModuleQuery::Deploy { .. } | ModuleQuery::Alias { .. } | ModuleQuery::Remove { .. } => {
                true
            }
        },
        Query::List { .. }
        | Query::Count { .. }
        | Query::CountBy { .. }
        | Query::Find { .. }
        | Query::Show { .. }
        | Query::Order { .. }
        | Query::Backup { .. }
        | Query::Letters(_)
        | Query::Facts(_)
        | Query::Audit(_)
        | Query::Incident { .. }
        | Query::Verify { .. } => false,
    }
}
