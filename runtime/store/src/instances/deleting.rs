//! Removes every row of an instance, and what lists find it by.

use super::{StoredFiber, StoredHead, place_of, read_stored_head};
use crate::{
    attributes,
    keys::{self, Phase},
    records::decode,
    table::{Store, StoreError, Table, Write},
};
use bureaucrat_model::ProcessId;
use std::collections::BTreeSet;

/// Adds the writes that remove every row of a process's instance.
///
/// # Errors
/// If the keys of its rows cannot be read.
pub fn delete_instance(
    store: &dyn Store,
    process: ProcessId,
    writes: &mut Vec<Write>,
) -> Result<(), StoreError> {
    let (mut attributes, mut place) = (BTreeSet::new(), None);
    // The entries of what can't be read stay in the indexes; an audit finds them.
    if let Some(StoredHead { head, only, .. }) =
        read_stored_head(store, process)?.map(|(head, _)| head)
    {
        let waits = only
            .iter()
            .flat_map(|only| attributes::of_state(&only.state));
        attributes.extend(waits);
        writes.push(Write::Delete {
            table: Table::Recent,
            key: keys::recent(Phase::of(&head), place_of(&head)),
        });
        attributes.extend(attributes::of_head(&head));
        place = Some(place_of(&head));
    }
    writes.push(Write::Delete {
        table: Table::Instances,
        key: keys::instance(process),
    });
    let from = process.as_bytes().as_slice();
    let to = keys::prefix_end(from);
    for table in [Table::Fibers, Table::Values] {
        let rows = store.scan(table, from, &to, usize::MAX)?;
        for (key, record) in rows {
            if table == Table::Fibers
                && let Ok(fiber) = decode::<StoredFiber>(table, &key, &record)
            {
                attributes.extend(attributes::of_state(&fiber.state));
            }
            writes.push(Write::Delete { table, key });
        }
    }
    let Some(place) = place else {
        return Ok(());
    };
    for attribute in attributes {
        writes.push(Write::Delete {
            table: Table::Searched,
            key: keys::searched(&attribute, place),
        });
    }
    Ok(())
}
