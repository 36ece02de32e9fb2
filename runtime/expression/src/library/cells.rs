//! The constants that helpers and compiler share: tags of cells, and the addresses of the fixed
//! cells.

/// Named constants: the tags of cells (0 to 7 are the numbers of the contract's `value` cases) and the addresses of the
/// cells that every component has.
pub(crate) const CONSTANTS: &[(&str, u32)] = &[
    ("NULL", 0),
    ("BOOL", 1),
    ("INT", 2),
    ("BIG", 3),
    ("FLOAT", 4),
    ("TEXT", 5),
    ("HOST_LIST", 6),
    ("HOST_RECORD", 7),
    ("LIST", 8),
    ("TUPLE", 9),
    ("DICT", 10),
    ("SET", 11),
    ("FAULT", 15),
    ("DATETIME", 20),
    ("DATE", 21),
    ("TIME", 22),
    ("DELTA", 23),
    ("ZONE", 24),
    ("RESULT", 16),
    ("NONE", 32),
    ("FALSE", 48),
    ("TRUE", 64),
    ("EMPTY", 80),
    ("MEMORY_ERROR", 96),
    ("TABLES", 128),
];

/// How many bytes the addresses of tables have, from `TABLES` on.
pub(crate) const TABLES_BYTES: usize = 64;

/// The number of a named constant.
pub(crate) fn named(name: &str) -> u32 {
    let found = CONSTANTS.iter().find(|(known, _)| *known == name);
    found.map_or(0, |(_, number)| *number)
}
