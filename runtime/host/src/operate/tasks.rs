//! Where the tasks of a process are, asked of the driver: what is in memory it knows, what is set aside is read here.

use super::query::{ProcessDetail, TaskState, WaitView, WaitsFor};
use crate::{
    act::{aside::destination_of, standing::Ask, troubles::Destination},
    damage::Damages,
};
use bureaucrat_store::{
    Store, StoreError, Table,
    keys::{OutboxKey, OutboxKind},
    records,
};
use bureaucrat_wire::Outgoing;
use crossbeam_channel::{Receiver, Sender};
use std::time::Duration;

/// Tasks of one process that are looked for.
const TASKS: usize = 256;
/// How long a busy engine may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Says of each wait for an answer where its task is, as far as the engine tells in time.
pub fn tell(
    store: &dyn Store,
    damages: &Damages,
    ask: impl Fn(Ask),
    detail: &mut ProcessDetail,
) -> Result<(), StoreError> {
    let process = detail.summary.process;
    let waits = detail.summary.waits.iter_mut();
    let mut waits: Vec<&mut WaitView> = waits
        .filter(|wait| matches!(wait.waits_for, WaitsFor::Answer { .. }))
        .take(TASKS)
        .collect();
    let key = |wait: &&mut WaitView| OutboxKey {
        process,
        kind: OutboxKind::Task,
        number: wait.turn.0,
    };
    let keys: Vec<OutboxKey> = waits.iter().map(key).collect();
    let asked = keys.clone();
    let Some(states) = answered(|reply| ask(Ask::Rows { keys: asked, reply })) else {
        return Ok(());
    };
    let mut aside: Vec<(&mut WaitView, Destination)> = Vec::new();
    for ((wait, key), state) in waits.drain(..).zip(keys).zip(states) {
        if state.is_some() {
            wait.task = state;
            continue;
        }
        match aside_for(store, damages, key)? {
            Some(destination) => aside.push((wait, destination)),
            None => wait.task = Some(TaskState::Delivered),
        }
    }
    let destinations = aside.iter().map(|(_, to)| to.clone()).collect();
    let states = answered(|reply| {
        ask(Ask::Destinations {
            destinations,
            reply,
        });
    });
    for ((wait, _), state) in aside.into_iter().zip(states.unwrap_or_default()) {
        wait.task = state;
    }
    Ok(())
}

/// Where a message goes that is set aside; none when there is none.
fn aside_for(
    store: &dyn Store,
    damages: &Damages,
    key: OutboxKey,
) -> Result<Option<Destination>, StoreError> {
    let read = records::read::<Outgoing>(store, Table::Aside, &key.to_bytes());
    let message = damages.around(Some(key.process), read)?.flatten();
    Ok(message.map(|message| destination_of(&message)))
}

type States = Vec<Option<TaskState>>;

fn answered(ask: impl FnOnce(Sender<States>)) -> Option<States> {
    let (reply, answer): (_, Receiver<States>) = crossbeam_channel::bounded(1);
    ask(reply);
    answer.recv_timeout(PATIENCE).ok()
}
