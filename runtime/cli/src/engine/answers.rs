//! Answers to operators, wherever they ask: over the control socket or over HTTP.

use crate::{backup, records::Records};
use bureaucrat_broker_amqp::AmqpBroker;
use bureaucrat_host::{
    Host,
    facts::FactQuery,
    meters::{MemoryUse, Spans},
    query::{Query, QueryAnswer},
};
use bureaucrat_model::Operator;
use std::{
    fs::{self, DirBuilder},
    os::unix::fs::DirBuilderExt,
    path::Path,
    sync::Arc,
    time::Instant,
};
use tokio::runtime::Handle;

/// The parts of the engine that know something.
#[derive(Clone)]
pub struct Answers {
    pub host: Host,
    pub store: Arc<Records>,
    pub broker: Arc<AmqpBroker>,
    /// Where the broker is asked.
    pub runtime: Handle,
}

impl Answers {
    /// Answers a question or carries out an order. Blocks.
    pub fn answer(&self, query: &Query, asker: &Operator) -> QueryAnswer {
        match query {
            Query::Backup { folder } => backed_up(&self.store, Path::new(folder)),
            Query::Facts(FactQuery::Queues { queues }) => {
                QueryAnswer::Facts(self.runtime.block_on(self.broker.look_at(queues)))
            }
            Query::List { .. }
            | Query::Count { .. }
            | Query::CountBy { .. }
            | Query::Find { .. }
            | Query::Show { .. }
            | Query::Order { .. }
            | Query::Letters(_)
            | Query::Modules(_)
            | Query::Definitions(_)
            | Query::Bulk(_)
            | Query::Audit(_)
            | Query::Incident { .. }
            | Query::Verify { .. }
            | Query::Facts(FactQuery::Untaken { .. }) => self.host.query(query, asker),
        }
    }
}

#[cfg(feature = "http")]
impl bureaucrat_http::Engine for Answers {
    fn ask(&self, query: &Query, by: &Operator) -> QueryAnswer {
        self.answer(query, by)
    }

    fn hand_in(&self, message: bureaucrat_host::handing_in::HandedIn) {
        self.host.hand_in(message);
    }

    fn is_active(&self) -> bool {
        self.host.is_active()
    }

    fn stalled(&self) -> Option<String> {
        self.store.stalled()
    }

    fn unreadable(&self) -> Option<String> {
        self.store.unreadable()
    }

    fn commits(&self) -> u64 {
        self.host.commits()
    }

    fn meters(&self) -> Option<Arc<bureaucrat_host::meters::Meters>> {
        self.host.meters()
    }

    fn standing(&self) -> Option<bureaucrat_host::Standing> {
        self.host.standing()
    }

    fn waiting(&self) -> Result<Vec<bureaucrat_host::backlog::Waiting>, String> {
        self.host.waiting()
    }

    fn store(&self) -> (MemoryUse, &Spans) {
        (self.store.memory(), self.store.log())
    }

    fn in_hand(&self) -> Vec<(&'static str, u64)> {
        let in_hand = self.broker.in_hand().into_iter();
        let bytes = |bytes| u64::try_from(bytes).unwrap_or(u64::MAX);
        in_hand
            .map(|(source, held)| (source.name(), bytes(held)))
            .collect()
    }

    fn shares(&self, user: &str, definition: &str) -> bool {
        self.host.shares(user, definition)
    }
}

/// The records of this moment, in a folder for this user only.
fn backed_up(store: &Records, folder: &Path) -> QueryAnswer {
    let started = Instant::now();
    let made = DirBuilder::new()
        .mode(0o700)
        .create(folder)
        .map_err(|error| {
            let folder = folder.display();
            format!("cannot create the backup folder {folder}: {error}")
        });
    let done = made.and_then(|()| {
        let state = folder.join(backup::STATE);
        store.checkpoint(&state).map_err(|reason| {
            // It was made for nothing, and would be in the way of another try. What is in it is kept.
            let _ = fs::remove_dir(&state);
            let _ = fs::remove_dir(folder);
            format!("the backup to {} failed: {reason}", folder.display())
        })
    });
    match done {
        Ok(()) => QueryAnswer::BackedUp {
            millis: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        },
        Err(reason) => QueryAnswer::Error { reason },
    }
}
