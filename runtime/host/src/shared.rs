//! What the parts of the host share: the connections to the outside, and what is known about users,
//! programs and damage.

use crate::{
    act::troubles::Full,
    broker::Broker,
    clock::EngineTime,
    compute::Compute,
    config::HostConfig,
    damage::Damages,
    definitions::Definitions,
    intake::{large::Large, router::Router},
    marks,
    meters::Meters,
    operate::{asking::Asking, questions::Asked},
    plan::costs::Costs,
    programs::Programs,
    sharing::Sharing,
    tenants::Tenants,
};
use bureaucrat_model::ShardGroup;
use bureaucrat_sandbox::Sandbox;
use bureaucrat_store::{Epoch, Store, StoreError};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Numbers that engines draw side by side.
const LANES: u64 = ShardGroup::COUNT as u64;

/// What the parts of the host share.
pub struct Shared {
    pub config: Arc<HostConfig>,
    pub store: Arc<dyn Store>,
    /// Under which this engine owns its shards.
    pub epoch: Epoch,
    pub broker: Arc<dyn Broker>,
    pub time: EngineTime,
    /// The next number for events and subscriptions.
    pub sequence: AtomicU64,
    /// From which ids are derived.
    pub secret: [u8; 32],
    pub sandbox: Sandbox,
    /// Where expensive work is done.
    pub compute: Arc<dyn Compute>,
    pub definitions: Arc<Definitions>,
    pub damages: Arc<Damages>,
    pub router: Arc<Router>,
    pub tenants: Arc<Tenants>,
    pub programs: Arc<Programs>,
    pub large: Arc<Large>,
    /// What evaluations of modules cost.
    pub costs: Arc<Costs>,
    /// Destinations with too much waiting.
    pub full: Arc<Full>,
    /// What engines that share the store ask each other.
    pub asking: Arc<Asking>,
    pub meters: Arc<Meters>,
}

impl Shared {
    /// What answers about processes are made from.
    pub(crate) fn asked(&self) -> Asked<'_> {
        Asked {
            store: &*self.store,
            now: self.time.now(),
            damages: &self.damages,
        }
    }

    /// Draws the number of an event: a larger one than any wait has that is durable, at whichever engine.
    ///
    /// # Errors
    /// If the store can't be read.
    pub fn draw_for_event(&self) -> Result<u64, StoreError> {
        if self.config.sharing != Sharing::Alone {
            self.come_after(marks::highest(&*self.store)?);
        }
        Ok(self.draw())
    }

    /// The next numbers are larger than this one, which another engine has drawn.
    pub fn come_after(&self, number: u64) {
        let next = (number / LANES + 1) * LANES;
        self.sequence.fetch_max(next, Ordering::AcqRel);
    }

    /// Draws the next number for events and subscriptions. Engines that share a store never draw the same.
    pub fn draw(&self) -> u64 {
        match &self.config.sharing {
            Sharing::Alone => self.sequence.fetch_add(1, Ordering::AcqRel),
            sharing @ Sharing::Shared(_) => {
                let drawn = self.sequence.fetch_add(LANES, Ordering::AcqRel);
                drawn - drawn % LANES + sharing.lane()
            }
        }
    }
}
