//! Where the tasks of processes go and where they are, asked of the driver: what is in memory it knows, what is set
//! aside is read here.

use super::query::{ProcessSummary, QueryAnswer, TaskState, WaitView, WaitsFor};
use crate::{
    act::{
        aside::destination_of,
        standing::{Ask, Standing},
        troubles::Destination,
    },
    damage::Damages,
};
use bureaucrat_store::{
    Store, StoreError, Table,
    keys::{OutboxKey, OutboxKind},
    records,
};
use bureaucrat_wire::{Outgoing, Routes};
use crossbeam_channel::{Receiver, Sender};
use std::time::Duration;

/// Tasks that are looked for, of one process or of a page of them.
const TASKS: usize = 256;
/// How long a busy engine may take to answer about one process, and about a list.
const PATIENCE: Duration = Duration::from_secs(5);
const PATIENCE_FOR_LIST: Duration = Duration::from_secs(1);

/// Says of each wait for an answer where its task is, and whether the broker is there, as far as the
/// engine tells in time.
pub fn tell(
    store: &dyn Store,
    damages: &Damages,
    routes: &Routes,
    ask: impl Fn(Ask),
    answer: &mut QueryAnswer,
) -> Result<(), StoreError> {
    let (told, broker, patience) = if let QueryAnswer::Process(detail) = answer {
        (
            std::slice::from_mut(&mut detail.summary),
            &mut detail.broker,
            PATIENCE,
        )
    } else if let QueryAnswer::Processes {
        processes, broker, ..
    } = answer
    {
        (processes.as_mut_slice(), broker, PATIENCE_FOR_LIST)
    } else {
        return Ok(());
    };
    let mut waits: Vec<(OutboxKey, &mut WaitView)> =
        told.iter_mut().flat_map(waits).take(TASKS).collect();
    for (_, wait) in &mut waits {
        address(routes, wait);
    }
    let keys: Vec<OutboxKey> = waits.iter().map(|(key, _)| *key).collect();
    let Some(standing) = answered(patience, |reply| ask(Ask::Rows { keys, reply })) else {
        return Ok(());
    };
    *broker = Some(standing.broker);
    let mut aside: Vec<(&mut WaitView, Destination)> = Vec::new();
    for ((key, wait), state) in waits.drain(..).zip(standing.tasks) {
        if state.is_some() {
            wait.task = state;
            continue;
        }
        match aside_for(store, damages, key)? {
            Some(destination) => aside.push((wait, destination)),
            None => wait.task = Some(TaskState::Delivered),
        }
    }
    if aside.is_empty() {
        return Ok(());
    }
    let destinations = aside.iter().map(|(_, to)| to.clone()).collect();
    let standing = answered(patience, |reply| {
        ask(Ask::Destinations {
            destinations,
            reply,
        });
    });
    let states = standing.map_or_else(Vec::new, |standing| standing.tasks);
    for ((wait, _), state) in aside.into_iter().zip(states) {
        wait.task = state;
    }
    Ok(())
}

/// The waits for an answer, with the rows of their tasks.
fn waits(process: &mut ProcessSummary) -> impl Iterator<Item = (OutboxKey, &mut WaitView)> {
    let id = process.process;
    let waits = process.waits.iter_mut();
    let waits = waits.filter(|wait| matches!(wait.waits_for, WaitsFor::Answer { .. }));
    waits.map(move |wait| {
        let key = OutboxKey {
            process: id,
            kind: OutboxKind::Task,
            number: wait.turn.0,
        };
        (key, wait)
    })
}

/// Says where the message of a task goes, unless its definition computes that.
fn address(routes: &Routes, wait: &mut WaitView) {
    let WaitsFor::Answer { participant, .. } = &wait.waits_for else {
        return;
    };
    if let Some(message) = &mut wait.message
        && let Some(way) = &message.way
    {
        let address = routes.address(participant, way);
        message.exchange = Some(address.exchange);
        message.routing_key = Some(address.routing_key);
    }
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

fn answered(patience: Duration, ask: impl FnOnce(Sender<Standing>)) -> Option<Standing> {
    let (reply, answer): (_, Receiver<Standing>) = crossbeam_channel::bounded(1);
    ask(reply);
    answer.recv_timeout(patience).ok()
}
