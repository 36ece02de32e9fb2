//! The limits on expressions.

/// The longest text of an expression, in bytes.
pub const SOURCE_BYTES_MAX: usize = 16 * 1024;

/// How many tokens an expression may have: the parser's tree is as deep as a chain of operators is long.
pub const TOKENS_MAX: usize = 4096;

/// How deep brackets, prefix operators, `else` and `**` may nest.
pub const NESTING_MAX: usize = 100;

/// How deep the tree of an expression may be.
pub const DEPTH_MAX: u32 = 200;

/// The most decimals of a format `.Nf`.
pub const DECIMALS_MAX: u32 = 100;

/// The largest width of a format, in characters.
pub const WIDTH_MAX: u32 = 1000;

/// The most functions of one component.
pub const FUNCTIONS_MAX: usize = 1024;

/// The most bytes of expression text in one component.
pub const COMPONENT_SOURCE_BYTES_MAX: usize = 512 * 1024;

/// The memory of a component at most, in pages of 64 KiB.
pub const MEMORY_PAGES_MAX: u32 = 16;

const _: () = assert!(COMPONENT_SOURCE_BYTES_MAX < MEMORY_PAGES_MAX as usize * 65_536);
