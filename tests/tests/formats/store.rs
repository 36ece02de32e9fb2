//! What keeps a store from being used.

use super::holds;
use bureaucrat_store::{
    Table,
    holds::{HOLD_KEY, Hold},
    records,
};

#[test]
fn holds_of_a_store() {
    let values = [
        (
            "unfinished",
            Hold::Unfinished {
                from: "/var/lib/bureaucrat".into(),
            },
        ),
        (
            "copied",
            Hold::Copied {
                to: "postgres://flows@db:5432/flows (schema bureaucrat)".into(),
            },
        ),
        (
            "migrating",
            Hold::Migrating {
                to: 3,
                place: b"\x00\xffkey".to_vec(),
            },
        ),
    ];
    holds(
        "store-holds.hex",
        &values,
        |hold| records::encode(hold).unwrap(),
        |bytes| records::decode(Table::Meta, HOLD_KEY, bytes).unwrap(),
    );
}
