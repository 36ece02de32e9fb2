//! The tables of a store.

use bureaucrat_store::Table;

#[test]
fn tables_have_their_names_and_numbers() {
    let found: Vec<_> = Table::ALL
        .map(|table| format!("{} {}", table as u8, table.name()))
        .into();
    let expected = [
        "1 programs",
        "2 modules",
        "3 instances",
        "4 timers",
        "5 subscriptions",
        "6 events",
        "7 outbox",
        "8 seen",
        "9 history",
        "10 meta",
        "11 fibers",
        "12 values",
        "13 aside",
        "14 backlog",
        "15 recent",
        "16 letters",
        "17 definitions",
        "18 sources",
        "19 business_keys",
        "20 launches",
        "21 schedules",
        "22 kept",
        "23 recalls",
        "24 taken",
        "25 searched",
        "26 module_records",
        "27 module_names",
        "28 bulk_jobs",
        "29 bulk_outcomes",
        "30 audit_log",
    ];
    assert_eq!(found, expected);
}
