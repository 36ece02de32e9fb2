//! The host's configuration of a run: sometimes with small limits, so that windows, portions and
//! limits are reached.

use super::{Plan, Random, Trouble};
use bureaucrat_host::{Committing, HostConfig};
use bureaucrat_model::{EngineLimits, Millis};
use bureaucrat_wire::{Dialect, Routes, TaskQueue, Via};

/// How long a launch waits before it is stored, and how many are. Drawn apart, so that other runs stay what they were.
fn patience(plan: &Plan) -> (Millis, usize) {
    let usual = HostConfig::default();
    if !plan.has(Trouble::Patience) {
        return (usual.launch_patience, usual.waiting_launches);
    }
    let mut random = Random::new(plan.seed ^ 0x7061_7469_656e_6365);
    let longest = if random.once_in(2) { 1 } else { 60 };
    let patience = Millis(random.below(longest));
    let is_small = random.once_in(4);
    (patience, if is_small { 1 } else { usual.waiting_launches })
}

/// Drawn from the seed.
pub(super) fn config(plan: &Plan, random: &mut Random) -> HostConfig {
    let dialect = if random.once_in(2) {
        Dialect::Workitem
    } else {
        Dialect::Message
    };
    let small_of = |random: &mut Random, usual: usize, least: u64, most: u64| {
        let drawn = least + random.below(most - least + 1);
        let is_small = random.once_in(2) && plan.has(Trouble::Bounds);
        if is_small {
            usize::try_from(drawn).unwrap_or(usual)
        } else {
            usual
        }
    };
    // Separate random numbers, so that everything else that a seed determines stays the same.
    let mut own = Random::new(random.clone().next().rotate_left(32));
    let group_bytes = small_of(&mut own, 1 << 20, 1, 2_000);
    let large_bytes = small_of(&mut own, 64 << 10, 1, 600);
    let large_under_way = small_of(&mut own, 16 << 20, 1, 2_000);
    let inline_fuel = small_of(&mut own, 100_000, 1, 400) as u64;
    let residents_bytes = small_of(&mut own, 64 << 20, 1, 3_000);
    let (launch_patience, waiting_launches) = patience(plan);
    let mut small = |usual, least, most| small_of(random, usual, least, most);
    HostConfig {
        routes: Routes::new(Via::of(dialect, TaskQueue::Taskqueue), Vec::new()),
        committing: match plan.has(Trouble::Inline) {
            true => Committing::Inline,
            false => Committing::Beside,
        },
        publishes_in_flight: small(50, 1, 4),
        group_inputs: small(256, 1, 4),
        group_bytes,
        large_bytes,
        large_under_way,
        inline_fuel,
        residents_bytes,
        residents: small(100, 1, 5),
        definitions: small(100, 1, 3),
        unused_programs: small(64, 1, 4),
        bulk_orders: 1 + plan.seed as usize % 3,
        outbox_rows: small(100_000, 6, 30),
        history_entries: small(1_000, 3, 12) as u64,
        audit_entries: 5,
        engine_limits: EngineLimits {
            ops_per_step: u32::try_from(small(1_000, 1, 9)).unwrap_or(1_000),
            ..EngineLimits::default()
        },
        retention: Millis(2_000 + random.below(20_000)),
        incident_retry: Millis(2_000),
        launch_patience,
        waiting_launches,
        ..HostConfig::default()
    }
}
